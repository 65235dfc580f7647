//! What a Worker can reach: its bindings, the public network, and nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mailwright_tests::error::{Context, Result};
use mailwright_tests::http::Account;
use mailwright_tests::worker::Worker;
use serde_json::{Value, json};

use crate::world::Scene;

/// Somebody on this machine whom no Worker may talk to, or one that it may, who sends it on to the first.
struct Listener {
    address: SocketAddr,
    clients: Arc<AtomicUsize>,
}

impl Listener {
    fn start(at: &str, answer: String) -> Result<Self> {
        let listener = TcpListener::bind(at).context(at)?;
        let address = listener.local_addr().context(at)?;
        let clients = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&clients);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                counted.fetch_add(1, Ordering::SeqCst);
                let mut asked = [0; 1024];
                let read = stream.read(&mut asked).unwrap_or(0);
                let is_redirect = String::from_utf8_lossy(&asked[..read]).contains("/redirect");
                let says = if is_redirect {
                    answer.clone()
                } else {
                    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nallowed".to_owned()
                };
                // Whoever hangs up is not told.
                let _ = stream.write_all(says.as_bytes());
            }
        });
        Ok(Self { address, clients })
    }

    fn clients(&self) -> usize {
        self.clients.load(Ordering::SeqCst)
    }
}

/// Which attempts gained something.
fn gains(said: &Value) -> Vec<(&String, &Value)> {
    let all = said.as_object().into_iter().flatten();
    all.filter(|(_, what)| what.get("gained").is_some_and(|gained| !gained.is_null())).collect()
}

#[test]
fn it_reads_no_files_and_talks_to_nobody_here() -> Result<()> {
    let canary = Listener::start("[::]:0", String::new())?;
    let port = canary.address.port();
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let friend = Listener::start("127.0.0.2:0", redirect)?;
    let allowed = format!("http://{}/", friend.address);
    let hosts = [
        "127.0.0.1",
        "[::1]",
        "localhost",
        "0.0.0.0",
        "[::]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "0x7f000001",
        "2130706433",
        "127.0.0.3",
        "[fe80::1]",
        "169.254.169.254",
        "10.0.0.1",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[::127.0.0.1]",
        "198.18.0.1",
    ];
    let targets: Vec<_> = hosts.iter().map(|host| format!("http://{host}:{port}/")).collect();
    let scene = Scene::start("allow_addresses = [\"127.0.0.2/32\"]\n", |world, worker| {
        let state = world.installation.state().display().to_string();
        worker
            .with_text("STATE", &state)
            .with_text("TARGETS", &targets.join(" "))
            .with_text("ALLOWED", &allowed)
    })?;
    let Some(scene) = scene else { return Ok(()) };

    let files = scene.gained("files")?;
    let gained: Vec<_> = gains(&files).into_iter().filter(|(_, what)| what["gained"] != "").collect();
    assert!(gained.is_empty(), "{gained:?}");
    assert!(!scene.installation.state().join("hostile").exists());

    // An attempt at an address that nobody answers takes its time.
    scene.redeploy()?;
    let network = scene.gained("network")?;
    assert_eq!(canary.clients(), 0, "{network:#}");
    let gained = gains(&network);
    assert!(gained.is_empty(), "{gained:?}");

    let said = scene.gained("allowed")?;
    assert_eq!(said["direct"]["gained"], "allowed", "{said}");
    assert!(said["redirected"].get("failed").is_some() && canary.clients() == 0, "{said}");
    assert!(friend.clients() >= 2);
    scene.all_is_well(1)
}

#[test]
fn its_bindings_are_all_it_has() -> Result<()> {
    let Some(scene) = Scene::start("", |_, worker| worker)? else { return Ok(()) };
    let said = scene.gained("internals")?;
    for (name, what) in gains(&said) {
        let text = what["gained"].as_str().unwrap_or_default();
        let is_expected =
            ["inEvent", "seen", "now", "class", "import mailwright-entry"].contains(&name.as_str());
        // Whoever knows the way to the host hears that there is nothing to be had.
        assert!(is_expected || text.starts_with('4') || text.contains("\"error\""), "{name}: {what}");
    }
    assert_eq!(said["inEvent"]["gained"], "EMAIL RESULTS", "{said:#}");

    let other = scene.call("POST", "accounts", &json!({ "name": "other" }))?;
    let other_id = other["id"].as_str().unwrap_or_default().to_owned();
    let path = format!("accounts/{other_id}/storage/kv/namespaces");
    let secret = scene.call("POST", &path, &json!({ "title": "secrets" }))?;
    let secret_id = secret["id"].as_str().unwrap_or_default();
    let thief = Worker::new("thief", "export default { async email() {} };").with_kv("STOLEN", secret_id);
    let refused = scene.upload(&thief)?;
    assert_eq!(refused.status / 100, 4, "{refused:?}");
    assert!(refused.text.contains("STOLEN"), "it names the binding: {refused:?}");
    let zone = json!({ "name": "victim.test", "account": { "id": other_id } });
    scene.call("POST", "zones", &zone)?;
    let unknown = scene.upload(&thief.with(json!({ "type": "ai", "name": "AI" })))?;
    assert_eq!(unknown.status, 400, "{unknown:?}");
    assert!(unknown.text.contains("AI"), "{unknown:?}");
    // Its owner has another account; whoever has a token of one knows nothing of the other's Workers.
    let mut api = scene.api();
    api.account = Account { account_id: other_id, ..api.account };
    let path = format!("/client/v4/accounts/{}/workers/scripts/hostile", api.account.account_id);
    assert_eq!(api.request("GET", &path, "", &[])?.status, 404);
    scene.all_is_well(1)
}
