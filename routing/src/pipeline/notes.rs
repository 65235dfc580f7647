//! What the log is told of a message from the world.

use super::Arrived;
use mailwright_engine::{
    address::EmailAddress,
    authentication::{Judgement, MethodResult},
    envelope::Origin,
    message::{author, message_id, subject},
    smtp::reply::Reply,
    spam::Score,
};
use mailwright_storage::{
    control::RoutingZone,
    events::{
        Event,
        event::{Accepted, Checks, Dropped, Received, Refused},
    },
};

/// How a message came for these addresses of ours.
pub(super) fn received(mail: &Arrived, addressed: Vec<String>, judgement: Option<&Judgement>) -> Received {
    let of = |result: fn(&Judgement) -> MethodResult| judgement.map(result).unwrap_or_default().to_string();
    Received {
        peer: mail.peer,
        helo: mail.helo.chars().take(Received::MAX_NAME).collect(),
        from: mail.sender.to_string(),
        addressed,
        checks: Checks {
            spf: of(|judgement| judgement.spf.result),
            dkim: of(Judgement::dkim_result),
            dmarc: of(|judgement| judgement.dmarc.result),
            arc: of(|judgement| judgement.arc.result),
        },
        spam: mail.spam.map(Score::hundredths),
    }
}

/// That it was refused for an account's addresses; `None` if nobody owns them any more.
pub(super) fn refused(
    mail: &Arrived,
    zone: &RoutingZone,
    addressed: &[&EmailAddress],
    judgement: &Judgement,
    reply: &Reply,
) -> Option<Event> {
    let to = addressed.iter().take(Accepted::SHOWN).map(ToString::to_string).collect::<Vec<_>>();
    Some(Event::Rejected(Box::new(Refused {
        from: author_of(mail.header()),
        to: to.clone(),
        account: zone.account_id.tenant()?,
        zone: Some(zone.zone_id.to_string()),
        origin: Origin::Routing,
        subject: subject_of(mail.header()),
        code: reply.enhanced().map(|status| status.to_string()).unwrap_or_default(),
        reason: reply.lines().join(" "),
        received: Some(Box::new(received(mail, to, Some(judgement)))),
    })))
}

/// What tells of mail that was taken for these addresses and goes nowhere; `None` if nobody owns them any more.
pub(super) type Kept = fn(&Arrived, &RoutingZone, &[EmailAddress], &Judgement) -> Option<Event>;

/// That the rules of an account's addresses threw it away.
pub(super) fn dropped(
    mail: &Arrived,
    zone: &RoutingZone,
    addressed: &[EmailAddress],
    judgement: &Judgement,
) -> Option<Event> {
    Some(Event::Dropped(kept(mail, zone, addressed, judgement)?))
}

/// That the Workers of an account's addresses took it and sent it nowhere.
pub(super) fn processed(
    mail: &Arrived,
    zone: &RoutingZone,
    addressed: &[EmailAddress],
    judgement: &Judgement,
) -> Option<Event> {
    Some(Event::Processed(kept(mail, zone, addressed, judgement)?))
}

/// That the Workers of an account's addresses are to have it later.
pub(super) fn held(
    mail: &Arrived,
    zone: &RoutingZone,
    addressed: &[EmailAddress],
    judgement: &Judgement,
) -> Option<Event> {
    Some(Event::Held(kept(mail, zone, addressed, judgement)?))
}

fn kept(
    mail: &Arrived,
    zone: &RoutingZone,
    addressed: &[EmailAddress],
    judgement: &Judgement,
) -> Option<Box<Dropped>> {
    let to: Vec<_> = addressed.iter().take(Accepted::SHOWN).map(ToString::to_string).collect();
    Some(Box::new(Dropped {
        author: author_of(mail.header()),
        to: to.clone(),
        account: zone.account_id.tenant()?,
        zone: zone.zone_id.to_string(),
        message_id: message_id(mail.header()),
        subject: subject_of(mail.header()),
        size: mail.content.len() as u64,
        received: Box::new(received(mail, to, Some(judgement))),
    }))
}

fn author_of(header: &[u8]) -> String {
    author(header).map(|author| author.to_string()).unwrap_or_default()
}

fn subject_of(header: &[u8]) -> Option<String> {
    Some(subject(header)?.chars().take(Accepted::MAX_SUBJECT).collect())
}
