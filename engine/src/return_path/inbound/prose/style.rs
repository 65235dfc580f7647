//! The styles of notices, by the phrases they open with.

use super::super::text::has_any;

/// The name of a style and the phrases, in plain form, that it is known by.
type Style = (&'static str, &'static [&'static str]);

/// The particular before the general; what only says that something failed comes last.
const STYLES: [Style; 29] = [
    ("qmail", &["this is the qmail-send program"]),
    ("james", &["this is the james mail server"]),
    ("courier", &["running the courier mail server"]),
    ("opensmtpd", &["an error has occurred while attempting to deliver a message"]),
    ("mailru", &["это письмо создано автоматически"]),
    (
        "exim",
        &[
            "this message was created automatically by mail delivery software",
            "a message that you sent could not be delivered",
            "a message that you sent has not yet been delivered",
            "a message sent by <",
        ],
    ),
    (
        "postfix",
        &["this is the mail system at host", "this is the postfix program at host", "this is the postfix"],
    ),
    ("activehunter", &[">>>>> the following"]),
    (
        "sendmail",
        &[
            "had permanent fatal errors",
            "had transient non-fatal errors",
            "had permanent delivery errors",
            "had delivery problems",
            "transcript of session follows",
            "transcript of the session follows",
        ],
    ),
    (
        "mdaemon",
        &[
            "the attached message had permanent fatal delivery errors",
            "the attached message had transient",
            "failed address:",
        ],
    ),
    ("groupwise", &["the message that you sent was undeliverable to the following"]),
    ("notes", &["failure reasons"]),
    ("domino", &["was not delivered to:"]),
    (
        "exchange",
        &[
            "did not reach the following recipient",
            "did not reach some or all of the intended recipients",
            "delivery has failed to these recipients",
            "fehler bei der nachrichtenzustellung an folgende",
            "la remise a échoué pour ces destinataires",
            "échec de la remise pour ces destinataires",
            "error de entrega a estos destinatarios",
            "recapito non riuscito per i seguenti",
            "falha na entrega a estes destinatários",
            "не удалось доставить сообщение следующим",
            "以下の受信者またはグループへの配信に失敗",
            "未能向以下收件人或组",
        ],
    ),
    (
        "google",
        &[
            "delivery to the following recipient failed permanently",
            "delivery to the following recipients failed",
            "delivery to the following recipient has been delayed",
            "your message wasn't delivered to",
            "the group you tried to contact",
            "there was a temporary problem delivering your message",
            "address not found",
        ],
    ),
    ("barracuda", &["blocked by our spam firewall", "undelivered mail **"]),
    (
        "yahoo",
        &[
            "unable to deliver message to the following address",
            "unable to deliver your message to the following address",
        ],
    ),
    ("gmx", &["konnte an folgende empfänger nicht übermittelt werden", "the following addresses failed"]),
    ("interscan", &["sent >>> rcpt to", "sent <<< rcpt to"]),
    ("imail", &["unknown user:", "user mailbox exceeds allowed size:", "undeliverable to "]),
    ("surfcontrol", &["a transcript of the attempts to send the message follows"]),
    ("mailmarshal", &["could not be delivered because of"]),
    ("mailfoundry", &["unable to deliver message to:"]),
    ("communigate", &["failed to deliver to '", "failed to deliver to <"]),
    ("docomo", &["次のあて先へのメッセージはエラーのため"]),
    ("biglobe", &["non-delivered information"]),
    ("netease", &["您发送的邮件未能投递", "系统退信"]),
    ("qq", &["您的邮件被退回", "邮件无法送达", "退信原因"]),
    ("generic", &GENERIC),
];

/// What notices of no particular program say.
const GENERIC: [&str; 72] = [
    "could not be delivered",
    "couldn't be delivered",
    "cannot be delivered",
    "can't be delivered",
    "can not be delivered",
    "was not delivered",
    "wasn't delivered",
    "not been delivered",
    "not yet been delivered",
    "unable to deliver",
    "unable to be delivered",
    "failed to deliver",
    "failed permanently",
    "could not deliver",
    "couldn't deliver",
    "did not reach",
    "delivery failed",
    "delivery has failed",
    "delivery failure",
    "delivery error",
    "delivery has been delayed",
    "undeliverable",
    "undelivered",
    "returned to sender",
    "not reach the recipient",
    "rejected by a remote mail server",
    "temporarily over quota",
    "user unknown",
    "nicht zugestellt werden",
    "nicht übermittelt werden",
    "nicht ausgeliefert werden",
    "nicht zustellbar",
    "unzustellbar",
    "zustellung fehlgeschlagen",
    "zustellung ist fehlgeschlagen",
    "n'a pas pu être",
    "n'a pu être",
    "n'ont pas pu être",
    "n'a pas été remis",
    "échec de la remise",
    "échec de la distribution",
    "impossible de remettre",
    "no se pudo entregar",
    "no se ha podido entregar",
    "no ha podido ser entregado",
    "no pudo ser entregado",
    "error de entrega",
    "impossibile recapitare",
    "non è stato possibile recapitare",
    "non è stato recapitato",
    "recapito non riuscito",
    "não pôde ser entregue",
    "não foi possível entregar",
    "não foi entregue",
    "kon niet worden",
    "nie można dostarczyć",
    "nie została dostarczona",
    "送信できませんでした",
    "配信できません",
    "届けることができません",
    "无法投递",
    "не может быть доставлено",
    "お届けできません",
    "配達できません",
    "配信に失敗",
    "无法送达",
    "投递失败",
    "無法投遞",
    "無法傳送",
    "发送失败",
    "не удалось доставить",
    "не было доставлено",
];

/// What notices say of a message that is late and tried further.
const DELAYS: [&str; 22] = [
    "not yet been delivered",
    "has been delayed",
    "is delayed",
    "delivery attempts will continue",
    "delivery will continue to be attempted",
    "will continue to be attempted",
    "will be retried",
    "will keep trying",
    "will retry",
    "we'll keep trying",
    "gmail will retry",
    "still being tried",
    "transient non-fatal errors",
    "you do not need to resend",
    "do not need to resend your message",
    "temporary problem delivering",
    "noch nicht zugestellt",
    "wird weiterhin versucht",
    "n'a pas encore été",
    "todavía no se ha entregado",
    "ещё не доставлено",
    "尚未送达",
];

/// What overrules them.
const ENDS: [&str; 6] = [
    "permanent error",
    "permanent failure",
    "permanent fatal",
    "failed permanently",
    "i've given up",
    "no further attempts",
];

/// The style of a notice in plain form; `None` if nothing says that a delivery failed. What only the subject says
/// counts too, as the last resort.
pub(super) fn of(notice: &str, subject: &str) -> Option<&'static str> {
    let style = STYLES.iter().find(|(_, phrases)| has_any(notice, phrases)).map(|(name, _)| *name);
    style.or_else(|| has_any(subject, &GENERIC).then_some("generic"))
}

/// Whether a notice says that the message is tried further.
pub(super) fn is_delay(notice: &str, subject: &str) -> bool {
    (has_any(notice, &DELAYS) || has_any(subject, &["delay", "warning: could not send"]))
        && !has_any(notice, &ENDS)
}

#[cfg(test)]
mod tests {
    use super::{super::super::text::plain, *};

    #[test]
    fn phrases_are_in_plain_form() {
        let styles = STYLES.iter().flat_map(|(_, phrases)| phrases.iter());
        for phrase in styles.chain(&DELAYS).chain(&ENDS) {
            assert_eq!(plain(phrase).trim_end(), phrase.trim_end());
        }
    }
}
