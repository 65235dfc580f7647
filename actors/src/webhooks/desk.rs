//! What others ask of the sender.

use mailwright_engine::webhook::EndpointUrl;
use mailwright_storage::{control::Webhook, webhooks::Attempt};
use std::{net::IpAddr, sync::Arc};
use tokio::sync::{mpsc, oneshot};

/// Questions that may wait: as many as the workers of the API ask at a time.
pub(super) const WAITING: usize = 64;

/// Why an endpoint may not be at an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// Its host is on a network that only some can reach.
    #[error(
        "{host} is at {ip}, an address that is not public; webhooks are sent to public addresses only \
         (whoever runs the server can allow others: webhooks.private_hosts)"
    )]
    Private {
        /// The host.
        host: String,
        /// Its address.
        ip: IpAddr,
    },
    /// There is no such host.
    #[error("{0} has no address; is it written correctly?")]
    NoAddress(String),
}

/// Something asked.
pub(super) enum Question {
    MayCall(EndpointUrl, oneshot::Sender<Result<(), UrlRefusal>>),
    Try(Arc<Webhook>, oneshot::Sender<Option<Attempt>>),
}

/// Where the sender is asked. Clones are cheap and share everything; usable from any thread.
#[derive(Debug, Clone)]
pub struct WebhookDesk(pub(super) mpsc::Sender<Question>);

impl WebhookDesk {
    /// Whether an endpoint may be there: looks its host up now. A host that cannot be looked up for now may; it is
    /// looked at again with each call.
    ///
    /// # Errors
    /// [`UrlRefusal`].
    pub async fn may_call(&self, url: EndpointUrl) -> Result<(), UrlRefusal> {
        let (tell, told) = oneshot::channel();
        if self.0.send(Question::MayCall(url, tell)).await.is_err() {
            return Ok(());
        }
        told.await.unwrap_or(Ok(()))
    }

    /// Calls an endpoint with a batch without events; `None` while the server stops.
    pub async fn try_call(&self, webhook: Arc<Webhook>) -> Option<Attempt> {
        let (tell, told) = oneshot::channel();
        self.0.send(Question::Try(webhook, tell)).await.ok()?;
        told.await.ok()?
    }
}
