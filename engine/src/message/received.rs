//! The trace field each hop adds (RFC 5321 section 4.4).

use crate::{id::QueueId, time::UnixMillis};
use mail_builder::headers::date::Date;
use serde::{Deserialize, Serialize};
use std::{fmt, net::IpAddr};

/// Longest word taken from a peer, in characters: the limit of a domain (RFC 5321 section 4.5.3.1.2).
const MAX_WORD: usize = 255;

/// A `Received` field, ready to be put on top of a message.
///
/// `Display` writes the folded field with its final CRLF. Words that came from a peer are cut to 255
/// characters, and everything in them that could end a word, a comment or a line becomes `?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedHeader<'a> {
    /// The name the client gave in EHLO, or who called the API.
    pub helo: &'a str,
    /// The client's address, when there is one to tell.
    pub peer: Option<IpAddr>,
    /// The name of this host.
    pub by: &'a str,
    /// How the message came.
    pub with: ReceivedWith,
    /// The registered name of the cipher suite it came under, if that is known (RFC 8314 section 4.3).
    pub tls: Option<&'a str>,
    /// The message's name in the queue.
    pub id: QueueId,
    /// When it was accepted.
    pub date: UnixMillis,
}

/// The protocol a message came by: the `with` clause (RFC 3848, RFC 6531 section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReceivedWith {
    /// SMTP opened with HELO.
    Smtp,
    /// SMTP opened with EHLO.
    Esmtp,
    /// With TLS.
    Esmtps,
    /// With AUTH.
    Esmtpa,
    /// With TLS and AUTH.
    Esmtpsa,
    /// With SMTPUTF8.
    Utf8Smtp,
    /// With SMTPUTF8 and TLS.
    Utf8Smtps,
    /// With SMTPUTF8 and AUTH.
    Utf8Smtpa,
    /// With SMTPUTF8, TLS and AUTH.
    Utf8Smtpsa,
    /// Through the HTTP API.
    Http,
}

impl ReceivedWith {
    /// The registered keyword.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "SMTP",
            Self::Esmtp => "ESMTP",
            Self::Esmtps => "ESMTPS",
            Self::Esmtpa => "ESMTPA",
            Self::Esmtpsa => "ESMTPSA",
            Self::Utf8Smtp => "UTF8SMTP",
            Self::Utf8Smtps => "UTF8SMTPS",
            Self::Utf8Smtpa => "UTF8SMTPA",
            Self::Utf8Smtpsa => "UTF8SMTPSA",
            Self::Http => "HTTP",
        }
    }
}

impl fmt::Display for ReceivedHeader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received: from {}", Word(self.helo))?;
        match self.peer.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => write!(f, " ([{ip}])")?,
            Some(IpAddr::V6(ip)) => write!(f, " ([IPv6:{ip}])")?,
            None => {}
        }
        write!(f, "\r\n\tby {} with {} id {}", Word(self.by), self.with.as_str(), self.id)?;
        if let Some(cipher) = self.tls {
            write!(f, "\r\n\ttls {}", Word(cipher))?;
        }
        f.write_str(";")?;
        write!(f, "\r\n\t{}\r\n", rfc5322_date(self.date))
    }
}

/// A word of the trace field, made harmless.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("unknown");
        }
        self.0.chars().take(MAX_WORD).try_for_each(|c| {
            let harmless = c.is_ascii_graphic() && !"()<>\",;\\".contains(c);
            fmt::Write::write_char(f, if harmless { c } else { '?' })
        })
    }
}

/// A point in time as the Date and Received fields write it, in UTC (RFC 5322 section 3.3).
pub(super) fn rfc5322_date(at: UnixMillis) -> String {
    Date::new(i64::try_from(at.as_secs()).unwrap_or(i64::MAX)).to_rfc822()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(helo: &str, peer: Option<IpAddr>, with: ReceivedWith) -> String {
        let date = UnixMillis::new(1_795_255_445_123);
        let (by, id) = ("mx.example.org", QueueId::from_raw(0x1f));
        ReceivedHeader { helo, peer, by, with, tls: None, id, date }.to_string()
    }

    #[test]
    fn names_the_cipher_suite() {
        let (by, id, date) = ("mx.example.org", QueueId::from_raw(0x1f), UnixMillis::new(0));
        let (tls, with) = (Some("TLS_AES_128_GCM_SHA256"), ReceivedWith::Esmtpsa);
        let text = ReceivedHeader { helo: "c", peer: None, by, with, tls, id, date }.to_string();
        assert!(
            text.contains("with ESMTPSA id 0000000000001f\r\n\ttls TLS_AES_128_GCM_SHA256;\r\n\t"),
            "{text}"
        );
    }

    #[test]
    fn writes_a_folded_trace_field() {
        assert_eq!(
            header("client.test", Some([192, 0, 2, 1].into()), ReceivedWith::Esmtps),
            "Received: from client.test ([192.0.2.1])\r\n\tby mx.example.org with ESMTPS id 0000000000001f;\
             \r\n\tSat, 21 Nov 2026 10:04:05 +0000\r\n"
        );
    }

    #[test]
    fn writes_ipv6_and_api_clients() {
        let ipv6 = header("c", "2001:db8::1".parse().ok(), ReceivedWith::Esmtp);
        assert!(ipv6.starts_with("Received: from c ([IPv6:2001:db8::1])\r\n"), "{ipv6}");
        let mapped = header("c", "::ffff:192.0.2.7".parse().ok(), ReceivedWith::Esmtp);
        assert!(mapped.contains("([192.0.2.7])"), "{mapped}");
        assert!(header("", None, ReceivedWith::Http).starts_with("Received: from unknown\r\n\tby mx"));
    }

    #[test]
    fn a_peer_cannot_break_out_of_its_word() {
        let text = header("a\r\nBcc: x (;\"é", None, ReceivedWith::Smtp);
        assert!(text.starts_with("Received: from a??Bcc:?x?????\r\n\tby"), "{text}");
        assert!(header(&"h".repeat(5000), None, ReceivedWith::Smtp).lines().all(|line| line.len() < 998));
    }
}
