//! A site that cannot be reached: pauses that grow, and mail that arrives in the end or bounces.

use crate::{
    names::Names,
    peer::Peer,
    world::{Setup, World, recipients, settings, until},
};
use mailwright_actors::dns::HostAnswer;
use mailwright_engine::retry::RetryPolicy;
use std::time::Duration;

/// A first pause of 100 ms, doubled each time.
fn impatient(peer: &Peer) -> Setup {
    let retry = RetryPolicy {
        first: Duration::from_millis(100),
        max_interval: Duration::from_secs(3600),
        ..RetryPolicy::default()
    };
    let mut setup = settings(peer);
    setup.delivery.retry = retry.into();
    setup
}

/// An address at which nobody listens.
async fn closed() -> Peer {
    let mut peer = Peer::start().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    peer.address = listener.local_addr().unwrap();
    peer
}

#[actix::test]
async fn a_site_that_refuses_connections_is_tried_after_growing_pauses() {
    let closed = closed().await;
    let world = World::start(impatient(&closed)).await;
    let all = recipients("a", "one.example", 10);
    world.accept(&all).await;
    until("four attempts", || world.names.asked.borrow().len() == 4).await;
    let asked = world.names.asked.borrow().clone();
    for (pair, least) in asked.windows(2).zip([100, 200, 400]) {
        let pause = pair[1] - pair[0];
        // The timer's wheel turns in milliseconds.
        assert!(pause >= Duration::from_millis(least - 2), "{pause:?} instead of {least} ms");
    }
    let open = Peer::on(closed.address).await;
    world.assert_delivered_once(&open, &all).await;
}

#[actix::test]
async fn mail_for_a_host_without_address_bounces_at_once() {
    let peer = Peer::start().await;
    let names = Names::default();
    *names.addresses.borrow_mut() = HostAnswer::NoAddresses;
    let world = World::start_with(settings(&peer), names).await;
    for round in ["a", "b"] {
        world.accept(&recipients(round, "one.example", 5)).await;
        world.assert_delivered_once(&peer, &[]).await;
    }
}

#[actix::test]
async fn mail_waits_for_a_host_whose_addresses_are_unknown_for_now() {
    let peer = Peer::start().await;
    let names = Names::default();
    let known = names.addresses.replace(HostAnswer::Failed("SERVFAIL".to_owned()));
    let world = World::start_with(impatient(&peer), names).await;
    let all = recipients("a", "one.example", 3);
    world.accept(&all).await;
    until("two attempts", || world.names.asked.borrow().len() == 2).await;
    world.names.addresses.replace(known);
    world.assert_delivered_once(&peer, &all).await;
}
