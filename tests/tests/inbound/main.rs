//! The MX: it takes mail for addresses of ours from servers that others wrote, under TLS, and from nobody anything else; who
//! is slow, hostile, listed or hasty costs the others nothing.

mod crowd;
mod dns;
mod door;
mod relay;
mod senders;
mod world;
