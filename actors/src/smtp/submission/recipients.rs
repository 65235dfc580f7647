//! Whom a client may write to: not those on the suppression list. Told at RCPT, where the client learns which of its
//! recipients it is.

use super::NOT_AUTHORIZED;
use crate::{
    clock,
    smtp::{Reaction, refuse},
    suppressed::{SuppressedError, leave_out},
};
use mailwright_engine::{
    address::EmailAddress,
    smtp::reply::{EnhancedCode, SmtpCode},
};
use mailwright_storage::{control::SendingDomain, suppressions::Suppressions};

/// What a client is told about a recipient of mail from `domain`.
pub(super) fn judge(
    suppressions: &Suppressions,
    domain: &SendingDomain,
    recipient: &EmailAddress,
) -> Result<(), Reaction> {
    match leave_out(suppressions, domain, vec![recipient.clone()], clock::now()) {
        Ok(_) => Ok(()),
        Err(SuppressedError::Refused(_)) => {
            let why = "this recipient is on the suppression list of your account";
            Err(refuse(SmtpCode::MAILBOX_UNAVAILABLE, NOT_AUTHORIZED, why))
        }
        Err(SuppressedError::Unknown(error)) => {
            tracing::error!(%error, "the suppression list could not be read");
            let why = "the suppression list cannot be read now; try again later";
            Err(refuse(SmtpCode::LOCAL_ERROR, EnhancedCode::new(4, 3, 0), why))
        }
    }
}
