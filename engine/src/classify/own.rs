//! Classes of verdicts without a reply: our own words, known by their status.

use super::BounceClass;
use crate::smtp::verdict::{Phase, Verdict};

/// What a verdict without a reply is about. The statuses are those that the constructors of [`Verdict`] give.
pub(super) fn class_of(verdict: &Verdict) -> BounceClass {
    match (verdict.status.condition(), verdict.phase) {
        // No such domain, neither MX nor address, null MX.
        ((1, 2) | (4, 4) | (1, 10), _) => BounceClass::NoSuchDomain,
        // No answer; a loop is a wrong MX record or a domain that our configuration lacks.
        ((4, 3 | 6), _) => BounceClass::Dns,
        ((4, 1 | 2), _) | (_, Phase::Connect) => BounceClass::Connection,
        ((7, 4 | 5 | 10 | 30), _) | (_, Phase::Tls | Phase::StartTls) => BounceClass::Tls,
        ((3, 4), _) => BounceClass::MessageTooBig,
        ((5 | 6, _), _) => BounceClass::Protocol,
        _ => BounceClass::Other,
    }
}
