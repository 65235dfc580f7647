//! The attempts of the event log in the form in which shaping is tried on them.

use mailwright_engine::{
    id::QueueId,
    shaping::PastAttempt,
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        verdict::Outcome,
    },
    time::UnixMillis,
};
use mailwright_storage::{
    StorageError,
    events::{Event, EventKind, EventReader, LoggedEvent, ScanFilter, event::Attempt},
};

/// The attempts made from `from` to `to`, in the order of the log, which is that of time but for moments. Each
/// transaction is one, whatever the number of its recipients. What never reached a server is left out: shaping
/// is about what servers say. Blocks; ends early, saying so in the log, if the events cannot be read further.
///
/// # Errors
/// When the event log cannot be opened.
pub fn past_attempts(
    events: &EventReader,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<impl Iterator<Item = PastAttempt> + use<>, StorageError> {
    let attempts_only = ScanFilter { kinds: vec![EventKind::Attempt], about: None };
    let scan = events.scan(from, to, &attempts_only)?;
    let readable = scan.map_while(|logged| {
        logged.inspect_err(|error| tracing::warn!(%error, "the event log could not be read further")).ok()
    });
    Ok(Transactions { events: readable.peekable() })
}

/// Which transaction an attempt at a recipient was part of.
type Transaction = (Option<QueueId>, u16, u32);

struct Transactions<I: Iterator<Item = LoggedEvent>> {
    events: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = LoggedEvent>> Iterator for Transactions<I> {
    type Item = PastAttempt;

    fn next(&mut self) -> Option<PastAttempt> {
        loop {
            let logged = self.events.next()?;
            let (Some(first), Some(transaction)) = (attempt(&logged), transaction(&logged)) else { continue };
            let mut past = past(logged.at, first);
            let same = |next: &LoggedEvent| self::transaction(next) == Some(transaction);
            while let Some(next) = self.events.next_if(same) {
                // The last word counts, but one recipient served means that the site took the message.
                if let Some(more) = attempt(&next) {
                    past.delivered |= more.outcome == Outcome::Delivered;
                    past.reply = reply(&more.reply).or(past.reply);
                }
            }
            return Some(past);
        }
    }
}

/// The attempt that an event tells, if it reached a server.
fn attempt(logged: &LoggedEvent) -> Option<&Attempt> {
    match &logged.event {
        Event::Attempt(attempt) => Some(attempt).filter(|attempt| attempt.remote.is_some()).map(|a| &**a),
        _ => None,
    }
}

fn transaction(logged: &LoggedEvent) -> Option<Transaction> {
    attempt(logged).map(|attempt| (logged.about, attempt.group, attempt.attempt))
}

fn past(at: UnixMillis, attempt: &Attempt) -> PastAttempt {
    PastAttempt {
        at,
        domain: attempt.domain.clone(),
        mx_hosts: hosts(&attempt.site),
        source: attempt.source.as_ref().map(ToString::to_string),
        reply: reply(&attempt.reply),
        delivered: attempt.outcome == Outcome::Delivered,
    }
}

/// The hosts of a site by its name: joined by commas, or one next hop with its port.
fn hosts(site: &str) -> Vec<String> {
    let without_port = |name: &str| match name.rsplit_once(':') {
        Some((host, port)) if !name.ends_with(']') && port.parse::<u16>().is_ok() => host.to_owned(),
        _ => name.to_owned(),
    };
    site.split(',').filter(|name| !name.is_empty()).map(without_port).collect()
}

/// The reply that the words of a verdict begin with; `None` when the words are our own.
fn reply(words: &str) -> Option<Reply> {
    let (code, rest) = words.split_at_checked(3)?;
    let code = code.parse().ok().and_then(SmtpCode::new)?;
    let rest = rest.rsplit_once(" (while ").map_or(rest, |(said, _)| said).strip_prefix(' ')?;
    let (first, text) = rest.split_once(' ').unwrap_or((rest, ""));
    match first.parse::<EnhancedCode>() {
        Ok(enhanced) => Some(Reply::new(code, Some(enhanced), text)),
        Err(_) => Some(Reply::new(code, None, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{address::Domain, class::SourceName};

    fn event(at: u64, id: u64, recipient: u16, outcome: Outcome, said: &str) -> LoggedEvent {
        let attempt = Attempt {
            group: 0,
            recipient,
            address: String::new(),
            domain: Domain::parse("a.example").unwrap(),
            site: "mx1.example,mx2.example".to_owned(),
            tenant: None,
            mx: Some("mx1.example".to_owned()),
            remote: Some([192, 0, 2, 1].into()),
            source: Some(SourceName::unnamed()),
            tls: None,
            outcome,
            class: String::new(),
            status: EnhancedCode::new(4, 0, 0),
            reply: said.to_owned(),
            duration_ms: 1,
            attempt: 1,
            next_due: None,
            retry_after_ms: None,
        };
        let about = Some(QueueId::from_raw(id));
        LoggedEvent { at: UnixMillis::new(at), about, event: Event::Attempt(Box::new(attempt)) }
    }

    fn all(events: Vec<LoggedEvent>) -> Vec<PastAttempt> {
        Transactions { events: events.into_iter().peekable() }.collect()
    }

    #[test]
    fn recipients_of_one_transaction_are_one_attempt_that_delivered_if_one_did() {
        let said = "421 4.7.28 too fast (while sending RCPT)";
        let past = all(vec![
            event(1, 7, 0, Outcome::Delivered, "250 2.0.0 ok"),
            event(1, 7, 1, Outcome::Soft, said),
            event(2, 8, 0, Outcome::Soft, said),
        ]);
        assert_eq!(past.iter().map(|past| past.delivered).collect::<Vec<_>>(), [true, false]);
        assert_eq!(past[1].mx_hosts, ["mx1.example", "mx2.example"]);
        assert_eq!(past[1].reply.as_ref().map(ToString::to_string).as_deref(), Some("421 4.7.28 too fast"));
    }

    #[test]
    fn what_never_reached_a_server_is_no_attempt() {
        let mut cancelled = event(1, 7, 0, Outcome::Hard, "5.4.0 the message was cancelled by somebody");
        if let Event::Attempt(attempt) = &mut cancelled.event {
            attempt.remote = None;
        }
        assert_eq!(all(vec![cancelled]), []);
    }

    #[test]
    fn words_of_our_own_are_no_reply() {
        for words in ["", "42", "4.4.2 connection lost (while sending DATA)", "999 what", "42\u{e4} x"] {
            assert_eq!(reply(words), None, "{words}");
        }
        assert_eq!(reply("550 no (while sending RCPT)").map(|r| r.to_string()).as_deref(), Some("550 no"));
    }

    #[test]
    fn a_next_hop_is_known_by_its_host() {
        for (site, hosts_of_it) in [
            ("mx.example:2525", &["mx.example"][..]),
            ("mx1.example,mx2.example", &["mx1.example", "mx2.example"]),
            ("[2001:db8::1]", &["[2001:db8::1]"]),
            ("", &[]),
        ] {
            assert_eq!(hosts(site), hosts_of_it, "{site}");
        }
    }
}
