//! The policy host of MTA-STS, and the certificates that it gets: an authority that others wrote issues them, a client that
//! others wrote believes them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use mailwright_tests::certificate::{Authority, Certificate};
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::http;
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::pebble::Pebble;
use mailwright_tests::policy_client::{Fetch, Fetched, fetch, misbehave, starttls};
use mailwright_tests::server::{Config, Destination, Installation, Server, free_address};
use mailwright_tests::wait;
use mailwright_tests::zone::Zone;

const LIMIT: Duration = Duration::from_secs(40);
const NEEDS: &[Need] = &[Need::Nsd, Need::Python, Need::Openssl];
const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\nmax_age: 86400\r\n";
const NAME: &str = "mta-sts.example.com";
/// Where nobody listens.
const AWAY: &str = "127.0.0.9";

fn from(host: &str) -> Fetch<'_> {
    Fetch::from(host)
}

/// Has the server take mail for its zone.
fn enable_routing(installation: &Installation, server: &Server) -> Result<()> {
    let api = installation.api(server);
    let zones = api.request("GET", "/client/v4/zones", "", &[])?;
    let zone = zones.result()[0]["id"].as_str().map(str::to_owned);
    let zone = zone.ok_or_else(|| Error::unexpected("zones", zones.text.clone()))?;
    let answer = api.post(&format!("/client/v4/zones/{zone}/email/routing/enable"), "{}", &[])?;
    if answer.status == 200 { Ok(()) } else { Err(Error::unexpected("enable", answer.text)) }
}

/// A world in which names are looked up, and certificates got.
struct World {
    installation: Installation,
    server: Server,
    pebble: Pebble,
    _names: NameServer,
    _files: tempfile::TempDir,
    root: PathBuf,
}

impl World {
    /// One whose certificates hold for so long.
    fn start(lifetime: Duration) -> Result<Self> {
        let files = tempfile::tempdir().context("make a temporary folder")?;
        let authority = Authority::new(files.path())?;
        let com = format!("mta-sts A 127.0.0.1\nmx A 127.0.0.1\naway A {AWAY}\n");
        let names = NameServer::serving(&[
            Zone::new("example.com", &com),
            Zone::new("example", "acme A 127.0.0.1\n"),
        ])?;
        let host = free_address()?;
        let pebble = Pebble::start(&authority, names.address, host.port(), lifetime)?;
        let more = format!(
            "[routing]\nmta_sts = \"enforce\"\n[routing.policy_host]\nlisten = [\"{host}\"]\n\
             [inbound]\nlisten = [\"127.0.0.1:0\"]\n[acme]\ndirectory = {:?}\nterms_agreed = true\n\
             hosts = [\"away.example.com\", \"mx.example.com\"]\nauthorities = {:?}\n",
            pebble.directory, authority.certificate,
        );
        let destination = Destination::Exchangers { name_server: names.address, port: 25 };
        let config = Config { more, ..Config::with(destination) };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        enable_routing(&installation, &server)?;
        let root = pebble.root()?;
        Ok(Self { installation, server, pebble, _names: names, _files: files, root })
    }

    /// Asks for the policy, as who believes the authority and nobody else.
    fn policy(&self) -> Result<Fetched> {
        let host = self.server.policy_host.ok_or_else(|| Error::unexpected("start", "no policy host"))?;
        fetch(host, &Fetch { authorities: Some(&self.root), ..from(NAME) })
    }

    fn until(&self, what: &str, mut look: impl FnMut() -> Option<Fetched>) -> Result<Fetched> {
        let found = wait::until(what, LIMIT, || Ok(look()));
        let log = || format!("{}\n{}", self.server.process.log_text(), self.pebble.log_text());
        found.map_err(|error| Error::unexpected(error.to_string(), log()))
    }

    /// How many orders have had this result.
    fn orders(&self, result: &str) -> Result<u64> {
        let series = format!("mailwright_acme_orders_total{{result=\"{result}\"}} ");
        let text = http::get(self.server.http, "/metrics")?.text;
        let count = text.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok());
        count.ok_or_else(|| Error::unexpected(series, text))
    }
}

#[test]
fn certificates_are_got_and_renewed_and_a_name_that_fails_stops_no_other() -> Result<()> {
    if skip_without(NEEDS) || skip_without(&[Need::Pebble]) {
        return Ok(());
    }
    let mut world = World::start(Duration::from_secs(12))?;
    let first = world.until("a certificate", || world.policy().ok())?;
    assert_eq!((first.status, first.content_type.as_str(), first.body.as_str()), (200, "text/plain", POLICY));
    assert_eq!(world.orders("refused")?, 1, "{}", world.server.process.log_text());
    let log = world.server.process.log_text();
    assert!(log.lines().any(|line| line.contains("away.example.com") && line.contains(AWAY)), "{log}");
    let inbound = world.server.inbound.ok_or_else(|| Error::unexpected("start", "no inbound"))?;
    let smtp = starttls(inbound, "mx.example.com", &world.root)?;
    assert!(smtp["certificate"].is_string(), "{smtp}");

    let renewed = world.until("another certificate", || {
        world.policy().ok().filter(|answer| answer.certificate != first.certificate)
    })?;
    assert_eq!(renewed.body, POLICY);
    assert_eq!(world.orders("refused")?, 1, "the name that failed does not rest");
    let folder = world.installation.state().join("certificates");
    for file in fs::read_dir(&folder).context("list the certificates")? {
        let file = file.context("list the certificates")?;
        let mode = file.metadata().context("look at a certificate")?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
    }

    // With the authority gone, what there is is shown, after a start too.
    world.pebble.end();
    assert!(world.server.stop()?.success());
    world.server = world.installation.start()?;
    assert!(world.policy().is_ok(), "{}", world.server.process.log_text());
    assert_eq!(world.orders("issued")?, 0);
    Ok(())
}

#[test]
fn a_policy_host_with_certificates_of_its_own_serves_all_who_behave() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let files = tempfile::tempdir().context("make a temporary folder")?;
    let authority = Authority::new(files.path())?;
    let shown = Certificate::signed_by(files.path(), NAME, &authority)?;
    let more = format!(
        "[routing]\nmta_sts = \"enforce\"\n[routing.policy_host]\nlisten = [\"127.0.0.1:0\"]\n\
         max_connections_per_address = 10\n[[routing.policy_host.certificates]]\ncertificate = {:?}\nkey = {:?}\n",
        shown.certificate, shown.key,
    );
    let config = Config { more, ..Config::to(free_address()?) };
    let installation = Installation::new(&config)?;
    let server = installation.start()?;
    let host = server.policy_host.ok_or_else(|| Error::unexpected("start", "no policy host"))?;
    assert_eq!(fetch(host, &from(NAME))?.status, 404, "its mail is not routed");
    enable_routing(&installation, &server)?;
    let believing = Fetch { authorities: Some(&authority.certificate), ..from(NAME) };
    let before = fetch(host, &believing)?;
    assert_eq!((before.status, before.body.as_str()), (200, POLICY));

    // What is there for a moment only is looked at in vain, so the new files stand beside the old ones first.
    let folder = files.path().join("new");
    fs::create_dir(&folder).context("make a folder")?;
    let new = Certificate::signed_by(&folder, NAME, &authority)?;
    fs::rename(&new.key, &shown.key).context("replace the key")?;
    fs::rename(&new.certificate, &shown.certificate).context("replace the certificate")?;
    wait::until("the new certificate", LIMIT, || {
        Ok(fetch(host, &believing).ok().filter(|answer| answer.certificate != before.certificate))
    })?;

    let answers = misbehave(host, NAME, 10)?;
    for served in
        ["well behaved", "no name", "a stranger's name", "others beside a crowd", "others beside slow ones"]
    {
        assert_eq!(answers[served], 200, "{served} in {answers}");
    }
    for unknown in ["another host", "no host", "two hosts", "another path", "post"] {
        assert_eq!(answers[unknown], 404, "{unknown} in {answers}");
    }
    for refused in ["a long head", "a long target", "many fields", "no http"] {
        let is_refused =
            answers[refused] == "closed" || answers[refused].as_u64().is_some_and(|code| code >= 400);
        assert!(is_refused, "{refused} in {answers}");
    }
    for closed in
        ["a challenge that nobody set", "http/2 only", "no tls", "broken tls", "one more of a crowd"]
    {
        assert_eq!(answers[closed], "closed", "{closed} in {answers}");
    }
    for slow in ["silent", "slow tls", "silent in tls", "slow head"] {
        assert!(answers[slow].as_f64().is_some_and(|seconds| seconds < 13.0), "{slow} in {answers}");
    }
    assert!(server.process.log_text().lines().all(|line| !line.contains("panicked")));
    Ok(())
}
