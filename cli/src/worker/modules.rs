//! The modules of a Worker whose code runs as it is.

use super::{ProjectError, imports::specifiers};
use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

/// Most octets of all modules together, as the server takes them.
const MOST_OCTETS: u64 = 64 * 1024 * 1024;
/// Most modules, as the server takes them.
const MOST_MODULES: usize = 1_000;
/// What the runtime has of its own.
const BUILT_IN: [&str; 3] = ["cloudflare:", "node:", "workerd:"];

/// A module as it is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    /// The name by which others import it.
    pub(super) name: String,
    pub(super) content: Vec<u8>,
}

/// What a Worker is made of; the first module is the main one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Modules(pub(super) Vec<Module>);

/// What is found when a Worker's imports are followed.
pub(super) enum Followed {
    /// All that it needs.
    Whole(Modules),
    /// It has to be bundled, for this reason.
    NeedsBundler(String),
}

/// How the server is told to read a module of this name.
pub(super) fn media_type(name: &str) -> &'static str {
    match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("cjs") => "application/javascript",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("txt" | "html" | "sql") => "text/plain",
        Some("bin") => "application/octet-stream",
        _ => "application/javascript+module",
    }
}

/// Follows the imports of `main` through files.
///
/// # Errors
/// Files that are missing or too large, and imports that lead nowhere.
pub(super) fn follow(main: &Path) -> Result<Followed, ProjectError> {
    let main = tidied(&std::path::absolute(main).map_err(ProjectError::unreadable(main))?);
    let (mut found, mut waiting) = (BTreeMap::new(), vec![main.clone()]);
    let mut octets = 0;
    while let Some(path) = waiting.pop() {
        if found.contains_key(&path) {
            continue;
        }
        if let Some(reason) = foreign(&path) {
            return Ok(Followed::NeedsBundler(reason));
        }
        let content = fs::read(&path).map_err(ProjectError::unreadable(&path))?;
        octets += content.len() as u64;
        if octets > MOST_OCTETS || found.len() >= MOST_MODULES {
            let reason = format!("with its imports it is more than {MOST_MODULES} modules or 64 MiB");
            return Err(ProjectError::Config { path: main, reason });
        }
        if media_type(&path.to_string_lossy()).starts_with("application/javascript") {
            match imported(&path, &String::from_utf8_lossy(&content))? {
                Ok(files) => waiting.extend(files),
                Err(reason) => return Ok(Followed::NeedsBundler(reason)),
            }
        }
        found.insert(path, content);
    }
    Ok(Followed::Whole(named(&main, found)))
}

/// The folder's files as modules, the one called `main` first.
///
/// # Errors
/// Files that cannot be read.
pub(super) fn of_folder(folder: &Path, main: &str) -> Result<Modules, ProjectError> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(ProjectError::unreadable(folder))? {
        let path = entry.map_err(ProjectError::unreadable(folder))?.path();
        let content = fs::read(&path).map_err(ProjectError::unreadable(&path))?;
        found.insert(path, content);
    }
    Ok(named(&folder.join(main), found))
}

/// Why a file cannot run as it is, if it cannot.
fn foreign(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_str()?;
    let language = match extension {
        "ts" | "mts" | "cts" => "TypeScript",
        "jsx" | "tsx" => "JSX",
        _ => return None,
    };
    Some(format!("{} is {language}", path.display()))
}

/// The files that a module imports, or why it has to be bundled.
fn imported(path: &Path, source: &str) -> Result<Result<Vec<PathBuf>, String>, ProjectError> {
    let mut files = Vec::new();
    let folder = path.parent().unwrap_or(Path::new("/"));
    for specifier in specifiers(source) {
        if BUILT_IN.iter().any(|scheme| specifier.starts_with(scheme)) {
            continue;
        }
        if !specifier.starts_with("./") && !specifier.starts_with("../") {
            return Ok(Err(format!("{} imports {specifier:?}, a package", path.display())));
        }
        let file = tidied(&folder.join(&specifier));
        if file.is_file() {
            files.push(file);
        } else if file.extension().is_none() || file.is_dir() {
            return Ok(Err(format!("{} imports {specifier:?} without its whole name", path.display())));
        } else {
            let reason = format!("imports {specifier:?}, and there is no such file");
            return Err(ProjectError::Config { path: path.to_path_buf(), reason });
        }
    }
    Ok(Ok(files))
}

/// Names modules by where they lie below the folder that all of them share: so imports lead from one to the other.
fn named(main: &Path, mut found: BTreeMap<PathBuf, Vec<u8>>) -> Modules {
    let folder = |path: &PathBuf| path.parent().unwrap_or(path).to_path_buf();
    let shared = found.keys().map(folder).reduce(|one, other| {
        let same = one.components().zip(other.components()).take_while(|(one, other)| one == other);
        same.map(|(component, _)| component).collect()
    });
    let shared = shared.unwrap_or_default();
    let name = |path: &Path| path.strip_prefix(&shared).unwrap_or(path).to_string_lossy().into_owned();
    let first = found.remove_entry(main);
    let all = first.into_iter().chain(found);
    Modules(all.map(|(path, content)| Module { name: name(&path), content }).collect())
}

/// A path without `.` and `..`, by its words alone.
fn tidied(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(tidied.pop()),
            other => tidied.push(other),
        }
    }
    tidied
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        dir
    }

    fn needs(dir: &tempfile::TempDir, main: &str) -> String {
        match follow(&dir.path().join(main)).unwrap() {
            Followed::NeedsBundler(reason) => reason,
            Followed::Whole(modules) => panic!("{modules:?}"),
        }
    }

    #[test]
    fn modules_are_named_so_that_their_imports_lead_to_each_other() {
        let dir = folder(&[
            (
                "src/index.js",
                "import { a } from '../lib/a.mjs'; import text from './text.txt'; import 'cloudflare:email';",
            ),
            ("lib/a.mjs", "import '../src/index.js'; export const a = 1;"),
            ("src/text.txt", "import './nothing.js'"),
            ("src/unused.js", ""),
        ]);
        let Followed::Whole(Modules(modules)) = follow(&dir.path().join("src/index.js")).unwrap() else {
            panic!()
        };
        let names: Vec<_> = modules.iter().map(|module| module.name.as_str()).collect();
        assert_eq!(names, ["src/index.js", "lib/a.mjs", "src/text.txt"]);
    }

    #[test]
    fn code_that_does_not_run_as_it_is_is_told_from_code_that_does() {
        let dir = folder(&[
            ("a.ts", ""),
            ("package.js", "import PostalMime from 'postal-mime'"),
            ("short.js", "import './other'"),
            ("other.js", ""),
        ]);
        assert!(needs(&dir, "a.ts").ends_with("a.ts is TypeScript"));
        assert!(needs(&dir, "package.js").contains("imports \"postal-mime\""));
        assert!(needs(&dir, "short.js").contains("without its whole name"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let dir = folder(&[("a.js", "import './b.js'")]);
        let error = follow(&dir.path().join("a.js")).err().unwrap().to_string();
        assert!(error.contains("a.js: imports \"./b.js\""), "{error}");
    }
}
