//! An event of a Worker as tails tell it, in the form of the service (`trace-v1`).

use mailwright_workers::{LogLine, Run, RunKind};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a tail tells of an event.
pub(super) fn message(run: &Run) -> Value {
    let ended = run.began + run.wall;
    json!({
        "outcome": run.outcome.as_str(), "scriptName": run.script.as_str(),
        "scriptVersion": { "id": run.version }, "executionModel": "stateless",
        "eventTimestamp": millis(run.began), "wallTime": whole(run.wall), "cpuTime": whole(run.cpu),
        "event": event(&run.kind), "truncated": run.truncated, "diagnosticsChannelEvents": [],
        "logs": run.logs.iter().map(line).collect::<Vec<_>>(),
        "exceptions": run.exceptions.iter().map(|text| exception(text, ended)).collect::<Vec<_>>(),
    })
}

/// What a tail tells when its reader was too slow.
pub(super) fn missed(count: u64) -> Value {
    let words =
        format!("Tail is too slow: {count} events were left out. Filter or sample to see all of them.");
    json!({
        "outcome": "ok", "scriptName": null, "eventTimestamp": null, "truncated": false,
        "event": { "type": "overload", "message": words }, "logs": [], "exceptions": [],
        "diagnosticsChannelEvents": [],
    })
}

fn event(kind: &RunKind) -> Value {
    match kind {
        RunKind::Email { from, to, size, .. } => {
            json!({ "mailFrom": from, "rcptTo": to, "rawSize": size })
        }
        RunKind::Fetch { method, url, status } => json!({
            "request": { "method": method, "url": url, "headers": {} },
            "response": status.map(|status| json!({ "status": status })),
        }),
        RunKind::Queue { queue, messages } => json!({ "queue": queue, "batchSize": messages }),
    }
}

fn line(line: &LogLine) -> Value {
    json!({ "message": line.message, "level": line.level, "timestamp": millis(line.at) })
}

fn exception(text: &str, at: SystemTime) -> Value {
    let (name, message) = text.split_once(": ").unwrap_or(("Error", text));
    json!({ "name": name, "message": message, "timestamp": millis(at) })
}

fn millis(at: SystemTime) -> u64 {
    whole(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn whole(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use mailwright_workers::RunOutcome;

    /// A message that was handled well.
    pub(in super::super) fn run() -> Run {
        let began = UNIX_EPOCH + Duration::from_millis(1_795_269_600_123);
        Run {
            account: "0".repeat(32).parse().unwrap(),
            script: "mail".parse().unwrap(),
            version: "v".to_owned(),
            kind: RunKind::Email {
                id: "1".into(),
                from: "a@example.com".into(),
                to: "b@example.net".into(),
                size: 7,
            },
            began,
            wall: Duration::from_millis(5),
            cpu: Duration::from_millis(2),
            outcome: RunOutcome::Ok,
            logs: vec![LogLine {
                level: "log".into(),
                message: vec![json!("parsed"), json!({ "n": 1 })],
                at: began,
            }],
            exceptions: Vec::new(),
            truncated: false,
        }
    }

    #[test]
    fn a_message_has_what_the_services_tool_prints() {
        let told = message(&run());
        assert_eq!(
            told["event"],
            json!({ "mailFrom": "a@example.com", "rcptTo": "b@example.net", "rawSize": 7 })
        );
        assert_eq!(
            told["logs"],
            json!([{ "message": ["parsed", { "n": 1 }], "level": "log", "timestamp": 1_795_269_600_123_u64 }])
        );
        assert_eq!(
            (&told["outcome"], &told["wallTime"], &told["cpuTime"]),
            (&json!("ok"), &json!(5), &json!(2))
        );
        let threw = Run { exceptions: vec!["TypeError: no: way".into(), "odd".into()], ..run() };
        let exceptions = &message(&threw)["exceptions"];
        assert_eq!(
            (&exceptions[0]["name"], &exceptions[0]["message"]),
            (&json!("TypeError"), &json!("no: way"))
        );
        assert_eq!((&exceptions[1]["name"], &exceptions[1]["message"]), (&json!("Error"), &json!("odd")));
    }
}
