//! Rows as they come in bad nights, made from a seed: repeated, stale, unmatched, without values, with odd names.
//!
//! They decide nothing: what is asked about them belongs to `equivalence`.

use chrono::TimeDelta;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tipoff::{domain::Instant, warehouse::instant_text};

/// A date with every kind of row.
pub const FULL: &str = "2026-01-19";
/// A date of which there are only contexts.
pub const LISTED_ONLY: &str = "2026-01-20";
/// A date of which there is nothing.
pub const EMPTY: &str = "2026-01-21";
/// Names of the upstream; the second has a quote.
pub const PROCESSORS: [&str; 3] = ["ml_feature_store", "o'phase-4", "never_ran"];
/// Projected minutes; several stand right on the limits that are asked for.
const MINUTES: [f64; 6] = [0.0, 9.95, 15.0, 15.1, 15.11, 33.333];
const ODD_NAMES: [&str; 9] = [
    "shaq-o'neal",
    "d\"angelo",
    "karl-anthony-towns",
    "nikolajokić",
    "Zed",
    "a b",
    "back\\slash",
    "_",
    "ÿ",
];
const UNITS: usize = 50;

/// The rows of all four tables.
pub struct Rows(pub Vec<(&'static str, Vec<Value>)>);

/// The same seed makes the same rows.
pub fn made(seed: u64) -> Rows {
    let mut maker = Maker {
        random: StdRng::seed_from_u64(seed),
        number: 0,
    };
    let mut names: Vec<String> = ODD_NAMES.map(str::to_owned).to_vec();
    names.extend((0..UNITS).map(|number| format!("player{number}")));
    let (mut features, mut predictions, mut contexts) = (Vec::new(), Vec::new(), Vec::new());
    for name in &names {
        features.extend(maker.features(name));
        predictions.extend(maker.predictions(name));
        contexts.extend(maker.contexts(name, FULL));
        contexts.extend(maker.contexts(name, LISTED_ONLY));
    }
    Rows(vec![
        ("nba_reference.processor_run_history", maker.runs()),
        ("nba_predictions.ml_feature_store_v2", features),
        ("nba_predictions.player_prop_predictions", predictions),
        ("nba_analytics.upcoming_player_game_context", contexts),
    ])
}

struct Maker {
    random: StdRng,
    number: i64,
}

impl Maker {
    /// An instant that no other row has, so that no order is left to chance.
    fn instant(&mut self) -> Instant {
        self.number += 1;
        let first: Instant = "2026-01-18T00:00:00Z".parse().unwrap();
        let minutes = self.random.random_range(0..48 * 60);
        first + TimeDelta::minutes(minutes) + TimeDelta::microseconds(self.number)
    }

    /// One of ten instants is missing.
    fn instant_maybe(&mut self) -> Value {
        let at = self.instant();
        self.maybe(instant_text(at))
    }

    fn maybe(&mut self, value: impl Into<Value>) -> Value {
        if self.random.random_bool(0.1) {
            Value::Null
        } else {
            value.into()
        }
    }

    fn truth(&mut self) -> Value {
        let truth = self.random.random_bool(0.8);
        self.maybe(truth)
    }

    fn game(&mut self) -> Value {
        let game = self.random.random_range(0..4);
        self.maybe(format!("20260119_G{game}"))
    }

    fn features(&mut self, name: &str) -> Vec<Value> {
        let count = *[0, 1, 1, 1, 2, 3].choose(&mut self.random).unwrap();
        let mut rows: Vec<Value> = (0..count)
            .map(|_| {
                let score = self.random.random_range(0..=400);
                json!({"player_lookup": name, "game_date": FULL, "game_id": self.game(),
                    "is_production_ready": self.truth(), "feature_quality_score": self.maybe(f64::from(score) / 4.0),
                    "feature_version": "v2", "data_quality_issues": ["it's late", "thin"],
                    "circuit_breaker_active": self.truth(), "updated_at": self.instant_maybe()})
            })
            .collect();
        self.repeat_one(&mut rows);
        rows
    }

    fn predictions(&mut self, name: &str) -> Vec<Value> {
        let count = self.random.random_range(0..4);
        let systems = ["xgboost", "catboost", "ensemble", "zone-matchup"];
        let mut rows: Vec<Value> = (0..count)
            .map(|number| {
                json!({"prediction_id": format!("{name}/{number}"), "system_id": systems[number],
                    "player_lookup": name, "game_date": FULL, "game_id": self.game(), "is_active": self.truth(),
                    "created_at": self.instant_maybe()})
            })
            .collect();
        self.repeat_one(&mut rows);
        rows
    }

    /// At most one a game, for which of two contexts of one game is taken is not said.
    fn contexts(&mut self, name: &str, date: &str) -> Vec<Value> {
        let count = *[0, 1, 1, 1, 2].choose(&mut self.random).unwrap();
        let games = [
            Value::Null,
            "20260119_G0".into(),
            "20260119_G1".into(),
            "20260119_G2".into(),
        ];
        let games: Vec<Value> = games
            .choose_multiple(&mut self.random, count)
            .cloned()
            .collect();
        let mut rows: Vec<Value> = games
            .into_iter()
            .map(|game| {
                let minutes = *MINUTES.choose(&mut self.random).unwrap();
                let line = f64::from(self.random.random_range(0..80)) / 2.0;
                json!({"player_lookup": name, "game_id": game, "game_date": date, "team_abbr": self.maybe("LAL"),
                    "opponent_team_abbr": self.maybe("BOS"), "home_game": self.truth(), "has_prop_line": self.truth(),
                    "current_points_line": self.maybe(line), "avg_minutes_per_game_last_7": self.maybe(minutes),
                    "player_status": "active"})
            })
            .collect();
        self.repeat_one(&mut rows);
        rows
    }

    fn runs(&mut self) -> Vec<Value> {
        let statuses = ["success", "partial", "failed", "running", "skipped"];
        let run = |maker: &mut Self, number: usize| {
            let status = statuses[number % statuses.len()];
            let processor = PROCESSORS[number % 2];
            json!({"processor_name": processor, "run_id": format!("run-{number}"), "data_date": FULL,
                "status": status, "records_processed": maker.maybe(number), "started_at": maker.instant_maybe(),
                "processed_at": maker.instant_maybe(), "duration_seconds": maker.maybe(12.5),
                "phase": "phase_4_precompute", "summary": {"said": "it's \"done\""}})
        };
        (0..30).map(|number| run(self, number)).collect()
    }

    /// The same row again, as a writer that tried twice leaves it.
    fn repeat_one(&mut self, rows: &mut Vec<Value>) {
        if self.random.random_bool(0.2) {
            rows.extend(rows.first().cloned());
        }
    }
}
