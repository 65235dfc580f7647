//! A message as rules see it: decoded, without what hides words, and bounded.

use super::uris::Uris;
use crate::authentication::Judgement;
use crate::message::parts::Parts;
use std::cell::OnceCell;

/// Most octets of text, before decoding, that are looked at over all parts; as many again of raw message.
const MAX_TEXT: usize = 256 * 1024;
/// Most fields of one name that are looked at.
const MAX_FIELDS: usize = 50;

/// What authentication found, in the words of RFC 8601 section 2.7; empty where it was not tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuthResults<'a> {
    /// SPF of the envelope sender.
    pub spf: &'a str,
    /// The best result of all DKIM signatures.
    pub dkim: &'a str,
    /// DMARC of the author's domain.
    pub dmarc: &'a str,
    /// The ARC chain.
    pub arc: &'a str,
    /// Whether the client's name and address agree.
    pub iprev: &'a str,
}

impl From<&Judgement> for AuthResults<'_> {
    fn from(judgement: &Judgement) -> Self {
        let Judgement { iprev, spf, dmarc, arc, .. } = judgement;
        Self {
            spf: spf.result.as_str(),
            dkim: judgement.dkim_result().as_str(),
            dmarc: dmarc.result.as_str(),
            arc: arc.result.as_str(),
            iprev: iprev.result.as_str(),
        }
    }
}

/// A message and what is known of how it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpamMail<'a> {
    /// The message with CRLF line ends.
    pub content: &'a [u8],
    /// The envelope sender without angle brackets; empty for the null sender.
    pub sender: &'a str,
    /// The name the client gave in EHLO.
    pub helo: &'a str,
    /// The client's name by DNS; empty if it has none.
    pub client_name: &'a str,
    /// The block lists that the client's address is on.
    pub client_lists: &'a [String],
    /// What authentication found.
    pub authentication: AuthResults<'a>,
}

/// What patterns look at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Every field of this name, decoded; the name in lower case.
    Header(String),
    /// The subject, decoded.
    Subject,
    /// The text of each part, HTML reduced to its words, white space folded.
    Body,
    /// HTML as it was written, encoding and charset undone.
    Html,
    /// The beginning of the message as it came.
    Raw,
    /// Each link.
    Uri,
    /// The name of each file.
    AttachmentName,
    /// The media type of each part.
    PartType,
    /// The address of the author.
    From,
    /// The name that the author goes by.
    FromName,
    /// The envelope sender.
    Sender,
    /// The name in EHLO.
    Helo,
    /// The client's name by DNS.
    ClientName,
    /// Each block list that the client is on.
    ClientList,
}

/// A message, taken apart once for all rules.
pub(super) struct Read<'a> {
    mail: &'a SpamMail<'a>,
    parts: Parts<'a>,
    /// The author's name and address, if they can be read.
    author: (String, String),
    texts: OnceCell<Texts>,
}

/// The decoded texts of a message.
#[derive(Default)]
struct Texts {
    words: Vec<String>,
    html: Vec<String>,
    uris: Uris,
}

impl<'a> Read<'a> {
    pub(super) fn of(mail: &'a SpamMail<'a>) -> Self {
        let parts = Parts::of(mail.content);
        let parsed = parts.parsed_header();
        let first = parsed.as_ref().and_then(|parsed| parsed.from()?.first());
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let author = first.map(|first| (text(first.name()), text(first.address()))).unwrap_or_default();
        Self { mail, author, parts, texts: OnceCell::new() }
    }

    pub(super) fn mail(&self) -> &SpamMail<'a> {
        self.mail
    }

    /// The domain of the author, in lower case; empty if it cannot be read.
    pub(super) fn author_domain(&self) -> String {
        let (_, address) = &self.author;
        address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default()
    }

    /// How many fields of this name there are.
    pub(super) fn count(&self, name: &str) -> usize {
        self.parts.fields().filter(|field| field.is(name)).count()
    }

    pub(super) fn domains(&self) -> &[String] {
        &self.texts().uris.domains
    }

    /// Gives every value of a target to `look`.
    pub(super) fn each(&self, target: &Target, mut look: impl FnMut(&str)) {
        match target {
            Target::Header(name) => self.values(name).iter().for_each(|value| look(value)),
            Target::Subject => self.values("subject").iter().for_each(|value| look(&plain(value))),
            Target::Body => self.texts().words.iter().for_each(|text| look(text)),
            Target::Html => self.texts().html.iter().for_each(|text| look(text)),
            Target::Raw => {
                let content = self.mail.content;
                look(&String::from_utf8_lossy(content.get(..MAX_TEXT).unwrap_or(content)));
            }
            Target::Uri => self.texts().uris.all.iter().for_each(|uri| look(uri)),
            Target::AttachmentName => {
                let names = self.parts.parts.iter().map(|part| part.file_name.as_str());
                names.filter(|name| !name.is_empty()).for_each(look);
            }
            Target::PartType => self.parts.parts.iter().for_each(|part| look(&part.media_type)),
            Target::From => look(&self.author.1),
            Target::FromName => look(&plain(&self.author.0)),
            Target::Sender => look(self.mail.sender),
            Target::Helo => look(self.mail.helo),
            Target::ClientName => look(self.mail.client_name),
            Target::ClientList => self.mail.client_lists.iter().for_each(|list| look(list)),
        }
    }

    /// The values of the fields of a name, encoded words decoded.
    fn values(&self, name: &str) -> Vec<String> {
        let fields = self.parts.fields().filter(|field| field.is(name)).take(MAX_FIELDS);
        fields.map(|field| field.text()).collect()
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            let mut texts = Texts::default();
            let mut room = MAX_TEXT;
            texts.uris.add(&self.values("subject").join("\n"));
            for part in self.parts.parts.iter().filter(|part| part.is_text()) {
                let source = part.source(room);
                let is_html = part.media_type == "text/html";
                texts.uris.add(&source);
                texts.words.push(plain(&if is_html { part.text(room) } else { source.clone() }));
                room = room.saturating_sub(source.len());
                if is_html {
                    texts.html.push(source);
                }
            }
            texts
        })
    }
}

/// Text with white space folded to one space, and without the characters that nobody sees.
fn plain(text: &str) -> String {
    /// Soft hyphen, zero-width spaces and joiners, direction marks, byte-order mark.
    fn is_hidden(c: char) -> bool {
        matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    }
    let seen: String = text.chars().filter(|c| !is_hidden(*c)).collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}
