//! The plan from a domain to its hosts: loops are cut off, load is spread, and DNS is asked no more than it must be.

use std::net::Ipv4Addr;

use mailwright_tests::error::Result;
use mailwright_tests::metrics::{DELIVERED, QUEUED, until_queue_is_empty};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::tls_receiver::{Manners, TlsReceiver};
use mailwright_tests::tls_world::{LIMIT, Plan, World};
use mailwright_tests::wait;
use mailwright_tests::zone::Zone;

const NEEDS: &[Need] = &[Need::Nsd, Need::Python, Need::Openssl];
const SECOND: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const THIRD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const DNS_QUESTIONS: &str = "mailwright_dns_questions_total";
const FALLBACKS: &str = "mailwright_family_fallbacks_total";
const CONNECTS_FAILED: &str = "mailwright_connects_failed_total";
/// Messages of a crowd.
const CROWD: usize = 1000;

fn world(mut plan: Plan, records: &str) -> Result<World> {
    plan.zones = vec![Zone::new("example", records)];
    plan.start()
}

#[test]
fn a_domain_that_leads_to_us_comes_back() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    // We are mx.example.com; a host that is no better would only send the mail back to us.
    let world = world(Plan::new()?, "loop MX 10 MX.example.com.\nloop MX 20 next\nnext A 127.0.0.2\n")?;
    world.send("user@loop.example")?;
    let line = world.logged(&["bounced", "user@loop.example"])?;
    assert!(line.contains("5.4.6"), "{line}");
    Ok(())
}

#[test]
fn only_hosts_better_than_ourselves_are_tried() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let port = plan.port;
    let worse = TlsReceiver::start(THIRD, port, &Manners::plain())?;
    let records = "backed MX 10 best\nbest A 127.0.0.2\nbacked MX 20 mx.example.com.\n\
                   backed MX 30 worse\nworse A 127.0.0.3\n";
    let world = world(plan, records)?;
    world.send("user@backed.example")?;
    world.logged(&["site unreachable", "best.example"])?;
    assert_eq!(world.server.metrics()?.get(QUEUED), 1);
    let best = TlsReceiver::start(SECOND, port, &Manners::plain())?;
    best.wait_for("user@backed.example")?;
    assert!(worse.taken().is_empty());
    Ok(())
}

#[test]
fn hosts_of_equal_preference_share_the_load() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let hosts = [SECOND, THIRD].map(|ip| TlsReceiver::start(ip, plan.port, &Manners::plain()));
    // Domains with hosts of their own, so that each is planned for itself. That one host is first for all of them
    // happens once in half a million runs.
    let records: String = (0..20)
        .map(|n| format!("d{n} MX 10 a{n}\nd{n} MX 10 b{n}\na{n} A 127.0.0.2\nb{n} A 127.0.0.3\n"))
        .collect();
    let world = world(plan, &records)?;
    for n in 0..20 {
        world.send(&format!("user@d{n}.example"))?;
    }
    until_queue_is_empty(world.server.http, LIMIT)?;
    let [second, third] = hosts.map(|host| host.map_or(0, |host| host.taken().len()));
    assert!(second > 0 && third > 0 && second + third == 20, "{second} and {third}");
    Ok(())
}

#[test]
fn a_thousand_messages_ask_each_question_once() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let plan = Plan::new()?;
    let _receiver = TlsReceiver::start(SECOND, plan.port, &Manners::plain())?;
    let world = world(plan, "crowd MX 10 mx\nmx A 127.0.0.2\n")?;
    for number in 0..CROWD {
        world.send(&format!("user{number}@crowd.example"))?;
    }
    let metrics = wait::until("the delivery of all", LIMIT, || {
        let metrics = world.server.metrics()?;
        Ok((metrics.get(DELIVERED) == CROWD as u64).then_some(metrics))
    })?;
    // MX records, their proof, the host's addresses, its TLSA records.
    assert_eq!(metrics.get(DNS_QUESTIONS), 4);
    Ok(())
}

#[test]
fn an_answer_that_there_is_nothing_is_remembered() -> Result<()> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let world = world(Plan::new()?, "silent TXT hello\n")?;
    for domain in ["nobody.example", "silent.example"] {
        world.send(&format!("first@{domain}"))?;
        world.logged(&["bounced", &format!("first@{domain}")])?;
        let asked = world.server.metrics()?.get(DNS_QUESTIONS);
        world.send(&format!("second@{domain}"))?;
        world.logged(&["bounced", &format!("second@{domain}")])?;
        assert_eq!(world.server.metrics()?.get(DNS_QUESTIONS), asked, "{domain}");
    }
    Ok(())
}

#[test]
fn a_family_that_failed_is_not_tried_first_again() -> Result<()> {
    if skip_without(&[Need::Nsd, Need::Python, Need::Openssl, Need::Ipv6]) {
        return Ok(());
    }
    let mut plan = Plan::new()?;
    plan.shaping = "[default]\nmessages_per_connection = 1\n".to_owned();
    let receiver = TlsReceiver::start(SECOND, plan.port, &Manners::plain())?;
    let world = world(plan, "both MX 10 mx\nmx A 127.0.0.2\nmx AAAA ::1\n")?;
    for number in 0..3 {
        let recipient = format!("user{number}@both.example");
        world.send(&recipient)?;
        receiver.wait_for(&recipient)?;
        let metrics = until_queue_is_empty(world.server.http, LIMIT)?;
        assert_eq!((metrics.get(CONNECTS_FAILED), metrics.get(FALLBACKS)), (1, 1), "message {number}");
    }
    Ok(())
}
