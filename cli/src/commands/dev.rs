//! `mailwright dev`

mod worker;

use super::{CommandError, Credentials, by, sandbox, say, set_up};
use crate::{
    config::{Config, Route},
    logging,
    node::{self, Mode, Node},
};
use actix_rt::Arbiter;
use mailwright_actors::{
    clock,
    smtp::sandbox::{Sandbox, Store},
};
use mailwright_engine::{address::EmailAddress, class::Priority, sandbox::Personality};
use mailwright_storage::control::{Control, RouteAction, RuleDraft, RuleMatcher, RuleSource};
use serde::Serialize;
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{oneshot, watch};
use worker::Development;

/// The zone that dev sets up for sending.
const ZONE: &str = "example.com";

/// Where mail for the zone goes.
const DESTINATION: &str = "you@example.net";

/// Where the account and its token are kept from one start to the next.
const CREDENTIALS: &str = "dev-credentials.json";

/// Where everything listens.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Port or address of the HTTP API; port 0 picks a free one
    #[arg(long, value_name = "[ADDR:]PORT", default_value = "8787", value_parser = address)]
    http: SocketAddr,
    /// Port or address where SMTP takes mail in
    #[arg(long, value_name = "[ADDR:]PORT", default_value = "2525", value_parser = address)]
    smtp: SocketAddr,
    /// Port or address of the sandbox that receives all mail
    #[arg(long, value_name = "[ADDR:]PORT", default_value = "2526", value_parser = address)]
    sandbox: SocketAddr,
    /// How the sandbox treats what it receives: a personality, as `mailwright sandbox --help` lists them; an empty one takes
    /// everything
    #[arg(long, value_name = "PERSONALITY", default_value = "by-address")]
    personality: Personality,
    /// Folder for queue, account and received mail; kept over restarts
    #[arg(long, value_name = "DIR", default_value = "state")]
    state: PathBuf,
    /// A Worker that gets the mail for example.com: a folder or a file as `mailwright worker deploy` takes it; deployed
    /// again when a file changes
    #[arg(long, value_name = "DIR|FILE")]
    worker: Option<PathBuf>,
    /// Port or address where the fetch() handler of the Worker is reached
    #[arg(long, value_name = "[ADDR:]PORT", default_value = "8788", value_parser = address, requires = "worker")]
    fetch: SocketAddr,
}

/// A port on loopback, or an address with a port.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.parse::<u16>().map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    port.or_else(|_| text.parse())
        .map_err(|_| format!("{text:?} is neither a port nor an address and a port"))
}

/// What `dev.json` tells programs: where everything is.
#[derive(Debug, Serialize)]
struct DevFile {
    http: String,
    smtp: String,
    sandbox: String,
    workers: String,
    #[serde(flatten)]
    credentials: Credentials,
    sandbox_dir: String,
}

/// Serves until SIGTERM or SIGINT.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let developed = args.worker.as_deref().map(|path| Development::prepare(path, args.fetch)).transpose()?;
    let sandbox = sandbox::socket(args.sandbox)?;
    let sandbox_address = sandbox.local_addr()?;
    let config = config(args, sandbox_address);
    logging::start(&config.log);
    node::system()?.block_on(async {
        let mut node = Node::start(&config, Mode::Dev).await?;
        let store = node.sandbox.clone().unwrap_or_default();
        let sandbox_dir = store.dir().map(Path::to_path_buf).unwrap_or_default();
        let (stopping, stopped) = watch::channel(false);
        // On a thread of its own: it writes files between two replies.
        let received = spawn_sandbox(sandbox, &args.personality, store, stopped);
        let credentials = credentials(&node)?;
        route(&node.control, &credentials)?;
        let developed = developed.map(|developed| developed.begin(&mut node, &credentials)).transpose()?;
        let file = DevFile {
            workers: node.worker_doors.first().map(ToString::to_string).unwrap_or_default(),
            http: node.http.map(|address| address.to_string()).unwrap_or_default(),
            smtp: node.smtp.first().map(ToString::to_string).unwrap_or_default(),
            sandbox: sandbox_address.to_string(),
            credentials,
            sandbox_dir: sandbox_dir.display().to_string(),
        };
        node.state.write_file("dev.json", &serde_json::to_vec_pretty(&file)?)?;
        say(&welcome(&file, &config.state, args.worker.as_deref()))?;
        if let Some(developed) = developed {
            developed.watch()?;
        }
        let ended = node.ends().await;
        node.stop().await;
        stopping.send_replace(true);
        let patience = Duration::from_secs(1);
        // Idle clients may stay until the process ends; nothing depends on them.
        let _ = tokio::time::timeout(patience, received).await;
        Ok(ended?)
    })
}

/// Runs the sandbox on an arbiter of its own.
fn spawn_sandbox(
    socket: TcpListener,
    personality: &Personality,
    store: Arc<Store>,
    stopped: watch::Receiver<bool>,
) -> oneshot::Receiver<()> {
    let sandbox = Sandbox::new(personality.clone(), store, None);
    let (done, ended) = oneshot::channel();
    Arbiter::new().spawn(async move {
        if let Err(error) = sandbox.run(socket, stopped).await {
            tracing::error!(%error, "sandbox failed");
        }
        drop(done);
    });
    ended
}

/// Everything on loopback, all mail to the sandbox, retries within seconds.
fn config(args: &Args, sandbox: SocketAddr) -> Config {
    let mut config =
        Config { hostname: "mail.localhost".to_owned(), state: args.state.clone(), ..Config::default() };
    config.http.listen = args.http.to_string();
    config.smtp.listen = vec![args.smtp];
    config.delivery.routes = vec![Route { domain: "*".to_owned(), next_hop: sandbox.to_string() }];
    // Mail of anybody is to be tried here, and there need not be any DNS.
    (config.routing.local_handler, config.routing.require_authentication) = (true, false);
    config.routing.honour_dmarc = false;
    config.delivery.retry.first = Duration::from_secs(1);
    config.delivery.retry.max_interval = Duration::from_secs(10);
    config
}

/// Those of the last start on this folder, or fresh ones. Kept in the clear, because what dev does is no secret.
fn credentials(node: &Node) -> Result<Credentials, CommandError> {
    let earlier = std::fs::read(node.state.path().join(CREDENTIALS)).ok();
    if let Some(earlier) = earlier.and_then(|bytes| serde_json::from_slice::<Credentials>(&bytes).ok())
        && node.control.authenticate(&earlier.token, clock::now()).is_some()
    {
        return Ok(earlier);
    }
    let fresh = set_up(&node.state, &node.control, ZONE, Priority::default())?;
    node.state.write_file(CREDENTIALS, &serde_json::to_vec_pretty(&fresh)?)?;
    Ok(fresh)
}

/// Has mail for every address of the zone go to [`DESTINATION`], unless somebody has said otherwise.
fn route(control: &Control, credentials: &Credentials) -> Result<(), CommandError> {
    let by = by();
    let Some(zone) = control.zone(&credentials.zone_id) else { return Ok(()) };
    if control.routing_zone(&zone.id).is_some() {
        return Ok(());
    }
    let Some(account) = control.account(&credentials.account_id) else { return Ok(()) };
    let destination = EmailAddress::parse(DESTINATION)?;
    let (made, _) = control.create_destination(&account, destination.clone(), &by)?;
    control.set_destination_verified(&account.id, made.id.as_str(), true, &by)?;
    control.update_routing_zone(&zone.id, &by, |zone| (zone.enabled, zone.locked) = (true, true))?;
    let catch_all = RuleDraft {
        name: "Everything".to_owned(),
        enabled: true,
        priority: 0,
        matcher: RuleMatcher::All,
        action: RouteAction::Forward(vec![destination]),
        source: RuleSource::Api,
        owner_worker_tag: None,
    };
    control.set_catch_all(&zone.id, catch_all, &by)?;
    Ok(())
}

fn welcome(file: &DevFile, state: &Path, worker: Option<&Path>) -> String {
    let DevFile { http, smtp, sandbox, sandbox_dir, credentials, workers } = file;
    let Credentials { account_id, token, .. } = credentials;
    let state = state.display();
    let handled = match worker {
        Some(path) => {
            format!("handled by the Worker in {}, whose fetch() is at http://{workers}/", path.display())
        }
        None => format!("routed to {DESTINATION}"),
    };
    format!(
        r#"mailwright dev: everything on loopback, nothing leaves this machine.

  HTTP API   http://{http}
  SMTP in    {smtp}   (relay for 127.0.0.0/8 and ::1)
  sandbox    {sandbox}   receives all mail, keeps it in {sandbox_dir}
  state      {state}   (dev.json there has all of this)

Send a first mail:

  curl http://{http}/client/v4/accounts/{account_id}/email/sending/send \
    --header "Authorization: Bearer {token}" --json '{{
      "from": "Mailwright <hello@{ZONE}>", "to": "you@example.net",
      "subject": "The first mail", "text": "It works."}}'

Have mail for {ZONE} {handled}:

  curl "http://{http}/cdn-cgi/handler/email?from=sender@example.org&to=hello@{ZONE}" --data-binary $'From: sender@example.org\nSubject: Routed\n\nIt works too.'
"#
    )
}
