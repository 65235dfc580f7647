//! How many connections all sites together may have; each costs a file descriptor.
//!
//! When there is no more room, the site that asks waits in a line, and a site with a connection that has no work is
//! asked to end it: a pool kept warm for one destination never keeps mail for another. Room goes to who waits longest
//! and never to newcomers, so that a busy site does not take back at once what it has just given up.

use actix::{Message, Recipient};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Which part of what the system took away is allowed again at each [`ConnectionBudget::recover`].
const RECOVERY_STEPS: usize = 64;

/// A budget of connections. Used on one thread; a mutex because actix wants messages that could travel.
#[derive(Debug, Clone)]
pub struct ConnectionBudget(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    configured: usize,
    /// Below `configured` after the system had no more descriptors.
    most: usize,
    taken: usize,
    /// Sites that want a connection, in the order they came.
    waiting: BTreeMap<u64, Recipient<RoomForConnection>>,
    /// Sites that have connections without work.
    idle: BTreeMap<u64, Recipient<SpareConnection>>,
    /// Connections that sites were asked to end and that have not ended yet.
    asked: usize,
    last_place: u64,
}

/// There is room for one more connection. Dropped unused, the room goes to the next in line.
#[derive(Message, Debug)]
#[rtype(result = "()")]
pub struct RoomForConnection(pub Slot);

/// Others need a connection: end one that has no work.
#[derive(Message, Debug, Clone, Copy)]
#[rtype(result = "()")]
pub struct SpareConnection;

/// One connection's part of the budget, given back when dropped.
#[derive(Debug)]
pub struct Slot(ConnectionBudget);

/// A place in a line, left when dropped.
#[derive(Debug)]
pub struct Place {
    number: u64,
    budget: ConnectionBudget,
}

impl ConnectionBudget {
    /// A budget of `most` connections.
    pub fn new(most: usize) -> Self {
        let (waiting, idle) = (BTreeMap::new(), BTreeMap::new());
        let inner = Inner { configured: most, most, taken: 0, waiting, idle, asked: 0, last_place: 0 };
        Self(Arc::new(Mutex::new(inner)))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for up to `wanted` connections; none while others wait for it.
    pub fn grant(&self, wanted: usize) -> Vec<Slot> {
        let mut inner = self.inner();
        let free = if inner.waiting.is_empty() { inner.most.saturating_sub(inner.taken) } else { 0 };
        let granted = wanted.min(free);
        inner.taken += granted;
        drop(inner);
        (0..granted).map(|_| Slot(self.clone())).collect()
    }

    /// Waits in line for room, and has a site end a connection without work, if any site has one.
    pub fn wait(&self, site: Recipient<RoomForConnection>) -> Place {
        self.line_up(|inner, number| {
            inner.waiting.insert(number, site);
        })
    }

    /// Says that `site` has connections without work, until the place is dropped or the site is asked for one.
    pub fn has_idle(&self, site: Recipient<SpareConnection>) -> Place {
        self.line_up(|inner, number| {
            inner.idle.insert(number, site);
        })
    }

    /// Has `join` put somebody into a line at the next place, which may let a connection change hands.
    fn line_up(&self, join: impl FnOnce(&mut Inner, u64)) -> Place {
        let mut inner = self.inner();
        inner.last_place += 1;
        let number = inner.last_place;
        join(&mut inner, number);
        drop(inner);
        self.ask_to_spare();
        Place { number, budget: self.clone() }
    }

    /// Says that a site that was asked for a connection had none without work any more: another is asked.
    pub fn nothing_to_spare(&self) {
        let mut inner = self.inner();
        inner.asked = inner.asked.saturating_sub(1);
        drop(inner);
        self.ask_to_spare();
    }

    /// Asks the next site for a connection, if more are waited for than are about to end.
    fn ask_to_spare(&self) {
        let mut inner = self.inner();
        let asked = if inner.waiting.len() > inner.asked { inner.idle.pop_first() } else { None };
        inner.asked += usize::from(asked.is_some());
        drop(inner);
        if let Some((_, site)) = asked {
            site.do_send(SpareConnection);
        }
    }

    /// Notes that the system had no descriptor for a connection that holds a slot: from now on there are no more than
    /// there are now. Says how many that is, if it is news.
    pub fn out_of_descriptors(&self) -> Option<usize> {
        let mut inner = self.inner();
        let others = inner.taken.saturating_sub(1).max(1);
        (others < inner.most).then(|| {
            inner.most = others;
            others
        })
    }

    /// Allows some of what [`ConnectionBudget::out_of_descriptors`] took away: the system may have more by now.
    pub fn recover(&self) {
        let mut inner = self.inner();
        let step = (inner.configured / RECOVERY_STEPS).max(1);
        inner.most = (inner.most + step).min(inner.configured);
        drop(inner);
        self.serve_waiting();
    }

    /// Gives free room to who waits.
    fn serve_waiting(&self) {
        loop {
            let mut inner = self.inner();
            if inner.taken >= inner.most {
                return;
            }
            let Some((_, site)) = inner.waiting.pop_first() else { return };
            inner.taken += 1;
            // A site that has ended drops the message, and with it the slot: not under the lock.
            drop(inner);
            site.do_send(RoomForConnection(Slot(self.clone())));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        {
            let mut inner = self.0.inner();
            inner.taken -= 1;
            inner.asked = inner.asked.saturating_sub(1);
        }
        self.0.serve_waiting();
        self.0.ask_to_spare();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.budget.inner();
        let left = (inner.waiting.remove(&self.number), inner.idle.remove(&self.number));
        // What an address drops may want the lock.
        drop(inner);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix::prelude::*;
    use std::{cell::RefCell, rc::Rc};

    /// A site that keeps what it is given and counts what it is asked.
    #[derive(Default)]
    struct Recorder {
        slots: Rc<RefCell<Vec<Slot>>>,
        spared: Rc<RefCell<usize>>,
    }

    impl Actor for Recorder {
        type Context = Context<Self>;
    }

    impl Handler<RoomForConnection> for Recorder {
        type Result = ();
        fn handle(&mut self, RoomForConnection(slot): RoomForConnection, _: &mut Context<Self>) {
            self.slots.borrow_mut().push(slot);
        }
    }

    impl Handler<SpareConnection> for Recorder {
        type Result = ();
        fn handle(&mut self, _: SpareConnection, _: &mut Context<Self>) {
            *self.spared.borrow_mut() += 1;
        }
    }

    struct Seen {
        addr: Addr<Recorder>,
        slots: Rc<RefCell<Vec<Slot>>>,
        spared: Rc<RefCell<usize>>,
    }

    fn site() -> Seen {
        let recorder = Recorder::default();
        let (slots, spared) = (Rc::clone(&recorder.slots), Rc::clone(&recorder.spared));
        Seen { addr: recorder.start(), slots, spared }
    }

    async fn turn() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[actix::test]
    async fn room_that_becomes_free_goes_to_who_waits_longest_and_not_to_newcomers() {
        let budget = ConnectionBudget::new(2);
        let mut held = budget.grant(5);
        assert_eq!(held.len(), 2);
        let (first, second) = (site(), site());
        let _places =
            [budget.wait(first.addr.clone().recipient()), budget.wait(second.addr.clone().recipient())];
        held.pop();
        assert!(budget.grant(1).is_empty(), "a newcomer took what others wait for");
        turn().await;
        assert_eq!((first.slots.borrow().len(), second.slots.borrow().len()), (1, 0));
        // Not wanted after all: the next one gets it.
        first.slots.borrow_mut().clear();
        turn().await;
        assert_eq!(second.slots.borrow().len(), 1);
        assert!(budget.grant(1).is_empty());
        held.pop();
        assert_eq!(budget.grant(2).len(), 1);
    }

    #[actix::test]
    async fn who_waits_has_a_connection_without_work_ended() {
        let budget = ConnectionBudget::new(1);
        let _held = budget.grant(1);
        let (idle, other, wanting) = (site(), site(), site());
        let _places = [&idle, &other].map(|site| budget.has_idle(site.addr.clone().recipient()));
        let waiting = budget.wait(wanting.addr.clone().recipient());
        turn().await;
        assert_eq!((*idle.spared.borrow(), *other.spared.borrow()), (1, 0));
        // One is on its way: nobody else has to part with one.
        let _again = budget.has_idle(idle.addr.clone().recipient());
        turn().await;
        assert_eq!((*idle.spared.borrow(), *other.spared.borrow()), (1, 0));
        // It had none left after all: the next in line is asked, and then whoever has one later.
        budget.nothing_to_spare();
        budget.nothing_to_spare();
        turn().await;
        assert_eq!((*idle.spared.borrow(), *other.spared.borrow()), (2, 1));
        drop(waiting);
        let _idle = budget.has_idle(idle.addr.clone().recipient());
        turn().await;
        assert_eq!(*idle.spared.borrow(), 2, "nobody waits any more");
    }

    #[actix::test]
    async fn who_has_left_the_line_gets_nothing() {
        let budget = ConnectionBudget::new(1);
        let held = budget.grant(1);
        let gone = site();
        drop(budget.wait(gone.addr.clone().recipient()));
        drop(held);
        turn().await;
        assert!(gone.slots.borrow().is_empty());
        assert_eq!(budget.grant(1).len(), 1);
    }

    #[test]
    fn a_system_without_descriptors_lowers_the_budget_for_a_while() {
        let budget = ConnectionBudget::new(128);
        let mut held = budget.grant(10);
        assert_eq!(budget.out_of_descriptors(), Some(9));
        held.pop();
        assert_eq!((budget.out_of_descriptors(), budget.grant(5).len()), (Some(8), 0));
        for _ in 0..RECOVERY_STEPS {
            budget.recover();
        }
        assert_eq!(budget.grant(usize::MAX).len(), 128 - 9);
    }
}
