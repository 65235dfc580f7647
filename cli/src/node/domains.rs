//! Starting who looks after sending domains.

use super::NodeError;
use crate::config::Config;
use actix::{Actor, Addr};
use actix_rt::Arbiter;
use mailwright_actors::{
    dns::{Dns, HickoryDns},
    dns_check::DnsCheck,
    probe::watch_arbiter,
    sending::DomainChecker,
    tls::{ClientConfigs, PolicyClient},
};
use mailwright_storage::control::Control;
use std::{rc::Rc, sync::Arc};

/// Starts it on a thread of its own.
pub(super) fn start(config: &Config, control: &Arc<Control>) -> Result<Addr<DomainChecker>, NodeError> {
    let settings = config.checker()?;
    // Asked anew each time: somebody has just published something.
    let dns = HickoryDns::fresh(&config.dns.servers, &config.anchors()).map_err(NodeError::Dns)?;
    let (configs, fetch) = (ClientConfigs::new(&config.roots())?, config.policy_fetch());
    let control = Arc::clone(control);
    let arbiter = Arbiter::new();
    arbiter.spawn_fn(|| watch_arbiter("domains"));
    Ok(DomainChecker::start_in_arbiter(&arbiter.handle(), move |_| {
        let dns: Rc<dyn Dns> = Rc::new(dns);
        let policies = PolicyClient::new(Rc::clone(&dns), &configs, fetch);
        DomainChecker::new(control, DnsCheck::new(dns, Some(policies)), settings)
    }))
}
