//! Whom a message must not go to.

use mailwright_engine::{
    address::EmailAddress, classify::BounceClass, smtp::verdict::Fault, time::UnixMillis,
};
use mailwright_storage::{
    control::SendingDomain,
    suppressions::{Sender, SuppressionError, Suppressions},
};

/// The recipients of a message after those that are suppressed were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients {
    /// Whom it goes to; at least one.
    pub kept: Vec<EmailAddress>,
    /// Whom it does not go to.
    pub left_out: Vec<EmailAddress>,
}

/// Why a message goes to nobody.
#[derive(Debug, thiserror::Error)]
pub enum SuppressedError {
    /// Some of its recipients are suppressed and the domain does not leave these out, or all of them are.
    #[error("{} on the suppression list: {}", if .0.len() == 1 { "a recipient is" } else { "recipients are" }, shown(.0))]
    Refused(Vec<EmailAddress>),
    /// The list could not be read.
    #[error(transparent)]
    Unknown(#[from] SuppressionError),
}

/// Looks the recipients of a message from `domain` up, and leaves out those that are suppressed if the domain is set up
/// so ([`SendingDomain::drop_suppressed_recipients`]).
///
/// # Errors
/// See [`SuppressedError`].
pub fn leave_out(
    suppressions: &Suppressions,
    domain: &SendingDomain,
    recipients: Vec<EmailAddress>,
    now: UnixMillis,
) -> Result<Recipients, SuppressedError> {
    let return_path = Some(&domain.return_path_domain);
    let sender = Sender { account: &domain.account_id, domain: &domain.name, return_path };
    let found = suppressions.suppressed(sender, &recipients, now)?;
    let (mut kept, mut left_out) = (Vec::with_capacity(recipients.len()), Vec::new());
    for (recipient, suppression) in recipients.into_iter().zip(found) {
        if suppression.is_some() { left_out.push(recipient) } else { kept.push(recipient) }
    }
    if left_out.is_empty() || (domain.drop_suppressed_recipients && !kept.is_empty()) {
        Ok(Recipients { kept, left_out })
    } else {
        Err(SuppressedError::Refused(left_out))
    }
}

/// Whether a final failure says that the address itself takes no mail, so that it is suppressed. Policy and reputation are
/// about us, and a full mailbox may be emptied.
pub fn is_dead(class: BounceClass, fault: Fault) -> bool {
    use BounceClass::{MailboxDisabled, NoSuchDomain, NoSuchMailbox};
    matches!(class, NoSuchMailbox | NoSuchDomain | MailboxDisabled) && fault == Fault::Recipient
}

/// At most three addresses, and how many more there are.
pub(crate) fn shown(addresses: &[EmailAddress]) -> String {
    let first: Vec<_> = addresses.iter().take(3).map(EmailAddress::as_str).collect();
    let more = addresses.len() - first.len();
    if more == 0 { first.join(", ") } else { format!("{} and {more} more", first.join(", ")) }
}
