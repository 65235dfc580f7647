//! SPF (RFC 7208) as a tree: what receivers read when they are asked whether a host may send for a domain.
//!
//! [`SpfRecord::parse`] reads one record and says of every wrong term where it stands. [`SpfTree::build`] follows
//! `include` and `redirect`, looks up what `a`, `mx` and `exists` name, counts as section 4.6.4 counts, and goes on
//! past a limit, so that one look shows everything that is wrong. [`SpfTree::judge`] says what a receiver makes of
//! a message from an address. [`SpfInspection`] is the tree in the form of the API. A name has one record only: [`merged`]
//! makes one of those of several.
//!
//! Terms with macros depend on each message; they are counted, shown as they are and not looked up.

mod inspection;
mod judge;
mod merge;
mod names;
mod record;
mod term;
mod tree;

pub use inspection::{SpfComponent, SpfError, SpfInspection};
pub use judge::{SpfResult, SpfVerdict};
pub use merge::{covers, merged, without};
pub use names::is_domain_name;
pub use record::{Modifier, Qualifier, SpfRecord, SpfSyntaxError, SpfTerm, TermKind, is_spf};
pub use term::{DomainSpec, Mechanism, NetworkV4, NetworkV6};
#[cfg(test)]
pub(in crate::domain_dns) use tree::tests as tree_tests;
pub use tree::{MAX_LOOKUPS, MAX_NODES, MAX_VOID_LOOKUPS, SpfNode, SpfProblem, SpfTree};
