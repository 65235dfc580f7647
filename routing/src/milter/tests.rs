//! Filters that answer by script, at loopback.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Nothing is answered before the end of the message.
const SILENT: [u8; 4] = 0xf_f080_u32.to_be_bytes();
const CONTENT: &[u8] = b"Subject: Hi\r\n\r\nbody\r\n";

/// What a filter of a test does at the end of a message.
#[derive(Clone, Copy)]
enum Way {
    /// Says this.
    Say(&'static [&'static [u8]]),
    Close,
    Hang,
    /// Takes one message on a connection, and closes it when it hears of the next.
    Once,
}

struct Filter {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Filter {
    async fn start(way: Way) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (address, counted) = (listener.local_addr().unwrap(), Arc::clone(&connections));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, way));
            }
        });
        Self { address, connections }
    }

    fn settings(&self, default_action: DefaultAction) -> MilterSettings {
        let timeout = Duration::from_millis(300);
        MilterSettings { address: MilterAddress::Tcp(self.address), timeout, default_action }
    }

    fn chain(&self) -> MilterChain {
        MilterChain::new(vec![self.settings(DefaultAction::TempFail)])
    }
}

async fn packet(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut data = vec![0; length as usize];
    stream.read_exact(&mut data).await?;
    Ok(data)
}

async fn say(stream: &mut TcpStream, data: &[u8]) -> std::io::Result<()> {
    stream.write_u32(u32::try_from(data.len()).unwrap()).await?;
    stream.write_all(data).await
}

async fn serve(mut stream: TcpStream, way: Way) -> std::io::Result<()> {
    let mut messages = 0;
    loop {
        let data = packet(&mut stream).await?;
        match (data[0], way) {
            (b'O', _) => {
                let offer = [&b"O\0\0\0\x06\0\0\x01\xff"[..], &SILENT].concat();
                say(&mut stream, &offer).await?;
            }
            (b'C', Way::Once) if messages > 0 => return Ok(()),
            (b'E', Way::Say(answers)) => {
                for answer in answers {
                    say(&mut stream, answer).await?;
                }
            }
            (b'E', Way::Close) => return Ok(()),
            (b'E', Way::Once) => {
                messages += 1;
                say(&mut stream, b"c").await?;
            }
            (b'Q', _) => return Ok(()),
            _ => {}
        }
    }
}

async fn run(chain: &MilterChain) -> ChainVerdict {
    let recipients = ["b@b.test".to_owned()];
    chain
        .run(Message {
            hostname: "mx.test",
            id: "q1",
            client_name: "",
            client: "192.0.2.1:25".parse().unwrap(),
            tls: None,
            helo: "c.test",
            sender: "a@a.test",
            recipients: &recipients,
            content: CONTENT,
        })
        .await
}

fn refusal(verdict: &ChainVerdict) -> (bool, u16) {
    match verdict {
        ChainVerdict::Refused(reply) => (true, reply.code().as_u16()),
        ChainVerdict::Unavailable(reply) => (false, reply.code().as_u16()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_filter_sees_what_those_before_it_made() {
    let first = Filter::start(Way::Say(&[b"hX\x001\0", b"a"])).await;
    let second = Filter::start(Way::Say(&[b"m\0\0\0\x01X\x002\0", b"c"])).await;
    let settings = [&first, &second].map(|filter| filter.settings(DefaultAction::Reject));
    let chain = MilterChain::new(settings.to_vec());
    let expected = b"Subject: Hi\r\nX: 2\r\n\r\nbody\r\n".to_vec();
    assert_eq!(run(&chain).await, ChainVerdict::Passed(Some(expected)));
    assert_eq!(run(&MilterChain::new(Vec::new())).await, ChainVerdict::Passed(None));
}

#[tokio::test]
async fn connections_are_kept_and_a_stale_one_harms_nobody() {
    let filter = Filter::start(Way::Say(&[b"c"])).await;
    let chain = filter.chain();
    for _ in 0..3 {
        assert_eq!(run(&chain).await, ChainVerdict::Passed(None));
    }
    assert_eq!(filter.connections.load(Ordering::SeqCst), 1);
    let fickle = Filter::start(Way::Once).await;
    let chain = fickle.chain();
    for _ in 0..3 {
        assert_eq!(run(&chain).await, ChainVerdict::Passed(None));
    }
    assert_eq!(fickle.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn refusals_come_as_the_filter_wrote_them() {
    let refused = Filter::start(Way::Say(&[b"y554 5.7.1 Gtube pattern\0"])).await;
    assert_eq!(refusal(&run(&refused.chain()).await), (true, 554));
    let held = Filter::start(Way::Say(&[b"qodd\0", b"a"])).await;
    assert_eq!(refusal(&run(&held.chain()).await), (true, 550));
    let gone = Filter::start(Way::Say(&[b"d"])).await;
    assert_eq!(run(&gone.chain()).await, ChainVerdict::Discarded);
}

#[tokio::test]
async fn a_filter_that_cannot_be_asked_counts_as_it_is_set() {
    let ways = [
        Way::Close,
        Way::Hang,
        Way::Say(&[b"Z"]),
        Way::Say(&[b""]),
        // It says that it works on, and nothing more.
        Way::Say(&[b"p"]),
    ];
    for way in ways {
        let filter = Filter::start(way).await;
        let outcome = async |action| run(&MilterChain::new(vec![filter.settings(action)])).await;
        assert_eq!(outcome(DefaultAction::Accept).await, ChainVerdict::Passed(None));
        assert_eq!(refusal(&outcome(DefaultAction::TempFail).await), (false, 451));
        assert_eq!(refusal(&outcome(DefaultAction::Reject).await), (false, 550));
    }
    let nobody = MilterSettings {
        address: "unix:/nonexistent/milter.sock".parse().unwrap(),
        timeout: Duration::from_secs(5),
        default_action: DefaultAction::TempFail,
    };
    assert_eq!(refusal(&run(&MilterChain::new(vec![nobody])).await), (false, 451));
}

#[test]
fn addresses_are_read_and_shown() {
    for text in ["127.0.0.1:11332", "[::1]:1", "unix:/run/m.sock"] {
        assert_eq!(text.parse::<MilterAddress>().unwrap().to_string(), text);
    }
    for text in ["localhost:1", "unix:m.sock", "", "/run/m.sock"] {
        assert!(text.parse::<MilterAddress>().is_err(), "{text}");
    }
}
