//! What strangers send to the return path: read within bounds, nothing of it can break out of a line of ours, and no
//! token is believed that was not made here.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    classify::BounceRules,
    dsn::Action,
    return_path::{
        inbound::{BounceReport, Complaint, Inbound, OriginalMessage, classify},
        token::{ComplaintId, TokenKey, TokenKeys, UnsubscribeToken},
    },
    smtp::verdict::Outcome,
};
use mailwright_fuzz::assert_printable;
use std::sync::LazyLock;

/// Most recipients that are read.
const MAX_RECIPIENTS: usize = 1_000;

static RULES: LazyLock<BounceRules> = LazyLock::new(BounceRules::builtin);
static KEYS: LazyLock<TokenKeys> =
    LazyLock::new(|| TokenKeys::new(TokenKey::new(&[7; 32]).expect("long enough"), Vec::new()));

fuzz_target!(|data: &[u8]| {
    match classify(data, &RULES) {
        Inbound::Report(report) => check_report(&report),
        Inbound::Complaint(complaint) => check_complaint(&complaint),
        _ => {}
    }
    if let Ok(text) = str::from_utf8(data) {
        assert!(UnsubscribeToken::read(text, &KEYS).is_err());
        assert!(ComplaintId::read(text, &KEYS).is_err());
    }
});

fn check_report(report: &BounceReport) {
    assert!((1..=MAX_RECIPIENTS).contains(&report.recipients.len()));
    check([&report.reporting_mta, &report.envid]);
    check_original(&report.original);
    for recipient in &report.recipients {
        check([&recipient.recipient, &recipient.original, &recipient.diagnostic, &recipient.remote_mta]);
        let failed = matches!(recipient.action, Action::Failed | Action::Delayed);
        assert_eq!(recipient.failure.is_some(), failed);
        let Some(failure) = &recipient.failure else { continue };
        let class = if failure.outcome == Outcome::Hard { 5 } else { 4 };
        assert_eq!(recipient.status.class(), class, "status and outcome of a failure agree");
        assert_ne!(failure.outcome, Outcome::Delivered, "a failure is no delivery");
    }
}

fn check_complaint(complaint: &Complaint) {
    assert!(complaint.recipients.len() <= MAX_RECIPIENTS);
    complaint.recipients.iter().for_each(|recipient| assert_printable(recipient));
    check([&complaint.user_agent, &complaint.mail_from]);
    check_original(&complaint.original);
}

fn check_original(original: &OriginalMessage) {
    check([&original.message_id, &original.complaint_id, &original.return_path, &original.to]);
}

fn check<const N: usize>(values: [&Option<String>; N]) {
    values.into_iter().flatten().for_each(|value| assert_printable(value));
}
