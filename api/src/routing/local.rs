//! `/cdn-cgi/handler/email`: mail handed to routing without SMTP, for whoever tries it out on his own machine.

use crate::{
    answer::{ApiError, success},
    openapi::{Answer, Input, Limited, Lookup, objects::routing::LocalEmail},
    request::query,
    server::AppState,
};
use actix_web::{HttpRequest, HttpResponse, web};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    authentication::Judgement,
    envelope::SmtpUtf8,
    message::{ReceivedWith, to_crlf},
    smtp::reply::Reply,
};
use mailwright_routing::{
    gate::Facts,
    pipeline::{Arrived, Fate, What},
};
use mailwright_storage::events::event::Ran;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use utoipa::IntoParams;

/// Who the client says it is, in trace fields and to SPF.
const HELO: &str = "localhost";
/// How long to wait for what a Worker says: it is told when the last of its promises has settled.
const RUN_PATIENCE: Duration = Duration::from_secs(2);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct EnvelopeQuery {
    /// The envelope sender; empty for the null sender.
    from: String,
    /// The recipient.
    to: String,
}

/// `POST /cdn-cgi/handler/email?from=&to=`: the raw message goes through routing as if SMTP had brought it. Only where
/// `[routing] local_handler` is on, and from the machine itself.
#[utoipa::path(
    post, path = "/cdn-cgi/handler/email", tag = "Email routing", operation_id = "handle_local_email", security(()),
    params(EnvelopeQuery), request_body(content = String, content_type = "text/plain"),
    responses((status = 200, body = Answer<LocalEmail>), Lookup, Input, Limited),
)]
pub(super) async fn handle(
    http: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
) -> Result<HttpResponse, ApiError> {
    let peer = http.peer_addr().map(|peer| peer.ip().to_canonical()).filter(std::net::IpAddr::is_loopback);
    let Some(peer) = peer.filter(|_| state.settings.local_handler) else {
        return Err(ApiError::no_object("route"));
    };
    let EnvelopeQuery { from, to } = query(&http)?;
    let wrong =
        |field: &str, text: &str, error| ApiError::schema(field, format!("'{field}': {text:?}: {error}."));
    let sender = match from.as_str() {
        "" | "<>" => ReversePath::Null,
        from => {
            let address = EmailAddress::parse(from).map_err(|error| wrong("from", from, error))?;
            ReversePath::Address(address)
        }
    };
    let recipient = EmailAddress::parse(&to).map_err(|error| wrong("to", &to, error))?;
    let body = state.bodies.read(&http, payload).await?;
    let mail = Arrived {
        peer,
        helo: HELO.to_owned(),
        with: ReceivedWith::Http,
        cipher: None,
        sender,
        smtputf8: SmtpUtf8::NotNeeded,
        facts: Facts::default(),
        content: to_crlf(body.as_ref()).into_owned(),
        spam: None,
    };
    let shown = match state.reception.hand_in(mail, &recipient).await {
        Ok(fate) => {
            let ran = if fate.by_worker { state.runs.of(fate.id, RUN_PATIENCE).await } else { None };
            shown(&fate, ran)
        }
        Err(reply) => refused(&reply),
    };
    Ok(success(shown))
}

fn shown(fate: &Fate, ran: Option<Ran>) -> Value {
    let outcome = match fate.what {
        What::Heard => "heard",
        What::Delivered => "forwarded",
        What::Queued => "queued",
        What::Dropped => "dropped",
        What::Processed => "processed",
        What::Held => "held",
        What::Refused(_) => "refused",
    };
    json!({
        "outcome": outcome,
        "reply": fate.reply().to_string(),
        "message_id": fate.id.to_string(),
        "authentication": fate.judgement.as_deref().map(results),
        "worker": ran.map(told),
    })
}

/// What a Worker did and said.
fn told(ran: Ran) -> Value {
    let Ran { script, version, outcome, wall_ms, lines, exceptions, .. } = ran;
    json!({
        "script": script, "version": version, "outcome": outcome, "wall_ms": wall_ms,
        "logs": lines, "exceptions": exceptions,
    })
}

/// A recipient that is not taken.
fn refused(reply: &Reply) -> Value {
    json!({ "outcome": "refused", "reply": reply.to_string(), "message_id": null, "authentication": null, "worker": null })
}

fn results(judgement: &Judgement) -> Value {
    json!({
        "spf": judgement.spf.result,
        "dkim": judgement.dkim_result(),
        "dmarc": judgement.dmarc.result,
        "arc": judgement.arc.result,
    })
}
