//! The SMTP server session against any client: the network cannot change a dialogue by cutting it, every message
//! has its own MAIL and RCPT and, where that is asked for, comes after a login, and nothing but CRLF `.` CRLF ends
//! DATA.
//!
//! The first octet holds the knobs of [`Listener::new`]. [`SEPARATOR`](mailwright_fuzz::SEPARATOR) stands where
//! the client pauses; a TLS handshake that is due happens there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    address::EmailAddress,
    class::TransportSecurity,
    dsn::RecipientDsn,
    smtp::{
        reply::{EnhancedCode, Reply, ReplyParser, SmtpCode},
        server::{
            Answer, Auth, Dsn, MailCommand, ReceivedMessage, RequireTls, ServerConfig, ServerPhase,
            ServerSession, StartTls, Step,
        },
    },
};
use mailwright_fuzz::{Knobs, Network, assert_clean, pieces, same_over_every_network};
use std::sync::Arc;

fuzz_target!(|data: &[u8]| {
    let Some((knobs, rest)) = Knobs::take(data) else { return };
    let listener = Listener::new(knobs);
    let dialogue = same_over_every_network(|network| converse(&listener, rest, network));
    let wire: Vec<u8> = pieces(rest).flatten().copied().collect();
    check_replies(&dialogue, &wire);
    check_transactions(&dialogue, &wire, &listener.config);
});

/// A listener and the temper of whoever answers its questions.
struct Listener {
    config: Arc<ServerConfig>,
    /// Every so many questions are refused; 0 for none.
    refuse_every: usize,
    refusal: Answer,
}

impl Listener {
    /// 0: STARTTLS is offered, 1: DSN is offered, 2: the limits are tight, 3 and 4: how often a question is
    /// refused, 5: a refusal ends the session, 6: clients must log in, 7: REQUIRETLS is offered.
    fn new(knobs: Knobs) -> Self {
        let mut config = ServerConfig::new("mx.example");
        config.max_message_size = 4_096;
        if knobs.is_on(0) {
            config.starttls = StartTls::Offered;
        }
        if knobs.is_on(1) {
            config.dsn = Dsn::Offered;
        }
        if knobs.is_on(6) {
            config.auth = Auth::Required;
        }
        if knobs.is_on(7) {
            config.require_tls = RequireTls::Offered;
        }
        if knobs.is_on(2) {
            config = ServerConfig {
                max_message_size: 60,
                max_recipients: 2,
                max_line: 64,
                max_errors: 6,
                ..config
            };
        }
        let say = |code, class| Reply::new(code, Some(EnhancedCode::new(class, 3, 0)), "not\nnow");
        let refusal = match knobs.is_on(5) {
            true => Answer::Disconnect(say(SmtpCode::SHUTTING_DOWN, 4)),
            false => Answer::Refuse(say(SmtpCode::LOCAL_ERROR, 4)),
        };
        Self { config: Arc::new(config), refuse_every: [0, 2, 3, 7][usize::from(knobs.choice(3))], refusal }
    }

    /// The answer to the question with this number, from 1.
    fn answer(&self, question: usize) -> Answer {
        // Nothing but zero is a multiple of zero.
        let refuses = question.is_multiple_of(self.refuse_every);
        if refuses { self.refusal.clone() } else { Answer::Accept }
    }
}

/// A step that was more than [`Step::NeedInput`].
#[derive(Debug, PartialEq, Eq)]
struct Event {
    /// How much of the wire was taken before it; 0 for STARTTLS, which drops what follows it.
    at: usize,
    step: Step,
    accepted: bool,
}

#[derive(Debug, PartialEq, Eq, Default)]
struct Dialogue {
    replies: Vec<u8>,
    events: Vec<Event>,
}

/// Lets a session read the pieces of `rest` as the network delivers them.
fn converse(listener: &Listener, rest: &[u8], network: Network) -> Dialogue {
    let mut session = ServerSession::new(Arc::clone(&listener.config));
    session.allow_plain_auth();
    let mut dialogue = Dialogue::default();
    session.greeting(&mut dialogue.replies);
    let mut before = 0;
    for piece in pieces(rest) {
        for read in network.reads(piece) {
            before += read.len();
            if !take(&mut session, listener, read, before, &mut dialogue) {
                return dialogue;
            }
        }
        if session.phase() == ServerPhase::Handshake {
            session.tls_established();
        }
    }
    dialogue
}

/// Gives one read to the session, which ends at octet `end` of the wire; whether the session goes on.
fn take(
    session: &mut ServerSession,
    listener: &Listener,
    read: &[u8],
    end: usize,
    dialogue: &mut Dialogue,
) -> bool {
    let mut input = read;
    loop {
        let step = session.receive(&mut input, &mut dialogue.replies);
        let at = end - input.len();
        let (at, accepted) = match &step {
            Step::NeedInput => {
                assert!(input.is_empty(), "left input behind");
                return true;
            }
            Step::Close => (at, false),
            Step::StartTls => (0, true),
            _ => {
                let questions = dialogue.events.iter().filter(|event| event.step != Step::StartTls).count();
                let answer = listener.answer(questions + 1);
                let accepted = answer == Answer::Accept;
                session.answer(answer, &mut dialogue.replies);
                (at, accepted)
            }
        };
        let closed = step == Step::Close;
        dialogue.events.push(Event { at, step, accepted });
        if closed {
            return false;
        }
    }
}

/// Every line is a reply, and there is at most one for each line of the client, besides the greeting.
fn check_replies(dialogue: &Dialogue, wire: &[u8]) {
    let mut parser = ReplyParser::default();
    parser.feed(&dialogue.replies);
    let mut count = 0;
    while let Some(reply) = parser.next_reply().expect("what a server says is a reply") {
        assert!(reply.lines().iter().all(|line| line.bytes().all(|octet| (b' '..=b'~').contains(&octet))));
        count += 1;
    }
    assert!(!parser.has_leftovers(), "half a reply");
    assert_clean(&dialogue.replies);
    let lines = wire.windows(2).filter(|pair| pair == b"\r\n").count();
    assert!(count <= lines + 1, "{count} replies to {lines} lines");
}

/// What MAIL, RCPT and DATA said of the message under way.
struct Offer<'a> {
    mail: &'a MailCommand,
    recipients: Vec<(&'a EmailAddress, &'a RecipientDsn)>,
    /// Where on the wire its content begins.
    content: usize,
}

/// Every message is what the accepted MAIL and RCPT commands before it and the wire say, and none is made twice.
fn check_transactions(dialogue: &Dialogue, wire: &[u8], config: &ServerConfig) {
    let mut open: Option<Offer<'_>> = None;
    let mut logged_in = false;
    for Event { at, step, accepted } in &dialogue.events {
        match step {
            Step::Authenticate(_) => logged_in = *accepted,
            Step::Mail(mail) => {
                assert!(logged_in || config.auth == Auth::NotOffered, "MAIL without a login");
                open = accepted.then_some(Offer { mail, recipients: Vec::new(), content: 0 });
            }
            Step::Rcpt(recipient, dsn) => {
                let offer = open.as_mut().expect("RCPT without MAIL");
                offer.recipients.extend(accepted.then_some((recipient, dsn)));
            }
            Step::Data => {
                let offer = open.as_mut().expect("DATA without MAIL");
                assert!(!offer.recipients.is_empty(), "DATA without RCPT");
                offer.content = *at;
                if !accepted {
                    open = None;
                }
            }
            Step::Message(message) => {
                let offer = open.take().expect("a message without MAIL");
                assert_eq!(message.authenticated, logged_in);
                check_message(message, &offer, config);
                check_end_of_data(message, wire, offer.content, *at);
            }
            Step::StartTls => (open, logged_in) = (None, false),
            Step::Close | Step::NeedInput => {}
        }
    }
}

fn check_message(message: &ReceivedMessage, offer: &Offer<'_>, config: &ServerConfig) {
    let recipients: Vec<_> = message.recipients.iter().zip(&message.recipients_dsn).collect();
    assert_eq!(message.recipients.len(), message.recipients_dsn.len());
    assert_eq!(recipients, offer.recipients);
    assert!((1..=config.max_recipients).contains(&recipients.len()));
    let mail = MailCommand {
        reverse_path: message.reverse_path.clone(),
        declared_size: message.declared_size,
        body_type: message.body_type,
        smtputf8: message.smtputf8,
        dsn: message.dsn.clone(),
        security: message.security,
    };
    let asks_for_tls = message.security == TransportSecurity::Required;
    assert!(!asks_for_tls || message.tls && config.require_tls == RequireTls::Offered);
    assert_eq!(&mail, offer.mail);
    assert!(message.content.len() <= config.max_message_size);
    assert_clean(&message.content);
}

/// The rule of RFC 5321 section 4.5.2 by its letter: DATA ends at the first CRLF `.` CRLF and at nothing else.
/// Content of BDAT, whose length is given, is passed over.
fn check_end_of_data(message: &ReceivedMessage, wire: &[u8], begin: usize, end: usize) {
    let command = wire[..begin].trim_ascii_end().rsplit(|&octet| octet == b'\n').next().unwrap_or_default();
    if !command.eq_ignore_ascii_case(b"DATA") {
        return;
    }
    // The CRLF of the command is the one before a dot that comes at once.
    let text = &wire[begin - 2..end];
    let first = text.windows(5).position(|window| window == b"\r\n.\r\n");
    assert_eq!(first, Some(text.len() - 5), "ended elsewhere: {}", text.escape_ascii());
    let stuffed = &wire[begin..end - 3];
    let lines = stuffed.split_inclusive(|&octet| octet == b'\n');
    let content: Vec<u8> = lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line)).copied().collect();
    assert_eq!(message.content, content);
}
