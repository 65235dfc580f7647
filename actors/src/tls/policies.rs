//! The policies of recipient domains and hosts, found by DNS and HTTPS.

use super::{
    ClientConfigs, HostTls, TlsFacts, TlsPlan,
    plan::DomainTls,
    reports::TlsSessions,
    sts::{PolicyFetch, StsBook},
};
use crate::{dns::Dns, metrics as names};
use mailwright_engine::{
    address::Domain,
    mx::MxHost,
    smtp::verdict::Verdict,
    tls::{
        Audit, DaneDecision, HostRefusal, MxTrust, TlsLevel, report::FailureKind, report::session_policies,
    },
};
use rustls::ClientConnection;
use std::{net::IpAddr, rc::Rc, sync::Arc};

/// TLS for connections out. Used on one thread.
pub struct TlsPolicies {
    dns: Rc<dyn Dns>,
    configs: ClientConfigs,
    sts: StsBook,
    sessions: TlsSessions,
}

impl TlsPolicies {
    /// Policies found through `dns`, MTA-STS by `fetch`.
    pub fn new(dns: Rc<dyn Dns>, configs: ClientConfigs, fetch: PolicyFetch) -> Self {
        let sts = StsBook::new(Rc::clone(&dns), configs.https(), fetch);
        Self { dns, configs, sts, sessions: TlsSessions::default() }
    }

    /// What `domain` asks.
    pub async fn domain(&self, domain: &Domain) -> Arc<DomainTls> {
        let mx = match self.dns.mx_is_secure(domain).await.answer {
            true => MxTrust::Secure,
            false => MxTrust::Insecure,
        };
        let sts = self.sts.policy(domain, &self.sessions).await;
        Arc::new(DomainTls { domain: Some(domain.clone()), sts, mx })
    }

    /// What a connection to `host` must come to.
    ///
    /// # Errors
    /// When the policies forbid to use it, or cannot be found out.
    pub async fn host(&self, plan: &TlsPlan, host: &MxHost, port: u16) -> Result<HostTls, Verdict> {
        let name = host.to_string();
        let dane = self.dane(host, port).await;
        let counted = plan.domain.as_ref().map(|domain| {
            let policies = session_policies(domain, &plan.policy, &name, &dane);
            (domain.clone(), policies)
        });
        let requirement = plan.policy.for_host(&name, &dane, plan.security).map_err(|refusal| {
            self.sessions.refused(counted.as_ref(), &name, &refusal);
            refused(&refusal)
        })?;
        let records = match &dane {
            DaneDecision::Authenticate(records) => Some(records),
            _ => None,
        };
        let config = self.configs.get(requirement.level, requirement.minimum, &name, records);
        if config.is_none() && requirement.level != TlsLevel::Never {
            return Err(Verdict::tls_failed("no authority is trusted that could vouch for the server"));
        }
        Ok(HostTls { requirement, config, counted })
    }

    async fn dane(&self, host: &MxHost, port: u16) -> DaneDecision {
        match host {
            MxHost::Name(name) => DaneDecision::from(self.dns.tlsa(name, port).await.answer),
            MxHost::Address(_) => DaneDecision::NotUsed,
        }
    }

    /// Counts a session that came up to what was asked; returns what was negotiated.
    pub fn established(
        &self,
        tls: &HostTls,
        host: &MxHost,
        ip: IpAddr,
        connection: &ClientConnection,
    ) -> TlsFacts {
        let name = host.to_string();
        let complaint = match tls.requirement.audit {
            Some(Audit::Certificate) => {
                let chain = connection.peer_certificates().unwrap_or_default();
                self.configs.complaint(&name, chain)
            }
            Some(Audit::UnlistedHost) => Some("the policy does not list this host".to_owned()),
            None => None,
        };
        match complaint {
            Some(why) => self.sessions.failed(tls, FailureKind::ValidationFailure, &name, ip, &why),
            None => self.sessions.succeeded(tls),
        }
        let facts = TlsFacts::of(connection, &tls.requirement);
        ::metrics::counter!(
            names::TLS_SESSIONS,
            "version" => facts.version.clone(),
            "resumed" => if facts.resumed { "yes" } else { "no" },
            "why" => facts.why.as_str()
        )
        .increment(1);
        facts
    }

    /// Counts a session that did not.
    pub fn failed(&self, tls: &HostTls, host: &MxHost, ip: IpAddr, verdict: &Verdict) {
        ::metrics::counter!(names::TLS_FAILED, "why" => tls.requirement.why.as_str()).increment(1);
        self.sessions.handshake_failed(tls, &host.to_string(), ip, verdict);
    }

    /// What was counted and is to be reported.
    pub fn sessions(&self) -> &TlsSessions {
        &self.sessions
    }

    /// What is known of domains' MTA-STS policies.
    pub fn sts(&self) -> &StsBook {
        &self.sts
    }
}

/// What a refusal means for mail: it waits, or for want of what REQUIRETLS asks it goes back.
fn refused(refusal: &HostRefusal) -> Verdict {
    Verdict::tls_policy(refusal)
}
