//! `mailwright`: a self-hosted email service in one binary.

mod allocator;
mod commands;
mod config;
mod control_client;
mod limits;
mod logging;
mod node;
mod stop_signals;
mod worker;

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
    /// Show what waits: sums by domain, site, source and tenant; `list` entries; `show` one message
    Queue(commands::queue::Args),
    /// Watch throughput, domains, sites and trouble live; suspend, resume and retry; --once for scripts
    Top(commands::top::Args),
    /// Say what holds a message now, and when it should go
    Why(commands::why::Args),
    /// Hold the mail of a domain, site, source or tenant; kept over restarts
    Suspend(commands::orders::Suspend),
    /// End a suspension
    Resume(commands::orders::Resume),
    /// List what is suspended
    Suspensions(commands::orders::Suspensions),
    /// Try queued mail again now, whatever its schedule
    RetryNow(commands::orders::RetryNow),
    /// End queued mail as failed; senders are told as of any bounce
    Cancel(commands::orders::Cancel),
    /// Send queued mail from another pool of sources, or a domain's mail to another next hop
    Reroute(commands::orders::Reroute),
    /// Show what became of messages and recipients; a message's timeline; with --follow, what happens now
    Log(Box<commands::log::Args>),
    /// Watch the SMTP dialogues about a domain's mail, live and without content
    Trace(commands::trace::Args),
    /// Explain traffic shaping, try a file on what happened, or have it read again
    Shaping(commands::shaping::Args),
    /// List, make, rename and remove accounts
    Account(commands::account::Args),
    /// List, make and remove zones: the domains that accounts own
    Zone(commands::zone::Args),
    /// List, add and remove destination addresses: those that mail may be forwarded to
    Address(commands::address::Args),
    /// List, make and remove rules: what becomes of mail from the world
    Route(commands::route::Args),
    /// Workers: your own code that decides about mail; deploy, list, roll back, their secrets, keys and queues
    Worker(commands::worker::Args),
    /// List, make, roll and remove API tokens
    Token(commands::token::Args),
    /// Show who changed what in the configuration
    Audit(commands::audit::Args),
    /// Tell all that receivers see of a domain: SPF, DKIM, DMARC, MX, TLS, our addresses; exit 1 if it must be mended
    Doctor(commands::doctor::Args),
    /// Judge a message as if it came in: SPF, DKIM, DMARC, ARC, and what would become of it
    Authenticate(commands::authenticate::Args),
    /// Show what others report about mail in a zone's name (DMARC) by source; --reports who, --tls how TLS went
    Dmarc(commands::dmarc::Args),
    /// Score a message by the spam rules, and show it to the configured filters if asked to
    Spam(commands::spam::Args),
    /// Make an account, a zone set up for sending and an API token, and print them as JSON
    Bootstrap(commands::bootstrap::Args),
    /// Print the description of the HTTP API (OpenAPI 3.1), as a server serves it
    Openapi,
    /// Become workerd in its sandbox, as the server asks
    #[command(hide = true)]
    WorkerLaunch(commands::worker_launch::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => commands::serve::run(&args),
        Command::Dev(args) => commands::dev::run(&args),
        Command::Sandbox(args) => commands::sandbox::run(&args),
        Command::Queue(args) => commands::queue::run(&args),
        Command::Top(args) => commands::top::run(&args),
        Command::Why(args) => commands::why::run(&args),
        Command::Suspend(args) => commands::orders::suspend(&args),
        Command::Resume(args) => commands::orders::resume(&args),
        Command::Suspensions(args) => commands::orders::suspensions(&args),
        Command::RetryNow(args) => commands::orders::retry_now(&args),
        Command::Cancel(args) => commands::orders::cancel(&args),
        Command::Reroute(args) => commands::orders::reroute(&args),
        Command::Log(args) => commands::log::run(&args),
        Command::Trace(args) => commands::trace::run(&args),
        Command::Shaping(args) => commands::shaping::run(&args),
        Command::Account(args) => commands::account::run(&args),
        Command::Zone(args) => commands::zone::run(&args),
        Command::Address(args) => commands::address::run(&args),
        Command::Route(args) => commands::route::run(&args),
        Command::Worker(args) => commands::worker::run(&args),
        Command::Token(args) => commands::token::run(&args),
        Command::Audit(args) => commands::audit::run(&args),
        Command::Doctor(args) => return commands::doctor::main(&args),
        Command::Authenticate(args) => commands::authenticate::run(&args),
        Command::Dmarc(args) => commands::dmarc::run(&args),
        Command::Spam(args) => commands::spam::run(&args),
        Command::Bootstrap(args) => commands::bootstrap::run(&args),
        Command::Openapi => commands::openapi::run(),
        Command::WorkerLaunch(args) => commands::worker_launch::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            commands::say_error(&error);
            ExitCode::FAILURE
        }
    }
}
