//! The commands, one a file.

pub(crate) mod account;
pub(crate) mod address;
pub(crate) mod audit;
pub(crate) mod authenticate;
pub(crate) mod bootstrap;
pub(crate) mod dev;
pub(crate) mod dmarc;
pub(crate) mod doctor;
mod limits;
pub(crate) mod log;
mod message_file;
pub(crate) mod openapi;
pub(crate) mod orders;
pub(crate) mod queue;
pub(crate) mod route;
pub(crate) mod sandbox;
pub(crate) mod serve;
pub(crate) mod shaping;
pub(crate) mod spam;
mod table;
pub(crate) mod token;
pub(crate) mod top;
pub(crate) mod trace;
pub(crate) mod why;
pub(crate) mod worker;
pub(crate) mod worker_launch;
pub(crate) mod zone;

use crate::{control_client::ControlClientError, node::NodeError};
use mailwright_actors::clock;
use mailwright_engine::{
    address::{AddressError, Domain},
    class::Priority,
};
use mailwright_storage::{
    StateDir, StorageError,
    control::{Actor, By, Control, ControlError, NewSendingDomain, NewToken, Permission, SendingNames},
};
use serde::Serialize;
use std::io::{self, Write};

/// Why a command failed; each says what, where and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error(transparent)]
    Node(#[from] NodeError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Tls(#[from] mailwright_actors::tls::TlsError),
    #[error(transparent)]
    Client(#[from] ControlClientError),
    #[error(transparent)]
    Setup(#[from] mailwright_engine::domain_dns::InvalidSetup),
    #[error(transparent)]
    Worker(#[from] crate::worker::ProjectError),
    #[error("{0}")]
    Invalid(String),
}

impl From<crate::config::ConfigError> for CommandError {
    fn from(error: crate::config::ConfigError) -> Self {
        Self::Node(error.into())
    }
}

/// Prints an error for the person at the terminal.
pub(crate) fn say_error(error: &CommandError) {
    // Nobody to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "mailwright: {error}");
}

/// Tells the person at the terminal something that is no part of the answer.
fn say_hint(text: &str) {
    // Nobody to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "mailwright: {text}");
}

/// Prints JSON to standard output.
fn say_json(value: &serde_json::Value) -> Result<(), CommandError> {
    Ok(say(&serde_json::to_string_pretty(value)?)?)
}

/// Prints to standard output.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{text}")?;
    out.flush()
}

/// What `bootstrap` makes and `dev` uses.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
struct Credentials {
    account_id: String,
    zone_id: String,
    token: String,
}

/// A DNS record to publish.
#[derive(Debug, Clone, Serialize)]
struct PublishedRecord {
    name: String,
    value: String,
}

/// The user of this machine, who changes something now.
fn by() -> By {
    By { actor: Actor::Local { uid: rustix::process::getuid().as_raw() }, at: clock::now(), from: None }
}

/// Makes an account, a zone set up for sending and a token, and leaves the DKIM records in `dkim.json`.
fn set_up(
    state: &StateDir,
    control: &Control,
    zone: &str,
    priority: Priority,
) -> Result<Credentials, CommandError> {
    let by = by();
    // Before anything is made: a second try must not find half of the first.
    let name = Domain::parse(zone)?;
    if control.sending_domain(&name).is_some() {
        return Err(ControlError::Taken(name).into());
    }
    let account = control.create_account(zone, &by)?;
    let zone = control.create_zone(&account.id, name, &by)?;
    // Whoever owns this machine vouches for it.
    let domain = NewSendingDomain {
        zone_id: zone.id.clone(),
        name: zone.name.clone(),
        wildcard: false,
        vouched_for: true,
        names: SendingNames::default(),
    };
    let sending = control.create_sending_domain(domain, &by)?;
    let token = NewToken { priority, ..NewToken::new(&account.id, "bootstrap", vec![Permission::Operator]) };
    let (_, secret) = control.create_token(token, &by)?;
    let records: Vec<_> = sending
        .keys
        .iter()
        .map(|key| PublishedRecord {
            name: format!("{}._domainkey.{}", key.selector, sending.name),
            value: key.public_record.clone(),
        })
        .collect();
    state.write_file("dkim.json", &serde_json::to_vec_pretty(&records)?)?;
    Ok(Credentials {
        account_id: account.id.to_string(),
        zone_id: zone.id.to_string(),
        token: secret.reveal().to_owned(),
    })
}
