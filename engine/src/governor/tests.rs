use super::*;
use crate::{
    classify::BounceRules,
    shaping::{Rate, ReplyMatch, RuleAction},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        verdict::{Loss, Phase, Verdict, judge},
    },
};
use std::sync::LazyLock;

const NOW: UnixMillis = UnixMillis::new(1_000_000_000);

fn after(seconds: u64) -> UnixMillis {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn governor(limits: Limits) -> Governor {
    Governor::new(Arc::new(limits), Arc::from([]))
}

fn judged(verdict: Verdict) -> Judged {
    static RULES: LazyLock<BounceRules> = LazyLock::new(BounceRules::builtin);
    Judged::new(verdict, &RULES)
}

fn delivered() -> Judged {
    judged(judge(Phase::Dot, &Reply::new(SmtpCode::OK, None, "ok")))
}

/// 421 4.7.28 at the end of data.
fn rate_limited() -> Judged {
    let status = Some(EnhancedCode::new(4, 7, 28));
    judged(judge(Phase::Dot, &Reply::new(SmtpCode::SHUTTING_DOWN, status, "unusual rate")))
}

fn too_many_connections() -> Judged {
    judged(judge(Phase::Greeting, &Reply::new(SmtpCode::SHUTTING_DOWN, None, "too many connections")))
}

fn labels(events: &[GovernorEvent]) -> Vec<&'static str> {
    events.iter().map(|event| event.what.label()).collect()
}

fn rule(action: RuleAction, count: u32) -> Rule {
    let when =
        ReplyMatch { codes: vec!["421".into()], enhanced: vec!["4.7".into()], ..ReplyMatch::default() };
    let (within, hold) = (Duration::from_secs(60), Duration::from_secs(40));
    Rule { name: "slow".into(), when, count, within, action, hold }
}

fn ruled(limits: Limits, action: RuleAction, count: u32) -> Governor {
    Governor::new(Arc::new(limits), Arc::from([rule(action, count)]))
}

/// Messages let through in each of the given minutes when there is always one to send.
fn sent_in_minutes(governor: &mut Governor, from: UnixMillis, minutes: u64) -> Vec<usize> {
    let mut sent = Vec::new();
    for minute in 0..minutes {
        let ticks = (0..600).map(|tenth| from.as_millis() + minute * 60_000 + tenth * 100);
        sent.push(
            ticks
                .filter(|at| {
                    let at = UnixMillis::new(*at);
                    governor.tick(at);
                    governor.may_send(at).is_ok()
                })
                .count(),
        );
    }
    sent
}

#[test]
fn opens_as_many_as_there_is_work_for_up_to_the_window() {
    let governor = governor(Limits { initial_connections: 5, connections: 20, ..Limits::default() });
    assert_eq!(governor.connections_wanted(3, 0, NOW), Opening::Open(3));
    assert_eq!(governor.connections_wanted(30, 2, NOW), Opening::Open(3));
    let Opening::Wait(hold) = governor.connections_wanted(30, 5, NOW) else { panic!("opens a sixth") };
    assert_eq!(hold.cause, HoldCause::Concurrency);
}

#[test]
fn a_rate_of_connections_is_kept() {
    let rate = Rate { count: 60, per: Duration::from_secs(60) };
    let mut governor =
        governor(Limits { connection_rate: Some(rate), initial_connections: 20, ..Limits::default() });
    let Opening::Open(first) = governor.connections_wanted(20, 0, NOW) else { panic!("opens none") };
    assert!((1..=6).contains(&first), "{first}");
    (0..first).for_each(|_| governor.connection_started(NOW));
    let Opening::Wait(hold) = governor.connections_wanted(20, first, NOW) else { panic!("over its rate") };
    assert_eq!(hold.cause, HoldCause::ConnectionRate);
    assert!(matches!(governor.connections_wanted(20, first, hold.until), Opening::Open(1)));
}

#[test]
fn a_rate_of_messages_is_kept_and_says_when_the_next_may_go() {
    let rate = Rate { count: 30, per: Duration::from_secs(60) };
    let mut governor = governor(Limits { message_rate: Some(rate), ..Limits::default() });
    let sent = sent_in_minutes(&mut governor, NOW, 3);
    assert!(sent.iter().all(|sent| (29..=33).contains(sent)), "{sent:?}");
    let hold = (0..5).find_map(|_| governor.may_send(after(180)).err()).unwrap();
    assert_eq!(hold.cause, HoldCause::MessageRate);
    assert!(hold.until > after(180) && hold.until <= after(183));
}

#[test]
fn a_dead_destination_is_tried_by_one_connection_now_and_then() {
    let mut governor = governor(Limits {
        breaker_failures: 3,
        adaptive: crate::shaping::Adaptive::Off,
        ..Limits::default()
    });
    let refused = judged(Verdict::connect_failure("refused"));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.extend(labels(&governor.connect_failed(&refused, 0, NOW)));
    }
    assert_eq!(seen, ["breaker_opened"]);
    let Opening::Wait(hold) = governor.connections_wanted(9, 0, NOW) else { panic!("still opens") };
    assert_eq!(hold.cause, HoldCause::Breaker);
    assert_eq!(labels(&governor.tick(hold.until)), ["breaker_probing"]);
    assert_eq!(governor.connections_wanted(9, 0, hold.until), Opening::Open(1));
    assert!(matches!(governor.connections_wanted(9, 1, hold.until), Opening::Wait(_)));
    governor.connected();
    assert!(matches!(governor.connections_wanted(9, 1, hold.until), Opening::Wait(_)));
    let well = governor.attempt_finished(&[delivered()], None, hold.until);
    assert_eq!(labels(&well), ["breaker_closed"]);
    assert!(matches!(governor.connections_wanted(9, 1, hold.until), Opening::Open(9)));
}

#[test]
fn sessions_that_end_with_a_goodbye_come_to_nothing() {
    let mut governor = governor(Limits { breaker_failures: 3, ..Limits::default() });
    let at_mail = |code| judged(judge(Phase::Mail, &Reply::new(code, None, "not now")));
    let goodbye = at_mail(SmtpCode::SHUTTING_DOWN);
    for well in [delivered(), at_mail(SmtpCode::LOCAL_ERROR)] {
        // Whoever says what becomes of a message is there.
        for _ in 0..2 {
            governor.connected();
            assert_eq!(governor.attempt_finished(std::slice::from_ref(&goodbye), None, NOW), []);
        }
        governor.attempt_finished(&[well], None, NOW);
    }
    let mut seen = Vec::new();
    for _ in 0..3 {
        governor.connected();
        seen.extend(labels(&governor.attempt_finished(std::slice::from_ref(&goodbye), None, NOW)));
    }
    assert_eq!(seen, ["breaker_opened"]);
}

#[test]
fn a_goodbye_to_too_much_mail_is_no_sign_of_death() {
    let mut governor = governor(Limits { breaker_failures: 3, ..Limits::default() });
    for _ in 0..9 {
        let seen = labels(&governor.attempt_finished(&[rate_limited()], None, NOW));
        assert!(!seen.contains(&"breaker_opened"), "{seen:?}");
    }
}

#[test]
fn a_failure_beside_working_connections_is_no_sign_of_death() {
    let mut governor = governor(Limits { breaker_failures: 1, ..Limits::default() });
    assert!(
        labels(&governor.connect_failed(&judged(Verdict::connect_failure("timed out")), 0, NOW))
            .contains(&"breaker_opened")
    );
    let mut governor = self::governor(Limits { breaker_failures: 1, ..Limits::default() });
    let events = governor.connect_failed(&judged(Verdict::lost(Phase::Greeting, &Loss::Eof)), 4, NOW);
    assert_eq!(labels(&events), ["cap_learned"]);
}

#[test]
fn a_cap_is_learnt_from_refused_connections_and_tested_again_later() {
    let mut governor = governor(Limits { initial_connections: 5, connections: 10, ..Limits::default() });
    for open in [4, 3, 2] {
        governor.connect_failed(&too_many_connections(), open, NOW);
    }
    let Opening::Wait(hold) = governor.connections_wanted(9, 2, NOW) else { panic!("opens a third") };
    assert!(matches!(hold.cause, HoldCause::ConnectionCap | HoldCause::Concurrency));
    for _ in 0..100 {
        governor.attempt_finished(&[delivered()], None, NOW);
    }
    let Opening::Wait(hold) = governor.connections_wanted(9, 2, NOW) else { panic!("opens a third") };
    assert_eq!(hold.cause, HoldCause::ConnectionCap);
    let relaxed = governor.next_tick().unwrap();
    assert_eq!(labels(&governor.tick(relaxed)), ["cap_relaxed"]);
    assert_eq!(governor.connections_wanted(9, 2, relaxed), Opening::Open(1));
}

#[test]
fn refusals_of_a_message_or_recipient_do_not_narrow_the_window() {
    let mut governor = governor(Limits::default());
    let no_such_user = judged(judge(
        Phase::Rcpt,
        &Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 1, 1)), "no"),
    ));
    let before = governor.snapshot(NOW).window;
    (0..50).for_each(|_| drop(governor.attempt_finished(std::slice::from_ref(&no_such_user), None, NOW)));
    assert_eq!(governor.snapshot(NOW).window, before);
    governor.attempt_finished(&[rate_limited()], None, NOW);
    assert!(governor.snapshot(NOW).window < before);
}

#[test]
fn a_rule_limits_the_rate_then_eases_then_ends() {
    let rate = Rate::per_minute(60);
    let limits = Limits { message_rate: Some(Rate::per_minute(300)), ..Limits::default() };
    let mut governor = ruled(limits, RuleAction::LimitMessageRate(rate), 3);
    assert_eq!(governor.attempt_finished(&[rate_limited()], None, NOW), []);
    assert_eq!(governor.attempt_finished(&[rate_limited()], None, NOW), []);
    assert_eq!(labels(&governor.attempt_finished(&[rate_limited()], None, NOW)), ["rule_fired"]);
    let mut seen = Vec::new();
    let mut rates = Vec::new();
    let mut now = NOW;
    while let Some(next) = governor.next_tick() {
        let sent = sent_in_minutes(&mut governor.clone(), now, 1)[0];
        rates.push(sent);
        now = next;
        seen.extend(labels(&governor.tick(now)));
    }
    assert_eq!(seen, ["rule_eased", "rule_eased", "rule_eased", "rule_ended"]);
    assert!(rates[0] < 150 && rates.windows(2).all(|pair| pair[0] <= pair[1]), "{rates:?}");
    assert_eq!(governor.snapshot(now).rules, []);
}

#[test]
fn a_slow_down_without_a_configured_rate_goes_by_what_the_site_took() {
    let mut governor = ruled(Limits::default(), RuleAction::SlowDown(0.5), 1);
    for second in 0..60 {
        (0..10).for_each(|_| drop(governor.attempt_finished(&[delivered()], None, after(second))));
    }
    let events = governor.attempt_finished(&[rate_limited()], None, after(59));
    assert!(events[0].to_string().contains("no more than 300/min messages"), "{}", events[0]);
    // Again, after those that were under way: half of that.
    let events = governor.attempt_finished(&[rate_limited()], None, after(62));
    assert!(events[0].to_string().contains("150/min"), "{}", events[0]);
}

#[test]
fn replies_to_what_was_under_way_do_not_count_twice() {
    let mut governor = ruled(Limits::default(), RuleAction::SlowDown(0.5), 1);
    assert_eq!(labels(&governor.attempt_finished(&[rate_limited()], None, NOW)), ["rule_fired"]);
    assert_eq!(governor.attempt_finished(&[rate_limited()], None, NOW), []);
}

#[test]
fn a_suspended_site_sends_nothing_and_comes_back_by_itself() {
    let mut governor = ruled(Limits::default(), RuleAction::SuspendSite, 1);
    governor.attempt_finished(&[rate_limited()], None, NOW);
    let hold = governor.may_send(NOW).unwrap_err();
    assert_eq!((hold.cause.clone(), hold.until), (HoldCause::Rule("slow".into()), after(40)));
    assert!(matches!(governor.connections_wanted(5, 0, NOW), Opening::Wait(_)));
    assert!(!governor.is_at_rest(NOW));
    assert_eq!(labels(&governor.tick(after(40))), ["rule_ended"]);
    assert_eq!(governor.may_send(after(40)), Ok(()));
    assert!(governor.is_at_rest(after(40)));
}

#[test]
fn a_rule_cuts_connections_and_gives_them_back_one_by_one() {
    let limits = Limits {
        connections: 4,
        initial_connections: 4,
        adaptive: crate::shaping::Adaptive::Off,
        ..Limits::default()
    };
    let mut governor = ruled(limits, RuleAction::LimitConnections(2), 1);
    governor.attempt_finished(&[rate_limited()], None, NOW);
    assert!(matches!(
        governor.connections_wanted(9, 2, NOW),
        Opening::Wait(Hold { cause: HoldCause::Rule(_), .. })
    ));
    let mut now = governor.next_tick().unwrap();
    assert_eq!(labels(&governor.tick(now)), ["rule_eased"]);
    assert_eq!(governor.connections_wanted(9, 2, now), Opening::Open(1));
    now = governor.next_tick().unwrap();
    assert_eq!(labels(&governor.tick(now)), ["rule_ended"]);
    assert_eq!(governor.connections_wanted(9, 2, now), Opening::Open(2));
}

#[test]
fn a_back_off_is_silent_probes_and_flows() {
    let mut governor = ruled(Limits::default(), RuleAction::BackOff(0.5), 2);
    (0..100).for_each(|_| drop(governor.attempt_finished(&[delivered()], None, NOW)));
    assert_eq!(governor.attempt_finished(&[rate_limited()], None, NOW), []);
    assert_eq!(labels(&governor.attempt_finished(&[rate_limited()], None, NOW)), ["rule_fired"]);
    assert_eq!(governor.may_send(NOW).unwrap_err().until, after(40));
    assert!(matches!(governor.connections_wanted(5, 0, NOW), Opening::Wait(_)));
    assert_eq!(governor.attempt_finished(&[rate_limited()], None, NOW), []);
    assert_eq!(labels(&governor.tick(after(40))), ["rule_eased"]);
    assert_eq!(governor.connections_wanted(5, 0, after(40)), Opening::Open(1));
    assert_eq!(governor.may_send(after(40)), Ok(()));
    assert!(governor.may_send(after(40)).is_err(), "a second probe");
    assert_eq!(labels(&governor.attempt_finished(&[rate_limited()], None, after(41))), ["rule_fired"]);
    assert_eq!(governor.may_send(after(42)).unwrap_err().until, after(41 + 80));
    assert_eq!(labels(&governor.tick(after(121))), ["rule_eased"]);
    assert_eq!(governor.may_send(after(121)), Ok(()));
    let events = governor.attempt_finished(&[delivered()], None, after(122));
    // A hundred in the first five seconds make 1200 a minute.
    assert_eq!(events[0].to_string(), "rule slow eases: no more than 600/min messages");
    assert!(matches!(governor.connections_wanted(5, 0, after(122)), Opening::Open(2..)));
}

#[test]
fn a_connection_too_many_teaches_a_cap_and_is_no_reason_to_back_off() {
    for action in [RuleAction::BackOff(0.5), RuleAction::LimitConnections(1)] {
        let mut governor = ruled(Limits::default(), action, 1);
        let status = Some(EnhancedCode::new(4, 7, 0));
        let reply = Reply::new(SmtpCode::SHUTTING_DOWN, status, "too many connections");
        let refused = judged(judge(Phase::Greeting, &reply));
        assert_eq!(labels(&governor.connect_failed(&refused, 3, NOW)), ["cap_learned"]);
        assert!(labels(&governor.connect_failed(&refused, 0, NOW)).contains(&"rule_fired"));
    }
}

#[test]
fn no_connection_is_tried_beside_others_right_after_one_failed() {
    let mut governor = governor(Limits { adaptive: crate::shaping::Adaptive::Off, ..Limits::default() });
    governor.connect_failed(&judged(Verdict::connect_failure("refused")), 3, NOW);
    let Opening::Wait(hold) = governor.connections_wanted(9, 3, NOW) else { panic!("tries on") };
    assert_eq!(hold.until, after(1));
    assert_eq!(governor.connections_wanted(9, 3, after(1)), Opening::Open(9));
}

#[test]
fn sessions_are_shortened_by_what_the_site_does_and_freed_again() {
    let mut governor = governor(Limits::default());
    assert_eq!(governor.session_length(), 1_000);
    governor.session_cut_short(20, NOW);
    governor.session_cut_short(20, NOW);
    assert_eq!(labels(&governor.session_cut_short(20, NOW)), ["sessions_shortened"]);
    assert_eq!(governor.session_length(), 20);
    assert_eq!(labels(&governor.tick(after(600))), ["sessions_freed"]);
    assert_eq!(governor.session_length(), 1_000);
}

#[test]
fn a_tenant_that_is_refused_is_suspended_alone() {
    let mut governor = ruled(Limits::default(), RuleAction::SuspendTenant, 2);
    let [one, other] = ["one", "other"].map(|name| TenantName::parse(name).unwrap());
    governor.attempt_finished(&[rate_limited()], Some(&one), NOW);
    assert_eq!(governor.attempt_finished(&[rate_limited()], Some(&other), NOW), []);
    let events = governor.attempt_finished(&[rate_limited()], Some(&one), NOW);
    assert!(matches!(&events[0].what, Happening::SuspendTenant { tenant, .. } if *tenant == one));
    assert_eq!(governor.may_send(NOW), Ok(()));
    assert_eq!(labels(&governor.tick(after(40))), ["rule_ended"]);
}

#[test]
fn reshaping_keeps_what_was_learnt() {
    let mut governor = ruled(Limits::default(), RuleAction::SuspendSite, 1);
    governor.attempt_finished(&[rate_limited()], None, NOW);
    governor.connect_failed(&too_many_connections(), 3, NOW);
    let limits = Limits { connections: 50, ..Limits::default() };
    governor.reshape(Arc::new(limits), Arc::from([rule(RuleAction::SuspendSite, 5)]));
    assert!(governor.may_send(NOW).is_err());
    assert_eq!(governor.snapshot(NOW).cap, Some(3));
    governor.reshape(Arc::new(Limits::default()), Arc::from([]));
    assert_eq!(governor.may_send(NOW), Ok(()));
}

proptest::proptest! {
    /// Whatever happens, whatever began has ended once time has passed without refusals.
    #[test]
    fn every_beginning_has_an_end(steps in proptest::collection::vec((0u8..6, 0u64..30_000), 0..120), action in 0usize..7) {
        let tenant = TenantName::parse("shop").unwrap();
        let actions = [
            RuleAction::SuspendSite, RuleAction::SuspendSource, RuleAction::SuspendTenant,
            RuleAction::SlowDown(0.5), RuleAction::LimitMessageRate(Rate::per_minute(5)), RuleAction::LimitConnections(1),
            RuleAction::BackOff(0.5),
        ];
        let mut governor = ruled(Limits::default(), actions[action].clone(), 2);
        let mut now = NOW;
        let mut seen = Vec::new();
        for (step, pause) in steps {
            now = now.saturating_add(Duration::from_millis(pause));
            let mut events = governor.tick(now);
            events.extend(match step {
                0 => governor.attempt_finished(&[delivered()], Some(&tenant), now),
                1 | 2 => governor.attempt_finished(&[rate_limited()], Some(&tenant), now),
                3 => governor.connect_failed(&too_many_connections(), 2, now),
                4 => governor.connect_failed(&judged(Verdict::connect_failure("refused")), 0, now),
                _ => {
                    governor.connected();
                    Vec::new()
                }
            });
            seen.extend(labels(&events));
        }
        for _ in 0..1_000 {
            let Some(next) = governor.next_tick() else { break };
            now = now.max(next);
            seen.extend(labels(&governor.tick(now)));
        }
        seen.extend(labels(&governor.attempt_finished(&[delivered()], None, now)));
        let count = |label: &str| seen.iter().filter(|seen| **seen == label).count();
        proptest::prop_assert!(governor.is_at_rest(now.saturating_add(Duration::from_secs(3600))), "{governor:?}");
        let begun = count("rule_fired") + count("suspend_source") + count("suspend_tenant");
        proptest::prop_assert!(count("rule_ended") <= begun && (begun == 0) == (count("rule_ended") == 0));
        proptest::prop_assert_eq!(count("breaker_opened") > 0, count("breaker_closed") > 0);
        proptest::prop_assert_eq!(count("cap_learned") > 0, count("cap_lifted") > 0);
    }
}
