//! What a message to be sent is better without, or with: for whoever writes it, before the world's filters say so.
//!
//! Beside RFC 5322 and RFC 2045 this goes by what the large providers ask of senders: Google's and Yahoo's requirements of
//! 2024 (authentication, one-click unsubscribing of bulk mail), and what their programs do (Gmail cuts HTML off at 102 kB).

mod html;

use super::{
    contents::{Contents, contents},
    fields::{Field, fields, split_header},
    raw::author,
};
use html::Tag;
use std::collections::BTreeSet;

/// Beyond it Gmail shows only the beginning of HTML.
const CLIPPED: usize = 102_000;
/// Longest line, in octets, without its end (RFC 5322 section 2.1.1).
const LONGEST_LINE: usize = 998;
/// Characters of a Subject that lists of messages show on a desk's screen.
const SHOWN_SUBJECT: usize = 78;
/// Most things of a kind that a finding names.
const NAMED: usize = 3;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Receivers refuse it, or show it wrongly.
    Error,
    /// It costs reputation, or some people cannot read it.
    Warning,
    /// Good to know.
    Info,
}

impl Level {
    /// Its name: `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Something about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name for programs: `no-text`.
    pub id: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is so, in a sentence.
    pub text: String,
    /// What to do, in a sentence.
    pub help: &'static str,
}

/// What there is to be said of a message, the worst first. Never more than one finding of a kind.
pub fn lint(message: &[u8]) -> Vec<Finding> {
    let mut about =
        Looked { header: split_header(message).0, contents: contents(message), findings: Vec::new() };
    about.lines(message);
    about.fields();
    about.signature();
    about.bulk();
    about.parts();
    if let Some(html) = about.contents.html.clone() {
        about.html(&html);
    }
    about.findings.sort_by_key(|finding| finding.level);
    about.findings
}

/// A message that is looked at, and what was found so far.
struct Looked<'m> {
    header: &'m [u8],
    contents: Contents,
    findings: Vec<Finding>,
}

impl Looked<'_> {
    fn find(&mut self, level: Level, id: &'static str, text: impl Into<String>, help: &'static str) {
        self.findings.push(Finding { id, level, text: text.into(), help });
    }

    fn field(&self, name: &str) -> Option<String> {
        fields(self.header)
            .find(|field: &Field<'_>| field.is(name))
            .map(|field| field.unfolded().trim().to_owned())
    }

    fn lines(&mut self, message: &[u8]) {
        let longest = message.split(|octet| *octet == b'\n').map(|line| line.trim_ascii_end().len()).max();
        if let Some(longest) = longest.filter(|longest| *longest > LONGEST_LINE) {
            let text = format!(
                "A line has {longest} octets; the most that servers have to take are {LONGEST_LINE}."
            );
            self.find(Level::Error, "long-line", text, "Encode the part as quoted-printable or base64.");
        }
        if !self.header.is_ascii() {
            let raw = fields(self.header).find(|field| !field.value().is_ascii());
            let name =
                raw.map(|field| String::from_utf8_lossy(field.name()).into_owned()).unwrap_or_default();
            let text = format!("The header field {name} has letters beyond ASCII that are not encoded.");
            self.find(Level::Error, "raw-header", text, "Encode them as RFC 2047 says: =?utf-8?q?…?=.");
        }
    }

    fn fields(&mut self) {
        if self.field("Date").is_none() {
            self.find(
                Level::Error,
                "no-date",
                "It has no Date.",
                "Every message needs one (RFC 5322 section 3.6).",
            );
        }
        if self.field("Message-ID").is_none() {
            let help = "Give each message one of its own; without it receivers mistrust it and replies find no thread.";
            self.find(Level::Warning, "no-message-id", "It has no Message-ID.", help);
        }
        let subject = self.contents.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Subject"));
        let length = subject.map_or(0, |(_, subject)| subject.chars().count());
        if length == 0 {
            self.find(
                Level::Warning,
                "no-subject",
                "Its Subject is empty.",
                "Say what the message is about.",
            );
        } else if length > SHOWN_SUBJECT {
            let text = format!(
                "Its Subject has {length} characters; lists of messages show {SHOWN_SUBJECT} of them at most."
            );
            self.find(Level::Info, "long-subject", text, "Put what matters first, or be shorter.");
        }
    }

    /// DKIM, and whether it is for the domain that people see.
    fn signature(&mut self) {
        let signatures: Vec<_> = fields(self.header)
            .filter(|field| field.is("DKIM-Signature"))
            .map(|field| field.unfolded())
            .collect();
        if signatures.is_empty() {
            let help = "Send from a sending domain of an account: its mail is signed. Gmail and Yahoo refuse what is not.";
            return self.find(Level::Warning, "unsigned", "It has no DKIM signature.", help);
        }
        let Some(author) = author(self.header) else { return };
        let from = author.domain().as_str();
        // Relaxed alignment (RFC 7489 section 3.1.1), as far as it can be told without the list of public suffixes.
        let is_aligned = |signer: &str| {
            let within = |inner: &str, outer: &str| {
                inner.strip_suffix(outer).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            };
            within(signer, from) || within(from, signer)
        };
        let signers: Vec<_> = signatures.iter().filter_map(|signature| tag(signature, "d")).collect();
        if !signers.iter().any(|signer| is_aligned(signer)) {
            let text = format!("It is signed for {}, but is from {from}.", signers.join(", "));
            let help = "DMARC passes only if the signature is for the domain in From; set that domain up for sending.";
            self.find(Level::Warning, "not-aligned", text, help);
        }
    }

    /// Mail to many needs a way out (RFC 8058; Google's and Yahoo's requirements of bulk senders).
    fn bulk(&mut self) {
        let precedence = self.field("Precedence").unwrap_or_default().to_ascii_lowercase();
        let names_campaign = self
            .field("Feedback-ID")
            .is_some_and(|id| id.split(':').next().is_some_and(|part| !part.is_empty()));
        let is_bulk = matches!(precedence.as_str(), "bulk" | "list")
            || self.field("List-Id").is_some()
            || names_campaign;
        if !is_bulk {
            return;
        }
        let link = self.field("List-Unsubscribe");
        if link.is_none() {
            let help = "Ask for a hosted link (\"unsubscribe\": true) or set the field: Gmail and Yahoo demand it of bulk mail.";
            self.find(
                Level::Warning,
                "no-list-unsubscribe",
                "It looks like bulk mail and has no List-Unsubscribe.",
                help,
            );
        } else if self.field("List-Unsubscribe-Post").is_none() {
            let help = "Add List-Unsubscribe-Post: List-Unsubscribe=One-Click, and an https: link that takes it (RFC 8058).";
            let text = "It can be unsubscribed from, but not with one click.";
            self.find(Level::Warning, "no-one-click", text, help);
        }
    }

    fn parts(&mut self) {
        let is_written = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        match (is_written(&self.contents.text), is_written(&self.contents.html)) {
            (false, false) => {
                self.find(Level::Warning, "empty", "It has neither text nor HTML.", "Write something in it.");
            }
            (false, true) => {
                let help =
                    "Add a plain text of the same content: some people read that, and filters expect it.";
                self.find(Level::Warning, "no-text", "It has HTML and no plain text.", help);
            }
            (true, _) => {}
        }
    }

    fn html(&mut self, html: &str) {
        if html.len() > CLIPPED {
            let text =
                format!("Its HTML has {} kB; Gmail shows 102 kB and hides the rest.", html.len() / 1_000);
            self.find(
                Level::Warning,
                "clipped",
                text,
                "Shorten it: style sheets and tracking links are most of it, as a rule.",
            );
        }
        let tags: Vec<Tag<'_>> = html::tags(html).collect();
        self.images(&tags);
        self.links(&tags);
    }

    fn images(&mut self, tags: &[Tag<'_>]) {
        let images = || tags.iter().filter(|tag| tag.is("img"));
        let silent = images().filter(|image| image.attribute("alt").is_none()).count();
        if silent > 0 {
            let help = "Say with alt=\"…\" what they show, or alt=\"\" that they only decorate: many people see no images.";
            let text = match silent {
                1 => "An image has no alt text.".to_owned(),
                more => format!("{more} images have no alt text."),
            };
            self.find(Level::Warning, "no-alt", text, help);
        }
        let open = named(images().filter_map(|image| image.attribute("src")).filter(|src| is_open(src)));
        if let Some(open) = open {
            let help = "Use https: addresses; many programs do not show images that come without TLS.";
            self.find(Level::Warning, "http-images", format!("Images come by http: {open}."), help);
        }
    }

    fn links(&mut self, tags: &[Tag<'_>]) {
        let links =
            || tags.iter().filter(|tag| tag.is("a")).filter_map(|tag| Some((tag, tag.attribute("href")?)));
        if let Some(open) = named(links().map(|(_, href)| href).filter(|href| is_open(href))) {
            let help = "Link to https: addresses; filters count the others against you.";
            self.find(Level::Warning, "http-links", format!("Links go to http: {open}."), help);
        }
        let posing = links().filter_map(|(tag, href)| {
            let (shown, real) = (html::host_in_text(&tag.text())?, html::host(&href)?);
            (shown != real && !real.ends_with(&format!(".{shown}")))
                .then(|| format!("{shown} leads to {real}"))
        });
        if let Some(posing) = named(posing) {
            let help = "Show words, or the address that the link leads to: this is what phishing looks like.";
            self.find(
                Level::Warning,
                "posing-link",
                format!("A link shows one address and leads to another: {posing}."),
                help,
            );
        }
    }
}

/// The first few different ones; `None` if there are none.
fn named(found: impl Iterator<Item = String>) -> Option<String> {
    let found: BTreeSet<String> = found.map(|one| one.chars().take(100).collect()).collect();
    let mut text = found.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if let Some(more) = found.len().checked_sub(NAMED).filter(|more| *more > 0) {
        text.push_str(&format!(" and {more} more"));
    }
    (!text.is_empty()).then_some(text)
}

fn is_open(address: &str) -> bool {
    address.trim_start().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// The value of a tag of a signature (RFC 6376 section 3.2), in lower case.
fn tag(signature: &str, name: &str) -> Option<String> {
    let mut tags = signature.split(';').filter_map(|tag| tag.split_once('='));
    tags.find(|(own, _)| own.trim() == name).map(|(_, value)| value.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
