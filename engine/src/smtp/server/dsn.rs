//! The parameters of RFC 3461: what a sender wants to be told about its message.

/// What a failure report should return of the message (RET, RFC 3461 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

/// Which outcomes the sender wants reported for a recipient (NOTIFY, RFC 3461 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Notify {
    success: bool,
    failure: bool,
    delay: bool,
}

impl Notify {
    /// `NEVER`: no report whatever happens.
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };

    /// Whether delivery is to be reported.
    pub fn on_success(self) -> bool {
        self.success
    }

    /// Whether failure is to be reported.
    pub fn on_failure(self) -> bool {
        self.failure
    }

    /// Whether delay is to be reported.
    pub fn on_delay(self) -> bool {
        self.delay
    }

    /// Reads the value of NOTIFY: `NEVER`, or a list of the others.
    pub(super) fn parse(value: &str) -> Option<Self> {
        if value.eq_ignore_ascii_case("NEVER") {
            return Some(Self::NEVER);
        }
        let mut notify = Self::NEVER;
        for outcome in value.split(',') {
            let flag = match outcome.to_ascii_uppercase().as_str() {
                "SUCCESS" => &mut notify.success,
                "FAILURE" => &mut notify.failure,
                "DELAY" => &mut notify.delay,
                _ => return None,
            };
            *flag = true;
        }
        Some(notify)
    }
}

/// The address a recipient had when the message was first sent (ORCPT, RFC 3461 section 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OriginalRecipient {
    address_type: String,
    address: String,
}

impl OriginalRecipient {
    /// Longest value of ORCPT in octets (RFC 3461 section 5.4).
    const MAX_LEN: usize = 500;

    /// The kind of address, usually `rfc822` or `utf-8`, as given.
    pub fn address_type(&self) -> &str {
        &self.address_type
    }

    /// The address, decoded from xtext: printable ASCII and spaces, otherwise unchecked.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Reads the value of ORCPT: `type;address`.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (address_type, address) = value.split_once(';')?;
        let atom = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if value.len() > Self::MAX_LEN || address_type.is_empty() || !address_type.bytes().all(atom) {
            return None;
        }
        Some(Self { address_type: address_type.to_owned(), address: decode_xtext(address)? })
    }
}

/// Longest ENVID in octets (RFC 3461 section 5.4).
const MAX_ENVID_LEN: usize = 100;

/// Reads the value of ENVID (RFC 3461 section 4.4), decoded.
pub(super) fn parse_envid(value: &str) -> Option<String> {
    if value.len() > MAX_ENVID_LEN { None } else { decode_xtext(value) }
}

/// Decodes xtext (RFC 3461 section 4), which must stand for one or more printable ASCII characters or spaces:
/// the result is written into reports, where a control character would be an injection.
fn decode_xtext(text: &str) -> Option<String> {
    let mut decoded = String::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'+' => hex(octets.next()?)? << 4 | hex(octets.next()?)?,
            b'=' => return None,
            b'!'..=b'~' => octet,
            _ => return None,
        };
        if !matches!(octet, b' '..=b'~') {
            return None;
        }
        decoded.push(char::from(octet));
    }
    (!decoded.is_empty()).then_some(decoded)
}

/// The value of an upper-case hexadecimal digit; xtext has no lower-case ones.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_notify() {
        let notify = Notify::parse("success,DELAY").unwrap();
        assert_eq!((notify.on_success(), notify.on_failure(), notify.on_delay()), (true, false, true));
        assert_eq!(Notify::parse("never"), Some(Notify::NEVER));
        for bad in ["", "NEVER,FAILURE", "FAILURE,", "SOMETIMES"] {
            assert_eq!(Notify::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn decodes_xtext_and_lets_no_control_character_through() {
        assert_eq!(decode_xtext("a+2Bb+20c").as_deref(), Some("a+b c"));
        for bad in ["", "a=b", "a+2b", "a+", "a+2", "a+0D+0A", "a b", "a\u{e9}", "+C3+A9"] {
            assert_eq!(decode_xtext(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reads_the_original_recipient() {
        let original = OriginalRecipient::parse("rfc822;a+2Bb@c.example").unwrap();
        assert_eq!((original.address_type(), original.address()), ("rfc822", "a+b@c.example"));
        for bad in ["a@b.example", ";a@b.example", "rfc822;", "rfc 822;a@b.example"] {
            assert_eq!(OriginalRecipient::parse(bad), None, "{bad:?}");
        }
        assert_eq!(OriginalRecipient::parse(&format!("rfc822;{}", "a".repeat(500))), None);
    }
}
