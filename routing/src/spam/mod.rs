//! The spam score of mail from the world: the rules in force, and what they ask of URI block lists.

mod book;
pub mod metrics;

use book::Book;
use futures_util::{StreamExt, stream};
use hickory_resolver::{
    TokioResolver,
    proto::rr::{RData, RecordType},
};
use mailwright_actors::dns::resolver_with;
use mailwright_engine::spam::{Looked, SpamMail, SpamVerdict, UriAnswers};
use metrics::LookUp;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, timeout_at};

/// How long block lists are waited for, over all that one message asks; what is not answered by then is not listed.
const DEADLINE: Duration = Duration::from_secs(5);
/// How long one question waits for one answer; it is asked twice.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions under way at a time, for one message.
const AT_A_TIME: usize = 16;
/// Answers that are kept, those that there is nothing among them.
const KEPT: u64 = 8192;

/// Scores mail. Clones share rules and answers.
#[derive(Clone)]
pub struct SpamFilter {
    book: Arc<Book>,
    resolver: TokioResolver,
}

impl SpamFilter {
    /// Goes by the rules in `file`, or without one by those built in. Asks `servers`, or those of the system.
    ///
    /// # Errors
    /// When the file cannot be read or is not valid, or the system's configuration of names cannot be read; in words
    /// that name file, line, rule and reason.
    pub fn open(file: Option<PathBuf>, servers: &[SocketAddr]) -> Result<Self, String> {
        let resolver = resolver_with(servers, |options| {
            (options.timeout, options.attempts, options.cache_size) = (PATIENCE, 2, KEPT);
        })?;
        Ok(Self { book: Arc::new(Book::open(file)?), resolver })
    }

    /// The verdict on a message. Looks the file of rules up every few seconds; takes at most five seconds longer than
    /// reading the message. May be dropped at any time.
    pub async fn score(&self, mail: &SpamMail<'_>) -> SpamVerdict {
        let rules = self.book.rules().await;
        let looked = rules.look(mail);
        let answers = self.ask(&looked).await;
        let verdict = rules.decide(&looked, &answers);
        metrics::judged(&verdict);
        verdict
    }

    async fn ask(&self, looked: &Looked) -> UriAnswers {
        let deadline = Instant::now() + DEADLINE;
        let asked = looked.questions().map(|name| async move {
            let found = timeout_at(deadline, self.look_up(name)).await.unwrap_or(Err(LookUp::Failed));
            metrics::looked_up(match &found {
                Ok(_) => LookUp::Answered,
                Err(why) => *why,
            });
            Some((name.to_owned(), found.ok()?))
        });
        let answers = stream::iter(asked).buffer_unordered(AT_A_TIME);
        answers.filter_map(std::future::ready).collect().await
    }

    async fn look_up(&self, name: &str) -> Result<Vec<Ipv4Addr>, LookUp> {
        match self.resolver.lookup(format!("{name}."), RecordType::A).await {
            Ok(lookup) => {
                let addresses = lookup.answers().iter().filter_map(|record| match &record.data {
                    RData::A(address) => Some(address.0),
                    _ => None,
                });
                Ok(addresses.collect())
            }
            Err(error) if error.is_nx_domain() || error.is_no_records_found() => Err(LookUp::NotListed),
            Err(_) => Err(LookUp::Failed),
        }
    }
}
