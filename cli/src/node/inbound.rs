//! Starting what takes mail from the world, and keeping the keys of what it goes by.

use super::{Node, NodeError, bind_all, policy_host::shown, spawn_listeners};
use crate::config::Config;
use actix_rt::Arbiter;
use mailwright_actors::{
    certificates::{Certificates, IssuedCertificates},
    clock,
    dns::{CachedDns, HickoryDns},
    probe::watch_arbiter,
    smtp::listener::{Listener, ListenerTls, LoopbackAuth},
};
use mailwright_engine::smtp::server::{Limits, ServerConfig, StartTls, Utf8Recipients};
use mailwright_routing::{
    addressee::Directory,
    authentication::Authenticator,
    gate::Gate,
    held::HeldKeeper,
    inbound::Inbound,
    pipeline::{Pipeline, PipelineParts},
    reception::Reception,
    reports::ReportsInbox,
    return_path::{ReturnPath, ReturnPathParts},
};
use mailwright_storage::{
    control::{By, Control, TokenKeyRules},
    events::EventReader,
};
use std::{net::TcpListener, rc::Rc, sync::Arc, time::Duration};

/// How often it is looked whether a new key has to take over.
const KEYS_EVERY: Duration = Duration::from_secs(3600);
/// Most recipients of one message: a report is for one.
const MAX_RECIPIENTS: usize = 100;

/// What inbound needs that can fail, got before any delivery begins.
pub(super) struct InboundParts {
    sockets: Vec<TcpListener>,
    certificates: Option<Arc<Certificates>>,
    dns: HickoryDns,
}

impl InboundParts {
    /// Binds the sockets and reads the certificates, those of submission if it has none of its own; none when inbound is
    /// off.
    pub(super) fn prepare(config: &Config, issued: &Arc<IssuedCertificates>) -> Result<Self, NodeError> {
        let sockets = bind_all(&config.inbound.listen)?;
        let files = || config.inbound_certificates();
        let certificates = if sockets.is_empty() { None } else { shown("inbound", files(), issued)? };
        let dns = HickoryDns::new(&config.dns.servers, &config.anchors()).map_err(NodeError::Dns)?;
        Ok(Self { sockets, certificates, dns })
    }
}

impl Node {
    /// What acts on what comes back.
    pub(super) fn return_path(&self, config: &Config) -> Result<ReturnPath, NodeError> {
        Ok(ReturnPath::new(ReturnPathParts {
            control: Arc::clone(&self.control),
            events: self.records.events.clone(),
            log: EventReader::new(&self.state.events_dir()),
            suppressions: self.records.suppressions.clone(),
            feed: self.records.bounces.clone(),
            webhooks: self.engine.webhook_feed().clone(),
            outbox: self.records.outbox.clone(),
            rules: config.bounce_rules()?,
        }))
    }

    /// What looks after mail from the world, and after what of it waits for Workers.
    pub(super) fn reception(
        &self,
        config: &Config,
        returns: &ReturnPath,
        reports: &ReportsInbox,
    ) -> Result<(Reception, HeldKeeper), NodeError> {
        let (workers, held) = (self.workers.workers.clone(), self.records.workers.held.clone());
        let pipeline = Pipeline::new(PipelineParts {
            intake: self.engine.intake().clone(),
            board: self.engine.board().clone(),
            control: Arc::clone(&self.control),
            judged: self.records.judged.clone(),
            authenticator: Authenticator::new(&config.dns.servers).map_err(NodeError::Dns)?,
            content: config.content_checks()?,
            workers: workers.clone(),
            held: config.workers.hold().then(|| held.clone()),
            settings: config.routing()?,
            stopping: self.stopping.subscribe(),
        });
        let (control, postmaster) = (Arc::clone(&self.control), config.postmaster()?);
        let directory = Directory::new(control, returns.clone(), reports.clone(), postmaster, workers);
        let keeper = HeldKeeper::new(held, directory.clone(), pipeline.clone());
        let (intake, hostname) = (self.engine.intake().clone(), config.hostname());
        let reception =
            Reception::new(directory, returns.clone(), reports.clone(), pipeline, intake, hostname);
        Ok((reception, keeper))
    }

    /// Serves inbound on a thread of its own: it is open to the world, and nobody else is to wait for that.
    pub(super) fn serve_inbound(
        &mut self,
        config: &Config,
        parts: InboundParts,
        reception: &Reception,
    ) -> Result<(), NodeError> {
        if parts.sockets.is_empty() {
            return Ok(());
        }
        let server = parts.certificates.as_ref().map(Certificates::server).transpose()?;
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(|| watch_arbiter("inbound"));
        if let Some(certificates) = parts.certificates {
            arbiter.spawn(certificates.watch(self.stopping.subscribe()));
        }
        let mut listeners = Vec::new();
        for socket in parts.sockets {
            self.inbound.push(socket.local_addr()?);
            let tls = server.clone().map_or(ListenerTls::Off, ListenerTls::OnRequest);
            listeners.push(listener(config, socket, tls)?);
        }
        let (reception, settings, dns) = (reception.clone(), config.gate()?, parts.dns);
        let service = move || {
            let gate = Gate::new(settings, Rc::new(CachedDns::new(Rc::new(dns))));
            Inbound::new(reception, gate)
        };
        self.listeners.extend(spawn_listeners(&arbiter, listeners, service, &self.stopping));
        Ok(())
    }
}

fn listener(config: &Config, socket: TcpListener, tls: ListenerTls) -> Result<Listener, NodeError> {
    let starttls = match tls {
        ListenerTls::Off => StartTls::NotOffered,
        ListenerTls::OnRequest(_) | ListenerTls::Implicit(_) => StartTls::Offered,
    };
    Ok(Listener {
        socket,
        name: "inbound",
        config: ServerConfig {
            max_message_size: config.inbound.max_message_size()?,
            max_recipients: MAX_RECIPIENTS,
            starttls,
            limits: Limits::Offered,
            utf8_recipients: Utf8Recipients::DomainsOnly,
            help_url: config.inbound.help_url(),
            greeting: config.inbound.greeting(),
            ..ServerConfig::new(config.hostname())
        },
        tls,
        loopback_auth: LoopbackAuth::UnderTls,
        max_sessions: config.inbound.max_sessions,
    })
}

/// Renews keys now and then, until the system ends. Must run inside an actix system.
pub(super) fn renew_keys(control: &Arc<Control>, rules: TokenKeyRules) {
    let control = Arc::clone(control);
    actix_rt::spawn(async move {
        let mut due = tokio::time::interval(KEYS_EVERY);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            let control = Arc::clone(&control);
            let renewed = move || control.renew_token_keys(&rules, &By::server(clock::wall()));
            match tokio::task::spawn_blocking(renewed).await {
                Ok(Ok(true)) => tracing::info!("return paths have a new key"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::error!(%error, "return paths keep their old key"),
                Err(_) => return,
            }
        }
    });
}
