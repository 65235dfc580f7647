//! `mailwright dmarc`

use super::{
    CommandError,
    account::word,
    say, say_json,
    table::{or_dash, table},
};
use crate::control_client::{Place, escaped};
use serde_json::Value;

/// Which zone, and what of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The zone, by its name
    zone: String,
    /// The first day, as 2026-11-21 [default: six days ago]
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// Where the last day ends, as 2026-11-28 [default: now]
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    /// Show who reported instead
    #[arg(long, conflicts_with = "tls")]
    reports: bool,
    /// Show how TLS with the zone's hosts went instead
    #[arg(long)]
    tls: bool,
    #[command(flatten)]
    place: Place,
}

/// Does it.
pub(crate) fn run(args: &Args) -> Result<(), CommandError> {
    let client = args.place.client()?;
    let zones: Value = client.get(&format!("zones?name={}", escaped(&args.zone)))?;
    let missing = || CommandError::Invalid(format!("there is no zone {:?}", args.zone));
    let zone = zones.get(0).map(|zone| word(zone, "id")).ok_or_else(missing)?;
    let list = match (args.reports, args.tls) {
        (true, _) => "dmarc-reports/reports",
        (_, true) => "tls-reports",
        _ => "dmarc-reports/sources",
    };
    let mut path = format!("zones/{zone}/email/auth/{list}?per_page=1000");
    for (name, value) in [("since", &args.since), ("until", &args.until)] {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", escaped(value)));
        }
    }
    let rows: Value = client.get(&path)?;
    if args.place.json {
        return say_json(&rows);
    }
    let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
    let shown = match (args.reports, args.tls) {
        (true, _) => table(
            ["REPORTER", "DOMAIN", "FROM", "MAILS", "PASSED", "POLICY", "ID"],
            rows.iter().map(|row| {
                ["organization", "domain", "begin", "total", "aligned", "policy", "report_id"]
                    .map(|field| or_dash(&word(row, field)))
            }),
        ),
        (_, true) => table(
            ["DAY", "POLICY", "RESULT", "SESSIONS"],
            rows.iter()
                .map(|row| ["day", "policy_type", "result_type", "sessions"].map(|field| word(row, field))),
        ),
        _ => table(
            ["SOURCE", "SENDER", "MAILS", "PASSED", "DKIM", "SPF", "QUARANTINED", "REJECTED"],
            rows.iter().map(source),
        ),
    };
    Ok(say(&shown)?)
}

fn source(row: &Value) -> [String; 8] {
    let ip = row["source_ip"].as_str().unwrap_or("others");
    let counts = ["total", "aligned", "dkim_aligned", "spf_aligned"].map(|field| word(row, field));
    let [total, aligned, dkim, spf] = counts;
    let done = ["quarantine", "reject"].map(|what| word(&row["disposition"], what));
    let [quarantined, rejected] = done;
    let name = row["name"].as_str().unwrap_or("-");
    [ip.to_owned(), name.to_owned(), total, aligned, dkim, spf, quarantined, rejected]
}
