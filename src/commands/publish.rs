//! `publish`: the upstream says that it has finished, in a way that never harms the upstream.
//!
//! It counts what is ready, publishes the event and waits for the confirmation. What cannot be published goes to the
//! service itself; where that is not to be reached either, people are told. What an event means belongs to `domain`.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{anyhow, bail};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{client::Target, serve::Cloud};
use crate::{
    clock::{Clock, SystemClock},
    config::{self, Config, Environment},
    domain::{
        Instant,
        ids::{GameDate, HandoffId},
        trigger::UpstreamStatus,
    },
    ports::chain,
    pubsub::Message,
    wire::finished::{self, Finished, Unpublished},
};

mod count;
mod people;
mod topic;

use count::Counted;

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file; without one, the built-in handoff's
    #[arg(long, value_name = "FILE", env = "TIPOFF_CONFIG")]
    config: Option<PathBuf>,
    /// The date that was worked for, such as 2026-01-19
    #[arg(long, value_name = "DATE")]
    game_date: NaiveDate,
    /// The handoff whose upstream this is; may be left out where one is configured
    #[arg(long, value_name = "ID")]
    handoff: Option<String>,
    /// The processor that finished; without it, the handoff's final one
    #[arg(long, value_name = "NAME")]
    processor: Option<String>,
    /// How it ended: success, partial, no_data or failed
    #[arg(long, value_name = "STATUS", default_value = "success", value_parser = status)]
    status: UpstreamStatus,
    /// When it finished, RFC 3339; without it, now
    #[arg(long, value_name = "INSTANT")]
    timestamp: Option<Instant>,
    /// The processor's own name for its run; without it, the processor and the instant
    #[arg(long, value_name = "ID")]
    run_id: Option<String>,
    /// The id that follows the work through the phases
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Units with a row, instead of counting them
    #[arg(long, value_name = "N")]
    players_processed: Option<u64>,
    /// Units that are ready, instead of counting them
    #[arg(long, value_name = "N")]
    players_ready: Option<u64>,
    /// Seconds until the event has to be confirmed, 1 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    within: u64,
    /// Exit with 1 when the event was not published; without it, this command never fails its caller
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    target: Target,
}

fn status(text: &str) -> Result<UpstreamStatus, String> {
    serde_json::from_value(Value::from(text))
        .map_err(|_| "write success, partial, no_data or failed".to_owned())
}

/// What became of the event.
struct Outcome {
    /// Where it was confirmed; `None`: nowhere.
    confirmed: Option<String>,
    /// Why the topic did not take it.
    error: Option<String>,
    /// What was done instead, in the order in which it was tried.
    instead: Vec<String>,
    /// Why the units were not counted.
    uncounted: Option<String>,
    /// The event.
    event: Value,
}

/// Publishes the event and prints what became of it; exits with 0 whatever happens, unless told to be strict.
///
/// # Errors
///
/// Only when told to be strict: when nothing could be tried.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let strict = args.strict;
    let failed = if strict {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    };
    match publish(&args).await {
        Ok(outcome) => {
            print(&args, &outcome);
            Ok(match outcome.error {
                None => ExitCode::SUCCESS,
                Some(_) => failed,
            })
        }
        Err(error) if strict => Err(error),
        Err(error) => {
            eprintln!("not published: {error:#}; the caller goes on, use --strict to fail it");
            Ok(failed)
        }
    }
}

async fn publish(args: &Args) -> anyhow::Result<Outcome> {
    let config = config::read(args.config.as_deref(), &Environment::of_process())?;
    let handoff = handoff(&config, args.handoff.as_deref())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cloud = Cloud::of(&config, &clock)?;
    let now = clock.now();
    let within = Duration::from_secs(args.within);
    let game_date = GameDate(args.game_date);
    let (counted, uncounted) = match (args.players_processed, args.players_ready) {
        (None, None) => count::count(&config, handoff, (game_date, within), cloud.as_ref()).await,
        (processed, ready) => (Counted { processed, ready }, None),
    };
    let finished = finished(args, handoff, counted, now)?;
    let data = finished::write(&finished);
    let event: Value = serde_json::from_slice(&data)?;
    let mut outcome = Outcome {
        confirmed: None,
        error: None,
        instead: Vec::new(),
        uncounted,
        event,
    };
    let sent = match (&cloud, &handoff.upstream_topic) {
        (Some(cloud), Some(topic)) => {
            let message = Message {
                data,
                attributes: attributes(&finished, topic),
            };
            topic::publish(cloud, topic, message, within).await
        }
        (None, _) | (_, None) => service(args, "/trigger", &outcome.event).await,
    };
    match sent {
        Ok(confirmed) => outcome.confirmed = Some(confirmed),
        Err(error) => {
            outcome.error = Some(error);
            otherwise(args, &config, handoff, &mut outcome).await;
        }
    }
    Ok(outcome)
}

/// The handoff that is meant.
fn handoff<'a>(config: &'a Config, named: Option<&str>) -> anyhow::Result<&'a config::Handoff> {
    let ids: Vec<&str> = config.handoffs.iter().map(|it| it.id.as_str()).collect();
    match (named, config.handoffs.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => bail!(
            "there are several handoffs: name one of {} with --handoff",
            ids.join(", ")
        ),
        (Some(name), handoffs) => handoffs
            .iter()
            .find(|it| it.id.as_str() == name)
            .ok_or_else(|| anyhow!("no handoff is called {name:?}; there is {}", ids.join(", "))),
    }
}

fn finished(
    args: &Args,
    handoff: &config::Handoff,
    counted: Counted,
    now: Instant,
) -> anyhow::Result<Finished> {
    let names = &handoff.policy.upstream.final_processor_names;
    let processor = args.processor.clone().or_else(|| names.first().cloned());
    let processor = processor.ok_or_else(|| anyhow!("name the processor with --processor"))?;
    let finished_at = args.timestamp.unwrap_or(now);
    let run_id = args.run_id.clone();
    Ok(Finished {
        run_id: run_id.unwrap_or_else(|| format!("{processor}_{}", finished_at.timestamp())),
        processor,
        game_date: GameDate(args.game_date),
        status: args.status,
        processed: counted.processed,
        ready: counted.ready,
        failed: counted.failed(),
        finished_at,
        correlation_id: args.correlation_id.clone(),
    })
}

fn attributes(finished: &Finished, topic: &str) -> BTreeMap<String, String> {
    let attributes = [
        ("topic", topic.to_owned()),
        ("processor", finished.processor.clone()),
        ("game_date", finished.game_date.to_string()),
        ("run_id", finished.run_id.clone()),
    ];
    attributes
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

/// Gives something to the service itself; says what it answered.
async fn service(args: &Args, path: &str, body: &Value) -> Result<String, String> {
    let call = super::client::Call::post(path, body.clone());
    let url = &args.target.url;
    match args.target.try_call(call).await {
        Ok(Some((status, _))) if status.is_success() => Ok(format!("the service at {url}")),
        Ok(Some((status, answer))) => {
            let detail = answer["detail"].as_str().unwrap_or("nothing was said");
            Err(format!("the service at {url} answered {status}: {detail}"))
        }
        Ok(None) => Err(format!("no service answers at {url}")),
        Err(error) => Err(format!("the service at {url}: {}", chain(&*error))),
    }
}

/// The service is told, with the event, so that the night goes on; if it cannot be told, people are.
async fn otherwise(args: &Args, config: &Config, handoff: &config::Handoff, outcome: &mut Outcome) {
    let error = outcome.error.clone().unwrap_or_default();
    let word = Unpublished {
        handoff: Some(HandoffId::new(handoff.id.as_str())),
        error: error.clone(),
        event: outcome.event.clone(),
    };
    match service(args, "/unpublished", &word.body()).await {
        Ok(told) => outcome
            .instead
            .push(format!("{told} took the event and tells people")),
        Err(unheard) => {
            outcome.instead.push(unheard);
            let night = format!("{}/{}", handoff.id, args.game_date);
            outcome
                .instead
                .push(people::tell(config, night, error).await);
        }
    }
}

fn print(args: &Args, outcome: &Outcome) {
    if args.target.json {
        let line = json!({
            "published": outcome.error.is_none(),
            "confirmed_by": outcome.confirmed,
            "error": outcome.error,
            "instead": outcome.instead,
            "uncounted": outcome.uncounted,
            "event": outcome.event,
        });
        println!("{line}");
        return;
    }
    if let Some(why) = &outcome.uncounted {
        eprintln!("the units were not counted: {why}");
    }
    match (&outcome.confirmed, &outcome.error) {
        (Some(confirmed), _) => println!("published, confirmed by {confirmed}"),
        (None, error) => {
            eprintln!("not published: {}", error.as_deref().unwrap_or_default());
            for instead in &outcome.instead {
                eprintln!("  {instead}");
            }
        }
    }
}
