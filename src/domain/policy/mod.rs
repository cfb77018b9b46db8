//! A handoff's promises and limits: what a run carries from its opening to its close.
//!
//! Every number here is a setting with the value of the shipped handoff `phase4-to-phase5` as its default. Means
//! (channels, people, credentials, sinks) are not promises and do not belong here. Each section is used under its
//! own name by the part of the domain that decides with it.

use chrono::{NaiveTime, TimeDelta};
use serde::{Deserialize, Serialize};

use super::{
    Instant, calendar,
    ids::{GameDate, HandoffId},
    schedule::WallTime,
    seconds,
    zone::Zone,
};

mod promises;
mod work;

pub use promises::{
    Alerts, CompletionPromise, FailureTold, Forecast, LatencyPromise, ReadinessGap, Sla,
};
pub use work::{Completion, Dispatch, Pace, Retry};

/// Everything a run is judged and steered by, frozen at its opening except [`Pace`], which is read live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Whether the handoff acts or only watches.
    pub mode: Mode,
    /// What people call one unit, in the singular.
    pub unit_noun: String,
    /// The zone whose calendar day is the game date.
    pub calendar_zone: Zone,
    /// When things are due on a game date.
    pub schedule: Schedule,
    /// How the upstream is recognised and when it is late.
    pub upstream: Upstream,
    /// How an upstream that finished without an event is noticed.
    pub catch_up: CatchUp,
    /// When the inputs are ready, and how long they are waited for.
    pub readiness: Readiness,
    /// Which listed units are left out.
    pub filters: Filters,
    /// How fast units are sent; the run's copy is what its forecast starts from.
    pub pace: Pace,
    /// How sending is confirmed and when it stands still.
    pub dispatch: Dispatch,
    /// When a unit, a batch and a claim are done with.
    pub completion: Completion,
    /// When and how often units are sent again.
    pub retry: Retry,
    /// The promises beside the deadline, and the gap's tolerance.
    pub sla: Sla,
    /// How the finish is foreseen.
    pub forecast: Forecast,
    /// When people are told.
    pub alerts: Alerts,
}

/// Whether a handoff acts or only watches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It sends units and publishes.
    #[default]
    Dispatch,
    /// It does everything but send and publish, and judges the night from the tables.
    Observe,
}

/// When things are due on a game date. Every wall time is on the game date itself, in its own zone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// The zone people read this handoff's instants in.
    pub zone: Zone,
    /// The promise; finishing exactly then is in time.
    pub deadline: WallTime,
    /// Starts the run if nothing has.
    pub backup: Option<WallTime>,
    /// The fixed times at which units that need work are sent again.
    pub retries: Vec<WallTime>,
    /// How long before the deadline the tables are asked once more.
    #[serde(with = "seconds")]
    pub check_lead: TimeDelta,
    /// How long after its deadline a run takes anything in.
    #[serde(with = "seconds")]
    pub closes_after: TimeDelta,
}

/// How the upstream is recognised and when it is late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Upstream {
    /// Names under which the run history records its finish.
    pub processor_names: Vec<String>,
    /// Names of the processor whose event starts the run; the others of its phase do not.
    pub final_processor_names: Vec<String>,
    /// How long past its usual finish it is late: from exactly then on.
    #[serde(with = "seconds")]
    pub late_after: TimeDelta,
    /// When it usually finishes; used until its own nights are known.
    pub usual_finish: WallTime,
    /// The handoff whose completion is this one's trigger. The configuration names it beside the handoff's own id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handoff: Option<HandoffId>,
}

/// How an upstream that finished without an event is noticed, from opening to the first dispatch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CatchUp {
    /// How often the run history is asked.
    #[serde(with = "seconds")]
    pub poll: TimeDelta,
    /// How long after the upstream's finish an event may take; at least this long, the run is started.
    #[serde(with = "seconds")]
    pub grace: TimeDelta,
}

/// When the inputs are ready, and how long they are waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Readiness {
    /// Ready from this share of the units with a feature row, 0 to 1.
    pub share_min: f64,
    /// Ready from this many units, whatever the share.
    pub ready_units: u64,
    /// Rows older than this before the deadline are not ready.
    #[serde(with = "seconds")]
    pub freshness: TimeDelta,
    /// How long a run waits after the backup time or its trigger, whichever is later.
    #[serde(with = "seconds")]
    pub wait: TimeDelta,
    /// How often a waiting run asks.
    #[serde(with = "seconds")]
    pub poll: TimeDelta,
    /// A share within this of the usual one is as ready as it gets, 0 to 1.
    pub usual_share_tolerance: f64,
    /// How long a run waits at most when the share is as usual, or while too few nights are known.
    #[serde(with = "seconds")]
    pub short_wait: TimeDelta,
    /// From this many nights on, what is usual is known; also how many nights the median is taken of.
    pub nights_known_min: u32,
    /// When the wait ends: enough to go on degraded is this many units, or `floor_share`, whichever is fewer.
    pub floor_units: u64,
    /// The share of the expected units that is enough to go on degraded, 0 to 1.
    pub floor_share: f64,
}

impl Readiness {
    /// The fewest ready units a run goes on with when its wait ends: at least 1.
    pub fn floor(&self, expected: u64) -> u64 {
        let of_expected = (expected as f64 * self.floor_share).ceil() as u64;
        self.floor_units.min(of_expected).max(1)
    }
}

/// Which listed units are left out; they are in no gap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// Units with fewer projected minutes are left out; a missing value passes.
    pub min_minutes: f64,
}

/// The instants of one run, fixed at its opening.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instants {
    /// The run opens, unless a trigger opened it earlier.
    pub opens_at: Instant,
    /// The backup's occurrences, earliest first; usually one, none where there is no backup.
    pub backups_at: Vec<Instant>,
    /// The retries' occurrences, earliest first, each instant once.
    pub retries_at: Vec<Instant>,
    /// The tables are asked once more before the verdict.
    pub check_at: Instant,
    /// The promise; exactly then is in time.
    pub deadline_at: Instant,
    /// Nothing is taken in any more.
    pub closes_at: Instant,
}

impl Policy {
    /// The promises of the shipped handoff: predictions by 07:00 Pacific, 10:00 New York.
    pub fn phase4_to_phase5() -> Self {
        Self {
            mode: Mode::Dispatch,
            unit_noun: "player".to_owned(),
            calendar_zone: NEW_YORK,
            schedule: Schedule::default(),
            upstream: Upstream::default(),
            catch_up: CatchUp::default(),
            readiness: Readiness::default(),
            filters: Filters::default(),
            pace: Pace::default(),
            dispatch: Dispatch::default(),
            completion: Completion::default(),
            retry: Retry::default(),
            sla: Sla::default(),
            forecast: Forecast::default(),
            alerts: Alerts::default(),
        }
    }

    /// The instants of the run for `game_date`.
    pub fn instants(&self, game_date: GameDate) -> Instants {
        let schedule = &self.schedule;
        let deadline_at = schedule.deadline.instant_on(game_date.0);
        Instants {
            opens_at: calendar::opens_at(game_date, &self.calendar_zone),
            backups_at: occurrences(schedule.backup.as_slice(), game_date),
            retries_at: occurrences(&schedule.retries, game_date),
            check_at: deadline_at - schedule.check_lead,
            deadline_at,
            closes_at: deadline_at + schedule.closes_after,
        }
    }
}

fn occurrences(times: &[WallTime], game_date: GameDate) -> Vec<Instant> {
    let mut instants: Vec<Instant> = times
        .iter()
        .flat_map(|time| time.instants_on(game_date.0))
        .collect();
    instants.sort();
    instants.dedup();
    instants
}

const NEW_YORK: Zone = Zone::Named(chrono_tz::Tz::America__New_York);
const LOS_ANGELES: Zone = Zone::Named(chrono_tz::Tz::America__Los_Angeles);

/// A time of day in Los Angeles. An hour or minute out of range is midnight; the constants here are none.
fn pacific(hour: u32, minute: u32) -> WallTime {
    let at = NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or(NaiveTime::MIN);
    WallTime::new(at, LOS_ANGELES)
}

impl Default for Policy {
    fn default() -> Self {
        Self::phase4_to_phase5()
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            zone: LOS_ANGELES,
            deadline: pacific(7, 0),
            backup: Some(pacific(6, 0)),
            retries: vec![pacific(6, 15), pacific(6, 30)],
            check_lead: TimeDelta::minutes(2),
            closes_after: TimeDelta::hours(24),
        }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        let names = ["ml_feature_store_v2", "MLFeatureStoreProcessor"].map(str::to_owned);
        Self {
            processor_names: names.to_vec(),
            final_processor_names: names.to_vec(),
            late_after: TimeDelta::minutes(60),
            usual_finish: pacific(0, 30),
            handoff: None,
        }
    }
}

impl Default for CatchUp {
    fn default() -> Self {
        Self {
            poll: TimeDelta::minutes(5),
            grace: TimeDelta::minutes(5),
        }
    }
}

impl Default for Readiness {
    fn default() -> Self {
        Self {
            share_min: 0.80,
            ready_units: 100,
            freshness: TimeDelta::hours(24),
            wait: TimeDelta::minutes(30),
            poll: TimeDelta::seconds(60),
            usual_share_tolerance: 0.15,
            short_wait: TimeDelta::minutes(5),
            nights_known_min: 10,
            floor_units: 50,
            floor_share: 0.5,
        }
    }
}

impl Default for Filters {
    fn default() -> Self {
        Self { min_minutes: 15.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::{GameDate, Instant, Instants, Pace, Policy, Readiness, Sla, TimeDelta};

    fn instant(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn a_run_of_the_shipped_handoff_has_these_instants() {
        let policy = Policy::phase4_to_phase5();
        let instants = policy.instants(GameDate("2026-01-19".parse().unwrap()));
        assert_eq!(
            instants,
            Instants {
                opens_at: instant("2026-01-19T05:00:00Z"),
                backups_at: vec![instant("2026-01-19T14:00:00Z")],
                retries_at: vec![
                    instant("2026-01-19T14:15:00Z"),
                    instant("2026-01-19T14:30:00Z")
                ],
                check_at: instant("2026-01-19T14:58:00Z"),
                deadline_at: instant("2026-01-19T15:00:00Z"),
                closes_at: instant("2026-01-20T15:00:00Z"),
            }
        );
    }

    #[test]
    fn the_run_closes_a_day_of_24_hours_after_its_deadline_on_the_eve_of_a_clock_change() {
        let policy = Policy::phase4_to_phase5();
        let instants = policy.instants(GameDate("2026-03-07".parse().unwrap()));
        assert_eq!(instants.deadline_at, instant("2026-03-07T15:00:00Z"));
        assert_eq!(instants.closes_at, instant("2026-03-08T15:00:00Z"));
        let next = policy.instants(GameDate("2026-03-08".parse().unwrap()));
        assert_eq!(next.deadline_at, instant("2026-03-08T14:00:00Z"));
    }

    #[test]
    fn a_policy_reads_back_as_it_was_stored() {
        let policy = Policy::phase4_to_phase5();
        let stored = serde_json::to_string(&policy).unwrap();
        assert!(
            stored.contains(r#""deadline":"07:00 America/Los_Angeles""#),
            "{stored}"
        );
        assert!(stored.contains(r#""answer_timeout":600"#), "{stored}");
        assert_eq!(serde_json::from_str::<Policy>(&stored).unwrap(), policy);
    }

    #[test]
    fn the_floor_is_the_smaller_of_fifty_and_half_and_never_zero() {
        let readiness = Readiness::default();
        for (expected, floor) in [
            (450, 50),
            (100, 50),
            (99, 50),
            (40, 20),
            (7, 4),
            (1, 1),
            (0, 1),
        ] {
            assert_eq!(readiness.floor(expected), floor, "{expected}");
        }
    }

    #[test]
    fn a_gap_is_out_of_tolerance_above_either_limit_and_not_at_it() {
        let sla = Sla::default();
        for (gap, ready, tolerated) in [
            (20, 400, true),
            (21, 1_000, false),
            (20, 399, false),
            (2, 40, true),
            (3, 40, false),
            (0, 0, true),
        ] {
            assert_eq!(sla.tolerates(gap, ready), tolerated, "{gap} of {ready}");
        }
    }

    #[test]
    fn a_night_takes_as_long_as_its_slowest_limit() {
        let pace = Pace::default();
        for (units, seconds) in [(450, 175), (100, 45), (1, 36), (26, 38), (300, 105)] {
            assert_eq!(
                pace.duration(units).num_seconds(),
                i64::from(seconds),
                "{units}"
            );
        }
        let uncapped = Pace {
            in_flight_max: 10_000,
            ..pace
        };
        assert_eq!(uncapped.duration(5_300), TimeDelta::seconds(10 + 100 + 35));
    }
}
