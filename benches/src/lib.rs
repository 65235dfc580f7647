//! One bench a question, and what the benches share: a load generator, a sink and a runner of the binary.
//!
//! A bench starts the release binary as its own process on loopback with a state folder on a real disk,
//! loads it with N messages over S sessions and counts what arrives at the sink. Generator and sink share
//! the machine with the program under test, so rates say how fast this machine is with all three on it. That
//! is why the generator is also let straight into the sink in the same run (the *ceiling*), and why the
//! processor time a message is the figure to compare: it survives a busy machine, rates do not.
//!
//! ```text
//! cargo build --release --package mailwright
//! cargo bench --package mailwright-benches --bench relay              # a table for docs/performance.md
//! cargo bench --package mailwright-benches --bench relay -- --quick   # does it still work?
//! ```

mod background;
pub mod backlog;
pub mod error;
pub mod generator;
pub mod http;
pub mod measure;
pub mod message;
pub mod name_server;
pub mod options;
pub mod report;
pub mod server;
pub mod signed;
pub mod sink;
pub mod smtp;
pub mod usage;

pub use error::{Error, Result};
pub use options::{Options, run};
