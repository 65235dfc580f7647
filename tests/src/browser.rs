//! Journeys through the dashboard in a real browser: the scripts of `tests/js/dashboard/`, which drive Debian's Chromium.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::error::Result;
use crate::http::Api;
use crate::javascript;

/// Debian's.
const CHROMIUM: &str = "/usr/bin/chromium";

/// Held while a browser runs: several at a time would be late for reasons of their own.
static BROWSER: Mutex<()> = Mutex::new(());

/// Returns whether the browser is there, and what drives it.
#[must_use]
pub(crate) fn is_installed() -> bool {
    let packages = javascript::folder().join("node_modules");
    Path::new(CHROMIUM).exists()
        && ["playwright-core", "axe-core"].iter().all(|name| packages.join(name).exists())
        && javascript::has_node()
}

/// Runs `tests/js/dashboard/<name>.mjs` against a server, as the account of `api`, and returns what it says.
///
/// # Errors
/// [`crate::Error::Unexpected`] with what the browser saw last if the journey fails.
pub fn journey(name: &str, api: &Api) -> Result<Value> {
    let _alone = BROWSER.lock().unwrap_or_else(PoisonError::into_inner);
    let account = &api.account;
    javascript::run(
        &format!("dashboard/{name}.mjs"),
        [api.server_url(), &account.token, &account.account_id, &account.zone_id],
    )
}
