//! Where a sandbox keeps what it gets.

use crate::clock;
use mailwright_engine::smtp::server::ReceivedMessage;
use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A folder of messages, one file each, or a mere count of them.
#[derive(Debug)]
pub struct Store {
    /// `None` forgets them.
    dir: Option<PathBuf>,
    kept: AtomicU64,
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
        Ok(Self { dir, kept: AtomicU64::new(kept) })
    }

    /// Writes the message under its envelope, all at once as far as a reader can see, and returns the file's name.
    pub(super) fn keep(&self, message: &ReceivedMessage) -> io::Result<String> {
        let number = self.kept.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("{number:06}-{:x}.eml", clock::unix_micros());
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
        Ok(name)
    }
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
