//! What the journal asks of a file system, as a trait: tests put a disk there that loses its power.
//!
//! [`RealDisk`] is the system's. Its promises are POSIX's and no more: what was written is safe after a sync of
//! the file, and that a file is there (or gone) after a sync of its folder.

use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};
use std::{
    fmt::Debug,
    fs::{File, OpenOptions},
    io::{self, IoSlice},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// A file of the journal. Errors are the file system's own.
pub trait DiskFile: Debug + Send + Sync {
    /// Fills `buffer` from `offset` on; [`io::ErrorKind::UnexpectedEof`] when the file ends before.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all of `slices` at `offset`, one after the other. Not safe before a sync. The slices are used up.
    ///
    /// # Errors
    /// When it cannot be written; part of it may have been.
    fn write_all_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// Octets in the file.
    ///
    /// # Errors
    /// When the system does not say.
    fn size(&self) -> io::Result<u64>;

    /// Makes the file `size` octets large and sets the room aside, so that later writes neither fail for want of
    /// it nor change the file's size (which would make every `fdatasync` write the inode too).
    ///
    /// # Errors
    /// When there is no such room; a file system that cannot set room aside gives a file with holes.
    fn set_aside(&self, size: u64) -> io::Result<()>;

    /// Cuts the file.
    ///
    /// # Errors
    /// When the system refuses.
    fn cut(&self, size: u64) -> io::Result<()>;

    /// Makes what was written safe from a power cut (`fdatasync`).
    ///
    /// # Errors
    /// When the disk fails: what was written since the last sync is lost or not, and another sync that works says
    /// nothing about it.
    fn sync(&self) -> io::Result<()>;
}

/// What the journal asks of a file system. Errors are the file system's own.
pub trait Disk: Debug + Send + Sync {
    /// Makes a folder in one that is there, safe from a power cut; one that is there is left as it is.
    ///
    /// # Errors
    /// When the system refuses.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;

    /// The files in a folder, in any order.
    ///
    /// # Errors
    /// When it cannot be read.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// When it is not there or may not be opened.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Makes a file, or empties the one there. Not safe before [`Disk::sync_dir`].
    ///
    /// # Errors
    /// When the system refuses.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Removes a file; who has it open can read on. Not safe before [`Disk::sync_dir`].
    ///
    /// # Errors
    /// When the system refuses.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes it safe from a power cut which files are in a folder.
    ///
    /// # Errors
    /// When the disk fails.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Octets that the file system would still give to us.
    ///
    /// # Errors
    /// When the system does not say.
    fn free_space(&self, dir: &Path) -> io::Result<u64>;
}

/// The system's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        std::fs::create_dir(dir)?;
        sync_dir(dir.parent().unwrap_or(dir))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(dir)?.map(|item| Ok(item?.path())).collect()
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)
    }

    fn free_space(&self, dir: &Path) -> io::Result<u64> {
        let stat = statvfs(dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Makes it safe from a power cut what is in `dir`.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

impl DiskFile for File {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }

    fn write_all_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let (mut rest, mut offset) = (slices, offset);
        while !rest.is_empty() {
            match rustix::io::pwritev(self, rest, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut rest, written);
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_aside(&self, size: u64) -> io::Result<()> {
        match fallocate(self, FallocateFlags::empty(), 0, size) {
            Ok(()) => Ok(()),
            Err(error) => {
                let error = io::Error::from(error);
                if crate::error::is_no_space(&error) { Err(error) } else { self.set_len(size) }
            }
        }
    }

    fn cut(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
