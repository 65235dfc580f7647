//! What the operator decides about Workers.

use std::{path::PathBuf, time::Duration};

/// Settings of all Workers of this server.
#[derive(Debug, Clone)]
pub struct WorkersSettings {
    /// The workerd binary; `None` to look for it (`find.rs`).
    pub binary: Option<PathBuf>,
    /// Our own binary, whose hidden command `worker-launch` starts workerd in its sandbox.
    pub launcher: PathBuf,
    /// The folder `workers` of the state folder: `run` in it is the processes', `runtime` what `worker setup` installed.
    pub state: PathBuf,
    /// How long an event may take.
    pub wall: Duration,
    /// How much processor time an event may take; a Worker's own limit may be lower.
    pub cpu: Duration,
    /// How many octets a Worker may take, beyond what a process takes that has done nothing yet.
    pub memory: u64,
    /// Events that a Worker handles at a time; four times as many may wait.
    pub at_a_time: usize,
    /// How long a process without events is kept.
    pub idle: Duration,
    /// Networks that `fetch()` may reach beside the public ones: CIDRs.
    pub allow_addresses: Vec<String>,
}

impl WorkersSettings {
    /// The defaults, with our own binary and the folder `workers` of the state folder.
    pub fn new(launcher: PathBuf, state: PathBuf) -> Self {
        Self {
            binary: None,
            launcher,
            state,
            wall: Duration::from_secs(30),
            cpu: Duration::from_secs(10),
            memory: 128 * 1024 * 1024,
            at_a_time: 64,
            idle: Duration::from_secs(600),
            allow_addresses: Vec::new(),
        }
    }
}
