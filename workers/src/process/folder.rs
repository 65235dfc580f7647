//! The run folder of a process.

use crate::{config::Files, events::token};
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{DirBuilderExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

/// The folder that is a process's own: what it is told, and the sockets. It is removed with this.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
    open: Arc<OwnedFd>,
}

impl RunFolder {
    /// Makes a folder for nobody else within `run`, and writes `files` into it.
    pub(super) fn make(run: &Path, files: &Files) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(run)?;
        let name = token().ok_or(io::ErrorKind::Unsupported)?;
        let path = run.join(name.get(..16).unwrap_or(&name));
        DirBuilder::new().mode(0o700).create(&path)?;
        let folder = Self { open: Arc::new(File::open(&path)?.into()), path };
        for (name, content) in files {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.path.join(name))?;
            file.write_all(content)?;
        }
        Ok(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The way to a socket in it, by the open folder: the path of a socket has 107 octets at most, a state folder's has
    /// any number.
    pub(super) fn socket(&self, name: &str) -> Socket {
        Socket { folder: self.open.clone(), name: name.to_owned() }
    }

    /// Removes the files that workerd has read: secrets are among them.
    pub(super) fn forget(&self, names: impl IntoIterator<Item = String>) {
        for name in names {
            if let Err(error) = fs::remove_file(self.path.join(&name)) {
                tracing::warn!(%error, folder = %self.path.display(), name, "file of a Worker's process not removed");
            }
        }
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, folder = %self.path.display(), "folder of a Worker's process not removed");
        }
    }
}

/// A socket in a run folder.
#[derive(Debug, Clone)]
pub(crate) struct Socket {
    folder: Arc<OwnedFd>,
    name: String,
}

impl Socket {
    /// A path to it that is short enough, good for as long as this lives.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{}", self.folder.as_raw_fd(), self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    };

    #[test]
    fn a_socket_is_reached_however_long_the_path_is_and_files_are_nobody_elses() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("a".repeat(100)).join("b".repeat(100));
        let folder = RunFolder::make(&run, &vec![("config".to_owned(), b"secret".to_vec())]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&folder.path().join("config"))), (0o700, 0o600));
        let socket = folder.socket("host.sock");
        let _listener = UnixListener::bind(socket.path()).unwrap();
        assert!(folder.path().join("host.sock").exists());
        UnixStream::connect(socket.path()).unwrap();
        folder.forget(["config".to_owned()]);
        assert!(!folder.path().join("config").exists());
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
