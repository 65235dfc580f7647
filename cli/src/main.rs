//! `mailwright`: a self-hosted email service in one binary.

mod commands;
mod config;
mod limits;
mod logging;
mod node;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// A self-hosted email service: takes mail by HTTP and SMTP, signs it, queues it on disk and delivers it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service with a configuration file
    Serve(commands::serve::Args),
    /// Run everything on loopback to try it out: service, an account, and a sandbox that receives the mail
    Dev(commands::dev::Args),
    /// Run only the sandbox: a mail exchanger that keeps everything it gets, and misbehaves on request
    Sandbox(commands::sandbox::Args),
    /// Make an account, a zone set up for sending and an API token, and print them as JSON
    Bootstrap(commands::bootstrap::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => commands::serve::run(&args),
        Command::Dev(args) => commands::dev::run(&args),
        Command::Sandbox(args) => commands::sandbox::run(&args),
        Command::Bootstrap(args) => commands::bootstrap::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::say_error(&error);
            ExitCode::FAILURE
        }
    }
}
