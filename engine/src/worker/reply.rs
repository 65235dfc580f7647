//! Answers that a Worker gives to the sender of a message, and when it may.
//!
//! The conditions are the service's: without them a Worker could be made to send mail to whoever stands in a forged From
//! field, and two Workers could answer each other for ever (RFC 3834 section 2).

use super::ActionError;
use crate::{
    address::{EmailAddress, ReversePath},
    message::{RawDefaults, RawMessage, check_raw, fields, message_id, split_header},
};

/// Most entries of References in a message that is answered: a thread that is longer goes round in circles.
pub const MAX_REFERENCES: usize = 100;

/// A message that may be answered.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Its header section.
    pub header: &'a [u8],
    /// Its envelope sender.
    pub sender: &'a ReversePath,
    /// The address of ours that it was for.
    pub recipient: &'a EmailAddress,
    /// Whether DMARC has passed.
    pub dmarc_passed: bool,
}

/// An answer as a Worker gives it.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// The envelope sender, maybe as `Name <address>`.
    pub from: &'a str,
    /// The envelope recipient.
    pub to: &'a str,
    /// Header and body.
    pub raw: &'a [u8],
}

/// Checks an answer and completes it: with its Date and Message-ID, with the References of the thread, and with
/// `Auto-Submitted: auto-replied`, so that nobody answers it by himself (RFC 3834 section 5).
///
/// # Errors
/// The condition that does not hold.
pub fn check_reply(
    answered: &Answered<'_>,
    reply: &Reply<'_>,
    defaults: &RawDefaults<'_>,
) -> Result<RawMessage, ActionError> {
    check_answered(answered)?;
    check_addresses(answered, reply)?;
    let message = completed(answered, reply.raw);
    let message = check_raw(&message, defaults).map_err(|error| ActionError {
        code: Some(error.code.as_str().to_owned()),
        message: format!("The reply is no message that can be sent: {}", error.message),
    })?;
    let (header, _) = split_header(message.content());
    check_thread(answered.header, header)?;
    let domain = answered.recipient.domain();
    if message.from().domain() != domain {
        return Err(refused(format!(
            "The reply is From {}, and only {domain}, which received the message, may reply to it.",
            message.from()
        )));
    }
    Ok(message)
}

/// Whether the message may be answered at all.
fn check_answered(answered: &Answered<'_>) -> Result<(), ActionError> {
    if !answered.dmarc_passed {
        return Err(refused(
            "The message cannot be replied to: it does not pass DMARC, so nobody knows who wrote it.",
        ));
    }
    if *answered.sender == ReversePath::Null || is_automatic(answered.header) {
        return Err(refused(
            "The message cannot be replied to: it was sent by a program (no sender, Auto-Submitted, Precedence or a mailing list).",
        ));
    }
    let references: usize = values(answered.header, "References").map(|value| ids(&value).count()).sum();
    if references > MAX_REFERENCES {
        return Err(refused(format!(
            "The message cannot be replied to: it has {references} References, and more than {MAX_REFERENCES} are a loop."
        )));
    }
    Ok(())
}

/// Whether a program wrote it, or sent it to many (RFC 3834 section 2, RFC 2369, RFC 2919).
fn is_automatic(header: &[u8]) -> bool {
    let is_auto = |value: String| {
        let word = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        !word.is_empty() && word != "no"
    };
    let is_bulk = |value: String| {
        matches!(value.trim().to_ascii_lowercase().as_str(), "bulk" | "junk" | "list" | "auto_reply")
    };
    values(header, "Auto-Submitted").any(is_auto)
        || values(header, "Precedence").any(is_bulk)
        || values(header, "List-Id").next().is_some()
}

fn check_addresses(answered: &Answered<'_>, reply: &Reply<'_>) -> Result<(), ActionError> {
    let to = bare(reply.to);
    let is_sender = |sender: &EmailAddress| EmailAddress::parse(to).is_ok_and(|to| to == *sender);
    if !matches!(answered.sender, ReversePath::Address(sender) if is_sender(sender)) {
        return Err(refused(format!("The reply is to {to:?}, and it must be to the sender of the message.")));
    }
    let from = EmailAddress::parse(bare(reply.from)).map_err(|error| ActionError {
        code: Some("E_VALIDATION_ERROR".to_owned()),
        message: format!("The sender of the reply is no address: {error}."),
    })?;
    if from.domain() != answered.recipient.domain() {
        return Err(refused(format!(
            "The reply is from {from}, and only {}, which received the message, may reply to it.",
            answered.recipient.domain()
        )));
    }
    Ok(())
}

/// Whether the reply names the message that it answers.
fn check_thread(answered: &[u8], reply: &[u8]) -> Result<(), ActionError> {
    let id = message_id(answered);
    if id.is_empty() {
        return Err(refused("The message cannot be replied to: it has no Message-ID."));
    }
    let named = values(reply, "In-Reply-To").any(|value| ids(&value).any(|one| one == id));
    if named {
        Ok(())
    } else {
        Err(refused(format!(
            "The reply needs the field \"In-Reply-To: <{id}>\", the Message-ID of the message."
        )))
    }
}

/// The reply with what it lacks that only we know.
fn completed(answered: &Answered<'_>, raw: &[u8]) -> Vec<u8> {
    let raw = crate::message::to_crlf(raw);
    let (header, _) = split_header(&raw);
    let mut head = String::new();
    if values(header, "Auto-Submitted").next().is_none() {
        head.push_str("Auto-Submitted: auto-replied\r\n");
    }
    if values(header, "References").next().is_none() {
        let earlier: Vec<_> = values(answered.header, "References")
            .flat_map(|value| ids(&value).map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let all = earlier.into_iter().chain(Some(message_id(answered.header)).filter(|id| !id.is_empty()));
        let lines: Vec<_> = all.map(|id| format!("<{id}>")).collect();
        if !lines.is_empty() {
            head.push_str(&format!("References: {}\r\n", lines.join("\r\n ")));
        }
    }
    [head.as_bytes(), &raw].concat()
}

fn values<'h>(header: &'h [u8], name: &str) -> impl Iterator<Item = String> + use<'h> {
    let name = name.to_owned();
    fields(header).filter(move |field| field.is(&name)).map(|field| field.unfolded())
}

/// The ids in a list of them, without angle brackets.
fn ids(value: &str) -> impl Iterator<Item = &str> {
    value.split('<').skip(1).filter_map(|rest| rest.split_once('>').map(|(id, _)| id.trim()))
}

/// The address in `Name <address>`, or in `address`.
fn bare(text: &str) -> &str {
    let inner = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inner, _)| inner);
    inner.unwrap_or(text).trim()
}

fn refused(message: impl Into<String>) -> ActionError {
    ActionError { code: None, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    const CAME: &str = "From: ann@far.example\r\nMessage-ID: <1@far.example>\r\nReferences: <0@far.example>\r\nSubject: x\r\n";
    const REPLY: &str = "From: Us <us@our.example>\r\nTo: ann@far.example\r\nIn-Reply-To: <1@far.example>\r\nSubject: Re: x\r\n\r\nhi\r\n";

    struct Case {
        came: String,
        sender: &'static str,
        dmarc: bool,
        from: &'static str,
        to: &'static str,
        raw: String,
    }

    impl Default for Case {
        fn default() -> Self {
            let (from, to) = ("us@our.example", "ann@far.example");
            Self { came: CAME.into(), sender: "ann@far.example", dmarc: true, from, to, raw: REPLY.into() }
        }
    }

    impl Case {
        fn check(&self) -> Result<String, String> {
            let sender = match self.sender {
                "" => ReversePath::Null,
                address => ReversePath::Address(EmailAddress::parse(address).unwrap()),
            };
            let recipient = EmailAddress::parse("us@our.example").unwrap();
            let answered = Answered {
                header: self.came.as_bytes(),
                sender: &sender,
                recipient: &recipient,
                dmarc_passed: self.dmarc,
            };
            let reply = Reply { from: self.from, to: self.to, raw: self.raw.as_bytes() };
            let defaults = RawDefaults { date: UnixMillis::new(0), message_id: "2@our.example" };
            let checked = check_reply(&answered, &reply, &defaults);
            checked
                .map(|message| String::from_utf8(message.into_content()).unwrap())
                .map_err(|error| error.message)
        }

        fn refused(&self) -> String {
            self.check().expect_err("refused")
        }
    }

    #[test]
    fn a_reply_is_completed_so_that_it_belongs_to_the_thread_and_nobody_answers_it_by_himself() {
        let sent = Case::default().check().unwrap();
        for part in [
            "References: <0@far.example>\r\n <1@far.example>\r\n",
            "Auto-Submitted: auto-replied\r\n",
            "Message-ID: <2@our.example>\r\n",
            "\r\n\r\nhi\r\n",
        ] {
            assert!(sent.contains(part), "{part:?} in {sent}");
        }
        let own = REPLY.replace("Subject", "References: <1@far.example>\r\nSubject");
        let sent = Case { raw: own, ..Case::default() }.check().unwrap();
        assert_eq!(sent.matches("References:").count(), 1, "{sent}");
    }

    #[test]
    fn each_condition_has_its_own_words() {
        let with = |line: &str| Case { came: format!("{CAME}{line}\r\n"), ..Case::default() }.refused();
        assert!(Case { dmarc: false, ..Case::default() }.refused().contains("DMARC"));
        assert!(Case { sender: "", ..Case::default() }.refused().contains("program"));
        for line in ["Auto-Submitted: auto-generated", "Precedence: bulk", "List-Id: <l.far.example>"] {
            assert!(with(line).contains("program"), "{line}");
        }
        let many = (0..100).map(|n| format!(" <{n}@far.example>")).collect::<Vec<_>>().join("\r\n");
        assert!(with(&format!("References:{many}")).contains("101 References"));
        assert!(
            Case { to: "bob@far.example", ..Case::default() }.refused().contains("must be to the sender")
        );
        assert!(Case { from: "us@other.example", ..Case::default() }.refused().contains("may reply"));
        assert!(Case { from: "nonsense", ..Case::default() }.refused().contains("no address"));
        let other = REPLY.replace("us@our.example", "us@other.example");
        assert!(Case { raw: other, ..Case::default() }.refused().contains("From us@other.example"));
        let unnamed = REPLY.replace("<1@far.example>", "<9@far.example>");
        assert!(Case { raw: unnamed, ..Case::default() }.refused().contains("In-Reply-To: <1@far.example>"));
        let nameless = CAME.replace("Message-ID: <1@far.example>\r\n", "");
        assert!(Case { came: nameless, ..Case::default() }.refused().contains("no Message-ID"));
        assert!(
            Case { raw: "no header\r\n\r\nx".into(), ..Case::default() }.refused().contains("no message")
        );
    }

    #[test]
    fn mail_that_says_that_a_person_wrote_it_may_be_answered() {
        let came = format!("{CAME}Auto-Submitted: no\r\nPrecedence: first-class\r\n");
        assert!(Case { came, ..Case::default() }.check().is_ok());
    }
}
