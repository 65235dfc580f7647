//! Names made of what they stand for.

use aws_lc_rs::digest::{Context, SHA256};

/// The first half of the SHA-256 of parts, which cannot run into each other.
pub(crate) fn hash<const N: usize>(parts: [&[u8]; N]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(hash([b"ab", b"c"]), hash([b"a", b"bc"]));
        assert_eq!(hash([b"ab", b"c"]), hash([b"ab", b"c"]));
    }
}
