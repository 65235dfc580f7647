//! What a receiver makes of a message from one address (RFC 7208 section 2.6).

use super::{
    record::{Modifier, Qualifier, TermKind},
    term::{Mechanism, share_bits},
    tree::{SpfNode, SpfTree},
};
use crate::domain_dns::finding::Code;
use serde::Serialize;
use std::net::IpAddr;

/// A result (section 2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SpfResult {
    /// There is no record.
    None,
    /// Nothing is said about the address.
    Neutral,
    /// It may send.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    SoftFail,
    /// The DNS gave no answer.
    TempError,
    /// The record is no good.
    PermError,
}

impl SpfResult {
    /// As headers write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// A result and what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SpfVerdict {
    /// The result.
    pub result: SpfResult,
    /// The term that matched, as it is written in the topmost record.
    pub term: Option<String>,
    /// Whether a term with a macro, `exists` or `ptr` was passed over on the way, which may have matched for some
    /// messages.
    pub is_uncertain: bool,
}

impl SpfTree {
    /// The result for a message from `address` whose envelope sender is at this domain. Limits are not applied:
    /// they are problems of the record ([`SpfTree::all_problems`]), whatever the address.
    pub fn judge(&self, address: IpAddr) -> SpfVerdict {
        let mut is_uncertain = false;
        let (result, node) = self.walk(address.to_canonical(), &mut is_uncertain);
        SpfVerdict { result, term: node.map(|node| node.term.text.clone()), is_uncertain }
    }

    fn walk(&self, address: IpAddr, is_uncertain: &mut bool) -> (SpfResult, Option<&SpfNode>) {
        if self.record.is_none() {
            return (self.without_record(), None);
        }
        // Wrong syntax anywhere ends it before anything is looked at (section 4.6).
        if self.problems.iter().any(|problem| problem.code == Code::InvalidMechanism) {
            return (SpfResult::PermError, None);
        }
        let mut redirect = None;
        for node in self.nodes.iter().filter(|node| !node.is_ignored) {
            match &node.term.kind {
                TermKind::Mechanism(qualifier, mechanism) => {
                    match node.matches(mechanism, address, is_uncertain) {
                        Ok(true) => return (of_qualifier(*qualifier), Some(node)),
                        Ok(false) => {}
                        Err(result) => return (result, Some(node)),
                    }
                }
                TermKind::Modifier(Modifier::Redirect(_)) => redirect = Some(node),
                TermKind::Modifier(_) => {}
            }
        }
        match redirect {
            Some(node) => (node.redirected(address, is_uncertain), Some(node)),
            None => (SpfResult::Neutral, None),
        }
    }

    fn without_record(&self) -> SpfResult {
        let is = |code| self.problems.iter().any(|problem| problem.code == code);
        if is(Code::LookupFailed) {
            SpfResult::TempError
        } else if is(Code::MultipleSpf) {
            SpfResult::PermError
        } else {
            SpfResult::None
        }
    }
}

impl SpfNode {
    /// Whether `mechanism` matches, or the result that ends everything.
    fn matches(
        &self,
        mechanism: &Mechanism,
        address: IpAddr,
        is_uncertain: &mut bool,
    ) -> Result<bool, SpfResult> {
        *is_uncertain |= mechanism.domain().is_some_and(|domain| domain.name().is_none());
        let shares = |four, six| self.addresses.iter().any(|known| share_bits(*known, address, four, six));
        match mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network) => Ok(share_bits(network.address.into(), address, network.bits, 128)),
            Mechanism::Ip6(network) => Ok(share_bits(network.address.into(), address, 32, network.bits)),
            Mechanism::A(_, four, six) | Mechanism::Mx(_, four, six) => Ok(shares(*four, *six)),
            // The type looked up is always A (section 5.7).
            Mechanism::Exists(_) => Ok(self.addresses.iter().any(IpAddr::is_ipv4)),
            Mechanism::Ptr(_) => {
                *is_uncertain = true;
                Ok(false)
            }
            Mechanism::Include(_) => self.included(address, is_uncertain),
        }
    }

    /// Section 5.2, with its table.
    fn included(&self, address: IpAddr, is_uncertain: &mut bool) -> Result<bool, SpfResult> {
        let Some(beneath) = &self.beneath else { return Ok(false) };
        match beneath.walk(address, is_uncertain).0 {
            SpfResult::Pass => Ok(true),
            SpfResult::Fail | SpfResult::SoftFail | SpfResult::Neutral => Ok(false),
            SpfResult::TempError => Err(SpfResult::TempError),
            SpfResult::PermError | SpfResult::None => Err(SpfResult::PermError),
        }
    }

    /// Section 6.1: the result of the other record, which has to be there.
    fn redirected(&self, address: IpAddr, is_uncertain: &mut bool) -> SpfResult {
        let Some(beneath) = &self.beneath else {
            *is_uncertain = true;
            return SpfResult::Neutral;
        };
        match beneath.walk(address, is_uncertain).0 {
            SpfResult::None => SpfResult::PermError,
            result => result,
        }
    }
}

const fn of_qualifier(qualifier: Qualifier) -> SpfResult {
    match qualifier {
        Qualifier::Pass => SpfResult::Pass,
        Qualifier::Fail => SpfResult::Fail,
        Qualifier::SoftFail => SpfResult::SoftFail,
        Qualifier::Neutral => SpfResult::Neutral,
    }
}
