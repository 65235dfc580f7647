//! Submission: its sockets, its certificates and its listeners.

use super::{Node, NodeError, bind_all, policy_host::shown, spawn_listeners};
use crate::config::Config;
use actix_rt::Arbiter;
use mailwright_actors::{
    certificates::{Certificates, IssuedCertificates},
    probe::watch_arbiter,
    smtp::{
        listener::{Listener, ListenerTls},
        submission::Submission,
    },
};
use mailwright_engine::smtp::server::{Auth, Dsn, RequireTls, ServerConfig, StartTls};
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

/// Where submission listens.
#[derive(Debug, Default)]
pub(crate) struct SubmissionAddresses {
    /// With STARTTLS, or in plain text on loopback.
    pub(crate) plain: Vec<SocketAddr>,
    /// With TLS from the first octet.
    pub(crate) tls: Vec<SocketAddr>,
}

/// What submission needs that can fail, got before any delivery begins.
pub(super) struct SubmissionParts {
    plain: Vec<TcpListener>,
    tls: Vec<TcpListener>,
    certificates: Option<Arc<Certificates>>,
}

impl SubmissionParts {
    /// Binds the sockets and reads the certificates; none of them when submission is off.
    pub(super) fn prepare(config: &Config, issued: &Arc<IssuedCertificates>) -> Result<Self, NodeError> {
        let submission = &config.submission;
        Ok(Self {
            plain: bind_all(&submission.listen)?,
            tls: bind_all(&submission.listen_tls)?,
            certificates: match submission.is_on() {
                true => shown("submission", submission.certificates(), issued)?,
                false => None,
            },
        })
    }
}

impl Node {
    /// Serves submission on a thread of its own: handshakes compute, and the relay's clients need not wait for them.
    pub(super) fn serve_submission(
        &mut self,
        config: &Config,
        parts: SubmissionParts,
    ) -> Result<(), NodeError> {
        if !config.submission.is_on() {
            return Ok(());
        }
        let server = parts.certificates.as_ref().map(Certificates::server).transpose()?;
        let (intake, control) = (self.engine.intake().clone(), Arc::clone(&self.control));
        let service =
            Submission::new(intake, control, self.records.suppressions.clone(), config.submission());
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(|| watch_arbiter("submission"));
        if let Some(certificates) = parts.certificates {
            arbiter.spawn(certificates.watch(self.stopping.subscribe()));
        }
        let plain = match &server {
            Some(server) => ListenerTls::OnRequest(Arc::clone(server)),
            None => ListenerTls::Off,
        };
        let mut listeners = Vec::new();
        for socket in parts.plain {
            self.submission.plain.push(socket.local_addr()?);
            listeners.push(listener(config, socket, plain.clone())?);
        }
        // Without certificates there are no such sockets: the configuration is refused.
        for (socket, server) in parts.tls.into_iter().zip(std::iter::repeat(server).flatten()) {
            self.submission.tls.push(socket.local_addr()?);
            listeners.push(listener(config, socket, ListenerTls::Implicit(server))?);
        }
        self.listeners.extend(spawn_listeners(&arbiter, listeners, || service, &self.stopping));
        Ok(())
    }
}

fn listener(config: &Config, socket: TcpListener, tls: ListenerTls) -> Result<Listener, NodeError> {
    let starttls = match tls {
        ListenerTls::OnRequest(_) => StartTls::Offered,
        ListenerTls::Off | ListenerTls::Implicit(_) => StartTls::NotOffered,
    };
    Ok(Listener {
        socket,
        name: "submission",
        config: ServerConfig {
            max_message_size: config.max_message_size()?,
            max_recipients: config.smtp.max_recipients,
            starttls,
            dsn: Dsn::Offered,
            auth: Auth::Required,
            require_tls: RequireTls::Offered,
            ..ServerConfig::new(config.hostname())
        },
        tls,
        loopback_auth: config.submission.loopback_auth(),
        max_sessions: config.submission.max_sessions,
    })
}
