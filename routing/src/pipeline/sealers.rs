//! What is written on top of mail that goes on, and who vouches for it: a sealer for each zone, made once.

use crate::metrics::{self, Step};
use mailwright_actors::clock;
use mailwright_engine::{
    authentication::{ArcSealer, AuthenticationResults, Judgement, without_results},
    dkim::{DomainSigner, Signer},
    id::QueueId,
    message::split_header,
};
use mailwright_storage::control::{ControlError, ObjectId, RoutingZone};
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};

/// Sealers of the zones as they were when last used.
#[derive(Debug, Default)]
pub(super) struct Sealers(RwLock<HashMap<ObjectId, Ready>>);

/// A sealer with what it was made from.
#[derive(Debug)]
struct Ready {
    zone: Arc<RoutingZone>,
    sealer: Option<Arc<ArcSealer>>,
}

/// A message with what was found about it.
pub(super) struct Finished {
    /// Its content, without results in our name that are not ours.
    pub(super) content: Vec<u8>,
    /// The fields for its top.
    pub(super) fields: String,
}

impl Sealers {
    /// Writes what was found about a message and seals it for `zone`. Two signatures take a good part of a millisecond, so
    /// not on the thread that clients are served on.
    pub(super) async fn finish(
        &self,
        id: QueueId,
        zone: &Arc<RoutingZone>,
        hostname: &Arc<str>,
        judgement: &Arc<Judgement>,
        content: Vec<u8>,
    ) -> Finished {
        let (sealer, name) = (self.sealer(zone), zone.name.clone());
        let (hostname, judgement) = (Arc::clone(hostname), Arc::clone(judgement));
        let finished = move || {
            let results = AuthenticationResults { authserv_id: &hostname, judgement: &judgement };
            let content = cleaned(content, &hostname);
            let (header, body) = split_header(&content);
            let set = sealer.map_or(Ok(None), |sealer| sealer.seal(header, [body], &results, clock::wall()));
            // It arrives all the same; it may be taken for a forgery.
            let set = set.unwrap_or_else(|error| {
                tracing::error!(%id, zone = %name, %error, "a message goes on without a seal");
                None
            });
            let set = set.map(|set| String::from_utf8_lossy(&set).into_owned()).unwrap_or_default();
            Finished { fields: format!("{set}{results}"), content }
        };
        let began = Instant::now();
        let finished = tokio::task::spawn_blocking(finished).await;
        metrics::step(Step::Seal, began.elapsed());
        match finished {
            Ok(finished) => finished,
            // What panics is a fault of ours, and goes on as one.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    fn sealer(&self, zone: &Arc<RoutingZone>) -> Option<Arc<ArcSealer>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // Whoever changes a zone, be it by a new key, puts another in its place.
        if let Some(ready) = known.get(&zone.zone_id).filter(|ready| Arc::ptr_eq(&ready.zone, zone)) {
            return ready.sealer.clone();
        }
        drop(known);
        let sealer = made(zone).unwrap_or_else(|error| {
            tracing::error!(zone = %zone.name, %error, "mail of the zone goes on without seals");
            None
        });
        let sealer = sealer.map(Arc::new);
        let ready = Ready { zone: Arc::clone(zone), sealer: sealer.clone() };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(zone.zone_id.clone(), ready);
        sealer
    }
}

/// The sealer of a zone, if it has a key that signs.
fn made(zone: &RoutingZone) -> Result<Option<ArcSealer>, ControlError> {
    let Some(key) = zone.signing_keys().next() else { return Ok(None) };
    let signer = Signer::new(&zone.name, &key.selector, &key.key()?)?;
    Ok(Some(ArcSealer::new(signer)))
}

/// What signs in a zone's name, if it has a key that does.
pub(super) fn signer(zone: &RoutingZone) -> Result<Option<DomainSigner>, ControlError> {
    let Some(key) = zone.signing_keys().next() else { return Ok(None) };
    Ok(Some(DomainSigner::new(Signer::new(&zone.name, &key.selector, &key.key()?)?, None)))
}

/// The content without results in our name that are not ours.
fn cleaned(content: Vec<u8>, hostname: &str) -> Vec<u8> {
    let (header, _) = split_header(&content);
    match without_results(header, hostname) {
        Cow::Borrowed(_) => content,
        Cow::Owned(clean) => {
            let rest = content.get(header.len()..).unwrap_or_default();
            [clean.as_slice(), rest].concat()
        }
    }
}
