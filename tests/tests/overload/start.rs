//! A start that finds too few file descriptors.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use mailwright_tests::error::{Context, Result};
use mailwright_tests::server::{Config, Installation, free_address};

/// Open files with which a start does not come to its end.
const TOO_FEW: [u64; 2] = [26, 28];
/// How long the API may take to say that all is well, of a server that does nothing else.
const SOON: Duration = Duration::from_secs(5);

/// Says whether the API answers.
fn answers(server: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(server).context("connect")?;
    stream.set_read_timeout(Some(SOON)).context("set the read limit")?;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: mailwright\r\n\r\n").context("ask")?;
    let mut answer = [0; 12];
    Ok(stream.read_exact(&mut answer).is_ok() && &answer == b"HTTP/1.1 200")
}

#[test]
fn a_server_that_says_it_is_ready_serves() -> Result<()> {
    let installation = Installation::new(&Config::to(free_address()?))?;
    for files in TOO_FEW {
        // One that gives up says so by its end.
        let Ok(server) = installation.start_with_open_files(files, files) else { continue };
        assert!(answers(server.http)?, "with {files} files\n{}", server.process.log_text());
    }
    Ok(())
}
