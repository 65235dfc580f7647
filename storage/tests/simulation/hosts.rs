//! The receivers: the engine's own server sessions behind the personalities of its sandbox.

use super::{
    books::{Books, Letter},
    limits::Traffic,
};
use fastrand::Rng;
use mailwright_engine::{
    address::ReversePath,
    sandbox::{Event, Receiver, Stage, Verdict, Visit},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::{Answer, ReceivedMessage, ServerConfig, ServerPhase, ServerSession, Step},
    },
    time::UnixMillis,
};
use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

/// How receivers may be, for a while.
const MOODS: [&str; 21] = [
    "",
    "",
    "",
    "greylist:wait=5min",
    "greylist:wait=20min",
    "defer:40%",
    "reject:20%",
    "defer:20%+reject:10%",
    "drop:share=30%,at=dot",
    "drop:share=20%,at=mail",
    "messages-per-connection:3",
    "421-after:command=mail",
    "421-after:command=rcpt",
    "421-after:command=data",
    "421-after:command=dot",
    "421-after:command=ehlo",
    "421-after:command=greeting",
    "rate-limit:rate=10/min,penalty=30s",
    "volume:rate=10/min,quiet=60s",
    "connection-cap:connections=1,strikes=3,penalty=2min",
    "stall:pause=40s",
];

/// Where all connections come from.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// A receiver.
pub(super) struct Host {
    receiver: Receiver,
    config: Arc<ServerConfig>,
    /// How connecting to it fails, if it does.
    pub(super) down: Option<Down>,
    /// Whether it reads nothing.
    is_mute: bool,
}

/// How a host cannot be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Down {
    Refuses,
    Silent,
}

/// A receiver's end of a connection.
pub(super) struct Peer {
    session: ServerSession,
    visit: Visit,
    sender: ReversePath,
    input: Vec<u8>,
    /// What it has said and the network has not carried yet.
    pub(super) out: Vec<u8>,
    /// It says and reads nothing before.
    pub(super) busy_until: UnixMillis,
    pub(super) is_closed: bool,
    mails: u32,
    recipients: u16,
}

/// What a receiver looks at when it reads.
pub(super) struct Scene<'a> {
    pub(super) now: UnixMillis,
    pub(super) traffic: &'a Traffic,
    pub(super) books: &'a mut Books,
}

impl Host {
    pub(super) fn new(name: &str, rng: &mut Rng) -> Self {
        let mut config = ServerConfig::new(name);
        config.max_recipients = rng.usize(2..20);
        let receiver = Receiver::new("".parse().unwrap(), rng.u64(..));
        Self { receiver, config: Arc::new(config), down: None, is_mute: false }
    }

    /// Something about it changes; who is connected stays.
    pub(super) fn change(&mut self, rng: &mut Rng) {
        self.down = match rng.u8(0..10) {
            0 => Some(Down::Refuses),
            1 => Some(Down::Silent),
            _ => None,
        };
        self.is_mute = rng.u8(0..12) == 0;
        self.be(MOODS[rng.usize(0..MOODS.len())], rng);
    }

    /// Nothing is wrong with it any more.
    pub(super) fn heal(&mut self, rng: &mut Rng) {
        (self.down, self.is_mute) = (None, false);
        self.be("", rng);
    }

    fn be(&mut self, mood: &str, rng: &mut Rng) {
        self.receiver = Receiver::new(mood.parse().unwrap(), rng.u64(..));
    }

    /// Somebody connects.
    pub(super) fn connect(&mut self, now: UnixMillis) -> Peer {
        let (visit, answer) = self.receiver.connect(CLIENT, now);
        let mut peer = Peer {
            session: ServerSession::new(Arc::clone(&self.config)),
            visit,
            sender: ReversePath::Null,
            input: Vec::new(),
            out: Vec::new(),
            busy_until: now.saturating_add(answer.delay),
            is_closed: false,
            mails: 0,
            recipients: 0,
        };
        peer.obey(answer.verdict, |session, out| session.greeting(out));
        peer
    }

    /// The connection of `peer` is gone.
    pub(super) fn leave(&mut self, peer: &Peer) {
        self.receiver.leave(&peer.visit);
    }

    /// Octets arrive.
    pub(super) fn receive(&mut self, peer: &mut Peer, octets: &[u8], scene: &mut Scene<'_>) {
        peer.input.extend_from_slice(octets);
        self.read_on(peer, scene);
    }

    /// Reads what has arrived, as far as it may now.
    pub(super) fn read_on(&mut self, peer: &mut Peer, scene: &mut Scene<'_>) {
        while !self.is_mute && !peer.is_closed && peer.busy_until <= scene.now {
            let Some(piece) = peer.piece(self.config.max_line) else { return };
            if peer.session.phase() != ServerPhase::Content {
                let answer =
                    self.receiver.on(&peer.visit, &Event::Command(Stage::of_command(&piece)), scene.now);
                peer.wait(answer.delay, scene.now);
                peer.obey(answer.verdict, |_, _| ());
            }
            if !peer.is_closed {
                self.take(peer, &piece, scene);
            }
        }
    }

    fn take(&mut self, peer: &mut Peer, mut rest: &[u8], scene: &mut Scene<'_>) {
        while !peer.is_closed {
            match peer.session.receive(&mut rest, &mut peer.out) {
                Step::NeedInput => return,
                Step::StartTls | Step::Close => peer.is_closed = true,
                Step::Mail(command) => {
                    peer.mails += 1;
                    scene.traffic.check_messages(peer.mails);
                    (peer.sender, peer.recipients) = (command.reverse_path, 0);
                    let answer = self.receiver.on(&peer.visit, &Event::Mail(&peer.sender), scene.now);
                    peer.answer(answer, scene, Books::refuses_all);
                }
                Step::Rcpt(recipient, _) => {
                    peer.recipients += 1;
                    scene.traffic.check_recipients(peer.recipients);
                    let event = Event::Rcpt { sender: &peer.sender, recipient: &recipient };
                    let answer = self.receiver.on(&peer.visit, &event, scene.now);
                    peer.answer(answer, scene, |books, sender| books.refuses(sender, &recipient));
                }
                Step::Authenticate(_) | Step::Data => peer.session.answer(Answer::Accept, &mut peer.out),
                Step::Message(message) => {
                    drop(peer.input.splice(..0, rest.iter().copied()));
                    return self.take_message(peer, &message, scene);
                }
            }
        }
    }

    fn take_message(&mut self, peer: &mut Peer, message: &ReceivedMessage, scene: &mut Scene<'_>) {
        let answer = self.receiver.on(&peer.visit, &Event::Message, scene.now);
        if matches!(answer.verdict, Verdict::Accept | Verdict::HangUp) {
            scene.books.receives(&Letter::of(message));
            self.receiver.kept(&mut peer.visit, message.recipients.len());
        }
        peer.answer(answer, scene, Books::refuses_all);
    }
}

impl Peer {
    /// The next piece of the input that is whole: a line, or any part of the content.
    fn piece(&mut self, max_line: usize) -> Option<Vec<u8>> {
        let length = match self.session.phase() {
            ServerPhase::Content => self.input.len(),
            _ => match self.input.iter().position(|octet| *octet == b'\n') {
                Some(at) => at + 1,
                None if self.input.len() > max_line => self.input.len(),
                None => 0,
            },
        };
        (length > 0).then(|| self.input.drain(..length).collect())
    }

    fn wait(&mut self, delay: Duration, now: UnixMillis) {
        self.busy_until = self.busy_until.max(now).saturating_add(delay);
    }

    /// Answers the session's question; `refuses` notes a refusal for good.
    fn answer(
        &mut self,
        answer: mailwright_engine::sandbox::Answer,
        scene: &mut Scene<'_>,
        refuses: impl FnOnce(&mut Books, &ReversePath),
    ) {
        self.wait(answer.delay, scene.now);
        if let Verdict::Refuse(reply) | Verdict::Close(reply) = &answer.verdict
            && reply.code().to_string().starts_with('5')
        {
            refuses(scene.books, &self.sender);
        }
        self.obey(answer.verdict, |session, out| session.answer(Answer::Accept, out));
    }

    fn obey(&mut self, verdict: Verdict, accept: impl FnOnce(&mut ServerSession, &mut Vec<u8>)) {
        match verdict {
            Verdict::Accept => accept(&mut self.session, &mut self.out),
            Verdict::Refuse(reply) => self.session.answer(Answer::Refuse(reply), &mut self.out),
            Verdict::Close(reply) => {
                self.session.disconnect(&reply, &mut self.out);
                self.is_closed = true;
            }
            Verdict::HangUp => {
                self.out.clear();
                self.is_closed = true;
            }
        }
    }

    /// Is tired of waiting for somebody who says nothing.
    pub(super) fn says_goodbye(&mut self) {
        let reply = Reply::new(SmtpCode::SHUTTING_DOWN, Some(EnhancedCode::new(4, 4, 2)), "time-out");
        self.session.disconnect(&reply, &mut self.out);
        self.is_closed = true;
    }
}
