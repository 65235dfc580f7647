//! Which entries an operator means.

use super::read;
use crate::answer::ApiError;
use mailwright_engine::{
    address::Domain,
    class::{PoolName, TenantName},
};
use mailwright_storage::ListFilter;
use serde::Deserialize;
use utoipa::IntoParams;

/// The fields of a filter as they come: those that are given must all match.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub(super) struct FilterFields {
    /// Mail to this domain.
    #[param(min_length = 1)]
    pub(super) domain: Option<String>,
    /// Mail of this tenant.
    pub(super) tenant: Option<String>,
    /// Mail for this pool of sources.
    pub(super) pool: Option<String>,
    /// Messages whose id begins like this.
    #[param(pattern = "^[0-9a-fA-F]{1,14}$")]
    pub(super) id: Option<String>,
}

impl FilterFields {
    /// The filter; one without a field means everything.
    pub(super) fn read(&self) -> Result<ListFilter, ApiError> {
        let bad = |field: &str, why: &dyn std::fmt::Display| ApiError::senseless(field, format!("{why}."));
        let domain = self.domain.as_deref().map(|text| Domain::parse(text).map_err(|e| bad("domain", &e)));
        let tenant =
            self.tenant.as_deref().map(|text| TenantName::parse(text).map_err(|e| bad("tenant", &e)));
        let pool = self.pool.as_deref().map(|text| PoolName::parse(text).map_err(|e| bad("pool", &e)));
        let id = self.id.as_deref().map(|text| read("id", text));
        Ok(ListFilter {
            domain: domain.transpose()?,
            tenant: tenant.transpose()?,
            pool: pool.transpose()?,
            id: id.transpose()?,
            scheduled_at: None,
        })
    }

    /// The filter of an order, which must say so when it means everything: a forgotten field should not.
    pub(super) fn read_order(&self, all: bool) -> Result<ListFilter, ApiError> {
        let filter = self.read()?;
        match (filter == ListFilter::default(), all) {
            (true, false) => {
                let why = "Say which entries: domain, tenant, pool or id; or all = true for every one.";
                Err(ApiError::senseless("", why))
            }
            (false, true) => {
                Err(ApiError::senseless("all", "Either all entries or those of a filter can be meant."))
            }
            _ => Ok(filter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: serde_json::Value) -> FilterFields {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_order_for_everything_has_to_say_so() {
        let nothing = FilterFields::default();
        assert!(nothing.read_order(false).is_err());
        assert_eq!(nothing.read_order(true), Ok(ListFilter::default()));
        let one = fields(serde_json::json!({"domain": "A.example"}));
        assert!(one.read_order(true).is_err());
        assert_eq!(one.read_order(false).unwrap().domain, Domain::parse("a.example").ok());
    }

    #[test]
    fn a_field_that_does_not_read_is_named() {
        for (field, text) in [("domain", "a b"), ("tenant", "A"), ("pool", "a/b"), ("id", "xyz")] {
            let error = fields(serde_json::json!({field: text})).read().unwrap_err();
            assert!(format!("{error:?}").contains(&format!("field: {field:?}")), "{error:?}");
        }
    }
}
