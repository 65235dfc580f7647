//! More mail for one domain than its actor holds in memory.

use crate::{
    peer::Peer,
    world::{World, recipients, settings},
};

#[actix::test]
async fn a_queue_larger_than_memory_drains_completely_and_once() {
    let peer = Peer::start().await;
    peer.stall();
    let world = World::start(settings(&peer).connections(10)).await;
    // The actor holds a thousand.
    let all = recipients("a", "one.example", 3_500);
    world.accept(&all).await;
    peer.answer();
    world.assert_delivered_once(&peer, &all).await;
}
