//! Which process a Worker's events go to: started, replaced, ended.

use super::Workers;
use crate::{
    EventError,
    config::{Bounds, Program},
    events::token,
    host::{Host, HostParts},
    metrics::START_FAILURES,
    process::{self, Ending, Occupant, Process, Starting},
    slot::Slot,
    watch::Most,
};
use mailwright_engine::worker::ScriptName;
use mailwright_storage::{
    control::ObjectId,
    workers::{Script, Version},
};
use metrics::counter;
use serde_json::json;
use std::{
    fs,
    io::ErrorKind,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::task::spawn_blocking;

impl Workers {
    /// The process that new events of a Worker go to.
    pub(super) async fn process(
        &self,
        account: &ObjectId,
        script: &ScriptName,
    ) -> Result<Arc<Process>, EventError> {
        let (_, version) = self.deployed(account, script)?;
        let slot = self.slot(account, script);
        if let Some(process) = slot.current() {
            if process.occupant.version != version.id.as_str() {
                self.reload(slot);
            }
            return Ok(process);
        }
        // Others wait for the process, too: it is started even if this event is cancelled.
        let workers = self.clone();
        let started = self.0.runtime.spawn(async move { workers.started(&slot).await });
        started.await.unwrap_or_else(|error| Err(EventError::NotStarted(error.to_string())))
    }

    /// A version was deployed, a secret changed, or the Worker was removed: new events go to another process as soon as
    /// it serves. The old one ends when its events have. May be called from any thread.
    pub fn changed(&self, account: &ObjectId, script: &ScriptName) {
        let slot = self.slots().get(&(account.clone(), script.clone())).cloned();
        if let Some(slot) = slot {
            self.reload(slot);
        }
    }

    /// Starts a version and ends it again, to see whether it can be started.
    ///
    /// # Errors
    /// [`EventError::NotStarted`] with what workerd says of its code, or why it could not be tried.
    pub async fn try_version(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        version: Arc<Version>,
    ) -> Result<(), EventError> {
        let (workers, account, name) = (self.clone(), account.clone(), script.clone());
        let tried = self.0.runtime.spawn(async move {
            let process = workers.launch(&account, &name, &version).await?;
            process.end(Ending::Idle);
            Ok(())
        });
        tried.await.unwrap_or_else(|error| Err(EventError::NotStarted(error.to_string())))
    }

    /// Ends all processes. Events that are under way fail; to be called when nobody sends any more.
    pub async fn stop(&self) {
        self.0.is_stopped.store(true, Ordering::Relaxed);
        let slots: Vec<_> = self.slots().drain().map(|(_, slot)| slot).collect();
        for slot in slots {
            let _nobody_starts_one = slot.starting.lock().await;
            if let Some(process) = slot.put(None) {
                process.end(Ending::Stopped);
                process.gone().await;
            }
        }
    }

    fn deployed(
        &self,
        account: &ObjectId,
        name: &ScriptName,
    ) -> Result<(Arc<Script>, Arc<Version>), EventError> {
        let script = self.0.scripts.script(account, name);
        let deployed = script.and_then(|script| script.deployed.clone().map(|version| (script, version)));
        deployed.ok_or_else(|| EventError::NotDeployed(name.clone()))
    }

    fn slot(&self, account: &ObjectId, script: &ScriptName) -> Arc<Slot> {
        let mut slots = self.slots();
        let slot = slots.entry((account.clone(), script.clone()));
        slot.or_insert_with(|| Arc::new(Slot::new(account, script))).clone()
    }

    /// The current process, started if there is none.
    async fn started(&self, slot: &Arc<Slot>) -> Result<Arc<Process>, EventError> {
        let _starting = slot.starting.lock().await;
        if let Some(process) = slot.current() {
            return Ok(process);
        }
        slot.may_start()?;
        let (_, version) = self.deployed(&slot.account, &slot.script)?;
        let process = self.launched(slot, &version).await?;
        slot.put(Some(process.clone()));
        Ok(process)
    }

    /// Sees to it, once at a time, that the version that is deployed takes over.
    fn reload(&self, slot: Arc<Slot>) {
        if slot.is_reloading.swap(true, Ordering::Relaxed) {
            return;
        }
        let workers = self.clone();
        self.0.runtime.spawn(async move {
            let _starting = slot.starting.lock().await;
            // What changes from here on is another's to see.
            slot.is_reloading.store(false, Ordering::Relaxed);
            workers.replace(&slot).await;
        });
    }

    async fn replace(&self, slot: &Arc<Slot>) {
        let deployed = self.deployed(&slot.account, &slot.script).ok();
        let Some(current) = slot.current() else {
            slot.forgive();
            return;
        };
        let next = match deployed {
            Some((_, version)) if current.occupant.version == version.id.as_str() => return,
            Some((_, version)) => {
                slot.forgive();
                // If it does not start, events are told so: nobody asked for the old one any more.
                self.launched(slot, &version).await.ok()
            }
            None => {
                self.slots().remove(&(slot.account.clone(), slot.script.clone()));
                None
            }
        };
        if let Some(old) = slot.put(next) {
            old.replace();
        }
    }

    /// A new process for a slot, and somebody who sees how it fares.
    async fn launched(&self, slot: &Arc<Slot>, version: &Version) -> Result<Arc<Process>, EventError> {
        let launched = self.launch(&slot.account, &slot.script, version).await;
        match &launched {
            Ok(process) => {
                let (process, slot) = (process.clone(), slot.clone());
                tokio::spawn(async move { fare(&process, &slot).await });
            }
            Err(error) => {
                counter!(START_FAILURES).increment(1);
                tracing::warn!(account = %slot.account, script = %slot.script, %error, "Worker not started");
                slot.failed(error.clone());
            }
        }
        launched
    }

    async fn launch(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        version: &Version,
    ) -> Result<Arc<Process>, EventError> {
        if self.0.is_stopped.load(Ordering::Relaxed) {
            return Err(EventError::NotStarted("the server stops".to_owned()));
        }
        let blocking = |error: tokio::task::JoinError| EventError::NotStarted(error.to_string());
        let workers = self.clone();
        let runtime = spawn_blocking(move || workers.runtime()).await.map_err(blocking)?;
        let runtime = runtime.map_err(|missing| EventError::NoRuntime(missing.to_string()))?;
        let (scripts, of, name, read) =
            (self.0.scripts.clone(), account.clone(), script.clone(), version.clone());
        let modules = spawn_blocking(move || scripts.modules(&of, &name, &read)).await.map_err(blocking)?;
        let modules = modules.map_err(|error| EventError::NotStarted(error.to_string()))?;
        let occupant = Occupant {
            account: account.clone(),
            script: script.clone(),
            version: version.id.as_str().to_owned(),
        };
        let traces = self.0.runs.of(&occupant);
        let starting = self.starting(occupant, program(version, modules), version, runtime.path);
        let (services, account, script) = (self.0.services.clone(), account.clone(), script.clone());
        let bindings = version.bindings.clone();
        process::start(starting, move |listener, events| {
            let parts = HostParts { account, script, bindings, events: events.clone(), traces };
            tokio::spawn(Host::new(services, parts).serve(listener)).abort_handle()
        })
        .await
    }

    fn starting(
        &self,
        occupant: Occupant,
        program: Program,
        version: &Version,
        runtime: PathBuf,
    ) -> Starting {
        let settings = &self.0.settings;
        let own = version.limits.cpu_ms.map(|ms| Duration::from_millis(ms.into()));
        Starting {
            occupant,
            program,
            bounds: Bounds { heap: settings.memory >> 20, allow_addresses: settings.allow_addresses.clone() },
            most: Most {
                cpu: own.map_or(settings.cpu, |own| own.min(settings.cpu)),
                memory: settings.memory,
            },
            at_a_time: settings.at_a_time,
            idle: settings.idle,
            drain: settings.wall.saturating_mul(2),
            runtime,
            launcher: settings.launcher.clone(),
            run: run_folder(settings),
        }
    }
}

/// Waits for the end of a process: one that has not done anything is a failure.
async fn fare(process: &Process, slot: &Slot) {
    let ending = process.ended().await;
    if process.has_worked() {
        slot.forgive();
    } else if !matches!(ending, Ending::Idle | Ending::Replaced | Ending::Stopped) {
        slot.failed(ending.into());
    }
}

fn program(version: &Version, modules: Vec<mailwright_engine::worker::Module>) -> Program {
    let metadata = json!({
        "id": version.id.as_str(),
        "tag": version.annotations.get("workers/tag").map_or("", String::as_str),
        "timestamp": version.origin.at.to_string(),
    });
    Program {
        entry: format!("mailwright-{}", token().unwrap_or_default()),
        main_module: version.main_module.clone(),
        modules,
        compatibility_date: version.compatibility_date.clone(),
        compatibility_flags: version.compatibility_flags.clone(),
        bindings: version.bindings.clone(),
        metadata: metadata.to_string(),
    }
}

fn run_folder(settings: &crate::WorkersSettings) -> PathBuf {
    settings.state.join("run")
}

/// Removes what processes of a server that was killed have left.
pub(super) fn sweep(settings: &crate::WorkersSettings) {
    let folder = run_folder(settings);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %folder.display(), "old run folders of Workers not removed");
        }
        _ => {}
    }
}
