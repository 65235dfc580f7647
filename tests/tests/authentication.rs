//! What `mailwright authenticate` finds about mail is what pyspf, dkimpy and authheaders find, over a corpus with
//! malformed, many, partial and oversigned signatures, policies of all kinds and chains whole and broken; where it is
//! not, the corpus says why. What we seal, dkimpy verifies.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};

use mailwright_tests::bad_name_server::{BadNameServer, Trouble};
use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::name_server::NameServer;
use mailwright_tests::needs::{Need, skip_without};
use mailwright_tests::python;
use mailwright_tests::server::{free_address, mailwright};
use mailwright_tests::zone::Zone;

/// Messages judged at a time: judging is mostly starting.
const AT_A_TIME: usize = 4;

/// The folder of messages, their world, and what others find about them.
struct Corpus {
    folder: tempfile::TempDir,
    server: NameServer,
    cases: Vec<Value>,
}

impl Corpus {
    fn make() -> Result<Self> {
        let folder = tempfile::tempdir().context("make a temporary folder")?;
        let args = [Path::new("make"), &keys(), folder.path()].map(Path::to_path_buf);
        let made = python::run("authentication_corpus.py", args)?;
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        let server = NameServer::serving(&[
            Zone::new("example", &text("zone")),
            Zone::new("2.0.192.in-addr.arpa", &text("reverse")),
        ])?;
        let cases = made["cases"].as_array().cloned().unwrap_or_default();
        assert!(cases.len() > 150, "{} messages are no corpus", cases.len());
        Ok(Self { folder, server, cases })
    }

    fn named(&self, name: &str) -> Result<&Value> {
        let missing = || Error::unexpected("the corpus", format!("no message {name}"));
        self.cases.iter().find(|case| case["name"] == name).ok_or_else(missing)
    }
}

fn keys() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/authentication/keys.json")
}

/// Runs the command on a message of the corpus, with what else it is to be told.
fn authenticate(case: &Value, resolver: SocketAddr, more: &[&str]) -> Result<Output> {
    let text = |name: &str| case[name].as_str().unwrap_or_default();
    let resolver = resolver.to_string();
    let mut args = vec!["authenticate", text("file"), "--ip", text("ip"), "--helo", text("helo")];
    args.extend(["--from", text("from"), "--resolver", &resolver]);
    args.extend(more);
    let output = mailwright().args(args).output().context("run mailwright authenticate")?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::unexpected(text("name"), String::from_utf8_lossy(&output.stderr).into_owned()))
}

fn judged(case: &Value, resolver: SocketAddr) -> Result<Value> {
    let output = authenticate(case, resolver, &["--json"])?;
    serde_json::from_slice(&output.stdout).context("read what was found")
}

/// What of our findings others have findings on, in their form.
fn comparable(found: &Value) -> Value {
    let judgement = &found["judgement"];
    let result = |method: &str| judgement[method]["result"].clone();
    let signatures = judgement["dkim"].as_array().into_iter().flatten();
    let passes: Vec<bool> = signatures.map(|signature| signature["result"] == "pass").collect();
    json!({
        "spf": result("spf"), "helo_spf": result("helo_spf"), "dkim": passes,
        "dmarc": result("dmarc"), "arc": result("arc"),
    })
}

/// What is wrong with our findings on a message; nothing when they are as they should be.
fn disagreements(case: &Value, found: &Value) -> String {
    let mut wrong = String::new();
    let ours = comparable(found);
    for (method, theirs) in case["found"].as_object().into_iter().flatten() {
        let (ours, listed) = (&ours[method], &case["differs"][method]);
        let expected = if listed.is_null() { theirs } else { &listed[0] };
        if ours != expected {
            // Writing to a string does not fail.
            let _ = write!(wrong, " {method}: {ours} and not {expected};");
        }
        if !listed.is_null() && theirs == expected {
            let _ = write!(wrong, " {method}: listed as a difference and none;");
        }
    }
    if found["decision"]["action"] != case["action"] {
        let _ = write!(wrong, " decision: {} and not {}", found["decision"], case["action"]);
    }
    if wrong.is_empty() { wrong } else { format!("{}:{wrong}\n  {}\n", case["name"], found["field"]) }
}

#[test]
fn finds_what_others_find() -> Result<()> {
    if skip_without(&[Need::Python, Need::Nsd]) {
        return Ok(());
    }
    let corpus = Corpus::make()?;
    let resolver = corpus.server.address;
    let share = corpus.cases.len().div_ceil(AT_A_TIME);
    let compare = |cases: &[Value]| -> Result<String> {
        cases.iter().map(|case| Ok(disagreements(case, &judged(case, resolver)?))).collect()
    };
    let wrong: String = thread::scope(|scope| {
        let shares: Vec<_> =
            corpus.cases.chunks(share).map(|cases| scope.spawn(move || compare(cases))).collect();
        shares.into_iter().map(|share| share.join().expect("a comparison to end")).collect::<Result<_>>()
    })?;
    assert_eq!(wrong, "");
    the_field_says_it(&corpus)?;
    what_is_sealed_verifies(&corpus)
}

/// The field is one that others read, and the sentence is for people.
fn the_field_says_it(corpus: &Corpus) -> Result<()> {
    let output = authenticate(corpus.named("dmarc_reject_unaligned")?, corpus.server.address, &[])?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("Authentication-Results: "), "{text}");
    assert!(text.contains("\tspf=pass smtp.mailfrom=ann@good.example;\r\n"), "{text}");
    assert!(text.contains("dmarc=fail (p=reject dis=reject) header.from=rejectp.example"), "{text}");
    assert!(text.contains("It would be refused: 550 5.7.1 rejectp.example asks to refuse"), "{text}");
    Ok(())
}

/// Messages that are sealed and passed on, again and again; each with the chain's state that dkimpy is to find.
const SEALED: [(&str, &str); 6] = [
    ("plain", "pass"),
    ("dkim_simple_simple", "pass"),
    ("dkim_high_octets", "pass"),
    ("dkim_no_last_line_end", "pass"),
    ("arc_three", "pass"),
    ("arc_body_changed", "fail"),
];

fn what_is_sealed_verifies(corpus: &Corpus) -> Result<()> {
    let key = corpus.folder.path().join("key.der");
    let known: Value =
        serde_json::from_slice(&fs::read(keys()).context("read the keys")?).context("read the keys")?;
    let der = known["rsa2048"]["pkcs8_der"].as_str().unwrap_or_default();
    let wrong = |error: data_encoding::DecodeError| Error::unexpected("the key", error.to_string());
    let der = BASE64.decode(der.as_bytes()).map_err(wrong)?;
    fs::write(&key, der).context("write the key")?;
    let key = key.display().to_string();
    let seal = ["--seal-key", &key, "--seal-as", "r1._domainkey.list.example"];
    let mut files = vec![Path::new("chains").to_path_buf(), keys()];
    let mut expected = Vec::new();
    for (name, state) in SEALED {
        let mut case = corpus.named(name)?.clone();
        for round in 1..=3 {
            let original = fs::read(case["file"].as_str().unwrap_or_default()).context("read the message")?;
            let sealed = authenticate(&case, corpus.server.address, &seal)?.stdout;
            // The results of the round before are in our name, and go.
            assert!(round > 1 || sealed.ends_with(&original), "{name} is changed");
            let file = corpus.folder.path().join(format!("{name}-{round}.eml"));
            fs::write(&file, sealed).context("write the sealed message")?;
            case["file"] = json!(file);
            files.push(file);
            expected.push(state);
        }
        // What was signed before still is.
        let after = comparable(&judged(&case, corpus.server.address)?);
        assert_eq!(after["dkim"], corpus.named(name)?["found"]["dkim"], "{name}");
        assert_eq!(after["arc"], state, "{name}");
    }
    assert_eq!(python::run("authentication_corpus.py", files)?, json!(expected));
    Ok(())
}

/// A sender whose name servers are dead costs seconds, and its mail comes again.
#[test]
fn name_servers_that_say_nothing_cost_seconds_and_no_mail() -> Result<()> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let file = folder.path().join("mail.eml");
    fs::write(&file, "From: a@deaf.example\nDKIM-Signature: v=1; a=rsa-sha256; d=deaf.example; s=s; h=from; bh=AAAA; b=AAAA\n\nx\n")
        .context("write the message")?;
    let case = json!({"name": "deaf", "file": file, "ip": "192.0.2.1", "helo": "deaf.example", "from": "a@deaf.example"});
    let address = free_address()?;
    let server = BadNameServer::start(address, Trouble::Deaf)?;
    let began = Instant::now();
    let found = judged(&case, address)?;
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert!(server.questions() > 0);
    for method in ["iprev", "spf", "helo_spf", "dmarc"] {
        assert_eq!(found["judgement"][method]["result"], "temperror", "{method}: {found}");
    }
    assert_eq!(found["decision"]["action"], "defer", "{found}");
    Ok(())
}
