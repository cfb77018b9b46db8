//! Tonight's tables and configuration: who is listed, who is ready, and what will become of each.
//!
//! Writing them belongs to `night`.

use std::net::SocketAddr;

use chrono::Timelike;
use tipoff::{
    clock::{Clock, SystemClock},
    domain::{
        Instant,
        ids::{GameDate, GameId},
    },
    warehouse::{ContextRow, FeatureRow},
};

use crate::support::rows;

/// Games of the night.
const GAMES: usize = 7;

/// How a night differs from the usual one.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Units that will be ready.
    pub units: usize,
    /// Listed units that never become ready.
    pub never_ready: usize,
    /// Listed units that the filter takes out.
    pub filtered: usize,
    /// Most units in flight.
    pub in_flight_max: usize,
    /// Some units fail at their first attempt.
    pub failing: bool,
    /// What failed is sent again so many seconds later.
    pub retry_seconds: u64,
    /// Where people are told; `None`: on the console.
    pub hook: Option<SocketAddr>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            units: 120,
            never_ready: 6,
            filtered: 8,
            in_flight_max: 1_000,
            failing: false,
            retry_seconds: 1,
            hook: None,
        }
    }
}

/// What becomes of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Predicted, perhaps later than the others.
    Predicts { late: bool },
    /// Skipped for good.
    Skips(&'static str),
    /// Failed.
    Fails,
}

/// Names are data: some hold what a header, a path or SQL could stumble over.
pub fn unit(number: usize) -> String {
    match number % 10 {
        3 => format!("karl-anthony-{number:03}"),
        7 => format!("o'neal \u{1f3c0}/%{number:03}"),
        _ => format!("player{number:03}"),
    }
}

fn number(unit: &str) -> usize {
    unit[unit.len() - 3..].parse().unwrap()
}

/// What becomes of this unit; `failing`: at an attempt at which some fail.
pub fn fate(unit: &str, failing: bool) -> Fate {
    let number = number(unit);
    match (number % 9, number % 13) {
        (4, _) if number.is_multiple_of(2) => Fate::Skips("player_injury_out"),
        (4, _) => Fate::Skips("no_prop_lines"),
        (_, 6) if failing => Fate::Fails,
        _ => Fate::Predicts {
            late: number % 11 == 2,
        },
    }
}

/// Who plays tonight.
pub fn contexts(plan: &Plan, game_date: GameDate) -> Vec<ContextRow> {
    let filtered = plan.units + plan.never_ready;
    let row = |number: usize| ContextRow {
        game_id: GameId::new(format!("game{}", number % GAMES)),
        home_game: number.is_multiple_of(2),
        avg_minutes_per_game_last_7: Some(if number < filtered { 31.0 } else { 5.0 }),
        ..rows::context(&unit(number), game_date)
    };
    (0..filtered + plan.filtered).map(row).collect()
}

/// Their features, once the upstream has finished.
pub fn features(plan: &Plan, game_date: GameDate, now: Instant) -> Vec<FeatureRow> {
    let never = plan.units..plan.units + plan.never_ready;
    let contexts = contexts(plan, game_date);
    let row = |(number, context): (usize, &ContextRow)| FeatureRow {
        is_production_ready: !never.contains(&number),
        ..rows::feature(context, now)
    };
    contexts.iter().enumerate().map(row).collect()
}

/// A zone in which it is past noon now: the deadline is hours ahead, and no midnight is near.
pub fn zone() -> String {
    let hours = 12 - i64::from(SystemClock.now().hour());
    format!("{hours:+03}:00")
}

/// The configuration: the shipped handoff on this zone's clock, in a hurry.
pub fn config(plan: &Plan, zone: &str, workers: SocketAddr) -> String {
    let Plan {
        in_flight_max,
        retry_seconds,
        ..
    } = plan;
    let hook = plan.hook.map(|hook| {
        format!("[channels.hook]\nkind = \"webhook\"\nurl = \"http://{hook}/\"\nmessages_per_hour = 1000000\n")
    });
    let channels = hook.unwrap_or_default();
    format!(
        r#"
log_format = "json"
[listen]
port = 0
{channels}[[handoffs]]
id = "phase4-to-phase5"
calendar_zone = "{zone}"
season = "none"
sink = {{ http = {{ url = "http://{workers}/" }} }}
[handoffs.schedule]
zone = "{zone}"
deadline = "17:00"
backup = "16:00"
retries = ["16:15", "16:30"]
[handoffs.readiness]
poll = "1s"
[handoffs.pace]
start_per_second = 200.0
full_per_second = 200.0
in_flight_max = {in_flight_max}
[handoffs.completion]
reconcile_every = "1s"
[handoffs.retry]
automatic_delay = "{retry_seconds}s"
"#
    )
}
