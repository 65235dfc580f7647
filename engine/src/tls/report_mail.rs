//! The mail that carries a TLS report (RFC 8460 section 5.3).
//!
//! It is sent like other mail, with three differences that are the caller's to see to: it must be DKIM-signed
//! by the domain in its From field (section 3); it goes out whatever the state of the recipient's TLS, of
//! which it may be the news
//! ([`TransportSecurity::NotRequired`](crate::class::TransportSecurity::NotRequired)); and nobody is told
//! when it cannot be delivered, so its reverse path is null.

use super::report::{GZIP_TYPE, ReportError, TlsReport};
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

/// What the mail needs beside the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportMail<'a> {
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

impl ReportMail<'_> {
    /// The message, ready to be signed: CRLF line ends, ASCII (where the addresses are).
    ///
    /// # Errors
    /// [`ReportError`] when the report cannot be written.
    pub fn build(&self, report: &TlsReport) -> Result<Vec<u8>, ReportError> {
        let body = self.body(report)?;
        let mut message = Vec::new();
        self.write_header(&mut message, report);
        body.write_part(&mut message);
        Ok(message)
    }

    fn write_header(&self, out: &mut Vec<u8>, report: &TlsReport) {
        let (domain, submitter) = (report.domain().as_str(), self.submitter.as_str());
        let seconds = i64::try_from(self.date.as_secs()).unwrap_or(i64::MAX);
        let subject = format!("Report Domain: {domain} Submitter: {submitter} Report-ID: <{}>", report.id());
        write_field(out, "Date", &Date::new(seconds));
        write_field(out, "Message-ID", &MessageId::new(self.message_id));
        write_field(out, "From", &Address::new_address(None::<&str>, self.from.as_str()));
        write_field(out, "To", &Address::new_address(None::<&str>, self.to.as_str()));
        write_field(out, "Subject", &Raw::new(subject));
        write_field(out, "TLS-Report-Domain", &Raw::new(domain));
        write_field(out, "TLS-Report-Submitter", &Raw::new(submitter));
        write_field(out, "TLS-Required", &Raw::new("No"));
        write_field(out, "Auto-Submitted", &Raw::new("auto-generated"));
        write_field(out, "MIME-Version", &Raw::new("1.0"));
    }

    fn body(&self, report: &TlsReport) -> Result<MimePart<'static>, ReportError> {
        let (domain, submitter) = (report.domain(), self.submitter);
        let range = report.range();
        let text = format!(
            "This is a report by {submitter} about the TLS sessions with the mail hosts\r\nof {domain},\r\nfrom {} \
             to {}.\r\nIt was sent because of the TXT record _smtp._tls.{domain}.\r\n",
            range.start, range.end
        );
        let text_type = ContentType::new("text/plain").attribute("charset", "us-ascii");
        let text =
            MimePart::new(text_type, BodyPart::Binary(text.into_bytes().into())).transfer_encoding("7bit");
        let file = MimePart::new(ContentType::new(GZIP_TYPE), report.to_gzip()?)
            .attachment(report.file_name(self.submitter));
        let kind = ContentType::new("multipart/report")
            .attribute("report-type", "tlsrpt")
            .attribute("boundary", format!("=_{:016x}", spread(self.boundary_seed)));
        Ok(MimePart::new(kind, vec![text, file]))
    }
}

fn write_field(out: &mut Vec<u8>, name: &str, value: &impl Header) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    value.write_header(out, name.len() + 2);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::report::{
        DateRange, FailureDetail, FailureKind, ReportHead, SessionPolicy, TlsReportBuilder,
    };
    use data_encoding::BASE64;
    use std::io::Read;

    fn domain(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    fn report() -> TlsReport {
        let mut builder = TlsReportBuilder::new(domain("example.net"));
        let policy = SessionPolicy::none(&domain("example.net"));
        builder.succeeded(&policy);
        builder.failed(&policy, FailureDetail::new(FailureKind::CertificateExpired));
        builder.finish(ReportHead {
            organization: "Company".into(),
            contact: EmailAddress::parse("tls@example.org").unwrap(),
            id: "735ff.e317@example.org".into(),
            range: DateRange {
                start: UnixMillis::new(1_795_219_200_000),
                end: UnixMillis::new(1_795_305_599_000),
            },
        })
    }

    fn build(message_id: &str) -> String {
        let (from, to) = ("tlsrpt@mail.example.org", "reports@example.net");
        let mail = ReportMail {
            from: &EmailAddress::parse(from).unwrap(),
            to: &EmailAddress::parse(to).unwrap(),
            submitter: &domain("mail.example.org"),
            date: UnixMillis::new(1_795_310_000_000),
            message_id,
            boundary_seed: 7,
        };
        String::from_utf8(mail.build(&report()).unwrap()).unwrap()
    }

    #[test]
    fn looks_like_the_example_of_the_rfc() {
        let mail = build("1@example.org");
        let unfolded = mail.replace("\r\n ", " ").replace("\r\n\t", " ").replace("  ", " ");
        for expected in [
            "From: <tlsrpt@mail.example.org>\r\n",
            "To: <reports@example.net>\r\n",
            "Subject: Report Domain: example.net Submitter: mail.example.org \
             Report-ID: <735ff.e317@example.org>\r\n",
            "TLS-Report-Domain: example.net\r\n",
            "TLS-Report-Submitter: mail.example.org\r\n",
            "TLS-Required: No\r\n",
            "Message-ID: <1@example.org>\r\n",
            "Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=",
            "Content-Type: application/tlsrpt+gzip",
            "filename=\"mail.example.org!example.net!1795219200!1795305599.json.gz\"",
            "Content-Transfer-Encoding: base64\r\n",
        ] {
            assert!(unfolded.contains(expected), "{expected} in\n{mail}");
        }
        assert!(mail.is_ascii() && mail.ends_with("--\r\n"));
        assert!(mail.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }

    /// The attachment as its reader gets it.
    fn attachment(mail: &str) -> Vec<u8> {
        let (_, part) = mail.split_once("Content-Type: application/tlsrpt+gzip").unwrap();
        let (_, encoded) = part.split_once("\r\n\r\n").unwrap();
        let (encoded, _) = encoded.split_once("\r\n--=_").unwrap();
        BASE64.decode(encoded.replace("\r\n", "").as_bytes()).unwrap()
    }

    #[test]
    fn carries_the_report() {
        let mut json = Vec::new();
        let file = attachment(&build("1@example.org"));
        flate2::read::GzDecoder::new(file.as_slice()).read_to_end(&mut json).unwrap();
        assert_eq!(json, report().to_json().unwrap());
    }

    #[test]
    fn equal_arguments_give_equal_bytes() {
        assert_eq!(build("1@example.org"), build("1@example.org"));
    }
}
