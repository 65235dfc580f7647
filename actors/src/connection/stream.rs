//! A socket with a client session on it.

use super::peer::{PeerFacts, connection};
use crate::trace::Dialogue;
use mailwright_engine::smtp::client::{Action, ClientSession, Loss, Wait};
use std::{
    io::{self, IoSlice},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::client::TlsStream;

/// Octets read at once: replies are short.
const READ_SIZE: usize = 1024;
/// Octets of a body that must go out within one body time-out: a peer that reads just enough to reset an idle
/// time-out would hold its connection for days.
const BODY_SHARE: usize = 256 << 10;

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
    pub(super) peer: PeerFacts,
    /// Told what is said, for whoever watches.
    pub(super) dialogue: Dialogue,
    /// The reply that is waited for, by its number, and when it must be complete.
    deadline: Option<(u64, Instant)>,
    out: Vec<u8>,
    input: Box<[u8; READ_SIZE]>,
}

impl Session {
    pub(super) fn new(
        machine: ClientSession,
        stream: TcpStream,
        peer: PeerFacts,
        dialogue: Dialogue,
    ) -> Self {
        let input = Box::new([0; READ_SIZE]);
        let wire = Wire::Plain(stream);
        Self { machine, wire, peer, dialogue, deadline: None, out: Vec::with_capacity(512), input }
    }

    /// What a protocol trace calls it.
    pub(super) fn label(&self) -> String {
        connection(&self.peer.host, self.peer.ip, self.wire.local_port())
    }

    /// The next action, after what it wants written has been written.
    pub(super) async fn poll(&mut self) -> Action {
        let action = self.machine.poll(&mut self.out);
        // What goes before a body is written together with it.
        if !matches!(action, Action::WriteBody(_)) && !self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            let patience = self.machine.wait().timeout;
            self.dialogue.said(&out);
            self.write(&mut [IoSlice::new(&out)], patience).await;
            self.out = out;
            self.out.clear();
        }
        action
    }

    /// Writes the commands that go before a body of `size` octets and then the body.
    pub(super) async fn write_body(&mut self, body: impl Iterator<Item = &[u8]>, size: usize) -> bool {
        let out = std::mem::take(&mut self.out);
        let shares = u32::try_from(size / BODY_SHARE).unwrap_or(u32::MAX).saturating_add(1);
        let total = self.machine.wait().timeout.saturating_mul(shares);
        self.dialogue.said(&out);
        self.dialogue.note(|| format!("content, {size} octets"));
        let written = {
            let mut slices = vec![IoSlice::new(&out)];
            for part in body {
                slices.push(IoSlice::new(part));
            }
            self.write(&mut slices, total).await
        };
        self.out = out;
        self.out.clear();
        written
    }

    /// Writes everything within `total`; a failure or a peer that takes nothing for too long is told to the
    /// session.
    async fn write(&mut self, rest: &mut [IoSlice<'_>], total: Duration) -> bool {
        let patience = self.machine.wait().timeout;
        match timeout(total, self.wire.write_all(rest, patience)).await {
            Ok(Ok(())) => return true,
            Ok(Err(loss)) => self.lost(loss),
            Err(_) => self.lost(Loss::TimedOut),
        }
        false
    }

    /// Reads once and gives it to the session. A reply must be complete within the time-out of its phase,
    /// however its octets trickle in.
    pub(super) async fn read(&mut self, wait: Wait) {
        let deadline = match self.deadline {
            Some((reply, deadline)) if reply == wait.reply => deadline,
            _ => Instant::now() + wait.timeout,
        };
        self.deadline = Some((wait.reply, deadline));
        match timeout_at(deadline, self.wire.read(&mut self.input[..])).await {
            Ok(read) => self.take(read),
            Err(_) => self.lost(Loss::TimedOut),
        }
    }

    /// Returns when the peer has closed or said something while nothing was asked of it.
    ///
    /// Cancel-safe: a single read.
    pub(super) async fn closed_by_peer(&mut self) {
        let read = self.wire.read(&mut self.input[..]).await;
        self.take(read);
    }

    /// Gives the session what was read into the buffer.
    fn take(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.lost(Loss::Eof),
            Ok(read) => {
                let octets = self.input.get(..read).unwrap_or_default();
                self.dialogue.heard(octets);
                self.machine.receive(octets);
            }
            Err(error) => self.lost(Loss::Reset(error.to_string())),
        }
    }

    fn lost(&mut self, loss: Loss) {
        self.dialogue.note(|| format!("connection lost: {loss}"));
        self.machine.lost(loss);
    }
}

impl Wire {
    fn local_port(&self) -> Option<u16> {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
            Self::Gone => return None,
        };
        stream.local_addr().ok().map(|address| address.port())
    }

    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer).await,
            Self::Tls(stream) => stream.read(buffer).await,
            Self::Gone => Ok(0),
        }
    }

    /// Writes everything; no single write may take longer than `patience`.
    async fn write_all(&mut self, mut rest: &mut [IoSlice<'_>], patience: Duration) -> Result<(), Loss> {
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match timeout(patience, self.write(rest)).await {
                Ok(Ok(0)) => return Err(Loss::Eof),
                Ok(Ok(written)) => IoSlice::advance_slices(&mut rest, written),
                Ok(Err(error)) => return Err(Loss::Reset(error.to_string())),
                Err(_) => return Err(Loss::TimedOut),
            }
        }
        match timeout(patience, self.flush()).await {
            Ok(flushed) => flushed.map_err(|error| Loss::Reset(error.to_string())),
            Err(_) => Err(Loss::TimedOut),
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
