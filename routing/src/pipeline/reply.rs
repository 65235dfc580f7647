//! Answers of Workers on their way: signed by the domain that they are from, under a sender whose bounces come to us.

use super::{Shared, plan::WorkerReply, sealers};
use mailwright_actors::{clock, intake::NewMessage};
use mailwright_engine::{
    address::ReversePath,
    envelope::{Origin, SmtpUtf8},
    id::QueueId,
    message::split_header,
    return_path::token::VerpAddress,
};
use mailwright_storage::control::RoutingZone;

/// Sends an answer to the message `about`. What keeps it from going is logged: the message that it answers is safe by now, and its sender is
/// not to send it again.
pub(super) async fn send(shared: &Shared, about: QueueId, zone: &RoutingZone, reply: WorkerReply) {
    let WorkerReply { id, to, message } = reply;
    let smtputf8 = if message.has_utf8_header() { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded };
    let content = message.into_content();
    let signed_by = shared.parts.intake.domain_of_author(&content);
    let signed_by = signed_by.filter(|domain| domain.account_id == zone.account_id);
    let sender = match &signed_by {
        Some(domain) => shared.parts.intake.outgoing().sender(id, 1, domain).ok(),
        None => {
            let back = VerpAddress::new(id, None, zone.name.clone());
            back.to_address(&shared.parts.control.token_keys()).ok().map(ReversePath::Address)
        }
    };
    let trace = if signed_by.is_some() { String::new() } else { signature(zone, &content) };
    let new = NewMessage {
        smtputf8,
        account: zone.account_id.tenant(),
        trace,
        signed_by,
        ..NewMessage::new(id, sender.unwrap_or(ReversePath::Null), vec![to], Origin::Worker, content)
    };
    if let Err(error) = shared.parts.intake.accept(new).await {
        tracing::error!(id = %about, zone = %zone.name, %error, "the reply of a Worker is lost");
    }
}

/// The signature of a zone that does not send by us otherwise.
fn signature(zone: &RoutingZone, content: &[u8]) -> String {
    let (header, body) = split_header(content);
    let signed = sealers::signer(zone).and_then(|signer| {
        let signed = signer.map(|signer| signer.sign(header, [body], clock::wall())).transpose()?;
        Ok(signed.unwrap_or_default())
    });
    // It arrives all the same; it may be taken for a forgery.
    let signed = signed.unwrap_or_else(|error| {
        tracing::error!(zone = %zone.name, %error, "the reply of a Worker goes without a signature");
        Vec::new()
    });
    String::from_utf8_lossy(&signed).into_owned()
}
