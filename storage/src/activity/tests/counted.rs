//! What is counted is what there is.

use super::*;
use crate::{
    activity::analytics::{Cell, Comparison, Condition, Dimension, Group, Measure, Order, OrderBy, Question},
    events::event::{Cancelled, Complaint, LateBounce, Released, Suppressed, Unsubscribed},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Each row by what it counts for, and the same from the counts, by the minutes that a bucket has.
fn counted(db: &Connection, sql: &str) -> Vec<Vec<i64>> {
    let mut select = db.prepare(sql).unwrap();
    let width = select.column_count();
    let rows = select.query_map([], |row| (0..width).map(|column| row.get(column)).collect()).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

/// Holds the counts of every database against its rows.
pub(super) fn assert_counted(world: &World) {
    for file in world.databases() {
        let db = Connection::open(&file).unwrap();
        let rows = "SELECT (key >> 14) / 60000000 AS minute, kind, size, attempts, complained, unsubscribed,
            iif(status = 1, took, NULL) AS took FROM";
        let rows = format!("({rows} recipients UNION ALL {rows} routed)");
        for (grain, minutes) in [(0, 1_440), (1, 60), (2, 1)] {
            let of_rows = format!(
                "SELECT minute / {minutes} AS bucket, kind, count(*), sum(size), sum(attempts), count(complained),
                    count(unsubscribed), coalesce(sum(took), 0), count(took) FROM {rows} GROUP BY 1, 2 ORDER BY 1, 2"
            );
            let stored = format!(
                "SELECT bucket, kind, count, bytes, attempts, complaints, unsubscribes, took, timed FROM counts
                WHERE grain = {grain} ORDER BY 1, 2"
            );
            assert_eq!(counted(&db, &stored), counted(&db, &of_rows), "grain {grain} of {}", file.display());
            if grain == 2 {
                continue;
            }
            let mut slots: BTreeMap<Vec<i64>, i64> = BTreeMap::new();
            let each = format!("SELECT minute / {minutes}, kind, took FROM {rows} WHERE took IS NOT NULL");
            for row in counted(&db, &each) {
                *slots.entry(vec![row[0], row[1], counts::slot_of(row[2])]).or_default() += 1;
            }
            let of_rows: Vec<_> = slots.into_iter().map(|(key, count)| [key, vec![count]].concat()).collect();
            let stored =
                format!("SELECT bucket, kind, slot, count FROM times WHERE grain = {grain} ORDER BY 1, 2, 3");
            assert_eq!(counted(&db, &stored), of_rows, "times of grain {grain} of {}", file.display());
        }
    }
}

fn named(direction: Direction, names: &[&str]) -> Vec<&'static Dimension> {
    names.iter().map(|name| Dimension::named(direction, name).unwrap()).collect()
}

fn question(direction: Direction, names: &[&str]) -> Question {
    Question {
        condition: Condition::none(),
        dimensions: named(direction, names),
        order: Vec::new(),
        limit: 10_000,
        percentiles: true,
    }
}

fn is(name: &str, comparison: Comparison, value: Cell) -> Condition {
    Condition::Compare(Dimension::named(Direction::Sending, name).unwrap(), comparison, vec![value])
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

fn count(groups: &[Group]) -> i64 {
    groups.iter().map(|group| group.totals.measure(Measure::Count).unwrap() as i64).sum()
}

/// What happens in a random history: to which message and recipient, and what.
type Happening = (u64, u16, u8);

/// A message of a history: some are sent, some come from the world.
fn told((message, recipient, what): Happening, after: u64) -> Told {
    let sent = Sent {
        zone: (message % 3 > 0).then_some("zone-1"),
        ..Sent::new(NOON + message * 11 * HOUR, &["a@one.example", "b@two.example", "c@one.example"])
    };
    let ours = [("a@one.example", "a@shop.example"), ("b@two.example", "b@shop.example")];
    let came = Came::new(sent.at, &[ours[0], ours[1], ours[0]]);
    let is_routed = message % 2 == 1;
    let tried = |outcome, class: &str| sent.tried(after, recipient, outcome, class, "said so");
    let about = |event| (sent.at + after, id(sent.at), event);
    let code = EnhancedCode::new(5, 0, 0);
    match (what % 11, is_routed) {
        (0 | 1, false) => sent.accepted(),
        (0 | 1, true) => came.accepted(),
        (2, _) => tried(Outcome::Soft, "busy"),
        (3, _) => tried(Outcome::Hard, "unknown"),
        (4, _) => tried(Outcome::Delivered, ""),
        (5, _) => about(Event::Expired(Expired { group: 0, recipient, last: String::new() })),
        (6, _) => {
            let recipients = vec![recipient, 2];
            about(Event::Cancelled(Cancelled { group: 0, recipients, by: "somebody".into() }))
        }
        (7, _) => {
            let (class, text) = ("full".into(), "it is full".into());
            about(Event::LateBounce(LateBounce { recipient, class, status: code, text }))
        }
        (8, _) => about(Event::Complaint(Complaint { recipient, feedback: "abuse".into() })),
        (9, _) => about(Event::Unsubscribed(Unsubscribed { recipient })),
        (_, false) => about(Event::Suppressed(Suppressed { first: 3, to: vec!["d@one.example".into()] })),
        (_, true) if recipient == 0 => came.dropped("a@shop.example"),
        (_, true) => {
            let (to, as_message) = (vec!["a@shop.example".into()], id(NOON));
            about(Event::Released(Released { to, as_message }))
        }
    }
}

/// Lines by hour, status and cause, as the list has them and as they are counted.
fn assert_listed(log: &ActivityLog, direction: Direction) {
    let scope = Scope { direction, account: Some("shop".into()), zones: None };
    let mut listed: BTreeMap<Vec<Cell>, i64> = BTreeMap::new();
    for line in pages(log, &scope, &ActivityFilter::default(), 100) {
        let millis = line.message.accepted.as_millis();
        let hour = Cell::Number(i64::try_from(millis / HOUR * HOUR).unwrap());
        let Recipient { status, class, code, .. } = &line.recipient;
        let is_refused = matches!(status, Status::Rejected | Status::Failed) && class.is_empty();
        let group = vec![hour, text(status.as_str()), text(if is_refused { code } else { class })];
        *listed.entry(group).or_default() += 1;
    }
    let groups = log.groups(&scope, question(direction, &["datetimeHour", "status", "errorCause"])).unwrap();
    let counted = groups.iter().map(|group| (group.dimensions.clone(), count(std::slice::from_ref(group))));
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), listed);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_what_a_count_of_the_rows_gives_whatever_happened(
        happenings in prop::collection::vec((0_u64..6, 0_u16..3, 0_u8..11), 1..60),
        stops in prop::collection::vec(1_usize..20, 0..6),
    ) {
        let world = World::new();
        let events = happenings.into_iter().zip(1..).map(|(what, number)| told(what, number * 40_000));
        let mut events: Vec<_> = events.collect();
        for stop in stops {
            // Another start each time, with what it was not told yet.
            let rest = events.split_off(stop.min(events.len()));
            world.log(&events);
            world.index();
            events = rest;
        }
        world.log(&events);
        let log = world.index();
        assert_listed(&log, Direction::Sending);
        assert_listed(&log, Direction::Routing);
    }
}

/// Three days with a message each quarter of an hour: its two recipients are taken and refused.
fn quarters() -> (World, ActivityLog) {
    let world = World::new();
    let mut events = Vec::new();
    for n in 0..3 * 96 {
        let zone = if n % 2 == 0 { "zone-1" } else { "zone-2" };
        let to = [format!("a{}@one.example", n % 7), "b@two.example".to_owned()];
        let to = to.each_ref().map(String::as_str);
        let sent = Sent { zone: Some(zone), ..Sent::new(NOON - DAY / 2 + n * HOUR / 4 + 7, &to) };
        events.push(sent.accepted());
        events.push(sent.tried(1_000 + n * 10, 0, Outcome::Delivered, "", "250 OK"));
        events.push(sent.tried(1_000, 1, Outcome::Hard, "unknown", "550 no such user"));
    }
    events.sort_by_key(|(at, ..)| *at);
    world.log(&events);
    let log = world.index();
    (world, log)
}

fn of_shop(zones: Option<&[&str]>) -> Scope {
    let zones = zones.map(|zones| zones.iter().map(|zone| (*zone).to_owned()).collect());
    Scope { direction: Direction::Sending, account: Some("shop".into()), zones }
}

#[test]
fn any_time_is_counted_alike_by_counts_and_by_rows() {
    let (_world, log) = quarters();
    let start = i64::try_from(NOON - DAY / 2).unwrap();
    let spans = [(0, 3 * 86_400_000), (1, 86_400_000), (3_600_000, 3_600_007), (3_600_007, 90_000_000)];
    for (from, below) in spans {
        let condition = Condition::All(vec![
            is("datetime", Comparison::AtLeast, Cell::Number(start + from)),
            is("datetime", Comparison::Below, Cell::Number(start + below)),
        ]);
        let all = |names: &[&str]| {
            let asked = Question { condition: condition.clone(), ..question(Direction::Sending, names) };
            log.groups(&of_shop(None), asked).unwrap()
        };
        let expected = (0..288).filter(|n| (from..below).contains(&(n * 900_000 + 7))).count() * 2;
        for names in [
            &["status"][..],
            &["date", "status"],
            &["datetimeHour", "eventType"],
            &["datetimeFifteenMinutes"],
            &["datetimeMinute", "errorCause"],
            &["datetime"],
            &["envelopeTo"],
            &[],
        ] {
            let groups = all(names);
            assert_eq!(count(&groups), i64::try_from(expected).unwrap(), "{names:?} of {from}..{below}");
            let percentile = |group: &Group| group.totals.measure(Measure::TimePercentile(50));
            if names.is_empty() && expected > 1 {
                assert!(percentile(&groups[0]).is_some());
            }
        }
    }
}

#[test]
fn groups_are_what_was_asked_for_in_the_order_that_was_asked_for() {
    let (_world, log) = quarters();
    let by = |name| Order { by: OrderBy::Dimension(named(Direction::Sending, &[name])[0]), descending: true };
    let asked = Question {
        order: vec![by("date"), by("status")],
        ..question(Direction::Sending, &["date", "status", "errorCause", "dkim", "isNDR"])
    };
    let groups = log.groups(&of_shop(None), asked).unwrap();
    assert_eq!(groups.len(), 6);
    let start = i64::try_from(NOON - DAY / 2).unwrap();
    let last = |status, cause| {
        vec![Cell::Number(start + 2 * 86_400_000), text(status), text(cause), text("pass"), Cell::Number(0)]
    };
    assert_eq!(groups[0].dimensions, last("deliveryFailed", "unknown"));
    assert_eq!(groups[1].dimensions, last("delivered", ""));
    let measure = |measure| groups[1].totals.measure(measure);
    assert_eq!(measure(Measure::Count), Some(96.0));
    assert_eq!(measure(Measure::Bytes), Some(96_000.0));
    assert_eq!(measure(Measure::AverageAttempts), Some(1.0));
    assert_eq!(measure(Measure::HardBounces), Some(0.0));
    assert_eq!(groups[0].totals.measure(Measure::HardBounces), Some(96.0));
    // The times of the third day are 2,920 to 3,870 ms, evenly.
    assert_eq!(measure(Measure::AverageTime), Some(3_395.0));
    let median = measure(Measure::TimePercentile(50)).unwrap();
    assert!((median / 3_400.0 - 1.0).abs() < 0.05, "{median}");
}

#[test]
fn nobody_counts_what_is_another_zones_or_accounts() {
    let (_world, log) = quarters();
    let count_of =
        |scope: &Scope| count(&log.groups(scope, question(Direction::Sending, &["status"])).unwrap());
    assert_eq!(count_of(&of_shop(None)), 576);
    assert_eq!(count_of(&of_shop(Some(&["zone-1"]))), 288);
    assert_eq!(count_of(&of_shop(Some(&["zone-1", "zone-2"]))), 576);
    assert_eq!(count_of(&of_shop(Some(&[]))), 0);
    assert_eq!(count_of(&Scope { account: Some("bank".into()), ..of_shop(None) }), 0);
    let events = |scope: &Scope| log.events(scope, question(Direction::Sending, &["to"])).unwrap().len();
    assert_eq!(events(&of_shop(Some(&["zone-2"]))), 288);
    assert_eq!(events(&Scope { account: Some("bank".into()), ..of_shop(None) }), 0);
}

#[test]
fn conditions_leave_what_they_say() {
    let (_world, log) = quarters();
    let left = |condition: Condition| {
        let asked = Question { condition, ..question(Direction::Sending, &["eventType"]) };
        count(&log.groups(&of_shop(None), asked).unwrap())
    };
    let to = |address| is("envelopeTo", Comparison::Is, text(address));
    assert_eq!(left(to("a3@one.example")), 41);
    assert_eq!(left(to("A3@one.example")), 0, "an address is compared as it is");
    assert_eq!(left(is("envelopeTo", Comparison::Like, text("a_@one.%"))), 288);
    assert_eq!(left(is("status", Comparison::NotLike, text("deliver%"))), 0);
    assert_eq!(left(is("status", Comparison::IsNot, text("delivered"))), 288);
    assert_eq!(left(Condition::Any(vec![to("a3@one.example"), to("b@two.example")])), 41 + 288);
    assert_eq!(left(Condition::Any(Vec::new())), 0);
    let subject = is("subject", Comparison::Is, text("Hello"));
    assert_eq!(left(Condition::All(vec![subject, to("b@two.example")])), 288);
    let quote = "' OR 1=1 --";
    assert_eq!(left(is("status", Comparison::Is, text(quote))), 0);
    let among = Dimension::named(Direction::Sending, "errorCause").unwrap();
    let listed = |comparison| Condition::Compare(among, comparison, vec![text("unknown"), text(quote)]);
    assert_eq!((left(listed(Comparison::Among)), left(listed(Comparison::NotAmong))), (288, 288));
}

#[test]
fn single_recipients_come_in_order_and_no_more_than_wanted() {
    let (_world, log) = quarters();
    let names = ["datetime", "from", "to", "subject", "messageId", "sessionId", "errorDetail"];
    let by = |name, descending| Order {
        by: OrderBy::Dimension(named(Direction::Sending, &[name])[0]),
        descending,
    };
    let events = |order: Vec<Order>, limit| {
        let asked = Question { order, limit, ..question(Direction::Sending, &names) };
        log.events(&of_shop(None), asked).unwrap()
    };
    let newest = events(vec![by("datetime", true)], 3);
    let at = NOON - DAY / 2 + 287 * HOUR / 4 + 7;
    let line = |to: &str, detail: &str| {
        let name = format!("{at}@shop.example");
        let (from, id) = (text("news@shop.example"), text(&id(at).to_string()));
        vec![
            Cell::Number(i64::try_from(at).unwrap()),
            from,
            text(to),
            text("Hello"),
            text(&name),
            id,
            text(detail),
        ]
    };
    assert_eq!(newest[0], line("b@two.example", "550 no such user"));
    assert_eq!(newest[1], line("a0@one.example", ""));
    assert_eq!(newest.len(), 3);
    let oldest = events(vec![by("datetime", false)], 200);
    assert!(oldest.is_sorted_by_key(|event| event[0].clone()) && oldest.len() == 200);
    let by_address = events(vec![by("to", false), by("datetime", true)], 100);
    assert!(by_address.is_sorted_by_key(|event| event[2].clone()));
    assert_eq!(by_address[40][2], text("a0@one.example"));
    assert!(by_address[0][0] > by_address[1][0]);
    assert_eq!(events(Vec::new(), 10_000).len(), 576);
}

#[test]
fn a_recipient_that_is_told_of_before_its_message_is_found_and_counted_by_what_that_says() {
    let world = World::new();
    world.log(&[told((4, 0, 10), 5)]);
    world.index();
    world.log(&[told((4, 0, 0), 0)]);
    let log = world.index();
    assert_eq!(pages(&log, &of_shop(Some(&["zone-1"])), &ActivityFilter::default(), 10).len(), 4);
    let groups =
        log.groups(&of_shop(Some(&["zone-1"])), question(Direction::Sending, &["eventType"])).unwrap();
    assert_eq!(count(&groups), 4);
}
