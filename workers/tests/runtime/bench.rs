//! What an event costs: `cargo test -p mailwright-workers --test runtime bench`. `BENCH_WORKER` names the file of another
//! Worker than one that only forwards.

use crate::fixture::{Fixture, run};
use futures_util::future::join_all;
use mailwright_engine::worker::ScriptName;
use std::{
    cell::RefCell,
    fs,
    time::{Duration, Instant},
};

const FORWARD: &str = "export default { async email(m) { await m.forward('known@good.example'); } }";
/// Events of each run.
const EVENTS: u32 = 4_000;

/// Prints the time until the first event, of a warm event, and what an event costs when there are many.
pub fn measure() {
    run(async {
        let code = std::env::var_os("BENCH_WORKER")
            .map_or(FORWARD.to_owned(), |file| fs::read_to_string(file).unwrap());
        let fixture = Fixture::new(|_| {});
        let script = fixture.deploy("a", &code);
        let began = Instant::now();
        fixture.email(&script, "x").await.unwrap();
        println!("first event, with the start of its process: {:?}", began.elapsed());
        times(&fixture, &script, 1, EVENTS / 4).await;
        for at_a_time in [1, 8, 32] {
            times(&fixture, &script, at_a_time, EVENTS).await;
        }
    });
}

async fn times(fixture: &Fixture, script: &ScriptName, at_a_time: u32, events: u32) {
    let taken = RefCell::new(Vec::new());
    let [pid] = fixture.processes().try_into().unwrap();
    let (own, theirs) = (cpu(std::process::id()), cpu(pid));
    let began = Instant::now();
    let one = || async {
        for _ in 0..events / at_a_time {
            let began = Instant::now();
            fixture.email(script, "x").await.unwrap();
            taken.borrow_mut().push(began.elapsed());
        }
    };
    join_all((0..at_a_time).map(|_| one())).await;
    let wall = began.elapsed();
    let (own, theirs) = (cpu(std::process::id()) - own, cpu(pid) - theirs);
    taken.borrow_mut().sort();
    let median = taken.borrow()[taken.borrow().len() / 2];
    let rate = f64::from(events) / wall.as_secs_f64();
    println!(
        "{at_a_time} at a time: {rate:.0}/s, median {median:?}, processor time an event: ours {:?}, workerd's {:?}",
        own / events,
        theirs / events
    );
}

/// The processor time of a process, all of its threads.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_ascii_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
