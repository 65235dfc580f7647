//! Outcomes on their way to the list.

use super::*;

const TWO: SuppressionSettings = SuppressionSettings {
    soft_bounces: 2,
    soft_bounce_window: Duration::from_secs(3_600),
    soft_bounce_for: Duration::from_secs(3_600),
    complaint_removals: 1,
};

/// Tells what became of mail to Ann, one after the other, and waits until it is written.
fn tell(world: &World, fates: &[What]) {
    let (feed, thread) = SuppressionFeed::start(world.store.clone()).unwrap();
    for (at, what) in (0..).zip(fates) {
        let at = NOW.saturating_add(Duration::from_millis(at));
        let (account, email) = (world.account.clone(), email("ann@example.org"));
        feed.tell(Fate { account, email, what: what.clone(), at });
    }
    thread.close();
}

fn reason(world: &World) -> Option<Reason> {
    let later = NOW.saturating_add(Duration::from_secs(60));
    world.suppressed("ann@example.org", later).map(|row| row.reason)
}

#[test]
fn a_hard_bounce_suppresses_with_the_words_of_the_refusal() {
    let world = World::new();
    tell(&world, &[What::HardBounce("550 no such user".into())]);
    let row = world.suppressed("ann@example.org", NOW).unwrap();
    assert_eq!((row.reason, row.note.as_deref()), (Reason::HardBounce, Some("550 no such user")));
}

#[test]
fn a_delivery_in_between_begins_the_count_anew() {
    let soft = || What::SoftBounce;
    let cases = [
        (vec![soft(), soft()], Some(Reason::SoftBounce)),
        (vec![soft(), What::Delivered, soft()], None),
        (vec![soft(), What::Delivered, soft(), soft()], Some(Reason::SoftBounce)),
        (vec![What::Delivered, What::Delivered], None),
    ];
    for (fates, expected) in cases {
        let world = World::with(TWO);
        tell(&world, &fates);
        assert_eq!(reason(&world), expected, "{fates:?}");
    }
}

#[test]
fn what_was_counted_before_a_restart_is_known_after_it() {
    let world = World::with(TWO);
    tell(&world, &[What::SoftBounce]);
    let world = world.reopened();
    tell(&world, &[What::Delivered]);
    let world = world.reopened();
    tell(&world, &[What::SoftBounce]);
    assert_eq!(reason(&world), None);
    let world = world.reopened();
    let (feed, thread) = SuppressionFeed::start(world.store.clone()).unwrap();
    let at = NOW.saturating_add(Duration::from_secs(1));
    feed.tell(Fate {
        account: world.account.clone(),
        email: email("ann@example.org"),
        what: What::SoftBounce,
        at,
    });
    thread.close();
    assert_eq!(reason(&world), Some(Reason::SoftBounce));
}
