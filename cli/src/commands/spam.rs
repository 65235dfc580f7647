//! `mailwright spam`

use super::{CommandError, message_file::read_message, say, say_json};
use crate::{config::Config, control_client::Place};
use mailwright_engine::{
    address::ReversePath,
    authentication::Judgement,
    milter::Message,
    spam::{AuthResults, Score, SpamMail, SpamVerdict, without_spam_fields},
};
use mailwright_routing::{
    authentication::{Authenticator, Unjudged},
    milter::ChainVerdict,
    spam::SpamFilter,
};
use serde_json::{Value, json};
use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

/// A message, what is known of who brought it, and the rules to go by.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The message, as it came; - for standard input. Line ends may be LF
    file: PathBuf,
    /// The rules to go by [default: those that are configured, or built in]
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The address of the client that brought it; with it, the message is authenticated first, and rules see the results
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// The name that the client gave in EHLO
    #[arg(long, value_name = "NAME", default_value = "unknown.invalid")]
    helo: String,
    /// The envelope sender; empty for a notification
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    from: String,
    /// A recipient, for filters; repeatable
    #[arg(long = "to", value_name = "ADDRESS")]
    recipients: Vec<String>,
    /// A name server to ask, as 192.0.2.53:53; repeatable [default: the configured ones]
    #[arg(long = "resolver", value_name = "ADDRESS")]
    resolvers: Vec<SocketAddr>,
    /// Show the message to the configured filters (routing.milters), too
    #[arg(long)]
    milters: bool,
    #[command(flatten)]
    place: Place,
}

/// Prints what the message scores, and what filters say.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let mut config = args.place.config()?;
    if !args.resolvers.is_empty() {
        config.dns.servers.clone_from(&args.resolvers);
    }
    let content = read_message(&args.file)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (verdict, filters) = runtime.block_on(Box::pin(args.look(&config, &content)))?;
    let limit = config.reject_over()?;
    if args.place.json {
        return say_json(&shown(&verdict, limit, filters.as_ref()));
    }
    Ok(say(in_words(&verdict, limit, filters.as_ref()).trim_end())?)
}

impl Args {
    async fn look(
        &self,
        config: &Config,
        content: &[u8],
    ) -> Result<(SpamVerdict, Option<ChainVerdict>), CommandError> {
        let judgement = self.judgement(config, content).await?;
        let authentication = judgement.as_ref().map(AuthResults::from).unwrap_or_default();
        let client_name =
            judgement.as_ref().and_then(|judgement| judgement.iprev.name.as_deref()).unwrap_or_default();
        let (sender, helo) = (self.from.as_str(), self.helo.as_str());
        let mail = SpamMail { content, sender, helo, client_name, client_lists: &[], authentication };
        let verdict = Box::pin(self.filter(config)?.score(&mail)).await;
        if !self.milters {
            return Ok((verdict, None));
        }
        // As the pipeline shows it.
        let marked = [verdict.header().as_bytes(), &without_spam_fields(content)].concat();
        let filters = config.milters()?;
        let hostname = config.hostname();
        let verdict_of_filters = filters.run(Message {
            hostname: &hostname,
            id: "spam",
            client_name,
            client: SocketAddr::new(self.ip.unwrap_or(Ipv4Addr::LOCALHOST.into()), 0),
            tls: None,
            helo,
            sender,
            recipients: &self.recipients,
            content: &marked,
        });
        let filters = Box::pin(verdict_of_filters).await;
        Ok((verdict, Some(filters)))
    }

    fn filter(&self, config: &Config) -> Result<SpamFilter, CommandError> {
        match &self.rules {
            Some(file) => {
                SpamFilter::open(Some(file.clone()), &config.dns.servers).map_err(CommandError::Invalid)
            }
            None => config.spam_filter()?.ok_or_else(|| {
                let why = "routing.spam.rules is \"off\": name the rules to go by (--rules FILE)";
                CommandError::Invalid(why.to_owned())
            }),
        }
    }

    async fn judgement(&self, config: &Config, content: &[u8]) -> Result<Option<Judgement>, CommandError> {
        let Some(peer) = self.ip else { return Ok(None) };
        let authenticator = Authenticator::new(&config.dns.servers).map_err(CommandError::Invalid)?;
        let (sender, host) = (ReversePath::parse(&self.from)?, config.hostname());
        let mail = Unjudged { peer, helo: &self.helo, sender: &sender, content, host: &host };
        Ok(Some(Box::pin(authenticator.judge(&mail)).await))
    }
}

fn shown(verdict: &SpamVerdict, limit: Option<Score>, filters: Option<&ChainVerdict>) -> Value {
    let mut shown = json!({
        "score": verdict.score,
        "spam_at": verdict.spam_at,
        "is_spam": verdict.is_spam(),
        "reject_over": limit,
        "is_rejected": limit.is_some_and(|limit| verdict.score > limit),
        "hits": verdict.hits,
    });
    if let Some(filters) = filters {
        let (outcome, reply, header) = told(filters);
        shown["milters"] = json!({ "outcome": outcome, "reply": reply, "header": header });
    }
    shown
}

fn in_words(verdict: &SpamVerdict, limit: Option<Score>, filters: Option<&ChainVerdict>) -> String {
    let SpamVerdict { score, spam_at, hits } = verdict;
    let mut out = String::new();
    for hit in hits {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:>7}  {:24} {}", format!("{:+}", hit.points), hit.name, hit.description);
    }
    let marked = if verdict.is_spam() { "marked as spam" } else { "not marked as spam" };
    let refused = match limit {
        Some(limit) if *score > limit => format!("refused, for it is over {limit}"),
        Some(limit) => format!("not refused, for which it would have to be over {limit}"),
        None => "not refused, whatever its score".to_owned(),
    };
    let _ = writeln!(out, "{score:>7}  of {spam_at}: {marked}, {refused}");
    if let Some(filters) = filters {
        let (outcome, reply, header) = told(filters);
        let _ = writeln!(out, "filters: {outcome} {}", reply.unwrap_or_default());
        out.push_str(&header.unwrap_or_default());
    }
    out
}

/// What filters make of it: a word, their reply, the header if they changed it.
fn told(filters: &ChainVerdict) -> (&'static str, Option<String>, Option<String>) {
    match filters {
        ChainVerdict::Passed(None) => ("passed", None, None),
        ChainVerdict::Passed(Some(content)) => {
            let (header, _) = mailwright_engine::message::split_header(content);
            ("changed", None, Some(String::from_utf8_lossy(header).replace("\r\n", "\n")))
        }
        ChainVerdict::Refused(reply) => ("refused", Some(reply.to_string()), None),
        ChainVerdict::Unavailable(reply) => ("unavailable", Some(reply.to_string()), None),
        ChainVerdict::Discarded => ("discarded", None, None),
    }
}
