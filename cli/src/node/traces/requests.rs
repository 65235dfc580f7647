//! Spans of the API's requests.

use super::{
    naming::Naming,
    spans::{Addresses, Shape, Spans, named, time},
};
use mailwright_api::ServedRequest;
use opentelemetry::{
    Array, KeyValue, StringValue, Value,
    propagation::{Extractor, TextMapPropagator},
    trace::{Link, SpanContext, SpanKind, Status, TraceContextExt},
};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SpanData};

/// Messages of a batch that its span leads to.
const LINKS: usize = 100;

/// The span of a request, in the trace of whoever made it if he says which; `None` if that is not kept.
pub(super) fn span(naming: &Naming, spans: &Spans, request: &ServedRequest) -> Option<SpanData> {
    let parent = parent(request);
    let own = parent.is_none().then(|| spans.fresh());
    // Whoever began the trace has decided.
    let is_kept = match (&parent, &own) {
        (Some(parent), _) => parent.is_sampled(),
        (None, own) => own.as_ref().is_some_and(|own| naming.keeps(own.trace_id())),
    };
    let shape = is_kept.then(|| shape(spans, request))?;
    let mut span = match (parent, own) {
        (Some(parent), _) => spans.below(&parent, shape),
        (None, own) => spans.span(own?, shape),
    };
    let to = request
        .messages
        .iter()
        .take(LINKS)
        .filter_map(|id| Some(Link::new(naming.root(*id)?, vec![named(*id)], 0)));
    span.links.links.extend(to);
    Some(span)
}

fn shape(spans: &Spans, request: &ServedRequest) -> Shape {
    let ServedRequest { method, route, status, began, took, client, messages, .. } = request;
    let name = route.as_ref().map_or_else(|| method.clone(), |route| format!("{method} {route}"));
    let mut attributes = vec![
        KeyValue::new("http.request.method", method.clone()),
        KeyValue::new("http.response.status_code", i64::from(*status)),
        KeyValue::new("url.scheme", "http"),
    ];
    attributes.extend(route.clone().map(|route| KeyValue::new("http.route", route)));
    if spans.addresses == Addresses::Shown {
        attributes.extend(client.map(|client| KeyValue::new("client.address", client.to_string())));
    }
    match messages.as_slice() {
        [] => {}
        [id] => attributes.push(named(*id)),
        ids => {
            let ids = ids.iter().take(LINKS).map(|id| StringValue::from(id.to_string())).collect();
            attributes.push(KeyValue::new("mailwright.message.id", Value::Array(Array::String(ids))));
        }
    }
    let failed = *status >= 500;
    if failed {
        attributes.push(KeyValue::new("error.type", status.to_string()));
    }
    let from = time(*began);
    Shape {
        name: name.into(),
        kind: SpanKind::Server,
        from,
        to: from + *took,
        attributes,
        status: if failed { Status::error("") } else { Status::Unset },
    }
}

/// The span that the request is a part of (W3C Trace Context), if it names one.
fn parent(request: &ServedRequest) -> Option<SpanContext> {
    let context = TraceContextPropagator::new().extract(&Carried(request));
    let span = context.span().span_context().clone();
    span.is_valid().then_some(span)
}

/// The fields in which a request says what it is a part of.
struct Carried<'a>(&'a ServedRequest);

impl Extractor for Carried<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => self.0.traceparent.as_deref(),
            "tracestate" => self.0.tracestate.as_deref(),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}
