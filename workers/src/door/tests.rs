use super::*;
use crate::BodyError;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
};

/// A Worker `echo` of `acme` that answers with what it was asked, and one that is gone.
#[derive(Clone)]
struct Echo;

fn account() -> ObjectId {
    "a".repeat(32).parse().unwrap()
}

impl Fetch for Echo {
    fn at(&self, script: &str, subdomain: &str) -> Option<(ObjectId, ScriptName)> {
        let script = script.parse().ok()?;
        (subdomain == "acme").then(|| (account(), script))
    }

    async fn fetch(
        &self,
        _: &ObjectId,
        script: &ScriptName,
        request: Request<FetchBody>,
    ) -> Result<Response<FetchBody>, EventError> {
        if script.as_str() != "echo" {
            return Err(EventError::NotDeployed(script.clone()));
        }
        let (head, body) = request.into_parts();
        let client = head.headers["cf-connecting-ip"].to_str().unwrap().to_owned();
        let said = format!("{} {} for {client}: ", head.method, head.uri);
        let mut all = said.into_bytes();
        match body.collect().await {
            Ok(body) => all.extend(body.to_bytes()),
            Err(error) => all.extend(format!("[{error}]").into_bytes()),
        }
        let body = Full::new(Bytes::from(all)).map_err(|never| -> BodyError { match never {} });
        let mut answer = Response::new(FetchBody::new(body));
        answer.headers_mut().insert("connection", "x-inner".parse().unwrap());
        answer.headers_mut().insert("x-inner", "1".parse().unwrap());
        Ok(answer)
    }
}

struct Served {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

fn serve(scope: Scope) -> Served {
    serve_with(scope, Duration::from_secs(20))
}

fn serve_with(scope: Scope, patience: Duration) -> Served {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    let (stop, stopping) = watch::channel(false);
    let listener = Listener::new(Echo, DoorSettings { scope, max_connections: 4 }).patient(patience);
    Served { address, stop, task: tokio::spawn(listener.run(socket, stopping)) }
}

/// What comes back for a request after which the client says no more.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn below() -> Scope {
    Scope::Below("workers.example.com".to_owned())
}

#[tokio::test]
async fn a_request_reaches_the_worker_that_its_host_names() {
    let served = serve(below());
    let request = "POST /a?b HTTP/1.1\r\nHost: Echo.acme.workers.example.com:80\r\nConnection: close\r\n\
                   Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let answer = ask(served.address, request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("POST /a?b for 127.0.0.1: hi"), "{answer}");
    assert!(!answer.contains("x-inner"), "{answer}");
}

#[tokio::test]
async fn where_there_is_no_worker_the_answer_says_so_in_text() {
    let served = serve(below());
    for host in
        ["gone.acme.workers.example.com", "echo.other.workers.example.com", "workers.example.com", "x"]
    {
        let answer =
            ask(served.address, &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
                .await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{host}: {answer}");
        assert!(
            answer.contains("text/plain") && answer.ends_with("no Worker at this address.\n"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_door_to_one_worker_asks_for_no_host() {
    let served = serve(Scope::One(account(), "echo".parse().unwrap()));
    let answer = ask(served.address, "GET /x HTTP/1.0\r\n\r\n").await;
    assert!(answer.ends_with("GET /x for 127.0.0.1: "), "{answer}");
}

#[tokio::test]
async fn bodies_and_heads_have_bounds() {
    let served = serve(below());
    let host = "Host: echo.acme.workers.example.com\r\nConnection: close\r\n";
    let long = format!("POST / HTTP/1.1\r\n{host}Content-Length: 104857601\r\n\r\n");
    assert!(ask(served.address, &long).await.starts_with("HTTP/1.1 413"));
    let fields = "x: y\r\n".repeat(101);
    let many = format!("GET / HTTP/1.1\r\n{host}{fields}\r\n");
    assert!(ask(served.address, &many).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_client_that_does_not_go_on_is_not_waited_for() {
    let served = serve_with(below(), Duration::from_millis(50));
    let request = "POST / HTTP/1.1\r\nHost: echo.acme.workers.example.com\r\nContent-Length: 9\r\n\r\nhalf";
    let answer = ask(served.address, request).await;
    assert!(answer.contains("[the body does not go on]"), "{answer}");
}

#[tokio::test]
async fn idle_clients_do_not_hold_up_the_end() {
    let served = serve(below());
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: echo.acme.workers.example.com\r\n\r\n").await.unwrap();
    let mut first = [0; 8];
    idle.read_exact(&mut first).await.unwrap();
    served.stop.send(true).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), served.task).await;
    ended.unwrap().unwrap().unwrap();
}
