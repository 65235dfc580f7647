//! `mailwright worker logs`, and what `mailwright dev` shows of a Worker.

use super::{
    super::{CommandError, account::word, say, say_json},
    Of,
};
use crate::control_client::ControlClient;
use mailwright_engine::worker::ScriptName;
use serde_json::{Value, json};

/// What the messages of the WebSocket are in, as the service's own tool asks for it.
const PROTOCOL: &str = "trace-v1";
/// What every path begins with.
const PREFIX: &str = "/client/v4/";

/// Whose words are shown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The Worker's name
    name: ScriptName,
    /// End after as many events
    #[arg(long, short = 'n', value_name = "NUMBER")]
    limit: Option<usize>,
    #[command(flatten)]
    of: Of,
}

/// Shows events as they happen, each with what was said while it was handled.
pub(super) fn run(args: &Args) -> Result<(), CommandError> {
    let (client, account) = args.of.account()?;
    let tail = Tail::open(&client, &account, &args.name)?;
    let mut left = args.limit.unwrap_or(usize::MAX);
    let followed = tail.follow(|event| {
        if args.of.place.json {
            say_json(event)?;
        } else {
            lines(event).iter().try_for_each(|line| say(line))?;
        }
        left -= 1;
        if left == 0 { Err(Ended::Enough) } else { Ok(()) }
    });
    match followed {
        Ok(()) | Err(Ended::Enough) => Ok(()),
        Err(Ended::Failed(error)) => Err(error),
    }
}

/// Why events are followed no more.
pub(in crate::commands) enum Ended {
    /// Whoever listens has heard enough.
    Enough,
    Failed(CommandError),
}

impl<E: Into<CommandError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// A place to listen for what a Worker does.
pub(in crate::commands) struct Tail<'a> {
    client: &'a ControlClient,
    path: String,
}

impl<'a> Tail<'a> {
    /// Asks for one, of a Worker of the account at the path `account`.
    ///
    /// # Errors
    /// There is no such Worker, or too many listen.
    pub(in crate::commands) fn open(
        client: &'a ControlClient,
        account: &str,
        name: &ScriptName,
    ) -> Result<Self, CommandError> {
        let made: Value = client.post(&format!("{account}/workers/scripts/{name}/tails"), &json!({}))?;
        let url = word(&made, "url");
        // It names the server as the world sees it; this is about the one behind the control socket.
        let path = url.find(PREFIX).and_then(|found| url.get(found + PREFIX.len()..));
        let not_ours = || CommandError::Invalid(format!("the server's answer is not understood: {url}"));
        Ok(Self { client, path: path.ok_or_else(not_ours)?.to_owned() })
    }

    /// Hands each event to `event`, until one of the two ends it.
    ///
    /// # Errors
    /// Those of `event`, and broken connections.
    pub(in crate::commands) fn follow(
        &self,
        mut event: impl FnMut(&Value) -> Result<(), Ended>,
    ) -> Result<(), Ended> {
        self.client.messages(&self.path, PROTOCOL, |message| event(&serde_json::from_slice(message)?))
    }
}

/// An event as lines: what it was, what was said, what was thrown.
pub(in crate::commands) fn lines(event: &Value) -> Vec<String> {
    let said = event["logs"].as_array().into_iter().flatten().map(|line| {
        let level = line["level"].as_str().filter(|level| *level != "log");
        let level = level.map(|level| format!("{level}: ")).unwrap_or_default();
        format!("  {level}{}", plain(&message(&line["message"])))
    });
    let thrown = event["exceptions"].as_array().into_iter().flatten();
    let thrown = thrown.map(|thrown| {
        format!("  thrown: {}", plain(&format!("{}: {}", word(thrown, "name"), word(thrown, "message"))))
    });
    std::iter::once(plain(&headline(event))).chain(said).chain(thrown).collect()
}

fn headline(event: &Value) -> String {
    let (what, outcome) = (&event["event"], word(event, "outcome"));
    let name = word(event, "scriptName");
    if what["type"] == "overload" {
        return word(what, "message");
    }
    let what = if what.get("mailFrom").is_some() {
        let from = what["mailFrom"].as_str().filter(|from| !from.is_empty()).unwrap_or("<>");
        format!("mail from {from} for {}, {} octets", word(what, "rcptTo"), word(what, "rawSize"))
    } else if what.get("queue").is_some() {
        format!("{} messages of {}", word(what, "batchSize"), word(what, "queue"))
    } else {
        let status = what.pointer("/response/status").map(|status| format!(" {status}")).unwrap_or_default();
        format!("{} {}{status}", word(&what["request"], "method"), word(&what["request"], "url"))
    };
    format!("{name}: {what}: {outcome}")
}

/// What was given to `console`, as it shows it: text as it is, the rest as JSON.
fn message(given: &Value) -> String {
    let shown = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    match given {
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(" "),
        one => shown(one),
    }
}

/// Without what would move about the terminal: the words are a mail's, maybe.
fn plain(text: &str) -> String {
    let kept = |c: char| if c.is_control() && c != '\t' { ' ' } else { c };
    text.chars().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_told_with_what_was_said_and_thrown() {
        let event = json!({
            "scriptName": "a", "outcome": "exception",
            "event": { "mailFrom": "", "rcptTo": "x@example.com", "rawSize": 7 },
            "logs": [{ "level": "log", "message": ["hello", { "n": 1 }] }, { "level": "warn", "message": ["\u{1b}[31mred"] }],
            "exceptions": [{ "name": "TypeError", "message": "no" }],
        });
        let expected = [
            "a: mail from <> for x@example.com, 7 octets: exception",
            "  hello {\"n\":1}",
            "  warn:  [31mred",
            "  thrown: TypeError: no",
        ];
        assert_eq!(lines(&event), expected);
    }

    #[test]
    fn requests_and_batches_have_lines_too() {
        let request = json!({ "scriptName": "a", "outcome": "ok", "event": {
            "request": { "method": "GET", "url": "http://a.example/" }, "response": { "status": 200 } } });
        assert_eq!(lines(&request), ["a: GET http://a.example/ 200: ok"]);
        let batch = json!({ "scriptName": "a", "outcome": "ok", "event": { "queue": "q", "batchSize": 3 } });
        assert_eq!(lines(&batch), ["a: 3 messages of q: ok"]);
    }
}
