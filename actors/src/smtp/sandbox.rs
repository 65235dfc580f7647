//! The sandbox: a mail exchanger that keeps everything it gets as files, and misbehaves on request.

use super::{Reaction, Service, session::refuse};
use crate::clock;
use mailwright_engine::{
    address::EmailAddress,
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::{Answer, MailCommand, ReceivedMessage},
    },
};
use std::{
    fs::File,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Where a session hangs up when it was told to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropAt {
    /// At MAIL, before anything was said about the message.
    Mail,
    /// After the final dot: the message was kept, the client never learns it.
    #[default]
    Dot,
}

/// How the sandbox misbehaves. Percentages are of recipients (defer, reject) or messages (drop).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Recipients deferred with 451, in per cent.
    pub defer: u8,
    /// Recipients rejected with 550, in per cent.
    pub reject: u8,
    /// Messages whose connection is dropped, in per cent.
    pub drop: u8,
    /// Where it is dropped.
    pub drop_at: DropAt,
    /// Pause before each message is answered.
    pub stall: Duration,
}

/// The sandbox's decisions. Clones share everything.
#[derive(Debug, Clone)]
pub struct Sandbox {
    faults: Faults,
    /// Where messages are kept; `None` counts them only.
    dir: Option<PathBuf>,
    received: Arc<AtomicU64>,
    dice: Arc<AtomicU64>,
}

impl Sandbox {
    /// A sandbox that keeps mail in `dir` (made if missing), numbering on from what is there.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(dir: Option<PathBuf>, faults: Faults) -> io::Result<Self> {
        let kept = match &dir {
            Some(dir) => {
                std::fs::create_dir_all(dir)?;
                last_number(dir)?
            }
            None => 0,
        };
        let dice = Arc::new(AtomicU64::new(clock::unix_micros() | 1));
        Ok(Self { faults, dir, received: Arc::new(AtomicU64::new(kept)), dice })
    }

    /// Whether something that happens to `percent` of all happens now.
    fn happens(&self, percent: u8) -> bool {
        // xorshift64 (Marsaglia 2003): misfortune needs no cryptography.
        let mut state = self.dice.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.dice.store(state, Ordering::Relaxed);
        state % 100 < u64::from(percent)
    }

    /// Writes the message, all at once as far as a reader can see, and returns the file's name.
    fn keep(&self, message: &ReceivedMessage) -> io::Result<String> {
        let number = self.received.fetch_add(1, Ordering::Relaxed) + 1;
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

impl Service for Sandbox {
    fn admits(&self, _: SocketAddr) -> Result<(), Reply> {
        Ok(())
    }

    async fn mail(&self, _: &MailCommand) -> Reaction {
        if self.faults.drop_at == DropAt::Mail && self.happens(self.faults.drop) {
            return Reaction::HangUp;
        }
        Reaction::Answer(Answer::Accept)
    }

    async fn rcpt(&self, recipient: &EmailAddress) -> Reaction {
        if self.happens(self.faults.defer) {
            let why = format!("{recipient}: try again later (sandbox --defer)");
            return refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 2, 0), why);
        }
        if self.happens(self.faults.reject) {
            let why = format!("{recipient}: no such mailbox (sandbox --reject)");
            return refuse(SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 1, 1), why);
        }
        Reaction::Answer(Answer::Accept)
    }

    async fn data(&self) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    /// Writes on the sandbox's own thread: nothing else runs there.
    async fn message(&self, message: ReceivedMessage, _: SocketAddr) -> Reaction {
        if !self.faults.stall.is_zero() {
            tokio::time::sleep(self.faults.stall).await;
        }
        let name = match self.keep(&message) {
            Ok(name) => name,
            Err(error) => {
                tracing::error!(%error, "sandbox could not keep a message");
                return refuse(SmtpCode::INSUFFICIENT_STORAGE, EnhancedCode::new(4, 3, 1), error.to_string());
            }
        };
        if self.faults.drop_at == DropAt::Dot && self.happens(self.faults.drop) {
            return Reaction::HangUp;
        }
        let reply = Reply::new(SmtpCode::OK, Some(EnhancedCode::new(2, 0, 0)), format!("kept as {name}"));
        Reaction::Answer(Answer::AcceptWith(reply))
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
