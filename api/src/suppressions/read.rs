//! Requests about suppressions, from JSON and queries to the store's model.

use crate::{answer::ApiError, time::read_time};
use mailwright_engine::{
    address::{Domain, EmailAddress},
    time::UnixMillis,
};
use mailwright_storage::suppressions::{
    AddressKey, Change, Edit, ListCursor, ListFilter, ListStart, MAX_SEARCH, NewSuppression, Reason, Scope,
    ScopeFilter, Search,
};
use serde::{Deserialize, Deserializer, de::IgnoredAny};
use utoipa::{IntoParams, ToSchema};

/// Rows of a page when nobody says.
const PER_PAGE: usize = 50;
/// Most rows of a page.
const PER_PAGE_MAX: usize = 1_000;
/// Longest note, in characters.
const MAX_NOTE: usize = 1_000;

/// What makes a suppression.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewSuppression)]
pub(super) struct CreateBody {
    /// The address.
    pub(super) email: String,
    /// Until when; for good when nobody says.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// What somebody notes.
    #[schema(max_length = 1_000)]
    note: Option<String>,
    /// Where it applies; in the whole account when nobody says.
    scope: Option<ScopeBody>,
}

/// Where it applies.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewSuppressionScope)]
struct ScopeBody {
    /// In the whole account, or for mail from one domain.
    #[serde(rename = "type")]
    kind: ScopeType,
    /// The domain, if it is of one.
    value: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ScopeType {
    Account,
    SendingDomain,
}

impl CreateBody {
    /// # Errors
    /// For whatever of it makes no sense, by field.
    pub(super) fn read(self, now: UnixMillis) -> Result<NewSuppression, ApiError> {
        Ok(NewSuppression {
            email: address("email", &self.email)?,
            scope: self.scope.map_or(Ok(Scope::Account), ScopeBody::read)?,
            expires: self.expires_at.map(|text| end(&text, now)).transpose()?,
            note: self.note.map(note).transpose()?.flatten(),
        })
    }
}

impl ScopeBody {
    fn read(self) -> Result<Scope, ApiError> {
        match (self.kind, self.value) {
            (ScopeType::Account, None) => Ok(Scope::Account),
            (ScopeType::Account, Some(_)) => {
                Err(ApiError::schema("scope.value", "A scope of type 'account' has no value."))
            }
            (ScopeType::SendingDomain, None) => Err(ApiError::schema(
                "scope.value",
                "A scope of type 'sending_domain' needs a domain as value.",
            )),
            (ScopeType::SendingDomain, Some(text)) => domain("scope.value", &text).map(Scope::SendingDomain),
        }
    }
}

/// What changes a suppression. A field that is `null` is not one that is missing.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SuppressionEdit)]
pub(super) struct EditBody {
    /// Until when; `null`: for good.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Option<String>>,
    /// What somebody notes; `null`: nothing.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 1_000)]
    note: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(ignore)]
    scope: Option<IgnoredAny>,
}

/// A field that is there, whatever it is.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl EditBody {
    /// # Errors
    /// For a scope, which cannot change, and for whatever makes no sense, by field.
    pub(super) fn read(self, now: UnixMillis) -> Result<Edit, ApiError> {
        if self.scope.is_some() {
            return Err(ApiError::scope_immutable());
        }
        let expires = match self.expires_at {
            None => Change::Keep,
            Some(None) => Change::Set(None),
            Some(Some(text)) => Change::Set(Some(end(&text, now)?)),
        };
        let note = match self.note {
            None => Change::Keep,
            Some(None) => Change::Set(None),
            Some(Some(text)) => Change::Set(note(text)?),
        };
        Ok(Edit { expires, note })
    }
}

/// What a list shows. An empty value is as good as none.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Where the page before ended.
    cursor: String,
    /// Only those of this address.
    email: String,
    /// Most rows of a page; 50 when nobody says.
    #[param(minimum = 1, maximum = 1_000)]
    per_page: Option<usize>,
    /// Only those for this reason.
    reason: String,
    /// Only those of the account, or of sending domains: `account` or `sending_domain`.
    scope_type: String,
    /// Only those of this sending domain.
    scope_value: String,
    /// Only those whose address has this in it.
    search: String,
}

impl ListQuery {
    /// Where the page begins, and its most rows.
    ///
    /// # Errors
    /// For whatever makes no sense, by field; for a cursor together with filters other than its own.
    pub(super) fn read(&self) -> Result<(ListStart, usize), ApiError> {
        let per_page = self.per_page.unwrap_or(PER_PAGE);
        if !(1..=PER_PAGE_MAX).contains(&per_page) {
            return Err(ApiError::schema(
                "per_page",
                format!("A page has 1 to {PER_PAGE_MAX} suppressions."),
            ));
        }
        let filter = self.filter()?;
        let Some(cursor) = some(&self.cursor) else { return Ok((ListStart::Of(filter), per_page)) };
        let cursor: ListCursor = cursor
            .parse()
            .map_err(|error| ApiError::schema("cursor", format!("The cursor is not valid: {error}.")))?;
        if filter != ListFilter::default() && filter != cursor.filter {
            let why =
                "The cursor belongs to a list with other filters; leave the filters out or as they were.";
            return Err(ApiError::schema("cursor", why));
        }
        Ok((ListStart::At(cursor), per_page))
    }

    fn filter(&self) -> Result<ListFilter, ApiError> {
        let email = some(&self.email).map(|text| address("email", text)).transpose()?;
        Ok(ListFilter {
            email: email.as_ref().map(AddressKey::of),
            reason: some(&self.reason).map(reason).transpose()?,
            scope: self.scope()?,
            search: some(&self.search).map(search).transpose()?,
        })
    }

    fn scope(&self) -> Result<ScopeFilter, ApiError> {
        match (self.scope_type.as_str(), some(&self.scope_value)) {
            ("", None) => Ok(ScopeFilter::Any),
            ("account", None) => Ok(ScopeFilter::Account),
            ("sending_domain", None) => Ok(ScopeFilter::SendingDomains),
            ("sending_domain", Some(value)) => domain("scope_value", value).map(ScopeFilter::SendingDomain),
            ("" | "account", Some(_)) => {
                Err(ApiError::schema("scope_value", "'scope_value' needs scope_type=sending_domain."))
            }
            _ => Err(ApiError::schema("scope_type", "'scope_type' is 'account' or 'sending_domain'.")),
        }
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn reason(text: &str) -> Result<Reason, ApiError> {
    Reason::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or_else(|| {
        let known = Reason::ALL.map(Reason::as_str).join(", ");
        ApiError::schema("reason", format!("'reason' is one of {known}."))
    })
}

fn search(text: &str) -> Result<Search, ApiError> {
    Search::read(text).ok_or_else(|| {
        let why = format!("'search' is at most {MAX_SEARCH} bytes, without control characters.");
        ApiError::schema("search", why)
    })
}

fn address(field: &str, text: &str) -> Result<EmailAddress, ApiError> {
    EmailAddress::parse(text).map_err(|error| ApiError::schema(field, format!("'{field}': {error}.")))
}

/// A domain that can be sent from: a name, with as many dots at its end as anybody likes.
fn domain(field: &str, text: &str) -> Result<Domain, ApiError> {
    let domain = Domain::parse(text.trim_end_matches('.'))
        .map_err(|error| ApiError::schema(field, format!("'{field}': {error}.")))?;
    if domain.literal().is_some() {
        return Err(ApiError::schema(field, format!("'{field}' must be a domain, not an address.")));
    }
    Ok(domain)
}

/// When a suppression ends.
fn end(text: &str, now: UnixMillis) -> Result<UnixMillis, ApiError> {
    let at = read_time("expires_at", text)?;
    if at > now { Ok(at) } else { Err(ApiError::schema("expires_at", "'expires_at' must be in the future.")) }
}

/// A note; an empty one is none.
fn note(text: String) -> Result<Option<String>, ApiError> {
    if text.chars().count() > MAX_NOTE {
        return Err(ApiError::schema("note", format!("'note' is at most {MAX_NOTE} characters.")));
    }
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const NOW: UnixMillis = UnixMillis::new(1_795_000_000_000);

    fn create(body: &Value) -> Result<NewSuppression, ApiError> {
        crate::request::parse::<CreateBody>(body.to_string().as_bytes())?.read(NOW)
    }

    fn edit(body: &Value) -> Result<Edit, ApiError> {
        crate::request::parse::<EditBody>(body.to_string().as_bytes())?.read(NOW)
    }

    fn fault<T: std::fmt::Debug>(read: Result<T, ApiError>) -> String {
        format!("{:?}", read.unwrap_err())
    }

    #[test]
    fn reads_what_the_service_documents() {
        let new = create(&json!({
            "email": "Ann@Example.org", "expires_at": "2099-01-01T00:00:00+01:00", "note": "n",
            "scope": {"type": "sending_domain", "value": "Shop.Example.."},
        }));
        let new = new.unwrap();
        assert_eq!(new.email.as_str(), "Ann@example.org");
        assert_eq!(new.expires.unwrap().to_string(), "2098-12-31T23:00:00.000Z");
        assert_eq!(new.scope, Scope::SendingDomain(Domain::parse("shop.example").unwrap()));
        let least = create(&json!({"email": "a@b.example", "expires_at": null, "note": "", "scope": null}));
        let least = least.unwrap();
        assert_eq!((least.expires, least.note, least.scope), (None, None, Scope::Account));
        let naive = create(&json!({"email": "a@b.example", "expires_at": "2099-01-01T00:00:00"})).unwrap();
        assert_eq!(naive.expires.unwrap().to_string(), "2099-01-01T00:00:00.000Z");
    }

    #[test]
    fn names_the_field_at_fault() {
        let with = |key: &str, value: Value| {
            let mut body = json!({"email": "a@b.example"});
            body[key] = value;
            fault(create(&body))
        };
        let cases = [
            ("email", json!(7), "email"),
            ("email", json!("a@"), "email"),
            ("email", json!("a@b.example\r\nx"), "email"),
            ("expires_at", json!(1_900_000_000), "expires_at"),
            ("expires_at", json!("tomorrow"), "expires_at"),
            ("expires_at", json!("2020-01-01T00:00:00Z"), "expires_at"),
            ("note", json!("é".repeat(MAX_NOTE + 1)), "note"),
            ("scope", json!({"type": "sending_domain"}), "scope.value"),
            ("scope", json!({"type": "sending_domain", "value": "[192.0.2.1]"}), "scope.value"),
            ("scope", json!({"type": "account", "value": "a.example"}), "scope.value"),
            ("scope", json!({"type": "planet"}), "scope.type"),
            ("scope", json!("account"), "scope"),
        ];
        for (key, value, field) in cases {
            let error = with(key, value);
            assert!(error.contains(&format!("field: {field:?}")), "{key}: {error}");
        }
        assert!(create(&json!({"email": "a@b.example", "note": "é".repeat(MAX_NOTE)})).is_ok());
    }

    #[test]
    fn an_edit_tells_null_from_nothing_and_takes_no_scope() {
        assert_eq!(edit(&json!({})), Ok(Edit::default()));
        assert_eq!(edit(&json!({"expires_at": null})).unwrap().expires, Change::Set(None));
        assert_eq!(edit(&json!({"note": ""})).unwrap().note, Change::Set(None));
        for scope in [json!(null), json!({"type": "account"}), json!(7)] {
            assert!(fault(edit(&json!({"scope": scope}))).contains("scope_immutable"));
        }
    }

    #[test]
    fn a_list_is_asked_for_sensibly_or_not_at_all() {
        let list = |query: Value| serde_json::from_value::<ListQuery>(query).unwrap().read();
        assert_eq!(list(json!({})), Ok((ListStart::Of(ListFilter::default()), PER_PAGE)));
        let cases = [
            ("per_page", json!(0)),
            ("per_page", json!(PER_PAGE_MAX + 1)),
            ("cursor", json!("x")),
            ("email", json!("x")),
            ("reason", json!("bounce")),
            ("scope_type", json!("zone")),
            ("scope_value", json!("a.example")),
            ("search", json!("a\u{0}")),
        ];
        for (key, value) in cases {
            let error = fault(list(json!({ key: value })));
            assert!(error.contains(&format!("field: {key:?}")), "{key}: {error}");
        }
    }
}
