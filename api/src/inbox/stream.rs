//! Messages as the sandbox receives them, live: Server-Sent Events (WHATWG HTML, section 9.2).

use super::{HEAD, row, store, with};
use crate::{
    access::Operator,
    activity::StreamSlot,
    answer::ApiError,
    openapi::{Known, Limited, Lookup},
    server::AppState,
};
use actix_web::{
    HttpResponse,
    http::header,
    web::{self, Bytes},
};
use mailwright_actors::smtp::sandbox::KeptId;
use serde_json::json;
use std::{convert::Infallible, time::Duration};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};

/// How often a comment is sent: a client that is gone is noticed by it.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET sandbox/messages/stream`: an event `message` for each message that the sandbox receives from now on, as in the list.
#[utoipa::path(
    get, path = "/client/v4/delivery/sandbox/messages/stream", tag = "Sandbox", operation_id = "stream_received",
    responses((status = 200, body = String, content_type = "text/event-stream"), Known, Lookup, Limited),
)]
pub(super) async fn stream(
    _operator: Operator,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let arrivals = store(&state)?.listen();
    let told = Told { arrivals, greeted: false, _slot: state.streams.take("")?, state };
    let events = futures_util::stream::unfold(told, |mut told| async move {
        let bytes = told.next().await?;
        Some((Ok::<_, Infallible>(bytes), told))
    });
    let mut answer = HttpResponse::Ok();
    answer.content_type("text/event-stream").insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer.streaming(events))
}

/// One client's stream.
struct Told {
    arrivals: Receiver<KeptId>,
    greeted: bool,
    state: web::Data<AppState>,
    _slot: StreamSlot,
}

impl Told {
    /// What is sent next; `None` when the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(Bytes::from_static(b": from here on nothing is left out unsaid\n\n"));
        }
        loop {
            let state = self.state.clone();
            let heard = tokio::select! {
                heard = timeout(HEARTBEAT, self.arrivals.recv()) => heard,
                () = state.stops() => return None,
            };
            match heard {
                Ok(Ok(id)) => match self.told(id).await {
                    Some(event) => return Some(event),
                    None => continue,
                },
                Ok(Err(RecvError::Lagged(count))) => {
                    return Some(format!("event: missed\ndata: {}\n\n", json!({ "count": count })).into());
                }
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    /// An event about a message, unless it was removed again.
    async fn told(&self, id: KeptId) -> Option<Bytes> {
        let name = id.to_text();
        let row =
            with(&self.state, move |store| Ok(store.read(&id, HEAD)?.map(|message| row(&id, &message))));
        let row = row.await.ok()??;
        Some(format!("id: {name}\nevent: message\ndata: {row}\n\n").into())
    }
}
