//! The records to publish for a sending domain.

use super::description::{DmarcWish, DomainKey, SendingDomain, SpfAuthority};
use crate::address::Domain;
use serde::{Deserialize, Serialize};
use std::{fmt::Write, net::IpAddr};

/// Preference of the first of our mail hosts; each further one is as much worse.
const PRIORITY_STEP: u16 = 10;

/// The types of record that are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// A mail exchanger.
    Mx,
    /// Text.
    Txt,
    /// An alias.
    Cname,
}

impl RecordType {
    /// As zone files write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mx => "MX",
            Self::Txt => "TXT",
            Self::Cname => "CNAME",
        }
    }
}

/// What a record is for. Records of one name and type may have several purposes, of which only one is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Bounces find their way back.
    ReturnPath,
    /// Mail comes in to be routed.
    Routing,
    /// Our hosts may send, and nobody else.
    Spf,
    /// Our hosts may send, beside those of others: a record that is there has ours added to it.
    SharedSpf,
    /// Receivers can verify signatures.
    Dkim,
    /// What receivers do with mail that is not ours.
    Dmarc,
    /// Senders learn that there is a policy of MTA-STS, and which.
    MtaSts,
    /// Senders find that policy.
    PolicyHost,
    /// Senders tell where TLS fails.
    TlsRpt,
}

impl Purpose {
    /// Whether a TXT record at a name of this purpose serves it, whoever made it.
    pub fn is_served_by(self, text: &str) -> bool {
        match self {
            Self::ReturnPath | Self::Routing | Self::PolicyHost => false,
            Self::Spf | Self::SharedSpf => super::spf::is_spf(text),
            // Whatever stands at a selector is taken for the key.
            Self::Dkim => true,
            Self::Dmarc => super::tags::has_version(text, "DMARC1"),
            Self::MtaSts => super::tags::has_version(text, "STSv1"),
            Self::TlsRpt => super::tags::has_version(text, "TLSRPTv1"),
        }
    }

    /// Whether it is the domain's owner who has the say: a record of the owner's does as well as ours, and nothing is
    /// wrong without any.
    pub const fn is_the_owners(self) -> bool {
        matches!(self, Self::Dmarc | Self::TlsRpt)
    }
}

/// A record to publish, in the form of the API: `{type, name, content, priority, ttl}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DnsRecord {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// Its whole name, without the final dot.
    pub name: String,
    /// The text, in one piece and without quotes; of an MX record the host, of an alias the name that it leads to,
    /// without the final dot.
    pub content: String,
    /// The preference of an MX record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// Time to live in seconds.
    pub ttl: u32,
    /// What it is for; not in the JSON.
    #[serde(skip, default = "no_purpose")]
    pub purpose: Purpose,
}

/// Of a record read back from JSON: the purpose with the fewest assumptions.
fn no_purpose() -> Purpose {
    Purpose::ReturnPath
}

/// Lists what is to be published for `domain`: MX and SPF of its return path, its keys, its DMARC policy. Keys
/// without a known record are left out, and so is what the description leaves open.
pub fn records(domain: &SendingDomain) -> Vec<DnsRecord> {
    let (base, return_path) = (domain.name.base(), domain.return_path.as_str());
    let make = Maker { ttl: domain.ttl };
    let mut records = make.mx(Purpose::ReturnPath, return_path, &domain.mx);
    let spf = domain.spf.as_ref();
    records.extend(spf.map(|spf| make.text(Purpose::Spf, return_path, spf_text(spf))));
    records.extend(make.keys(base, &domain.keys));
    let dmarc = domain.dmarc.as_ref();
    records.extend(dmarc.map(|wish| make.text(Purpose::Dmarc, &format!("_dmarc.{base}"), dmarc_text(wish))));
    records
}

/// Makes records of one time to live.
pub(super) struct Maker {
    pub(super) ttl: u32,
}

impl Maker {
    /// Our hosts as the exchangers of `name`, best first.
    pub(super) fn mx(&self, purpose: Purpose, name: &str, hosts: &[Domain]) -> Vec<DnsRecord> {
        let places = (1..).map(|place| PRIORITY_STEP.saturating_mul(place));
        let record = |(host, priority): (&Domain, u16)| DnsRecord {
            kind: RecordType::Mx,
            priority: Some(priority),
            ..self.text(purpose, name, host.to_string())
        };
        hosts.iter().zip(places).map(record).collect()
    }

    /// The keys of `base`, but for those without a known record.
    pub(super) fn keys(&self, base: &Domain, keys: &[DomainKey]) -> Vec<DnsRecord> {
        let record = |key: &DomainKey| {
            key.record().map(|record| self.text(Purpose::Dkim, &key.name(base), record.to_owned()))
        };
        keys.iter().filter_map(record).collect()
    }

    /// An alias that leads from `name` to `target`.
    pub(super) fn alias(&self, purpose: Purpose, name: &str, target: &Domain) -> DnsRecord {
        DnsRecord { kind: RecordType::Cname, ..self.text(purpose, name, target.to_string()) }
    }

    /// A text.
    pub(super) fn text(&self, purpose: Purpose, name: &str, content: String) -> DnsRecord {
        let (kind, name) = (RecordType::Txt, name.to_owned());
        DnsRecord { kind, name, content, priority: None, ttl: self.ttl, purpose }
    }
}

/// The SPF record of a domain that nobody else sends for. It ends in `~all`: where DMARC asks for more, DKIM can still save mail
/// that was forwarded, which `-all` would have had refused unread (RFC 9989 section 7.1).
pub(super) fn spf_text(authority: &SpfAuthority) -> String {
    let mut text = "v=spf1".to_owned();
    match authority {
        SpfAuthority::Include(name) => {
            let _ = write!(text, " include:{name}");
        }
        SpfAuthority::Addresses(addresses) => {
            for address in addresses {
                // Writing to a string does not fail.
                let _ = match address {
                    IpAddr::V4(ip) => write!(text, " ip4:{ip}"),
                    IpAddr::V6(ip) => write!(text, " ip6:{ip}"),
                };
            }
        }
    }
    text.push_str(" ~all");
    text
}

fn dmarc_text(wish: &DmarcWish) -> String {
    let mut text = format!("v=DMARC1; p={}", wish.policy.as_str());
    if let Some(address) = &wish.reports {
        let _ = write!(text, "; rua=mailto:{}", uri_encoded(address.as_str()));
    }
    text.push(';');
    text
}

/// An address in a `mailto:` URI of a DMARC or TLS-RPT record, where a comma, a semicolon and an exclamation mark
/// mean something (RFC 9989 section 4.7, RFC 8460 section 3).
pub(super) fn uri_encoded(address: &str) -> String {
    let mut out = String::new();
    for byte in address.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@+".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        address::EmailAddress,
        domain_dns::{
            description::{DEFAULT_TTL, DkimRole, DomainKey, SendingName},
            dmarc::DmarcPolicy,
        },
    };

    pub(in crate::domain_dns) fn domain(name: &str) -> SendingDomain {
        let name = SendingName::parse(name).unwrap();
        let key = |selector: &str, record: &str| {
            DomainKey::new(selector, Some(record.to_owned()), DkimRole::Signing).unwrap()
        };
        SendingDomain {
            return_path: Domain::parse(&format!("cf-bounce.{}", name.base())).unwrap(),
            name,
            keys: vec![key("r1", RSA), key("e1", ED25519)],
            spf: Some(SpfAuthority::Include("_spf.mail.test".into())),
            mx: ["mx1.mail.test", "mx2.mail.test"].map(|host| Domain::parse(host).unwrap()).to_vec(),
            dmarc: Some(DmarcWish {
                policy: DmarcPolicy::Reject,
                reports: Some(EmailAddress::parse("dmarc@example.com").unwrap()),
            }),
            ttl: DEFAULT_TTL,
        }
    }

    /// A 2,048-bit RSA key, made for these tests and thrown away.
    pub(in crate::domain_dns) const RSA: &str = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\
        0aNXSDxtSAbHIGUxaN/rmjt1lgDRu5bQ9PiP8WhCdztg/vC5knld86OL5+BMujtOPst5eyQ+SnxRMe/ZV/ZJSXZV1xUzmA9Wtii3\
        b0MQKJu7Lu1nozJUK/2GdvIBKfAe1lL+tNpVo+HXyqsHulcx7Yuc5CuCPBv5VsC5j9eezMKnMnmO8a4CXXMchJFSjR49W2k2KBOP\
        VziZhGFxSgB0+B63/NdzhTeapy6JpWTR6vYEcfPB6A+Dq3thCCWpEn9Rkza+QiyHsy4rzRNhUCHAd5kW1xTtNGIhgo7yr2uQPcDR\
        EsCJbVfVE8MKRzZ3TI0tj4V+JUu1Pu6a6P00GhlFiwIDAQAB";
    pub(in crate::domain_dns) const ED25519: &str =
        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    #[test]
    fn lists_what_the_reference_lists() {
        let records: Vec<_> = records(&domain("example.com"))
            .into_iter()
            .map(|r| (r.kind.as_str(), r.name, r.content, r.priority))
            .collect();
        let row =
            |kind, name: &str, content: &str, priority| (kind, name.to_owned(), content.to_owned(), priority);
        assert_eq!(
            records,
            [
                row("MX", "cf-bounce.example.com", "mx1.mail.test", Some(10)),
                row("MX", "cf-bounce.example.com", "mx2.mail.test", Some(20)),
                row("TXT", "cf-bounce.example.com", "v=spf1 include:_spf.mail.test ~all", None),
                row("TXT", "r1._domainkey.example.com", RSA, None),
                row("TXT", "e1._domainkey.example.com", ED25519, None),
                row("TXT", "_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:dmarc@example.com;", None),
            ]
        );
    }

    #[test]
    fn a_wildcard_publishes_at_its_parent() {
        assert_eq!(records(&domain("*.example.com")), records(&domain("example.com")));
    }

    #[test]
    fn the_json_is_that_of_the_api() {
        let records = records(&domain("example.com"));
        let json = serde_json::to_value(&records[..1]).unwrap();
        let expected = serde_json::json!([{
            "type": "MX", "name": "cf-bounce.example.com", "content": "mx1.mail.test", "priority": 10, "ttl": 300,
        }]);
        assert_eq!(json, expected);
        let text = serde_json::to_value(&records[2]).unwrap();
        assert!(text.get("priority").is_none() && text.get("purpose").is_none(), "{text}");
    }

    #[test]
    fn addresses_are_named_one_by_one() {
        let addresses = ["192.0.2.1", "2001:db8::1"].map(|ip| ip.parse().unwrap()).to_vec();
        let text = spf_text(&SpfAuthority::Addresses(addresses));
        assert_eq!(text, "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all");
    }

    #[test]
    fn a_report_address_cannot_end_the_field() {
        assert_eq!(uri_encoded("a!b;c,d@example.com"), "a%21b%3Bc%2Cd@example.com");
    }
}
