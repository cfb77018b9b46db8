//! The process: reads the command line, runs it, and prints the chain of what went wrong once.
//!
//! Which commands there are belongs to `commands::cli`.

use std::process::ExitCode;

use clap::Parser;
use tipoff::commands::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await.unwrap_or_else(|error| {
        eprintln!("tipoff: {error:#}");
        ExitCode::FAILURE
    })
}
