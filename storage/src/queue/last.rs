//! What is kept of the last attempt at an entry, for operators and for the choice of the next source.

use mailwright_engine::{
    class::SourceName,
    smtp::{reply::EnhancedCode, verdict::Verdict},
    time::UnixMillis,
};
use serde::{Deserialize, Serialize};

/// The last attempt at an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastAttempt {
    /// When it ended.
    pub at: UnixMillis,
    /// Which source it left from; `None` if it never came to a connection.
    pub source: Option<SourceName>,
    /// Name and address of the server it talked to.
    pub remote: Option<String>,
    /// Status for delivery reports (RFC 3464 section 2.3.4).
    pub status: EnhancedCode,
    /// Class of the failure as the bounce rules call it; empty if they were not asked.
    pub class: String,
    /// The verdict in words, at most [`LastAttempt::MAX_TEXT`] characters.
    pub text: String,
}

impl LastAttempt {
    /// Most characters of [`LastAttempt::text`]: one is stored for every deferred entry.
    pub const MAX_TEXT: usize = 300;

    /// An attempt that ended at `at` with `verdict`, of `class`; source and server are for the caller to add.
    pub fn new(at: UnixMillis, verdict: &Verdict, class: &str) -> Self {
        Self {
            at,
            source: None,
            remote: None,
            status: verdict.status,
            class: class.to_owned(),
            text: verdict.to_string().chars().take(Self::MAX_TEXT).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_no_more_of_a_long_verdict_than_it_says() {
        let last = LastAttempt::new(UnixMillis::new(5), &Verdict::tls_failed(&"ü".repeat(400)), "tls");
        assert_eq!(last.text.chars().count(), LastAttempt::MAX_TEXT);
        assert_eq!((last.status, last.class.as_str()), (EnhancedCode::new(4, 7, 5), "tls"));
    }
}
