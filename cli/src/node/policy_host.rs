//! Starting the policy host of MTA-STS, and who gets certificates for it.

use super::{Node, NodeError, bind_all};
use crate::config::Config;
use actix_rt::Arbiter;
use mailwright_actors::{
    certificates::{CertificateFiles, Certificates, IssuedCertificates},
    dns::HickoryDns,
    probe::watch_arbiter,
    tls::ClientConfigs,
};
use mailwright_routing::{
    acme::{self, AcmeSettings, Challenges, Keeper, KeeperParts},
    policy_host::{PolicyHost, PolicyServer, PolicyServerParts, RoutedDomains},
};
use mailwright_storage::{PrivateFolder, StateDir};
use std::{net::TcpListener, sync::Arc};

/// The certificates that were got so far, and will be got, for every listener.
pub(super) fn issued(config: &Config, state: &StateDir) -> Result<Arc<IssuedCertificates>, NodeError> {
    let Some(settings) = config.acme()? else { return Ok(IssuedCertificates::none()) };
    let issued = IssuedCertificates::for_hosts(&settings.hosts)?;
    acme::load(&PrivateFolder::open(&state.certificates_dir())?, &issued)?;
    Ok(issued)
}

/// What a listener shows: the files that `section` names, and what is got for mail hosts; `None` if there is neither.
pub(super) fn shown(
    section: &'static str,
    files: Vec<CertificateFiles>,
    issued: &Arc<IssuedCertificates>,
) -> Result<Option<Arc<Certificates>>, NodeError> {
    if files.is_empty() && !issued.are_for_hosts() {
        return Ok(None);
    }
    Ok(Some(Certificates::load(section, files, Arc::clone(issued))?))
}

/// What the policy host needs that can fail, got before any delivery begins.
pub(super) struct PolicyHostParts {
    sockets: Vec<TcpListener>,
    certificates: Arc<Certificates>,
    issued: Arc<IssuedCertificates>,
}

impl PolicyHostParts {
    /// Binds the sockets and reads the certificates; neither when it is off.
    pub(super) fn prepare(config: &Config, issued: Arc<IssuedCertificates>) -> Result<Self, NodeError> {
        let host = &config.routing.policy_host;
        let sockets = bind_all(&host.listen)?;
        let files = if sockets.is_empty() { Vec::new() } else { host.certificates() };
        let certificates = Certificates::load("policy_host", files, Arc::clone(&issued))?;
        Ok(Self { sockets, certificates, issued })
    }
}

impl Node {
    /// Serves policies on a thread of its own, for it is open to the world; certificates are got there too.
    pub(super) fn serve_policy_host(
        &mut self,
        config: &Config,
        parts: PolicyHostParts,
    ) -> Result<(), NodeError> {
        let PolicyHostParts { sockets, certificates, issued } = parts;
        if sockets.is_empty() {
            return Ok(());
        }
        let domains = Arc::clone(&self.control) as Arc<dyn RoutedDomains>;
        let challenges = Challenges::default();
        let host = &config.routing.policy_host;
        let server = PolicyServer::new(PolicyServerParts {
            host: PolicyHost::new(&config.served_policy()?, Arc::clone(&domains)),
            certificates: Arc::clone(&certificates),
            challenges: challenges.clone(),
            max_connections: host.max_connections,
            max_connections_per_address: host.max_connections_per_address,
        })?;
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(|| watch_arbiter("policy_host"));
        for socket in sockets {
            self.policy_host.push(socket.local_addr()?);
            let (server, stopping) = (server.clone(), self.stopping.subscribe());
            arbiter.spawn_fn(move || {
                actix_rt::spawn(async move {
                    if let Err(error) = server.run(socket, stopping).await {
                        tracing::error!(%error, "policy host failed");
                    }
                });
            });
        }
        if let Some(settings) = config.acme()? {
            let parts = self.keeper(config, settings, issued, &certificates, challenges)?;
            let stopping = self.stopping.subscribe();
            arbiter.spawn_fn(move || match Keeper::new(parts) {
                Ok(keeper) => drop(actix_rt::spawn(keeper.run(stopping))),
                Err(error) => tracing::error!(%error, "no certificates are got or renewed"),
            });
        }
        arbiter.spawn(certificates.watch(self.stopping.subscribe()));
        Ok(())
    }

    fn keeper(
        &self,
        config: &Config,
        settings: AcmeSettings,
        issued: Arc<IssuedCertificates>,
        files: &Arc<Certificates>,
        challenges: Challenges,
    ) -> Result<KeeperParts, NodeError> {
        Ok(KeeperParts {
            settings,
            folder: PrivateFolder::open(&self.state.certificates_dir())?,
            issued,
            files: Arc::clone(files),
            challenges,
            domains: Arc::clone(&self.control) as Arc<dyn RoutedDomains>,
            dns: HickoryDns::fresh(&config.dns.servers, &config.anchors()).map_err(NodeError::Dns)?,
            tls: ClientConfigs::new(&config.acme_roots())?.https(),
        })
    }
}
