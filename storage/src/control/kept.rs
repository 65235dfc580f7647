//! What delivery likes to find again after a restart: next hops that operators set, and what it has learnt.

use super::{Control, ControlError, database, encode, table};
use mailwright_engine::address::Domain;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const REROUTES: &str = "reroute/";
const LEARNT: &str = "learnt/";

/// A next hop that an operator set for a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReroute {
    /// The destination.
    pub domain: Domain,
    /// Name or address of the next hop.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl Control {
    /// The next hops that were set.
    ///
    /// # Errors
    /// When a record does not read.
    pub fn reroutes(&self) -> Result<Vec<StoredReroute>, ControlError> {
        table(&self.db, REROUTES)
    }

    /// Sets a next hop, in place of an earlier one. Blocks for a sync.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn set_reroute(&self, reroute: &StoredReroute) -> Result<(), ControlError> {
        self.store(REROUTES, reroute.domain.as_str(), reroute)
    }

    /// Takes a next hop away. Blocks for a sync.
    ///
    /// # Errors
    /// When that cannot be stored.
    pub fn remove_reroute(&self, domain: &Domain) -> Result<(), ControlError> {
        let mut batch = sled::Batch::default();
        batch.remove(format!("{REROUTES}{domain}").as_str());
        self.commit(batch)
    }

    /// Keeps `what` under a name, in place of what was kept before. Not synced: what a power cut takes is learnt
    /// again.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn keep(&self, name: &str, what: &impl Serialize) -> Result<(), ControlError> {
        self.db.insert(format!("{LEARNT}{name}"), encode(what)?).map_err(database)?;
        Ok(())
    }

    /// What was kept under a name; `None` if nothing was, or by a version that wrote it otherwise.
    pub fn kept<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let stored = self.db.get(format!("{LEARNT}{name}")).ok()??;
        serde_json::from_slice(&stored).ok()
    }
}
