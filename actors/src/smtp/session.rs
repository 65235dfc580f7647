//! One client of an SMTP listener.

use super::{Reaction, Service};
use mailwright_engine::smtp::{
    reply::{EnhancedCode, Reply, SmtpCode},
    server::{Answer, ServerConfig, ServerSession, Step},
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

/// Octets read at once: a 10 kB message in one or two reads.
const READ_SIZE: usize = 16 << 10;

/// What a session needs beside its socket.
pub(super) struct Context<S> {
    pub(super) config: Arc<ServerConfig>,
    pub(super) service: S,
    pub(super) tls: Option<TlsAcceptor>,
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
    let mut driver = Driver {
        session: ServerSession::new(Arc::clone(&context.config)),
        out: Vec::with_capacity(512),
        buffer: vec![0; READ_SIZE].into_boxed_slice(),
        peer,
        context,
    };
    driver.session.greeting(&mut driver.out);
    if let (Pause::StartTls, Some(acceptor)) = (driver.run(&mut stream).await?, &context.tls) {
        let handshake = timeout(driver.session.phase().timeout(), acceptor.accept(stream));
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
    context: &'a Context<S>,
}

impl<S: Service> Driver<'_, S> {
    async fn run(&mut self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<Pause> {
        let mut stopping = self.context.stopping.clone();
        loop {
            self.flush(stream).await?;
            let patience = self.session.phase().timeout();
            let read = tokio::select! {
                biased;
                read = timeout(patience, stream.read(&mut self.buffer)) => read,
                _ = stopping.wait_for(|stopping| *stopping) => {
                    return self.say_goodbye("the service is shutting down", stream).await;
                }
            };
            let read = match read {
                Ok(read) => read?,
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
                Step::Message(message) => service.message(*message, self.peer).await,
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
