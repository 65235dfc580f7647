//! Whatever dies, its mail goes out once: domains are started again, sites replaced, the ledger does not die.

use crate::{
    names::Names,
    peer::Peer,
    world::{World, recipients, settings, until},
};
use mailwright_actors::dns::HostAnswer;
use std::{
    fmt::{Debug, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

#[actix::test]
async fn a_domain_that_dies_is_restarted_and_its_queue_delivered_once() {
    let peer = Peer::start().await;
    let names = Names::default();
    // The look-up runs on the domain's own context: the actor dies with everything it has in memory.
    names.panics.set(2);
    let world = World::start_with(settings(&peer), names).await;
    let all = recipients("a", "one.example", 50);
    world.accept(&all).await;
    world.assert_delivered_once(&peer, &all).await;
    assert_eq!(world.names.panics.get(), 0);
}

/// Kills the actor that logs a certain event, once.
struct DeadlyLog {
    event: &'static str,
    struck: Arc<AtomicBool>,
}

impl Subscriber for DeadlyLog {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        let strikes = message.0 == self.event && !self.struck.swap(true, Ordering::Relaxed);
        assert!(!strikes, "this event was told to kill");
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// The words of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            write!(self.0, "{value:?}").unwrap();
        }
    }
}

#[actix::test]
async fn a_site_that_dies_is_replaced_and_its_domains_deliver_once() {
    let peer = Peer::start().await;
    let names = Names::default();
    let known = names.addresses.replace(HostAnswer::Failed("SERVFAIL".to_owned()));
    let struck = Arc::new(AtomicBool::new(false));
    let log = DeadlyLog { event: "site unreachable", struck: Arc::clone(&struck) };
    let _guard = tracing::subscriber::set_default(log);
    let mut settings = settings(&peer);
    settings.delivery.retry.default.first = Duration::from_millis(100);
    let world = World::start_with(settings, names).await;
    let all = [recipients("a", "one.example", 5), recipients("b", "two.example", 5)].concat();
    world.accept(&all).await;
    until("the end of the site", || struck.load(Ordering::Relaxed)).await;
    world.names.addresses.replace(known);
    world.assert_delivered_once(&peer, &all).await;
}

#[actix::test]
async fn a_report_that_panics_costs_no_delivery_and_repeats_none() {
    let peer = Peer::start().await;
    let struck = Arc::new(AtomicBool::new(false));
    let log = DeadlyLog { event: "delivered", struck: Arc::clone(&struck) };
    let _guard = tracing::subscriber::set_default(log);
    let world = World::start(settings(&peer)).await;
    let all = recipients("a", "one.example", 20);
    world.accept(&all).await;
    world.assert_delivered_once(&peer, &all).await;
    assert!(struck.load(Ordering::Relaxed));
}
