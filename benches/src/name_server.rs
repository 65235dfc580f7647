//! A name server for any number of domains, each with a mail exchanger of its own.
//!
//! Every domain has the exchanger `mx.DOMAIN`. That of a numbered domain ([`Domains`](crate::message::Domains)) has a
//! loopback address of its own, that of any other 127.0.0.1. Text records are those it is given.

use crate::{Result, background::Background, error::Context};
use hickory_proto::{
    op::{Message, OpCode},
    rr::{
        Name, RData, Record, RecordType,
        rdata::{A, MX, TXT},
    },
};
use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr},
};
use tokio::net::UdpSocket;

/// How long answers hold, in seconds: longer than any bench.
const TTL: u32 = 86_400;
/// The first numbered domain's address; the others follow.
const FIRST: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 0);
/// The longest question that is read, in octets.
const MAX_QUESTION: usize = 1_232;

/// A running name server.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    _thread: Background,
}

impl NameServer {
    /// Starts one on a free port on loopback, for UDP only: all its answers are short.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the system refuses.
    pub fn start() -> Result<Self> {
        Self::with_texts(HashMap::new())
    }

    /// Starts one that has these text records too, by name: in lower case, without a final dot.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn with_texts(texts: HashMap<String, String>) -> Result<Self> {
        let what = "open the name server's socket";
        let socket = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context(what)?;
        socket.set_nonblocking(true).context(what)?;
        let address = socket.local_addr().context(what)?;
        let thread = Background::start("the name server", || Ok(serve(UdpSocket::from_std(socket)?, texts)))?;
        Ok(Self { address, _thread: thread })
    }

    /// Returns where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(socket: UdpSocket, texts: HashMap<String, String>) -> io::Result<()> {
    let mut buffer = [0; MAX_QUESTION];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).await?;
        if let Some(answer) = buffer.get(..length).and_then(|question| answer(question, &texts)) {
            socket.send_to(&answer, client).await?;
        }
    }
}

/// The answer to a question; `None` to what is none.
fn answer(question: &[u8], texts: &HashMap<String, String>) -> Option<Vec<u8>> {
    let question = Message::from_vec(question).ok()?;
    let query = question.queries.first()?;
    let data = match query.query_type() {
        RecordType::MX => Some(RData::MX(MX::new(10, query.name().prepend_label("mx").ok()?))),
        RecordType::A => Some(RData::A(A(address(query.name())))),
        RecordType::TXT => text(query.name(), texts),
        _ => None,
    };
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.authoritative = true;
    answer.add_query(query.clone());
    answer.add_answers(data.map(|data| Record::from_rdata(query.name().clone(), TTL, data)));
    answer.to_vec().ok()
}

/// The text record of a name, in strings of at most 255 octets.
fn text(name: &Name, texts: &HashMap<String, String>) -> Option<RData> {
    let text = texts.get(name.to_ascii().to_ascii_lowercase().trim_end_matches('.'))?;
    let strings = text.as_bytes().chunks(255).map(|string| String::from_utf8_lossy(string).into_owned());
    Some(RData::TXT(TXT::new(strings.collect())))
}

/// The address of an exchanger, by the number in its domain's name.
fn address(exchanger: &Name) -> Ipv4Addr {
    let name = exchanger.to_ascii().to_ascii_lowercase();
    let number: Option<u32> = name.split('.').find_map(|label| label.strip_prefix('d')?.parse().ok());
    number.map_or(Ipv4Addr::LOCALHOST, |number| Ipv4Addr::from_bits(FIRST.to_bits() + number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::Query;

    async fn ask(server: &NameServer, name: &str, kind: RecordType) -> Vec<RData> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut question = Message::query();
        question.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        socket.send_to(&question.to_vec().unwrap(), server.address()).await.unwrap();
        let mut buffer = [0; MAX_QUESTION];
        let length = socket.recv(&mut buffer).await.unwrap();
        let answer = Message::from_vec(&buffer[..length]).unwrap();
        assert_eq!(answer.metadata.id, question.metadata.id);
        answer.answers.into_iter().map(|record| record.data).collect()
    }

    #[tokio::test]
    async fn every_domain_has_an_exchanger_with_an_address_of_its_own() {
        let server = NameServer::start().unwrap();
        for (domain, expected) in [
            ("example.net.", Ipv4Addr::LOCALHOST),
            ("d0.example.net.", FIRST),
            ("D19999.example.net.", Ipv4Addr::new(127, 1, 78, 31)),
        ] {
            let exchanger = format!("mx.{domain}");
            let mx = RData::MX(MX::new(10, Name::from_ascii(&exchanger).unwrap()));
            assert_eq!(ask(&server, domain, RecordType::MX).await, [mx]);
            assert_eq!(ask(&server, &exchanger, RecordType::A).await, [RData::A(A(expected))]);
            assert_eq!(ask(&server, &exchanger, RecordType::AAAA).await, []);
        }
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        assert_eq!(answer(b"no question", &HashMap::new()), None);
    }
}
