//! Vouching for a message that is passed on: a set of the Authenticated Received Chain (RFC 8617).
//!
//! Canonical forms come from mail-auth, the arithmetic from aws-lc-rs, as with signatures of our own (`dkim`). The time
//! is an argument.

use super::{ArcChain, AuthenticationResults, MAX_INSTANCE, MethodResult};
use crate::{
    dkim::{DkimError, KeyAlgorithm, Signer, body_hash},
    message::{Field, fields},
    time::UnixMillis,
};
use data_encoding::BASE64;
use mail_auth::dkim::Canonicalization;
use std::fmt::Write;

/// Fields that are signed, as often as they occur (RFC 6376 section 5.4.1); the signatures of those before us are among
/// them, their results are not, for these may be taken out (RFC 8617 section 4.1.2).
const SIGNED: [&str; 20] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Post",
    "Feedback-ID",
    "DKIM-Signature",
];
/// Characters of a signature on one line.
const LINE: usize = 72;

/// Why a message could not be sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The header section does not end with CRLF.
    #[error("the header section is cut off")]
    CutOff,
    /// The cryptographic library failed.
    #[error(transparent)]
    Signing(#[from] DkimError),
}

/// Who seals, and with which key.
#[derive(Debug, Clone)]
pub struct ArcSealer {
    signer: Signer,
}

impl ArcSealer {
    /// Seals with the key of `signer`, for its domain.
    pub fn new(signer: Signer) -> Self {
        Self { signer }
    }

    /// Makes the three fields of a set to put on top of a message, CRLF-ended, without copying it; `None` when no set may
    /// be added: the chain is closed, as long as it may be (50), or could not be checked for want of DNS, so that
    /// nothing true could be said of it.
    ///
    /// `header` is the header section as it goes out, with its last CRLF, `body` everything after the empty line in
    /// any pieces. `results` tells what was found when the message came, the chain's state among it: a chain that
    /// holds is sealed as a whole, of one that does not only our own set (section 5.1.2). `now` becomes `t=`.
    ///
    /// # Errors
    /// [`SealError::CutOff`] for an unusable header section, [`SealError::Signing`] when the library fails.
    pub fn seal<'b>(
        &self,
        header: &[u8],
        body: impl IntoIterator<Item = &'b [u8]>,
        results: &AuthenticationResults<'_>,
        now: UnixMillis,
    ) -> Result<Option<Vec<u8>>, SealError> {
        if !header.ends_with(b"\r\n") {
            return Err(SealError::CutOff);
        }
        let chain = ArcChain::read(header);
        let Some((instance, validation)) = next(&chain, results.judgement.arc.result) else {
            return Ok(None);
        };
        let found = format!("ARC-Authentication-Results: i={instance}; {}\r\n", results.body());
        let signature = self.signature(header, body, instance, now)?;
        let mut sealed = Vec::new();
        if validation == "pass" {
            let earlier = chain.fields().map(|field| (field.name().trim_ascii_end(), field.value()));
            Canonicalization::Relaxed.canonicalize_headers(earlier, &mut sealed);
        }
        Canonicalization::Relaxed.canonicalize_headers(
            fields(found.as_bytes()).chain(fields(&signature)).map(|field| (field.name(), field.value())),
            &mut sealed,
        );
        let open = format!(
            "ARC-Seal: i={instance}; a={}; cv={validation};\r\n\td={}; s={}; t={};\r\n\tb=",
            self.algorithm(),
            self.signer.domain(),
            self.signer.selector(),
            now.as_secs()
        );
        let mut set = self.complete(open, &mut sealed)?;
        set.extend_from_slice(&signature);
        set.extend_from_slice(found.as_bytes());
        Ok(Some(set))
    }

    /// The `ARC-Message-Signature` field.
    fn signature<'b>(
        &self,
        header: &[u8],
        body: impl IntoIterator<Item = &'b [u8]>,
        instance: u32,
        now: UnixMillis,
    ) -> Result<Vec<u8>, SealError> {
        let present: Vec<Field<'_>> = fields(header).collect();
        let (mut names, mut signed) = (Folded::new(), Vec::with_capacity(2048));
        // Once more than it occurs, so that none can be added (RFC 6376 section 8.15).
        names.push("From");
        for name in SIGNED {
            for field in present.iter().rev().filter(|field| field.is(name)) {
                names.push(name);
                Canonicalization::Relaxed
                    .canonicalize_headers(std::iter::once((field.name(), field.value())), &mut signed);
            }
        }
        let open = format!(
            "ARC-Message-Signature: i={instance}; a={}; c=relaxed/relaxed;\r\n\
             \td={}; s={}; t={};\r\n\th={};\r\n\tbh={};\r\n\tb=",
            self.algorithm(),
            self.signer.domain(),
            self.signer.selector(),
            now.as_secs(),
            names.text,
            BASE64.encode(&body_hash(body)),
        );
        self.complete(open, &mut signed)
    }

    /// Adds a field that lacks its signature to what is signed, and signs it.
    fn complete(&self, mut field: String, signed: &mut Vec<u8>) -> Result<Vec<u8>, SealError> {
        let parts = fields(field.as_bytes()).map(|field| (field.name(), field.value()));
        Canonicalization::Relaxed.canonicalize_headers(parts, signed);
        let signature = BASE64.encode(&self.signer.key().sign(signed)?);
        let mut rest = &*signature;
        while let Some((line, after)) = rest.split_at_checked(LINE) {
            // Writing to a string does not fail.
            let _ = write!(field, "{line}\r\n\t");
            rest = after;
        }
        field.push_str(rest);
        field.push_str("\r\n");
        Ok(field.into_bytes())
    }

    fn algorithm(&self) -> &'static str {
        match self.signer.key().algorithm() {
            KeyAlgorithm::Rsa => "rsa-sha256",
            KeyAlgorithm::Ed25519 => "ed25519-sha256",
        }
    }
}

/// Instance and `cv=` of the next set.
fn next(chain: &ArcChain<'_>, found: MethodResult) -> Option<(u32, &'static str)> {
    let instance = chain.highest() + 1;
    if chain.is_closed() || instance > MAX_INSTANCE {
        return None;
    }
    match found {
        MethodResult::TempError => None,
        MethodResult::Pass => Some((instance, "pass")),
        MethodResult::None if instance == 1 => Some((1, "none")),
        _ => Some((instance, "fail")),
    }
}

/// Names between colons, folded.
struct Folded {
    text: String,
    line: usize,
}

impl Folded {
    fn new() -> Self {
        Self { text: String::new(), line: 0 }
    }

    fn push(&mut self, name: &str) {
        if !self.text.is_empty() {
            self.text.push(':');
        }
        if self.text.len() - self.line + name.len() > LINE {
            self.text.push_str("\r\n\t");
            self.line = self.text.len();
        }
        self.text.push_str(name);
    }
}

#[cfg(test)]
mod tests;
