use crate::fixture::{Desk, Fixture, run, variable};
use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use mailwright_engine::worker::{Binding, BindingKind, Forward, Limits, Module, ModuleKind};
use mailwright_workers::{
    EmailDone, EventError, FetchBody, MessageFormat, QueueBatch, QueueMessage, RunKind, RunOutcome,
};
use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// All cases, by name.
pub(crate) const ALL: [(&str, fn()); 14] = [
    ("a_message_is_seen_as_the_service_shows_it", a_message_is_seen_as_the_service_shows_it),
    ("what_is_asked_for_is_told_once_all_has_ended", what_is_asked_for_is_told_once_all_has_ended),
    ("an_exception_undoes_the_message_and_is_told", an_exception_undoes_the_message_and_is_told),
    ("lines_of_the_console_are_told_with_their_event", lines_of_the_console_are_told_with_their_event),
    ("a_class_and_modules_of_all_kinds_work", a_class_and_modules_of_all_kinds_work),
    ("requests_and_batches_reach_their_handlers", requests_and_batches_reach_their_handlers),
    ("a_loop_costs_only_its_own_worker", a_loop_costs_only_its_own_worker),
    ("memory_that_is_not_given_back_ends_the_process", memory_that_is_not_given_back_ends_the_process),
    ("what_waits_for_ever_ends", what_waits_for_ever_ends),
    ("a_process_that_is_killed_is_followed_by_another", a_process_that_is_killed_is_followed_by_another),
    ("code_that_does_not_load_is_told_and_not_tried_at_once_again", code_that_does_not_load_is_told),
    ("a_new_version_takes_over_without_losing_a_message", a_new_version_takes_over_without_losing_a_message),
    ("a_process_is_ended_when_idle_and_leaves_nothing", a_process_is_ended_when_idle_and_leaves_nothing),
    ("the_sandbox_is_closed", the_sandbox_is_closed),
];

const MANY_TESTS: &str = r#"
import { EmailMessage } from "cloudflare:email";
const tests = {
  async seen(m, env) {
    const text = await new Response(m.raw).text();
    let twice;
    try { await new Response(m.raw).text(); } catch (error) { twice = error.name; }
    throw new Error(JSON.stringify([m.from, m.to, m.headers.get("subject"), m.headers.get("received"), m.rawSize, text.length,
      m.canBeForwarded, twice, Object.keys(env)]));
  },
  async many(m, env, ctx) {
    await m.forward("known@good.example", new Headers({ "X-A": "1" }));
    ctx.waitUntil((async () => { await scheduler.wait(20); await m.forward("later@good.example"); })());
    m.forward("floating@good.example");
    await m.reply(new EmailMessage("box@here.example", m.from, "Subject: re\r\n\r\nyes"));
  },
  async reject(m) { m.setReject("not here"); },
  async throws() { throw new TypeError("a bad day"); },
  async nothing() { throw null; },
  async bad(m) { await m.forward("x@bad.example"); },
  async caught(m) { try { await m.forward("x@bad.example"); } catch { await m.forward("known@good.example"); } },
  async floating(m) { m.forward("x@bad.example"); },
  async background(m, env, ctx) { ctx.waitUntil(m.forward("x@bad.example")); },
  async webhook(m, env, ctx) { ctx.waitUntil(Promise.reject(new Error("webhook"))); await m.forward("known@good.example"); },
  async subject(m) { await m.forward("known@good.example", new Headers({ Subject: "x" })); },
  async nobody(m) { await m.reply(new EmailMessage("a", "nobody", "x")); },
  async log(m) { console.log("hello", { a: 1 }); console.error("bad"); await m.forward("known@good.example"); },
  async loop() { for (;;); },
  async leak() { const all = []; for (;;) all.push(new Array(1e4).fill(0).map((_, i) => i + all.length)); },
  async buffers() { const all = []; for (;;) { all.push(new Uint8Array(1 << 22).fill(1)); await scheduler.wait(1); } },
  async hang() { await new Promise(() => {}); },
  async slow(m) { await scheduler.wait(100); await m.forward("known@good.example"); },
  async long() { await scheduler.wait(60000); },
  async ok(m) { await m.forward("known@good.example"); },
};
export default { async email(m, env, ctx) { await tests[m.from](m, env, ctx); } };
"#;

fn forwards(done: &EmailDone) -> Vec<&str> {
    done.forwards.iter().map(|forward| forward.to.as_str()).collect()
}

fn threw<T: std::fmt::Debug>(done: Result<T, EventError>) -> String {
    match done.unwrap_err() {
        EventError::Threw(what) => what,
        other => panic!("{other:?}"),
    }
}

fn a_message_is_seen_as_the_service_shows_it() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let module =
            Module { name: "index.js".to_owned(), kind: ModuleKind::EsModule, content: MANY_TESTS.into() };
        let bindings = vec![variable("V", "ü\"\n\\")];
        let script = fixture.deploy_modules("a", vec![module], bindings, Limits::default());
        let seen = threw(fixture.email(&script, "seen").await);
        let expected = r#"Error: ["seen","box@here.example","hi","one, two",52,52,true,"TypeError",["V"]]"#;
        assert_eq!(seen, expected);
    });
}

fn what_is_asked_for_is_told_once_all_has_ended() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let script = fixture.deploy("a", MANY_TESTS);
        let desk = Arc::new(Desk::default());
        let done = fixture.message(&script, "many", desk.clone()).await.unwrap();
        assert_eq!(forwards(&done), ["known@good.example", "floating@good.example", "later@good.example"]);
        assert_eq!(done.forwards[0].headers, [("x-a".to_owned(), "1".to_owned())]);
        let (from, to, raw) = desk.0.lock().unwrap().pop().unwrap();
        assert_eq!((from.as_str(), to.as_str()), ("box@here.example", "many"));
        assert_eq!(raw, b"Subject: re\r\n\r\nyes");
        let rejected = fixture.email(&script, "reject").await.unwrap();
        assert_eq!(rejected, EmailDone { forwards: Vec::new(), reject: Some("not here".to_owned()) });
        let webhook = fixture.email(&script, "webhook").await.unwrap();
        let to = "known@good.example".to_owned();
        assert_eq!(webhook.forwards, [Forward { to, headers: Vec::new() }]);
        assert_eq!(forwards(&fixture.email(&script, "caught").await.unwrap()), ["known@good.example"]);
    });
}

fn an_exception_undoes_the_message_and_is_told() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let script = fixture.deploy("a", MANY_TESTS);
        assert_eq!(threw(fixture.email(&script, "throws").await), "TypeError: a bad day");
        let run = fixture.next_run().await;
        assert_eq!(
            (run.outcome, run.exceptions),
            (RunOutcome::Exception, vec!["TypeError: a bad day".to_owned()])
        );
        assert_eq!(threw(fixture.email(&script, "nothing").await), "null");
        for from in ["bad", "floating", "background"] {
            assert_eq!(
                threw(fixture.email(&script, from).await),
                "Error: x@bad.example is no verified destination",
                "{from}"
            );
        }
        assert!(threw(fixture.email(&script, "subject").await).contains("begin with X-"));
        assert_eq!(threw(fixture.email(&script, "nobody").await), "Error: nobody asked");
        let other = fixture.deploy("b", "export default { fetch() { return new Response() } }");
        assert_eq!(fixture.email(&other, "ok").await, Err(EventError::NoHandler("email")));
        let gone = "c".parse().unwrap();
        assert_eq!(fixture.email(&gone, "ok").await, Err(EventError::NotDeployed(gone.clone())));
    });
}

fn lines_of_the_console_are_told_with_their_event() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let script = fixture.deploy("a", MANY_TESTS);
        let mut tail = fixture.workers.tail(&fixture.account, &script);
        fixture.email(&script, "log").await.unwrap();
        let run = tail.recv().await.unwrap();
        let RunKind::Email { id, from, to, size } = &run.kind else { panic!("{run:?}") };
        assert_eq!(
            (id.as_str(), from.as_str(), to.as_str(), *size),
            ("message-1", "log", "box@here.example", 52)
        );
        assert_eq!(run.outcome, RunOutcome::Ok);
        let lines: Vec<_> = run.logs.iter().map(|line| (line.level.as_str(), line.message.clone())).collect();
        let hello = vec![serde_json::json!("hello"), serde_json::json!({"a": 1})];
        assert_eq!(lines, [("log", hello), ("error", vec![serde_json::json!("bad")])]);
        assert!(
            run.wall > Duration::ZERO && run.cpu > Duration::ZERO && run.cpu < Duration::from_secs(1),
            "{run:?}"
        );
    });
}

fn a_class_and_modules_of_all_kinds_work() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let module = |name: &str, kind, content: &[u8]| Module {
            name: name.to_owned(),
            kind,
            content: content.into(),
        };
        let main = br#"
            import { WorkerEntrypoint } from "cloudflare:workers";
            import text from "./t.txt"; import data from "./d.bin"; import json from "./j.json"; import wasm from "./w.wasm";
            import common from "./c.cjs"; import { own } from "./mailwright-entry"; import "node:buffer";
            export class Named extends WorkerEntrypoint {}
            export default class extends WorkerEntrypoint {
              async email(m) {
                const { exports } = new WebAssembly.Instance(wasm, {});
                this.ctx.waitUntil(m.forward("later@good.example"));
                throw new Error(JSON.stringify([text, data.byteLength, json.a, common.b, own, Object.keys(exports), this.env.V]));
              }
            }"#;
        let modules = vec![
            module("src/index.js", ModuleKind::EsModule, main),
            module("src/t.txt", ModuleKind::Text, b"text"),
            module("src/d.bin", ModuleKind::Data, &[1, 2, 3]),
            module("src/j.json", ModuleKind::Json, b"{\"a\":7}"),
            module("src/w.wasm", ModuleKind::Wasm, b"\0asm\x01\0\0\0"),
            module("src/c.cjs", ModuleKind::CommonJs, b"module.exports = { b: 8 }"),
            module("src/mailwright-entry", ModuleKind::EsModule, b"export const own = 9"),
            module("mailwright-entry", ModuleKind::EsModule, b"export const own = 10"),
        ];
        let bindings = vec![
            variable("V", "v"),
            variable("$mailwright", "theirs"),
            Binding { name: "D".to_owned(), kind: BindingKind::Data(vec![0, 255]) },
            Binding { name: "M".to_owned(), kind: BindingKind::VersionMetadata },
        ];
        let script = fixture.deploy_modules("a", modules, bindings, Limits::default());
        let seen = threw(fixture.email(&script, "x").await);
        assert_eq!(seen, r#"Error: ["text",3,7,8,9,[],"v"]"#);
    });
}

fn requests_and_batches_reach_their_handlers() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let code = r#"export default {
            async fetch(request) {
              if (request.url.endsWith("/throw")) throw new Error("x");
              const ray = request.headers.get("cf-ray").length;
              return new Response(JSON.stringify([request.method, request.url, ray, request.headers.get("mw-event"), request.cf ?? null]));
            },
            async queue(batch) {
              console.log(batch.queue);
              for (const m of batch.messages) {
                if (m.body?.a === 1) m.ack();
                else if (m.body === "text") m.retry({ delaySeconds: 7 });
                else if (m.body === "throw") throw new Error("no");
              }
            } }"#;
        let script = fixture.deploy("a", code);
        let get = |path: &str| {
            let body = FetchBody::new(Empty::<Bytes>::new().map_err(|never| match never {}));
            Request::get(format!("http://a.b.example{path}")).header("mw-event", "x").body(body).unwrap()
        };
        let response = fixture.workers.fetch(&fixture.account, &script, get("/p?q=1")).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"["GET","http://a.b.example/p?q=1",32,null,null]"#);
        let run = fixture.next_run().await;
        assert!(matches!(run.kind, RunKind::Fetch { status: Some(200), .. }), "{run:?}");
        let response = fixture.workers.fetch(&fixture.account, &script, get("/throw")).await.unwrap();
        assert_eq!(response.status(), 500);
        drop(response);
        let run = fixture.next_run().await;
        assert_eq!((run.outcome, run.exceptions), (RunOutcome::Exception, vec!["Error: x".to_owned()]));
        let message = |id: &str, format, body: &'static str| QueueMessage {
            id: id.to_owned(),
            sent: SystemTime::UNIX_EPOCH,
            attempts: 1,
            format,
            body: Bytes::from_static(body.as_bytes()),
        };
        let messages = vec![
            message("1", MessageFormat::Json, "{\"a\":1}"),
            message("2", MessageFormat::Text, "text"),
            message("3", MessageFormat::Bytes, "octets"),
        ];
        let batch = QueueBatch { queue: "q".to_owned(), messages };
        let done = fixture.workers.queue(&fixture.account, &script, batch).await.unwrap();
        assert_eq!((done.acked, done.ack_all), (vec!["1".to_owned()], false));
        assert_eq!(done.retried, [("2".to_owned(), Some(Duration::from_secs(7)))]);
        let run = fixture.next_run().await;
        assert_eq!((run.outcome, run.logs[0].message[0].as_str()), (RunOutcome::Ok, Some("q")));
        // What was acknowledged before the exception is done.
        let messages =
            vec![message("1", MessageFormat::Json, "{\"a\":1}"), message("2", MessageFormat::Text, "throw")];
        let batch = QueueBatch { queue: "q".to_owned(), messages };
        let done = fixture.workers.queue(&fixture.account, &script, batch).await.unwrap();
        assert_eq!((done.threw, done.acked, done.retry_all), (true, vec!["1".to_owned()], Some(None)));
        let none = fixture.deploy("b", "export default { async email() {} }");
        let batch =
            QueueBatch { queue: "q".to_owned(), messages: vec![message("1", MessageFormat::Text, "x")] };
        // Without a handler the batch fails as a whole.
        let done = fixture.workers.queue(&fixture.account, &none, batch).await.unwrap();
        assert_eq!((done.threw, done.acked.len(), done.retry_all), (true, 0, Some(None)));
    });
}

fn a_loop_costs_only_its_own_worker() {
    run(async {
        let fixture = Fixture::new(|settings| settings.cpu = Duration::from_millis(300));
        let (bad, good) = (fixture.deploy("bad", MANY_TESTS), fixture.deploy("good", MANY_TESTS));
        fixture.email(&good, "ok").await.unwrap();
        let (looped, others) = tokio::join!(
            fixture.email(&bad, "loop"),
            join_all((0..5).map(|_| async {
                fixture.email(&good, "slow").await.unwrap();
            }))
        );
        assert_eq!(looped, Err(EventError::CpuExceeded(300)));
        assert_eq!(others.len(), 5);
        assert_eq!(fixture.next_run().await.outcome, RunOutcome::Ok);
        // The next message of the same Worker has a new process.
        assert_eq!(forwards(&again(&fixture, &bad).await), ["known@good.example"]);
        // Of several events nobody knows which one it was.
        let (one, two) = tokio::join!(fixture.email(&bad, "long"), fixture.email(&bad, "loop"));
        for error in [one.unwrap_err(), two.unwrap_err()] {
            assert!(
                matches!(&error, EventError::Crashed(why) if why.contains("one of the 2 events")),
                "{error:?}"
            );
        }
    });
}

/// A message to a Worker whose process has just ended: the next may have to wait a moment.
async fn again(fixture: &Fixture, script: &mailwright_engine::worker::ScriptName) -> EmailDone {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match fixture.email(script, "ok").await {
            Ok(done) => return done,
            Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn memory_that_is_not_given_back_ends_the_process() {
    run(async {
        let fixture = Fixture::new(|settings| settings.memory = 48 * 1024 * 1024);
        let script = fixture.deploy("a", MANY_TESTS);
        for from in ["leak", "buffers"] {
            assert_eq!(fixture.email(&script, from).await, Err(EventError::MemoryExceeded(48)), "{from}");
            again(&fixture, &script).await;
        }
    });
}

fn what_waits_for_ever_ends() {
    run(async {
        let fixture = Fixture::new(|settings| settings.wall = Duration::from_millis(500));
        let script = fixture.deploy("a", MANY_TESTS);
        let hung = threw(fixture.email(&script, "hang").await);
        assert!(hung.contains("waits for what never comes"), "{hung}");
        let (late, other) = tokio::join!(fixture.email(&script, "long"), fixture.email(&script, "slow"));
        assert_eq!(late, Err(EventError::TimedOut(Duration::from_millis(500))));
        assert_eq!(forwards(&other.unwrap()), ["known@good.example"]);
        // The process has not suffered.
        assert_eq!(fixture.processes().len(), 1);
    });
}

fn a_process_that_is_killed_is_followed_by_another() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let script = fixture.deploy("a", MANY_TESTS);
        fixture.email(&script, "ok").await.unwrap();
        let [pid] = fixture.processes().try_into().unwrap();
        let kill = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        };
        let (died, ()) = tokio::join!(fixture.email(&script, "long"), kill);
        assert_eq!(died, Err(EventError::Crashed("signal 9".to_owned())));
        assert_eq!(forwards(&fixture.email(&script, "ok").await.unwrap()), ["known@good.example"]);
        assert_ne!(fixture.processes(), [pid]);
    });
}

fn code_that_does_not_load_is_told() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let script = fixture.deploy("a", "export default { email( }");
        let EventError::NotStarted(why) = fixture.email(&script, "ok").await.unwrap_err() else { panic!() };
        assert!(why.contains("SyntaxError"), "{why}");
        let before = Instant::now();
        assert_eq!(fixture.email(&script, "ok").await, Err(EventError::NotStarted(why)));
        assert!(before.elapsed() < Duration::from_millis(20), "{:?}", before.elapsed());
        fixture.deploy("a", MANY_TESTS);
        again(&fixture, &script).await;
        // A broken version after a good one: nothing goes to the old one any more.
        fixture.deploy("a", "throw new Error('at the start')");
        let deadline = Instant::now() + Duration::from_secs(10);
        while !matches!(fixture.email(&script, "ok").await, Err(EventError::NotStarted(_))) {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

fn a_new_version_takes_over_without_losing_a_message() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let version = |number: u32| {
            format!(
                "export default {{ async email(m) {{ await scheduler.wait(30); m.setReject('{number}') }} }}"
            )
        };
        let script = fixture.deploy("a", &version(0));
        fixture.email(&script, "x").await.unwrap();
        let mut last = 0;
        for number in 1..=3 {
            fixture.deploy("a", &version(number));
            let deadline = Instant::now() + Duration::from_secs(10);
            while last != number {
                let done = join_all((0..8).map(|_| fixture.email(&script, "x"))).await;
                for done in done {
                    last = done.unwrap().reject.unwrap().parse().unwrap();
                    assert!(last == number || last + 1 == number, "{last} {number}");
                }
                assert!(Instant::now() < deadline);
            }
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while fixture.processes().len() > 1 {
            assert!(Instant::now() < deadline, "{:?}", fixture.processes());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}

fn a_process_is_ended_when_idle_and_leaves_nothing() {
    run(async {
        let fixture = Fixture::new(|settings| settings.idle = Duration::from_millis(200));
        let script = fixture.deploy("a", MANY_TESTS);
        fixture.email(&script, "ok").await.unwrap();
        let run = fixture.dir.path().join("workers/run");
        let [folder] = fs::read_dir(&run)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["event.sock", "fetch.sock", "host.sock", "queue.sock"]);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !fixture.processes().is_empty() || fs::read_dir(&run).unwrap().next().is_some() {
            assert!(Instant::now() < deadline);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        fixture.email(&script, "ok").await.unwrap();
        fixture.workers.stop().await;
        assert!(fixture.processes().is_empty() && fs::read_dir(&run).unwrap().next().is_none());
        assert!(matches!(fixture.email(&script, "ok").await, Err(EventError::NotStarted(_))));
    });
}

fn the_sandbox_is_closed() {
    run(async {
        let fixture = Fixture::new(|_| {});
        let script = fixture.deploy("a", MANY_TESTS);
        fixture.email(&script, "ok").await.unwrap();
        let [pid] = fixture.processes().try_into().unwrap();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(status.contains("NoNewPrivs:\t1"), "{status}");
        assert_eq!(fs::read(format!("/proc/{pid}/environ")).unwrap(), b"");
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        let limit = |name: &str| {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
            line[26..].split_ascii_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(limit("Max core file size"), ["0", "0"]);
        assert_eq!(limit("Max open files"), ["1024", "1024"]);
    });
}
