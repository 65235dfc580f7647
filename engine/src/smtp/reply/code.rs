//! The numbers of a reply: the three-digit code of RFC 5321 and the enhanced status code of RFC 3463.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What the first digit of a reply code says (RFC 5321 section 4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplyClass {
    /// 2yz: done.
    Success,
    /// 3yz: go on with what belongs to the command.
    Intermediate,
    /// 4yz: not now; the same may succeed later.
    Transient,
    /// 5yz: no; the same will fail again.
    Permanent,
}

/// A three-digit SMTP reply code from 200 to 599 (RFC 5321 section 4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct SmtpCode(u16);

/// A number that is no SMTP reply code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not an SMTP reply code (200 to 599)")]
pub struct InvalidSmtpCode(u16);

impl SmtpCode {
    /// 214: help text.
    pub const HELP: Self = Self(214);
    /// 220: greeting, and consent to STARTTLS.
    pub const READY: Self = Self(220);
    /// 221: closing after QUIT.
    pub const CLOSING: Self = Self(221);
    /// 250: done.
    pub const OK: Self = Self(250);
    /// 252: will not verify the address, but try to deliver.
    pub const CANNOT_VERIFY: Self = Self(252);
    /// 354: send the message.
    pub const START_INPUT: Self = Self(354);
    /// 421: closing the connection, in answer to any command.
    pub const SHUTTING_DOWN: Self = Self(421);
    /// 450: mailbox busy, or refused for now by policy (greylisting).
    pub const MAILBOX_BUSY: Self = Self(450);
    /// 451: error in processing.
    pub const LOCAL_ERROR: Self = Self(451);
    /// 452: storage short, or too many recipients in one transaction.
    pub const INSUFFICIENT_STORAGE: Self = Self(452);
    /// 454: TLS not available for now (RFC 3207 section 4).
    pub const TLS_UNAVAILABLE: Self = Self(454);
    /// 500: no such command, or a line that is none.
    pub const SYNTAX_ERROR: Self = Self(500);
    /// 501: error in the parameters.
    pub const BAD_PARAMETERS: Self = Self(501);
    /// 502: command not implemented.
    pub const NOT_IMPLEMENTED: Self = Self(502);
    /// 503: commands in the wrong order.
    pub const BAD_SEQUENCE: Self = Self(503);
    /// 504: parameter not implemented.
    pub const PARAMETER_NOT_IMPLEMENTED: Self = Self(504);
    /// 521: this host never accepts mail (RFC 7504).
    pub const NEVER_ACCEPTS: Self = Self(521);
    /// 530: authentication or TLS required first (RFC 4954, RFC 3207).
    pub const AUTH_REQUIRED: Self = Self(530);
    /// 535: credentials not valid (RFC 4954).
    pub const AUTH_FAILED: Self = Self(535);
    /// 550: mailbox unavailable, or refused by policy.
    pub const MAILBOX_UNAVAILABLE: Self = Self(550);
    /// 552: storage allocation exceeded.
    pub const STORAGE_EXCEEDED: Self = Self(552);
    /// 553: mailbox name not allowed.
    pub const MAILBOX_NAME: Self = Self(553);
    /// 554: transaction failed.
    pub const TRANSACTION_FAILED: Self = Self(554);
    /// 555: MAIL or RCPT parameters not recognised.
    pub const UNKNOWN_PARAMETERS: Self = Self(555);
    /// 556: the recipient's domain accepts no mail (RFC 7504).
    pub const DOMAIN_NEVER_ACCEPTS: Self = Self(556);

    /// The code with this number, if it is from 200 to 599.
    pub const fn new(code: u16) -> Option<Self> {
        match code {
            200..=599 => Some(Self(code)),
            _ => None,
        }
    }

    /// The number.
    pub const fn as_u16(self) -> u16 {
        self.0
    }

    /// What the first digit says.
    pub const fn class(self) -> ReplyClass {
        match self.0 / 100 {
            2 => ReplyClass::Success,
            3 => ReplyClass::Intermediate,
            4 => ReplyClass::Transient,
            _ => ReplyClass::Permanent,
        }
    }

    /// The three ASCII digits, as the wire has them.
    pub(super) fn digits(self) -> [u8; 3] {
        [self.0 / 100, self.0 / 10 % 10, self.0 % 10].map(|digit| b'0' + digit.to_le_bytes()[0])
    }
}

impl TryFrom<u16> for SmtpCode {
    type Error = InvalidSmtpCode;

    fn try_from(code: u16) -> Result<Self, Self::Error> {
        Self::new(code).ok_or(InvalidSmtpCode(code))
    }
}

impl From<SmtpCode> for u16 {
    fn from(code: SmtpCode) -> Self {
        code.0
    }
}

impl fmt::Display for SmtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An enhanced status code such as `5.1.1` (RFC 3463): class 2, 4 or 5, subject and detail from 0 to 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, u16, u16)", into = "(u8, u16, u16)")]
pub struct EnhancedCode {
    class: u8,
    subject: u16,
    detail: u16,
}

/// Text or numbers that are no [`EnhancedCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an enhanced status code (class 2, 4 or 5, subject and detail of one to three digits)")]
pub struct InvalidEnhancedCode;

impl EnhancedCode {
    const MAX_PART: u16 = 999;

    /// The code for numbers known to the caller, so usable in constants; it cannot fail: a class that is
    /// neither 2 nor 4 is 5, and a part above 999 is 999. Numbers of a peer go through
    /// [`EnhancedCode::from_str`] instead, which refuses them.
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        let class = if class == 2 || class == 4 { class } else { 5 };
        let subject = if subject > Self::MAX_PART { Self::MAX_PART } else { subject };
        let detail = if detail > Self::MAX_PART { Self::MAX_PART } else { detail };
        Self { class, subject, detail }
    }

    /// 2 (success), 4 (persistent transient failure) or 5 (permanent failure).
    pub const fn class(self) -> u8 {
        self.class
    }

    /// The kind of thing the code is about, for example 1 for addresses, 7 for security or policy.
    pub const fn subject(self) -> u16 {
        self.subject
    }

    /// The precise condition within the subject.
    pub const fn detail(self) -> u16 {
        self.detail
    }

    /// Subject and detail, which mean the same in every class.
    pub const fn condition(self) -> (u16, u16) {
        (self.subject, self.detail)
    }

    /// Whether the code may stand beside `code`: RFC 2034 section 4 demands the same class.
    pub fn agrees_with(self, code: SmtpCode) -> bool {
        u16::from(self.class) == code.as_u16() / 100
    }
}

impl TryFrom<(u8, u16, u16)> for EnhancedCode {
    type Error = InvalidEnhancedCode;

    fn try_from(parts: (u8, u16, u16)) -> Result<Self, Self::Error> {
        let code = Self::new(parts.0, parts.1, parts.2);
        if <(u8, u16, u16)>::from(code) == parts { Ok(code) } else { Err(InvalidEnhancedCode) }
    }
}

impl From<EnhancedCode> for (u8, u16, u16) {
    fn from(code: EnhancedCode) -> Self {
        (code.class, code.subject, code.detail)
    }
}

impl FromStr for EnhancedCode {
    type Err = InvalidEnhancedCode;

    /// Reads `class "." subject "." detail` and nothing else (RFC 3463 section 2).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.').map(number);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(class)), Some(Some(subject)), Some(Some(detail)), None) => {
                let class = u8::try_from(class).map_err(|_| InvalidEnhancedCode)?;
                Self::try_from((class, subject, detail))
            }
            _ => Err(InvalidEnhancedCode),
        }
    }
}

/// A number of one to three digits without sign.
fn number(text: &str) -> Option<u16> {
    let digits = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_end_at_200_and_599() {
        for (number, valid) in [(199, false), (200, true), (599, true), (600, false), (0, false)] {
            assert_eq!(SmtpCode::new(number).is_some(), valid, "{number}");
        }
    }

    #[test]
    fn class_is_the_first_digit() {
        let classes =
            [ReplyClass::Success, ReplyClass::Intermediate, ReplyClass::Transient, ReplyClass::Permanent];
        for (hundreds, class) in (2..).zip(classes) {
            assert_eq!(SmtpCode::new(hundreds * 100 + 54).map(SmtpCode::class), Some(class));
        }
    }

    #[test]
    fn digits_are_those_of_the_number() {
        assert_eq!(&SmtpCode::OK.digits(), b"250");
        assert_eq!(&SmtpCode(409).digits(), b"409");
    }

    #[test]
    fn refuses_text_that_is_no_enhanced_code() {
        let wrong = [
            "", "5", "5.1", "5.1.1.1", "3.1.1", "0.0.0", "5.1000.1", "5.1.0001", "+5.1.1", "5.-1.1",
            "5. 1.1", "5.1.x", "5..1", "55.1.1", "260.1.1",
        ];
        for text in wrong {
            assert_eq!(text.parse::<EnhancedCode>(), Err(InvalidEnhancedCode), "{text:?}");
        }
    }

    #[test]
    fn agrees_only_with_its_own_class() {
        let code = EnhancedCode::new(4, 2, 2);
        assert!(code.agrees_with(SmtpCode::INSUFFICIENT_STORAGE));
        assert!(!code.agrees_with(SmtpCode::STORAGE_EXCEEDED));
    }

    proptest! {
        #[test]
        fn enhanced_code_reads_back_what_it_prints(class in prop::sample::select(&[2_u8, 4, 5][..]),
            subject in 0_u16..=999, detail in 0_u16..=999) {
            let code = EnhancedCode::new(class, subject, detail);
            prop_assert_eq!(code.to_string().parse(), Ok(code));
        }
    }
}
