//! The phases of a session, for time-outs and logs.

use std::{fmt, time::Duration};

/// What a session is waiting for.
///
/// Its [`Display`](fmt::Display) form is a phrase for people: `timed out while receiving the message`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServerPhase {
    /// The client has not greeted yet, or not since TLS began.
    Greeting,
    /// Greeted; no message is under way.
    Ready,
    /// AUTH began; the client's next response follows.
    Login,
    /// MAIL was accepted; recipients, content or further chunks follow.
    Envelope,
    /// Content is being received, or a chunk of it swallowed.
    Content,
    /// The caller is asked about a sender, a recipient or room for the content.
    Deciding,
    /// The caller is asked to take responsibility for a message.
    Committing,
    /// The caller makes the TLS handshake.
    Handshake,
    /// The session is over.
    Closing,
}

impl ServerPhase {
    /// How long the phase may last without a sign of life: of the client, or in
    /// [`Deciding`](Self::Deciding) and [`Committing`](Self::Committing) of the caller, because the client gives
    /// up after that time.
    pub const fn timeout(self) -> Duration {
        const SECOND: u64 = 1;
        const MINUTE: u64 = 60;
        Duration::from_secs(match self {
            // RFC 5321 section 4.5.3.2.7; RFC 3207 names none for the handshake, RFC 4954 none for a response.
            Self::Greeting | Self::Ready | Self::Login | Self::Envelope | Self::Handshake => 5 * MINUTE,
            // RFC 5321 section 4.5.3.2.5 gives the client as long for each block.
            Self::Content => 3 * MINUTE,
            // RFC 5321 section 4.5.3.2.4: the shortest a client waits for one of these (DATA).
            Self::Deciding => 2 * MINUTE,
            // RFC 5321 section 4.5.3.2.6: afterwards the client sends the message again.
            Self::Committing => 10 * MINUTE,
            Self::Closing => 10 * SECOND,
        })
    }
}

impl fmt::Display for ServerPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "waiting for EHLO",
            Self::Ready => "waiting for MAIL",
            Self::Login => "waiting for the answer to a challenge",
            Self::Envelope => "waiting for RCPT or DATA",
            Self::Content => "receiving the message",
            Self::Deciding => "deciding about a command",
            Self::Committing => "storing the message -- it may be sent again",
            Self::Handshake => "negotiating TLS",
            Self::Closing => "closing",
        })
    }
}
