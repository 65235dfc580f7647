//! Answers kept for as long as they hold, and each question asked once however many wait for it.

use super::{Dns, HostAnswer, MxProof, NamesAnswer, Timed, TlsaAnswer, TxtAnswer, turns::Turns};
use crate::metrics as names;
use futures_util::{
    FutureExt,
    future::{LocalBoxFuture, Shared},
};
use mailwright_engine::{address::Domain, mx::MxAnswer, tls::DaneLookup};
use metrics::{Counter, Histogram, counter, histogram};
use std::{
    cell::RefCell,
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    panic::AssertUnwindSafe,
    rc::Rc,
    time::{Duration, Instant},
};

/// Longest wait for an answer. A resolver has time-outs of its own, but no look-up may hang for any other reason.
const DEADLINE: Duration = Duration::from_secs(30);
/// Most answers kept of one kind; some 200 octets each.
const MOST: usize = 50_000;
/// Longest time an answer is kept, whatever its time to live: a week-old answer is nobody's wish.
const MAX_TTL: Duration = Duration::from_secs(24 * 3600);

type Pending<V> = Shared<LocalBoxFuture<'static, Timed<V>>>;

/// What is counted of one kind of question, looked up once.
#[derive(Clone)]
struct Meters<V> {
    questions: Counter,
    remembered: Counter,
    failures: Counter,
    seconds: Histogram,
    failed: fn(&V) -> bool,
}

impl<V> Meters<V> {
    fn new(kind: &'static str, failed: fn(&V) -> bool) -> Self {
        Self {
            questions: counter!(names::DNS_QUESTIONS, "kind" => kind),
            remembered: counter!(names::DNS_REMEMBERED, "kind" => kind),
            failures: counter!(names::DNS_FAILED, "kind" => kind),
            seconds: histogram!(names::DNS_SECONDS, "kind" => kind),
            failed,
        }
    }

    /// Waits for an answer and counts it.
    async fn timed(self, asked: LocalBoxFuture<'static, Timed<V>>) -> Timed<V> {
        self.questions.increment(1);
        let began = Instant::now();
        let answer = asked.await;
        self.seconds.record(began.elapsed());
        if (self.failed)(&answer.answer) {
            self.failures.increment(1);
        }
        answer
    }
}

/// The answers to one kind of question.
struct Answers<K, V: Clone> {
    meters: Meters<V>,
    known: RefCell<HashMap<K, Timed<V>>>,
    pending: RefCell<HashMap<K, Pending<V>>>,
}

impl<K: Clone + Eq + Hash, V: Clone + 'static> Answers<K, V> {
    /// No answers yet; `failed` tells those that are of no use, `kind` is the name in the metrics.
    fn new(kind: &'static str, failed: fn(&V) -> bool) -> Self {
        Self { meters: Meters::new(kind, failed), known: RefCell::default(), pending: RefCell::default() }
    }

    /// The answer to `question`: one that still holds, the one somebody is waiting for, or that of `ask`.
    async fn get(&self, question: K, ask: impl FnOnce() -> LocalBoxFuture<'static, Timed<V>>) -> Timed<V> {
        let known = self.known.borrow().get(&question).cloned();
        if let Some(known) = known.filter(|known| known.valid_until > Instant::now()) {
            self.meters.remembered.increment(1);
            return known;
        }
        let pending = self.pending.borrow().get(&question).cloned();
        let (pending, is_first) = match pending {
            Some(pending) => {
                self.meters.remembered.increment(1);
                (pending, false)
            }
            None => {
                let pending = self.meters.clone().timed(ask()).boxed_local().shared();
                self.pending.borrow_mut().insert(question.clone(), pending.clone());
                (pending, true)
            }
        };
        // Whoever asked first may stop waiting; then the next one drives the look-up on.
        let answer = pending.await;
        if is_first || self.pending.borrow().contains_key(&question) {
            self.pending.borrow_mut().remove(&question);
            self.keep(question, answer.clone());
        }
        answer
    }

    fn keep(&self, question: K, mut answer: Timed<V>) {
        let now = Instant::now();
        answer.valid_until = answer.valid_until.min(now + MAX_TTL);
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST {
            known.retain(|_, answer| answer.valid_until > now);
        }
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(question, answer);
    }
}

/// Another's answers, kept. Used on one thread.
pub struct CachedDns {
    inner: Rc<dyn Dns>,
    turns: Turns,
    mx: Answers<Domain, MxAnswer>,
    addresses: Answers<String, HostAnswer>,
    listings: Answers<String, HostAnswer>,
    txt: Answers<String, TxtAnswer>,
    proofs: Answers<Domain, MxProof>,
    tlsa: Answers<(String, u16), TlsaAnswer>,
    pointers: Answers<IpAddr, NamesAnswer>,
}

impl CachedDns {
    /// Keeps the answers of `inner`.
    pub fn new(inner: Rc<dyn Dns>) -> Self {
        Self {
            inner,
            turns: Turns::new(),
            mx: Answers::new("mx", |answer| matches!(answer, MxAnswer::Failed(_))),
            addresses: Answers::new("address", |answer| matches!(answer, HostAnswer::Failed(_))),
            listings: Answers::new("block_list", |answer| matches!(answer, HostAnswer::Failed(_))),
            txt: Answers::new("txt", |answer| matches!(answer, TxtAnswer::Failed(_))),
            proofs: Answers::new("mx_dnssec", MxProof::is_err),
            tlsa: Answers::new("tlsa", |answer| matches!(answer.lookup, DaneLookup::Failed(_))),
            pointers: Answers::new("ptr", |answer| matches!(answer, NamesAnswer::Failed(_))),
        }
    }

    /// Asks `ask` of the inner resolver when it is its turn, within the deadline.
    fn within<V: 'static>(
        &self,
        late: V,
        ask: impl AsyncFnOnce(&dyn Dns) -> Timed<V> + 'static,
    ) -> LocalBoxFuture<'static, Timed<V>> {
        let (inner, turns) = (Rc::clone(&self.inner), self.turns.clone());
        Box::pin(async move {
            let asked = async { tokio::time::timeout(DEADLINE, ask(&*inner)).await };
            // A panic must not stay behind as the answer to everybody who asks later.
            match AssertUnwindSafe(turns.take(asked)).catch_unwind().await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Timed::lasting(late, Duration::from_secs(5)),
            }
        })
    }
}

fn late() -> String {
    format!("no answer within {DEADLINE:?}")
}

impl Dns for CachedDns {
    fn mx<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>> {
        let name = domain.clone();
        let ask =
            move || self.within(MxAnswer::Failed(late()), async move |dns: &dyn Dns| dns.mx(&name).await);
        Box::pin(self.mx.get(domain.clone(), ask))
    }

    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        let name = host.to_owned();
        let late = HostAnswer::Failed(late());
        let ask = move || self.within(late, async move |dns: &dyn Dns| dns.addresses(&name).await);
        Box::pin(self.addresses.get(host.to_owned(), ask))
    }

    fn listing<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        let owned = name.to_owned();
        let late = HostAnswer::Failed(late());
        let ask = move || self.within(late, async move |dns: &dyn Dns| dns.listing(&owned).await);
        Box::pin(self.listings.get(name.to_owned(), ask))
    }

    fn txt<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<TxtAnswer>> {
        let owned = name.to_owned();
        let late = TxtAnswer::Failed(late());
        let ask = move || self.within(late, async move |dns: &dyn Dns| dns.txt(&owned).await);
        Box::pin(self.txt.get(name.to_owned(), ask))
    }

    fn mx_proof<'a>(&'a self, domain: &'a Domain) -> LocalBoxFuture<'a, Timed<MxProof>> {
        let name = domain.clone();
        let ask = move || self.within(Err(late()), async move |dns: &dyn Dns| dns.mx_proof(&name).await);
        Box::pin(self.proofs.get(domain.clone(), ask))
    }

    fn tlsa<'a>(&'a self, host: &'a str, port: u16) -> LocalBoxFuture<'a, Timed<TlsaAnswer>> {
        let name = host.to_owned();
        let late = TlsaAnswer::of(host, DaneLookup::Failed(late()));
        let ask = move || self.within(late, async move |dns: &dyn Dns| dns.tlsa(&name, port).await);
        Box::pin(self.tlsa.get((host.to_owned(), port), ask))
    }

    fn pointers(&self, address: IpAddr) -> LocalBoxFuture<'_, Timed<NamesAnswer>> {
        let late = NamesAnswer::Failed(late());
        let ask = move || self.within(late, async move |dns: &dyn Dns| dns.pointers(address).await);
        Box::pin(self.pointers.get(address, ask))
    }

    // Only checks ask for aliases, and they want to know what is so now.
    fn alias<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<NamesAnswer>> {
        let name = name.to_owned();
        self.within(NamesAnswer::Failed(late()), async move |dns: &dyn Dns| dns.alias(&name).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dns::turns::{AT_A_TIME, PATIENCE, SLOW};
    use futures_util::future::join_all;
    use std::cell::Cell;

    /// Counts questions and answers after a turn of the executor.
    struct Counting {
        asked: Cell<u32>,
        ttl: Duration,
    }

    impl Dns for Counting {
        fn mx<'a>(&'a self, _: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>> {
            Box::pin(async {
                self.asked.set(self.asked.get() + 1);
                tokio::task::yield_now().await;
                Timed::lasting(MxAnswer::NoDomain, self.ttl)
            })
        }

        fn addresses<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
            Box::pin(std::future::pending())
        }
    }

    fn counting(ttl: Duration) -> (Rc<Counting>, CachedDns) {
        let inner = Rc::new(Counting { asked: Cell::new(0), ttl });
        (Rc::clone(&inner), CachedDns::new(inner))
    }

    #[tokio::test]
    async fn a_crowd_asks_once_and_negative_answers_are_kept() {
        let (inner, dns) = counting(Duration::from_secs(60));
        let domain = Domain::parse("example.com").unwrap();
        let crowd = join_all((0..100).map(|_| dns.mx(&domain))).await;
        assert!(crowd.iter().all(|found| found.answer == MxAnswer::NoDomain));
        dns.mx(&domain).await;
        assert_eq!(inner.asked.get(), 1);
    }

    #[tokio::test]
    async fn an_answer_that_no_longer_holds_is_asked_for_again() {
        let (inner, dns) = counting(Duration::ZERO);
        let domain = Domain::parse("example.com").unwrap();
        dns.mx(&domain).await;
        dns.mx(&domain).await;
        assert_eq!(inner.asked.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_up_that_hangs_has_an_end() {
        let (_, dns) = counting(Duration::ZERO);
        assert!(matches!(dns.addresses("mx.example").await.answer, HostAnswer::Failed(_)));
    }

    #[tokio::test]
    async fn a_question_goes_on_when_the_first_to_ask_stops_waiting() {
        let (inner, dns) = counting(Duration::from_secs(60));
        let domain = Domain::parse("example.com").unwrap();
        let first = dns.mx(&domain);
        assert!(first.now_or_never().is_none());
        assert_eq!(dns.mx(&domain).await.answer, MxAnswer::NoDomain);
        assert_eq!(inner.asked.get(), 1);
    }

    /// Never answers, and counts who waits for it.
    #[derive(Default)]
    struct Dead(Cell<usize>);

    impl Dns for Dead {
        fn mx<'a>(&'a self, _: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>> {
            self.0.set(self.0.get() + 1);
            Box::pin(std::future::pending())
        }

        fn addresses<'a>(&'a self, _: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
            Box::pin(async { Timed::lasting(HostAnswer::NoAddresses, Duration::from_secs(60)) })
        }
    }

    fn domains(count: usize) -> Vec<Domain> {
        (0..count).map(|number| Domain::parse(&format!("d{number}.example")).unwrap()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_takes_turns_and_dead_servers_hold_the_others_up_for_a_moment() {
        let inner = Rc::new(Dead::default());
        let dns = CachedDns::new(Rc::clone(&inner) as Rc<dyn Dns>);
        let names = domains(AT_A_TIME + 1);
        let crowd = join_all(names.iter().map(|name| dns.mx(name)));
        let other = async {
            // Time stands still until the whole crowd waits.
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert_eq!(inner.0.get(), AT_A_TIME);
            let asked = tokio::time::Instant::now();
            assert_eq!(dns.addresses("mx.example").await.answer, HostAnswer::NoAddresses);
            asked.elapsed()
        };
        let (_, waited) = tokio::join!(crowd, other);
        assert!(waited >= PATIENCE / 2 && waited < 2 * PATIENCE, "{waited:?}");
        assert_eq!(inner.0.get(), AT_A_TIME + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_never_more_under_way_than_both_lanes_hold() {
        let inner = Rc::new(Dead::default());
        let dns = CachedDns::new(Rc::clone(&inner) as Rc<dyn Dns>);
        let count = 2 * (AT_A_TIME + SLOW);
        let names = domains(count);
        let crowd = join_all(names.iter().map(|name| dns.mx(name)));
        let other = async {
            tokio::time::sleep(DEADLINE - PATIENCE).await;
            inner.0.get()
        };
        let (_, asked) = tokio::join!(crowd, other);
        assert_eq!((asked, inner.0.get()), (AT_A_TIME + SLOW, count));
    }
}
