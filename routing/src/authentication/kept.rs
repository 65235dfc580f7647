//! Answers of DNS, kept for as long as they hold, and no more of them than there is room for.

use mail_auth::ResolverCache;
use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Most answers kept of one kind.
const MOST: usize = 20_000;
/// Most octets that the answers of one kind take, as they weigh themselves.
const MOST_OCTETS: usize = 8 << 20;
/// Longest time an answer is kept, whatever its time to live.
const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

/// What an answer takes in memory.
pub(super) trait Weigh {
    /// About how many octets, without the room of its place in the map.
    fn octets(&self) -> usize;
}

/// The answers to one kind of question.
pub(super) struct Kept<K, V>(Mutex<Answers<K, V>>);

struct Answers<K, V> {
    known: HashMap<K, (V, Instant)>,
    octets: usize,
}

impl<K: Eq + Hash, V: Clone + Weigh> Kept<K, V> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Answers { known: HashMap::new(), octets: 0 }))
    }

    /// The answer, if one is known that still holds.
    pub(super) fn known<Q>(&self, question: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let answers = self.lock();
        let (answer, until) = answers.known.get(question)?;
        (*until > Instant::now()).then(|| answer.clone())
    }

    /// Keeps an answer until then, and no longer than a day. When there is no room for it, what no longer holds goes;
    /// if that is not enough, everything: a crowd of answers that are worth keeping is not there twice.
    pub(super) fn keep(&self, question: K, answer: V, until: Instant) {
        let now = Instant::now();
        let weight = answer.octets();
        if weight > MOST_OCTETS / 8 {
            return;
        }
        let mut answers = self.lock();
        if answers.is_full(weight) {
            answers.known.retain(|_, (_, until)| *until > now);
            answers.octets = answers.known.values().map(|(answer, _)| answer.octets()).sum();
        }
        if answers.is_full(weight) {
            answers.known.clear();
            answers.octets = 0;
        }
        answers.octets += weight;
        if let Some((replaced, _)) = answers.known.insert(question, (answer, until.min(now + MAX_TTL))) {
            answers.octets = answers.octets.saturating_sub(replaced.octets());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Answers<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Answers<K, V> {
    fn is_full(&self, weight: usize) -> bool {
        self.known.len() >= MOST || self.octets + weight > MOST_OCTETS
    }
}

impl<K: Eq + Hash, V: Clone + Weigh> ResolverCache<K, V> for Kept<K, V> {
    fn get<Q>(&self, question: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.known(question)
    }

    fn remove<Q>(&self, question: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut answers = self.lock();
        let (answer, _) = answers.known.remove(question)?;
        answers.octets = answers.octets.saturating_sub(answer.octets());
        Some(answer)
    }

    fn insert(&self, question: K, answer: V, until: Instant) {
        self.keep(question, answer, until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for Vec<u8> {
        fn octets(&self) -> usize {
            self.len()
        }
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn an_answer_is_known_while_it_holds() {
        let kept = Kept::new();
        kept.keep("a", vec![1], later());
        kept.keep("b", vec![2], Instant::now());
        assert_eq!((kept.known("a"), kept.known("b"), kept.known("c")), (Some(vec![1]), None, None));
        kept.remove("a");
        assert_eq!((kept.known("a"), kept.lock().octets), (None, 1));
    }

    #[test]
    fn there_is_never_more_than_there_is_room_for() {
        let kept = Kept::new();
        for number in 0..20 {
            kept.keep(number, vec![0; MOST_OCTETS / 8], later());
            kept.keep(number, vec![0; MOST_OCTETS / 8], later());
            let answers = kept.lock();
            assert!(answers.octets <= MOST_OCTETS);
            assert_eq!(answers.octets, answers.known.values().map(|(answer, _)| answer.len()).sum::<usize>());
        }
        kept.keep(100, vec![0; MOST_OCTETS / 8 + 1], later());
        assert_eq!(kept.known(&100), None);
        for number in 0..2 * MOST {
            kept.keep(number, Vec::new(), later());
            assert!(kept.lock().known.len() <= MOST);
        }
    }
}
