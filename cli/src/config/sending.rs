//! `[sending]`

use super::{Config, ConfigError, invalid};
use mailwright_api::SendingSettings;
use mailwright_engine::address::Domain;
use mailwright_storage::control::SendingNames;
use serde::Deserialize;

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sending {
    pub(crate) return_path_label: String,
    pub(crate) dkim_selector: String,
    pub(crate) verify: bool,
}

impl Default for Sending {
    fn default() -> Self {
        let SendingNames { return_path_label, selector_prefix } = SendingNames::default();
        Self { return_path_label, dkim_selector: selector_prefix, verify: true }
    }
}

impl Config {
    /// How sending domains are set up.
    pub(crate) fn sending(&self) -> Result<SendingSettings, ConfigError> {
        let Sending { return_path_label, dkim_selector, verify } = &self.sending;
        for (key, label) in
            [("sending.return_path_label", return_path_label), ("sending.dkim_selector", dkim_selector)]
        {
            let is_label = !label.contains('.') && Domain::parse(&format!("{label}.example")).is_ok();
            if !is_label {
                return Err(invalid(key, label, &"write one label of letters, digits and hyphens"));
            }
        }
        Ok(SendingSettings {
            names: SendingNames {
                return_path_label: return_path_label.to_ascii_lowercase(),
                selector_prefix: dkim_selector.to_ascii_lowercase(),
            },
            verify: *verify,
        })
    }
}
