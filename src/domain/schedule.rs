//! A daily wall time, and the instants it falls on when the clocks change.
//!
//! Every schedule here is daily; what is done at an occurrence belongs to `run`, firing it to the engine.

use std::{fmt, str::FromStr};

use chrono::{NaiveDate, NaiveTime, Timelike};
use serde::{Deserialize, Serialize};

use super::{
    Instant,
    zone::{LocalTime, UnknownZone, Zone},
};

/// What happens to a wall time that the clock skips.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// It falls on the first instant after the gap.
    #[default]
    Next,
    /// It does not happen on that date.
    Skip,
}

/// What happens to a wall time that the clock shows twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// It falls on the earlier instant.
    #[default]
    First,
    /// It falls on the later instant.
    Second,
    /// It falls on both.
    Both,
}

/// A time of day in a zone; as data a text, for example `07:00 America/Los_Angeles` or
/// `02:30 America/New_York gap=skip overlap=both`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WallTime {
    /// What the clock shows.
    pub at: NaiveTime,
    /// Whose clock.
    pub zone: Zone,
    /// What happens on a date on which the clock skips it.
    pub gap: Gap,
    /// What happens on a date on which the clock shows it twice.
    pub overlap: Overlap,
}

/// A text that is no wall time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWallTime {
    /// Its time of day cannot be read.
    #[error(
        "{0:?} is not a time of day: write hours and minutes such as \"06:00\", or with a zone \"06:00 America/New_York\""
    )]
    Time(String),
    /// Its zone cannot be read.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// It has no zone where one is needed.
    #[error(
        "{0:?} has no zone: write one after the time of day, such as \"06:00 America/New_York\""
    )]
    NoZone(String),
    /// It ends in something else than its two rules.
    #[error(
        "{0:?} is no rule of a wall time: write gap=next or gap=skip, overlap=first, overlap=second or overlap=both"
    )]
    Rule(String),
}

impl WallTime {
    /// A wall time with the default rules: after a gap, and the first of two.
    pub fn new(at: NaiveTime, zone: Zone) -> Self {
        Self {
            at,
            zone,
            gap: Gap::default(),
            overlap: Overlap::default(),
        }
    }

    /// Reads `06:00`, which is in `zone`, or `06:00 America/New_York`; either may go on with rules such as `gap=skip`.
    ///
    /// # Errors
    ///
    /// Says what to write when the time of day, the zone or a rule cannot be read, or no zone is known.
    pub fn parse(text: &str, zone: Option<Zone>) -> Result<Self, BadWallTime> {
        let mut words = text.split_whitespace().peekable();
        let time = words.next().unwrap_or_default();
        let at = NaiveTime::parse_from_str(time, "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M:%S%.f"))
            .map_err(|_| BadWallTime::Time(text.to_owned()))?;
        let named = words.next_if(|word| !word.contains('='));
        let zone = match named {
            Some(name) => name.parse()?,
            None => zone.ok_or_else(|| BadWallTime::NoZone(text.to_owned()))?,
        };
        let mut read = Self::new(at, zone);
        for rule in words {
            match rule {
                "gap=next" => read.gap = Gap::Next,
                "gap=skip" => read.gap = Gap::Skip,
                "overlap=first" => read.overlap = Overlap::First,
                "overlap=second" => read.overlap = Overlap::Second,
                "overlap=both" => read.overlap = Overlap::Both,
                other => return Err(BadWallTime::Rule(other.to_owned())),
            }
        }
        Ok(read)
    }

    /// The instants of this wall time on `date`, earliest first: none (skipped), one, or two (shown twice).
    ///
    /// A date that the zone left out whole is one long gap.
    pub fn instants_on(&self, date: NaiveDate) -> Vec<Instant> {
        match self.zone.instants_of(date.and_time(self.at)) {
            LocalTime::Once(at) => vec![at],
            LocalTime::Twice { first, second } => match self.overlap {
                Overlap::First => vec![first],
                Overlap::Second => vec![second],
                Overlap::Both => vec![first, second],
            },
            LocalTime::Never { gap_ends_at } => match self.gap {
                Gap::Next => vec![gap_ends_at],
                Gap::Skip => Vec::new(),
            },
        }
    }

    /// The one instant of this wall time on `date`, for a promise: a gap never removes it, and of two it is the
    /// first unless [`Overlap::Second`] is set.
    pub fn instant_on(&self, date: NaiveDate) -> Instant {
        match self.zone.instants_of(date.and_time(self.at)) {
            LocalTime::Once(at) | LocalTime::Never { gap_ends_at: at } => at,
            LocalTime::Twice { first, second } => match self.overlap {
                Overlap::First | Overlap::Both => first,
                Overlap::Second => second,
            },
        }
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.second() == 0 && self.at.nanosecond() == 0 {
            write!(f, "{} {}", self.at.format("%H:%M"), self.zone)?;
        } else {
            write!(f, "{} {}", self.at.format("%H:%M:%S%.f"), self.zone)?;
        }
        match self.gap {
            Gap::Next => {}
            Gap::Skip => f.write_str(" gap=skip")?,
        }
        match self.overlap {
            Overlap::First => Ok(()),
            Overlap::Second => f.write_str(" overlap=second"),
            Overlap::Both => f.write_str(" overlap=both"),
        }
    }
}

impl FromStr for WallTime {
    type Err = BadWallTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, None)
    }
}

impl TryFrom<String> for WallTime {
    type Error = BadWallTime;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<WallTime> for String {
    fn from(time: WallTime) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::{NaiveDateTime, TimeDelta};

    use super::{BadWallTime, Gap, Instant, NaiveDate, Overlap, WallTime, Zone};

    fn instant(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn wall_time(text: &str, gap: Gap, overlap: Overlap) -> WallTime {
        WallTime {
            gap,
            overlap,
            ..text.parse().unwrap()
        }
    }

    fn distance(zone: &Zone, at: Instant) -> TimeDelta {
        zone.local(at) - at.naive_utc()
    }

    /// The first second, by bisection, of the other distance from UTC that a zone has at `high`.
    fn bisect(zone: &Zone, mut low: Instant, mut high: Instant) -> Instant {
        let before = distance(zone, low);
        while high - low > TimeDelta::seconds(1) {
            let middle = low + TimeDelta::seconds((high - low).num_seconds() / 2);
            if distance(zone, middle) == before {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// The first second of each other distance from UTC.
    fn transitions(zone: &Zone) -> Vec<Instant> {
        let end = instant("2038-01-01T00:00:00Z");
        let mut before = instant("2000-01-01T00:00:00Z");
        let mut distance_before = distance(zone, before);
        let mut found = Vec::new();
        while before < end {
            let after = before + TimeDelta::days(5);
            let distance_after = distance(zone, after);
            if distance_before != distance_after {
                found.push(bisect(zone, before, after));
            }
            (before, distance_before) = (after, distance_after);
        }
        found
    }

    /// The wall times worth asking around a transition: outside, on each edge, a second beside it, and inside.
    fn wall_times_around(zone: &Zone, transition: Instant) -> BTreeSet<NaiveDateTime> {
        let edges = [
            zone.local(transition - TimeDelta::seconds(1)) + TimeDelta::seconds(1),
            zone.local(transition),
        ];
        let middle = edges[0] + (edges[1] - edges[0]) / 2;
        let mut times = BTreeSet::from([middle]);
        for edge in edges {
            for beside in [-7_200, -1, 0, 1, 7_200] {
                times.insert(edge + TimeDelta::seconds(beside));
            }
        }
        times
    }

    /// What the clock shows at each hour for more than a day on both sides of a transition, and at the transition.
    fn scan(zone: &Zone, transition: Instant) -> Vec<(Instant, NaiveDateTime)> {
        (-27..=27)
            .map(|hour| transition + TimeDelta::hours(hour))
            .map(|at| (at, zone.local(at)))
            .collect()
    }

    /// The model: the instants at which the clock shows `local`, tried under each distance from UTC that the scan
    /// saw, and the first instant of the scan at which it shows more.
    fn model(
        zone: &Zone,
        scan: &[(Instant, NaiveDateTime)],
        local: NaiveDateTime,
    ) -> (BTreeSet<Instant>, Option<Instant>) {
        let distances: BTreeSet<TimeDelta> = scan
            .iter()
            .map(|(at, shown)| *shown - at.naive_utc())
            .collect();
        let shown = distances
            .into_iter()
            .map(|distance| local.and_utc() - distance)
            .filter(|at| zone.local(*at) == local)
            .collect();
        let past = scan.iter().find(|(_, shown)| *shown > local);
        (shown, past.map(|(at, _)| *at))
    }

    fn expected(
        shown: &BTreeSet<Instant>,
        past: Option<Instant>,
        gap: Gap,
        overlap: Overlap,
    ) -> Vec<Instant> {
        let shown: Vec<Instant> = shown.iter().copied().collect();
        match (shown.as_slice(), gap, overlap) {
            ([], Gap::Next, _) => vec![past.unwrap()],
            ([], Gap::Skip, _) => Vec::new(),
            ([one], _, _) => vec![*one],
            ([first, ..], _, Overlap::First) => vec![*first],
            ([.., last], _, Overlap::Second) => vec![*last],
            (both, _, Overlap::Both) => both.to_vec(),
        }
    }

    /// Every setting of each kind: a wall time meets a gap or an overlap, never both.
    const SETTINGS: [(Gap, Overlap); 3] = [
        (Gap::Next, Overlap::First),
        (Gap::Skip, Overlap::Second),
        (Gap::Next, Overlap::Both),
    ];

    fn check_transition(zone: Zone, transition: Instant) {
        let scan = scan(&zone, transition);
        for local in wall_times_around(&zone, transition) {
            let (shown, past) = model(&zone, &scan, local);
            for (gap, overlap) in SETTINGS {
                let wall_time = WallTime {
                    at: local.time(),
                    zone,
                    gap,
                    overlap,
                };
                assert_eq!(
                    wall_time.instants_on(local.date()),
                    expected(&shown, past, gap, overlap),
                    "{zone} {local} {gap:?} {overlap:?}"
                );
            }
        }
    }

    /// In four parts, to use more than one processor. Each holds as many changes as database 2025b has; fewer would
    /// mean that the search misses some.
    #[rstest::rstest]
    #[case(0, 4_278)]
    #[case(1, 4_416)]
    #[case(2, 4_298)]
    #[case(3, 4_356)]
    fn every_clock_change_of_every_zone_until_2037_agrees_with_a_scan_of_the_clock(
        #[case] part: usize,
        #[case] changes_min: usize,
    ) {
        let mut changes = 0;
        for tz in chrono_tz::TZ_VARIANTS.iter().skip(part).step_by(4) {
            let zone = Zone::Named(*tz);
            for transition in transitions(&zone) {
                check_transition(zone, transition);
                changes += 1;
            }
        }
        assert!(changes >= changes_min, "{changes}");
    }

    #[test]
    fn a_promise_has_one_instant_on_every_date_of_every_zone() {
        let from = NaiveDate::from_ymd_opt(2011, 12, 25).unwrap();
        for zone in chrono_tz::TZ_VARIANTS.map(Zone::Named) {
            let promise = WallTime {
                gap: Gap::Skip,
                overlap: Overlap::Both,
                ..WallTime::parse("02:30", Some(zone)).unwrap()
            };
            let mut before: Option<Instant> = None;
            for date in from.iter_days().take(370) {
                let at = promise.instant_on(date);
                assert!(before.is_none_or(|before| at > before), "{zone} {date}");
                before = Some(at);
            }
        }
    }

    #[test]
    fn a_promise_at_a_time_shown_twice_is_the_first_unless_the_second_is_wanted() {
        // The clocks of Los Angeles go back from 02:00 to 01:00.
        let autumn = "2025-11-02".parse().unwrap();
        for (overlap, at) in [
            (Overlap::First, "2025-11-02T08:30:00Z"),
            (Overlap::Both, "2025-11-02T08:30:00Z"),
            (Overlap::Second, "2025-11-02T09:30:00Z"),
        ] {
            let promise = wall_time("01:30 America/Los_Angeles", Gap::Next, overlap);
            assert_eq!(promise.instant_on(autumn), instant(at), "{overlap:?}");
        }
    }

    #[test]
    fn the_deadline_moves_by_an_hour_in_utc_when_the_clocks_change() {
        let deadline = wall_time("07:00 America/Los_Angeles", Gap::Next, Overlap::First);
        for (date, at) in [
            ("2025-11-01", "2025-11-01T14:00:00Z"),
            ("2025-11-02", "2025-11-02T15:00:00Z"),
            ("2026-03-07", "2026-03-07T15:00:00Z"),
            ("2026-03-08", "2026-03-08T14:00:00Z"),
        ] {
            assert_eq!(
                deadline.instants_on(date.parse().unwrap()),
                [instant(at)],
                "{date}"
            );
        }
    }

    #[test]
    fn a_day_that_a_zone_left_out_is_one_long_gap() {
        let left_out = "2011-12-30".parse().unwrap();
        for time in ["00:00", "07:00", "23:59:59"] {
            let text = format!("{time} Pacific/Apia");
            assert_eq!(
                wall_time(&text, Gap::Next, Overlap::First).instants_on(left_out),
                [instant("2011-12-30T10:00:00Z")]
            );
            assert!(
                wall_time(&text, Gap::Skip, Overlap::First)
                    .instants_on(left_out)
                    .is_empty()
            );
        }
    }

    #[test]
    fn a_fraction_of_a_second_in_a_gap_falls_on_the_same_first_instant() {
        let time = wall_time("02:30 America/New_York", Gap::Next, Overlap::First);
        let odd = WallTime {
            at: time.at + TimeDelta::microseconds(999_999),
            ..time
        };
        let date = "2026-03-08".parse().unwrap();
        assert_eq!(odd.instants_on(date), [instant("2026-03-08T07:00:00Z")]);
        assert_eq!(odd.instants_on(date), time.instants_on(date));
    }

    #[test]
    fn a_wall_time_without_a_zone_is_in_the_one_given() {
        let zone: Zone = "America/Los_Angeles".parse().unwrap();
        for (written, read) in [
            ("06:00", "06:00 America/Los_Angeles"),
            ("07:00 America/New_York", "07:00 America/New_York"),
            ("06:00 gap=skip", "06:00 America/Los_Angeles gap=skip"),
        ] {
            let time = WallTime::parse(written, Some(zone)).unwrap();
            assert_eq!(time.to_string(), read);
        }
        assert!(matches!(
            "06:00".parse::<WallTime>(),
            Err(BadWallTime::NoZone(_))
        ));
    }

    #[test]
    fn a_wall_time_reads_back_as_it_was_written() {
        for written in [
            "07:00 America/Los_Angeles",
            "07:00:30 -07:00",
            "02:30:00.500 Europe/Berlin gap=skip overlap=both",
            "02:30 Europe/Berlin overlap=second",
        ] {
            let time: WallTime = written.parse().unwrap();
            assert_eq!(serde_json::to_value(time).unwrap(), written);
        }
    }

    #[test]
    fn a_text_that_is_no_wall_time_is_refused() {
        for wrong in [
            "6",
            "25:00 UTC",
            "06:00 Pacific",
            "",
            "6 am",
            "06:00 UTC gap=late",
        ] {
            assert!(wrong.parse::<WallTime>().is_err(), "{wrong}");
        }
    }
}
