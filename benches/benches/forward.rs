//! How fast does mail from the world go on to where its rule says, judged and sealed, and what does that cost?
//!
//! Messages of 10 kB with an RSA signature, all of DNS known: SPF, DKIM, DMARC, ARC and iprev, a rule, the spam score, the
//! sender rewritten, two RSA signatures that seal them, synced to disk, delivered. Once with senders that wait for what the
//! next server says, once with senders that do not; beside it the same mail through the relay, which judges nothing.

use mailwright_benches::{
    Error, Options, Result,
    generator::Load,
    measure::{self, Rates},
    message,
    name_server::NameServer,
    report,
    server::{Destination, Installation},
    sink::Sink,
    smtp::{Letter, Script, SmtpClient},
};
use mailwright_engine::{
    address::{Domain, EmailAddress},
    dkim::{DkimError, DkimKey, DomainSigner, Signer},
    time::UnixMillis,
};
use mailwright_storage::control::{
    By, Control, ControlError, RouteAction, RuleDraft, RuleMatcher, RuleSource,
};
use std::{collections::HashMap, path::Path, process::ExitCode, time::SystemTime};

/// Octets of a body.
const SIZE: usize = 10_000;
/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (10_000, 200);
/// Who writes, to whom, and where that leads.
const SENDER: &str = "ann@sender.example";
const ADDRESS: &str = "info@example.com";
const DESTINATION: &str = "recipient@example.net";

/// The ways that a message takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Through the relay.
    Relayed,
    /// By a rule; the sender is answered once it is safe.
    Queued,
    /// By a rule; the sender waits for the next server.
    InSession,
}

const WAYS: [Way; 3] = [Way::Relayed, Way::Queued, Way::InSession];
const COLUMNS: &[&str] = &["way", "messages", "accepted/s", "delivered/s", "CPU µs/message", "peak MiB"];

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Relayed => "relayed",
            Self::Queued => "forwarded, sender does not wait",
            Self::InSession => "forwarded, sender waits",
        }
    }

    const fn in_session(self) -> &'static str {
        match self {
            Self::Relayed | Self::Queued => "0s",
            Self::InSession => "10s",
        }
    }
}

fn main() -> ExitCode {
    mailwright_benches::run(forward)
}

async fn forward(options: Options) -> Result<()> {
    let letter = Signed::new()?;
    let load = measure::load(options, options.messages(MESSAGES.0, MESSAGES.1));
    report::head(COLUMNS)?;
    let measure = async |way| letter.sent(load, way).await;
    let results = measure::in_turn(options, &WAYS, measure, |rates| rates.delivered).await?;
    let relayed = results.first().copied();
    for (way, rates) in WAYS.iter().zip(results) {
        report::row(&cells(*way, load, rates, relayed.unwrap_or(rates)))?;
    }
    Ok(())
}

/// A signed message, and the name server of its domain.
struct Signed {
    data: Vec<u8>,
    names: NameServer,
}

impl Signed {
    fn new() -> Result<Self> {
        let failed = |error: DkimError| Error::unexpected("sign", error.to_string());
        let key = DkimKey::generate_rsa_2048().map_err(failed)?;
        let texts = HashMap::from([
            ("sender.example".to_owned(), "v=spf1 include:_spf.sender.example -all".to_owned()),
            ("_spf.sender.example".to_owned(), "v=spf1 ip4:127.0.0.0/8 ~all".to_owned()),
            ("_dmarc.sender.example".to_owned(), "v=DMARC1; p=reject".to_owned()),
            ("s1._domainkey.sender.example".to_owned(), key.public_record().map_err(failed)?),
        ]);
        let header = format!(
            "From: Ann <{SENDER}>\r\nTo: {ADDRESS}\r\nSubject: one of many\r\n\
             Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <one.of.many@sender.example>\r\n\
             MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"
        );
        let body = format!("{}\r\n", message::text(SIZE));
        let domain = Domain::parse("sender.example").map_err(|e| wrong(&e))?;
        let signer = DomainSigner::new(Signer::new(&domain, "s1", &key).map_err(failed)?, None);
        let signature = signer.sign(header.as_bytes(), [body.as_bytes()], now()).map_err(failed)?;
        let data = [&signature, header.as_bytes(), b"\r\n", body.as_bytes(), b".\r\n"].concat();
        Ok(Self { data, names: NameServer::with_texts(texts)? })
    }

    async fn sent(&self, load: Load, way: Way) -> Result<Rates> {
        let sink = Sink::start()?;
        let more = format!(
            "[inbound]\nlisten = [\"127.0.0.1:0\"]\nexempt = [\"127.0.0.0/8\"]\n\
             [dns]\nservers = [\"{}\"]\n[routing]\nin_session = \"{}\"\n",
            self.names.address(),
            way.in_session()
        );
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let installation = Installation::new(folder, Destination::NextHop(sink.address()), &more)?;
        installation.bootstrap()?;
        installation.change(set_up)?;
        let server = installation.start().await?;
        let (address, to) = match way {
            Way::Relayed => (server.smtp()?, DESTINATION),
            Way::Queued | Way::InSession => (server.inbound()?, ADDRESS),
        };
        let letter = Letter { from: SENDER.into(), to: to.into(), data: self.data.as_slice().into() };
        let script = Script::of(letter);
        measure::through(server, &sink, load, || SmtpClient::connect(address, script.clone())).await
    }
}

/// Has mail for the zone go on.
fn set_up(control: &Control) -> std::result::Result<(), ControlError> {
    let by = By::server(now());
    let (Some(account), Some(zone)) = (control.accounts().pop(), control.zones().pop()) else {
        return Ok(());
    };
    let destination = EmailAddress::parse(DESTINATION)?;
    let (made, _) = control.create_destination(&account, destination.clone(), &by)?;
    control.set_destination_verified(&account.id, made.id.as_str(), true, &by)?;
    control.update_routing_zone(&zone.id, &by, |zone| zone.enabled = true)?;
    let rule = RuleDraft {
        name: String::new(),
        enabled: true,
        priority: 0,
        matcher: RuleMatcher::Literal(EmailAddress::parse(ADDRESS)?),
        action: RouteAction::Forward(vec![destination]),
        source: RuleSource::Api,
        owner_worker_tag: None,
    };
    control.create_rule(&zone.id, rule, &by).map(drop)
}

fn cells(way: Way, load: Load, rates: Rates, relayed: Rates) -> Vec<String> {
    vec![
        way.name().to_owned(),
        load.messages.to_string(),
        report::with_ratio(rates.accepted, relayed.accepted, 0),
        report::with_ratio(rates.delivered, relayed.delivered, 0),
        report::with_ratio(rates.processor, relayed.processor, 0),
        report::mebibytes(rates.peak),
    ]
}

fn wrong(error: &dyn std::error::Error) -> Error {
    Error::unexpected("read a name", error.to_string())
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or_default())
}
