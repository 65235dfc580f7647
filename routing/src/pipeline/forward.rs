//! The message that goes on: under a sender of ours, with what was found about it, sealed; the octets it came with stay as
//! they are, so that its signatures hold.

use super::{Arrived, Shared, notes::received};
use mailwright_actors::{
    clock,
    intake::{NewMessage, Routed},
};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    authentication::Judgement,
    envelope::Origin,
    id::QueueId,
    message::loop_field,
    return_path::token::{VerpAddress, rewrite_sender},
};
use mailwright_storage::control::RoutingZone;
use std::{collections::HashSet, sync::Arc};

/// Where a message goes, and for whom.
pub(super) struct Onward {
    zone: Arc<RoutingZone>,
    /// Where it goes, and the address of ours that it was written to.
    pub(super) recipients: Vec<(EmailAddress, EmailAddress)>,
    /// Fields that a Worker puts on top, CRLF lines.
    fields: String,
    /// What was found about it; `None` for news that goes back to where it belongs.
    judgement: Option<Arc<Judgement>>,
}

impl Onward {
    /// Mail that a rule of `zone` sends on.
    pub(super) fn judged(
        zone: Arc<RoutingZone>,
        recipients: Vec<(EmailAddress, EmailAddress)>,
        judgement: Arc<Judgement>,
        fields: String,
    ) -> Self {
        Self { zone, recipients, fields, judgement: Some(judgement) }
    }

    /// How many addresses of ours it was written to; none for news.
    pub(super) fn addresses(&self) -> usize {
        let addressed: HashSet<_> = self.recipients.iter().map(|(_, addressed)| addressed).collect();
        if self.judgement.is_some() { addressed.len() } else { 0 }
    }

    /// News of such mail, for those who wrote it.
    pub(super) fn back(zone: Arc<RoutingZone>, recipients: Vec<(EmailAddress, EmailAddress)>) -> Self {
        Self { zone, recipients, fields: String::new(), judgement: None }
    }
}

/// The message as it goes on.
pub(super) async fn written(shared: &Shared, id: QueueId, mail: Arrived, onward: Onward) -> NewMessage {
    let Onward { zone, recipients, fields, judgement } = onward;
    let addressed: Vec<_> = recipients.iter().map(|(_, addressed)| addressed.clone()).collect();
    let came = received(&mail, addressed.iter().map(ToString::to_string).collect(), judgement.as_deref());
    let sender = sender(shared, id, &mail.sender, &zone);
    let hostname = &shared.parts.settings.hostname;
    let mut trace = mail.trace(hostname, id, clock::wall());
    let (smtputf8, mut content) = (mail.smtputf8, mail.content);
    if let Some(judgement) = &judgement {
        let finished = shared.sealers.finish(id, &zone, hostname, judgement, content).await;
        content = finished.content;
        trace.push_str(&finished.fields);
        addressed.iter().for_each(|address| trace.push_str(&loop_field(address)));
        trace.push_str(&fields);
    }
    NewMessage {
        smtputf8,
        account: zone.account_id.tenant(),
        trace,
        routed: Some(Routed { zone: zone.zone_id.clone(), received: Box::new(came) }),
        ..NewMessage::new(
            id,
            sender,
            recipients.into_iter().map(|(destination, _)| destination).collect(),
            Origin::Routing,
            content,
        )
    }
}

/// The sender that it goes on under: SPF has to pass for it, and what becomes of it must find its way back.
fn sender(shared: &Shared, id: QueueId, sender: &ReversePath, zone: &RoutingZone) -> ReversePath {
    let ReversePath::Address(sender) = sender else { return ReversePath::Null };
    let keys = shared.parts.control.token_keys();
    let rewritten = rewrite_sender(sender, &zone.name, clock::wall(), &keys);
    // One that is too long to be rewritten is in the log, under the name of the message.
    let rewritten = rewritten.or_else(|_| VerpAddress::new(id, None, zone.name.clone()).to_address(&keys));
    rewritten.map_or(ReversePath::Null, ReversePath::Address)
}
