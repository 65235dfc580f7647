mod automatic;
mod feed;
mod list;
mod store;

use super::*;
use crate::control::ObjectId;
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use std::time::Duration;
use tempfile::TempDir;

const NOW: UnixMillis = UnixMillis::new(1_795_000_000_000);

/// A store in a folder of its own, with one account and one sending domain.
struct World {
    store: Suppressions,
    account: ObjectId,
    domain: Domain,
    dir: TempDir,
}

impl World {
    fn new() -> Self {
        Self::with(SuppressionSettings::default())
    }

    fn with(settings: SuppressionSettings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Suppressions::open(&dir.path().join("s"), settings).unwrap();
        Self { store, account: ObjectId::random().unwrap(), domain: domain("shop.example"), dir }
    }

    fn reopened(self) -> Self {
        let Self { store, account, domain, dir } = self;
        let settings = store.settings().clone();
        drop(store);
        let store = Suppressions::open(&dir.path().join("s"), settings).unwrap();
        Self { store, account, domain, dir }
    }

    fn create(&self, text: &str, scope: Scope, expires: Option<UnixMillis>) -> Stored {
        let new = NewSuppression { email: email(text), scope, expires, note: None };
        self.store.create(&self.account, new, NOW).unwrap()
    }

    fn add(&self, text: &str, cause: AutomaticCause, expires: Option<UnixMillis>) -> Stored {
        let entry = Automatic {
            account: self.account.clone(),
            email: email(text),
            cause,
            scope: Scope::Account,
            expires,
            note: None,
        };
        self.store.add_automatic(vec![entry], NOW).unwrap().remove(0)
    }

    /// The row that stops mail from the sending domain to `text`.
    fn suppressed(&self, text: &str, now: UnixMillis) -> Option<Suppression> {
        let sender = Sender { account: &self.account, domain: &self.domain, return_path: None };
        self.store.suppressed(sender, &[email(text)], now).unwrap().remove(0)
    }
}

fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn after(seconds: u64) -> UnixMillis {
    NOW.saturating_add(Duration::from_secs(seconds))
}
