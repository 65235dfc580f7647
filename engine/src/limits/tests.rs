use super::*;
use crate::{address::EmailAddress, class::TenantName, envelope::SentBy, id::ObjectKey, time::UnixMillis};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Midnight of a day, in milliseconds.
const MIDNIGHT: u64 = 20_000 * 86_400_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn at(millis: u64) -> UnixMillis {
    UnixMillis::new(MIDNIGHT + millis)
}

fn account(name: &str) -> TenantName {
    TenantName::parse(name).unwrap()
}

fn addresses(count: usize) -> Vec<EmailAddress> {
    (0..count).map(|n| EmailAddress::parse(&format!("r{n}@example.net")).unwrap()).collect()
}

fn rates(window: Window, most: u64) -> Rates {
    match window {
        Window::Second => Rates { second: Some(most), ..Rates::default() },
        Window::Hour => Rates { hour: Some(most), ..Rates::default() },
        Window::Day => Rates { day: Some(most), ..Rates::default() },
    }
}

fn of_account(rates: Rates) -> LimitsOf {
    LimitsOf { account: rates, ..LimitsOf::default() }
}

fn of_ramp(ramp: &[u64]) -> LimitsOf {
    LimitsOf { ramp: ramp.into(), ..LimitsOf::default() }
}

/// Counts, and one account that sends.
struct World {
    counts: Counts,
    account: TenantName,
    sent_by: SentBy,
}

impl World {
    fn new() -> Self {
        let (counts, account) = (Counts::new(1_000), account("shop"));
        Self { counts, account, sent_by: SentBy::default() }
    }

    fn send(&mut self, limits: &LimitsOf, recipients: usize, now: UnixMillis) -> Result<Counted, Refusal> {
        let recipients = addresses(recipients);
        let demand = Demand { account: &self.account, sent_by: self.sent_by, recipients: &recipients };
        self.counts.reserve(demand, limits, now)
    }

    fn used(&self, window: Window, now: UnixMillis) -> u64 {
        self.counts.used(&CountKey::Account(self.account.clone()), window, now).used
    }
}

#[test]
fn a_day_begins_anew_at_midnight() {
    let (mut world, limits) = (World::new(), of_account(rates(Window::Day, 3)));
    world.send(&limits, 2, at(DAY - 10)).unwrap();
    let refusal = world.send(&limits, 2, at(DAY - 5)).unwrap_err();
    assert_eq!((refusal.used, refusal.asked, refusal.again), (2, 2, Some(at(DAY))));
    let said = refusal.to_string();
    assert!(
        said.starts_with("the account may send 3 recipients in a day, 2 are used, this message"),
        "{said}"
    );
    assert!(world.send(&limits, 2, at(DAY)).is_ok());
}

#[test]
fn what_was_refused_is_counted_nowhere_and_what_was_released_neither() {
    let mut world = World::new();
    world.sent_by.token = ObjectKey::parse(&"a".repeat(32));
    let limits = LimitsOf { token: rates(Window::Hour, 5), ..of_account(rates(Window::Day, 4)) };
    let counted = world.send(&limits, 4, at(0)).unwrap();
    assert!(world.send(&limits, 1, at(1)).is_err());
    world.counts.release(&counted);
    assert_eq!(Window::ALL.map(|window| world.used(window, at(2))), [0; 3]);
    let token = CountKey::Token(world.sent_by.token.unwrap());
    assert_eq!(world.counts.used(&token, Window::Hour, at(2)), Used { used: 0, free_at: None });
    assert!(world.send(&limits, 4, at(2)).is_ok());
}

#[test]
fn the_limit_that_lasts_longest_is_the_one_that_is_told() {
    let mut world = World::new();
    let all = Rates { second: Some(1), hour: Some(1), day: Some(1) };
    world.send(&of_account(all), 1, at(0)).unwrap();
    let refusal = world.send(&of_account(all), 1, at(10)).unwrap_err();
    assert_eq!((refusal.window, refusal.again), (Window::Day, Some(at(DAY))));
    let refusal = world.send(&of_account(Rates { day: None, ..all }), 1, at(10)).unwrap_err();
    assert_eq!((refusal.window, refusal.again), (Window::Hour, Some(at(61 * 60_000))));
}

#[test]
fn more_than_a_limit_allows_at_all_will_never_fit() {
    let (mut world, limits) = (World::new(), of_account(Rates { second: Some(2), day: Some(9), hour: None }));
    world.send(&limits, 2, at(0)).unwrap();
    let refusal = world.send(&limits, 3, at(0)).unwrap_err();
    assert_eq!((refusal.window, refusal.again), (Window::Second, None));
    assert!(refusal.to_string().ends_with("split it"), "{refusal}");
}

#[test]
fn an_address_has_a_limit_of_its_own_whatever_its_case() {
    let mut world = World::new();
    let limits = LimitsOf { recipient: rates(Window::Hour, 1), ..LimitsOf::default() };
    world.send(&limits, 1, at(0)).unwrap();
    let again = [EmailAddress::parse("R0@EXAMPLE.net").unwrap()];
    let demand = Demand { account: &world.account, sent_by: world.sent_by, recipients: &again };
    let refusal = world.counts.check(demand, &limits, at(1)).unwrap_err();
    assert_eq!((refusal.scope, refusal.recipient.as_deref()), (Scope::Recipient, Some("r0@example.net")));
    let twice =
        [EmailAddress::parse("x@example.net").unwrap(), EmailAddress::parse("X@example.net").unwrap()];
    let demand = Demand { recipients: &twice, ..demand };
    assert_eq!(world.counts.check(demand, &limits, at(1)).unwrap_err().again, None);
    let other = account("other");
    assert_eq!(
        world.counts.check(Demand { account: &other, recipients: &again, ..demand }, &limits, at(1)),
        Ok(())
    );
}

#[test]
fn addresses_beyond_the_bound_are_not_counted_until_others_are_over() {
    let mut world = World { counts: Counts::new(3), ..World::new() };
    let limits = LimitsOf { recipient: rates(Window::Second, 1), ..LimitsOf::default() };
    let counted = limits.counted(
        Demand { account: &world.account, sent_by: world.sent_by, recipients: &addresses(5) },
        at(0),
    );
    world.counts.add(&counted);
    assert_eq!((world.counts.uncounted(), world.counts.recipients()), (2, 3));
    // The next day nothing of them is left.
    let counted = limits.counted(
        Demand { account: &account("other"), sent_by: world.sent_by, recipients: &addresses(3) },
        at(DAY),
    );
    world.counts.add(&counted);
    assert_eq!((world.counts.uncounted(), world.counts.recipients()), (2, 3));
}

#[test]
fn a_ramp_rises_with_each_day_on_which_the_account_sends_and_ends() {
    let (mut world, limits) = (World::new(), of_ramp(&[2, 4]));
    world.send(&limits, 2, at(0)).unwrap();
    let refusal = world.send(&limits, 1, at(1)).unwrap_err();
    assert!(refusal.is_ramp && refusal.to_string().contains("which is new, may send 2"), "{refusal}");
    // Days go by without mail: the second day of sending is still the second.
    assert!(world.send(&limits, 5, at(9 * DAY)).is_err());
    world.send(&limits, 4, at(9 * DAY)).unwrap();
    assert_eq!(world.counts.earlier_days(&world.account, at(9 * DAY)), 1);
    assert!(world.send(&limits, 500, at(10 * DAY)).is_ok());
}

#[test]
fn a_day_whose_mail_was_not_accepted_is_no_step_of_a_ramp() {
    let (mut world, limits) = (World::new(), of_ramp(&[2, 4]));
    let counted = world.send(&limits, 2, at(0)).unwrap();
    world.counts.release(&counted);
    assert!(world.send(&limits, 3, at(DAY)).is_err());
}

#[test]
fn the_narrower_of_quota_and_ramp_holds() {
    let mut world = World::new();
    let limits = LimitsOf { ramp: [5].into(), ..of_account(rates(Window::Day, 3)) };
    let refusal = world.send(&limits, 4, at(0)).unwrap_err();
    assert_eq!((refusal.most, refusal.is_ramp), (3, false));
}

#[test]
fn accounts_stay_and_all_else_goes_when_it_is_over() {
    let mut world = World::new();
    world.sent_by.domain = ObjectKey::parse(&"b".repeat(32));
    world.send(&LimitsOf::default(), 1, at(0)).unwrap();
    let idle = Counted { at: at(3 * DAY), parts: Vec::new() };
    world.counts.add(&idle);
    world.counts.retain_accounts(|_| true);
    let left: Vec<_> = world.counts.counters().map(|(key, _)| key.clone()).collect();
    assert_eq!(left, [CountKey::Account(world.account.clone())]);
    world.counts.retain_accounts(|_| false);
    assert_eq!(world.counts.counters().len(), 0);
}

#[test]
fn what_is_more_general_holds_where_nothing_is_said_and_nought_is_no_limit() {
    let general = Rates { second: Some(1), hour: Some(2), day: None };
    let own = Rates { second: Some(0), hour: None, day: Some(3) };
    let both = own.or(general);
    assert_eq!(Window::ALL.map(|window| both.most(window)), [None, Some(2), Some(3)]);
    assert!(Rates { second: Some(0), ..Rates::default() }.is_unlimited());
}

/// Pauses between messages that lie about each kind of boundary.
fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1u64..60, 900u64..1_100, 50_000u64..70_000, HOUR - 70_000..HOUR + 70_000]
}

proptest! {
    #[test]
    fn no_second_no_hour_and_no_day_ever_holds_more_than_its_limit(
        most in 1u64..20,
        messages in prop::collection::vec((pause(), 1usize..6, any::<bool>()), 1..80),
    ) {
        let limits = of_account(Rates { second: Some(most), hour: Some(most + 4), day: Some(most + 9) });
        let (mut world, mut now, mut sent) = (World::new(), 0, Vec::new());
        for (pause, recipients, released) in messages {
            now += pause;
            match world.send(&limits, recipients, at(now)) {
                Ok(counted) if released => world.counts.release(&counted),
                Ok(_) => sent.push((now, recipients as u64)),
                Err(refusal) => {
                    // What it says is true: a moment earlier it does not fit, then it does.
                    let again = refusal.again.map(|again| again.as_millis() - MIDNIGHT);
                    let never = recipients as u64 > most;
                    prop_assert_eq!(again.is_none(), never);
                    if let Some(again) = again {
                        prop_assert!(again > now);
                        let recipients = addresses(recipients);
                        let demand =
                            Demand { account: &world.account, sent_by: world.sent_by, recipients: &recipients };
                        prop_assert!(world.counts.check(demand, &limits, at(again - 1)).is_err());
                        prop_assert!(world.counts.check(demand, &limits, at(again)).is_ok());
                    }
                }
            }
        }
        let within = |from: u64, length: u64| -> u64 {
            sent.iter().filter(|(at, _)| (from..from + length).contains(at)).map(|(_, count)| count).sum()
        };
        let mut days = BTreeMap::<u64, u64>::new();
        for (at, count) in &sent {
            prop_assert!(within(*at, 1_000) <= most);
            prop_assert!(within(*at, HOUR) <= most + 4);
            *days.entry(at / DAY).or_default() += count;
        }
        prop_assert!(days.values().all(|count| *count <= most + 9));
    }

    #[test]
    fn a_counter_in_any_order_is_the_same(
        mut times in prop::collection::vec((0u64..2 * HOUR, 1u64..9), 1..40), seed in any::<prop::sample::Index>(),
    ) {
        let count = |times: &[(u64, u64)]| {
            let mut counter = Counter::default();
            times.iter().for_each(|(time, count)| counter.add(at(*time), *count));
            counter
        };
        let newest = at(times.iter().map(|(time, _)| *time).max().unwrap_or_default());
        let forward = count(&times);
        let middle = seed.index(times.len());
        times.rotate_left(middle);
        let turned = count(&times);
        for window in Window::ALL {
            prop_assert_eq!(forward.used(window, newest), turned.used(window, newest));
        }
    }
}
