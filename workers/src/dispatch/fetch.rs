//! An HTTP request for `fetch()`.

use super::{
    BodyError, FetchBody,
    pool::{Broken, Lent, Pool},
};
use bytes::Bytes;
use hyper::{
    HeaderMap, Request, Response, Uri,
    body::{Body, Frame, Incoming, SizeHint},
    header::{CONNECTION, HOST, HeaderName, HeaderValue},
    http::uri::PathAndQuery,
};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The header field that tells the Worker which request it is, in the service's own words.
pub(crate) const RAY: HeaderName = HeaderName::from_static("cf-ray");
/// How our own header fields begin; nobody else's may.
const OURS: &str = "mw-";

/// Hands a request over. `ray` is its name; `end` is called once the response is over, or nobody reads it any more.
pub(crate) async fn fetch(
    pool: &Pool,
    request: Request<FetchBody>,
    ray: HeaderValue,
) -> Result<(Response<Incoming>, Lent), Broken> {
    let (mut head, body) = request.into_parts();
    let ours: Vec<_> = head.headers.keys().filter(|name| name.as_str().starts_with(OURS)).cloned().collect();
    for name in ours {
        head.headers.remove(name);
    }
    head.headers.remove(CONNECTION);
    head.headers.insert(RAY, ray);
    name_host(&mut head.headers, &head.uri);
    head.uri = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")).into();
    pool.send(Request::from_parts(head, body)).await
}

/// A request without a host is for whatever its URL says.
fn name_host(headers: &mut HeaderMap, uri: &Uri) {
    if !headers.contains_key(HOST) {
        let host = uri.authority().map_or("localhost", |authority| authority.as_str());
        headers.insert(HOST, HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("localhost")));
    }
}

/// A response's body on its way out. What `end` is told of is over when it is.
pub(crate) struct Outgoing<E: FnOnce()> {
    body: Incoming,
    lent: Option<Lent>,
    end: Option<E>,
}

impl<E: FnOnce()> Outgoing<E> {
    /// Calls `end` once `body` is over, or this is dropped.
    pub(crate) fn new(body: Incoming, lent: Lent, end: E) -> Self {
        let mut outgoing = Self { body, lent: Some(lent), end: Some(end) };
        if outgoing.body.is_end_stream() {
            outgoing.over();
        }
        outgoing
    }

    fn over(&mut self) {
        if let Some(lent) = self.lent.take() {
            lent.put_back();
        }
        if let Some(end) = self.end.take() {
            end();
        }
    }
}

impl<E: FnOnce() + Unpin> Body for Outgoing<E> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.over(),
            Some(Err(_)) => self.lent = None,
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<E: FnOnce()> Drop for Outgoing<E> {
    fn drop(&mut self) {
        // Whoever stops reading hangs up: what is left of the response is in the connection.
        self.lent = None;
        self.over();
    }
}
