//! The forms that a Worker's code may have.

use mailwright_tests::error::Result;
use mailwright_tests::worker::Worker;
use mailwright_tests::worker_world::{SENDER, WorkerWorld, letter};

const CLASS: &str = r#"
import { WorkerEntrypoint } from "cloudflare:workers";
export default class extends WorkerEntrypoint {
  async email(message) {
    this.ctx.waitUntil(message.forward(this.env.TEAM));
  }
  async fetch() {
    return new Response(`hello from ${this.env.TEAM}`);
  }
}
"#;

const MODULES: &str = r#"
import text from "./words.txt";
import data from "./octets.bin";
import wasm from "./add.wasm";
import old from "./old.cjs";
import { named } from "./folder/other.js";
export default {
  async fetch() {
    const { exports } = await WebAssembly.instantiate(wasm);
    return Response.json([text, [...new Uint8Array(data)], exports.add(2, 3), old.answer, named]);
  },
};
"#;

/// `(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))`
const ADD: &[u8] = b"\0asm\x01\0\0\0\x01\x07\x01\x60\x02\x7f\x7f\x01\x7f\x03\x02\x01\0\x07\x07\x01\x03add\0\0\x0a\x09\x01\x07\0\x20\0\x20\x01\x6a\x0b";

const TEAM: &str = "team@box.example";
const ADDRESS: &str = "any@example.com";

#[test]
fn code_is_an_object_or_a_class_of_one_module_or_several() -> Result<()> {
    let Some(world) = WorkerWorld::start(&[], "")? else { return Ok(()) };
    world.destinations(&[TEAM])?;
    let class = Worker::new("class", CLASS).with_text("TEAM", TEAM);
    world.deploy_in("example.com", &class)?;
    let bring = |subject: &str| world.bring(SENDER, ADDRESS, &letter(SENDER, ADDRESS, subject, ""));
    let reply = bring("for a class")?;
    assert_eq!(reply.code, 250, "{reply:?}");
    world.arrived(TEAM, "for a class")?;
    assert_eq!(world.fetch("class", "GET", "/", "text/plain", b"")?.text, "hello from team@box.example");

    let modules = Worker::new("modules", MODULES)
        .with_module("words.txt", "text/plain", b"words")
        .with_module("octets.bin", "application/octet-stream", &[0, 255])
        .with_module("add.wasm", "application/wasm", ADD)
        .with_module("old.cjs", "application/javascript", b"module.exports = { answer: 42 };")
        .with_module("folder/other.js", "application/javascript+module", b"export const named = 'named';");
    world.deploy(&modules)?;
    let said = world.fetch("modules", "GET", "/", "text/plain", b"")?;
    assert_eq!(said.text, r#"["words",[0,255],5,42,"named"]"#, "{said:?}");

    let no_handler = Worker::new("class", "export default { fetch: () => new Response('only this') };");
    world.deploy(&no_handler)?;
    let reply = bring("for nobody")?;
    assert_eq!(reply.code, 451, "{reply:?}");
    world.until_mentioned(ADDRESS, "exports no email() handler")?;
    assert_eq!(world.fetch("nobody", "GET", "/", "text/plain", b"")?.status, 404);
    let throws =
        Worker::new("throws", "export default { fetch() { throw new Error('the secret reason'); } };");
    world.deploy(&throws)?;
    let said = world.fetch("throws", "GET", "/", "text/plain", b"")?;
    assert!(said.status == 500 && !said.text.contains("secret"), "{said:?}");
    Ok(())
}

#[test]
fn code_that_cannot_run_is_refused_when_it_is_uploaded_and_what_ran_before_goes_on() -> Result<()> {
    let Some(world) = WorkerWorld::start(&[], "")? else { return Ok(()) };
    world.destinations(&[TEAM])?;
    let good = format!("export default {{ email: (message) => message.forward('{TEAM}') }};");
    world.deploy_in("example.com", &Worker::new("worker", good))?;
    for (code, word) in [
        ("export default {", "SyntaxError"),
        ("import './missing.js'; export default {};", "missing.js"),
        ("throw new Error('at the start'); export default {};", "at the start"),
    ] {
        let refused = world.upload(&Worker::new("worker", code))?;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert!(refused.text.contains(word), "{word}: {refused:?}");
        let reply = world.bring(SENDER, ADDRESS, &letter(SENDER, ADDRESS, word, ""))?;
        assert_eq!(reply.code, 250, "{reply:?}");
        world.arrived(TEAM, word)?;
    }
    Ok(())
}
