//! A graceful end finishes what the receiver has been given and leaves the rest on disk.

use crate::{
    peer::Peer,
    world::{A_WHILE, World, recipients, settings, until},
};
use futures_util::future::join;

#[actix::test]
async fn draining_finishes_what_is_past_end_of_data_and_leaves_the_rest_queued() {
    let peer = Peer::start().await;
    peer.stall();
    let world = World::start(settings(&peer)).await;
    let all = recipients("a", "one.example", 5);
    world.accept(&all).await;
    until("a message past its final dot", || peer.at_dot.get() == 1).await;
    let answered_late = async {
        tokio::time::sleep(A_WHILE).await;
        peer.answer();
    };
    let ((world, left), ()) = join(world.restart(settings(&peer)), answered_late).await;
    assert_eq!((left, peer.loads()[0]), (4, 1));
    world.assert_delivered_once(&peer, &all).await;
}

#[actix::test]
async fn draining_does_not_wait_for_idle_connections() {
    let peer = Peer::start().await;
    let world = World::start(settings(&peer)).await;
    let all = recipients("a", "one.example", 2);
    world.accept(&all).await;
    world.assert_delivered_once(&peer, &all).await;
    // The idle time-out is a minute, the limit of a drain half of that.
    let start = std::time::Instant::now();
    let (_, left) = world.restart(settings(&peer)).await;
    assert!(left == 0 && start.elapsed().as_secs() < 15, "{left} left after {:?}", start.elapsed());
}
