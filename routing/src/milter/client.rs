//! Connections to one filter. Those that carried a message whole are kept for the next, where the filter knows how.

use super::{MilterAddress, MilterSettings};
use mailwright_engine::milter::{Agreed, Message, MilterError, Next, PacketReader, Session, Verdict};
use std::{
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    time::{self, timeout},
};

/// Most connections that are kept without a message, and for how long: filters close them sooner or later.
const MAX_IDLE: usize = 4;
const IDLE: Duration = Duration::from_secs(10);
/// How many times its time-out a filter may take for a whole message, if it goes on saying that it works.
const WHOLE: u32 = 5;
/// Octets that are read at a time.
const READ: usize = 8 * 1024;

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Why a filter could not be asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("connecting: {0}")]
    Connect(io::Error),
    #[error("no answer within {0:?}")]
    Late(Duration),
    #[error("it closed the connection in the midst of a message")]
    Closed,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Protocol(#[from] MilterError),
}

/// A connection on which filter and server have met.
struct Idle {
    wire: Box<dyn Wire>,
    agreed: Agreed,
    since: Instant,
}

/// One filter.
pub(super) struct Client {
    settings: MilterSettings,
    idle: Mutex<Vec<Idle>>,
}

impl Client {
    pub(super) fn new(settings: MilterSettings) -> Self {
        Self { settings, idle: Mutex::default() }
    }

    pub(super) fn settings(&self) -> &MilterSettings {
        &self.settings
    }

    /// Shows a message to the filter. A kept connection that fails says nothing about the filter: then a new one is
    /// made.
    pub(super) async fn ask(&self, message: Message<'_>) -> Result<Verdict, Failure> {
        if let Some(Idle { wire, agreed, .. }) = self.take_idle() {
            match self.whole(wire, message, Some(agreed)).await {
                Err(Failure::Closed | Failure::Io(_)) => {}
                done => return done,
            }
        }
        let wire = self.in_time(self.connect()).await?.map_err(Failure::Connect)?;
        self.whole(wire, message, None).await
    }

    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match &self.settings.address {
            MilterAddress::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            MilterAddress::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    /// One message, in bounded time however often the filter says that it works on.
    async fn whole(
        &self,
        wire: Box<dyn Wire>,
        message: Message<'_>,
        agreed: Option<Agreed>,
    ) -> Result<Verdict, Failure> {
        let longest = self.settings.timeout.saturating_mul(WHOLE);
        let talked = time::timeout(longest, self.talk(wire, message, agreed)).await;
        talked.unwrap_or(Err(Failure::Late(longest)))
    }

    async fn talk(
        &self,
        mut wire: Box<dyn Wire>,
        message: Message<'_>,
        agreed: Option<Agreed>,
    ) -> Result<Verdict, Failure> {
        let mut session = Session::new(message, agreed);
        let mut reader = PacketReader::default();
        let verdict = loop {
            match session.next_step() {
                Next::Write(octets) => self.in_time(wire.write_all(&octets)).await??,
                Next::Read => {
                    let packet = loop {
                        match reader.next_packet().map_err(MilterError::from)? {
                            Some(packet) => break packet,
                            None => self.read(&mut wire, &mut reader).await?,
                        }
                    };
                    session.heard(&packet)?;
                }
                Next::Done(verdict) => break verdict,
            }
        };
        // What was decided holds, whatever becomes of the connection.
        let parted = self.in_time(wire.write_all(&session.farewell())).await;
        if let (Ok(Ok(())), Some(agreed), true) = (parted, session.reusable(), reader.is_empty()) {
            self.keep(Idle { wire, agreed, since: Instant::now() });
        }
        Ok(verdict)
    }

    async fn read(&self, wire: &mut Box<dyn Wire>, reader: &mut PacketReader) -> Result<(), Failure> {
        let mut buffer = [0; READ];
        let length = self.in_time(wire.read(&mut buffer)).await??;
        if length == 0 {
            return Err(Failure::Closed);
        }
        reader.push(buffer.get(..length).unwrap_or_default());
        Ok(())
    }

    async fn in_time<T>(&self, what: impl Future<Output = T>) -> Result<T, Failure> {
        let patience = self.settings.timeout;
        timeout(patience, what).await.map_err(|_| Failure::Late(patience))
    }

    /// A connection that was used not long ago; older ones are closed.
    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.lock();
        idle.retain(|idle| idle.since.elapsed() < IDLE);
        idle.pop()
    }

    fn keep(&self, connection: Idle) {
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
    }

    /// The list is whole at any time.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
