//! The durability law and the experiment that tests it: a server is fed by many clients, killed at random
//! moments and started again on the same state, while the receiver survives.
//!
//! The law: every acknowledged message is delivered, at least once; nothing is delivered that was not
//! sent; and a message is delivered again only where the kill fell between the final dot and its answer
//! (RFC 1047), in no more cases than the server itself has counted as in doubt.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use crate::error::Result;
use crate::feeder::{Door, Feeders, Ledger};
use crate::message::{Token, header};
use crate::metrics::{IN_DOUBT, until_queue_is_empty};
use crate::needs::tell;
use crate::sandbox::Sandbox;
use crate::server::{Config, Installation};

/// How many clients feed through each of the two doors.
const CLIENTS_PER_DOOR: usize = 4;

/// The moments after the start at which the server is killed, in milliseconds.
const KILLED_AFTER: std::ops::Range<u64> = 20..350;

/// The longest that the last start may need to deliver everything.
const SETTLE_LIMIT: Duration = Duration::from_secs(180);

/// The experiment.
#[derive(Debug)]
pub struct KillTest {
    sandbox: Sandbox,
    installation: Installation,
    ledger: Arc<Ledger>,
    rng: Rng,
    in_doubt: u64,
}

impl KillTest {
    /// Sets up receiver and installation; `seed` decides the moments of the kills.
    ///
    /// # Errors
    /// If either does not start.
    pub fn new(seed: u64) -> Result<Self> {
        let sandbox = Sandbox::start()?;
        let installation = Installation::new(&Config::to(sandbox.address))?;
        let ledger = Ledger::new(&format!("t{seed:x}"));
        Ok(Self { sandbox, installation, ledger, rng: Rng::with_seed(seed), in_doubt: 0 })
    }

    /// Starts the server, feeds it and kills it at a random moment.
    ///
    /// # Errors
    /// If the server does not start, or refuses a message for good.
    pub fn round(&mut self) -> Result<()> {
        let mut server = self.installation.start()?;
        // What the server found in doubt as it started: deliveries that the kill before cut off.
        self.in_doubt += server.metrics()?.get(IN_DOUBT);
        let doors = [Door::Smtp(server.smtp), Door::Http(self.installation.api(&server))];
        let feeders = Feeders::start(
            &self.ledger,
            &doors.iter().cycle().take(2 * CLIENTS_PER_DOOR).cloned().collect::<Vec<_>>(),
        );
        thread::sleep(Duration::from_millis(self.rng.u64(KILLED_AFTER)));
        server.process.kill()?;
        feeders.stop()
    }

    /// Returns the folder of the queue state, which may be damaged between two rounds.
    #[must_use]
    pub fn queue_state(&self) -> std::path::PathBuf {
        self.state().join("queue")
    }

    /// Returns the state folder.
    #[must_use]
    pub fn state(&self) -> &Path {
        self.installation.state()
    }

    /// Returns the source of randomness, for damage of the scenario's own.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Starts the server a last time, waits until it has delivered everything and checks the law.
    ///
    /// # Errors
    /// If the server does not start or does not come to an end with its queue.
    ///
    /// # Panics
    /// If the law is broken.
    pub fn settle_and_check(mut self) -> Result<()> {
        let server = self.installation.start()?;
        let metrics = until_queue_is_empty(server.http, SETTLE_LIMIT)?;
        self.in_doubt += metrics.get(IN_DOUBT);
        assert_law(&self.sandbox, &self.ledger, self.in_doubt)
    }
}

/// Asserts the law, once the server has delivered everything: a message may have come as many times more than once,
/// over all of them, as the server has counted in doubt.
///
/// # Errors
/// [`crate::error::Error::Io`] if a received message cannot be read.
///
/// # Panics
/// If the law is broken.
pub fn assert_law(sandbox: &Sandbox, ledger: &Ledger, in_doubt: u64) -> Result<()> {
    let copies = copies(sandbox)?;
    let (attempted, acknowledged) = (ledger.attempted(), ledger.acknowledged());
    assert!(!acknowledged.is_empty(), "no message was acknowledged: nothing was tested");
    let lost: Vec<_> = acknowledged.iter().filter(|token| !copies.contains_key(*token)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged messages lost: {lost:?}", lost.len(), acknowledged.len());
    let strangers: Vec<_> = copies.keys().filter(|token| !attempted.contains(*token)).collect();
    assert!(strangers.is_empty(), "delivered but never sent: {strangers:?}");
    let again: u64 = copies.values().map(|count| count - 1).sum();
    tell(&format!(
        "{} messages sent, {} acknowledged, {} delivered; {again} deliveries again, {in_doubt} in doubt",
        attempted.len(),
        acknowledged.len(),
        copies.len()
    ));
    assert!(again <= in_doubt, "{again} deliveries again, {in_doubt} counted as in doubt");
    Ok(())
}

/// Counts the deliveries of each token.
///
/// # Errors
/// [`crate::error::Error::Io`] if a received message cannot be read.
///
/// # Panics
/// If a message is not one of ours, or its recipient not the one it was sent to.
pub fn copies(sandbox: &Sandbox) -> Result<HashMap<Token, u64>> {
    let mut copies = HashMap::new();
    for mail in sandbox.mailbox.list()? {
        for recipient in &mail.recipients {
            let token = Token::of_address(recipient).unwrap_or_else(|| panic!("recipient {recipient:?}"));
            assert_eq!(header(&mail.message, "Subject"), Some(token.subject()), "the mail of {recipient}");
            *copies.entry(token).or_default() += 1;
        }
    }
    Ok(copies)
}
