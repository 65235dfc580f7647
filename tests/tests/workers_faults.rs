//! What fails under Workers costs nobody a message: their processes, our own, the runtime, and the code itself while it is
//! replaced.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use mailwright_tests::error::{Error, Result};
use mailwright_tests::message::header;
use mailwright_tests::smtp::{SmtpClient, dot_stuffed};
use mailwright_tests::wait;
use mailwright_tests::worker::Worker;
use mailwright_tests::worker_world::{LIMIT, SENDER, WorkerWorld, letter};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::json;

const ADDRESS: &str = "any@example.com";
const TEAM: &str = "team@box.example";

/// Forwards what it gets, after so many milliseconds.
fn forwarder(name: &str, milliseconds: u32) -> Worker {
    let code = format!(
        "export default {{ async email(message) {{\n\
         await new Promise((done) => setTimeout(done, {milliseconds}));\n\
         await message.forward('{TEAM}', new Headers({{ 'X-Version': '{milliseconds}' }}));\n}} }};"
    );
    Worker::new(name, code)
}

fn thrower() -> Worker {
    Worker::new("worker", "export default { async email() { throw new Error('not yet'); } };")
}

/// The processes that `parent` has started and that run workerd.
fn runtimes(parent: u32) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_runtime = |id: &i32| {
        let read = |file: &str| fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
        let stat = read("stat");
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
        fields.split_whitespace().nth(1) == Some(parent.to_string().as_str())
            && read("comm").contains("workerd")
    };
    ids.filter(is_runtime).filter_map(Pid::from_raw).collect()
}

/// Waits until there are so many.
fn until_runtimes(world: &WorkerWorld, count: usize) -> Result<Vec<Pid>> {
    wait::until(&format!("{count} processes of workerd"), LIMIT, || {
        let found = runtimes(world.server.process.id());
        Ok((found.len() == count).then_some(found))
    })
}

/// Begins to bring a message, and waits for no answer.
fn begin(world: &WorkerWorld, subject: &str) -> Result<SmtpClient> {
    let mut client = world.client()?;
    client.command(&format!("MAIL FROM:<{SENDER}>"))?;
    client.command(&format!("RCPT TO:<{ADDRESS}>"))?;
    client.command("DATA")?;
    client.write(&dot_stuffed(&letter(SENDER, ADDRESS, subject, "")))?;
    Ok(client)
}

fn bring(world: &WorkerWorld, subject: &str) -> Result<u16> {
    Ok(world.bring(SENDER, ADDRESS, &letter(SENDER, ADDRESS, subject, ""))?.code)
}

fn world(settings: &str) -> Result<Option<WorkerWorld>> {
    let Some(world) = WorkerWorld::start(&[], settings)? else { return Ok(None) };
    world.destinations(&[TEAM])?;
    Ok(Some(world))
}

#[test]
fn a_process_of_the_runtime_that_is_killed_costs_nothing_but_time() -> Result<()> {
    let Some(world) = world("")? else { return Ok(()) };
    world.deploy_in("example.com", &forwarder("worker", 800))?;
    assert_eq!(bring(&world, "before")?, 250);
    let [process] = until_runtimes(&world, 1)?[..] else {
        return Err(Error::unexpected("one process", "there are others"));
    };
    let mut client = begin(&world, "cut short")?;
    // The handler runs: its process has used the socket of events, and 800 ms are left.
    thread::sleep(Duration::from_millis(300));
    kill_process(process, Signal::KILL).map_err(|error| Error::unexpected("kill", error.to_string()))?;
    let reply = client.read_reply()?;
    assert!(reply.code == 451, "{reply:?}");
    assert_eq!(bring(&world, "cut short")?, 250);
    world.arrived(TEAM, "cut short")?;
    assert_eq!(world.count_for(TEAM)?, 2);
    Ok(())
}

#[test]
fn the_server_that_is_killed_leaves_no_processes_and_no_mail_behind() -> Result<()> {
    let Some(mut world) = world("")? else { return Ok(()) };
    world.deploy_in("example.com", &forwarder("worker", 500))?;
    assert_eq!(bring(&world, "before")?, 250);
    let before = until_runtimes(&world, 1)?;
    let client = begin(&world, "cut short")?;
    thread::sleep(Duration::from_millis(200));
    world.server.process.kill()?;
    drop(client);
    wait::until("the end of workerd", LIMIT, || {
        Ok(before.iter().all(|id| test_kill_process(*id).is_err()).then_some(()))
    })?;
    world.server = world.installation.start()?;
    assert_eq!(bring(&world, "cut short")?, 250);
    world.arrived(TEAM, "cut short")?;
    until_runtimes(&world, 1)?;
    assert_eq!(world.count_for(TEAM)?, 2, "each once: what was cut short had not been taken");
    let status = world.server.stop()?;
    assert!(status.success(), "{status}");
    let run = world.installation.state().join("workers/run");
    let left: Vec<_> = fs::read_dir(&run).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

#[test]
fn under_load_every_message_is_handled_once_by_the_old_code_or_the_new() -> Result<()> {
    const VERSIONS: u32 = 6;
    let Some(world) = world("concurrency = 8\n")? else { return Ok(()) };
    world.deploy_in("example.com", &forwarder("worker", 1))?;
    assert_eq!(bring(&world, "first")?, 250);
    let (is_over, sent) = (AtomicBool::new(false), AtomicUsize::new(1));
    thread::scope(|scope| {
        let load: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut client = world.client()?;
                    while !is_over.load(Ordering::SeqCst) {
                        let reply = client.send(SENDER, ADDRESS, &letter(SENDER, ADDRESS, "load", ""))?;
                        assert_eq!(reply.code, 250, "{reply:?}");
                        sent.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(())
                })
            })
            .collect();
        for version in 2..=VERSIONS {
            let seen = sent.load(Ordering::SeqCst);
            wait::until("some mail for this version", LIMIT, || {
                Ok((sent.load(Ordering::SeqCst) > seen + 20).then_some(()))
            })?;
            world.deploy(&forwarder("worker", version))?;
        }
        let done = bring(&world, "last")?;
        sent.fetch_add(1, Ordering::SeqCst);
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(done, 250);
        load.into_iter().try_for_each(|one| {
            one.join().unwrap_or_else(|_| Err(Error::unexpected("the load", "a reply that is none of ours")))
        })
    })?;
    let sent = sent.load(Ordering::SeqCst);
    wait::until(&format!("{sent} messages"), LIMIT, || {
        let arrived = world.count_for(TEAM)?;
        assert!(arrived <= sent, "{arrived} of {sent}");
        Ok((arrived == sent).then_some(()))
    })?;
    let last = world.arrived(TEAM, "last")?;
    assert_eq!(
        header(&last.message, "X-Version"),
        Some(VERSIONS.to_string()),
        "new events go to the new code"
    );
    until_runtimes(&world, 1)?;
    Ok(())
}

#[test]
fn without_the_runtime_mail_for_workers_is_put_off_and_all_else_works() -> Result<()> {
    let Some(world) = world("runtime = \"/nowhere/workerd\"\n")? else { return Ok(()) };
    world.deploy_in("example.com", &forwarder("worker", 1))?;
    let api = world.api();
    let rule = format!("/client/v4/zones/{}/email/routing/rules/catch_all", api.account.zone_id);
    let rule = api.request("GET", &rule, "", &[])?.json();
    assert!(rule["messages"][0].as_str().is_some_and(|note| note.contains("worker setup")), "{rule}");
    let reply = world.bring(SENDER, ADDRESS, &letter(SENDER, ADDRESS, "put off", ""))?;
    assert!(reply.code == 451 && reply.lines[0].starts_with("4."), "{reply:?}");
    let said = world.server.process.log_text();
    assert!(said.contains("/nowhere/workerd") && said.contains("worker setup"), "{said}");
    world.catch_all("example.com", &json!([{ "type": "forward", "value": [TEAM] }]))?;
    assert_eq!(bring(&world, "forwarded")?, 250);
    world.arrived(TEAM, "forwarded")?;
    Ok(())
}

#[test]
fn mail_can_wait_here_until_its_worker_is_mended() -> Result<()> {
    let settings = "on_failure = \"hold\"\nhold_first = \"1s\"\nhold_max_interval = \"1s\"\n";
    let Some(mut world) = world(settings)? else { return Ok(()) };
    world.deploy_in("example.com", &thrower())?;
    for subject in ["one", "two"] {
        assert_eq!(bring(&world, subject)?, 250, "it is taken, whatever the Worker does");
    }
    // Taken is taken: it outlives us, too.
    world.server.process.kill()?;
    world.server = world.installation.start()?;
    world.until_mentioned(ADDRESS, "not yet")?;
    assert_eq!(world.passed_on()?.len(), 0);
    world.deploy(&forwarder("worker", 1))?;
    for subject in ["one", "two"] {
        world.arrived(TEAM, subject)?;
    }
    // What a Worker refuses once its sender has gone is returned to him.
    world.deploy(&thrower())?;
    assert_eq!(bring(&world, "three")?, 250);
    world.deploy(&Worker::new(
        "worker",
        "export default { async email(message) { message.setReject('no such thing'); } };",
    ))?;
    let bounce = wait::until("a report to the sender", LIMIT, || {
        let all = world.sandbox.mailbox.list()?;
        Ok(all.into_iter().find(|mail| mail.recipients.iter().any(|to| to == SENDER)))
    })?;
    let text = String::from_utf8_lossy(&bounce.message).into_owned();
    assert!(bounce.mail_from.is_empty() && text.contains("no such thing"), "{text}");
    assert_eq!(world.count_for(TEAM)?, 2);
    Ok(())
}
