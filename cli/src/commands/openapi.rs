//! `mailwright openapi`

use super::{CommandError, say};

/// Prints the description of the API.
pub(crate) fn run() -> Result<(), CommandError> {
    say(&serde_json::to_string_pretty(mailwright_api::openapi::document())?)?;
    Ok(())
}
