//! Small files that only their owner may read, each whole or absent whatever happens: keys and certificates.

use crate::{disk::sync_dir, error::StorageError};
use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A folder of such files. Names are the caller's: they hold no slash.
#[derive(Debug, Clone)]
pub struct PrivateFolder {
    path: PathBuf,
}

impl PrivateFolder {
    /// Opens `path`, making it, for its owner only, if it is missing in the folder above it.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn open(path: &Path) -> Result<Self, StorageError> {
        let failed = |error: io::Error| StorageError::io("open", path, error);
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => path.parent().map_or(Ok(()), sync_dir).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(error)),
        }
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Where a file is.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The names of all files, in any order; those of writes that were cut short are left out.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, StorageError> {
        let failed = |error: io::Error| StorageError::io("list", &self.path, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            names.extend(name.into_string().ok().filter(|name| !name.starts_with('.')));
        }
        Ok(names)
    }

    /// What a file holds; `None` if it is not there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let path = self.path_of(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StorageError::io("read", path, error)),
        }
    }

    /// Writes a file, safe from a power cut on return: a reader sees the old content or the new, never a part.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), StorageError> {
        replace(&self.path, name, content)
    }

    /// Removes a file; one that is not there is left so.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self, name: &str) -> Result<(), StorageError> {
        let path = self.path_of(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::io("remove", path, error))
            }
            _ => Ok(()),
        }
    }
}

/// Puts `content` in place of what `name` in `folder` holds, if anything, readable by its owner only.
pub(crate) fn replace(folder: &Path, name: &str, content: &[u8]) -> Result<(), StorageError> {
    let (path, temporary) = (folder.join(name), folder.join(format!(".{name}.new")));
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        sync_dir(folder)
    };
    write().map_err(|error: io::Error| StorageError::io("write", &path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_its_owners_only_and_reads_back() {
        let above = tempfile::tempdir().unwrap();
        let path = above.path().join("certificates");
        let folder = PrivateFolder::open(&path).unwrap();
        assert_eq!(folder.read("key").unwrap(), None);
        for content in ["first", "second, and longer", ""] {
            folder.write("key", content.as_bytes()).unwrap();
            assert_eq!(folder.read("key").unwrap().as_deref(), Some(content.as_bytes()));
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder.path_of("key"))), (0o700, 0o600));
        assert_eq!(PrivateFolder::open(&path).unwrap().names().unwrap(), ["key"]);
        folder.remove("key").unwrap();
        folder.remove("key").unwrap();
        assert_eq!(folder.names().unwrap(), [""; 0]);
    }

    #[test]
    fn a_folder_that_was_open_to_others_is_closed_to_them() {
        let above = tempfile::tempdir().unwrap();
        fs::set_permissions(above.path(), Permissions::from_mode(0o755)).unwrap();
        PrivateFolder::open(above.path()).unwrap();
        assert_eq!(fs::metadata(above.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
