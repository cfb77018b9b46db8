//! A service that has nothing to do: what it costs, and how fast it is scraped with three seasons behind it.
//!
//! What it does in a night belongs to `night` and `completions`.

use std::time::{Duration, Instant};

use chrono::Days;
use tipoff::{
    domain::{
        ids::{GameDate, GameId, HandoffId, RunKey, UnitId},
        plan::ListedUnit,
    },
    ports::store::{StagePage, Store},
    store::SqliteStore,
};

use super::{
    figure::{Figure, Wanted, quantile},
    load::Connection,
    night::Night,
    program::Program,
};

/// Nights of three seasons.
const NIGHTS: u64 = 500;
/// Units of each.
const UNITS: usize = 500;
/// Scrapes, a few a second.
const SCRAPES: usize = 200;
/// How long after its start and its last question a service is at rest.
const REST: Duration = Duration::from_secs(60);
/// How long it is watched then.
const WATCH: Duration = Duration::from_secs(30);

/// A night that was played, and three seasons like it before it.
pub struct Seasons {
    night: tempfile::TempDir,
}

impl Seasons {
    /// Plays the night, and copies it with its history and its units to the dates before.
    pub async fn fill() -> Self {
        let night = Night::begin(UNITS, 1).await;
        night.play(UNITS).await;
        let game_date = night.game_date;
        let folder = night.end().await;
        let store = SqliteStore::open(&folder.path().join("data/state.sqlite")).await;
        copy(&store.expect("its store"), game_date).await;
        Self { night: folder }
    }

    /// How fast the program is scraped, and what it costs at rest.
    pub async fn measure(&self) -> Vec<Figure> {
        let program = Program::start(self.night.path()).await;
        let mut scraper = Connection::open(&program.address).await;
        scraper.get("/metrics").await;
        let mut scrapes = Vec::new();
        for _ in 0..SCRAPES {
            let since = Instant::now();
            scraper.get("/metrics").await;
            scrapes.push(since.elapsed());
        }
        tokio::time::sleep(REST).await;
        let (cpu, since) = (program.cpu_seconds(), Instant::now());
        tokio::time::sleep(WATCH).await;
        let share = (program.cpu_seconds() - cpu) / since.elapsed().as_secs_f64();
        let what = format!("/metrics with {NIGHTS} nights behind it");
        let first = Instant::now();
        scraper.get("/metrics").await;
        let first = quantile(&[first.elapsed()], 0.5);
        vec![
            Figure::new(
                format!("{what}, p50"),
                "ms",
                Wanted::AtMost(2.0),
                quantile(&scrapes, 0.5),
            ),
            Figure::new(
                format!("{what}, p99"),
                "ms",
                Wanted::Known,
                quantile(&scrapes, 0.99),
            ),
            Figure::new(
                format!("{what}, when those nights are read again, once a minute"),
                "ms",
                Wanted::Known,
                first,
            ),
            Figure::new(
                "at rest, a minute after the start and the last scrape",
                "% of a core",
                Wanted::AtMost(1.0),
                share * 100.0,
            ),
        ]
    }
}

async fn copy(store: &SqliteStore, game_date: GameDate) {
    let key = |game_date| RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date,
    };
    let run = store.run(&key(game_date)).await.expect("runs");
    let run = run.expect("the night's run");
    let history = store.history(&run.key).await.expect("its history");
    let units: Vec<ListedUnit> = (0..UNITS).map(unit).collect();
    for days in 1..=NIGHTS {
        let key = key(GameDate(game_date.0 - Days::new(days)));
        let mut past = run.clone();
        past.key = key.clone();
        past.closed_at = Some(run.opened_at);
        let mut transaction = store.begin().await.expect("a transaction");
        let page = StagePage {
            key: &key,
            wave: 1,
            units: &units,
            is_first: false,
            attempts_max: 3,
            units_max: None,
            deadline_at: run.instants.deadline_at,
        };
        transaction.stage(page).await.expect("units");
        for entry in &history {
            let mut entry = entry.clone();
            entry.key = key.clone();
            transaction.append(&entry).await.expect("an entry");
        }
        let saved = transaction.save_run(&past, None).await;
        saved.expect("a run");
        transaction.commit().await.expect("a commit");
    }
}

fn unit(number: usize) -> ListedUnit {
    ListedUnit {
        unit: UnitId::new(format!("player{number:07}")),
        game_id: GameId::new(format!("game{}", number % 12)),
        team_abbr: Some("LAL".to_owned()),
        opponent_team_abbr: Some("DEN".to_owned()),
        is_home: Some(true),
        projected_minutes: Some(31.0),
        has_prop_line: Some(true),
        actual_prop_line: Some(24.5),
        has_row: false,
    }
}
