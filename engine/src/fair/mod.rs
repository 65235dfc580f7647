//! Fair shares: which tenant, priority and domain is served next.
//!
//! A site serves *flows* (the mail of one domain and class). Of the priorities that wait, each gets ten times
//! the share of the next lower one, so that urgent mail goes first and bulk mail still moves; within a
//! priority tenants share by weight; within a tenant flows take turns. What has just begun to wait is served
//! at once if its share allows: a password reset does not stand behind the newsletter of its own account.

mod stride;

pub(crate) use stride::Strides;

use crate::class::{Priority, TenantName};
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// The share of a priority against the others.
const fn share(priority: Priority) -> u32 {
    match priority {
        Priority::High => 100,
        Priority::Normal => 10,
        Priority::Bulk => 1,
    }
}

/// Who waits, in what class, and how much.
#[derive(Debug, Clone)]
struct Flow {
    priority: Priority,
    tenant: Option<TenantName>,
    ready: usize,
}

/// One priority: its tenants, and the flows of each.
#[derive(Debug, Clone)]
struct Tier<F> {
    tenants: Strides<Option<TenantName>>,
    flows: HashMap<Option<TenantName>, VecDeque<F>>,
}

impl<F> Tier<F> {
    fn new() -> Self {
        Self { tenants: Strides::new(), flows: HashMap::new() }
    }
}

/// The flows that wait for a site, in fair order. A flow `F` names a domain and a class.
#[derive(Debug, Clone)]
pub struct FairShares<F> {
    priorities: Strides<Priority>,
    /// Boxed: a map makes room for several at once, and most sites ever have one.
    tiers: HashMap<Priority, Box<Tier<F>>>,
    flows: HashMap<F, Flow>,
    ready: usize,
}

impl<F> Default for FairShares<F>
where
    F: Clone + Eq + Hash,
{
    fn default() -> Self {
        Self { priorities: Strides::new(), tiers: HashMap::new(), flows: HashMap::new(), ready: 0 }
    }
}

impl<F: Clone + Eq + Hash> FairShares<F> {
    /// Says that `flow` has `ready` messages in all, replacing what it said before; 0 takes it out. Its
    /// priority and tenant never change; `weight` is the tenant's share against others of its priority.
    pub fn offer(
        &mut self,
        flow: &F,
        priority: Priority,
        tenant: Option<&TenantName>,
        weight: u32,
        ready: usize,
    ) {
        if ready == 0 {
            return self.withdraw(flow);
        }
        self.ready += ready;
        if let Some(known) = self.flows.get_mut(flow) {
            self.ready -= known.ready;
            known.ready = ready;
            return;
        }
        let tenant = tenant.cloned();
        self.flows.insert(flow.clone(), Flow { priority, tenant: tenant.clone(), ready });
        self.priorities.join(&priority, share(priority));
        let tier = self.tiers.entry(priority).or_insert_with(|| Box::new(Tier::new()));
        tier.tenants.join(&tenant, weight);
        tier.flows.entry(tenant).or_default().push_back(flow.clone());
    }

    /// Takes `flow` out: it has nothing ready.
    pub fn withdraw(&mut self, flow: &F) {
        let Some(Flow { priority, tenant, ready }) = self.flows.remove(flow) else { return };
        self.ready -= ready;
        let Some(tier) = self.tiers.get_mut(&priority) else { return };
        let Some(flows) = tier.flows.get_mut(&tenant) else { return };
        flows.retain(|other| other != flow);
        if flows.is_empty() {
            tier.flows.remove(&tenant);
            tier.tenants.leave(&tenant);
        }
        if tier.flows.is_empty() {
            self.priorities.leave(&priority);
        }
    }

    /// The flow to serve now, one of its messages counted as gone; `None` when nobody waits.
    pub fn take(&mut self) -> Option<F> {
        let priority = *self.priorities.first()?;
        let tier = self.tiers.get_mut(&priority)?;
        let tenant = tier.tenants.first()?.clone();
        let flows = tier.flows.get_mut(&tenant)?;
        let flow = flows.pop_front()?;
        flows.push_back(flow.clone());
        tier.tenants.serve(&tenant);
        self.priorities.serve(&priority);
        let left = self.flows.get_mut(&flow).map(|known| {
            known.ready -= 1;
            known.ready
        });
        self.ready -= 1;
        if left == Some(0) {
            self.withdraw(&flow);
        }
        Some(flow)
    }

    /// Messages ready, over all flows.
    pub fn ready(&self) -> usize {
        self.ready
    }

    /// Every flow that waits, in no order.
    pub fn flows(&self) -> impl Iterator<Item = &F> {
        self.flows.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Shares = FairShares<(&'static str, Priority)>;

    fn tenant(name: &str) -> TenantName {
        TenantName::parse(name).unwrap()
    }

    fn offer(shares: &mut Shares, who: &'static str, priority: Priority, weight: u32, ready: usize) {
        shares.offer(&(who, priority), priority, Some(&tenant(who)), weight, ready);
    }

    fn take(shares: &mut Shares, times: usize) -> Vec<(&'static str, Priority)> {
        (0..times).map_while(|_| shares.take()).collect()
    }

    #[test]
    fn an_urgent_message_passes_the_newsletter_of_its_own_account() {
        let mut shares = Shares::default();
        offer(&mut shares, "shop", Priority::Bulk, 1, 1_000_000);
        take(&mut shares, 500);
        offer(&mut shares, "shop", Priority::High, 1, 1);
        assert_eq!(shares.take(), Some(("shop", Priority::High)));
    }

    #[test]
    fn bulk_mail_moves_while_urgent_mail_never_ends() {
        let mut shares = Shares::default();
        offer(&mut shares, "a", Priority::High, 1, 10_000);
        offer(&mut shares, "b", Priority::Bulk, 1, 10_000);
        let bulk = take(&mut shares, 1_010).iter().filter(|(who, _)| *who == "b").count();
        assert_eq!(bulk, 10);
    }

    #[test]
    fn tenants_share_by_weight_whatever_they_have_queued() {
        let mut shares = Shares::default();
        offer(&mut shares, "large", Priority::Normal, 1, 1_000_000);
        offer(&mut shares, "small", Priority::Normal, 1, 100);
        offer(&mut shares, "gold", Priority::Normal, 3, 1_000);
        let taken = take(&mut shares, 500);
        let count = |name| taken.iter().filter(|(who, _)| *who == name).count();
        assert_eq!((count("large"), count("small"), count("gold")), (100, 100, 300));
    }

    #[test]
    fn flows_of_one_tenant_take_turns() {
        let mut shares = FairShares::default();
        for flow in ["x", "y"] {
            shares.offer(&flow, Priority::Normal, None, 1, 2);
        }
        let taken: Vec<_> = std::iter::from_fn(|| shares.take()).collect();
        assert_eq!(taken, ["x", "y", "x", "y"]);
    }

    proptest! {
        #[test]
        fn everything_offered_is_taken_once(offers in prop::collection::vec((0u8..6, 0u8..3, 0usize..20), 0..40)) {
            let mut shares = FairShares::default();
            let mut expected = HashMap::new();
            for (flow, priority, ready) in offers {
                let priority = [Priority::High, Priority::Normal, Priority::Bulk][usize::from(priority)];
                let key = (flow, priority);
                shares.offer(&key, priority, Some(&tenant(&format!("t{}", flow % 3))), 1, ready);
                expected.insert(key, ready);
            }
            prop_assert_eq!(shares.ready(), expected.values().sum::<usize>());
            let mut taken: HashMap<_, usize> = expected.keys().map(|key| (*key, 0)).collect();
            while let Some(flow) = shares.take() {
                *taken.entry(flow).or_default() += 1;
            }
            prop_assert_eq!(taken, expected);
            prop_assert_eq!((shares.ready(), shares.flows().count()), (0, 0));
        }
    }
}
