//! Listening on a WebSocket (RFC 6455): as much of a client as hearing text takes.

use super::{ControlClient, ControlClientError, PREFIX, block_on, refusal};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header,
    upgrade::{self, Upgraded},
};
use hyper_util::rt::TokioIo;
use std::io;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
};

/// The octets that a handshake begins with, in base64: they guard against caches, and there is none on a Unix socket.
const KEY: &str = "bWFpbHdyaWdodC10YWlsLQ==";
/// Most octets of a message: those of one event are 256 KiB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What a frame is (RFC 6455 section 5.2).
mod opcode {
    pub(super) const CONTINUATION: u8 = 0;
    pub(super) const TEXT: u8 = 1;
    pub(super) const BINARY: u8 = 2;
    pub(super) const CLOSE: u8 = 8;
    pub(super) const PING: u8 = 9;
    pub(super) const PONG: u8 = 10;
}

impl ControlClient {
    /// Hands each message of the WebSocket at `path` to `message`, until the server or `message` ends it.
    pub(crate) fn messages<E: From<ControlClientError>>(
        &self,
        path: &str,
        protocol: &str,
        mut message: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        block_on(async {
            let mut socket = self.open(path, protocol).await?;
            let mut whole = Vec::new();
            while let Some(Frame { last, kind, content }) = frame(&mut socket).await? {
                match kind {
                    opcode::TEXT | opcode::BINARY | opcode::CONTINUATION => whole.extend_from_slice(&content),
                    opcode::PING => answer(&mut socket, opcode::PONG, &content).await?,
                    opcode::CLOSE => {
                        // Whoever closes gets a frame back (section 5.5.1), if he still listens.
                        let _ = answer(&mut socket, opcode::CLOSE, &content).await;
                        break;
                    }
                    _ => {}
                }
                if whole.len() as u64 > LARGEST {
                    return Err(too_large().into());
                }
                if last && kind < opcode::CLOSE {
                    message(&std::mem::take(&mut whole))?;
                }
            }
            Ok(())
        })
    }

    /// Opens a WebSocket (RFC 6455 section 4.1).
    async fn open(&self, path: &str, protocol: &str) -> Result<TokioIo<Upgraded>, ControlClientError> {
        let no_server = |source| ControlClientError::NoServer { socket: self.socket.clone(), source };
        let stream = UnixStream::connect(&self.socket).await.map_err(no_server)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // What goes wrong with it is seen by whoever reads from the socket.
        tokio::spawn(connection.with_upgrades());
        let request = Request::get(format!("{PREFIX}{path}"))
            .header(header::HOST, "localhost")
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, KEY)
            .header(header::SEC_WEBSOCKET_PROTOCOL, protocol)
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(refusal(&answer.into_body().collect().await?.to_bytes()));
        }
        Ok(TokioIo::new(upgrade::on(answer).await?))
    }
}

struct Frame {
    /// Whether its message ends with it.
    last: bool,
    kind: u8,
    content: Vec<u8>,
}

/// Reads a frame (section 5.2); `None` when the server has gone.
async fn frame(socket: &mut TokioIo<Upgraded>) -> Result<Option<Frame>, ControlClientError> {
    let mut head = [0; 2];
    match socket.read_exact(&mut head).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => drop(read?),
    }
    let length = match head[1] & 0x7f {
        126 => u64::from(socket.read_u16().await?),
        127 => socket.read_u64().await?,
        short => u64::from(short),
    };
    let Some(length) = usize::try_from(length).ok().filter(|_| length <= LARGEST) else {
        return Err(too_large());
    };
    let mut content = vec![0; length];
    socket.read_exact(&mut content).await?;
    Ok(Some(Frame { last: head[0] & 0x80 != 0, kind: head[0] & 0x0f, content }))
}

/// Sends a control frame, whose content is short. Clients mask (section 5.3): here with zeros, as nobody is in between.
async fn answer(socket: &mut TokioIo<Upgraded>, kind: u8, content: &[u8]) -> Result<(), ControlClientError> {
    let content = content.get(..125).unwrap_or(content);
    let length = u8::try_from(content.len()).unwrap_or_default();
    let frame = [&[0x80 | kind, 0x80 | length, 0, 0, 0, 0], content].concat();
    socket.write_all(&frame).await?;
    Ok(socket.flush().await?)
}

fn too_large() -> ControlClientError {
    io::Error::new(io::ErrorKind::InvalidData, "the server sent a message that is too large").into()
}
