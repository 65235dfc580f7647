//! A name server that fits into a test: every domain has the same mail exchanger.

use futures_util::future::LocalBoxFuture;
use mailwright_actors::dns::{Dns, HostAnswer, Timed};
use mailwright_engine::{
    address::Domain,
    mx::{MxAnswer, MxRecord},
};
use std::{
    cell::{Cell, RefCell},
    net::{IpAddr, Ipv4Addr},
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// The world's names; clones share everything.
#[derive(Clone)]
pub(crate) struct Names {
    /// A look-up of mail exchangers takes a permit and gives it back.
    pub(crate) answering: Rc<Semaphore>,
    /// That many look-ups of mail exchangers panic.
    pub(crate) panics: Rc<Cell<u32>>,
    /// What the exchanger's addresses are.
    pub(crate) addresses: Rc<RefCell<HostAnswer>>,
    /// When they were asked for: once for each connection.
    pub(crate) asked: Rc<RefCell<Vec<Instant>>>,
}

impl Default for Names {
    fn default() -> Self {
        let localhost = HostAnswer::Addresses(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        Self {
            answering: Rc::new(Semaphore::new(1)),
            panics: Rc::default(),
            addresses: Rc::new(RefCell::new(localhost)),
            asked: Rc::default(),
        }
    }
}

impl Dns for Names {
    fn mx<'a>(&'a self, _: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>> {
        Box::pin(async move {
            let _permit = self.answering.acquire().await.unwrap();
            let panics = self.panics.get();
            self.panics.set(panics.saturating_sub(1));
            assert_eq!(panics, 0, "this look-up was told to panic");
            let exchanger = MxRecord { preference: 10, exchange: "mx.example".to_owned() };
            let answer = MxAnswer::Records(vec![exchanger]);
            Timed { answer, valid_until: Instant::now() + Duration::from_secs(3600) }
        })
    }

    fn addresses<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        self.asked.borrow_mut().push(Instant::now());
        let answer = self.addresses.borrow().clone();
        // Not kept: every connection asks.
        Box::pin(async move { Timed { answer, valid_until: Instant::now() } })
    }
}
