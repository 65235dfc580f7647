//! The form in which addresses are compared.

use mailwright_engine::address::EmailAddress;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An address folded for comparison: lower case as a whole, quotes only where needed, domain as A-labels.
///
/// Receivers that tell `Ann@` from `ann@` exist by RFC 5321 section 2.4 only; taking them for one errs on the side of
/// not sending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AddressKey(String);

impl AddressKey {
    /// The key of `address`.
    pub fn of(address: &EmailAddress) -> Self {
        Self(address.as_str().to_lowercase())
    }

    /// The key of the address without its sub-address (RFC 5233): of `ann@example.org` for `ann+news@example.org`.
    /// `None` if it has none. Quoted local parts have none.
    pub fn base(&self) -> Option<Self> {
        let (user, rest) = self.0.split_once('+')?;
        let domain = rest.rsplit_once('@')?.1;
        let plain = !user.is_empty() && !user.starts_with('"');
        // A plus sign is no part of a domain, so the one found is the local part's.
        plain.then(|| Self(format!("{user}@{domain}")))
    }

    /// A key as it was stored.
    pub(super) fn stored(key: String) -> Self {
        Self(key)
    }

    /// The folded address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(text: &str) -> AddressKey {
        AddressKey::of(&EmailAddress::parse(text).unwrap())
    }

    #[test]
    fn forms_of_one_address_have_one_key() {
        let forms =
            ["Ann.Doe@Bücher.example", "\"ann.doe\"@XN--BCHER-KVA.example.", "ANN.DOE@bücher.EXAMPLE"];
        for form in forms {
            assert_eq!(key(form).as_str(), "ann.doe@xn--bcher-kva.example", "{form}");
        }
        assert_eq!(key("GRÜSSE@example.org"), key("grüsse@example.org"));
        assert_ne!(key("\"ann doe\"@example.org"), key("anndoe@example.org"));
    }

    #[test]
    fn only_a_sub_address_has_a_base() {
        assert_eq!(key("Ann+News+x@example.org").base(), Some(key("ann@example.org")));
        for none in ["ann@example.org", "+ann@example.org", "\"a b+c\"@example.org"] {
            assert_eq!(key(none).base(), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(local in "[A-Za-z0-9+.äÖß]{1,20}", domain in "[A-Za-z]{1,10}\\.example") {
            if let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
                let once = AddressKey::of(&address);
                let again = EmailAddress::parse(once.as_str()).unwrap();
                prop_assert_eq!(AddressKey::of(&again), once);
            }
        }
    }
}
