//! Filters of others that speak milter: asked one after the other about a whole message, before it is accepted.
//!
//! Each sees what those before it made of the header. The first that refuses or throws away ends the chain; one that
//! cannot be asked counts as its `default_action` says. What is agreed on, and what is not done, is in
//! [`mailwright_engine::milter`].

mod client;
pub mod metrics;
#[cfg(test)]
mod tests;

use client::Client;
use mailwright_engine::{
    milter::{Message, Passed, Verdict, apply},
    smtp::reply::{EnhancedCode, Reply, SmtpCode},
};
use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

/// Where a filter listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MilterAddress {
    /// `127.0.0.1:11332`.
    Tcp(SocketAddr),
    /// `unix:/run/rspamd/milter.sock`.
    Unix(PathBuf),
}

/// What a message counts as when a filter cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultAction {
    /// As if it had no objection.
    Accept,
    /// Refused for now: its sender comes again.
    TempFail,
    /// Refused for good.
    Reject,
}

/// A filter, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MilterSettings {
    /// Where it listens.
    pub address: MilterAddress,
    /// How long it is waited for: to connect, and for each answer. One that says that it works on is given that time
    /// again, up to five times it in all.
    pub timeout: Duration,
    /// What a message counts as when it cannot be asked.
    pub default_action: DefaultAction,
}

/// What becomes of a message that filters saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainVerdict {
    /// It goes on, with this content if filters changed its header.
    Passed(Option<Vec<u8>>),
    /// A filter refuses it, for now or for good as the code says.
    Refused(Reply),
    /// A filter could not be asked, and its `default_action` is to refuse.
    Unavailable(Reply),
    /// A filter wants it taken and thrown away.
    Discarded,
}

/// The filters, in their order. Clones share connections.
#[derive(Clone)]
pub struct MilterChain {
    clients: Arc<[Client]>,
}

impl MilterChain {
    /// Filters that are asked in this order.
    pub fn new(settings: Vec<MilterSettings>) -> Self {
        Self { clients: settings.into_iter().map(Client::new).collect() }
    }

    /// Whether nobody is asked.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Shows the message to each filter. May be dropped at any time; a filter then sees its connection close.
    pub async fn run(&self, message: Message<'_>) -> ChainVerdict {
        let mut changed: Option<Vec<u8>> = None;
        for client in self.clients.iter() {
            let content = changed.as_deref().unwrap_or(message.content);
            let settings = client.settings();
            match client.ask(Message { content, ..message }).await {
                Ok(Verdict::Passed(Passed { quarantine: Some(reason), .. })) => {
                    metrics::answered("quarantined");
                    return ChainVerdict::Refused(held_back(&reason));
                }
                Ok(verdict) => {
                    metrics::answered(verdict.as_str());
                    match verdict {
                        Verdict::Passed(passed) => {
                            note_not_done(settings, message.id, &passed);
                            if !passed.edits.is_empty() {
                                changed = Some(apply(content, &passed.edits));
                            }
                        }
                        Verdict::Refused(reply) => return ChainVerdict::Refused(reply),
                        Verdict::Discarded => return ChainVerdict::Discarded,
                    }
                }
                Err(error) => {
                    metrics::answered("failed");
                    tracing::error!(milter = %settings.address, id = message.id, %error, "a filter could not be asked");
                    if let Some(reply) = settings.default_action.reply() {
                        return ChainVerdict::Unavailable(reply);
                    }
                }
            }
        }
        ChainVerdict::Passed(changed)
    }
}

/// There is no place here where mail is held back for somebody to look at, so its sender is told.
fn held_back(reason: &str) -> Reply {
    let reason: String = reason.chars().filter(char::is_ascii).take(200).collect();
    let why = format!("a filter of this server holds the message back: {reason}");
    Reply::new(SmtpCode::MAILBOX_UNAVAILABLE, Some(EnhancedCode::new(5, 7, 1)), why)
}

fn note_not_done(settings: &MilterSettings, id: &str, passed: &Passed) {
    for &what in &passed.not_done {
        metrics::not_done(what);
        tracing::warn!(milter = %settings.address, id, change = what, "a filter wants a change that is not made");
    }
}

impl DefaultAction {
    fn reply(self) -> Option<Reply> {
        let (code, class, why) = match self {
            Self::Accept => return None,
            Self::TempFail => {
                (SmtpCode::LOCAL_ERROR, 4, "a filter of this server does not answer; try again later")
            }
            Self::Reject => (SmtpCode::MAILBOX_UNAVAILABLE, 5, "a filter of this server does not answer"),
        };
        Some(Reply::new(code, Some(EnhancedCode::new(class, 7, 1)), why))
    }
}

impl FromStr for MilterAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("unix:") {
            Some(path) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(_) => Err("the path of a socket begins with /, as in unix:/run/rspamd/milter.sock".to_owned()),
            None => text.parse().map(Self::Tcp).map_err(|_| {
                "write an address and a port, as 127.0.0.1:11332, or a socket, as unix:/run/rspamd/milter.sock".to_owned()
            }),
        }
    }
}

impl fmt::Display for MilterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
