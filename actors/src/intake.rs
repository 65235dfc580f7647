//! Intake: the one door through which every message enters, whatever protocol brought it.

mod reschedule;

pub use reschedule::Rescheduled;

use crate::{
    clock, metrics as names,
    outgoing::{Outbound, Outgoing, UnsubscribeError},
    signing::{Signers, SigningError},
    supervisor::Backlog,
    suppressed::shown,
};
use mailwright_engine::{
    address::{EmailAddress, ReversePath},
    class::{Priority, TenantName, TransportSecurity},
    dsn::{DsnRequest, RecipientDsn},
    envelope::{BodyType, Envelope, Origin, Schedule, SentBy, SmtpUtf8},
    id::{ObjectKey, QueueId},
    limits::{Counted, Demand, Refusal},
    message::{
        author, first_html,
        hints::{InvalidHint, SendingHints, UnsubscribeLink},
        is_8bit, message_id, preview, split_header, subject,
    },
    request_mark::RequestMark,
    time::UnixMillis,
    webhook::{EventKind, WebhookEvent},
};
use mailwright_storage::{
    Content, Spool, StorageError,
    control::{Control, ObjectId, SendingDomain, Token},
    events::{
        Event, EventLog,
        event::{Accepted, Addressed, Kept, Received, Refused, Suppressed},
    },
    webhooks::WebhookFeed,
};
use std::sync::Arc;

/// Committed entries that delivery may be behind before mail is refused for now. At a few hundred octets an
/// entry this bounds memory to some ten megabytes.
const BACKLOG_MAX: usize = 50_000;

/// Characters of a message's text that are kept where its domain wants that.
const PREVIEW_MAX: usize = 200;

/// A message that wants to be accepted.
#[derive(Debug)]
pub struct NewMessage {
    /// Its name, from [`Intake::next_id`].
    pub id: QueueId,
    /// Where failures are reported.
    pub reverse_path: ReversePath,
    /// To whom; at least one.
    pub recipients: Vec<EmailAddress>,
    /// Whether SMTPUTF8 is needed.
    pub smtputf8: SmtpUtf8,
    /// What its envelope asks of TLS; `ByPolicy` leaves it to the header (`TLS-Required: No`).
    pub security: TransportSecurity,
    /// What the sender said about reports.
    pub dsn: DsnRequest,
    /// What the sender said about reports on each recipient; empty if nothing about any.
    pub recipients_dsn: Vec<RecipientDsn>,
    /// What was asked for beside the message: comes before what its header asks for.
    pub asked: SendingHints,
    /// How urgent it is when nobody says.
    pub default_priority: Priority,
    /// The account it belongs to.
    pub account: Option<TenantName>,
    /// The token that its sender showed, if any.
    pub token: Option<ObjectId>,
    /// Which door it came in by.
    pub origin: Origin,
    /// The trace field to put on top; ends in CRLF.
    pub trace: String,
    /// The message: header and body, CRLF lines.
    pub content: Vec<u8>,
    /// The domain whose keys sign it, if any.
    pub signed_by: Option<Arc<SendingDomain>>,
    /// The request that it came by, if its client named that with a key.
    pub request: Option<Box<RequestMark>>,
    /// How it came and for which zone, if it came from the world.
    pub routed: Option<Routed>,
}

/// A message from the world that goes on.
#[derive(Debug, Clone)]
pub struct Routed {
    /// The zone whose rules say so.
    pub zone: ObjectId,
    /// How it came.
    pub received: Box<Received>,
}

impl NewMessage {
    /// A message that asks for nothing beyond delivery, without trace and signature.
    pub fn new(
        id: QueueId,
        reverse_path: ReversePath,
        recipients: Vec<EmailAddress>,
        origin: Origin,
        content: Vec<u8>,
    ) -> Self {
        Self {
            id,
            reverse_path,
            recipients,
            smtputf8: SmtpUtf8::NotNeeded,
            security: TransportSecurity::ByPolicy,
            dsn: DsnRequest::default(),
            recipients_dsn: Vec::new(),
            asked: SendingHints::default(),
            default_priority: Priority::default(),
            account: None,
            token: None,
            origin,
            trace: String::new(),
            content,
            signed_by: None,
            request: None,
            routed: None,
        }
    }
}

/// Why a message was not accepted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IntakeError {
    /// Delivery is too far behind; try again soon.
    #[error("too much mail is waiting to be queued; try again in a moment")]
    Busy,
    /// As many entries wait as may.
    #[error("the queue is full; try again later")]
    QueueFull,
    /// More recipients than a message may have.
    #[error("{0} recipients are more than a message may have")]
    TooManyRecipients(usize),
    /// The time of a scheduled message was changed so often that its entries have no names left.
    #[error("the time of this message was changed too often; cancel it and send it again")]
    ChangedTooOften,
    /// The account, or what it sends by, has sent as much as it may for now; or more than a limit is.
    #[error("{0}")]
    Limited(Box<Refusal>),
    /// The account may write to its own verified addresses and domains only.
    #[error(
        "the account may only send to its verified destination addresses and to its own domains, not to {}",
        shown(.0)
    )]
    NotAllowed(Vec<EmailAddress>),
    /// A header field that is for us says what we do not understand.
    #[error(transparent)]
    Hint(#[from] InvalidHint),
    /// It cannot have the link to unsubscribe that it asks for.
    #[error(transparent)]
    Unsubscribe(#[from] UnsubscribeError),
    /// The message could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// Storage refused.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl IntakeError {
    /// Whether the disk is full.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Storage(error) if error.is_disk_full())
    }

    /// Says in the log what is ours to mend; the sender hears no more than that it did not go.
    fn tell(&self, id: QueueId) {
        match self {
            Self::Signing(_) => tracing::error!(%id, error = %self, "message refused"),
            Self::Storage(_) if !self.is_disk_full() => {
                tracing::warn!(%id, error = %self, "message refused");
            }
            _ => {}
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::QueueFull => "queue_full",
            Self::TooManyRecipients(_) => "recipients",
            Self::ChangedTooOften => "changes",
            Self::Limited(_) => "limit",
            Self::NotAllowed(_) => "recipient",
            Self::Hint(_) | Self::Unsubscribe(_) => "hint",
            Self::Signing(_) => "signing",
            Self::Storage(error) if error.is_disk_full() => "disk_full",
            Self::Storage(_) => "storage",
        }
    }
}

/// Why a message was not taken that its account should hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untaken {
    /// Recipients are suppressed.
    Suppressed,
    /// Its sender may not send so.
    Sender,
}

/// The door. Cheap to clone, usable from any thread.
#[derive(Debug, Clone)]
pub struct Intake {
    spool: Spool,
    backlog: Backlog,
    control: Arc<Control>,
    events: EventLog,
    webhooks: WebhookFeed,
    outgoing: Outgoing,
    signers: Arc<Signers>,
}

impl Intake {
    /// The door to `spool`, watching `backlog`, signing for the domains of `control`, telling `events` and
    /// `webhooks`, putting in what `outgoing` writes.
    pub fn new(
        spool: Spool,
        backlog: Backlog,
        control: Arc<Control>,
        events: EventLog,
        webhooks: WebhookFeed,
        outgoing: Outgoing,
    ) -> Self {
        Self { spool, backlog, control, events, webhooks, outgoing, signers: Arc::default() }
    }

    /// How what it takes will find its way back.
    pub fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// The sending domain of the author in the header of `content`, if it is one of ours.
    pub fn domain_of_author(&self, content: &[u8]) -> Option<Arc<SendingDomain>> {
        if !self.control.has_sending_domains() {
            return None;
        }
        let author = author(split_header(content).0)?;
        self.control.sending_domain(author.domain()).filter(|domain| domain.is_open())
    }

    /// A fresh message id, and the time of day for its header.
    pub fn next_id(&self) -> (QueueId, UnixMillis) {
        (self.spool.next_id(clock::unix_micros()), clock::wall())
    }

    /// Why mail would be refused now for want of strength; cheap, for use before content is received.
    ///
    /// # Errors
    /// [`IntakeError::Busy`] or [`IntakeError::QueueFull`].
    pub fn has_room(&self) -> Result<(), IntakeError> {
        if self.spool.is_full() {
            return Err(IntakeError::QueueFull);
        }
        if self.backlog.entries() > BACKLOG_MAX { Err(IntakeError::Busy) } else { Ok(()) }
    }

    /// Accepts a message: on return it is safe from a power cut and on its way.
    ///
    /// # Errors
    /// See [`IntakeError`]; nothing was accepted then.
    pub async fn accept(&self, message: NewMessage) -> Result<(), IntakeError> {
        let (id, origin) = (message.id, message.origin);
        let accepted = self.try_accept(message).await;
        match &accepted {
            Ok(()) => {
                ::metrics::counter!(names::ACCEPTED, "origin" => origin.as_str()).increment(1);
            }
            Err(error) => {
                error.tell(id);
                ::metrics::counter!(names::REFUSED, "reason" => error.label()).increment(1);
            }
        }
        accepted
    }

    async fn try_accept(&self, mut message: NewMessage) -> Result<(), IntakeError> {
        // A report replaces mail that is in the queue already.
        if message.origin != Origin::Report {
            self.has_room()?;
        }
        if message.recipients.len() > Envelope::MAX_RECIPIENTS {
            return Err(IntakeError::TooManyRecipients(message.recipients.len()));
        }
        // What the world writes into its mail is no word of ours to follow, and is signed.
        let hints = match message.origin {
            Origin::Routing => SendingHints::default(),
            _ => SendingHints::take(&mut message.content)?,
        };
        let sent_by = sent_by(message.signed_by.as_deref(), message.token.as_ref());
        // Before it is signed, which takes far longer.
        let counted = self.count(&message, sent_by)?;
        let now = counted.as_ref().map_or_else(clock::now, |counted| counted.at);
        let committed = self.commit(message, hints, sent_by, now).await;
        if let (Err(_), Some(limits), Some(counted)) = (&committed, self.spool.limits(), &counted) {
            limits.release(counted);
        }
        committed
    }

    /// Signs a message and has it safe.
    async fn commit(
        &self,
        message: NewMessage,
        hints: SendingHints,
        sent_by: SentBy,
        now: UnixMillis,
    ) -> Result<(), IntakeError> {
        let (asked, wall) = (message.asked, clock::wall());
        let send_at = asked.send_at.filter(|at| *at > wall);
        let date = send_at.unwrap_or(wall);
        let campaign = asked.campaign.or(hints.campaign);
        let outbound = Outbound {
            id: message.id,
            recipients: &message.recipients,
            origin: message.origin,
            campaign: campaign.as_ref(),
            unsubscribe: if asked.unsubscribe == UnsubscribeLink::Own {
                hints.unsubscribe
            } else {
                asked.unsubscribe
            },
        };
        let domain = message.signed_by.as_ref();
        let fields =
            self.outgoing.lines(&outbound, domain.map(Arc::as_ref), split_header(&message.content).0)?;
        let content = self.finish(message.trace, &fields, message.content, domain, date)?;
        let eight_bit = is_8bit(&content.body);
        let envelope = Envelope {
            body: if eight_bit { BodyType::EightBitMime } else { BodyType::SevenBit },
            smtputf8: message.smtputf8,
            account: message.account,
            sent_by,
            priority: asked.priority.or(hints.priority).unwrap_or(message.default_priority),
            campaign,
            pool: asked.pool.or(hints.pool),
            expires_after: asked.expires_after.or(hints.expires_after),
            dsn: message.dsn,
            recipients_dsn: said(message.recipients_dsn),
            schedule: send_at.map(|at| scheduled(at, content.head.len() - fields.len(), 0)),
            request: message.request,
            // A demand of the envelope is stronger than the leave of the header (RFC 8689 section 5).
            security: match message.security {
                TransportSecurity::ByPolicy => hints.security,
                demanded => demanded,
            },
            ..Envelope::new(message.id, now, message.reverse_path, message.recipients, message.origin)
        };
        let signed_by = message.signed_by.as_deref();
        let (id, accepted) = (envelope.id, accepted(&envelope, &content, signed_by, message.routed));
        let rest: Vec<_> = Addressed::rest_of(&envelope).collect();
        self.webhooks.announce(id, self.acceptances(&envelope, &accepted.message_id));
        // What is due goes by a time that is never set; the sender's clock says how far off it is.
        let due = send_at.map_or(now, |at| now.saturating_add(at.since(wall)));
        if let Err(error) = self.spool.accept(envelope, content, due).await {
            self.webhooks.withdraw(id);
            return Err(error.into());
        }
        self.events.record(now, Some(id), Event::Accepted(Box::new(accepted)));
        for more in rest {
            self.events.record(now, Some(id), Event::Addressed(more));
        }
        Ok(())
    }

    /// Whether a message from `domain` would be taken as far as its recipients and limits go; nothing is counted.
    ///
    /// # Errors
    /// [`IntakeError::NotAllowed`], or [`IntakeError::Limited`] with the limit that it would have to wait for longest.
    pub fn check(
        &self,
        domain: &SendingDomain,
        token: Option<&Token>,
        recipients: &[EmailAddress],
    ) -> Result<(), IntakeError> {
        let Some(account) = domain.account_id.tenant() else { return Ok(()) };
        self.check_recipients(&account, recipients)?;
        let Some(limits) = self.spool.limits() else { return Ok(()) };
        let sent_by = sent_by(Some(domain), token.map(|token| &token.id));
        let checked = limits.check(Demand { account: &account, sent_by, recipients }, clock::now());
        checked.map_err(|refusal| IntakeError::Limited(Box::new(refusal)))
    }

    /// Whether an account may write to these at all.
    fn check_recipients(&self, account: &TenantName, recipients: &[EmailAddress]) -> Result<(), IntakeError> {
        let strangers = self.control.not_allowed(account, recipients);
        if strangers.is_empty() { Ok(()) } else { Err(IntakeError::NotAllowed(strangers)) }
    }

    /// Counts the recipients of a message, if an account sends it, and they are allowed. What a
    /// caller that stops waiting has handed in stays counted: it may be accepted.
    fn count(&self, message: &NewMessage, sent_by: SentBy) -> Result<Option<Counted>, IntakeError> {
        let account = message.account.as_ref().filter(|_| message.origin.is_sending());
        let Some(account) = account else { return Ok(None) };
        self.check_recipients(account, &message.recipients)?;
        let Some(limits) = self.spool.limits() else { return Ok(None) };
        let demand = Demand { account, sent_by, recipients: &message.recipients };
        let counted = limits.reserve(demand, clock::now());
        counted.map(Some).map_err(|refusal| IntakeError::Limited(Box::new(refusal)))
    }

    /// Notes for its account that a message was not taken, which is no fault of the server.
    pub fn note_refused(&self, why: Untaken, refused: Refused) {
        let refused = Box::new(refused);
        let event = match why {
            Untaken::Suppressed => Event::Rejected(refused),
            Untaken::Sender => Event::Failed(refused),
        };
        self.note(self.next_id().0, event);
    }

    /// Notes what became of a message that was not accepted.
    pub fn note(&self, id: QueueId, event: Event) {
        self.events.record(clock::now(), Some(id), event);
    }

    /// Notes that an accepted message does not go to these: `first` is how many it goes to.
    pub fn note_left_out(&self, id: QueueId, first: usize, recipients: &[String]) {
        if recipients.is_empty() {
            return;
        }
        let to = recipients.to_vec();
        let first = u16::try_from(first).unwrap_or(u16::MAX);
        self.events.record(clock::now(), Some(id), Event::Suppressed(Suppressed { first, to }));
    }

    /// What webhooks are to be told once the message is accepted; nothing if none wants to know.
    fn acceptances(&self, envelope: &Envelope, message_id: &str) -> Vec<WebhookEvent> {
        let kind = EventKind::Accepted;
        if !envelope.origin.is_sending() || !self.webhooks.wants(envelope.account.as_ref(), kind) {
            return Vec::new();
        }
        let event = |index| WebhookEvent::about(envelope, index, kind, envelope.accepted_at);
        let events = (0..).take(envelope.recipients.len()).filter_map(event);
        events.map(|event| WebhookEvent { message_id: message_id.to_owned(), ..event }).collect()
    }

    /// Puts trace, signatures and `fields` on top; the fields are signed too. `date` is when the message goes.
    fn finish(
        &self,
        trace: String,
        fields: &str,
        content: Vec<u8>,
        signed_by: Option<&Arc<SendingDomain>>,
        date: UnixMillis,
    ) -> Result<Content, IntakeError> {
        let mut head = trace.into_bytes();
        if let Some(domain) = signed_by {
            let (header, body) = split_header(&content);
            let header = [fields.as_bytes(), header].concat();
            head.extend(self.signers.sign(domain, &header, body, date)?);
        }
        head.extend_from_slice(fields.as_bytes());
        Ok(Content { head: head.into(), body: content.into() })
    }
}

/// A message that goes at `at`, with so many octets of trace and signatures on top.
fn scheduled(at: UnixMillis, on_top: usize, first_group: u16) -> Schedule {
    let on_top = u32::try_from(on_top).unwrap_or(u32::MAX);
    Schedule { at, on_top, first_group }
}

/// By what a message is sent.
fn sent_by(domain: Option<&SendingDomain>, token: Option<&ObjectId>) -> SentBy {
    let key = |id: &ObjectId| ObjectKey::parse(id.as_str());
    SentBy { domain: domain.and_then(|domain| key(&domain.tag)), token: token.and_then(key) }
}

/// What was said about reports; nothing at all if it was nothing about anybody.
fn said(recipients: Vec<RecipientDsn>) -> Vec<RecipientDsn> {
    let silent = recipients.iter().all(|dsn| *dsn == RecipientDsn::default());
    if silent { Vec::new() } else { recipients }
}

/// The Message-ID of a message without its brackets; empty if it has none.
pub(crate) fn message_id_of(content: &Content) -> String {
    message_id(split_header(&content.body).0)
}

/// What is kept of a message besides its preview.
fn kept(content: &Content) -> Kept {
    let (header, _) = split_header(&content.body);
    let header = String::from_utf8_lossy(&[&content.head[..], header].concat()).into_owned();
    Kept { header: beginning(&header, Kept::MAX_HEADER), html: first_html(&content.body, Kept::MAX_HTML) }
}

/// As many whole lines as fit `most` octets.
fn beginning(header: &str, most: usize) -> String {
    let mut length = 0;
    let fits = |line: &&str| {
        length += line.len();
        length <= most
    };
    header.split_inclusive('\n').take_while(fits).collect()
}

/// The acceptance as an event.
fn accepted(
    envelope: &Envelope,
    content: &Content,
    signed_by: Option<&SendingDomain>,
    routed: Option<Routed>,
) -> Accepted {
    let (header, _) = split_header(&content.body);
    let (routed_by, received) = routed.map(|routed| (routed.zone, routed.received)).unzip();
    let keeps_preview = signed_by.is_some_and(|domain| domain.preview_enabled);
    Accepted {
        author: author(header).map(|author| author.to_string()).unwrap_or_default(),
        zone: signed_by.map(|domain| &domain.zone_id).or(routed_by.as_ref()).map(ToString::to_string),
        message_id: message_id(header),
        preview: if keeps_preview { preview(&content.body, PREVIEW_MAX) } else { None },
        kept: keeps_preview.then(|| Box::new(kept(content))),
        received,
        ..Accepted::new(envelope, subject(header).as_deref(), content.len() as u64)
    }
}
