//! What do signatures cost?
//!
//! Mail of 10 kB that comes in by SMTP and goes out again, safe on disk in between: unsigned, with a signature of
//! either algorithm, and with both, as domains are set up. What it costs over unsigned is compared with bare
//! signatures by the same library, of as many octets as are signed of a message, made in the same round.
//!
//! A message costs more the fewer there are at a time, for they share syncs and wake-ups; so unsigned mail is measured
//! once more at the pace at which signed mail went.

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use mailwright_benches::{
    Error, Options, Result,
    generator::Load,
    measure::{self, Rates},
    message::Domains,
    report,
    server::{Algorithm, Destination, Installation},
    sink::Sink,
    smtp::Script,
    usage::thread_time,
};
use std::{path::Path, process::ExitCode};

/// Octets of a body.
const SIZE: usize = 10_000;
/// Messages of a full and of a quick run.
const MESSAGES: (u64, u64) = (10_000, 400);
/// What is signed of a message, about: its header fields.
const SIGNED: [u8; 300] = [b'x'; 300];
/// How many bare signatures are timed.
const BARE: u32 = 1_000;

/// What mail is signed with.
const CASES: [(&str, &[Algorithm]); 4] = [
    ("none", &[]),
    ("Ed25519", &[Algorithm::Ed25519]),
    ("RSA-2048", &[Algorithm::Rsa]),
    ("both", &[Algorithm::Ed25519, Algorithm::Rsa]),
];

const COLUMNS: &[&str] = &[
    "signatures",
    "messages",
    "delivered/s",
    "CPU µs/message",
    "CPU µs unsigned at that pace",
    "signature",
    "bare signature, µs",
    "signature / bare",
];

/// What one case costs.
struct Costs {
    rates: Rates,
    /// Processor time of an unsigned message at the same pace, in microseconds.
    unsigned: f64,
    /// Processor time of the bare signatures of one message, in microseconds.
    bare: f64,
}

fn main() -> ExitCode {
    mailwright_benches::run(signed)
}

async fn signed(options: Options) -> Result<()> {
    report::head(COLUMNS)?;
    let load = measure::load(options, options.messages(MESSAGES.0, MESSAGES.1));
    let measure = async |(_, algorithms)| costs(load, algorithms).await;
    let results = measure::in_turn(options, &CASES, measure, |costs| costs.rates.processor).await?;
    let unsigned = results.first().map(|costs| costs.rates);
    for ((name, _), costs) in CASES.iter().zip(&results) {
        report::row(&cells(name, load, costs, unsigned.unwrap_or(costs.rates)))?;
    }
    Ok(())
}

async fn costs(load: Load, algorithms: &[Algorithm]) -> Result<Costs> {
    let bare = algorithms.iter().map(|algorithm| bare(*algorithm)).sum::<Result<f64>>()?;
    let rates = relayed(load, algorithms).await?;
    let unsigned = relayed(Load { pace: Some(rates.accepted), ..load }, &[]).await?.processor;
    Ok(Costs { rates, unsigned, bare })
}

async fn relayed(load: Load, algorithms: &[Algorithm]) -> Result<Rates> {
    let sink = Sink::start()?;
    let destination = Destination::NextHop(sink.address());
    let installation = Installation::new(Path::new(env!("CARGO_TARGET_TMPDIR")), destination, "")?;
    if !algorithms.is_empty() {
        installation.bootstrap()?;
    }
    if let [algorithm] = algorithms {
        installation.keep_key(*algorithm)?;
    }
    let server = installation.start().await?;
    measure::relayed(server, &sink, load, Script::new(Domains::ONE, SIZE)).await
}

/// Returns the processor time of one signature, in microseconds.
fn bare(algorithm: Algorithm) -> Result<f64> {
    match algorithm {
        Algorithm::Ed25519 => {
            let key = Ed25519KeyPair::generate().map_err(failed)?;
            // It signs the digest of what is to be signed (RFC 8463 section 3).
            time_of(|| key.try_sign(digest(&SHA256, &SIGNED).as_ref()).map(|_| ()))
        }
        Algorithm::Rsa => {
            let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            let (random, mut signature) = (SystemRandom::new(), vec![0; key.public_modulus_len()]);
            time_of(|| key.sign(&RSA_PKCS1_SHA256, &random, &SIGNED, &mut signature))
        }
    }
}

fn time_of(mut sign: impl FnMut() -> std::result::Result<(), Unspecified>) -> Result<f64> {
    let before = thread_time();
    for _ in 0..BARE {
        sign().map_err(failed)?;
    }
    Ok((thread_time() - before).as_secs_f64() * 1e6 / f64::from(BARE))
}

fn failed(error: Unspecified) -> Error {
    Error::unexpected("sign", error.to_string())
}

fn cells(name: &str, load: Load, costs: &Costs, unsigned: Rates) -> Vec<String> {
    let Costs { rates, unsigned: at_pace, bare } = costs;
    let more = rates.processor - at_pace;
    let signs = *bare > 0.0;
    let if_signed = |cell: String| if signs { cell } else { String::new() };
    vec![
        name.to_owned(),
        load.messages.to_string(),
        report::with_ratio(rates.delivered, unsigned.delivered, 0),
        report::with_ratio(rates.processor, unsigned.processor, 0),
        format!("{at_pace:.0}"),
        if_signed(format!("{more:.0}")),
        if_signed(format!("{bare:.0}")),
        if_signed(format!("{:.2}", more / bare)),
    ]
}
