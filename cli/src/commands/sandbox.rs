//! `mailwright sandbox`

use super::CommandError;
use crate::{
    config::{Log, LogFormat},
    limits, logging,
    stop_signals::StopSignals,
};
use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, web};
use mailwright_actors::{
    smtp::{
        listener::bind,
        sandbox::{HOSTNAME, Sandbox, Store},
    },
    tls,
};
use mailwright_engine::sandbox::{InvalidPersonality, Personality, Stats};
use serde::Serialize;
use std::{
    io,
    net::{AddrParseError, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// How long clients that are not between two commands may go on when the sandbox stops.
const DRAIN: Duration = Duration::from_secs(1);

/// Where to listen and how to misbehave.
#[derive(Debug, clap::Args)]
#[command(after_help = personalities())]
pub(crate) struct Args {
    /// Address to listen on, and how clients are treated there; port 0 picks a free one. May be repeated
    #[arg(long, value_name = "ADDR:PORT[=PERSONALITY]", default_value = "127.0.0.1:2526")]
    listen: Vec<Place>,
    /// How clients are treated where --listen does not say
    #[arg(long, value_name = "PERSONALITY", default_value = "")]
    personality: Personality,
    /// Folder for received mail, one .eml file each; without it mail is taken and forgotten
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Offer STARTTLS with a self-signed certificate
    #[arg(long)]
    tls: bool,
    /// Address for GET /stats: what was accepted and refused at each place, as JSON
    #[arg(long, value_name = "ADDR:PORT")]
    stats: Option<SocketAddr>,
    /// Write the addresses to this file when listening: one a line as given, that of --stats last
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
}

fn personalities() -> String {
    format!(
        "PERSONALITY is one of these or several joined with '+', the first of which that objects has the word. What is\n\
         not set has the value shown; the value of the first setting needs no name: drop:5%+rate-limit:10/s,penalty=5s\n\n{}",
        Personality::help()
    )
}

/// An address and how clients are treated there.
#[derive(Debug, Clone)]
struct Place {
    address: SocketAddr,
    /// `None` leaves it to `--personality`.
    personality: Option<Personality>,
}

/// Text that is no [`Place`].
#[derive(Debug, thiserror::Error)]
enum InvalidPlace {
    #[error("{0:?} is not an address and port, as 127.0.0.1:2526 or [::1]:0")]
    Address(String, #[source] AddrParseError),
    #[error(transparent)]
    Personality(#[from] InvalidPersonality),
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (address, personality) = match text.split_once('=') {
            Some((address, personality)) => (address, Some(personality.parse()?)),
            None => (text, None),
        };
        let address = address.parse().map_err(|error| InvalidPlace::Address(address.to_owned(), error))?;
        Ok(Self { address, personality })
    }
}

/// A sandbox that listens.
struct Open {
    address: SocketAddr,
    /// In full.
    personality: String,
    sandbox: Sandbox,
}

/// What GET /stats says of one place.
#[derive(Debug, Serialize)]
struct Report<'a> {
    address: SocketAddr,
    personality: &'a str,
    #[serde(flatten)]
    stats: Stats,
}

/// A sandbox's listening socket.
pub(super) fn socket(address: SocketAddr) -> Result<TcpListener, io::Error> {
    bind(address).map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address}: {e}")))
}

/// Receives until SIGTERM or SIGINT.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    logging::start(&Log { level: "info".to_owned(), format: LogFormat::Text });
    limits::raise_open_files(0);
    let store = Arc::new(Store::open(args.dir.clone())?);
    let tls = if args.tls { Some(tls::self_signed_server(HOSTNAME)?) } else { None };
    let (mut open, mut sockets) = (Vec::new(), Vec::new());
    for place in &args.listen {
        let personality = place.personality.as_ref().unwrap_or(&args.personality);
        let socket = socket(place.address)?;
        open.push(Open {
            address: socket.local_addr()?,
            personality: personality.to_string(),
            sandbox: Sandbox::new(personality.clone(), Arc::clone(&store), tls.clone()),
        });
        sockets.push(socket);
    }
    let stats = args.stats.map(socket).transpose()?;
    actix_rt::System::new().block_on(serve(open.into(), sockets, stats, args.ready_file.as_deref()))
}

async fn serve(
    open: Arc<[Open]>,
    sockets: Vec<TcpListener>,
    stats: Option<TcpListener>,
    ready_file: Option<&Path>,
) -> Result<(), CommandError> {
    let mut addresses: Vec<_> = open.iter().map(|open| open.address.to_string()).collect();
    let mut signals = StopSignals::take()?;
    let (stopping, stopped) = watch::channel(false);
    let receiving: Vec<_> = (open.iter().zip(sockets))
        .map(|(open, socket)| actix_rt::spawn(open.sandbox.clone().run(socket, stopped.clone())))
        .collect();
    let mut reporting = None;
    if let Some(stats) = stats {
        addresses.push(stats.local_addr()?.to_string());
        reporting = Some(report(stats, Arc::clone(&open))?);
    }
    if let Some(file) = ready_file {
        let temporary = file.with_extension("new");
        std::fs::write(&temporary, addresses.join("\n"))?;
        std::fs::rename(temporary, file)?;
    }
    for Open { address, personality, .. } in &*open {
        tracing::info!(%address, personality, "sandbox ready");
    }
    signals.told().await;
    stopping.send_replace(true);
    let ended = async {
        for listener in receiving {
            // One that panicked has been logged as such.
            let _ = listener.await;
        }
    };
    // Clients that are being kept waiting by design may stay until the process ends.
    let _ = tokio::time::timeout(DRAIN, ended).await;
    if let Some(reporting) = reporting {
        reporting.stop(false).await;
    }
    Ok(())
}

/// Answers GET /stats.
fn report(socket: TcpListener, open: Arc<[Open]>) -> io::Result<ServerHandle> {
    let server = HttpServer::new(move || {
        App::new().app_data(web::Data::new(Arc::clone(&open))).route("/stats", web::get().to(stats))
    });
    let server = server.workers(1).disable_signals().listen(socket)?.run();
    let handle = server.handle();
    actix_rt::spawn(server);
    Ok(handle)
}

async fn stats(open: web::Data<Arc<[Open]>>) -> HttpResponse {
    let reports: Vec<_> = (open.iter())
        .map(|open| Report {
            address: open.address,
            personality: &open.personality,
            stats: open.sandbox.stats(),
        })
        .collect();
    HttpResponse::Ok().json(reports)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<(String, Option<String>), String> {
        let place: Place = text.parse().map_err(|error: InvalidPlace| error.to_string())?;
        Ok((place.address.to_string(), place.personality.map(|personality| personality.to_string())))
    }

    #[test]
    fn a_place_is_an_address_with_or_without_a_personality() {
        assert_eq!(place("127.0.0.1:0"), Ok(("127.0.0.1:0".into(), None)));
        let full = "greylist:wait=5s".to_owned();
        assert_eq!(place("[::1]:25=greylist:wait=5s"), Ok(("[::1]:25".into(), Some(full))));
        assert_eq!(place("127.0.0.1:0="), Ok(("127.0.0.1:0".into(), Some(String::new()))));
    }

    #[test]
    fn a_place_that_is_none_is_explained() {
        assert_eq!(
            place("localhost").unwrap_err(),
            r#""localhost" is not an address and port, as 127.0.0.1:2526 or [::1]:0"#
        );
        assert!(place("127.0.0.1:0=grumpy").unwrap_err().starts_with("no behaviour is named"));
    }
}
