//! The policy file (RFC 8461 section 3.2) and the response that carries it (section 3.3).

use super::StsRecord;
use crate::{
    address::{AddressError, Domain},
    tls::txt::is_name,
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc, time::Duration};

/// Longest policy read, in octets: the limit that section 3.3 suggests.
pub const MAX_POLICY_BYTES: usize = 64 * 1024;
/// Longest time a policy holds (section 3.2): a year. What a file asks beyond it is cut to it.
pub const MAX_AGE: Duration = Duration::from_secs(31_557_600);
/// Most `mx` lines of a policy; domains have about ten.
pub const MAX_MX_PATTERNS: usize = 500;
/// Longest line, in octets; the longest that means something is an `mx` line of 260.
const MAX_LINE: usize = 1_000;
/// Longest piece of a file that an error repeats, in characters.
const MAX_SHOWN: usize = 60;

/// What a policy asks of its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StsMode {
    /// No mail to hosts that do not fit, or whose certificate is not valid.
    Enforce,
    /// The same is checked and reported, and mail goes out regardless.
    Testing,
    /// The domain has no policy (any more).
    None,
}

impl StsMode {
    /// As the policy file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        }
    }
}

/// Which hosts an `mx` line means: `mx.example.com`, or `*.example.com` for any one label in the place of the
/// asterisk (section 4.1). Lower-case A-labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MxPattern(String);

impl MxPattern {
    /// Reads a pattern; only its whole first label may be an asterisk.
    ///
    /// # Errors
    /// When what remains is no domain name.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (star, name) = match text.strip_prefix("*.") {
            Some(name) => ("*.", name),
            None => ("", text),
        };
        Domain::parse(name).map(|name| Self(format!("{star}{name}")))
    }

    /// The pattern in its normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `host`, in any case and with or without its final dot, is meant.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        match self.0.strip_prefix("*.") {
            Some(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
            None => host.eq_ignore_ascii_case(&self.0),
        }
    }
}

impl fmt::Display for MxPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A domain's policy. `Display` and serde write it as the file it was read from, unknown fields left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StsPolicy {
    mode: StsMode,
    max_age: Duration,
    mx: Arc<[MxPattern]>,
}

/// Why a file is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StsPolicyError {
    /// The file is too long to be read.
    #[error("the policy is {octets} octets long, at most {MAX_POLICY_BYTES} are read")]
    TooLarge {
        /// Its length.
        octets: usize,
    },
    /// A line is too long.
    #[error("line {line} of the policy is longer than {MAX_LINE} octets")]
    LineTooLong {
        /// Which, from 1.
        line: usize,
    },
    /// A line is not `name: value`.
    #[error("line {line} of the policy, {text:?}, is not of the form name: value")]
    NotAField {
        /// Which, from 1.
        line: usize,
        /// How it begins.
        text: String,
    },
    /// A field that must be there is not.
    #[error("the policy has no {0} field")]
    Missing(&'static str),
    /// A field has a value that it cannot have.
    #[error("the policy says {field}: {value:?}, which must be {expected}")]
    Value {
        /// The field.
        field: &'static str,
        /// How its value begins.
        value: String,
        /// What it could be.
        expected: &'static str,
    },
    /// An `mx` line names no host.
    #[error("the policy has an mx field that names no host: {0}")]
    Mx(#[from] AddressError),
    /// There are too many `mx` lines.
    #[error("the policy has more than {MAX_MX_PATTERNS} mx fields")]
    TooManyMx,
}

/// Why a policy could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StsFetchError {
    /// No response: DNS, connection, or time-out, in the words of whoever tried.
    #[error("the policy host cannot be reached: {0}")]
    Unreachable(String),
    /// The policy host's certificate is not valid for it.
    #[error("the certificate of the policy host is not valid: {0}")]
    Certificate(String),
    /// The response is not 200. Redirects are not followed (section 3.3).
    #[error("the policy host answered with status {0}; only 200 is taken, and redirects are not followed")]
    Status(u16),
    /// The response is of another type than `text/plain`.
    #[error("the policy is of type {0:?}; it must be text/plain")]
    ContentType(String),
    /// The response is no policy.
    #[error(transparent)]
    Invalid(#[from] StsPolicyError),
}

impl StsPolicy {
    /// The policy of a domain of ours, whose mail `mx` take. `Display` writes the file to serve for it, and
    /// [`record`](Self::record) is what announces it. A longer `max_age` than [`MAX_AGE`] is cut to it.
    ///
    /// # Errors
    /// Without a host, unless the mode is [`StsMode::None`], and with more than [`MAX_MX_PATTERNS`] of them.
    pub fn new(
        mode: StsMode,
        mx: impl IntoIterator<Item = MxPattern>,
        max_age: Duration,
    ) -> Result<Self, StsPolicyError> {
        Self::of(mode, mx.into_iter().collect(), max_age)
    }

    fn of(mode: StsMode, mx: Vec<MxPattern>, max_age: Duration) -> Result<Self, StsPolicyError> {
        if mx.is_empty() && mode != StsMode::None {
            return Err(StsPolicyError::Missing("mx"));
        }
        if mx.len() > MAX_MX_PATTERNS {
            return Err(StsPolicyError::TooManyMx);
        }
        Ok(Self { mode, max_age: max_age.min(MAX_AGE), mx: mx.into() })
    }

    /// The record that announces exactly this policy: its id is a digest of the file, so that it changes with the
    /// policy and with nothing else, wherever it is made (section 3.1).
    pub fn record(&self) -> StsRecord {
        StsRecord::of_file(self.to_string().as_bytes())
    }

    /// Reads a policy file: lines end with LF or CRLF, their order does not matter, unknown names are passed
    /// over, and of a name (other than `mx`) that occurs twice the first counts. Empty lines are let pass.
    ///
    /// # Errors
    /// [`StsPolicyError`] with the first thing wrong.
    pub fn parse(file: &[u8]) -> Result<Self, StsPolicyError> {
        if file.len() > MAX_POLICY_BYTES {
            return Err(StsPolicyError::TooLarge { octets: file.len() });
        }
        let mut fields = Fields::default();
        for (line, octets) in (1..).zip(file.split(|&b| b == b'\n')) {
            fields.add_line(line, octets.strip_suffix(b"\r").unwrap_or(octets))?;
        }
        fields.into_policy()
    }

    /// Judges the response to a GET of [`policy_url`](super::policy_url): its status, its Content-Type field
    /// and its body, of which the caller reads at most [`MAX_POLICY_BYTES`] and one.
    ///
    /// # Errors
    /// When it is not a 200, not `text/plain`, or no policy (section 3.3).
    pub fn from_response(
        status: u16,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<Self, StsFetchError> {
        if status != 200 {
            return Err(StsFetchError::Status(status));
        }
        let content_type = content_type.unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("text/plain") {
            return Err(StsFetchError::ContentType(shown(content_type)));
        }
        Ok(Self::parse(body)?)
    }

    /// What it asks for.
    pub fn mode(&self) -> StsMode {
        self.mode
    }

    /// How long it holds after it was fetched; at most [`MAX_AGE`].
    pub fn max_age(&self) -> Duration {
        self.max_age
    }

    /// Which hosts it is about; empty only in mode [`StsMode::None`]. Shared by every clone.
    pub fn mx(&self) -> &Arc<[MxPattern]> {
        &self.mx
    }

    /// Whether `host`, the name in an MX record, is one the policy lists (section 4.1).
    pub fn matches(&self, host: &str) -> bool {
        self.mx.iter().any(|pattern| pattern.matches(host))
    }

    /// Its lines, as a TLS report repeats them (RFC 8460 section 4.4).
    pub fn lines(&self) -> Vec<String> {
        let head = ["version: STSv1".to_owned(), format!("mode: {}", self.mode.as_str())];
        let mx = self.mx.iter().map(|pattern| format!("mx: {pattern}"));
        head.into_iter().chain(mx).chain([format!("max_age: {}", self.max_age.as_secs())]).collect()
    }
}

impl fmt::Display for StsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| write!(f, "{line}\r\n"))
    }
}

impl TryFrom<String> for StsPolicy {
    type Error = StsPolicyError;

    fn try_from(file: String) -> Result<Self, Self::Error> {
        Self::parse(file.as_bytes())
    }
}

impl From<&Domain> for MxPattern {
    /// This host and no other.
    fn from(host: &Domain) -> Self {
        Self(host.to_string())
    }
}

impl From<StsPolicy> for String {
    fn from(policy: StsPolicy) -> Self {
        policy.to_string()
    }
}

/// The fields of a file as they are found.
#[derive(Default)]
struct Fields {
    version: Option<String>,
    mode: Option<String>,
    max_age: Option<String>,
    mx: Vec<MxPattern>,
}

impl Fields {
    fn add_line(&mut self, line: usize, octets: &[u8]) -> Result<(), StsPolicyError> {
        if octets.len() > MAX_LINE {
            return Err(StsPolicyError::LineTooLong { line });
        }
        let lossy = String::from_utf8_lossy(octets);
        let text = lossy.trim_matches([' ', '\t']);
        if text.is_empty() {
            return Ok(());
        }
        let not_a_field = || StsPolicyError::NotAField { line, text: shown(text) };
        let (name, value) = text.split_once(':').ok_or_else(not_a_field)?;
        let (name, value) = (name.trim_end_matches([' ', '\t']), value.trim_start_matches([' ', '\t']));
        // Control characters, and the marks left by octets that are no UTF-8, occur in no field.
        let is_text = !value.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER);
        if !is_name(name) || !is_text {
            return Err(not_a_field());
        }
        self.add(name, value)
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), StsPolicyError> {
        let first = match name {
            "version" => &mut self.version,
            "mode" => &mut self.mode,
            "max_age" => &mut self.max_age,
            "mx" if self.mx.len() == MAX_MX_PATTERNS => return Err(StsPolicyError::TooManyMx),
            "mx" => {
                self.mx.push(MxPattern::parse(value)?);
                return Ok(());
            }
            _ => return Ok(()),
        };
        first.get_or_insert_with(|| value.to_owned());
        Ok(())
    }

    fn into_policy(self) -> Result<StsPolicy, StsPolicyError> {
        let version = self.version.ok_or(StsPolicyError::Missing("version"))?;
        if version != "STSv1" {
            return Err(invalid("version", &version, "STSv1"));
        }
        let mode = read_mode(&self.mode.ok_or(StsPolicyError::Missing("mode"))?)?;
        let max_age = read_max_age(&self.max_age.ok_or(StsPolicyError::Missing("max_age"))?)?;
        StsPolicy::of(mode, self.mx, max_age)
    }
}

fn read_mode(value: &str) -> Result<StsMode, StsPolicyError> {
    let known = [StsMode::Enforce, StsMode::Testing, StsMode::None];
    let found = known.into_iter().find(|mode| mode.as_str() == value);
    found.ok_or_else(|| invalid("mode", value, "enforce, testing or none"))
}

/// One to ten digits.
fn read_max_age(value: &str) -> Result<Duration, StsPolicyError> {
    let digits = (1..=10).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_digit());
    let seconds = if digits { value.parse().ok() } else { None };
    seconds.map(Duration::from_secs).ok_or_else(|| invalid("max_age", value, "a number of seconds"))
}

fn invalid(field: &'static str, value: &str, expected: &'static str) -> StsPolicyError {
    StsPolicyError::Value { field, value: shown(value), expected }
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests;
