//! `serve`: runs the service. The only place where real adapters meet the engine.
//!
//! The demo runs the same assembly on another clock; nothing is decided here.

use std::{
    collections::BTreeSet, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::{Clock, SystemClock},
    config::{self, Config, Environment, LogFormat},
    domain::zone,
    engine::{Engine, Handoff, Parts},
    http::{self, HandoffRoute, HttpState, Intake},
    ports::Warehouse,
    render::Zones,
    sinks::local::{Behaviour, Destination, LocalSettings, LocalWorkers, Share, Surroundings},
    store::SqliteStore,
    telemetry::{
        MeasuredWarehouse, Metrics,
        labels::Sets,
        logging::{self, Format},
    },
    warehouse::EmbeddedWarehouse,
};

mod callers;
mod cloud;
mod examining;
mod pulls;
mod sinks;
pub mod tables;
pub mod telling;

pub use cloud::Cloud;
pub use examining::examiner;
use pulls::Pulls;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration file; without one, the built-in handoff is served
    #[arg(long, value_name = "FILE", env = "TIPOFF_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder for the service's files
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// Serves until it is told to stop (SIGTERM or Ctrl-C).
///
/// # Errors
///
/// When the configuration is refused, or the service cannot start.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut config = config::read(args.config.as_deref(), &Environment::of_process())?;
    if let Some(data) = args.data {
        config.data_dir = data;
    }
    let format = match config.log_format {
        LogFormat::Json => Format::Json,
        LogFormat::Text => Format::Text,
    };
    logging::init(format, "info")?;
    zone::self_test()?;
    let app = App::open(Setup::of(config, Arc::new(SystemClock))).await?;
    println!("tipoff is listening on http://{}", app.address);
    stop_signal().await?;
    tracing::info!("stopping: finishing what is held, handing back the rest");
    app.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Waits for SIGTERM or Ctrl-C.
///
/// # Errors
///
/// When the process cannot listen for signals.
pub async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}

/// What a service is put together from.
pub struct Setup {
    /// What it is told.
    pub config: Config,
    /// The time it lives in.
    pub clock: Arc<dyn Clock>,
    /// The built-in workers' pace.
    pub workers: LocalSettings,
    /// What goes wrong with them.
    pub behaviour: Behaviour,
    /// Prints alerts on the console, beside the log.
    pub print_alerts: bool,
}

impl Setup {
    /// The setup that a configuration asks for.
    pub fn of(config: Config, clock: Arc<dyn Clock>) -> Self {
        let set = &config.workers;
        let share = |reason: &str, share: f64| Share {
            reason: reason.to_owned(),
            share,
        };
        let behaviour = Behaviour {
            skips: vec![share("no_prop_lines", set.skip_share)],
            failures: vec![share("worker_error", set.failure_share)],
            silent: set.silence_share,
            claimed_without_row: set.claim_without_row_share,
            redelivered: set.duplicate_share,
            cold_start_seconds: set.cold_start_seconds,
            ..Behaviour::default()
        };
        let workers = LocalSettings {
            workers: set.count as usize,
            seconds_min: set.answer_seconds_min,
            seconds_max: set.answer_seconds_max,
            seed: set.seed,
            ..LocalSettings::default()
        };
        Self {
            config,
            clock,
            workers,
            behaviour,
            print_alerts: false,
        }
    }
}

/// A running service.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its engine.
    pub engine: Arc<Engine>,
    /// Its tables.
    pub warehouse: EmbeddedWarehouse,
    /// Its built-in workers.
    pub workers: Arc<LocalWorkers>,
    pulls: Pulls,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

/// How long open connections may take to finish when the service stops.
const CONNECTION_SECONDS_MAX: u64 = 5;

impl App {
    /// Opens the store and the tables, takes up what was left, and listens.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened or the address is taken; the error says which.
    pub async fn open(setup: Setup) -> anyhow::Result<Self> {
        let config = &setup.config;
        let folder = &config.data_dir;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("making the folder {}", folder.display()))?;
        let store = Arc::new(SqliteStore::open(&folder.join("state.sqlite")).await?);
        let warehouse = EmbeddedWarehouse::open(&folder.join("warehouse")).await?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("listening on {}", config.listen))?;
        let address = listener.local_addr()?;
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let own_token = callers::workers_token(config);
        let workers = start_workers(&setup, (address, own_token.clone()), (&warehouse, &client))?;
        let workers = Arc::new(workers);
        let metrics = Arc::new(Metrics::of(&sets(config)));
        let cloud = Cloud::of(config, &setup.clock)?;
        let around = (&warehouse, cloud.as_ref());
        let handoffs = handoffs(&setup, around, &workers, &client, &metrics)?;
        let first = config
            .handoffs
            .first()
            .ok_or_else(|| anyhow!("no handoff is configured"))?;
        let zones = Zones {
            schedule: first.policy.schedule.zone,
            calendar: first.policy.calendar_zone,
        };
        let parts = Parts {
            store,
            clock: setup.clock.clone(),
            handoffs,
            announcer: sinks::announcer(config, cloud.as_ref()),
            telling: telling::telling(&setup, (address, zones), &client)?,
            examining: examining::examining(&setup, (&warehouse, cloud.as_ref()))?,
            beating: telling::beating(config, &client)?,
            metrics,
        };
        let engine = Arc::new(Engine::start(parts).await?);
        let routes = config.handoffs.iter().map(HandoffRoute::from).collect();
        let callers = callers::callers(config, cloud.as_ref(), own_token.as_deref(), &setup.clock);
        let state = Arc::new(HttpState::new(engine.clone(), routes, callers));
        let router = http::router(state.clone());
        let pulls = Pulls::start(config, cloud.as_ref(), &Intake::new(state))?;
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, router, stop.clone()));
        Ok(Self {
            address,
            engine,
            warehouse,
            workers,
            pulls,
            stop,
            server,
        })
    }

    /// Stops taking calls, then stops the engine and the workers. A connection that does not finish is answered
    /// that the store is closed.
    pub async fn stop(mut self) {
        self.pulls.stop().await;
        self.stop.cancel();
        let most = Duration::from_secs(CONNECTION_SECONDS_MAX);
        if tokio::time::timeout(most, &mut self.server).await.is_err() {
            self.server.abort();
        }
        self.engine.stop().await;
        self.workers.stop().await;
    }
}

async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the server ended");
    }
}

fn start_workers(
    setup: &Setup,
    (address, token): (SocketAddr, Option<String>),
    (warehouse, client): (&EmbeddedWarehouse, &reqwest::Client),
) -> anyhow::Result<LocalWorkers> {
    let subscription = setup
        .config
        .handoffs
        .iter()
        .find_map(|handoff| handoff.completion_subscription.clone())
        .unwrap_or_else(|| "local-workers".to_owned());
    let destination = Destination {
        url: format!("http://{address}/complete").parse()?,
        subscription,
        token,
    };
    let surroundings = Surroundings {
        warehouse: warehouse.clone(),
        clock: setup.clock.clone(),
        client: client.clone(),
    };
    let workers = LocalWorkers::start(setup.workers.clone(), destination, surroundings);
    workers.set_behaviour(setup.behaviour.clone());
    Ok(workers)
}

fn handoffs(
    setup: &Setup,
    (embedded, cloud): (&EmbeddedWarehouse, Option<&Cloud>),
    workers: &Arc<LocalWorkers>,
    client: &reqwest::Client,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Vec<Handoff>> {
    let mut handoffs = Vec::new();
    for configured in &setup.config.handoffs {
        let tables: Arc<dyn Warehouse> = Arc::new(MeasuredWarehouse {
            inner: tables::of(configured, embedded, cloud)?,
            metrics: metrics.clone(),
        });
        handoffs.push(Handoff {
            id: configured.id.clone(),
            policy: configured.policy.clone(),
            season: configured.season.clone(),
            warehouse: tables,
            sink: sinks::of(setup, configured, (workers, client, cloud))?,
            routes: configured.routing.routes.clone(),
            timetable: Some(telling::timetable(&configured.routing)),
        });
    }
    Ok(handoffs)
}

/// What the configuration adds to the labels of metrics.
fn sets(config: &Config) -> Sets {
    let completions = config
        .handoffs
        .iter()
        .map(|handoff| &handoff.policy.completion);
    let reasons =
        completions.flat_map(|set| set.permanent_skip_reasons.iter().chain(&set.other_reasons));
    let reasons: BTreeSet<String> = reasons.cloned().collect();
    Sets {
        handoffs: config.handoffs.iter().map(|it| it.id.clone()).collect(),
        unit_reasons: reasons.into_iter().collect(),
        channels: config.channels.iter().map(|it| it.id.clone()).collect(),
    }
}
