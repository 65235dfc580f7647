//! The relay: takes mail for anywhere from networks that are trusted to send it, and signs it when its author
//! is at a domain that is set up for sending.

use super::{Reaction, Service, session::refuse};
use crate::intake::{Intake, IntakeError, NewMessage};
use mailwright_engine::{
    address::EmailAddress,
    envelope::{Origin, SmtpUtf8},
    message::{ReceivedHeader, ReceivedWith, fields, split_header},
    smtp::{
        reply::{EnhancedCode, Reply, SmtpCode},
        server::{Answer, MailCommand, ReceivedMessage},
    },
};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// `Received` fields with which a message is taken to go round in circles (RFC 5321 section 6.3: at least 100).
const MAX_HOPS: usize = 100;

/// A range of addresses, `192.0.2.0/24` or `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// Text that is not a [`Network`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a network (expected an address and prefix length, as 192.0.2.0/24 or ::1/128)")]
pub struct InvalidNetwork(String);

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidNetwork(text.to_owned());
        let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if prefix.is_empty() { longest } else { prefix.parse().map_err(|_| invalid())? };
        if prefix > longest {
            return Err(invalid());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl Network {
    /// Whether `address` lies in it; an IPv4 address mapped into IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differs = network.to_bits() ^ address.to_bits();
                differs.checked_shr(32 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differs = network.to_bits() ^ address.to_bits();
                differs.checked_shr(128 - u32::from(self.prefix)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The relay's decisions.
#[derive(Debug, Clone)]
pub struct Relay {
    /// The door.
    pub intake: Intake,
    /// Our name in `Received`.
    pub hostname: String,
    /// Who may send.
    pub trusted: Vec<Network>,
}

impl Service for Relay {
    fn admits(&self, peer: SocketAddr) -> Result<(), Reply> {
        if self.trusted.iter().any(|network| network.contains(peer.ip())) {
            return Ok(());
        }
        let why = format!("{} may not relay here: it is in none of smtp.trusted_networks", peer.ip());
        Err(Reply::new(SmtpCode::TRANSACTION_FAILED, Some(EnhancedCode::new(5, 7, 1)), why))
    }

    async fn mail(&self, _: &MailCommand) -> Reaction {
        if self.intake.is_busy() { refused(&IntakeError::Busy) } else { Reaction::Answer(Answer::Accept) }
    }

    async fn rcpt(&self, _: &EmailAddress) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    async fn data(&self) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    async fn message(&self, message: ReceivedMessage, peer: SocketAddr) -> Reaction {
        if let Some(looping) = refuse_loop(&message.content) {
            return looping;
        }
        let (id, now) = self.intake.next_id();
        let received = ReceivedHeader {
            helo: &message.helo,
            peer: Some(peer.ip()),
            by: &self.hostname,
            with: with(&message),
            id,
            date: now,
        };
        let trace = received.to_string();
        let signed_by = self.intake.domain_of_author(&message.content);
        let accepted = self.intake.accept(NewMessage {
            id,
            reverse_path: message.reverse_path,
            recipients: message.recipients,
            smtputf8: message.smtputf8,
            account: signed_by.as_ref().and_then(|domain| domain.account_id.tenant()),
            origin: Origin::Relay,
            trace,
            content: message.content,
            signed_by,
        });
        match accepted.await {
            Ok(()) => {
                let text = format!("Ok: queued as {id}");
                Reaction::Answer(Answer::AcceptWith(Reply::new(
                    SmtpCode::OK,
                    Some(EnhancedCode::new(2, 0, 0)),
                    text,
                )))
            }
            Err(error) => refused(&error),
        }
    }
}

fn with(message: &ReceivedMessage) -> ReceivedWith {
    match (message.smtputf8, message.esmtp, message.tls) {
        (SmtpUtf8::Needed, _, true) => ReceivedWith::Utf8Smtps,
        (SmtpUtf8::Needed, _, false) => ReceivedWith::Utf8Smtp,
        (SmtpUtf8::NotNeeded, _, true) => ReceivedWith::Esmtps,
        (SmtpUtf8::NotNeeded, true, false) => ReceivedWith::Esmtp,
        (SmtpUtf8::NotNeeded, false, false) => ReceivedWith::Smtp,
    }
}

/// Refuses a message that has been through too many hands: sent on, it would come back here for ever.
fn refuse_loop(content: &[u8]) -> Option<Reaction> {
    let hops = fields(split_header(content).0).filter(|field| field.is("Received")).count();
    let why = || format!("{hops} Received fields: the message goes round in circles");
    (hops > MAX_HOPS).then(|| refuse(SmtpCode::TRANSACTION_FAILED, EnhancedCode::new(5, 4, 6), why()))
}

/// Nothing is lost: every refusal here is temporary, and says whose turn it is. What the disk said is for our
/// log, not for clients.
fn refused(error: &IntakeError) -> Reaction {
    let full = SmtpCode::INSUFFICIENT_STORAGE;
    match error {
        IntakeError::TooManyRecipients(_) => refuse(full, EnhancedCode::new(4, 5, 3), error.to_string()),
        IntakeError::Busy => refuse(full, EnhancedCode::new(4, 3, 2), error.to_string()),
        IntakeError::Storage(storage) if storage.is_disk_full() => {
            refuse(full, EnhancedCode::new(4, 3, 1), "there is no room for more mail; try again later")
        }
        IntakeError::Signing(_) | IntakeError::Storage(_) => {
            tracing::warn!(%error, "message refused");
            let why = "the message could not be taken for now; try again later";
            refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 3, 0), why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailwright_storage::StorageError;

    #[test]
    fn a_network_holds_its_own_addresses_and_no_others() {
        let cases = [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("::1/128", "::2", false),
        ];
        for (network, address, inside) in cases {
            let network: Network = network.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{network} {address}");
        }
        for text in ["", "192.0.2.0/33", "192.0.2.0/x", "host/8", "::/129"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_what_has_come_by_too_often() {
        let message = |hops: usize| {
            let trace = "Received: from a by b; Sat, 21 Nov 2026 10:04:05 +0000\r\n".repeat(hops);
            format!("{trace}Subject: Received: x\r\n\r\nReceived: in the body\r\n").into_bytes()
        };
        assert!(refuse_loop(&message(MAX_HOPS)).is_none());
        let Some(Reaction::Answer(Answer::Refuse(reply))) = refuse_loop(&message(MAX_HOPS + 1)) else {
            panic!("not refused");
        };
        assert_eq!(reply.code(), SmtpCode::TRANSACTION_FAILED);
    }

    #[test]
    fn tells_clients_nothing_of_our_disk() {
        let dir = std::path::PathBuf::from("/var/lib/mailwright/spool");
        let failures = [
            StorageError::DiskFull { dir, min_free: 7 },
            StorageError::JournalFailed { reason: "sync /var/lib/mailwright/spool/0.journal: EIO".into() },
        ];
        for failure in failures {
            let Reaction::Answer(Answer::Refuse(reply)) = refused(&failure.into()) else {
                panic!("not refused");
            };
            assert!(!reply.to_string().contains("/var"), "{reply}");
            assert_eq!(reply.code().as_u16() / 100, 4);
        }
    }
}
