//! Mail from the world that was taken and could not be looked at: each message a file, safe from a power cut before its
//! sender is told that it was taken, until it has gone where it belongs.

use crate::{PrivateFolder, StorageError};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    authentication::Judgement,
    envelope::SmtpUtf8,
    id::QueueId,
    message::ReceivedWith,
    spam::Score,
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::{self, BufRead, BufReader, Read},
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Most messages that are held; the next is not taken.
const MOST: usize = 100_000;

/// A message as it came, and what was found about its sender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldMail {
    /// Its name.
    pub id: QueueId,
    /// When it was taken.
    pub taken: UnixMillis,
    /// Address of the client.
    pub peer: IpAddr,
    /// The name it gave in EHLO.
    pub helo: String,
    /// How it spoke.
    pub with: ReceivedWith,
    /// The cipher suite it spoke under, if any.
    pub cipher: Option<String>,
    /// The envelope sender.
    pub sender: ReversePath,
    /// The addresses of ours that it is held for, all of one zone.
    pub recipients: Vec<EmailAddress>,
    /// Whether SMTPUTF8 was given.
    pub smtputf8: SmtpUtf8,
    /// Its spam score, if it was scored.
    pub spam: Option<Score>,
    /// What was found about its sender when it came.
    pub judgement: Judgement,
    /// Header and body, CRLF lines.
    #[serde(skip)]
    pub content: Vec<u8>,
}

/// When what is held is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldTimes {
    /// The time before the second try, and the shortest between two.
    pub first: Duration,
    /// The longest between two.
    pub longest: Duration,
    /// After which time it is given up.
    pub give_up: Duration,
}

/// Why a message is not held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// As many are as may be.
    #[error("{MOST} messages are held already")]
    Full,
    /// The disk refuses.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// The messages that are held. Clones share everything.
#[derive(Debug, Clone)]
pub struct HeldStore {
    folder: PrivateFolder,
    times: HoldTimes,
    index: Arc<Mutex<Index>>,
}

#[derive(Debug, Default)]
struct Index {
    /// When each was taken, and when it is to be tried next.
    held: HashMap<QueueId, (UnixMillis, UnixMillis)>,
    /// The same by when they are to be tried.
    due: BTreeSet<(UnixMillis, QueueId)>,
}

impl HeldStore {
    /// Opens the folder. What is in it is due at once.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn open(path: &Path, times: HoldTimes) -> Result<Self, StorageError> {
        let store = Self { folder: PrivateFolder::open(path)?, times, index: Arc::default() };
        for name in store.folder.names()? {
            let Ok(id) = name.parse::<QueueId>() else { continue };
            match store.head(id) {
                Ok(Some((mail, _))) => store.index().insert(id, mail.taken, UnixMillis::new(0)),
                Ok(None) => {}
                // It stays where it is, for a person to look at.
                Err(error) => tracing::error!(%id, %error, "a message that is held cannot be read"),
            }
        }
        Ok(store)
    }

    /// Holds a message: on return it is safe from a power cut. It is due again after the first of the times.
    ///
    /// # Errors
    /// [`HoldError`]; it is not held then.
    pub fn hold(&self, mail: &HeldMail) -> Result<(), HoldError> {
        if self.len() >= MOST {
            return Err(HoldError::Full);
        }
        self.folder.write(&mail.id.to_string(), &written(mail))?;
        self.index().insert(mail.id, mail.taken, mail.taken.saturating_add(self.times.first));
        Ok(())
    }

    /// Whether a message was held for as long as any is.
    pub fn is_given_up(&self, mail: &HeldMail, now: UnixMillis) -> bool {
        now.since(mail.taken) >= self.times.give_up
    }

    /// Holds a message for these of its recipients only; when it is due stays as it was.
    ///
    /// # Errors
    /// When the file system refuses; it is held for all of them then.
    pub fn keep_for(&self, mail: &HeldMail) -> Result<(), StorageError> {
        self.folder.write(&mail.id.to_string(), &written(mail))
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.index().held.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the next is due.
    pub fn next_due(&self) -> Option<UnixMillis> {
        self.index().due.first().map(|(due, _)| *due)
    }

    /// One that is due by `now`, which is due again later: the older it is, the later.
    pub fn due(&self, now: UnixMillis) -> Option<QueueId> {
        let mut index = self.index();
        let (_, id) = index.due.first().copied().filter(|(due, _)| *due <= now)?;
        let (taken, _) = index.held.get(&id).copied()?;
        let HoldTimes { first, longest, .. } = self.times;
        let pause = (now.since(taken) / 2).max(first).min(longest);
        index.insert(id, taken, now.saturating_add(pause));
        Some(id)
    }

    /// Makes all of them due: what they wait for may be there.
    pub fn make_all_due(&self) {
        let mut index = self.index();
        let all: Vec<_> = index.held.iter().map(|(id, (taken, _))| (*id, *taken)).collect();
        all.into_iter().for_each(|(id, taken)| index.insert(id, taken, UnixMillis::new(0)));
    }

    /// A message; `None` if it is not held any more.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, id: QueueId) -> Result<Option<HeldMail>, StorageError> {
        let Some((mut mail, mut rest)) = self.head(id)? else { return Ok(None) };
        rest.read_to_end(&mut mail.content).map_err(|error| self.unreadable(id, error))?;
        Ok(Some(mail))
    }

    /// A message without its content, and where that is to be read.
    fn head(&self, id: QueueId) -> Result<Option<(HeldMail, BufReader<File>)>, StorageError> {
        let mut file = match File::open(self.folder.path_of(&id.to_string())) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unreadable(id, error)),
        };
        let mut line = Vec::new();
        file.read_until(b'\n', &mut line).map_err(|error| self.unreadable(id, error))?;
        let mail = serde_json::from_slice(&line).map_err(|error| self.unreadable(id, error.into()))?;
        Ok(Some((mail, file)))
    }

    fn unreadable(&self, id: QueueId, error: io::Error) -> StorageError {
        StorageError::io("read", self.folder.path_of(&id.to_string()), error)
    }

    /// Takes a message out: it has gone where it belongs.
    ///
    /// # Errors
    /// When the file system refuses; it is still held then.
    pub fn remove(&self, id: QueueId) -> Result<(), StorageError> {
        self.folder.remove(&id.to_string())?;
        self.index().remove(id);
        Ok(())
    }

    fn index(&self) -> std::sync::MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn insert(&mut self, id: QueueId, taken: UnixMillis, due: UnixMillis) {
        self.remove(id);
        self.held.insert(id, (taken, due));
        self.due.insert((due, id));
    }

    fn remove(&mut self, id: QueueId) {
        if let Some((_, due)) = self.held.remove(&id) {
            self.due.remove(&(due, id));
        }
    }
}

/// A line of JSON, and the message.
fn written(mail: &HeldMail) -> Vec<u8> {
    // What is made of strings and numbers can always be written.
    let head = serde_json::to_vec(mail).unwrap_or_default();
    [head.as_slice(), b"\n", &mail.content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::authentication::{
        ArcResult, Author, DmarcResult, IprevResult, MethodResult, SpfResult,
    };

    const TIMES: HoldTimes = HoldTimes {
        first: Duration::from_secs(30),
        longest: Duration::from_secs(3_600),
        give_up: Duration::from_secs(86_400),
    };

    fn mail(id: u64, taken: u64) -> HeldMail {
        HeldMail {
            id: format!("{id:014x}").parse().unwrap(),
            taken: UnixMillis::new(taken),
            peer: "192.0.2.1".parse().unwrap(),
            helo: "mx.far.example".into(),
            with: ReceivedWith::Esmtps,
            cipher: Some("TLS_AES_256_GCM_SHA384".into()),
            sender: ReversePath::Address(EmailAddress::parse("ann@far.example").unwrap()),
            recipients: vec![EmailAddress::parse("us@our.example").unwrap()],
            smtputf8: SmtpUtf8::NotNeeded,
            spam: Score::new(-1.5),
            judgement: Judgement {
                iprev: IprevResult { result: MethodResult::None, address: [192, 0, 2, 1].into(), name: None },
                helo_spf: SpfResult::default(),
                spf: SpfResult::default(),
                dkim: Vec::new(),
                dmarc: DmarcResult::default(),
                arc: ArcResult::default(),
                author: Author::Missing,
            },
            content: b"Subject: x\r\n\r\n\xff\n".to_vec(),
        }
    }

    #[test]
    fn what_is_held_survives_a_restart_and_is_due_at_once_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held");
        let store = HeldStore::open(&path, TIMES).unwrap();
        let (first, second) = (mail(1, 1_000_000), mail(2, 1_000_001));
        store.hold(&first).unwrap();
        store.hold(&second).unwrap();
        assert_eq!(store.due(UnixMillis::new(1_029_999)), None, "not before half a minute");
        let store = HeldStore::open(&path, TIMES).unwrap();
        assert_eq!((store.len(), store.due(UnixMillis::new(1_000_002))), (2, Some(first.id)));
        assert_eq!(store.read(first.id).unwrap(), Some(first.clone()));
        store.remove(first.id).unwrap();
        assert_eq!((store.len(), store.due(UnixMillis::new(1_000_002))), (1, Some(second.id)));
        assert_eq!(HeldStore::open(&path, TIMES).unwrap().len(), 1);
    }

    #[test]
    fn the_older_it_is_the_later_it_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = HeldStore::open(&folder.path().join("held"), TIMES).unwrap();
        store.hold(&mail(1, 0)).unwrap();
        let (mut now, mut waits) = (30_000, Vec::new());
        for _ in 0..16 {
            assert!(store.due(UnixMillis::new(now)).is_some());
            let next = store.next_due().unwrap().as_millis();
            waits.push(next - now);
            now = next;
        }
        assert_eq!((waits[0], waits[1], waits[15]), (30_000, 30_000, 3_600_000), "{waits:?}");
        assert!(waits.is_sorted());
    }

    #[test]
    fn a_file_that_is_no_message_is_left_alone_and_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("held");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("00000000000001"), b"nonsense").unwrap();
        assert!(HeldStore::open(&path, TIMES).unwrap().is_empty());
        assert!(path.join("00000000000001").exists());
    }
}
