//! A server on a thread of its own, so that the generator's work does not delay its answers.

use crate::{Error, Result, error::Context};
use std::{
    io,
    sync::mpsc,
    thread::{self, JoinHandle},
};
use tokio::sync::oneshot;

/// A running server. Dropping it ends it and what it spawned.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts `name`: `open` opens its sockets and returns what serves them. Returns when they are open.
    ///
    /// # Errors
    /// [`Error::Io`] if they cannot be opened.
    pub(crate) fn start<S>(name: &str, open: impl FnOnce() -> io::Result<S> + Send + 'static) -> Result<Self>
    where
        S: Future<Output = io::Result<()>>,
    {
        let what = format!("start {name}");
        let (stop, stopped) = oneshot::channel();
        let (ready, opened) = mpsc::channel();
        let thread = thread::spawn(move || {
            let served = serve(open, &ready, stopped);
            // Nobody asks any more when it served; when it could not, this is the answer.
            let _ = ready.send(served);
        });
        opened.recv().map_err(|_| Error::unexpected(&*what, "its thread ended"))?.context(&what)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // One that panicked has been missed by whoever waited for what it serves.
            let _ = thread.join();
        }
    }
}

fn serve<S>(
    open: impl FnOnce() -> io::Result<S>,
    ready: &mpsc::Sender<io::Result<()>>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()>
where
    S: Future<Output = io::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let serving = open()?;
        // Whoever asked waits for exactly this.
        let _ = ready.send(Ok(()));
        tokio::select! {
            served = serving => served,
            _ = stopped => Ok(()),
        }
    })
}
