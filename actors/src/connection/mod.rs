//! Connection: one SMTP session with one host of a site.
//!
//! Owns its socket and nothing else; asks its site for the next delivery only when it is ready for one, so no
//! mailbox ever holds messages. Never decides what a reply means. Started by its site, ends by itself; if it
//! dies its delivery goes back to the domain.
//!
//! Mailbox: nothing is sent to it but by its own future.

mod establish;
mod peer;
mod stream;
mod transaction;

pub use peer::PeerFacts;

use crate::{
    budget::Slot,
    delivery::Delivery,
    ledger::Ledger,
    metrics as names,
    site::{NextDelivery, Site, SiteNotes, SiteTarget},
    supervisor::Deps,
    tls::{TlsIdentity, TlsPlan},
    trace::Tracer,
};
use actix::prelude::*;
use establish::NotEstablished;
use mailwright_engine::{
    class::TenantName,
    classify::Judged,
    shaping::{Limits, ProviderName},
    smtp::{
        client::{Action, Loss},
        verdict::Verdict,
    },
    source::Source,
};
use std::{rc::Rc, sync::Arc};
use stream::Session;
use tokio::sync::oneshot;

/// Names a connection within its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The connection with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// What a connection is to be made to, from where and how.
#[derive(Clone)]
pub struct ConnectionPlan {
    /// Where to.
    pub target: SiteTarget,
    /// Where from.
    pub source: Arc<Source>,
    /// Whose mail exchangers they are.
    pub provider: ProviderName,
    /// Under which policy.
    pub tls: TlsPlan,
    /// The pool it belongs to.
    pub identity: TlsIdentity,
    /// Time-outs and counts.
    pub limits: Arc<Limits>,
    /// What earlier connections learnt.
    pub notes: SiteNotes,
    /// Who is told how it is made.
    pub tracer: Option<Tracer>,
}

/// What a delivery came to, as far as the site is concerned.
#[derive(Debug, Clone)]
pub struct AttemptReport {
    /// Whose message it was.
    pub tenant: Option<TenantName>,
    /// What each recipient got.
    pub attempt: Vec<Judged>,
}

/// A connection has ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ConnectionEnded {
    /// Which.
    pub id: ConnectionId,
    /// After what.
    pub how: HowEnded,
}

/// What a connection came to.
#[derive(Debug, Clone)]
pub enum HowEnded {
    /// It never was ready for a message; the verdict says why.
    NotEstablished(Verdict),
    /// The process had no file descriptor for it: nothing was tried.
    NoDescriptor,
    /// It was. Holds what its last delivery came to, if that ended with the connection; whatever else ended it
    /// says nothing about the site.
    Used(Option<AttemptReport>),
}

/// The actor.
pub struct Connection {
    id: ConnectionId,
    work: Option<Work>,
    site: Addr<Site>,
    how: HowEnded,
    /// Given back when the connection has ended, whatever ended it.
    _slot: Slot,
}

/// What the session's future needs.
struct Work {
    id: ConnectionId,
    plan: ConnectionPlan,
    deps: Rc<Deps>,
    site: Addr<Site>,
    ledger: Addr<Ledger>,
}

impl Connection {
    /// A connection to be made by `plan`, which takes `slot` of the budget.
    pub fn new(
        id: ConnectionId,
        plan: ConnectionPlan,
        slot: Slot,
        deps: Rc<Deps>,
        site: Addr<Site>,
        ledger: Addr<Ledger>,
    ) -> Self {
        let work = Some(Work { id, plan, deps, site: site.clone(), ledger });
        // What is told if it dies before it can say more.
        let how = HowEnded::NotEstablished(Verdict::connect_failure("the connection ended unasked"));
        ::metrics::gauge!(names::CONNECTIONS_OPEN).increment(1);
        Self { id, work, site, how, _slot: slot }
    }
}

impl Actor for Connection {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let Some(work) = self.work.take() else { return ctx.stop() };
        let session = Box::pin(work.run());
        ctx.spawn(session.into_actor(self).map(|how, actor, ctx| {
            actor.how = how;
            ctx.stop();
        }));
    }
}

impl Drop for Connection {
    /// Also when the session panicked: the site must not count a dead connection.
    fn drop(&mut self) {
        ::metrics::gauge!(names::CONNECTIONS_OPEN).decrement(1);
        self.site.do_send(ConnectionEnded { id: self.id, how: self.how.clone() });
    }
}

impl Work {
    async fn run(self) -> HowEnded {
        // Boxed, as what carries a delivery is: most of its life a connection waits, and there are thousands.
        match Box::pin(establish::establish(&self.plan, &self.deps)).await {
            Ok(session) => self.carry_all(session).await,
            Err(NotEstablished::NoDescriptor) => {
                self.tell_no_descriptor();
                HowEnded::NoDescriptor
            }
            Err(NotEstablished::Refused(verdict)) => {
                let provider = self.plan.provider.to_string();
                ::metrics::counter!(names::CONNECTIONS_FAILED, "provider" => provider).increment(1);
                HowEnded::NotEstablished(verdict)
            }
        }
    }

    /// Has fewer connections be made from now on.
    fn tell_no_descriptor(&self) {
        if let Some(most) = self.deps.connections.out_of_descriptors() {
            tracing::error!(
                most,
                "no file descriptor left for a connection; there will be no more than there are now for a while: \
                 raise LimitNOFILE (systemd) or `ulimit -n`, or lower delivery.max_connections"
            );
        }
    }

    /// Carries deliveries until there are no more or the session is of no more use.
    async fn carry_all(self, mut session: Session) -> HowEnded {
        let (mut last, reused) = (None, ::metrics::counter!(names::CONNECTIONS_REUSED));
        for carried in 0..self.plan.limits.messages_per_connection {
            let Some(delivery) = self.next(&mut session, last.take()).await else { break };
            if carried > 0 {
                reused.increment(1);
            }
            let carrying = transaction::carry(&mut session, delivery, &self.plan, &self.deps, &self.ledger);
            let carried = Box::pin(carrying).await;
            last = carried.report;
            if !carried.goes_on {
                return HowEnded::Used(last);
            }
        }
        session.quit().await;
        HowEnded::Used(last)
    }

    /// Asks for a delivery and waits for it, while the peer may close or complain; `None` when the site has no more
    /// use for the connection.
    async fn next(&self, session: &mut Session, last: Option<AttemptReport>) -> Option<Delivery> {
        let (reply, next) = oneshot::channel();
        self.site.do_send(NextDelivery { id: self.id, identity: self.plan.identity.clone(), last, reply });
        tokio::select! {
            biased;
            delivery = next => delivery.ok(),
            () = session.closed_by_peer() => None,
        }
    }
}

impl Session {
    /// Says QUIT and waits a moment for the answer, as courtesy.
    async fn quit(&mut self) {
        self.machine.quit();
        loop {
            match self.poll().await {
                Action::Read(wait) => self.read(wait).await,
                Action::Closed(_) => return,
                _ => self.machine.lost(Loss::Eof),
            }
        }
    }
}
