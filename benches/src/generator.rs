//! The load generator: S sessions share N messages; each waits for one to be accepted before it sends the next.

use crate::{Error, Result, measure::count};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::timeout};

/// One session that hands in messages one after the other.
pub trait Client: Send + 'static {
    /// Hands in the message with this number; returns when responsibility for it has been taken.
    ///
    /// # Errors
    /// If it was refused, or if the connection failed.
    fn submit(&mut self, number: u64) -> impl Future<Output = Result<()>> + Send;

    /// Takes leave as the protocol wants it.
    ///
    /// # Errors
    /// If the connection failed.
    fn close(self) -> impl Future<Output = Result<()>> + Send;
}

/// How much load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    /// Sessions at a time.
    pub sessions: usize,
    /// Messages in all.
    pub messages: u64,
    /// The longest it may last.
    pub limit: Duration,
    /// Messages a second at most, in all sessions; `None`: as fast as they are accepted.
    pub pace: Option<f64>,
}

impl Load {
    /// Opens the sessions with `connect`, hands in all messages and returns how long that took, connecting
    /// included.
    ///
    /// # Errors
    /// The first failure of a session, which ends the others too; [`Error::Timeout`] after the limit.
    pub async fn run<C, F>(self, connect: impl Fn() -> F) -> Result<Duration>
    where
        C: Client,
        F: Future<Output = Result<C>> + Send + 'static,
    {
        let start = Instant::now();
        let tickets = Arc::new(AtomicU64::new(0));
        let mut sessions = JoinSet::new();
        for _ in 0..self.sessions {
            sessions.spawn(self.session(connect(), Arc::clone(&tickets), start));
        }
        // Dropping the set, at a failure or when time is up, ends the sessions that are left.
        let all = async {
            while let Some(session) = sessions.join_next().await {
                session.map_err(|error| Error::unexpected("a session", error.to_string()))??;
            }
            Ok(())
        };
        let late = |_| Error::Timeout { what: "the acceptance of all messages".into(), waited: self.limit };
        timeout(self.limit, all).await.map_err(late)??;
        Ok(start.elapsed())
    }

    /// Takes tickets until there are none left.
    async fn session<C: Client>(
        self,
        connecting: impl Future<Output = Result<C>>,
        tickets: Arc<AtomicU64>,
        start: Instant,
    ) -> Result<()> {
        let mut client = connecting.await?;
        loop {
            let number = tickets.fetch_add(1, Ordering::Relaxed);
            if number >= self.messages {
                return client.close().await;
            }
            if let Some(pace) = self.pace {
                let at = start + Duration::from_secs_f64(count(number) / pace);
                tokio::time::sleep_until(at.into()).await;
            }
            client.submit(number).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// Notes what was handed in and refuses one number.
    struct Recorder {
        seen: Arc<Mutex<Vec<u64>>>,
        refused: Option<u64>,
    }

    impl Client for Recorder {
        async fn submit(&mut self, number: u64) -> Result<()> {
            tokio::task::yield_now().await;
            if self.refused == Some(number) {
                return Err(Error::unexpected("submit", "refused"));
            }
            self.seen.lock().unwrap().push(number);
            Ok(())
        }

        async fn close(self) -> Result<()> {
            Ok(())
        }
    }

    async fn run(load: Load, refused: Option<u64>) -> (Result<Duration>, Vec<u64>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let recorder = || {
            let recorder = Recorder { seen: Arc::clone(&seen), refused };
            async { Ok(recorder) }
        };
        let outcome = load.run(recorder).await;
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        (outcome, seen)
    }

    const LOAD: Load = Load { sessions: 4, messages: 50, limit: Duration::from_secs(10), pace: None };

    #[tokio::test]
    async fn every_message_is_handed_in_once() {
        let (outcome, seen) = run(LOAD, None).await;
        outcome.unwrap();
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn no_more_are_handed_in_than_the_pace_allows() {
        let (outcome, seen) = run(Load { pace: Some(100.0), ..LOAD }, None).await;
        assert_eq!(seen.len(), 50);
        // The last of fifty is due 49 hundredths of a second after the first.
        assert!(outcome.unwrap() >= Duration::from_millis(490));
    }

    #[tokio::test]
    async fn a_refusal_ends_the_load() {
        let (outcome, seen) = run(LOAD, Some(20)).await;
        assert!(matches!(outcome, Err(Error::Unexpected { .. })));
        assert!(!seen.contains(&20));
    }
}
