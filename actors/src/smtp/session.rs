//! One client of an SMTP listener.

use super::{Reaction, Service};
use mailwright_engine::smtp::{
    reply::{EnhancedCode, Reply, SmtpCode},
    server::{Answer, ReceivedMessage, ServerConfig, ServerSession, Step},
};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{Instant, timeout},
};
use tokio_rustls::TlsAcceptor;

/// Octets read at once: a 10 kB message in one or two reads.
const READ_SIZE: usize = 16 << 10;
/// How long a client may stay without a message of its being accepted. The time-outs of RFC 5321 section
/// 4.5.3.2 are for one command or one block of content: within them a client could send an octet now and then,
/// or NOOP, for ever. 25 MiB in this time are 15 kB a second.
pub(super) const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What a session needs beside its socket.
pub(super) struct Context<S> {
    pub(super) config: Arc<ServerConfig>,
    pub(super) service: S,
    pub(super) tls: Option<TlsAcceptor>,
    /// How long a client may stay without a message of its being accepted.
    pub(super) patience: Duration,
    /// Turns true when the process stops.
    pub(super) stopping: watch::Receiver<bool>,
}

/// Why the driver returned to the socket's owner.
enum Pause {
    StartTls,
    Done,
}

/// Serves one client until it goes. Errors of its socket are its own affair.
pub(super) async fn serve<S: Service>(
    mut stream: TcpStream,
    peer: SocketAddr,
    context: &Context<S>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if let Err(reply) = context.service.admits(peer) {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        return stream.write_all(&out).await;
    }
    let mut driver = Driver::new(peer, context);
    driver.session.greeting(&mut driver.out);
    if let (Pause::StartTls, Some(acceptor)) = (driver.run(&mut stream).await?, &context.tls) {
        let handshake = timeout(driver.time_left(), acceptor.accept(stream));
        let mut stream = handshake.await.map_err(|_| io::ErrorKind::TimedOut)??;
        driver.session.tls_established();
        driver.run(&mut stream).await?;
    }
    Ok(())
}

struct Driver<'a, S> {
    session: ServerSession,
    out: Vec<u8>,
    buffer: Box<[u8]>,
    peer: SocketAddr,
    /// When the client has to go, unless a message of its is accepted before.
    until: Instant,
    context: &'a Context<S>,
}

impl<'a, S: Service> Driver<'a, S> {
    fn new(peer: SocketAddr, context: &'a Context<S>) -> Self {
        Self {
            session: ServerSession::new(Arc::clone(&context.config)),
            out: Vec::with_capacity(512),
            buffer: vec![0; READ_SIZE].into_boxed_slice(),
            peer,
            until: Instant::now() + context.patience,
            context,
        }
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
                    return self.say_goodbye("the service is shutting down", stream).await;
                }
                read = timeout(time_left, stream.read(&mut self.buffer)) => read,
            };
            let read = match read {
                Ok(read) => read?,
                Err(_) if self.until <= Instant::now() => {
                    return self.say_goodbye("no message in too long a time", stream).await;
                }
                Err(_) => return self.say_goodbye("time-out", stream).await,
            };
            if read == 0 {
                return Ok(Pause::Done);
            }
            let buffer = std::mem::take(&mut self.buffer);
            let pause = self.take(buffer.get(..read).unwrap_or_default()).await;
            self.buffer = buffer;
            if let Some(pause) = pause {
                self.flush(stream).await?;
                return Ok(pause);
            }
        }
    }

    /// Gives input to the session and answers its questions until it wants more.
    async fn take(&mut self, mut input: &[u8]) -> Option<Pause> {
        loop {
            let service = &self.context.service;
            let reaction = match self.session.receive(&mut input, &mut self.out) {
                Step::NeedInput => return None,
                Step::StartTls => return Some(Pause::StartTls),
                Step::Close => return Some(Pause::Done),
                Step::Mail(command) => service.mail(&command).await,
                Step::Rcpt(recipient, _) => service.rcpt(&recipient).await,
                Step::Data => service.data().await,
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
        let reaction = self.context.service.message(message, self.peer).await;
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
        timeout(self.session.phase().timeout(), write).await.map_err(|_| io::ErrorKind::TimedOut)??;
        self.out.clear();
        Ok(())
    }

    async fn say_goodbye(&mut self, why: &str, stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<Pause> {
        let reply = Reply::new(SmtpCode::SHUTTING_DOWN, Some(EnhancedCode::new(4, 4, 2)), why);
        self.session.disconnect(&reply, &mut self.out);
        self.flush(stream).await?;
        Ok(Pause::Done)
    }
}

/// A temporary refusal.
pub(super) fn refuse(code: SmtpCode, status: EnhancedCode, why: impl Into<String>) -> Reaction {
    Reaction::Answer(Answer::Refuse(Reply::new(code, Some(status), why)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_engine::{address::EmailAddress, smtp::server::MailCommand};
    use tokio::io::DuplexStream;

    /// Takes everything.
    struct Taker;

    impl Service for Taker {
        fn admits(&self, _: SocketAddr) -> Result<(), Reply> {
            Ok(())
        }

        async fn mail(&self, _: &MailCommand) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }

        async fn rcpt(&self, _: &EmailAddress) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }

        async fn data(&self) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }

        async fn message(&self, _: ReceivedMessage, _: SocketAddr) -> Reaction {
            Reaction::Answer(Answer::Accept)
        }
    }

    const MESSAGE: &[u8] = b"RSET\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n";

    /// Runs a session for a client that writes `say` every 20 ms until it is told to go or `most` times; the
    /// time it stayed and the last thing it was told.
    async fn stay(patience: Duration, opening: &[u8], say: &[u8], most: u32) -> (Duration, String) {
        let (_keep, stopping) = watch::channel(false);
        let config = Arc::new(ServerConfig::new("mx.test"));
        let context = Context { config, service: Taker, tls: None, patience, stopping };
        let (mut server, client) = tokio::io::duplex(64 << 10);
        let began = Instant::now();
        let mut driver = Driver::new(SocketAddr::from(([127, 0, 0, 1], 1)), &context);
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
