//! Signers of the sending domains, made once.

use mailwright_engine::{
    address::Domain,
    dkim::{DomainSigner, Signer},
};
use mailwright_storage::control::{ControlError, SendingDomain};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// Signers by domain.
#[derive(Default)]
pub(crate) struct Signers(RwLock<HashMap<Domain, Arc<DomainSigner>>>);

impl Signers {
    /// The signer of `domain`, with every key it has (one or two).
    pub(crate) fn of(&self, domain: &SendingDomain) -> Result<Option<Arc<DomainSigner>>, ControlError> {
        let signers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(signer) = signers.get(&domain.name) {
            return Ok(Some(Arc::clone(signer)));
        }
        drop(signers);
        let Some(signer) = make(domain)? else { return Ok(None) };
        let signer = Arc::new(signer);
        let mut signers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        signers.insert(domain.name.clone(), Arc::clone(&signer));
        Ok(Some(signer))
    }
}

fn make(domain: &SendingDomain) -> Result<Option<DomainSigner>, ControlError> {
    let mut signers = Vec::with_capacity(2);
    for key in &domain.keys {
        signers.push(Signer::new(&domain.name, &key.selector, &key.key()?)?);
    }
    let mut signers = signers.into_iter();
    Ok(signers.next().map(|first| DomainSigner::new(first, signers.next())))
}
