//! What follows from a judgement: whether a message is taken.

use super::{Author, Judgement, MethodResult};
use crate::{address::Domain, domain_dns::DmarcPolicy, smtp::reply::EnhancedCode};

/// 5.7.1: not allowed; what receivers answer to mail that fails DMARC.
const REFUSED: EnhancedCode = EnhancedCode::new(5, 7, 1);
/// 5.7.26: several checks failed (RFC 7372 section 3.3).
const UNAUTHENTICATED: EnhancedCode = EnhancedCode::new(5, 7, 26);
/// 4.7.1: whether it is allowed cannot be told for now.
const POLICY_UNKNOWN: EnhancedCode = EnhancedCode::new(4, 7, 1);
/// 4.7.20: no signature that could be checked (RFC 7372 section 3.1).
const SIGNATURES_UNKNOWN: EnhancedCode = EnhancedCode::new(4, 7, 20);
/// 4.7.24: SPF could not be checked (RFC 7372 section 3.2).
const SPF_UNKNOWN: EnhancedCode = EnhancedCode::new(4, 7, 24);

/// What has to hold of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Which checks have to pass.
    pub require: Requirement,
    /// Whether mail is refused because the domain in From asks for it.
    pub honour_dmarc: bool,
    /// Who is believed when they say that a message was genuine before they passed it on.
    pub trusted_sealers: Vec<Domain>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { require: Requirement::SpfOrDkim, honour_dmarc: true, trusted_sealers: Vec::new() }
    }
}

/// Which checks have to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// SPF or a DKIM signature, whatever domain it is of: somebody answers for the message.
    SpfOrDkim,
    /// None.
    Nothing,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is taken.
    Take,
    /// It is taken, and whoever gets it is told to distrust it: its domain asks for that.
    Quarantine {
        /// Why, in a sentence.
        reason: String,
    },
    /// It is refused for good.
    Reject {
        /// What it lacks.
        cause: Cause,
        /// The status for the reply; its code is 550.
        status: EnhancedCode,
        /// Why, in a sentence.
        text: String,
    },
    /// It is refused for now: what decides could not be looked up.
    Defer {
        /// The status for the reply; its code is 451.
        status: EnhancedCode,
        /// Why, in a sentence.
        text: String,
    },
}

/// Why a message is refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Who wrote it cannot be told.
    Author,
    /// The policy of its author's domain.
    Dmarc,
    /// Neither SPF nor DKIM passed.
    Unauthenticated,
}

/// Decides what becomes of a message.
///
/// Who it is from must be plain: one From field, with addresses of one domain (RFC 5322 section 3.6 has one field;
/// DMARC has no answer for several domains, which would be a way round it). Then the policy of that domain, then
/// whether anybody answers for the message. Where a look-up that decides has failed, the sender is to come again: no
/// mail is lost because DNS was away. iprev decides nothing.
pub fn decide(judgement: &Judgement, policy: &Policy) -> Decision {
    let domain = match &judgement.author {
        Author::Domain(domain) => domain,
        Author::Missing => {
            return no_author(
                "the message has no From field with an address, so nobody can tell who wrote it",
            );
        }
        Author::Several => {
            return no_author(
                "the message is From several domains; it must have one From field, with addresses of one domain",
            );
        }
    };
    let is_vouched_for = is_vouched_for(judgement, policy);
    let quarantine = match by_dmarc(judgement, policy, domain) {
        Some(Decision::Quarantine { reason }) => Some(reason),
        Some(refusal) if !is_vouched_for => return refusal,
        _ => None,
    };
    if policy.require == Requirement::SpfOrDkim
        && !is_vouched_for
        && let Some(refusal) = unauthenticated(judgement, domain)
    {
        return refusal;
    }
    match quarantine {
        Some(reason) if !is_vouched_for => Decision::Quarantine { reason },
        _ => Decision::Take,
    }
}

fn no_author(text: &str) -> Decision {
    Decision::Reject { cause: Cause::Author, status: REFUSED, text: text.to_owned() }
}

/// Whether the chain holds, all who are in it are believed, and the first of them saw the message pass DMARC. A chain
/// alone says only that nobody changed it since.
fn is_vouched_for(judgement: &Judgement, policy: &Policy) -> bool {
    let arc = &judgement.arc;
    let is_trusted =
        |sealer: &String| policy.trusted_sealers.iter().any(|t| t.as_str().eq_ignore_ascii_case(sealer));
    arc.result.is_pass()
        && arc.first_dmarc.is_pass()
        && !arc.sealers.is_empty()
        && arc.sealers.iter().all(is_trusted)
}

/// What the domain in From asks for.
fn by_dmarc(judgement: &Judgement, policy: &Policy, domain: &Domain) -> Option<Decision> {
    let dmarc = &judgement.dmarc;
    match dmarc.result {
        _ if !policy.honour_dmarc => None,
        // Mail of the very domain passes whatever its record says.
        MethodResult::TempError if is_of(judgement, domain) => None,
        MethodResult::TempError => Some(Decision::Defer {
            status: POLICY_UNKNOWN,
            text: format!(
                "the DMARC policy of {domain}, or whether the message is genuine, cannot be looked up for now; try again later"
            ),
        }),
        MethodResult::Fail => {
            let reason = |asked| {
                let holder = dmarc.policy_domain.as_deref().unwrap_or(domain.as_str());
                let of = if holder == domain.as_str() {
                    String::new()
                } else {
                    format!(", by the record of {holder},")
                };
                let failed = failed(judgement);
                format!("{domain}{of} asks to {asked} mail that fails DMARC, and {failed}")
            };
            match dmarc.applied {
                DmarcPolicy::None => None,
                DmarcPolicy::Quarantine => Some(Decision::Quarantine { reason: reason("distrust") }),
                DmarcPolicy::Reject => {
                    Some(Decision::Reject { cause: Cause::Dmarc, status: REFUSED, text: reason("refuse") })
                }
            }
        }
        _ => None,
    }
}

/// Whether SPF or a signature of exactly that domain holds.
fn is_of(judgement: &Judgement, domain: &Domain) -> bool {
    let is = |name: &str| name.eq_ignore_ascii_case(domain.as_str());
    (judgement.spf.result.is_pass() && is(&judgement.spf.domain)) || judgement.passed().any(|s| is(&s.domain))
}

/// Neither SPF nor a signature holds.
fn unauthenticated(judgement: &Judgement, domain: &Domain) -> Option<Decision> {
    if judgement.spf.result.is_pass() || judgement.passed().next().is_some() {
        return None;
    }
    let later = |status, what: &str| {
        let text = format!(
            "{what} cannot be looked up for now, and nothing else vouches for the message; try again later"
        );
        Some(Decision::Defer { status, text })
    };
    if judgement.spf.result == MethodResult::TempError {
        return later(SPF_UNKNOWN, "the SPF record of the sender's domain");
    }
    if judgement.dkim.iter().any(|signature| signature.result == MethodResult::TempError) {
        return later(SIGNATURES_UNKNOWN, "the key of the message's signature");
    }
    let text = format!(
        "the message from {domain} is not authenticated: {}; set up SPF or DKIM for the domain it is sent from",
        failed(judgement)
    );
    Some(Decision::Reject { cause: Cause::Unauthenticated, status: UNAUTHENTICATED, text })
}

/// What was found, for somebody who has to set it right.
fn failed(judgement: &Judgement) -> String {
    let spf = match (&judgement.spf.result, &*judgement.spf.domain) {
        (MethodResult::Pass, of) => format!("SPF passed for {} only", shown(of)),
        (result, "") => format!("SPF is {result}"),
        (result, of) => format!("SPF of {} is {result}", shown(of)),
    };
    let dkim = match (judgement.passed().next(), judgement.dkim.first()) {
        (Some(passed), _) => format!("DKIM passed for {} only", shown(&passed.domain)),
        (None, Some(first)) if !first.domain.is_empty() => {
            format!("DKIM of {} is {}", shown(&first.domain), first.result)
        }
        (None, Some(first)) => format!("DKIM is {}", first.result),
        (None, None) => "there is no DKIM signature".to_owned(),
    };
    format!("{spf}, {dkim}")
}

/// A name that a peer gave, fit for a reply.
fn shown(name: &str) -> String {
    let harmless = |c: char| if c.is_ascii_alphanumeric() || "-._".contains(c) { c } else { '?' };
    name.chars().take(100).map(harmless).collect()
}

#[cfg(test)]
mod tests;
