//! The whole season: every remembered night after the other, in one store, the clock going on at each opening.
//!
//! One night's script belongs to `script`.

use std::{net::Ipv4Addr, process::ExitCode, sync::Arc};

use anyhow::{Context, anyhow};
use axum::Router;
use chrono::TimeDelta;
use tokio::net::TcpListener;

use super::{Act, Args, BEFORE_OPENING, channels, recorder::Recorder, screen, script};
use crate::{
    clock::WarpClock,
    commands::serve::{App, stop_signal},
    config::{Config, Heartbeat, Secret},
    demo::{
        folder::{Play, Stage},
        night::Night,
        season,
        slate::Slate,
    },
    domain::ids::RunKey,
};

/// How many times faster than one night's play the season's is: its 26 nights take a few minutes.
const FACTOR: f64 = 6.0;

/// How often the service says that it is alive, by its own clock.
const HEARTBEAT_EVERY: TimeDelta = TimeDelta::minutes(2);

/// Plays the season; exits with 0 once all its nights are told, whatever their verdicts.
///
/// # Errors
///
/// When the service cannot start, or the metrics cannot be written.
pub async fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut recorder = Recorder::new(args.metrics.as_deref())?;
    let (mut config, mut stage) = prepare(args)?;
    config.heartbeat = Some(listen_for_life().await?);
    let nights = Night::all();
    println!("{} nights, one after the other.", nights.len());
    for (number, night) in nights.iter().enumerate() {
        let act = act(&config, &stage, night)?;
        let app = App::open(act.setup())
            .await
            .context("starting the demo's service; another one may be running")?;
        recorder.cut();
        let played = tokio::select! {
            played = script::play(&act, &app, &mut recorder) => played.map(|()| true),
            stopped = stop_signal() => stopped.map(|()| false),
        };
        if !played? {
            app.stop().await;
            recorder.finish()?;
            println!("\nstopped; a season is always played from its first night on");
            return Ok(ExitCode::SUCCESS);
        }
        tell(&act, &app).await?;
        if number + 1 == nights.len() {
            stage.finish()?;
            recorder.finish()?;
            act.clock.set_speed(1.0);
            if !args.exit {
                screen::serving(&app);
                stop_signal().await?;
            }
        }
        app.stop().await;
    }
    Ok(ExitCode::SUCCESS)
}

/// One configuration and one folder for all nights.
fn prepare(args: &Args) -> anyhow::Result<(Config, Stage)> {
    let mut config = channels::configure(args)?;
    config.listen.set_port(args.port);
    let handoff = config
        .handoffs
        .first_mut()
        .ok_or_else(|| anyhow!("the built-in handoff is missing"))?;
    handoff.season = season::calendar(Night::all());
    let first = Night::all()
        .first()
        .ok_or_else(|| anyhow!("no night is remembered"))?;
    let wanted = Play {
        season: true,
        ..Play::of(first.game_date, args.seed)
    };
    let stage = Stage::open(&args.data, wanted)
        .with_context(|| format!("opening {}", args.data.display()))?;
    config.data_dir = stage.path.clone();
    Ok((config, stage))
}

/// A dead man's switch of the play's own, which takes every call: a season's metrics have its instants, too.
async fn listen_for_life() -> anyhow::Result<Heartbeat> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let switch = Router::new().fallback(|| async {});
    // It ends with the process.
    tokio::spawn(async move { axum::serve(listener, switch).await });
    Ok(Heartbeat {
        url: Secret::new(url, "the play"),
        fail_url: None,
        every: HEARTBEAT_EVERY,
    })
}

/// One night of it.
fn act(config: &Config, stage: &Stage, night: &Night) -> anyhow::Result<Act> {
    let mut stage = stage.clone();
    stage.play.night = night.game_date;
    stage.play.game_date = night.game_date;
    let handoff = config
        .handoffs
        .first()
        .ok_or_else(|| anyhow!("the built-in handoff is missing"))?;
    let from = handoff.policy.instants(night.game_date).opens_at - BEFORE_OPENING;
    Ok(Act {
        slate: Slate::generate(night, stage.play.seed),
        night: night.clone(),
        stage,
        clock: Arc::new(WarpClock::new(from, 1.0, false)),
        from,
        config: config.clone(),
        factor: FACTOR,
    })
}

/// The night's line.
async fn tell(act: &Act, app: &App) -> anyhow::Result<()> {
    let key = RunKey {
        handoff: act.config.handoffs[0].id.clone(),
        game_date: act.stage.play.game_date,
    };
    let run = app.engine.shared().store.run(&key).await?;
    println!("{}", screen::night_line(act, run.as_ref()));
    Ok(())
}
