//! Workers in real processes of workerd, where there is one: `MAILWRIGHT_WORKERD`, or in one of the usual places.
//!
//! It has a `main` of its own, because this program is also what starts workerd in its sandbox.

// What clippy allows in tests it does not see in a program with a main of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod bindings;
mod cases;
mod fixture;

use mailwright_workers::launch;
use std::{path::Path, process::ExitCode, time::Instant};

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [command, runtime, parent] = arguments.as_slice()
        && command == launch::COMMAND
    {
        let error = launch::launch(Path::new(runtime), parent.parse().unwrap());
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let Some(found) = fixture::runtime() else {
        println!(
            "left out: Workers in real processes need workerd (npm install workerd, or MAILWRIGHT_WORKERD)"
        );
        return ExitCode::SUCCESS;
    };
    println!("workerd {} at {}", found.version, found.path.display());
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    if wanted.is_some_and(|wanted| wanted == "bench") {
        bench::measure();
        return ExitCode::SUCCESS;
    }
    for (name, case) in cases::ALL.iter().chain(&bindings::ALL) {
        if wanted.is_none_or(|wanted| name.contains(wanted.as_str())) {
            let began = Instant::now();
            case();
            println!("test {name} ... ok ({:?})", began.elapsed());
        }
    }
    ExitCode::SUCCESS
}
