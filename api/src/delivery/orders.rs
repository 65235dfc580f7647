//! Orders about queued mail: try again now, cancel, send another way.

use super::{ask, filter::FilterFields, model::OrderResult, read};
use crate::{
    access::Operator,
    answer::{self, ApiError},
    openapi::{Answer, Body, Known},
    request::body,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_actors::{
    control::{Cancel, Ordered, Reroute, RetryNow},
    settings::NextHop,
};
use mailwright_engine::class::PoolName;
use mailwright_storage::ListFilter;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// What `retry` and `cancel` take.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Order)]
struct OrderBody {
    /// Mail to this domain.
    domain: Option<String>,
    /// Mail of this tenant.
    tenant: Option<String>,
    /// Mail for this pool of sources.
    pool: Option<String>,
    /// This message.
    id: Option<String>,
    /// All mail, which has to be said.
    #[serde(default)]
    all: bool,
}

impl OrderBody {
    fn filter(self) -> Result<ListFilter, ApiError> {
        let Self { domain, tenant, pool, id, all } = self;
        FilterFields { domain, tenant, pool, id }.read_order(all)
    }
}

/// What `reroute` takes: entries and `to_pool`, or a domain and `via`. `null` as either undoes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Reroute)]
struct RerouteBody {
    /// Mail to this domain.
    domain: Option<String>,
    /// Mail of this tenant.
    tenant: Option<String>,
    /// Mail for this pool of sources.
    pool: Option<String>,
    /// This message.
    id: Option<String>,
    /// All mail, which has to be said.
    #[serde(default)]
    all: bool,
    /// The pool that it is to leave from.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    to_pool: Option<Option<String>>,
    /// The next hop of a domain: `host:port`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    via: Option<Option<String>>,
}

/// Tells `null` from a field that is not there.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// `POST queue/retry`
#[utoipa::path(
    post, path = "/client/v4/delivery/queue/retry", tag = "Delivery", operation_id = "retry_mail",
    request_body = OrderBody, responses((status = 200, body = Answer<OrderResult>), Known, Body),
)]
pub(super) async fn retry(
    http: HttpRequest,
    operator: Operator,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let filter = body::<OrderBody>(&http, &state, payload).await?.filter()?;
    let ordered = ask(&state, RetryNow { filter, by: operator.name }).await?;
    Ok(answer::success(result(ordered)))
}

/// `POST queue/cancel`
#[utoipa::path(
    post, path = "/client/v4/delivery/queue/cancel", tag = "Delivery", operation_id = "cancel_mail",
    request_body = OrderBody, responses((status = 200, body = Answer<OrderResult>), Known, Body),
)]
pub(super) async fn cancel(
    http: HttpRequest,
    operator: Operator,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let filter = body::<OrderBody>(&http, &state, payload).await?.filter()?;
    let ordered = ask(&state, Cancel { filter, by: operator.name }).await?;
    Ok(answer::success(result(ordered)))
}

/// `POST queue/reroute`
#[utoipa::path(
    post, path = "/client/v4/delivery/queue/reroute", tag = "Delivery", operation_id = "reroute_mail",
    request_body = RerouteBody, responses((status = 200, body = Answer<OrderResult>), Known, Body),
)]
pub(super) async fn reroute(
    http: HttpRequest,
    operator: Operator,
    state: web::Data<AppState>,
    payload: web::Payload,
) -> Result<HttpResponse, ApiError> {
    let body: RerouteBody = body(&http, &state, payload).await?;
    let ordered = ask(&state, body.order(operator.name)?).await?;
    Ok(answer::success(result(ordered)))
}

impl RerouteBody {
    fn order(self, by: String) -> Result<Reroute, ApiError> {
        let Self { domain, tenant, pool, id, all, to_pool, via } = self;
        let filter = FilterFields { domain, tenant, pool, id };
        match (to_pool, via) {
            (Some(to), None) => {
                let pool = to.as_deref().map(PoolName::parse).transpose();
                let pool = pool.map_err(|error| ApiError::senseless("to_pool", format!("{error}.")))?;
                Ok(Reroute::Entries { filter: filter.read_order(all)?, pool, by })
            }
            (None, Some(via)) => {
                let via: Option<NextHop> = via.as_deref().map(|text| read("via", text)).transpose()?;
                let ListFilter { domain: Some(domain), tenant: None, pool: None, id: None, .. } =
                    filter.read()?
                else {
                    let why = "A next hop is set for one whole domain: give domain, and nothing but that.";
                    return Err(ApiError::senseless("domain", why));
                };
                Ok(Reroute::Domain { domain, via })
            }
            _ => {
                let why = "Say either to_pool (a pool of sources) or via (a next hop); null undoes.";
                Err(ApiError::senseless("", why))
            }
        }
    }
}

fn result(Ordered { changed, in_flight }: Ordered) -> OrderResult {
    OrderResult { changed, in_flight }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn reroute(body: Value) -> Result<Reroute, ApiError> {
        serde_json::from_value::<RerouteBody>(body).unwrap().order("somebody".to_owned())
    }

    #[test]
    fn null_undoes_what_a_name_does() {
        let entries = |order| matches!(order, Ok(Reroute::Entries { pool: None, .. }));
        assert!(entries(reroute(json!({"all": true, "to_pool": null}))));
        let domain = |order| matches!(order, Ok(Reroute::Domain { via: None, .. }));
        assert!(domain(reroute(json!({"domain": "a.example", "via": null}))));
        let order = reroute(json!({"domain": "a.example", "via": "mx.example:2525"}));
        assert!(matches!(order, Ok(Reroute::Domain { via: Some(hop), .. }) if hop.port == 2525));
    }

    #[test]
    fn an_order_that_is_not_clear_is_refused() {
        for unclear in [
            json!({"all": true}),
            json!({"to_pool": "warm"}),
            json!({"all": true, "to_pool": "warm", "via": null}),
            json!({"via": "mx.example"}),
            json!({"domain": "a.example", "tenant": "shop", "via": "mx.example"}),
            json!({"domain": "a.example", "via": "mx.example:x"}),
            json!({"all": true, "to_pool": "A"}),
        ] {
            assert!(reroute(unclear.clone()).is_err(), "{unclear}");
        }
        assert!(serde_json::from_value::<OrderBody>(json!({"domian": "a.example"})).is_err());
    }
}
