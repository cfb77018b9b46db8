//! `demo`: plays a night on this machine, with the service really listening, events really posted and workers
//! really answering, on a clock that runs faster.
//!
//! The night's figures and its script belong to `demo`, the service to `serve`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context, anyhow};
use chrono::{NaiveDate, TimeDelta};

use crate::{
    clock::{Clock, SystemClock, WarpClock},
    config::Config,
    demo::{
        folder::{Play, Stage},
        live::Shift,
        night::Night,
        slate::Slate,
    },
    domain::{Instant, ids::GameDate, policy::Policy, seconds},
    ports::store::Store,
    render::Zones,
    sinks::local::LocalSettings,
    store::SqliteStore,
    telemetry::logging::{self, Format},
};

mod channels;
mod recorder;
mod screen;
mod script;
mod season;

use super::serve::{App, Setup, stop_signal};
use recorder::Recorder;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The night to play, for example 2026-01-11; without one, the designed night
    #[arg(long, value_name = "DATE")]
    night: Option<NaiveDate>,
    /// Play all of these nights, one after the other in one store, in a few minutes
    #[arg(long, conflicts_with_all = ["night", "live"])]
    season: bool,
    /// Write the service's metrics over the whole play there, as OpenMetrics text
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,
    /// List the nights that can be played, with what went wrong, and exit
    #[arg(long)]
    list: bool,
    /// Exit when the night is over, instead of serving on
    #[arg(long)]
    exit: bool,
    /// Play the last stretch at the real clock's speed; what lies before is given as history
    #[arg(long)]
    live: bool,
    /// With --live: how long until the deadline falls
    #[arg(long, value_name = "LENGTH", default_value = "4m", value_parser = length)]
    deadline_in: TimeDelta,
    /// With --live: how long until the upstream finishes; without it, in the night's own time
    #[arg(long, value_name = "LENGTH", value_parser = length, requires = "live")]
    upstream_in: Option<TimeDelta>,
    /// Where all chances start
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The folder for the demo's files
    #[arg(long, value_name = "DIR", default_value = "./tipoff-demo")]
    data: PathBuf,
    /// Where to listen; 0 takes a free port
    #[arg(long, value_name = "N", env = "PORT", default_value_t = 8080)]
    port: u16,
    /// Send mail, too, to a mail server on this machine that asks for nothing
    #[arg(long, value_name = "HOST:PORT", value_parser = channels::smtp)]
    smtp: Option<channels::Smtp>,
    /// Write to Slack, too, of which a stand-in on this machine offers the methods
    #[arg(long, value_name = "URL", value_parser = channels::slack)]
    slack: Option<String>,
}

fn length(text: &str) -> Result<TimeDelta, String> {
    seconds::parse(text).ok_or_else(|| "write a length of time such as 4m or 90s".to_owned())
}

/// Plays the night; exits with 0 once its story is told, whatever the verdict.
///
/// # Errors
///
/// When the night is not known, or the service cannot start.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.list {
        screen::list();
        return Ok(ExitCode::SUCCESS);
    }
    logging::init(Format::Text, "off")?;
    if args.season {
        return season::run(&args).await;
    }
    let mut recorder = Recorder::new(args.metrics.as_deref())?;
    let act = Act::prepare(&args).await?;
    screen::announce(&act);
    let app = match App::open(act.setup()).await {
        Ok(app) => app,
        Err(error) => {
            return Err(error.context("starting the demo's service; another one may be running"));
        }
    };
    screen::listening(&app);
    let played = tokio::select! {
        played = script::play(&act, &app, &mut recorder) => played.map(|()| true),
        stopped = stop_signal() => stopped.map(|()| false),
    };
    if played? {
        let mut stage = act.stage.clone();
        stage.finish()?;
        screen::story(&act, &app).await?;
        recorder.finish()?;
        act.clock.set_speed(1.0);
        if !args.exit {
            screen::serving(&app);
            stop_signal().await?;
        }
    } else {
        recorder.finish()?;
        println!("\nstopped; the same command goes on from here");
    }
    app.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Everything a play is made of.
pub struct Act {
    /// Its folder.
    pub stage: Stage,
    /// The night whose figures it has.
    pub night: Night,
    /// The night's tables, upstream and workers.
    pub slate: Slate,
    /// Its clock.
    pub clock: Arc<WarpClock>,
    /// When its clock began, or goes on.
    pub from: Instant,
    /// The service's configuration.
    pub config: Config,
    /// How many times faster it is played than a night alone.
    pub factor: f64,
}

impl Act {
    async fn prepare(args: &Args) -> anyhow::Result<Self> {
        let night = find(args.night)?;
        let mut config = channels::configure(args)?;
        config.listen.set_port(args.port);
        let handoff = config
            .handoffs
            .first_mut()
            .ok_or_else(|| anyhow!("the built-in handoff is missing"))?;
        let deadline_at = args.live.then(|| SystemClock.now() + args.deadline_in);
        let mut slate = Slate::generate(&night, args.seed);
        let mut game_date = night.game_date;
        if let Some(deadline_at) = deadline_at {
            let shift = Shift::to(deadline_at, night.game_date, &handoff.policy);
            let expectation = handoff
                .season
                .as_ref()
                .map(|season| season.expectation(night.game_date));
            handoff.season = expectation.and_then(|expectation| shift.season(expectation));
            handoff.policy = shift.policy(&handoff.policy);
            handoff.routing = shift.routing(&handoff.routing);
            config.routing = shift.routing(&config.routing);
            slate = shift.slate(slate);
            if let Some(late) = args.upstream_in {
                slate.finish_upstream(SystemClock.now() + late);
            }
            game_date = shift.game_date;
        }
        let wanted = Play {
            game_date,
            live_deadline_at: deadline_at,
            ..Play::of(night.game_date, args.seed)
        };
        let stage = Stage::open(&args.data, wanted)
            .with_context(|| format!("opening {}", args.data.display()))?;
        let opens_at = handoff.policy.instants(game_date).opens_at;
        let from = began(&stage, opens_at - BEFORE_OPENING).await?;
        config.data_dir = stage.path.clone();
        let clock = Arc::new(WarpClock::new(from, 1.0, args.live));
        Ok(Self {
            stage,
            night,
            slate,
            clock,
            from,
            config,
            factor: 1.0,
        })
    }

    /// The promises of the play's handoff.
    pub fn policy(&self) -> &Policy {
        // The built-in configuration has one handoff; `prepare` has seen it.
        &self.config.handoffs[0].policy
    }

    /// Whether it is played against the real clock.
    pub fn is_live(&self) -> bool {
        self.stage.play.live_deadline_at.is_some()
    }

    /// The zones its story is told in.
    pub fn zones(&self) -> Zones {
        Zones {
            schedule: self.policy().schedule.zone,
            calendar: self.policy().calendar_zone,
        }
    }

    /// Whether only a line of it is shown, once it is over.
    pub fn is_brief(&self) -> bool {
        self.stage.play.season
    }

    fn setup(&self) -> Setup {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let workers = LocalSettings {
            seed: self.stage.play.seed,
            ..LocalSettings::default()
        };
        let setup = Setup::of(self.config.clone(), clock);
        Setup {
            workers,
            behaviour: self.slate.behaviour.clone(),
            print_alerts: !self.is_brief(),
            ..setup
        }
    }
}

/// How long before its opening a night's play begins.
const BEFORE_OPENING: TimeDelta = TimeDelta::seconds(30);

/// Where the clock begins: at the last committed instant of a play that goes on.
async fn began(stage: &Stage, opening: Instant) -> anyhow::Result<Instant> {
    if !stage.resumed {
        return Ok(opening);
    }
    let store = SqliteStore::open(&stage.path.join("state.sqlite")).await?;
    Ok(store.last_instant().await?.unwrap_or(opening))
}

fn find(date: Option<NaiveDate>) -> anyhow::Result<Night> {
    match date {
        None => Ok(Night::designed().clone()),
        Some(date) => {
            let known = Night::find(GameDate(date)).cloned();
            known.ok_or_else(|| {
                anyhow!(
                    "no figures are kept of the night of {date}; `demo --list` names those that are"
                )
            })
        }
    }
}
