//! A site as operators see it.

use super::Site;
use crate::clock;
use actix::prelude::*;
use mailwright_engine::governor::{GovernorSnapshot, Hold};
use serde::Serialize;

/// Asks a site what it is doing.
#[derive(Message)]
#[rtype(result = "SiteSnapshot")]
pub struct DescribeSite;

/// What a site is doing.
#[derive(Debug, Clone, Serialize)]
pub struct SiteSnapshot {
    /// The hosts, sorted, or the configured next hop.
    pub site: String,
    /// The provider it belongs to.
    pub provider: String,
    /// Where its connections come from.
    pub source: String,
    /// Connections, those being made included.
    pub connections: usize,
    /// Connections being made.
    pub opening: usize,
    /// Connections that wait for work.
    pub idle: usize,
    /// Messages that its domains have ready for it.
    pub ready: usize,
    /// Why nothing more happens now, if it is held.
    pub hold: Option<Hold>,
    /// Limits in force and what they come from.
    pub governor: GovernorSnapshot,
}

impl Handler<DescribeSite> for Site {
    type Result = MessageResult<DescribeSite>;

    fn handle(&mut self, _: DescribeSite, _: &mut Self::Context) -> Self::Result {
        MessageResult(SiteSnapshot {
            site: self.key.name(),
            provider: self.effective.provider.to_string(),
            source: self.key.source.to_string(),
            connections: self.addresses.len(),
            opening: self.pools.values().map(|pool| pool.opening.len()).sum(),
            idle: self.pools.values().map(|pool| pool.idle.len()).sum(),
            ready: self.pools.values().map(|pool| pool.shares.ready()).sum(),
            hold: self.hold.clone(),
            governor: self.governor.snapshot(clock::now()),
        })
    }
}
