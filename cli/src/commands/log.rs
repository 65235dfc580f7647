//! `mailwright log`

use super::{CommandError, account::word, say, say_hint, say_json, table::table};
use crate::control_client::{ControlClient, Place, escaped, with_query};
use serde_json::{Value, json};

/// Lines of a page of the API.
const PER_PAGE: usize = 1_000;
/// Characters of a reply in a table.
const REPLY_SHOWN: usize = 80;

/// Which messages, or which one.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A message, whose timeline is shown
    #[arg(conflicts_with_all = ["follow", "limit"])]
    id: Option<String>,
    /// Of this account; of all, if left out
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Mail from the world instead of mail that is sent
    #[arg(long, conflicts_with_all = ["recipient", "campaign"])]
    routing: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    routed: RoutedFilter,
    /// Most lines
    #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// Show what happens from now on, as it happens
    #[arg(long, short = 'f', conflicts_with_all = ["since", "until"])]
    follow: bool,
    #[command(flatten)]
    place: Place,
}

/// What is looked for: lines that match all that is given.
#[derive(Debug, clap::Args)]
struct Filter {
    /// With this status: sent, delivered, deliveryFailed, rejected, failed; of mail from the world sent, forwarded,
    /// dropped, rejected, deliveryFailed
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// To a recipient at this domain
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// By an author at this domain
    #[arg(long, value_name = "DOMAIN")]
    sending_domain: Option<String>,
    /// To this address
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// With this Message-ID
    #[arg(long, value_name = "ID")]
    message_id: Option<String>,
    /// Whose last failure is of this class: greylisted, mailbox-full, ...
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// With this text in the last reply
    #[arg(long, value_name = "TEXT")]
    reply: Option<String>,
    /// Of this campaign
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Accepted then or later: 2026-11-21 or 2026-11-21T10:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Accepted before then
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// What is looked for of mail from the world.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Mail from the world")]
struct RoutedFilter {
    /// Of this zone
    #[arg(long, value_name = "ID", requires = "routing", conflicts_with = "account")]
    zone: Option<String>,
    /// For this address of ours
    #[arg(long, value_name = "ADDRESS", requires = "routing")]
    to: Option<String>,
    /// To this destination address
    #[arg(long, value_name = "ADDRESS", requires = "routing")]
    destination: Option<String>,
    /// By this author
    #[arg(long, value_name = "ADDRESS", requires = "routing")]
    from: Option<String>,
    /// With this envelope sender
    #[arg(long, value_name = "ADDRESS", requires = "routing")]
    envelope_from: Option<String>,
    /// With this result of SPF: pass, fail, softfail, neutral, none, temperror, permerror
    #[arg(long, value_name = "RESULT", requires = "routing")]
    spf: Option<String>,
    /// With this result of DKIM
    #[arg(long, value_name = "RESULT", requires = "routing")]
    dkim: Option<String>,
    /// With this result of DMARC
    #[arg(long, value_name = "RESULT", requires = "routing")]
    dmarc: Option<String>,
    /// With this result of ARC
    #[arg(long, value_name = "RESULT", requires = "routing")]
    arc: Option<String>,
}

impl RoutedFilter {
    fn fields(&self) -> [(&'static str, Option<&str>); 8] {
        [
            ("to", self.to.as_deref()),
            ("destination", self.destination.as_deref()),
            ("from", self.from.as_deref()),
            ("envelope_from", self.envelope_from.as_deref()),
            ("spf", self.spf.as_deref()),
            ("dkim", self.dkim.as_deref()),
            ("dmarc", self.dmarc.as_deref()),
            ("arc", self.arc.as_deref()),
        ]
    }
}

impl Args {
    /// The path of the list.
    fn base(&self) -> String {
        let direction = if self.routing { "routing" } else { "sending" };
        match (&self.account, &self.routed.zone) {
            (Some(account), _) => format!("accounts/{}/email/{direction}/messages", escaped(account)),
            (None, Some(zone)) => format!("zones/{}/email/{direction}/messages", escaped(zone)),
            (None, None) if self.routing => "delivery/routing/messages".to_owned(),
            (None, None) => "delivery/messages".to_owned(),
        }
    }

    /// `path` with what is looked for.
    fn filtered(&self, path: &str) -> String {
        let fields: Vec<_> = self.filter.fields().into_iter().chain(self.routed.fields()).collect();
        with_query(path, &fields)
    }
}

impl Filter {
    fn fields(&self) -> [(&'static str, Option<&str>); 10] {
        [
            ("status", self.status.as_deref()),
            ("domain", self.domain.as_deref()),
            ("sending_domain", self.sending_domain.as_deref()),
            ("recipient", self.recipient.as_deref()),
            ("message_id", self.message_id.as_deref()),
            ("class", self.class.as_deref()),
            ("reply", self.reply.as_deref()),
            ("campaign", self.campaign.as_deref()),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
        ]
    }
}

/// Prints lines, the newest first; or a timeline; or what happens.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let client = args.place.client()?;
    let base = args.base();
    match &args.id {
        Some(id) => tell(args, &client, &format!("{base}/{}", escaped(id))),
        None if args.follow => follow(args, &client, &base),
        None => list(args, &client, &base),
    }
}

fn list(args: &Args, client: &ControlClient, base: &str) -> Result<(), CommandError> {
    let lines = pages(client, &args.filtered(base), args.limit)?;
    if args.place.json {
        return say_json(&lines.into());
    }
    if args.routing {
        let head = ["WHEN", "MESSAGE", "FROM", "TO", "DESTINATION", "STATUS", "CHECKS", "REPLY"];
        return Ok(say(&table(head, lines.iter().map(routed_row)))?);
    }
    let head = ["WHEN", "MESSAGE", "FROM", "TO", "STATUS", "CLASS", "REPLY"];
    Ok(say(&table(head, lines.iter().map(row)))?)
}

/// The rows of a list with a cursor, at most `limit`.
fn pages(client: &ControlClient, path: &str, limit: usize) -> Result<Vec<Value>, CommandError> {
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    while rows.len() < limit {
        let per_page = (limit - rows.len()).min(PER_PAGE).to_string();
        let page = [("per_page", Some(per_page.as_str())), ("cursor", cursor.as_deref())];
        let mut envelope = client.envelope(&with_query(path, &page))?;
        if let Value::Array(found) = envelope["result"].take() {
            rows.extend(found);
        }
        cursor = envelope["result_info"]["cursor"].as_str().map(ToOwned::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    Ok(rows)
}

fn row(line: &Value) -> [String; 7] {
    [
        word(line, "accepted_at"),
        word(line, "id"),
        word(line, "from"),
        word(line, "recipient"),
        word(line, "status"),
        filled(line, "class"),
        reply(line),
    ]
}

fn routed_row(line: &Value) -> [String; 8] {
    // Whoever sends bounces has no address; the author is what people look for.
    let from = ["from", "envelope_from"].map(|field| word(line, field));
    let from = from.into_iter().find(|from| !from.is_empty()).unwrap_or_else(|| "<>".to_owned());
    let checks = ["spf", "dkim", "dmarc", "arc"].map(|method| format!("{method}={}", word(line, method)));
    [
        word(line, "accepted_at"),
        word(line, "id"),
        from,
        filled(line, "to"),
        filled(line, "destination"),
        word(line, "status"),
        checks.join(" "),
        reply(line),
    ]
}

/// The last reply, or its beginning, as one line; a dash if there is none.
fn reply(line: &Value) -> String {
    let reply = filled(line, "reply");
    reply.chars().take(REPLY_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A field as text; a dash for an empty one too.
fn filled(object: &Value, field: &str) -> String {
    let text = word(object, field);
    if text.is_empty() { "-".to_owned() } else { text }
}

fn tell(args: &Args, client: &ControlClient, path: &str) -> Result<(), CommandError> {
    let message: Value = client.get(path)?;
    let timeline = pages(client, &format!("{path}/timeline"), usize::MAX)?;
    if args.place.json {
        return say_json(&json!({ "message": message, "timeline": timeline }));
    }
    for (name, field) in [
        ("message", "id"),
        ("Message-ID", "message_id"),
        ("from", "from"),
        ("envelope", "envelope_from"),
        ("client", "client_address"),
        ("EHLO", "helo"),
        ("SPF", "spf"),
        ("DKIM", "dkim"),
        ("DMARC", "dmarc"),
        ("ARC", "arc"),
        ("spam score", "spam_score"),
        ("subject", "subject"),
        ("campaign", "campaign"),
        ("text", "preview"),
    ] {
        let text = filled(&message, field);
        if text != "-" {
            say(&format!("{name}: {text}"))?;
        }
    }
    let recipients = message["recipients"].as_array().map(Vec::as_slice).unwrap_or_default();
    say(&format!("\n{}\n", states(recipients, args.routing)))?;
    timeline.iter().try_for_each(|event| Ok(say(&story(event))?))
}

/// How recipients stand, as a table.
fn states(recipients: &[Value], routing: bool) -> String {
    fn of<const N: usize>(recipients: &[Value], head: [&str; N], fields: [&str; N]) -> String {
        table(head, recipients.iter().map(|recipient| fields.map(|field| filled(recipient, field))))
    }
    if routing {
        let head = ["TO", "DESTINATION", "STATUS", "CLASS", "NEXT ATTEMPT"];
        of(recipients, head, ["to", "destination", "status", "class", "next_attempt_at"])
    } else {
        let head = ["RECIPIENT", "STATUS", "CLASS", "NEXT ATTEMPT"];
        of(recipients, head, ["recipient", "status", "class", "next_attempt_at"])
    }
}

/// An event in a line.
fn story(event: &Value) -> String {
    let words = |field: &str| event[field].as_array().into_iter().flatten().filter_map(Value::as_str);
    // What goes nowhere is about addresses of ours.
    let to: Vec<_> = match words("recipients").collect::<Vec<_>>() {
        to if to.is_empty() => words("to").collect(),
        to => to,
    };
    let to = match to.as_slice() {
        [] => String::new(),
        [one] => format!("{one}: "),
        [first, rest @ ..] => format!("{first} and {} more: ", rest.len()),
    };
    // What a Worker said has lines; whose words they are, a mail's maybe, nobody knows.
    let text = word(event, "text").replace('\n', "\n    ");
    let text: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    format!("{}  {to}{text}", word(event, "at"))
}

fn follow(args: &Args, client: &ControlClient, base: &str) -> Result<(), CommandError> {
    let path = args.filtered(&format!("{base}/stream"));
    client.events(&path, |event, text| {
        if event == "missed" {
            let missed: Value = serde_json::from_str(text)?;
            say_hint(&format!("{} events came too fast and are not shown", missed["count"]));
        } else if args.place.json {
            say(text)?;
        } else {
            let event: Value = serde_json::from_str(text)?;
            say(&format!("{}  {}", word(&event, "id"), story(&event)))?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_that_says_whom_it_is_about() {
        let event =
            |to: &[&str]| json!({ "at": "2026-11-21T10:00:00.000Z", "text": "Delivered.", "recipients": to });
        assert_eq!(story(&event(&["a@b.example"])), "2026-11-21T10:00:00.000Z  a@b.example: Delivered.");
        assert!(story(&event(&["a@b.example", "c@d.example"])).contains("a@b.example and 1 more: "));
        assert_eq!(story(&json!({ "at": "x", "text": "Queued." })), "x  Queued.");
        assert_eq!(story(&json!({ "at": "x", "text": "Ran.\na\u{1b}[2J" })), "x  Ran.\n    a [2J");
    }

    #[test]
    fn a_row_is_one_line_whatever_a_receiver_replied() {
        let line = json!({ "reply": "550 a\n\u{1b}[31mb", "class": "", "subject": null });
        let row = row(&line);
        assert_eq!((row[5].as_str(), row[6].as_str()), ("-", "550 a  [31mb"));
    }
}
