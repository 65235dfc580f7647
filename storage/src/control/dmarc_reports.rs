//! What a zone's owner wants of reports about its mail (DMARC).

use super::{By, Control, ControlError, ObjectId, State, Zone, audit::Configured, database};
use crate::error::StorageError;
use mailwright_engine::time::UnixMillis;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The keys of the records.
pub(super) const TABLE: &str = "dmarc_reports/";

/// Whether a zone's owner wants reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmarcReports {
    /// The zone.
    pub zone_id: ObjectId,
    /// Whose it is.
    pub account_id: ObjectId,
    /// What the addresses for reports begin with: 32 hexadecimal digits.
    pub rua_prefix: ObjectId,
    /// Whether reports are wanted.
    pub enabled: bool,
    /// Whether the steps that lead there are not to be shown any more.
    pub skip_wizard: bool,
    /// When it was first said.
    pub created: UnixMillis,
    /// When it was last changed.
    pub modified: UnixMillis,
}

impl Configured for DmarcReports {
    const TABLE: &'static str = TABLE;
    const KIND: &'static str = "dmarc_reports";

    fn id(&self) -> String {
        self.zone_id.to_string()
    }

    fn account_id(&self) -> Option<&ObjectId> {
        Some(&self.account_id)
    }

    fn shown(&self) -> Value {
        json!({ "zone_id": self.zone_id, "enabled": self.enabled, "skip_wizard": self.skip_wizard })
    }
}

impl State {
    pub(super) fn put_reports(&mut self, reports: &DmarcReports) {
        if reports.enabled {
            self.reported_zones.insert(reports.rua_prefix.clone(), reports.zone_id.clone());
        } else {
            self.remove_reports(reports);
        }
    }

    pub(super) fn remove_reports(&mut self, reports: &DmarcReports) {
        self.reported_zones.remove(&reports.rua_prefix);
    }
}

impl Control {
    /// The zone whose owner wants reports at addresses that begin with `prefix`.
    pub fn zone_of_reports(&self, prefix: &ObjectId) -> Option<Zone> {
        self.read(|state| state.zones.get(state.reported_zones.get(prefix)?).cloned())
    }

    /// What the owner of a zone said about reports; `None` if nothing yet. Reads from disk.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn dmarc_reports(&self, zone: &ObjectId) -> Result<Option<DmarcReports>, ControlError> {
        let found = self.db.get(format!("{}{zone}", DmarcReports::TABLE)).map_err(database)?;
        let read = |value: sled::IVec| serde_json::from_slice(&value);
        Ok(found.map(read).transpose().map_err(|e| StorageError::format("control record", e))?)
    }

    /// Changes what is not `None`. Blocks for a sync.
    ///
    /// # Errors
    /// When the zone is gone, or it cannot be stored.
    pub fn set_dmarc_reports(
        &self,
        zone: &Zone,
        enabled: Option<bool>,
        skip_wizard: Option<bool>,
        by: &By,
    ) -> Result<DmarcReports, ControlError> {
        let _changing = self.changing();
        if self.zone(zone.id.as_str()).is_none() {
            return Err(super::not_found("zone", &zone.id));
        }
        let before = self.dmarc_reports(&zone.id)?;
        let old = match before.clone() {
            Some(old) => old,
            None => DmarcReports {
                zone_id: zone.id.clone(),
                account_id: zone.account_id.clone(),
                rua_prefix: ObjectId::random()?,
                enabled: false,
                skip_wizard: false,
                created: by.at,
                modified: by.at,
            },
        };
        let after = DmarcReports {
            enabled: enabled.unwrap_or(old.enabled),
            skip_wizard: skip_wizard.unwrap_or(old.skip_wizard),
            modified: by.at,
            ..old
        };
        self.change(by, before.as_ref(), Some(&after))?;
        self.write(|state| state.put_reports(&after));
        Ok(after)
    }
}
