//! Bringing TLS reports to those who asked for them (RFC 8460 sections 3 and 5).

use super::kept::Period;
use crate::{
    dns::TxtAnswer,
    https::{Https, Overlong},
    intake::{Intake, NewMessage},
    supervisor::Deps,
};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Uri, header};
use mailwright_engine::{
    address::{Domain, EmailAddress, ReversePath},
    class::TransportSecurity,
    envelope::{Origin, SmtpUtf8},
    tls::{
        report::{DateRange, GZIP_TYPE, ReportDestination, ReportHead, TlsReport, TlsRptRecord, record_name},
        report_mail::ReportMail,
    },
};
use std::{rc::Rc, time::Duration};
use tokio::time::timeout;

/// How long a POST may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pauses after which a POST that failed is tried again; after the last it is given up.
const RETRIES: [Duration; 3] = [Duration::from_secs(60), Duration::from_secs(900), Duration::from_secs(3600)];
/// Most octets read of the answer to a POST, which nobody looks at.
const MAX_ANSWER: usize = 64 << 10;

/// Brings reports.
pub(super) struct Courier {
    deps: Rc<Deps>,
    intake: Intake,
    /// The name of this installation.
    submitter: Domain,
}

/// Whom the reports are from, and so whose keys sign them.
struct Sender {
    from: EmailAddress,
    contact: EmailAddress,
}

impl Courier {
    /// `None` where the host name is no mail domain: then there is nobody the reports could be from.
    pub(super) fn new(deps: Rc<Deps>, intake: Intake) -> Option<Self> {
        let hostname = &deps.settings.hostname;
        match Domain::parse(hostname) {
            Ok(submitter) => Some(Self { deps, intake, submitter }),
            Err(_) => {
                tracing::warn!(hostname, "no TLS reports are sent: the host name is no domain");
                None
            }
        }
    }

    /// Brings the reports of a period to all who asked for one.
    pub(super) async fn deliver(&self, period: Period) {
        let range = period.range();
        for counted in period.into_domains() {
            let domain = counted.domain().clone();
            if let Some(record) = self.record(&domain).await
                && let Some(sender) = self.sender()
            {
                let report = counted.finish(self.head(&domain, &sender, range));
                for destination in record.destinations() {
                    self.bring(&report, &sender, destination).await;
                }
            }
        }
    }

    async fn record(&self, domain: &Domain) -> Option<TlsRptRecord> {
        if domain.literal().is_some() {
            return None;
        }
        let TxtAnswer::Records(records) = self.deps.dns.txt(&record_name(domain)).await.answer else {
            return None;
        };
        match TlsRptRecord::find(records.iter().map(String::as_bytes)) {
            Ok(record) => record,
            Err(error) => {
                tracing::debug!(%domain, reason = %error, "TLS-RPT record ignored");
                None
            }
        }
    }

    /// Reports are from the nearest sending domain above our host name: they must be signed (section 3). Without
    /// one they go out unsigned, which most receivers of reports will refuse.
    fn sender(&self) -> Option<Sender> {
        let control = &self.deps.control;
        let parents = std::iter::successors(Some(self.submitter.as_str()), |name| {
            name.split_once('.').map(|(_, parent)| parent)
        });
        let signing = parents.filter_map(|name| Domain::parse(name).ok());
        let signing = signing
            .into_iter()
            .find(|domain| control.sending_domain(domain).is_some_and(|domain| domain.is_open()));
        if signing.is_none() {
            tracing::warn!(
                hostname = %self.submitter,
                "TLS reports go out unsigned: neither the host name nor a domain above it is a sending domain"
            );
        }
        let domain = signing.unwrap_or_else(|| self.submitter.clone());
        let address = |local: &str| EmailAddress::parse(&format!("{local}@{domain}")).ok();
        Some(Sender { from: address("tls-reports")?, contact: address("postmaster")? })
    }

    fn head(&self, domain: &Domain, sender: &Sender, range: DateRange) -> ReportHead {
        ReportHead {
            organization: self.submitter.as_str().to_owned(),
            contact: sender.contact.clone(),
            // The same when it is sent again, so that whoever gets two can tell.
            id: format!("{}.{domain}@{}", range.start.as_millis(), self.submitter),
            range,
        }
    }

    async fn bring(&self, report: &TlsReport, sender: &Sender, destination: &ReportDestination) {
        let domain = report.domain();
        match destination {
            ReportDestination::Mail(to) => match self.mail(report, sender, to).await {
                Ok(()) => tracing::info!(%domain, %to, report = report.id(), "TLS report queued"),
                Err(reason) => tracing::warn!(%domain, %to, reason, "TLS report not queued"),
            },
            ReportDestination::Https(url) => match report.to_gzip() {
                Ok(body) => {
                    let post = Post { domain: domain.clone(), url: url.clone(), body: body.into() };
                    post.bring(self.deps.tls.https()).await;
                }
                Err(error) => tracing::error!(%error, "TLS report not written"),
            },
        }
    }

    async fn mail(&self, report: &TlsReport, sender: &Sender, to: &EmailAddress) -> Result<(), String> {
        let (id, date) = self.intake.next_id();
        let mail = ReportMail {
            from: &sender.from,
            to,
            submitter: &self.submitter,
            date,
            message_id: &format!("{id}@{}", self.submitter),
            boundary_seed: date.as_millis(),
        };
        let content = mail.build(report).map_err(|error| error.to_string())?;
        let message = NewMessage {
            smtputf8: if to.needs_smtputf8() { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded },
            // Broken TLS may be the very news.
            security: TransportSecurity::NotRequired,
            signed_by: self.intake.domain_of_author(&content),
            ..NewMessage::new(id, ReversePath::Null, vec![to.clone()], Origin::Report, content)
        };
        self.intake.accept(message).await.map_err(|error| error.to_string())
    }
}

/// A report on its way to an HTTPS address (section 5.4).
struct Post {
    domain: Domain,
    url: String,
    body: Bytes,
}

impl Post {
    /// Posts it. If that fails it is tried again beside other work, in the end for the last time: the next report
    /// comes tomorrow.
    async fn bring(self, https: Rc<Https>) {
        let Err(reason) = self.attempt(&https).await else { return self.done() };
        tracing::debug!(domain = %self.domain, url = self.url, reason, "TLS report not posted");
        actix_rt::spawn(async move {
            for pause in RETRIES {
                tokio::time::sleep(pause).await;
                match self.attempt(&https).await {
                    Ok(()) => return self.done(),
                    Err(reason) => {
                        tracing::warn!(domain = %self.domain, url = self.url, reason, "TLS report not posted");
                    }
                }
            }
        });
    }

    fn done(&self) {
        tracing::info!(domain = %self.domain, url = self.url, "TLS report posted");
    }

    async fn attempt(&self, https: &Https) -> Result<(), String> {
        let posted = timeout(PATIENCE, self.exchange(https)).await;
        match posted.map_err(|_| format!("not done within {PATIENCE:?}"))?? {
            200..=299 => Ok(()),
            status => Err(format!("the server answered with status {status}")),
        }
    }

    /// Returns the status of the answer.
    async fn exchange(&self, https: &Https) -> Result<u16, String> {
        let uri: Uri = self.url.parse().map_err(|error| format!("{error}"))?;
        let host = uri.host().ok_or("the address names no host")?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, GZIP_TYPE)
            .body(Full::new(self.body.clone()))
            .map_err(|error| error.to_string())?;
        let answer =
            https.exchange(host, uri.port_u16().unwrap_or(443), request, MAX_ANSWER, Overlong::Refused).await;
        answer.map(|answer| answer.status).map_err(|error| error.to_string())
    }
}
