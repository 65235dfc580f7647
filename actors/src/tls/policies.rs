//! The policies of recipient domains and hosts, found by DNS and HTTPS.

use super::{
    ClientConfigs, HostTls, ReportSending, TlsFacts, TlsPlan,
    plan::DomainTls,
    reports::TlsSessions,
    sts::{PolicyFetch, StsBook},
};
use crate::{
    clock,
    dns::{Dns, TlsaAnswer},
    https::{AllowedHosts, Https},
    metrics as names,
};
use mailwright_engine::{
    address::Domain,
    class::TransportSecurity,
    mx::MxHost,
    smtp::verdict::Verdict,
    tls::{
        Audit, Authentication, DaneDecision, TlsLevel,
        report::{FailureKind, SessionPolicy, session_policies},
    },
};
use rustls::ClientConnection;
use std::{net::IpAddr, rc::Rc, sync::Arc};

/// TLS for connections out. Used on one thread.
pub struct TlsPolicies {
    dns: Rc<dyn Dns>,
    configs: ClientConfigs,
    https: Rc<Https>,
    sts: StsBook,
    sessions: TlsSessions,
}

impl TlsPolicies {
    /// Policies found through `dns`, MTA-STS by `fetch`; sessions are counted if there are to be `reports`.
    pub fn new(dns: Rc<dyn Dns>, configs: ClientConfigs, fetch: PolicyFetch, reports: ReportSending) -> Self {
        let https = Rc::new(Https::new(Rc::clone(&dns), configs.https(), fetch.hosts));
        let sts = StsBook::new(Rc::clone(&dns), Rc::clone(&https), fetch);
        Self { dns, configs, https, sts, sessions: TlsSessions::new(reports, clock::now()) }
    }

    /// For requests to hosts that others name.
    pub(super) fn https(&self) -> Rc<Https> {
        Rc::clone(&self.https)
    }

    /// The same with a rule of its own on which hosts may be asked.
    pub(crate) fn https_to(&self, allowed: AllowedHosts) -> Https {
        Https::new(Rc::clone(&self.dns), self.configs.https(), allowed)
    }

    /// What `domain` asks.
    ///
    /// # Errors
    /// When its MX records are not what DNSSEC says they should be, or that cannot be found out: soft, since they
    /// may name anybody's hosts (RFC 7672 section 2.1.1).
    pub async fn domain(&self, domain: &Domain) -> Result<Arc<DomainTls>, Verdict> {
        let mx = self.dns.mx_proof(domain).await.answer;
        let mx = mx.map_err(|why| Verdict::dns_failure(&format!("the MX records of {domain}: {why}")))?;
        let sts = self.sts.policy(domain, &self.sessions).await;
        Ok(Arc::new(DomainTls { domain: Some(domain.clone()), sts, mx }))
    }

    /// What a connection to `host` must come to.
    ///
    /// # Errors
    /// When the policies forbid to use it, or cannot be found out.
    pub async fn host(&self, plan: &TlsPlan, host: &MxHost, port: u16) -> Result<HostTls, Verdict> {
        let name = host.to_string();
        let (base, dane) = self.dane(host, port).await;
        let counted = counted(plan, &base, &dane);
        let requirement = plan.policy.for_host(&name, &dane, plan.security).map_err(|refusal| {
            self.sessions.refused(counted.as_ref(), &name, &refusal);
            Verdict::tls_policy(&refusal)
        })?;
        let records = match &dane {
            DaneDecision::Authenticate(records) => Some(records),
            _ => None,
        };
        let is_dane = requirement.level == TlsLevel::Authenticated(Authentication::Dane);
        let name = if is_dane { base } else { name };
        let config = self.configs.get(requirement.level, requirement.minimum, &name, records);
        if config.is_none() && requirement.level != TlsLevel::Never {
            return Err(Verdict::tls_failed("no authority is trusted that could vouch for the server"));
        }
        Ok(HostTls { requirement, name, config, counted })
    }

    /// What the TLSA records of `host` ask, and the name at which they stand.
    async fn dane(&self, host: &MxHost, port: u16) -> (String, DaneDecision) {
        match host {
            MxHost::Name(name) => {
                let TlsaAnswer { base, lookup } = self.dns.tlsa(name, port).await.answer;
                (base, DaneDecision::from(lookup))
            }
            MxHost::Address(_) => (host.to_string(), DaneDecision::NotUsed),
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
            Some(why) => self.sessions.complained(tls, &name, ip, &why),
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

    /// Counts a session in plain text with a server that offers nothing else, where that is good enough.
    pub fn not_offered(&self, tls: &HostTls, host: &MxHost, ip: IpAddr) {
        let why = "the server does not offer STARTTLS";
        self.sessions.failed(tls, FailureKind::StarttlsNotSupported, &host.to_string(), ip, why);
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

/// What a session is counted under. Mail that overlooks the domain's policies (RFC 8689 section 5) says nothing about
/// them: the reports themselves are such mail, and would be reported on for ever.
fn counted(plan: &TlsPlan, base: &str, dane: &DaneDecision) -> Option<(Domain, Vec<SessionPolicy>)> {
    let domain = plan.domain.as_ref().filter(|_| plan.security != TransportSecurity::NotRequired)?;
    Some((domain.clone(), session_policies(domain, &plan.policy, base, dane)))
}
