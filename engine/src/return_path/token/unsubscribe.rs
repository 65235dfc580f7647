//! Hosted unsubscribe links (RFC 8058): what stands in them instead of a name.

use super::{
    MessageRef, TokenError, TokenKeys,
    key::{Checksum, Purpose},
};
use crate::{
    address::{Domain, EmailAddress},
    class::TenantName,
    id::QueueId,
};
use data_encoding::BASE64URL_NOPAD;

/// Longest token looked at, in characters; the longest of ours has some 800.
const MAX_TEXT: usize = 1_000;
/// First octet of a token with the names in it.
const RECIPIENT: u8 = 1;
/// First octet of a token that names a message.
const MESSAGE: u8 = 2;

/// Who wants no more mail from whom.
///
/// A token never expires: a link in a mail of last year must still work. The first form holds all there is to
/// know and so works for as long as the key is kept; the second is short, and works while the message is known.
/// Neither is encrypted: the address in the first can be read by whoever has the link, as the mail itself could.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UnsubscribeToken {
    /// A recipient, by address.
    Recipient {
        /// Whose mail it is.
        account: TenantName,
        /// The sending domain.
        domain: Domain,
        /// Who received it.
        recipient: EmailAddress,
    },
    /// One recipient of a message, or each of them where one copy went to several.
    Message(MessageRef),
}

impl UnsubscribeToken {
    /// The token, with the checksum of the first of `keys`: letters, digits, `-` and `_`, of which case counts,
    /// to be put into a link as it is. At most 800 characters; some 35 for a message.
    pub fn to_text(&self, keys: &TokenKeys) -> String {
        let mut octets = self.to_octets();
        let checksum = keys.sum(Purpose::Unsubscribe, &[&octets]);
        octets.extend_from_slice(checksum.as_octets());
        BASE64URL_NOPAD.encode(&octets)
    }

    /// Reads what stood in a link.
    ///
    /// # Errors
    /// [`TokenError::NotOurs`] for what has not this form, [`TokenError::Forged`] for a wrong checksum.
    pub fn read(text: &str, keys: &TokenKeys) -> Result<Self, TokenError> {
        if text.len() > MAX_TEXT {
            return Err(TokenError::NotOurs);
        }
        let octets = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| TokenError::NotOurs)?;
        let at = octets.len().checked_sub(Checksum::OCTETS).ok_or(TokenError::NotOurs)?;
        let (content, checksum) = octets.split_at_checked(at).ok_or(TokenError::NotOurs)?;
        let checksum = Checksum::from_octets(checksum).ok_or(TokenError::NotOurs)?;
        let token = Self::from_octets(content).ok_or(TokenError::NotOurs)?;
        let ours = keys.verify(Purpose::Unsubscribe, &[content], checksum);
        if ours { Ok(token) } else { Err(TokenError::Forged) }
    }

    fn to_octets(&self) -> Vec<u8> {
        match self {
            Self::Recipient { account, domain, recipient } => {
                let mut octets = vec![RECIPIENT];
                push(&mut octets, account.as_str());
                push(&mut octets, domain.as_str());
                octets.extend_from_slice(recipient.as_str().as_bytes());
                octets
            }
            Self::Message(message) => {
                let mut octets = vec![MESSAGE];
                octets.extend_from_slice(&message.to_octets());
                octets
            }
        }
    }

    fn from_octets(octets: &[u8]) -> Option<Self> {
        let (&kind, rest) = octets.split_first()?;
        match kind {
            RECIPIENT => {
                let (account, rest) = pull(rest)?;
                let (domain, rest) = pull(rest)?;
                Some(Self::Recipient {
                    account: TenantName::parse(account).ok()?,
                    domain: Domain::parse(domain).ok()?,
                    recipient: EmailAddress::parse(str::from_utf8(rest).ok()?).ok()?,
                })
            }
            MESSAGE => message(rest).map(Self::Message),
            _ => None,
        }
    }
}

/// Reads [`MessageRef::to_octets`].
fn message(octets: &[u8]) -> Option<MessageRef> {
    let (id, rest) = octets.split_first_chunk::<8>()?;
    let recipient = match rest {
        [0, 0, 0] => None,
        [1, high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => return None,
    };
    Some(MessageRef { id: QueueId::from_raw(u64::from_be_bytes(*id)), recipient })
}

/// Appends the length in one octet and the text. Names of accounts have at most 64 octets, domains 253.
fn push(octets: &mut Vec<u8>, text: &str) {
    octets.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    octets.extend_from_slice(text.as_bytes());
}

/// Takes one text off the front.
fn pull(octets: &[u8]) -> Option<(&str, &[u8])> {
    let (&len, rest) = octets.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(len))?;
    Some((str::from_utf8(text).ok()?, rest))
}
