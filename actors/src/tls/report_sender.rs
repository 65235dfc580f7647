//! TlsReporter: tells owners of domains, once a day, how TLS with their hosts went (RFC 8460).
//!
//! Owns the periods that are over and not yet reported. Never counts a session (connections do, in [`TlsSessions`])
//! and decides nothing about TLS. Started by the engine; if it dies, reports stay away until the next start, which
//! finds the periods where this one put them down. It also puts down what was learnt of MTA-STS policies, so that
//! even a killed process leaves them behind.
//!
//! Mailbox: nothing is sent to it but by its own timers.
//!
//! [`TlsSessions`]: super::TlsSessions

use super::{
    ReportSending,
    kept::{Period, keep_periods, kept_periods},
    report_courier::Courier,
};
use crate::{clock, intake::Intake, supervisor::Deps};
use actix::prelude::*;
use std::{rc::Rc, time::Duration};

/// How often newly learnt policies are put down.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// Longest sleep: timers run on a clock that is never set, midnight on one that is.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);

/// The actor.
pub struct TlsReporter {
    deps: Rc<Deps>,
    courier: Option<Rc<Courier>>,
    /// Oldest first.
    over: Vec<Period>,
}

impl TlsReporter {
    /// One that mails reports through `intake`.
    pub fn new(deps: Rc<Deps>, intake: Intake) -> Self {
        let courier = Courier::new(Rc::clone(&deps), intake).map(Rc::new);
        let reports = deps.settings.tls_reports != ReportSending::Off;
        let over = if reports { kept_periods(&deps.control) } else { Vec::new() };
        Self { deps, courier, over }
    }

    /// Waits for the end of the period.
    fn wait(&mut self, ctx: &mut Context<Self>) {
        let began = self.deps.tls.sessions().since();
        let Some(end) = self.deps.settings.tls_reports.period_end(began) else { return };
        let now = clock::now();
        if now >= end {
            self.close(ctx);
            return self.wait(ctx);
        }
        ctx.run_later(end.since(now).min(LONGEST_SLEEP), Self::wait);
    }

    /// Ends the period and begins the next.
    fn close(&mut self, ctx: &mut Context<Self>) {
        let period = self.deps.tls.sessions().take(clock::now());
        if period.is_empty() {
            return;
        }
        self.over.push(period);
        self.keep();
        // What was put down of it as sessions of today would be reported twice.
        self.deps.tls.keep(&self.deps.control);
        self.send_later(ctx);
    }

    /// Sends what is over, in a while.
    fn send_later(&mut self, ctx: &mut Context<Self>) {
        let delay = self.deps.settings.tls_reports.delay(clock::unix_micros());
        ctx.run_later(delay, |reporter, ctx| {
            let Some(courier) = reporter.courier.clone() else { return };
            let Some(period) = reporter.over.first().cloned() else { return };
            let began = period.began();
            let sent = async move { courier.deliver(period).await };
            ctx.spawn(sent.into_actor(reporter).map(move |(), reporter, _| {
                reporter.over.retain(|period| period.began() != began);
                reporter.keep();
            }));
        });
    }

    fn keep(&self) {
        if let Err(error) = keep_periods(&self.deps.control, &self.over) {
            tracing::warn!(%error, "TLS sessions to be reported could not be put down");
        }
    }
}

impl Actor for TlsReporter {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(KEEP_EVERY, |reporter, _| reporter.deps.tls.keep_policies(&reporter.deps.control));
        for _ in 0..self.over.len() {
            self.send_later(ctx);
        }
        self.wait(ctx);
    }
}
