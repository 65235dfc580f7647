//! The machine that the spool runs on: its disk, its power, and what is asked of the spool in between.

use crate::common::{
    SMALL, Server, block_on, copy_dir, home,
    memory_disk::{Event, Image, MemoryDisk, Platter, Survives},
};
use fastrand::Rng;
use mailwright_engine::{address::Domain, envelope::Envelope, time::UnixMillis};
use mailwright_storage::{Content, EntryKey, Fresh, Outcome, QueueEntry, Recovery, Spool};
use std::{collections::BTreeSet, path::PathBuf, sync::Arc};

/// Queue states of earlier stops that a start may find in place of the last.
const COPIES: usize = 3;

/// The power has gone. Whatever was being done is not going on.
#[derive(Debug)]
pub(super) struct PowerCut;

/// What is done unless the power goes.
pub(super) type Step<T = ()> = Result<T, PowerCut>;

/// The machine.
pub(super) struct Machine {
    home: tempfile::TempDir,
    rng: Rng,
    disk: MemoryDisk<()>,
    server: Option<Server>,
    /// The disk before the last thing was asked of the spool.
    platter: Platter<()>,
    /// How many more things are asked before the power goes.
    fuse: Option<u32>,
    /// Whether it went while the last thing was being done.
    is_half_done: bool,
    copies: Vec<PathBuf>,
    starts: u64,
}

impl Machine {
    /// A machine with an empty disk, started.
    pub(super) fn new(seed: u64) -> Self {
        let (home, rng) = (home(), Rng::with_seed(seed));
        let disk = MemoryDisk::new(Image::default());
        let platter = Platter::new(Image::default());
        let mut machine = Self {
            home,
            rng,
            disk,
            server: None,
            platter,
            fuse: None,
            is_half_done: false,
            copies: Vec::new(),
            starts: 0,
        };
        machine.start();
        machine
    }

    fn queue_dir(&self) -> PathBuf {
        self.home.path().join("spool/queue")
    }

    fn start(&mut self) -> Recovery {
        self.starts += 1;
        // The start itself says that it counted the doubts.
        self.disk.expect_lazy_writes(1);
        let mut server =
            Server::start_on(Arc::new(self.disk.clone()), &self.home.path().join("spool"), SMALL);
        server.settle_down();
        let mut recovery = std::mem::take(&mut server.recovery);
        recovery.in_doubt.sort_unstable();
        self.server = Some(server);
        (self.fuse, self.is_half_done) = (None, false);
        recovery
    }

    pub(super) fn spool(&self) -> &Spool {
        &self.server().spool
    }

    fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Has the power go while, or right after, one of the next things is asked.
    pub(super) fn light_the_fuse(&mut self) {
        self.fuse = Some(self.rng.u32(0..4));
    }

    /// Ends what was asked last, and begins something else.
    fn ask(&mut self, lazy_writes: usize) {
        self.follow();
        self.disk.expect_lazy_writes(lazy_writes);
    }

    fn follow(&mut self) {
        self.disk.take_events().iter().for_each(|event| self.platter.follow(event));
    }

    fn done(&mut self) -> Step {
        match &mut self.fuse {
            Some(0) => {
                self.is_half_done = true;
                Err(PowerCut)
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Syncs what was recorded, as happens after a moment in which nothing else was.
    pub(super) fn sync(&mut self) {
        self.disk.sync_lazy_writes();
        self.follow();
        self.is_half_done = false;
    }

    /// Accepts a message; its entries that went to delivery.
    pub(super) fn accept(&mut self, envelope: Envelope, content: Content) -> Step<Vec<Fresh>> {
        self.ask(0);
        let due = envelope.accepted_at;
        block_on(self.spool().accept(envelope, content, due)).unwrap();
        self.server().settle_down();
        self.done()?;
        Ok(std::mem::take(&mut *self.server().fresh.lock().unwrap()))
    }

    /// Journals that the final dot is about to go out.
    pub(super) fn intend(&mut self, key: EntryKey) -> Step {
        self.ask(0);
        self.server().intend(key).unwrap();
        self.done()
    }

    /// Journals an outcome, which is not safe before something else is.
    pub(super) fn record(&mut self, outcome: Outcome) -> Step {
        self.ask(1);
        self.spool().record(vec![outcome]).unwrap();
        self.server().settle_down();
        self.done()
    }

    /// Stores the queue state and reclaims, as happens every two seconds.
    pub(super) fn checkpoint(&mut self) {
        self.ask(0);
        self.server().checkpoint();
        self.server().settle_down();
    }

    /// The domains with entries, and when the first of each is due. A checkpoint too.
    pub(super) fn domains(&mut self) -> Vec<(Domain, UnixMillis)> {
        self.checkpoint();
        block_on(self.spool().domains()).unwrap()
    }

    /// Every entry of the queue.
    pub(super) fn keys(&mut self) -> BTreeSet<EntryKey> {
        self.checkpoint();
        let (first, last) = (UnixMillis::new(0), UnixMillis::new(u64::MAX));
        let places = block_on(self.spool().due_between(first, last, usize::MAX)).unwrap();
        places.into_iter().map(|place| place.key).collect()
    }

    /// An entry as the queue has it.
    pub(super) fn get(&self, key: EntryKey) -> Option<QueueEntry> {
        self.server().get(key)
    }

    /// Cuts the power, if it has not gone, and starts again with what that leaves.
    pub(super) fn cut_power(&mut self) -> Recovery {
        let last = self.disk.take_events();
        let done = if self.is_half_done { self.rng.usize(0..=last.len()) } else { last.len() };
        let is_complete = done == last.len();
        last.iter().take(done).for_each(|event: &Event<()>| self.platter.follow(event));
        let survives = [Survives::Nothing, Survives::Some, Survives::Everything][self.rng.usize(0..3)];
        let image = self.platter.cut(survives, || self.rng.bool());
        // What it still does reaches a disk that nobody looks at again, but for the queue state. That is the latest
        // there could be, or, if it knows what the journal never had, none that could be.
        self.close();
        if is_complete {
            self.keep_queue();
        }
        self.choose_queue(is_complete);
        self.go_on_with(image)
    }

    /// Stops in good order and starts again.
    pub(super) fn restart(&mut self) -> Recovery {
        self.ask(0);
        self.close();
        self.keep_queue();
        let image = self.disk.now();
        self.go_on_with(image)
    }

    fn go_on_with(&mut self, image: Image) -> Recovery {
        self.disk = MemoryDisk::new(image.clone());
        self.platter = Platter::new(image);
        self.start()
    }

    fn close(&mut self) {
        self.server.take().unwrap().close();
    }

    fn keep_queue(&mut self) {
        let copy = self.home.path().join(format!("queue{}", self.starts));
        copy_dir(&self.queue_dir(), &copy);
        self.copies.push(copy);
        if self.copies.len() > COPIES {
            std::fs::remove_dir_all(self.copies.remove(0)).unwrap();
        }
    }

    /// The queue state as it is, as it was at an earlier stop, or none; what came after it never was.
    fn choose_queue(&mut self, may_stay: bool) {
        if may_stay && self.rng.u8(0..3) == 0 {
            return;
        }
        std::fs::remove_dir_all(self.queue_dir()).unwrap();
        let which = self.rng.usize(0..=COPIES);
        match self.copies.get(which) {
            Some(copy) => copy_dir(copy, &self.queue_dir()),
            None => self.copies.clear(),
        }
        self.copies.truncate(which + 1);
    }
}
