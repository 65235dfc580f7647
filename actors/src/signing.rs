//! Signing for the sending domains, with signers made once.

use mailwright_engine::{
    address::Domain,
    dkim::{DkimError, DomainSigner, Signer},
    time::UnixMillis,
};
use mailwright_storage::control::{ControlError, ObjectId, SendingDomain};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// A message could not be signed; it is not sent unsigned instead.
#[derive(Debug, Clone, thiserror::Error)]
#[error("mail of {domain} could not be signed: {reason}")]
pub struct SigningError {
    domain: Domain,
    reason: Arc<str>,
}

/// Signers of the sending domains as they were when last used.
#[derive(Debug, Default)]
pub struct Signers(RwLock<HashMap<ObjectId, Ready>>);

/// A signer with what it was made from.
#[derive(Debug)]
struct Ready {
    domain: Arc<SendingDomain>,
    signer: Arc<DomainSigner>,
}

impl Signers {
    /// The `DKIM-Signature` fields for a message of `domain`, one for each of its keys; CRLF-ended.
    ///
    /// # Errors
    /// When a stored key does not read or the message has no From field.
    pub fn sign(
        &self,
        domain: &Arc<SendingDomain>,
        header: &[u8],
        body: &[u8],
        now: UnixMillis,
    ) -> Result<Vec<u8>, SigningError> {
        let failed = |reason: String| SigningError { domain: domain.name.clone(), reason: reason.into() };
        let Some(signer) = self.signer(domain).map_err(|error| failed(error.to_string()))? else {
            return Err(failed("it has no signing key".to_owned()));
        };
        signer.sign(header, [body], now).map_err(|error: DkimError| failed(error.to_string()))
    }

    fn signer(&self, domain: &Arc<SendingDomain>) -> Result<Option<Arc<DomainSigner>>, ControlError> {
        let signers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // Whoever changes a domain, be it by new keys, puts another in its place.
        if let Some(ready) = signers.get(&domain.tag).filter(|ready| Arc::ptr_eq(&ready.domain, domain)) {
            return Ok(Some(Arc::clone(&ready.signer)));
        }
        drop(signers);
        let Some(signer) = make(domain)?.map(Arc::new) else { return Ok(None) };
        let mut signers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let ready = Ready { domain: Arc::clone(domain), signer: Arc::clone(&signer) };
        signers.insert(domain.tag.clone(), ready);
        Ok(Some(signer))
    }
}

/// A signer with every key of the domain that signs (one or two).
fn make(domain: &SendingDomain) -> Result<Option<DomainSigner>, ControlError> {
    let mut signers = Vec::with_capacity(2);
    for key in domain.signing_keys() {
        signers.push(Signer::new(&domain.name, &key.selector, &key.key()?)?);
    }
    let mut signers = signers.into_iter();
    Ok(signers.next().map(|first| DomainSigner::new(first, signers.next())))
}
