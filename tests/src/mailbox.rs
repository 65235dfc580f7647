//! The folder of received messages that the sandbox keeps.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::wait;

/// The prefix of the lines that the sandbox puts above what it received.
const ENVELOPE_PREFIX: &[u8] = b"X-Sandbox-";

/// One received message.
#[derive(Clone, Debug)]
pub struct Received {
    /// The file it is in.
    pub path: PathBuf,
    /// The reverse path, without angle brackets.
    pub mail_from: String,
    /// The recipients, without angle brackets, in the order of their RCPT commands.
    pub recipients: Vec<String>,
    /// The message exactly as received.
    pub message: Vec<u8>,
}

impl Received {
    fn read(path: PathBuf) -> Result<Self> {
        let content = fs::read(&path).context(format!("read {}", path.display()))?;
        let mut received =
            Self { path, mail_from: String::new(), recipients: Vec::new(), message: Vec::new() };
        let mut rest = content.as_slice();
        while rest.starts_with(ENVELOPE_PREFIX) {
            let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            received.take_envelope_line(&String::from_utf8_lossy(line));
            rest = after;
        }
        received.message = rest.to_vec();
        Ok(received)
    }

    fn take_envelope_line(&mut self, line: &str) {
        let bare = |text: &str| text.trim().trim_matches(['<', '>']).to_owned();
        if let Some(value) = line.strip_prefix("X-Sandbox-Mail-From:") {
            self.mail_from = bare(value);
        } else if let Some(value) = line.strip_prefix("X-Sandbox-Rcpt-To:") {
            self.recipients.extend(value.split(',').map(bare));
        }
    }
}

/// A folder of received messages.
#[derive(Clone, Debug)]
pub struct Mailbox(PathBuf);

impl Mailbox {
    /// Looks into `folder`, which need not exist yet.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self(folder.into())
    }

    /// Returns what has been received so far, oldest first.
    ///
    /// # Errors
    /// [`Error::Io`] if a message cannot be read.
    pub fn list(&self) -> Result<Vec<Received>> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Ok(Vec::new()) };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        // A name that begins with a dot is still being written.
        let is_whole = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".eml") && !name.starts_with('.')
        };
        let mut paths: Vec<PathBuf> = paths.filter(is_whole).collect();
        paths.sort_by_cached_key(|path| (receive_order(path), path.clone()));
        paths.into_iter().map(Received::read).collect()
    }

    /// Waits for the message to `recipient` and returns it.
    ///
    /// # Errors
    /// [`Error::Timeout`] if none has come in twenty seconds.
    pub fn wait_for(&self, recipient: &str) -> Result<Received> {
        wait::until(&format!("mail to {recipient}"), Duration::from_secs(20), || {
            Ok(self.list()?.into_iter().find(|mail| mail.recipients.iter().any(|to| to == recipient)))
        })
    }

    /// Returns every recipient of every message, one entry a delivery, in order.
    ///
    /// # Errors
    /// [`Error::Io`] if a message cannot be read.
    pub fn deliveries(&self) -> Result<Vec<String>> {
        Ok(self.list()?.into_iter().flat_map(|mail| mail.recipients).collect())
    }

    /// Waits until as many different recipients have been delivered to.
    ///
    /// # Errors
    /// [`Error::Timeout`] after `limit`.
    pub fn wait_for_recipients(&self, count: usize, limit: Duration) -> Result<()> {
        wait::until(&format!("mail to {count} recipients"), limit, || {
            let distinct: HashSet<String> = self.deliveries()?.into_iter().collect();
            Ok((distinct.len() >= count).then_some(()))
        })
    }
}

/// Reads the number at the start of a file's name; names that have none come last.
fn receive_order(path: &Path) -> u64 {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(u64::MAX)
}

/// Asserts that `text` has only CRLF line ends, no NUL, and no line longer than the 998 bytes of RFC 5322
/// section 2.1.1.
///
/// # Panics
/// If it has.
pub fn assert_wire_form(message: &[u8]) {
    assert!(!message.contains(&0), "NUL in the message");
    assert!(message.ends_with(b"\r\n"), "the message ends in the middle of a line");
    for line in message.split_inclusive(|byte| *byte == b'\n') {
        let shown = String::from_utf8_lossy(line);
        let Some(text) = line.strip_suffix(b"\r\n") else { panic!("line without CRLF: {shown:?}") };
        assert!(!text.contains(&b'\r'), "bare CR in {shown:?}");
        assert!(text.len() <= 998, "line of {} bytes", text.len());
    }
}

/// Returns an error for a list of received messages that should have had exactly one.
///
/// # Errors
/// [`Error::Unexpected`] if there is not exactly one.
pub fn only(mut received: Vec<Received>) -> Result<Received> {
    match (received.len(), received.pop()) {
        (1, Some(mail)) => Ok(mail),
        (count, _) => Err(Error::unexpected("one received message", format!("there are {count}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_the_envelope_from_the_message() -> Result<()> {
        let folder = tempfile::tempdir().context("make a folder")?;
        let write =
            |name: &str, text: &str| fs::write(folder.path().join(name), text).context(name.to_owned());
        write(
            "10-b.eml",
            "X-Sandbox-Mail-From: <>\nX-Sandbox-Rcpt-To: <a@x>, b@x\nA: 1\n\nX-Sandbox-No: 1\n",
        )?;
        write("9-a.eml", "X-Sandbox-Mail-From: s@y\r\nX-Sandbox-Rcpt-To: c@x\r\nB: 2\r\n\r\n")?;
        write("11-c.tmp", "half")?;
        let mails = Mailbox::new(folder.path()).list()?;
        let seen: Vec<_> =
            mails.iter().map(|mail| (mail.mail_from.as_str(), mail.recipients.join(" "))).collect();
        assert_eq!(seen, [("s@y", "c@x".to_owned()), ("", "a@x b@x".to_owned())]);
        assert_eq!(mails[1].message, b"A: 1\n\nX-Sandbox-No: 1\n");
        Ok(())
    }

    #[test]
    #[should_panic(expected = "bare CR")]
    fn notices_a_bare_cr() {
        assert_wire_form(b"a\rb\r\n");
    }

    #[test]
    #[should_panic(expected = "line of 999 bytes")]
    fn notices_a_line_that_is_too_long() {
        assert_wire_form(format!("{}\r\n", "x".repeat(999)).as_bytes());
    }
}
