//! What is found, and by whom.

use super::*;
use crate::events::event::{Cancelled, Complaint, LateBounce, Suppressed, Unsubscribed};

fn addresses(lines: &[Activity]) -> Vec<String> {
    lines.iter().map(|line| line.recipient.address.clone()).collect()
}

/// Three messages with five recipients, of which each became something else, and mail of others.
fn history() -> Vec<Told> {
    let one = Sent { campaign: Some("spring"), ..Sent::new(NOON, &["Ann@one.example", "bob@two.example"]) };
    let two = Sent {
        author: "orders@mail.shop.example",
        zone: Some("zone-2"),
        ..Sent::new(NOON + HOUR, &["cat@one.example", "dan@one.example"])
    };
    let three = Sent::new(NOON + DAY, &["ann@one.example"]);
    let relayed = Sent { account: None, zone: None, ..Sent::new(NOON + 5, &["zoe@one.example"]) };
    let others = Sent {
        account: Some("bank"),
        zone: Some("zone-9"),
        author: "info@bank.example",
        ..Sent::new(NOON + 6, &["ann@one.example"])
    };
    vec![
        one.accepted(),
        relayed.accepted(),
        others.accepted(),
        one.tried(50, 0, Outcome::Delivered, "", "250 2.0.0 OK queued as 4711"),
        one.tried(60, 1, Outcome::Soft, "greylisted", "451 4.7.1 Greylisting in action"),
        two.accepted(),
        two.tried(70, 0, Outcome::Hard, "mailbox-unknown", "550 5.1.1 No such User here"),
        three.accepted(),
    ]
}

#[test]
fn a_line_is_found_by_everything_that_is_known_of_it() {
    let world = World::new();
    world.log(&history());
    let log = world.index();
    let shop = Scope { account: Some("shop".into()), ..Scope::default() };
    let found = |filter: ActivityFilter| {
        let lines = pages(&log, &shop, &filter, 2);
        assert_eq!(pages(&log, &shop, &filter, 100), lines, "pages do not change what is found");
        addresses(&lines)
    };
    let text = |text: &str| Some(text.to_owned());
    let none = ActivityFilter::default;
    let all = ["ann@one.example", "dan@one.example", "cat@one.example", "bob@two.example", "Ann@one.example"];
    assert_eq!(found(none()), all, "the newest first");
    let status = |status| found(ActivityFilter { status: Some(status), ..none() });
    assert_eq!(status(Status::Sent), [all[0], all[1], all[3]]);
    assert_eq!(status(Status::Delivered), [all[4]]);
    assert_eq!(status(Status::DeliveryFailed), [all[2]]);
    assert!(status(Status::Rejected).is_empty());
    assert_eq!(found(ActivityFilter { recipient: text("ann@one.example"), ..none() }), [all[0], all[4]]);
    assert_eq!(found(ActivityFilter { domain: text("two.example"), ..none() }), [all[3]]);
    assert_eq!(
        found(ActivityFilter { sending_domain: text("mail.shop.example"), ..none() }),
        [all[1], all[2]]
    );
    let message_id = text(&format!("{NOON}@shop.example"));
    assert_eq!(found(ActivityFilter { message_id, ..none() }), [all[3], all[4]]);
    assert_eq!(found(ActivityFilter { class: text("greylisted"), ..none() }), [all[3]]);
    assert_eq!(found(ActivityFilter { reply: text("no such user"), ..none() }), [all[2]]);
    assert_eq!(found(ActivityFilter { campaign: text("spring"), ..none() }), [all[3], all[4]]);
    let at = |at| Some(UnixMillis::new(at));
    assert_eq!(found(ActivityFilter { since: at(NOON + HOUR), ..none() }), all[..3]);
    assert_eq!(found(ActivityFilter { until: at(NOON + HOUR), ..none() }), all[3..]);
    let of_an_hour = ActivityFilter { since: at(NOON + 1), until: at(NOON + HOUR + 1), ..none() };
    assert_eq!(found(of_an_hour), [all[1], all[2]]);
    let two = ActivityFilter { status: Some(Status::Sent), domain: text("one.example"), ..none() };
    assert_eq!(found(two), [all[0], all[1]]);
    assert!(found(ActivityFilter { recipient: text("zoe@one.example"), ..none() }).is_empty());
}

#[test]
fn nobody_sees_what_is_not_theirs() {
    let world = World::new();
    world.log(&history());
    let log = world.index();
    let seen = |account: Option<&str>, zones: Option<&[&str]>| {
        let zones = zones.map(|zones| zones.iter().map(ToString::to_string).collect());
        let scope = Scope { account: account.map(ToOwned::to_owned), zones, ..Scope::default() };
        let lines = pages(&log, &scope, &ActivityFilter::default(), 2);
        // What a list shows, and nothing else, is shown when it is asked for by its id.
        for at in [NOON, NOON + 5, NOON + 6, NOON + HOUR, NOON + DAY] {
            let listed = lines.iter().any(|line| line.message.id == id(at));
            assert_eq!(log.message(&scope, id(at)).unwrap().is_some(), listed);
            assert_eq!(log.timeline(&scope, id(at), None, 9).unwrap().is_some(), listed);
        }
        lines.len()
    };
    assert_eq!(seen(None, None), 7);
    assert_eq!(seen(Some("shop"), None), 5);
    assert_eq!(seen(Some("bank"), None), 1);
    assert_eq!(seen(Some("sho"), None), 0);
    assert_eq!(seen(Some("shop"), Some(&["zone-1"])), 3);
    assert_eq!(seen(Some("shop"), Some(&["zone-1", "zone-2", "zone-9"])), 5);
    assert_eq!(seen(Some("shop"), Some(&["zone-9"])), 0);
    assert_eq!(seen(Some("shop"), Some(&[])), 0);
    // A part of what may be seen is never more than that.
    let part = |zones: Option<&[&str]>, zone: &str| {
        let zones = zones.map(|zones| zones.iter().map(ToString::to_string).collect());
        Scope { account: Some("shop".into()), zones, ..Scope::default() }.of_zone(zone.into()).zones
    };
    assert_eq!(part(None, "zone-1"), Some(vec!["zone-1".into()]));
    assert_eq!(part(Some(&["zone-1", "zone-2"]), "zone-2"), Some(vec!["zone-2".into()]));
    assert_eq!(part(Some(&["zone-1"]), "zone-2"), Some(vec![]));
    assert_eq!(log.message(&Scope::default(), id(NOON + 1)).unwrap(), None);
    assert_eq!(log.message(&Scope::default(), QueueId::from_raw(7)).unwrap(), None);
}

#[test]
fn what_becomes_of_a_recipient_is_told_by_the_last_word_about_it() {
    let sent = Sent::new(NOON, &["a@b.example", "c@b.example", "d@b.example", "e@b.example", "f@b.example"]);
    let event = |after: u64, event: Event| (NOON + after, id(NOON), event);
    let status = EnhancedCode::new(5, 1, 1);
    let (class, text) = ("mailbox-unknown".to_owned(), "no such user".to_owned());
    let events = [
        sent.accepted(),
        sent.tried(1, 0, Outcome::Delivered, "", "250 OK"),
        sent.tried(2, 1, Outcome::Soft, "greylisted", "451 later"),
        sent.tried(3, 2, Outcome::Soft, "busy", "452 later"),
        sent.tried(4, 4, Outcome::Delivered, "", "250 OK"),
        event(5, Event::LateBounce(LateBounce { recipient: 0, class, status, text })),
        event(6, Event::Expired(Expired { group: 0, recipient: 1, last: String::new() })),
        event(7, Event::Cancelled(Cancelled { group: 0, recipients: vec![2], by: "ann".into() })),
        event(8, Event::Suppressed(Suppressed { first: 5, to: vec!["g@b.example".into()] })),
        event(9, Event::Complaint(Complaint { recipient: 4, feedback: "abuse".into() })),
        event(10, Event::Unsubscribed(Unsubscribed { recipient: 4 })),
    ];
    let expected = [
        (Status::DeliveryFailed, "mailbox-unknown", "5.1.1", "no such user"),
        (Status::DeliveryFailed, "greylisted", "4.0.0", "451 later"),
        (Status::DeliveryFailed, "", "4.0.0", "cancelled by ann"),
        (Status::Sent, "", "", ""),
        (Status::Delivered, "", "2.0.0", "250 OK"),
        (Status::Rejected, "", "E_RECIPIENT_SUPPRESSED", "the recipient is on the suppression list"),
    ];
    // In one batch, and in as many as there are events.
    for one_by_one in [false, true] {
        let world = World::new();
        if one_by_one {
            events.iter().for_each(|event| {
                world.log(std::slice::from_ref(event));
                world.index();
            });
        } else {
            world.log(&events);
        }
        let report = world.index().message(&Scope::default(), id(NOON)).unwrap().unwrap();
        assert_eq!(report.message.preview.as_deref(), Some("Dear customer"));
        let told: Vec<_> =
            report.recipients.iter().map(|r| (r.status, &*r.class, &*r.code, &*r.reply)).collect();
        assert_eq!(told, expected);
        let [late, .., complaining, _] = report.recipients.as_slice() else { panic!("{report:?}") };
        assert!(late.bounced_late && !complaining.bounced_late);
        assert_eq!(complaining.complained, Some(UnixMillis::new(NOON + 9)));
        assert_eq!(complaining.unsubscribed, Some(UnixMillis::new(NOON + 10)));
        let complained = ActivityFilter { complained: true, ..ActivityFilter::default() };
        assert_eq!(addresses(&pages(&world.index(), &Scope::default(), &complained, 9)), ["f@b.example"]);
        assert!(report.recipients.iter().all(|recipient| recipient.next_attempt.is_none()));
    }
}

#[test]
fn what_was_refused_is_found_as_what_it_is() {
    let world = World::new();
    let refused = |code: &str| {
        Box::new(Refused {
            from: "news@shop.example".into(),
            to: vec!["a@b.example".into(), "c@b.example".into()],
            account: TenantName::parse("shop").unwrap(),
            zone: None,
            origin: Origin::Api,
            subject: Some("Hello".into()),
            code: code.into(),
            reason: "Because.".into(),
            received: None,
        })
    };
    world.log(&[
        (NOON, id(NOON), Event::Rejected(refused("E_RECIPIENT_SUPPRESSED"))),
        (NOON + 1, id(NOON + 1), Event::Failed(refused("E_SENDER_NOT_VERIFIED"))),
    ]);
    let log = world.index();
    for (at, status) in [(NOON, Status::Rejected), (NOON + 1, Status::Failed)] {
        let filter = ActivityFilter { status: Some(status), ..ActivityFilter::default() };
        let lines = pages(&log, &Scope { account: Some("shop".into()), ..Scope::default() }, &filter, 10);
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| line.message.id == id(at) && line.recipient.reply == "Because."));
        assert!(lines.iter().all(|line| line.message.sending_domain() == "shop.example"));
    }
}

#[test]
fn every_recipient_of_a_large_message_is_found_before_it_is_tried() {
    let world = World::new();
    let to: Vec<_> = (0..1_003).map(|n| format!("r{n}@one.example")).collect();
    let sent = Sent { to, ..Sent::new(NOON, &[]) };
    let mut events = vec![sent.accepted()];
    let envelope = sent.envelope();
    events.extend(Addressed::rest_of(&envelope).map(|more| (NOON, id(NOON), Event::Addressed(more))));
    assert!(events.len() > 5);
    world.log(&events);
    let log = world.index();
    let lines = pages(&log, &Scope::default(), &ActivityFilter::default(), 100);
    let mut expected = sent.to.clone();
    expected.reverse();
    assert_eq!(addresses(&lines), expected);
    let report = log.message(&Scope::default(), id(NOON)).unwrap().unwrap();
    assert_eq!((report.message.recipients, report.recipients.len()), (1_003, RECIPIENTS_SHOWN));
}

#[test]
fn a_timeline_has_the_events_of_its_message_in_parts_over_midnight() {
    let world = World::new();
    let (sent, other) = (Sent::new(NOON, &["a@b.example"]), Sent::new(NOON + 1, &["a@b.example"]));
    let retries = (1..30).map(|n| sent.tried(n * HOUR, 0, Outcome::Soft, "busy", "450 later"));
    let mine: Vec<_> = std::iter::once(sent.accepted()).chain(retries).collect();
    let mut events = mine.clone();
    events.insert(3, other.accepted());
    world.log(&events);
    let log = world.index();
    let (mut found, mut from) = (Vec::new(), None);
    loop {
        let page = log.timeline(&Scope::default(), id(NOON), from, 7).unwrap().unwrap();
        found.extend(page.events);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let told: Vec<Told> = found
        .into_iter()
        .map(|logged| (logged.at.as_millis(), logged.about.unwrap(), logged.event))
        .collect();
    assert_eq!(told, mine);
}

#[test]
fn a_filter_that_matches_nothing_ends_after_a_bounded_number_of_lines() {
    let world = World::new();
    let events: Vec<_> = (0..25_000).map(|n| Sent::new(NOON + n, &["a@b.example"]).accepted()).collect();
    for part in events.chunks(10_000) {
        world.log(part);
    }
    let log = world.index();
    let filter = ActivityFilter { reply: Some("never said".into()), ..ActivityFilter::default() };
    let first = log.list(&Scope::default(), ListStart::Of(filter), 50).unwrap();
    assert!(first.lines.is_empty());
    let second = log.list(&Scope::default(), ListStart::At(first.next.unwrap()), 50).unwrap();
    assert_eq!((second.lines.len(), second.next), (0, None));
}
