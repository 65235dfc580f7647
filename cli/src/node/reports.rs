//! Starting who sends reports, and giving back the room of old ones.

use super::{Node, NodeError};
use crate::config::Config;
use mailwright_actors::{clock, dns::Dns, dns_check::DnsCheck};
use mailwright_routing::{
    metrics,
    reports::{DmarcReporter, ReporterParts, ReportsInbox},
};
use mailwright_storage::reports::Reports;
use std::{rc::Rc, sync::Arc, time::Duration};

/// How often what is too old is removed.
const PURGE_EVERY: Duration = Duration::from_secs(3600);

impl Node {
    /// What takes reports on our zones.
    pub(super) fn reports_inbox(&self, config: &Config) -> Result<ReportsInbox, NodeError> {
        let (control, reports) = (Arc::clone(&self.control), self.records.reports.clone());
        Ok(ReportsInbox::new(control, reports, config.reports_domain()?))
    }

    /// Sends reports on this thread, if any are to be sent, and keeps what there is clean.
    pub(super) fn report(&self, config: &Config, dns: Rc<dyn Dns>) -> Result<(), NodeError> {
        keep_clean(self.records.reports.clone());
        let Some(settings) = config.reporter()? else { return Ok(()) };
        let reporter = DmarcReporter::new(ReporterParts {
            reports: self.records.reports.clone(),
            requests: self.records.requests.clone(),
            intake: self.engine.intake().clone(),
            check: DnsCheck::new(dns, None),
            settings,
        });
        actix_rt::spawn(reporter.run(self.stopping.subscribe()));
        Ok(())
    }
}

/// Purges now and then, until the system ends. Must run inside an actix system.
fn keep_clean(reports: Reports) {
    actix_rt::spawn(async move {
        let mut due = tokio::time::interval(PURGE_EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let reports = reports.clone();
            match tokio::task::spawn_blocking(move || reports.purge(clock::wall())).await {
                Ok(Ok(0)) => {}
                Ok(Ok(untold)) => {
                    metrics::dmarc_reports_untold(untold);
                    tracing::warn!(untold, "DMARC reports were given up: nobody could be told for days");
                }
                Ok(Err(error)) => tracing::warn!(%error, "old reports were not removed"),
                Err(_) => return,
            }
        }
    });
}
