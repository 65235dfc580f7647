//! What the domain in From says about a message (RFC 9989).

use super::{
    Authenticator, DEADLINE,
    texts::{Found, View},
};
use futures_util::future::join_all;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DmarcOutput, DmarcResult as Output, Parameters, SpfOutput,
    dmarc::{Dmarc, Policy, verify::DmarcParameters},
};
use mailwright_engine::{
    address::Domain,
    authentication::{Author, DmarcResult, MethodResult, applied},
    domain_dns::DmarcPolicy,
    message::{Field, fields},
};
use std::sync::Arc;

/// Most labels of a name that is walked up label by label; of longer ones the last seven (RFC 9989 section 4.10).
const MAX_LABELS: usize = 8;

impl Authenticator {
    /// Finds the policy for the author's domain, and whether what passed is of that domain.
    pub(super) async fn dmarc(
        &self,
        author: &Domain,
        message: &AuthenticatedMessage<'_>,
        dkim: &[DkimOutput<'_>],
        spf: (&str, &SpfOutput),
    ) -> DmarcResult {
        let judge = async {
            let look_up = async |name: String| {
                let found = self.inner.policies.get(&name).await;
                (name.into_boxed_str(), found)
            };
            let records = join_all(walk(author).into_iter().map(look_up)).await;
            let view = View::new(records.iter().map(|(name, found)| (name.clone(), found.txt())), None);
            let asked = DmarcParameters::new(message, dkim, spf.0, spf.1);
            let asked = Parameters::new(asked).with_txt_cache(&view).with_ipv4_cache(&self.inner.ipv4);
            result(author, &self.inner.mail_auth.verify_dmarc(asked).await, &records)
        };
        let late = || DmarcResult {
            result: MethodResult::TempError,
            domain: Some(author.clone()),
            ..DmarcResult::default()
        };
        tokio::time::timeout(DEADLINE, judge).await.unwrap_or_else(|_| late())
    }
}

/// The names at which policies for a domain may stand.
fn walk(domain: &Domain) -> Vec<String> {
    let labels = domain.as_str().split('.').count();
    let above = domain.parents().filter(|name| labels < MAX_LABELS || name.split('.').count() < MAX_LABELS);
    let names = std::iter::once(domain.as_str()).chain(above);
    names.map(|name| format!("_dmarc.{name}.")).collect()
}

fn result(author: &Domain, output: &DmarcOutput, records: &[(Box<str>, Found<Dmarc>)]) -> DmarcResult {
    let word = |output: &Output| match output {
        Output::Pass => MethodResult::Pass,
        Output::Fail(_) => MethodResult::Fail,
        Output::TempError(_) => MethodResult::TempError,
        Output::PermError(_) => MethodResult::PermError,
        Output::None => MethodResult::None,
    };
    let policy = |policy| match policy {
        Policy::Reject => DmarcPolicy::Reject,
        Policy::Quarantine => DmarcPolicy::Quarantine,
        Policy::None | Policy::Unspecified => DmarcPolicy::None,
    };
    let mut found = DmarcResult {
        result: word(&output.result()),
        domain: Some(author.clone()),
        dkim_aligned: *output.dkim_result() == Output::Pass,
        spf_aligned: *output.spf_result() == Output::Pass,
        ..DmarcResult::default()
    };
    let Some(record) = output.dmarc_record_cloned() else { return found };
    let published = records.iter().find_map(|(name, at)| match at {
        Found::Record(known, text) if Arc::ptr_eq(known, &record) => Some((name, text)),
        _ => None,
    });
    found.published = policy(record.p);
    found.applied = policy(output.policy());
    if let Some((name, text)) = published {
        let name = name.strip_prefix("_dmarc.").unwrap_or(name).trim_end_matches('.');
        found.policy_domain = Some(name.to_owned());
        found.applied = applied(found.applied, text);
        found.record = Some(text.to_string());
    }
    found
}

/// Who wrote the message, as it says. Fields are counted in the whole header section: mail-auth stops at a line that is no
/// field, where other readers go on.
pub(super) fn author(header: &[u8], message: &AuthenticatedMessage<'_>) -> Author {
    let is_from = |field: &Field<'_>| field.name().trim_ascii_end().eq_ignore_ascii_case(b"From");
    match fields(header).filter(is_from).count() {
        0 => return Author::Missing,
        1 => {}
        _ => return Author::Several,
    }
    let domains = message.from.iter().map(|from| {
        let (_, domain) = from.rsplit_once('@')?;
        Domain::parse(domain).ok()
    });
    let mut found: Option<Domain> = None;
    for domain in domains {
        match (&found, domain) {
            (_, None) => return Author::Missing,
            (None, Some(domain)) => found = Some(domain),
            (Some(known), Some(domain)) if *known != domain => return Author::Several,
            _ => {}
        }
    }
    found.map_or(Author::Missing, Author::Domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_stand_at_the_domain_and_above() {
        let of = |name: &str| walk(&Domain::parse(name).unwrap());
        assert_eq!(of("a.example.com"), ["_dmarc.a.example.com.", "_dmarc.example.com.", "_dmarc.com."]);
        let long = of("a.b.c.d.e.f.g.h.i.example.com");
        assert_eq!(long.len(), 8);
        assert_eq!(long[1], "_dmarc.e.f.g.h.i.example.com.");
    }

    #[test]
    fn an_author_is_plain_or_it_is_none() {
        let example = || Author::Domain(Domain::parse("example.com").unwrap());
        for (header, expected) in [
            ("From: a@Example.COM", example()),
            ("From : \"b@example.org\" <a@example.com>", example()),
            ("from: a@example.com, b@example.com", example()),
            ("From: a@example.com\r\nFrom: a@example.com", Author::Several),
            ("From: a@example.com, b@example.org", Author::Several),
            ("From: a@example.com\r\nno field\r\nFrom: b@example.org", Author::Several),
            ("no field\r\nFrom: a@example.com", Author::Missing),
            ("From: a", Author::Missing),
            ("From: nobody:;", Author::Missing),
            ("From:", Author::Missing),
            ("To: a@example.com", Author::Missing),
            ("From: a@example.com, b@", Author::Missing),
            (
                "Sender: x@y\r\nFrom: <a@xn--mnchen-3ya.example>",
                Author::Domain(Domain::parse("münchen.example").unwrap()),
            ),
        ] {
            let text = format!("{header}\r\n");
            let message = AuthenticatedMessage::parse(text.as_bytes()).unwrap_or_default();
            assert_eq!(author(text.as_bytes(), &message), expected, "{header}");
        }
    }
}
