//! The front door: HTTP requests from anywhere for the `fetch()` handlers of Workers.
//!
//! A Worker answers at `NAME.SUBDOMAIN.DOMAIN`, if its account has a subdomain and the Worker was put there. In front of
//! it stands what speaks TLS: the door itself speaks plain HTTP/1.1.

mod address;
mod fields;
mod listener;
mod patience;
mod refused;

pub use listener::{DoorSettings, Scope};

use crate::{EventError, FetchBody, Workers};
use hyper::{Request, Response};
use listener::Listener;
use mailwright_engine::worker::ScriptName;
use mailwright_storage::{control::ObjectId, workers::ScriptStore};
use std::{future::Future, io, net::TcpListener};
use tokio::sync::watch;

/// The door to the Workers of a server.
pub struct Door(Listener<Behind>);

impl Door {
    /// A door to `workers`, whose places are in `scripts`.
    pub fn new(workers: Workers, scripts: ScriptStore, settings: DoorSettings) -> Self {
        Self(Listener::new(Behind { workers, scripts }, settings))
    }

    /// Serves the clients of a socket, bound, listening and non-blocking, until `stopping` turns true. Requests under way
    /// are answered then, as far as they are within half a minute.
    ///
    /// # Errors
    /// When the socket cannot be used at all.
    pub async fn run(self, socket: TcpListener, stopping: watch::Receiver<bool>) -> io::Result<()> {
        self.0.run(socket, stopping).await
    }
}

/// The Workers behind a door.
#[derive(Clone)]
struct Behind {
    workers: Workers,
    scripts: ScriptStore,
}

impl Fetch for Behind {
    fn at(&self, script: &str, subdomain: &str) -> Option<(ObjectId, ScriptName)> {
        let script = self.scripts.script_of_host(script, subdomain)?;
        Some((script.account.clone(), script.name.clone()))
    }

    async fn fetch(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        request: Request<FetchBody>,
    ) -> Result<Response<FetchBody>, EventError> {
        self.workers.fetch(account, script, request).await
    }
}

/// Who answers requests.
pub(crate) trait Fetch: Clone + Send + Sync + 'static {
    /// Which Worker answers at `SCRIPT.SUBDOMAIN`.
    fn at(&self, script: &str, subdomain: &str) -> Option<(ObjectId, ScriptName)>;

    /// Has a Worker answer a request.
    fn fetch(
        &self,
        account: &ObjectId,
        script: &ScriptName,
        request: Request<FetchBody>,
    ) -> impl Future<Output = Result<Response<FetchBody>, EventError>> + Send;
}

#[cfg(test)]
mod tests;
