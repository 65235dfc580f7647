//! Connection: one SMTP session with one host of a site.
//!
//! Owns its socket and nothing else; asks its site for the next delivery only when it is ready for one, so no
//! mailbox ever holds messages. Never decides what a reply means. Started by its site, ends by itself; if it
//! dies its delivery goes back to the domain.
//!
//! Mailbox: nothing is sent to it but by its own future.

mod establish;
mod stream;
mod transaction;

use crate::{
    delivery::Delivery,
    ledger::Ledger,
    metrics as names,
    site::{NextDelivery, Site, SiteTarget},
    supervisor::Deps,
};
use actix::prelude::*;
use mailwright_engine::smtp::{
    client::{Action, Loss},
    verdict::Verdict,
};
use std::rc::Rc;
use stream::Session;
use tokio::sync::oneshot;

/// Names a connection within its site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// The connection with this number.
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }
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
    /// It was; whatever ended it says nothing about the site.
    Used,
}

/// The actor.
pub struct Connection {
    id: ConnectionId,
    work: Option<Work>,
    site: Addr<Site>,
    how: HowEnded,
}

/// What the session's future needs.
struct Work {
    target: SiteTarget,
    deps: Rc<Deps>,
    site: Addr<Site>,
    ledger: Addr<Ledger>,
}

impl Connection {
    /// A connection to be made to `target`.
    pub fn new(
        id: ConnectionId,
        target: SiteTarget,
        deps: Rc<Deps>,
        site: Addr<Site>,
        ledger: Addr<Ledger>,
    ) -> Self {
        let work = Some(Work { target, deps, site: site.clone(), ledger });
        Self { id, work, site, how: HowEnded::Used }
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
        self.site.do_send(ConnectionEnded { id: self.id, how: self.how.clone() });
    }
}

impl Work {
    async fn run(self) -> HowEnded {
        let mut session = match establish::establish(&self.target, &self.deps).await {
            Ok(session) => session,
            Err(verdict) => {
                ::metrics::counter!(names::CONNECTIONS_FAILED).increment(1);
                return HowEnded::NotEstablished(verdict);
            }
        };
        let mut carried = 0;
        while carried < self.deps.settings.messages_per_connection {
            let (reply, next) = oneshot::channel();
            self.site.do_send(NextDelivery { first: carried == 0, reply });
            let Some(delivery) = self.wait_for_work(&mut session, next).await else { break };
            if carried > 0 {
                ::metrics::counter!(names::CONNECTIONS_REUSED).increment(1);
            }
            if !transaction::carry(&mut session, delivery, &self.deps, &self.ledger).await {
                return HowEnded::Used;
            }
            carried += 1;
        }
        session.quit().await;
        HowEnded::Used
    }

    /// Waits for a delivery, while the peer may close or complain; `None` when there is none in time.
    async fn wait_for_work(
        &self,
        session: &mut Session,
        next: oneshot::Receiver<Delivery>,
    ) -> Option<Delivery> {
        tokio::select! {
            biased;
            delivery = next => delivery.ok(),
            () = session.closed_by_peer() => None,
            () = tokio::time::sleep(self.deps.settings.idle_timeout) => None,
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
