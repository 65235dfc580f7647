//! A small file system that a test can fill up.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tempfile::TempDir;

use crate::error::{Context, Result};

/// A tmpfs, unmounted when dropped. Needs root.
#[derive(Debug)]
pub struct Tmpfs {
    folder: TempDir,
}

impl Tmpfs {
    /// Mounts one of `mebibytes` MiB.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the system refuses.
    pub fn mount(mebibytes: u32) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let options = CString::new(format!("size={mebibytes}m")).context("write the mount options")?;
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("tmpfs", folder.path(), "tmpfs", flags, options.as_c_str()).context("mount a tmpfs")?;
        Ok(Self { folder })
    }

    /// Returns where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes `mebibytes` MiB of its space and returns the file that can be removed to give them back.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if there is not that much.
    pub fn take(&self, mebibytes: usize) -> Result<PathBuf> {
        let path = self.path().join("filler");
        let mut file = File::create(&path).context("make the filler")?;
        let block = vec![1_u8; 1 << 20];
        (0..mebibytes).try_for_each(|_| file.write_all(&block)).context("write the filler")?;
        Ok(path)
    }

    /// Gives the space of a filler back.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the system refuses.
    pub fn give_back(filler: &Path) -> Result<()> {
        fs::remove_file(filler).context("remove the filler")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Detached even if a process that is being killed still has a file open: it goes with that process.
        let _ = unmount(self.folder.path(), UnmountFlags::DETACH);
    }
}
