//! The personalities of the sandbox over real sockets: each refuses where and how its provider does, and the books
//! of the sandbox say so.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use mailwright_tests::error::{Context, Result};
use mailwright_tests::sandbox::Sandbox;
use mailwright_tests::smtp::{Reply, SmtpClient};
use mailwright_tests::wait;

const LIMIT: Duration = Duration::from_secs(20);
const MAIL: &str = "MAIL FROM:<a@example.com>";
const RCPT: &str = "RCPT TO:<b@example.net>";
const CONTENT: &str = "Subject: x\r\n\r\nbody\r\n.";

/// A reply as one line.
fn line(reply: &Reply) -> String {
    format!("{} {}", reply.code, reply.lines.join(" "))
}

/// Sends a message command by command; the reply to the dot, or the first refusal.
fn send(client: &mut SmtpClient) -> Result<String> {
    for command in [MAIL, RCPT, "DATA", CONTENT] {
        let reply = client.command(command)?;
        if !reply.is_positive() || command == CONTENT {
            return Ok(line(&reply));
        }
    }
    Ok(String::new())
}

fn send_on_new_connection(address: SocketAddr) -> Result<String> {
    send(&mut SmtpClient::connect_and_greet(address)?)
}

/// All that the server says to a client that says nothing.
fn listen(address: SocketAddr) -> Result<String> {
    let mut said = String::new();
    let mut stream = TcpStream::connect(address).context("connect")?;
    stream.set_read_timeout(Some(LIMIT)).context("set the limit")?;
    stream.read_to_string(&mut said).context("read until the sandbox closes")?;
    Ok(said)
}

#[track_caller]
fn assert_begins(reply: &str, expected: &str) {
    assert!(reply.starts_with(expected), "{reply:?}, not {expected:?}");
}

#[test]
fn rate_limit_says_421_to_the_dot_and_hangs_up() -> Result<()> {
    let sandbox = Sandbox::with(&["rate-limit:rate=2/h,penalty=1h"])?;
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    assert_begins(&send(&mut client)?, "250 2.0.0 kept as");
    assert_begins(&send(&mut client)?, "250 2.0.0 kept as");
    assert_begins(&send(&mut client)?, "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail");
    assert!(client.read_reply().is_err(), "the connection is still open after 421");
    assert_begins(&send_on_new_connection(sandbox.address)?, "421 4.7.28");
    let stats = sandbox.stats()?;
    assert_eq!((stats.accepted, stats.refused_by("rate-limit"), stats.connections), (2, 2, 2));
    assert_eq!(sandbox.mailbox.deliveries()?.len(), 2);
    Ok(())
}

#[test]
fn volume_says_421_to_mail_and_forgives_silence() -> Result<()> {
    let sandbox = Sandbox::with(&["volume:rate=1/h,quiet=300ms"])?;
    assert_begins(&send_on_new_connection(sandbox.address)?, "250");
    assert_begins(
        &send_on_new_connection(sandbox.address)?,
        "421 4.7.0 [TSS04] Messages from 127.0.0.1 temporarily deferred",
    );
    // Silence is what is tested: a look in between would be noise.
    std::thread::sleep(Duration::from_millis(350));
    assert_begins(&send_on_new_connection(sandbox.address)?, "250");
    assert_eq!(sandbox.stats()?.refused_by("volume"), 1);
    Ok(())
}

#[test]
fn connection_cap_says_421_instead_of_the_greeting() -> Result<()> {
    let sandbox = Sandbox::with(&["connection-cap:connections=2,strikes=2,penalty=1h"])?;
    let open = [SmtpClient::connect(sandbox.address)?, SmtpClient::connect(sandbox.address)?];
    assert_begins(&listen(sandbox.address)?, "421 4.7.0 Too many connections");
    assert_begins(&listen(sandbox.address)?, "421 4.7.0 Too many connections");
    drop(open);
    wait::until("the end of the connections", LIMIT, || Ok((sandbox.stats()?.open == 0).then_some(())))?;
    assert_begins(&listen(sandbox.address)?, "421 4.7.0 Service not available");
    let stats = sandbox.stats()?;
    assert_eq!((stats.connections, stats.peak, stats.refused_by("connection-cap")), (2, 2, 3));
    Ok(())
}

#[test]
fn greylist_lets_in_whoever_comes_again() -> Result<()> {
    let sandbox = Sandbox::with(&["greylist:wait=300ms"])?;
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    assert_begins(&send(&mut client)?, "451 4.7.1 Greylisted, please try again in 1 seconds");
    let accepted = wait::until("the end of the wait", LIMIT, || {
        client.command("RSET")?;
        Ok(Some(send(&mut client)?).filter(|reply| !reply.starts_with("451")))
    })?;
    assert_begins(&accepted, "250");
    Ok(())
}

#[test]
fn tarpit_lets_every_reply_wait() -> Result<()> {
    let sandbox = Sandbox::with(&["tarpit:base=60ms,growth=100ms"])?;
    let start = Instant::now();
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    assert_begins(&send(&mut client)?, "250");
    // Greeting, EHLO, MAIL, RCPT, DATA, dot.
    assert!(start.elapsed() >= Duration::from_millis(6 * 60), "{:?}", start.elapsed());
    let start = Instant::now();
    client.command("NOOP")?;
    assert!(start.elapsed() >= Duration::from_millis(160), "{:?}", start.elapsed());
    Ok(())
}

#[test]
fn messages_per_connection_ends_the_session() -> Result<()> {
    let sandbox = Sandbox::with(&["messages-per-connection:1"])?;
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    assert_begins(&send(&mut client)?, "250");
    assert_begins(&send(&mut client)?, "421 4.7.0 Too many messages for this session");
    assert_begins(&send_on_new_connection(sandbox.address)?, "250");
    Ok(())
}

#[test]
fn mixed_has_a_cap_and_a_rate_that_leaves_the_connection_open() -> Result<()> {
    let sandbox = Sandbox::with(&["mixed:connections=1,rate=1/h,penalty=1h"])?;
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    assert_begins(&listen(sandbox.address)?, "421 4.3.2 The maximum number of concurrent connections");
    assert_begins(&send(&mut client)?, "250");
    for _ in 0..2 {
        let busy = "451 4.7.500 Server busy. Please try again later from [127.0.0.1]. (S77719)";
        assert_begins(&send(&mut client)?, busy);
    }
    assert_eq!(sandbox.stats()?.refused_by("mixed"), 3);
    Ok(())
}

#[test]
fn goodbye_is_said_after_every_command() -> Result<()> {
    let commands = [("ehlo", "EHLO x"), ("mail", MAIL), ("rcpt", RCPT), ("data", "DATA"), ("dot", CONTENT)];
    let others = [("rset", "RSET"), ("quit", "QUIT")];
    let personalities: Vec<_> = (commands.iter().chain(&others))
        .map(|(name, _)| format!("421-after:{name}"))
        .chain(["421-after:greeting".to_owned()])
        .collect();
    let sandbox = Sandbox::with(&personalities.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (place, address) in sandbox.addresses.iter().take(commands.len()).enumerate() {
        let mut client = SmtpClient::connect(*address)?;
        for (number, (name, command)) in commands.iter().enumerate().take(place + 1) {
            let reply = line(&client.command(command)?);
            let goodbye = reply.starts_with("421 4.3.2 Shutting down");
            assert_eq!(goodbye, number == place, "{} at {name}: {reply}", personalities[place]);
        }
    }
    for (address, (_, command)) in sandbox.addresses.iter().skip(commands.len()).zip(others) {
        let mut client = SmtpClient::connect_and_greet(*address)?;
        assert_begins(&line(&client.command(command)?), "421 4.3.2 Shutting down");
    }
    assert_begins(&listen(*sandbox.addresses.last().expect("eight places"))?, "421 4.3.2 Shutting down");
    for (stats, personality) in sandbox.all_stats()?.iter().zip(&personalities) {
        assert_eq!((stats.refused_by("421-after"), stats.accepted), (1, 0), "{personality}");
    }
    Ok(())
}

#[test]
fn pipelined_commands_are_answered_one_by_one() -> Result<()> {
    let sandbox = Sandbox::with(&["421-after:quit+tarpit:base=1ms"])?;
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    client.write(format!("{MAIL}\r\n{RCPT}\r\nDATA\r\n{CONTENT}\r\nNOOP\r\nQUIT\r\n").as_bytes())?;
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(client.read_reply()?.code);
    }
    assert_eq!(codes, [250, 250, 354, 250, 250, 421]);
    Ok(())
}

#[test]
fn slow_octets_take_their_time_and_split_replies_do_not() -> Result<()> {
    let sandbox = Sandbox::with(&["slow-octets:5ms", "split-replies"])?;
    for (address, least) in sandbox.addresses.iter().zip([5, 0]) {
        let mut client = SmtpClient::connect_and_greet(*address)?;
        let start = Instant::now();
        assert_eq!(line(&client.command("NOOP")?), "250 2.0.0 Ok");
        // "250 2.0.0 Ok" and all but the last octet's pause.
        assert!(start.elapsed() >= Duration::from_millis(least * 13), "{:?}", start.elapsed());
        assert_begins(&send(&mut client)?, "250 2.0.0 kept as");
    }
    Ok(())
}

#[test]
fn a_huge_reply_has_many_lines() -> Result<()> {
    let sandbox = Sandbox::with(&["huge-reply:100k", "huge-reply:20k,to=greeting"])?;
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    for command in [MAIL, RCPT, "DATA"] {
        assert_eq!(client.command(command)?.lines.len(), 1);
    }
    let reply = client.command(CONTENT)?;
    let octets: usize = reply.lines.iter().map(|line| line.len() + 6).sum();
    assert!(reply.code == 250 && octets >= 100_000, "{} with {octets} octets", reply.code);
    // The greeting of the other place, read as one reply.
    SmtpClient::connect_and_greet(sandbox.addresses[1])?;
    Ok(())
}

#[test]
fn a_receiver_that_stops_reading_never_answers() -> Result<()> {
    let sandbox = Sandbox::with(&["stop-reading:after=1k,pause=500ms"])?;
    assert_begins(&send_on_new_connection(sandbox.address)?, "250");
    let mut client = SmtpClient::connect_and_greet(sandbox.address)?;
    for command in [MAIL, RCPT, "DATA"] {
        assert!(client.command(command)?.is_positive());
    }
    let start = Instant::now();
    let body = "0123456789\r\n".repeat(1_000);
    // Written or not, it is not answered.
    let answer = client.write(body.as_bytes()).and_then(|()| client.command("."));
    assert!(answer.is_err(), "{answer:?}");
    assert!(start.elapsed() >= Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!(sandbox.stats()?.accepted, 1);
    Ok(())
}

#[test]
fn accidents_happen_at_random_and_are_counted() -> Result<()> {
    let sandbox = Sandbox::with(&["defer:100%", "reject:100%", "drop:100%,at=dot", "drop:100%,at=mail"])?;
    let [defer, reject, dot, mail] = sandbox.addresses[..] else { panic!("four places") };
    assert_begins(&send_on_new_connection(defer)?, "451 4.2.0 b@example.net: try again later");
    assert_begins(&send_on_new_connection(reject)?, "550 5.1.1 b@example.net: no such mailbox");
    assert!(send_on_new_connection(dot).is_err() && send_on_new_connection(mail).is_err());
    let stats = sandbox.all_stats()?;
    let counted: Vec<_> = stats.iter().map(|place| (place.accepted, place.refused.clone())).collect();
    let once = |name: &str| [(name.to_owned(), 1)].into();
    assert_eq!(counted, [(0, once("defer")), (0, once("reject")), (1, once("drop")), (0, once("drop"))]);
    assert_eq!(sandbox.mailbox.deliveries()?.len(), 1, "the one that was kept before the connection dropped");
    Ok(())
}
