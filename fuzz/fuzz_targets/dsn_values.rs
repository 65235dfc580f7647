//! The parameters of RFC 3461: what is read is written so that the next server reads the same, in a word of MAIL
//! or RCPT that nothing can end early.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::dsn::{EnvelopeId, Notify, OriginalRecipient, Ret};
use mailwright_fuzz::assert_printable;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    envelope_id(text);
    original_recipient(text);
    if let Some(notify) = Notify::parse(text) {
        assert_word(&notify.to_string(), 100);
        assert_eq!(Notify::parse(&notify.to_string()), Some(notify));
        assert_eq!(Notify::from(u8::from(notify)), notify);
    }
    if let Some(ret) = Ret::parse(text) {
        assert_eq!(Ret::parse(ret.as_str()), Some(ret));
    }
});

/// As a parameter, and as a stored value.
fn envelope_id(text: &str) {
    for id in [EnvelopeId::parse(text), EnvelopeId::try_from(text.to_owned()).ok()].into_iter().flatten() {
        assert_printable(id.as_str());
        assert_word(&id.to_string(), EnvelopeId::MAX_LEN);
        assert_eq!(EnvelopeId::parse(&id.to_string()).as_ref(), Some(&id));
        assert_eq!(EnvelopeId::try_from(id.as_str().to_owned()).as_ref(), Ok(&id));
    }
}

/// As a parameter, and as a stored value.
fn original_recipient(text: &str) {
    let stored = text.split_once(';').map(|(kind, address)| (kind.to_owned(), address.to_owned()));
    let stored = stored.and_then(|parts| OriginalRecipient::try_from(parts).ok());
    for original in [OriginalRecipient::parse(text), stored].into_iter().flatten() {
        assert_printable(original.address_type());
        assert_printable(original.address());
        assert_word(&original.to_string(), OriginalRecipient::MAX_LEN);
        assert_eq!(OriginalRecipient::parse(&original.to_string()).as_ref(), Some(&original));
        assert_eq!(OriginalRecipient::try_from(<(String, String)>::from(original.clone())), Ok(original));
    }
}

fn assert_word(word: &str, most: usize) {
    assert!((1..=most).contains(&word.len()), "{word:?}");
    assert!(word.bytes().all(|octet| octet.is_ascii_graphic()), "{word:?}");
}
