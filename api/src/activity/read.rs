//! Requests about messages, from queries to the index's model.

use super::read_routed::RoutedQuery;
use crate::{answer::ApiError, request::query, time::read_time};
use actix_web::HttpRequest;
use mailwright_engine::address::{Domain, EmailAddress};
use mailwright_storage::{
    activity::{ActivityCursor, ActivityFilter, Direction, ListStart, Scope, Status},
    events::Place,
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Lines of a page when nobody says.
const PER_PAGE: usize = 50;
/// Most lines of a page.
const PER_PAGE_MAX: usize = 1_000;
/// Longest text to look for, in characters.
const MAX_TEXT: usize = 998;

/// Which part of a list or a timeline is wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct PartQuery {
    /// Where the page before ended.
    cursor: String,
    /// Most objects of a page; 50 when nobody says.
    #[param(minimum = 1, maximum = 1_000)]
    per_page: Option<usize>,
}

/// Which lines of mail that is sent are wanted. An empty value is as good as none.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterQuery {
    /// With this status: `sent`, `delivered`, `deliveryFailed`, `rejected` or `failed`.
    #[serde(alias = "state")]
    status: String,
    /// To recipients at this domain.
    domain: String,
    /// By authors at this domain.
    sending_domain: String,
    /// To this address.
    recipient: String,
    /// With this Message-ID.
    message_id: String,
    /// Whose last failure is of this class.
    class: String,
    /// With this text in the last reply.
    reply: String,
    /// Of this campaign.
    campaign: String,
    /// Accepted then or later.
    since: String,
    /// Accepted before then.
    until: String,
    /// `true` for those who complained.
    complained: String,
}

/// Which of the mail that is sent is looked at.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct ZoneQuery {
    /// What was sent from this zone.
    zone_id: String,
}

/// The part of what a caller may see that is asked for.
///
/// # Errors
/// For a zone's id that makes no sense.
pub(super) fn narrowed(http: &HttpRequest, scope: Scope) -> Result<Scope, ApiError> {
    let zone = read(&query::<ZoneQuery>(http)?.zone_id, |text| plain("zone_id", text))?;
    Ok(match zone {
        Some(zone) => scope.of_zone(zone),
        None => scope,
    })
}

/// What of a stream is wanted, beside what its filter says.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct LiveQuery {
    /// Only what went wrong: attempts that were put off or refused, mail that was given up, rejected or complained
    /// about.
    pub(super) failures: bool,
}

/// The filter of a list of mail that goes this way.
///
/// # Errors
/// For whatever makes no sense, by field.
pub(super) fn filter(http: &HttpRequest, direction: Direction) -> Result<ActivityFilter, ApiError> {
    match direction {
        Direction::Sending => query::<FilterQuery>(http)?.read(),
        Direction::Routing => query::<RoutedQuery>(http)?.read(),
    }
}

/// The filter of a stream, which knows no times.
///
/// # Errors
/// For whatever makes no sense, by field.
pub(super) fn live_filter(http: &HttpRequest, direction: Direction) -> Result<ActivityFilter, ApiError> {
    let filter = filter(http, direction)?;
    for (field, time) in [("since", filter.since), ("until", filter.until)] {
        if time.is_some() {
            let why = "A stream begins now; to go on after an event, send its id as Last-Event-ID.";
            return Err(ApiError::schema(field, why));
        }
    }
    Ok(filter)
}

impl PartQuery {
    /// Where the page of a list begins, and its most lines.
    ///
    /// # Errors
    /// For whatever makes no sense, by field; for a cursor together with filters other than its own.
    pub(super) fn read(&self, filter: ActivityFilter) -> Result<(ListStart, usize), ApiError> {
        let per_page = read_per_page(self.per_page)?;
        let Some(cursor) = some(&self.cursor) else { return Ok((ListStart::Of(filter), per_page)) };
        let cursor: ActivityCursor = cursor
            .parse()
            .map_err(|error| ApiError::schema("cursor", format!("The cursor is not valid: {error}.")))?;
        if filter != ActivityFilter::default() && filter != cursor.filter {
            let why =
                "The cursor belongs to a list with other filters; leave the filters out or as they were.";
            return Err(ApiError::schema("cursor", why));
        }
        Ok((ListStart::At(cursor), per_page))
    }

    /// Where the part of a timeline begins, and its most events.
    ///
    /// # Errors
    /// For whatever makes no sense, by field.
    pub(super) fn read_place(&self) -> Result<(Option<Place>, usize), ApiError> {
        let invalid =
            |_| ApiError::schema("cursor", "The cursor is not one that this timeline has returned.");
        let from = some(&self.cursor).map(|text| text.parse().map_err(invalid)).transpose()?;
        Ok((from, read_per_page(self.per_page)?))
    }
}

impl FilterQuery {
    fn read(&self) -> Result<ActivityFilter, ApiError> {
        Ok(ActivityFilter {
            status: read(&self.status, |text| status(Direction::Sending, text))?,
            domain: read(&self.domain, |text| domain("domain", text))?,
            sending_domain: read(&self.sending_domain, |text| domain("sending_domain", text))?,
            recipient: read(&self.recipient, |text| address("recipient", text))?,
            message_id: read(&self.message_id, message_id)?,
            class: read(&self.class, |text| plain("class", text))?,
            reply: read(&self.reply, |text| plain("reply", text))?.map(|text| text.to_lowercase()),
            campaign: read(&self.campaign, |text| plain("campaign", text))?,
            since: read(&self.since, |text| read_time("since", text))?,
            until: read(&self.until, |text| read_time("until", text))?,
            complained: read(&self.complained, complained)?.unwrap_or_default(),
            ..ActivityFilter::default()
        })
    }
}

/// What a field asks for; nothing, if it is empty.
pub(super) fn read<T>(
    text: &str,
    read: impl FnOnce(&str) -> Result<T, ApiError>,
) -> Result<Option<T>, ApiError> {
    some(text).map(read).transpose()
}

fn read_per_page(per_page: Option<usize>) -> Result<usize, ApiError> {
    let per_page = per_page.unwrap_or(PER_PAGE);
    if (1..=PER_PAGE_MAX).contains(&per_page) {
        return Ok(per_page);
    }
    Err(ApiError::schema("per_page", format!("A page has 1 to {PER_PAGE_MAX} lines.")))
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

pub(super) fn plain(field: &str, text: &str) -> Result<String, ApiError> {
    if text.chars().count() > MAX_TEXT || text.chars().any(char::is_control) {
        let why = format!("'{field}' is at most {MAX_TEXT} characters, none of them a control character.");
        return Err(ApiError::schema(field, why));
    }
    Ok(text.to_owned())
}

pub(super) fn domain(field: &str, text: &str) -> Result<String, ApiError> {
    let domain = Domain::parse(text.trim_end_matches('.'));
    domain
        .map(|domain| domain.to_string())
        .map_err(|error| ApiError::schema(field, format!("'{field}': {error}.")))
}

pub(super) fn address(field: &str, text: &str) -> Result<String, ApiError> {
    EmailAddress::parse(text)
        .map(|address| address.as_str().to_lowercase())
        .map_err(|error| ApiError::schema(field, format!("'{field}': {error}.")))
}

fn complained(text: &str) -> Result<bool, ApiError> {
    let why = |_| ApiError::schema("complained", "'complained' is true, or left out.");
    text.parse().map_err(why)
}

pub(super) fn status(direction: Direction, text: &str) -> Result<Status, ApiError> {
    let known = direction.statuses();
    known.iter().find(|status| status.as_str() == text).copied().ok_or_else(|| {
        let known = known.iter().copied().map(Status::as_str).collect::<Vec<_>>().join(", ");
        ApiError::schema("status", format!("'status': a status is one of {known}."))
    })
}

pub(super) fn message_id(text: &str) -> Result<String, ApiError> {
    let text = plain("message_id", text)?;
    Ok(text.trim_start_matches('<').trim_end_matches('>').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use mailwright_engine::time::UnixMillis;
    use serde_json::{Value, json};

    fn filter(query: Value) -> Result<ActivityFilter, ApiError> {
        serde_json::from_value::<FilterQuery>(query).unwrap().read()
    }

    #[test]
    fn what_is_asked_for_is_made_comparable() {
        let read = filter(json!({
            "state": "deliveryFailed", "domain": "One.Example.", "recipient": "Ann@One.Example",
            "message_id": "<1@x>", "reply": "No Such User", "since": "2026-11-21",
            "until": "2026-11-22T01:00:00+01:00", "complained": "true",
        }));
        let read = read.unwrap();
        let at = |text| UnixMillis::from_rfc3339(text);
        let expected = ActivityFilter {
            status: Some(Status::DeliveryFailed),
            domain: Some("one.example".into()),
            recipient: Some("ann@one.example".into()),
            message_id: Some("1@x".into()),
            reply: Some("no such user".into()),
            since: at("2026-11-21T00:00:00Z"),
            until: at("2026-11-22T00:00:00Z"),
            complained: true,
            ..ActivityFilter::default()
        };
        assert_eq!(read, expected);
        assert_eq!(filter(json!({ "status": "", "domain": "" })), Ok(ActivityFilter::default()));
        assert!(filter(json!({ "status": "forwarded" })).is_err(), "nothing that is sent is forwarded");
    }

    #[test]
    fn names_the_field_at_fault() {
        let cases = [
            ("status", "delivery_failed"),
            ("domain", "a b"),
            ("sending_domain", "-"),
            ("recipient", "ann"),
            ("message_id", "a\u{0}"),
            ("class", "a\nb"),
            ("reply", &"x".repeat(MAX_TEXT + 1)),
            ("since", "yesterday"),
            ("until", "2026-02-30"),
            ("complained", "yes"),
        ];
        for (field, text) in cases {
            let error = format!("{:?}", filter(json!({ field: text })).unwrap_err());
            assert!(error.contains(&format!("field: {field:?}")), "{error}");
        }
        for per_page in [0, PER_PAGE_MAX + 1] {
            assert!(read_per_page(Some(per_page)).is_err());
        }
        let part: PartQuery = serde_json::from_value(json!({ "cursor": "x" })).unwrap();
        assert!(part.read_place().is_err() && part.read(ActivityFilter::default()).is_err());
        let asked = |uri| TestRequest::with_uri(uri).to_http_request();
        assert!(live_filter(&asked("/?since=2026-11-21"), Direction::Sending).is_err());
        assert!(live_filter(&asked("/?until=2026-11-21"), Direction::Routing).is_err());
    }
}
