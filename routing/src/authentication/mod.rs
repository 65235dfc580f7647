//! Judging mail from the world: SPF, DKIM, DMARC, ARC and iprev, through mail-auth.
//!
//! Questions go to a resolver of our own, which asks each once however many wait, and keeps what is not there for as
//! long as the zone says. What is there is kept here, read already; what cannot be had is kept for a moment, so that
//! servers that do not answer cost a sender's mail a few seconds, and nobody else's.

mod arc;
mod body;
mod dkim;
mod dmarc;
mod kept;
mod spf;
mod texts;

use crate::metrics;
use body::Hashed;
use dkim::Signatures;
use kept::Kept;
use mail_auth::{
    AuthenticatedMessage, IprevResult as IprevOutput, MX, MessageAuthenticator, Parameters, RecordSet, Txt,
    common::verify::DomainKey, dmarc::Dmarc, spf::Spf,
};
use mailwright_actors::dns::resolver_with;
use mailwright_engine::{
    address::ReversePath,
    authentication::{Author, DmarcResult, IprevResult, Judgement, MethodResult},
    message::split_header,
};
use spf::Unanswered;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use texts::{Found, Texts};

/// How long name servers are waited for, for all that one method looks up. SPF, keys and iprev are looked up at a time,
/// then DMARC: a message is judged in twice as long.
pub const DEADLINE: Duration = Duration::from_secs(6);
/// How long one question waits for one answer; it is asked twice.
const PATIENCE: Duration = Duration::from_millis(2500);
/// Answers that the resolver keeps, those that there is nothing among them.
const RESOLVER_ANSWERS: u64 = 4096;

/// Judges mail. Clones share what they know of the DNS.
#[derive(Clone)]
pub struct Authenticator {
    inner: Arc<Inner>,
}

struct Inner {
    mail_auth: MessageAuthenticator,
    spf: Texts<Spf>,
    keys: Texts<DomainKey>,
    policies: Texts<Dmarc>,
    /// Records that SPF records name.
    included: Kept<Box<str>, Txt>,
    mx: Kept<Box<str>, RecordSet<MX>>,
    ipv4: Kept<Box<str>, RecordSet<Ipv4Addr>>,
    ipv6: Kept<Box<str>, RecordSet<Ipv6Addr>>,
    names: Kept<IpAddr, RecordSet<Box<str>>>,
    unanswered: Kept<Box<str>, Unanswered>,
}

/// A message as it came.
#[derive(Debug, Clone, Copy)]
pub struct Unjudged<'a> {
    /// The client's address.
    pub peer: IpAddr,
    /// The name it gave in EHLO.
    pub helo: &'a str,
    /// The envelope sender.
    pub sender: &'a ReversePath,
    /// The message, with CRLF line ends.
    pub content: &'a [u8],
    /// The name of this host, for macros of SPF.
    pub host: &'a str,
}

impl Authenticator {
    /// Asks `servers`, or those of the system's configuration when there are none.
    ///
    /// # Errors
    /// When the system's configuration cannot be read; in words.
    pub fn new(servers: &[SocketAddr]) -> Result<Self, String> {
        let resolver = resolver_with(servers, |options| {
            (options.timeout, options.attempts, options.cache_size) = (PATIENCE, 2, RESOLVER_ANSWERS);
        })?;
        Ok(Self {
            inner: Arc::new(Inner {
                spf: Texts::new(resolver.clone()),
                keys: Texts::new(resolver.clone()),
                policies: Texts::new(resolver.clone()),
                mail_auth: MessageAuthenticator(resolver),
                included: Kept::new(),
                mx: Kept::new(),
                ipv4: Kept::new(),
                ipv6: Kept::new(),
                names: Kept::new(),
                unanswered: Kept::new(),
            }),
        })
    }

    /// Finds out what there is to know of a message. What cannot be looked up in time is a temporary error; the whole
    /// takes at most twice [`DEADLINE`]. May be dropped at any time.
    pub async fn judge(&self, mail: &Unjudged<'_>) -> Judgement {
        let mail = Unjudged { peer: mail.peer.to_canonical(), ..*mail };
        let (header, body) = split_header(mail.content);
        let (message, signatures) = parsed(header, body).await;
        let message = &message;
        let names = [dkim::key_names(message), arc::key_names(message)].concat();
        let (iprev, (helo_spf, spf, output), keys) =
            futures_util::join!(self.iprev(mail.peer), Box::pin(self.spf(&mail)), self.keys_in_time(names));
        let view = dkim::view(&keys);
        let (dkim, outputs) = Box::pin(self.dkim(message, signatures, &keys, &view)).await;
        let arc = Box::pin(self.arc(message, &view)).await;
        let author = dmarc::author(header, message);
        let dmarc = match &author {
            Author::Domain(domain) => {
                Box::pin(self.dmarc(domain, message, &outputs, (&spf.domain, &output))).await
            }
            Author::Missing | Author::Several => DmarcResult::default(),
        };
        let judgement = Judgement { iprev, helo_spf, spf, dkim, dmarc, arc, author };
        metrics::judged(&judgement);
        judgement
    }

    async fn iprev(&self, peer: IpAddr) -> IprevResult {
        let inner = &*self.inner;
        let asked = Parameters::new(peer)
            .with_ptr_cache(&inner.names)
            .with_ipv4_cache(&inner.ipv4)
            .with_ipv6_cache(&inner.ipv6);
        let found = tokio::time::timeout(DEADLINE, inner.mail_auth.verify_iprev(asked)).await;
        let Ok(found) = found else {
            return IprevResult { result: MethodResult::TempError, address: peer, name: None };
        };
        let result = match found.result() {
            IprevOutput::Pass => MethodResult::Pass,
            // There is no name, or none of that address.
            IprevOutput::Fail(_) | IprevOutput::PermError(_) => MethodResult::Fail,
            IprevOutput::TempError(_) => MethodResult::TempError,
            IprevOutput::None => MethodResult::None,
        };
        let name = found.ptr.as_ref().and_then(|names| names.first()).filter(|_| result.is_pass());
        IprevResult { result, address: peer, name: name.map(|name| name.trim_end_matches('.').to_owned()) }
    }

    /// The keys at these names; those that do not come in time cannot be had for now.
    async fn keys_in_time(&self, names: Vec<String>) -> Vec<(Box<str>, Found<DomainKey>)> {
        let late = || names.iter().map(|name| (name.as_str().into(), Found::late())).collect();
        tokio::time::timeout(DEADLINE, self.keys(names.clone())).await.unwrap_or_else(|_| late())
    }
}

/// Reads a message for mail-auth: its header, with the hashes of its body that are needed, and without signatures that
/// are not to be checked.
async fn parsed<'m>(header: &'m [u8], body: &[u8]) -> (AuthenticatedMessage<'m>, Signatures) {
    // Without a field there is none to mail-auth.
    let mut message = AuthenticatedMessage::parse(header).unwrap_or_default();
    let hashed = Hashed::make(&message, body).await;
    let signatures = Signatures::screen(&mut message, &hashed);
    arc::screen(&mut message);
    message.body_hashes = hashed.for_mail_auth();
    (message, signatures)
}
