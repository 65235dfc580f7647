//! How a destination is treated, and why: for whoever asks the running engine.

use super::OrderError;
use crate::supervisor::{Deps, Supervisor};
use actix::prelude::*;
use mailwright_engine::{
    address::Domain,
    mx::MxPlan,
    shaping::{Explanation, SiteFacts},
};
use std::rc::Rc;

/// Asks how mail to a domain is treated under the shaping in force; its mail exchangers are looked up.
#[derive(Message, Debug, Clone)]
#[rtype(result = "Result<Explanation, OrderError>")]
pub struct ExplainShaping {
    /// The domain.
    pub domain: Domain,
    /// The source it would leave from, if that matters.
    pub source: Option<String>,
}

impl Handler<ExplainShaping> for Supervisor {
    type Result = ResponseFuture<Result<Explanation, OrderError>>;

    fn handle(
        &mut self,
        ExplainShaping { domain, source }: ExplainShaping,
        _: &mut Self::Context,
    ) -> Self::Result {
        let deps = self.deps();
        Box::pin(async move {
            let hosts = hosts(&deps, &domain).await?;
            let facts = SiteFacts { domain: Some(&domain), mx_hosts: &hosts, source: source.as_deref() };
            Ok(deps.shaping.explain(&facts))
        })
    }
}

/// The hosts that mail to `domain` goes to.
async fn hosts(deps: &Rc<Deps>, domain: &Domain) -> Result<Vec<String>, OrderError> {
    let route = deps.reroutes.get(domain).or_else(|| deps.settings.routes.for_domain(domain).cloned());
    if let Some(hop) = route {
        return Ok(vec![hop.host]);
    }
    let plan = match MxPlan::literal(domain) {
        Some(plan) => plan,
        None => {
            let found = deps.dns.mx(domain).await;
            let plan = MxPlan::new(domain, found.answer, &deps.settings.own_names, 0);
            plan.map_err(|verdict| OrderError::Invalid(verdict.to_string()))?
        }
    };
    Ok(plan.hosts.iter().map(ToString::to_string).collect())
}
