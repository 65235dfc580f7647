//! The power is cut at every step of many histories: what was acknowledged is there, and every delivery that may be
//! made a second time is named.
//!
//! A history runs on a [`MemoryDisk`] that remembers what was asked of it. Afterwards, for every moment of it,
//! the disk is made as a power cut then would have left it, with the queue state of that moment, of any
//! earlier one, or none, and a spool is started on it. One of these starts goes on with a history of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]
#![allow(clippy::print_stderr, reason = "a seed is told, so that a failure can be repeated")]

mod common;
#[path = "power_cut/known.rs"]
mod known;

use common::{
    NOW, SMALL, Server, block_on, content, copy_dir, delivered, envelope, home, long,
    memory_disk::{Event, Image, MemoryDisk, Platter, Survives},
};
use fastrand::Rng;
use known::{Known, TO, Told};
use mailwright_engine::time::UnixMillis;
use mailwright_storage::{Content, EntryKey, StorageError};
use std::{path::PathBuf, sync::Arc};

/// Steps of one history between two power cuts.
const STEPS: u32 = 15;
/// Power cuts that a spool lives through.
const LIVES: u32 = 3;

/// A copy of the queue state, and how many events there had been when it was made.
struct QueueCopy {
    path: PathBuf,
    life: u32,
    events: usize,
}

/// A spool's story from power cut to power cut.
struct Story {
    home: tempfile::TempDir,
    rng: Rng,
    life: u32,
    /// The disk as this life began, and what was known then.
    begin: (Image, Known),
    copies: Vec<QueueCopy>,
    next_id: u64,
    starts: u32,
}

impl Story {
    fn new(seed: u64) -> Self {
        let home = home();
        let begin = (Image::default(), Known::default());
        Self { home, rng: Rng::with_seed(seed), life: 0, begin, copies: Vec::new(), next_id: 1, starts: 0 }
    }

    /// Lives one life and looks at every moment of it; one of them is where the next begins.
    fn live(&mut self, queue: Option<&PathBuf>) -> Option<PathBuf> {
        let disk = MemoryDisk::new(self.begin.0.clone());
        let server = self.start_on(&disk, queue);
        self.begin.1.check(&server, "the start of a life");
        let mut known = self.begin.1.clone();
        for _ in 0..STEPS {
            self.step(&server, &disk, &mut known);
        }
        self.copy_queue(&server, &disk);
        server.close();
        let events = disk.events();
        let next = self.rng.usize(0..=events.len());
        self.look_at_every_moment(&events, next)
    }

    fn start_on(&mut self, disk: &MemoryDisk<Told>, queue: Option<&PathBuf>) -> Server {
        self.starts += 1;
        let dir = self.home.path().join(format!("start{}", self.starts));
        if let Some(queue) = queue {
            copy_dir(queue, &dir.join("queue"));
        }
        Server::start_on(Arc::new(disk.clone()), &dir, SMALL)
    }

    fn copy_queue(&mut self, server: &Server, disk: &MemoryDisk<Told>) {
        let path = self.home.path().join(format!("queue{}.{}", self.life, self.copies.len()));
        copy_dir(&server.dir.join("queue"), &path);
        self.copies.push(QueueCopy { path, life: self.life, events: disk.len() });
    }

    fn step(&mut self, server: &Server, disk: &MemoryDisk<Told>, known: &mut Known) {
        let waiting = known.waiting();
        let any = |rng: &mut Rng| waiting.get(rng.usize(0..waiting.len().max(1))).copied();
        match self.rng.u8(0..10) {
            0..=3 => self.accept(server, disk, known),
            4..=6 => any(&mut self.rng).into_iter().for_each(|key| deliver(server, disk, known, key)),
            7 => any(&mut self.rng).into_iter().for_each(|key| defer(server, disk, known, key)),
            8 => {
                let _ = any(&mut self.rng).map(|key| intend(server, disk, known, key));
            }
            _ => {
                server.checkpoint();
                self.copy_queue(server, disk);
            }
        }
    }

    /// Several messages at once, so that they share a batch.
    fn accept(&mut self, server: &Server, disk: &MemoryDisk<Told>, known: &mut Known) {
        let messages = self.rng.u64(1..6);
        let sizes: Vec<_> = (0..messages).map(|_| self.rng.usize(0..20_000)).collect();
        let sent: Vec<_> = (self.next_id..).zip(sizes).collect();
        self.next_id += messages;
        block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for (id, size) in sent {
                let (spool, disk) = (server.spool.clone(), disk.clone());
                say(&disk, known, Told::HandingIn { id, size });
                tasks.spawn(async move {
                    let accepted =
                        spool.accept(envelope(id, &TO), Content::whole(content(id, size)), NOW).await;
                    accepted.map(|()| id).inspect(|id| disk.tell(Told::Accepted { id: *id }))
                });
            }
            for id in tasks.join_all().await.into_iter().flatten() {
                known.hear(&Told::Accepted { id });
            }
        });
    }

    /// Starts a spool on what each moment would have left, and chooses how the story goes on after the event
    /// `next`.
    fn look_at_every_moment(&mut self, events: &[Event<Told>], next: usize) -> Option<PathBuf> {
        let (image, mut known) = self.begin.clone();
        let mut platter = Platter::new(image);
        let mut begin = None;
        for moment in 0..=events.len() {
            // What the world is told changes nothing on the disk: the next thing asked of it is soon enough to look.
            let looks = moment == next || !matches!(events.get(moment), Some(Event::Told(_)));
            for survives in
                [Survives::Nothing, Survives::Everything, Survives::Some].into_iter().filter(|_| looks)
            {
                let image = platter.cut(survives, || self.rng.bool());
                let queue = self.any_copy(moment);
                let context = format!("life {}, event {moment}, {survives:?} survives", self.life);
                self.look(&image, queue.as_ref(), known.clone(), &context);
                if moment == next && survives == Survives::Some {
                    begin = Some((image, known.clone(), queue));
                }
            }
            if let Some(event) = events.get(moment) {
                platter.follow(event);
                if let Event::Told(told) = event {
                    known.hear(told);
                }
            }
        }
        let (image, known, queue) = begin.unwrap();
        self.begin = (image, known);
        // What came after the power cut never was.
        self.copies.retain(|copy| copy.life < self.life || copy.events <= next);
        self.life += 1;
        queue
    }

    fn look(&mut self, image: &Image, queue: Option<&PathBuf>, mut known: Known, context: &str) {
        let server = self.start_on(&MemoryDisk::new(image.clone()), queue);
        known.check(&server, context);
        let dir = server.dir.clone();
        server.close();
        std::fs::remove_dir_all(dir).unwrap();
    }

    /// The queue state as it was at this moment of this life or at any before, or none.
    fn any_copy(&mut self, moment: usize) -> Option<PathBuf> {
        let is_past = |copy: &&QueueCopy| copy.life < self.life || copy.events <= moment;
        let past: Vec<_> = self.copies.iter().filter(is_past).collect();
        let which = self.rng.usize(0..=past.len());
        past.get(which).map(|copy| copy.path.clone())
    }
}

fn say(disk: &MemoryDisk<Told>, known: &mut Known, told: Told) {
    known.hear(&told);
    disk.tell(told);
}

/// Whether the final dot may go out.
fn intend(server: &Server, disk: &MemoryDisk<Told>, known: &mut Known, key: EntryKey) -> bool {
    say(disk, known, Told::Intending(key));
    let is_safe = server.intend(key).is_ok();
    if is_safe {
        say(disk, known, Told::Intended(key));
    }
    is_safe
}

fn deliver(server: &Server, disk: &MemoryDisk<Told>, known: &mut Known, key: EntryKey) {
    if intend(server, disk, known, key)
        && let Some(entry) = server.get(key)
    {
        say(disk, known, Told::Delivered(key));
        server.spool.record(vec![delivered(entry)]).unwrap();
    }
}

fn defer(server: &Server, disk: &MemoryDisk<Told>, known: &mut Known, key: EntryKey) {
    if let Some(entry) = server.get(key) {
        say(disk, known, Told::Deferred(key));
        server.defer(entry, UnixMillis::new(NOW.as_millis() + 1_000));
    }
}

fn stories() -> impl Iterator<Item = Story> {
    let asked = std::env::var("MAILWRIGHT_SEED").ok().and_then(|seed| seed.parse().ok());
    let first: u64 = asked.unwrap_or_else(|| fastrand::u64(..));
    (0..if long() { 100 } else { 1 }).map(move |story| {
        let seed = first.wrapping_add(story);
        eprintln!("seed: MAILWRIGHT_SEED={seed}");
        Story::new(seed)
    })
}

/// A failed sync says that something was lost, and a second one that works does not say that it was not.
#[test]
fn nothing_is_acknowledged_after_a_sync_that_failed() {
    for mut story in stories() {
        let disk = MemoryDisk::new(Image::default());
        let server = story.start_on(&disk, None);
        let mut known = Known::default();
        disk.fail_sync_after(story.rng.usize(0..2 * STEPS as usize));
        for _ in 0..10 * STEPS {
            story.step(&server, &disk, &mut known);
        }
        assert!(server.spool.is_failed());
        let refused = server.accept(u64::MAX, &TO, 100);
        assert!(matches!(refused, Err(StorageError::JournalFailed { .. })), "{refused:?}");
        server.close();
        let mut platter = Platter::new(Image::default());
        disk.events().iter().for_each(|event| platter.follow(event));
        for survives in [Survives::Nothing, Survives::Everything, Survives::Some] {
            let image = platter.cut(survives, || story.rng.bool());
            story.look(&image, None, known.clone(), &format!("{survives:?} survives"));
        }
    }
}

#[test]
fn whenever_the_power_is_cut_nothing_acknowledged_is_lost() {
    for mut story in stories() {
        let mut queue = None;
        for _ in 0..LIVES {
            queue = story.live(queue.as_ref());
        }
    }
}
