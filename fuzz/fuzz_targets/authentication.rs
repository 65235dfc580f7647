//! Results and chains in the header of a message from the world: what claims to be ours goes, and nothing else.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::{
    authentication::{ArcChain, MAX_INSTANCE, without_results},
    message::fields,
};

const OURS: &str = "mx.example.org";

fuzz_target!(|header: &[u8]| {
    let kept = without_results(header, OURS);
    assert_eq!(without_results(&kept, OURS), kept);
    // What is left is what was there, in its order, field by field.
    let mut before = fields(header);
    for field in fields(&kept) {
        assert!(before.any(|other| other.raw() == field.raw()));
    }
    let is_ours = |name: &[u8]| name.trim_ascii_end().eq_ignore_ascii_case(b"Authentication-Results");
    let gone = fields(header).count() - fields(&kept).count();
    assert!(gone <= fields(header).filter(|field| is_ours(field.name())).count());
    let chain = ArcChain::read(header);
    assert!(chain.highest() <= MAX_INSTANCE);
    let _ = (chain.is_closed(), chain.first_result("dmarc"));
});
