//! How much a message looks like spam: a score from rules on its header, its text, its links, and what is known of
//! its sender.
//!
//! [`SpamRules`] are a rule file, ready for use. [`SpamRules::look`] judges what the message alone tells, and says what
//! is to be asked of URI block lists; with the answers [`SpamRules::decide`] makes the [`SpamVerdict`]. Every rule that
//! fits adds its points. Patterns run in time linear in what they look at, and that is bounded.

mod condition;
mod domain;
mod fields;
mod file;
mod mail;
mod rules;
mod score;
#[cfg(test)]
mod tests;
mod uris;

pub use fields::{FIELDS, without_spam_fields};
pub use file::SpamRulesError;
pub use mail::{AuthResults, SpamMail};
pub use rules::{Looked, SpamRules, UriAnswers};
pub use score::Score;

use std::fmt::Write;

/// A rule that fitted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Hit {
    /// Its name.
    pub name: String,
    /// What it added.
    pub points: Score,
    /// What it says about the message, in a few words of ASCII.
    pub description: String,
}

/// What the rules make of a message.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SpamVerdict {
    /// The points of all hits together.
    pub score: Score,
    /// From which score on mail is marked as spam.
    pub spam_at: Score,
    /// What fitted, the most telling first.
    pub hits: Vec<Hit>,
}

impl SpamVerdict {
    /// Whether the message is marked as spam.
    pub fn is_spam(&self) -> bool {
        self.score >= self.spam_at
    }

    /// The three fields that tell of the verdict, each ending in CRLF: `X-Spam-Score`, `X-Spam-Status`,
    /// `X-Spam-Report`.
    pub fn header(&self) -> String {
        fields::write(self)
    }

    /// Why the message was refused, for the client: the score and the limit, but no rules, since those would teach
    /// spammers more than they help postmasters, who find them in the log of this server.
    pub fn refusal(&self, limit: Score) -> String {
        let score = self.score;
        format!(
            "the message looks like spam (score {score}, limit {limit}); if it is none, tell postmaster, with this line"
        )
    }

    /// The hits on one line, for logs: `+2.5 name, -1.0 other`.
    pub fn summary(&self) -> String {
        let mut line = String::new();
        for Hit { name, points, .. } in &self.hits {
            let separator = if line.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(line, "{separator}{points:+} {name}");
        }
        line
    }
}
