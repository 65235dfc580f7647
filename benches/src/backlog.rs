//! Mail that waits: a queue to restart the server on.

use crate::{
    Result,
    generator::Load,
    message::Domains,
    server::{Installation, Server},
    smtp::{Script, SmtpClient},
    usage::Memory,
};
use std::time::Duration;

/// Octets of a body.
pub const SIZE: usize = 2_000;
/// For the configuration: a dead destination is tried every second, so that its return is noticed soon.
pub const RETRY: &str = "[delivery.retry]\nfirst = \"1s\"\nmax_interval = \"1s\"\n";
/// How long the server is left alone before its memory is read.
const SETTLE: Duration = Duration::from_secs(1);

/// The resident memory of the server that took the mail in, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// Before the first message.
    pub idle: u64,
    /// After the last.
    pub queued: u64,
}

/// Has a load of messages accepted whose destinations refuse connections, and ends the server.
///
/// # Errors
/// Whatever keeps a message from being accepted, and a server that does not end well.
pub async fn pile_up(installation: &Installation, load: Load, domains: Domains) -> Result<Queued> {
    let server = installation.start().await?;
    let idle = resident(&server).await?;
    let (address, script) = (server.smtp()?, Script::new(domains, SIZE));
    load.run(|| SmtpClient::connect(address, script.clone())).await?;
    let queued = resident(&server).await?;
    server.stop().await?;
    Ok(Queued { idle, queued })
}

/// Returns the memory of a server that has been left alone for a while, in bytes.
///
/// # Errors
/// Those of [`crate::usage::Process::memory`].
pub async fn resident(server: &Server) -> Result<u64> {
    tokio::time::sleep(SETTLE).await;
    server.process().memory(Memory::Resident)
}
