//! Machines are told how the server is: whether it lives, whether it takes mail now, and what runs.

use std::net::SocketAddr;
use std::time::Duration;

use mailwright_tests::error::Result;
use mailwright_tests::feeder::{Entrance, Ledger, Submitted};
use mailwright_tests::http::{self, Answer};
use mailwright_tests::http_connection::{HttpConnection, submission};
use mailwright_tests::message::Token;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::server::{Config, Installation, free_address};
use mailwright_tests::tmpfs::Tmpfs;
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(60);

/// The size of a file system, and what somebody else's file takes of it, in MiB.
const DISK: u32 = 64;
const FILLER: usize = 24;

/// The things that keep mail from being taken, by name.
fn wrong(answer: &Answer) -> Vec<String> {
    let json = answer.json();
    assert_eq!(json["ready"], answer.status == 200, "{json}");
    let checks = json["checks"].as_array().cloned().unwrap_or_default();
    assert_eq!(checks.len(), 6, "{json}");
    assert!(checks.iter().all(|check| check["text"].as_str().is_some_and(|text| text.ends_with('.'))));
    let wrong = checks.iter().filter(|check| check["ok"] == false);
    wrong.map(|check| check["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Waits until the server answers `status` to the question whether it is ready; returns what is wrong then.
fn until_ready_is(status: u16, server: SocketAddr) -> Result<Vec<String>> {
    wait::until(&format!("{status} from /ready"), LIMIT, || {
        let answer = http::get(server, "/ready")?;
        Ok((answer.status == status).then(|| wrong(&answer)))
    })
}

#[test]
fn a_server_says_that_it_is_ready_and_what_it_is() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let installation = Installation::new(&Config::to(sandbox.address))?;
    let server = installation.start()?;
    let ready = http::get(server.http, "/ready")?;
    assert_eq!((ready.status, wrong(&ready).len()), (200, 0));

    let version = http::get(server.http, "/version")?.json();
    assert!(version["version"].as_str().is_some_and(|version| version.starts_with("0.")), "{version}");
    assert!(version["rustc"].as_str().is_some_and(|rustc| rustc.starts_with("1.")), "{version}");
    assert!(version["target"].as_str().is_some_and(|target| target.contains("linux")), "{version}");
    assert!(version["started_at"].as_str().is_some_and(|at| at.starts_with("20")), "{version}");
    assert!(version["uptime_seconds"].as_u64().is_some_and(|seconds| seconds < 600), "{version}");
    let features = version["features"].as_array().cloned().unwrap_or_default();
    assert!(features.contains(&"relay".into()) && !features.contains(&"submission".into()), "{version}");
    // Anybody may ask: nothing in it leads to a file or an account.
    let state = installation.state().display().to_string();
    let said = format!("{} {version}", ready.text);
    assert!(!said.contains(&state) && !said.contains(&installation.account.account_id), "{said}");
    Ok(())
}

#[test]
fn load_balancers_may_ask_with_head() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let server = Installation::new(&Config::to(sandbox.address))?;
    let server = server.start()?;
    let mut client = HttpConnection::open(server.http)?;
    for path in ["/health", "/ready", "/version", "/metrics"] {
        // Were there a body after the head, the next answer on the connection would not be one.
        client.write(format!("HEAD {path} HTTP/1.1\r\nhost: mailwright\r\n\r\n").as_bytes())?;
        assert_eq!(client.read_head()?.status, 200, "{path}");
        client.write(
            format!("POST {path} HTTP/1.1\r\nhost: mailwright\r\ncontent-length: 0\r\n\r\n").as_bytes(),
        )?;
        assert_eq!(client.read_answer()?.status, 405, "{path}");
    }
    Ok(())
}

#[test]
fn a_full_queue_is_told_and_does_not_count_as_broken() -> Result<()> {
    let installation =
        Installation::new(&Config { spool: "max_entries = 2".into(), ..Config::to(free_address()?) })?;
    let server = installation.start()?;
    let api = installation.api(&server);
    for number in 0..2 {
        assert_eq!(api.submit(&Token::new("ready", number).request("text"))?.status, 200);
    }
    assert_eq!(api.submit(&Token::new("ready", 2).request("text"))?.status, 503);
    assert_eq!(until_ready_is(503, server.http)?, ["queue"]);
    assert_eq!(http::get(server.http, "/health")?.status, 200);
    Ok(())
}

#[test]
fn a_full_disk_is_told_until_there_is_room_again() -> Result<()> {
    if skip_without(&[Need::Root]) {
        return Ok(());
    }
    let disk = Tmpfs::mount(DISK)?;
    let config =
        Config { segment_size: "4MiB".into(), min_free: "8MiB".into(), ..Config::to(free_address()?) };
    let installation = Installation::inside(disk.path(), &config)?;
    let filler = disk.take(FILLER)?;
    let server = installation.start()?;
    assert_eq!(http::get(server.http, "/ready")?.status, 200);

    let (mut door, ledger) = (Entrance::Http(installation.api(&server)), Ledger::new("ready"));
    let body = "sixteen bytes.\r\n".repeat(4000);
    while door.submit(&ledger.next(), &body)? == Submitted::Acknowledged {}
    assert_eq!(until_ready_is(503, server.http)?, ["disk"]);
    assert_eq!(http::get(server.http, "/health")?.status, 200, "no restart would help");

    Tmpfs::give_back(&filler)?;
    assert_eq!(until_ready_is(200, server.http)?.len(), 0);
    assert_eq!(door.submit(&ledger.next(), "small\r\n")?, Submitted::Acknowledged);
    Ok(())
}

#[test]
fn a_server_that_is_to_stop_first_says_so_and_serves_meanwhile() -> Result<()> {
    let sandbox = Sandbox::start()?;
    let config = Config { http: "stop_delay = \"10m\"\n".into(), ..Config::to(sandbox.address) };
    let installation = Installation::new(&config)?;
    let mut server = installation.start()?;
    let request = submission(&installation.account, "someone@dest.example", "begun before");
    let (head, rest) = request.split_at(request.len() - 10);
    let mut under_way = HttpConnection::open(server.http)?;
    under_way.write(head)?;

    server.process.tell_to_end()?;
    assert_eq!(until_ready_is(503, server.http)?, ["running"]);
    assert_eq!(http::get(server.http, "/health")?.status, 200);
    let api = installation.api(&server);
    assert_eq!(api.submit(&Token::new("leaving", 1).request("begun after"))?.status, 200);
    under_way.write(rest)?;
    assert_eq!(under_way.read_answer()?.status, 200);

    sandbox.mailbox.wait_for_recipients(2, LIMIT)?;
    // The second time it does not wait.
    let status = server.stop()?;
    assert!(status.success(), "{status}\n{}", server.process.log_text());
    Ok(())
}
