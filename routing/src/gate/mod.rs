//! The gate: whom the MX lets bring mail, before anything is known of the mail itself.
//!
//! A client passes, in this order: the limits of its address (sessions at a time, connections a minute); a moment of
//! waiting before the greeting, in which one that talks shows that it does not speak SMTP, and in which the DNS is asked
//! about it; messages a minute, at MAIL; then, at the first RCPT, what the DNS said (block lists, its name) and how it
//! greeted. Recipients that there are not make it slower, and in the end are too many. What is not refused is noted in
//! [`Facts`], for the spam score and the event log.
//!
//! Refused is at RCPT rather than at once, so that the logs of both sides say whose mail it was; and whoever is refused
//! still reaches `postmaster` (RFC 5321 section 4.5.1), to say that it is a mistake.
//!
//! Memory: the table of addresses (at most 50,000), and the caches of the DNS. Exempt networks meet none of this.

mod hello;
mod look_up;
pub mod metrics;
#[cfg(test)]
mod postmaster;
mod refusal;
#[cfg(test)]
mod tests;

pub use hello::HelloFault;
pub use look_up::{BlockList, Listing, ReverseName};

use look_up::{Found, LookUps, Unwilling};
use mailwright_actors::{
    clock,
    dns::Dns,
    smtp::{
        Early, Reaction,
        guard::{AddressLimits, Guard, Penalty, Slot, TurnedAway},
        relay::Network,
    },
};
use mailwright_engine::{
    address::EmailAddress,
    smtp::{
        reply::{Reply, ReplyClass},
        server::Answer,
    },
};
use refusal::Refusal;
use std::{
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

/// What follows from something that speaks against a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It is refused.
    Refuse,
    /// It is noted, for the spam score.
    Note,
}

/// What is asked of the name of a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReverseCheck {
    /// Nothing; it is not looked up.
    Off,
    /// Nothing, but it is looked up and noted.
    Note,
    /// There must be one.
    Exists,
    /// There must be one, and it must have the address.
    Confirmed,
}

/// How the gate is kept.
#[derive(Debug, Clone)]
pub struct GateSettings {
    /// What one address may do; a failure is a recipient that there is not.
    pub limits: AddressLimits,
    /// Networks that pass without any of this.
    pub exempt: Vec<Network>,
    /// How long a client waits for its greeting.
    pub greeting_delay: Duration,
    /// What follows if it talks meanwhile, or does not wait later on.
    pub early_talkers: Stance,
    /// The block lists that are asked.
    pub block_lists: Arc<[BlockList]>,
    /// What is asked of its name.
    pub reverse_dns: ReverseCheck,
    /// What follows from a greeting that cannot be true.
    pub bad_hello: Stance,
    /// Our own name, which nobody else greets with.
    pub hostname: String,
}

/// What the gate noted of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// When it talked out of turn first.
    pub early: Option<Early>,
    /// The block lists that have it.
    pub listings: Vec<Listing>,
    /// Its name.
    pub reverse: ReverseName,
    /// What was wrong with its last greeting.
    pub hello: Option<HelloFault>,
}

/// How a client counts.
#[derive(Debug)]
enum Standing {
    Exempt,
    Counted(Slot),
}

/// A client that was let in.
#[derive(Debug)]
pub struct Visitor {
    address: IpAddr,
    standing: Standing,
    look_ups: Option<LookUps>,
    /// What the DNS refuses it for, once it is known.
    objection: Option<Refusal>,
    facts: Facts,
}

impl Visitor {
    /// What was noted of it; what the DNS says is among it from the first RCPT on.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Keeps the gate. Clones share their counts; for one thread.
#[derive(Clone)]
pub struct Gate {
    settings: Rc<GateSettings>,
    guard: Arc<Guard>,
    dns: Rc<dyn Dns>,
    unwilling: Rc<Unwilling>,
}

impl Gate {
    /// A gate that nobody has come to yet.
    pub fn new(settings: GateSettings, dns: Rc<dyn Dns>) -> Self {
        let guard = Arc::new(Guard::new(settings.limits));
        Self { settings: Rc::new(settings), guard, dns, unwilling: Rc::default() }
    }

    /// Lets a client in, or says why not.
    ///
    /// # Errors
    /// The reply to an address that has had its share.
    pub fn admit(&self, peer: SocketAddr) -> Result<Visitor, Reply> {
        let address = peer.ip().to_canonical();
        let is_exempt = self.settings.exempt.iter().any(|network| network.contains(address));
        let standing = if is_exempt {
            Standing::Exempt
        } else {
            let admitted = self.guard.admit(address, clock::now());
            Standing::Counted(admitted.map_err(|why| counted(&turned_away(why)).reply())?)
        };
        Ok(Visitor { address, standing, look_ups: None, objection: None, facts: Facts::default() })
    }

    /// Begins to ask the DNS about a client, and lets it wait for its greeting.
    pub async fn prepare(&self, visitor: &mut Visitor) {
        if let Standing::Exempt = visitor.standing {
            return;
        }
        let wants_name = self.settings.reverse_dns != ReverseCheck::Off;
        if wants_name || !self.settings.block_lists.is_empty() {
            let lists = Arc::clone(&self.settings.block_lists);
            let (dns, unwilling) = (Rc::clone(&self.dns), Rc::clone(&self.unwilling));
            visitor.look_ups = Some(LookUps::begin(dns, visitor.address, lists, unwilling, wants_name));
        }
        if !self.settings.greeting_delay.is_zero() {
            tokio::time::sleep(self.settings.greeting_delay).await;
        }
    }

    /// A client talked out of turn; the reply if it has to go for that.
    pub fn talked_early(&self, visitor: &mut Visitor, when: Early) -> Option<Reply> {
        if let Standing::Exempt = visitor.standing {
            return None;
        }
        metrics::early(when);
        visitor.facts.early.get_or_insert(when);
        match self.settings.early_talkers {
            Stance::Refuse => Some(counted(&Refusal::Early).reply()),
            Stance::Note => None,
        }
    }

    /// A client greets with `name`.
    pub fn hello(&self, visitor: &mut Visitor, name: &str) {
        if let Standing::Counted(_) = visitor.standing {
            visitor.facts.hello = hello::fault(name, visitor.address, &self.settings.hostname);
        }
    }

    /// A client begins a message.
    ///
    /// # Errors
    /// The refusal, if it is one too many for now.
    pub fn mail(&self, visitor: &Visitor) -> Result<(), Reaction> {
        let Standing::Counted(slot) = &visitor.standing else { return Ok(()) };
        slot.message(clock::now()).map_err(|_| refuse(&Refusal::Messages))
    }

    /// A client names a recipient: may it bring mail at all?
    ///
    /// # Errors
    /// The refusal, if it may not.
    pub async fn rcpt(&self, visitor: &mut Visitor, recipient: &EmailAddress) -> Result<(), Reaction> {
        if let Some(look_ups) = visitor.look_ups.take() {
            self.conclude(visitor, look_ups.finish().await);
        }
        if recipient.local().eq_ignore_ascii_case("postmaster") {
            return Ok(());
        }
        let hello = visitor.facts.hello.filter(|_| self.settings.bad_hello == Stance::Refuse);
        match hello.map(Refusal::Hello).or_else(|| visitor.objection.clone()) {
            Some(refusal) => Err(refuse(&refusal)),
            None => Ok(()),
        }
    }

    /// Notes what was found, and what a client is refused for.
    fn conclude(&self, visitor: &mut Visitor, found: Found) {
        let address = visitor.address;
        let listed = found.refusing.first().cloned().map(|listing| Refusal::Listed(address, listing));
        let unnamed = || match (&found.reverse, self.settings.reverse_dns) {
            (ReverseName::Missing, ReverseCheck::Exists | ReverseCheck::Confirmed) => {
                Some(Refusal::Nameless(address))
            }
            (ReverseName::Unconfirmed(name), ReverseCheck::Confirmed) => {
                Some(Refusal::Misnamed(address, name.clone()))
            }
            (ReverseName::Unknown, ReverseCheck::Exists | ReverseCheck::Confirmed) => {
                Some(Refusal::NameUnknown(address))
            }
            _ => None,
        };
        visitor.objection = listed.or_else(unnamed);
        visitor.facts.listings = found.refusing.into_iter().chain(found.noted).collect();
        visitor.facts.reverse = found.reverse;
    }

    /// A recipient of a client's was taken: what came before were slips.
    pub fn took(&self, visitor: &Visitor) {
        if let Standing::Counted(slot) = &visitor.standing {
            slot.made_up();
        }
    }

    /// A recipient of a client's was refused with `refusal`, because there is no such address here. Of many the answer
    /// comes late, and of too many it is another: whoever asks for all the names there could be is not to find out which
    /// there are.
    pub async fn unknown(&self, visitor: &Visitor, refusal: Reaction) -> Reaction {
        let Standing::Counted(slot) = &visitor.standing else { return refusal };
        if !is_final(&refusal) {
            return refusal;
        }
        match slot.failed(clock::now()) {
            Penalty::Delay(delay) if delay.is_zero() => refusal,
            Penalty::Delay(delay) => {
                tokio::time::sleep(delay).await;
                refusal
            }
            Penalty::Ban => {
                tracing::info!(client = %visitor.address, "turned away: too many recipients that there are not");
                Reaction::Answer(Answer::Disconnect(counted(&Refusal::Recipients).reply()))
            }
        }
    }
}

/// Whether the fault is the client's: what is refused for now is ours.
fn is_final(refusal: &Reaction) -> bool {
    matches!(refusal, Reaction::Answer(Answer::Refuse(reply)) if reply.class() == ReplyClass::Permanent)
}

fn turned_away(why: TurnedAway) -> Refusal {
    match why {
        TurnedAway::Sessions => Refusal::Sessions,
        TurnedAway::Failures => Refusal::Recipients,
        TurnedAway::Pace => Refusal::Connections,
    }
}

/// Counts a refusal and hands it on.
fn counted(refusal: &Refusal) -> &Refusal {
    metrics::refused(refusal);
    refusal
}

fn refuse(refusal: &Refusal) -> Reaction {
    Reaction::Answer(Answer::Refuse(counted(refusal).reply()))
}
