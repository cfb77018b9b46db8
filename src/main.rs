//! The command line: arguments to one function in `commands`.
//!
//! What a command does belongs to its own file there.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tipoff::commands::{
    check, demo, explain, quarantine, reset, retry, serve, start, status, warehouse,
};

/// Watches the handoff between two phases of a data pipeline and keeps its promise.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service
    Serve(serve::Args),
    /// Play a night, with everything that belongs to it, on this machine
    Demo(demo::Args),
    /// Check a configuration and print its nights on one line of time
    Check(check::Args),
    /// Show how a night stands
    Status(status::Args),
    /// Start a night by hand
    Start(start::Args),
    /// Send again what needs work and is not in flight
    Retry(retry::Args),
    /// End the current batch and go back to waiting
    Reset(reset::Args),
    /// Tell a night's history with its reasons
    Explain(explain::Args),
    /// List, replay or drop messages that could not be understood
    Quarantine(quarantine::Args),
    /// Load tables into the embedded warehouse, or ask it
    Warehouse(warehouse::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Status(args) => status::run(args).await,
        Command::Start(args) => start::run(args).await,
        Command::Retry(args) => retry::run(args).await,
        Command::Reset(args) => reset::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Quarantine(args) => quarantine::run(args).await,
        Command::Warehouse(args) => warehouse::run(args).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("tipoff: {error:#}");
        ExitCode::FAILURE
    })
}
