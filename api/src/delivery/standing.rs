//! Why the mail of a domain waits: the one thing that holds most of what is due.

use super::model::Sums;
use mailwright_actors::{
    control::{Reason, held_by_domain, held_by_site},
    domain::DomainSnapshot,
    site::SiteSnapshot,
};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::control::{Suspension, SuspensionScope};

/// What is known about a domain with mail.
pub(super) struct Known<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its entries.
    pub(super) sums: Sums,
    /// Its actor, or how it rests.
    pub(super) domain: Option<&'a DomainSnapshot>,
    /// Where its mail goes; empty if that is not known.
    pub(super) site: &'a str,
    /// The actors of that site.
    pub(super) sites: &'a [&'a SiteSnapshot],
    /// What is suspended.
    pub(super) suspensions: &'a [Suspension],
}

/// What holds the mail, in words, and until when.
pub(super) fn standing(known: &Known<'_>) -> (Reason, String, Option<UnixMillis>) {
    if let Some(held) = suspended(known) {
        return held;
    }
    let in_flight = known.domain.map_or(0, |domain| domain.in_flight);
    if known.sums.due <= in_flight as u64 {
        return settled(known, in_flight);
    }
    let Some(domain) = known.domain else {
        return (Reason::Turn, "it waits until its domain is one of those that are active".to_owned(), None);
    };
    if let Some(none) = domain.waits_for_source.first() {
        return (Reason::Source, none.clone(), None);
    }
    let held = held_by_domain(domain, known.sites).or_else(|| held_by_site(known.sites));
    held.unwrap_or_else(|| match in_flight {
        0 => (Reason::Turn, "it is about to go".to_owned(), None),
        _ => (Reason::Turn, format!("{in_flight} are being delivered, the others are next"), None),
    })
}

/// Nothing more could go now: all that is due is on its way.
fn settled(known: &Known<'_>, in_flight: usize) -> (Reason, String, Option<UnixMillis>) {
    match in_flight {
        0 => (Reason::Retry, "none is due".to_owned(), known.sums.next_due.map(UnixMillis::from)),
        1 => (Reason::InFlight, "it is being delivered now".to_owned(), None),
        _ => (Reason::InFlight, format!("{in_flight} are being delivered now"), None),
    }
}

fn suspended(known: &Known<'_>) -> Option<(Reason, String, Option<UnixMillis>)> {
    let found = known.suspensions.iter().find(|suspension| match &suspension.scope {
        SuspensionScope::Domain(domain) => domain.as_str() == known.name,
        SuspensionScope::Site(site) => site == known.site,
        SuspensionScope::Source(_) | SuspensionScope::Tenant(_) => false,
    })?;
    let words = format!("{} is suspended by {}: {}", found.scope, found.by, found.reason);
    let words = words.trim_end_matches([' ', ':']).to_owned();
    Some((Reason::Suspension, words, found.until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_actors::domain::{HoldKind, HoldSnapshot, PlanSnapshot};

    fn domain(in_flight: usize) -> DomainSnapshot {
        DomainSnapshot {
            domain: "a.example".to_owned(),
            plan: PlanSnapshot::Unknown,
            ready: 0,
            in_flight,
            more_on_disk: false,
            lanes: Vec::new(),
            holds: Vec::new(),
            waits_for_source: Vec::new(),
        }
    }

    fn reason(due: u64, domain: Option<&DomainSnapshot>, suspensions: &[Suspension]) -> Reason {
        let sums = Sums { entries: 9, due, oldest: None, next_due: None };
        standing(&Known { name: "a.example", sums, domain, site: "mx", sites: &[], suspensions }).0
    }

    #[test]
    fn mail_that_is_not_due_waits_for_its_time_and_what_moves_is_said_to_move() {
        assert_eq!(reason(0, None, &[]), Reason::Retry);
        assert_eq!(reason(2, Some(&domain(2)), &[]), Reason::InFlight);
        assert_eq!(reason(3, Some(&domain(2)), &[]), Reason::Turn);
        assert_eq!(reason(3, None, &[]), Reason::Turn);
    }

    #[test]
    fn a_hold_of_the_domain_explains_what_is_due() {
        let mut held = domain(0);
        let hold =
            HoldSnapshot { kind: HoldKind::Policy, source: None, seconds: 9, why: "no TLS".to_owned() };
        held.holds.push(hold);
        assert_eq!(reason(1, Some(&held), &[]), Reason::Policy);
        held.waits_for_source.push("no source".to_owned());
        assert_eq!(reason(1, Some(&held), &[]), Reason::Source);
    }

    #[test]
    fn a_suspension_comes_before_everything() {
        for (scope, holds) in [
            ("domain:a.example", true),
            ("site:mx", true),
            ("domain:b.example", false),
            ("source:one", false),
        ] {
            let suspension = Suspension {
                scope: scope.parse().unwrap(),
                until: None,
                reason: String::new(),
                by: "me".to_owned(),
                created: UnixMillis::new(0),
            };
            assert_eq!(reason(2, Some(&domain(2)), &[suspension]) == Reason::Suspension, holds, "{scope}");
        }
    }
}
