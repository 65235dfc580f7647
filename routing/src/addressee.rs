//! Whom mail is for: what every address of ours leads to, and why others lead nowhere.

use crate::{
    reports::{ReportMailbox, ReportsInbox},
    return_path::{Mailbox, ReturnPath},
};
use mailwright_actors::clock;
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    return_path::token::{SrsError, TokenError, original_sender},
    worker::ScriptName,
};
use mailwright_storage::control::{Control, Matched, ObjectId, Route, RouteAction, RoutingZone};
use mailwright_workers::Workers;
use std::sync::Arc;

/// Local parts that every domain must have, in any case.
const REQUIRED: [&str; 2] = ["postmaster", "abuse"];

/// What an address of ours is for.
#[derive(Debug, Clone)]
pub enum Addressee {
    /// News of mail that was sent.
    Returned(Mailbox),
    /// Reports on mail in the name of a zone.
    Reports(ReportMailbox),
    /// News of mail that went on: whoever wrote it.
    Sender(Arc<RoutingZone>, EmailAddress),
    /// What its zone says is to become of its mail.
    Routed(Arc<RoutingZone>, RouteAction),
}

/// What has to be the same for all recipients of a message: SMTP has one answer for all of them, so they must share their
/// fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// News of mail that was sent.
    Returned,
    /// Reports on zones.
    Reports,
    /// News of mail that went on from a zone.
    Sender(ObjectId),
    /// Addresses of one zone.
    Zone(ObjectId),
}

impl Addressee {
    /// With what it may stand together.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Returned(_) => Kind::Returned,
            Self::Reports(_) => Kind::Reports,
            Self::Sender(zone, _) => Kind::Sender(zone.zone_id.clone()),
            Self::Routed(zone, _) => Kind::Zone(zone.zone_id.clone()),
        }
    }
}

/// Why an address takes no mail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unrouted {
    /// Its domain is none of ours.
    #[error("this server takes no mail for that domain")]
    Foreign,
    /// Nobody has it, or not any more.
    #[error("there is no such address")]
    Unknown,
    /// A rule has it that leads nowhere yet.
    #[error("mail for this address is not set up yet: where it leads has not been confirmed")]
    Inactive,
    /// It is an address of ours for reports, and the message is none.
    #[error("this address takes reports about mail alone, which have no sender (MAIL FROM:<>)")]
    NoReport,
    /// It was good for a while, and is not any more.
    #[error("this address has expired")]
    Expired,
    /// Code is to have its mail, and there is none.
    #[error("the worker {0} that takes mail for this address is not deployed; try again later")]
    NoWorker(String),
}

/// Knows every address of ours. Clones share everything.
#[derive(Clone)]
pub struct Directory {
    control: Arc<Control>,
    returns: ReturnPath,
    reports: ReportsInbox,
    postmaster: Option<EmailAddress>,
    workers: Option<Workers>,
}

impl Directory {
    /// By the keys, domains and rules in `control`. `postmaster` gets mail for the addresses of a zone that every domain
    /// must have, where no rule takes it; `workers` run the code that has mail by a rule.
    pub fn new(
        control: Arc<Control>,
        returns: ReturnPath,
        reports: ReportsInbox,
        postmaster: Option<EmailAddress>,
        workers: Option<Workers>,
    ) -> Self {
        Self { control, returns, reports, postmaster, workers }
    }

    /// What a message from `sender` to `address` is for.
    ///
    /// # Errors
    /// When the address takes none, or not this one.
    pub fn find(&self, sender: &ReversePath, address: &EmailAddress) -> Result<Addressee, Unrouted> {
        match self.leads_to(sender, address)? {
            Addressee::Routed(zone, RouteAction::Worker(name)) if !self.has_worker(&zone, &name) => {
                Err(Unrouted::NoWorker(name))
            }
            found => Ok(found),
        }
    }

    /// The same, whether or not the code is there that is to have the mail.
    ///
    /// # Errors
    /// When the address takes none, or not this one.
    pub(crate) fn leads_to(
        &self,
        sender: &ReversePath,
        address: &EmailAddress,
    ) -> Result<Addressee, Unrouted> {
        match self.returns.mailbox(address) {
            Ok(mailbox) => return Ok(Addressee::Returned(mailbox)),
            // A domain can be in a zone with routing and have bounces as well.
            Err(Unrouted::Foreign | Unrouted::Unknown) => {}
            Err(other) => return Err(other),
        }
        if let Some(mailbox) = self.reports.mailbox(address) {
            return Ok(Addressee::Reports(mailbox));
        }
        if let Some(back) = self.rewritten(sender, address)? {
            return Ok(back);
        }
        match self.control.route(address) {
            Route::Foreign if self.returns.is_ours(address.domain()) => Err(Unrouted::Unknown),
            Route::Foreign => Err(Unrouted::Foreign),
            Route::Unknown(zone) => self.required(zone, address).ok_or(Unrouted::Unknown),
            Route::Inactive(zone, _) => self.required(zone, address).ok_or(Unrouted::Inactive),
            Route::Take(Matched { zone, action, .. }) => Ok(Addressee::Routed(zone, action)),
        }
    }

    /// Whether the code is there that is to have the mail.
    fn has_worker(&self, zone: &RoutingZone, name: &str) -> bool {
        let script = name.parse::<ScriptName>().ok();
        self.workers
            .as_ref()
            .zip(script)
            .is_some_and(|(workers, script)| workers.is_deployed(&zone.account_id, &script))
    }

    /// Who gets mail for an address that every domain must have (RFC 5321 section 4.5.1, RFC 2142 section 4).
    fn required(&self, zone: Arc<RoutingZone>, address: &EmailAddress) -> Option<Addressee> {
        let is_required = REQUIRED.iter().any(|name| address.local().eq_ignore_ascii_case(name));
        let postmaster = self.postmaster.clone().filter(|_| is_required)?;
        Some(Addressee::Routed(zone, RouteAction::Forward(vec![postmaster])))
    }

    /// Whom a sender that we rewrote goes back to. A forged one is refused: whoever could make one would have a relay.
    fn rewritten(&self, sender: &ReversePath, address: &EmailAddress) -> Result<Option<Addressee>, Unrouted> {
        let Some(zone) = self.control.routing_zone_of_domain(address.domain()) else { return Ok(None) };
        match original_sender(address, clock::wall(), &self.control.token_keys()) {
            Ok(back) if *sender == ReversePath::Null => Ok(Some(Addressee::Sender(zone, back))),
            Ok(_) => Err(Unrouted::NoReport),
            Err(SrsError::Token(TokenError::NotOurs)) => Ok(None),
            Err(SrsError::Token(TokenError::Forged)) => {
                crate::return_path::count("srs", "forged");
                Err(Unrouted::Unknown)
            }
            Err(SrsError::Expired) => Err(Unrouted::Expired),
        }
    }
}
