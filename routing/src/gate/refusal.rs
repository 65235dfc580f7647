//! What clients are told whom the gate refuses: each with a code, a sentence and what to do. `docs/postmaster.md` explains
//! every code; where `inbound.help_url` is set, the session puts its address behind each.

use super::{hello::HelloFault, look_up::Listing};
use mailwright_engine::smtp::reply::{EnhancedCode, Reply, SmtpCode};
use std::net::IpAddr;

/// Why the gate refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The address has as many sessions as it may.
    Sessions,
    /// It began too many sessions lately.
    Connections,
    /// It brought too many messages lately.
    Messages,
    /// It asked for too many recipients that there are not.
    Recipients,
    /// It talked out of turn.
    Early,
    /// A block list has it.
    Listed(IpAddr, Listing),
    /// It has no name in the DNS.
    Nameless(IpAddr),
    /// Its name in the DNS does not lead back to it.
    Misnamed(IpAddr, String),
    /// Its name could not be looked up.
    NameUnknown(IpAddr),
    /// It greeted as it cannot be called.
    Hello(HelloFault),
}

impl Refusal {
    /// All that [`Self::reason`] may be.
    pub(super) const REASONS: [&str; 8] =
        ["sessions", "connections", "messages", "recipients", "early", "block_list", "reverse_dns", "hello"];

    /// Its name in metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Connections => "connections",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
            Self::Early => "early",
            Self::Listed(..) => "block_list",
            Self::Nameless(_) | Self::Misnamed(..) | Self::NameUnknown(_) => "reverse_dns",
            Self::Hello(_) => "hello",
        }
    }

    /// What the client is told.
    pub(super) fn reply(&self) -> Reply {
        let (code, status) = self.codes();
        Reply::new(code, Some(status), self.words())
    }

    fn codes(&self) -> (SmtpCode, EnhancedCode) {
        match self {
            Self::Sessions | Self::Connections | Self::Recipients => {
                (SmtpCode::SHUTTING_DOWN, EnhancedCode::new(4, 7, 0))
            }
            Self::Messages => (SmtpCode::MAILBOX_BUSY, EnhancedCode::new(4, 7, 0)),
            Self::Early => (SmtpCode::TRANSACTION_FAILED, EnhancedCode::new(5, 5, 0)),
            Self::Listed(..) | Self::Hello(_) => (SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 7, 1)),
            // RFC 7372 section 3.3.
            Self::Nameless(_) | Self::Misnamed(..) => {
                (SmtpCode::MAILBOX_UNAVAILABLE, EnhancedCode::new(5, 7, 25))
            }
            Self::NameUnknown(_) => (SmtpCode::MAILBOX_BUSY, EnhancedCode::new(4, 7, 25)),
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Sessions => "too many connections at a time from your address, try again later".to_owned(),
            Self::Connections => {
                "too many connections a minute from your address, try again later".to_owned()
            }
            Self::Messages => "too many messages a minute from your address, try again later".to_owned(),
            Self::Recipients => {
                "too many recipients from your address that do not exist here, try again later".to_owned()
            }
            Self::Early => "you sent something before it was your turn (RFC 5321 section 4.3.1)".to_owned(),
            Self::Listed(address, listing) => {
                let reason =
                    listing.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                format!("your address {address} is on the block list {}{reason}", listing.zone)
            }
            Self::Nameless(address) => {
                format!("your address {address} has no name in the DNS (PTR record); mail servers need one")
            }
            Self::Misnamed(address, name) => {
                format!("the name {name} of your address {address} does not lead back to it in the DNS")
            }
            Self::NameUnknown(address) => {
                format!("the name of your address {address} cannot be looked up for now, try again later")
            }
            Self::Hello(fault) => format!("you greeted with {fault}; greet with your own name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_reason_that_metrics_know_and_a_line_that_fits() {
        let address = IpAddr::from([192, 0, 2, 1]);
        let listing = Listing {
            zone: "zen.example".to_owned(),
            codes: Vec::new(),
            reason: Some("see https://zen.example".to_owned()),
        };
        let all = [
            Refusal::Sessions,
            Refusal::Connections,
            Refusal::Messages,
            Refusal::Recipients,
            Refusal::Early,
            Refusal::Listed(address, listing),
            Refusal::Nameless(address),
            Refusal::Misnamed(address, "mail.example".to_owned()),
            Refusal::NameUnknown(address),
            Refusal::Hello(HelloFault::OurName),
        ];
        for refusal in &all {
            assert!(Refusal::REASONS.contains(&refusal.reason()), "{refusal:?}");
            let reply = refusal.reply();
            assert!(reply.lines().len() == 1 && reply.to_string().len() < 300, "{reply}");
        }
        assert_eq!(
            all[5].reply().to_string(),
            "550 5.7.1 your address 192.0.2.1 is on the block list zen.example: see https://zen.example"
        );
        assert!(Refusal::REASONS.iter().all(|reason| all.iter().any(|refusal| refusal.reason() == *reason)));
    }
}
