use super::*;
use proptest::prelude::*;

type Names = Roster<u32, &'static str>;

fn at(millis: u64) -> UnixMillis {
    UnixMillis::new(1_000_000 + millis)
}

/// A roster of `most` places, taken by 1, 2, 3 …
fn full(most: usize) -> Names {
    let mut roster = Names::new(most);
    for name in 1..=u32::try_from(most).unwrap() {
        assert_eq!(roster.wake(&name, Urgency::Fresh, at(0)), Woken::Starts(None));
    }
    roster
}

fn order(roster: &mut Names, count: usize) -> Vec<u32> {
    let next = |roster: &mut Names| {
        let (name, _) = roster.next_in_line()?;
        roster.has_ended(&name);
        Some(name)
    };
    (0..count).map_while(|_| next(roster)).collect()
}

#[test]
fn no_more_are_active_than_there_are_places() {
    let mut roster = full(2);
    assert_eq!(roster.wake(&1, Urgency::Fresh, at(0)), Woken::Active);
    assert_eq!(roster.wake(&3, Urgency::Fresh, at(0)), Woken::Waits);
    assert_eq!(roster.next_in_line(), None);
    assert_eq!(roster.census(), Census { active: 2, waiting: 1, resting: 0 });
    roster.has_ended(&1);
    // The place is for who waits, not for who comes by.
    assert_eq!(roster.wake(&4, Urgency::High, at(0)), Woken::Waits);
    assert_eq!(order(&mut roster, 9), [4, 3]);
}

#[test]
fn urgent_mail_passes_the_line_and_old_mail_still_moves() {
    let mut roster = full(1);
    for name in 100..200 {
        roster.wake(&name, Urgency::Due, at(0));
        roster.wake(&(name + 1_000), Urgency::Fresh, at(0));
    }
    roster.wake(&9, Urgency::High, at(0));
    roster.has_ended(&1);
    let started = order(&mut roster, 61);
    assert_eq!(started[0], 9);
    let old = started.iter().filter(|name| (100..200).contains(*name)).count();
    assert!((9..=11).contains(&old), "{old} of 60 places for mail that was due: {started:?}");
}

#[test]
fn who_had_its_turn_moves_up_for_urgent_mail_only() {
    let mut roster = full(1);
    roster.yields(&1, "had its turn");
    roster.wake(&2, Urgency::Due, at(0));
    assert_eq!(roster.wake(&1, Urgency::Fresh, at(0)), Woken::Waits);
    assert_eq!(roster.wake(&2, Urgency::High, at(0)), Woken::Waits);
    assert_eq!(roster.next_in_line(), Some((2, None)));
    roster.has_ended(&2);
    assert_eq!(roster.next_in_line(), Some((1, Some("had its turn"))));
    roster.has_ended(&1);
    assert_eq!(roster.next_in_line(), None);
}

#[test]
fn who_can_do_nothing_gives_its_place_up_at_once_when_others_wait() {
    let mut roster = full(2);
    assert!(!roster.can_spare(&1, Spare::Free, at(0)), "nobody waits");
    roster.wake(&3, Urgency::Due, at(0));
    assert_eq!(roster.ask_to_leave(at(0)), Some(1));
    assert_eq!(roster.ask_to_leave(at(0)), None, "one is on its way out for the one that waits");
    assert!(!roster.can_spare(&2, Spare::Free, at(0)));
    roster.wake(&4, Urgency::Due, at(0));
    assert_eq!(roster.ask_to_leave(at(0)), Some(2));
    // It has found work meanwhile, and loses it again.
    roster.is_busy(&2);
    assert!(roster.can_spare(&2, Spare::Free, at(0)));
}

#[test]
fn who_waits_for_others_keeps_its_place_for_a_while() {
    let mut roster = full(2);
    roster.can_spare(&1, Spare::Stalled, at(0));
    roster.can_spare(&2, Spare::Stalled, at(10));
    roster.wake(&3, Urgency::Due, at(10));
    assert_eq!(roster.ask_to_leave(at(4_999)), None);
    assert_eq!(roster.ask_to_leave(at(5_000)), Some(1));
    // Mail that was just accepted waits a second at most, and the other has been at it for longer.
    roster.wake(&4, Urgency::Fresh, at(5_000));
    roster.yields(&1, "");
    assert_eq!(roster.ask_to_leave(at(5_000)), Some(2));
}

#[test]
fn only_so_many_change_places_in_a_second_because_they_wait() {
    let mut roster = full(2 * TURNOVER.0);
    for name in 1..=u32::try_from(2 * TURNOVER.0).unwrap() {
        roster.can_spare(&name, Spare::Stalled, at(0));
        roster.wake(&(10_000 + name), Urgency::Fresh, at(0));
    }
    let asked = |roster: &mut Names, now| std::iter::from_fn(|| roster.ask_to_leave(now)).count();
    assert_eq!(asked(&mut roster, at(1_000)), TURNOVER.0);
    assert_eq!(asked(&mut roster, at(1_999)), 0);
    // Who can do nothing with its place is not counted.
    roster.can_spare(&u32::try_from(TURNOVER.0 + 1).unwrap(), Spare::Free, at(1_999));
    assert_eq!(roster.census().active - roster.leaving, TURNOVER.0 - 1);
    assert_eq!(asked(&mut roster, at(2_000)), TURNOVER.0 - 1);
}

#[test]
fn who_rests_is_left_alone_until_it_is_over() {
    let mut roster = full(1);
    roster.rests(&1, at(500), "no route");
    assert_eq!(roster.wake(&1, Urgency::High, at(499)), Woken::Rests);
    assert_eq!((roster.rested(at(499)), roster.note_of(&1)), (vec![], Some(&"no route")));
    assert_eq!(roster.rested(at(500)), [1]);
    assert_eq!(roster.wake(&1, Urgency::Due, at(500)), Woken::Starts(Some("no route")));
    assert!(roster.rested(at(500)).is_empty());

    roster.rests(&1, at(9_999), "no route");
    assert_eq!(roster.rouse_all(), [1]);
    assert_eq!(roster.rested(at(0)), [1]);
    assert_eq!(roster.admit(&1), Some("no route"));
    assert_eq!(roster.census(), Census { active: 1, waiting: 0, resting: 0 });
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Wake(u32, Urgency),
    Busy(u32),
    Leave(u32),
    Spare(u32, Spare),
    Ask,
    End(u32),
    Rest(u32),
    Yield(u32),
    Next,
    RouseAll,
    Admit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let name = 0..12u32;
    let urgency = prop::sample::select(vec![Urgency::High, Urgency::Fresh, Urgency::Due]);
    let spare = prop::sample::select(vec![Spare::Free, Spare::Stalled]);
    prop_oneof![
        4 => (name.clone(), urgency).prop_map(|(name, urgency)| Step::Wake(name, urgency)),
        1 => name.clone().prop_map(Step::Busy),
        1 => name.clone().prop_map(Step::Leave),
        2 => (name.clone(), spare).prop_map(|(name, spare)| Step::Spare(name, spare)),
        2 => Just(Step::Ask),
        1 => name.clone().prop_map(Step::End),
        1 => name.clone().prop_map(Step::Rest),
        1 => name.clone().prop_map(Step::Yield),
        3 => Just(Step::Next),
        1 => Just(Step::RouseAll),
        1 => name.prop_map(Step::Admit),
    ]
}

fn take(roster: &mut Names, step: Step, now: UnixMillis) {
    let is_active = |roster: &Names, name: &u32| roster.active.contains_key(name);
    match step {
        Step::Wake(name, urgency) => drop(roster.wake(&name, urgency, now)),
        Step::Busy(name) => roster.is_busy(&name),
        Step::Leave(name) => roster.leaves(&name),
        Step::Spare(name, spare) => drop(roster.can_spare(&name, spare, now)),
        Step::Ask => drop(roster.ask_to_leave(now)),
        Step::End(name) => roster.has_ended(&name),
        Step::Rest(name) if is_active(roster, &name) => {
            roster.rests(&name, now.saturating_add(PATIENCE), "rest");
        }
        Step::Yield(name) if is_active(roster, &name) => roster.yields(&name, "yield"),
        Step::Rest(_) | Step::Yield(_) => {}
        Step::Next => drop(roster.next_in_line()),
        Step::RouseAll => drop(roster.rouse_all()),
        Step::Admit(name) => drop(roster.admit(&name)),
    }
}

proptest! {
    /// Nobody is in two states, nobody who waits is forgotten, and the counts are right, whatever happens.
    #[test]
    fn everybody_is_somewhere_once(steps in prop::collection::vec(step(), 0..200)) {
        let mut roster = Names::new(3);
        let mut now = at(0);
        for step in steps {
            now = now.saturating_add(Duration::from_millis(400));
            take(&mut roster, step, now);
            let states = |name: &u32| {
                [roster.active.contains_key(name), roster.is_waiting(name), roster.note_of(name).is_some()]
            };
            for name in 0..12 {
                prop_assert!(states(&name).iter().filter(|is| **is).count() <= 1, "{name}: {:?}", states(&name));
            }
            let is_leaving = |standing: &&Standing| matches!(standing, Standing::Leaving | Standing::Left);
            let leaving = roster.active.values().filter(is_leaving);
            prop_assert_eq!(leaving.count(), roster.leaving);
            let spare = roster.active.values().filter(|standing| matches!(standing, Standing::Spare(..)));
            prop_assert_eq!(spare.count(), roster.spares.len());
            let hurried = roster.waiting.values().filter(|waiting| waiting.urgency != Urgency::Due);
            prop_assert_eq!(hurried.count(), roster.hurried);
            prop_assert_eq!(roster.ends.len(), roster.resting.len());
        }
        // With all places free the whole line gets one in the end.
        let waiting = roster.census().waiting;
        (0..12).for_each(|name| roster.has_ended(&name));
        prop_assert_eq!(order(&mut roster, 100).len(), waiting);
        prop_assert_eq!(roster.census().waiting, 0);
    }
}
