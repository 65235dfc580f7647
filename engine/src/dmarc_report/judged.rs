//! What is counted for reports.

use super::model::{
    ActionDisposition, DKIMAuthResult, DkimResult, DmarcResult, PolicyOverride, PolicyOverrideReason,
    PolicyPublished, Record, SPFAuthResult, SPFDomainScope, SpfResult,
};
use crate::{
    address::Domain,
    authentication::{Decision, Judgement, MethodResult},
    domain_dns::{DmarcPolicy, DmarcRecord},
    time::UnixMillis,
};
use mail_auth::{common::parse::TxtRecordParser, dmarc::Dmarc};

/// Most signatures of a message that a report tells of (RFC 9990 section 3.1.1.11 leaves the choice to us).
const MAX_SIGNATURES: usize = 10;
/// Most characters of a name that a stranger wrote.
const MAX_NAME: usize = 255;
/// Most characters of a remark.
const MAX_REMARK: usize = 120;

/// A message as it was judged by the policy of a domain that asks for reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedMail {
    at: UnixMillis,
    domain: Domain,
    policy: PolicyPublished,
    kind: Record,
}

impl JudgedMail {
    /// What a report tells of a message that was judged at `at` and became of it what `decision` says; `None` if the
    /// domain in its From asks for no reports, or nothing was decided yet.
    pub fn of(at: UnixMillis, judgement: &Judgement, decision: &Decision) -> Option<Self> {
        let dmarc = &judgement.dmarc;
        let is_open = matches!(decision, Decision::Defer { .. }) || dmarc.result == MethodResult::TempError;
        let record = dmarc.record.as_deref().filter(|_| !is_open)?;
        DmarcRecord::parse(record).ok().filter(|record| !record.reports.is_empty())?;
        let domain = Domain::parse(dmarc.policy_domain.as_deref()?).ok()?;
        let policy = PolicyPublished::from_record(domain.as_str(), &Dmarc::parse(record.as_bytes()).ok()?);
        let record = found(judgement, decision, &policy);
        Some(Self::new(at, domain, policy, record))
    }

    /// A message judged at `at` by `policy`, which stands at `domain`; `record` says where it came from and what was
    /// found. Its count does not matter. Text of strangers is cut to what a report can carry, and nothing is told of
    /// recipients.
    pub fn new(at: UnixMillis, domain: Domain, policy: PolicyPublished, record: Record) -> Self {
        let (policy, kind) = (clean_policy(&domain, policy), clean(record));
        Self { at, domain, policy, kind }
    }

    /// When it was judged.
    pub fn at(&self) -> UnixMillis {
        self.at
    }

    /// The domain whose owner is told.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// The policy, as text that [`AggregateReport`](super::AggregateReport) reads.
    pub fn policy(&self) -> String {
        serde_json::to_string(&self.policy).unwrap_or_default()
    }

    /// What a report says of it but for the count, as text: the same for all messages that it does not tell apart.
    pub fn kind(&self) -> String {
        serde_json::to_string(&self.kind).unwrap_or_default()
    }
}

/// What was found, and done.
fn found(judgement: &Judgement, decision: &Decision, policy: &PolicyPublished) -> Record {
    let Judgement { iprev, helo_spf, spf, dkim, dmarc, .. } = judgement;
    let aligned = |is_aligned| if is_aligned { DmarcResult::Pass } else { DmarcResult::Fail };
    let (disposition, reason) = disposition(judgement, decision, policy);
    // The null sender is checked by the name in EHLO (RFC 7208 section 2.4).
    let identity = if spf.identity.is_empty() { &helo_spf.identity } else { &spf.identity };
    let envelope_from = identity.rsplit('@').next().unwrap_or_default();
    let spf_result = SPFAuthResult::new()
        .with_domain(if spf.domain.is_empty() { envelope_from } else { &spf.domain })
        .with_scope(SPFDomainScope::MailFrom)
        .with_result(spf_word(spf.result));
    let mut record = Record::new()
        .with_source_ip(iprev.address)
        .with_action_disposition(disposition)
        .with_dmarc_dkim_result(aligned(dmarc.dkim_aligned))
        .with_dmarc_spf_result(aligned(dmarc.spf_aligned))
        .with_envelope_from(envelope_from)
        .with_header_from(dmarc.domain.as_ref().map_or("", Domain::as_str))
        .with_spf_auth_result(spf_result);
    if let Some(reason) = reason {
        record = record.with_policy_override_reason(PolicyOverrideReason::new(reason));
    }
    for signature in dkim.iter().filter(|signature| !signature.domain.is_empty()) {
        let result = DKIMAuthResult::new().with_domain(&signature.domain).with_selector(&signature.selector);
        record = record.with_dkim_auth_result(result.with_result(dkim_word(signature.result)));
    }
    record
}

/// What was done, and why if not what the policy asks for.
fn disposition(
    judgement: &Judgement,
    decision: &Decision,
    policy: &PolicyPublished,
) -> (ActionDisposition, Option<PolicyOverride>) {
    let applied = judgement.dmarc.applied;
    match decision {
        _ if judgement.dmarc.result == MethodResult::Pass => (ActionDisposition::Pass, None),
        Decision::Reject { .. } if applied == DmarcPolicy::Reject => (ActionDisposition::Reject, None),
        // It failed more than DMARC.
        Decision::Reject { .. } => (ActionDisposition::Reject, Some(PolicyOverride::LocalPolicy)),
        Decision::Quarantine { .. } => {
            let is_test = policy.testing && judgement.dmarc.published == DmarcPolicy::Reject;
            (ActionDisposition::Quarantine, is_test.then_some(PolicyOverride::PolicyTestMode))
        }
        Decision::Take | Decision::Defer { .. } if applied == DmarcPolicy::None => {
            let is_test = policy.testing && judgement.dmarc.published != DmarcPolicy::None;
            (ActionDisposition::None, is_test.then_some(PolicyOverride::PolicyTestMode))
        }
        Decision::Take | Decision::Defer { .. } => {
            (ActionDisposition::None, Some(PolicyOverride::TrustedForwarder))
        }
    }
}

const fn dkim_word(result: MethodResult) -> DkimResult {
    match result {
        MethodResult::None => DkimResult::None,
        MethodResult::Pass => DkimResult::Pass,
        MethodResult::Fail | MethodResult::SoftFail => DkimResult::Fail,
        MethodResult::Policy => DkimResult::Policy,
        MethodResult::Neutral => DkimResult::Neutral,
        MethodResult::TempError => DkimResult::TempError,
        MethodResult::PermError => DkimResult::PermError,
    }
}

const fn spf_word(result: MethodResult) -> SpfResult {
    match result {
        MethodResult::None => SpfResult::None,
        MethodResult::Pass => SpfResult::Pass,
        MethodResult::Fail => SpfResult::Fail,
        MethodResult::SoftFail => SpfResult::SoftFail,
        MethodResult::Policy | MethodResult::Neutral => SpfResult::Neutral,
        MethodResult::TempError => SpfResult::TempError,
        MethodResult::PermError => SpfResult::PermError,
    }
}

fn clean_policy(domain: &Domain, mut policy: PolicyPublished) -> PolicyPublished {
    domain.as_str().clone_into(&mut policy.domain);
    policy.fo = policy.fo.as_deref().map(|fo| text(fo, MAX_REMARK));
    policy
}

fn clean(mut record: Record) -> Record {
    record.row.count = 1;
    record.row.source_ip = record.row.source_ip.map(|ip| ip.to_canonical());
    if record.row.policy_evaluated.disposition == ActionDisposition::Unspecified {
        record.row.policy_evaluated.disposition = ActionDisposition::None;
    }
    for reason in &mut record.row.policy_evaluated.reason {
        reason.comment = reason.comment.as_deref().map(|remark| text(remark, MAX_REMARK));
    }
    // Who the mail was for is nobody's business but ours.
    record.identifiers.envelope_to = None;
    record.extensions.clear();
    let names = [&mut record.identifiers.envelope_from, &mut record.identifiers.header_from];
    names.into_iter().for_each(clean_name);
    record.auth_results.dkim.truncate(MAX_SIGNATURES);
    for dkim in &mut record.auth_results.dkim {
        [&mut dkim.domain, &mut dkim.selector].into_iter().for_each(clean_name);
        dkim.human_result = dkim.human_result.as_deref().map(|remark| text(remark, MAX_REMARK));
    }
    for spf in &mut record.auth_results.spf {
        clean_name(&mut spf.domain);
        spf.human_result = spf.human_result.as_deref().map(|remark| text(remark, MAX_REMARK));
    }
    record
}

fn clean_name(name: &mut String) {
    *name = text(name, MAX_NAME).to_ascii_lowercase();
}

/// XML 1.0 cannot carry most control characters at all, nor some others (section 2.2 there).
fn text(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}')).take(most).collect()
}
