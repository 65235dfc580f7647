//! `mailwright dev --worker`: a Worker that is deployed again whenever its files change, and heard while it works.

use super::super::{
    CommandError, Credentials, say, say_error, say_hint,
    worker::{Ended, Tail, lines},
};
use crate::{
    control_client::{ControlClient, escaped},
    node::{Node, NodeError},
    worker::{self, Given, Missing, Project},
};
use mailwright_actors::smtp::listener::bind;
use mailwright_engine::worker::ScriptName;
use mailwright_workers::{DoorSettings, Scope};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    fs, io,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Most files that are looked at: a folder that holds more is not a Worker's.
const MOST_FILES: usize = 5_000;
/// Most HTTP clients at a time.
const MOST_CLIENTS: usize = 100;
/// How long somebody who was hung up on waits before listening again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// A Worker that is to be developed, and what that needs that can fail.
pub(super) struct Development {
    path: PathBuf,
    name: ScriptName,
    door: TcpListener,
}

impl Development {
    /// Reads what the Worker at `path` is called, and binds where its `fetch()` is reached.
    pub(super) fn prepare(path: &Path, fetch: SocketAddr) -> Result<Self, CommandError> {
        let name = Project::read(path, &Given::default())?.name;
        let door = bind(fetch).map_err(|source| NodeError::Listen { address: fetch, source })?;
        Ok(Self { path: path.to_path_buf(), name, door })
    }

    /// Opens the door.
    pub(super) fn begin(self, node: &mut Node, credentials: &Credentials) -> Result<Developed, CommandError> {
        let unknown = || CommandError::Invalid("the account of the last start is gone".to_owned());
        let account = node.control.account(&credentials.account_id).ok_or_else(unknown)?;
        let scope = Scope::One(account.id.clone(), self.name);
        node.serve_workers(vec![self.door], &DoorSettings { scope, max_connections: MOST_CLIENTS })?;
        let state = node.state.path().to_path_buf();
        Ok(Developed { path: self.path, state, credentials: credentials.clone(), heard: None })
    }
}

/// A Worker under development.
pub(super) struct Developed {
    path: PathBuf,
    state: PathBuf,
    credentials: Credentials,
    /// Whose words are shown already.
    heard: Option<ScriptName>,
}

impl Developed {
    /// Deploys it, now and whenever a file changes, on a thread of its own that ends with the process.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn watch(mut self) -> io::Result<()> {
        let watch = move || {
            let client = ControlClient::new(&self.state);
            let own = self.state.canonicalize().ok();
            loop {
                let seen = seen(&self.path, &own);
                if let Err(error) = self.deploy(&client) {
                    say_error(&error);
                }
                while self::seen(&self.path, &own) == seen {
                    thread::sleep(LOOK_EVERY);
                }
            }
        };
        thread::Builder::new().name("watch".to_owned()).spawn(watch).map(drop)
    }

    /// Deploys what lies there now, and has it get the zone's mail.
    fn deploy(&mut self, client: &ControlClient) -> Result<(), CommandError> {
        let project = Project::read(&self.path, &Given::default())?.with_local_secrets()?;
        let name = &project.name;
        // Before it is deployed: mail for a Worker with a mistake in it is put off, and goes nowhere else.
        self.route(client, name)?;
        let done = worker::deploy(client, &self.credentials.account_id, &project, Missing::Made)?;
        say_hint(&format!("deployed: {name}, version {}", done.version));
        if self.heard.as_ref() != Some(name) {
            self.hear(name.clone())?;
            self.heard = Some(name.clone());
        }
        Ok(())
    }

    /// Has mail for every address of the zone without a rule of its own go to the Worker.
    fn route(&self, client: &ControlClient, name: &ScriptName) -> Result<(), CommandError> {
        let path = format!("zones/{}/email/routing/rules/catch_all", escaped(&self.credentials.zone_id));
        let rule = json!({
            "name": "Everything", "enabled": true, "matchers": [{ "type": "all" }],
            "actions": [{ "type": "worker", "value": [name.as_str()] }],
        });
        client.put::<Value>(&path, &rule)?;
        Ok(())
    }

    /// Shows what the Worker does, on a thread of its own that ends with the process.
    fn hear(&self, name: ScriptName) -> io::Result<()> {
        let (state, account) = (self.state.clone(), format!("accounts/{}", self.credentials.account_id));
        let hear = move || {
            let client = ControlClient::new(&state);
            while hear(&client, &account, &name).is_ok() {
                thread::sleep(LISTEN_AGAIN);
            }
        };
        thread::Builder::new().name("hear".to_owned()).spawn(hear).map(drop)
    }
}

/// Listens until the server hangs up, as it does after some hours.
fn hear(client: &ControlClient, account: &str, name: &ScriptName) -> Result<(), CommandError> {
    let shown = Tail::open(client, account, name)?
        .follow(|event| lines(event).iter().try_for_each(|line| Ok(say(line)?)));
    match shown {
        Ok(()) | Err(Ended::Enough) => Ok(()),
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// When each file was changed last, and how long it is; without what is in the folder `own`, which always changes.
fn seen(path: &Path, own: &Option<PathBuf>) -> BTreeMap<PathBuf, (Option<SystemTime>, u64)> {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new(".")) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (mut seen, mut folders) = (BTreeMap::new(), VecDeque::from([folder.to_path_buf()]));
    while let Some(folder) = folders.pop_front() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(about) = entry.metadata() else { continue };
            if about.is_dir() {
                let is_own = own.is_some() && entry.path().canonicalize().ok() == *own;
                if !is_own && !is_others(&entry.file_name().to_string_lossy()) {
                    folders.push_back(entry.path());
                }
            } else if about.is_file() && is_source(&entry.path()) {
                seen.insert(entry.path(), (about.modified().ok(), about.len()));
            }
            if seen.len() >= MOST_FILES {
                return seen;
            }
        }
    }
    seen
}

/// Whether a file can be part of a Worker, or says something of it.
fn is_source(path: &Path) -> bool {
    const KINDS: [&str; 16] = [
        "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json", "jsonc", "toml", "wasm", "html", "txt",
        "sql", "bin",
    ];
    let kind = path.extension().and_then(|extension| extension.to_str());
    kind.is_some_and(|kind| KINDS.contains(&kind)) || path.ends_with(".dev.vars")
}

/// Whether a folder holds what is not written by hand: packages, what tools keep.
fn is_others(name: &str) -> bool {
    name.starts_with('.') || matches!(name, "node_modules" | "target")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_anywhere_in_the_folder_is_seen_and_packages_are_not_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let own = Some(dir.path().canonicalize().unwrap().join("state"));
        for folder in ["src", "node_modules/a", "state"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let (code, package) = (dir.path().join("src/index.js"), dir.path().join("node_modules/a/index.js"));
        fs::write(&code, "1").unwrap();
        let first = seen(dir.path(), &own);
        assert_eq!(first.len(), 1);
        fs::write(&package, "1").unwrap();
        fs::write(dir.path().join("state/dev.json"), "1").unwrap();
        fs::write(dir.path().join("what-it-says.log"), "1").unwrap();
        assert_eq!(seen(dir.path(), &own), first);
        fs::write(&code, "12").unwrap();
        assert_ne!(seen(dir.path(), &own), first);
        assert_ne!(seen(&dir.path().join("src/index.js"), &own), BTreeMap::new());
        fs::remove_file(&code).unwrap();
        assert_eq!(seen(dir.path(), &own).len(), 0);
    }
}
