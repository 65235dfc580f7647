//! What messages and the configuration ask of TLS, beside the recipients' own policies.

use std::net::Ipv4Addr;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::{Error, Result};
use mailwright_tests::message::SENDER;
use mailwright_tests::metrics::QUEUED;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::tls_receiver::{Manners, TlsReceiver};
use mailwright_tests::tls_world::{Plan, World};
use mailwright_tests::zone::Zone;
use serde_json::json;

const NEEDS: &[Need] = &[Need::Nsd, Need::Python, Need::Openssl];
const DNSSEC_NEEDS: &[Need] = &[Need::Nsd, Need::Unbound, Need::Python, Need::Openssl];
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const RECORDS: &str = "good MX 10 mx\nmx A 127.0.0.2\n";
/// What our own certificate for submission is for.
const NAME: &str = "mx.example.com";

/// A world with one unsigned zone, and the only mail host in it.
fn unsigned(mut plan: Plan, manners: &Manners) -> Result<(World, TlsReceiver)> {
    plan.zones = vec![Zone::new("example", RECORDS)];
    let receiver = TlsReceiver::start(SECOND, plan.port, manners)?;
    Ok((plan.start()?, receiver))
}

/// A world with shaping of its own.
fn shaped(shaping: &str, manners: &Manners) -> Result<(World, TlsReceiver)> {
    let mut plan = Plan::new()?;
    plan.shaping = format!("[default]\n{shaping}\n");
    unsigned(plan, manners)
}

/// Manners of a host with a certificate that nobody vouches for. The folder may go: the receiver has read it.
fn with_any_certificate() -> Result<(Plan, Manners)> {
    let plan = Plan::new()?;
    let certificate = Certificate::self_signed(&plan.folder("mx")?, "x.invalid")?;
    Ok((plan, Manners::showing(&certificate)))
}

/// Makes the zone signed, with this TLSA record for the mail host.
fn sign(plan: &mut Plan, tlsa: &str) -> Result<()> {
    let zone = Zone::new("example", &format!("{RECORDS}_{}._tcp.mx TLSA {tlsa}\n", plan.port)).sign()?;
    plan.anchors = vec![zone.dnskey];
    plan.zones = vec![zone.zone];
    Ok(())
}

/// Switches submission on; returns our certificate.
fn with_submission(plan: &mut Plan) -> Result<Certificate> {
    let ours = Certificate::self_signed(&plan.folder("submission")?, NAME)?;
    plan.more = format!(
        "[submission]\nlisten = [\"127.0.0.1:0\"]\ncertificate = {:?}\nkey = {:?}\n",
        ours.certificate, ours.key
    );
    Ok(ours)
}

/// Submits a message that must only travel over verified TLS.
fn submit_with_requiretls(world: &World, ours: &Certificate, recipient: &str) -> Result<()> {
    let address = world.server.submission.ok_or_else(|| Error::unexpected("submission", "not listening"))?;
    let job = json!({
        "host": address.ip().to_string(), "port": address.port(), "name": NAME, "mode": "starttls",
        "ca": ours.certificate, "mechanism": "", "attempts": 1, "user": "token",
        "token": world.installation.account.token, "count": 1, "mail_from": SENDER, "to": [recipient],
        "options": ["REQUIRETLS"], "message": format!("From: {SENDER}\r\nSubject: secret\r\n\r\nHello\r\n")
    });
    let report = python::run("submit.py", [job.to_string()])?;
    assert_eq!(report["sent"], json!([250]), "{report}");
    Ok(())
}

#[test]
fn requiretls_travels_on_to_a_server_that_promises_it() -> Result<()> {
    if skip_without(DNSSEC_NEEDS) {
        return Ok(());
    }
    let mut plan = Plan::new()?;
    let certificate = Certificate::self_signed(&plan.folder("mx")?, "x.invalid")?;
    let ours = with_submission(&mut plan)?;
    sign(&mut plan, &certificate.tlsa()?)?;
    let manners = Manners::showing(&certificate).with_requiretls();
    let receiver = TlsReceiver::start(SECOND, plan.port, &manners)?;
    let world = plan.start()?;
    submit_with_requiretls(&world, &ours, "user@good.example")?;
    let taken = receiver.wait_for("user@good.example")?;
    assert!(taken.mail.contains("REQUIRETLS"), "{}", taken.mail);
    world.logged(&["delivered", "user@good.example", "verified by DANE (requiretls)"])?;
    // Mail that does not ask for it does not carry it.
    world.send("other@good.example")?;
    let other = receiver.wait_for("other@good.example")?;
    assert!(!other.mail.contains("REQUIRETLS"), "{}", other.mail);
    Ok(())
}

#[test]
fn requiretls_comes_back_where_it_cannot_be_kept() -> Result<()> {
    if skip_without(DNSSEC_NEEDS) {
        return Ok(());
    }
    let other = format!("3 1 1 {}", "ab".repeat(32));
    // A server that does not promise it, one that is not who it should be, and one that nobody vouches for.
    for (is_signed, tlsa, does_promise) in
        [(true, None, false), (true, Some(&other), true), (false, None, true)]
    {
        let mut plan = Plan::new()?;
        let certificate = Certificate::self_signed(&plan.folder("mx")?, "x.invalid")?;
        let ours = with_submission(&mut plan)?;
        let manners = Manners::showing(&certificate);
        let manners = if does_promise { manners.with_requiretls() } else { manners };
        let receiver = TlsReceiver::start(SECOND, plan.port, &manners)?;
        if is_signed {
            sign(&mut plan, tlsa.unwrap_or(&certificate.tlsa()?))?;
        } else {
            plan.zones = vec![Zone::new("example", RECORDS)];
        }
        let world = plan.start()?;
        submit_with_requiretls(&world, &ours, "user@good.example")?;
        let line = world.logged(&["bounced", "user@good.example"])?;
        assert!(line.contains("5.7.30"), "{line}");
        assert!(receiver.taken().is_empty());
    }
    Ok(())
}

#[test]
fn tls_required_no_overlooks_the_recipients_policies() -> Result<()> {
    if skip_without(DNSSEC_NEEDS) {
        return Ok(());
    }
    let (mut plan, manners) = with_any_certificate()?;
    sign(&mut plan, &format!("3 1 1 {}", "ab".repeat(32)))?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &manners)?;
    let world = plan.start()?;
    world.relay("strict@good.example", "")?;
    world.relay("lenient@good.example", "TLS-Required: No\r\n")?;
    receiver.wait_for("lenient@good.example")?;
    world.logged(&["delivered", "lenient@good.example", "opportunistic (tls-not-required)"])?;
    world.logged(&["TLS policy not met"])?;
    assert!(receiver.taken().iter().all(|taken| !taken.is_for("strict@good.example")));
    Ok(())
}

#[test]
fn a_second_connection_resumes_the_session_of_the_first() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    for newest in [Manners::up_to_tls12, |manners| manners] {
        let (mut plan, manners) = with_any_certificate()?;
        plan.shaping = "[default]\nmessages_per_connection = 1\n".to_owned();
        let (world, receiver) = unsigned(plan, &newest(manners))?;
        for (recipient, is_resumed) in [("first@good.example", false), ("second@good.example", true)] {
            world.send(recipient)?;
            assert_eq!(receiver.wait_for(recipient)?.resumed, is_resumed, "{recipient}");
            let line = world.logged(&["delivered", recipient])?;
            assert_eq!(line.contains(", resumed"), is_resumed, "{line}");
        }
    }
    Ok(())
}

#[test]
fn a_minimum_holds_where_tls_is_required_and_only_there() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let (_files, manners) = with_any_certificate()?;
    let old = manners.clone().up_to_tls12();
    let (world, receiver) = shaped("tls = \"required\"\ntls_minimum = \"1.3\"", &old)?;
    world.send("user@good.example")?;
    world.logged(&["TLS policy not met", "mx.example"])?;
    assert!(receiver.taken().is_empty());
    drop((world, receiver));
    let cases = [
        ("tls = \"required\"\ntls_minimum = \"1.2\"", &old, "TLSv1.2"),
        ("tls = \"required\"\ntls_minimum = \"1.3\"", &manners, "TLSv1.3"),
        // The alternative would be plain text.
        ("tls = \"opportunistic\"\ntls_minimum = \"1.3\"", &old, "TLSv1.2"),
    ];
    for (shaping, manners, version) in cases {
        let (world, receiver) = shaped(shaping, manners)?;
        world.send("user@good.example")?;
        assert_eq!(receiver.wait_for("user@good.example")?.tls.as_deref(), Some(version), "{shaping}");
    }
    Ok(())
}

#[test]
fn the_configuration_demands_or_forbids_tls() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let (_files, any) = with_any_certificate()?;
    let (never, required) = (shaped("tls = \"never\"", &any)?, shaped("tls = \"required\"", &any)?);
    for ((world, receiver), is_tls) in [(&never, false), (&required, true)] {
        world.send("user@good.example")?;
        assert_eq!(receiver.wait_for("user@good.example")?.tls.is_some(), is_tls);
    }
    for (demand, manners) in [("required", &Manners::plain()), ("verified", &any)] {
        let (world, receiver) = shaped(&format!("tls = \"{demand}\""), manners)?;
        world.send("user@good.example")?;
        world.logged(&["TLS policy not met"])?;
        assert_eq!((world.server.metrics()?.get(QUEUED), receiver.taken().len()), (1, 0));
    }
    Ok(())
}

#[test]
fn a_verified_host_has_a_certificate_for_its_name() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut plan = Plan::new()?;
    plan.shaping = "[default]\ntls = \"verified\"\n".to_owned();
    let certificate = Certificate::signed_by(&plan.folder("mx")?, "mx.example", &plan.authority)?;
    let (world, receiver) = unsigned(plan, &Manners::showing(&certificate))?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    world.logged(&["delivered", "verified by a public authority (configuration)"])?;
    Ok(())
}

#[test]
fn a_handshake_that_breaks_costs_encryption_and_not_the_message() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let (plan, manners) = with_any_certificate()?;
    let (world, receiver) = unsigned(plan, &manners.broken())?;
    world.send("user@good.example")?;
    assert_eq!(receiver.wait_for("user@good.example")?.tls, None);
    Ok(())
}
