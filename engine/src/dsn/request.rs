//! What a sender wants to be told about its message: the parameters of RFC 3461.
//!
//! They are kept with the envelope, passed on to servers that offer DSN, and obeyed when we write a report
//! ourselves. Everything here was checked when it was read: no control character reaches a command or a
//! report.

use super::xtext;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a failure report should return of the message (RET, RFC 3461 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ret {
    /// The whole message.
    Full,
    /// Its header only.
    Headers,
}

impl Ret {
    /// Reads the value of RET, in any case.
    pub fn parse(value: &str) -> Option<Self> {
        [Self::Full, Self::Headers].into_iter().find(|ret| ret.as_str().eq_ignore_ascii_case(value))
    }

    /// `FULL` or `HDRS`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "FULL",
            Self::Headers => "HDRS",
        }
    }
}

/// The sender's own name for a message, repeated in reports about it (ENVID, RFC 3461 section 4.4).
///
/// Printable ASCII and spaces, at most [`EnvelopeId::MAX_LEN`] octets in xtext.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvelopeId(String);

/// Text that is no [`EnvelopeId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no envelope id: use printable ASCII, at most {max} octets in xtext", max = EnvelopeId::MAX_LEN)]
pub struct InvalidEnvelopeId(String);

impl EnvelopeId {
    /// Longest value of ENVID in octets, as xtext (RFC 3461 section 5.4).
    pub const MAX_LEN: usize = 100;

    /// Reads the value of ENVID, which is xtext.
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > Self::MAX_LEN { None } else { xtext::decode(value).map(Self) }
    }

    /// The id, decoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EnvelopeId {
    /// As xtext, the way it stands in MAIL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&xtext::encode(&self.0))
    }
}

impl TryFrom<String> for EnvelopeId {
    type Error = InvalidEnvelopeId;

    /// Takes a decoded id.
    fn try_from(id: String) -> Result<Self, Self::Error> {
        match Self::parse(&xtext::encode(&id)) {
            Some(valid) => Ok(valid),
            None => Err(InvalidEnvelopeId(id.chars().take(120).collect())),
        }
    }
}

impl From<EnvelopeId> for String {
    fn from(id: EnvelopeId) -> Self {
        id.0
    }
}

/// What MAIL said about reports. The default is what a client without DSN says: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct DsnRequest {
    /// RET, if given.
    pub ret: Option<Ret>,
    /// ENVID, if given.
    pub envid: Option<EnvelopeId>,
}

/// What RCPT said about reports. The default is what a client without DSN says: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct RecipientDsn {
    /// NOTIFY, if given.
    pub notify: Option<Notify>,
    /// ORCPT, if given.
    pub orcpt: Option<OriginalRecipient>,
}

impl RecipientDsn {
    /// Whether the sender asked to hear of success; nobody does by default.
    pub fn wants_success(&self) -> bool {
        self.notify.is_some_and(Notify::on_success)
    }

    /// Whether the sender wants to hear of failure, as all do who say nothing (RFC 3461 section 4.1).
    pub fn wants_failure(&self) -> bool {
        self.notify.is_none_or(Notify::on_failure)
    }

    /// Whether the sender may be told of a delay, as all may who say nothing (RFC 3461 section 4.1).
    pub fn wants_delay(&self) -> bool {
        self.notify.is_none_or(Notify::on_delay)
    }
}

/// Which outcomes the sender wants reported for a recipient (NOTIFY, RFC 3461 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "u8", into = "u8")]
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

    /// Reads the value of NOTIFY, in any case: `NEVER`, or a list of the others.
    pub fn parse(value: &str) -> Option<Self> {
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

    fn flags(self) -> [(bool, &'static str); 3] {
        [(self.success, "SUCCESS"), (self.failure, "FAILURE"), (self.delay, "DELAY")]
    }
}

impl fmt::Display for Notify {
    /// The way it stands in RCPT.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("NEVER");
        }
        let mut separator = "";
        for (_, outcome) in self.flags().into_iter().filter(|(wanted, _)| *wanted) {
            write!(f, "{separator}{outcome}")?;
            separator = ",";
        }
        Ok(())
    }
}

impl From<u8> for Notify {
    /// A bit each: 1 success, 2 failure, 4 delay.
    fn from(bits: u8) -> Self {
        Self { success: bits & 1 != 0, failure: bits & 2 != 0, delay: bits & 4 != 0 }
    }
}

impl From<Notify> for u8 {
    fn from(notify: Notify) -> Self {
        u8::from(notify.success) | u8::from(notify.failure) << 1 | u8::from(notify.delay) << 2
    }
}

/// The address a recipient had when the message was first sent (ORCPT, RFC 3461 section 4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct OriginalRecipient {
    address_type: String,
    address: String,
}

/// A type and an address that make no [`OriginalRecipient`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no original recipient: use a type of letters, digits and hyphens and an address without control characters, together at most {max} octets in xtext", max = OriginalRecipient::MAX_LEN)]
pub struct InvalidOriginalRecipient;

impl OriginalRecipient {
    /// Longest value of ORCPT in octets (RFC 3461 section 5.4).
    pub const MAX_LEN: usize = 500;
    /// The type of addresses with characters beyond ASCII (RFC 6533 section 3).
    pub(super) const UTF_8: &'static str = "utf-8";

    /// The kind of address, usually `rfc822` or `utf-8`, as given.
    pub fn address_type(&self) -> &str {
        &self.address_type
    }

    /// The address, decoded: no control characters, otherwise unchecked. ASCII unless
    /// [`is_utf8`](Self::is_utf8).
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Whether its type is `utf-8`.
    pub fn is_utf8(&self) -> bool {
        self.address_type.eq_ignore_ascii_case(Self::UTF_8)
    }

    /// Reads the value of ORCPT: `type;address`, the address in xtext or, for `utf-8`, in one of the forms of
    /// RFC 6533 section 3.
    pub fn parse(value: &str) -> Option<Self> {
        let (address_type, encoded) = value.split_once(';')?;
        let atom = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if value.len() > Self::MAX_LEN || address_type.is_empty() || !address_type.bytes().all(atom) {
            return None;
        }
        let utf8 = address_type.eq_ignore_ascii_case(Self::UTF_8);
        let address = if utf8 { xtext::unescape(encoded)? } else { xtext::decode(encoded)? };
        let recipient = Self { address_type: address_type.to_owned(), address };
        // Raw characters beyond ASCII grow when they are escaped for the next hop.
        (recipient.to_string().len() <= Self::MAX_LEN).then_some(recipient)
    }
}

impl fmt::Display for OriginalRecipient {
    /// The way it stands in RCPT, in ASCII whatever the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encode = if self.is_utf8() { xtext::escape } else { xtext::encode };
        write!(f, "{};{}", self.address_type, encode(&self.address))
    }
}

impl TryFrom<(String, String)> for OriginalRecipient {
    type Error = InvalidOriginalRecipient;

    /// Takes a type and a decoded address.
    fn try_from((address_type, address): (String, String)) -> Result<Self, Self::Error> {
        let given = Self { address_type, address };
        Self::parse(&given.to_string()).filter(|read| *read == given).ok_or(InvalidOriginalRecipient)
    }
}

impl From<OriginalRecipient> for (String, String) {
    fn from(recipient: OriginalRecipient) -> Self {
        (recipient.address_type, recipient.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn every_notify_survives_writing_and_storing() {
        for bits in 0..8 {
            let notify = Notify::from(bits);
            assert_eq!(Notify::parse(&notify.to_string()), Some(notify));
            assert_eq!(u8::from(notify), bits);
        }
    }

    #[test]
    fn who_says_nothing_hears_of_failure_and_delay_only() {
        let silent = RecipientDsn::default();
        assert_eq!(
            (silent.wants_success(), silent.wants_failure(), silent.wants_delay()),
            (false, true, true)
        );
        let never = RecipientDsn { notify: Some(Notify::NEVER), orcpt: None };
        assert_eq!(
            (never.wants_success(), never.wants_failure(), never.wants_delay()),
            (false, false, false)
        );
    }

    #[test]
    fn reads_the_original_recipient() {
        let original = OriginalRecipient::parse("rfc822;a+2Bb@c.example").unwrap();
        assert_eq!((original.address_type(), original.address()), ("rfc822", "a+b@c.example"));
        assert_eq!(original.to_string(), "rfc822;a+2Bb@c.example");
        for bad in ["a@b.example", ";a@b.example", "rfc822;", "rfc 822;a@b.example", "rfc822;é@b.example"] {
            assert_eq!(OriginalRecipient::parse(bad), None, "{bad:?}");
        }
        assert_eq!(OriginalRecipient::parse(&format!("rfc822;{}", "a".repeat(500))), None);
    }

    #[test]
    fn reads_the_original_recipient_in_every_utf_8_form() {
        for form in ["utf-8;é@b.example", "UTF-8;\\x{E9}@b.example"] {
            let original = OriginalRecipient::parse(form).unwrap();
            assert_eq!(original.address(), "é@b.example");
            assert!(original.to_string().ends_with(";\\x{E9}@b.example"), "{original}");
        }
        assert_eq!(OriginalRecipient::parse("utf-8;a\u{85}@b.example"), None);
        assert_eq!(OriginalRecipient::parse(&format!("utf-8;{}", "é".repeat(200))), None);
    }

    #[test]
    fn an_envelope_id_fits_its_parameter() {
        assert_eq!(EnvelopeId::parse("QQ+2B1").map(String::from).as_deref(), Some("QQ+1"));
        assert_eq!(EnvelopeId::parse(&"a".repeat(101)), None);
        assert!(EnvelopeId::try_from("+".repeat(34)).is_err());
        assert!(EnvelopeId::try_from("a\r\nb".to_owned()).is_err());
        assert_eq!(EnvelopeId::try_from("a b".to_owned()).map(|id| id.to_string()), Ok("a+20b".into()));
    }

    #[test]
    fn stored_values_are_checked_when_they_are_read_back() {
        let original = OriginalRecipient::parse("utf-8;é@b.example").unwrap();
        let stored = serde_json::to_string(&original).unwrap();
        assert_eq!(serde_json::from_str::<OriginalRecipient>(&stored).unwrap(), original);
        for forged in [r#"["rfc822","a\r\nb"]"#, r#"["rfc822;x","a"]"#, r#"["","a"]"#, r#"["rfc822",""]"#] {
            assert!(serde_json::from_str::<OriginalRecipient>(forged).is_err(), "{forged}");
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_is_written_so_that_it_is_read_the_same(value in "(rfc822|utf-8|x-400);[ -~é+]{0,40}") {
            if let Some(original) = OriginalRecipient::parse(&value) {
                prop_assert_eq!(OriginalRecipient::parse(&original.to_string()), Some(original));
            }
        }
    }
}
