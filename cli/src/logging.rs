//! Where events go.

use crate::config::{Log, LogFormat};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, fmt};

/// What libraries say at `info` about themselves is no news to an operator, and what clients send that is no
/// HTTP (an `error` to the library) would let anybody fill the log.
const QUIET: &str = "actix_server=warn,sled=warn,actix_http::h1::dispatcher=off";

/// Writes events to standard error from now on. A filter that does not parse falls back to `info`.
pub(crate) fn start(log: &Log) {
    let filter =
        EnvFilter::try_new(format!("{QUIET},{}", log.level)).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match log.format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().init(),
    }
}
