//! What a process writes to its standard streams. Its Worker's lines come by the tail worker; what is here is workerd's own,
//! and tells why it ended.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Octets that are kept of what was written last.
const KEPT: usize = 8_192;
/// Octets of an explanation.
const TOLD: usize = 1_024;
/// Where an explanation ends: after it come addresses.
const STACK: &str = "\nstack: ";

/// The last of what was written.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWords(Arc<Mutex<Vec<u8>>>);

impl LastWords {
    /// Reads all there is, keeping the last of it.
    pub(super) async fn hear(self, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = [0; 4_096];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            words.extend_from_slice(buffer.get(..length).unwrap_or_default());
            let excess = words.len().saturating_sub(KEPT);
            words.drain(..excess);
        }
    }

    /// The last words, in one line.
    pub(super) fn told(&self) -> String {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words);
        let text = text.split(STACK).next().unwrap_or_default().replace(['\r', '\n'], " ");
        text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").chars().take(TOLD).collect()
    }

    /// Whether V8 gave up because its heap was full.
    pub(super) fn is_out_of_memory(&self) -> bool {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&words);
        text.contains("V8 fatal error") && text.contains("out of memory")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_words_are_kept_and_told_in_a_line() {
        let words = LastWords::default();
        let long = "x".repeat(20_000);
        words
            .clone()
            .hear(format!("{long}\nservice user: Uncaught SyntaxError:\n  at a.js:1\nstack: 0x1").as_bytes())
            .await;
        let told = words.told();
        assert_eq!(told.len(), TOLD);
        let words = LastWords::default();
        words.clone().hear("service user: Uncaught SyntaxError:\n  at a.js:1\nstack: 0x1".as_bytes()).await;
        assert_eq!(words.told(), "service user: Uncaught SyntaxError: at a.js:1");
        assert!(!words.is_out_of_memory());
    }
}
