//! What the header of a message tells of who sent it and why.

use super::{
    model::OriginalMessage,
    text::{MAX_VALUE, addresses, has_any, plain, starts_with_any, value},
};
use crate::{address::EmailAddress, message::parts::Parts};

/// Most octets of a text part that are looked at: notices are short, and what follows is our own message.
pub(super) const MAX_NOTICE: usize = 32 * 1024;
/// Most addresses read from a field.
const MAX_ADDRESSES: usize = 100;

/// Local parts of machines that deliver mail.
const DAEMONS: [&str; 12] = [
    "mailer-daemon",
    "mailerdaemon",
    "mail-daemon",
    "maildaemon",
    "postmaster",
    "mdaemon",
    "microsoftexchange",
    "maildelivery",
    "mail.delivery",
    "bounce",
    "postman",
    "mailadmin",
];

/// What subjects of bounces say, in plain form.
const SUBJECTS: [&str; 57] = [
    "undeliver",
    "delivery status notification",
    "delivery fail",
    "delivery failure",
    "delivery notification",
    "delivery error",
    "delivery problem",
    "delivery report",
    "delivery delay",
    "delayed mail",
    "delivery has failed",
    "delivery has been delayed",
    "failure notice",
    "failure delivery",
    "failed mail",
    "mail failure",
    "mail delivery",
    "mail error",
    "mail could not be delivered",
    "mail system error",
    "message delivery",
    "message not delivered",
    "could not be delivered",
    "couldn't be delivered",
    "could not send message",
    "returned mail",
    "returned message",
    "returning message",
    "returned to sender",
    "nondeliverable",
    "non-deliverable",
    "non delivery",
    "non-delivery",
    "not delivered",
    "nicht zugestellt",
    "unzustellbar",
    "zustellung fehlgeschlagen",
    "zustellproblem",
    "fehler bei der",
    "non remis",
    "échec de",
    "non distribu",
    "no se pudo entregar",
    "no se puede entregar",
    "no entregado",
    "error de entrega",
    "non recapitabile",
    "mancato recapito",
    "não entregue",
    "falha na entrega",
    "onbestelbaar",
    "配信",
    "送信できません",
    "退信",
    "退回",
    "не доставлено",
    "недостав",
];

/// What the header of a message tells.
#[derive(Debug, Clone)]
pub(super) struct Evidence {
    /// The decoded subject, in plain form.
    pub(super) subject: String,
    /// The decoded From field, name and all, in plain form.
    pub(super) from: String,
    /// The addresses of the From, To, Delivered-To and Return-Path fields: the machine's and ours.
    pub(super) correspondents: Vec<EmailAddress>,
    /// Auto-Submitted up to a semicolon, in plain form (RFC 3834 section 5); empty if there is none.
    pub(super) auto_submitted: String,
    /// X-Failed-Recipients, as Exim and Google write it.
    pub(super) failed_recipients: Vec<EmailAddress>,
    /// Whether the From field names a delivery system.
    pub(super) from_daemon: bool,
    /// Whether it came with the null sender, as bounces and automatic answers do.
    pub(super) null_sender: bool,
    /// Whether the subject is a bounce's.
    pub(super) bounce_subject: bool,
    /// The text for people, undone of encoding; empty if there is none.
    pub(super) notice: String,
    /// The same, in plain form.
    pub(super) plain_notice: String,
    /// Our message, by In-Reply-To or References.
    pub(super) in_reply_to: Option<String>,
}

impl Evidence {
    pub(super) fn of(parts: &Parts<'_>) -> Self {
        let parsed = parts.parsed_header();
        let subject = parsed.as_ref().and_then(|message| message.subject()).map(plain).unwrap_or_default();
        let field = |name| parts.value(name).unwrap_or_default();
        let listed = |name| -> Vec<_> {
            addresses(&field(name)).map(|(_, address)| address).take(MAX_ADDRESSES).collect()
        };
        let from = listed("From");
        let auto_submitted = plain(field("Auto-Submitted").split([';', ' ', '(']).next().unwrap_or_default());
        let notice = parts.parts.iter().find(|part| part.is_text()).map(|part| part.text(MAX_NOTICE));
        let notice = notice.unwrap_or_default();
        Self {
            from_daemon: is_daemon(&from),
            null_sender: parts.value("Return-Path").is_some_and(|path| path == "<>"),
            bounce_subject: has_any(&subject, &SUBJECTS)
                && !starts_with_any(&subject, &["re:", "aw:", "fwd:"]),
            failed_recipients: listed("X-Failed-Recipients"),
            correspondents: [from, listed("To"), listed("Delivered-To"), listed("Return-Path")].concat(),
            from: plain(&shortened(&field("From"))),
            plain_notice: plain(&notice),
            in_reply_to: in_reply_to(parts),
            subject,
            auto_submitted,
            notice,
        }
    }

    /// Whether a machine seems to speak of a delivery that failed.
    pub(super) fn is_like_a_bounce(&self) -> bool {
        self.from_daemon || self.null_sender || self.bounce_subject || !self.failed_recipients.is_empty()
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_VALUE).collect()
}

fn is_daemon(from: &[EmailAddress]) -> bool {
    from.iter().any(|address| {
        let local = address.local().to_ascii_lowercase();
        DAEMONS.iter().any(|daemon| local.starts_with(daemon))
    })
}

/// The message that this one answers.
fn in_reply_to(parts: &Parts<'_>) -> Option<String> {
    let ids = |name| parts.value(name).as_deref().and_then(OriginalMessage::id_in);
    ids("In-Reply-To").or_else(|| ids("References")).and_then(|id| value(&id))
}
