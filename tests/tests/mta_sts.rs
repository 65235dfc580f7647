//! MTA-STS (RFC 8461): what a domain's policy asks is done, for that domain and for no other.

use std::net::Ipv4Addr;
use std::time::Duration;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::https_host::HttpsHost;
use mailwright_tests::metrics::{BOUNCED, DELIVERED, until_queue_has};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::tls_receiver::{Manners, TlsReceiver};
use mailwright_tests::tls_world::{Plan, World};
use mailwright_tests::zone::Zone;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(20);
const NEEDS: &[Need] = &[Need::Nsd, Need::Python, Need::Openssl];
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const THIRD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const PATH: &str = "/.well-known/mta-sts.txt";
/// Two domains at one host, of which the first has a policy.
const RECORDS: &str = "
good MX 10 mx
_mta-sts.good TXT \"v=STSv1; id=1;\"
mta-sts.good A 127.0.0.1
neighbour MX 10 mx
mx A 127.0.0.2
";

/// What is there before the server starts.
struct Setup {
    plan: Plan,
    host: HttpsHost,
}

impl Setup {
    /// A policy host for good.example whose certificate is valid.
    fn new() -> Result<Self> {
        let plan = Plan::new()?;
        let policy =
            Certificate::signed_by(&plan.folder("policy")?, "mta-sts.good.example", &plan.authority)?;
        Self::with(plan, &policy)
    }

    fn with(mut plan: Plan, policy: &Certificate) -> Result<Self> {
        let host = HttpsHost::start(&[("mta-sts.good.example", policy)])?;
        plan.zones = vec![Zone::new("example", RECORDS)];
        plan.tls = format!("mta_sts = true\npolicy_port = {}\nprivate_policy_hosts = true\n", host.port);
        Ok(Self { plan, host })
    }

    /// Has the policy host answer with a policy.
    fn publish(&mut self, mode: &str, mx: &str) -> Result<()> {
        let body = format!("version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 86400\r\n");
        self.host.answer("mta-sts.good.example", PATH, json!({"status": 200, "body": body}))
    }

    /// A certificate for `name` that the server trusts.
    fn trusted(&self, name: &str) -> Result<Certificate> {
        Certificate::signed_by(&self.plan.folder("mx")?, name, &self.plan.authority)
    }

    /// The host mx.example.
    fn receiver(&self, manners: &Manners) -> Result<TlsReceiver> {
        TlsReceiver::start(SECOND, self.plan.port, manners)
    }
}

fn assert_one_waits(world: &World) -> Result<()> {
    assert_eq!(until_queue_has(world.server.http, 1, LIMIT)?.get(BOUNCED), 0);
    Ok(())
}

#[test]
fn a_listed_host_with_a_valid_certificate_is_verified() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut setup = Setup::new()?;
    setup.publish("enforce", "*.example")?;
    let receiver = setup.receiver(&Manners::showing(&setup.trusted("mx.example")?))?;
    let world = setup.plan.start()?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    world.logged(&["delivered", "user@good.example", "verified by a public authority (mta-sts)"])?;
    // The policy is fetched once.
    world.send("other@good.example")?;
    receiver.wait_for("other@good.example")?;
    assert_eq!(setup.host.requests().len(), 1);
    Ok(())
}

#[test]
fn a_host_without_a_valid_certificate_keeps_only_the_policys_own_mail_waiting() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let wrong_name: fn(&Setup) -> Result<Manners> =
        |setup| Ok(Manners::showing(&setup.trusted("other.example")?));
    let untrusted: fn(&Setup) -> Result<Manners> =
        |setup| Ok(Manners::showing(&Certificate::self_signed(&setup.plan.folder("mx")?, "mx.example")?));
    let none: fn(&Setup) -> Result<Manners> = |_| Ok(Manners::plain());
    for manners in [wrong_name, untrusted, none] {
        let mut setup = Setup::new()?;
        setup.publish("enforce", "mx.example")?;
        let receiver = setup.receiver(&manners(&setup)?)?;
        let world = setup.plan.start()?;
        world.send("user@good.example")?;
        world.logged(&["TLS policy not met", "mx.example"])?;
        // The same site, another pool.
        world.send("user@neighbour.example")?;
        receiver.wait_for("user@neighbour.example")?;
        world.logged(&["delivered", "user@neighbour.example"])?;
        assert!(receiver.taken().iter().all(|taken| !taken.is_for("user@good.example")));
        assert_one_waits(&world)?;
    }
    Ok(())
}

#[test]
fn a_host_that_the_policy_does_not_list_gets_nothing() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut setup = Setup::new()?;
    setup.publish("enforce", "mx.elsewhere.test")?;
    let receiver = setup.receiver(&Manners::showing(&setup.trusted("mx.example")?))?;
    let world = setup.plan.start()?;
    world.send("user@good.example")?;
    world.logged(&["TLS policy not met", "does not list the mail host mx.example"])?;
    assert!(receiver.taken().is_empty());
    assert_one_waits(&world)
}

#[test]
fn a_policy_that_is_being_tested_hinders_nothing() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    for (mx, manners) in [("mx.example", Manners::plain()), ("mx.elsewhere.test", Manners::plain())] {
        let mut setup = Setup::new()?;
        setup.publish("testing", mx)?;
        let receiver = setup.receiver(&manners)?;
        let world = setup.plan.start()?;
        world.send("user@good.example")?;
        receiver.wait_for("user@good.example")?;
        assert_eq!(setup.host.requests().len(), 1, "the policy was not even looked at");
    }
    Ok(())
}

#[test]
fn a_policy_that_cannot_be_fetched_is_none() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let not_there = json!({"status": 404});
    // A policy behind a redirect is not the policy host's own (section 3.3).
    let elsewhere = json!({"status": 301, "location": format!("https://mta-sts.good.example/policy")});
    let wrong_type = json!({"status": 200, "type": "text/html", "body": "version: STSv1\nmode: enforce\n"});
    for answer in [not_there, elsewhere, wrong_type] {
        let mut setup = Setup::new()?;
        setup.host.answer("mta-sts.good.example", PATH, answer)?;
        let body = "version: STSv1\nmode: enforce\nmx: nobody.test\nmax_age: 86400\n";
        setup.host.answer("mta-sts.good.example", "/policy", json!({"status": 200, "body": body}))?;
        let receiver = setup.receiver(&Manners::plain())?;
        let world = setup.plan.start()?;
        world.send("user@good.example")?;
        receiver.wait_for("user@good.example")?;
        let asked: Vec<_> = setup.host.requests().into_iter().map(|request| request.path).collect();
        assert_eq!(asked, [PATH]);
        world.logged(&["MTA-STS policy not fetched", "good.example"])?;
    }
    Ok(())
}

#[test]
fn a_policy_host_without_a_valid_certificate_is_not_believed() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let forged = Certificate::self_signed(&plan.folder("policy")?, "mta-sts.good.example")?;
    let mut setup = Setup::with(plan, &forged)?;
    setup.publish("enforce", "nobody.test")?;
    let receiver = setup.receiver(&Manners::plain())?;
    let world = setup.plan.start()?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    assert!(setup.host.requests().is_empty());
    Ok(())
}

#[test]
fn private_addresses_are_not_asked_for_policies_unless_that_is_wanted() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut setup = Setup::new()?;
    setup.publish("enforce", "nobody.test")?;
    setup.plan.tls = setup.plan.tls.replace("private_policy_hosts = true", "private_policy_hosts = false");
    let receiver = setup.receiver(&Manners::plain())?;
    let world = setup.plan.start()?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    assert!(setup.host.requests().is_empty());
    world.logged(&["MTA-STS policy not fetched", "no public address"])?;
    Ok(())
}

#[test]
fn a_policy_that_was_seen_holds_over_a_restart_and_a_policy_host_that_fails() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut setup = Setup::new()?;
    setup.publish("enforce", "mx.example")?;
    let receiver = setup.receiver(&Manners::showing(&setup.trusted("mx.example")?))?;
    let mut world = setup.plan.start()?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    drop(receiver);
    setup.host.answer("mta-sts.good.example", PATH, json!({"status": 500}))?;
    if !world.server.stop()?.success() {
        return Err(Error::unexpected("stop", world.server.process.log_text()));
    }
    world.server = world.installation.start()?;
    // Somebody has taken the host's place, who has no certificate.
    let impostor = TlsReceiver::start(SECOND, world.plan.port, &Manners::plain())?;
    world.send("again@good.example")?;
    world.logged(&["TLS policy not met", "does not offer STARTTLS"])?;
    assert!(impostor.taken().is_empty());
    assert_eq!(world.server.metrics()?.get(DELIVERED), 0);
    Ok(())
}

#[test]
fn the_policy_of_a_domain_says_nothing_about_the_other_hosts_of_its_neighbour() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut setup = Setup::new()?;
    setup.publish("enforce", "mx.example")?;
    setup.plan.zones =
        vec![Zone::new("example", &format!("{RECORDS}neighbour MX 5 best\nbest A 127.0.0.3\n"))];
    let receiver = setup.receiver(&Manners::showing(&setup.trusted("mx.example")?))?;
    let best = TlsReceiver::start(THIRD, setup.plan.port, &Manners::plain())?;
    let world = setup.plan.start()?;
    for recipient in ["user@good.example", "user@neighbour.example"] {
        world.send(recipient)?;
    }
    receiver.wait_for("user@good.example")?;
    assert_eq!(best.wait_for("user@neighbour.example")?.tls, None);
    Ok(())
}
