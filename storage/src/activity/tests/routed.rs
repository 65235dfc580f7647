//! Mail from the world: found by what it is, and apart from what is sent.

use super::*;

fn routing() -> Scope {
    Scope { direction: Direction::Routing, ..Scope::default() }
}

fn ours(lines: &[Activity]) -> Vec<&str> {
    lines.iter().map(|line| line.recipient.addressed.as_deref().unwrap_or_default()).collect()
}

/// One message that went on to two destinations, one that waits, one that was thrown away and one that was refused;
/// mail of another account, and mail that was sent.
fn history() -> Vec<Told> {
    let one =
        Came::new(NOON, &[("ann@big.example", "Ann@shop.example"), ("bob@big.example", "bob@shop.example")]);
    let two = Came {
        zone: "zone-2",
        author: "News@list.example",
        from: "bounce-17@list.example",
        checks: ["pass", "fail", "pass", "none"],
        ..Came::new(NOON + HOUR, &[("ann@other.example", "ann@shop.example")])
    };
    let thrown = Came { checks: ["none", "pass", "none", "pass"], ..Came::new(NOON + DAY, &[]) };
    let refused =
        Came { author: "", checks: ["fail", "none", "fail", "none"], ..Came::new(NOON + DAY + 1, &[]) };
    let others = Came {
        account: "bank",
        zone: "zone-9",
        ..Came::new(NOON + 6, &[("x@big.example", "info@bank.example")])
    };
    let sent = Sent::new(NOON + 7, &["ann@big.example"]);
    vec![
        one.accepted(),
        others.accepted(),
        sent.accepted(),
        sent.tried(30, 0, Outcome::Delivered, "", "250 OK"),
        one.tried(50, 0, Outcome::Delivered, "", "250 2.0.0 OK"),
        one.tried(60, 1, Outcome::Hard, "mailbox-unknown", "550 5.1.1 No such User here"),
        two.accepted(),
        two.tried(70, 0, Outcome::Soft, "greylisted", "451 4.7.1 Greylisting"),
        thrown.dropped("void@shop.example"),
        refused.refused("bob@shop.example", "5.7.1", "The policy of example.com says so."),
    ]
}

#[test]
fn a_line_is_found_by_everything_that_is_known_of_it() {
    let world = World::new();
    world.log(&history());
    let log = world.index();
    let shop = Scope { account: Some("shop".into()), ..routing() };
    let found = |filter: ActivityFilter| {
        let lines = pages(&log, &shop, &filter, 2);
        assert_eq!(pages(&log, &shop, &filter, 100), lines, "pages do not change what is found");
        ours(&lines).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let text = |text: &str| Some(text.to_owned());
    let none = ActivityFilter::default;
    let all =
        ["bob@shop.example", "void@shop.example", "ann@shop.example", "bob@shop.example", "Ann@shop.example"];
    assert_eq!(found(none()), all, "the newest first");
    let status = |status| found(ActivityFilter { status: Some(status), ..none() });
    assert_eq!(status(Status::Forwarded), [all[4]]);
    assert_eq!(status(Status::DeliveryFailed), [all[3]]);
    assert_eq!(status(Status::Sent), [all[2]]);
    assert_eq!(status(Status::Dropped), [all[1]]);
    assert_eq!(status(Status::Rejected), [all[0]]);
    assert_eq!(found(ActivityFilter { addressed: text("ann@shop.example"), ..none() }), [all[2], all[4]]);
    assert_eq!(found(ActivityFilter { recipient: text("bob@big.example"), ..none() }), [all[3]]);
    assert_eq!(found(ActivityFilter { domain: text("big.example"), ..none() }), [all[3], all[4]]);
    assert_eq!(found(ActivityFilter { from: text("news@list.example"), ..none() }), [all[2]]);
    assert_eq!(found(ActivityFilter { sending_domain: text("list.example"), ..none() }), [all[2]]);
    assert_eq!(found(ActivityFilter { envelope_from: text("bounce-17@list.example"), ..none() }), [all[2]]);
    assert_eq!(found(ActivityFilter { spf: text("none"), ..none() }), [all[1]]);
    assert_eq!(found(ActivityFilter { dkim: text("fail"), ..none() }), [all[2]]);
    assert_eq!(found(ActivityFilter { dmarc: text("fail"), ..none() }), [all[0]]);
    assert_eq!(found(ActivityFilter { arc: text("pass"), ..none() }), [all[1]]);
    assert_eq!(found(ActivityFilter { class: text("greylisted"), ..none() }), [all[2]]);
    assert_eq!(found(ActivityFilter { reply: text("policy of"), ..none() }), [all[0]]);
    let message_id = text(&format!("{NOON}@world.example"));
    assert_eq!(found(ActivityFilter { message_id, ..none() }), [all[3], all[4]]);
    let at = |at| Some(UnixMillis::new(at));
    assert_eq!(found(ActivityFilter { since: at(NOON + 1), until: at(NOON + DAY), ..none() }), [all[2]]);
    let two = ActivityFilter { spf: text("pass"), addressed: text("bob@shop.example"), ..none() };
    assert_eq!(found(two), [all[3]]);
}

#[test]
fn a_message_is_told_as_the_world_knows_it() {
    let world = World::new();
    world.log(&history());
    let log = world.index();
    let report = log.message(&routing(), id(NOON)).unwrap().unwrap();
    assert_eq!(
        report.message.envelope_from, "sender@world.example",
        "not the sender of ours that it went on under"
    );
    let arrival = report.message.arrival.unwrap();
    let checks = |text: &str| text.to_owned();
    assert_eq!(
        (arrival.peer, arrival.helo, arrival.spam),
        ("192.0.2.7".into(), "mx.world.example".into(), Some(150))
    );
    assert_eq!((arrival.checks.spf, arrival.checks.arc), (checks("pass"), checks("none")));
    let told: Vec<_> =
        report.recipients.iter().map(|r| (&*r.address, r.addressed.as_deref(), r.status)).collect();
    let expected = [
        ("ann@big.example", Some("Ann@shop.example"), Status::Forwarded),
        ("bob@big.example", Some("bob@shop.example"), Status::DeliveryFailed),
    ];
    assert_eq!(told, expected);
    let refused = log.message(&routing(), id(NOON + DAY + 1)).unwrap().unwrap();
    assert_eq!(refused.message.sending_domain(), "world.example", "the envelope's, where there is no author");
    let [recipient] = refused.recipients.as_slice() else { panic!("{refused:?}") };
    assert_eq!((&*recipient.address, &*recipient.code), ("", "5.7.1"));
}

#[test]
fn nobody_sees_what_is_not_theirs_or_goes_the_other_way() {
    let world = World::new();
    world.log(&history());
    let log = world.index();
    let seen = |direction, account: Option<&str>, zones: Option<&[&str]>| {
        let zones = zones.map(|zones| zones.iter().map(ToString::to_string).collect());
        let scope = Scope { direction, account: account.map(ToOwned::to_owned), zones };
        let lines = pages(&log, &scope, &ActivityFilter::default(), 2);
        // What a list shows, and nothing else, is shown when it is asked for by its id.
        for at in [NOON, NOON + 6, NOON + 7, NOON + HOUR, NOON + DAY, NOON + DAY + 1] {
            let listed = lines.iter().any(|line| line.message.id == id(at));
            assert_eq!(log.message(&scope, id(at)).unwrap().is_some(), listed);
            assert_eq!(log.timeline(&scope, id(at), None, 9).unwrap().is_some(), listed);
        }
        lines.len()
    };
    assert_eq!(seen(Direction::Routing, None, None), 6);
    assert_eq!(seen(Direction::Sending, None, None), 1);
    assert_eq!(seen(Direction::Routing, Some("shop"), None), 5);
    assert_eq!(seen(Direction::Sending, Some("shop"), None), 1);
    assert_eq!(seen(Direction::Routing, Some("bank"), None), 1);
    assert_eq!(seen(Direction::Sending, Some("bank"), None), 0);
    assert_eq!(seen(Direction::Routing, Some("shop"), Some(&["zone-2"])), 1);
    assert_eq!(seen(Direction::Routing, Some("shop"), Some(&["zone-1", "zone-9"])), 4);
    assert_eq!(seen(Direction::Routing, Some("shop"), Some(&[])), 0);
}

#[test]
fn an_attempt_that_is_known_before_its_acceptance_goes_over_to_where_it_belongs() {
    let came = Came::new(NOON, &[("a@big.example", "a@shop.example"), ("b@big.example", "b@shop.example")]);
    let events = [came.tried(5, 1, Outcome::Delivered, "", "250 OK"), came.accepted()];
    let expected = {
        let world = World::new();
        world.log(&events);
        everything(&world.index())
    };
    let world = World::new();
    for event in &events {
        world.log(std::slice::from_ref(event));
        world.index();
    }
    let log = world.index();
    assert_eq!(everything(&log), expected);
    assert!(pages(&log, &Scope::default(), &ActivityFilter::default(), 9).is_empty());
    let by_ours = ActivityFilter { addressed: Some("b@shop.example".into()), ..ActivityFilter::default() };
    assert_eq!(pages(&log, &routing(), &by_ours, 9)[0].recipient.status, Status::Forwarded);
}

#[test]
fn every_recipient_of_a_large_message_stands_for_its_address_of_ours() {
    let to: Vec<_> = (0..120).map(|n| (format!("d{n}@big.example"), format!("o{n}@shop.example"))).collect();
    let came = Came { to, ..Came::new(NOON, &[]) };
    let envelope = came.envelope();
    let rest = Addressed::rest_of(&envelope).map(|more| (NOON, id(NOON), Event::Addressed(more)));
    let events: Vec<_> = std::iter::once(came.accepted()).chain(rest).collect();
    for one_by_one in [false, true] {
        let world = World::new();
        let size = if one_by_one { 1 } else { events.len() };
        for part in events.chunks(size) {
            world.log(part);
            world.index();
        }
        let log = world.index();
        let filter =
            ActivityFilter { recipient: Some("d119@big.example".into()), ..ActivityFilter::default() };
        assert_eq!(ours(&pages(&log, &routing(), &filter, 9)), ["o119@shop.example"]);
        assert_eq!(pages(&log, &routing(), &ActivityFilter::default(), 50).len(), 120);
    }
}

#[test]
fn a_list_of_one_direction_does_not_go_through_what_goes_the_other_way() {
    for many in [Direction::Sending, Direction::Routing] {
        let world = World::new();
        let (first, others): (Told, Vec<Told>) = match many {
            Direction::Sending => {
                let others = (1..25_000).map(|n| Sent::new(NOON + n, &["a@b.example"]).accepted());
                (Came::new(NOON, &[("a@b.example", "a@shop.example")]).accepted(), others.collect())
            }
            Direction::Routing => {
                let came = |n| Came::new(NOON + n, &[("a@b.example", "a@shop.example")]).accepted();
                (Sent::new(NOON, &["a@b.example"]).accepted(), (1..25_000).map(came).collect())
            }
        };
        world.log(&[first]);
        others.chunks(10_000).for_each(|part| world.log(part));
        let log = world.index();
        let few = match many {
            Direction::Sending => Direction::Routing,
            Direction::Routing => Direction::Sending,
        };
        for account in [None, Some("shop".to_owned())] {
            let scope = Scope { direction: few, account, zones: None };
            let page = log.list(&scope, ListStart::Of(ActivityFilter::default()), 50).unwrap();
            // A page ends after 20,000 lines that were looked at: it has not looked at the others.
            assert_eq!((page.lines.len(), page.next), (1, None), "{scope:?}");
        }
    }
}
