//! Writing reports: `multipart/report` of three parts, for people, for programs, and what came back
//! (RFC 3464, RFC 6522; RFC 6533 where addresses need UTF-8).
//!
//! Much of a report is somebody else's text: the receiver's words, names from the DNS, the original header.
//! None of it can end a line, a field or a part: control characters are escaped, lines are folded and bounded,
//! and the boundary is one that occurs in no part.

mod fold;
mod original;
mod status;
mod words;

pub use original::MAX_RETURNED;

use super::{EnvelopeId, OriginalRecipient, Ret};
use crate::{
    address::{Domain, EmailAddress},
    envelope::{BodyType, SmtpUtf8},
    id::QueueId,
    message::{fields, split_header},
    mx::spread,
    smtp::verdict::Verdict,
    time::UnixMillis,
};
use mail_builder::headers::date::Date;
use std::{fmt::Write, net::IpAddr};

/// Longest Message-ID that is referred to, in octets: it has to fit a line with room to spare.
const MAX_MESSAGE_ID: usize = 500;

/// What a report says of a recipient (the Action field, RFC 3464 section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// It was given up.
    Failed,
    /// It is late, and will be tried further.
    Delayed {
        /// When the last attempt will be.
        will_retry_until: UnixMillis,
    },
    /// It was handed to a server from which no report on delivery can be expected.
    Relayed,
}

/// The server that a verdict comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteMta<'a> {
    /// Its name, as the MX record had it, or an address literal.
    pub host: &'a str,
    /// The address connected to, if it came to that.
    pub ip: Option<IpAddr>,
}

/// A recipient that a report is about.
#[derive(Debug, Clone, Copy)]
pub struct ReportedRecipient<'a> {
    /// The address we tried to deliver to.
    pub address: &'a EmailAddress,
    /// The address it had at first, if the client said so.
    pub orcpt: Option<&'a OriginalRecipient>,
    /// What to report.
    pub kind: ReportKind,
    /// What the last attempt meant.
    pub verdict: &'a Verdict,
    /// Who decided it, when it was not us.
    pub remote: Option<RemoteMta<'a>>,
    /// When the last attempt was made, if there was one.
    pub last_attempt: Option<UnixMillis>,
}

/// A report on one message, to be sent from the null path to the message's sender.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// The name of this installation; the report's Message-ID is of it too.
    pub reporting_mta: &'a Domain,
    /// The From field, usually `MAILER-DAEMON` here.
    pub from: &'a EmailAddress,
    /// Whom to tell: the original reverse path.
    pub to: &'a EmailAddress,
    /// ENVID of the original message.
    pub envid: Option<&'a EnvelopeId>,
    /// RET of the original message.
    pub ret: Option<Ret>,
    /// The queue id of the original message, for people who read logs.
    pub original_id: QueueId,
    /// When we took the original message.
    pub arrival: UnixMillis,
    /// Whom it is about; not empty.
    pub recipients: &'a [ReportedRecipient<'a>],
    /// The original message, whole.
    pub original: &'a [u8],
    /// The queue id of the report: its Message-ID and boundary are made from it.
    pub id: QueueId,
    /// The Date field.
    pub date: UnixMillis,
}

/// A report as it goes into the queue. The equal report has equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportMail {
    /// The message, with CRLF line ends, no line above 998 octets and no NUL.
    pub content: Vec<u8>,
    /// Whether it is 7-bit.
    pub body: BodyType,
    /// Whether it needs SMTPUTF8, because the sender's address or ours does.
    pub smtputf8: SmtpUtf8,
}

/// A part of the report, without its boundary.
struct Part {
    /// The value of Content-Type.
    media_type: &'static str,
    /// The value of Content-Description.
    description: &'static str,
    /// The content, which ends in CRLF.
    body: Vec<u8>,
}

impl Part {
    fn encoding(&self) -> &'static str {
        if self.body.is_ascii() { "7bit" } else { "8bit" }
    }

    fn write_to(&self, out: &mut Vec<u8>) {
        let Self { media_type, description, body } = self;
        let header = format!(
            "Content-Type: {media_type}\r\nContent-Description: {description}\r\n\
             Content-Transfer-Encoding: {}\r\n\r\n",
            self.encoding()
        );
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(body);
    }
}

impl Report<'_> {
    /// Writes the report.
    pub fn write(&self) -> ReportMail {
        let smtputf8 = self.smtputf8();
        let parts = [words::part(self), status::part(self, smtputf8), original::part(self)];
        let boundary = self.boundary(&parts);
        let mut content = self.header(&boundary, &parts).into_bytes();
        for part in &parts {
            content.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            part.write_to(&mut content);
            content.extend_from_slice(b"\r\n");
        }
        content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        let body = if content.is_ascii() { BodyType::SevenBit } else { BodyType::EightBitMime };
        ReportMail { content, body, smtputf8 }
    }

    fn smtputf8(&self) -> SmtpUtf8 {
        let needed = self.to.needs_smtputf8() || self.from.needs_smtputf8();
        if needed { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded }
    }

    /// The header with the empty line after it. The report-type is the subtype of the second part (RFC 6522
    /// section 3).
    fn header(&self, boundary: &str, parts: &[Part]) -> String {
        let host = self.reporting_mta;
        let mut header = format!(
            "Date: {}\r\nMessage-ID: <{}@{host}>\r\nFrom: Mail Delivery System <{}>\r\nTo: <{}>\r\nSubject: {}\r\n",
            rfc5322_date(self.date),
            self.id,
            self.from,
            self.to,
            words::subject(self)
        );
        // Writing to a String cannot fail.
        if let Some(original) = original_message_id(self.original) {
            let _ = write!(header, "In-Reply-To: {original}\r\nReferences: {original}\r\n");
        }
        let report_type = status::subtype(self.smtputf8());
        let _ = write!(
            header,
            "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type={report_type};\r\n\tboundary=\"{boundary}\"\r\n"
        );
        let eight_bit = parts.iter().any(|part| !part.body.is_ascii());
        let encoding = if eight_bit { "Content-Transfer-Encoding: 8bit\r\n\r\n" } else { "\r\n" };
        header.push_str(encoding);
        header
    }

    /// A boundary that no part contains: what comes back may hold a boundary chosen to end its part.
    fn boundary(&self, parts: &[Part]) -> String {
        let mut seed = self.id.as_raw();
        loop {
            let boundary = format!("=_{:016x}", spread(seed));
            let finder = memchr::memmem::Finder::new(&boundary);
            if parts.iter().all(|part| finder.find(&part.body).is_none()) {
                return boundary;
            }
            seed = seed.wrapping_add(1);
        }
    }

    /// The recipients of one kind.
    fn of(&self, wanted: impl Fn(ReportKind) -> bool) -> impl Iterator<Item = &ReportedRecipient<'_>> {
        self.recipients.iter().filter(move |recipient| wanted(recipient.kind))
    }
}

impl ReportKind {
    /// Whether the recipient was given up.
    fn is_failed(self) -> bool {
        self == Self::Failed
    }

    /// Whether the recipient is late.
    fn is_delayed(self) -> bool {
        matches!(self, Self::Delayed { .. })
    }

    /// Whether the recipient was handed on.
    fn is_relayed(self) -> bool {
        self == Self::Relayed
    }
}

/// The Message-ID of the original, angle brackets included, if it is fit to be repeated.
fn original_message_id(original: &[u8]) -> Option<String> {
    let (header, _) = split_header(original);
    let id = fields(header).find(|field| field.is("Message-ID"))?.unfolded();
    let inner = id.strip_prefix('<')?.strip_suffix('>')?;
    let harmless = |octet: u8| octet.is_ascii_graphic() && !b"<>".contains(&octet);
    let fits = (1..=MAX_MESSAGE_ID).contains(&inner.len()) && inner.bytes().all(harmless);
    fits.then_some(id)
}

/// A point in time as header fields write it, in UTC (RFC 5322 section 3.3).
fn rfc5322_date(at: UnixMillis) -> String {
    Date::new(i64::try_from(at.as_secs()).unwrap_or(i64::MAX)).to_rfc822()
}

#[cfg(test)]
mod tests;
