//! Traces of OpenTelemetry: what happened to each message, and what the API was asked, for whoever collects such.
//!
//! Made of the event log, not in the way of mail: a thread follows what is written to the log ([`Listener`]), as streams of
//! activity do, and tells a collector by OTLP over HTTP. Delivery neither waits for it nor knows of it; when it cannot keep
//! up or the collector does not answer, traces have gaps, and these are counted
//! ([0039](../../../../docs/decisions/0039-traces-from-the-event-log.md)).
//!
//! Bounds: 20,000 messages under way, 9,000 spans that wait for the collector, 1,024 requests that wait for the thread.
//!
//! [`Listener`]: mailwright_storage::events::Listener

mod client;
mod export;
mod follower;
mod journey;
pub(super) mod metrics;
mod naming;
mod requests;
mod spans;

pub(crate) use spans::Addresses;

use super::NodeError;
use client::Collector;
use export::{Batches, export};
use follower::{Follower, FollowerParts};
use hyper::{Uri, header::HeaderMap};
use mailwright_actors::https::ChosenHost;
use mailwright_api::RequestFeed;
use mailwright_storage::{activity::ActivityLog, events::EventLog};
use naming::Naming;
use opentelemetry::KeyValue;
use opentelemetry_otlp::{RetryPolicy, SpanExporter as OtlpExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, trace::SpanExporter};
use spans::Spans;
use std::{io, thread::JoinHandle, time::Duration};
use tokio::sync::oneshot;

/// Requests that may wait for the thread.
const REQUESTS: usize = 1_024;
/// How long the end of the process waits for the collector to take the last spans.
const LAST: Duration = Duration::from_secs(3);
/// The rank of the thread among others, between the ordinary 0 and the last 19.
const NICE: i32 = 10;

/// Where traces go and what is in them.
#[derive(Debug, Clone)]
pub(crate) struct TraceSettings {
    /// The collector's URL for traces.
    pub(crate) url: Uri,
    /// Its host.
    pub(crate) host: ChosenHost,
    /// What it is told in header fields. Secret.
    pub(crate) headers: HeaderMap,
    /// The share of traces that is kept, from 0 to 1.
    pub(crate) sample: f64,
    /// Whether addresses of people are told.
    pub(crate) addresses: Addresses,
    /// Our name, from which those of the traces follow.
    pub(crate) hostname: String,
}

/// The thread that makes traces, to be closed at the end.
#[derive(Debug)]
pub(super) struct Traces {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Traces {
    /// Follows `events` from now on, if anybody wants traces; the feed is for requests.
    pub(super) fn start(
        settings: Option<TraceSettings>,
        events: &EventLog,
        activity: &ActivityLog,
    ) -> Result<(Option<Self>, RequestFeed), NodeError> {
        let Some(settings) = settings else { return Ok((None, RequestFeed::disabled())) };
        let (feed, served) = RequestFeed::new(REQUESTS, || metrics::missed(1));
        let (stop, stopped) = oneshot::channel();
        let (batches, waiting) = Batches::new();
        let exporter = exporter(&settings)?;
        let follower = Follower::new(FollowerParts {
            naming: Naming::new(settings.hostname, settings.sample),
            spans: Spans::new(settings.addresses),
            batches,
            activity: activity.clone(),
        });
        let listener = events.listen();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(2).build()?;
        let run = move || {
            give_way();
            runtime.block_on(async {
                let exporting = tokio::spawn(export(exporter, waiting));
                follower.run(listener, served, stopped).await;
                // What it takes too late is lost with this process.
                let _ = tokio::time::timeout(LAST, exporting).await;
            });
        };
        let thread = std::thread::Builder::new().name("traces".to_owned()).spawn(run)?;
        tracing::info!(collector = settings.url.host(), sample = settings.sample, "traces are told");
        Ok((Some(Self { stop, thread }), feed))
    }

    /// Tells what was written and ends the thread. Blocks, for three seconds at most.
    pub(super) fn close(self) {
        // A thread that is gone has told all it could.
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the thread of traces panicked");
        }
    }
}

/// Mail goes before traces: without a lower rank it would still work.
fn give_way() {
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::warn!(%error, "the thread of traces competes with delivery");
    }
}

fn exporter(settings: &TraceSettings) -> Result<OtlpExporter, NodeError> {
    let collector = Collector::new(settings.host.clone(), settings.headers.clone());
    let built = OtlpExporter::builder()
        .with_http()
        .with_http_client(collector)
        .with_endpoint(settings.url.to_string())
        // The client tries again by itself, without holding up the thread.
        .with_retry_policy(RetryPolicy::disabled())
        .build();
    let mut exporter = built.map_err(|error| io::Error::other(format!("traces: {error}")))?;
    exporter.set_resource(&resource(&settings.hostname));
    Ok(exporter)
}

/// Who we are: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` have the last word.
fn resource(hostname: &str) -> Resource {
    let ours = [
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", hostname.to_owned()),
        KeyValue::new("host.name", hostname.to_owned()),
    ];
    let said = Resource::builder().build();
    let is_named = said
        .iter()
        .any(|(key, value)| key.as_str() == "service.name" && !value.as_str().starts_with("unknown_service"));
    let base = Resource::builder_empty().with_attributes(ours);
    let base = if is_named { base } else { base.with_service_name("mailwright") };
    let known = said.iter().filter(|(key, _)| is_named || key.as_str() != "service.name");
    base.with_attributes(known.map(|(key, value)| KeyValue::new(key.clone(), value.clone()))).build()
}
