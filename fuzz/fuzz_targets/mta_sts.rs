//! MTA-STS and TLS-RPT: records and policy files of strangers, read within bounds and written as they are read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::tls::{
    mta_sts::{MAX_AGE, MAX_MX_PATTERNS, StsMode, StsPolicy, StsRecord},
    report::TlsRptRecord,
};
use mailwright_fuzz::{assert_printable, pieces};

fuzz_target!(|data: &[u8]| {
    record(data);
    policy(data);
});

/// The input as TXT records.
fn record(data: &[u8]) {
    if let Ok(Some(found)) = StsRecord::find(pieces(data)) {
        assert_eq!(StsRecord::from_id(found.id()).as_ref(), Ok(&found));
        let written = format!("v=STSv1; id={};", found.id());
        assert_eq!(StsRecord::find([written.as_bytes()]), Ok(Some(found)));
    }
    if let Ok(Some(found)) = TlsRptRecord::find(pieces(data)) {
        assert!(!found.destinations().is_empty());
    }
}

/// The input as a policy file.
fn policy(data: &[u8]) {
    assert_eq!(StsPolicy::from_response(200, Some("text/plain"), data).ok(), StsPolicy::parse(data).ok());
    match StsPolicy::parse(data) {
        Ok(policy) => check_policy(&policy),
        Err(error) => assert_printable(&error.to_string()),
    }
}

fn check_policy(policy: &StsPolicy) {
    assert_eq!(StsPolicy::parse(policy.to_string().as_bytes()).as_ref(), Ok(policy));
    assert_eq!(StsPolicy::try_from(String::from(policy.clone())).as_ref(), Ok(policy));
    assert!(policy.max_age() <= MAX_AGE);
    assert!(policy.mx().len() <= MAX_MX_PATTERNS);
    assert!(policy.mode() == StsMode::None || !policy.mx().is_empty());
    policy.lines().iter().for_each(|line| assert_printable(line));
    for pattern in policy.mx().iter() {
        let host = pattern.as_str().replacen('*', "any", 1);
        assert!(policy.matches(&host) && policy.matches(&format!("{}.", host.to_uppercase())), "{pattern}");
        let parent = pattern.as_str().strip_prefix("*.");
        assert!(parent.is_none_or(|parent| !pattern.matches(parent)), "an asterisk is one label");
    }
}
