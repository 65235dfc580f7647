use super::*;
use futures_util::future::LocalBoxFuture;
use mailwright_actors::dns::{HostAnswer, NamesAnswer, Timed, TxtAnswer};
use mailwright_engine::{
    address::Domain,
    mx::MxAnswer,
    smtp::reply::{EnhancedCode, SmtpCode},
};
use tokio::{task::LocalSet, time::Instant};

/// Block lists and names of the test's own; what is not there never answers.
#[derive(Default)]
struct World {
    listings: Vec<(&'static str, HostAnswer)>,
    texts: Vec<(&'static str, &'static str)>,
    name: Option<NamesAnswer>,
    addresses: Vec<(&'static str, HostAnswer)>,
}

fn find<T: Clone + 'static>(known: &[(&'static str, T)], name: &str) -> LocalBoxFuture<'static, Timed<T>> {
    let found = known.iter().find(|(key, _)| *key == name).map(|(_, answer)| answer.clone());
    Box::pin(async move {
        match found {
            Some(answer) => Timed::lasting(answer, Duration::from_secs(60)),
            None => std::future::pending().await,
        }
    })
}

impl Dns for World {
    fn mx<'a>(&'a self, _: &'a Domain) -> LocalBoxFuture<'a, Timed<MxAnswer>> {
        Box::pin(std::future::pending())
    }

    fn addresses<'a>(&'a self, host: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        find(&self.addresses, host)
    }

    fn listing<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<HostAnswer>> {
        find(&self.listings, name)
    }

    fn txt<'a>(&'a self, name: &'a str) -> LocalBoxFuture<'a, Timed<TxtAnswer>> {
        let texts: Vec<_> = self
            .texts
            .iter()
            .map(|(name, text)| (*name, TxtAnswer::Records(vec![(*text).to_owned()])))
            .collect();
        find(&texts, name)
    }

    fn pointers(&self, _: IpAddr) -> LocalBoxFuture<'_, Timed<NamesAnswer>> {
        let known: Vec<_> = self.name.iter().map(|answer| ("", answer.clone())).collect();
        find(&known, "")
    }
}

fn hosts(addresses: &[&str]) -> HostAnswer {
    HostAnswer::Addresses(addresses.iter().map(|address| address.parse().unwrap()).collect())
}

fn names(name: &str) -> Option<NamesAnswer> {
    Some(NamesAnswer::Names(vec![name.to_owned()]))
}

fn settings() -> GateSettings {
    GateSettings {
        limits: AddressLimits {
            sessions: 10,
            failures: 8,
            at_once: 5,
            memory: Duration::from_secs(600),
            sessions_per_minute: 100,
            messages_per_minute: 2,
        },
        exempt: vec!["198.51.100.0/24".parse().unwrap()],
        greeting_delay: Duration::from_millis(300),
        early_talkers: Stance::Refuse,
        block_lists: Arc::new([]),
        reverse_dns: ReverseCheck::Off,
        bad_hello: Stance::Note,
        hostname: "mx.example.com".to_owned(),
    }
}

fn list(zone: &str, answers: &[&str], stance: Stance) -> BlockList {
    let answers = answers.iter().map(|network| network.parse().unwrap()).collect();
    BlockList { zone: zone.to_owned(), answers, stance }
}

const CLIENT: &str = "192.0.2.1:4711";

fn refused(reaction: &Reaction) -> String {
    match reaction {
        Reaction::Answer(Answer::Refuse(reply) | Answer::Disconnect(reply)) => reply.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Lets a client in, greet with `hello` and name a recipient: what it is told, and what was noted.
async fn visit(gate: &Gate, peer: &str, hello: &str, recipient: &str) -> (Result<(), String>, Facts) {
    let recipient = EmailAddress::parse(recipient).unwrap();
    let local = LocalSet::new();
    let visit = async {
        let mut visitor = gate.admit(peer.parse().unwrap()).unwrap();
        gate.prepare(&mut visitor).await;
        gate.hello(&mut visitor, hello);
        let told = gate.rcpt(&mut visitor, &recipient).await;
        (told.map_err(|refusal| refused(&refusal)), visitor.facts().clone())
    };
    local.run_until(visit).await
}

fn gate(change: impl FnOnce(&mut GateSettings), world: World) -> Gate {
    let mut settings = settings();
    change(&mut settings);
    Gate::new(settings, Rc::new(world))
}

#[tokio::test(start_paused = true)]
async fn a_listed_client_is_told_the_list_and_its_reason() {
    let lists = [
        list("clear.example", &[], Stance::Refuse),
        list("noted.example", &[], Stance::Note),
        list("zen.example", &["127.0.0.2/31"], Stance::Refuse),
    ];
    let world = World {
        listings: vec![
            ("1.2.0.192.clear.example", HostAnswer::NoAddresses),
            ("1.2.0.192.noted.example", hosts(&["127.0.0.9"])),
            ("1.2.0.192.zen.example", hosts(&["127.0.0.3", "127.0.0.10"])),
        ],
        texts: vec![("1.2.0.192.zen.example", "see\r\nhttps://zen.example/é")],
        ..World::default()
    };
    let gate = gate(|settings| settings.block_lists = Arc::new(lists), world);
    let (told, facts) = visit(&gate, CLIENT, "c.example", "a@example.com").await;
    let expected =
        "550 5.7.1 your address 192.0.2.1 is on the block list zen.example: see??https://zen.example/?";
    assert_eq!(told, Err(expected.to_owned()));
    let noted: Vec<_> =
        facts.listings.iter().map(|listing| (listing.zone.as_str(), listing.codes.len())).collect();
    assert_eq!(noted, [("zen.example", 1), ("noted.example", 1)]);
    let (told, _) = visit(&gate, CLIENT, "c.example", "Postmaster@example.com").await;
    assert_eq!(told, Ok(()), "whoever is refused may say that it is a mistake");
    let (told, facts) = visit(&gate, "198.51.100.7:4711", "mx.example.com", "a@example.com").await;
    assert_eq!((told, facts), (Ok(()), Facts::default()), "exempt");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_of_a_list_lists_nobody() {
    for answer in ["127.255.255.254", "127.0.0.1", "192.0.2.80", "127.0.0.4", "silence"] {
        let lists = [list("zen.example", &["127.0.0.2", "127.255.255.0/24", "192.0.2.0/24"], Stance::Refuse)];
        let listings = match answer {
            "silence" => Vec::new(),
            answer => vec![("1.2.0.192.zen.example", hosts(&[answer]))],
        };
        let gate =
            gate(|settings| settings.block_lists = Arc::new(lists), World { listings, ..World::default() });
        let began = Instant::now();
        let (told, facts) = visit(&gate, CLIENT, "c.example", "a@example.com").await;
        assert_eq!((told, facts), (Ok(()), Facts::default()), "{answer}");
        assert!(began.elapsed() <= Duration::from_secs(5), "{answer}: {:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn an_ipv6_client_is_asked_about_by_its_nibbles() {
    let question = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.zen.example";
    let world = World { listings: vec![(question, hosts(&["127.0.0.2"]))], ..World::default() };
    let lists = [list("zen.example", &[], Stance::Refuse)];
    let gate = gate(|settings| settings.block_lists = Arc::new(lists), world);
    let (told, _) = visit(&gate, "[2001:db8::1]:4711", "c.example", "a@example.com").await;
    assert!(told.unwrap_err().starts_with("550 5.7.1 your address 2001:db8::1 is on"));
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_client_must_be_as_it_is_asked_for() {
    use ReverseCheck::{Confirmed, Exists, Note};
    let own = vec![("a.example", hosts(&["192.0.2.1"])), ("b.example", HostAnswer::NoAddresses)];
    let failed = || Some(NamesAnswer::Failed("no answer".to_owned()));
    let cases = [
        (Confirmed, names("a.example"), ""),
        (Confirmed, names("b.example"), "550 5.7.25 the name b.example"),
        (Exists, names("b.example"), ""),
        (Exists, Some(NamesAnswer::None), "550 5.7.25 your address 192.0.2.1 has no name"),
        (Confirmed, Some(NamesAnswer::None), "550 5.7.25 your address 192.0.2.1 has no name"),
        (Exists, failed(), "450 4.7.25 "),
        (Exists, None, "450 4.7.25 "),
        (Confirmed, names("silent.example"), "450 4.7.25 "),
        (Note, Some(NamesAnswer::None), ""),
        (Note, None, ""),
    ];
    for (check, name, expected) in cases {
        let case = format!("{check:?} {name:?}");
        let world = World { name, addresses: own.clone(), ..World::default() };
        let gate = gate(|settings| settings.reverse_dns = check, world);
        let (told, facts) = visit(&gate, CLIENT, "c.example", "a@example.com").await;
        let told = told.err().unwrap_or_default();
        assert!(told.starts_with(expected) && told.is_empty() == expected.is_empty(), "{case}: {told}");
        assert_ne!(facts.reverse, ReverseName::NotAsked, "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_cannot_be_true_is_noted_or_refused() {
    for (stance, is_refused) in [(Stance::Note, false), (Stance::Refuse, true)] {
        let gate = gate(|settings| settings.bad_hello = stance, World::default());
        let (told, facts) = visit(&gate, CLIENT, "MX.example.com", "a@example.com").await;
        assert_eq!((told.is_err(), facts.hello), (is_refused, Some(HelloFault::OurName)));
    }
}

#[tokio::test(start_paused = true)]
async fn greetings_wait_and_who_talks_meanwhile_is_sent_away_or_noted() {
    let gate = gate(|_| {}, World::default());
    let mut visitor = gate.admit(CLIENT.parse().unwrap()).unwrap();
    let began = Instant::now();
    gate.prepare(&mut visitor).await;
    assert_eq!(began.elapsed(), Duration::from_millis(300));
    let told = gate.talked_early(&mut visitor, Early::BeforeGreeting).unwrap();
    assert_eq!(
        (told.code(), told.enhanced()),
        (SmtpCode::TRANSACTION_FAILED, Some(EnhancedCode::new(5, 5, 0)))
    );

    let tolerant = self::gate(|settings| settings.early_talkers = Stance::Note, World::default());
    let mut visitor = tolerant.admit(CLIENT.parse().unwrap()).unwrap();
    for when in [Early::BeforeReply, Early::BeforeGreeting] {
        assert_eq!(tolerant.talked_early(&mut visitor, when), None);
    }
    assert_eq!(visitor.facts().early, Some(Early::BeforeReply));

    let mut exempt = gate.admit("198.51.100.1:1".parse().unwrap()).unwrap();
    assert_eq!(gate.talked_early(&mut exempt, Early::BeforeGreeting), None);
}

#[tokio::test(start_paused = true)]
async fn who_asks_for_all_the_names_there_could_be_learns_ever_slower_and_then_nothing() {
    let gate = gate(|_| {}, World::default());
    let visitor = gate.admit(CLIENT.parse().unwrap()).unwrap();
    let nobody = || {
        let reply = Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 1, 1)), "nobody");
        Reaction::Answer(Answer::Refuse(reply))
    };
    let later = Reply::new(SmtpCode::LOCAL_ERROR, Some(EnhancedCode::new(4, 3, 0)), "later");
    for _ in 0..20 {
        let refusal = Reaction::Answer(Answer::Refuse(later.clone()));
        assert_eq!(
            refused(&gate.unknown(&visitor, refusal).await),
            "451 4.3.0 later",
            "that is no fault of the client"
        );
    }
    let mut waits = Vec::new();
    for _ in 0..7 {
        let began = Instant::now();
        assert_eq!(refused(&gate.unknown(&visitor, nobody()).await), "550 5.1.1 nobody");
        waits.push(began.elapsed().as_millis());
    }
    assert_eq!(waits, [0, 0, 0, 0, 0, 250, 500]);
    gate.took(&visitor);
    assert!(
        refused(&gate.unknown(&visitor, nobody()).await).starts_with("550 5.1.1"),
        "one made up for another"
    );
    assert!(refused(&gate.unknown(&visitor, nobody()).await).starts_with("421 4.7.0 too many recipients"));
    let told = gate.admit("192.0.2.1:4712".parse().unwrap()).err().map(|reply| reply.to_string());
    assert!(told.unwrap().starts_with("421 4.7.0 too many recipients"));
}

#[test]
fn an_address_has_so_many_messages_a_minute_over_all_its_sessions() {
    let gate = gate(|_| {}, World::default());
    let visitors = ["192.0.2.1:1", "192.0.2.1:2"].map(|peer| gate.admit(peer.parse().unwrap()).unwrap());
    assert!(visitors.iter().all(|visitor| gate.mail(visitor).is_ok()));
    assert!(refused(&gate.mail(&visitors[0]).unwrap_err()).starts_with("450 4.7.0 too many messages"));
    assert!(gate.mail(&gate.admit("192.0.2.2:1".parse().unwrap()).unwrap()).is_ok());
}
