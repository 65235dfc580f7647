//! A receiver that does what a test tells it and remembers what it was told.

use std::{
    cell::{Cell, RefCell},
    net::SocketAddr,
    rc::Rc,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

/// How a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is open.
    Open,
    /// By QUIT.
    Quit,
    /// Without a word, by either side.
    Lost,
}

/// One connection, past or present.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The recipients of its messages, in order.
    pub(crate) recipients: Vec<String>,
    pub(crate) end: End,
}

/// A receiver on loopback; clones share everything.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Answering a final dot takes a permit and gives it back; none stalls all.
    pub(crate) answering: Rc<Semaphore>,
    /// That many messages past the first of a connection are hung up on at MAIL.
    pub(crate) hang_ups: Rc<Cell<u32>>,
    /// Messages that wait for the answer to their final dot.
    pub(crate) at_dot: Rc<Cell<usize>>,
    most_open: Rc<Cell<usize>>,
    seen: Rc<RefCell<Vec<Seen>>>,
}

impl Peer {
    /// A receiver on a port of its own that takes everything at once.
    pub(crate) async fn start() -> Self {
        Self::on(([127, 0, 0, 1], 0).into()).await
    }

    /// The same on a given address.
    pub(crate) async fn on(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let peer = Self {
            address: listener.local_addr().unwrap(),
            answering: Rc::new(Semaphore::new(100_000)),
            hang_ups: Rc::default(),
            at_dot: Rc::default(),
            most_open: Rc::default(),
            seen: Rc::default(),
        };
        let server = peer.clone();
        actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                actix_rt::spawn(server.clone().serve(stream));
            }
        });
        peer
    }

    /// Answers no final dot until [`Self::answer`].
    pub(crate) fn stall(&self) {
        self.answering.forget_permits(usize::MAX);
    }

    /// Answers every final dot, those that wait too.
    pub(crate) fn answer(&self) {
        self.answering.add_permits(100_000);
    }

    /// All connections, oldest first.
    pub(crate) fn connections(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// Messages of each connection, oldest first.
    pub(crate) fn loads(&self) -> Vec<usize> {
        self.seen.borrow().iter().map(|seen| seen.recipients.len()).collect()
    }

    /// The recipients of all messages taken, sorted: one entry a delivery.
    pub(crate) fn received(&self) -> Vec<String> {
        let mut all: Vec<_> = self.seen.borrow().iter().flat_map(|seen| seen.recipients.clone()).collect();
        all.sort();
        all
    }

    /// Most connections that were open at a time.
    pub(crate) fn most_open(&self) -> usize {
        self.most_open.get()
    }

    async fn serve(self, stream: TcpStream) {
        let number = {
            let mut seen = self.seen.borrow_mut();
            seen.push(Seen { recipients: Vec::new(), end: End::Open });
            let open = seen.iter().filter(|seen| seen.end == End::Open).count();
            self.most_open.set(self.most_open.get().max(open));
            seen.len() - 1
        };
        let end = if self.dialogue(stream, number).await.is_ok() { End::Quit } else { End::Lost };
        self.seen.borrow_mut()[number].end = end;
    }

    /// Speaks until QUIT; an error when the connection is lost.
    async fn dialogue(&self, stream: TcpStream, number: usize) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        stream.write_all(b"220 peer.example\r\n").await?;
        let mut recipient = String::new();
        loop {
            let line = read_line(&mut stream).await?;
            let reply: &[u8] = match line.get(..4).unwrap_or_default() {
                "MAIL" if self.hangs_up_on(number) => return Err(std::io::ErrorKind::ConnectionReset.into()),
                "RCPT" => {
                    recipient = line.trim_start_matches("RCPT TO:<").trim_end_matches('>').to_owned();
                    b"250 ok\r\n"
                }
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    while read_line(&mut stream).await? != "." {}
                    self.until_answered().await;
                    self.seen.borrow_mut()[number].recipients.push(recipient.clone());
                    b"250 taken\r\n"
                }
                "QUIT" => return stream.write_all(b"221 bye\r\n").await,
                _ => b"250 peer.example\r\n",
            };
            stream.write_all(reply).await?;
        }
    }

    fn hangs_up_on(&self, number: usize) -> bool {
        let (left, used) = (self.hang_ups.get(), !self.seen.borrow()[number].recipients.is_empty());
        let hangs_up = used && left > 0;
        self.hang_ups.set(left - u32::from(hangs_up));
        hangs_up
    }

    async fn until_answered(&self) {
        self.at_dot.set(self.at_dot.get() + 1);
        drop(self.answering.acquire().await.unwrap());
        self.at_dot.set(self.at_dot.get() - 1);
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
