//! The conditions of rules.

use super::{domain::registered, mail::Read};

/// What a rule asks of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// One of the values of a target fits a pattern; both by their places.
    Matches {
        target: usize,
        pattern: usize,
    },
    /// There is no field of this name.
    Absent(String),
    /// There are more fields of this name than this.
    MoreThan(String, usize),
    /// Authentication came to one of these results.
    Result(Method, Vec<String>),
    /// The envelope sender is of another registered domain than the author.
    SenderDiffers,
    /// All, at least one, or none of these fit: lists first, then rules, by their places.
    All(Vec<usize>),
    Any(Vec<usize>),
    None(Vec<usize>),
}

/// A way of authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Spf,
    Dkim,
    Dmarc,
    Arc,
    Iprev,
}

impl Method {
    /// The key of rules, and the results that it may come to (RFC 8601 section 2.7).
    pub(super) const fn words(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Spf => {
                ("spf", &["none", "neutral", "pass", "fail", "softfail", "policy", "temperror", "permerror"])
            }
            Self::Dkim => ("dkim", &["none", "pass", "fail", "policy", "neutral", "temperror", "permerror"]),
            Self::Dmarc => ("dmarc", &["none", "pass", "fail", "temperror", "permerror"]),
            Self::Arc => ("arc", &["none", "pass", "fail"]),
            Self::Iprev => ("iprev", &["pass", "fail", "temperror", "permerror"]),
        }
    }

    fn of<'a>(self, read: &Read<'a>) -> &'a str {
        let found = read.mail().authentication;
        match self {
            Self::Spf => found.spf,
            Self::Dkim => found.dkim,
            Self::Dmarc => found.dmarc,
            Self::Arc => found.arc,
            Self::Iprev => found.iprev,
        }
    }
}

impl Condition {
    /// Whether it holds, as far as the message itself tells; `matched` has the patterns of each target that fit.
    /// What depends on other rules counts as holding.
    pub(super) fn holds_alone(&self, read: &Read<'_>, matched: &[Vec<usize>]) -> bool {
        match self {
            Self::Matches { target, pattern } => {
                matched.get(*target).is_some_and(|patterns| patterns.contains(pattern))
            }
            Self::Absent(name) => read.count(name) == 0,
            Self::MoreThan(name, most) => read.count(name) > *most,
            Self::Result(method, results) => results.iter().any(|result| result == method.of(read)),
            Self::SenderDiffers => sender_differs(read),
            Self::All(_) | Self::Any(_) | Self::None(_) => true,
        }
    }

    /// Whether it holds, given which lists and rules above fit; what does not depend on them counts as holding.
    pub(super) fn holds_with(&self, above: &[bool]) -> bool {
        let fits = |place: &usize| above.get(*place).copied().unwrap_or_default();
        match self {
            Self::All(places) => places.iter().all(fits),
            Self::Any(places) => places.iter().any(fits),
            Self::None(places) => !places.iter().any(fits),
            _ => true,
        }
    }
}

fn sender_differs(read: &Read<'_>) -> bool {
    let author = read.author_domain();
    let sender = read.mail().sender.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    let Some(sender) = sender.filter(|_| !author.is_empty()) else { return false };
    registered(&sender).unwrap_or(&sender) != registered(&author).unwrap_or(&author)
}
