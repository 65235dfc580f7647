//! How the trace of a message is called, and whether it is kept.

use aws_lc_rs::digest::{SHA256, digest};
use mailwright_engine::id::QueueId;
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Half of all numbers that the last eight octets of a trace id can be.
const HALF: u64 = 1 << 63;

/// Names the traces of a server. They follow from its name and the message's, so that anybody can tell them: the trace
/// is the first sixteen octets of the SHA-256 of `mail.example.com/0660c560ec357d`, its root span the eight after them.
#[derive(Debug)]
pub(super) struct Naming {
    hostname: String,
    /// Traces whose number is below are kept.
    below: u64,
}

impl Naming {
    /// Of the server `hostname`, which keeps this share of its traces.
    pub(super) fn new(hostname: String, sample: f64) -> Self {
        // As OpenTelemetry's TraceIdRatioBased has it, so that others who keep the same share keep the same traces.
        Self { hostname, below: (sample.clamp(0.0, 1.0) * HALF as f64) as u64 }
    }

    /// The root span of a message; `None` if its trace is not kept.
    pub(super) fn root(&self, id: QueueId) -> Option<SpanContext> {
        let hash = digest(&SHA256, format!("{}/{id}", self.hostname).as_bytes());
        let (trace, rest) = hash.as_ref().split_first_chunk::<16>()?;
        let span = rest.first_chunk::<8>()?;
        let (trace, span) = (TraceId::from_bytes(*trace), SpanId::from_bytes(*span));
        self.keeps(trace).then(|| context(trace, span))
    }

    /// Whether a trace is kept: the same for all of its spans, whoever makes them.
    pub(super) fn keeps(&self, trace: TraceId) -> bool {
        let octets = trace.to_bytes();
        let last = octets.last_chunk::<8>().map_or(0, |last| u64::from_be_bytes(*last));
        last >> 1 < self.below
    }
}

/// A span of ours that is kept.
pub(super) fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_so_that_anybody_can_tell_it() {
        // printf %s mail.example.com/0660c560ec357d | sha256sum
        let named = Naming::new("mail.example.com".to_owned(), 1.0);
        let root = named.root("0660c560ec357d".parse().unwrap()).unwrap();
        let name = format!("{}{}", root.trace_id(), root.span_id());
        assert_eq!(name, "1cf3c322b604d866cdc18686b55d84d0a87e06dda94fcc68");
    }

    #[test]
    fn the_share_that_is_kept_is_the_one_that_was_asked_for() {
        let kept = |sample: f64| {
            let naming = Naming::new("mail.example.com".to_owned(), sample);
            (0..4_000).filter(|id| naming.root(QueueId::from_raw(*id)).is_some()).count()
        };
        assert_eq!((kept(0.0), kept(1.0)), (0, 4_000));
        assert!((850..1_150).contains(&kept(0.25)), "{}", kept(0.25));
        // Whoever keeps fewer keeps some of the same.
        let (few, many) = (Naming::new("a".to_owned(), 0.1), Naming::new("a".to_owned(), 0.6));
        let both =
            (0..4_000).map(QueueId::from_raw).all(|id| few.root(id).is_none() || many.root(id).is_some());
        assert!(both);
    }
}
