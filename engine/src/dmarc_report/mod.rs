//! DMARC aggregate reports (RFC 9990, once RFC 7489): once a day, owners of domains that ask for it are told how mail in
//! their name fared here.
//!
//! 1. What judges a message tells it as [`JudgedMail`]; messages of one [`kind`](JudgedMail::kind) are counted together.
//! 2. [`report_destinations`](crate::domain_dns::report_destinations) says who wants reports about a domain, and has agreed to.
//! 3. [`AggregateReport`] is the document, which goes out by mail ([`AggregateMail`]).

mod aggregate;
mod judged;
mod mail;

pub use aggregate::{AggregateReport, ReportHead};
pub use judged::JudgedMail;
pub use mail::AggregateMail;
pub use mail_auth::report as model;

#[cfg(test)]
mod tests;
