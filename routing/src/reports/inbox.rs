//! Where reports on our zones arrive.
//!
//! A zone whose owner wants reports has an address for them: 32 hexadecimal digits that nobody guesses, at the host of
//! the configuration or at the zone itself. Whatever else arrives there is counted and thrown away, as at return paths:
//! nobody waits for an answer.

use crate::metrics;
use mailwright_actors::clock;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    report_in::{self, DmarcReceived, ReportReceived, TlsReceived},
};
use mailwright_storage::{
    StorageError,
    control::{Control, DmarcReports, ObjectId, Zone},
    reports::{Reports, Taken},
};
use std::sync::Arc;

/// Where reports on a zone arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportMailbox {
    zone: Zone,
}

/// Takes reports. Clones share everything.
#[derive(Debug, Clone)]
pub struct ReportsInbox {
    control: Arc<Control>,
    reports: Reports,
    host: Option<Domain>,
}

impl ReportsInbox {
    /// Takes reports on the zones of `control` into `reports`: at addresses of `host`, or, where there is none, of the
    /// zones themselves.
    pub fn new(control: Arc<Control>, reports: Reports, host: Option<Domain>) -> Self {
        Self { control, reports, host }
    }

    /// What has come in.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// Where reports on `zone` are to be sent, for its DMARC and TLS-RPT records.
    pub fn address(&self, zone: &Zone, wanted: &DmarcReports) -> Option<EmailAddress> {
        let host = self.host.as_ref().unwrap_or(&zone.name);
        EmailAddress::parse(&format!("{}@{host}", wanted.rua_prefix)).ok()
    }

    /// The mailbox with this address; `None` if it is none, or its zone wants no reports.
    pub fn mailbox(&self, address: &EmailAddress) -> Option<ReportMailbox> {
        let prefix: ObjectId = address.local().to_ascii_lowercase().parse().ok()?;
        let zone = self.control.zone_of_reports(&prefix)?;
        // The zone's own name goes on when a host is configured: records are changed later.
        let is_here = *address.domain() == zone.name || self.host.as_ref() == Some(address.domain());
        is_here.then_some(ReportMailbox { zone })
    }

    /// Counts the report in a message that arrived at `mailbox`, safe from a power cut on return. What is no report, or
    /// none on the zone, is thrown away. Blocks.
    ///
    /// # Errors
    /// When it has to come again; nothing of it was counted.
    pub fn take(&self, mailbox: &ReportMailbox, content: &[u8]) -> Result<(), StorageError> {
        let zone = &mailbox.zone;
        let (kind, result) = match report_in::read(content) {
            Ok(ReportReceived::Dmarc(report)) => ("dmarc", self.dmarc(zone, &report)?),
            Ok(ReportReceived::Tls(report)) => ("tls", self.tls(zone, report)?),
            Err(error) => {
                tracing::info!(zone = %zone.name, %error, "what arrived for reports is none");
                ("other", error.word())
            }
        };
        metrics::report_received(kind, result);
        Ok(())
    }

    fn dmarc(&self, zone: &Zone, report: &DmarcReceived) -> Result<&'static str, StorageError> {
        let (by, id) = (&report.organization, &report.id);
        if !zone.holds(&report.domain) {
            tracing::info!(zone = %zone.name, by, report = id, domain = %report.domain, "DMARC report on another domain");
            return Ok("foreign");
        }
        let taken = self.reports.take_dmarc(&zone.id, report, clock::wall())?;
        tell(zone, "DMARC", by, id, taken);
        Ok(taken.word())
    }

    fn tls(&self, zone: &Zone, mut report: TlsReceived) -> Result<&'static str, StorageError> {
        let was_empty = report.results.is_empty();
        // Policies of TLSA records are those of hosts, which may be anybody's.
        report.results.retain(|result| result.policy == "tlsa" || zone.holds(&result.domain));
        if report.results.is_empty() && !was_empty {
            tracing::info!(zone = %zone.name, by = report.organization, report = report.id, "TLS report on another domain");
            return Ok("foreign");
        }
        let taken = self.reports.take_tls(&zone.id, &report, clock::wall())?;
        tell(zone, "TLS", &report.organization, &report.id, taken);
        Ok(taken.word())
    }
}

fn tell(zone: &Zone, kind: &str, by: &str, report: &str, taken: Taken) {
    tracing::info!(zone = %zone.name, kind, by, report, result = taken.word(), "report taken");
}
