//! Connections of clients that are waited for just so long.
//!
//! The HTTP library has a time-out for the head of a connection's first request only, none for a client that does not
//! read its answers, and parses whatever comes while one request is under way. Whoever can reach the port could hold
//! all connections for good, or fill memory. A [`PatientStream`] lies between the socket and the library:
//!
//! - While no request is under way, the next one must be there within [`PATIENCE`].
//! - A client that takes nothing of its answer for [`PATIENCE`] has gone.
//! - A client that has not shown a token may be ahead of its answers by [`AHEAD`] octets.

use actix_http::body::{BodySize, BoxBody, MessageBody};
use actix_rt::net::{ActixStream, Ready, TcpStream};
use actix_web::web::Bytes;
use std::{
    cell::{Cell, RefCell},
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How long to wait for a client: longer than an unused connection is kept by the library.
const PATIENCE: Duration = Duration::from_secs(20);
/// Octets of requests that are read ahead of answers from a client without a token: the head of a request must fit. A
/// parsed request takes 6 KiB, and the shortest 18 octets.
const AHEAD: usize = 8 << 10;

/// What is known of the requests of one connection, shared between its stream and its requests.
#[derive(Debug)]
pub(crate) struct Requests {
    under_way: Cell<u32>,
    /// Since when none is under way.
    idle_since: Cell<Instant>,
    /// Whether one of them has shown a token that we know.
    known: Cell<bool>,
    /// Octets read since the last were written.
    ahead: Cell<usize>,
    /// Who waits to read on.
    reader: RefCell<Option<Waker>>,
}

impl Requests {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            under_way: Cell::new(0),
            idle_since: Cell::new(Instant::now()),
            known: Cell::new(false),
            ahead: Cell::new(0),
            reader: RefCell::new(None),
        })
    }

    /// The client has shown a token: it may send as much as it likes.
    pub(crate) fn trust(&self) {
        self.known.set(true);
        self.go_on();
    }

    /// Counts a request as under way until its answer is dropped.
    pub(crate) fn begin(self: &Rc<Self>) -> UnderWay {
        self.under_way.set(self.under_way.get() + 1);
        UnderWay(Rc::clone(self))
    }

    fn go_on(&self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct UnderWay(Rc<Requests>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        let requests = &self.0;
        requests.under_way.set(requests.under_way.get().saturating_sub(1));
        requests.idle_since.set(Instant::now());
        requests.go_on();
    }
}

/// The body of an answer, whose request is under way until it is out.
pub(crate) struct Counted {
    body: BoxBody,
    _request: UnderWay,
}

impl Counted {
    pub(crate) fn new(body: BoxBody, request: UnderWay) -> Self {
        Self { body, _request: request }
    }
}

impl MessageBody for Counted {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

/// A client's socket.
#[derive(Debug)]
pub(crate) struct PatientStream {
    socket: TcpStream,
    requests: Rc<Requests>,
    /// When to look whether the next request is late.
    next_request: Pin<Box<Sleep>>,
    /// When a client that takes nothing is given up; `None` while it takes what there is.
    gives_up: Option<Pin<Box<Sleep>>>,
}

impl PatientStream {
    pub(crate) fn new(socket: TcpStream) -> Self {
        Self { socket, requests: Requests::new(), next_request: Box::pin(sleep(PATIENCE)), gives_up: None }
    }

    /// What is known of its requests.
    pub(crate) fn requests(&self) -> Rc<Requests> {
        Rc::clone(&self.requests)
    }

    /// Reads what the client may send now; nothing while it does not take its answers.
    fn read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = Pin::new(&mut self.socket);
        if self.requests.known.get() {
            return socket.poll_read(context, buffer);
        }
        let ahead = self.requests.ahead.get();
        let room = AHEAD.saturating_sub(ahead).min(buffer.remaining());
        if room == 0 || self.gives_up.is_some() {
            return Poll::Pending;
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        let read = socket.poll_read(context, &mut part);
        let octets = part.filled().len();
        buffer.advance(octets);
        self.requests.ahead.set(ahead + octets);
        read
    }

    /// Ready when the next request has been waited for long enough.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.requests.under_way.get() == 0 {
            ready!(self.next_request.as_mut().poll(context));
            let due = self.requests.idle_since.get() + PATIENCE;
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.next_request.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.gives_up = None;
            self.requests.ahead.set(0);
            return written;
        }
        let gives_up = self.gives_up.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        gives_up.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for PatientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.read(context, buffer);
        if read.is_pending() {
            *self.requests.reader.borrow_mut() = Some(context.waker().clone());
            if self.poll_late(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for PatientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, octets);
        self.wrote(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

impl ActixStream for PatientStream {
    fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(&self.socket, context)
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(&self.socket, context)
    }
}
