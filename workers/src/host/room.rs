//! Bodies within bounds: of each, and of all that are in memory.

use super::refusal::Refusal;
use crate::whole::{Unread, whole};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Octets of bodies in memory at a time, those of all Workers together.
const ALL: usize = 256 << 20;
/// Those of one Worker: one that stalls does not keep the others from theirs.
const SHARE: usize = 32 << 20;
/// What room is given out in.
const UNIT: usize = 1 << 10;
/// Most octets that are read of a body that was refused.
const FORGOTTEN: usize = 256 << 20;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long its body may take, which comes from a process beside ours.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Room for bodies of one Worker. Clones share it.
#[derive(Clone)]
pub(crate) struct Rooms {
    all: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// A part of it, given back when dropped.
pub(crate) type Room = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Default for Rooms {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(ALL / UNIT)), own: Arc::new(Semaphore::new(SHARE / UNIT)) }
    }
}

impl Rooms {
    /// The room of one more Worker, out of the same whole.
    pub(crate) fn share(&self) -> Self {
        Self { all: Arc::clone(&self.all), ..Self::default() }
    }

    /// Room for so many octets.
    ///
    /// # Errors
    /// When there is none for ten seconds.
    pub(crate) async fn take(&self, octets: usize) -> Result<Room, Refusal> {
        let units = u32::try_from(octets.min(SHARE).div_ceil(UNIT)).unwrap_or(u32::MAX);
        // Its own first: who waits there takes nothing from others.
        let both = async {
            let own = Arc::clone(&self.own).acquire_many_owned(units).await?;
            Ok::<_, AcquireError>((own, Arc::clone(&self.all).acquire_many_owned(units).await?))
        };
        match timeout(PATIENCE, both).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) | Err(_) => {
                Err(Refusal::unavailable("Too much is on its way already. Try again in a moment."))
            }
        }
    }

    /// Reads a body of at most `most` octets. What comes in a stream, of no known length, takes room for as much as it
    /// may become.
    ///
    /// # Errors
    /// When it is larger, breaks off, or there is no room for it. It may not have been read to its end then.
    pub(crate) async fn read(&self, body: &mut Incoming, most: usize) -> Result<(Bytes, Room), Refusal> {
        let length = body.size_hint().exact().map(|octets| usize::try_from(octets).unwrap_or(usize::MAX));
        if length.is_some_and(|octets| octets > most) {
            return Err(over(most));
        }
        let room = self.take(length.unwrap_or(most)).await?;
        match timeout(BODY_PATIENCE, whole(body, most)).await {
            Ok(Ok(body)) => Ok((body, room)),
            Ok(Err(Unread::TooLong(most))) => Err(over(most)),
            Ok(Err(Unread::Broken(_))) => Err(Refusal::bad("The request broke off.")),
            Err(_) => Err(Refusal::bad("The request took too long.")),
        }
    }
}

/// Reads what is left of a body that was refused, as far as that is worth it: were the connection closed at once, the
/// runtime would find it broken and never see the answer (RFC 9112 section 9.6).
pub(crate) async fn forget(body: &mut Incoming) {
    let mut left = FORGOTTEN;
    while let Some(Ok(frame)) = body.frame().await {
        let octets = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(octets) else { return };
        left = rest;
    }
}

fn over(most: usize) -> Refusal {
    Refusal::too_large(format!("The request is longer than the {most} octets that it may have."))
}

/// The body of an answer, with the room that it takes.
pub(crate) struct Kept {
    octets: Bytes,
    _room: Option<Room>,
}

impl Kept {
    /// Octets that have room until they are sent.
    pub(crate) fn new(octets: Bytes, room: Room) -> Self {
        Self { octets, _room: Some(room) }
    }
}

impl From<&serde_json::Value> for Kept {
    fn from(value: &serde_json::Value) -> Self {
        Bytes::from(value.to_string()).into()
    }
}

impl From<Bytes> for Kept {
    /// Octets that are too few to count.
    fn from(octets: Bytes) -> Self {
        Self { octets, _room: None }
    }
}

impl Body for Kept {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.octets.is_empty() {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.octets)))))
    }

    fn is_end_stream(&self) -> bool {
        self.octets.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.octets.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_worker_that_holds_all_its_room_leaves_the_others_theirs() {
        let rooms = Rooms::default();
        let (stalled, other) = (rooms.share(), rooms.share());
        let held = stalled.take(SHARE).await.unwrap();
        assert_eq!(stalled.own.available_permits(), 0);
        let taken = other.take(ALL).await.unwrap();
        assert_eq!(rooms.all.available_permits(), (ALL - 2 * SHARE) / UNIT);
        drop((held, taken));
        assert_eq!(rooms.all.available_permits(), ALL / UNIT);
    }
}
