//! What receivers may dislike about a message that is valid.
//!
//! Nothing here keeps a message from being sent. Each piece of advice is something that mailbox providers say they
//! look at (Google's and Yahoo's sender guidelines, RFC 8058, RFC 2369) or that filters commonly score.

use super::model::{Attachment, SendRequest};
use crate::address::{EmailAddress, Mailbox};
use serde::Serialize;

/// Content above this is refused by many receivers, in octets: base64 makes 10 MiB of about 7.3.
const LARGE: usize = 7 * 1024 * 1024;
/// As many recipients as one transaction of transactional mail rarely has.
const MANY_RECIPIENTS: usize = 10;
/// Subjects of so many letters that are all capitals shout.
const SHOUTING: usize = 8;
/// A subject longer than this is cut off everywhere, in characters.
const LONG_SUBJECT: usize = 200;

/// Words that filters score, as the service's deliverability guide names them.
const LOUD_WORDS: [&str; 3] = ["FREE", "URGENT", "GUARANTEED"];

/// File names that receivers refuse whatever is in them.
const REFUSED_FILES: [&str; 14] = [
    ".exe", ".bat", ".cmd", ".com", ".js", ".jse", ".vbs", ".vbe", ".scr", ".pif", ".msi", ".jar", ".lnk",
    ".ps1",
];

/// Something that receivers may dislike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// HTML without plain text.
    NoPlainText,
    /// An image or two and no words.
    NoWords,
    /// The subject is empty.
    NoSubject,
    /// The subject is cut off everywhere.
    LongSubject,
    /// The subject is all capitals.
    ShoutingSubject,
    /// The subject has words that filters score.
    LoudWords,
    /// The author's display name is an address other than the author's, as forgers write it.
    NameIsAnAddress,
    /// Answers go to another organisation.
    ReplyElsewhere,
    /// Many recipients, and no way to unsubscribe.
    NoUnsubscribe,
    /// A way to unsubscribe, but not with one click.
    NoOneClick,
    /// Links without TLS.
    PlainLinks,
    /// A form or a script in the HTML.
    ActiveContent,
    /// A file that receivers refuse by its name.
    RefusedFile,
    /// More than many receivers take.
    Large,
}

impl Advice {
    /// What to do, in a sentence.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NoPlainText => {
                "Add a plain-text part with the same words: HTML alone looks like bulk mail."
            }
            Self::NoWords => "Add words: HTML that is only pictures is taken for a way around filters.",
            Self::NoSubject => "Give it a subject.",
            Self::LongSubject => "Shorten the subject: programs show far less than 200 characters.",
            Self::ShoutingSubject => "Write the subject in lower case as well: all capitals count as spam.",
            Self::LoudWords => {
                "Say it without FREE, URGENT or GUARANTEED in the subject: filters score them."
            }
            Self::NameIsAnAddress => {
                "The sender's name shows another address than the sender's own, as forgers do."
            }
            Self::ReplyElsewhere => "Answers go to another domain than the sender's; filters distrust that.",
            Self::NoUnsubscribe => {
                "Add List-Unsubscribe: large receivers want it of all that goes to many (RFC 2369)."
            }
            Self::NoOneClick => "Add List-Unsubscribe-Post: List-Unsubscribe=One-Click (RFC 8058).",
            Self::PlainLinks => "Use https links: those without TLS are distrusted.",
            Self::ActiveContent => {
                "Leave scripts and forms out: receivers remove them or refuse the message."
            }
            Self::RefusedFile => {
                "Offer the file as a link: receivers refuse programs and scripts by their names."
            }
            Self::Large => "Offer large files as links: many receivers take no more than 10 MiB.",
        }
    }
}

/// What receivers may dislike about `request`, each thing once.
pub fn advice(request: &SendRequest) -> Vec<Advice> {
    let mut found = Vec::new();
    subject(&request.subject, &mut found);
    people(request, &mut found);
    unsubscribing(request, &mut found);
    content(request, &mut found);
    found
}

fn subject(subject: &str, found: &mut Vec<Advice>) {
    let letters = || subject.chars().filter(|c| c.is_alphabetic());
    if subject.trim().is_empty() {
        found.push(Advice::NoSubject);
    }
    if subject.chars().count() > LONG_SUBJECT {
        found.push(Advice::LongSubject);
    }
    if letters().count() >= SHOUTING
        && letters().all(|c| !c.is_lowercase())
        && letters().any(char::is_uppercase)
    {
        found.push(Advice::ShoutingSubject);
    }
    let mut words = subject.split(|c: char| !c.is_alphanumeric());
    if words.any(|word| LOUD_WORDS.contains(&word)) {
        found.push(Advice::LoudWords);
    }
}

fn people(request: &SendRequest, found: &mut Vec<Advice>) {
    let from = &request.from;
    let shown = from.name().and_then(|name| EmailAddress::parse(name.trim()).ok());
    if shown.is_some_and(|shown| shown != *from.address()) {
        found.push(Advice::NameIsAnAddress);
    }
    let is_elsewhere = |reply_to: &Mailbox| {
        let (here, there) = (from.address().domain(), reply_to.address().domain());
        here != there && !here.is_subdomain_of(there) && !there.is_subdomain_of(here)
    };
    if request.reply_to.as_ref().is_some_and(is_elsewhere) {
        found.push(Advice::ReplyElsewhere);
    }
}

fn unsubscribing(request: &SendRequest, found: &mut Vec<Advice>) {
    let has = |wanted: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if !has("List-Unsubscribe") {
        if request.recipients().count() >= MANY_RECIPIENTS || has("List-Id") || has("Precedence") {
            found.push(Advice::NoUnsubscribe);
        }
    } else if !has("List-Unsubscribe-Post") {
        found.push(Advice::NoOneClick);
    }
}

fn content(request: &SendRequest, found: &mut Vec<Advice>) {
    let text = request.text.as_deref().unwrap_or_default();
    if let Some(html) = request.html.as_deref().filter(|html| !html.is_empty()) {
        let lower = html.to_ascii_lowercase();
        if text.trim().is_empty() {
            found.push(Advice::NoPlainText);
        }
        if lower.contains("<img") && !has_words(html) {
            found.push(Advice::NoWords);
        }
        if lower.contains("href=\"http://") || lower.contains("href='http://") {
            found.push(Advice::PlainLinks);
        }
        if lower.contains("<script") || lower.contains("<form") {
            found.push(Advice::ActiveContent);
        }
    }
    let is_refused = |file: &Attachment| {
        let name = file.filename.to_lowercase();
        REFUSED_FILES.iter().any(|end| name.ends_with(end))
    };
    if request.attachments.iter().any(is_refused) {
        found.push(Advice::RefusedFile);
    }
    let files: usize = request.attachments.iter().map(|file| file.content.len()).sum();
    if files > LARGE {
        found.push(Advice::Large);
    }
}

/// Whether there is something to read between the tags.
fn has_words(html: &str) -> bool {
    let mut in_tag = false;
    html.chars().any(|c| {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ => return !in_tag && c.is_alphanumeric(),
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> SendRequest {
        let mailbox = |text: &str| Mailbox::parse(text).unwrap();
        SendRequest {
            from: mailbox("Shop <shop@example.com>"),
            to: vec![mailbox("a@example.net")],
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            subject: "Your order".into(),
            html: Some("<p>Hello</p>".into()),
            text: Some("Hello".into()),
            headers: Vec::new(),
            attachments: Vec::new(),
        }
    }

    fn after(change: impl FnOnce(&mut SendRequest)) -> Vec<Advice> {
        let mut request = plain();
        change(&mut request);
        advice(&request)
    }

    #[test]
    fn a_plain_message_needs_no_advice() {
        assert_eq!(advice(&plain()), []);
        assert_eq!(after(|it| it.subject = "Freedom: a FAQ".into()), []);
        assert_eq!(after(|it| it.reply_to = Mailbox::parse("help@mail.example.com").ok()), []);
    }

    #[test]
    fn each_thing_is_found() {
        let file = |name: &str, len| Attachment {
            content: vec![0; len],
            filename: name.into(),
            content_type: "application/octet-stream".into(),
            disposition: super::super::model::Disposition::Attachment,
        };
        let header = |name: &str| vec![(name.to_owned(), "x".to_owned())];
        let cases: Vec<(Vec<Advice>, Advice)> = vec![
            (after(|it| it.text = None), Advice::NoPlainText),
            (after(|it| it.html = Some("<img src='a b'>".into())), Advice::NoWords),
            (after(|it| it.subject = " ".into()), Advice::NoSubject),
            (after(|it| it.subject = "long ".repeat(41)), Advice::LongSubject),
            (after(|it| it.subject = "BUY THIS NOW".into()), Advice::ShoutingSubject),
            (after(|it| it.subject = "A FREE lunch".into()), Advice::LoudWords),
            (
                after(|it| it.from = Mailbox::parse("\"ceo@bank.example\" <a@example.com>").unwrap()),
                Advice::NameIsAnAddress,
            ),
            (after(|it| it.reply_to = Mailbox::parse("a@example.org").ok()), Advice::ReplyElsewhere),
            (after(|it| it.to = vec![it.to[0].clone(); 10]), Advice::NoUnsubscribe),
            (after(|it| it.headers = header("List-ID")), Advice::NoUnsubscribe),
            (after(|it| it.headers = header("List-Unsubscribe")), Advice::NoOneClick),
            (after(|it| it.html = Some("<a HREF=\"http://x\">a</a>".into())), Advice::PlainLinks),
            (after(|it| it.html = Some("a<Script>".into())), Advice::ActiveContent),
            (after(|it| it.attachments = vec![file("Invoice.PDF.Exe", 1)]), Advice::RefusedFile),
            (after(|it| it.attachments = vec![file("a.bin", LARGE + 1)]), Advice::Large),
        ];
        for (found, expected) in cases {
            assert_eq!(found, [expected]);
            assert!(expected.sentence().ends_with('.') || expected.sentence().ends_with(")."));
        }
    }
}
