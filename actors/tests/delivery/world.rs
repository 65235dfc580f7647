//! A delivery engine on a folder of its own, and what tests ask of it.

use crate::{names::Names, peer::Peer};
use futures_util::future::join_all;
use mailwright_actors::{
    engine::{Engine, EngineParts},
    intake::{Intake, NewMessage},
    outgoing::ReturnPathSettings,
    settings::{DeliverySettings, Routes},
    shaping::ShapingBook,
    tls::{PolicyFetch, ReportSending, TrustRoots},
    webhooks::WebhookSettings,
};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    classify::BounceRules,
    dsn::ReportPolicy,
    envelope::Origin,
    retry::RetryPolicy,
    shaping::Shaping,
    source::Sources,
};
use mailwright_storage::{
    SpoolSettings, SpoolStarter, StateDir, control::Control, events::EventLog, suppressions::SuppressionFeed,
    webhooks::Outbox,
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Display,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The longest wait for anything; on an idle machine nothing takes a tenth of it.
const LIMIT: Duration = Duration::from_secs(30);

/// Long enough for everything that is under way to have happened.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);

/// A spool that keeps little.
pub(crate) const SPOOL: SpoolSettings =
    SpoolSettings { segment_size: 4 << 20, min_free: 0, memory: 1 << 20, max_entries: 0 };

/// How an engine is to deliver.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) delivery: DeliverySettings,
    /// Keys of the default section of shaping.
    shaping: BTreeMap<&'static str, String>,
}

impl Setup {
    /// With another value of a shaping key.
    pub(crate) fn with(mut self, key: &'static str, value: impl Display) -> Self {
        self.shaping.insert(key, format!("{value}"));
        self
    }

    /// At most so many connections to a site, from the beginning.
    pub(crate) fn connections(self, most: u32) -> Self {
        self.with("connections", most).with("initial_connections", most)
    }

    /// What an engine needs to deliver so.
    pub(crate) fn parts(self, names: &Names, control: Arc<Control>) -> EngineParts {
        EngineParts {
            shaping: self.shaping(),
            settings: self.delivery,
            rules: BounceRules::builtin(),
            dns: Rc::new(names.clone()),
            control,
            events: EventLog::disabled(),
            outbox: Outbox::disabled(),
            webhooks: WebhookSettings::default(),
            suppressions: SuppressionFeed::disabled(),
        }
    }

    fn shaping(&self) -> ShapingBook {
        let keys: Vec<_> = self.shaping.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        ShapingBook::fixed(Shaping::parse(&format!("[default]\n{}", keys.concat())).unwrap())
    }
}

/// Settings under which a message that is deferred is not seen again: whatever arrives came at the first
/// attempt, or at one that was not counted.
pub(crate) fn settings(peer: &Peer) -> Setup {
    let hour = Duration::from_secs(3600);
    let retry = RetryPolicy { first: hour, max_interval: hour, jitter: 0.0, ..RetryPolicy::default() };
    let delivery = DeliverySettings {
        hostname: "us.example".to_owned(),
        own_names: vec!["us.example".to_owned()],
        max_connections: 1000,
        max_active_domains: 1000,
        retry: retry.into(),
        reports: ReportPolicy::default(),
        routes: Routes::default(),
        port: peer.address.port(),
        sources: Sources::default(),
        weights: HashMap::new(),
        roots: TrustRoots::System,
        policy_fetch: PolicyFetch { enabled: false, ..PolicyFetch::default() },
        tls_reports: ReportSending::Off,
        return_path: ReturnPathSettings::default(),
    };
    let setup = Setup { delivery, shaping: BTreeMap::new() };
    let setup = setup.connections(1).with("messages_per_connection", 1000).with("idle_timeout", "\"60s\"");
    setup.with("connect_timeout", "\"5s\"").with("tls", "\"never\"")
}

/// A running engine.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) names: Names,
    state: StateDir,
    control: Arc<Control>,
    folder: TempDir,
}

impl World {
    /// An engine with an empty queue.
    pub(crate) async fn start(setup: Setup) -> Self {
        Self::start_with(setup, Names::default()).await
    }

    /// The same with a name server prepared before.
    pub(crate) async fn start_with(setup: Setup, names: Names) -> Self {
        Self::start_on(tempfile::tempdir().unwrap(), setup, names).await
    }

    async fn start_on(folder: TempDir, setup: Setup, names: Names) -> Self {
        let state = StateDir::open(folder.path()).unwrap();
        let control = Arc::new(Control::open(&state.control_dir()).unwrap());
        Self::start_in(folder, state, control, setup, names).await
    }

    async fn start_in(
        folder: TempDir,
        state: StateDir,
        control: Arc<Control>,
        setup: Setup,
        names: Names,
    ) -> Self {
        let (starter, _) = SpoolStarter::recover(&state, SPOOL).unwrap();
        let engine = Engine::start(starter, setup.parts(&names, Arc::clone(&control))).await.unwrap();
        Self { engine, names, state, control, folder }
    }

    /// Drains the engine and starts another on what it left; the second value is how many entries that is.
    pub(crate) async fn restart(self, setup: Setup) -> (Self, u64) {
        let Self { engine, names, state, control, folder } = self;
        let spool = engine.spool().clone();
        engine.stop(LIMIT).await;
        let left = spool.entries();
        (Self::start_in(folder, state, control, setup, names).await, left)
    }

    /// Has a message accepted for each recipient.
    pub(crate) async fn accept(&self, recipients: &[String]) {
        let intake = self.engine.intake();
        let accepted = join_all(recipients.iter().map(|to| intake.accept(message(intake, to)))).await;
        assert!(accepted.iter().all(Result::is_ok), "{accepted:?}");
    }

    /// Waits until the queue is empty and asserts that each recipient has had its message exactly once.
    pub(crate) async fn assert_delivered_once(&self, peer: &Peer, recipients: &[String]) {
        until("an empty queue", || self.engine.spool().entries() == 0).await;
        let mut expected = recipients.to_vec();
        expected.sort();
        assert_eq!(peer.received(), expected);
    }
}

/// A message to one recipient, from nobody.
fn message(intake: &Intake, to: &str) -> NewMessage {
    let recipients = vec![EmailAddress::parse(to).unwrap()];
    let content = b"Subject: test\r\n\r\nbody\r\n".to_vec();
    NewMessage::new(intake.next_id().0, ReversePath::Null, recipients, Origin::Relay, content)
}

/// As many addresses at `domain`, called `name0` and so on.
pub(crate) fn recipients(name: &str, domain: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{name}{number}@{domain}")).collect()
}

/// Waits until `condition` holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < LIMIT, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
