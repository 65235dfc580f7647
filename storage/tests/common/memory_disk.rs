//! A disk in memory that remembers everything asked of it, so that its power can be cut at any moment afterwards.

use mailwright_storage::disk::{Disk, DiskFile};
use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

/// What a disk writes whole or not at all, in octets.
const SECTOR: usize = 512;

/// One thing asked of the disk, or (`T`) told to the world meanwhile.
#[derive(Debug, Clone)]
pub(crate) enum Event<T> {
    Create {
        path: PathBuf,
        inode: usize,
    },
    Remove {
        path: PathBuf,
    },
    SyncDir,
    Write {
        inode: usize,
        offset: usize,
        octets: Vec<u8>,
    },
    Resize {
        inode: usize,
        size: usize,
    },
    Sync {
        inode: usize,
    },
    /// A sync that failed: the system forgets what it could not write.
    FailedSync {
        inode: usize,
    },
    Told(T),
}

impl<T> Event<T> {
    /// Whether a sync of this file is about it.
    fn is_within(&self, file: usize) -> bool {
        matches!(self, Self::Write { inode, .. } | Self::Resize { inode, .. } if *inode == file)
    }
}

/// What of the things not synced outlives a power cut. A disk does them in any order,
/// and a write in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Survives {
    Nothing,
    Everything,
    /// Each sector, size and name by the throw of a coin.
    Some,
}

/// Folder and files at one moment. An inode is an index into `files`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    names: BTreeMap<PathBuf, usize>,
    files: BTreeMap<usize, Vec<u8>>,
}

impl Image {
    fn write(&mut self, inode: usize, offset: usize, octets: &[u8]) {
        let file = self.files.entry(inode).or_default();
        file.resize(file.len().max(offset + octets.len()), 0);
        file[offset..offset + octets.len()].copy_from_slice(octets);
    }

    fn apply<T>(&mut self, event: &Event<T>) {
        match event {
            Event::Create { path, inode } => drop(self.names.insert(path.clone(), *inode)),
            Event::Remove { path } => drop(self.names.remove(path)),
            Event::Write { inode, offset, octets } => self.write(*inode, *offset, octets),
            Event::Resize { inode, size } => self.files.entry(*inode).or_default().resize(*size, 0),
            Event::SyncDir | Event::Sync { .. } | Event::FailedSync { .. } | Event::Told(_) => {}
        }
    }

    /// Applies what a power cut leaves of an event that was not synced.
    fn apply_some<T>(&mut self, event: &Event<T>, coin: &mut impl FnMut() -> bool) {
        let Event::Write { inode, offset, octets } = event else {
            if coin() {
                self.apply(event);
            }
            return;
        };
        let mut at = 0;
        while at < octets.len() {
            let next = octets.len().min(at + SECTOR - (offset + at) % SECTOR);
            if coin() {
                self.write(*inode, offset + at, &octets[at..next]);
            }
            at = next;
        }
    }
}

/// What is safe after some of the events, and what is not yet.
#[derive(Debug, Clone)]
pub(crate) struct Platter<T> {
    safe: Image,
    unsynced: Vec<Event<T>>,
}

impl<T: Clone> Platter<T> {
    pub(crate) fn new(safe: Image) -> Self {
        Self { safe, unsynced: Vec::new() }
    }

    /// Takes one more event in.
    pub(crate) fn follow(&mut self, event: &Event<T>) {
        match event {
            Event::Told(_) => {}
            Event::Sync { inode } => self.make_safe(|event| event.is_within(*inode)),
            Event::SyncDir => {
                self.make_safe(|event| matches!(event, Event::Create { .. } | Event::Remove { .. }));
            }
            Event::FailedSync { inode } => self.unsynced.retain(|event| !event.is_within(*inode)),
            _ => self.unsynced.push(event.clone()),
        }
    }

    fn make_safe(&mut self, is_synced: impl Fn(&Event<T>) -> bool) {
        let (synced, unsynced) = std::mem::take(&mut self.unsynced).into_iter().partition(is_synced);
        self.unsynced = unsynced;
        let synced: Vec<_> = synced;
        synced.iter().for_each(|event| self.safe.apply(event));
    }

    /// What is there after a power cut at this moment.
    pub(crate) fn cut(&self, survives: Survives, mut coin: impl FnMut() -> bool) -> Image {
        let mut image = self.safe.clone();
        for event in &self.unsynced {
            match survives {
                Survives::Nothing => {}
                Survives::Everything => image.apply(event),
                Survives::Some => image.apply_some(event, &mut coin),
            }
        }
        image
    }
}

#[derive(Debug)]
struct Inner<T> {
    now: Image,
    events: Vec<Event<T>>,
    inodes: usize,
    /// Syncs until one fails.
    good_syncs: Option<usize>,
    lazy: Lazy,
}

/// Writes that nobody waits for: the journal syncs them after a while, by a clock that no test has in hand. So that
/// a power cut finds the same after the same history, that sync is held back until the test says that it is time, or
/// the next thing is asked for.
#[derive(Debug, Default)]
struct Lazy {
    /// How many of the next writes are.
    expected: usize,
    /// The file of the last write, if it was.
    last: Option<usize>,
    /// The sync that is held back.
    held: Option<usize>,
}

/// The disk; clones share it.
#[derive(Debug)]
pub(crate) struct MemoryDisk<T>(Arc<Mutex<Inner<T>>>);

impl<T> Clone for MemoryDisk<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Clone> MemoryDisk<T> {
    pub(crate) fn new(now: Image) -> Self {
        let inodes = now.files.keys().last().map_or(0, |last| last + 1);
        Self(Arc::new(Mutex::new(Inner {
            now,
            events: Vec::new(),
            inodes,
            good_syncs: None,
            lazy: Lazy::default(),
        })))
    }

    /// Says how many of the next writes nobody waits for.
    pub(crate) fn expect_lazy_writes(&self, writes: usize) {
        self.inner().lazy.expected = writes;
    }

    /// Syncs what nobody waits for.
    pub(crate) fn sync_lazy_writes(&self) {
        let mut inner = self.inner();
        if let Some(inode) = inner.lazy.last.take() {
            inner.lazy.held = None;
            inner.happens(Event::Sync { inode });
        }
    }

    /// Everything that happened since the last call.
    pub(crate) fn take_events(&self) -> Vec<Event<T>> {
        std::mem::take(&mut self.inner().events)
    }

    /// What is there now, safe or not.
    pub(crate) fn now(&self) -> Image {
        self.inner().now.clone()
    }

    /// Notes what the world is told, between the disk's own events.
    pub(crate) fn tell(&self, told: T) {
        self.inner().events.push(Event::Told(told));
    }

    /// How many events there were.
    pub(crate) fn len(&self) -> usize {
        self.inner().events.len()
    }

    /// Everything that happened.
    pub(crate) fn events(&self) -> Vec<Event<T>> {
        self.inner().events.clone()
    }

    /// Lets the sync after as many good ones fail, once.
    pub(crate) fn fail_sync_after(&self, good: usize) {
        self.inner().good_syncs = Some(good);
    }

    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap()
    }
}

impl<T: Clone> Inner<T> {
    fn happens(&mut self, event: Event<T>) {
        self.lazy.last = match event {
            Event::Write { inode, .. } if self.lazy.expected > 0 => Some(inode),
            _ => None,
        };
        self.lazy.expected -= usize::from(self.lazy.last.is_some());
        if let Some(inode) = self.lazy.held.take().filter(|_| self.lazy.last.is_none()) {
            self.events.push(Event::Sync { inode });
        }
        self.now.apply(&event);
        self.events.push(event);
    }

    fn is_synced(&mut self, inode: usize) {
        if self.lazy.last.is_some() {
            self.lazy.held = Some(inode);
        } else {
            self.happens(Event::Sync { inode });
        }
    }

    /// Whether this sync works.
    fn sync_works(&mut self) -> bool {
        let works = self.good_syncs != Some(0);
        self.good_syncs = self.good_syncs.and_then(|left| left.checked_sub(1));
        works
    }
}

impl<T: Clone + Send + std::fmt::Debug + 'static> Disk for MemoryDisk<T> {
    fn make_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
        Ok(self.inner().now.names.keys().cloned().collect())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inode = self.inner().now.names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(MemoryFile { disk: self.clone(), inode }))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut inner = self.inner();
        let known = inner.now.names.get(path).copied();
        let inode = known.unwrap_or(inner.inodes);
        if known.is_some() {
            inner.happens(Event::Resize { inode, size: 0 });
        } else {
            inner.inodes += 1;
            inner.happens(Event::Create { path: path.to_path_buf(), inode });
        }
        Ok(Box::new(MemoryFile { disk: self.clone(), inode }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner().happens(Event::Remove { path: path.to_path_buf() });
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.inner().happens(Event::SyncDir);
        Ok(())
    }

    fn free_space(&self, _: &Path) -> io::Result<u64> {
        Ok(1 << 40)
    }
}

/// A file of a [`MemoryDisk`].
#[derive(Debug)]
struct MemoryFile<T> {
    disk: MemoryDisk<T>,
    inode: usize,
}

impl<T: Clone + Send + std::fmt::Debug + 'static> DiskFile for MemoryFile<T> {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let inner = self.disk.inner();
        let from = usize::try_from(offset).unwrap();
        let octets = inner.now.files.get(&self.inode).and_then(|file| file.get(from..from + buffer.len()));
        buffer.copy_from_slice(octets.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let octets = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let offset = usize::try_from(offset).unwrap();
        self.disk.inner().happens(Event::Write { inode: self.inode, offset, octets });
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.inner().now.files.get(&self.inode).map_or(0, Vec::len) as u64)
    }

    fn set_aside(&self, size: u64) -> io::Result<()> {
        self.cut(size)
    }

    fn cut(&self, size: u64) -> io::Result<()> {
        let size = usize::try_from(size).unwrap();
        self.disk.inner().happens(Event::Resize { inode: self.inode, size });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.inner();
        if !inner.sync_works() {
            inner.happens(Event::FailedSync { inode: self.inode });
            return Err(io::Error::other("the disk failed"));
        }
        inner.is_synced(self.inode);
        Ok(())
    }
}
