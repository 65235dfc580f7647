//! Bodies that are read to their end, within bounds.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    /// There is more of it than there may be.
    #[error("a body of more than {0} octets")]
    TooLong(usize),
    /// It broke off.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
}

/// All of a body, if that is not more than `most` octets.
///
/// # Errors
/// [`Unread`]; what is left of it is still to be read then.
pub(crate) async fn whole(body: &mut Incoming, most: usize) -> Result<Bytes, Unread> {
    let expected = body.size_hint().exact().and_then(|octets| usize::try_from(octets).ok());
    let mut all = BytesMut::with_capacity(expected.unwrap_or_default().min(most));
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if all.len() + data.len() > most {
            return Err(Unread::TooLong(most));
        }
        all.extend_from_slice(&data);
    }
    Ok(all.freeze())
}
