//! Rules as requests and answers have them.

use crate::{answer::ApiError, delivery::model::Moment, openapi::text::Id};
use mailwright_engine::address::EmailAddress;
use mailwright_storage::control::{
    Control, RouteAction, RoutingRule, RuleDraft, RuleMatcher, RuleSource, Zone,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Highest priority number: what signed numbers of 32 bits hold, as clients have them.
const MAX_PRIORITY: f64 = i32::MAX as f64;

/// A rule as a client wants it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = RoutingRuleDraft)]
pub(super) struct RuleBody {
    /// For which mail it is.
    #[schema(min_items = 1, max_items = 1)]
    pub(super) matchers: Vec<MatcherBody>,
    /// What becomes of it.
    #[schema(min_items = 1, max_items = 1)]
    actions: Vec<ActionBody>,
    /// Whether it is looked at; so it is when nobody says.
    enabled: Option<bool>,
    /// Its name, for people.
    #[schema(max_length = 256)]
    name: Option<String>,
    /// Of rules for one address, that with the lowest comes first, and of those the newest; 0 when nobody says.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 2_147_483_647)]
    priority: Option<f64>,
    /// Who keeps it: `api` when nobody says.
    source: Option<Source>,
    /// The worker that it belongs to; needed by what `wrangler` keeps.
    owner_worker_tag: Option<String>,
}

/// For which mail a rule is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RoutingMatcher)]
pub(super) struct MatcherBody {
    /// `literal` for one address, `all` for the catch-all.
    #[serde(rename = "type")]
    pub(super) kind: MatcherKind,
    /// What is looked at: the recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<Field>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RoutingMatcherType)]
pub(super) enum MatcherKind {
    Literal,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RoutingMatcherField)]
enum Field {
    To,
}

/// What becomes of mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = RoutingAction)]
pub(super) struct ActionBody {
    /// `forward`, `worker` or `drop`.
    #[serde(rename = "type")]
    kind: ActionKind,
    /// Destination addresses, or the name of a worker.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RoutingActionType)]
enum ActionKind {
    Forward,
    Worker,
    Drop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = RoutingRuleSource)]
enum Source {
    Api,
    Wrangler,
}

impl From<Source> for RuleSource {
    fn from(source: Source) -> Self {
        match source {
            Source::Api => Self::Api,
            Source::Wrangler => Self::Wrangler,
        }
    }
}

impl From<RuleSource> for Source {
    fn from(source: RuleSource) -> Self {
        match source {
            RuleSource::Api => Self::Api,
            RuleSource::Wrangler => Self::Wrangler,
        }
    }
}

impl RuleBody {
    /// Reads what the rule is to say.
    pub(super) fn read(self) -> Result<RuleDraft, ApiError> {
        let source = self.source.map(RuleSource::from).unwrap_or_default();
        if source == RuleSource::Wrangler && self.owner_worker_tag.is_none() {
            let why = "A rule that wrangler keeps names its worker: give its owner_worker_tag.";
            return Err(ApiError::schema("owner_worker_tag", why));
        }
        Ok(RuleDraft {
            name: self.name.unwrap_or_default(),
            enabled: self.enabled.unwrap_or(true),
            priority: priority(self.priority.unwrap_or_default())?,
            matcher: only(self.matchers, "matchers", "matcher")?.read()?,
            action: only(self.actions, "actions", "action")?.read()?,
            source,
            owner_worker_tag: self.owner_worker_tag,
        })
    }
}

/// The one item of a list.
fn only<T>(items: Vec<T>, field: &str, what: &str) -> Result<T, ApiError> {
    let count = items.len();
    match <[T; 1]>::try_from(items) {
        Ok([item]) => Ok(item),
        Err(_) => Err(ApiError::schema(field, format!("A rule has one {what}, not {count}."))),
    }
}

/// Clients have it as a number that may have a fraction.
fn priority(number: f64) -> Result<u32, ApiError> {
    let is_whole = number.fract() == 0.0 && (0.0..=MAX_PRIORITY).contains(&number);
    // Exact: it is whole and in range.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = number as u32;
    let why = || format!("A priority is a whole number from 0 to {MAX_PRIORITY}.");
    if is_whole { Ok(whole) } else { Err(ApiError::schema("priority", why())) }
}

fn address(text: &str, field: &str) -> Result<EmailAddress, ApiError> {
    EmailAddress::parse(text).map_err(|error| ApiError::schema(field, format!("{error}.")))
}

impl MatcherBody {
    fn read(self) -> Result<RuleMatcher, ApiError> {
        let field = "matchers[0].value";
        match (self.kind, self.value) {
            (MatcherKind::Literal, Some(value)) => Ok(RuleMatcher::Literal(address(&value, field)?)),
            (MatcherKind::Literal, None) => {
                Err(ApiError::schema(field, "A literal matcher needs the address as its value."))
            }
            (MatcherKind::All, _) => Ok(RuleMatcher::All),
        }
    }
}

impl ActionBody {
    fn read(self) -> Result<RouteAction, ApiError> {
        let field = "actions[0].value";
        let values = self.value.unwrap_or_default();
        match self.kind {
            ActionKind::Drop if values.is_empty() => Ok(RouteAction::Drop),
            ActionKind::Drop => {
                Err(ApiError::schema(field, "What is dropped goes nowhere: leave the value out."))
            }
            ActionKind::Worker => match <[String; 1]>::try_from(values) {
                Ok([name]) => Ok(RouteAction::Worker(name)),
                Err(_) => Err(ApiError::schema(field, "The value of a worker action is one worker's name.")),
            },
            ActionKind::Forward => {
                let read = |(at, value): (usize, &String)| address(value, &format!("{field}[{at}]"));
                values.iter().enumerate().map(read).collect::<Result<_, _>>().map(RouteAction::Forward)
            }
        }
    }
}

/// A rule as answers have it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = RoutingRule)]
pub(super) struct RuleRow {
    /// Its id; the catch-all's is its zone's.
    #[schema(value_type = Id)]
    id: String,
    /// The same, by its older name.
    #[schema(value_type = Id)]
    tag: String,
    /// Its name, for people.
    name: String,
    /// Whether it is looked at.
    enabled: bool,
    /// Whether it takes mail now: it is looked at, and the owner of an address that it forwards to has agreed.
    active: bool,
    /// Of rules for one address, that with the lowest comes first, and of those the newest.
    priority: u32,
    /// For which mail it is.
    matchers: Vec<MatcherBody>,
    /// What becomes of it.
    actions: Vec<ActionBody>,
    /// Who keeps it.
    source: Source,
    /// The worker that it belongs to.
    owner_worker_tag: Option<String>,
    /// The zone it is of.
    zone: ZoneOfRule,
    /// When it was made.
    created: Moment,
    /// When it was last changed.
    modified: Moment,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
struct ZoneOfRule {
    /// Its domain.
    name: String,
    /// Its id.
    #[schema(value_type = Id)]
    tag: String,
}

impl RuleRow {
    pub(super) fn new(control: &Control, zone: &Zone, rule: &RoutingRule) -> Self {
        let (kind, value) = match &rule.says.matcher {
            RuleMatcher::Literal(address) => (MatcherKind::Literal, Some(address.to_string())),
            RuleMatcher::All => (MatcherKind::All, None),
        };
        let field = value.is_some().then_some(Field::To);
        Self {
            id: rule.id.to_string(),
            tag: rule.id.to_string(),
            name: rule.says.name.clone(),
            enabled: rule.says.enabled,
            active: control.is_active(rule),
            priority: rule.says.priority,
            matchers: vec![MatcherBody { kind, field, value }],
            actions: vec![shown_action(&rule.says.action)],
            source: rule.says.source.into(),
            owner_worker_tag: rule.says.owner_worker_tag.clone(),
            zone: ZoneOfRule { name: zone.name.to_string(), tag: zone.id.to_string() },
            created: rule.created.into(),
            modified: rule.modified.into(),
        }
    }
}

pub(super) fn shown_action(action: &RouteAction) -> ActionBody {
    let (kind, value) = match action {
        RouteAction::Forward(to) => (ActionKind::Forward, Some(to.iter().map(ToString::to_string).collect())),
        RouteAction::Worker(name) => (ActionKind::Worker, Some(vec![name.clone()])),
        RouteAction::Drop => (ActionKind::Drop, None),
    };
    ActionBody { kind, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(change: impl FnOnce(&mut Value)) -> Result<RuleDraft, String> {
        let mut body = json!({
            "matchers": [{ "type": "literal", "field": "to", "value": "A@shop.example" }],
            "actions": [{ "type": "forward", "value": ["ann@example.net", "bob@example.net"] }],
        });
        change(&mut body);
        let read = crate::request::parse::<RuleBody>(body.to_string().as_bytes()).and_then(RuleBody::read);
        read.map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn what_nobody_says_is_as_the_service_has_it() {
        let draft = read(|_| {}).unwrap();
        assert_eq!((draft.enabled, draft.priority, draft.source), (true, 0, RuleSource::Api));
        assert!(matches!(draft.action, RouteAction::Forward(to) if to.len() == 2));
        assert_eq!(read(|body| body["priority"] = json!(7.0)).unwrap().priority, 7);
        let dropped = read(|body| body["actions"] = json!([{ "type": "drop", "value": [] }])).unwrap();
        assert_eq!(dropped.action, RouteAction::Drop);
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_field() {
        let action = |action: Value| move |body: &mut Value| body["actions"] = json!([action]);
        let matcher = |matcher: Value| move |body: &mut Value| body["matchers"] = json!([matcher]);
        type Change = Box<dyn FnOnce(&mut Value)>;
        let cases: [(&str, Change); 11] = [
            ("matchers", Box::new(|body| body["matchers"] = json!([]))),
            ("actions", Box::new(|body| body["actions"] = json!([]))),
            ("actions[0].type", Box::new(action(json!({ "type": "bounce" })))),
            ("actions[0].value", Box::new(action(json!({ "type": "worker", "value": [] })))),
            ("actions[0].value", Box::new(action(json!({ "type": "drop", "value": ["x"] })))),
            (
                "actions[0].value[1]",
                Box::new(action(json!({ "type": "forward", "value": ["a@b.example", "x"] }))),
            ),
            ("matchers[0].type", Box::new(matcher(json!({ "type": "regex", "value": ".*" })))),
            ("matchers[0].value", Box::new(matcher(json!({ "type": "literal" })))),
            ("matchers[0].field", Box::new(matcher(json!({ "type": "literal", "field": "cc" })))),
            ("priority", Box::new(|body| body["priority"] = json!(1.5))),
            ("owner_worker_tag", Box::new(|body| body["source"] = json!("wrangler"))),
        ];
        for (field, change) in cases {
            let error = read(change).unwrap_err();
            assert!(error.contains(&format!("field: {field:?}")), "{field}: {error}");
        }
        for number in [json!(-1), json!(1e300), json!(2_147_483_648_u32)] {
            assert!(read(|body| body["priority"] = number).is_err());
        }
    }
}
