//! In place of the actors' transaction and turns: deliveries over connections that are ready for them.

use super::{Event, World, connection::Report, desk::Ready, machine::Step};
use mailwright_engine::{
    classify::Judged,
    smtp::client::{Attempt, Transaction, TransactionResult},
};
use mailwright_storage::{Outcome, QueueEntry, StoredMessage};
use std::sync::Arc;

/// A delivery under way.
pub(super) struct Delivery {
    pub(super) ready: Ready,
    pub(super) message: Arc<StoredMessage>,
    /// Indexes into the envelope.
    recipients: Vec<u16>,
    /// Whether the content has begun to go out.
    pub(super) past_dot: bool,
}

impl World {
    /// Takes an entry into flight over a connection that is ready.
    pub(super) fn begin_delivery(&mut self, id: u64, ready: Ready) -> Step {
        let (now, key) = (self.now(), ready.entry.key());
        assert!(ready.entry.place.due <= now, "{key} is tried before it is due");
        assert!(self.node.in_flight.insert(key), "{key} is tried twice at a time");
        let message = self.message(&ready);
        let limits = Arc::clone(&self.site_of(id).limits);
        let most = usize::from(limits.recipients_per_transaction);
        let recipients: Vec<u16> = ready.entry.pending.iter().copied().take(most).collect();
        self.note(format_args!("{key} to {} goes out for {recipients:?}", ready.entry.place.domain));
        let transaction = transaction(&message, &recipients);
        self.books.intends(key);
        self.machine.intend(key)?;
        self.books.is_safe();
        let leaves = self.mishap(30);
        let connection = self.connection(id).unwrap();
        connection.moves += 1;
        connection.since = now;
        connection.delivery = Some(Delivery { ready, message, recipients, past_dot: false });
        connection.session.begin(transaction).unwrap();
        let (host, peer) = connection.peer.as_mut().unwrap();
        if leaves {
            peer.says_goodbye();
        }
        let host = host.clone();
        self.traffic_of(&host).begins(now);
        self.move_soon(id);
        Ok(())
    }

    fn site_of(&mut self, id: u64) -> &mut super::site::Site {
        let name = self.node.connections[&id].site.clone();
        self.site(&name)
    }

    /// The message, from memory or from disk.
    fn message(&self, ready: &Ready) -> Arc<StoredMessage> {
        if let Some(message) = &ready.message {
            return Arc::clone(message);
        }
        let loaded = self.machine.spool().load(&ready.entry).or_else(|_| {
            // Copied forward since the entry was read: the queue knows where to.
            let entry: QueueEntry = self.machine.get(ready.entry.key()).unwrap();
            self.machine.spool().load(&entry)
        });
        Arc::new(loaded.unwrap())
    }

    /// A transaction is over.
    pub(super) fn finished(&mut self, id: u64, result: TransactionResult) -> Step {
        let connection = self.connection(id).unwrap();
        let Some(delivery) = connection.delivery.take() else { return Ok(()) };
        let Delivery { ready, recipients, past_dot, .. } = delivery;
        let key = ready.entry.key();
        assert!(past_dot || result.attempt != Attempt::InDoubt, "{key} is in doubt before its dot");
        if result.attempt == Attempt::NotAttempted {
            assert!(!past_dot, "{key} was attempted");
            return self.not_attempted(id, ready);
        }
        if result.attempt == Attempt::InDoubt {
            self.history.totals.in_doubt += 1;
            self.books.doubts(key);
        }
        let bounces = &self.settings.bounces;
        let judged = result.verdicts.into_iter();
        let attempt: Vec<_> =
            judged.map(|(at, verdict)| (recipients[at], Judged::new(verdict, bounces))).collect();
        let report = Report {
            tenant: ready.entry.place.class.tenant.clone(),
            attempt: attempt.iter().map(|(_, judged)| judged.clone()).collect(),
        };
        self.connection(id).unwrap().report = Some(report);
        self.settle_attempt(ready.entry, attempt)
    }

    /// The connection ended before the peer said anything about the message.
    fn not_attempted(&mut self, id: u64, ready: Ready) -> Step {
        let entry = ready.entry.clone();
        let key = entry.key();
        self.history.totals.untried += 1;
        self.note(format_args!("{key} was not attempted"));
        self.connection(id).unwrap().was_cut_short = true;
        self.record(Outcome::new(entry.place.clone(), Vec::new(), Some(entry)))?;
        self.delivery_ends(key);
        self.comes_back(ready)
    }

    /// A connection is free for a delivery.
    pub(super) fn next_delivery(&mut self, name: &str, id: u64) -> Step {
        let now = self.now();
        let connection = self.node.connections.get_mut(&id).unwrap();
        if connection.report.is_some() {
            let (before, took) = (connection.carried, now.since(connection.since));
            connection.carried += 1;
            let carried = connection.carried;
            if carried >= self.site(name).limits.messages_per_connection {
                // Its report goes to the site with its end.
                return self.quit(id);
            }
            let events = self.site(name).governor.session_carried(before, took, now);
            self.carry_out(name, &events)?;
            let report = self.connection(id).and_then(|connection| connection.report.take()).unwrap();
            self.attempt_finished(name, &report)?;
        }
        if self.node.connections[&id].carried >= self.site(name).governor.session_length() {
            self.quit(id)?;
        } else if !self.serve(name, id)? {
            self.site(name).idle.push_back(id);
            let (moves, limit) = (self.node.connections[&id].moves, self.site(name).limits.idle_timeout);
            self.agenda.after(limit, Event::IdleEnds(id, moves));
        }
        self.open(name);
        self.wake_site_in_time(name);
        Ok(())
    }

    /// A connection has waited for work for long enough.
    pub(super) fn idle_ends(&mut self, id: u64, moves: u64) -> Step {
        let Some(connection) = self.connection(id).filter(|connection| connection.moves == moves) else {
            return Ok(());
        };
        let name = connection.site.clone();
        let idle = &mut self.site(&name).idle;
        if idle.contains(&id) {
            idle.retain(|other| *other != id);
            self.quit(id)?;
        }
        Ok(())
    }
}

fn transaction(message: &StoredMessage, recipients: &[u16]) -> Transaction {
    let envelope = &message.envelope;
    let address = |index: &u16| envelope.recipients[usize::from(*index)].clone();
    Transaction {
        reverse_path: envelope.reverse_path.clone(),
        recipients: recipients.iter().map(address).collect(),
        size: message.content.len() as u64,
        body_type: envelope.body,
        smtputf8: envelope.smtputf8,
        security: envelope.security,
        dsn: envelope.dsn.clone(),
        recipients_dsn: Vec::new(),
    }
}
