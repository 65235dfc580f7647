//! DmarcReporter: tells owners of domains, once a day, how mail in their name fared here (RFC 9990).
//!
//! What was judged, and who was told, is on disk ([`Reports`]); here is only the one who goes by it. A report goes
//! through intake like other mail and carries the mark of a keyed request, so that it is sent once even if the process
//! ends before it is noted that it was.

use crate::metrics;
use aws_lc_rs::digest::{Context, SHA256};
use mailwright_actors::{
    clock,
    dns_check::DnsCheck,
    intake::{Intake, NewMessage},
};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    dmarc_report::{AggregateMail, AggregateReport, ReportHead},
    domain_dns::{Lookups, ReportAddress, ReportWish, report_destinations},
    envelope::{Origin, SmtpUtf8},
    request_mark::{RequestDigest, RequestKey},
};
use mailwright_storage::{
    StorageError,
    reports::{DueReport, Reports},
    requests::{Begun, KeptMessage, KeyedRequests, Ticket},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval},
};

/// How often it is looked for what is due: this part of a period, within these bounds.
const LOOKS: u32 = 20;
const MOST_OFTEN: Duration = Duration::from_secs(1);
const LEAST_OFTEN: Duration = Duration::from_secs(60);
/// After how long a report is tried again whose destinations could not be looked up, or that could not be queued.
const AGAIN: Duration = Duration::from_secs(3600);

/// Whom reports are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReporterSettings {
    /// Their author, whose domain signs them.
    pub from: EmailAddress,
    /// The name of this installation.
    pub submitter: Domain,
    /// Who reports, in words.
    pub organization: String,
    /// How to ask about reports, beside writing to their author.
    pub contact: Option<String>,
}

/// What a reporter needs.
pub struct ReporterParts {
    /// What is to be told.
    pub reports: Reports,
    /// Where it is remembered that a report was accepted.
    pub requests: KeyedRequests,
    /// The way out.
    pub intake: Intake,
    /// Who is asked for destinations.
    pub check: DnsCheck,
    /// Whom reports are from.
    pub settings: ReporterSettings,
}

/// Sends reports. Used on one thread.
pub struct DmarcReporter {
    parts: ReporterParts,
    period: Duration,
}

/// Why a report was not sent for now.
#[derive(Debug, thiserror::Error)]
enum NotNow {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("the look-up of its destinations failed: {0}")]
    Dns(String),
    #[error("{0}")]
    Intake(#[from] mailwright_actors::intake::IntakeError),
    #[error("it could not be written: {0}")]
    Written(#[from] std::io::Error),
    #[error("the process is ending")]
    Ending,
}

impl DmarcReporter {
    /// A reporter of `parts`.
    pub fn new(parts: ReporterParts) -> Self {
        let period = parts.reports.settings().period;
        Self { parts, period }
    }

    /// Sends what is due, until `stopping`. A report under way is finished.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut due = interval((self.period / LOOKS).clamp(MOST_OFTEN, LEAST_OFTEN));
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = due.tick() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
            if let Err(error) = self.send_due(&stopping).await {
                tracing::error!(%error, "DMARC reports that are due are not known");
            }
        }
    }

    async fn send_due(&self, stopping: &watch::Receiver<bool>) -> Result<(), NotNow> {
        let reports = self.parts.reports.clone();
        for due in blocking(move || reports.due(clock::wall())).await? {
            if *stopping.borrow() {
                return Ok(());
            }
            match self.send(&due).await {
                Ok(result) => metrics::dmarc_report(result),
                Err(error) => {
                    metrics::dmarc_report("put_off");
                    tracing::warn!(domain = %due.domain, %error, "DMARC report put off");
                    let (reports, again) = (self.parts.reports.clone(), AGAIN.min(self.period));
                    let at = clock::wall().saturating_add(again);
                    blocking(move || reports.put_off(&due, at)).await?;
                }
            }
        }
        Ok(())
    }

    /// Sends a report to all who want it; returns what came of it, in a word.
    async fn send(&self, due: &DueReport) -> Result<&'static str, NotNow> {
        let judge = |lookups: &mut Lookups<'_>| report_destinations(due.domain.as_str(), lookups);
        let result = match self.parts.check.run(judge).await {
            ReportWish::Unknown(why) => return Err(NotNow::Dns(why)),
            ReportWish::Nobody => "unwanted",
            ReportWish::Wanted(destinations) => self.send_to(due, &destinations).await?,
        };
        let (reports, done) = (self.parts.reports.clone(), due.clone());
        blocking(move || reports.reported(&done)).await?;
        Ok(result)
    }

    async fn send_to(&self, due: &DueReport, destinations: &[ReportAddress]) -> Result<&'static str, NotNow> {
        let (reports, head, due) = (self.parts.reports.clone(), self.head(due), due.clone());
        let (report, gzip) = blocking(move || {
            let kinds = reports.kinds(&due)?;
            let report = AggregateReport::new(due.domain, head, &due.policy, kinds);
            let gzip = report.to_gzip()?;
            Ok::<_, NotNow>((Arc::new(report), gzip))
        })
        .await?;
        if report.is_empty() {
            return Ok("empty");
        }
        let mut result = "too_large";
        for ReportAddress { address, most } in destinations {
            if most.is_some_and(|most| most < gzip.len() as u64) {
                tracing::info!(domain = %report.domain(), to = %address, "DMARC report is larger than wanted");
                continue;
            }
            self.mail(&report, &gzip, address).await?;
            result = "queued";
        }
        Ok(result)
    }

    fn head(&self, due: &DueReport) -> ReportHead {
        let ReporterSettings { from, submitter, organization, contact } = &self.parts.settings;
        ReportHead {
            organization: organization.clone(),
            email: from.clone(),
            contact: contact.clone(),
            // The same when it is sent again, so that whoever gets two can tell.
            id: format!("{}.{}@{submitter}", due.begin.as_millis(), due.domain),
            begin: due.begin,
            end: due.end,
        }
    }

    async fn mail(&self, report: &AggregateReport, gzip: &[u8], to: &EmailAddress) -> Result<(), NotNow> {
        let Some(ticket) = self.ticket(report, to).await? else { return Ok(()) };
        let ReporterSettings { from, submitter, .. } = &self.parts.settings;
        let intake = &self.parts.intake;
        let (id, date) = intake.next_id();
        let message_id = format!("{id}@{submitter}");
        let boundary_seed = date.as_millis();
        let mail = AggregateMail { from, to, submitter, date, message_id: &message_id, boundary_seed };
        let content = mail.build(report, gzip.to_vec());
        let recipients = vec![to.to_string()];
        let kept = KeptMessage { id, message_id, recipients, left_out: Vec::new(), send_at: None };
        let message = NewMessage {
            smtputf8: if to.needs_smtputf8() { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded },
            signed_by: intake.domain_of_author(&content),
            request: Some(Box::new(ticket.announce(0, Vec::new(), kept))),
            ..NewMessage::new(id, ReversePath::Null, vec![to.clone()], Origin::Report, content)
        };
        if let Err(error) = intake.accept(message).await {
            ticket.withdraw(id);
            return Err(error.into());
        }
        ticket.answered(String::new());
        tracing::info!(domain = %report.domain(), %to, report = report.id(), "DMARC report queued");
        Ok(())
    }

    /// The right to send a report to an address; `None` if it was sent before.
    async fn ticket(&self, report: &AggregateReport, to: &EmailAddress) -> Result<Option<Ticket>, NotNow> {
        let hash = hash(["dmarc-report", report.id(), to.as_str()]);
        let requests = self.parts.requests.clone();
        let begun = blocking(move || requests.begin(RequestKey::new(hash), RequestDigest::new(hash))).await?;
        Ok(match begun {
            Begun::Ticket(ticket) => ticket.accepted(0).is_none().then_some(ticket),
            Begun::Answered(_) | Begun::UnderWay | Begun::OtherRequest => None,
        })
    }
}

fn hash<const N: usize>(parts: [&str; N]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut half = [0; 16];
    half.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    half
}

/// Does what blocks beside the event loop.
async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, NotNow>
where
    T: Send + 'static,
    E: Send + 'static,
    NotNow: From<E>,
{
    Ok(tokio::task::spawn_blocking(work).await.map_err(|_| NotNow::Ending)??)
}
