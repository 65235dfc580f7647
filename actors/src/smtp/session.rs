//! One client of an SMTP listener.

use super::{Early, Reaction, Service, TlsFacts, listener::LoopbackAuth, room::Share};
use mailwright_engine::smtp::{
    reply::{EnhancedCode, Reply, SmtpCode},
    server::{Answer, ReceivedMessage, ServerConfig, ServerPhase, ServerSession, Step},
};
use mailwright_storage::fail_point::FailPoint;
use std::{io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// Octets read at once: a 10 kB message in one or two reads.
const READ_SIZE: usize = 16 << 10;
/// How long a client may stay without a message of its being accepted. The time-outs of RFC 5321 section
/// 4.5.3.2 are for one command or one block of content: within them a client could send an octet now and then,
/// or NOOP, for ever. 25 MiB in this time are 15 kB a second.
pub(super) const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// The status of a client whose time is over (RFC 3463).
const TIME_OVER: EnhancedCode = EnhancedCode::new(4, 4, 2);
/// Why a client is sent away when we go.
const SHUTTING_DOWN: &str = "the service is shutting down";
/// Why a client is sent away in the middle of its message.
const NO_ROOM: &str = "too much mail is coming in at a time, try again in a moment";
/// How long a client that is sent away in the midst of its words may go on, unheard, until the connection is closed: closed
/// at once, its end would overtake the reply.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the handshake of a client may take that begins with TLS: it has no other reason to connect.
const FIRST_HANDSHAKE: Duration = Duration::from_secs(60);

/// When a session turns to TLS.
pub(super) enum Encryption {
    Never,
    OnRequest(TlsAcceptor),
    AtOnce(TlsAcceptor),
}

/// What a session needs beside its socket.
pub(super) struct Context<S> {
    pub(super) config: Arc<ServerConfig>,
    pub(super) service: S,
    pub(super) encryption: Encryption,
    pub(super) loopback_auth: LoopbackAuth,
    /// How long a client may stay without a message of its being accepted.
    pub(super) patience: Duration,
    /// Turns true when the process stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// Why the driver returned to the socket's owner.
enum Pause {
    StartTls,
    Done,
    /// Done too, but the client has not finished.
    CutShort,
}

/// What came of the time before the greeting.
enum Prelude {
    Quiet,
    Talked,
    Gone,
    Stopping,
}

/// Serves one client until it goes. Errors of its socket are its own affair.
pub(super) async fn serve<S: Service>(
    mut stream: TcpStream,
    peer: SocketAddr,
    context: &Context<S>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let client = match (context.service.admit(peer), &context.encryption) {
        (Ok(client), _) => client,
        // It would take words in plain text for a broken handshake.
        (Err(_), Encryption::AtOnce(_)) => return Ok(()),
        (Err(reply), _) => return stream.write_all(&farewell(&context.config, &reply)).await,
    };
    let mut driver = Driver::new(peer, client, context);
    if let Encryption::AtOnce(acceptor) = &context.encryption {
        let mut stream = driver.encrypt(acceptor, stream, FIRST_HANDSHAKE).await?;
        driver.session.greeting(&mut driver.out);
        return driver.finish(&mut stream).await;
    }
    if !driver.welcome(&mut stream).await? {
        return Ok(());
    }
    if let (Pause::StartTls, Encryption::OnRequest(acceptor)) =
        (driver.run(&mut stream).await?, &context.encryption)
    {
        let limit = ServerPhase::Handshake.timeout();
        let mut stream = driver.encrypt(acceptor, stream, limit).await?;
        return driver.finish(&mut stream).await;
    }
    Ok(())
}

/// What a client is told that may not begin a session.
pub(super) fn farewell(config: &Arc<ServerConfig>, reply: &Reply) -> Vec<u8> {
    let mut out = Vec::new();
    ServerSession::new(Arc::clone(config)).disconnect(reply, &mut out);
    out
}

/// What can be told of a handshake that succeeded.
fn facts(stream: &TlsStream<TcpStream>) -> TlsFacts {
    let suite = stream.get_ref().1.negotiated_cipher_suite();
    let name = suite.and_then(|suite| suite.suite().as_str().map(str::to_owned));
    // rustls marks those of TLS 1.3; the register does not.
    TlsFacts { cipher: name.map(|name| name.replacen("TLS13_", "TLS_", 1)) }
}

struct Driver<'a, S: Service> {
    session: ServerSession,
    /// Memory for the message that is being received.
    room: Share,
    out: Vec<u8>,
    buffer: Box<[u8]>,
    /// What the service keeps of the client.
    client: S::Client,
    /// When the client has to go, unless a message of its is accepted before.
    until: Instant,
    context: &'a Context<S>,
}

impl<'a, S: Service> Driver<'a, S> {
    fn new(peer: SocketAddr, client: S::Client, context: &'a Context<S>) -> Self {
        let mut session = ServerSession::new(Arc::clone(&context.config));
        if context.loopback_auth == LoopbackAuth::InPlainText && peer.ip().to_canonical().is_loopback() {
            session.allow_plain_auth();
        }
        Self {
            session,
            room: Share::default(),
            out: Vec::with_capacity(512),
            buffer: vec![0; READ_SIZE].into_boxed_slice(),
            client,
            until: Instant::now() + context.patience,
            context,
        }
    }

    /// Greets the client when the service is ready for it; false if it is not to stay.
    async fn welcome(&mut self, stream: &mut TcpStream) -> io::Result<bool> {
        match self.prelude(stream).await? {
            Prelude::Gone => return Ok(false),
            Prelude::Stopping => {
                self.say_goodbye(TIME_OVER, SHUTTING_DOWN, stream).await?;
                return Ok(false);
            }
            Prelude::Quiet => {}
            Prelude::Talked => {
                let service = &self.context.service;
                if let Some(reply) = service.talked_early(&mut self.client, Early::BeforeGreeting) {
                    self.session.disconnect(&reply, &mut self.out);
                    self.flush(stream).await?;
                    hear_out(stream).await;
                    return Ok(false);
                }
            }
        }
        self.session.greeting(&mut self.out);
        Ok(true)
    }

    /// Waits until the service is ready, and watches the client meanwhile.
    async fn prelude(&mut self, stream: &TcpStream) -> io::Result<Prelude> {
        let mut stopping = self.context.stopping.clone();
        let mut ready = pin!(self.context.service.prepare(&mut self.client));
        let (mut prelude, mut octet) = (Prelude::Quiet, [0]);
        loop {
            tokio::select! {
                biased;
                () = &mut ready => return Ok(prelude),
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(Prelude::Stopping),
                peeked = stream.peek(&mut octet), if matches!(prelude, Prelude::Quiet) => match peeked? {
                    0 => return Ok(Prelude::Gone),
                    _ => prelude = Prelude::Talked,
                }
            }
        }
    }

    /// Makes the handshake; session and service start afresh under it.
    async fn encrypt(
        &mut self,
        acceptor: &TlsAcceptor,
        stream: TcpStream,
        limit: Duration,
    ) -> io::Result<TlsStream<TcpStream>> {
        let left = self.until.saturating_duration_since(Instant::now());
        let handshake = timeout(limit.min(left), acceptor.accept(stream));
        let stream = handshake.await.map_err(|_| io::ErrorKind::TimedOut)??;
        self.session.tls_established();
        self.context.service.secured(&mut self.client, facts(&stream));
        Ok(stream)
    }

    /// Talks to the end, and says by close_notify that it is the end.
    async fn finish(&mut self, stream: &mut TlsStream<TcpStream>) -> io::Result<()> {
        self.run(stream).await?;
        timeout(ServerPhase::Closing.timeout(), stream.shutdown())
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// How long to wait for the client now.
    fn time_left(&self) -> Duration {
        self.session.phase().timeout().min(self.until.saturating_duration_since(Instant::now()))
    }

    async fn run(&mut self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Pause> {
        let mut stopping = self.context.stopping.clone();
        loop {
            self.flush(stream).await?;
            let time_left = self.time_left();
            let read = tokio::select! {
                // In this order, so that a client that never pauses is stopped too.
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => {
                    return self.say_goodbye(TIME_OVER, SHUTTING_DOWN, stream).await;
                }
                read = timeout(time_left, stream.read(&mut self.buffer)) => read,
            };
            let read = match read {
                Ok(read) => read?,
                Err(_) if self.until <= Instant::now() => {
                    return self.say_goodbye(TIME_OVER, "no message in too long a time", stream).await;
                }
                Err(_) => return self.say_goodbye(TIME_OVER, "time-out", stream).await,
            };
            if read == 0 {
                return Ok(Pause::Done);
            }
            let buffer = std::mem::take(&mut self.buffer);
            let pause = self.take(buffer.get(..read).unwrap_or_default()).await;
            self.buffer = buffer;
            if !self.has_room(read) {
                return self.say_goodbye(EnhancedCode::new(4, 3, 1), NO_ROOM, stream).await;
            }
            if let Some(pause) = pause {
                self.flush(stream).await?;
                if let Pause::CutShort = pause {
                    hear_out(stream).await;
                }
                return Ok(pause);
            }
        }
    }

    /// Whether there is memory for what came of a message.
    fn has_room(&mut self, octets: usize) -> bool {
        match self.session.phase() {
            ServerPhase::Content => return self.room.take(octets),
            ServerPhase::Ready => self.room.give_back(),
            // Between two chunks of a message.
            _ => {}
        }
        true
    }

    /// Gives input to the session and answers its questions until it wants more.
    async fn take(&mut self, mut input: &[u8]) -> Option<Pause> {
        loop {
            let (service, client) = (&self.context.service, &mut self.client);
            let step = self.session.receive(&mut input, &mut self.out);
            if self.session.talked_ahead()
                && let Some(reply) = service.talked_early(client, Early::BeforeReply)
            {
                self.session.disconnect(&reply, &mut self.out);
                return Some(Pause::CutShort);
            }
            let reaction = match step {
                Step::NeedInput => return None,
                Step::StartTls => return Some(Pause::StartTls),
                Step::Close => return Some(Pause::Done),
                Step::Authenticate(credentials) => service.authenticate(client, &credentials).await,
                Step::Mail(command) => {
                    service.hello(client, self.session.hello_name().unwrap_or_default());
                    service.mail(client, &command).await
                }
                Step::Rcpt(recipient, _) => service.rcpt(client, &recipient).await,
                Step::Data => service.data(client).await,
                Step::Message(message) => self.hand_in(*message).await,
            };
            match reaction {
                Reaction::Answer(answer) => self.session.answer(answer, &mut self.out),
                Reaction::HangUp => {
                    self.out.clear();
                    return Some(Pause::Done);
                }
            }
        }
    }

    /// Hands a message to the service; for one that it takes the client may stay on.
    async fn hand_in(&mut self, message: ReceivedMessage) -> Reaction {
        let reaction = self.context.service.message(&mut self.client, message).await;
        if let Reaction::Answer(Answer::Accept | Answer::AcceptWith(_)) = reaction {
            self.until = Instant::now() + self.context.patience;
        }
        reaction
    }

    async fn flush(&mut self, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let write = async {
            stream.write_all(&self.out).await?;
            stream.flush().await
        };
        FailPoint::BeforeReply.reached();
        timeout(self.session.phase().timeout(), write).await.map_err(|_| io::ErrorKind::TimedOut)??;
        FailPoint::AfterReply.reached();
        self.out.clear();
        Ok(())
    }

    async fn say_goodbye(
        &mut self,
        status: EnhancedCode,
        why: &str,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<Pause> {
        let reply = Reply::new(SmtpCode::SHUTTING_DOWN, Some(status), why);
        self.session.disconnect(&reply, &mut self.out);
        self.flush(stream).await?;
        Ok(Pause::Done)
    }
}

/// Ends our side, and drops what the client still says, for a moment.
async fn hear_out(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let mut unheard = [0; 4096];
    let heard = async {
        stream.shutdown().await?;
        while stream.read(&mut unheard).await? > 0 {}
        io::Result::Ok(())
    };
    // Whether it goes by itself changes nothing.
    let _ = timeout(LAST_WORDS, heard).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{address::EmailAddress, smtp::server::MailCommand};
    use tokio::io::DuplexStream;

    /// Takes everything.
    struct Taker;

    impl Service for Taker {
        type Client = ();

        fn admit(&self, _: SocketAddr) -> Result<(), Reply> {
            Ok(())
        }

        fn secured(&self, (): &mut (), _: TlsFacts) {}

        async fn mail(&self, (): &mut (), _: &MailCommand) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }

        async fn rcpt(&self, (): &mut (), _: &EmailAddress) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }

        async fn data(&self, (): &mut ()) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }

        async fn message(&self, (): &mut (), _: ReceivedMessage) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }
    }

    const MESSAGE: &[u8] = b"RSET\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";

    /// Runs a session for a client that writes `say` every 20 ms until it is told to go or `most` times; the
    /// time it stayed and the last thing it was told.
    async fn stay(patience: Duration, opening: &[u8], say: &[u8], most: u32) -> (Duration, String) {
        let (_keep, stopping) = watch::channel(false);
        let config = Arc::new(ServerConfig::new("mx.test"));
        let (encryption, loopback_auth) = (Encryption::Never, LoopbackAuth::UnderTls);
        let context = Context { config, service: Taker, encryption, loopback_auth, patience, stopping };
        let (mut server, client) = tokio::io::duplex(64 << 10);
        let began = Instant::now();
        let mut driver = Driver::new(SocketAddr::from(([127, 0, 0, 1], 1)), (), &context);
        let session = async {
            driver.run(&mut server).await.ok();
            drop(server);
        };
        let ((), told) = tokio::join!(session, talk(client, opening, say, most));
        (began.elapsed(), told)
    }

    async fn talk(mut client: DuplexStream, opening: &[u8], say: &[u8], most: u32) -> String {
        let mut replies = Vec::new();
        client.write_all(&[b"EHLO c\r\n", opening].concat()).await.ok();
        for _ in 0..most {
            let pause = Duration::from_millis(20);
            if timeout(pause, client.read_to_end(&mut replies)).await.is_ok() {
                break;
            }
            client.write_all(say).await.ok();
        }
        let last = replies.rsplit(|octet| *octet == b'\n').nth(1).unwrap_or_default();
        String::from_utf8_lossy(last).trim().to_owned()
    }

    #[tokio::test]
    async fn a_client_that_only_keeps_itself_alive_is_sent_away() {
        let patience = Duration::from_millis(200);
        let (stayed, told) = stay(patience, b"", b"NOOP\r\n", 500).await;
        assert!(told.starts_with("421 4.4.2 no message"), "{told}");
        assert!(stayed < patience * 10, "{stayed:?}");
    }

    #[tokio::test]
    async fn content_that_trickles_in_has_a_deadline_of_its_own() {
        let patience = Duration::from_millis(200);
        let (stayed, told) = stay(patience, MESSAGE, b"x", 500).await;
        assert!(told.starts_with("421 4.4.2 no message"), "{told}");
        assert!(stayed < patience * 10, "{stayed:?}");
    }

    #[tokio::test]
    async fn a_client_whose_messages_are_accepted_stays() {
        let patience = Duration::from_millis(500);
        let round = [MESSAGE, b"x\r\n.\r\n"].concat();
        let (stayed, told) = stay(patience, b"", &round, 60).await;
        assert!(stayed > patience * 2 && !told.starts_with("421"), "{stayed:?} {told}");
    }
}
