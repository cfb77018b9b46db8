//! The command line: which subcommands there are, and which function each leads to.
//!
//! What a command takes and does belongs to its own file.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::{
    alerts, check, check_stalled, demo, doctor, explain, health, infra, publish, quarantine, reset,
    retry, serve, start, status, token, warehouse,
};

/// Watches the handoff between two phases of a data pipeline and keeps its promise.
#[derive(Debug, Parser)]
#[command(name = "tipoff", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
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
    /// Give up what is in flight for too long; what was to be retried goes out then
    CheckStalled(check_stalled::Args),
    /// Tell a night's history with its reasons
    Explain(explain::Args),
    /// Show, acknowledge and silence alerts, or test the channels
    Alerts(alerts::Args),
    /// List, replay or drop messages that could not be understood
    Quarantine(quarantine::Args),
    /// Ask whether everything that a night needs is there, and say what mends what is not
    Doctor(doctor::Args),
    /// Load tables into the embedded warehouse, or ask it
    Warehouse(warehouse::Args),
    /// Say that the upstream has finished: counts, publishes, confirms, and never fails its caller
    Publish(publish::Args),
    /// Ask the service on this machine whether it is alive
    Health(health::Args),
    /// Make a token for a person or for workers
    Token(token::Args),
    /// Print what is needed on Google Cloud, and the scripts that make it and take it back
    Infra(infra::Args),
}

impl Cli {
    /// Does what the command line asks for.
    ///
    /// # Errors
    ///
    /// When the subcommand could not do it; the error says what to try.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(args) => serve::run(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Check(args) => check::run(args).await,
            Command::Status(args) => status::run(args).await,
            Command::Start(args) => start::run(args).await,
            Command::Retry(args) => retry::run(args).await,
            Command::Reset(args) => reset::run(args).await,
            Command::CheckStalled(args) => check_stalled::run(args).await,
            Command::Explain(args) => explain::run(args).await,
            Command::Alerts(args) => alerts::run(args).await,
            Command::Quarantine(args) => quarantine::run(args).await,
            Command::Doctor(args) => doctor::run(args).await,
            Command::Warehouse(args) => warehouse::run(args).await,
            Command::Publish(args) => publish::run(args).await,
            Command::Health(args) => health::run(args).await,
            Command::Token(args) => token::run(args).await,
            Command::Infra(args) => infra::run(args).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command, CommandFactory};

    use super::Cli;

    const README: &str = include_str!("../../README.md");

    #[test]
    fn the_command_line_is_put_together_as_clap_wants_it() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_readme_lists_every_subcommand_with_its_options_and_no_other() {
        let mut expected = "| command | does | options |\n|---|---|---|\n".to_owned();
        for command in Cli::command().get_subcommands() {
            expected += &rows(command, "", &[]);
        }
        assert!(
            README.contains(&format!("\n{expected}\n")),
            "README.md lists the commands otherwise than they are:\n\n{expected}"
        );
    }

    /// A row for the command, or one for each of its own subcommands.
    fn rows(command: &Command, parent: &str, outer: &[String]) -> String {
        let name = format!("{parent}{}", command.get_name());
        let mut options: Vec<String> = outer.to_vec();
        options.extend(command.get_opts().map(option));
        if command.has_subcommands() {
            let inner = command.get_subcommands();
            return inner
                .map(|command| rows(command, &format!("{name} "), &options))
                .collect();
        }
        let places: String = command
            .get_positionals()
            .map(|arg| format!(" {}", value(arg)))
            .collect();
        let does = command.get_about().unwrap_or_default();
        format!("| `{name}{places}` | {does} | {} |\n", options.join(", "))
    }

    fn is_flag(arg: &Arg) -> bool {
        matches!(arg.get_action(), ArgAction::SetTrue)
    }

    fn option(arg: &Arg) -> String {
        let long = arg.get_long().unwrap_or_default();
        if is_flag(arg) {
            format!("`--{long}`")
        } else {
            format!("`--{long} {}`", value(arg))
        }
    }

    fn value(arg: &Arg) -> String {
        match arg.get_value_names() {
            Some([name, ..]) => name.to_string(),
            Some([]) | None => arg.get_id().as_str().to_uppercase(),
        }
    }
}
