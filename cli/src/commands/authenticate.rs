//! `mailwright authenticate`

use super::{CommandError, message_file::read_message, say, say_json};
use crate::control_client::Place;
use mailwright_actors::clock;
use mailwright_engine::{
    address::{Domain, ReversePath},
    authentication::{ArcSealer, AuthenticationResults, Decision, Judgement, decide, without_results},
    dkim::{DkimKey, KeyAlgorithm, Signer},
    message::split_header,
    smtp::reply::SmtpCode,
};
use mailwright_routing::authentication::{Authenticator, Unjudged};
use serde_json::json;
use std::{
    fs,
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// A message, and who brought it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message, as it came; - for standard input. Line ends may be LF
    file: PathBuf,
    /// The address of the client that brought it
    #[arg(long, value_name = "ADDRESS")]
    ip: IpAddr,
    /// The name that the client gave in EHLO
    #[arg(long, value_name = "NAME")]
    helo: String,
    /// The envelope sender; empty for a notification
    #[arg(long, value_name = "ADDRESS")]
    from: String,
    /// A name server to ask, as 192.0.2.53:53; repeatable [default: the configured ones]
    #[arg(long = "resolver", value_name = "ADDRESS")]
    resolvers: Vec<SocketAddr>,
    /// Print the message as it would be passed on instead, sealed with this RSA key (PKCS #8, DER)
    #[arg(long, value_name = "FILE", requires = "seal_as")]
    seal_key: Option<PathBuf>,
    /// Where the public half of that key stands, as SELECTOR._domainkey.DOMAIN
    #[arg(long, value_name = "NAME", requires = "seal_key")]
    seal_as: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// Prints what is found about the message and what would become of it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let config = args.place.config()?;
    let (host, policy) = (config.hostname(), config.authentication_policy()?);
    let sealer = args.sealer()?;
    let content = read_message(&args.file)?;
    let servers = if args.resolvers.is_empty() { &config.dns.servers } else { &args.resolvers };
    let authenticator = Authenticator::new(servers).map_err(CommandError::Invalid)?;
    let sender = ReversePath::parse(&args.from)?;
    let mail = Unjudged { peer: args.ip, helo: &args.helo, sender: &sender, content: &content, host: &host };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let judgement = runtime.block_on(async {
        // The resolver's tasks live in the runtime.
        Box::pin(authenticator.judge(&mail)).await
    });
    let results = AuthenticationResults { authserv_id: &host, judgement: &judgement };
    if let Some(sealer) = sealer {
        return pass_on(&content, &results, &sealer);
    }
    let decision = decide(&judgement, &policy);
    if args.place.json {
        return say_json(&shown(&judgement, &decision, &results.to_string()));
    }
    Ok(say(&format!("{results}\n{}", in_words(&decision)))?)
}

impl Args {
    fn sealer(&self) -> Result<Option<ArcSealer>, CommandError> {
        let (Some(file), Some(name)) = (&self.seal_key, &self.seal_as) else { return Ok(None) };
        let wrong = |why: &str| CommandError::Invalid(format!("--seal-as {name}: {why}"));
        let (selector, domain) =
            name.split_once("._domainkey.").ok_or_else(|| wrong("it must be SELECTOR._domainkey.DOMAIN"))?;
        let der =
            fs::read(file).map_err(|error| CommandError::Invalid(format!("{}: {error}", file.display())))?;
        let key = DkimKey::from_pkcs8_der(KeyAlgorithm::Rsa, &der)
            .map_err(|error| CommandError::Invalid(format!("{}: {error}", file.display())))?;
        let signer = Signer::new(&Domain::parse(domain)?, selector, &key)
            .map_err(|error| wrong(&error.to_string()))?;
        Ok(Some(ArcSealer::new(signer)))
    }
}

/// Prints the message with what was found on top, sealed.
fn pass_on(
    content: &[u8],
    results: &AuthenticationResults<'_>,
    sealer: &ArcSealer,
) -> Result<(), CommandError> {
    let (header, body) = split_header(content);
    let found = results.to_string();
    let header = [found.as_bytes(), &without_results(header, results.authserv_id)].concat();
    let set = sealer.seal(&header, [body], results, clock::wall());
    let set = set.map_err(|error| CommandError::Invalid(format!("the message cannot be sealed: {error}")))?;
    let mut out = io::stdout();
    for part in [&set.unwrap_or_default(), &*header, b"\r\n", body] {
        out.write_all(part)?;
    }
    Ok(out.flush()?)
}

fn shown(judgement: &Judgement, decision: &Decision, field: &str) -> serde_json::Value {
    let decision = match decision {
        Decision::Take => json!({"action": "take"}),
        Decision::Quarantine { reason } => json!({"action": "quarantine", "text": reason}),
        Decision::Reject { status, text, .. } => {
            json!({"action": "reject", "code": 550, "status": status.to_string(), "text": text})
        }
        Decision::Defer { status, text } => {
            json!({"action": "defer", "code": 451, "status": status.to_string(), "text": text})
        }
    };
    json!({"judgement": judgement, "decision": decision, "field": field})
}

fn in_words(decision: &Decision) -> String {
    match decision {
        Decision::Take => "It would be taken.".to_owned(),
        Decision::Quarantine { reason } => format!("It would be taken and marked: {reason}."),
        Decision::Reject { status, text, .. } => {
            format!("It would be refused: {} {status} {text}", SmtpCode::MAILBOX_UNAVAILABLE)
        }
        Decision::Defer { status, text } => {
            format!("It would be refused for now: {} {status} {text}", SmtpCode::LOCAL_ERROR)
        }
    }
}
