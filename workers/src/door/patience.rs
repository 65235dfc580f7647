//! Clients that neither send nor read are hung up on: a Worker's place would be theirs for ever.

use crate::{BodyError, FetchBody};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long nothing has come or gone.
struct Idle {
    most: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    fn new(most: Duration) -> Self {
        Self { most, waiting: None }
    }

    /// Whether it is too long, as of this time that nothing came.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.most)));
        waiting.as_mut().poll(cx).is_ready()
    }

    /// Something came.
    fn reset(&mut self) {
        self.waiting = None;
    }
}

/// A client's connection, which fails when the client does not read.
pub(super) struct Connection {
    stream: TcpStream,
    idle: Idle,
}

impl Connection {
    /// A connection whose client may read nothing for so long.
    pub(super) fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, idle: Idle::new(patience) }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.idle.reset();
            return written;
        }
        if self.idle.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, octets);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A request's body, which fails when it does not go on, or is longer than it may be.
pub(super) struct Sent {
    body: Incoming,
    left: u64,
    idle: Idle,
}

impl Sent {
    /// A body of at most `most` octets, of which nothing may come for so long.
    pub(super) fn boxed(body: Incoming, most: u64, patience: Duration) -> FetchBody {
        FetchBody::new(Self { body, left: most, idle: Idle::new(patience) })
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            let is_over = self.idle.is_over(cx);
            return if is_over {
                Poll::Ready(Some(Err("the body does not go on".into())))
            } else {
                Poll::Pending
            };
        };
        self.idle.reset();
        let Some(Ok(frame)) = frame else {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        };
        let octets = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        match self.left.checked_sub(octets) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err("the body is longer than it may be".into()))),
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncWriteExt, net::TcpListener};

    #[tokio::test]
    async fn a_client_that_does_not_read_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let mut connection = Connection::new(server, Duration::from_millis(50));
        // More than two sockets hold.
        let error = connection.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        drop(client);
    }
}
