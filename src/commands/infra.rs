//! `infra`: prints what a configuration needs on Google Cloud, as a plan or as the scripts that make and unmake it.
//!
//! What is needed is decided by `infra`; nothing is called here.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;

use crate::{
    config::{self, Environment},
    infra::{Plan, gcloud, rollback},
};

/// Arguments of `infra`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to print
    #[arg(value_enum, value_name = "FORM")]
    form: Form,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "TIPOFF_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON: the text with its name, or the plan itself
    #[arg(long)]
    json: bool,
}

/// The forms that a plan is printed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// The objects with their options, as JSON
    Plan,
    /// A script that creates them and brings them up to date
    Gcloud,
    /// A script that takes back, path by path
    Rollback,
}

/// Prints it.
///
/// # Errors
///
/// When the configuration cannot be read, or could not work on Google Cloud.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = config::read(args.config.as_deref(), &Environment::of_process())?;
    let plan = Plan::of(&config).context("planning what is needed on Google Cloud")?;
    let text = match args.form {
        Form::Plan => serde_json::to_string_pretty(&plan)? + "\n",
        Form::Gcloud => gcloud::render(&plan),
        Form::Rollback => rollback::render(&plan),
    };
    if args.json && args.form != Form::Plan {
        println!("{}", serde_json::json!({ "text": text }));
    } else {
        print!("{text}");
    }
    Ok(ExitCode::SUCCESS)
}
