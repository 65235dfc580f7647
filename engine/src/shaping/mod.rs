//! Traffic shaping: how each destination wants to be treated, read from layered configuration.
//!
//! A file ([`Shaping::parse`]) has sections of [limits](Limits) and of [rules](Rule) on replies. Each section
//! says only what it knows; the later override the earlier, key by key:
//!
//! | section | holds for |
//! |---|---|
//! | `[default]` | every destination |
//! | `[provider.NAME]` | sites whose mail exchangers all lie below one of its `mx_suffix`, and its `domains` |
//! | `[site."HOST"]` | sites with this mail exchanger; `"A,B"`: the site with exactly these |
//! | `[domain."NAME"]` | this recipient domain, which then has a site of its own |
//! | `[source.NAME]` | what leaves from this source |
//!
//! [`Shaping::resolve`] merges them for one site, [`Shaping::explain`] says which section decided what, and
//! [`Shaping::replay`] tries a file on what happened.

mod error;
mod explain;
mod file;
mod keys;
mod layer;
pub mod limits;
mod provider;
mod replay;
mod resolve;
pub mod rule;
#[cfg(test)]
mod tests;

pub use error::{ShapingError, ShapingProblem};
pub use explain::{ExplainedRule, ExplainedValue, Explanation};
pub use limits::{Adaptive, InvalidRate, Limits, Rate, TlsDemand, TlsMinimum};
pub use provider::{InvalidProviderName, ProviderName};
pub use replay::{FiredRule, PastAttempt, ReplayReport, ReplayedSite, SiteLabel};
pub use resolve::{Effective, LayerName, Shaping, SiteFacts};
pub use rule::{ReplyMatch, Rule, RuleAction};

use resolve::site_key;
