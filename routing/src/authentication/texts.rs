//! Text records that mean one thing: SPF records, keys and DMARC policies.
//!
//! mail-auth would take the first of several that reads. A domain with two SPF records has none that counts (RFC 7208
//! section 4.5), and so with DMARC (RFC 9989 section 4.10); so the records at names that are known beforehand are
//! looked up here and given to it as its cache. Here, too, failures are kept for a moment, so that a crowd asks once.

use super::kept::{Kept, Weigh};
use hickory_resolver::{
    TokioResolver,
    net::NetError,
    proto::{
        op::ResponseCode,
        rr::{Name, RData},
    },
};
use mail_auth::{
    DnsError, Error, ResolverCache, Txt,
    common::{parse::TxtRecordParser, verify::DomainKey},
    dmarc::Dmarc,
    spf::Spf,
};
use mailwright_actors::dns::{FAILURE_TTL, is_negative, negative_ttl};
use mailwright_engine::domain_dns::spf::{SpfRecord, is_spf};
use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::Arc,
    time::{Duration, Instant},
};

/// A kind of record.
pub(super) trait Kind: TxtRecordParser + Send + Sync + 'static {
    /// Whether a text claims to be one.
    fn is_one(text: &[u8]) -> bool;

    /// Reads one.
    fn read(text: &[u8]) -> Result<Self, Error> {
        Self::parse(text)
    }

    /// What several of them at one name mean.
    fn several() -> Several;

    /// As mail-auth caches it.
    fn txt(record: Arc<Self>) -> Txt;
}

/// What several records at one name mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Several {
    /// That something is wrong.
    Wrong,
    /// The same as none.
    None,
    /// The first that reads.
    First,
}

impl Kind for Spf {
    fn is_one(text: &[u8]) -> bool {
        is_spf(&String::from_utf8_lossy(text))
    }

    // mail-auth passes over terms that it does not know, where the standard has the whole record be an error (RFC 7208
    // section 4.6).
    fn read(text: &[u8]) -> Result<Self, Error> {
        let is_right = SpfRecord::parse(&String::from_utf8_lossy(text)).errors.is_empty();
        if is_right { Self::parse(text) } else { Err(Error::ParseError) }
    }

    fn several() -> Several {
        Several::Wrong
    }

    fn txt(record: Arc<Self>) -> Txt {
        Txt::Spf(record)
    }
}

impl Kind for DomainKey {
    fn is_one(_: &[u8]) -> bool {
        true
    }

    fn several() -> Several {
        Several::First
    }

    fn txt(record: Arc<Self>) -> Txt {
        Txt::DomainKey(record)
    }
}

impl Kind for Dmarc {
    fn is_one(text: &[u8]) -> bool {
        let version = text.split(|b| *b == b';').next().unwrap_or_default();
        let mut sides = version.splitn(2, |b| *b == b'=').map(<[u8]>::trim_ascii);
        sides.next().is_some_and(|tag| tag.eq_ignore_ascii_case(b"v")) && sides.next() == Some(b"DMARC1")
    }

    fn several() -> Several {
        Several::None
    }

    fn txt(record: Arc<Self>) -> Txt {
        Txt::Dmarc(record)
    }
}

/// What was found at a name.
pub(super) enum Found<T> {
    /// The record, and its text.
    Record(Arc<T>, Arc<str>),
    /// None that counts, or one that does not read; the error says which.
    Error(Error),
}

impl<T> Clone for Found<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Record(record, text) => Self::Record(Arc::clone(record), Arc::clone(text)),
            Self::Error(error) => Self::Error(error.clone()),
        }
    }
}

impl<T> Weigh for Found<T> {
    fn octets(&self) -> usize {
        match self {
            // Read, a record takes several times the room of its text.
            Self::Record(_, text) => 256 + 6 * text.len(),
            Self::Error(_) => 128,
        }
    }
}

impl<T: Kind> Found<T> {
    /// Reads what stands at a name.
    fn of(texts: &[Vec<u8>]) -> Self {
        let candidates: Vec<_> = texts.iter().filter(|text| T::is_one(text)).collect();
        match (candidates.len(), T::several()) {
            (0, _) | (2.., Several::None) => return Self::Error(none(ResponseCode::NoError)),
            (2.., Several::Wrong) => return Self::Error(Error::ParseError),
            _ => {}
        }
        let mut error = Error::ParseError;
        for text in candidates {
            match T::read(text) {
                Ok(record) => {
                    return Self::Record(Arc::new(record), String::from_utf8_lossy(text).into());
                }
                Err(wrong) => error = wrong,
            }
        }
        Self::Error(error)
    }

    /// That it did not come in time.
    pub(super) fn late() -> Self {
        Self::Error(Error::Dns(DnsError::Resolver("no answer in time".to_owned())))
    }

    /// As mail-auth caches it.
    pub(super) fn txt(&self) -> Txt {
        match self {
            Self::Record(record, _) => T::txt(Arc::clone(record)),
            Self::Error(error) => Txt::Error(error.clone()),
        }
    }
}

fn none(code: ResponseCode) -> Error {
    Error::Dns(DnsError::RecordNotFound(code))
}

/// Whether an error passes.
pub(super) fn is_temporary(error: &Error) -> bool {
    matches!(error, Error::Dns(DnsError::Resolver(_)))
}

/// The records of one kind, by fully qualified name.
pub(super) struct Texts<T> {
    resolver: TokioResolver,
    known: Kept<Box<str>, Found<T>>,
}

impl<T: Kind> Texts<T> {
    pub(super) fn new(resolver: TokioResolver) -> Self {
        Self { resolver, known: Kept::new() }
    }

    /// What stands at `name`, which ends with a dot and has no upper case.
    pub(super) async fn get(&self, name: &str) -> Found<T> {
        if let Some(known) = self.known.known(name) {
            return known;
        }
        // A name that cannot be asked for has no record.
        let Ok(asked) = Name::from_str_relaxed(name) else {
            return Found::Error(none(ResponseCode::NXDomain));
        };
        let (found, until) = match self.resolver.txt_lookup(asked).await {
            Ok(lookup) => {
                let texts = lookup.answers().iter().filter_map(|record| match &record.data {
                    // The strings of one record belong together without a space (RFC 7208 section 3.3).
                    RData::TXT(txt) => Some(txt.txt_data.concat()),
                    _ => None,
                });
                (Found::of(&texts.collect::<Vec<_>>()), lookup.valid_until())
            }
            Err(error) => (Found::Error(failure(&error)), Instant::now() + held(&error)),
        };
        self.known.keep(name.into(), found.clone(), until);
        found
    }
}

fn failure(error: &NetError) -> Error {
    if is_negative(error) {
        return Error::from(error.clone());
    }
    Error::Dns(DnsError::Resolver(error.to_string()))
}

fn held(error: &NetError) -> Duration {
    if is_negative(error) { negative_ttl(error) } else { FAILURE_TTL }
}

/// Answers for one message, in the place of mail-auth's cache: what was looked up for it, and what others know.
pub(super) struct View<'a> {
    looked_up: HashMap<Box<str>, Txt>,
    others: Option<&'a Kept<Box<str>, Txt>>,
}

impl<'a> View<'a> {
    pub(super) fn new(
        looked_up: impl IntoIterator<Item = (Box<str>, Txt)>,
        others: Option<&'a Kept<Box<str>, Txt>>,
    ) -> Self {
        Self { looked_up: looked_up.into_iter().collect(), others }
    }
}

impl ResolverCache<Box<str>, Txt> for View<'_> {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.looked_up.get(name).cloned().or_else(|| self.others?.known(name))
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, name: Box<str>, txt: Txt, until: Instant) {
        if let Some(others) = self.others {
            others.keep(name, txt, until);
        }
    }
}

impl Weigh for Txt {
    fn octets(&self) -> usize {
        match self {
            // Nothing tells the size of what was read, but to write it out; that is done once a look-up.
            Self::Spf(record) => 256 + format!("{record:?}").len(),
            _ => 256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<T: Kind>(texts: &[&str]) -> Result<String, Error> {
        match Found::<T>::of(&texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>()) {
            Found::Record(_, text) => Ok(text.to_string()),
            Found::Error(error) => Err(error),
        }
    }

    #[test]
    fn records_count_where_there_is_one() {
        let absent = || Err(none(ResponseCode::NoError));
        assert_eq!(found::<Spf>(&["x", "v=spf1 -all", "v=spf10 +all"]), Ok("v=spf1 -all".to_owned()));
        assert_eq!(found::<Spf>(&["v=spf1 -all", "V=SPF1"]), Err(Error::ParseError));
        assert_eq!(found::<Spf>(&["v=spf2.0/pra"]), absent());
        assert_eq!(found::<Spf>(&["v=spf1 ip4:192.0.2.1 nonsense -all"]), Err(Error::ParseError));
        assert_eq!(found::<Dmarc>(&["v = DMARC1 ; p=none"]), Ok("v = DMARC1 ; p=none".to_owned()));
        assert_eq!(found::<Dmarc>(&["v=DMARC1; p=none", "v=DMARC1; p=reject"]), absent());
        assert_eq!(found::<Dmarc>(&["v=DMARC2; p=reject", "p=reject; v=DMARC1"]), absent());
        assert!(found::<DomainKey>(&["garbage", "v=DKIM1; p="]).is_err());
    }
}
