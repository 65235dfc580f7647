//! Messages that are refused, as far as their account should find them in its activity log.

use super::draft::{Draft, Sender};
use crate::{answer::ApiError, request::RawRequest};
use mailwright_actors::intake::Untaken;
use mailwright_engine::{
    address::{EmailAddress, Mailbox},
    message::{SendErrorCode, SendRequest, fields, hints::SendingHints, split_header},
};
use mailwright_storage::events::event::{Accepted, Refused};

impl Sender<'_> {
    /// As [`Sender::draft`]; what is refused for its sender or for suppressed recipients is noted.
    pub(super) fn draft_noted(self, request: &SendRequest, asked: SendingHints) -> Result<Draft, ApiError> {
        self.draft(request, asked).inspect_err(|error| {
            let to = request.recipients().map(Mailbox::address);
            self.note(error, request.from.address(), to, Some(&request.subject));
        })
    }

    /// As [`Sender::draft_raw`]; what is refused for its sender or for suppressed recipients is noted.
    pub(super) fn draft_raw_noted(self, request: &RawRequest) -> Result<Draft, ApiError> {
        self.draft_raw(request).inspect_err(|error| {
            let subject = fields(split_header(&request.mime).0).find(|field| field.is("Subject"));
            let subject = subject.map(|field| field.unfolded());
            self.note(error, request.from.address(), request.recipients.iter(), subject.as_deref());
        })
    }

    /// Other refusals are for whoever wrote the request, who has the answer: a message that is malformed is none.
    fn note<'a>(
        self,
        error: &ApiError,
        from: &EmailAddress,
        to: impl Iterator<Item = &'a EmailAddress>,
        subject: Option<&str>,
    ) {
        let Some(code) = error.send_code() else { return };
        let why = match code {
            SendErrorCode::RecipientSuppressed => Untaken::Suppressed,
            SendErrorCode::SenderDomainNotAvailable | SendErrorCode::SenderNotVerified => Untaken::Sender,
            _ => return,
        };
        let Some(account) = self.account.id.tenant() else { return };
        let domain = self.control.sending_domain(from.domain());
        let domain = domain.filter(|domain| domain.account_id == self.account.id);
        let refused = Refused {
            from: from.to_string(),
            to: to.take(Accepted::SHOWN).map(ToString::to_string).collect(),
            account,
            zone: domain.map(|domain| domain.zone_id.to_string()),
            origin: self.origin,
            subject: subject.map(|subject| subject.trim().chars().take(Accepted::MAX_SUBJECT).collect()),
            code: code.as_str().to_owned(),
            reason: error.detail().to_owned(),
            received: None,
        };
        self.intake.note_refused(why, refused);
    }
}
