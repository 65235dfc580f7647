//! Traces, as a collector gets them that reads them with OpenTelemetry's own definitions.

use std::fs;
use std::time::Duration;

use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::message::{SENDER, Token};
use mailwright_tests::metrics::{DELIVERED, Metrics, until_queue_is_empty};
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, Server, free_address};
use mailwright_tests::smtp::SmtpClient;
use mailwright_tests::trace_receiver::{TraceReceiver, ids_of};
use mailwright_tests::wait;
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);
const HOSTNAME: &str = "mx.example.com";
const ID: &str = "mailwright.message.id";
/// What a caller says that its request is a part of: `TRACE` and `PARENT`, sampled.
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A server that tells traces, and whose mail goes to receivers that take, put off and refuse it, by its domain.
struct World {
    server: Server,
    collector: TraceReceiver,
    installation: Installation,
    _sandbox: Sandbox,
}

impl World {
    /// Further keys of the table `traces`, as the configuration writes them.
    fn start(traces: &str) -> Result<Self> {
        let sandbox = Sandbox::with(&["", "greylist:wait=1s", "reject:100%"])?;
        let [taken, later, refused] = sandbox.addresses[..] else {
            return Err(Error::unexpected("start the sandbox", "not three places"));
        };
        let collector = TraceReceiver::start(free_address()?)?;
        let route = |domain, address| {
            format!("[[delivery.routes]]\ndomain = \"{domain}.example\"\nnext_hop = \"{address}\"\n")
        };
        let endpoint = collector.url();
        let more = format!(
            "{}{}[traces]\nendpoint = \"{endpoint}\"\n{traces}\n",
            route("later", later),
            route("refused", refused)
        );
        let installation = Installation::new(&Config { more, ..Config::to(taken) })?;
        let server = installation.start()?;
        Ok(Self { server, collector, installation, _sandbox: sandbox })
    }

    /// Relays a message and returns its name.
    fn relay(&self, to: &str) -> Result<String> {
        let mut client = SmtpClient::connect_and_greet(self.server.smtp)?;
        let reply = client.send(SENDER, to, &Token::new("traces", 1).message("a secret of theirs\r\n"))?;
        assert_eq!(reply.code, 250, "{reply:?}");
        let is_id = |word: &&str| word.len() == 14 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let line = reply.lines.join(" ");
        let id = line.split(|c: char| !c.is_ascii_alphanumeric()).find(is_id).map(ToOwned::to_owned);
        id.ok_or_else(|| Error::unexpected("relay", format!("no id in {reply:?}")))
    }

    /// Waits until the root span of a message has come, and returns it with those below it, in the order of time.
    fn trace(&self, id: &str) -> Result<(Value, Vec<Value>)> {
        let spans = wait::until(&format!("the trace of {id}"), LIMIT, || {
            let spans = self.collector.spans().into_iter().filter(|span| span["attributes"][ID] == id);
            let spans: Vec<_> =
                spans.filter(|span| span["name"] != "message" || span["parent"] == "").collect();
            Ok(spans.iter().any(|span| span["name"] == "message").then_some(spans))
        })?;
        let (mut roots, mut below): (Vec<_>, Vec<_>) =
            spans.into_iter().partition(|span| span["name"] == "message");
        assert_eq!(roots.len(), 1, "{roots:?}");
        below.sort_by_key(|span| span["start"].as_u64());
        let root = roots.remove(0);
        let (trace, span) = ids_of(HOSTNAME, id)?;
        assert_eq!((&root["trace"], &root["id"]), (&trace.into(), &span.into()), "{root}");
        Ok((root, below))
    }
}

/// Asserts that spans are parts of a trace, below its root and within its time.
fn assert_below(root: &Value, spans: &[Value]) {
    let time = |span: &Value, key: &str| span[key].as_u64().unwrap_or_default();
    for span in spans {
        assert_eq!((&span["trace"], &span["parent"]), (&root["trace"], &root["id"]), "{span}");
        assert!(
            time(root, "start") <= time(span, "start") && time(span, "start") <= time(span, "end"),
            "{span}"
        );
        assert!(time(span, "end") <= time(root, "end"), "{span} is not within {root}");
    }
}

fn texts<'a>(spans: &'a [Value], pointer: &str) -> Vec<&'a str> {
    spans.iter().filter_map(|span| span.pointer(pointer)?.as_str()).collect()
}

#[test]
fn a_message_is_a_trace_whose_attempts_are_spans_with_their_times_and_outcomes() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::start("")?;
    let [taken, later, refused] =
        ["one@taken.example", "one@later.example", "one@refused.example"].map(|to| world.relay(to));

    let (root, attempts) = world.trace(&taken?)?;
    assert_below(&root, &attempts);
    assert_eq!((root["status"].as_str(), &root["scope"]), (Some("STATUS_CODE_OK"), &"mailwright".into()));
    assert_eq!(texts(&attempts, "/name"), ["attempt"]);
    assert_eq!(texts(&attempts, "/kind"), ["SPAN_KIND_CLIENT"]);
    assert_eq!(texts(&attempts, "/attributes/mailwright.outcome"), ["delivered"]);
    assert_eq!(texts(&attempts, "/attributes/network.peer.address"), ["127.0.0.1"]);
    assert_eq!(texts(&attempts, "/status"), ["STATUS_CODE_OK"]);

    let (root, attempts) = world.trace(&later?)?;
    assert_below(&root, &attempts);
    let outcomes = texts(&attempts, "/attributes/mailwright.outcome");
    assert!(outcomes.len() > 1 && outcomes[0] == "deferred", "{outcomes:?}");
    assert_eq!(outcomes.last(), Some(&"delivered"));
    assert_eq!(attempts[0]["status"], "STATUS_CODE_ERROR");
    assert_eq!(attempts[0]["attributes"]["error.type"], "greylisted");
    assert_eq!(root["status"], "STATUS_CODE_OK", "it was delivered in the end");
    let deferrals = root["events"].as_array().map_or(0, Vec::len);
    assert_eq!(deferrals, outcomes.len() - 1, "one event for each deferral: {}", root["events"]);
    let took = root["end"].as_u64().zip(root["start"].as_u64()).map(|(end, start)| end - start);
    assert!(took.is_some_and(|nanos| nanos >= 1_000_000_000), "it was put off for a second: {took:?}");

    let (root, attempts) = world.trace(&refused?)?;
    assert_below(&root, &attempts);
    assert_eq!(texts(&attempts, "/attributes/mailwright.outcome"), ["bounced"]);
    assert_eq!(root["status"], "STATUS_CODE_ERROR");
    let events = root["events"].as_array().cloned().unwrap_or_default();
    assert!(texts(&events, "/name").contains(&"bounced"), "{events:?}");

    let requests = world.collector.requests();
    assert_eq!(requests[0]["resource"]["service.name"], "mailwright");
    assert_eq!(requests[0]["resource"]["service.instance.id"], HOSTNAME);
    let all = format!("{requests:?}");
    assert!(!all.contains('@') && !all.contains("token") && !all.contains("secret"), "{all}");
    Ok(())
}

#[test]
fn a_request_is_a_span_in_the_trace_of_its_caller_and_leads_to_its_message() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::start("addresses = true")?;
    let api = world.installation.api(&world.server);
    let body = Token::new("traces", 2).request("text").to_string();
    let sent = api.post(&api.sending_path("send"), &body, &[("traceparent", TRACEPARENT)])?;
    assert_eq!(sent.status, 200);
    // Whoever began this trace did not keep it.
    let unsampled = TRACEPARENT.replace("-01", "-00").replace(PARENT, "1111111111111111");
    assert_eq!(api.post(&api.sending_path("send"), &body, &[("traceparent", &unsampled)])?.status, 200);
    assert_eq!(api.post("/client/v4/nothing", "{}", &[("traceparent", "nonsense")])?.status, 404);

    let spans = world.collector.spans_with("http.request.method", "POST", 2, LIMIT)?;
    let (ours, others): (Vec<_>, Vec<_>) = spans.into_iter().partition(|span| span["trace"] == TRACE);
    let [span] = ours.as_slice() else { panic!("not one span in the caller's trace: {ours:?}") };
    assert_eq!((&span["parent"], &span["kind"]), (&PARENT.into(), &"SPAN_KIND_SERVER".into()), "{span}");
    let route = "/client/v4/accounts/{account_id}/email/sending/send";
    assert_eq!(span["name"], format!("POST {route}"));
    assert_eq!(
        (&span["attributes"]["http.route"], &span["attributes"]["http.response.status_code"]),
        (&route.into(), &200.into())
    );
    assert_eq!(span["attributes"]["client.address"], "127.0.0.1");
    let id = span["attributes"][ID].as_str().unwrap_or_default();
    let (trace, root) = ids_of(HOSTNAME, id)?;
    assert_eq!(
        (&span["links"][0]["trace"], &span["links"][0]["id"]),
        (&trace.into(), &root.into()),
        "{span}"
    );

    let [other] = others.as_slice() else { panic!("not one other: {others:?}") };
    assert_eq!(
        (&other["parent"], &other["attributes"]["http.response.status_code"]),
        (&"".into(), &404.into()),
        "{other}"
    );
    let (_, attempts) = world.trace(id)?;
    assert_eq!(texts(&attempts, "/attributes/mailwright.recipient.address"), ["traces-2@example.net"]);
    Ok(())
}

#[test]
fn a_message_that_outlives_the_process_has_one_whole_trace() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let mut world = World::start("")?;
    let mut text = world.installation.configuration()?;
    text = text
        .replace("first = \"200ms\"", "first = \"3s\"")
        .replace("max_interval = \"1s\"", "max_interval = \"3s\"");
    world.installation.configure(&text)?;
    assert!(world.server.stop()?.success());
    world.server = world.installation.start()?;
    let id = world.relay("two@later.example")?;
    let before = world.collector.spans_with("mailwright.outcome", "deferred", 1, LIMIT)?;
    assert!(world.server.stop()?.success());
    world.server = world.installation.start()?;
    let (root, attempts) = world.trace(&id)?;
    assert_below(&root, &attempts);
    assert_eq!(attempts[0], before[0], "told before the restart");
    assert_eq!(texts(&attempts, "/attributes/mailwright.outcome").last(), Some(&"delivered"));
    assert_eq!(root["status"], "STATUS_CODE_OK");
    Ok(())
}

#[test]
fn a_collector_that_is_away_costs_traces_and_never_mail() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let (address, files) = (free_address()?, tempfile::tempdir().context("make a temporary folder")?);
    let headers = files.path().join("headers");
    fs::write(&headers, "Authorization: Bearer unspeakable\n").context("write the headers")?;
    let more = format!(
        "[traces]\nendpoint = \"http://{address}/v1/traces\"\nheaders_file = {:?}\n",
        headers.display().to_string()
    );
    let installation =
        Installation::new(&Config { more, log_level: "debug".into(), ..Config::to(sandbox.address) })?;
    let server = installation.start()?;
    let mut client = SmtpClient::connect_and_greet(server.smtp)?;
    for number in 0..50 {
        let token = Token::new("away", number);
        assert_eq!(client.send(SENDER, &token.recipient(), &token.message("text\r\n"))?.code, 250);
    }
    let metrics = until_queue_is_empty(server.http, LIMIT)?;
    assert_eq!(metrics.get(DELIVERED), 50);
    let spans = |result: &str| -> Result<u64> {
        let text = mailwright_tests::http::get(server.http, "/metrics")?.text;
        let line = format!("mailwright_trace_spans_total{{result=\"{result}\"}}");
        let found = text.lines().filter(|found| found.starts_with(&line)).collect::<Vec<_>>().join("\n");
        Ok(Metrics::parse(&found).get("mailwright_trace_spans_total"))
    };
    wait::until("spans that the collector did not take", LIMIT, || Ok((spans("failed")? > 0).then_some(())))?;
    let collector = TraceReceiver::start(address)?;
    let token = Token::new("away", 50);
    assert_eq!(client.send(SENDER, &token.recipient(), &token.message("text\r\n"))?.code, 250);
    wait::until("spans that it takes", LIMIT, || Ok((spans("exported")? > 0).then_some(())))?;
    let log = server.process.log_text();
    assert_eq!(log.matches("the collector does not take traces").count(), 1, "{log}");
    assert_eq!(log.matches("the collector of traces takes them again").count(), 1, "{log}");
    assert!(!log.contains("unspeakable"), "a secret is in the log");
    assert!(collector.requests().iter().all(|told| told["headers"]["authorization"] == "Bearer unspeakable"));
    Ok(())
}

#[test]
fn of_a_share_each_message_is_told_whole_or_not_at_all() -> Result<()> {
    if skip_without(&[Need::Python]) {
        return Ok(());
    }
    let world = World::start("sample = 0.5")?;
    let ids = (0..40).map(|_| world.relay("one@taken.example")).collect::<Result<Vec<_>>>()?;
    until_queue_is_empty(world.server.http, LIMIT)?;
    let mut kept = Vec::new();
    for id in &ids {
        // The last eight octets of the trace decide, as everywhere.
        let (trace, _) = ids_of(HOSTNAME, id)?;
        let number = u64::from_str_radix(&trace[16..], 16)
            .map_err(|error| Error::unexpected("trace", error.to_string()))?;
        if number >> 1 < 1 << 62 {
            kept.push(id);
        }
    }
    for id in &kept {
        assert_eq!(world.trace(id)?.1.len(), 1);
    }
    let told = world.collector.spans().iter().filter(|span| span["name"] == "message").count();
    assert_eq!(told, kept.len());
    assert!(told > 0 && told < ids.len(), "{told} of {}", ids.len());
    Ok(())
}
