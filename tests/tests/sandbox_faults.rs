//! Receivers that defer, refuse, stall, hang up or offer poor certificates: every message comes to an
//! end, and the books balance.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::feeder::Ledger;
use mailwright_tests::metrics::{BOUNCED, DEFERRED, DELIVERED, IN_DOUBT, Metrics, until_queue_is_empty};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation};
use mailwright_tests::smtp::SmtpClient;

const LIMIT: Duration = Duration::from_secs(120);
const MESSAGES: usize = 200;

/// What became of the messages.
struct Outcome {
    ledger: Arc<Ledger>,
    metrics: Metrics,
    /// Deliveries by recipient, as the receiver has them.
    copies: HashMap<String, u64>,
}

impl Outcome {
    /// Deliveries past the first of each message.
    fn again(&self) -> u64 {
        self.copies.values().map(|count| count - 1).sum()
    }

    fn assert_all_delivered(&self) {
        assert_eq!(self.metrics.get(BOUNCED), 0);
        let lost: Vec<_> = (self.ledger.acknowledged().into_iter())
            .filter(|token| !self.copies.contains_key(&token.recipient()))
            .collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
    }
}

/// Sends messages through a sandbox with this personality and waits until each has come to its end.
fn outcome(personality: &str) -> Result<Outcome> {
    outcome_of(&Sandbox::with(&[personality])?)
}

fn outcome_of(sandbox: &Sandbox) -> Result<Outcome> {
    let installation = Installation::new(&Config::to(sandbox.address))?;
    let server = installation.start()?;
    let ledger = Ledger::new("fault");
    let mut client = SmtpClient::connect_and_greet(server.smtp)?;
    for _ in 0..MESSAGES {
        let token = ledger.next();
        // The null reverse-path: what bounces is counted and sends no notification that would be counted too.
        let reply = client.send("", &token.recipient(), &token.message("body\r\n"))?;
        assert_eq!(reply.code, 250, "{reply:?}");
        ledger.acknowledge(token);
    }
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    metrics.assert_all_accounted_for();
    let mut copies = HashMap::new();
    for recipient in sandbox.mailbox.deliveries()? {
        *copies.entry(recipient).or_default() += 1;
    }
    Ok(Outcome { ledger, metrics, copies })
}

#[test]
fn deferred_messages_are_delivered_in_the_end() -> Result<()> {
    let outcome = outcome("defer:30%")?;
    outcome.assert_all_delivered();
    assert!(outcome.metrics.get(DEFERRED) > 0, "nothing was deferred: nothing was tested");
    assert_eq!(outcome.again(), 0);
    Ok(())
}

#[test]
fn refused_messages_bounce_and_the_others_arrive() -> Result<()> {
    let outcome = outcome("reject:30%")?;
    let (delivered, bounced) = (outcome.metrics.get(DELIVERED), outcome.metrics.get(BOUNCED));
    assert!(bounced > 0 && delivered > 0, "{delivered} delivered, {bounced} bounced");
    assert_eq!((delivered, outcome.again()), (outcome.copies.len() as u64, 0));
    Ok(())
}

#[test]
fn a_connection_lost_after_the_final_dot_is_in_doubt_and_tried_again() -> Result<()> {
    let outcome = outcome("drop:20%,at=dot")?;
    outcome.assert_all_delivered();
    let in_doubt = outcome.metrics.get(IN_DOUBT);
    assert!(in_doubt > 0, "nothing was in doubt: nothing was tested");
    assert!(outcome.again() <= in_doubt, "{} deliveries again, {in_doubt} in doubt", outcome.again());
    Ok(())
}

#[test]
fn a_connection_lost_at_mail_costs_nothing() -> Result<()> {
    let outcome = outcome("drop:20%,at=mail")?;
    outcome.assert_all_delivered();
    assert_eq!((outcome.metrics.get(IN_DOUBT), outcome.again()), (0, 0));
    Ok(())
}

#[test]
fn a_slow_receiver_gets_everything_once() -> Result<()> {
    let outcome = outcome("stall:200ms")?;
    outcome.assert_all_delivered();
    assert_eq!(outcome.again(), 0);
    Ok(())
}

#[test]
fn replies_that_come_octet_by_octet_are_replies() -> Result<()> {
    let outcome = outcome("split-replies")?;
    outcome.assert_all_delivered();
    assert_eq!((outcome.metrics.get(DEFERRED), outcome.again()), (0, 0));
    Ok(())
}

#[test]
fn a_receiver_that_ends_its_sessions_gets_everything_once() -> Result<()> {
    for personality in ["messages-per-connection:3", "421-after:rset", "421-after:quit"] {
        let outcome = outcome(personality)?;
        outcome.assert_all_delivered();
        assert_eq!((outcome.metrics.get(IN_DOUBT), outcome.again()), (0, 0), "{personality}");
    }
    Ok(())
}

#[test]
fn a_certificate_that_nobody_signed_does_not_stop_mail() -> Result<()> {
    let outcome = outcome_of(&Sandbox::with_tls("")?)?;
    outcome.assert_all_delivered();
    assert_eq!(outcome.again(), 0);
    Ok(())
}

#[test]
fn all_faults_together_lose_nothing() -> Result<()> {
    let outcome = outcome_of(&Sandbox::with_tls("defer:10%+stall:20ms+drop:10%,at=dot+split-replies")?)?;
    outcome.assert_all_delivered();
    assert!(outcome.again() <= outcome.metrics.get(IN_DOUBT));
    Ok(())
}
