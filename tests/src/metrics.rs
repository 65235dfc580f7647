//! Reading the Prometheus text of `GET /metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::{http, wait};

/// Messages taken responsibility for.
pub const ACCEPTED: &str = "mailwright_messages_accepted_total";
/// Recipients a receiver has taken.
pub const DELIVERED: &str = "mailwright_recipients_delivered_total";
/// Recipients refused for good or given up on.
pub const BOUNCED: &str = "mailwright_recipients_bounced_total";
/// Attempts that end in another attempt later.
pub const DEFERRED: &str = "mailwright_deliveries_deferred_total";
/// Actors that ended unasked and were started again.
pub const RESTARTS: &str = "mailwright_actor_restarts_total";
/// Deliveries whose outcome is not known because the final dot was never answered.
pub const IN_DOUBT: &str = "mailwright_deliveries_in_doubt_total";
/// Queue entries at this moment.
pub const QUEUED: &str = "mailwright_queue_entries";
/// Connections made to receivers.
pub const CONNECTIONS_OPENED: &str = "mailwright_connections_opened_total";
/// Connections to receivers that are open or being made.
pub const CONNECTIONS_OPEN: &str = "mailwright_connections_open";
/// Deliveries begun on a connection that had carried one before.
pub const CONNECTIONS_REUSED: &str = "mailwright_connections_reused_total";

/// One reading of all series.
#[derive(Clone, Debug)]
pub struct Metrics(Vec<(String, f64)>);

impl Metrics {
    /// Asks a server for its metrics.
    ///
    /// # Errors
    /// [`Error::Http`] or [`Error::Unexpected`] if it does not answer 200.
    pub fn read(server: SocketAddr) -> Result<Self> {
        let answer = http::get(server, "/metrics")?;
        if answer.status != 200 {
            return Err(Error::unexpected("GET /metrics", format!("status {}", answer.status)));
        }
        Ok(Self::parse(&answer.text))
    }

    /// Reads the text format, labels left aside.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let series = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name_and_labels, value) = line.rsplit_once(' ')?;
            let name = name_and_labels.split('{').next()?.trim();
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(series.collect())
    }

    /// Returns the value of a metric summed over its labels; one that never moved counts as 0.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts, whole and small
    pub fn get(&self, name: &str) -> u64 {
        self.0.iter().filter(|(series, _)| series == name).map(|(_, value)| *value as u64).sum()
    }

    /// Asserts that every accepted recipient is accounted for: delivered, bounced or still queued.
    ///
    /// Holds where each message has one recipient and the server has run since the first of them.
    ///
    /// # Panics
    /// If the sums differ.
    pub fn assert_all_accounted_for(&self) {
        let (delivered, bounced, queued) = (self.get(DELIVERED), self.get(BOUNCED), self.get(QUEUED));
        assert_eq!(
            self.get(ACCEPTED),
            delivered + bounced + queued,
            "accepted = delivered {delivered} + bounced {bounced} + queued {queued}"
        );
    }
}

/// What a server says of one metric, beside its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The text after `# HELP`.
    pub help: String,
    /// The names of the labels of its series, without the `le` of a histogram's buckets.
    pub labels: BTreeSet<String>,
}

/// Reads what the text format says of each metric; a metric without a series is not there.
///
/// # Panics
/// If a series comes without a `# TYPE` before it.
#[must_use]
pub fn described(text: &str) -> BTreeMap<String, Described> {
    let mut metrics: BTreeMap<String, Described> = BTreeMap::new();
    for line in text.lines() {
        let about = |what| line.strip_prefix(what)?.split_once(' ');
        if let Some((name, help)) = about("# HELP ") {
            metrics.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some((name, kind)) = about("# TYPE ") {
            metrics.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else if let Some((series, _)) = line.rsplit_once(' ') {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let metric = metrics.get_mut(metric_of(name)).unwrap_or_else(|| panic!("{name} has no type"));
            metric.labels.extend(label_names(labels));
        }
    }
    metrics
}

/// The metric that a series belongs to: histograms have three kinds of series.
#[must_use]
pub fn metric_of(series: &str) -> &str {
    let parts = ["_bucket", "_sum", "_count"];
    parts.iter().find_map(|part| series.strip_suffix(part)).unwrap_or(series)
}

/// The names in `a="x",le="1"}`, but for `le`.
fn label_names(labels: &str) -> impl Iterator<Item = String> {
    let names = labels.split("\",").filter_map(|label| Some(label.split_once("=\"")?.0.trim()));
    names.filter(|name| *name != "le").map(ToOwned::to_owned)
}

/// Waits until a server has nothing left in its queue and returns that reading.
///
/// # Errors
/// [`Error::Timeout`] after `limit`.
pub fn until_queue_is_empty(server: SocketAddr, limit: Duration) -> Result<Metrics> {
    until_queue_has(server, 0, limit)
}

/// Waits until a server has as many entries in its queue and returns that reading: an outcome is logged, and
/// known to the receiver, a moment before it is on disk and leaves the queue.
///
/// # Errors
/// [`Error::Timeout`] after `limit`.
pub fn until_queue_has(server: SocketAddr, entries: u64, limit: Duration) -> Result<Metrics> {
    wait::until(&format!("{entries} entries in the queue"), limit, || {
        if Metrics::read(server)?.get(QUEUED) != entries {
            return Ok(None);
        }
        // A page has its counters from a moment before its gauges: what is out of the queue is counted on the next one.
        let metrics = Metrics::read(server)?;
        Ok((metrics.get(QUEUED) == entries).then_some(metrics))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_a_metric_over_its_labels() {
        let metrics = Metrics::parse("# TYPE a counter\na{x=\"1 2\"} 3\na{x=\"b\"} 4\nab 9\nc 1.0\n");
        assert_eq!((metrics.get("a"), metrics.get("c"), metrics.get("never")), (7, 1, 0));
    }

    #[test]
    fn reads_what_is_said_of_a_metric() {
        let text = "# HELP a_seconds How long.\n# TYPE a_seconds histogram\n\
                    a_seconds_bucket{x=\"1,b=\",y=\"2\",le=\"0.1\"} 3\na_seconds_sum{x=\"1\"} 4\n";
        let labels = ["x", "y"].map(ToOwned::to_owned).into();
        let expected = Described { kind: "histogram".into(), help: "How long.".into(), labels };
        assert_eq!(described(text), [("a_seconds".to_owned(), expected)].into());
    }

    #[test]
    #[should_panic(expected = "queued 1")]
    fn refuses_books_that_do_not_balance() {
        Metrics::parse("mailwright_messages_accepted_total 3\nmailwright_queue_entries 1\n")
            .assert_all_accounted_for();
    }
}
