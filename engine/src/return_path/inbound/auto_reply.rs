//! Machines that answer for people (RFC 3834), and filters that want an answer themselves.

use super::{
    evidence::Evidence,
    model::AutoReplyKind,
    text::{has_any, plain, starts_with_any},
};
use crate::message::parts::Parts;

/// Fields that only automatic answers have; what they say does not matter, unless it is no.
const FIELDS: [&str; 9] = [
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply",
    "X-Auto-Response",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
    "X-Apple-Action",
    "X-MS-Exchange-Inbox-Rules-Loop",
];

/// Beginnings of subjects that programs write, in plain form.
const SUBJECTS: [&str; 30] = [
    "auto:",
    "autoreply",
    "auto reply",
    "auto-reply",
    "automatic reply",
    "automated reply",
    "automated response",
    "auto response",
    "auto-response",
    "autoresponse",
    "out of office",
    "out of the office",
    "vacation",
    "away from my mail",
    "automatische antwort",
    "abwesenheit",
    "réponse automatique",
    "absence du bureau",
    "respuesta automática",
    "fuera de la oficina",
    "risposta automatica",
    "fuori sede",
    "resposta automática",
    "automatisch antwoord",
    "autosvar",
    "automatyczna odpowiedź",
    "автоматический ответ",
    "автоответ",
    "自動返信",
    "自动回复",
];

/// What answers for people who are away say, in plain form.
const AWAY: [&str; 36] = [
    "out of office",
    "out of the office",
    "away from the office",
    "away from my mail",
    "on vacation",
    "on holiday",
    "on leave",
    "parental leave",
    "maternity leave",
    "annual leave",
    "no longer with",
    "no longer works",
    "has left the company",
    "will be back",
    "will return",
    "currently away",
    "vacation",
    "abwesend",
    "abwesenheit",
    "nicht im büro",
    "im urlaub",
    "nicht mehr für",
    "absent",
    "en congé",
    "de vacaciones",
    "fuera de la oficina",
    "in ferie",
    "fuori sede",
    "de férias",
    "in de vakantie",
    "в отпуске",
    "отсутств",
    "不在",
    "休暇",
    "休假",
    "外出",
];

/// What filters that want the sender to answer say, in plain form.
const CHALLENGES: [&str; 14] = [
    "confirm your message",
    "confirm your email to",
    "please confirm that you sent",
    "confirm you are a human",
    "prove that you are human",
    "prove you are human",
    "click the link below to deliver your message",
    "held for your approval by the sender",
    "sender verification required",
    "boxbe",
    "spam arrest",
    "spamarrest",
    "challenge/response",
    "your message has been held until you verify",
];

/// Whether a message says that ours was opened, or deleted unread (RFC 8098).
pub(super) fn receipt(parts: &Parts<'_>) -> bool {
    parts.find(&["message/disposition-notification", "message/global-disposition-notification"]).is_some()
}

/// Whether a filter asks for an answer.
pub(super) fn challenge(evidence: &Evidence) -> bool {
    let where_from =
        has_any(&evidence.from, &["boxbe", "spamarrest", "spam arrest", "uol.com.br antispam", "tmda"]);
    where_from && has_any(&evidence.plain_notice, &["verif", "confirm", "waiting list", "approv", "human"])
        || !evidence.from_daemon && has_any(&evidence.subject, &CHALLENGES)
        || !evidence.from_daemon && has_any(&evidence.plain_notice, &CHALLENGES)
}

/// What is an automatic answer by what its header says. Delivery systems say the same of bounces (Exim,
/// `auto-replied`), so that what comes from one is not decided here.
pub(super) fn certain(parts: &Parts<'_>, evidence: &Evidence) -> Option<AutoReplyKind> {
    if !evidence.failed_recipients.is_empty() || evidence.from_daemon {
        return None;
    }
    let marked = FIELDS.iter().any(|name| {
        parts.value(name).is_some_and(|value| !matches!(plain(&value).as_str(), "no" | "false" | ""))
    });
    let precedence = plain(&parts.value("Precedence").unwrap_or_default());
    let automatic = starts_with_any(&evidence.auto_submitted, &["auto-replied", "auto-notified"])
        || marked
        || matches!(precedence.as_str(), "auto_reply" | "auto-reply")
        || starts_with_any(&evidence.subject, &SUBJECTS);
    (automatic && !evidence.bounce_subject).then(|| kind(evidence))
}

/// What is one most likely: a machine sent it, and nothing in it is a bounce's.
pub(super) fn likely(evidence: &Evidence) -> Option<AutoReplyKind> {
    let automatic = !matches!(evidence.auto_submitted.as_str(), "" | "no");
    let away = has_any(&evidence.subject, &SUBJECTS) || has_any(&evidence.subject, &AWAY);
    ((automatic || away) && !evidence.bounce_subject).then(|| kind(evidence))
}

fn kind(evidence: &Evidence) -> AutoReplyKind {
    if has_any(&evidence.subject, &AWAY) || has_any(&evidence.plain_notice, &AWAY) {
        AutoReplyKind::OutOfOffice
    } else {
        AutoReplyKind::Acknowledgement
    }
}
