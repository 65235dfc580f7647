//! Addresses, domains and mailboxes: what is read is written in one form, and that form is read as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::address::{Domain, EmailAddress, Mailbox, ReversePath};
use mailwright_fuzz::assert_printable;
use std::{fmt, str::FromStr};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(domain) = round_trip::<Domain>(text) {
        check_domain(&domain);
    }
    if let Some(address) = round_trip::<EmailAddress>(text) {
        check_address(&address);
    }
    if let Some(mailbox) = round_trip::<Mailbox>(text) {
        check_address(mailbox.address());
        let again = Mailbox::new(mailbox.name(), mailbox.address().clone());
        assert_eq!(again.as_ref(), Ok(&mailbox), "made of its own parts");
    }
    if let Ok(path) = ReversePath::parse(text) {
        assert_eq!(ReversePath::parse(path.as_str()).as_ref(), Ok(&path));
        assert_eq!(path.to_string(), format!("<{}>", path.as_str()));
    }
});

/// Reads a text, writes it, and demands the same of a second reading.
fn round_trip<T>(text: &str) -> Option<T>
where
    T: FromStr + fmt::Display + fmt::Debug + PartialEq,
    T::Err: fmt::Display + fmt::Debug + PartialEq,
{
    match text.parse::<T>() {
        Ok(value) => {
            let written = value.to_string();
            assert_printable(&written);
            assert_eq!(written.parse::<T>().as_ref(), Ok(&value), "{written:?}");
            Some(value)
        }
        Err(error) => {
            assert_printable(&error.to_string());
            None
        }
    }
}

fn check_domain(domain: &Domain) {
    let text = domain.as_str();
    assert!(text.is_ascii() && (1..=253).contains(&text.len()), "{text:?}");
    assert_eq!(domain.literal().is_some(), text.starts_with('['));
    assert!(!text.contains(|c: char| c.is_ascii_uppercase()) || domain.literal().is_some(), "{text:?}");
    assert!(!domain.is_subdomain_of(domain));
}

fn check_address(address: &EmailAddress) {
    check_domain(address.domain());
    let text = address.as_str();
    assert!(text.len() <= 254, "{text:?}");
    assert_eq!(text, format!("{}@{}", address.local(), address.domain()));
    assert_eq!(address.needs_smtputf8(), !text.is_ascii());
    // Between angle brackets it ends where it should.
    assert!(address.local().starts_with('"') || !text.contains([' ', '<', '>', '"', ',']), "{text:?}");
}
