//! The relay: takes mail for anywhere from networks that are trusted to send it, and signs it when its author
//! is at a domain that is set up for sending.

use super::{
    Reaction, Service, TlsFacts,
    handover::{refuse_loop, refused, taken},
};
use crate::intake::{Intake, NewMessage};
use mailwright_engine::{
    address::EmailAddress,
    envelope::Origin,
    message::ReceivedHeader,
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

/// A client of the relay.
#[derive(Debug)]
pub struct RelayClient {
    peer: SocketAddr,
    cipher: Option<String>,
}

impl Service for Relay {
    type Client = RelayClient;

    fn admit(&self, peer: SocketAddr) -> Result<RelayClient, Reply> {
        if self.trusted.iter().any(|network| network.contains(peer.ip())) {
            return Ok(RelayClient { peer, cipher: None });
        }
        let why = format!("{} may not relay here: it is in none of smtp.trusted_networks", peer.ip());
        Err(Reply::new(SmtpCode::TRANSACTION_FAILED, Some(EnhancedCode::new(5, 7, 1)), why))
    }

    fn secured(&self, client: &mut RelayClient, tls: TlsFacts) {
        client.cipher = tls.cipher;
    }

    async fn mail(&self, _: &mut RelayClient, _: &MailCommand) -> Reaction {
        self.intake.has_room().map_or_else(|error| refused(&error), |()| Reaction::Answer(Answer::Accept))
    }

    async fn rcpt(&self, _: &mut RelayClient, _: &EmailAddress) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    async fn data(&self, _: &mut RelayClient) -> Reaction {
        Reaction::Answer(Answer::Accept)
    }

    async fn message(&self, client: &mut RelayClient, message: ReceivedMessage) -> Reaction {
        if let Some(looping) = refuse_loop(&message.content) {
            return looping;
        }
        let (id, now) = self.intake.next_id();
        let received = ReceivedHeader {
            helo: &message.helo,
            peer: Some(client.peer.ip()),
            by: &self.hostname,
            with: message.protocol(),
            tls: client.cipher.as_deref(),
            id,
            date: now,
        };
        let trace = received.to_string();
        let signed_by = self.intake.domain_of_author(&message.content);
        let (from, to) = (message.reverse_path, message.recipients);
        let accepted = self.intake.accept(NewMessage {
            smtputf8: message.smtputf8,
            security: message.security,
            dsn: message.dsn,
            recipients_dsn: message.recipients_dsn,
            account: signed_by.as_ref().and_then(|domain| domain.account_id.tenant()),
            trace,
            signed_by,
            ..NewMessage::new(id, from, to, Origin::Relay, message.content)
        });
        match accepted.await {
            Ok(()) => taken(id),
            Err(error) => refused(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
