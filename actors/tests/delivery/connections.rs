//! How many connections a site has, how long they last and whom they serve.

use crate::{
    peer::{End, Peer},
    world::{A_WHILE, World, recipients, settings, until},
};
use std::time::{Duration, Instant};

#[actix::test]
async fn opens_no_more_connections_than_a_site_may_have() {
    let peer = Peer::start().await;
    peer.stall();
    let world = World::start(settings(&peer).connections(3)).await;
    let all = [recipients("a", "one.example", 10), recipients("b", "two.example", 10)].concat();
    world.accept(&all).await;
    until("three connections at work", || peer.at_dot.get() == 3).await;
    tokio::time::sleep(A_WHILE).await;
    peer.answer();
    world.assert_delivered_once(&peer, &all).await;
    assert_eq!((peer.most_open(), peer.connections().len()), (3, 3));
}

#[actix::test]
async fn closes_a_connection_that_has_carried_its_share() {
    let peer = Peer::start().await;
    let world = World::start(settings(&peer).with("messages_per_connection", 2)).await;
    let all = recipients("a", "one.example", 5);
    world.accept(&all).await;
    world.assert_delivered_once(&peer, &all).await;
    assert_eq!(peer.loads(), [2, 2, 1]);
    assert_eq!((peer.connections()[0].end, peer.most_open()), (End::Quit, 1));
}

#[actix::test]
async fn an_idle_connection_is_used_again_and_closed_in_its_time() {
    let peer = Peer::start().await;
    let idle_timeout = Duration::from_secs(1);
    let world = World::start(settings(&peer).with("idle_timeout", "\"1s\"")).await;
    let all = recipients("a", "one.example", 3);
    for (number, recipient) in all.iter().enumerate().take(2) {
        world.accept(std::slice::from_ref(recipient)).await;
        world.assert_delivered_once(&peer, &all[..=number]).await;
    }
    assert_eq!(peer.loads(), [2]);
    let idle_since = Instant::now();
    until("the end of the idle connection", || peer.connections()[0].end != End::Open).await;
    assert!(idle_since.elapsed() > idle_timeout * 9 / 10, "closed after {:?}", idle_since.elapsed());
    assert_eq!(peer.connections()[0].end, End::Quit);
    world.accept(&all[2..]).await;
    world.assert_delivered_once(&peer, &all).await;
    assert_eq!(peer.loads(), [2, 1]);
}

#[actix::test]
async fn serves_the_domains_of_a_site_in_turn() {
    let peer = Peer::start().await;
    peer.stall();
    let world = World::start(settings(&peer)).await;
    let (one, two) = (recipients("a", "one.example", 20), recipients("b", "two.example", 10));
    world.accept(&one).await;
    until("a connection at work", || peer.at_dot.get() == 1).await;
    world.accept(&two).await;
    tokio::time::sleep(A_WHILE).await;
    peer.answer();
    world.assert_delivered_once(&peer, &[one, two].concat()).await;
    // While both have mail, neither gets two turns more than the other.
    let order = peer.connections().remove(0).recipients;
    let (mut ones, mut twos) = (0_usize, 0_usize);
    for recipient in order.iter().skip(1).take(19) {
        let is_one = recipient.ends_with("@one.example");
        ones += usize::from(is_one);
        twos += usize::from(!is_one);
        assert!(ones.abs_diff(twos) <= 1, "{order:?}");
    }
}
