//! One client of the sandbox.
//!
//! The input is given to the session in pieces, a command line or a run of content each, so that a personality can
//! answer any command, also those that a session answers by itself. Two kinds of command escape it, because the
//! session reads on by itself: those pipelined after a BDAT chunk that is not the last, and after a message that the
//! session refuses for its line ends.

use super::{Guest, Inner};
use mailwright_engine::{
    address::ReversePath,
    sandbox::{Answer as Whim, Event, Stage, Verdict},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::{Answer, ReceivedMessage, ServerPhase, ServerSession, Step},
    },
};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};

/// Octets read at once.
const READ_SIZE: usize = 16 << 10;

/// A connection in the clear or in TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// How a conversation goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    StartTls,
    Close,
}

/// The state of a conversation.
pub(super) struct Conversation<'a> {
    guest: Guest<'a>,
    inner: &'a Inner,
    stopping: watch::Receiver<bool>,
    session: ServerSession,
    /// Read and not yet looked at.
    input: Vec<u8>,
    /// Said and not yet sent.
    out: Vec<u8>,
    /// Octets of the current message that have been looked at.
    content: usize,
    /// Of the current message.
    sender: ReversePath,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(guest: Guest<'a>, inner: &'a Inner, stopping: watch::Receiver<bool>) -> Self {
        Self {
            guest,
            inner,
            stopping,
            session: ServerSession::new(Arc::clone(&inner.config)),
            input: Vec::new(),
            out: Vec::new(),
            content: 0,
            sender: ReversePath::Null,
        }
    }

    /// Greets as `greeting` says and talks until one side has enough.
    pub(super) async fn hold(mut self, mut stream: TcpStream, greeting: Whim) -> io::Result<()> {
        stream.set_nodelay(true)?;
        sleep(greeting.delay).await;
        if self.obey(greeting.verdict, |session, out| session.greeting(out)) == Next::Close {
            return self.flush(&mut stream).await;
        }
        self.inner.wire.pad(Stage::Greeting, &mut self.out);
        if let (Next::StartTls, Some(acceptor)) = (self.converse(&mut stream).await?, &self.inner.tls) {
            let handshake = timeout(ServerPhase::Handshake.timeout(), acceptor.accept(stream));
            let mut stream = handshake.await.map_err(|_| io::ErrorKind::TimedOut)??;
            // What came in the clear after STARTTLS is not to be trusted (RFC 3207 section 4.2).
            self.input.clear();
            self.session.tls_established();
            self.converse(&mut stream).await?;
        }
        Ok(())
    }

    async fn converse(&mut self, stream: &mut impl Stream) -> io::Result<Next> {
        loop {
            while let Some(piece) = self.piece() {
                let next = self.take(&piece, stream).await?;
                if next != Next::GoOn {
                    self.flush(stream).await?;
                    return Ok(next);
                }
            }
            self.flush(stream).await?;
            if self.read(stream).await? == Next::Close {
                self.flush(stream).await?;
                return Ok(Next::Close);
            }
        }
    }

    /// Cuts the next piece off the input, if there is a whole one.
    fn piece(&mut self) -> Option<Vec<u8>> {
        let length = match self.session.phase() {
            ServerPhase::Content => self.input.len().min(self.still_read()),
            // A line that is too long is not waited for: the session finds it wrong.
            _ => match self.input.iter().position(|octet| *octet == b'\n') {
                Some(at) => at + 1,
                None if self.input.len() > self.inner.config.max_line => self.input.len(),
                None => 0,
            },
        };
        (length > 0).then(|| self.input.drain(..length).collect())
    }

    /// Octets of the current message until it goes deaf.
    fn still_read(&self) -> usize {
        // One at least: the piece at which it happens.
        self.inner.wire.stop_reading.map_or(usize::MAX, |stop| stop.after.saturating_sub(self.content).max(1))
    }

    /// A piece, and what it leads to.
    async fn take(&mut self, piece: &[u8], stream: &mut impl Stream) -> io::Result<Next> {
        let stage = match self.session.phase() {
            ServerPhase::Content => Stage::Dot,
            _ => Stage::of_command(piece),
        };
        if stage == Stage::Dot {
            self.content = self.content.saturating_add(piece.len());
        } else {
            let whim = self.guest.ask(&Event::Command(stage));
            self.wait(whim.delay, stream).await?;
            if self.obey(whim.verdict, |_, _| ()) == Next::Close {
                return Ok(Next::Close);
            }
        }
        if self.inner.wire.pads(stage) {
            // Alone in the buffer, the reply can be told from those before it.
            self.flush(stream).await?;
        }
        let next = self.feed(piece, stream).await?;
        self.inner.wire.pad(stage, &mut self.out);
        match self.inner.wire.stop_reading {
            Some(stop) if self.session.phase() == ServerPhase::Content && self.content >= stop.after => {
                self.wait(stop.pause, stream).await?;
                Ok(Next::Close)
            }
            _ => Ok(next),
        }
    }

    /// Gives a piece to the session and answers its questions.
    async fn feed(&mut self, piece: &[u8], stream: &mut impl Stream) -> io::Result<Next> {
        let mut rest = piece;
        loop {
            let whim = match self.session.receive(&mut rest, &mut self.out) {
                Step::NeedInput => return Ok(Next::GoOn),
                Step::StartTls => return Ok(Next::StartTls),
                Step::Close => return Ok(Next::Close),
                Step::Mail(command) => {
                    self.sender = command.reverse_path;
                    self.guest.ask(&Event::Mail(&self.sender))
                }
                Step::Rcpt(recipient, _) => {
                    self.guest.ask(&Event::Rcpt { sender: &self.sender, recipient: &recipient })
                }
                // Its listener offers no AUTH; should it ever, everybody is who they say.
                Step::Authenticate(_) => {
                    self.session.answer(Answer::Accept, &mut self.out);
                    continue;
                }
                Step::Data => {
                    self.content = 0;
                    self.session.answer(Answer::Accept, &mut self.out);
                    continue;
                }
                Step::Message(message) => {
                    // What follows the message is commands again, which come one by one.
                    drop(self.input.splice(..0, rest.iter().copied()));
                    return self.take_message(&message, stream).await;
                }
            };
            self.wait(whim.delay, stream).await?;
            let accept = |session: &mut ServerSession, out: &mut Vec<u8>| session.answer(Answer::Accept, out);
            if self.obey(whim.verdict, accept) == Next::Close {
                return Ok(Next::Close);
            }
        }
    }

    async fn take_message(
        &mut self,
        message: &ReceivedMessage,
        stream: &mut impl Stream,
    ) -> io::Result<Next> {
        let whim = self.guest.ask(&Event::Message);
        self.wait(whim.delay, stream).await?;
        let answer = match whim.verdict {
            Verdict::Accept | Verdict::HangUp => match self.guest.keep(message) {
                Ok(name) => Answer::AcceptWith(reply(SmtpCode::OK, (2, 0, 0), format!("kept as {name}"))),
                Err(error) => {
                    tracing::error!(%error, "sandbox could not keep a message");
                    Answer::Refuse(reply(SmtpCode::INSUFFICIENT_STORAGE, (4, 3, 1), error.to_string()))
                }
            },
            _ => Answer::Accept,
        };
        Ok(self.obey(whim.verdict, |session, out| session.answer(answer, out)))
    }

    /// Carries out a verdict; `accept` is what acceptance means here.
    fn obey(&mut self, verdict: Verdict, accept: impl FnOnce(&mut ServerSession, &mut Vec<u8>)) -> Next {
        match verdict {
            Verdict::Accept => accept(&mut self.session, &mut self.out),
            Verdict::Refuse(reply) => self.session.answer(Answer::Refuse(reply), &mut self.out),
            Verdict::Close(reply) => {
                self.session.disconnect(&reply, &mut self.out);
                return Next::Close;
            }
            Verdict::HangUp => {
                self.out.clear();
                return Next::Close;
            }
        }
        Next::GoOn
    }

    /// Lets the client wait, after sending it what was said before.
    async fn wait(&mut self, delay: Duration, stream: &mut impl Stream) -> io::Result<()> {
        if !delay.is_zero() {
            self.flush(stream).await?;
            sleep(delay).await;
        }
        Ok(())
    }

    async fn read(&mut self, stream: &mut impl Stream) -> io::Result<Next> {
        let start = self.input.len();
        self.input.resize(start + READ_SIZE, 0);
        let room = self.input.get_mut(start..).unwrap_or_default();
        let read = tokio::select! {
            // In this order, so that a client that never pauses is stopped too.
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => Err("the sandbox is shutting down"),
            read = timeout(self.session.phase().timeout(), stream.read(room)) => read.map_err(|_| "time-out"),
        };
        let (read, next) = match read {
            Ok(Ok(0)) => (0, Next::Close),
            Ok(read) => (read?, Next::GoOn),
            Err(why) => {
                self.session.disconnect(&reply(SmtpCode::SHUTTING_DOWN, (4, 4, 2), why), &mut self.out);
                (0, Next::Close)
            }
        };
        self.input.truncate(start + read);
        Ok(next)
    }

    /// Sends what was said, in the way of the personality.
    async fn flush(&mut self, stream: &mut impl Stream) -> io::Result<()> {
        let out = std::mem::take(&mut self.out);
        let Some(interval) = self.inner.wire.octet_interval else {
            let write = async {
                stream.write_all(&out).await?;
                stream.flush().await
            };
            return timeout(ServerPhase::Ready.timeout(), write)
                .await
                .map_err(|_| io::ErrorKind::TimedOut)?;
        };
        for octet in out {
            stream.write_all(&[octet]).await?;
            stream.flush().await?;
            if interval.is_zero() {
                tokio::task::yield_now().await;
            } else {
                sleep(interval).await;
            }
        }
        Ok(())
    }
}

fn reply(code: SmtpCode, (class, subject, detail): (u8, u16, u16), text: impl Into<String>) -> Reply {
    Reply::new(code, Some(EnhancedCode::new(class, subject, detail)), text)
}
