//! `infra`: prints what a configuration needs on Google Cloud, as a plan or as the scripts that make and unmake it.
//!
//! What is needed is decided by `infra`; nothing is called here.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;

use crate::{
    config::{self, Environment},
    infra::{Plan, cloud_run, gcloud, kubernetes, rollback, systemd, terraform},
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
    /// The same objects for Terraform, in its JSON syntax
    Terraform,
    /// A script that takes back, path by path
    Rollback,
    /// The service on Cloud Run, as YAML
    CloudRun,
    /// The service in a cluster, as YAML
    Kubernetes,
    /// The service on a machine, as a unit of systemd
    Systemd,
}

/// Prints it.
///
/// # Errors
///
/// When the configuration cannot be read, or could not work on Google Cloud.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let text = match args.form {
        Form::Systemd => systemd::UNIT.to_owned(),
        Form::Plan => serde_json::to_string_pretty(&plan(&args)?)? + "\n",
        Form::Gcloud => gcloud::render(&plan(&args)?),
        Form::Terraform => terraform::render(&plan(&args)?),
        Form::Rollback => rollback::render(&plan(&args)?),
        Form::CloudRun => cloud_run::render(&plan(&args)?),
        Form::Kubernetes => kubernetes::render(&plan(&args)?, &settings(&args)?),
    };
    if args.json && args.form != Form::Plan {
        println!("{}", serde_json::json!({ "text": text }));
    } else {
        print!("{text}");
    }
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &Args) -> anyhow::Result<Plan> {
    let config = config::read(args.config.as_deref(), &Environment::of_process())?;
    Plan::of(&config).context("planning what is needed on Google Cloud")
}

/// The configuration's own text; empty where only the environment configures.
fn settings(args: &Args) -> anyhow::Result<String> {
    let Some(path) = &args.config else {
        return Ok(String::new());
    };
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}
