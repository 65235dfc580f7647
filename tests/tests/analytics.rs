//! Mail counted by GraphQL: the queries that the service's documentation prints, unchanged, and whatever else the schema
//! lets one ask; each token counts what it may see, and nobody can ask for too much.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use mailwright_tests::calendar;
use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::{Account, Answer, Api};
use mailwright_tests::javascript;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server};
use mailwright_tests::wait;

/// The longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(60);

/// As the service's documentation prints them (Metrics and analytics).
const BY_STATUS: &str = "query EmailSendingByStatus($zoneTag: string!, $start: Date!, $end: Date!) {
  viewer {
    zones(filter: { zoneTag: $zoneTag }) {
      emailSendingAdaptiveGroups(
        filter: { date_geq: $start, date_leq: $end }
        limit: 10000
        orderBy: [date_DESC]
      ) {
        count
        dimensions {
          date
          status
        }
      }
    }
  }
}";
const FAILURES: &str = "query EmailDeliveryFailures($zoneTag: string!, $start: Date!, $end: Date!) {
  viewer {
    zones(filter: { zoneTag: $zoneTag }) {
      emailSendingAdaptiveGroups(
        filter: { date_geq: $start, date_leq: $end, status: \"deliveryFailed\" }
        limit: 10000
        orderBy: [date_DESC]
      ) {
        count
        dimensions {
          date
          errorCause
          sendingDomain
        }
      }
    }
  }
}";
const HOURLY: &str = "query EmailSendingHourlyVolume($zoneTag: string!, $start: Time!, $end: Time!) {
  viewer {
    zones(filter: { zoneTag: $zoneTag }) {
      emailSendingAdaptiveGroups(
        filter: { datetimeHour_geq: $start, datetimeHour_leq: $end }
        limit: 10000
        orderBy: [datetimeHour_ASC]
      ) {
        count
        dimensions {
          datetimeHour
          status
        }
      }
    }
  }
}";
const RECENT: &str = "query RecentEmailEvents($zoneTag: string!, $start: Time!, $end: Time!) {
  viewer {
    zones(filter: { zoneTag: $zoneTag }) {
      emailSendingAdaptive(
        filter: { datetime_geq: $start, datetime_leq: $end }
        limit: 50
        orderBy: [datetime_DESC]
      ) {
        datetime
        from
        to
        subject
        status
        eventType
        sendingDomain
        messageId
        errorCause
        errorDetail
        dkim
        dmarc
        spf
        isSpam
      }
    }
  }
}";

/// A server whose mail to later.example is put off, to never.example refused, and taken everywhere else.
struct Scene {
    installation: Installation,
    server: Server,
    api: Api,
    _sandbox: Sandbox,
}

impl Scene {
    fn new() -> Result<Self> {
        let sandbox = Sandbox::with(&["", "defer:100%", "reject:100%"])?;
        let [takes, defers, rejects] = sandbox.addresses[..] else { panic!("{:?}", sandbox.addresses) };
        let route =
            |domain: &str, to| format!("[[delivery.routes]]\ndomain = \"{domain}\"\nnext_hop = \"{to}\"\n");
        let more = route("later.example", defers) + &route("never.example", rejects);
        let config =
            Config { more, retry_first: "1h".into(), retry_max_interval: "1h".into(), ..Config::to(takes) };
        let installation = Installation::new(&config)?;
        let server = installation.start()?;
        let api = installation.api(&server);
        Ok(Self { installation, server, api, _sandbox: sandbox })
    }

    /// Sends a message to three, of whom one gets it; returns its Message-ID. Whom it is refused for gets no other.
    fn send(&self, number: u8) -> Result<String> {
        let to = ["ann@taken.example", "bob@later.example", &format!("cat{number}@never.example")];
        let message =
            json!({"from": "Shop <a@example.com>", "to": to, "subject": "Hello", "text": "Dear you"});
        let sent = self.api.send(&message)?.result();
        Ok(sent["message_id"].as_str().unwrap_or_default().to_owned())
    }

    /// What the whole of the time holds, for queries by day and by moment.
    fn variables(&self) -> (Value, Value) {
        let zone = &self.api.account.zone_id;
        let tomorrow = calendar::ahead(86_400);
        let days = json!({"zoneTag": zone, "start": "2026-01-01", "end": &tomorrow[..10]});
        let moments = json!({"zoneTag": zone, "start": "2026-01-01T00:00:00Z", "end": tomorrow});
        (days, moments)
    }

    /// Waits until the three recipients of `messages` messages are counted as they are to stand.
    fn settle(&self, messages: u64) -> Result<()> {
        let (days, _) = self.variables();
        let expected = json!({"delivered": messages, "sent": messages, "deliveryFailed": messages});
        wait::until("all recipients counted", LIMIT, || {
            let groups = groups(&ask(&self.api, BY_STATUS, &days)?);
            let mut found = json!({});
            for group in &groups {
                let status = group["dimensions"]["status"].as_str().unwrap_or_default();
                found[status] =
                    json!(found[status].as_u64().unwrap_or(0) + group["count"].as_u64().unwrap_or(0));
            }
            let deferred = self.deferred()?;
            Ok((found == expected && deferred == messages).then_some(()))
        })
    }

    /// How many were put off, and are known to have been.
    fn deferred(&self) -> Result<u64> {
        let query = "query($zoneTag: string!) { viewer { zones(filter: {zoneTag: $zoneTag}) {
            emailSendingAdaptiveGroups(filter: {eventType: \"deferred\"}, limit: 10) { count } } } }";
        let found = groups(&ask(&self.api, query, &json!({"zoneTag": self.api.account.zone_id}))?);
        Ok(found.iter().filter_map(|group| group["count"].as_u64()).sum())
    }

    fn operate(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        Ok(self.api.request(method, &format!("/client/v4/{path}"), &body, &[])?.result())
    }

    /// A client with a token for this permission and resource.
    fn with_token(&self, permission: &str, resource: &str) -> Result<Api> {
        let groups = self.operate("GET", "user/tokens/permission_groups", &Value::Null)?;
        let group = groups.as_array().into_iter().flatten().find(|group| group["name"] == permission);
        let id = &group.unwrap_or_else(|| panic!("no {permission} in {groups}"))["id"];
        let resources = json!({ format!("com.cloudflare.api.account.{resource}"): "*" });
        let policy = json!({"effect": "allow", "permission_groups": [{"id": id}], "resources": resources});
        let token = self.operate("POST", "user/tokens", &json!({"name": "test", "policies": [policy]}))?;
        let token = token["value"].as_str().unwrap_or_default().to_owned();
        Ok(Api::new(self.server.http, Account { token, ..self.api.account.clone() }))
    }
}

/// What a query answers, whatever it is.
fn post(api: &Api, query: &str, variables: &Value) -> Result<Answer> {
    api.post("/client/v4/graphql", &json!({"query": query, "variables": variables}).to_string(), &[])
}

/// The data of a query that succeeds.
fn ask(api: &Api, query: &str, variables: &Value) -> Result<Value> {
    let answer = post(api, query, variables)?;
    let body = answer.json();
    assert_eq!((answer.status, &body["errors"]), (200, &Value::Null), "{query}: {body}");
    Ok(body["data"].clone())
}

/// The first error of a query that fails.
fn refused(api: &Api, query: &str, variables: &Value) -> Result<Value> {
    let answer = post(api, query, variables)?;
    let body = answer.json();
    assert_eq!((answer.status, &body["data"]), (200, &Value::Null), "{query:.200}");
    Ok(body["errors"][0].clone())
}

/// The rows of the one dataset of the one zone or account that was asked for.
fn groups(data: &Value) -> Vec<Value> {
    let viewer = data["viewer"].as_object().and_then(|viewer| viewer.values().next());
    let viewed = viewer.and_then(|list| list[0].as_object());
    viewed.and_then(|viewed| viewed.values().next()).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn message(error: &Value) -> &str {
    error["message"].as_str().unwrap_or_default()
}

#[test]
fn the_printed_queries_run_as_they_are_printed() -> Result<()> {
    let scene = Scene::new()?;
    let sent = scene.send(1)?;
    scene.send(2)?;
    scene.settle(2)?;
    let (days, moments) = scene.variables();

    let failures = groups(&ask(&scene.api, FAILURES, &days)?);
    let total: u64 = failures.iter().filter_map(|group| group["count"].as_u64()).sum();
    assert_eq!(total, 2, "{failures:?}");
    let dimensions = &failures[0]["dimensions"];
    assert_eq!(dimensions["sendingDomain"], "example.com");
    assert!(dimensions["errorCause"].as_str().is_some_and(|cause| !cause.is_empty()), "{dimensions}");
    assert!(dimensions["date"].as_str().is_some_and(|date| date.len() == 10), "{dimensions}");

    let hours = groups(&ask(&scene.api, HOURLY, &moments)?);
    let total: u64 = hours.iter().filter_map(|group| group["count"].as_u64()).sum();
    assert_eq!(total, 6, "{hours:?}");
    let hour = hours[0]["dimensions"]["datetimeHour"].as_str().unwrap_or_default();
    assert!(hour.ends_with(":00:00Z"), "{hour}");

    let events = groups(&ask(&scene.api, RECENT, &moments)?);
    assert_eq!(events.len(), 6, "{events:?}");
    let of = |to: &str| {
        events.iter().find(|event| event["to"] == to && event["messageId"] == json!(sent)).cloned().unwrap()
    };
    let failed = of("cat1@never.example");
    for (field, value) in [
        ("from", json!("a@example.com")),
        ("subject", json!("Hello")),
        ("status", json!("deliveryFailed")),
        ("eventType", json!("hardBounce")),
        ("sendingDomain", json!("example.com")),
        ("dkim", json!("pass")),
        ("dmarc", json!("pass")),
        ("spf", json!("pass")),
        ("isSpam", json!(0)),
    ] {
        assert_eq!(failed[field], value, "{field} of {failed}");
    }
    assert!(failed["errorDetail"].as_str().is_some_and(|reply| reply.contains("55")), "{failed}");
    assert_eq!(of("ann@taken.example")["eventType"], "delivered");
    assert_eq!(of("bob@later.example")["eventType"], "deferred");
    let times: Vec<_> = events.iter().map(|event| event["datetime"].as_str().unwrap_or_default()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    Ok(())
}

#[test]
fn a_published_client_reads_the_schema_and_the_answers() -> Result<()> {
    if skip_without(&[Need::JavaScript]) {
        return Ok(());
    }
    let scene = Scene::new()?;
    scene.send(3)?;
    scene.settle(1)?;
    let account = &scene.api.account;
    let said = javascript::run(
        "graphql.mjs",
        [&scene.api.base_url(), &account.token, &account.zone_id, &account.account_id],
    )?;
    assert_eq!(said["invalid"], json!([]), "{said}");
    assert_eq!(said["types"], json!([true, true, true, true]));
    for scalar in ["string", "uint8", "uint64", "Date", "Time"] {
        let scalars = said["scalars"].as_array().unwrap();
        assert!(scalars.contains(&json!(format!("scalar {scalar}"))), "{scalar} in {scalars:?}");
    }
    let zone = &said["answer"]["viewer"]["zones"][0];
    assert_eq!(zone["zoneTag"], json!(account.zone_id));
    let sent = zone["sent"].as_array().unwrap();
    let kinds: Vec<_> = sent.iter().map(|group| group["dimensions"]["eventType"].clone()).collect();
    assert_eq!(kinds, ["delivered", "hardBounce", "deferred"], "{sent:?}");
    assert!(sent[0]["avg"]["timeToDeliveryMs"].as_f64().is_some_and(|time| time >= 0.0), "{}", sent[0]);
    assert!(sent[0]["quantiles"]["timeToDeliveryMsP99"].is_number());
    assert_eq!(sent[1]["quantiles"]["timeToDeliveryMsP99"], Value::Null);
    assert_eq!((&sent[1]["sum"]["hardBounces"], &sent[1]["avg"]["attempts"]), (&json!(1), &json!(1)));
    assert!(sent[2]["sum"]["bytes"].as_u64().is_some_and(|bytes| bytes > 100));
    let of_account = &said["answer"]["viewer"]["accounts"][0];
    assert_eq!(of_account["emailSendingAdaptiveGroups"], json!([{"count": 1}]));
    assert_eq!(of_account["emailRoutingAdaptiveGroups"], json!([]));
    assert_eq!(said["unknownField"]["status"], 200);
    let sentence = said["unknownField"]["messages"][0].as_str().unwrap_or_default();
    assert!(sentence.contains("budget"), "{said}");
    assert_eq!(said["unauthenticated"], json!({"status": 401, "data": null, "messages": null}));
    Ok(())
}

#[test]
fn each_token_counts_what_it_may_see() -> Result<()> {
    let scene = Scene::new()?;
    let Account { account_id, zone_id, .. } = scene.api.account.clone();
    scene.send(4)?;
    scene.settle(1)?;
    let other_zone =
        scene.operate("POST", "zones", &json!({"name": "other.example", "account": {"id": account_id}}))?;
    let other_zone = other_zone["id"].as_str().unwrap_or_default().to_owned();
    let other = scene.operate("POST", "accounts", &json!({"name": "other"}))?;
    let other = other["id"].as_str().unwrap_or_default();
    let of_zone = "query($tag: string!) { viewer { zones(filter: {zoneTag: $tag}) {
        emailSendingAdaptiveGroups(limit: 10) { count } } } }";
    let of_account = "query($tag: string!) { viewer { accounts(filter: {accountTag: $tag}) {
        emailSendingAdaptiveGroups(limit: 10) { count } } } }";
    let readers = [
        (scene.with_token("analytics_read", &account_id)?, [Some(3), Some(0), Some(3)]),
        (scene.with_token("analytics_read", &format!("zone.{zone_id}"))?, [Some(3), None, Some(3)]),
        (scene.with_token("analytics_read", &format!("zone.{other_zone}"))?, [None, Some(0), Some(0)]),
        (scene.with_token("analytics_read", other)?, [None, None, None]),
        (scene.with_token("send", &account_id)?, [None, None, None]),
        (scene.api.clone(), [Some(3), Some(0), Some(3)]),
    ];
    for (number, (reader, expected)) in readers.iter().enumerate() {
        let asked = [(of_zone, &zone_id), (of_zone, &other_zone), (of_account, &account_id)];
        for ((query, tag), expected) in asked.into_iter().zip(expected) {
            let variables = json!({ "tag": tag });
            let Some(expected) = expected else {
                let error = refused(reader, query, &variables)?;
                assert!(message(&error).contains("not authorized"), "reader {number}: {error}");
                assert_eq!(error["extensions"]["code"], "authz", "reader {number}");
                assert_eq!(error["path"][0], "viewer", "reader {number}: {error}");
                assert!(!error.to_string().contains(tag.as_str()), "reader {number}: {error}");
                continue;
            };
            let found: u64 = groups(&ask(reader, query, &variables)?)
                .iter()
                .filter_map(|group| group["count"].as_u64())
                .sum();
            assert_eq!(found, *expected, "reader {number} of {tag}");
        }
    }
    // What there is not looks as what may not be seen.
    let unknown = refused(&scene.api, of_zone, &json!({"tag": "0".repeat(32)}))?;
    let theirs = refused(&readers[3].0, of_zone, &json!({"tag": zone_id}))?;
    assert_eq!(message(&unknown), message(&theirs));
    let nobody = Api::new(scene.server.http, Account { token: "nobody".into(), ..scene.api.account.clone() });
    let answer = post(&nobody, of_zone, &json!({"tag": zone_id}))?;
    assert_eq!((answer.status, answer.error_code()), (401, 10000));
    assert_eq!(
        answer.json()["errors"][0]["message"],
        "Authentication error",
        "clients read it as an error, too"
    );
    Ok(())
}

#[test]
fn what_makes_no_sense_or_is_too_much_is_refused_in_a_sentence() -> Result<()> {
    let scene = Scene::new()?;
    let tag = &scene.api.account.zone_id;
    let dataset = |arguments: &str, fields: &str| {
        format!(
            "{{ viewer {{ zones(filter: {{zoneTag: \"{tag}\"}}) {{
            emailSendingAdaptiveGroups({arguments}) {{ {fields} }} }} }} }}"
        )
    };
    let nested = |depth: usize| format!("{}{{}}{}", "{AND: [".repeat(depth), "]}".repeat(depth));
    let many: String =
        (0..21).map(|n| format!("d{n}: emailSendingAdaptiveGroups(limit: 1) {{ count }} ")).collect();
    let too_many = format!("{{ viewer {{ zones(filter: {{zoneTag: \"{tag}\"}}) {{ {many} }} }} }}");
    let deep = format!(
        "{{ __schema {{ types {{ fields {{ type {{ {} name {} }} }} }} }} }}",
        "ofType { ".repeat(20),
        "}".repeat(20)
    );
    let wide: String = (0..1_001).map(|n| format!("a{n}: zoneTag ")).collect();
    let wide = format!("{{ viewer {{ zones(filter: {{zoneTag: \"{tag}\"}}) {{ {wide} }} }} }}");
    for (query, words) in [
        (dataset("limit: 0", "count"), "1 to 10000 rows"),
        (dataset("limit: 10001", "count"), "1 to 10000 rows"),
        (dataset("filter: {date_geq: \"yesterday\"}", "count"), "date_geq"),
        (dataset("filter: {datetime_geq: \"2026-11-21\"}", "count"), "datetime_geq"),
        (dataset("filter: {status: 7}", "count"), "status"),
        (dataset("filter: {colour: \"red\"}", "count"), "colour"),
        (dataset("filter: {status: null}", "count"), "filter.status is null"),
        (dataset(&format!("filter: {}", nested(9)), "count"), "8 deep"),
        (dataset("orderBy: [date_DESC]", "count"), "ask for date among the dimensions"),
        (dataset("orderBy: [subject_ASC]", "count"), "subject_ASC"),
        (dataset("limit: 1", "count dimensions { subject }"), "subject"),
        ("{ viewer { zones(filter: {}) { zoneTag } } }".to_owned(), "zoneTag_in"),
        ("{ viewer { zones { zoneTag } } }".to_owned(), "filter"),
        (too_many, "20 datasets"),
        (deep, "fields deep"),
        (wide, "1000 fields"),
        ("mutation { viewer { zones } }".to_owned(), "mutation"),
        ("{".to_owned(), "expected"),
        (String::new(), "expected"),
        ("query A { viewer { __typename } } query B { viewer { __typename } }".to_owned(), "peration"),
    ] {
        let error = refused(&scene.api, &query, &json!({}))?;
        assert!(message(&error).contains(words), "{query:.200}: {error}");
        assert!(error["extensions"]["code"].is_string() && error["extensions"]["timestamp"].is_string());
    }
    for body in
        ["", "[]", "{}", "{\"query\": 7}", "{\"query\": \"{ viewer { __typename } }\", \"variables\": 7}"]
    {
        let answer = scene.api.post("/client/v4/graphql", body, &[])?;
        assert_eq!((answer.status, answer.error_code()), (400, 10001), "{body}: {}", answer.text);
    }
    // Whatever was refused, what makes sense is answered.
    let named = json!({
        "query": "query A { viewer { __typename } } query B { viewer { t: __typename } }", "operationName": "B",
        "variables": null,
    });
    let answer = scene.api.post("/client/v4/graphql", &named.to_string(), &[])?.json();
    assert_eq!(answer, json!({"data": {"viewer": {"t": "viewer"}}, "errors": null}));
    Ok(())
}

#[test]
fn counts_survive_a_kill_and_the_loss_of_the_index() -> Result<()> {
    let mut scene = Scene::new()?;
    scene.send(5)?;
    scene.settle(1)?;
    scene.send(6)?;
    wait::until("the events in the log", LIMIT, || {
        Ok((scene.server.metrics()?.get("mailwright_events_total") >= 8).then_some(()))
    })?;
    scene.server.process.kill()?;
    scene.server = scene.installation.start()?;
    scene.api = scene.installation.api(&scene.server);
    scene.settle(2)?;
    assert!(scene.server.stop()?.success());
    fs::remove_dir_all(scene.installation.state().join("activity")).context("lose the index")?;
    scene.server = scene.installation.start()?;
    scene.api = scene.installation.api(&scene.server);
    scene.settle(2)
}
