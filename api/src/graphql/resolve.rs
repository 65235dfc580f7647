//! What the fields of the schema answer.

use super::{
    names::{Dataset, Level},
    question,
    slots::{self, Held, Turn},
    value,
};
use crate::{access::Caller, answer::ApiError, server::AppState};
use actix_web::web;
use async_graphql::{
    Error, ErrorExtensions, Value,
    dynamic::{FieldFuture, FieldValue, ResolverContext},
};
use mailwright_storage::{
    activity::{
        ActivityLog, Scope,
        analytics::{self, AnalyticsError, Question},
    },
    control::Permission,
};
use tokio::sync::oneshot;

/// Most zones or accounts of a list.
const MAX_VIEWED: usize = 10;

/// What errors have their place under.
pub(super) const PATH: &str = "path";

/// Whoever asks, and how much he has asked.
pub(super) struct Asked {
    pub(super) caller: Caller,
    pub(super) state: web::Data<AppState>,
    pub(super) turn: Turn,
}

/// A zone or an account that may be seen.
struct Viewed {
    tag: String,
    account: String,
    zones: Option<Vec<String>>,
}

/// The id of a zone or an account.
pub(super) fn tag<'a>(context: &ResolverContext<'_>) -> FieldFuture<'a> {
    let viewed = context.parent_value.downcast_ref::<Viewed>();
    FieldFuture::Value(viewed.map(|viewed| FieldValue::value(viewed.tag.as_str())))
}

/// The zones or accounts that are asked for; an error if there is one among them that the caller may not see, or not
/// for its analytics.
pub(super) fn viewed<'a>(
    context: &ResolverContext<'a>,
    level: Level,
) -> Result<Option<FieldValue<'a>>, Error> {
    let asked = context.data::<Asked>()?;
    let mut tags: Vec<String> = Vec::new();
    if let Some(Value::Object(filter)) = context.args.get("filter").map(|filter| filter.as_value()) {
        for value in filter.values() {
            match value {
                Value::String(tag) => tags.push(tag.clone()),
                Value::List(all) => tags.extend(all.iter().filter_map(|tag| match tag {
                    Value::String(tag) => Some(tag.clone()),
                    _ => None,
                })),
                _ => {}
            }
        }
    }
    let (list, tag) = (level.list(), level.tag());
    if tags.is_empty() || tags.len() > MAX_VIEWED {
        let why = format!("{list}: say which by filter {{ {tag} }} or {{ {tag}_in }}, {MAX_VIEWED} at most.");
        return Err(Error::new(why));
    }
    let found: Result<Vec<_>, _> = tags.iter().map(|tag| see(asked, level, tag)).collect();
    let found = found.map_err(|_| {
        let kind = level.object();
        // The same for what there is not and what may not be seen.
        let why = format!(
            "not authorized for that {kind}: there is none with this {tag}, or the token has no Analytics Read for it"
        );
        Error::new(why).extend_with(|_, extensions| extensions.set("code", "authz"))
    })?;
    Ok(Some(FieldValue::list(found.into_iter().map(FieldValue::owned_any))))
}

/// The error with the place in the answer where it was met, which the library would leave out.
pub(super) fn placed(context: &ResolverContext<'_>, error: Error) -> Error {
    let path = context.path_node.as_ref().map(|node| node.to_string_vec()).unwrap_or_default();
    error.extend_with(|_, extensions| extensions.set(PATH, path))
}

fn see(asked: &Asked, level: Level, tag: &str) -> Result<Viewed, ApiError> {
    let Asked { caller, state, .. } = asked;
    let (account, zones) = match level {
        Level::Zone => {
            let zone = caller.zone(state, tag, Permission::AnalyticsRead)?;
            (zone.account_id.to_string(), Some(vec![zone.id.to_string()]))
        }
        Level::Account => {
            let account = caller.account(state, tag, Permission::AnalyticsRead)?;
            let zones = caller.token().and_then(|token| token.zones.as_ref());
            (account.id.to_string(), zones.map(|zones| zones.iter().map(ToString::to_string).collect()))
        }
    };
    Ok(Viewed { tag: tag.to_owned(), account, zones })
}

/// The rows of a dataset.
pub(super) async fn dataset<'a>(
    context: &ResolverContext<'a>,
    dataset: Dataset,
) -> Result<Option<FieldValue<'a>>, Error> {
    let asked = context.data::<Asked>()?;
    let viewed = context.parent_value.try_downcast_ref::<Viewed>()?;
    let scope = Scope {
        direction: dataset.direction,
        account: Some(viewed.account.clone()),
        zones: viewed.zones.clone(),
    };
    let question = question::read(context, dataset)?;
    let Held { permit, turn: _turn } = asked.turn.take(&asked.state.analysts).await?;
    let log = asked.state.activity.clone();
    let (done, answered) = oneshot::channel();
    let work = move || {
        // Whoever asked may be gone.
        let _ = done.send(rows(&log, &scope, dataset, question));
        drop(permit);
    };
    let lost = || Error::new("the server could not read the activity log now; ask again in a moment");
    analytics::in_background(work).map_err(|_| lost())?;
    let found = answered.await.map_err(|_| lost())?.map_err(|error| refusal(&error))?;
    Ok(Some(FieldValue::list(found.into_iter().map(FieldValue::value))))
}

fn rows(
    log: &ActivityLog,
    scope: &Scope,
    dataset: Dataset,
    question: Question,
) -> Result<Vec<Value>, AnalyticsError> {
    let dimensions = question.dimensions.clone();
    if dataset.counts {
        let groups = log.groups(scope, question)?;
        Ok(groups.iter().map(|group| value::group(group, &dimensions)).collect())
    } else {
        let events = log.events(scope, question)?;
        Ok(events.iter().map(|event| value::row(event, &dimensions)).collect())
    }
}

fn refusal(error: &AnalyticsError) -> Error {
    let why = match error {
        AnalyticsError::TooLong(_) => {
            format!("{error}: narrow the time, or ask by hour or day and not for addresses or exact moments")
        }
        AnalyticsError::TooManyGroups(_) => {
            format!("{error}: filter more of them out, narrow the time, or count by less")
        }
        AnalyticsError::Storage(error) => {
            tracing::error!(%error, "the activity log was not read");
            return Error::new("the activity log could not be read; the server's log says why");
        }
    };
    Error::new(why).extend_with(|_, extensions| extensions.set("code", slots::BUDGET))
}
