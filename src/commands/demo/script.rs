//! What happens around the service on a demo's night: the upstream finishes and posts its event, time passes.
//!
//! What the service does about it is its own.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Act, recorder::Recorder, screen::Progress};
use crate::{
    clock::Clock,
    commands::serve::App,
    demo::{
        pace,
        upstream::{FINAL_PROCESSOR, Upstream},
    },
    domain::{
        Instant,
        ids::RunKey,
        run::{Run, State},
    },
};

/// How often the night is looked at, in real time.
const LOOK: std::time::Duration = std::time::Duration::from_millis(5);
/// How often once it runs no faster than the machine's clock: several may be played side by side.
const LOOK_LIVE: std::time::Duration = std::time::Duration::from_millis(200);
/// How long after its deadline a night that still works is followed.
const FOLLOWED: TimeDelta = TimeDelta::minutes(45);
/// How long after the deadline a night at rest is over.
const OVER_AFTER: TimeDelta = TimeDelta::minutes(2);
/// How long after its deadline a night is sampled at least: rules and panels look at what came of it.
const SAMPLED: TimeDelta = TimeDelta::minutes(15);

/// Plays the night to its end.
pub async fn play(act: &Act, app: &App, recorder: &mut Recorder) -> anyhow::Result<()> {
    act.slate.put_listing(&app.warehouse).await?;
    let mut upstream = act
        .slate
        .upstream
        .as_ref()
        .filter(|upstream| upstream.finished_at > act.from);
    if upstream.is_none() && act.slate.upstream.is_some() {
        act.slate.put_finished(&app.warehouse).await?;
    }
    let events: Vec<Instant> = act
        .slate
        .upstream
        .iter()
        .map(|upstream| upstream.finished_at)
        .collect();
    let key = RunKey {
        handoff: act.config.handoffs[0].id.clone(),
        game_date: act.stage.play.game_date,
    };
    let mut progress = Progress::begin(act);
    let mut speed = 1.0;
    loop {
        let now = act.clock.now();
        if let Some(finished) = upstream.filter(|upstream| now >= upstream.finished_at) {
            act.slate.put_finished(&app.warehouse).await?;
            if finished.sends_event {
                post_event(app, finished, now).await?;
            }
            upstream = None;
        }
        let run = app.engine.shared().store.run(&key).await?;
        progress.show(run.as_ref(), now);
        progress.fall_in(act.clock.has_caught_up());
        let tempo = pace::tempo(run.as_ref(), &events, now);
        recorder.look(app, &act.clock, tempo).await?;
        let sampled = |run: &Run| !recorder.records() || now >= run.instants.deadline_at + SAMPLED;
        // A live play is over by the real clock, however early its night was complete.
        let played = !act.is_live() || act.clock.has_caught_up();
        if played && run.is_some_and(|run| is_over(&run, now) && sampled(&run)) {
            act.clock.hold_at(None);
            progress.end();
            return Ok(());
        }
        let wanted = tempo.speed() * act.factor;
        if wanted != speed {
            speed = wanted;
            act.clock.set_speed(speed);
        }
        let live = act.clock.has_caught_up();
        tokio::time::sleep(if live { LOOK_LIVE } else { LOOK }).await;
    }
}

/// Whether the story can be told: the verdict is in, and nothing more is under way.
fn is_over(run: &Run, now: Instant) -> bool {
    let deadline_at = run.instants.deadline_at;
    let over = now >= deadline_at + OVER_AFTER;
    match (&run.ruling, run.state) {
        (_, State::NotExpected) => over,
        (Some(ruling), State::Complete) if ruling.kept => true,
        (Some(_), _) if over && run.is_settled() => true,
        (Some(_), _) => now >= deadline_at + FOLLOWED,
        (None, _) => false,
    }
}

/// Posts the upstream's completion as Pub/Sub pushes it.
async fn post_event(app: &App, upstream: &Upstream, now: Instant) -> anyhow::Result<()> {
    let event = json!({
        "event_type": "phase4_complete",
        "processor": FINAL_PROCESSOR,
        "game_date": upstream.game_date,
        "players_processed": upstream.processed,
        "players_ready": upstream.ready,
        "timestamp": upstream.finished_at,
        "run_id": upstream.run_id,
    });
    let push: Value = json!({
        "message": {
            "data": STANDARD.encode(event.to_string()),
            "messageId": format!("demo-{}", upstream.run_id),
            "publishTime": now,
        },
        "subscription": "projects/demo/subscriptions/nba-phase5-trigger-sub",
    });
    let url = format!("http://{}/trigger", app.address);
    let response = reqwest::Client::new().post(url).json(&push).send().await?;
    anyhow::ensure!(
        response.status().is_success(),
        "the service refused the event: {}",
        response.status()
    );
    Ok(())
}
