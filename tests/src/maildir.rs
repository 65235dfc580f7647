//! Reading the Maildir that a receiver delivers to.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Context, Result};

/// Returns the messages in the Maildir `folder`, each as the receiver stores it: its own headers on top,
/// lines ended by LF. A Maildir that is not there yet is empty.
///
/// # Errors
/// [`crate::Error::Io`] if a message cannot be read.
pub(crate) fn messages(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let Ok(entries) = fs::read_dir(folder.join("new")) else { return Ok(Vec::new()) };
    let read = |entry: io::Result<fs::DirEntry>| fs::read(entry?.path());
    entries.map(|entry| read(entry).context("read the Maildir")).collect()
}
