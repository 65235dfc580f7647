//! Through which hands a message came: how a server knows that it goes round in circles (RFC 5321 section 6.3).

use super::fields::fields;
use crate::address::EmailAddress;

/// The field that each address of ours leaves in what goes on from it. Received fields alone would let a message go round
/// a hundred times.
pub const LOOP: &str = "X-Mailwright-Loop";

/// How many servers a message came through, by its header section.
pub fn hops(header: &[u8]) -> usize {
    fields(header).filter(|field| field.is("Received")).count()
}

/// The field, with its CRLF, that says that a message went on from `address`.
pub fn loop_field(address: &EmailAddress) -> String {
    format!("{LOOP}: {address}\r\n")
}

/// Whether a message with this header section went on from `address` before.
pub fn went_on_from(header: &[u8], address: &EmailAddress) -> bool {
    let mut left = fields(header).filter(|field| field.is(LOOP)).map(|field| field.unfolded());
    left.any(|value| value.eq_ignore_ascii_case(address.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_knows_what_went_on_from_it() {
        let address = |text: &str| EmailAddress::parse(text).unwrap();
        let (ann, bob) = (address("Ann@zone.example"), address("bob@zone.example"));
        let header =
            format!("Received: a\r\n{}Received: b\r\n\tc\r\nSubject: Received: x\r\n", loop_field(&ann));
        assert!(went_on_from(header.as_bytes(), &address("ann@Zone.example")));
        assert!(!went_on_from(header.as_bytes(), &bob));
        assert_eq!(hops(header.as_bytes()), 2);
    }
}
