//! What the connections of a site learn and the next ones should know.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a family of addresses that could not be connected to is tried last.
const FAMILY_REST: Duration = Duration::from_secs(600);

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv6() { Self::V6 } else { Self::V4 }
    }

    /// `ipv4` or `ipv6`: the label of metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

#[derive(Debug, Default)]
struct Inner {
    v4_rests_until: Option<Instant>,
    v6_rests_until: Option<Instant>,
}

/// Shared by a site and its connections. Used on one thread; a mutex because actix wants messages that could
/// travel.
#[derive(Debug, Clone, Default)]
pub struct SiteNotes(Arc<Mutex<Inner>>);

impl SiteNotes {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers whether connecting to an address of `family` worked.
    pub fn family_tried(&self, family: Family, worked: bool) {
        let rest = (!worked).then(|| Instant::now() + FAMILY_REST);
        let mut inner = self.inner();
        match family {
            Family::V4 => inner.v4_rests_until = rest,
            Family::V6 => inner.v6_rests_until = rest,
        }
    }

    /// Whether a family failed here a short while ago.
    pub fn rests(&self, family: Family) -> bool {
        let inner = self.inner();
        let until = match family {
            Family::V4 => inner.v4_rests_until,
            Family::V6 => inner.v6_rests_until,
        };
        until.is_some_and(|until| until > Instant::now())
    }

    /// The addresses in the order to try them: as given, those of a family that rests at the end.
    pub fn in_order(&self, mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
        addresses.sort_by_key(|address| self.rests(Family::of(*address)));
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_that_failed_is_tried_last_until_it_works_again() {
        let [six, four]: [IpAddr; 2] = ["2001:db8::1".parse().unwrap(), "192.0.2.1".parse().unwrap()];
        let notes = SiteNotes::default();
        assert_eq!(notes.in_order(vec![six, four]), [six, four]);
        notes.family_tried(Family::V6, false);
        assert_eq!(notes.in_order(vec![six, four]), [four, six]);
        notes.family_tried(Family::V6, true);
        assert_eq!(notes.in_order(vec![six, four]), [six, four]);
    }
}
