//! What is wrong with a shaping file, and where.

use std::{fmt, ops::Range};

/// One mistake in a shaping file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapingProblem {
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// The key, as `provider.google.connections`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong and what to do.
    pub reason: String,
}

impl fmt::Display for ShapingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.key.is_empty() { "" } else { ": " };
        write!(f, "line {}, column {}: {}{separator}{}", self.line, self.column, self.key, self.reason)
    }
}

/// A shaping file that is refused, with every mistake in it in the order of the lines; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShapingError {
    problems: Vec<ShapingProblem>,
}

impl ShapingError {
    /// The mistakes.
    pub fn problems(&self) -> &[ShapingProblem] {
        &self.problems
    }
}

impl fmt::Display for ShapingError {
    /// Each mistake in a line of its own, without a final line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ShapingError {}

/// The mistakes found so far in one text.
#[derive(Debug)]
pub(super) struct Problems<'i> {
    text: &'i str,
    found: Vec<(usize, ShapingProblem)>,
}

impl<'i> Problems<'i> {
    pub(super) fn new(text: &'i str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a mistake at `span` in octets of the text.
    pub(super) fn add(&mut self, span: &Range<usize>, key: impl Into<String>, reason: impl Into<String>) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.found
            .push((span.start, ShapingProblem { line, column, key: key.into(), reason: reason.into() }));
    }

    /// `value` if there was no mistake.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, ShapingError> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by_key(|(at, _)| *at);
        Err(ShapingError { problems: self.found.into_iter().map(|(_, problem)| problem).collect() })
    }
}
