//! Why a message is one too many.

use super::{Scope, Window};
use crate::time::UnixMillis;
use std::fmt;

/// A limit that a message does not fit in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the limit is about.
    pub scope: Scope,
    /// Over what time it is.
    pub window: Window,
    /// How many recipients it is.
    pub most: u64,
    /// How many of them are used.
    pub used: u64,
    /// How many the message has.
    pub asked: u64,
    /// When the message would fit, if nothing else is sent; `None`: never, it has more recipients than the limit is.
    pub again: Option<UnixMillis>,
    /// Whether the limit is a new account's, and rises as it sends.
    pub is_ramp: bool,
    /// Whom the message is for, where the limit is about one address.
    pub recipient: Option<Box<str>>,
}

impl fmt::Display for Refusal {
    /// A sentence without its full stop, in ASCII but for the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { most, used, asked, window, .. } = self;
        let who = match (self.scope, &self.recipient) {
            (Scope::Account, _) if self.is_ramp => "the account, which is new,",
            (Scope::Account, _) => "the account",
            (Scope::Domain, _) => "the sending domain",
            (Scope::Token, _) => "the token",
            (Scope::Recipient, Some(address)) => {
                write!(f, "{address}: ")?;
                "the account"
            }
            (Scope::Recipient, None) => "one address",
        };
        let what = if self.scope == Scope::Recipient { "messages to one address" } else { "recipients" };
        write!(f, "{who} may send {most} {what} in a {window}, {used} are used, this message has {asked}")?;
        match self.again {
            Some(again) => write!(f, "; try again at {again}"),
            None => f.write_str(" and will never fit; split it"),
        }
    }
}
