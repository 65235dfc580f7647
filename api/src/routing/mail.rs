//! The mail that asks the owner of an address whether it is theirs and may be written to.

use crate::{answer::ApiError, server::AppState};
use mailwright_actors::intake::NewMessage;
use mailwright_engine::{
    address::{EmailAddress, Mailbox, ReversePath},
    envelope::{Origin, SentBy, SmtpUtf8},
    limits::{Counted, Counts, Demand, LimitsOf, Rates},
    message::{BuildContext, SendRequest, build},
    time::UnixMillis,
};
use mailwright_storage::control::{Account, LinkSecret};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Verification mails of one account in an hour.
const AN_HOUR: u64 = 60;
/// Of one account to one address.
const TO_ONE: u64 = 3;
/// Addresses that are counted.
const MOST: usize = 10_000;

/// How owners of addresses are asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerificationSettings {
    /// The author of the mails; `None` for the postmaster of this host.
    pub from: Option<EmailAddress>,
    /// What links begin with: where clients reach this server, without a slash at the end.
    pub url: String,
}

/// How many verification mails were sent: whoever asks for them must not be able to flood others. What is counted is
/// forgotten with the process.
#[derive(Debug)]
pub(crate) struct VerificationMails {
    counts: Mutex<Counts>,
    limits: LimitsOf,
}

impl Default for VerificationMails {
    fn default() -> Self {
        let an_hour = |most| Rates { hour: Some(most), ..Rates::default() };
        let limits =
            LimitsOf { account: an_hour(AN_HOUR), recipient: an_hour(TO_ONE), ..LimitsOf::default() };
        Self { counts: Mutex::new(Counts::new(MOST)), limits }
    }
}

impl VerificationMails {
    /// Counts a mail that is about to be sent.
    ///
    /// # Errors
    /// When it is one too many; says when the next may be.
    pub(super) fn reserve(
        &self,
        account: &Account,
        to: &EmailAddress,
        now: UnixMillis,
    ) -> Result<Counted, ApiError> {
        let tenant = account.id.tenant().ok_or_else(|| ApiError::no_object("account"))?;
        let recipients = std::slice::from_ref(to);
        let demand = Demand { account: &tenant, sent_by: SentBy::default(), recipients };
        let counted = self.counts().reserve(demand, &self.limits, now);
        counted.map_err(|refusal| {
            let why = format!("Too many verification mails: {refusal}.");
            ApiError::throttled(why, refusal.again.map(|again| again.since(now)).unwrap_or_default())
        })
    }

    /// Takes back a mail that was not sent.
    pub(super) fn release(&self, counted: &Counted) {
        self.counts().release(counted);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends the link to the owner of an address. Nobody hears of it if that cannot be delivered: it is not verified then.
pub(super) async fn send(
    state: &AppState,
    account: &Account,
    to: &EmailAddress,
    secret: &LinkSecret,
) -> Result<(), ApiError> {
    let settings = &state.settings.verification;
    let link = format!("{}/verify/{}", settings.url, secret.reveal());
    let from = from(state)?;
    let request = written(&account.name, &from, to, &link).map_err(ApiError::internal)?;
    let (id, date) = state.intake.next_id();
    let message_id = format!("{id}@{}", from.domain());
    let context = BuildContext { date, message_id: &message_id, boundary_seed: id.as_raw() };
    let content = build(&request, &context);
    let message = NewMessage {
        smtputf8: if to.needs_smtputf8() { SmtpUtf8::Needed } else { SmtpUtf8::NotNeeded },
        signed_by: state.intake.domain_of_author(&content),
        ..NewMessage::new(id, ReversePath::Null, vec![to.clone()], Origin::Report, content)
    };
    Ok(state.intake.accept(message).await?)
}

/// The author.
fn from(state: &AppState) -> Result<EmailAddress, ApiError> {
    if let Some(from) = &state.settings.verification.from {
        return Ok(from.clone());
    }
    let why =
        || ApiError::unavailable("The server has no name to send mail from: set routing.verification_from.");
    EmailAddress::parse(&format!("postmaster@{}", state.settings.hostname)).map_err(|_| why())
}

fn written(account: &str, from: &EmailAddress, to: &EmailAddress, link: &str) -> Result<SendRequest, String> {
    let mailbox = |address: &EmailAddress| {
        Mailbox::new(None, address.clone())
            .map_err(|error| format!("The mail could not be written: {error}."))
    };
    let text = format!(
        "{account} would like to send mail to {to}.\n\n\
         If this is your address and you agree, open this page and confirm:\n\n{link}\n\n\
         The link is good for one day. If you did not expect this, do nothing: without your word you will get\n\
         no mail by this.\n"
    );
    Ok(SendRequest {
        from: mailbox(from)?,
        to: vec![mailbox(to)?],
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        subject: "Verify your email address".to_owned(),
        html: None,
        text: Some(text),
        headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
        attachments: Vec::new(),
    })
}
