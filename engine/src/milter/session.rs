//! One message's way through a filter.
//!
//! The steps follow each other: options (once for a connection), connect, HELO, MAIL, each RCPT, DATA, each field, end of
//! header, the body in chunks, end of message. Each is answered, unless filter and server agreed that it is left out or
//! not answered. Any answer but "continue" ends the way, except at the end of the message, where changes come before
//! the last answer.

use super::{
    Packet, PacketError,
    command::{self, left_out, unanswered},
    edit::HeaderEdit,
    reply::Reply,
};
use crate::{
    message::{Fields, fields, split_header},
    smtp::reply::{EnhancedCode, Reply as SmtpReply, ReplyClass, SmtpCode},
};
use std::{collections::BTreeSet, net::SocketAddr};

/// Largest piece of a body in a packet, in octets: filters' buffers are made for it (`MILTER_CHUNK_SIZE`).
const CHUNK: usize = 65_535;
/// Most octets that are written before an answer is looked for, where none is awaited.
const GATHERED: usize = 256 * 1024;
/// Most changes of the header, and how many octets they may add together.
const MAX_EDITS: usize = 200;
const MAX_ADDED: usize = 256 * 1024;

/// A message and how it came, as filters are told.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    /// The name of this host.
    pub hostname: &'m str,
    /// The name of the message in logs.
    pub id: &'m str,
    /// The client's name in DNS; empty if it has none.
    pub client_name: &'m str,
    /// The client.
    pub client: SocketAddr,
    /// The version of TLS and the cipher suite, if there was TLS.
    pub tls: Option<(&'m str, &'m str)>,
    /// The name in EHLO.
    pub helo: &'m str,
    /// The envelope sender without angle brackets; empty for the null sender.
    pub sender: &'m str,
    /// The recipients, likewise.
    pub recipients: &'m [String],
    /// The message with CRLF line ends.
    pub content: &'m [u8],
}

/// What filter and server agreed on when they met; holds as long as their connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    version: u32,
    steps: u32,
}

/// What is to be done next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Write this, then ask again.
    Write(Vec<u8>),
    /// Read a packet, give it to [`Session::heard`], then ask again.
    Read,
    /// Nothing more.
    Done(Verdict),
}

/// What becomes of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Passed(Passed),
    /// It is refused, for now or for good, as the code says.
    Refused(SmtpReply),
    /// It is to be taken and thrown away.
    Discarded,
}

/// What a filter wants done to a message that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Passed {
    /// Changes of the header, in their order.
    pub edits: Vec<HeaderEdit>,
    /// It is to be held back, for this reason.
    pub quarantine: Option<String>,
    /// What it wants besides, and is not done: `body`, `add_recipient`, `remove_recipient`, `sender`, `edits`.
    pub not_done: BTreeSet<&'static str>,
}

/// Why a filter cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MilterError {
    /// What it sends are no packets.
    #[error(transparent)]
    Packet(#[from] PacketError),
    /// A reply that is none, or has no place there.
    #[error("it answered {kind:?} in the step {step}, which says nothing there")]
    Unexpected {
        /// The letter of the reply.
        kind: char,
        /// Where.
        step: &'static str,
    },
    /// A version or steps that were not offered.
    #[error("it wants version {version} and steps {steps:#x} of the protocol, which were not offered")]
    Disagrees {
        /// The version it wants.
        version: u32,
        /// The steps it wants left out or unanswered.
        steps: u32,
    },
}

#[derive(Debug, Clone)]
enum Step<'m> {
    Options,
    Connect,
    Helo,
    Mail,
    Rcpt(usize),
    Data,
    Headers(Fields<'m>),
    EndOfHeaders,
    Body(&'m [u8]),
    End,
}

/// One message's way through a filter.
#[derive(Debug, Clone)]
pub struct Session<'m> {
    message: Message<'m>,
    agreed: Agreed,
    step: Step<'m>,
    /// Whether the step was written, and its answer is awaited.
    is_asked: bool,
    passed: Passed,
    /// What the changes add, in octets.
    added: usize,
    verdict: Option<Verdict>,
}

impl<'m> Session<'m> {
    /// Begins on a new connection, or on one that carried a message before ([`Session::reusable`]).
    pub fn new(message: Message<'m>, agreed: Option<Agreed>) -> Self {
        let step = if agreed.is_some() { Step::Connect } else { Step::Options };
        let agreed = agreed.unwrap_or(Agreed { version: command::VERSION, steps: 0 });
        let passed = Passed::default();
        Self { message, agreed, step, is_asked: false, passed, added: 0, verdict: None }
    }

    /// What is to be done next.
    pub fn next_step(&mut self) -> Next {
        if let Some(verdict) = &self.verdict {
            return Next::Done(verdict.clone());
        }
        let mut out = Vec::new();
        while !self.is_asked && out.len() < GATHERED {
            self.write_step(&mut out);
        }
        if out.is_empty() { Next::Read } else { Next::Write(out) }
    }

    /// Takes what the filter said.
    ///
    /// # Errors
    /// [`MilterError`]; the session has come to nothing then, and the connection is of no more use.
    pub fn heard(&mut self, packet: &Packet) -> Result<(), MilterError> {
        let unexpected = MilterError::Unexpected { kind: packet.kind.into(), step: self.step.name() };
        let reply = Reply::read(packet).ok_or_else(|| unexpected.clone())?;
        let is_end = matches!(self.step, Step::End);
        match reply {
            Reply::Options(version, _, steps) if matches!(self.step, Step::Options) => {
                self.agree(version, steps)?;
            }
            // Nothing but options may answer the offer.
            _ if matches!(self.step, Step::Options) => return Err(unexpected),
            Reply::Progress => {}
            Reply::Continue if is_end => {
                self.verdict = Some(Verdict::Passed(std::mem::take(&mut self.passed)));
            }
            Reply::Continue => self.advance(),
            Reply::Skip if matches!(self.step, Step::Body(_)) => {
                self.step = Step::End;
                self.is_asked = false;
            }
            Reply::Accept => self.verdict = Some(Verdict::Passed(std::mem::take(&mut self.passed))),
            Reply::Discard => self.verdict = Some(Verdict::Discarded),
            Reply::Reject => {
                self.refuse(SmtpCode::MAILBOX_UNAVAILABLE, 5, "a filter of this server refuses the message");
            }
            Reply::TempFail => self.refuse(
                SmtpCode::LOCAL_ERROR,
                4,
                "a filter of this server cannot take the message now; try again later",
            ),
            Reply::TurnAway => self.refuse(
                SmtpCode::SHUTTING_DOWN,
                4,
                "a filter of this server turns you away for now; try again later",
            ),
            Reply::Code(reply) => self.verdict = Some(Verdict::Refused(reply)),
            Reply::Edit(edit) if is_end => self.edit(edit),
            Reply::Quarantine(reason) if is_end => self.passed.quarantine = Some(reason),
            Reply::NotDone(what) if is_end => {
                self.passed.not_done.insert(what);
            }
            _ => return Err(unexpected),
        }
        Ok(())
    }

    /// What was agreed on, for the next message on this connection: `None` where the filter is not known to be ready
    /// for one, because it ended this message's way early or is of a version without QUIT_NC.
    pub fn reusable(&self) -> Option<Agreed> {
        let is_whole = matches!(self.step, Step::End) && self.verdict.is_some();
        (is_whole && self.agreed.version >= 6).then_some(self.agreed)
    }

    /// What is written after the end: the connection stays for the next message, or closes.
    pub fn farewell(&self) -> Vec<u8> {
        let mut out = Vec::new();
        command::bare(if self.reusable().is_some() { b'K' } else { b'Q' }, &mut out);
        out
    }

    fn agree(&mut self, version: u32, steps: u32) -> Result<(), MilterError> {
        if !(2..=command::VERSION).contains(&version) || steps & !command::STEPS != 0 {
            return Err(MilterError::Disagrees { version, steps });
        }
        self.agreed = Agreed { version, steps };
        self.advance();
        Ok(())
    }

    fn refuse(&mut self, code: SmtpCode, class: u8, why: &str) {
        let status = EnhancedCode::new(class, 7, 1);
        self.verdict = Some(Verdict::Refused(SmtpReply::new(code, Some(status), why)));
    }

    fn edit(&mut self, edit: HeaderEdit) {
        self.added += edit.len();
        if self.passed.edits.len() < MAX_EDITS && self.added <= MAX_ADDED {
            self.passed.edits.push(edit);
        } else {
            self.passed.not_done.insert("edits");
        }
    }

    fn agreed(&self, step: u32) -> bool {
        self.agreed.steps & step != 0
    }

    /// Writes the step, and goes on to the next if it is not answered.
    fn write_step(&mut self, out: &mut Vec<u8>) {
        let (omitted, unanswered) = self.step.flags();
        let is_known = !matches!(self.step, Step::Data) || self.agreed.version >= 4;
        if self.agreed(omitted) || !is_known || !self.write_command(out) {
            return self.skip();
        }
        self.is_asked = true;
        if self.agreed(unanswered) {
            self.advance();
        }
    }

    /// Writes the step's command; `false` if there is nothing more to say in it.
    fn write_command(&mut self, out: &mut Vec<u8>) -> bool {
        let Message { hostname, id, client_name, client, tls, helo, sender, recipients, .. } = self.message;
        match &mut self.step {
            Step::Options => command::negotiate(out),
            Step::Connect => {
                command::macros(
                    b'C',
                    &[("j", hostname), ("{daemon_name}", hostname), ("v", "mailwright")],
                    out,
                );
                command::connect(client_name, client.ip(), client.port(), out);
            }
            Step::Helo => {
                if let Some((version, cipher)) = tls {
                    command::macros(b'H', &[("{tls_version}", version), ("{cipher}", cipher)], out);
                }
                command::word(b'H', helo, out);
            }
            Step::Mail => {
                command::macros(b'M', &[("i", id), ("{mail_addr}", sender)], out);
                command::word(b'M', &format!("<{sender}>"), out);
            }
            Step::Rcpt(number) => {
                let Some(recipient) = recipients.get(*number) else { return false };
                command::macros(b'R', &[("{rcpt_addr}", recipient)], out);
                command::word(b'R', &format!("<{recipient}>"), out);
            }
            Step::Data => command::bare(b'T', out),
            Step::Headers(fields) => {
                let Some(field) = fields.find(|field| !field.name().is_empty()) else { return false };
                command::header(field.name(), &shown(field.value(), self.agreed.steps), out);
            }
            Step::EndOfHeaders => command::bare(b'N', out),
            Step::Body(rest) => {
                if rest.is_empty() {
                    return false;
                }
                let (chunk, after) = rest.split_at_checked(CHUNK).unwrap_or((*rest, &[]));
                *rest = after;
                command::body(chunk, out);
            }
            Step::End => {
                command::macros(b'E', &[("i", id)], out);
                command::bare(b'E', out);
            }
        }
        true
    }

    /// Goes on to the next step of another kind.
    fn skip(&mut self) {
        self.is_asked = false;
        let (header, body) = split_header(self.message.content);
        self.step = match self.step {
            Step::Options => Step::Connect,
            Step::Connect => Step::Helo,
            Step::Helo => Step::Mail,
            Step::Mail => Step::Rcpt(0),
            Step::Rcpt(_) => Step::Data,
            Step::Data => Step::Headers(fields(header)),
            Step::Headers(_) => Step::EndOfHeaders,
            Step::EndOfHeaders => Step::Body(body),
            Step::Body(_) | Step::End => Step::End,
        };
    }

    /// Goes on after an answer, or without one.
    fn advance(&mut self) {
        self.is_asked = false;
        match &mut self.step {
            Step::Rcpt(number) => *number += 1,
            Step::Headers(_) | Step::Body(_) => {}
            _ => self.skip(),
        }
    }
}

impl Step<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::Options => "options",
            Self::Connect => "connect",
            Self::Helo => "helo",
            Self::Mail => "mail",
            Self::Rcpt(_) => "rcpt",
            Self::Data => "data",
            Self::Headers(_) => "header",
            Self::EndOfHeaders => "end of header",
            Self::Body(_) => "body",
            Self::End => "end of message",
        }
    }

    /// By which flags it is left out, and left unanswered; 0 for never.
    const fn flags(&self) -> (u32, u32) {
        match self {
            Self::Options | Self::End => (0, 0),
            Self::Connect => (left_out::CONNECT, unanswered::CONNECT),
            Self::Helo => (left_out::HELO, unanswered::HELO),
            Self::Mail => (left_out::MAIL, unanswered::MAIL),
            Self::Rcpt(_) => (left_out::RCPT, unanswered::RCPT),
            Self::Data => (left_out::DATA, unanswered::DATA),
            Self::Headers(_) => (left_out::HEADERS, unanswered::HEADERS),
            Self::EndOfHeaders => (left_out::END_OF_HEADERS, unanswered::END_OF_HEADERS),
            Self::Body(_) => (left_out::BODY, unanswered::BODY),
        }
    }
}

impl Verdict {
    /// The word for metrics: `passed`, `quarantined`, `refused`, `deferred`, `discarded`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passed(Passed { quarantine: Some(_), .. }) => "quarantined",
            Self::Passed(_) => "passed",
            Self::Refused(reply) if reply.class() == ReplyClass::Transient => "deferred",
            Self::Refused(_) => "refused",
            Self::Discarded => "discarded",
        }
    }
}

/// A value as filters get it: lines end in LF, without the last line end, and without the first space unless it was
/// agreed that it stays.
fn shown(value: &[u8], steps: u32) -> Vec<u8> {
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    let keeps = steps & command::LEADING_SPACE != 0;
    let value = if keeps { value } else { value.strip_prefix(b" ").unwrap_or(value) };
    value.iter().copied().filter(|octet| *octet != b'\r').collect()
}
