//! Replies of servers: however the network cuts them, the same values; and what is read can be written back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mailwright_engine::smtp::reply::{
    Reply, ReplyError, ReplyParser,
    parser::{MAX_LINE, MAX_LINES, MAX_REPLY},
};
use mailwright_fuzz::{assert_printable, same_over_every_network};

/// What a parser made of some octets.
#[derive(Debug, PartialEq, Eq)]
struct Reading {
    replies: Vec<Reply>,
    error: Option<ReplyError>,
    leftovers: bool,
}

fuzz_target!(|data: &[u8]| {
    let reading = same_over_every_network(|network| read(&network.reads(data)));
    reading.replies.iter().for_each(check_reply);
});

fn read(reads: &[&[u8]]) -> Reading {
    let mut parser = ReplyParser::default();
    let mut replies = Vec::new();
    for octets in reads {
        parser.feed(octets);
        loop {
            match parser.next_reply() {
                Ok(Some(reply)) => replies.push(reply),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(parser.next_reply(), Err(error.clone()), "an error stays");
                    assert_printable(&error.to_string());
                    return Reading { replies, error: Some(error), leftovers: parser.has_leftovers() };
                }
            }
        }
    }
    Reading { replies, error: None, leftovers: parser.has_leftovers() }
}

fn check_reply(reply: &Reply) {
    assert!((1..=MAX_LINES).contains(&reply.lines().len()));
    assert!(reply.lines().iter().all(|line| !line.contains(['\r', '\n'])));
    assert_printable(&reply.to_string());
    let short = reply.clone().shortened(20);
    assert!(short.lines().iter().map(String::len).sum::<usize>() <= 20);

    let mut wire = Vec::new();
    reply.write_to(&mut wire);
    // Replacing octets that are no UTF-8 and repeating the enhanced code can make a reply too long to be read.
    let readable =
        wire.len() <= MAX_REPLY && wire.split(|&octet| octet == b'\n').all(|line| line.len() <= MAX_LINE);
    if readable {
        let again = read(&[&wire]);
        assert_eq!(again, Reading { replies: vec![reply.clone()], error: None, leftovers: false });
    }
}
