//! What sent mail carries so that news of it finds its way back: the envelope sender, and fields for receivers'
//! programs.

use mailwright_engine::{
    address::{AddressError, Domain, EmailAddress, ReversePath},
    class::TenantName,
    envelope::{Campaign, Envelope, Origin},
    id::QueueId,
    message::{
        ComplaintFields, FeedbackId, Field, PlatformFields, TlsReportFields, UnsubscribeFields, fields,
        hints::UnsubscribeLink,
    },
    return_path::token::{ComplaintId, MessageRef, TokenKeys, UnsubscribeToken, VerpAddress},
};
use mailwright_storage::control::{Control, SendingDomain};
use std::{fmt, str::FromStr, sync::Arc};

/// Local part of the address that complaints go to, at every return-path domain.
pub const COMPLAINTS: &str = "fbl";
/// Most octets of a [`PublicUrl`]: with the longest token behind it, it stays on a line.
const MAX_URL: usize = 120;
/// The path of links to unsubscribe.
const UNSUBSCRIBE: &str = "unsubscribe";

/// Where the world reaches our HTTP server: `https://mail.example.org`, with a path if it is behind one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

/// Text that is no [`PublicUrl`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected https:// and a host, as https://mail.example.org, at most {MAX_URL} characters and no query"
)]
pub struct InvalidPublicUrl;

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("https://").ok_or(InvalidPublicUrl)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/:[]%".contains(c);
        let has_host = rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
        if text.len() > MAX_URL || !has_host || !rest.chars().all(is_plain) {
            return Err(InvalidPublicUrl);
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether this server takes the mail of return-path domains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Returns {
    /// It does, and mail of these doors leaves with an envelope sender of ours.
    Taken {
        /// Mail that clients submit too, which has a sender of its own.
        submission: bool,
    },
    /// It does not: nobody is told to complain here.
    #[default]
    NotTaken,
}

/// How sent mail is to find its way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPathSettings {
    /// Who sends, for `TLS-Report-Submitter`; `None` while our name is no domain.
    pub submitter: Option<Domain>,
    /// Who runs the platform, for `Feedback-ID`: 5 to 15 characters.
    pub feedback_sender: String,
    /// Where links to unsubscribe lead; `None` if there are none.
    pub public_url: Option<PublicUrl>,
    /// Whether bounces and complaints come here.
    pub returns: Returns,
}

impl Default for ReturnPathSettings {
    /// Nothing comes back here.
    fn default() -> Self {
        let feedback_sender = "mailwright".to_owned();
        Self { submitter: None, feedback_sender, public_url: None, returns: Returns::NotTaken }
    }
}

/// Why a message gets no link of ours to unsubscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsubscribeError {
    /// The server does not know its own address.
    #[error("hosted unsubscribe links are off on this server: its operator has to set http.public_url")]
    Off,
    /// All recipients get the same copy, so that nobody could tell who clicked.
    #[error(
        "a message with a hosted unsubscribe link has one recipient: send one to each, in a batch for example"
    )]
    ManyRecipients,
    /// It has a link already.
    #[error(
        "a message with a List-Unsubscribe header of its own gets no hosted unsubscribe link: leave one out"
    )]
    HasOwn,
    /// Nobody's account would note the unsubscribe.
    #[error("only mail of a sending domain can have a hosted unsubscribe link")]
    NoDomain,
}

/// A message on its way out.
pub(crate) struct Outbound<'a> {
    pub(crate) id: QueueId,
    pub(crate) recipients: &'a [EmailAddress],
    pub(crate) origin: Origin,
    pub(crate) campaign: Option<&'a Campaign>,
    pub(crate) unsubscribe: UnsubscribeLink,
}

/// Writes it.
#[derive(Debug, Clone)]
pub struct Outgoing {
    control: Arc<Control>,
    settings: Arc<ReturnPathSettings>,
}

impl Outgoing {
    /// By the keys of `control`.
    pub fn new(control: Arc<Control>, settings: ReturnPathSettings) -> Self {
        Self { control, settings: Arc::new(settings) }
    }

    /// The envelope sender of a message of `domain` to so many recipients: ours, whoever may take what comes back.
    ///
    /// # Errors
    /// When the return-path domain is too long for an address.
    pub fn sender(
        &self,
        id: QueueId,
        recipients: usize,
        domain: &SendingDomain,
    ) -> Result<ReversePath, AddressError> {
        let address = VerpAddress::new(id, only(recipients), domain.return_path_domain.clone());
        address.to_address(&self.control.token_keys()).map(ReversePath::Address)
    }

    /// The envelope sender of one transaction, which names the recipient if there is but one. Clients' own senders are
    /// replaced only here, so that reports of ours still go to them.
    pub fn sender_of_transaction(&self, envelope: &Envelope, recipients: &[u16]) -> ReversePath {
        let own = envelope.reverse_path.clone();
        let ReversePath::Address(sender) = &own else { return own };
        let domain = match (envelope.origin, self.settings.returns) {
            (Origin::Api | Origin::Worker, _) => Some(sender.domain().clone()),
            (Origin::Submission, Returns::Taken { submission: true }) => {
                self.return_path_of(envelope, sender)
            }
            _ => None,
        };
        let one = match recipients {
            [one] => Some(*one),
            _ => None,
        };
        let ours = domain.map(|domain| VerpAddress::new(envelope.id, one, domain));
        let ours = ours.and_then(|address| address.to_address(&self.control.token_keys()).ok());
        ours.map_or(own, ReversePath::Address)
    }

    fn return_path_of(&self, envelope: &Envelope, sender: &EmailAddress) -> Option<Domain> {
        let found = self.control.sending_domain(sender.domain())?;
        let is_theirs = found.account_id.tenant() == envelope.account;
        (is_theirs && found.is_open()).then(|| found.return_path_domain.clone())
    }

    /// Whether a message with this header section can have a hosted link to unsubscribe.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn may_host_unsubscribe(&self, recipients: usize, header: &[u8]) -> Result<(), UnsubscribeError> {
        let own = |field: Field<'_>| field.is("List-Unsubscribe") || field.is("List-Unsubscribe-Post");
        if self.settings.public_url.is_none() {
            return Err(UnsubscribeError::Off);
        }
        if recipients != 1 {
            return Err(UnsubscribeError::ManyRecipients);
        }
        if fields(header).any(own) { Err(UnsubscribeError::HasOwn) } else { Ok(()) }
    }

    /// The fields that the header section of a message lacks, CRLF-ended; none but a link that is asked for if it is of
    /// no sending domain.
    ///
    /// # Errors
    /// When it cannot have the link it asks for.
    pub(crate) fn lines(
        &self,
        message: &Outbound<'_>,
        domain: Option<&SendingDomain>,
        header: &[u8],
    ) -> Result<String, UnsubscribeError> {
        let is_asked = message.unsubscribe == UnsubscribeLink::Hosted;
        let Some(domain) = domain else {
            return if is_asked { Err(UnsubscribeError::NoDomain) } else { Ok(String::new()) };
        };
        // What others hand on is theirs and carries their own fields; reports of ours are about other mail.
        if matches!(message.origin, Origin::Relay | Origin::Report) && !is_asked {
            return Ok(String::new());
        }
        let keys = self.control.token_keys();
        let mut fields = self.fields(message, domain, &keys);
        if is_asked {
            self.may_host_unsubscribe(message.recipients.len(), header)?;
            fields.unsubscribe = self.unsubscribe(message, domain, &keys);
        }
        Ok(fields.lines_missing_from(header))
    }

    fn fields(&self, message: &Outbound<'_>, domain: &SendingDomain, keys: &TokenKeys) -> PlatformFields {
        let settings = &*self.settings;
        let campaign = message.campaign.map(Campaign::as_str).unwrap_or_default();
        let parts = [campaign, domain.account_id.as_str(), message.origin.as_str()];
        let complaints = format!("{COMPLAINTS}@{}", domain.return_path_domain);
        let complaints =
            EmailAddress::parse(&complaints).ok().filter(|_| settings.returns != Returns::NotTaken);
        let meant = MessageRef { id: message.id, recipient: only(message.recipients.len()) };
        PlatformFields {
            feedback_id: FeedbackId::new(parts, &settings.feedback_sender).ok(),
            complaints: complaints
                .map(|address| ComplaintFields { address, id: ComplaintId(meant).to_text(keys) }),
            tls_reports: settings
                .submitter
                .clone()
                .map(|submitter| TlsReportFields { domain: domain.name.clone(), submitter }),
            unsubscribe: None,
        }
    }

    fn unsubscribe(
        &self,
        message: &Outbound<'_>,
        domain: &SendingDomain,
        keys: &TokenKeys,
    ) -> Option<UnsubscribeFields> {
        let (account, url) = (domain.account_id.tenant()?, self.settings.public_url.as_ref()?);
        let token = unsubscribe_token(message.id, account, domain, message.recipients.first()?.clone());
        let link = format!("{url}/{UNSUBSCRIBE}/{}", token.to_text(keys));
        let address = VerpAddress::unsubscribe(message.id, 0, domain.return_path_domain.clone());
        let is_read = self.settings.returns != Returns::NotTaken;
        Some(UnsubscribeFields { link, address: address.to_address(keys).ok().filter(|_| is_read) })
    }
}

fn unsubscribe_token(
    message: QueueId,
    account: TenantName,
    domain: &SendingDomain,
    recipient: EmailAddress,
) -> UnsubscribeToken {
    UnsubscribeToken { message, account, domain: domain.name.clone(), recipient }
}

/// The index of the recipient, if there is but one.
fn only(recipients: usize) -> Option<u16> {
    (recipients == 1).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_https_and_fits_a_line() {
        for (text, url) in [
            ("https://mail.example.org", "https://mail.example.org"),
            ("https://mail.example.org:8443/hooks/", "https://mail.example.org:8443/hooks"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), url);
        }
        let long = format!("https://{}", "a".repeat(MAX_URL));
        let wrong = ["", "mail.example.org", "http://mail.example.org", "https://", "https:///x", &long];
        let broken =
            ["https://a/?q=1", "https://a/#b", "https://a b", "https://a>\r\nBcc: x", "https://user@a"];
        for text in wrong.into_iter().chain(broken) {
            assert_eq!(text.parse::<PublicUrl>(), Err(InvalidPublicUrl), "{text}");
        }
    }
}
