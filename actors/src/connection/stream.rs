//! A socket with a client session on it.

use mailwright_engine::smtp::client::{Action, ClientSession, Loss, Wait};
use std::io::{self, IoSlice};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

/// Octets read at once: replies are short.
const READ_SIZE: usize = 4096;

/// Plain or encrypted.
pub(super) enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Between the two, and after a failed handshake.
    Gone,
}

/// A session and the socket it is on.
pub(super) struct Session {
    pub(super) machine: ClientSession,
    pub(super) wire: Wire,
    out: Vec<u8>,
    input: Box<[u8; READ_SIZE]>,
}

impl Session {
    pub(super) fn new(machine: ClientSession, stream: TcpStream) -> Self {
        let input = Box::new([0; READ_SIZE]);
        Self { machine, wire: Wire::Plain(stream), out: Vec::with_capacity(512), input }
    }

    /// The next action, after what it wants written has been written.
    pub(super) async fn poll(&mut self) -> Action {
        let action = self.machine.poll(&mut self.out);
        // What goes before a body is written together with it.
        if !matches!(action, Action::WriteBody(_)) && !self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            self.write(&mut [IoSlice::new(&out)]).await;
            self.out = out;
            self.out.clear();
        }
        action
    }

    /// Writes the commands that go before a body and then the body.
    pub(super) async fn write_body(&mut self, body: impl Iterator<Item = &[u8]>) -> bool {
        let out = std::mem::take(&mut self.out);
        let written = {
            let mut slices = vec![IoSlice::new(&out)];
            for part in body {
                slices.push(IoSlice::new(part));
            }
            self.write(&mut slices).await
        };
        self.out = out;
        self.out.clear();
        written
    }

    /// Writes everything; a failure or a peer that takes nothing for too long is told to the session.
    async fn write(&mut self, mut rest: &mut [IoSlice<'_>]) -> bool {
        let patience = self.machine.wait().timeout;
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            let written = match timeout(patience, self.wire.write(rest)).await {
                Ok(Ok(0)) => Err(Loss::Eof),
                Ok(Ok(written)) => Ok(written),
                Ok(Err(error)) => Err(Loss::Reset(error.to_string())),
                Err(_) => Err(Loss::TimedOut),
            };
            match written {
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(loss) => {
                    self.machine.lost(loss);
                    return false;
                }
            }
        }
        match timeout(patience, self.wire.flush()).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => self.machine.lost(Loss::Reset(error.to_string())),
            Err(_) => self.machine.lost(Loss::TimedOut),
        }
        false
    }

    /// Reads once and gives it to the session.
    pub(super) async fn read(&mut self, wait: Wait) {
        match timeout(wait.timeout, self.wire.read(&mut self.input[..])).await {
            Ok(Ok(0)) => self.machine.lost(Loss::Eof),
            Ok(Ok(read)) => self.machine.receive(self.input.get(..read).unwrap_or_default()),
            Ok(Err(error)) => self.machine.lost(Loss::Reset(error.to_string())),
            Err(_) => self.machine.lost(Loss::TimedOut),
        }
    }

    /// Returns when the peer has closed or said something while nothing was asked of it.
    ///
    /// Cancel-safe: a single read.
    pub(super) async fn closed_by_peer(&mut self) {
        match self.wire.read(&mut self.input[..]).await {
            Ok(0) => self.machine.lost(Loss::Eof),
            Ok(read) => self.machine.receive(self.input.get(..read).unwrap_or_default()),
            Err(error) => self.machine.lost(Loss::Reset(error.to_string())),
        }
    }
}

impl Wire {
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
            Self::Gone => Ok(0),
        }
    }

    async fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write_vectored(slices).await,
            Self::Tls(stream) => stream.write_vectored(slices).await,
            Self::Gone => Ok(0),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tls(stream) => stream.flush().await,
            Self::Plain(_) | Self::Gone => Ok(()),
        }
    }
}
