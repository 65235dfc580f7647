//! How many files the process may have open: every connection, in and out, is one (getrlimit(2)).

use crate::config::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files beside connections: journal, queue state, listeners, name resolution.
const OTHERS: u64 = 512;

/// Raises the soft limit of open files to the hard one, and warns when even that is less than the `needed` ones.
/// Returns how many connections out may be made under it at most: some files are always left for the rest of the
/// service, the journal above all.
pub(crate) fn raise_open_files(needed: u64) -> usize {
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, maximum: before.maximum };
    let limit = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => before.maximum,
        Err(error) => {
            tracing::warn!(%error, "the limit of open files stays as it was");
            before.current
        }
    };
    if let Some(warning) = shortfall(limit, needed) {
        tracing::warn!("{warning}");
    }
    connections_within(limit)
}

/// Connections out for which a limit of open files has room.
fn connections_within(limit: Option<u64>) -> usize {
    let room = limit.map(|limit| limit - OTHERS.min(limit / 2));
    room.map_or(usize::MAX, |room| usize::try_from(room).unwrap_or(usize::MAX))
}

/// What to tell when `limit` (`None` is no limit) leaves less than `needed` open files.
fn shortfall(limit: Option<u64>, needed: u64) -> Option<String> {
    let limit = limit.filter(|limit| *limit < needed)?;
    Some(format!(
        "{limit} files may be open, and {needed} are needed when all connections are: raise LimitNOFILE (systemd) or \
         `ulimit -Hn`, or lower delivery.max_connections, smtp.max_sessions, submission.max_sessions or http.workers"
    ))
}

impl Config {
    /// Files that are open when every connection that the configuration allows is.
    pub(crate) fn open_files(&self) -> u64 {
        let submission = self.submission.listen.len() + self.submission.listen_tls.len();
        let sessions = (self.smtp.max_sessions.saturating_mul(self.smtp.listen.len()))
            .saturating_add(self.submission.max_sessions.saturating_mul(submission))
            .saturating_add(self.inbound.max_sessions.saturating_mul(self.inbound.listen.len()))
            // A request is a connection here, and one to its Worker.
            .saturating_add(self.workers.max_connections.saturating_mul(2 * self.workers.listen.len()));
        let is_served = matches!(self.http_address(), Ok(Some(_)));
        let workers = if is_served { self.http.workers.max(1) } else { 0 };
        let clients = mailwright_api::MAX_CONNECTIONS.saturating_mul(workers);
        let connections = self.delivery.max_connections.saturating_add(sessions).saturating_add(clients);
        u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warns_only_when_the_limit_is_too_low() {
        assert_eq!(shortfall(None, 1_000_000), None);
        assert_eq!(shortfall(Some(8_000), 8_000), None);
        let warning = shortfall(Some(7_999), 8_000).unwrap();
        assert!(warning.starts_with("7999 files may be open, and 8000 are needed"), "{warning}");
    }

    #[test]
    fn some_files_are_left_for_the_journal() {
        for (limit, room) in [(Some(20_000), 20_000 - 512), (Some(1_024), 512), (Some(250), 125)] {
            assert_eq!(connections_within(limit), room);
        }
        assert_eq!(connections_within(None), usize::MAX);
    }

    #[test]
    fn every_listener_has_its_own_sessions() {
        let text = "[http]\nworkers = 3\n[smtp]\nlisten = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nmax_sessions = 100\n\
                    [submission]\nlisten = [\"127.0.0.1:3\"]\nmax_sessions = 10\n[inbound]\nlisten = [\"127.0.0.1:4\"]\nmax_sessions = 7\n[delivery]\nmax_connections = 1000\n";
        let config: Config = toml::from_str(text).unwrap();
        let others = 3 * mailwright_api::MAX_CONNECTIONS as u64 + OTHERS;
        assert_eq!(config.open_files(), 1_000 + 2 * 100 + 10 + 7 + others);
    }

    #[test]
    fn raises_the_soft_limit_to_the_hard_one() {
        raise_open_files(0);
        let now = getrlimit(Resource::Nofile);
        assert_eq!(now.current, now.maximum);
    }
}
