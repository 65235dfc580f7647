//! What holds for every server.

use super::*;
use proptest::prelude::*;

/// Sessions of all kinds, to be cut everywhere.
const SCRIPTS: [&[&str]; 4] = [
    &[
        "220 hi\n",
        EHLO,
        "250 ok\n",
        "250 ok\n",
        "550-5.1.1 no\n550 5.1.1 no\n",
        "354 go\n",
        "250 ok\n",
        "221 bye\n",
    ],
    &[
        "220-hi\n220 there\n",
        EHLO_PIPELINING,
        "250 ok\n250 ok\n451 4.2.1 no\n354 go\n",
        "250-2.0.0 a\n250 2.0.0 b\n",
        "221 bye\n",
    ],
    &[
        "220 hi\n",
        "250-mx\n250-CHUNKING\n250-STARTTLS\n250 PIPELINING\n",
        "220 go\n",
        "250-mx\n250-CHUNKING\n250 PIPELINING\n",
        "250 ok\n250 ok\n250 ok\n",
        "421 bye\n",
    ],
    &["220 hi\n", EHLO_PIPELINING, "250 ok\n550 no\n550 no\n354 go\n", "250 ok\n", "250-bye\n250 bye\n"],
];

#[test]
fn replies_cut_at_every_byte_tell_the_same_story() {
    for script in SCRIPTS {
        let whole = play(&[to(2)], script);
        for piece in 1..40 {
            assert_eq!(play_in(config(), &[to(2)], script, piece), whole, "{piece}");
        }
    }
}

fn any_reply() -> impl Strategy<Value = String> {
    let texts = &[
        "220 go\n",
        "250 ok\n",
        "250 2.1.0 ok\n",
        "250-PIPELINING\n",
        "250-STARTTLS\n",
        "250-CHUNKING\n",
        "354 go\n",
        "421 bye\n",
        "450 no\n",
        "503 no\n",
        "550 5.1.1 no\n",
        "552 no\n",
        "!eof",
        "!timeout",
        "junk\n",
        "2",
    ][..];
    // The usual replies more often, so that sessions get somewhere.
    let likely = &["220 go\n", "250 ok\n", "250 ok\n", "354 go\n"][..];
    prop_oneof![
        3 => prop::sample::select(likely).prop_map(str::to_owned),
        1 => prop::sample::select(texts).prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn every_transaction_ends_once_with_a_verdict_for_each_recipient(
        ehlo in prop::sample::select(&[EHLO, EHLO_PIPELINING, "250-mx\n250-PIPELINING\n250 CHUNKING\n"][..]),
        replies in prop::collection::vec(any_reply(), 0..25),
        counts in prop::collection::vec(0_usize..4, 1..4)
    ) {
        let transactions: Vec<_> = counts.iter().map(|&count| to(count)).collect();
        let script: Vec<&str> = ["220 hi\n", ehlo].into_iter().chain(replies.iter().map(String::as_str)).collect();
        let story = play(&transactions, &script);
        prop_assert!(story.results.len() <= counts.len());
        prop_assert!(story.close != CloseReason::Quit || story.results.len() == counts.len());
        for (result, count) in story.results.iter().zip(&counts) {
            let letters = outcomes(result);
            prop_assert_eq!(letters.len(), *count);
            prop_assert!(result.attempt == Attempt::Counted || !letters.contains('D'));
            prop_assert!(result.attempt != Attempt::NotAttempted || !letters.contains('H'));
        }
        // Nothing is delivered that was not sent.
        let delivered = story.results.iter().filter(|result| outcomes(result).contains('D')).count();
        prop_assert!(delivered <= story.written.matches("<dot>").count() + story.written.matches("<bdat>").count());
    }

    #[test]
    fn bytes_of_any_kind_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..300), piece in 1_usize..50) {
        let mut session = ClientSession::new(Arc::new(config()));
        session.receive(b"220 hi\r\n250-mx\r\n250 PIPELINING\r\n");
        session.begin(to(2)).unwrap();
        bytes.chunks(piece).for_each(|bytes| session.receive(bytes));
        session.lost(Loss::Eof);
        let Action::Finished(result) = session.poll(&mut Vec::new()) else { panic!("no result") };
        prop_assert_eq!(outcomes(&result), "SS");
        prop_assert!(matches!(session.poll(&mut Vec::new()), Action::Closed(_)));
    }
}
