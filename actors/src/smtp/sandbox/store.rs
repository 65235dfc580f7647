//! Where a sandbox keeps what it gets, and where people look at it.

use crate::clock;
use mailwright_engine::{smtp::server::ReceivedMessage, time::UnixMillis};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::sync::broadcast;

/// What a file's name ends in.
const KIND: &str = ".eml";
/// The fields on top of each file, which say how the message came.
const FROM: &[u8] = b"X-Sandbox-Mail-From:";
const TO: &[u8] = b"X-Sandbox-Rcpt-To:";
/// Names of new messages that a listener may be behind.
const BEHIND: usize = 256;

/// A folder of messages, one file each, or a mere count of them.
#[derive(Debug)]
pub struct Store {
    /// `None` forgets them.
    dir: Option<PathBuf>,
    kept: AtomicU64,
    arrivals: broadcast::Sender<KeptId>,
}

impl Default for Store {
    /// A store that keeps nothing.
    fn default() -> Self {
        Self { dir: None, kept: AtomicU64::new(0), arrivals: broadcast::Sender::new(BEHIND) }
    }
}

/// What a message is called that a store keeps: its number and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptId {
    number: u64,
    unix_micros: u64,
}

impl KeptId {
    /// Reads what [`to_text`](Self::to_text) has written; nothing else, since it becomes the name of a file.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, micros) = text.split_once('-')?;
        let id = Self { number: number.parse().ok()?, unix_micros: u64::from_str_radix(micros, 16).ok()? };
        (id.to_text() == text).then_some(id)
    }

    /// As text.
    pub fn to_text(&self) -> String {
        format!("{:06}-{:x}", self.number, self.unix_micros)
    }

    /// When the message came.
    pub fn received_at(&self) -> UnixMillis {
        UnixMillis::new(self.unix_micros / 1_000)
    }
}

/// A message that a store keeps, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptMessage {
    /// Its envelope sender; empty for the null sender.
    pub mail_from: String,
    /// Its envelope recipients.
    pub recipients: Vec<String>,
    /// The message itself, as it was received.
    pub content: Vec<u8>,
    /// Its size in octets.
    pub size: u64,
}

impl Store {
    /// A store in `dir` (made if missing), numbering on from what is there; without a folder nothing is kept.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(dir: Option<PathBuf>) -> io::Result<Self> {
        let kept = match &dir {
            Some(dir) => {
                std::fs::create_dir_all(dir)?;
                last_number(dir)?
            }
            None => 0,
        };
        Ok(Self { dir, kept: AtomicU64::new(kept), ..Self::default() })
    }

    /// The folder, if there is one.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// Writes the message under its envelope, all at once as far as a reader can see, and returns the file's name.
    pub(super) fn keep(&self, message: &ReceivedMessage) -> io::Result<String> {
        let number = self.kept.fetch_add(1, Ordering::Relaxed) + 1;
        let id = KeptId { number, unix_micros: clock::unix_micros() };
        let name = file_name(&id);
        let Some(dir) = &self.dir else { return Ok(name) };
        let temporary = dir.join(format!(".{name}"));
        let mut file = File::create(&temporary)?;
        let mut head = format!("X-Sandbox-Mail-From: {}\r\n", message.reverse_path);
        for recipient in &message.recipients {
            head.push_str(&format!("X-Sandbox-Rcpt-To: <{recipient}>\r\n"));
        }
        file.write_all(head.as_bytes())?;
        file.write_all(&message.content)?;
        drop(file);
        std::fs::rename(temporary, dir.join(&name))?;
        // Nobody may be listening.
        let _ = self.arrivals.send(id);
        Ok(name)
    }

    /// Hears of each message that is kept from now on.
    pub fn listen(&self) -> broadcast::Receiver<KeptId> {
        self.arrivals.subscribe()
    }

    /// What is kept, the newest first. Blocks for the disk, as all that follows.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn ids(&self) -> io::Result<Vec<KeptId>> {
        let Some(dir) = &self.dir else { return Ok(Vec::new()) };
        let mut ids = Vec::new();
        for item in std::fs::read_dir(dir)? {
            let name = item?.file_name();
            ids.extend(name.to_str().and_then(|name| KeptId::parse(name.strip_suffix(KIND)?)));
        }
        ids.sort_unstable_by_key(|id| std::cmp::Reverse((id.number, id.unix_micros)));
        Ok(ids)
    }

    /// A message, of which at most `most` octets are read; `None` if there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, id: &KeptId, most: u64) -> io::Result<Option<KeptMessage>> {
        let Some(dir) = &self.dir else { return Ok(None) };
        let file = match File::open(dir.join(file_name(id))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut octets = Vec::new();
        let length = file.metadata()?.len();
        file.take(most).read_to_end(&mut octets)?;
        Ok(Some(message(&octets, length)))
    }

    /// Removes a message; `false` if there is none.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&self, id: &KeptId) -> io::Result<bool> {
        let Some(dir) = &self.dir else { return Ok(false) };
        match std::fs::remove_file(dir.join(file_name(id))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => removed.map(|()| true),
        }
    }
}

fn file_name(id: &KeptId) -> String {
    format!("{}{KIND}", id.to_text())
}

/// Takes the envelope off the beginning of a file of `length` octets.
fn message(octets: &[u8], length: u64) -> KeptMessage {
    let mut rest = octets;
    let (mut mail_from, mut recipients) = (String::new(), Vec::new());
    while let Some(end) = rest.iter().position(|octet| *octet == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        if let Some(from) = line.strip_prefix(FROM) {
            mail_from = bare(from);
        } else if let Some(to) = line.strip_prefix(TO) {
            recipients.push(bare(to));
        } else {
            break;
        }
        rest = after;
    }
    let envelope = octets.len() - rest.len();
    let size = length.saturating_sub(envelope as u64);
    let content = octets.get(envelope..).unwrap_or_default().to_vec();
    KeptMessage { mail_from, recipients, content, size }
}

/// An address without its angle brackets.
fn bare(path: &[u8]) -> String {
    String::from_utf8_lossy(path).trim().trim_matches(['<', '>']).to_owned()
}

/// The highest number of a kept message.
fn last_number(dir: &Path) -> io::Result<u64> {
    let mut last = 0;
    for item in std::fs::read_dir(dir)? {
        let name = item?.file_name();
        let number = name.to_str().and_then(|name| name.split_once('-')?.0.parse().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(store: &Store, name: &str, text: &str) {
        std::fs::write(store.dir().unwrap().join(name), text).unwrap();
    }

    #[test]
    fn what_is_kept_is_found_read_and_removed_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(Some(dir.path().join("sandbox"))).unwrap();
        file(
            &store,
            "000001-a.eml",
            "X-Sandbox-Mail-From: <>\r\nX-Sandbox-Rcpt-To: <a@b.example>\r\nSubject: s\r\n\r\nt\r\n",
        );
        file(&store, "000002-ff.eml", "X-Sandbox-Mail-From: <c@d.example>\r\n\r\n");
        for other in [".000003-b.eml", "3-b.eml", "000003-B.eml", "000003-b.txt", "notes"] {
            file(&store, other, "");
        }
        let ids = store.ids().unwrap();
        assert_eq!(ids.iter().map(KeptId::to_text).collect::<Vec<_>>(), ["000002-ff", "000001-a"]);
        let first = store.read(&ids[1], u64::MAX).unwrap().unwrap();
        assert_eq!(
            (first.mail_from.as_str(), first.recipients.as_slice()),
            ("", &["a@b.example".to_owned()][..])
        );
        assert_eq!((first.content.as_slice(), first.size), (&b"Subject: s\r\n\r\nt\r\n"[..], 17));
        let part = store.read(&ids[1], 70).unwrap().unwrap();
        assert!(part.content.len() < 17 && part.size == 17, "{part:?}");
        assert!(store.remove(&ids[1]).unwrap() && !store.remove(&ids[1]).unwrap());
        assert_eq!(store.read(&ids[1], 9).unwrap(), None);
        assert_eq!(KeptId::parse("../../etc/passwd"), None);
        assert_eq!(KeptId::parse("000001-a/../x"), None);
    }
}
