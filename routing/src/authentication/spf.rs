//! Whether the client may send for a domain.

use super::{
    Authenticator, DEADLINE, Unjudged,
    kept::Weigh,
    texts::{Found, View, is_temporary},
};
use mail_auth::{MX, RecordSet, SpfOutput, SpfResult as Output, spf::verify::SpfParameters};
use mailwright_actors::dns::FAILURE_TTL;
use mailwright_engine::{
    address::{Domain, ReversePath},
    authentication::{MethodResult, SpfResult},
};
use std::{
    net::{Ipv4Addr, Ipv6Addr},
    time::Instant,
};

/// A domain whose SPF could not be told: whatever of it did not answer, it is not asked again for a moment.
#[derive(Clone)]
pub(super) struct Unanswered;

impl Weigh for Unanswered {
    fn octets(&self) -> usize {
        64
    }
}

macro_rules! weigh_sets {
    ($($of:ty => $each:literal),+) => {
        $(impl Weigh for RecordSet<$of> {
            fn octets(&self) -> usize {
                64 + self.rrset.len() * $each
            }
        })+
    };
}

// An exchange holds one name or a few, a name has at most 255 octets.
weigh_sets!(Ipv4Addr => 4, Ipv6Addr => 16, Box<str> => 272, MX => 304);

impl Authenticator {
    /// SPF of the name in EHLO, and of the envelope sender with what mail-auth found.
    pub(super) async fn spf(&self, mail: &Unjudged<'_>) -> (SpfResult, SpfResult, SpfOutput) {
        let helo = SpfParameters::verify_ehlo(mail.peer, mail.helo, mail.host);
        let sender = async {
            match mail.sender {
                ReversePath::Null => None,
                ReversePath::Address(address) => {
                    let identity = address.as_str();
                    let asked = SpfParameters::verify_mail_from(mail.peer, mail.helo, mail.host, identity);
                    let domain = address.domain().as_str();
                    Some((self.spf_of(domain, asked).await, domain, identity))
                }
            }
        };
        let (helo, sender) = futures_util::join!(self.spf_of(mail.helo, helo), sender);
        let of_helo = |identity: &str| result(&helo, mail.helo, identity);
        match sender {
            Some((output, domain, identity)) => {
                (of_helo(mail.helo), result(&output, domain, identity), output)
            }
            None => (of_helo(mail.helo), of_helo(""), helo.clone()),
        }
    }

    async fn spf_of(&self, domain: &str, asked: SpfParameters<'_>) -> SpfOutput {
        let unanswered = || SpfOutput::new(domain.to_owned()).with_result(Output::TempError);
        // An address, or no name of the DNS: there is nothing to look up (RFC 7208 section 4.3).
        let Ok(name) = Domain::parse(domain) else { return SpfOutput::new(domain.to_owned()) };
        if name.literal().is_some() {
            return SpfOutput::new(domain.to_owned());
        }
        let inner = &*self.inner;
        if inner.unanswered.known(name.as_str()).is_some() {
            return unanswered();
        }
        let check = async {
            let fqdn = format!("{name}.");
            let record = inner.spf.get(&fqdn).await;
            if matches!(&record, Found::Error(error) if is_temporary(error)) {
                return unanswered();
            }
            let view = View::new([(fqdn.into_boxed_str(), record.txt())], Some(&inner.included));
            let asked = mail_auth::Parameters::new(asked)
                .with_txt_cache(&view)
                .with_mx_cache(&inner.mx)
                .with_ptr_cache(&inner.names)
                .with_ipv4_cache(&inner.ipv4)
                .with_ipv6_cache(&inner.ipv6);
            inner.mail_auth.check_host(asked).await
        };
        let output = tokio::time::timeout(DEADLINE, check).await.unwrap_or_else(|_| unanswered());
        if output.result() == Output::TempError {
            inner.unanswered.keep(name.as_str().into(), Unanswered, Instant::now() + FAILURE_TTL);
        }
        output
    }
}

fn result(output: &SpfOutput, domain: &str, identity: &str) -> SpfResult {
    let result = match output.result() {
        Output::Pass => MethodResult::Pass,
        Output::Fail => MethodResult::Fail,
        Output::SoftFail => MethodResult::SoftFail,
        Output::Neutral => MethodResult::Neutral,
        Output::TempError => MethodResult::TempError,
        Output::PermError => MethodResult::PermError,
        Output::None => MethodResult::None,
    };
    SpfResult { result, domain: domain.to_ascii_lowercase(), identity: identity.to_owned() }
}
