//! What the benches of throughput measure.

use crate::{
    Result,
    generator::{Client, Load},
    message::Domains,
    server::Server,
    sink::Sink,
    smtp::{Script, SmtpClient},
    usage::{Memory, Process},
};
use std::time::{Duration, Instant};

/// How long the server is given after the last delivery to record it: that work belongs to the messages.
const SETTLE: Duration = Duration::from_millis(300);

/// One pass of all messages of a load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Messages accepted in a second.
    pub accepted: f64,
    /// Messages in a second from the first connection until the sink had them all.
    pub delivered: f64,
    /// Processor time a message of what is measured, in microseconds.
    pub processor: f64,
}

/// A [`Rates`] of the server and of the same load without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// The generator straight into the sink; `processor` is that of these two.
    pub ceiling: Rates,
    /// Through the server; `processor` is the server's alone.
    pub server: Rates,
    /// The most memory of the server that was ever resident, in bytes.
    pub peak: u64,
}

impl Round {
    /// Returns the round with the median rate of delivery; `None` if there is none.
    #[must_use]
    pub fn median(mut rounds: Vec<Self>) -> Option<Self> {
        rounds.sort_by(|a, b| a.server.delivered.total_cmp(&b.server.delivered));
        rounds.get(rounds.len() / 2).copied()
    }
}

/// Lets the generator straight into the sink by SMTP, with bodies of `size` octets.
///
/// # Errors
/// Whatever keeps a message from arriving.
pub async fn ceiling(load: Load, size: usize) -> Result<Rates> {
    let sink = Sink::start()?;
    let (address, script) = (sink.address(), Script::new(Domains::ONE, size));
    let connect = || SmtpClient::connect(address, script.clone());
    pass(load, &sink, Process::own(), connect).await
}

/// Lets the generator's `connect`ions into the server, which delivers to `sink`, and ends the server.
///
/// # Errors
/// Whatever keeps a message from arriving, a message that arrives twice, and a server that does not end well.
pub async fn through<C, F>(
    server: Server,
    sink: &Sink,
    load: Load,
    connect: impl Fn() -> F,
) -> Result<(Rates, u64)>
where
    C: Client,
    F: Future<Output = Result<C>> + Send + 'static,
{
    let process = server.process();
    let rates = pass(load, sink, process, connect).await?;
    let peak = process.memory(Memory::Peak)?;
    server.stop().await?;
    // Whatever it still had to send has been sent: a message too many shows now.
    sink.wait_for(load.messages, Duration::ZERO).await?;
    Ok((rates, peak))
}

async fn pass<C, F>(load: Load, sink: &Sink, process: Process, connect: impl Fn() -> F) -> Result<Rates>
where
    C: Client,
    F: Future<Output = Result<C>> + Send + 'static,
{
    let (before, start) = (process.processor_time()?, Instant::now());
    let accepting = load.run(connect).await?;
    let arrivals = sink.wait_for(load.messages, load.limit).await?;
    tokio::time::sleep(SETTLE).await;
    let used = process.processor_time()?.saturating_sub(before);
    Ok(Rates {
        accepted: per_second(load.messages, accepting),
        delivered: per_second(load.messages, arrivals.last.duration_since(start)),
        processor: used.as_secs_f64() * 1e6 / count(load.messages),
    })
}

/// Returns how many a second that is.
#[must_use]
pub fn per_second(messages: u64, time: Duration) -> f64 {
    count(messages) / time.as_secs_f64().max(f64::EPSILON)
}

/// Returns a count as a number to calculate with; exact below 2^53, which no bench reaches.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "no bench counts to 2^53")]
pub fn count(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(delivered: f64) -> Round {
        let rates = Rates { accepted: 1.0, delivered, processor: 1.0 };
        Round { ceiling: rates, server: rates, peak: 0 }
    }

    #[test]
    fn the_median_round_is_the_middle_one() {
        let median = Round::median(vec![round(9.0), round(1.0), round(5.0)]).unwrap();
        assert_eq!(median, round(5.0));
        assert_eq!(Round::median(Vec::new()), None);
    }

    #[tokio::test]
    async fn the_ceiling_is_measured() {
        let load = Load { sessions: 2, messages: 20, limit: Duration::from_secs(10) };
        let rates = ceiling(load, 1_000).await.unwrap();
        assert!(rates.accepted > 0.0 && rates.delivered > 0.0);
    }
}
