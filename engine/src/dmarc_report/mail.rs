//! The mail that carries an aggregate report (RFC 9990 section 3.5).
//!
//! It must pass DMARC itself, so it is DKIM-signed by the domain in its From field; and nobody is told when it cannot be
//! delivered, so its reverse path is null. Both are the caller's to see to.

use super::AggregateReport;
use crate::{
    address::{Domain, EmailAddress},
    mx::spread,
    time::UnixMillis,
};
use mail_builder::{
    headers::{
        Header, address::Address, content_type::ContentType, date::Date, message_id::MessageId, raw::Raw,
    },
    mime::{BodyPart, MimePart},
};

/// The media type of the file.
const GZIP_TYPE: &str = "application/gzip";

/// What the mail needs beside the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AggregateMail<'a> {
    /// The From field.
    pub from: &'a EmailAddress,
    /// The To field: a destination of the domain's record.
    pub to: &'a EmailAddress,
    /// The name of this installation, as in the file's name.
    pub submitter: &'a Domain,
    /// The Date field.
    pub date: UnixMillis,
    /// The Message-ID without angle brackets.
    pub message_id: &'a str,
    /// Where the MIME boundary comes from.
    pub boundary_seed: u64,
}

impl AggregateMail<'_> {
    /// The message with the report and its compressed document, ready to be signed: CRLF line ends, ASCII (where the
    /// addresses are).
    pub fn build(&self, report: &AggregateReport, gzip: Vec<u8>) -> Vec<u8> {
        let mut message = Vec::new();
        self.write_header(&mut message, report);
        self.body(report, gzip).write_part(&mut message);
        message
    }

    fn write_header(&self, out: &mut Vec<u8>, report: &AggregateReport) {
        let seconds = i64::try_from(self.date.as_secs()).unwrap_or(i64::MAX);
        let (domain, submitter) = (report.domain(), self.submitter);
        let subject = format!("Report Domain: {domain} Submitter: {submitter} Report-ID: <{}>", report.id());
        write_field(out, "Date", &Date::new(seconds));
        write_field(out, "Message-ID", &MessageId::new(self.message_id));
        write_field(out, "From", &Address::new_address(None::<&str>, self.from.as_str()));
        write_field(out, "To", &Address::new_address(None::<&str>, self.to.as_str()));
        write_field(out, "Subject", &Raw::new(subject));
        write_field(out, "Auto-Submitted", &Raw::new("auto-generated"));
        write_field(out, "MIME-Version", &Raw::new("1.0"));
    }

    fn body(&self, report: &AggregateReport, gzip: Vec<u8>) -> MimePart<'static> {
        let (domain, submitter) = (report.domain(), self.submitter);
        let at = |seconds: u64| UnixMillis::new(seconds.saturating_mul(1_000));
        let text = format!(
            "This is a DMARC aggregate report by {submitter} about mail in the name of\r\n{domain},\r\nfrom {} to {}.\
             \r\nIt was sent because of the TXT record _dmarc.{domain}.\r\n",
            at(report.begin()),
            at(report.end()),
        );
        let text_type = ContentType::new("text/plain").attribute("charset", "us-ascii");
        let text =
            MimePart::new(text_type, BodyPart::Binary(text.into_bytes().into())).transfer_encoding("7bit");
        let file = MimePart::new(ContentType::new(GZIP_TYPE), gzip).attachment(report.file_name(submitter));
        let kind = ContentType::new("multipart/mixed")
            .attribute("boundary", format!("=_{:016x}", spread(self.boundary_seed)));
        MimePart::new(kind, vec![text, file])
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &impl Header) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value.write_header(out, name.len() + 2);
}
