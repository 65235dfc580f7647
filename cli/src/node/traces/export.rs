//! Gathering spans, and handing them to the collector in the background.

use super::metrics;
use opentelemetry_otlp::SpanExporter as OtlpExporter;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::mem;
use tokio::sync::mpsc;

/// Spans that go together.
const BATCH: usize = 512;
/// Batches that may wait for the collector: with their spans of some 2 KiB, 16 MiB. Beyond them spans are dropped.
const WAITING: usize = 16;

/// Gathers spans.
#[derive(Debug)]
pub(super) struct Batches {
    gathered: Vec<SpanData>,
    batches: mpsc::Sender<Vec<SpanData>>,
}

/// What was gathered and waits for the collector.
pub(super) type Waiting = mpsc::Receiver<Vec<SpanData>>;

impl Batches {
    pub(super) fn new() -> (Self, Waiting) {
        let (batches, waiting) = mpsc::channel(WAITING);
        (Self { gathered: Vec::new(), batches }, waiting)
    }

    /// Takes a span in.
    pub(super) fn add(&mut self, span: SpanData) {
        self.gathered.push(span);
        if self.gathered.len() >= BATCH {
            self.send();
        }
    }

    /// Sends on what was gathered. Never waits: what there is no room for is dropped and counted.
    pub(super) fn send(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let batch = mem::take(&mut self.gathered);
        if let Err(mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch)) =
            self.batches.try_send(batch)
        {
            metrics::spans("dropped", batch.len());
        }
    }
}

/// Exports until no more is gathered.
pub(super) async fn export(exporter: OtlpExporter, mut waiting: Waiting) {
    while let Some(batch) = waiting.recv().await {
        let count = batch.len();
        // The client has said why it failed.
        let result = if exporter.export(batch).await.is_ok() { "exported" } else { "failed" };
        metrics::spans(result, count);
    }
}
