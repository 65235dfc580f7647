//! Consuming a slice from its front.

/// Takes the first `count` octets off `input`, or all of them if there are fewer.
pub(super) fn take<'a>(input: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (head, rest) = input.split_at(count.min(input.len()));
    *input = rest;
    head
}

/// Whether the end of a message or chunk was found in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// All input was taken and more is to come.
    More,
    /// The end was taken; what is left of the input comes after it.
    Complete,
}
