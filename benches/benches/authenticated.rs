//! What does it cost to find out whether mail is from whom it says, and to vouch for it?
//!
//! Messages of 10 kB with an RSA signature, on one thread and with all of DNS known: SPF, DKIM, DMARC, ARC and iprev, then
//! the results, and two RSA signatures that seal them. The library itself is measured, not a server with all that lies
//! around it.

use mailwright_benches::{Error, Options, Result, name_server::NameServer, report, usage::thread_time};
use mailwright_engine::{
    address::{Domain, ReversePath},
    authentication::{ArcSealer, AuthenticationResults, Judgement, without_results},
    dkim::{DkimError, DkimKey, DomainSigner, Signer},
    message::split_header,
    time::UnixMillis,
};
use mailwright_routing::authentication::{Authenticator, Unjudged};
use std::{
    collections::HashMap,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

/// Octets of a body.
const SIZE: usize = 10_000;
/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (20_000, 200);
/// Our name.
const HOST: &str = "mx.example.org";
const COLUMNS: &[&str] = &["what", "messages", "messages/s", "CPU µs/message"];

fn main() -> ExitCode {
    mailwright_benches::run(authenticated)
}

/// A message, its world, and what judges it.
struct World {
    authenticator: Authenticator,
    sealer: ArcSealer,
    sender: ReversePath,
    content: Vec<u8>,
    _server: NameServer,
}

async fn authenticated(options: Options) -> Result<()> {
    let world = World::new()?;
    let messages = options.messages(MESSAGES.0, MESSAGES.1);
    let judgement = world.judge().await;
    let is_whole = judgement.spf.result.is_pass()
        && judgement.dkim_result().is_pass()
        && judgement.dmarc.result.is_pass();
    if !is_whole {
        return Err(Error::unexpected("judge", format!("{judgement:?}")));
    }
    report::head(COLUMNS)?;
    let judged = Costs::of(messages, async || world.judge().await.spf.result.is_pass()).await;
    report::row(&judged.cells("judged", messages))?;
    let sealed = Costs::of(messages, async || world.seal(&judgement).is_ok_and(|set| set.is_some())).await;
    report::row(&sealed.cells("sealed", messages))?;
    let both = async || {
        let judgement = world.judge().await;
        world.seal(&judgement).is_ok_and(|set| set.is_some())
    };
    let both = Costs::of(messages, both).await;
    report::row(&both.cells("judged and sealed", messages))
}

impl World {
    fn new() -> Result<Self> {
        let failed = |error: DkimError| Error::unexpected("sign", error.to_string());
        let domain =
            |name: &str| Domain::parse(name).map_err(|e| Error::unexpected("read a name", e.to_string()));
        let key = DkimKey::generate_rsa_2048().map_err(failed)?;
        let texts = HashMap::from([
            ("example.com".to_owned(), "v=spf1 include:_spf.example.com -all".to_owned()),
            ("_spf.example.com".to_owned(), "v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 ~all".to_owned()),
            ("_dmarc.example.com".to_owned(), "v=DMARC1; p=reject".to_owned()),
            ("s1._domainkey.example.com".to_owned(), key.public_record().map_err(failed)?),
        ]);
        let server = NameServer::with_texts(texts)?;
        let header = "From: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Hello\r\n\
            Date: Sat, 21 Nov 2026 10:04:05 +0000\r\nMessage-ID: <1@example.com>\r\n\
            Content-Type: text/plain; charset=utf-8\r\n";
        let body = "All work and no play makes Jack a dull boy.\r\n".repeat(SIZE / 45);
        let signer = Signer::new(&domain("example.com")?, "s1", &key).map_err(failed)?;
        let signature = DomainSigner::new(signer, None).sign(header.as_bytes(), [body.as_bytes()], now());
        let content = [&signature.map_err(failed)?, header.as_bytes(), b"\r\n", body.as_bytes()].concat();
        let sealer = Signer::new(&domain("example.org")?, "r1", &key).map_err(failed)?;
        let authenticator =
            Authenticator::new(&[server.address()]).map_err(|error| Error::unexpected("use DNS", error))?;
        let sender = ReversePath::parse("ann@example.com")
            .map_err(|error| Error::unexpected("read an address", error.to_string()))?;
        Ok(Self { authenticator, sealer: ArcSealer::new(sealer), sender, content, _server: server })
    }

    async fn judge(&self) -> Judgement {
        let mail = Unjudged {
            peer: [192, 0, 2, 1].into(),
            helo: "mail.example.com",
            sender: &self.sender,
            content: &self.content,
            host: HOST,
        };
        self.authenticator.judge(&mail).await
    }

    fn seal(&self, judgement: &Judgement) -> std::result::Result<Option<Vec<u8>>, impl std::error::Error> {
        let results = AuthenticationResults { authserv_id: HOST, judgement };
        let (header, body) = split_header(&self.content);
        self.sealer.seal(&without_results(header, HOST), [body], &results, now())
    }
}

/// What a message takes.
struct Costs {
    elapsed: Duration,
    processor: Duration,
}

impl Costs {
    async fn of(messages: u64, mut work: impl AsyncFnMut() -> bool) -> Self {
        let (began, before) = (Instant::now(), thread_time());
        for _ in 0..messages {
            std::hint::black_box(work().await);
        }
        Self { elapsed: began.elapsed(), processor: thread_time() - before }
    }

    fn cells(&self, what: &str, messages: u64) -> Vec<String> {
        let count = messages as f64;
        vec![
            what.to_owned(),
            messages.to_string(),
            format!("{:.0}", count / self.elapsed.as_secs_f64()),
            format!("{:.0}", self.processor.as_secs_f64() * 1e6 / count),
        ]
    }
}

fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixMillis::new(u64::try_from(since.as_millis()).unwrap_or_default())
}
