//! Delivery reports of strangers: read within bounds, and nothing of them can break out of a line of ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::dsn::{DeliveryStatus, TypedText, read_delivery_status, read_report};
use mailwright_fuzz::assert_printable;

/// Most recipients that are read.
const MAX_RECIPIENTS: usize = 1_000;

fuzz_target!(|data: &[u8]| {
    for status in [read_report(data), read_delivery_status(data)].iter().flatten() {
        check_status(status);
    }
});

fn check_status(status: &DeliveryStatus) {
    status.reporting_mta.iter().for_each(check_text);
    status.envid.iter().for_each(|envid| assert_printable(envid));
    assert!((1..=MAX_RECIPIENTS).contains(&status.recipients.len()));
    for recipient in &status.recipients {
        check_text(&recipient.final_recipient);
        assert!(!recipient.final_recipient.text.is_empty());
        [&recipient.original, &recipient.diagnostic, &recipient.remote_mta]
            .into_iter()
            .flatten()
            .for_each(check_text);
    }
}

fn check_text(value: &TypedText) {
    assert_printable(&value.kind);
    assert_printable(&value.text);
}
