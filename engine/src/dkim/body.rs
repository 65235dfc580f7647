//! Canonical forms of a body (RFC 6376 sections 3.4.3 and 3.4.4), hashed piece by piece.
//!
//! mail-auth keeps lines of nothing but white space at the end of a body in the relaxed form, where the standard takes
//! white space away first and empty lines then; others do not verify what is signed so.

use mail_auth::{
    common::{
        crypto::{HashContext, HashImpl, Sha256},
        headers::Writer,
    },
    dkim::Canonicalization,
};

/// Octets gathered before they are hashed.
const GATHERED: usize = 4096;

/// The SHA-256 of a body in a canonical form, in the making. What it is given has CRLF line ends.
pub struct BodyHash {
    form: Canonicalization,
    context: <Sha256 as HashImpl>::Context,
    /// What is not hashed yet.
    gathered: Vec<u8>,
    octets: u64,
    /// Line ends that count if anything follows.
    line_ends: usize,
    /// Whether white space came that counts as a space if anything follows on its line.
    is_space_due: bool,
}

impl BodyHash {
    /// Of nothing yet.
    pub fn new(form: Canonicalization) -> Self {
        Self {
            form,
            context: Sha256::hasher(),
            gathered: Vec::with_capacity(GATHERED + 2),
            octets: 0,
            line_ends: 0,
            is_space_due: false,
        }
    }

    /// Goes on with the next piece of the body.
    pub fn write(&mut self, piece: &[u8]) {
        let is_relaxed = self.form == Canonicalization::Relaxed;
        for byte in piece {
            match byte {
                b'\r' => {}
                b'\n' => {
                    self.line_ends += 1;
                    self.is_space_due = false;
                }
                b' ' | b'\t' if is_relaxed => self.is_space_due = true,
                _ => {
                    if self.line_ends > 0 || self.is_space_due {
                        self.catch_up();
                    }
                    self.push(*byte);
                }
            }
        }
    }

    /// The hash, and the number of octets of the canonical form.
    pub fn finish(mut self) -> (Vec<u8>, u64) {
        let is_empty = self.octets == 0 && self.gathered.is_empty();
        // An empty body is an empty line in the simple form, and nothing in the relaxed one.
        if !is_empty || self.form == Canonicalization::Simple {
            self.push(b'\r');
            self.push(b'\n');
        }
        self.hash();
        (self.context.complete().as_ref().to_vec(), self.octets)
    }

    /// Writes what counts now that something follows.
    fn catch_up(&mut self) {
        for _ in 0..std::mem::take(&mut self.line_ends) {
            self.push(b'\r');
            self.push(b'\n');
        }
        if std::mem::take(&mut self.is_space_due) {
            self.push(b' ');
        }
    }

    fn push(&mut self, byte: u8) {
        self.gathered.push(byte);
        if self.gathered.len() >= GATHERED {
            self.hash();
        }
    }

    fn hash(&mut self) {
        self.context.write(&self.gathered);
        self.octets += self.gathered.len() as u64;
        self.gathered.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_auth::common::crypto::HashAlgorithm;
    use proptest::prelude::*;

    fn hashed(form: Canonicalization, pieces: &[&[u8]]) -> (Vec<u8>, u64) {
        let mut hash = BodyHash::new(form);
        pieces.iter().for_each(|piece| hash.write(piece));
        hash.finish()
    }

    fn of(text: &str) -> (Vec<u8>, u64) {
        (HashAlgorithm::Sha256.hash(text.as_bytes()).as_ref().to_vec(), text.len() as u64)
    }

    #[test]
    fn forms_are_those_of_the_standard() {
        for (body, relaxed, simple) in [
            ("", "", "\r\n"),
            ("\r\n\r\n", "", "\r\n"),
            (" \r\n", "", " \r\n"),
            ("\r\n\r\n \r\n", "", "\r\n\r\n \r\n"),
            ("Hello\r\n \t\r\n\r\n", "Hello\r\n", "Hello\r\n \t\r\n"),
            ("Hello\r\n \r\nyou\r\n", "Hello\r\n\r\nyou\r\n", "Hello\r\n \r\nyou\r\n"),
            (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n", " C \r\nD \t E\r\n"),
            ("no end", "no end\r\n", "no end\r\n"),
            ("no end ", "no end\r\n", "no end \r\n"),
        ] {
            assert_eq!(hashed(Canonicalization::Relaxed, &[body.as_bytes()]), of(relaxed), "{body:?}");
            assert_eq!(hashed(Canonicalization::Simple, &[body.as_bytes()]), of(simple), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_make_the_same(body in "([ab \t\\PC]|\r\n){0,40}", many in 0..2_usize, at in any::<prop::sample::Index>()) {
            let body = [b"x y\r\n".repeat(many * GATHERED / 2), body.into_bytes()].concat();
            let (first, second) = body.split_at(at.index(body.len() + 1));
            for form in [Canonicalization::Relaxed, Canonicalization::Simple] {
                prop_assert_eq!(hashed(form, &[first, second]), hashed(form, &[&body]));
            }
        }

        #[test]
        fn it_is_what_the_library_makes_where_that_is_right(body in "([ab \t]{0,3}[ab]\r\n|\r\n){0,9}") {
            for form in [Canonicalization::Relaxed, Canonicalization::Simple] {
                let library = HashAlgorithm::Sha256.hash(form.canonical_body(body.as_bytes(), 0));
                prop_assert_eq!(&*hashed(form, &[body.as_bytes()]).0, library.as_ref());
            }
        }
    }
}
