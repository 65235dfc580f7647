//! Which domains may share connections.

use super::{MxTrust, TlsPolicy};
use crate::{
    class::TransportSecurity,
    shaping::{TlsDemand, TlsMinimum},
    tls::mta_sts::{MxPattern, StsMode},
};
use std::sync::Arc;

/// The part of a policy that decides whether two domains served by the same hosts may share connections. With
/// equal identities, [`TlsPolicy::for_host`] gives the same for every host.
///
/// A host's TLSA records are not part of it: they are the host's, and the same for every domain. Neither is a
/// detail that changes nothing, so that the many domains of one provider share as much as they can.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyIdentity {
    demand: TlsDemand,
    minimum: TlsMinimum,
    message: TransportSecurity,
    mx: MxTrust,
    sts: Option<(StsMode, Arc<[MxPattern]>)>,
}

impl PolicyIdentity {
    pub(super) fn new(policy: &TlsPolicy, message: TransportSecurity) -> Self {
        let plain = Self {
            demand: policy.demand,
            minimum: policy.minimum,
            message,
            mx: MxTrust::Insecure,
            sts: None,
        };
        let is_recipient_asked = match message {
            TransportSecurity::NotRequired => false,
            TransportSecurity::ByPolicy | TransportSecurity::Required => policy.demand != TlsDemand::Never,
        };
        if !is_recipient_asked {
            return plain;
        }
        let sts = policy.sts.as_ref().filter(|sts| sts.mode() != StsMode::None);
        let does_mx_matter = message == TransportSecurity::Required || policy.enforced().is_some();
        Self {
            mx: if does_mx_matter { policy.mx } else { plain.mx },
            sts: sts.map(|sts| (sts.mode(), sts.mx().clone())),
            ..plain
        }
    }
}
