//! Keys in paths.

use crate::answer::ApiError;
use actix_web::HttpRequest;
use data_encoding::HEXLOWER_PERMISSIVE;

/// The key at the end of a path, as it was before it was percent-encoded (RFC 3986 section 2.1).
///
/// # Errors
/// 400 for what is not well encoded, or no UTF-8.
pub(super) fn at_the_end(http: &HttpRequest) -> Result<String, ApiError> {
    let encoded = http.uri().path().rsplit('/').next().unwrap_or_default();
    decode(encoded).ok_or_else(|| {
        ApiError::schema("key_name", "The key in the path must be UTF-8, percent-encoded: a%2Fb for a/b.")
    })
}

fn decode(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut octets = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        octets.extend(HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?);
        octets.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(octets).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_was_encoded() {
        for (encoded, key) in [("a", "a"), ("a%2Fb%20%C3%BC", "a/b ü"), ("a+b", "a+b"), ("%25", "%")] {
            assert_eq!(decode(encoded).as_deref(), Some(key));
        }
        for wrong in ["%", "%4", "%zz", "%FF", "%C3"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
    }
}
