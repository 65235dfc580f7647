//! The messages that the generators send.

/// The sender of every message; its domain is the zone that is set up for signing.
pub const SENDER: &str = "sender@example.com";

/// Longest line of a body, without its CRLF: what mail programs wrap at.
const LINE: usize = 76;

/// Returns text of exactly `size` octets in lines that end in CRLF, without a dot at the start of any line.
#[must_use]
pub fn text(size: usize) -> String {
    let alphabet = ('a'..='z').cycle();
    let mut text = String::with_capacity(size);
    let mut letters = alphabet.take(size);
    while text.len() + 2 < size {
        let room = (size - text.len() - 2).min(LINE);
        text.extend(letters.by_ref().take(room));
        text.push_str("\r\n");
    }
    // One or two octets are too few for a line of their own.
    text.extend(std::iter::repeat_n(' ', size - text.len()));
    text
}

/// Returns a message as it follows DATA, its final dot included: a header and a body of `size` octets.
#[must_use]
pub fn data(size: usize) -> Vec<u8> {
    let body = text(size);
    let header = "From: Sender <sender@example.com>\r\n\
         To: Recipient <recipient@example.net>\r\n\
         Subject: one of many\r\n\
         Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n\
         Message-ID: <one.of.many@example.com>\r\n";
    format!("{header}\r\n{body}\r\n.\r\n").into_bytes()
}

/// How many domains the recipients are spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domains(u64);

impl Domains {
    /// All recipients in one domain.
    pub const ONE: Self = Self(1);

    /// Recipients in `count` domains, in turn; none counts as one.
    #[must_use]
    pub fn new(count: u64) -> Self {
        Self(count.max(1))
    }

    /// Returns the number of domains.
    #[must_use]
    pub fn count(self) -> u64 {
        self.0
    }

    /// Returns the recipient of the message with this number.
    #[must_use]
    pub fn recipient(self, number: u64) -> String {
        if self == Self::ONE {
            return "recipient@example.net".to_owned();
        }
        format!("recipient@d{}.example.net", number % self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_exactly_the_size_and_no_overlong_line() {
        for size in [0, 1, 2, 3, 77, 78, 79, 80, 156, 2_000, 10_000] {
            let text = text(size);
            assert_eq!(text.len(), size);
            assert!(
                text.split("\r\n").all(|line| line.len() <= LINE + 1 && !line.starts_with('.')),
                "{size}"
            );
        }
    }

    #[test]
    fn data_ends_at_its_only_final_dot() {
        let data = data(10_000);
        let end = b"\r\n.\r\n";
        let first = data.windows(end.len()).position(|window| window == end);
        assert_eq!(first, Some(data.len() - end.len()));
    }

    #[test]
    fn recipients_are_spread_evenly_over_the_domains() {
        assert_eq!(Domains::ONE.recipient(5), "recipient@example.net");
        let three = Domains::new(3);
        let distinct: std::collections::HashSet<_> = (0..9).map(|number| three.recipient(number)).collect();
        assert_eq!(distinct.len(), 3);
        assert_eq!(Domains::new(0), Domains::ONE);
    }
}
