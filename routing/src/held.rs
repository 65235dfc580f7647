//! Mail that is held until its Workers can have it: shown to them again and again, each time a while later, and at once when
//! a Worker has changed.

use crate::{
    addressee::{Addressee, Directory},
    pipeline::Pipeline,
};
use mailwright_actors::clock;
use mailwright_engine::{address::EmailAddress, id::QueueId};
use mailwright_storage::{
    StorageError,
    held::{HeldMail, HeldStore},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

/// How long to rest while nothing is due.
const REST: Duration = Duration::from_secs(5);

/// Shows mail that is held to its Workers. Clones share everything.
#[derive(Clone)]
pub struct HeldKeeper {
    store: HeldStore,
    directory: Directory,
    pipeline: Pipeline,
    hurry: Arc<Notify>,
}

impl HeldKeeper {
    /// Looks after what is in `store`.
    pub fn new(store: HeldStore, directory: Directory, pipeline: Pipeline) -> Self {
        metrics::gauge!(crate::metrics::HELD).set(count(&store));
        Self { store, directory, pipeline, hurry: Arc::default() }
    }

    /// A Worker has changed: what waits for it need not wait longer.
    pub fn hurry(&self) {
        self.store.make_all_due();
        self.hurry.notify_one();
    }

    /// Looks after it until the process stops.
    pub async fn run(self, mut stopping: watch::Receiver<bool>) {
        loop {
            if let Some(id) = self.store.due(clock::wall()) {
                if let Err(error) = self.show_again(id).await {
                    tracing::error!(%id, %error, "a message that is held cannot be shown to its Worker");
                }
                metrics::gauge!(crate::metrics::HELD).set(count(&self.store));
                if *stopping.borrow() {
                    return;
                }
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(REST) => {}
                () = self.hurry.notified() => {}
                _ = stopping.wait_for(|stopping| *stopping) => return,
            }
        }
    }

    async fn show_again(&self, id: QueueId) -> Result<(), StorageError> {
        let Some(mail) = self.store.read(id)? else { return Ok(()) };
        let recipients = self.found(&mail);
        if self.store.is_given_up(&mail, clock::wall()) {
            self.pipeline.give_up(&mail, recipients).await;
            return self.store.remove(id);
        }
        let left = self.pipeline.show_again(&mail, recipients).await;
        if left.is_empty() {
            self.store.remove(id)
        } else if left.len() < mail.recipients.len() {
            self.store.keep_for(&HeldMail { recipients: left, ..mail })
        } else {
            Ok(())
        }
    }

    /// What the rules of its addresses say now; without addresses that nobody has any more.
    fn found(&self, mail: &HeldMail) -> Vec<(EmailAddress, Addressee)> {
        let mut found = Vec::new();
        for address in &mail.recipients {
            match self.directory.leads_to(&mail.sender, address) {
                Ok(addressee) => found.push((address.clone(), addressee)),
                Err(why) => {
                    tracing::warn!(id = %mail.id, to = %address, %why, "a message that was held is thrown away");
                }
            }
        }
        found
    }
}

fn count(store: &HeldStore) -> f64 {
    // Exact below 2^53.
    store.len() as f64
}
