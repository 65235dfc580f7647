//! Hosted unsubscribe links (RFC 8058): what stands in them instead of a name.

use super::{
    TokenError, TokenKeys,
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
/// First octet of a token: its form, should there ever be another.
const FORM: u8 = 1;

/// Who wants no more mail from whom.
///
/// A token never expires: a link in a mail of last year must still work. So it holds all there is to know, and works
/// for as long as the key is kept. It is not encrypted: the address in it can be read by whoever has the link, as the
/// mail itself could.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnsubscribeToken {
    /// The message that had the link.
    pub message: QueueId,
    /// Whose mail it is.
    pub account: TenantName,
    /// The sending domain.
    pub domain: Domain,
    /// Who received it.
    pub recipient: EmailAddress,
}

impl UnsubscribeToken {
    /// The token, with the checksum of the first of `keys`: letters, digits, `-` and `_`, of which case counts,
    /// to be put into a link as it is. At most 800 characters.
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
        let mut octets = vec![FORM];
        octets.extend_from_slice(&self.message.as_raw().to_be_bytes());
        push(&mut octets, self.account.as_str());
        push(&mut octets, self.domain.as_str());
        octets.extend_from_slice(self.recipient.as_str().as_bytes());
        octets
    }

    fn from_octets(octets: &[u8]) -> Option<Self> {
        let (_, rest) = octets.split_first().filter(|(form, _)| **form == FORM)?;
        let (message, rest) = rest.split_first_chunk::<8>()?;
        let (account, rest) = pull(rest)?;
        let (domain, rest) = pull(rest)?;
        Some(Self {
            message: QueueId::from_raw(u64::from_be_bytes(*message)),
            account: TenantName::parse(account).ok()?,
            domain: Domain::parse(domain).ok()?,
            recipient: EmailAddress::parse(str::from_utf8(rest).ok()?).ok()?,
        })
    }
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
