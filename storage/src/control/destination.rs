//! Destination addresses: those whose owners have said that an account may write to them.

use super::{
    Account, By, Control, ControlError, ObjectId, State,
    audit::Configured,
    not_found,
    secret::{hash_secret, random_secret},
};
use crate::suppressions::AddressKey;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    class::TenantName,
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

pub(super) const TABLE: &str = "destination/";

/// An address of an account, and whether its owner has agreed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationAddress {
    /// Its name to clients.
    pub id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// The address.
    pub email: EmailAddress,
    /// When its owner agreed.
    #[serde(default)]
    pub verified: Option<UnixMillis>,
    /// When it was made.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
    /// The link that its owner was sent, while it is good.
    #[serde(default)]
    pub link: Option<VerificationLink>,
}

/// The link in a verification mail. Of its secret only the hash is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationLink {
    /// SHA-256 of the secret, in hexadecimal digits.
    pub hash: String,
    /// Until when it is good.
    pub until: UnixMillis,
}

/// The secret of a link, for the eyes of the address's owner.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkSecret(String);

impl LinkSecret {
    /// The secret itself: 40 letters and digits.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for LinkSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkSecret(…)")
    }
}

impl DestinationAddress {
    /// Most addresses of an account.
    pub const MAX_PER_ACCOUNT: usize = 1_000;
    /// How long a link is good.
    pub const LINK_LIFETIME: Duration = Duration::from_secs(86_400);

    fn key(&self) -> AddressKey {
        AddressKey::of(&self.email)
    }
}

impl Configured for DestinationAddress {
    const TABLE: &'static str = TABLE;
    const KIND: &'static str = "destination_address";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        serde_json::json!({ "id": self.id, "email": self.email, "verified": self.verified })
    }
}

/// Destination addresses as they are looked up.
#[derive(Debug, Default)]
pub(super) struct Destinations {
    by_account: HashMap<TenantName, BTreeMap<AddressKey, Arc<DestinationAddress>>>,
    /// By the hash of the link.
    links: HashMap<String, Arc<DestinationAddress>>,
}

impl Destinations {
    pub(super) fn insert(&mut self, address: Arc<DestinationAddress>) {
        self.remove(&address);
        if let Some(link) = &address.link {
            self.links.insert(link.hash.clone(), Arc::clone(&address));
        }
        if let Some(account) = address.account_id.tenant() {
            self.by_account.entry(account).or_default().insert(address.key(), address);
        }
    }

    fn remove(&mut self, address: &DestinationAddress) {
        let Some(account) = address.account_id.tenant() else { return };
        let Some(addresses) = self.by_account.get_mut(&account) else { return };
        if let Some(known) = addresses.remove(&address.key())
            && let Some(link) = &known.link
        {
            self.links.remove(&link.hash);
        }
        if addresses.is_empty() {
            self.by_account.remove(&account);
        }
    }

    pub(super) fn remove_all_of(&mut self, account_id: &ObjectId) {
        for address in account_id.tenant().map(|account| self.of(&account)).unwrap_or_default() {
            self.remove(&address);
        }
    }

    fn of(&self, account: &TenantName) -> Vec<Arc<DestinationAddress>> {
        self.by_account.get(account).into_iter().flat_map(BTreeMap::values).cloned().collect()
    }
}

impl State {
    /// Whether the owner of a destination address has agreed that the account may write to it.
    pub(super) fn is_verified_destination(&self, account: &TenantName, address: &EmailAddress) -> bool {
        let addresses = self.destinations.by_account.get(account);
        let known = addresses.and_then(|addresses| addresses.get(&AddressKey::of(address)));
        known.is_some_and(|known| known.verified.is_some())
    }

    /// Whether an account may be sure that mail to `address` is welcome: it is verified, or at a sending domain of the
    /// account's own that is verified, or below one.
    fn is_own(&self, account: &TenantName, address: &EmailAddress) -> bool {
        self.is_verified_destination(account, address)
            || self.sending.is_verified(account.as_str(), address.domain())
    }
}

impl Control {
    /// Makes a destination address, with a link for its owner; for one that is there and not verified, a fresh link in
    /// place of the one before. No link for one that is verified. Blocks for a sync.
    ///
    /// # Errors
    /// When there is no such account, it has as many as it may, or it cannot be stored.
    pub fn create_destination(
        &self,
        account: &Account,
        email: EmailAddress,
        by: &By,
    ) -> Result<(Arc<DestinationAddress>, Option<LinkSecret>), ControlError> {
        let secret = random_secret()?;
        let _changing = self.changing();
        let account = self.account(account.id.as_str()).ok_or_else(|| not_found("account", &account.id))?;
        let known = self.destinations(&account.id);
        let before = known.iter().find(|known| known.key() == AddressKey::of(&email));
        if let Some(verified) = before.filter(|before| before.verified.is_some()) {
            return Ok((Arc::clone(verified), None));
        }
        if before.is_none() && known.len() >= DestinationAddress::MAX_PER_ACCOUNT {
            let what = "destination addresses";
            return Err(ControlError::Full { what, most: DestinationAddress::MAX_PER_ACCOUNT });
        }
        let until = by.at.saturating_add(DestinationAddress::LINK_LIFETIME);
        let link = Some(VerificationLink { hash: hash_secret(&secret), until });
        let after = match before {
            Some(before) => DestinationAddress { link, modified: by.at, ..DestinationAddress::clone(before) },
            None => DestinationAddress {
                id: ObjectId::random()?,
                account_id: account.id,
                email,
                verified: None,
                created: by.at,
                modified: by.at,
                link,
            },
        };
        let kept = self.keep_destination(by, before, after)?;
        Ok((kept, Some(LinkSecret(secret))))
    }

    /// The address whose owner was sent a link with this secret, while that is good.
    pub fn destination_of_link(&self, secret: &str, now: UnixMillis) -> Option<Arc<DestinationAddress>> {
        let hash = hash_secret(secret);
        let found = self.read(|state| state.destinations.links.get(&hash).cloned());
        found.filter(|found| found.link.as_ref().is_some_and(|link| now < link.until))
    }

    /// Takes the word of whoever has a link for its owner's; the link is good no more. `None` if it was not good. Blocks
    /// for a sync.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn verify_destination(
        &self,
        secret: &str,
        by: &By,
    ) -> Result<Option<Arc<DestinationAddress>>, ControlError> {
        let _changing = self.changing();
        let Some(before) = self.destination_of_link(secret, by.at) else { return Ok(None) };
        let after = verified(&before, Some(by.at), by);
        self.keep_destination(by, Some(&before), after).map(Some)
    }

    /// Says that an address is verified, or is not. Blocks for a sync.
    ///
    /// # Errors
    /// When the account has no such address or it cannot be stored.
    pub fn set_destination_verified(
        &self,
        account_id: &ObjectId,
        id: &str,
        is_verified: bool,
        by: &By,
    ) -> Result<Arc<DestinationAddress>, ControlError> {
        let _changing = self.changing();
        let before = self.known_destination(account_id, id)?;
        if before.verified.is_some() == is_verified {
            return Ok(before);
        }
        let after = verified(&before, is_verified.then_some(by.at), by);
        self.keep_destination(by, Some(&before), after)
    }

    /// Removes an address, and disables the rules of routing that forward to it. Blocks for a sync.
    ///
    /// # Errors
    /// When the account has no such address or that cannot be stored.
    pub fn delete_destination(
        &self,
        account_id: &ObjectId,
        id: &str,
        by: &By,
    ) -> Result<Arc<DestinationAddress>, ControlError> {
        let _changing = self.changing();
        let address = self.known_destination(account_id, id)?;
        let mut batch = sled::Batch::default();
        self.put_change(&mut batch, by, Some(&*address), None)?;
        let disabled = self.put_disabling_of_rules(&mut batch, &address, by)?;
        self.commit(batch)?;
        self.write(|state| {
            state.destinations.remove(&address);
            disabled.into_iter().for_each(|rule| state.routing.put_rule(rule));
        });
        Ok(address)
    }

    /// The addresses of an account, in their order.
    pub fn destinations(&self, account_id: &ObjectId) -> Vec<Arc<DestinationAddress>> {
        let account = account_id.tenant();
        account.map(|account| self.read(|state| state.destinations.of(&account))).unwrap_or_default()
    }

    /// An address of an account.
    pub fn destination(&self, account_id: &ObjectId, id: &str) -> Option<Arc<DestinationAddress>> {
        self.destinations(account_id).into_iter().find(|known| known.id.as_str() == id)
    }

    /// Whether an account has this destination address, and its owner has said yes.
    pub fn is_destination(&self, account_id: &ObjectId, address: &EmailAddress) -> bool {
        let account = account_id.tenant();
        account.is_some_and(|account| self.read(|state| state.is_verified_destination(&account, address)))
    }

    /// Those of `recipients` that an account may not write to, because it may write to its own verified addresses and
    /// domains only.
    pub fn not_allowed(&self, account: &TenantName, recipients: &[EmailAddress]) -> Vec<EmailAddress> {
        self.read(|state| {
            let is_held = state.limits.get(account).is_some_and(|limits| limits.verified_recipients_only);
            let strangers = recipients.iter().filter(|address| is_held && !state.is_own(account, address));
            strangers.cloned().collect()
        })
    }

    /// Takes the addresses of an account away with it.
    pub(super) fn put_removal_of_destinations(
        &self,
        batch: &mut sled::Batch,
        account_id: &ObjectId,
        by: &By,
    ) -> Result<(), ControlError> {
        self.destinations(account_id)
            .iter()
            .try_for_each(|address| self.put_change(batch, by, Some(&**address), None))
    }

    fn known_destination(
        &self,
        account_id: &ObjectId,
        id: &str,
    ) -> Result<Arc<DestinationAddress>, ControlError> {
        let missing = || ControlError::NotFound { kind: "destination address", id: id.to_owned() };
        self.destination(account_id, id).ok_or_else(missing)
    }

    fn keep_destination(
        &self,
        by: &By,
        before: Option<&Arc<DestinationAddress>>,
        after: DestinationAddress,
    ) -> Result<Arc<DestinationAddress>, ControlError> {
        self.change(by, before.map(|before| &**before), Some(&after))?;
        let after = Arc::new(after);
        self.write(|state| state.destinations.insert(Arc::clone(&after)));
        Ok(after)
    }
}

fn verified(before: &DestinationAddress, at: Option<UnixMillis>, by: &By) -> DestinationAddress {
    DestinationAddress { verified: at, link: None, modified: by.at, ..before.clone() }
}

impl super::sending::SendingDomains {
    /// Whether `name` is a verified sending domain of the account, or below one.
    fn is_verified(&self, account_id: &str, name: &Domain) -> bool {
        let parents = name.parents().filter_map(|parent| Domain::parse(parent).ok());
        std::iter::once(name.clone()).chain(parents).any(|name| {
            let domain = self.exactly(&name);
            domain.is_some_and(|domain| domain.account_id.as_str() == account_id && domain.verified.is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{AccountLimits, AuditFilter, NewSendingDomain, SendingNames};

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    fn by() -> By {
        By::server(NOW)
    }

    fn later(seconds: u64) -> By {
        By::server(NOW.saturating_add(Duration::from_secs(seconds)))
    }

    fn email(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn world() -> (tempfile::TempDir, Control, Account) {
        let dir = tempfile::tempdir().unwrap();
        let control = Control::open(dir.path()).unwrap();
        let account = control.create_account("test", &by()).unwrap();
        (dir, control, account)
    }

    #[test]
    fn a_link_verifies_once_and_only_while_it_is_good() {
        let (dir, control, account) = world();
        let (made, secret) = control.create_destination(&account, email("Ann@example.net"), &by()).unwrap();
        let secret = secret.unwrap();
        assert_eq!(control.verify_destination("wrong", &by()).unwrap(), None);
        assert_eq!(control.verify_destination(secret.reveal(), &later(86_400)).unwrap(), None);
        drop(control);
        let control = Control::open(dir.path()).unwrap();
        assert_eq!(control.destination_of_link(secret.reveal(), NOW).unwrap().id, made.id);
        let verified = control.verify_destination(secret.reveal(), &later(86_399)).unwrap().unwrap();
        assert_eq!((verified.id.clone(), verified.verified), (made.id.clone(), Some(later(86_399).at)));
        assert_eq!(control.verify_destination(secret.reveal(), &later(86_399)).unwrap(), None);
        let (again, secret) = control.create_destination(&account, email("ann@EXAMPLE.net"), &by()).unwrap();
        assert_eq!((again.id.clone(), secret), (made.id.clone(), None));
    }

    #[test]
    fn a_second_link_takes_the_place_of_the_first() {
        let (_dir, control, account) = world();
        let link = || control.create_destination(&account, email("a@example.net"), &by()).unwrap().1.unwrap();
        let (first, second) = (link(), link());
        assert_eq!(control.destination_of_link(first.reveal(), NOW), None);
        assert!(control.destination_of_link(second.reveal(), NOW).is_some());
        let id = control.destinations(&account.id)[0].id.clone();
        control.delete_destination(&account.id, id.as_str(), &by()).unwrap();
        assert_eq!(control.destination_of_link(second.reveal(), NOW), None);
        let (records, _) = control.audit_log(&AuditFilter::default(), 0, 100).unwrap();
        assert!(!serde_json::to_string(&records).unwrap().contains(second.reveal()));
    }

    #[test]
    fn an_account_that_is_held_to_it_writes_to_its_own_addresses_and_domains_only() {
        let (_dir, control, account) = world();
        let tenant = account.id.tenant().unwrap();
        let zone = control.create_zone(&account.id, Domain::parse("shop.example").unwrap(), &by()).unwrap();
        let new = NewSendingDomain {
            zone_id: zone.id,
            name: zone.name,
            wildcard: false,
            vouched_for: true,
            names: SendingNames::default(),
        };
        control.create_sending_domain(new, &by()).unwrap();
        let (ann, _) = control.create_destination(&account, email("ann@example.net"), &by()).unwrap();
        let everybody =
            ["ANN@example.net", "bob@example.net", "x@shop.example", "x@a.shop.example", "x@notshop.example"];
        let everybody: Vec<_> = everybody.into_iter().map(email).collect();
        assert_eq!(control.not_allowed(&tenant, &everybody), []);
        let only = AccountLimits { verified_recipients_only: true, ..AccountLimits::new(&account.id) };
        control.set_limits(only, &by()).unwrap();
        let refused = |control: &Control| control.not_allowed(&tenant, &everybody);
        assert_eq!(refused(&control), [0, 1, 4].map(|at: usize| everybody[at].clone()));
        control.set_destination_verified(&account.id, ann.id.as_str(), true, &by()).unwrap();
        assert_eq!(refused(&control), [1, 4].map(|at: usize| everybody[at].clone()));
        control.set_destination_verified(&account.id, ann.id.as_str(), false, &by()).unwrap();
        assert_eq!(refused(&control).len(), 3);
    }

    #[test]
    fn an_account_that_is_removed_takes_its_addresses_with_it() {
        let (_dir, control, account) = world();
        let other = control.create_account("other", &by()).unwrap();
        let (made, secret) = control.create_destination(&account, email("a@example.net"), &by()).unwrap();
        assert_eq!(control.destination(&other.id, made.id.as_str()), None);
        assert!(control.delete_destination(&other.id, made.id.as_str(), &by()).is_err());
        control.delete_account(&account.id, &by()).unwrap();
        assert_eq!(control.destinations(&account.id), []);
        assert_eq!(control.destination_of_link(secret.unwrap().reveal(), NOW), None);
        assert!(control.create_destination(&account, email("a@example.net"), &by()).is_err());
    }
}
