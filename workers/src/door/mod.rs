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

use crate::{EventError, FetchBody};
use hyper::{Request, Response};
use mailwright_engine::worker::ScriptName;
use mailwright_storage::control::ObjectId;
use std::future::Future;

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
