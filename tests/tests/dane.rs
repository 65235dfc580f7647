//! DANE (RFC 7672): what a host's signed TLSA records ask is done, whatever else the network says.

use std::net::Ipv4Addr;

use mailwright_tests::certificate::Certificate;
use mailwright_tests::error::Result;
use mailwright_tests::metrics::{BOUNCED, DELIVERED, QUEUED};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::tls_receiver::{Manners, TlsReceiver};
use mailwright_tests::tls_world::{Plan, Resolver, World};
use mailwright_tests::zone::Zone;

const NEEDS: &[Need] = &[Need::Nsd, Need::Unbound, Need::Python, Need::Openssl];
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const THIRD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// A digest of nobody's key.
const OTHER: &str = "3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A world whose only trust is in the zone `example` of these records.
fn signed(mut plan: Plan, records: &str, resolver: Resolver) -> Result<World> {
    let zone = Zone::new("example", records).sign()?;
    plan.anchors = vec![zone.dnskey];
    plan.zones.push(zone.zone);
    plan.resolver = resolver;
    plan.start()
}

/// A certificate that no authority signed, and the records of the mail host `mx.example` that has it.
fn host(plan: &Plan, tlsa: impl Fn(&Certificate) -> Result<String>) -> Result<(Certificate, String)> {
    let certificate = Certificate::self_signed(&plan.folder("mx")?, "elsewhere.invalid")?;
    let port = plan.port;
    let records = format!("good MX 10 mx\nmx A 127.0.0.2\n_{port}._tcp.mx TLSA {}\n", tlsa(&certificate)?);
    Ok((certificate, records))
}

/// Asserts that the only message stays in the queue and that no receiver was given anything.
fn assert_waits(world: &World, receivers: &[&TlsReceiver]) -> Result<()> {
    let metrics = world.server.metrics()?;
    assert_eq!((metrics.get(QUEUED), metrics.get(DELIVERED), metrics.get(BOUNCED)), (1, 0, 0));
    assert!(receivers.iter().all(|receiver| receiver.taken().is_empty()));
    Ok(())
}

#[test]
fn a_host_with_the_published_key_is_verified_whatever_its_certificate_says() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    // The proof is ours: it does not need a resolver that checks signatures.
    for resolver in [Resolver::Validating, Resolver::Believing, Resolver::None] {
        let plan = Plan::new()?;
        let (certificate, records) = host(&plan, Certificate::tlsa)?;
        let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::showing(&certificate))?;
        let world = signed(plan, &records, resolver)?;
        world.send("user@good.example")?;
        let taken = receiver.wait_for("user@good.example")?;
        assert_eq!((taken.tls.as_deref(), taken.sni.as_deref()), (Some("TLSv1.3"), Some("mx.example")));
        world.logged(&["delivered", "user@good.example", "verified by DANE (dane)"])?;
    }
    Ok(())
}

#[test]
fn a_host_with_another_key_gets_nothing_not_even_in_plain_text() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let (certificate, records) = host(&plan, |_| Ok(OTHER.to_owned()))?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::showing(&certificate))?;
    let world = signed(plan, &records, Resolver::Validating)?;
    world.send("user@good.example")?;
    world.logged(&["TLS policy not met", "TLSA"])?;
    assert_waits(&world, &[&receiver])
}

#[test]
fn a_host_that_hides_starttls_gets_nothing() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let (_, records) = host(&plan, Certificate::tlsa)?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::plain())?;
    let world = signed(plan, &records, Resolver::Validating)?;
    world.send("user@good.example")?;
    world.logged(&["TLS policy not met", "does not offer STARTTLS"])?;
    assert_waits(&world, &[&receiver])
}

#[test]
fn the_next_host_gets_what_the_first_must_not_have() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let (certificate, records) = host(&plan, |_| Ok(OTHER.to_owned()))?;
    let manners = Manners::showing(&certificate);
    let wrong = TlsReceiver::start(SECOND, plan.port, &manners)?;
    let right = TlsReceiver::start(THIRD, plan.port, &manners)?;
    let second =
        format!("good MX 20 next\nnext A 127.0.0.3\n_{}._tcp.next TLSA {}\n", plan.port, certificate.tlsa()?);
    let world = signed(plan, &(records + &second), Resolver::Validating)?;
    world.send("user@good.example")?;
    right.wait_for("user@good.example")?;
    assert!(wrong.taken().is_empty());
    Ok(())
}

#[test]
fn records_that_cannot_be_used_ask_for_tls_to_whomever() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let unusable = |_: &Certificate| Ok(OTHER.replacen('3', "1", 1));
    let plan = Plan::new()?;
    let (certificate, records) = host(&plan, unusable)?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::showing(&certificate))?;
    let records = records
        + &format!(
            "bare MX 10 naked\nnaked A 127.0.0.3\n_{}._tcp.naked TLSA 1 1 1 {}\n",
            plan.port,
            "ab".repeat(32)
        );
    let naked = TlsReceiver::start(THIRD, plan.port, &Manners::plain())?;
    let world = signed(plan, &records, Resolver::Validating)?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    world.logged(&["delivered", "user@good.example", "required (dane)"])?;
    world.send("user@bare.example")?;
    world.logged(&["TLS policy not met", "does not offer STARTTLS"])?;
    assert!(naked.taken().is_empty());
    Ok(())
}

#[test]
fn an_authority_that_the_records_name_vouches_for_the_host() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let (folder, port) = (plan.folder("mx")?, plan.port);
    let right = Certificate::signed_by(&folder, "mx.example", &plan.authority)?;
    let wrong = Certificate::signed_by(&folder, "other.example", &plan.authority)?;
    let tlsa = plan.authority.tlsa()?;
    let records = format!(
        "good MX 10 mx\nmx A 127.0.0.2\n_{port}._tcp.mx TLSA {tlsa}\n\
         named MX 10 mx2\nmx2 A 127.0.0.3\n_{port}._tcp.mx2 TLSA {tlsa}\n"
    );
    let receiver = TlsReceiver::start(SECOND, port, &Manners::showing(&right))?;
    let stranger = TlsReceiver::start(THIRD, port, &Manners::showing(&wrong))?;
    let world = signed(plan, &records, Resolver::Validating)?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    world.logged(&["delivered", "user@good.example", "verified by DANE (dane)"])?;
    // The same authority has signed for another name.
    world.send("user@named.example")?;
    world.logged(&["TLS policy not met", "mx2.example"])?;
    assert!(stranger.taken().is_empty());
    Ok(())
}

#[test]
fn the_records_of_an_alias_stand_at_its_end_or_at_its_beginning() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let (certificate, port) = (Certificate::self_signed(&plan.folder("mx")?, "x.invalid")?, plan.port);
    let tlsa = certificate.tlsa()?;
    let records = format!(
        "end MX 10 alias\nalias CNAME real\nreal A 127.0.0.2\n_{port}._tcp.real TLSA {tlsa}\n\
         _{port}._tcp.alias TLSA {OTHER}\n\
         begin MX 10 alias2\nalias2 CNAME real2\nreal2 A 127.0.0.3\n_{port}._tcp.alias2 TLSA {tlsa}\n"
    );
    let manners = Manners::showing(&certificate);
    let (end, begin) =
        (TlsReceiver::start(SECOND, port, &manners)?, TlsReceiver::start(THIRD, port, &manners)?);
    let world = signed(plan, &records, Resolver::Validating)?;
    for (recipient, receiver, asked) in
        [("user@end.example", &end, "real.example"), ("user@begin.example", &begin, "alias2.example")]
    {
        world.send(recipient)?;
        assert_eq!(receiver.wait_for(recipient)?.sni.as_deref(), Some(asked));
        world.logged(&["delivered", recipient, "verified by DANE (dane)"])?;
    }
    Ok(())
}

#[test]
fn an_unsigned_zone_proves_nothing_and_its_mail_goes_out_as_ever() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    for resolver in [Resolver::Validating, Resolver::None] {
        let mut plan = Plan::new()?;
        let certificate = Certificate::self_signed(&plan.folder("mx")?, "x.invalid")?;
        let records = |host: &str| format!("@ MX 10 mx\nmx A {host}\n_{}._tcp.mx TLSA {OTHER}\n", plan.port);
        // One beneath the signed zone, which says so, and one that nobody says anything about.
        let (beneath, beside) = (records("127.0.0.2"), records("127.0.0.3"));
        plan.zones = vec![Zone::new("plain.example", &beneath), Zone::new("elsewhere.org", &beside)];
        let manners = Manners::showing(&certificate);
        let second = TlsReceiver::start(SECOND, plan.port, &manners)?;
        let third = TlsReceiver::start(THIRD, plan.port, &manners)?;
        let world = signed(plan, "plain NS ns", resolver)?;
        for (recipient, receiver) in [("user@plain.example", &second), ("user@elsewhere.org", &third)] {
            world.send(recipient)?;
            receiver.wait_for(recipient)?;
            world.logged(&["delivered", recipient, "opportunistic (configuration)"])?;
        }
    }
    Ok(())
}

/// Serves `records` after somebody has replaced `from` by `to`, and asserts that mail for good.example waits.
fn assert_forgery_is_noticed(from: &str, to: &str, resolver: Resolver) -> Result<()> {
    let mut plan = Plan::new()?;
    let (certificate, records) = host(&plan, Certificate::tlsa)?;
    let manners = Manners::showing(&certificate);
    let receiver = TlsReceiver::start(SECOND, plan.port, &manners)?;
    let forger = TlsReceiver::start(THIRD, plan.port, &manners)?;
    let zone = Zone::new("example", &(records + "evil A 127.0.0.3\n")).sign()?;
    plan.zones = vec![zone.forged(from, to)?];
    plan.anchors = vec![zone.dnskey];
    plan.resolver = resolver;
    let world = plan.start()?;
    world.send("user@good.example")?;
    // Whichever look-up failed.
    world.logged(&[".example", "4.4.3", "pause"])?;
    assert_waits(&world, &[&receiver, &forger])
}

#[test]
fn forged_records_are_believed_by_nobody() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    for resolver in [Resolver::Validating, Resolver::None] {
        // Whose hosts they are, where they are, and what they have to show.
        assert_forgery_is_noticed("\tMX\t10 mx.example.", "\tMX\t10 evil.example.", resolver)?;
        assert_forgery_is_noticed(
            "mx.example.\t300\tIN\tA\t127.0.0.2",
            "mx.example.\t300\tIN\tA\t127.0.0.3",
            resolver,
        )?;
        assert_forgery_is_noticed("\tTLSA\t3 1 1", "\tTLSA\t3 0 1", resolver)?;
    }
    Ok(())
}

#[test]
fn a_resolver_that_drops_signatures_costs_dane_and_not_the_mail() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let mut plan = Plan::new()?;
    let (certificate, records) = host(&plan, |_| Ok(OTHER.to_owned()))?;
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::showing(&certificate))?;
    let zone = Zone::new("example", &records);
    plan.anchors = vec![zone.sign()?.dnskey];
    plan.zones = vec![zone];
    let world = plan.start()?;
    world.send("user@good.example")?;
    receiver.wait_for("user@good.example")?;
    world.logged(&["passes on no DNSSEC signatures"])?;
    Ok(())
}
