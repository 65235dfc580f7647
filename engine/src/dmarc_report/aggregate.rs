//! The report as a document (RFC 9990 section 3.1).

use super::model::{PolicyPublished, Record, Report};
use crate::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use flate2::{Compression, GzBuilder};
use std::io::{self, Write};

/// What is told of a report beside its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportHead {
    /// Who reports, in the words of the configuration.
    pub organization: String,
    /// Whom to ask about the report.
    pub email: EmailAddress,
    /// How else to ask, if there is a way.
    pub contact: Option<String>,
    /// A name for the report, unlike that of any other: printable ASCII without spaces.
    pub id: String,
    /// The first moment it is about; by section 3.1.1.4 a day of UTC.
    pub begin: UnixMillis,
    /// Its last.
    pub end: UnixMillis,
}

/// A finished report on one domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AggregateReport {
    report: Report,
    domain: Domain,
}

impl AggregateReport {
    /// The report on `domain` by `policy` and by `kinds` of messages with their counts, both as
    /// [`JudgedMail`](super::JudgedMail) wrote them; what cannot be read any more is left out.
    pub fn new(
        domain: Domain,
        head: ReportHead,
        policy: &str,
        kinds: impl IntoIterator<Item = (String, u64)>,
    ) -> Self {
        let policy = serde_json::from_str(policy)
            .unwrap_or_else(|_| PolicyPublished { domain: domain.to_string(), ..PolicyPublished::default() });
        let mut report = Report::new()
            .with_version(1.0)
            .with_org_name(head.organization)
            .with_email(head.email.as_str())
            .with_report_id(head.id)
            .with_date_range_begin(head.begin.as_secs())
            .with_date_range_end(head.end.as_secs())
            .with_generator("mailwright")
            .with_policy_published(policy);
        if let Some(contact) = head.contact {
            report = report.with_extra_contact_info(contact);
        }
        for (kind, count) in kinds {
            if let Ok(record) = serde_json::from_str::<Record>(&kind) {
                report.add_record(record.with_count(u32::try_from(count).unwrap_or(u32::MAX)));
            }
        }
        Self { report, domain }
    }

    /// The domain.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    /// Its name.
    pub fn id(&self) -> &str {
        self.report.report_id()
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.report.records().is_empty()
    }

    /// The first moment it is about, in seconds since the epoch.
    pub fn begin(&self) -> u64 {
        self.report.date_range_begin()
    }

    /// The last.
    pub fn end(&self) -> u64 {
        self.report.date_range_end()
    }

    /// The document.
    pub fn to_xml(&self) -> String {
        self.report.to_xml()
    }

    /// The document, compressed; equal reports give equal octets.
    ///
    /// # Errors
    /// None that is known of: it is written to memory.
    pub fn to_gzip(&self) -> io::Result<Vec<u8>> {
        let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
        gzip.write_all(self.to_xml().as_bytes())?;
        gzip.finish()
    }

    /// The name of the file that `submitter` sends (section 3.5.2).
    pub fn file_name(&self, submitter: &Domain) -> String {
        format!("{submitter}!{}!{}!{}.xml.gz", self.domain, self.begin(), self.end())
    }
}
