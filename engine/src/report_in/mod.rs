//! Reports that receivers send to the owner of a domain: DMARC aggregate reports (RFC 9990, once RFC 7489) and TLS
//! reports (RFC 8460).
//!
//! [`read`] finds the document in the mail that brings it, whatever it is called: plain, gzip or zip, attached or as the
//! body. Everything is read within bounds: what unpacks to more than [`MAX_DOCUMENT`], or has more records than
//! [`MAX_RECORDS`], is refused before anything is made of it.

mod dmarc;
mod tls;
mod unpack;

pub use dmarc::{DmarcReceived, SourceRow};
pub use tls::{TlsReceived, TlsResult};
pub use unpack::MAX_DOCUMENT;

use crate::message::parts::Parts;
use unpack::{Document, Unpacker};

/// Most records of one DMARC report.
pub const MAX_RECORDS: usize = 20_000;

/// A report that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportReceived {
    /// How mail from a domain fared with DMARC.
    Dmarc(DmarcReceived),
    /// How TLS with a domain's hosts went.
    Tls(TlsReceived),
}

/// Why a mail is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing in it that looks like one.
    #[error("there is no report in the mail")]
    None,
    /// It would be too much.
    #[error("the report is too large")]
    TooLarge,
    /// It cannot be unpacked.
    #[error("the report cannot be unpacked: {0}")]
    Packed(String),
    /// It is not what it should be.
    #[error("the report cannot be read: {0}")]
    Malformed(String),
}

impl Unreadable {
    /// In one word, for metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::TooLarge => "too_large",
            Self::Packed(_) => "packed",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// Reads the first report in a message.
///
/// # Errors
/// [`Unreadable`] if there is none, with what was wrong with the last that looked like one.
pub fn read(message: &[u8]) -> Result<ReportReceived, Unreadable> {
    let mut unpacker = Unpacker::default();
    let mut wrong = Unreadable::None;
    for part in &Parts::of(message).parts {
        match unpacker.document(&part.octets()).and_then(|document| document.map(understood).transpose()) {
            Ok(Some(report)) => return Ok(report),
            Ok(None) => {}
            Err(error) => wrong = error,
        }
    }
    Err(wrong)
}

fn understood(document: Document) -> Result<ReportReceived, Unreadable> {
    match document {
        Document::Xml(xml) => dmarc::read(&xml).map(ReportReceived::Dmarc),
        Document::Json(json) => tls::read(&json).map(ReportReceived::Tls),
    }
}

/// Text of strangers, short enough to keep and fit to be shown: no control characters.
fn shown(text: &str, most: usize) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests;
