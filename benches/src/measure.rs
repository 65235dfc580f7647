//! What the benches of throughput measure.

use crate::{
    Error, Options, Result,
    generator::{Client, Load},
    message::Domains,
    report,
    server::Server,
    sink::Sink,
    smtp::{Script, SmtpClient},
    usage::{Memory, Process},
};
use std::time::{Duration, Instant};

/// Sessions of every load.
pub const SESSIONS: usize = 20;

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
    /// The most memory of it that ever was resident, in bytes.
    pub peak: u64,
}

/// A [`Rates`] of the server and of the same load without it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Round {
    /// The generator straight into the sink; `processor` is that of these two.
    pub ceiling: Rates,
    /// Through the server; `processor` and `peak` are the server's alone.
    pub server: Rates,
}

/// Prints the table of a bench that measures throughput; `round` measures one round of bodies of so many octets.
/// `sizes` are these octets, and the messages of a full and of a quick run.
///
/// # Errors
/// Those of `round`.
pub async fn throughput(
    options: Options,
    sizes: &[(usize, u64, u64)],
    round: impl AsyncFn(Load, usize) -> Result<Round>,
) -> Result<()> {
    report::head(report::THROUGHPUT)?;
    for (size, full, quick) in sizes {
        let load = load(options, options.messages(*full, *quick));
        let measure = async |size| round(load, size).await;
        for median in in_turn(options, &[*size], measure, |round| round.server.delivered).await? {
            report::row(&report::throughput(*size, load, &median))?;
        }
    }
    Ok(())
}

/// Returns the load of this many messages.
#[must_use]
pub fn load(options: Options, messages: u64) -> Load {
    Load { sessions: SESSIONS, messages, limit: options.limit(), pace: None }
}

/// Measures each case once in every round, so that whatever else the machine does disturbs all alike. Returns the
/// median of each case's results, by `key`.
///
/// # Errors
/// Those of `measure`.
pub async fn in_turn<C: Copy, T>(
    options: Options,
    cases: &[C],
    measure: impl AsyncFn(C) -> Result<T>,
    key: impl Fn(&T) -> f64,
) -> Result<Vec<T>> {
    let mut results: Vec<Vec<T>> = cases.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds() {
        for (case, results) in cases.iter().zip(&mut results) {
            results.push(measure(*case).await?);
        }
    }
    let none = || Error::unexpected("measure", "no rounds");
    results.into_iter().map(|results| median(results, &key).ok_or_else(none)).collect()
}

/// Returns the value in the middle by `key`; `None` if there is none.
fn median<T>(mut values: Vec<T>, key: impl Fn(&T) -> f64) -> Option<T> {
    values.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let middle = values.len() / 2;
    values.into_iter().nth(middle)
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
pub async fn through<C, F>(server: Server, sink: &Sink, load: Load, connect: impl Fn() -> F) -> Result<Rates>
where
    C: Client,
    F: Future<Output = Result<C>> + Send + 'static,
{
    let rates = pass(load, sink, server.process(), connect).await?;
    server.stop().await?;
    // Whatever it still had to send has been sent: a message too many shows now.
    sink.wait_for(load.messages, Duration::ZERO).await?;
    Ok(rates)
}

/// As [`through`], by SMTP and with mail as the script says.
///
/// # Errors
/// Those of [`through`].
pub async fn relayed(server: Server, sink: &Sink, load: Load, script: Script) -> Result<Rates> {
    let address = server.smtp()?;
    through(server, sink, load, || SmtpClient::connect(address, script.clone())).await
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
        peak: process.memory(Memory::Peak)?,
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

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![9.0, 1.0, 5.0], |value| *value), Some(5.0));
        assert_eq!(median(Vec::<f64>::new(), |value| *value), None);
    }

    #[tokio::test]
    async fn cases_are_measured_in_turn() {
        let order = std::cell::RefCell::new(Vec::new());
        let measure = async |case| {
            order.borrow_mut().push(case);
            Ok(case)
        };
        let medians = in_turn(Options::default(), &[1.0, 2.0], measure, |value| *value).await.unwrap();
        assert_eq!(medians, [1.0, 2.0]);
        assert_eq!(*order.borrow(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    }

    #[tokio::test]
    async fn the_ceiling_is_measured() {
        let load = Load { sessions: 2, messages: 20, limit: Duration::from_secs(10), pace: None };
        let rates = ceiling(load, 1_000).await.unwrap();
        assert!(rates.accepted > 0.0 && rates.delivered > 0.0);
    }
}
