//! The queue state is only an index of the journal: killed, and with that state lost, old or garbled, the
//! server still keeps the durability law.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fastrand::Rng;

use mailwright_tests::durability::KillTest;
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::needs::{long, seed};

fn rounds() -> usize {
    if long() { 30 } else { 3 }
}

#[test]
fn survives_the_loss_of_the_queue_state() -> Result<()> {
    let mut test = KillTest::new(seed())?;
    for _ in 0..rounds() {
        test.round()?;
        fs::remove_dir_all(test.queue_state()).context("remove the queue state")?;
    }
    test.settle_and_check()
}

#[test]
fn survives_an_older_copy_of_the_queue_state() -> Result<()> {
    let mut test = KillTest::new(seed())?;
    for _ in 0..rounds() {
        test.round()?;
        let copy = tempfile::tempdir().context("make a folder")?;
        copy_folder(&test.queue_state(), copy.path())?;
        test.round()?;
        fs::remove_dir_all(test.queue_state()).context("remove the queue state")?;
        copy_folder(copy.path(), &test.queue_state())?;
    }
    test.settle_and_check()
}

#[test]
fn survives_garbage_in_the_queue_state() -> Result<()> {
    let mut test = KillTest::new(seed())?;
    for _ in 0..rounds() {
        test.round()?;
        let files = files_below(&test.queue_state())?;
        if files.is_empty() {
            return Err(Error::unexpected("garble the queue state", "it has no files"));
        }
        for file in files {
            garble(&file, test.rng())?;
        }
    }
    test.settle_and_check()
}

/// Lists the files of a folder and of those below it.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).context(format!("list {}", folder.display()))?.flatten() {
        if entry.path().is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    for file in files_below(from)? {
        let below = file.strip_prefix(from).unwrap_or(&file);
        let target = to.join(below);
        fs::create_dir_all(target.parent().unwrap_or(to)).context("make a folder")?;
        fs::copy(&file, target).context(format!("copy {}", file.display()))?;
    }
    Ok(())
}

/// Overwrites about a tenth of a file, in pieces at random places, with random bytes.
fn garble(path: &Path, rng: &mut Rng) -> Result<()> {
    let mut file = File::options().write(true).open(path).context(format!("open {}", path.display()))?;
    let length = file.metadata().context("ask for the length")?.len();
    for _ in 0..10 {
        let piece: Vec<u8> =
            std::iter::repeat_with(|| rng.u8(..)).take((length / 100).clamp(1, 4096) as usize).collect();
        let place = rng.u64(0..=length.saturating_sub(piece.len() as u64));
        file.seek(SeekFrom::Start(place)).context("seek")?;
        file.write_all(&piece).context("write garbage")?;
    }
    Ok(())
}
