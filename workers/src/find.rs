//! Finding workerd.

use crate::WorkersSettings;
use std::{
    fmt::Write as _,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What npm calls the package with the binary for this machine.
#[cfg(target_arch = "aarch64")]
const PACKAGE: &str = "workerd-linux-arm64";
/// What npm calls the package with the binary for this machine.
#[cfg(not(target_arch = "aarch64"))]
const PACKAGE: &str = "workerd-linux-64";

/// How a program that the kernel can execute begins. What npm puts into `.bin` may be a script that wants Node.
const ELF: [u8; 4] = *b"\x7fELF";

/// A workerd that runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeFound {
    /// The binary.
    pub path: PathBuf,
    /// Its version, which is also the newest compatibility date that it knows: `2026-04-26`.
    pub version: String,
}

/// No workerd runs here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeMissing {
    /// Where it was looked for, and what was wrong with what was there.
    pub looked: Vec<(PathBuf, String)>,
}

impl std::fmt::Display for RuntimeMissing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut places = String::new();
        for (path, why) in &self.looked {
            let _ = write!(places, "; {}: {why}", path.display());
        }
        write!(f, "Workers need workerd, which `mailwright worker setup` installs{places}")
    }
}

impl std::error::Error for RuntimeMissing {}

/// The workerd that is configured, or the first that runs: of `worker setup`, of `PATH`, of `node_modules` of the working
/// directory. Blocks for the start of a process or two.
///
/// # Errors
/// Where it was looked for.
pub fn find(settings: &WorkersSettings) -> Result<RuntimeFound, RuntimeMissing> {
    let mut looked = Vec::new();
    for path in candidates(settings) {
        match probe(&path) {
            // It is started in another folder.
            Ok(version) => {
                return Ok(RuntimeFound { path: std::path::absolute(&path).unwrap_or(path), version });
            }
            Err(why) => looked.push((path, why)),
        }
    }
    Err(RuntimeMissing { looked })
}

fn candidates(settings: &WorkersSettings) -> Vec<PathBuf> {
    if let Some(binary) = &settings.binary {
        return vec![binary.clone()];
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|dir| dir.join("workerd")).filter(|file| file.exists());
    std::iter::once(in_modules(&settings.state.join("runtime")))
        .chain(in_path.flat_map(behind))
        .chain([in_modules(Path::new("."))])
        .collect()
}

/// Where npm puts it.
fn in_modules(folder: &Path) -> PathBuf {
    folder.join("node_modules/@cloudflare").join(PACKAGE).join("bin/workerd")
}

/// A program of `PATH`, or, if it is npm's script, what that would start.
fn behind(program: PathBuf) -> Option<PathBuf> {
    if is_executable(&program) {
        return Some(program);
    }
    // …/node_modules/workerd/bin/workerd
    let script = program.canonicalize().ok()?;
    let modules = script.ancestors().nth(3)?;
    Some(modules.join("@cloudflare").join(PACKAGE).join("bin/workerd"))
}

fn is_executable(program: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(program).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == ELF
}

/// The version of a binary.
fn probe(path: &Path) -> Result<String, String> {
    if !path.exists() {
        return Err("not there".to_owned());
    }
    if !is_executable(path) {
        return Err("no program for this machine".to_owned());
    }
    let output = Command::new(path)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim().strip_prefix("workerd ") {
        Some(version) if output.status.success() => Ok(version.to_owned()),
        _ => Err(format!("it does not run: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn what_is_configured_is_the_only_place() {
        let dir = tempfile::tempdir().unwrap();
        let mut settings = WorkersSettings::new("mailwright".into(), dir.path().to_owned());
        settings.binary = Some(dir.path().join("nothing"));
        let missing = find(&settings).unwrap_err();
        assert_eq!(missing.looked, [(dir.path().join("nothing"), "not there".to_owned())]);
        assert!(missing.to_string().contains("mailwright worker setup"), "{missing}");
    }

    #[test]
    fn a_script_is_no_runtime() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("workerd");
        fs::write(&script, "#!/bin/sh\necho workerd 2026-01-01\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(probe(&script), Err("no program for this machine".to_owned()));
    }

    #[test]
    fn npms_script_leads_to_the_binary_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let modules = dir.path().canonicalize().unwrap().join("node_modules");
        fs::create_dir_all(modules.join("workerd/bin")).unwrap();
        fs::create_dir_all(modules.join(".bin")).unwrap();
        fs::write(modules.join("workerd/bin/workerd"), "#!/usr/bin/env node\n").unwrap();
        std::os::unix::fs::symlink("../workerd/bin/workerd", modules.join(".bin/workerd")).unwrap();
        let found = behind(modules.join(".bin/workerd")).unwrap();
        assert_eq!(found, modules.join("@cloudflare").join(PACKAGE).join("bin/workerd"));
    }
}
