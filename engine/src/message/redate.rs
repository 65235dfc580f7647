//! Giving a message another date.

use super::{
    fields::{fields, split_header},
    received::rfc5322_date,
};
use crate::time::UnixMillis;

/// The message with `to` in the place of the date `from`, if its Date field says that as we write it; any other is its
/// author's, and stays.
pub fn redate(content: &[u8], from: UnixMillis, to: UnixMillis) -> Vec<u8> {
    let header = split_header(content).0;
    let written = rfc5322_date(from);
    let mut redated = Vec::with_capacity(content.len());
    for field in fields(header) {
        if field.is("Date") && field.unfolded() == written {
            redated.extend_from_slice(format!("Date: {}\r\n", rfc5322_date(to)).as_bytes());
        } else {
            redated.extend_from_slice(field.raw());
        }
    }
    redated.extend_from_slice(content.get(header.len()..).unwrap_or_default());
    redated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_date_is_changed_and_an_authors_stays() {
        let (from, to) = (UnixMillis::new(1_795_255_445_123), UnixMillis::new(1_795_255_505_000));
        let message =
            |date: &str| format!("From: a@b.example\r\nDate: {date}\r\nX: y\r\n\r\nDate: in the body\r\n");
        let ours = message(&rfc5322_date(from));
        assert_eq!(redate(ours.as_bytes(), from, to), message(&rfc5322_date(to)).as_bytes());
        let authors = message("Sat, 21 Nov 2026 11:04:05 +0100");
        assert_eq!(redate(authors.as_bytes(), from, to), authors.as_bytes());
    }
}
