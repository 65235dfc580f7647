//! From a request to a message.

use crate::{access::Caller, answer::ApiError, request::RawRequest, server::AppState};
use mailwright_actors::{
    intake::Intake,
    suppressed::{Recipients, leave_out},
};
use mailwright_engine::{
    address::{Domain, EmailAddress},
    class::Priority,
    envelope::{Origin, SmtpUtf8},
    id::QueueId,
    message::{
        BuildContext, MAX_RECIPIENTS, RawDefaults, ReceivedHeader, ReceivedWith, SendError, SendErrorCode,
        SendRequest, build, check_raw,
        hints::{SendingHints, UnsubscribeLink},
        split_header,
    },
    time::UnixMillis,
};
use mailwright_storage::{
    control::{Account, Control, ObjectId, SendingDomain, Token},
    requests::KeptMessage,
    suppressions::Suppressions,
};
use std::{collections::HashSet, sync::Arc, time::Duration};

/// A message ready for intake, apart from its trace and signature.
pub(super) struct Draft {
    pub(super) id: QueueId,
    now: UnixMillis,
    /// When it goes, if that is later.
    pub(super) send_at: Option<UnixMillis>,
    pub(super) domain: Arc<SendingDomain>,
    pub(super) recipients: Vec<EmailAddress>,
    pub(super) content: Vec<u8>,
    pub(super) smtputf8: SmtpUtf8,
    pub(super) message_id: String,
    pub(super) asked: SendingHints,
    /// Recipients that it does not go to, because they are suppressed.
    pub(super) left_out: Vec<EmailAddress>,
    pub(super) provenance: Provenance,
}

/// Where a message is from.
pub(super) struct Provenance {
    /// Which door it came in by.
    pub(super) origin: Origin,
    /// What its sender showed, if anything.
    pub(super) token: Option<ObjectId>,
    /// How urgent its sender's mail is when nobody says.
    pub(super) priority: Priority,
}

impl Draft {
    /// Where it came in. The address of the application that sent it is nobody else's business.
    pub(super) fn trace(&self, hostname: &str) -> String {
        let (helo, id, date) = (self.domain.name.as_str(), self.id, self.now);
        ReceivedHeader { helo, peer: None, by: hostname, with: ReceivedWith::Http, tls: None, id, date }
            .to_string()
    }

    /// What is to be told of it.
    pub(super) fn kept(&self) -> KeptMessage {
        let texts = |addresses: &[EmailAddress]| addresses.iter().map(ToString::to_string).collect();
        KeptMessage {
            id: self.id,
            message_id: self.message_id.clone(),
            recipients: texts(&self.recipients),
            left_out: texts(&self.left_out),
            send_at: self.send_at,
        }
    }
}

/// On whose behalf messages are made, and what they pass on their way.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    pub(super) control: &'a Control,
    pub(super) intake: &'a Intake,
    pub(super) suppressions: &'a Suppressions,
    pub(super) account: &'a Account,
    /// What the sender showed, if anything.
    pub(super) token: Option<&'a Arc<Token>>,
    /// Which door the messages come in by.
    pub(super) origin: Origin,
}

impl<'a> Sender<'a> {
    /// A caller of the API.
    pub(super) fn of(state: &'a AppState, caller: &'a Caller, account: &'a Account) -> Self {
        Self {
            control: &state.control,
            intake: &state.intake,
            suppressions: &state.suppressions,
            account,
            token: caller.token(),
            origin: Origin::Api,
        }
    }

    /// The message that a request describes by its parts.
    ///
    /// # Errors
    /// When it may not come from there.
    pub(super) fn draft(self, request: &SendRequest, asked: SendingHints) -> Result<Draft, ApiError> {
        let domain = self.domain(request.from.address().domain())?;
        let (id, now) = self.intake.next_id();
        let send_at = later(asked.send_at, now)?;
        let message_id = message_id(id, &domain)?;
        let context = BuildContext {
            date: send_at.unwrap_or(now),
            message_id: &message_id,
            boundary_seed: id.as_raw(),
        };
        let content = build(request, &context);
        let recipients = distinct(request.recipients().map(|mailbox| mailbox.address().clone()));
        let Recipients { kept: recipients, left_out } = self.unsuppressed(&domain, recipients, now)?;
        if asked.unsubscribe == UnsubscribeLink::Hosted {
            let header = split_header(&content).0;
            self.intake.outgoing().may_host_unsubscribe(recipients.len(), header)?;
        }
        let mut addresses = request.recipients().chain([&request.from]).chain(&request.reply_to);
        let smtputf8 = needed(addresses.any(|mailbox| mailbox.address().needs_smtputf8()));
        Ok(Draft {
            id,
            now,
            send_at,
            domain,
            recipients,
            content,
            smtputf8,
            message_id,
            asked,
            left_out,
            provenance: self.provenance(),
        })
    }

    /// The message that comes ready-made.
    ///
    /// # Errors
    /// When it is malformed, has too many recipients, or may not come from there.
    pub(super) fn draft_raw(self, request: &RawRequest) -> Result<Draft, ApiError> {
        let domain = self.domain(request.from.address().domain())?;
        let recipients = distinct(request.recipients.iter().cloned());
        if recipients.len() > MAX_RECIPIENTS {
            let why = format!("{} recipients given, maximum is {MAX_RECIPIENTS}.", recipients.len());
            return Err(SendError::new(SendErrorCode::TooManyRecipients, "recipients", why).into());
        }
        let (id, now) = self.intake.next_id();
        let send_at = later(request.asked.send_at, now)?;
        let fresh = message_id(id, &domain)?;
        let date = send_at.unwrap_or(now);
        let raw = check_raw(&request.mime, &RawDefaults { date, message_id: &fresh })?;
        let author = self.domain(raw.from().domain())?;
        let Recipients { kept: recipients, left_out } = self.unsuppressed(&author, recipients, now)?;
        let utf8 = raw.has_utf8_header() || recipients.iter().any(EmailAddress::needs_smtputf8);
        let (message_id, asked) = (raw.message_id().to_owned(), request.asked.clone());
        let (content, smtputf8) = (raw.into_content(), needed(utf8));
        Ok(Draft {
            id,
            now,
            send_at,
            domain: author,
            recipients,
            content,
            smtputf8,
            message_id,
            asked,
            left_out,
            provenance: self.provenance(),
        })
    }

    fn provenance(self) -> Provenance {
        Provenance {
            origin: self.origin,
            token: self.token.map(|token| token.id.clone()),
            priority: self.token.map(|token| token.priority).unwrap_or_default(),
        }
    }

    /// Those of the recipients that mail from `domain` may go to.
    fn unsuppressed(
        self,
        domain: &SendingDomain,
        recipients: Vec<EmailAddress>,
        now: UnixMillis,
    ) -> Result<Recipients, ApiError> {
        Ok(leave_out(self.suppressions, domain, recipients, now)?)
    }

    /// A sender's domain as it is set up in this account.
    fn domain(self, name: &Domain) -> Result<Arc<SendingDomain>, ApiError> {
        let token = self.token.map(Arc::as_ref);
        Ok(self.control.sender(self.account.id.as_str(), token, name)?)
    }
}

/// Longest time that a message may be scheduled ahead: what the keys that sign it and whoever keeps it can promise.
const FARTHEST: Duration = Duration::from_secs(30 * 86_400);

/// The time that was asked for, if it is not over.
///
/// # Errors
/// When it is too far off.
pub(crate) fn later(asked: Option<UnixMillis>, now: UnixMillis) -> Result<Option<UnixMillis>, SendError> {
    let send_at = asked.filter(|at| *at > now);
    match send_at {
        Some(at) if at.since(now) > FARTHEST => {
            let why = format!(
                "'send_at': {at} is more than 30 days ahead, the farthest that a message can be scheduled."
            );
            Err(SendError::new(SendErrorCode::ValidationError, "send_at", why))
        }
        _ => Ok(send_at),
    }
}

fn needed(utf8: bool) -> SmtpUtf8 {
    if utf8 { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded }
}

/// Each address once, in order.
fn distinct(addresses: impl Iterator<Item = EmailAddress>) -> Vec<EmailAddress> {
    let mut seen = HashSet::new();
    addresses.filter(|address| seen.insert(address.clone())).collect()
}

fn message_id(id: QueueId, domain: &SendingDomain) -> Result<String, ApiError> {
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| ApiError::internal("No randomness is available."))?;
    Ok(format!("{id}.{}@{}", data_encoding::HEXLOWER.encode(&random), domain.name))
}
