//! Records of sending domains get into a zone, and out of it, by dynamic update (RFC 2136) with a shared key
//! (RFC 8945), and what others have put there stays.

use std::net::SocketAddr;

use mailwright_actors::dns_update::{DnsUpdater, TsigKey, UpdateError};
use mailwright_engine::address::{Domain, EmailAddress};
use mailwright_engine::dkim::DkimKey;
use mailwright_engine::domain_dns::{
    Current, DEFAULT_TTL, DkimRole, DmarcPolicy, DmarcWish, DnsRecord, DomainKey, OnForeign, RecordSet,
    SendingDomain, SendingName, SpfAuthority, plan_publishing, records, zone_lines,
};
use mailwright_tests::knot::{KEY, Knot, POWERLESS_KEY};
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::zone::Zone;

type Failure = Box<dyn std::error::Error>;

const NEEDS: &[Need] = &[Need::Knot];

fn domain(name: &str) -> Result<SendingDomain, Failure> {
    let key = |selector, key: &DkimKey| -> Result<_, Failure> {
        Ok(DomainKey::new(selector, Some(key.public_record()?), DkimRole::Signing)?)
    };
    let name = SendingName::parse(name)?;
    Ok(SendingDomain {
        return_path: Domain::parse(&format!("cf-bounce.{}", name.base()))?,
        name,
        keys: vec![key("r1", &DkimKey::generate_rsa_2048()?)?, key("e1", &DkimKey::generate_ed25519()?)?],
        spf: Some(SpfAuthority::include("_spf.mail.test")?),
        mx: vec![Domain::parse("mx1.mail.test")?, Domain::parse("mx2.mail.test")?],
        dmarc: Some(DmarcWish {
            policy: DmarcPolicy::None,
            reports: Some(EmailAddress::parse("dmarc@shop.example")?),
        }),
        ttl: DEFAULT_TTL,
    })
}

fn updater(knot: &Knot) -> Result<DnsUpdater, Failure> {
    Ok(DnsUpdater::new(knot.address, Some(TsigKey::new(KEY, "hmac-sha256", &knot.secret)?)))
}

async fn contents(updater: &DnsUpdater, wanted: &[DnsRecord]) -> Result<Current, UpdateError> {
    updater.read(&wanted.iter().map(RecordSet::of).collect()).await
}

#[tokio::test]
async fn records_are_published_once_and_taken_out_again() -> Result<(), Failure> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let knot = Knot::start(&Zone::new("example", "cf-bounce.shop TXT \"of somebody\" \" else\""))?;
    let updater = updater(&knot)?;
    let wanted = records(&domain("shop.example")?);
    let before = contents(&updater, &wanted).await?;
    assert_eq!(updater.zone_of("r1._domainkey.shop.example").await?, "example");
    let plan = updater.publish(&wanted, &[], OnForeign::Refuse).await?;
    assert_eq!(plan.update.changes.len(), wanted.len());
    let after = contents(&updater, &wanted).await?;
    assert!(plan_publishing(&wanted, &[], &after, OnForeign::Refuse)?.update.is_empty(), "{after:?}");
    assert!(updater.publish(&wanted, &[], OnForeign::Refuse).await?.update.is_empty());
    assert_eq!(updater.remove(&wanted).await?.changes.len(), wanted.len());
    assert_eq!(contents(&updater, &wanted).await?, before);
    assert!(updater.remove(&wanted).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_new_key_takes_the_place_of_the_old_one() -> Result<(), Failure> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let knot = Knot::start(&Zone::new("example", ""))?;
    let updater = updater(&knot)?;
    let (old, new) = (records(&domain("shop.example")?), records(&domain("shop.example")?));
    updater.publish(&old, &[], OnForeign::Refuse).await?;
    let refused = updater.publish(&new, &[], OnForeign::Refuse).await.unwrap_err().to_string();
    assert!(
        refused.contains("r1._domainkey.shop.example TXT") || refused.contains("e1._domainkey"),
        "{refused}"
    );
    let former: Vec<_> = old.iter().filter(|record| !new.contains(record)).cloned().collect();
    assert_eq!(former.len(), 2);
    let plan = updater.publish(&new, &former, OnForeign::Refuse).await?;
    assert_eq!(plan.update.changes.len(), 4);
    assert_eq!(updater.remove(&old).await?.changes.len(), old.len() - 2);
    Ok(())
}

#[tokio::test]
async fn what_others_have_published_is_not_overwritten() -> Result<(), Failure> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let records_of_others = "
cf-bounce.shop TXT \"v=spf1 a mx \" \"-all\"
_dmarc.shop    TXT \"v=DMARC1; p=reject\"
_dmarc.cafe    CNAME _dmarc.shop
";
    let knot = Knot::start(&Zone::new("example", records_of_others))?;
    let updater = updater(&knot)?;
    let wanted = records(&domain("shop.example")?);
    let before = contents(&updater, &wanted).await?;
    let refused = updater.publish(&wanted, &[], OnForeign::Refuse).await.unwrap_err().to_string();
    assert!(
        refused.contains("cf-bounce.shop.example TXT") && refused.contains("v=spf1 a mx -all"),
        "{refused}"
    );
    assert_eq!(contents(&updater, &wanted).await?, before);
    let plan = updater.publish(&wanted, &[], OnForeign::Replace).await?;
    // The record that was replaced was divided into two strings; the owner's policy stays.
    assert_eq!(
        plan.kept.iter().map(|kept| kept.content.as_str()).collect::<Vec<_>>(),
        ["v=DMARC1; p=reject"]
    );
    let again = updater.publish(&wanted, &[], OnForeign::Refuse).await?;
    assert!(again.update.is_empty() && again.kept == plan.kept);
    let alias = records(&domain("cafe.example")?);
    let refused = updater.publish(&alias, &[], OnForeign::Replace).await.unwrap_err().to_string();
    assert!(refused.contains("_dmarc.cafe.example is an alias"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn whoever_comes_second_reads_again() -> Result<(), Failure> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let knot = Knot::start(&Zone::new("example", ""))?;
    let updater = updater(&knot)?;
    let wanted = records(&domain("shop.example")?);
    let stale = plan_publishing(&wanted, &[], &contents(&updater, &wanted).await?, OnForeign::Refuse)?;
    let one = &wanted[2..3];
    updater.publish(one, &[], OnForeign::Refuse).await?;
    let error = updater.apply("example", &stale.update).await.unwrap_err().to_string();
    assert!(error.contains("records exist that were not there before"), "{error}");
    let plan = updater.publish(&wanted, &[], OnForeign::Refuse).await?;
    assert_eq!(plan.update.changes.len(), wanted.len() - 1);
    Ok(())
}

#[tokio::test]
async fn every_refusal_is_told_in_words() -> Result<(), Failure> {
    if skip_without(NEEDS) {
        return Ok(());
    }
    let knot = Knot::start(&Zone::new("example", ""))?;
    let wanted = records(&domain("shop.example")?);
    let refusal = async |address: SocketAddr, key: Option<TsigKey>, wanted: &[DnsRecord]| {
        let error = DnsUpdater::new(address, key).publish(wanted, &[], OnForeign::Refuse).await;
        error.map(|plan| format!("{plan:?}")).unwrap_or_else(|error| error.to_string())
    };
    let key = |name: &str, secret: &str| TsigKey::new(name, "hmac-sha256", secret).map(Some);
    let other_secret = "YW5vdGhlciBzZWNyZXQsIGFub3RoZXIgc2VjcmV0IQ==";
    let cases = [
        (refusal(knot.address, None, &wanted).await, "does not let this key change"),
        (
            refusal(knot.address, key(POWERLESS_KEY, &knot.secret)?, &wanted).await,
            "does not let it change the zone",
        ),
        (refusal(knot.address, key("nobody", &knot.secret)?, &wanted).await, "it knows no such key"),
        (refusal(knot.address, key(KEY, other_secret)?, &wanted).await, "its secret is another one"),
        (
            refusal(knot.address, key(KEY, &knot.secret)?, &records(&domain("shop.test")?)).await,
            "has no zone that holds _dmarc.shop.test",
        ),
        (refusal("127.0.0.1:1".parse()?, None, &wanted).await, "cannot be asked"),
    ];
    for (said, expected) in cases {
        assert!(said.contains(expected), "{said:?} does not say {expected:?}");
        assert!(!said.contains(other_secret) && !said.contains(&knot.secret));
    }
    Ok(())
}

#[tokio::test]
async fn a_zone_file_with_the_lines_is_served_as_meant() -> Result<(), Failure> {
    if skip_without(&[Need::Nsd]) {
        return Ok(());
    }
    let wanted = records(&domain("shop.example")?);
    let odd = DnsRecord {
        content: format!("quote \" slash \\ semicolon ; {}", "é".repeat(300)),
        ..wanted[3].clone()
    };
    let odd = DnsRecord { name: "odd.example".to_owned(), ..odd };
    let all: Vec<_> = wanted.iter().chain([&odd]).cloned().collect();
    let name_server = NameServer::serving(&[Zone::new("example", &zone_lines(&all))])?;
    let there = contents(&DnsUpdater::new(name_server.address, None), &all).await?;
    assert!(plan_publishing(&all, &[], &there, OnForeign::Refuse)?.update.is_empty(), "{there:?}");
    Ok(())
}
