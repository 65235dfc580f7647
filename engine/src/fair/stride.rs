//! Stride scheduling: shares by weight, one service at a time.
//!
//! Each key has a *pass*, the virtual time of its next turn. The lowest pass is served and moves on by a
//! stride that is the shorter the greater the weight (Waldspurger and Weihl, "Stride Scheduling", 1995). A key
//! that comes back after an absence starts at the present: it neither saves up turns nor waits for those it
//! missed.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

/// The stride of weight 1. Divided by weights up to a thousand it loses nothing that matters.
const STRIDE: u64 = 1 << 20;

#[derive(Debug, Clone, Copy)]
struct Turn {
    pass: u64,
    weight: u32,
}

/// Keys that want service, in the order of their next turns.
#[derive(Debug, Clone)]
pub(crate) struct Strides<K> {
    /// The virtual time: the pass of whoever was served last.
    now: u64,
    turns: HashMap<K, Turn>,
    order: BTreeSet<(u64, K)>,
}

impl<K: Clone + Ord + Hash> Strides<K> {
    /// Nobody.
    pub(crate) fn new() -> Self {
        Self { now: 0, turns: HashMap::new(), order: BTreeSet::new() }
    }

    /// Lets `key` take part with `weight` (at least 1); changes the weight of one that does already.
    pub(crate) fn join(&mut self, key: &K, weight: u32) {
        let weight = weight.max(1);
        if let Some(turn) = self.turns.get_mut(key) {
            turn.weight = weight;
            return;
        }
        self.turns.insert(key.clone(), Turn { pass: self.now, weight });
        self.order.insert((self.now, key.clone()));
    }

    /// Takes `key` out.
    pub(crate) fn leave(&mut self, key: &K) {
        if let Some(turn) = self.turns.remove(key) {
            self.order.remove(&(turn.pass, key.clone()));
        }
    }

    /// Whose turn it is.
    pub(crate) fn first(&self) -> Option<&K> {
        self.order.first().map(|(_, key)| key)
    }

    /// Counts one service of `key`.
    pub(crate) fn serve(&mut self, key: &K) {
        let Some(turn) = self.turns.get_mut(key) else { return };
        self.order.remove(&(turn.pass, key.clone()));
        self.now = self.now.max(turn.pass);
        turn.pass += STRIDE / u64::from(turn.weight);
        self.order.insert((turn.pass, key.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(strides: &mut Strides<&'static str>, times: usize) -> HashMap<&'static str, usize> {
        let mut counts = HashMap::new();
        for _ in 0..times {
            let key = *strides.first().unwrap();
            strides.serve(&key);
            *counts.entry(key).or_default() += 1;
        }
        counts
    }

    #[test]
    fn serves_by_weight() {
        let mut strides = Strides::new();
        strides.join(&"one", 1);
        strides.join(&"three", 3);
        assert_eq!(served(&mut strides, 400), HashMap::from([("one", 100), ("three", 300)]));
    }

    #[test]
    fn an_absence_neither_saves_up_turns_nor_costs_any() {
        let mut strides = Strides::new();
        strides.join(&"always", 1);
        served(&mut strides, 1_000);
        strides.join(&"late", 1);
        let counts = served(&mut strides, 100);
        assert_eq!(counts["late"], 50);
        strides.leave(&"late");
        assert_eq!(served(&mut strides, 10), HashMap::from([("always", 10)]));
    }
}
