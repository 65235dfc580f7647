//! What bounces, complaints and unsubscribes add, and what becomes of it.

use super::*;

#[test]
fn each_cause_has_its_reason_and_says_who_may_change_it() {
    let world = World::new();
    let expected = [
        (AutomaticCause::HardBounce, Reason::HardBounce, false),
        (AutomaticCause::SoftBounces, Reason::SoftBounce, false),
        (AutomaticCause::Complaint, Reason::Complaint, true),
        (AutomaticCause::Unsubscribe, Reason::Policy, false),
        (AutomaticCause::Policy, Reason::Policy, true),
    ];
    for (index, (cause, reason, read_only)) in expected.into_iter().enumerate() {
        let row = world.add(&format!("r{index}@example.org"), cause, None).row;
        assert_eq!((row.reason, row.read_only), (reason, read_only), "{cause:?}");
        let edited = world.store.edit(&world.account, row.id, Edit::default(), NOW);
        assert_eq!(matches!(edited, Err(SuppressionError::ReadOnly { .. })), read_only, "{cause:?}");
        let removed = world.store.remove(&world.account, row.id, NOW);
        assert_eq!(removed.is_err(), cause == AutomaticCause::Policy, "{cause:?}");
    }
}

#[test]
fn a_complaint_takes_a_customers_row_over_and_the_customer_does_not_get_it_back() {
    let world = World::new();
    let manual = world.create("ann@example.org", Scope::Account, None).row;
    let complaint = world.add("ann@example.org", AutomaticCause::Complaint, None);
    assert_eq!((complaint.recorded, complaint.row.id), (Recorded::Promoted, manual.id));
    assert!(complaint.row.read_only && complaint.row.reason == Reason::Complaint);
    let again = world.create("ann@example.org", Scope::Account, None);
    assert_eq!((again.recorded, again.row), (Recorded::Unchanged, complaint.row));
}

#[test]
fn a_bounce_changes_a_customers_row_only_if_it_lasts_longer() {
    let world = World::new();
    let stays = world.create("ann@example.org", Scope::Account, None).row;
    assert_eq!(world.add("ann@example.org", AutomaticCause::HardBounce, None).row, stays);
    world.create("bob@example.org", Scope::Account, Some(after(60)));
    let bounced = world.add("bob@example.org", AutomaticCause::HardBounce, None).row;
    assert_eq!((bounced.reason, bounced.expires), (Reason::HardBounce, None));
    let soft = world.add("bob@example.org", AutomaticCause::SoftBounces, Some(after(90))).row;
    assert_eq!(soft, bounced);
}

#[test]
fn complaints_can_be_removed_at_a_limited_pace_even_across_restarts() {
    let settings = SuppressionSettings { complaint_removals: 2, ..SuppressionSettings::default() };
    let world = World::with(settings);
    let ids: Vec<_> = (0..4)
        .map(|n| world.add(&format!("r{n}@example.org"), AutomaticCause::Complaint, None).row.id)
        .collect();
    world.store.remove(&world.account, ids[0], NOW).unwrap();
    world.store.remove(&world.account, ids[1], after(3_600)).unwrap();
    let world = world.reopened();
    let refused = world.store.remove(&world.account, ids[2], after(7_200)).unwrap_err();
    let SuppressionError::RemovalLimit { limit: 2, again } = refused else { panic!("{refused}") };
    assert_eq!(again, after(86_400));
    assert!(world.suppressed("r2@example.org", after(7_200)).is_some(), "what is refused stays");
    world.store.remove(&world.account, ids[2], again).unwrap();
    assert!(world.store.remove(&world.account, ids[3], again).is_err(), "the second was an hour later");
    // A row of the customer's own is not counted.
    let own = world.create("own@example.org", Scope::Account, None).row.id;
    world.store.remove(&world.account, own, again).unwrap();
}

#[test]
fn no_removals_means_none_ever() {
    let settings = SuppressionSettings { complaint_removals: 0, ..SuppressionSettings::default() };
    let world = World::with(settings);
    let id = world.add("ann@example.org", AutomaticCause::Complaint, None).row.id;
    let refused = world.store.remove(&world.account, id, NOW);
    assert!(matches!(refused, Err(SuppressionError::RemovalLimit { limit: 0, .. })), "{refused:?}");
}

fn bounce(world: &World, text: &str, at: UnixMillis) -> Vec<Suppression> {
    let bounce = SoftBounce { account: world.account.clone(), email: email(text), at };
    world.store.record_soft_bounces(&[bounce], at).unwrap()
}

#[test]
fn soft_bounces_suppress_for_a_while_when_there_are_too_many_within_the_window() {
    let settings = SuppressionSettings {
        soft_bounces: 3,
        soft_bounce_window: Duration::from_secs(100),
        soft_bounce_for: Duration::from_secs(50),
        ..SuppressionSettings::default()
    };
    let world = World::with(settings);
    for at in [0, 60, 60, 110] {
        assert_eq!(bounce(&world, "ann@example.org", after(at)), [], "{at}: one is old, one told twice");
    }
    let world = world.reopened();
    let suppressed = bounce(&world, "Ann@example.org", after(120));
    let [row] = suppressed.as_slice() else { panic!("{suppressed:?}") };
    assert_eq!((row.reason, row.expires), (Reason::SoftBounce, Some(after(170))));
    assert!(world.suppressed("ann@example.org", after(169)).is_some());
    assert_eq!(world.suppressed("ann@example.org", after(170)), None);
    assert_eq!(bounce(&world, "ann@example.org", after(171)), [], "the count has begun anew");
}

#[test]
fn mail_that_is_taken_ends_the_count_of_soft_bounces() {
    let world = World::with(SuppressionSettings { soft_bounces: 2, ..SuppressionSettings::default() });
    bounce(&world, "ann@example.org", after(0));
    world.store.forget_soft_bounces(&world.account, &email("ANN@example.org")).unwrap();
    world.store.forget_soft_bounces(&world.account, &email("nobody@example.org")).unwrap();
    world.store.forget_soft_bounces(&ObjectId::random().unwrap(), &email("ann@example.org")).unwrap();
    assert_eq!(bounce(&world, "ann@example.org", after(1)), []);
    assert_eq!(bounce(&world, "ann@example.org", after(2)).len(), 1);
}

#[test]
fn without_a_rule_soft_bounces_do_not_count() {
    let world = World::with(SuppressionSettings { soft_bounces: 0, ..SuppressionSettings::default() });
    assert_eq!(bounce(&world, "ann@example.org", NOW), []);
    assert_eq!(world.store.purge(after(1_000_000_000)).unwrap(), Purged::default());
}

#[test]
fn a_purge_removes_what_is_over_and_nothing_else() {
    let world = World::with(SuppressionSettings { complaint_removals: 1, ..SuppressionSettings::default() });
    let kept = world.create("kept@example.org", Scope::Account, Some(after(11))).row.id;
    let for_ever = world.create("ever@example.org", Scope::Account, None).row.id;
    // More than one step of a purge.
    let gone = (0..2_500).map(|n| NewSuppression {
        email: email(&format!("gone{n}@example.org")),
        scope: Scope::Account,
        expires: Some(after(10)),
        note: None,
    });
    world.store.import(&world.account, gone.collect(), NOW).unwrap();
    bounce(&world, "ann@example.org", NOW);
    let complaint = world.add("c@example.org", AutomaticCause::Complaint, None).row.id;
    world.store.remove(&world.account, complaint, NOW).unwrap();

    let purged = world.store.purge(after(10)).unwrap();
    assert_eq!(purged, Purged { suppressions: 2_500, soft_bounces: 0 });
    let rows: i64 =
        world.store.pages().query_row("SELECT count(*) FROM suppressions", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 2);
    for id in [kept, for_ever] {
        assert!(world.store.get(&world.account, id, after(10)).is_ok());
    }
    let again = world.add("c@example.org", AutomaticCause::Complaint, None).row.id;
    assert!(world.store.remove(&world.account, again, after(10)).is_err(), "the removal still counts");
    let week = 7 * 86_400;
    assert_eq!(world.store.purge(after(week)).unwrap(), Purged { suppressions: 1, soft_bounces: 1 });
}
