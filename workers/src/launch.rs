//! The sandbox that workerd runs in, made by a process of ours that then becomes workerd.
//!
//! | bound | by |
//! |---|---|
//! | ends with the server | parent-death signal |
//! | no more rights than it has | no_new_privs |
//! | reads its libraries, certificates and the resolver's files, writes in its run folder | Landlock, from Linux 5.13 |
//! | listens on no TCP port, signals nobody | Landlock, from Linux 6.7 and 6.12 |
//! | 1,024 files, no core dump | resource limits |
//!
//! Where the kernel has no Landlock, what is left is that workerd gives no file and no listening socket to JavaScript.

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope,
    path_beneath_rules,
};
use rustix::process::{Pid, Resource, Rlimit, Signal};
use std::{io, os::unix::process::CommandExt, path::Path, process::Command};

/// The hidden command of our binary that calls [`launch`].
pub const COMMAND: &str = "worker-launch";

/// Files that it may have open: each event takes a connection, and so does each of its requests.
const FILES: u64 = 1_024;

/// The newest version of Landlock that the rules below are made for.
const LANDLOCK: ABI = ABI::V6;

/// What it reads beside its own binary and `/proc/self`. What is not there is left out.
const READ: [&str; 17] = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/nix/store",
    "/etc/ld.so.cache",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/localtime",
    "/etc/ssl",
    "/etc/pki",
    "/usr/share/ca-certificates",
    "/usr/share/zoneinfo",
    "/sys/devices/system/cpu",
];

/// Devices that it reads.
const DEVICES: [&str; 3] = ["/dev/null", "/dev/urandom", "/dev/random"];

/// Why workerd was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The server that asked for it is gone.
    #[error("the server that started it is gone")]
    Orphan,
    /// A limit could not be set.
    #[error("the sandbox: {0}")]
    Limit(#[from] rustix::io::Errno),
    /// Landlock is there and refuses.
    #[error("Landlock: {0}")]
    Landlock(#[from] RulesetError),
    /// It could not be executed.
    #[error("{0}")]
    Exec(io::Error),
}

/// Becomes workerd, `runtime`, in a sandbox, with the configuration of the working directory. `parent` is the number of
/// the process that asked for it. Returns only if that is not possible.
pub fn launch(runtime: &Path, parent: u32) -> LaunchError {
    match confine(runtime, parent) {
        Ok(()) => LaunchError::Exec(
            Command::new(runtime)
                .args(["serve", "--experimental", "--control-fd=1", crate::config::FILE])
                .exec(),
        ),
        Err(error) => error,
    }
}

fn confine(runtime: &Path, parent: u32) -> Result<(), LaunchError> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // Had it ended before the line above, nobody would tell.
    if rustix::process::getppid().map(Pid::as_raw_nonzero).and_then(|pid| u32::try_from(pid.get()).ok())
        != Some(parent)
    {
        return Err(LaunchError::Orphan);
    }
    limit(Resource::Core, 0)?;
    limit(Resource::Nofile, FILES)?;
    rustix::thread::set_no_new_privs(true)?;
    restrict(runtime)?;
    Ok(())
}

/// Lowers a limit, hard and soft; what is lower already stays.
fn limit(resource: Resource, most: u64) -> Result<(), LaunchError> {
    let most = rustix::process::getrlimit(resource).maximum.map_or(most, |now| now.min(most));
    Ok(rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// What the kernel does not know of this is left out.
fn restrict(runtime: &Path) -> Result<(), RulesetError> {
    let read = AccessFs::from_read(LANDLOCK);
    let files = READ.iter().chain(&DEVICES).map(Path::new).chain([runtime, Path::new("/proc/self")]);
    let _ = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?
        .add_rules(path_beneath_rules(files, read))?
        .add_rules(path_beneath_rules(["."], AccessFs::from_all(LANDLOCK)))?
        .restrict_self()?;
    Ok(())
}
