//! `mailwright sandbox`

use super::{CommandError, told_to_stop};
use crate::{
    config::{Log, LogFormat},
    logging,
};
use mailwright_actors::{
    smtp::{
        listener::{Listener, bind},
        sandbox::{DropAt, Faults, Sandbox},
    },
    tls,
};
use mailwright_engine::smtp::server::{ServerConfig, StartTls};
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// Most clients of a sandbox at a time.
const MAX_SESSIONS: usize = 10_000;

/// Where to listen and how to misbehave.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:2526")]
    listen: SocketAddr,
    /// Folder for received mail, one .eml file each; without it mail is taken and forgotten
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Defer this share of recipients (451)
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    defer: u8,
    /// Reject this share of recipients (550)
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    reject: u8,
    /// Close the connection without an answer for this share of messages
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=100))]
    drop: u8,
    /// Where --drop strikes: at MAIL, or after the final dot, when the message has been kept
    #[arg(long, value_name = "WHERE", default_value = "dot", value_parser = ["mail", "dot"])]
    drop_at: String,
    /// Pause before each message is answered
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = duration)]
    stall: Duration,
    /// Offer STARTTLS with a self-signed certificate
    #[arg(long)]
    tls: bool,
    /// Write the address to this file when listening
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

fn duration(text: &str) -> Result<Duration, humantime_serde::re::humantime::DurationError> {
    humantime_serde::re::humantime::parse_duration(text)
}

/// A sandbox's listening socket and what it offers.
pub(super) fn listener(address: SocketAddr, offer_tls: bool) -> Result<Listener, CommandError> {
    let socket =
        bind(address).map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address}: {e}")))?;
    let hostname = "sandbox.localhost";
    let (starttls, tls): (_, Option<Arc<_>>) = if offer_tls {
        (StartTls::Offered, Some(tls::self_signed_server(hostname)?))
    } else {
        (StartTls::NotOffered, None)
    };
    let config = ServerConfig { starttls, ..ServerConfig::new(hostname) };
    Ok(Listener { socket, name: "sandbox", config, tls, max_sessions: MAX_SESSIONS })
}

/// Receives until SIGTERM or SIGINT.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    logging::start(&Log { level: "info".to_owned(), format: LogFormat::Text });
    let faults = Faults {
        defer: args.defer,
        reject: args.reject,
        drop: args.drop,
        drop_at: if args.drop_at == "mail" { DropAt::Mail } else { DropAt::Dot },
        stall: args.stall,
    };
    let sandbox = Sandbox::new(args.dir.clone(), faults)?;
    let listener = listener(args.listen, args.tls)?;
    let address = listener.socket.local_addr()?;
    actix_rt::System::new().block_on(async {
        let (stopping, stopped) = watch::channel(false);
        let receiving = actix_rt::spawn(listener.run(sandbox, stopped));
        if let Some(file) = &args.ready_file {
            let temporary = file.with_extension("new");
            std::fs::write(&temporary, address.to_string())?;
            std::fs::rename(temporary, file)?;
        }
        tracing::info!(%address, "sandbox ready");
        told_to_stop().await?;
        stopping.send_replace(true);
        // A listener that panicked has been logged as such.
        let _ = receiving.await;
        Ok(())
    })
}
