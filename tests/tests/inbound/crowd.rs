//! Two thousand clients at a time, nearly all of them slow or hostile.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mailwright_tests::error::{Context, Error, Result};
use mailwright_tests::many_domains::allow_open_files;
use mailwright_tests::needs::tell;
use mailwright_tests::wait;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::world::World;

/// Clients that never come to an end.
const HOSTILE: usize = 1_900;
/// Clients that bring a message.
const HONEST: usize = 100;
/// Clients from one address; the server allows twenty.
const PER_ADDRESS: usize = 20;
const LIMIT: Duration = Duration::from_secs(60);
/// What the honest may take longer beside the hostile, beyond twice their time: the machine plays all of them.
const SLACK: Duration = Duration::from_secs(3);
/// What a client may cost in memory, in a debug build: its buffer of 16 KiB, and as much again.
const MEMORY_EACH: u64 = 64 << 10;

async fn dial(mx: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let address = u8::try_from(number / PER_ADDRESS).unwrap_or(u8::MAX);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 2, address), 0)))?;
    socket.connect(mx).await
}

/// Goes on for ever in one of five ways, or as long as the server lets it.
async fn annoy(mx: SocketAddr, number: usize, ours: &str) -> std::io::Result<()> {
    let mut stream = BufReader::new(dial(mx, number).await?);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let envelope = format!("MAIL FROM:<>\r\nRCPT TO:<{ours}>\r\n");
    let (opening, drip): (String, &[u8]) = match number % 5 {
        // Silent, in the midst of a command, of a message, of a chunk; and one that never reads.
        0 => (String::new(), b""),
        1 => ("EHLO c".to_owned(), b"x"),
        2 => (format!("{envelope}DATA\r\n"), b"x"),
        3 => (format!("{envelope}BDAT 1000000\r\n"), b"x"),
        _ => (envelope.clone(), b"RSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\nRSET\r\n"),
    };
    if number % 5 > 1 {
        stream.get_mut().write_all(b"EHLO client.example.org\r\n").await?;
        while !line.starts_with("250 ") {
            line.clear();
            stream.read_line(&mut line).await?;
        }
    }
    stream.get_mut().write_all(opening.as_bytes()).await?;
    loop {
        sleep(Duration::from_millis(500)).await;
        stream.get_mut().write_all(drip).await?;
    }
}

/// Brings one message, a command at a time; the last answer.
async fn bring(mx: SocketAddr, number: usize, ours: &str) -> std::io::Result<String> {
    let mut stream = BufReader::new(dial(mx, HOSTILE + number).await?);
    let commands = [
        String::new(),
        "EHLO client.example.org\r\n".to_owned(),
        "MAIL FROM:<>\r\n".to_owned(),
        format!("RCPT TO:<{ours}>\r\n"),
        "DATA\r\n".to_owned(),
        "Subject: hello\r\n\r\nhello\r\n.\r\n".to_owned(),
    ];
    let mut line = String::new();
    for command in commands {
        stream.get_mut().write_all(command.as_bytes()).await?;
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok("the connection was closed".to_owned());
            }
            if line.as_bytes().get(3) == Some(&b' ') {
                break;
            }
        }
        if line.starts_with(['4', '5']) {
            break;
        }
    }
    stream.get_mut().write_all(b"QUIT\r\n").await?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    Ok(line)
}

/// How long it takes until all of the honest have brought their message, all at a time.
async fn honest(mx: SocketAddr, ours: &str) -> Result<Duration> {
    let began = Instant::now();
    let mut crowd = JoinSet::new();
    for number in 0..HONEST {
        let ours = ours.to_owned();
        crowd.spawn(async move { bring(mx, number, &ours).await });
    }
    let all = async {
        while let Some(brought) = crowd.join_next().await {
            let told = brought.map_err(|error| Error::unexpected("bring a message", error.to_string()))?;
            let told = told.context("bring a message")?;
            assert!(told.starts_with("250 2.0.0 "), "{told}");
        }
        Ok(began.elapsed())
    };
    timeout(LIMIT, all).await.map_err(|_| Error::unexpected("bring messages", "not all in time"))?
}

#[test]
fn nineteen_hundred_hostile_clients_cost_a_hundred_others_nothing() -> Result<()> {
    allow_open_files(3 * HOSTILE as u64)?;
    let world = World::start("max_sessions = 2000")?;
    let (mx, ours) = (world.mx, world.ours.as_str());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("make a runtime")?;
    let sessions = || world.series("mailwright_smtp_sessions{listener=\"inbound\"}");
    let alone = runtime.block_on(honest(mx, ours))?;
    let memory = world.server.process.resident_bytes()?;
    let (beside, grown) = runtime.block_on(async {
        let mut hostile = JoinSet::new();
        for number in 0..HOSTILE {
            let ours = ours.to_owned();
            hostile.spawn(async move { annoy(mx, number, &ours).await });
        }
        let began = Instant::now();
        // Asked on another thread: on this one the hostile have to come in.
        while connected(&world).await? < HOSTILE as u64 {
            assert!(began.elapsed() < LIMIT, "the hostile do not get in");
            sleep(Duration::from_millis(200)).await;
        }
        let beside = honest(mx, ours).await?;
        // Of the honest one or the other may not have ended yet.
        assert!(connected(&world).await? >= HOSTILE as u64, "the hostile have gone: nothing was tested");
        let grown = world.server.process.resident_bytes()?.saturating_sub(memory);
        Result::Ok((beside, grown))
    })?;
    tell(&format!(
        "{HONEST} messages at a time: {alone:?} alone, {beside:?} beside {HOSTILE} hostile clients of {} KiB each",
        (grown >> 10) / HOSTILE as u64
    ));
    // With it their connections end.
    drop(runtime);
    assert!(beside <= 2 * alone + SLACK, "{beside:?} beside the hostile, {alone:?} alone");
    assert!(grown < MEMORY_EACH * HOSTILE as u64, "the hostile take {} MiB", grown >> 20);
    wait::until("the hostile to be forgotten", LIMIT, || Ok((sessions()? == 0).then_some(())))
}

/// Clients of the MX.
async fn connected(world: &World) -> Result<u64> {
    let http = world.server.http;
    let text = tokio::task::spawn_blocking(move || mailwright_tests::http::get(http, "/metrics"));
    let text = text.await.map_err(|error| Error::unexpected("read the metrics", error.to_string()))??.text;
    let value =
        text.lines().find_map(|line| line.strip_prefix("mailwright_smtp_sessions{listener=\"inbound\"} "));
    Ok(value.and_then(|value| value.parse().ok()).unwrap_or_default())
}
