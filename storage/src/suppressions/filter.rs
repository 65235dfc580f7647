//! Which addresses are surely not suppressed, known without the database: what nearly every look-up is about.
//!
//! A split block Bloom filter ([Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom
//! Filters](https://doi.org/10.1145/1498698.1594230), with the constants of the [Parquet
//! format](https://parquet.apache.org/docs/file-format/bloomfilter/)) over folded addresses, whatever their account and
//! scope. An address that is removed stays in it until the next start; asking the database in vain is all that this costs.

use super::{AddressKey, SuppressionError};
use rusqlite::Connection;
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

/// Bits for each address: one in a thousand that are not in it seems to be.
const BITS: u64 = 16;
/// Addresses that it has room for beyond twice those of the start; with more it errs more often.
const SPARE: u64 = 1 << 20;
/// Most addresses it is made for, whatever there are: 128 MiB.
const MOST: u64 = 64 << 20;
/// Rows read between two looks whether anybody still wants the filter.
const STEP: usize = 4_096;
/// Odd numbers, each of which picks one bit of its lane.
const SALTS: [u32; 8] =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

/// Eight lanes, one bit of each for an address: half of a cache line.
#[derive(Debug, Default)]
#[repr(align(32))]
struct Block([AtomicU32; SALTS.len()]);

/// The addresses that may be suppressed.
#[derive(Debug)]
pub(super) struct Filter {
    hasher: RandomState,
    blocks: Box<[Block]>,
    /// Whether all addresses of the database are in it.
    is_complete: AtomicBool,
}

impl Filter {
    /// An empty filter for a database of `rows`, which answers "maybe" until it is [filled](Self::fill).
    pub(super) fn new(rows: u64) -> Self {
        let addresses = rows.saturating_mul(2).saturating_add(SPARE).min(MOST);
        let blocks = addresses * BITS / (8 * size_of::<Block>() as u64);
        let blocks = (0..blocks).map(|_| Block::default()).collect();
        Self { hasher: RandomState::new(), blocks, is_complete: AtomicBool::new(false) }
    }

    /// Whether the address may be suppressed somewhere. `false` is certain.
    pub(super) fn may_have(&self, key: &AddressKey) -> bool {
        if !self.is_complete() {
            return true;
        }
        let (block, bits) = self.place(key.as_str());
        block.0.iter().zip(bits).all(|(lane, bit)| lane.load(Ordering::Relaxed) & bit != 0)
    }

    /// Whether all addresses of the database are in it.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }

    /// Notes an address, before its row is committed.
    pub(super) fn insert(&self, key: &str) {
        let (block, bits) = self.place(key);
        for (lane, bit) in block.0.iter().zip(bits) {
            lane.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Notes every address of the database, unless nobody else has the filter any more. Rows that are committed
    /// meanwhile are noted by whoever writes them.
    pub(super) fn fill(self: &Arc<Self>, database: &Connection) -> Result<(), SuppressionError> {
        let mut statement = database.prepare("SELECT email FROM suppressions")?;
        let mut rows = statement.query([])?;
        let mut passed = 0;
        while let Some(row) = rows.next()? {
            self.insert(&row.get::<_, String>(0)?);
            passed += 1;
            if passed % STEP == 0 && Arc::strong_count(self) == 1 {
                return Ok(());
            }
        }
        self.is_complete.store(true, Ordering::Release);
        Ok(())
    }

    fn place(&self, key: &str) -> (&Block, [u32; SALTS.len()]) {
        let hash = self.hasher.hash_one(key);
        let (which, word) = (hash >> 32, hash as u32);
        // Which of the blocks, without a division: below their number, which 32 bits hold.
        let index = (which * self.blocks.len() as u64) >> 32;
        let bits = SALTS.map(|salt| 1 << (word.wrapping_mul(salt) >> 27));
        (&self.blocks[index as usize], bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> AddressKey {
        AddressKey::stored(format!("user{n}@domain{}.example", n % 997))
    }

    fn database(addresses: impl Iterator<Item = u32>) -> Connection {
        let database = Connection::open_in_memory().unwrap();
        database.execute_batch("CREATE TABLE suppressions (email TEXT); BEGIN").unwrap();
        for n in addresses {
            database.execute("INSERT INTO suppressions VALUES (?1)", [key(n).as_str()]).unwrap();
        }
        database
    }

    #[test]
    fn until_it_is_filled_any_address_may_be_there() {
        let filter = Filter::new(0);
        assert!(filter.may_have(&key(1)));
    }

    #[test]
    fn no_address_is_missed_and_few_others_are_taken_for_one() {
        let filter = Arc::new(Filter::new(50_000));
        let _wanted = Arc::clone(&filter);
        for n in 0..50_000 {
            filter.insert(key(n).as_str());
        }
        filter.fill(&database(50_000..100_000)).unwrap();
        assert!((0..100_000).all(|n| filter.may_have(&key(n))));
        let mistaken = (100_000..200_000).filter(|&n| filter.may_have(&key(n))).count();
        assert!(mistaken < 100, "{mistaken} of 100,000");
    }

    #[test]
    fn with_ten_times_the_addresses_it_was_made_for_it_errs_but_never_misses() {
        let blocks = (0..64).map(|_| Block::default()).collect();
        let filter = Arc::new(Filter { blocks, ..Filter::new(0) });
        let _wanted = Arc::clone(&filter);
        filter.fill(&database(0..10_000)).unwrap();
        assert!((0..10_000).all(|n| filter.may_have(&key(n))));
    }

    #[test]
    fn nobody_waits_for_a_filter_that_nobody_wants() {
        let filter = Arc::new(Filter::new(0));
        filter.fill(&database(0..5_000)).unwrap();
        assert!(!filter.is_complete());
    }
}
