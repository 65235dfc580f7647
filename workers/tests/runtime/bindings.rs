//! What stands in `env`, by the real runtime's own code in front of our host.

use crate::fixture::{Fixture, run};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use mailwright_engine::{
    time::UnixMillis,
    worker::{Binding, BindingKind, Limits, Module, ModuleKind, ScriptName, SendRules},
};
use mailwright_storage::workers::{ConsumerDraft, QueueDraft};
use mailwright_workers::{Door, DoorSettings, FetchBody, OutgoingMail, Scope, feed_queues};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

/// All cases, by name.
pub(crate) const ALL: [(&str, fn()); 5] = [
    ("a_namespace_keeps_keys_and_values", a_namespace_keeps_keys_and_values),
    ("messages_of_all_formats_go_through_a_queue", messages_of_all_formats_go_through_a_queue),
    ("mail_is_sent_in_both_forms", mail_is_sent_in_both_forms),
    ("data_points_are_written", data_points_are_written),
    ("bodies_stream_through_the_door", bodies_stream_through_the_door),
];

/// Begins a Worker that answers requests with what `ask` says or throws for each question.
const ASK: &str = r"
const thrown = (error) => `${error.name}: ${error.message}` + (error.code ? ` (${error.code})` : '');
export default {
  async fetch(request, env, ctx) {
    const answers = {};
    for (const [name, question] of Object.entries(questions(env, ctx))) {
      try { answers[name] = (await question()) ?? null; } catch (error) { answers[name] = thrown(error); }
    }
    return Response.json(answers);
  },
  async queue(batch, env) { await consume(batch, env); },
};
";

fn now() -> UnixMillis {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UnixMillis::new(u64::try_from(now.as_millis()).unwrap())
}

fn deploy(fixture: &Fixture, code: &str, bindings: Vec<(&str, BindingKind)>) -> ScriptName {
    let content = format!("{code}\n{ASK}").into_bytes();
    let module = Module { name: "index.js".to_owned(), kind: ModuleKind::EsModule, content };
    let binding = |(name, kind): (&str, BindingKind)| Binding { name: name.to_owned(), kind };
    fixture.deploy_modules(
        "worker",
        vec![module],
        bindings.into_iter().map(binding).collect(),
        Limits::default(),
    )
}

/// What the Worker says to its questions.
async fn answers(fixture: &Fixture, script: &ScriptName) -> Value {
    let body = FetchBody::new(Full::new(Bytes::new()).map_err(|never| match never {}));
    let request = Request::get("http://a.example/").body(body).unwrap();
    let response = fixture.workers.fetch(&fixture.account, script, request).await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

fn a_namespace_keeps_keys_and_values() {
    const CODE: &str = r#"
        const questions = ({ KV, GONE }) => ({
          put: () => KV.put("a b/ü", "v", { metadata: { x: "ü" }, expirationTtl: 60 }),
          text: () => KV.get("a b/ü"),
          both: () => KV.getWithMetadata("a b/ü"),
          none: () => KV.get("none"),
          octets: async () => { await KV.put("octets", new Uint8Array([1, 255])); return [...new Uint8Array(await KV.get("octets", "arrayBuffer"))]; },
          stream: async () => { await KV.put("stream", new Response("abc").body); return new Response(await KV.get("stream", { type: "stream", cacheTtl: 60 })).text(); },
          json: async () => { await KV.put("json", JSON.stringify({ a: [1] })); return KV.get("json", "json"); },
          list: async () => { const page = await KV.list({ limit: 2 }); const rest = await KV.list({ cursor: page.cursor }); return [page, rest].map((p) => [p.keys.map((k) => [k.name, k.metadata ?? null, typeof k.expiration]), p.list_complete]); },
          prefix: async () => (await KV.list({ prefix: "st" })).keys.map((key) => key.name),
          many: async () => [...(await KV.get(["json", "none", "stream"]))],
          manyJson: async () => [...(await KV.getWithMetadata(["json"], "json"))].map(([k, v]) => [k, v.value, v.metadata]),
          notJson: () => KV.get(["stream"], "json"),
          remove: async () => { await KV.delete("json"); await KV.delete("json"); return KV.get("json"); },
          dots: () => KV.put("../../bulk/get", "x").then(() => KV.get("../../bulk/get")),
          long: () => KV.put("x".repeat(513), "v"),
          soon: () => KV.put("k", "v", { expirationTtl: 59 }),
          fat: () => KV.put("k", "v", { metadata: "x".repeat(1023) }),
          huge: () => KV.put("k", new Uint8Array(25 * 1024 * 1024 + 1)),
          large: async () => { await KV.put("k", new Uint8Array(25 * 1024 * 1024)); return (await KV.get("k", "arrayBuffer")).byteLength; },
          gone: () => GONE.get("k"),
        });"#;
    run(async {
        let fixture = Fixture::new(|_| {});
        let namespace = fixture.stores.kv.create(&fixture.account, "n", now()).unwrap();
        let kv = |id: &str| BindingKind::Kv(id.to_owned());
        let bindings = vec![("KV", kv(namespace.id.as_str())), ("GONE", kv(&"0".repeat(32)))];
        let script = deploy(&fixture, CODE, bindings);
        let answers = answers(&fixture, &script).await;
        let expected = json!({
            "put": null, "text": "v", "none": null, "octets": [1, 255], "stream": "abc", "json": { "a": [1] },
            "both": { "value": "v", "metadata": { "x": "ü" }, "cacheStatus": null },
            "list": [
                [[["a b/ü", { "x": "ü" }, "number"], ["json", null, "undefined"]], false],
                [[["octets", null, "undefined"], ["stream", null, "undefined"]], true],
            ],
            "prefix": ["stream"],
            "many": [["json", "{\"a\":[1]}"], ["none", null], ["stream", "abc"]],
            "manyJson": [["json", { "a": [1] }, null]],
            "notJson": "Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value",
            "remove": null, "dots": "x", "large": 26_214_400,
            "long": "Error: KV PUT failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
            "soon": "Error: KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.",
            "fat": "Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.",
            "huge": "Error: KV PUT failed: 413 The request is longer than the 26214400 octets that it may have.",
            "gone": "Error: KV GET failed: 400 there is no KV namespace 00000000000000000000000000000000.",
        });
        for (name, expected) in expected.as_object().unwrap() {
            assert_eq!(&answers[name], expected, "{name}");
        }
        assert_eq!(answers.as_object().unwrap().len(), expected.as_object().unwrap().len());
    });
}

fn messages_of_all_formats_go_through_a_queue() {
    const CODE: &str = r#"
        const shown = (body) => body instanceof Date ? `date ${body.getTime()}`
          : body instanceof ArrayBuffer ? [...new Uint8Array(body)] : ArrayBuffer.isView(body) ? [...body] : body;
        const questions = ({ Q, GONE }) => ({
          json: () => Q.send({ a: 1 }).then(() => "sent"),
          text: () => Q.send("text", { contentType: "text" }).then(() => "sent"),
          bytes: () => Q.send(new Uint8Array([1, 255]), { contentType: "bytes" }).then(() => "sent"),
          v8: () => Q.send(new Date(7), { contentType: "v8" }).then(() => "sent"),
          batch: () => Q.sendBatch([{ body: "fails" }, { body: "later", delaySeconds: 43200 }]).then(() => "sent"),
          long: () => Q.send("x".repeat(128001), { contentType: "text" }),
          late: () => Q.send("x", { delaySeconds: 43201 }),
          many: () => Q.sendBatch(Array.from({ length: 101 }, () => ({ body: 1 }))),
          gone: () => GONE.send(1),
        });
        async function consume(batch, { KV }) {
          for (const message of batch.messages) {
            const key = `${batch.queue} ${JSON.stringify(shown(message.body))} ${message.attempts}`;
            await KV.put(key, "1");
            if (message.body === "fails") message.retry();
          }
        }"#;
    run(async {
        let fixture = Fixture::new(|_| {});
        let (kv, queues, account) =
            (fixture.stores.kv.clone(), fixture.stores.queues.clone(), fixture.account.clone());
        let namespace = kv.create(&account, "n", now()).unwrap().id.clone();
        let queue = |name: &str| BindingKind::Queue { name: name.to_owned(), delay: 0 };
        let bindings = vec![
            ("KV", BindingKind::Kv(namespace.as_str().to_owned())),
            ("Q", queue("orders")),
            ("GONE", queue("gone")),
        ];
        let script = deploy(&fixture, CODE, bindings);
        queues.create(&account, "orders", QueueDraft::default(), now()).unwrap();
        let mut draft = ConsumerDraft::of(script.clone());
        (draft.batch_timeout_ms, draft.max_retries) = (0, 1);
        draft.dead_letter_queue = Some("dead".to_owned());
        queues.add_consumer(&account, "orders", draft, now()).unwrap();

        let answers = answers(&fixture, &script).await;
        for name in ["json", "text", "bytes", "v8", "batch"] {
            assert_eq!(answers[name], "sent", "{name}");
        }
        for (name, words) in [
            ("long", "message length of 128001 bytes exceeds limit of 128000"),
            ("late", "delay"),
            ("many", "count of 101"),
            ("gone", "no queue"),
        ] {
            assert!(answers[name].as_str().unwrap().contains(words), "{name}: {}", answers[name]);
        }
        let (stop, stopping) = watch::channel(false);
        let lease = Duration::from_secs(60);
        let pump = feed_queues(fixture.workers.clone(), queues.clone(), now, lease, stopping);
        let pump = tokio::spawn(pump);
        let dead = async {
            while queues.status(&account, "dead", now()).unwrap().waiting() == 0
                || queues.status(&account, "orders", now()).unwrap().waiting() > 1
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), dead).await.unwrap();
        let page = kv.list(&account, &namespace, &Default::default(), now()).unwrap();
        let keys: Vec<_> = page.keys.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(
            keys,
            [
                "orders \"date 7\" 1",
                "orders \"fails\" 1",
                "orders \"fails\" 2",
                "orders \"text\" 1",
                "orders [1,255] 1",
                "orders {\"a\":1} 1",
            ]
        );
        stop.send(true).unwrap();
        pump.await.unwrap();
    });
}

fn mail_is_sent_in_both_forms() {
    const CODE: &str = r##"
        import { EmailMessage } from "cloudflare:email";
        const base = { from: { email: "a@here.example", name: "A" }, to: ["b@there.example"], subject: "s", text: "t" };
        const questions = ({ EMAIL }) => ({
          built: () => EMAIL.send({ ...base, attachments: [
            { filename: "a", type: "a/b", disposition: "attachment", content: new Uint8Array([9, 255, 0, 9]).subarray(1, 3) },
            { filename: "b", type: "a/b", disposition: "inline", contentId: "c", content: "YmFzZTY0" },
            { filename: "c", type: "a/b", disposition: "attachment", content: new TextEncoder().encode("abc").buffer },
          ] }),
          ready: () => EMAIL.send(new EmailMessage("a@here.example", "b@there.example", "Subject: ü\r\n\r\nx")),
          stream: () => EMAIL.send(new EmailMessage("a@here.example", "b@there.example", new Response("Subject: s\r\n\r\ny").body)),
          large: () => EMAIL.send({ ...base, attachments: [{ filename: "l", type: "a/b", content: new ArrayBuffer(20 * 1024 * 1024) }] }),
          refused: () => EMAIL.send({ ...base, subject: "refused" }),
          nothing: () => EMAIL.send(),
          odd: () => EMAIL.send({ ...base, attachments: [{ filename: "x", type: "a/b", content: { a: 1 } }] }),
          circle: () => { const message = { ...base }; message.self = message; return EMAIL.send(message); },
        });"##;
    run(async {
        let fixture = Fixture::new(|_| {});
        let rules = SendRules { allowed_senders: vec!["a@here.example".to_owned()], ..SendRules::default() };
        let script = deploy(&fixture, CODE, vec![("EMAIL", BindingKind::SendEmail(rules.clone()))]);
        let answers = answers(&fixture, &script).await;
        let sent = json!({ "messageId": "message-1@here.example" });
        for name in ["built", "ready", "stream", "large"] {
            assert_eq!(answers[name], sent, "{name}");
        }
        assert_eq!(answers["refused"], "Error: Verify it first. (E_SENDER_NOT_VERIFIED)");
        for name in ["nothing", "odd", "circle"] {
            assert!(answers[name].as_str().unwrap().ends_with("(E_VALIDATION_ERROR)"), "{}", answers[name]);
        }
        let post = fixture.post.0.lock().unwrap();
        assert!(post.iter().all(|sent| sent.rules == rules && sent.account == fixture.account));
        let OutgoingMail::Built(built) = &post[0].message else { panic!("{:?}", post[0]) };
        assert_eq!(built["from"], json!({ "email": "a@here.example", "name": "A" }));
        let contents: Vec<_> =
            built["attachments"].as_array().unwrap().iter().map(|a| &a["content"]).collect();
        assert_eq!(contents, ["/wA=", "YmFzZTY0", "YWJj"]);
        let raw = |at: usize| match &post[at].message {
            OutgoingMail::Raw { raw, .. } => String::from_utf8_lossy(raw).into_owned(),
            other => panic!("{other:?}"),
        };
        assert_eq!((raw(1), raw(2)), ("Subject: ü\r\n\r\nx".to_owned(), "Subject: s\r\n\r\ny".to_owned()));
    });
}

fn data_points_are_written() {
    const CODE: &str = r#"
        const questions = ({ DATA }) => ({
          point: () => DATA.writeDataPoint({ blobs: ["a", null, new Uint8Array([255])], doubles: [1, 2.5, NaN], indexes: ["i"] }),
          empty: () => DATA.writeDataPoint(),
          many: () => DATA.writeDataPoint({ blobs: new Array(21).fill("x") }),
          odd: () => DATA.writeDataPoint({ doubles: 7 }),
        });"#;
    run(async {
        let fixture = Fixture::new(|_| {});
        let script = deploy(&fixture, CODE, vec![("DATA", BindingKind::Analytics("events".to_owned()))]);
        let answers = answers(&fixture, &script).await;
        assert_eq!((&answers["point"], &answers["empty"]), (&Value::Null, &Value::Null));
        assert!(answers["many"].as_str().unwrap().contains("at most 20 blobs"), "{answers}");
        assert!(answers["odd"].as_str().unwrap().contains("'doubles' must be a list"), "{answers}");
        let points =
            || fixture.stores.points.points(&fixture.account, "events", UnixMillis::new(0), 9).unwrap();
        let written = async {
            while points().len() < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), written).await.unwrap();
        let full = points().into_iter().find(|stored| !stored.point.blobs.is_empty()).unwrap().point;
        assert_eq!(full.blobs, [Some(b"a".to_vec()), None, Some(vec![255])]);
        assert_eq!((full.doubles, full.indexes), (vec![1.0, 2.5, 0.0], vec!["i".to_owned()]));
    });
}

fn bodies_stream_through_the_door() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let code = r"export default { async fetch(request) {
            if (request.url.endsWith('/throw')) throw new Error('secret');
            const { readable, writable } = new TransformStream();
            request.body.pipeTo(writable);
            return new Response(readable, { headers: { 'x-url': request.url, 'x-client': request.headers.get('cf-connecting-ip') } });
        } }";
        let script = fixture.deploy("echo", code);
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let address = socket.local_addr().unwrap();
        let settings =
            DoorSettings { scope: Scope::One(fixture.account.clone(), script), max_connections: 8 };
        let door = Door::new(fixture.workers.clone(), fixture.stores.scripts.clone(), settings);
        let (stop, stopping) = watch::channel(false);
        let door = tokio::spawn(door.run(socket, stopping));

        let mut client = TcpStream::connect(address).await.unwrap();
        let head = "POST /p HTTP/1.1\r\nHost: x.example\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        let mut seen = String::new();
        for part in ["one", "two"] {
            client.write_all(format!("3\r\n{part}\r\n").as_bytes()).await.unwrap();
            // Each part comes back before the next is sent.
            while !seen.contains(part) {
                let mut buffer = [0; 1024];
                let octets = client.read(&mut buffer).await.unwrap();
                assert!(octets > 0, "{seen}");
                seen.push_str(str::from_utf8(&buffer[..octets]).unwrap());
            }
        }
        assert!(seen.contains("x-url: http://x.example/p\r\n"), "{seen}");
        assert!(seen.contains("x-client: 127.0.0.1\r\n"), "{seen}");
        drop(client);

        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"GET /throw HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.0 500") && !answer.contains("secret"), "{answer}");
        stop.send(true).unwrap();
        door.await.unwrap().unwrap();
    });
}
