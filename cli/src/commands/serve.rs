//! `mailwright serve`

use super::{CommandError, by, say};
use crate::{
    config::Config,
    logging,
    node::{self, Mode, Node},
};
use mailwright_storage::control::{NewToken, Permission};
use serde_json::json;
use std::path::PathBuf;

/// How to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Configuration file (config/mailwright.toml documents every key)
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// State folder, instead of the configured one
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
}

/// Serves until SIGTERM or SIGINT. When everything listens, `ready.json` in the state folder says where.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let mut config = Config::read(&args.config)?;
    if let Some(state) = &args.state {
        config.state.clone_from(state);
    }
    logging::start(&config.log);
    node::system()?.block_on(async {
        let mut node = Node::start(&config, Mode::Serve).await?;
        greet(&node)?;
        let http = node.http.map(|address| address.to_string()).unwrap_or_default();
        let smtp = node.smtp.first().map(ToString::to_string).unwrap_or_default();
        let submission = node.submission.plain.first().map(ToString::to_string).unwrap_or_default();
        let submission_tls = node.submission.tls.first().map(ToString::to_string).unwrap_or_default();
        let inbound = node.inbound.first().map(ToString::to_string).unwrap_or_default();
        let policy_host = node.policy_host.first().map(ToString::to_string).unwrap_or_default();
        let workers = node.worker_doors.first().map(ToString::to_string).unwrap_or_default();
        let ready = json!({
            "http": http, "smtp": smtp, "submission": submission, "submission_tls": submission_tls,
            "inbound": inbound, "policy_host": policy_host, "workers": workers,
        });
        node.state.write_file("ready.json", &serde_json::to_vec(&ready)?)?;
        tracing::info!(http, smtp, submission, submission_tls, inbound, policy_host, workers, state = %config.state.display(), "ready");
        let ended = node.ends().await;
        node.stop().await;
        Ok(ended?)
    })
}

/// On the first start, makes an account and a token that may do everything, and shows it this once.
fn greet(node: &Node) -> Result<(), CommandError> {
    if !node.control.accounts().is_empty() {
        return Ok(());
    }
    let by = by();
    let account = node.control.create_account("Main account", &by)?;
    let token = NewToken::new(&account.id, "first start", vec![Permission::Operator]);
    let (_, secret) = node.control.create_token(token, &by)?;
    let secret = secret.reveal();
    Ok(say(&format!(
        "The first start: account {} and a token for everything, shown this once:\n{secret}",
        account.id
    ))?)
}
