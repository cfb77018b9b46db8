//! Whether a policy can keep its promise: the night on one line of time, and what would have to change.
//!
//! Reading the settings belongs to `config`, printing to `commands`, and the forecast of a running night to
//! `forecast`.

use std::fmt;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use serde::{Serialize, Serializer};

use super::{
    Instant,
    ids::GameDate,
    policy::{Instants, Policy},
    zone::{self, Zone},
};

mod rules;

/// How far ahead nights are checked: every date of a year, so that each clock change is among them.
const DAYS_AHEAD: usize = 370;

/// Something that is due in a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The run opens.
    Opens,
    /// The upstream usually finishes.
    Upstream,
    /// The backup starts the run if nothing has.
    Backup,
    /// Units that need work are sent again.
    Retry,
    /// A run that the backup started waits no longer.
    WaitEnds,
    /// The usual slate is answered when dispatched at the end of that wait.
    SlateDone,
    /// The tables are asked once more.
    Check,
    /// The promise.
    Deadline,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Opens => "opens",
            Self::Upstream => "upstream",
            Self::Backup => "backup",
            Self::Retry => "retry",
            Self::WaitEnds => "wait ends",
            Self::SlateDone => "done",
            Self::Check => "check",
            Self::Deadline => "deadline",
        })
    }
}

/// One named instant of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// One night: its named instants in the order of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Night {
    /// Whose night.
    pub game_date: GameDate,
    /// What is due, earliest first.
    pub moments: Vec<Moment>,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// The configuration cannot keep its promise.
    Refused,
    /// It can, with less in hand than one would want.
    Warning,
}

/// What is wrong, in one sentence that says what to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub weight: Weight,
    /// The rule that found it.
    pub rule: Rule,
    /// The night on which it is worst, the first of several; `None` where it does not depend on the night.
    pub game_date: Option<GameDate>,
    /// On how many of the nights checked it is so; 0 where it does not depend on the night.
    pub nights: usize,
    /// The sentence, with that night's instants: what mends it mends the other nights.
    pub text: String,
    /// By how much the night misses what the rule asks.
    #[serde(skip)]
    miss: TimeDelta,
}

impl Finding {
    /// Takes in another night's finding of the same rule, and its text if that night is worse.
    fn merge(&mut self, other: Self) {
        let nights = self.nights + other.nights;
        if (other.weight, -other.miss) < (self.weight, -self.miss) {
            *self = other;
        }
        self.nights = nights;
    }
}

/// What a finding is about; one finding a rule, and for [`Rule::Retry`] one an occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The run would open after its deadline.
    Opening,
    /// The backup path does not end before the deadline.
    Backup,
    /// There is no backup on a night.
    NoBackup,
    /// The retry of this number, from 1, does not end before the deadline.
    Retry(usize),
    /// The check is not between the last retry and the deadline.
    Check,
    /// The upstream usually finishes too late.
    Upstream,
    /// Too little time for a retry after the backup path.
    Reserve,
    /// Silent workers are noticed only after the deadline.
    AnswerTimeout,
    /// The zone's rules have changed since the database compiled in.
    OutdatedZone,
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Opening => "opening",
            Self::Backup => "backup",
            Self::NoBackup => "no_backup",
            Self::Retry(_) => "retry",
            Self::Check => "check",
            Self::Upstream => "upstream",
            Self::Reserve => "reserve",
            Self::AnswerTimeout => "answer_timeout",
            Self::OutdatedZone => "outdated_zone",
        })
    }
}

/// What a check of a policy found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Every night from the first on for a year.
    pub nights: Vec<Night>,
    /// The dates in that year on which a clock of the policy changes.
    pub clock_changes: Vec<GameDate>,
    /// What is wrong, gravest first; nothing refused means the promise can be kept.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether the configuration cannot keep its promise.
    pub fn is_refused(&self) -> bool {
        let mut weights = self.findings.iter().map(|finding| finding.weight);
        weights.any(|weight| weight == Weight::Refused)
    }

    /// The nights people want to see: the first `days`, and the eve, the day and the morrow of each clock change.
    pub fn nights_to_show(&self, days: usize) -> Vec<&Night> {
        let near_a_change = |date: GameDate| {
            let distance = |change: &GameDate| (date.0 - change.0).num_days().abs() <= 1;
            self.clock_changes.iter().any(distance)
        };
        let shown = self.nights.iter().enumerate();
        shown
            .filter(|(index, night)| *index < days || near_a_change(night.game_date))
            .map(|(_, night)| night)
            .collect()
    }
}

/// Checks every night of a year from `first` on.
pub fn check(policy: &Policy, first: GameDate) -> Report {
    let dates: Vec<GameDate> = first.0.iter_days().take(DAYS_AHEAD).map(GameDate).collect();
    let plans: Vec<Plan> = dates.iter().map(|date| Plan::of(policy, *date)).collect();
    let mut findings = outdated_zones(policy);
    for plan in &plans {
        for found in rules::apply(policy, plan) {
            let known = findings.iter_mut().find(|known| known.rule == found.rule);
            match known {
                Some(known) => known.merge(found),
                None => findings.push(found),
            }
        }
    }
    findings.sort_by_key(|finding| (finding.weight, finding.rule));
    Report {
        nights: plans.iter().map(|plan| plan.night(policy)).collect(),
        clock_changes: clock_changes(policy, &dates),
        findings,
    }
}

/// A night's instants with what follows from the pace.
struct Plan {
    game_date: GameDate,
    instants: Instants,
    upstream_at: Instant,
    /// How long the usual slate takes from the first send to the last answer.
    slate: TimeDelta,
}

impl Plan {
    fn of(policy: &Policy, game_date: GameDate) -> Self {
        Self {
            game_date,
            instants: policy.instants(game_date),
            upstream_at: policy.upstream.usual_finish.instant_on(game_date.0),
            slate: policy.pace.duration(policy.pace.usual_units),
        }
    }

    /// Of several occurrences the last, which has the least time left.
    fn backup_at(&self) -> Option<Instant> {
        self.instants.backups_at.last().copied()
    }

    fn night(&self, policy: &Policy) -> Night {
        let moment = |what, at| Moment { at, what };
        let mut moments = vec![
            moment(What::Opens, self.instants.opens_at),
            moment(What::Upstream, self.upstream_at),
            moment(What::Check, self.instants.check_at),
            moment(What::Deadline, self.instants.deadline_at),
        ];
        let backups = self.instants.backups_at.iter();
        moments.extend(backups.map(|at| moment(What::Backup, *at)));
        let retries = self.instants.retries_at.iter();
        moments.extend(retries.map(|at| moment(What::Retry, *at)));
        if let Some(backup_at) = self.backup_at() {
            let wait_ends_at = backup_at + policy.readiness.wait;
            moments.push(moment(What::WaitEnds, wait_ends_at));
            moments.push(moment(What::SlateDone, wait_ends_at + self.slate));
        }
        moments.sort();
        Night {
            game_date: self.game_date,
            moments,
        }
    }
}

/// The zones a policy's instants are taken in, each once.
fn zones(policy: &Policy) -> Vec<Zone> {
    let schedule = &policy.schedule;
    let mut zones = vec![
        schedule.zone,
        policy.calendar_zone,
        schedule.deadline.zone,
        policy.upstream.usual_finish.zone,
    ];
    zones.extend(schedule.backup.iter().map(|time| time.zone));
    zones.extend(schedule.retries.iter().map(|time| time.zone));
    let mut once: Vec<Zone> = Vec::new();
    for zone in zones {
        if !once.contains(&zone) {
            once.push(zone);
        }
    }
    once
}

fn outdated_zones(policy: &Policy) -> Vec<Finding> {
    let outdated: Vec<String> = zones(policy)
        .iter()
        .filter(|zone| zone.is_outdated())
        .map(ToString::to_string)
        .collect();
    if outdated.is_empty() {
        return Vec::new();
    }
    let text = format!(
        "the rules of {} have changed since zone database {}, which is built in: its instants may be an hour off, \
         so write a fixed offset such as \"-07:00\" or a zone with the same clock",
        outdated.join(" and "),
        zone::DATABASE_VERSION
    );
    vec![Finding {
        weight: Weight::Warning,
        rule: Rule::OutdatedZone,
        game_date: None,
        nights: 0,
        text,
        miss: TimeDelta::zero(),
    }]
}

/// The dates whose noon is at another distance from UTC than the noon before, in any zone of the policy.
fn clock_changes(policy: &Policy, dates: &[GameDate]) -> Vec<GameDate> {
    let zones = zones(policy);
    let offset_text = |zone: &Zone, date: NaiveDate| {
        let noon = date.and_time(NaiveTime::MIN).and_utc() + TimeDelta::hours(12);
        zone.offset_text(noon)
    };
    let differs = |eve: NaiveDate, date: NaiveDate| {
        let mut zones = zones.iter();
        zones.any(|zone| offset_text(zone, eve) != offset_text(zone, date))
    };
    let changes = |date: &&GameDate| date.0.pred_opt().is_some_and(|eve| differs(eve, date.0));
    dates.iter().filter(changes).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::{GameDate, Policy, Report, Rule, TimeDelta, Weight, check};
    use crate::domain::{policy::Mode, schedule::WallTime};

    fn first() -> GameDate {
        GameDate("2025-10-25".parse().unwrap())
    }

    fn at(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    fn checked(change: impl FnOnce(&mut Policy)) -> Report {
        let mut policy = Policy::phase4_to_phase5();
        change(&mut policy);
        check(&policy, first())
    }

    fn found(report: &Report) -> Vec<(Weight, Rule, usize)> {
        let findings = report.findings.iter();
        findings.map(|f| (f.weight, f.rule, f.nights)).collect()
    }

    #[test]
    fn the_shipped_handoff_keeps_its_promise_on_every_night_of_a_year() {
        let report = checked(|_| {});
        assert_eq!(report.findings, []);
        assert!(!report.is_refused());
        assert_eq!(report.nights.len(), 370);
    }

    #[test]
    fn both_clock_changes_are_among_the_nights_shown() {
        let report = checked(|_| {});
        let days = ["2025-11-02", "2026-03-08"].map(|day| GameDate(day.parse().unwrap()));
        assert_eq!(report.clock_changes, days);
        let shown: Vec<String> = report
            .nights_to_show(2)
            .iter()
            .map(|night| night.game_date.to_string())
            .collect();
        assert_eq!(
            shown,
            [
                "2025-10-25",
                "2025-10-26",
                "2025-11-01",
                "2025-11-02",
                "2025-11-03",
                "2026-03-07",
                "2026-03-08",
                "2026-03-09"
            ]
        );
    }

    #[test]
    fn a_night_is_told_in_the_order_of_time() {
        let report = checked(|_| {});
        let night: Vec<String> = report.nights[0]
            .moments
            .iter()
            .map(|moment| format!("{} {}", moment.at.format("%H:%M:%S"), moment.what))
            .collect();
        assert_eq!(
            night,
            [
                "04:00:00 opens",
                "07:30:00 upstream",
                "13:00:00 backup",
                "13:15:00 retry",
                "13:30:00 retry",
                "13:30:00 wait ends",
                "13:32:55 done",
                "13:58:00 check",
                "14:00:00 deadline"
            ]
        );
    }

    #[test]
    fn six_pacific_against_seven_new_york_is_refused_and_says_what_to_change() {
        let report = checked(|policy| policy.schedule.deadline = at("07:00 America/New_York"));
        assert_eq!(
            found(&report),
            [
                (Weight::Refused, Rule::Backup, 370),
                (Weight::Refused, Rule::Retry(1), 370),
                (Weight::Refused, Rule::Retry(2), 370),
            ]
        );
        assert_eq!(
            report.findings[0].text,
            "the backup at 06:00 PDT (09:00 EDT) does not come before the deadline 04:00 PDT (07:00 EDT): move the \
             backup to 03:27 PDT (06:27 EDT) or earlier, or the deadline to 06:33 PDT (09:33 EDT) or later"
        );
        assert_eq!(
            report.findings[2].text,
            "the retry at 06:30 PDT (09:30 EDT) does not come before the deadline 04:00 PDT (07:00 EDT): move it to \
             03:57 PDT (06:57 EDT) or earlier, or remove it"
        );
    }

    #[test]
    fn doing_what_the_refusal_says_mends_it_to_the_minute() {
        for (backup, refused) in [("03:27", false), ("03:28", true)] {
            let report = checked(|policy| {
                policy.schedule.deadline = at("07:00 America/New_York");
                policy.schedule.backup = Some(at(&format!("{backup} America/Los_Angeles")));
                policy.schedule.retries = vec![at("03:15 America/Los_Angeles")];
            });
            assert_eq!(
                report.is_refused(),
                refused,
                "{backup} {:?}",
                found(&report)
            );
        }
    }

    #[test]
    fn a_deadline_that_does_not_follow_the_clocks_is_refused_for_the_half_year_it_fails() {
        let report = checked(|policy| {
            policy.schedule.deadline = at("06:30 -07:00");
            policy.schedule.retries = Vec::new();
        });
        let [finding] = report.findings.as_slice() else {
            panic!("{:?}", report.findings);
        };
        assert_eq!(
            (finding.weight, finding.rule),
            (Weight::Refused, Rule::Backup)
        );
        assert_eq!(finding.nights, 370);
        // Standard time is the worse half: 05:30 on the clock.
        assert_eq!(finding.game_date.unwrap().to_string(), "2025-11-02");
        assert!(finding.text.contains("05:30 PST"), "{}", finding.text);
    }

    #[test]
    fn a_wait_or_a_slate_that_is_too_long_is_refused() {
        let long_wait = checked(|policy| policy.readiness.wait = TimeDelta::minutes(58));
        assert!(found(&long_wait).contains(&(Weight::Refused, Rule::Backup, 370)));
        let large_slate = checked(|policy| policy.pace.usual_units = 1_000_000);
        assert!(large_slate.is_refused());
        let with_its_pace = checked(|policy| {
            policy.pace.usual_units = 1_000_000;
            policy.pace.in_flight_max = 40_000;
            policy.pace.full_per_second = 1_200.0;
        });
        assert_eq!(with_its_pace.findings, []);
    }

    #[test]
    fn ending_exactly_at_the_deadline_is_in_time() {
        // 06:00, 57 min 5 s of waiting and 2 min 55 s for the slate.
        for (wait_seconds, refused) in [(3_425, false), (3_426, true)] {
            let report = checked(|policy| policy.readiness.wait = TimeDelta::seconds(wait_seconds));
            assert_eq!(report.is_refused(), refused, "{wait_seconds}");
        }
    }

    #[test]
    fn too_little_in_hand_is_a_warning() {
        let report = checked(|policy| policy.readiness.wait = TimeDelta::minutes(52));
        assert_eq!(
            found(&report),
            [
                (Weight::Warning, Rule::Reserve, 370),
                (Weight::Warning, Rule::AnswerTimeout, 370),
            ]
        );
        let report = checked(|policy| {
            policy
                .schedule
                .retries
                .push(at("06:56 America/Los_Angeles"));
        });
        assert_eq!(found(&report), [(Weight::Warning, Rule::Check, 370)]);
    }

    #[test]
    fn a_night_without_its_backup_is_found() {
        let report = checked(|policy| policy.schedule.backup = None);
        assert_eq!(found(&report), [(Weight::Warning, Rule::NoBackup, 370)]);
        let report = checked(|policy| {
            policy.schedule.backup = Some(at("02:30 America/Los_Angeles gap=skip"));
        });
        assert_eq!(found(&report), [(Weight::Refused, Rule::NoBackup, 1)]);
        assert_eq!(
            report.findings[0].game_date.unwrap().to_string(),
            "2026-03-08"
        );
        let watched = checked(|policy| {
            policy.mode = Mode::Observe;
            policy.schedule.backup = Some(at("02:30 America/Los_Angeles gap=skip"));
        });
        assert!(!watched.is_refused());
    }

    #[test]
    fn an_upstream_that_comes_too_late_is_found() {
        let report =
            checked(|policy| policy.upstream.usual_finish = at("06:58 America/Los_Angeles"));
        assert_eq!(found(&report), [(Weight::Refused, Rule::Upstream, 370)]);
        let report =
            checked(|policy| policy.upstream.usual_finish = at("06:45 America/Los_Angeles"));
        assert_eq!(found(&report), [(Weight::Warning, Rule::Upstream, 370)]);
    }

    #[test]
    fn a_deadline_before_the_run_opens_is_refused() {
        let report = checked(|policy| policy.schedule.deadline = at("00:00 Europe/Berlin"));
        assert!(found(&report).contains(&(Weight::Refused, Rule::Opening, 370)));
    }

    #[test]
    fn a_zone_whose_rules_have_changed_is_a_warning() {
        let report = checked(|policy| policy.schedule.deadline = at("07:00 America/Vancouver"));
        assert_eq!(found(&report), [(Weight::Warning, Rule::OutdatedZone, 0)]);
        assert!(report.findings[0].text.contains("America/Vancouver"));
    }

    #[test]
    fn where_all_zones_are_one_an_instant_is_told_once() {
        let report = checked(|policy| {
            policy.calendar_zone = "America/Los_Angeles".parse().unwrap();
            policy.schedule.deadline = at("06:30 America/Los_Angeles");
            policy.schedule.retries = Vec::new();
        });
        let text = &report.findings[0].text;
        assert!(text.contains("the deadline 06:30 PDT"), "{text}");
        assert!(!text.contains("PDT ("), "{text}");
    }

    #[test]
    fn every_rule_has_a_name_of_its_own_in_json() {
        let rules = [
            Rule::Opening,
            Rule::Backup,
            Rule::NoBackup,
            Rule::Retry(1),
            Rule::Check,
            Rule::Upstream,
            Rule::Reserve,
            Rule::AnswerTimeout,
            Rule::OutdatedZone,
        ];
        let names = serde_json::to_value(rules).unwrap();
        assert_eq!(
            names,
            serde_json::json!([
                "opening",
                "backup",
                "no_backup",
                "retry",
                "check",
                "upstream",
                "reserve",
                "answer_timeout",
                "outdated_zone"
            ])
        );
        assert_eq!(
            serde_json::to_value(Rule::Retry(2)).unwrap(),
            "retry",
            "its number is in the text"
        );
    }
}
