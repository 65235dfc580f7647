//! Whether what listens also serves.

use super::{Node, NodeError};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// How long a server may take to answer for the first time.
const PATIENCE: Duration = Duration::from_secs(10);

impl Node {
    /// Asks the HTTP servers something: their threads start after they listen, or fail to.
    pub(super) async fn try_servers(&self) -> Result<(), NodeError> {
        if let Some(address) = self.http {
            answers("the API", TcpStream::connect(address)).await?;
        }
        if let Some(socket) = &self.control_socket {
            answers("the control socket", UnixStream::connect(socket.path())).await?;
        }
        Ok(())
    }
}

async fn answers<S>(
    what: &'static str,
    connecting: impl Future<Output = io::Result<S>>,
) -> Result<(), NodeError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let asked = async { ask(connecting.await?).await };
    let answered = timeout(PATIENCE, asked).await.unwrap_or_else(|late| Err(late.into()));
    answered.map_err(|source| NodeError::Unserved { what, source })
}

/// Asks for anything, and waits for the answer to begin.
async fn ask(mut server: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    server.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    server.read_u8().await.map(drop)
}
