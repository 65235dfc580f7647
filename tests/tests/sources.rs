//! Where mail leaves from: pools, weights, warm-up, the choice by message, and the other family or source where
//! one does not get through.

use std::env;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::message::SENDER;
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::recorder::{Offer, Recorder};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Destination, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::wait;
use serde_json::json;

/// Of a domain that no account has.
const STRANGER: &str = "stranger@elsewhere.example";
const LIMIT: Duration = Duration::from_secs(60);
const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ONE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));
const TWO: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 12));
const THREE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 13));

/// Three sources on addresses of their own, each with a name of its own.
const SOURCES: &str = "
[outbound.sources.one]
ipv4 = \"127.0.0.11\"
ehlo = \"one.example.com\"
[outbound.sources.two]
ipv4 = \"127.0.0.12\"
ehlo = \"two.example.com\"
[outbound.sources.three]
ipv4 = \"127.0.0.13\"
ehlo = \"three.example.com\"
";

/// A server that sends everything to a recorder.
struct World {
    recorder: Recorder,
    installation: Installation,
    server: Server,
}

impl World {
    fn new(recorder: Recorder, outbound: &str) -> Result<Self> {
        Self::shaped(recorder, outbound, "")
    }

    fn shaped(recorder: Recorder, outbound: &str, delivery: &str) -> Result<Self> {
        let config =
            Config { more: outbound.into(), delivery: delivery.into(), ..Config::to(recorder.address) };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        Ok(Self { recorder, installation, server })
    }

    /// Relays mail that is no account's.
    fn relay(&self, recipients: impl IntoIterator<Item = String>, fields: &str) -> Result<()> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        for recipient in recipients {
            let message = format!("From: {STRANGER}\r\nTo: {recipient}\r\n{fields}\r\nbody\r\n");
            let reply = client.send(STRANGER, &recipient, message.as_bytes())?;
            assert_eq!(reply.code, 250, "{reply:?}");
        }
        Ok(())
    }
}

fn recipients(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|number| format!("r{number}@example.net"))
}

fn taken_from(offers: &[Offer], peer: IpAddr) -> usize {
    offers.iter().filter(|offer| offer.taken && offer.peer == peer).count()
}

/// Where the message to `recipient` came from.
fn peer_of(offers: &[Offer], recipient: &str) -> Option<IpAddr> {
    offers.iter().find(|offer| offer.taken && offer.recipient == recipient).map(|offer| offer.peer)
}

/// Days since the epoch, in UTC.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / 86_400
}

/// A day as `2026-11-21`; the algorithm is that of <https://howardhinnant.github.io/date_algorithms.html>.
fn date(day: u64) -> String {
    let z = day + 719_468;
    let (era, of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

#[test]
fn sources_share_by_weight_and_each_has_its_address_and_name() -> Result<()> {
    let pool = format!("{SOURCES}[outbound.pools.all]\nsources = {{ one = 3, two = 1 }}\n");
    let world = World::new(Recorder::start(V4)?, &pool)?;
    world.relay(recipients(200), "")?;
    let offers = world.recorder.until_taken(200, LIMIT)?;
    let (one, two) = (taken_from(&offers, ONE), taken_from(&offers, TWO));
    assert!(one + two == 200 && (120..=180).contains(&one), "{one} and {two}");
    for offer in &offers {
        let name = if offer.peer == ONE { "one.example.com" } else { "two.example.com" };
        assert_eq!(offer.ehlo, name, "{offer:?}");
    }
    Ok(())
}

#[test]
fn ipv6_leaves_from_the_ipv6_address_of_the_source() -> Result<()> {
    if skip_without(&[Need::Ipv6]) {
        return Ok(());
    }
    let source = "[outbound.sources.six]\nipv6 = \"::1\"\nehlo = \"six.example.com\"\n";
    let world = World::new(Recorder::start(IpAddr::V6(Ipv6Addr::LOCALHOST))?, source)?;
    world.relay(recipients(1), "")?;
    let offers = world.recorder.until_taken(1, LIMIT)?;
    assert_eq!((offers[0].peer, offers[0].ehlo.as_str()), (Ipv6Addr::LOCALHOST.into(), "six.example.com"));
    Ok(())
}

#[test]
fn what_exceeds_a_warm_up_overflows_and_a_restart_does_not_begin_the_day_anew() -> Result<()> {
    let began = today();
    let outbound = format!(
        "[outbound.sources.new]\nipv4 = \"127.0.0.11\"\nwarm_up_from = \"{}\"\nwarm_up = [0, 5, 5]\n\
         [outbound.sources.old]\nipv4 = \"127.0.0.12\"\n\
         [outbound.pools.fresh]\nsources = {{ new = 1 }}\noverflow = \"seasoned\"\n\
         [outbound.pools.seasoned]\nsources = {{ old = 1 }}\n",
        date(began - 1)
    );
    let mut world = World::new(Recorder::start(V4)?, &outbound)?;
    world.relay(recipients(20), "")?;
    world.recorder.until_taken(20, LIMIT)?;
    assert!(world.server.stop()?.success());
    world.server = world.installation.start()?;
    world.relay(recipients(10), "")?;
    let offers = world.recorder.until_taken(30, LIMIT)?;
    let expected = if today() == began { 5..=5 } else { 5..=10 };
    let (new, old) = (taken_from(&offers, ONE), taken_from(&offers, TWO));
    assert!(expected.contains(&new) && new + old == 30, "{new} and {old}");
    Ok(())
}

#[test]
fn the_header_chooses_then_the_first_rule_then_the_default() -> Result<()> {
    let outbound = format!(
        "{SOURCES}[outbound]\ndefault_pool = \"p-one\"\npool_rules = [{{ domain = \"two.example\", pool = \"p-two\" }}]\n\
         [outbound.pools.p-one]\nsources = {{ one = 1 }}\n[outbound.pools.p-two]\nsources = {{ two = 1 }}\n\
         [outbound.pools.p-three]\nsources = {{ three = 1 }}\n"
    );
    let world = World::new(Recorder::start(V4)?, &outbound)?;
    world.relay(["a@one.example".to_owned(), "b@two.example".to_owned()], "")?;
    world.relay(["c@two.example".to_owned()], "X-Mailwright-Pool: p-three\r\n")?;
    let offers = world.recorder.until_taken(3, LIMIT)?;
    let peers = ["a@one.example", "b@two.example", "c@two.example"].map(|to| peer_of(&offers, to));
    assert_eq!(peers, [Some(ONE), Some(TWO), Some(THREE)]);
    Ok(())
}

#[test]
fn an_account_has_a_pool_of_its_own() -> Result<()> {
    let recorder = Recorder::start(V4)?;
    let outbound = |account: &str| {
        format!(
            "{SOURCES}[outbound]\ndefault_pool = \"p-one\"\n\
             pool_rules = [{{ account = {account:?}, pool = \"p-two\" }}]\n\
             [outbound.pools.p-one]\nsources = {{ one = 1 }}\n[outbound.pools.p-two]\nsources = {{ two = 1 }}\n"
        )
    };
    let mut config = Config { more: outbound("nobody"), ..Config::to(recorder.address) };
    let installation = Installation::new(&config)?;
    // The account is known only now.
    config.more = outbound(&installation.account.account_id);
    let file = installation.state().with_file_name("mailwright.toml");
    fs::write(&file, config.toml()).context("write the configuration")?;
    let server = installation.start()?;
    let world = World { recorder, installation, server };
    world.relay(["relayed@example.net".to_owned()], "")?;
    let request = json!({"from": SENDER, "to": "sent@example.net", "subject": "x", "text": "y"});
    assert_eq!(world.installation.api(&world.server).submit(&request)?.status, 200);
    let offers = world.recorder.until_taken(2, LIMIT)?;
    assert_eq!(peer_of(&offers, "relayed@example.net"), Some(ONE));
    assert_eq!(peer_of(&offers, "sent@example.net"), Some(TWO));
    Ok(())
}

/// What is refused by policy is tried again soon.
const SOON: &str =
    "[delivery.retry.classes.policy]\nfirst = \"500ms\"\nfactor = 1.0\nmax_interval = \"500ms\"\n";

/// Refuses the first source for now as blocklisted.
fn lists_one(offer: &Offer) -> Option<String> {
    let reply =
        format!("450 4.7.1 Service unavailable; client host [{}] blocked using zen.spamhaus.org", offer.peer);
    (offer.peer == ONE).then_some(reply)
}

#[test]
fn after_a_blocklisted_refusal_mail_leaves_from_another_source() -> Result<()> {
    let pool = format!("{SOURCES}[outbound.pools.all]\nsources = {{ one = 1, two = 1 }}\n");
    let recorder = Recorder::judging((V4, 0).into(), lists_one)?;
    let world = World::new(recorder, &format!("{pool}{SOON}"))?;
    world.relay(recipients(20), "")?;
    let offers = world.recorder.until_taken(20, LIMIT)?;
    let mut refused: Vec<_> =
        offers.iter().filter(|offer| !offer.taken).map(|offer| &offer.recipient).collect();
    assert!(!refused.is_empty(), "no message was refused: nothing was tested");
    assert_eq!(taken_from(&offers, TWO), 20);
    let all = refused.len();
    refused.sort();
    refused.dedup();
    assert_eq!(refused.len(), all, "the next attempt left from the listed source again");
    Ok(())
}

/// Refuses the first source for good, and says so of the source.
fn bans_one(offer: &Offer) -> Option<String> {
    (offer.peer == ONE).then(|| "450 4.7.1 You are banned".to_owned())
}

#[test]
fn mail_of_a_source_that_a_rule_suspends_leaves_from_the_others() -> Result<()> {
    for action in ["suspend-source", "suspend-site"] {
        let files = tempfile::tempdir().context("make a folder")?;
        let shaping = files.path().join("shaping.toml");
        let rule = format!(
            "[[default.rules]]\nname = \"banned\"\npattern = 'banned'\naction = \"{action}\"\nhold = \"1h\"\n"
        );
        fs::write(&shaping, format!("[default]\nconnections = 1\n{rule}"))
            .context("write the shaping file")?;
        let pool = format!("{SOURCES}[outbound.pools.all]\nsources = {{ one = 1, two = 1 }}\n");
        let recorder = Recorder::judging((V4, 0).into(), bans_one)?;
        let world = World::shaped(recorder, &format!("{pool}{SOON}"), &format!("shaping = {shaping:?}"))?;
        world.relay(recipients(40), "")?;
        let offers = world.recorder.until_taken(40, LIMIT)?;
        assert_eq!(taken_from(&offers, TWO), 40, "{action}");
        let refused = offers.len() - 40;
        assert!((1..=2).contains(&refused), "{action}: {refused} messages left from the suspended source");
        // What comes later is not held up either.
        world.relay(["late@example.net".to_owned()], "")?;
        let offers = world.recorder.until_taken(41, LIMIT)?;
        assert_eq!(peer_of(&offers, "late@example.net"), Some(TWO), "{action}");
    }
    Ok(())
}

/// Set in the inner run of a test that needs a network of its own.
const INSIDE: &str = "MAILWRIGHT_TEST_INSIDE";

/// Runs the test `name` of this file again in a network namespace of its own, which ends with it; `false` in the
/// inner run.
fn in_own_network(name: &str) -> Result<bool> {
    if env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"])?;
        return Ok(false);
    }
    let binary = env::current_exe().context("find the test")?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]).arg(binary).args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().context("run unshare")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
    Ok(true)
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    let output = Command::new(program).args(args).output().context(format!("run {program}"))?;
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Two messages on connections of their own to a host whose IPv6 address does not answer, its IPv4 address does.
fn falls_back(mx_v6: &str, limit_at_least: Duration) -> Result<()> {
    let name_server = NameServer::start(&format!("@ MX 10 mx\nmx A 127.0.0.1\nmx AAAA {mx_v6}"))?;
    let port = free_address()?.port();
    let files = tempfile::tempdir().context("make a folder")?;
    let shaping = files.path().join("shaping.toml");
    let limits = "[default]\nconnections = 1\nmessages_per_connection = 1\nconnect_timeout = \"2s\"\n";
    fs::write(&shaping, limits).context("write the shaping file")?;
    let destination = Destination::Exchangers { name_server: name_server.address, port };
    let config = Config { delivery: format!("shaping = {shaping:?}"), ..Config::with(destination) };
    let installation = Installation::new(&config)?;
    let mut server = installation.start()?;
    let sandbox = Sandbox::on((V4, port).into())?;
    let api = installation.api(&server);
    let start = std::time::Instant::now();
    for number in 1..=3 {
        let request = json!({"from": SENDER, "to": "you@example", "subject": "x", "text": "y"});
        assert_eq!(api.submit(&request)?.status, 200);
        wait::until("the delivery", LIMIT, || Ok((sandbox.stats()?.accepted == number).then_some(())))?;
        if number == 1 {
            assert!(start.elapsed() >= limit_at_least, "IPv6 was not tried first: {:?}", start.elapsed());
        }
    }
    let metrics = server.metrics()?;
    let of = |name: &str| metrics.get(&format!("mailwright_{name}_total"));
    assert_eq!(of("connects_failed"), 1, "the family that failed was tried again");
    assert_eq!((of("family_fallbacks"), of("connections_opened")), (1, 3));
    assert!(server.stop()?.success());
    assert!(events_hold(installation.state(), &format!("[{mx_v6}]"))?, "no event tells of the fallback");
    Ok(())
}

/// Whether the log of events has `text` somewhere.
fn events_hold(state: &Path, text: &str) -> Result<bool> {
    let folder = state.join("events");
    let files = fs::read_dir(&folder).context(format!("list {}", folder.display()))?.flatten();
    let mut contents = files.filter_map(|file| fs::read(file.path()).ok());
    Ok(contents.any(|content| String::from_utf8_lossy(&content).contains(text)))
}

#[test]
fn ipv4_is_used_where_ipv6_is_refused() -> Result<()> {
    let name = "ipv4_is_used_where_ipv6_is_refused";
    if skip_without(&[Need::Root, Need::Nsd]) || in_own_network(name)? {
        return Ok(());
    }
    // Nobody listens there.
    falls_back("::1", Duration::ZERO)
}

#[test]
fn ipv4_is_used_where_ipv6_leads_into_a_black_hole() -> Result<()> {
    let name = "ipv4_is_used_where_ipv6_leads_into_a_black_hole";
    if skip_without(&[Need::Root, Need::Nsd]) || in_own_network(name)? {
        return Ok(());
    }
    // The other end of this cable is not up: packets go in and nothing comes out.
    run("ip", &["link", "add", "hole", "type", "veth", "peer", "name", "nowhere"])?;
    run("ip", &["link", "set", "hole", "up"])?;
    run("ip", &["-6", "addr", "add", "fd00:1::1/64", "dev", "hole", "nodad"])?;
    falls_back("fd00:1::2", Duration::from_secs(2))
}
