//! Protocol dialogues, live.

use mailwright_tests::error::Result;
use mailwright_tests::process::Process;
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::mailwright;
use mailwright_tests::wait;

use crate::world::{LIMIT, World};

/// A running `mailwright trace`.
struct Trace {
    process: Process,
}

impl Trace {
    fn of(world: &World, domain: &str) -> Result<Self> {
        let mut command = mailwright();
        command.args(["trace", domain, "--state"]).arg(world.state());
        let log = world.files.path().join(format!("trace of {domain}"));
        let trace = Self { process: Process::start("mailwright trace", command, &log)? };
        trace.wait_for(&format!("{domain} -- watching"))?;
        Ok(trace)
    }

    fn wait_for(&self, text: &str) -> Result<String> {
        wait::until(&format!("{text:?} in the trace"), LIMIT, || {
            Ok(Some(self.process.log_text()).filter(|log| log.contains(text)))
        })
    }
}

#[test]
fn a_trace_shows_the_dialogue_about_one_domain_without_content() -> Result<()> {
    let sandbox = Sandbox::with_tls("")?;
    let mut world = World::to(sandbox.address)?;
    let mut trace = Trace::of(&world, "a.example")?;
    world.send("1@a.example")?;
    trace.wait_for("250 2.0.0 kept as")?;
    // On the same connection, now for somebody else.
    world.send("1@b.example")?;
    sandbox.mailbox.wait_for("1@b.example")?;
    world.send("2@a.example")?;
    let said = trace.wait_for("RCPT TO:<2@a.example>")?;
    let parts = [
        "127.0.0.1 [127.0.0.1] from ",
        " -- connected to port",
        "S: 220 ",
        "C: EHLO mx.example.com",
        "C: STARTTLS",
        "-- TLSv1_3 ",
        "C: MAIL FROM:<b-",
        "C: RCPT TO:<1@a.example>",
        "-- content, ",
        "S: 250 2.0.0 kept as",
    ];
    let mut rest = said.as_str();
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            panic!("{part} is missing or too early:\n{said}")
        };
        rest = after;
    }
    for hidden in ["secret content", "b.example", "Subject:"] {
        assert!(!said.contains(hidden), "{hidden}:\n{said}");
    }
    // The server does not wait for those who watch.
    world.restart()?;
    assert!(trace.process.terminate(LIMIT).is_ok());
    Ok(())
}
