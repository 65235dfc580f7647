//! Which events a tail tells, as the service's tools say it.

use crate::{answer::ApiError, request};
use mailwright_workers::{LogLine, Run, RunKind};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Most filters of a tail.
const MAX_FILTERS: usize = 20;
/// Most words of one filter.
const MAX_WORDS: usize = 20;

/// What a new tail is to tell.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(as = NewTail)]
pub(super) struct TailBody {
    /// An event is told if it passes all of them.
    #[schema(value_type = Vec<Object>, max_items = 20)]
    filters: Vec<Value>,
}

/// One filter: a single field of these.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Filter {
    /// The share of events that is told.
    SamplingRate(f64),
    /// How an event ended.
    Outcome(Vec<String>),
    /// The method of a request.
    Method(Vec<String>),
    /// Words in what was written.
    Query(String),
    /// The version that ran.
    #[serde(rename = "scriptVersion")]
    Version(String),
}

/// Which events are told: those that pass all filters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    /// Reads what a client asks for.
    ///
    /// # Errors
    /// 400 for what there is not.
    pub(super) fn read(body: TailBody) -> Result<Self, ApiError> {
        if body.filters.len() > MAX_FILTERS {
            return Err(ApiError::schema("filters", format!("A tail has {MAX_FILTERS} filters at most.")));
        }
        let read = |(at, filter): (usize, Value)| {
            let field = format!("filters[{at}]");
            if ["header", "client_ip"].iter().any(|kind| filter.get(kind).is_some()) {
                let why = "Events are not kept with headers and addresses of clients: filter by outcome, method, \
                    query, sampling_rate or scriptVersion.";
                return Err(ApiError::schema(field, why));
            }
            check(request::typed(filter)?, field)
        };
        body.filters.into_iter().enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an event is told; `die` is a number of 0 to 1, another for each event.
    pub(super) fn pass(&self, run: &Run, die: f64) -> bool {
        self.0.iter().all(|filter| match filter {
            Filter::SamplingRate(share) => die < *share,
            Filter::Outcome(outcomes) => outcomes.iter().any(|outcome| outcome == run.outcome.as_str()),
            Filter::Method(methods) => match &run.kind {
                RunKind::Fetch { method, .. } => methods.iter().any(|one| one.eq_ignore_ascii_case(method)),
                _ => false,
            },
            Filter::Query(words) => run.logs.iter().any(|line| says(line, words)),
            Filter::Version(id) => run.version == *id,
        })
    }
}

fn check(filter: Filter, field: String) -> Result<Filter, ApiError> {
    let is_fine = match &filter {
        Filter::SamplingRate(share) => (0.0..=1.0).contains(share),
        Filter::Outcome(words) | Filter::Method(words) => words.len() <= MAX_WORDS,
        Filter::Query(_) | Filter::Version(_) => true,
    };
    let why = format!("A filter has {MAX_WORDS} words at most, and a share of 0 to 1.");
    if is_fine { Ok(filter) } else { Err(ApiError::schema(field, why)) }
}

fn says(line: &LogLine, words: &str) -> bool {
    line.message.iter().any(|part| match part {
        Value::String(text) => text.contains(words),
        other => other.to_string().contains(words),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::message::tests::run, *};
    use mailwright_workers::RunOutcome;
    use serde_json::json;

    fn read(filters: &Value) -> Result<Filters, ApiError> {
        Filters::read(serde_json::from_value(json!({ "filters": filters })).unwrap())
    }

    #[test]
    fn an_event_is_told_if_it_passes_all_filters() {
        let ok = run();
        let threw = Run { outcome: RunOutcome::Exception, ..run() };
        let errors = read(&json!([{ "outcome": ["exception", "exceededCpu", "unknown"] }])).unwrap();
        assert!(errors.pass(&threw, 0.0) && !errors.pass(&ok, 0.0));
        let half = read(&json!([{ "sampling_rate": 0.5 }])).unwrap();
        assert!(half.pass(&ok, 0.4) && !half.pass(&ok, 0.6));
        let words = read(&json!([{ "query": "parsed" }, { "outcome": ["ok"] }])).unwrap();
        assert!(words.pass(&ok, 0.0) && !words.pass(&threw, 0.0));
        assert!(!read(&json!([{ "query": "nothing" }])).unwrap().pass(&ok, 0.0));
        assert!(!read(&json!([{ "method": ["GET"] }])).unwrap().pass(&ok, 0.0));
        assert!(read(&json!([{ "scriptVersion": "v" }])).unwrap().pass(&ok, 0.0));
        assert!(read(&json!([])).unwrap().pass(&ok, 0.99));
    }

    #[test]
    fn what_cannot_be_filtered_by_is_refused() {
        for filters in [
            json!([{ "header": { "key": "X" } }]),
            json!([{ "client_ip": ["self"] }]),
            json!([{ "sampling_rate": 7 }]),
            json!([{ "outcome": "ok" }]),
            json!([{ "unheard": 1 }]),
            json!([7]),
            json!(vec![json!({ "query": "x" }); 21]),
        ] {
            assert!(read(&filters).is_err(), "{filters}");
        }
    }
}
