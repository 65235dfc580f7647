//! Fields that the platform writes for receivers' programs: whom to tell about complaints and failures, and what
//! to count them by.

use super::fields::{Field, fields};
use crate::address::{Domain, EmailAddress};
use std::{fmt, ops::RangeInclusive};

/// Fewest and most characters of a sender id (Google's postmaster guidelines).
const SENDER_ID: RangeInclusive<usize> = 5..=15;
/// Most characters of the other parts of a Feedback-ID.
const MAX_PART: usize = 64;
/// Longest line that need not be folded, in octets (RFC 5322 section 2.1.1).
const LINE: usize = 78;

/// The value of `Feedback-ID`: `campaign:customer:kind:sender`, by which Google counts complaints.
///
/// Google shows figures only for ids under which enough mail was sent, so the parts should name groups of messages
/// and never one message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FeedbackId(String);

/// Text that is no sender id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no sender id of a Feedback-ID: use 5 to 15 letters, digits, dots, hyphens and underscores")]
pub struct InvalidSenderId(String);

impl FeedbackId {
    /// Up to three parts that say what a message is part of, and who runs the platform (`sender`), which should
    /// always be the same. Parts are cut to 64 characters, and what has a meaning in the field becomes `_`; an
    /// empty part stays empty.
    ///
    /// # Errors
    /// When `sender` is not 5 to 15 letters, digits, dots, hyphens and underscores.
    pub fn new(parts: [&str; 3], sender: &str) -> Result<Self, InvalidSenderId> {
        let [a, b, c] = parts.map(|part| part.chars().take(MAX_PART).map(plain).collect::<String>());
        if !SENDER_ID.contains(&sender.len()) || sender.chars().any(|c| plain(c) != c) {
            return Err(InvalidSenderId(sender.chars().take(40).collect()));
        }
        Ok(Self(format!("{a}:{b}:{c}:{sender}")))
    }

    /// The value of the field.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FeedbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The character, if it may stand in a part.
fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' }
}

/// Where complaints go (RFC 9477): the fields `CFBL-Address` and `CFBL-Feedback-ID`.
///
/// The domain of the address must be the From field's or one below it, and the signature must cover both fields
/// (section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComplaintFields {
    /// Who takes reports, in ARF (`report=arf`).
    pub address: EmailAddress,
    /// What a report brings back: a
    /// [`ComplaintId`](crate::return_path::token::ComplaintId) as text, letters, digits and colons.
    pub id: String,
}

/// Whose TLS reports are meant, in the fields that RFC 8460 section 5.3 names: `TLS-Report-Domain` and
/// `TLS-Report-Submitter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsReportFields {
    /// The domain that reports are about.
    pub domain: Domain,
    /// Who sends.
    pub submitter: Domain,
}

/// Our link to unsubscribe: the fields `List-Unsubscribe` (RFC 2369) and `List-Unsubscribe-Post` (RFC 8058). The
/// signature must cover both (RFC 8058 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsubscribeFields {
    /// Where a click goes: an HTTPS URI of at most 950 octets.
    pub link: String,
    /// Where a mail goes, if mail comes back here.
    pub address: Option<EmailAddress>,
}

/// What the platform puts into the header of a message, each if it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlatformFields {
    /// `Feedback-ID`.
    pub feedback_id: Option<FeedbackId>,
    /// `CFBL-Address` and `CFBL-Feedback-ID`.
    pub complaints: Option<ComplaintFields>,
    /// `TLS-Report-Domain` and `TLS-Report-Submitter`.
    pub tls_reports: Option<TlsReportFields>,
    /// `List-Unsubscribe` and `List-Unsubscribe-Post`.
    pub unsubscribe: Option<UnsubscribeFields>,
}

impl PlatformFields {
    /// The lines that a message with this header section lacks, each ended with CRLF, folded where they are long. Fields
    /// that belong together are put in together or not at all.
    pub fn lines_missing_from(&self, header: &[u8]) -> String {
        let [feedback, complaints, tls, unsubscribe] = self.groups();
        let has =
            |names: &[&str]| fields(header).any(|field: Field<'_>| names.iter().any(|name| field.is(name)));
        [
            (feedback, &["Feedback-ID"][..]),
            (complaints, &["CFBL-Address", "CFBL-Feedback-ID"]),
            (tls, &["TLS-Report-Domain", "TLS-Report-Submitter"]),
            (unsubscribe, &["List-Unsubscribe", "List-Unsubscribe-Post"]),
        ]
        .into_iter()
        .filter(|(_, names)| !has(names))
        .map(|(lines, _)| lines)
        .collect()
    }

    fn groups(&self) -> [String; 4] {
        let feedback = self.feedback_id.iter().map(|id| line("Feedback-ID", id.as_str(), "")).collect();
        let complaints = self.complaints.as_ref().map(|complaints| {
            let id = complaints.id.chars().map(|c| if c == ':' { c } else { plain(c) }).collect::<String>();
            line("CFBL-Address", &format!("{};", complaints.address), "report=arf")
                + &line("CFBL-Feedback-ID", &id, "")
        });
        let tls = self.tls_reports.as_ref().map(|tls| {
            line("TLS-Report-Domain", tls.domain.as_str(), "")
                + &line("TLS-Report-Submitter", tls.submitter.as_str(), "")
        });
        let unsubscribe = self.unsubscribe.as_ref().map(|UnsubscribeFields { link, address }| {
            let mailto = address.as_ref().map(|to| format!(",\r\n <mailto:{to}?subject=unsubscribe>"));
            format!(
                "List-Unsubscribe: <{link}>{}\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                mailto.unwrap_or_default()
            )
        });
        [feedback, complaints.unwrap_or_default(), tls.unwrap_or_default(), unsubscribe.unwrap_or_default()]
    }
}

/// A field of one word or two, on two lines if it is long.
fn line(name: &str, first: &str, second: &str) -> String {
    let fits = name.len() + 2 + first.len() + 1 + second.len() <= LINE;
    match (second, fits) {
        ("", _) => format!("{name}: {first}\r\n"),
        (_, true) => format!("{name}: {first} {second}\r\n"),
        (_, false) => format!("{name}: {first}\r\n {second}\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> PlatformFields {
        PlatformFields {
            feedback_id: Some(FeedbackId::new(["spring sale", "shop", ""], "mailwright").unwrap()),
            complaints: Some(ComplaintFields {
                address: EmailAddress::parse("fbl@cf-bounce.example.org").unwrap(),
                id: "06123456789abc:0:mzxw6ytboi5dgnbv".to_owned(),
            }),
            tls_reports: Some(TlsReportFields {
                domain: Domain::parse("example.org").unwrap(),
                submitter: Domain::parse("mx.example.net").unwrap(),
            }),
            unsubscribe: Some(UnsubscribeFields {
                link: "https://mail.example.net/unsubscribe/abc".to_owned(),
                address: EmailAddress::parse("u-1-0-x@cf-bounce.example.org").ok(),
            }),
        }
    }

    #[test]
    fn writes_the_fields_in_their_standard_forms() {
        let expected = "Feedback-ID: spring_sale:shop::mailwright\r\n\
            CFBL-Address: fbl@cf-bounce.example.org; report=arf\r\n\
            CFBL-Feedback-ID: 06123456789abc:0:mzxw6ytboi5dgnbv\r\n\
            TLS-Report-Domain: example.org\r\n\
            TLS-Report-Submitter: mx.example.net\r\n\
            List-Unsubscribe: <https://mail.example.net/unsubscribe/abc>,\r\n \
            <mailto:u-1-0-x@cf-bounce.example.org?subject=unsubscribe>\r\n\
            List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
        assert_eq!(all().lines_missing_from(b""), expected);
        assert_eq!(PlatformFields::default().lines_missing_from(b""), "");
    }

    #[test]
    fn a_long_address_is_folded() {
        let mut fields = all();
        let long = format!("{}@{}.example", "l".repeat(40), "d".repeat(40));
        fields.complaints.as_mut().unwrap().address = EmailAddress::parse(&long).unwrap();
        assert!(
            fields.lines_missing_from(b"").contains(&format!("CFBL-Address: {long};\r\n report=arf\r\n"))
        );
    }

    #[test]
    fn what_a_message_brings_along_is_left_to_it() {
        let header = b"From: a@example.org\r\ncfbl-feedback-id: mine\r\nTLS-Report-Domain: example.org\r\n\
            List-Unsubscribe: <mailto:a@example.org>\r\n";
        assert_eq!(all().lines_missing_from(header), "Feedback-ID: spring_sale:shop::mailwright\r\n");
        assert_eq!(all().lines_missing_from(b"From: a@example.org\r\n"), all().lines_missing_from(b""));
    }

    #[test]
    fn nothing_breaks_out_of_a_field() {
        let id = FeedbackId::new(["a:b\r\nBcc: c", "", "ü"], "mailwright").unwrap();
        assert_eq!(id.as_str(), "a_b__Bcc__c::_:mailwright");
        for wrong in ["", "mail", "mailwright-of-example", "mail right", "mail:right"] {
            assert!(FeedbackId::new(["", "", ""], wrong).is_err(), "{wrong}");
        }
        let mut fields = all();
        fields.complaints.as_mut().unwrap().id = "1\r\nBcc: x@example.org".to_owned();
        assert!(fields.lines_missing_from(b"").contains("CFBL-Feedback-ID: 1__Bcc:_x_example.org\r\n"));
    }
}
