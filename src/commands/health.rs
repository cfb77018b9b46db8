//! `health`: asks the service on this machine whether it answers, for images that hold nothing else to ask with.
//!
//! What health means belongs to `http::probes`.

use std::{net::Ipv4Addr, path::PathBuf, process::ExitCode, time::Duration};

use crate::config::{self, Environment};

/// Arguments of `health`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The service's configuration file, which may name its port
    #[arg(long, value_name = "FILE", env = "TIPOFF_CONFIG")]
    config: Option<PathBuf>,
    /// Where the service listens; without it, the configuration's port on this machine
    #[arg(long, value_name = "URL", env = "TIPOFF_URL")]
    url: Option<String>,
}

/// Shorter than the interval at which an orchestrator asks.
const ANSWER_SECONDS_MAX: u64 = 3;

/// Exits with 0 when the service answers that it is alive, with 1 when it does not, saying why.
///
/// # Errors
///
/// When the configuration cannot be read.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let base = match args.url {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => {
            let config = config::read(args.config.as_deref(), &Environment::of_process())?;
            let mut address = config.listen;
            if address.ip().is_unspecified() {
                address.set_ip(Ipv4Addr::LOCALHOST.into());
            }
            format!("http://{address}")
        }
    };
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
        .build()?;
    match client.get(format!("{base}/health")).send().await {
        Ok(answer) if answer.status().is_success() => {
            println!("alive");
            Ok(ExitCode::SUCCESS)
        }
        Ok(answer) => {
            eprintln!("{base} answered {}", answer.status());
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            eprintln!("no answer: {}", crate::ports::chain(&error));
            Ok(ExitCode::FAILURE)
        }
    }
}
