//! The files with the modules of versions: their octets, one after the other.

use super::{ModuleInfo, ScriptError, Version, VersionId};
use crate::{control::ObjectId, error::StorageError, private_folder::PrivateFolder};
use mailwright_engine::worker::{Module, ScriptName};
use std::{
    collections::HashSet,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Whose file it is: an account's, a Worker's, a version's.
pub(super) type Place = (ObjectId, ScriptName, VersionId);

/// Writes the modules of a version, safe from a power cut on return. Returns what is known of them, and their checksum.
pub(super) fn write(
    dir: &Path,
    (account, name, version): &Place,
    modules: Vec<Module>,
) -> Result<(Vec<ModuleInfo>, String), StorageError> {
    let of_account = dir.join(account.as_str());
    PrivateFolder::open(&of_account)?;
    let folder = PrivateFolder::open(&of_account.join(name.as_str()))?;
    let (mut content, mut infos) = (Vec::new(), Vec::with_capacity(modules.len()));
    for Module { name, kind, content: octets } in modules {
        infos.push(ModuleInfo { name, kind, size: octets.len() as u64 });
        // One module is the rule: it is taken as it is.
        if content.is_empty() { content = octets } else { content.extend_from_slice(&octets) }
    }
    folder.write(version.as_str(), &content)?;
    Ok((infos, digest(&content)))
}

/// Reads the modules of a version.
pub(super) fn read(
    dir: &Path,
    account: &ObjectId,
    name: &ScriptName,
    version: &Version,
) -> Result<Vec<Module>, ScriptError> {
    let folder = PrivateFolder::open(&dir.join(account.as_str()).join(name.as_str()))?;
    let Some(content) = folder.read(version.code.as_str())? else {
        return Err(ScriptError::NoVersion { script: name.clone(), version: version.id.to_string() });
    };
    if digest(&content) != version.etag {
        let why = format!("{} is not what was written", folder.path_of(version.code.as_str()).display());
        return Err(StorageError::format("module of a Worker", why).into());
    }
    let mut rest = content.as_slice();
    let mut modules = Vec::with_capacity(version.modules.len());
    for ModuleInfo { name, kind, size } in &version.modules {
        let size = usize::try_from(*size).unwrap_or(usize::MAX);
        let (octets, others) = rest.split_at_checked(size).ok_or_else(|| {
            StorageError::format("module of a Worker", format!("{name:?} ends beyond its file"))
        })?;
        modules.push(Module { name: name.clone(), kind: *kind, content: octets.to_vec() });
        rest = others;
    }
    Ok(modules)
}

/// Removes the file of a version; one that is not there is left so.
pub(super) fn remove(dir: &Path, (account, name, version): &Place) -> Result<(), StorageError> {
    let folder = dir.join(account.as_str()).join(name.as_str());
    if !folder.is_dir() {
        return Ok(());
    }
    PrivateFolder::open(&folder)?.remove(version.as_str())
}

/// Removes the folder of a Worker that is gone, or of an account (`name` is `None`).
pub(super) fn remove_folder(
    dir: &Path,
    account: &ObjectId,
    name: Option<&ScriptName>,
) -> Result<(), StorageError> {
    let of_account = dir.join(account.as_str());
    let folder = name.map_or_else(|| of_account.clone(), |name| of_account.join(name.as_str()));
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StorageError::io("remove", folder, error)),
        _ => Ok(()),
    }
}

/// Removes the files that belong to no version of `kept`: a crash leaves the file of a version that it kept from being
/// known, or of one that was forgotten already.
pub(super) fn sweep(dir: &Path, kept: &HashSet<Place>) -> Result<(), StorageError> {
    let kept: HashSet<PathBuf> = kept
        .iter()
        .map(|(account, name, version)| dir.join(account.as_str()).join(name.as_str()).join(version.as_str()))
        .collect();
    for file in folders(dir)?.into_iter().flat_map(|account| folders(&account)).flatten() {
        for file in list(&file)?.into_iter().filter(|file| !kept.contains(file)) {
            fs::remove_file(&file).map_err(|error| StorageError::io("remove", &file, error))?;
        }
    }
    Ok(())
}

fn folders(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    Ok(list(dir)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries = fs::read_dir(dir).and_then(|dir| dir.map(|entry| Ok(entry?.path())).collect());
    entries.map_err(|error| StorageError::io("list", dir, error))
}

fn digest(content: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content);
    data_encoding::HEXLOWER.encode(digest.as_ref())
}
