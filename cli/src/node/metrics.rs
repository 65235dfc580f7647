//! The recorder of metrics, and what is told of the process as a whole.

use super::NodeError;
use metrics::gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

mailwright_storage::declare_metrics! {
    /// 1, with the version that runs.
    gauge BUILD_INFO = "mailwright_build_info";
    /// When the process started, in seconds since the epoch.
    gauge START_TIME = "process_start_time_seconds";
    /// Memory that the process has, in octets (resident set).
    gauge RESIDENT_MEMORY = "process_resident_memory_bytes";
    /// File descriptors in use: one for each connection, listener and file.
    gauge OPEN_FILES = "process_open_fds";
    /// Most file descriptors that the system allows.
    gauge MAX_FILES = "process_max_fds";
}

/// Buckets of seconds that pass in queues: from ten milliseconds to the four days after which mail is given up.
const QUEUE_SECONDS: &[f64] = &[
    0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0,
    172_800.0, 345_600.0,
];
/// Buckets of seconds that machines take: from a tenth of a millisecond to a minute.
const SECONDS: &[f64] = &[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0];
/// Buckets of counts.
const COUNTS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
/// How often histograms are folded (between folds they grow) and the process is looked at.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder, before anything looks a meter up, and says what each metric means.
pub(super) fn install() -> Result<PrometheusHandle, NodeError> {
    let queued =
        [mailwright_actors::metrics::TIME_TO_FIRST_ATTEMPT, mailwright_actors::metrics::TIME_TO_DELIVERY];
    let mut builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_records".to_owned()), COUNTS)?;
    for name in queued {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), QUEUE_SECONDS)?;
    }
    let handle = builder.install_recorder()?;
    mailwright_storage::metrics::describe();
    mailwright_actors::metrics::describe();
    mailwright_routing::metrics::describe();
    mailwright_routing::gate::metrics::describe();
    mailwright_workers::metrics::describe();
    super::traces::metrics::describe();
    describe_process();
    // What was described is told from the first upkeep on.
    handle.run_upkeep();
    let upkeep = handle.clone();
    // A thread of its own: folding and looking through /proc hold up nobody there. It owns nothing that would have
    // to be put down and ends with the process.
    std::thread::Builder::new().name("metrics".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(UPKEEP);
            upkeep.run_upkeep();
            look_at_process();
        }
    })?;
    Ok(handle)
}

fn describe_process() {
    describe_all();
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    gauge!(START_TIME).set(started.as_secs_f64().round());
    look_at_process();
}

/// Tells what /proc says of us; what it does not say is left as it was.
fn look_at_process() {
    let resident = fs::read_to_string("/proc/self/status").ok().and_then(|text| resident(&text));
    let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
    let most = fs::read_to_string("/proc/self/limits").ok().and_then(|text| max_files(&text));
    for (name, value) in [(RESIDENT_MEMORY, resident), (OPEN_FILES, open), (MAX_FILES, most)] {
        if let Some(value) = value {
            gauge!(name).set(value);
        }
    }
}

/// Octets of `VmRSS:     12345 kB` in /proc/self/status.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<f64>().ok().map(|kilobytes| kilobytes * 1024.0)
}

/// The soft limit in `Max open files            1024                 524288               files` in
/// /proc/self/limits.
fn max_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_system_says_of_the_process() {
        assert_eq!(resident("VmPeak:\t   900 kB\nVmRSS:\t     512 kB\n"), Some(524_288.0));
        let limits =
            "Limit          Soft Limit   Hard Limit  Units\nMax open files 1024         524288      files\n";
        assert_eq!(max_files(limits), Some(1024.0));
        assert_eq!((resident("VmPeak: 1 kB\n"), max_files("Max open files unlimited x")), (None, None));
        let own = |file: &str| fs::read_to_string(format!("/proc/self/{file}")).unwrap();
        assert!(resident(&own("status")).is_some() && max_files(&own("limits")).is_some());
    }
}
