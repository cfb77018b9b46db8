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

#[cfg(test)]
mod tests {
    use super::{Expectation, GameDate, Instant, NaiveDate, Season, Zone, game_date, opens_at};

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn instant(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_date_inside_the_span_can_be_without_games() {
        let season = Season {
            from: date("2025-10-21"),
            until: date("2026-04-12"),
            without_games: [date("2025-11-27")].into(),
        };
        for (day, expected) in [
            ("2025-10-20", Expectation::Unknown),
            ("2025-10-21", Expectation::Games),
            ("2025-11-27", Expectation::NoGames),
            ("2026-04-12", Expectation::Games),
            ("2026-04-13", Expectation::Unknown),
        ] {
            assert_eq!(season.expectation(GameDate(date(day))), expected, "{day}");
        }
    }

    #[test]
    fn five_in_the_afternoon_pacific_is_still_today() {
        let new_york: Zone = "America/New_York".parse().unwrap();
        let five_pm = instant("2026-01-20T01:00:00Z");
        assert_eq!(game_date(five_pm, &new_york), GameDate(date("2026-01-19")));
        assert_eq!(
            game_date(instant("2026-01-20T04:59:59.999999Z"), &new_york),
            GameDate(date("2026-01-19"))
        );
        assert_eq!(
            game_date(instant("2026-01-20T05:00:00Z"), &new_york),
            GameDate(date("2026-01-20"))
        );
    }

    #[test]
    fn a_date_opens_at_midnight_or_at_its_first_instant() {
        for (zone, day, opens) in [
            ("America/New_York", "2026-01-19", "2026-01-19T05:00:00Z"),
            ("America/New_York", "2026-03-08", "2026-03-08T05:00:00Z"),
            ("America/New_York", "2025-11-02", "2025-11-02T04:00:00Z"),
            // Cairo's clocks skip the first hour of that day.
            ("Africa/Cairo", "2025-04-25", "2025-04-24T22:00:00Z"),
            // Samoa left out that day whole.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ] {
            let zone: Zone = zone.parse().unwrap();
            assert_eq!(
                opens_at(GameDate(date(day)), &zone),
                instant(opens),
                "{zone} {day}"
            );
        }
    }

    #[test]
    fn a_date_that_opens_is_today_from_that_instant_on() {
        for tz in chrono_tz::TZ_VARIANTS {
            let zone = Zone::Named(tz);
            for day in date("2024-12-31").iter_days().take(800).map(GameDate) {
                let opens = opens_at(day, &zone);
                assert_eq!(game_date(opens, &zone), day, "{zone}");
            }
        }
    }
}
