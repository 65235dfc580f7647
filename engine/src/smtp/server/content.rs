//! Where the octets of a message gather, however they came: measured and checked on the way.

use memchr::{memchr, memchr_iter};

/// Why a message cannot be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContentFault {
    /// More octets than allowed.
    TooLarge,
    /// A CR or LF that is not part of a CRLF (RFC 5321 section 2.3.8).
    BareLineBreak,
    /// An octet zero, which nobody may generate (RFC 5322 section 4).
    Nul,
}

/// A message on its way in: content until a fault shows, afterwards only the fault.
#[derive(Debug)]
pub(super) struct ContentSink {
    content: Vec<u8>,
    limit: usize,
    /// Whether the last octet was a CR, so that the next one must be an LF.
    open_cr: bool,
    fault: Option<ContentFault>,
}

impl ContentSink {
    /// Most that is reserved on the word of the client, in octets: a declared size costs it nothing.
    const MAX_RESERVED: u64 = 64 << 10;

    /// A sink for at most `limit` octets, of which `declared` were announced.
    pub(super) fn new(limit: usize, declared: Option<u64>) -> Self {
        let reserve = usize::try_from(declared.unwrap_or(0).min(Self::MAX_RESERVED)).unwrap_or(0);
        Self { content: Vec::with_capacity(reserve.min(limit)), limit, open_cr: false, fault: None }
    }

    /// Adds octets. Once a fault is known they are dropped, so memory stays below the limit.
    ///
    /// The fault that stays is the first in the order of octets: which one it is must not depend on how the
    /// network cut the message.
    pub(super) fn push(&mut self, segment: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        let room = self.limit - self.content.len();
        let fits = segment.get(..room).unwrap_or(segment);
        if !self.is_clean(fits) {
            self.fail(first_fault(self.open_cr, fits));
        } else if fits.len() < segment.len() {
            self.fail(Some(ContentFault::TooLarge));
        } else {
            self.content.extend_from_slice(segment);
            self.open_cr = segment.last().map_or(self.open_cr, |&last| last == b'\r');
        }
    }

    /// What is wrong with the octets so far.
    pub(super) fn fault(&self) -> Option<ContentFault> {
        self.fault
    }

    /// The whole content, if nothing is wrong with it.
    pub(super) fn finish(self) -> Result<Vec<u8>, ContentFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None if self.open_cr => Err(ContentFault::BareLineBreak),
            None => Ok(self.content),
        }
    }

    fn fail(&mut self, fault: Option<ContentFault>) {
        self.fault = fault;
        self.content = Vec::new();
    }

    /// Whether every CR and LF is part of a CRLF and no octet is zero; in three passes of vector code, which
    /// is many times faster than looking at each octet.
    fn is_clean(&self, segment: &[u8]) -> bool {
        let mut breaks = 0_usize;
        for at in memchr_iter(b'\n', segment) {
            let after_cr = match at.checked_sub(1) {
                Some(before) => segment.get(before) == Some(&b'\r'),
                None => self.open_cr,
            };
            if !after_cr {
                return false;
            }
            breaks += 1;
        }
        if segment.is_empty() {
            return true;
        }
        let returns = memchr_iter(b'\r', segment).count() + usize::from(self.open_cr);
        let open = usize::from(segment.last() == Some(&b'\r'));
        returns == breaks + open && memchr(0, segment).is_none()
    }
}

/// The first fault of a segment that is not clean.
fn first_fault(open_cr: bool, segment: &[u8]) -> Option<ContentFault> {
    let mut after_cr = open_cr;
    for &octet in segment {
        if after_cr != (octet == b'\n') {
            return Some(ContentFault::BareLineBreak);
        }
        if octet == 0 {
            return Some(ContentFault::Nul);
        }
        after_cr = octet == b'\r';
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gather(limit: usize, segments: &[&[u8]]) -> Result<Vec<u8>, ContentFault> {
        let mut sink = ContentSink::new(limit, None);
        for segment in segments {
            sink.push(segment);
            assert!(sink.content.len() <= limit);
        }
        sink.finish()
    }

    #[test]
    fn names_the_first_fault_of_a_message() {
        let cases: [(&[u8], Result<(), ContentFault>); 10] = [
            (b"", Ok(())),
            (b"a\r\n\r\nb", Ok(())),
            (b"a\nb", Err(ContentFault::BareLineBreak)),
            (b"a\rb", Err(ContentFault::BareLineBreak)),
            (b"a\r", Err(ContentFault::BareLineBreak)),
            (b"a\r\r\n", Err(ContentFault::BareLineBreak)),
            (b"a\0\n", Err(ContentFault::Nul)),
            (b"a\n\0", Err(ContentFault::BareLineBreak)),
            (b"0123456789\n", Err(ContentFault::TooLarge)),
            (b"\n0123456789", Err(ContentFault::BareLineBreak)),
        ];
        for (content, verdict) in cases {
            assert_eq!(gather(10, &[content]).map(|_| ()), verdict, "{content:?}");
        }
    }

    #[test]
    fn reserves_little_on_a_clients_word() {
        assert!(ContentSink::new(usize::MAX, Some(u64::MAX)).content.capacity() <= 64 << 10);
        assert!(ContentSink::new(10, Some(1_000)).content.capacity() <= 10);
    }

    proptest! {
        #[test]
        fn judges_alike_however_the_message_is_cut(
            content in proptest::collection::vec(proptest::sample::select(b"\r\na\0\r\nb\r\n".to_vec()), 0..24),
            cut in 0..24_usize,
        ) {
            let (head, tail) = content.split_at(cut.min(content.len()));
            let whole = gather(16, &[&content]);
            prop_assert_eq!(&gather(16, &[head, tail]), &whole);
            let octets: Vec<&[u8]> = content.chunks(1).collect();
            prop_assert_eq!(&gather(16, &octets), &whole);
        }
    }
}
