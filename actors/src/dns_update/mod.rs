//! Publishes records on an authoritative server by dynamic update (RFC 2136), signed with TSIG (RFC 8945).
//!
//! [`DnsUpdater::publish`] reads what the server has, plans the change ([`plan_publishing`]), and sends it as one
//! update that the server does whole or not at all. Each change depends on what was read being still there; if
//! somebody was faster, all is read and planned anew, a few times. Records of others are never taken out unless
//! that was asked for.
//!
//! Everything goes over TCP and is signed, and answers are verified: who sits in between cannot forge what a zone has,
//! nor the news that a change was done. A refusal counts unsigned too, because a server that does not know the key
//! has nothing to sign with.

mod key;
mod wire;

pub use key::{InvalidKey, TsigKey};

use crate::clock;
use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{RecordType, rdata::tsig::TsigError},
};
use mailwright_engine::domain_dns::{
    Current, DnsRecord, OnForeign, PlanError, PublishingPlan, RecordSet, Update, plan_publishing,
    plan_removal,
};
use std::{collections::BTreeSet, io, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Longest wait for one answer, connecting included.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a change is planned anew when somebody else was faster.
const ATTEMPTS: usize = 4;

/// Why a zone was not changed. Nothing was, then, unless it says that nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The server cannot be reached, or broke off before the change went out.
    #[error("the name server {server} cannot be asked: {source}")]
    Unreachable {
        /// Where it is.
        server: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// The connection broke, or the time was over, after the change went out: it may have been done.
    #[error(
        "the name server {server} did not answer the update ({source}); look whether it was done, and try again"
    )]
    NoAnswer {
        /// Where it is.
        server: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// The server answered with an error.
    #[error("the name server {server} refused: {} ({code})", in_words(*code))]
    Refused {
        /// Where it is.
        server: SocketAddr,
        /// The error, whose meaning the text says.
        code: ResponseCode,
    },
    /// The server does not take our signature.
    #[error("the name server {server} does not take the key {key}: {reason}")]
    Key {
        /// Where it is.
        server: SocketAddr,
        /// The name of the key.
        key: String,
        /// Which part of it is wrong, and what to do.
        reason: &'static str,
    },
    /// The answer is not signed as it should be, or no answer to the question.
    #[error("the answer of the name server {server} cannot be trusted: {reason}")]
    Untrusted {
        /// Where it is.
        server: SocketAddr,
        /// Why not.
        reason: String,
    },
    /// No zone of the server holds the name.
    #[error("the name server {server} has no zone that holds {name}; is it the authoritative server?")]
    NoZone {
        /// Where it is.
        server: SocketAddr,
        /// The name.
        name: String,
    },
    /// A name cannot be written in a message.
    #[error("{0:?} is not a DNS name")]
    Name(String),
    /// What others have published is in the way.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Somebody else keeps changing the same records.
    #[error("the records were changed by somebody else {ATTEMPTS} times in a row; try again later")]
    Contended,
}

/// What an error of the server means (RFC 2136 section 2.2).
const fn in_words(code: ResponseCode) -> &'static str {
    match code {
        ResponseCode::FormErr => "it does not understand the update; does it support RFC 2136?",
        ResponseCode::ServFail => {
            "it failed; its log says why, mostly that the zone's file cannot be written"
        }
        ResponseCode::NXDomain => "a name that must exist does not",
        ResponseCode::NotImp => "it does not take updates",
        ResponseCode::Refused => "it does not let this key change these names; its access rules have to",
        ResponseCode::YXDomain => "a name exists that must not",
        ResponseCode::YXRRSet => "records exist that were not there before",
        ResponseCode::NXRRSet => "records are not there any more as they were",
        ResponseCode::NotAuth => "it does not let this key change the zone, or is not its primary server",
        ResponseCode::NotZone => "a name is not in the zone",
        _ => "it gave an error that updates do not have",
    }
}

/// Changes zones on one server.
#[derive(Debug, Clone)]
pub struct DnsUpdater {
    server: SocketAddr,
    key: Option<TsigKey>,
}

impl DnsUpdater {
    /// Asks `server`, signing with `key`; without one only a server that trusts addresses will do as asked.
    pub fn new(server: SocketAddr, key: Option<TsigKey>) -> Self {
        Self { server, key }
    }

    /// Makes sure that `wanted` is published and `former` is not, leaving alone what others have published: see
    /// [`plan_publishing`]. All names have to be in one zone. Gives back what was done.
    ///
    /// # Errors
    /// [`UpdateError`]. Doing it again after any of them does no harm.
    pub async fn publish(
        &self,
        wanted: &[DnsRecord],
        former: &[DnsRecord],
        on_foreign: OnForeign,
    ) -> Result<PublishingPlan, UpdateError> {
        let sets: BTreeSet<_> = wanted.iter().chain(former).map(RecordSet::of).collect();
        self.change(&sets, |current| {
            let plan = plan_publishing(wanted, former, current, on_foreign)?;
            Ok((plan.update.clone(), plan))
        })
        .await
    }

    /// Takes `ours` out, as far as they are there. Gives back what was done.
    ///
    /// # Errors
    /// [`UpdateError`]. Doing it again after any of them does no harm.
    pub async fn remove(&self, ours: &[DnsRecord]) -> Result<Update, UpdateError> {
        let sets: BTreeSet<_> = ours.iter().map(RecordSet::of).collect();
        self.change(&sets, |current| {
            let update = plan_removal(ours, current);
            Ok((update.clone(), update))
        })
        .await
    }

    async fn change<T>(
        &self,
        sets: &BTreeSet<RecordSet>,
        plan: impl Fn(&Current) -> Result<(Update, T), PlanError>,
    ) -> Result<T, UpdateError>
    where
        T: Default,
    {
        let Some(first) = sets.first() else { return Ok(T::default()) };
        let zone = self.zone_of(&first.name).await?;
        for _ in 0..ATTEMPTS {
            let (update, result) = plan(&self.read(sets).await?)?;
            if update.is_empty() {
                return Ok(result);
            }
            match self.apply(&zone, &update).await {
                Ok(()) => return Ok(result),
                Err(UpdateError::Refused { code, .. }) if is_late(code) => {}
                Err(error) => return Err(error),
            }
        }
        Err(UpdateError::Contended)
    }

    /// The zone of the server that holds `name`: the nearest name above it that has an SOA record there.
    ///
    /// # Errors
    /// [`UpdateError::NoZone`] when there is none.
    pub async fn zone_of(&self, name: &str) -> Result<String, UpdateError> {
        let mut rest = name;
        loop {
            let mut question = wire::question(rest, RecordType::SOA)?;
            match self.exchange(&mut question).await {
                Ok(answer) if wire::is_apex(&answer, rest) => return Ok(rest.to_owned()),
                // What a server says of names that are none of its business.
                Ok(_)
                | Err(UpdateError::Refused { code: ResponseCode::Refused | ResponseCode::NotAuth, .. }) => {}
                Err(error) => return Err(error),
            }
            match rest.split_once('.') {
                Some((_, above)) => rest = above,
                None => return Err(UpdateError::NoZone { server: self.server, name: name.to_owned() }),
            }
        }
    }

    /// What the server has of each of `sets`.
    ///
    /// # Errors
    /// [`UpdateError`] when it does not say.
    pub async fn read(&self, sets: &BTreeSet<RecordSet>) -> Result<Current, UpdateError> {
        let mut current = Current::default();
        for set in sets {
            let mut question = wire::question(&set.name, wire::asked(set.kind))?;
            let answer = self.exchange(&mut question).await?;
            match answer.response_code {
                ResponseCode::NoError | ResponseCode::NXDomain => wire::read(set, &answer, &mut current),
                code => return Err(UpdateError::Refused { server: self.server, code }),
            }
        }
        Ok(current)
    }

    /// Does one change of `zone`.
    ///
    /// # Errors
    /// [`UpdateError`], of which [`UpdateError::NoAnswer`] leaves open whether it was done.
    pub async fn apply(&self, zone: &str, update: &Update) -> Result<(), UpdateError> {
        let mut message = wire::update(zone, update)?;
        let answer = self.exchange(&mut message).await.map_err(|error| match error {
            UpdateError::Unreachable { server, source } if !is_connecting(&source) => {
                UpdateError::NoAnswer { server, source }
            }
            error => error,
        })?;
        match answer.response_code {
            ResponseCode::NoError => Ok(()),
            code => Err(UpdateError::Refused { server: self.server, code }),
        }
    }

    /// Sends a message, signed, and gives back the answer, verified.
    async fn exchange(&self, message: &mut Message) -> Result<Message, UpdateError> {
        let untrusted = |reason: String| UpdateError::Untrusted { server: self.server, reason };
        let mut verifier = None;
        if let Some(key) = &self.key {
            let signed = message.finalize(key.signer(), clock::wall().as_secs());
            verifier =
                signed.map_err(|error| untrusted(format!("the question cannot be signed: {error}")))?;
        }
        let octets = message.to_vec().map_err(|error| untrusted(error.to_string()))?;
        let exchanged = timeout(PATIENCE, self.over_tcp(&octets)).await;
        let exchanged = exchanged.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let octets = exchanged.map_err(|source| UpdateError::Unreachable { server: self.server, source })?;
        let answer = Message::from_vec(&octets).map_err(|error| untrusted(error.to_string()))?;
        if answer.id != message.id {
            return Err(untrusted("it answers another question".to_owned()));
        }
        let Some(verifier) = &mut verifier else { return Ok(answer) };
        self.check_key(&answer)?;
        match verifier.verify(&octets) {
            Ok(_) => Ok(answer),
            Err(_) if answer.response_code != ResponseCode::NoError => {
                Err(UpdateError::Refused { server: self.server, code: answer.response_code })
            }
            Err(error) => Err(untrusted(error.to_string())),
        }
    }

    /// What the server says of our signature (RFC 8945 section 5.2).
    fn check_key(&self, answer: &Message) -> Result<(), UpdateError> {
        let reason = match answer.signature().and_then(|record| record.data.error) {
            Some(TsigError::BadKey) => {
                "it knows no such key (by name and algorithm), or does not let it change the zone"
            }
            Some(TsigError::BadSig) => "its secret is another one",
            Some(TsigError::BadTime) => "the clocks differ by more than five minutes",
            Some(TsigError::BadTrunc | TsigError::Unknown(_)) | None => return Ok(()),
        };
        let key = self.key.as_ref().map(|key| key.name().to_owned()).unwrap_or_default();
        Err(UpdateError::Key { server: self.server, key, reason })
    }

    async fn over_tcp(&self, octets: &[u8]) -> io::Result<Vec<u8>> {
        let length = u16::try_from(octets.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the message is longer than 64 KiB"))?;
        let mut stream = TcpStream::connect(self.server).await?;
        stream.write_all(&[&length.to_be_bytes(), octets].concat()).await?;
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }
}

/// Whether the server says that the records are not as they were read.
const fn is_late(code: ResponseCode) -> bool {
    matches!(
        code,
        ResponseCode::NXRRSet | ResponseCode::YXRRSet | ResponseCode::NXDomain | ResponseCode::YXDomain
    )
}

/// Whether nothing had gone out yet.
fn is_connecting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
    )
}
