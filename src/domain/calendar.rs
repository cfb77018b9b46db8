//! Which date a run is for, when that date opens, and which dates have no games.
//!
//! Reading the season file belongs to `config`; games listed in tables belong to `readiness`.

use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveTime};
use serde::{Deserialize, Serialize};

use super::{Instant, ids::GameDate, schedule::WallTime, zone::Zone};

/// What the season file says of a date. An unknown date is treated as one with games.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// There are games.
    Games,
    /// There are none; only a season file may say so.
    NoGames,
    /// The date lies outside the season file's span.
    Unknown,
}

/// A season: its span, and the dates in it that have no games.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Season {
    /// The first date the file speaks of, included.
    pub from: NaiveDate,
    /// The last date the file speaks of, included.
    pub until: NaiveDate,
    /// Dates of the span without games.
    pub without_games: BTreeSet<NaiveDate>,
}

impl Season {
    /// What is to be expected of a date.
    pub fn expectation(&self, game_date: GameDate) -> Expectation {
        let GameDate(date) = game_date;
        if !(self.from..=self.until).contains(&date) {
            Expectation::Unknown
        } else if self.without_games.contains(&date) {
            Expectation::NoGames
        } else {
            Expectation::Games
        }
    }
}

/// The game date of an instant: the calendar day in the calendar's zone. There is no other way to get "today".
pub fn game_date(now: Instant, zone: &Zone) -> GameDate {
    zone.date(now)
}

/// The instant a game date opens: its 00:00 in the calendar's zone, or its first instant where the clock skips that.
pub fn opens_at(game_date: GameDate, zone: &Zone) -> Instant {
    WallTime::new(NaiveTime::MIN, *zone).instant_on(game_date.0)
}
