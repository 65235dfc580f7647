//! What each method found.

use crate::{
    address::Domain,
    domain_dns::{DmarcPolicy, TagList},
};
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// What a method found, in the words of RFC 8601 section 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MethodResult {
    /// There was nothing to check.
    #[default]
    None,
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It may hold, and is not good enough for us.
    Policy,
    /// It was there and could not be processed (DKIM), or says nothing (SPF).
    Neutral,
    /// It probably does not hold (SPF `~all`).
    SoftFail,
    /// It could not be told for now: DNS did not answer.
    TempError,
    /// It cannot be told, now or later: what is published is wrong.
    PermError,
}

impl MethodResult {
    /// Every result, in the order of the words in RFC 8601.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Pass,
        Self::Fail,
        Self::Policy,
        Self::Neutral,
        Self::SoftFail,
        Self::TempError,
        Self::PermError,
    ];

    /// The registered word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Policy => "policy",
            Self::Neutral => "neutral",
            Self::SoftFail => "softfail",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }

    /// Whether it holds.
    pub const fn is_pass(self) -> bool {
        matches!(self, Self::Pass)
    }
}

impl fmt::Display for MethodResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything that was found about a message and its client. Texts are as peers and DNS gave them: they are made
/// harmless where they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// Whether the client's address has a name that has the address.
    pub iprev: IprevResult,
    /// SPF of the name in EHLO.
    pub helo_spf: SpfResult,
    /// SPF of the envelope sender; of the name in EHLO for the null sender (RFC 7208 section 2.4).
    pub spf: SpfResult,
    /// The DKIM signatures, from the top of the message down; no more than are looked at.
    pub dkim: Vec<DkimResult>,
    /// What the domain in From says about the message.
    pub dmarc: DmarcResult,
    /// The chain of those who passed the message on.
    pub arc: ArcResult,
    /// Who wrote the message, as it says.
    pub author: Author,
}

impl Judgement {
    /// The signatures that hold.
    pub fn passed(&self) -> impl Iterator<Item = &DkimResult> {
        self.dkim.iter().filter(|signature| signature.result.is_pass())
    }

    /// One result for all signatures: a pass where one holds, else an error that may pass, else that of the first.
    pub fn dkim_result(&self) -> MethodResult {
        let has = |wanted| self.dkim.iter().any(|signature| signature.result == wanted);
        let first = self.dkim.first().map_or(MethodResult::None, |signature| signature.result);
        [MethodResult::Pass, MethodResult::TempError].into_iter().find(|wanted| has(*wanted)).unwrap_or(first)
    }
}

/// Whether a client's address has a name that has the address (RFC 8601 section 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IprevResult {
    /// What was found.
    pub result: MethodResult,
    /// The client's address.
    pub address: IpAddr,
    /// The name, where it passed: without a final dot.
    pub name: Option<String>,
}

/// Whether a client may send for a domain (RFC 7208).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SpfResult {
    /// What was found.
    pub result: MethodResult,
    /// The domain whose record was read; empty when there was none to read.
    pub domain: String,
    /// Who was checked: the name in EHLO, or the envelope sender, empty for the null sender.
    pub identity: String,
}

/// What became of one signature (RFC 6376).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DkimResult {
    /// What was found.
    pub result: MethodResult,
    /// `d=`: who signed; empty where it could not be read.
    pub domain: String,
    /// `s=`: with which key; empty where it could not be read.
    pub selector: String,
    /// `i=`: for whom, where it says.
    pub identity: Option<String>,
    /// `a=`: how; empty where it could not be read.
    pub algorithm: String,
    /// The first eight characters of `b=`, which tell signatures apart (RFC 6008); empty where it could not be read.
    pub signature: String,
    /// Why it did not pass, in words of ours.
    pub reason: Option<String>,
}

/// What the domain in From says about the message (RFC 9989).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmarcResult {
    /// What was found; none where the domain and those above it have no record.
    pub result: MethodResult,
    /// The domain in From.
    pub domain: Option<Domain>,
    /// The name that has the record: the domain itself, or one above it.
    pub policy_domain: Option<String>,
    /// The record as it is published.
    pub record: Option<String>,
    /// Its `p=`.
    pub published: DmarcPolicy,
    /// What it asks to be done with this message if it fails: after `sp=`, `np=`, `t=` and `pct=0`.
    pub applied: DmarcPolicy,
    /// Whether a signature passed whose domain is that in From.
    pub dkim_aligned: bool,
    /// Whether SPF passed for a domain that is that in From.
    pub spf_aligned: bool,
}

impl Default for DmarcResult {
    fn default() -> Self {
        Self {
            result: MethodResult::None,
            domain: None,
            policy_domain: None,
            record: None,
            published: DmarcPolicy::None,
            applied: DmarcPolicy::None,
            dkim_aligned: false,
            spf_aligned: false,
        }
    }
}

/// What is done by a record whose policy for a name is `policy`.
///
/// RFC 9989 has no `pct=` any more. Its 0 always meant "for a test", so it is read like `t=y`, one step less (appendix
/// A.6 of RFC 9989); any other share is the whole.
pub fn applied(policy: DmarcPolicy, record: &str) -> DmarcPolicy {
    let is_test =
        TagList::parse(record).is_ok_and(|tags| tags.get("pct").is_some_and(|share| share.trim() == "0"));
    match policy {
        DmarcPolicy::Reject if is_test => DmarcPolicy::Quarantine,
        DmarcPolicy::Quarantine if is_test => DmarcPolicy::None,
        other => other,
    }
}

/// What became of the Authenticated Received Chain (RFC 8617).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArcResult {
    /// What was found: none, pass or fail; temperror when a key could not be looked up.
    pub result: MethodResult,
    /// Who sealed (`d=`), the first sealer first.
    pub sealers: Vec<String>,
    /// What the first sealer says of DMARC: whether the message was genuine when the chain began.
    pub first_dmarc: MethodResult,
    /// Why it did not pass, in words of ours.
    pub reason: Option<String>,
}

/// Who wrote a message, as it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Author {
    /// There is no From, or none with an address that has a domain.
    Missing,
    /// There are several From fields, or addresses of several domains in it.
    Several,
    /// Somebody at this domain.
    Domain(Domain),
}

impl Author {
    /// The domain, where there is one.
    pub const fn domain(&self) -> Option<&Domain> {
        match self {
            Self::Domain(domain) => Some(domain),
            Self::Missing | Self::Several => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_nothing_is_a_test() {
        use DmarcPolicy::{None, Quarantine, Reject};
        for (policy, record, expected) in [
            (Reject, "v=DMARC1; p=reject", Reject),
            (Reject, "v=DMARC1; p=reject; pct=0", Quarantine),
            (Quarantine, "v=DMARC1; p=quarantine; pct = 0", None),
            (Reject, "v=DMARC1; p=reject; pct=1", Reject),
            (None, "v=DMARC1; p=none; pct=0", None),
        ] {
            assert_eq!(applied(policy, record), expected, "{record}");
        }
    }

    #[test]
    fn words_are_those_of_the_standard() {
        for result in MethodResult::ALL {
            let json = serde_json::to_string(&result).unwrap();
            assert_eq!(json, format!("\"{result}\""));
        }
    }
}
