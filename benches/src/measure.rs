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
use tokio::time::sleep_until;

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
    /// Processor time a message of the processes that it has started, in microseconds.
    pub helpers: f64,
    /// The most memory of them that ever was resident, in bytes.
    pub helpers_peak: u64,
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
    let rates = load_through(&server, sink, load, connect).await?;
    ended(server, sink, load).await?;
    Ok(rates)
}

/// As [`through`], but the server stays: [`ended`] ends it.
///
/// # Errors
/// Whatever keeps a message from arriving.
pub async fn load_through<C, F>(
    server: &Server,
    sink: &Sink,
    load: Load,
    connect: impl Fn() -> F,
) -> Result<Rates>
where
    C: Client,
    F: Future<Output = Result<C>> + Send + 'static,
{
    pass(load, sink, server.process(), connect).await
}

/// Ends a server that a load has gone through.
///
/// # Errors
/// A message that arrived twice, and a server that does not end well.
pub async fn ended(server: Server, sink: &Sink, load: Load) -> Result<()> {
    server.stop().await?;
    // Whatever it still had to send has been sent: a message too many shows now.
    sink.wait_for(load.messages, Duration::ZERO).await.map(drop)
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
    let (before, helpers_before) = (process.processor_time()?, processor_times(&process.children()?));
    let start = Instant::now();
    let accepting = load.run(connect).await?;
    let arrivals = sink.wait_for(load.messages, load.limit).await?;
    tokio::time::sleep(SETTLE).await;
    let used = process.processor_time()?.saturating_sub(before);
    let helpers = process.children()?;
    let helped = processor_times(&helpers).saturating_sub(helpers_before);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count(load.messages);
    Ok(Rates {
        accepted: per_second(load.messages, accepting),
        delivered: per_second(load.messages, arrivals.last.duration_since(start)),
        processor: each(used),
        peak: process.memory(Memory::Peak)?,
        helpers: each(helped),
        helpers_peak: helpers.iter().filter_map(|helper| helper.memory(Memory::Peak).ok()).sum(),
    })
}

/// What processes have used together; one that has ended meanwhile counts for nothing.
fn processor_times(processes: &[Process]) -> Duration {
    processes.iter().filter_map(|process| process.processor_time().ok()).sum()
}

/// Hands in one message after the other, each `pace` after the one before, and returns how long each took from the first octet of
/// the send until the sink had the final dot.
///
/// # Errors
/// Whatever keeps a message from arriving.
pub async fn one_by_one(
    mut client: impl Client,
    sink: &Sink,
    messages: u64,
    pace: Duration,
    limit: Duration,
) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for number in 0..messages {
        let begun = Instant::now();
        client.submit(number).await?;
        times.push(sink.wait_for(number + 1, limit).await?.last.duration_since(begun));
        sleep_until((begun + pace).into()).await;
    }
    client.close().await?;
    Ok(times)
}

/// The percentiles that [`percentiles`] returns.
pub const PERCENTILES: [usize; 4] = [50, 90, 99, 100];

/// Returns the [`PERCENTILES`] of some times by nearest rank, in milliseconds.
#[must_use]
pub fn percentiles(mut times: Vec<Duration>) -> [f64; 4] {
    times.sort_unstable();
    let milliseconds = |time: &Duration| time.as_secs_f64() * 1e3;
    PERCENTILES.map(|percent| {
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).map_or(f64::NAN, milliseconds)
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
