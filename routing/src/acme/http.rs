//! The HTTP that the ACME client speaks: that of all our HTTPS.
//!
//! The client must be free to move between threads and our HTTPS stays on one, so requests go through a channel to
//! where it is.

use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full};
use hyper::{Request, Response, StatusCode, Uri, http::uri::PathAndQuery};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use mailwright_actors::https::{Https, HttpsAnswer, Overlong};
use std::{pin::Pin, rc::Rc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest response read, in octets; the longest is a chain of certificates.
const MOST: usize = 256 * 1024;

/// Asks the authority. Clones share what asks.
#[derive(Clone)]
pub(super) struct AcmeHttp {
    asked: mpsc::Sender<Asked>,
}

struct Asked {
    request: Request<Full<Bytes>>,
    answer: oneshot::Sender<Result<HttpsAnswer, String>>,
}

impl AcmeHttp {
    /// Asks through `https`, on the current thread, for as long as there is somebody to ask for.
    pub(super) fn start(https: Https) -> Self {
        // One order is under way at a time, and it asks for one thing at a time.
        let (asked, mut questions) = mpsc::channel::<Asked>(1);
        let https = Rc::new(https);
        tokio::task::spawn_local(async move {
            while let Some(Asked { request, answer }) = questions.recv().await {
                let answered = timeout(PATIENCE, Box::pin(ask(&https, request))).await;
                // Whoever asked may have gone meanwhile.
                let _ =
                    answer.send(answered.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}"))));
            }
        });
        Self { asked }
    }
}

impl HttpClient for AcmeHttp {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let asked = self.asked.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await.map(Collected::to_bytes);
            let request = Request::from_parts(parts, Full::new(body));
            let (answer, answered) = oneshot::channel();
            let gone = || Error::Other("the service is stopping".into());
            asked.send(Asked { request, answer }).await.map_err(|_| gone())?;
            let answer = answered.await.map_err(|_| gone())?.map_err(|why| Error::Other(why.into()))?;
            response(answer)
        })
    }
}

/// Asks the host that the request's URL names.
async fn ask(https: &Https, mut request: Request<Full<Bytes>>) -> Result<HttpsAnswer, String> {
    let url = std::mem::take(request.uri_mut());
    let host = url.host().filter(|_| url.scheme_str() == Some("https"));
    let host = host.ok_or_else(|| format!("{url} is not of the form https://HOST/PATH"))?;
    let path = url.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    let (host, port) = (host.trim_matches(['[', ']']), url.port_u16().unwrap_or(443));
    let answer = https.exchange(host, port, request, MOST, Overlong::Refused).await;
    answer.map_err(|error| format!("{host}: {error}"))
}

fn response(answer: HttpsAnswer) -> Result<BytesResponse, Error> {
    let mut response = Response::new(());
    *response.status_mut() =
        StatusCode::from_u16(answer.status).map_err(|error| Error::Other(error.into()))?;
    *response.headers_mut() = answer.headers;
    Ok(BytesResponse { parts: response.into_parts().0, body: Box::new(answer.body) })
}
