//! A month of nights in one running service, by a clock that is moved: what it holds after the last ones is what it
//! held after the first ones.
//!
//! Whether each night is done right is tested elsewhere; a program that ends and starts again forgets, so this one
//! runs on.

use std::time::Duration;

use chrono::{Days, TimeDelta};
use serde_json::json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, sqlite::SqliteConnectOptions};
use tipoff::{
    clock::Clock,
    domain::{
        ids::{GameDate, HandoffId, RunKey},
        run::State,
    },
    ports::store::Store,
    telemetry::catalogue::{SERIES_A_HANDOFF_MAX, SERIES_FIXED_MAX},
    warehouse::{ContextRow, FeatureRow},
};

mod judge;
mod sample;
#[allow(dead_code, unused_imports)] // The other tests use more of it.
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/tried.rs"]
mod tried;

use judge::{COMPARED, WARM_UP, grown};
use sample::Sample;
use support::{BEGIN, Differs, TONIGHT, TestApp, context, date, feature, instant};

/// Units of a night; about as many as a night of the platform has.
const UNITS: usize = 200;
/// One night in so many hears of no upstream: people are told.
const SILENT_EVERY: u64 = 6;
/// Units are sent as fast as the sink takes them.
const CONFIG: &str = r#"
[[handoffs]]
id = "phase4-to-phase5"
[handoffs.pace]
start_per_second = 1000000.0
full_per_second = 1000000.0
in_flight_max = 1000000
"#;
/// Between two looks at the calendar by day.
const STRIDE: TimeDelta = TimeDelta::minutes(20);

fn key(game_date: GameDate) -> RunKey {
    RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date,
    }
}

/// Lists the night's players, each with its features.
async fn list(app: &TestApp, game_date: GameDate) {
    let names: Vec<String> = (0..UNITS)
        .map(|number| format!("player{number:04}"))
        .collect();
    let contexts: Vec<_> = names
        .iter()
        .map(|name| ContextRow {
            game_date,
            ..context(name)
        })
        .collect();
    let features: Vec<_> = names
        .iter()
        .map(|name| FeatureRow {
            game_date,
            ..feature(name, app.clock.now())
        })
        .collect();
    app.warehouse.put_contexts(&contexts).await.expect("listed");
    app.warehouse.put_features(&features).await.expect("ready");
}

/// A night from its upstream's event to its last answer: most come in one body, some one by one, some twice.
async fn play(app: &TestApp, game_date: GameDate) {
    list(app, game_date).await;
    let event = json!({
        "processor_name": "MLFeatureStoreProcessor", "phase": "phase_4_precompute", "execution_id": "x1",
        "game_date": game_date, "status": "success", "timestamp": app.clock.now(),
    });
    let started = app.post_json("/trigger", event).await;
    assert_eq!(started.status, 202, "{game_date}: {started:?}");
    app.until_of(&key(game_date), |run| run.state == State::Running)
        .await;
    let lines: Vec<String> = app
        .sink
        .take()
        .iter()
        .map(|request| {
            json!({
                "player_lookup": request.unit.unit, "game_date": game_date, "predictions_generated": 0,
                "batch_id": request.batch_id, "outcome": "skipped", "reason": "player_injury_out",
            })
            .to_string()
        })
        .collect();
    assert_eq!(lines.len(), UNITS, "{game_date}");
    let (single, many) = lines.split_at(20);
    for line in single {
        assert_eq!(app.post("/complete", line.clone()).await.status, 200);
    }
    app.post("/complete", many.join("\n")).await;
    app.post("/complete", lines.join("\n")).await;
    app.post("/complete", format!("not a completion of {game_date}"))
        .await;
    app.until_of(&key(game_date), |run| run.state == State::Complete)
        .await;
}

/// Everything until the next night's hour: timers, reports, alerts, the closing of older nights.
async fn pass_until(app: &TestApp, next: tipoff::domain::Instant) {
    while app.clock.now() < next {
        app.clock.set(next.min(app.clock.now() + STRIDE));
        let ticked = app.post("/tick", "").await;
        assert_eq!(ticked.status, 200, "{ticked:?}");
    }
}

/// Takes the rows of past nights out of the tables. They are the platform's, not the service's: what SQLite keeps of
/// them in its cache, up to the 64 MiB that the embedded warehouse allows it, is no growth of the service.
async fn clear_tables(app: &TestApp) {
    for (file, table) in [
        ("nba_analytics.sqlite", "upcoming_player_game_context"),
        ("nba_predictions.sqlite", "ml_feature_store_v2"),
    ] {
        let options = SqliteConnectOptions::new()
            .filename(app.folder.path().join("warehouse").join(file))
            .busy_timeout(Duration::from_secs(30));
        let mut tables = options.connect().await.expect("the tables");
        let text = format!("DELETE FROM {table}");
        let cleared = tables.execute(AssertSqlSafe(text)).await;
        assert_eq!(cleared.expect("cleared").rows_affected(), UNITS as u64);
        tables.close().await.expect("closed");
    }
}

struct Month {
    samples: Vec<Sample>,
    played: usize,
    silent: usize,
    empty: usize,
}

async fn month(nights: u64) -> Month {
    let app = TestApp::start_as(Differs {
        config: CONFIG,
        token: false,
    })
    .await;
    let mut month = Month {
        samples: Vec::new(),
        played: 0,
        silent: 0,
        empty: 0,
    };
    let mut bytes = sample::store_bytes(&app).await;
    for number in 0..nights {
        let day = date(TONIGHT).0 + Days::new(number);
        let game_date = GameDate(day);
        pass_until(&app, instant(BEGIN) + Days::new(number)).await;
        let run = app.store.run(&key(game_date)).await.expect("the store");
        match run.map(|run| run.state) {
            Some(State::NotExpected) => month.empty += 1,
            _ if number % SILENT_EVERY == SILENT_EVERY - 1 => month.silent += 1,
            _ => {
                play(&app, game_date).await;
                clear_tables(&app).await;
                month.played += 1;
            }
        }
        pass_until(&app, app.clock.now() + TimeDelta::hours(12)).await;
        let (sample, now) = sample::take(&app, bytes).await;
        println!("{game_date} {sample:?}");
        bytes = now;
        month.samples.push(sample);
    }
    month
}

/// Plays so many nights and compares those at both ends.
async fn stays_flat(nights: u64) {
    let month = month(nights).await;
    assert!(month.played > 0 && month.silent > 0, "some of each");
    let found = grown(&month.samples);
    assert!(found.is_empty(), "{found:#?}");
    let most = |of: fn(&Sample) -> f64| month.samples.iter().map(of).fold(0.0, f64::max);
    let series = most(|it| it.series);
    // Those of the process are beside the budget; there are fewer than ten.
    let budget = SERIES_FIXED_MAX + SERIES_A_HANDOFF_MAX + 10;
    assert!(series <= budget as f64, "{series} series");
    let last = month.samples.last().expect("a night");
    tried::record(
        &format!("{nights} nights in one service"),
        &format!(
            "{} played with {UNITS} units each, {} without an upstream, {} without games",
            month.played, month.silent, month.empty
        ),
        &format!(
            "flat: memory {:.0} MB, {} handles, {} threads, {} tasks, {series} series in {:.0} kB; the store grew by at \
             most {:.0} kB a night",
            last.memory_bytes / 1e6,
            last.handles,
            last.threads,
            last.tasks,
            last.metrics_bytes / 1e3,
            most(|it| it.night_bytes) / 1e3,
        ),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_month_of_nights_leaves_nothing_behind_but_its_rows() {
    stays_flat((WARM_UP + 2 * COMPARED + 8) as u64).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "to the end of the season: minutes; ./test --long"]
async fn eighty_nights_leave_nothing_behind_but_their_rows() {
    stays_flat(80).await;
}
