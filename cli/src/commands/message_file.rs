//! Messages that are named on the command line.

use super::CommandError;
use mailwright_engine::message::to_crlf;
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// The message in a file, or at standard input for `-`, with CRLF line ends.
pub(super) fn read_message(file: &Path) -> Result<Vec<u8>, CommandError> {
    let named = |error: io::Error| CommandError::Invalid(format!("{}: {error}", file.display()));
    let mut content = Vec::new();
    if file.as_os_str() == "-" {
        io::stdin().read_to_end(&mut content).map_err(named)?;
    } else {
        content = fs::read(file).map_err(named)?;
    }
    // As mail programs of this system save it. What has CR is taken as it came.
    Ok(if content.contains(&b'\r') { content } else { to_crlf(&content).into_owned() })
}
