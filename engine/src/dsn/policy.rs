//! When the sender is told what became of its message (RFC 3461 section 5.2, RFC 5321 section 6.1).

use super::{RecipientDsn, ReportKind};
use crate::{address::ReversePath, envelope::Origin, time::UnixMillis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Who tells the sender of success, once the next server has a message (RFC 3461 sections 5.2.1 and 5.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DsnDuty {
    /// That server: it offers DSN and was told what the sender wants.
    PassedOn,
    /// We: it does not offer DSN, so all that can ever be said is that it has the message.
    Ours,
}

/// Whether the sender was told that a message is late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum DelayWarning {
    /// Not told, or there was no need to.
    #[default]
    NotSent,
    /// Told; once is enough.
    Sent,
}

/// What happened to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportEvent {
    /// It was given up.
    Failed,
    /// The next server has the message.
    HandedOn(DsnDuty),
    /// It will be tried again.
    Deferred {
        /// Time since we took the message.
        age: Duration,
        /// When the last attempt will be.
        will_retry_until: UnixMillis,
        /// Whether the sender knows already.
        warning: DelayWarning,
    },
}

/// Which reports are written at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportPolicy {
    /// How old a message gets before its sender is told that it is late; `None` for never.
    pub delay_warning_after: Option<Duration>,
}

impl Default for ReportPolicy {
    /// A warning after four hours, as most servers have it.
    fn default() -> Self {
        Self { delay_warning_after: Some(Duration::from_secs(4 * 3600)) }
    }
}

impl ReportPolicy {
    /// The report due to `reverse_path` for a recipient that asked for `dsn`, of a message from `origin`.
    ///
    /// None ever goes to the null path, nor about a message that is a report itself, for else two broken
    /// addresses would write to each other for ever (RFC 5321 section 6.1). Reports are mail like any other
    /// afterwards, but no limit for senders applies to them: what has failed was counted when it came in.
    pub fn report_due(
        &self,
        origin: Origin,
        reverse_path: &ReversePath,
        dsn: &RecipientDsn,
        event: ReportEvent,
    ) -> Option<ReportKind> {
        if origin == Origin::Report || *reverse_path == ReversePath::Null {
            return None;
        }
        match event {
            ReportEvent::Failed => dsn.wants_failure().then_some(ReportKind::Failed),
            ReportEvent::HandedOn(DsnDuty::PassedOn) => None,
            ReportEvent::HandedOn(DsnDuty::Ours) => dsn.wants_success().then_some(ReportKind::Relayed),
            ReportEvent::Deferred { age, will_retry_until, warning } => {
                let late = self.delay_warning_after.is_some_and(|limit| age >= limit);
                let due = late && warning == DelayWarning::NotSent && dsn.wants_delay();
                due.then_some(ReportKind::Delayed { will_retry_until })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsn::Notify;

    const UNTIL: UnixMillis = UnixMillis::new(9_000);
    const DELAYED: ReportKind = ReportKind::Delayed { will_retry_until: UNTIL };
    const HOUR: Duration = Duration::from_secs(3600);

    fn deferred(age: Duration, warning: DelayWarning) -> ReportEvent {
        ReportEvent::Deferred { age, will_retry_until: UNTIL, warning }
    }

    fn due(notify: &str, event: ReportEvent) -> Option<ReportKind> {
        let dsn = RecipientDsn { notify: Notify::parse(notify), orcpt: None };
        ReportPolicy::default().report_due(Origin::Relay, &sender(), &dsn, event)
    }

    fn sender() -> ReversePath {
        ReversePath::parse("a@b.example").unwrap()
    }

    #[test]
    fn reports_what_the_sender_asked_for() {
        let late = deferred(4 * HOUR, DelayWarning::NotSent);
        let handed_on = ReportEvent::HandedOn(DsnDuty::Ours);
        let (failed, relayed) = (Some(ReportKind::Failed), Some(ReportKind::Relayed));
        // (NOTIFY, after a failure, when late, when handed on)
        let cases = [
            ("", failed, Some(DELAYED), None),
            ("NEVER", None, None, None),
            ("FAILURE", failed, None, None),
            ("DELAY", None, Some(DELAYED), None),
            ("SUCCESS", None, None, relayed),
            ("SUCCESS,FAILURE,DELAY", failed, Some(DELAYED), relayed),
        ];
        for (notify, on_failure, on_delay, on_success) in cases {
            assert_eq!(due(notify, ReportEvent::Failed), on_failure, "{notify}");
            assert_eq!(due(notify, late), on_delay, "{notify}");
            assert_eq!(due(notify, handed_on), on_success, "{notify}");
        }
    }

    #[test]
    fn leaves_success_to_a_server_that_was_asked() {
        assert_eq!(due("SUCCESS", ReportEvent::HandedOn(DsnDuty::PassedOn)), None);
    }

    #[test]
    fn warns_once_and_not_before_its_time() {
        let short = HOUR * 4 - Duration::from_millis(1);
        assert_eq!(due("", deferred(short, DelayWarning::NotSent)), None);
        assert_eq!(due("", deferred(4 * HOUR, DelayWarning::NotSent)), Some(DELAYED));
        assert_eq!(due("", deferred(9 * HOUR, DelayWarning::Sent)), None);
        let silent = ReportPolicy { delay_warning_after: None };
        let event = deferred(9 * HOUR, DelayWarning::NotSent);
        assert_eq!(silent.report_due(Origin::Api, &sender(), &RecipientDsn::default(), event), None);
    }

    #[test]
    fn nobody_hears_of_a_report_and_the_null_path_hears_of_nothing() {
        let all = RecipientDsn { notify: Notify::parse("SUCCESS,FAILURE,DELAY"), orcpt: None };
        let events = [
            ReportEvent::Failed,
            ReportEvent::HandedOn(DsnDuty::Ours),
            deferred(9 * HOUR, DelayWarning::NotSent),
        ];
        let policy = ReportPolicy::default();
        for event in events {
            assert_eq!(policy.report_due(Origin::Report, &sender(), &all, event), None);
            assert_eq!(policy.report_due(Origin::Relay, &ReversePath::Null, &all, event), None);
            assert!(policy.report_due(Origin::Relay, &sender(), &all, event).is_some());
        }
    }
}
