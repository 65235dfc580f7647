//! Traffic shaping: how each destination wants to be treated, read from layered configuration.

pub mod limits;
pub mod rule;

pub use limits::{Adaptive, Limits, Rate, TlsDemand, TlsMinimum};
pub use rule::{ReplyMatch, Rule, RuleAction};
