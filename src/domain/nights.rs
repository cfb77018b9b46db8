//! What the nights that are over say together: how many kept their promise, what started them, how late and how
//! complete they were, and how many breaches the promise still allows.
//!
//! Which nights are looked at is the caller's to say; a night still open belongs to its run.

use std::collections::{BTreeMap, BTreeSet};

use super::{Instant, alert::Kind, baseline::median, policy::Instants, run::Run, trigger::Source};

/// The nights over which breaches are budgeted.
pub const BUDGET_NIGHTS: u32 = 30;

/// A night with a verdict.
#[derive(Debug, Clone, PartialEq)]
pub struct Night {
    /// Its promise.
    pub deadline_at: Instant,
    /// Whether the promise was met.
    pub met: bool,
    /// What led to its dispatch; `None`: nothing was dispatched.
    pub started_by: Option<Source>,
    /// From the upstream's finish to the first dispatch, in seconds; `None`: one of them is not known.
    pub latency_seconds: Option<f64>,
    /// Predicted and permanently skipped of the dispatched units, 0 to 1; 0 where nothing was dispatched.
    pub completion: f64,
    /// The kinds of alerts that opened.
    pub alerted: BTreeSet<Kind>,
}

impl Night {
    /// The night of a run, once its verdict has fallen, also where a person opened it again later; what was a backfill from
    /// the start and dates without games have none.
    pub fn of(run: &Run) -> Option<Self> {
        let ruling = run.ruling.as_ref()?;
        let dispatched_at = run.start.dispatched_at;
        Some(Self {
            deadline_at: run.instants.deadline_at,
            met: ruling.kept,
            started_by: dispatched_at.and(run.start.by),
            latency_seconds: dispatched_at.and_then(|at| run.start_latency_seconds(at)),
            completion: run.counts.completion().unwrap_or(0.0),
            alerted: run.alerts.iter().map(|alert| alert.kind).collect(),
        })
    }
}

/// The usual one of several figures, and the worst.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// The middle one; 0 of none.
    pub median: f64,
    /// The worst; 0 of none.
    pub worst: f64,
}

/// Several nights together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sum {
    /// Nights that met their promise.
    pub met: u64,
    /// Nights that did not.
    pub breached: u64,
    /// Nights by what led to their dispatch; `None`: nothing was dispatched.
    pub started_by: BTreeMap<Option<Source>, u64>,
    /// Nights without a start latency.
    pub unmeasured: u64,
    /// The start latency in seconds; the longest is the worst.
    pub latency: Spread,
    /// The completion; the lowest is the worst.
    pub completion: Spread,
    /// Nights by the kinds of alerts that opened.
    pub alerted: BTreeMap<Kind, u64>,
}

impl Sum {
    /// Adds nights up.
    pub fn of(nights: &[Night]) -> Self {
        let latencies: Vec<f64> = nights.iter().filter_map(|it| it.latency_seconds).collect();
        let completions: Vec<f64> = nights.iter().map(|it| it.completion).collect();
        let mut sum = Self {
            unmeasured: (nights.len() - latencies.len()) as u64,
            latency: Spread {
                worst: latencies.iter().copied().fold(0.0, f64::max),
                median: median(latencies).unwrap_or(0.0),
            },
            completion: Spread {
                worst: completions.iter().copied().reduce(f64::min).unwrap_or(0.0),
                median: median(completions).unwrap_or(0.0),
            },
            ..Self::default()
        };
        for night in nights {
            match night.met {
                true => sum.met += 1,
                false => sum.breached += 1,
            }
            *sum.started_by.entry(night.started_by).or_default() += 1;
            for kind in &night.alerted {
                *sum.alerted.entry(*kind).or_default() += 1;
            }
        }
        sum
    }
}

/// Breached nights that [`BUDGET_NIGHTS`] nights may have when this share of them, 0 to 1, is to meet its promise.
pub fn budget(nights_target: f64) -> f64 {
    // Rounded to a hundredth of a night: 0.95 is no number that a computer has.
    (f64::from(BUDGET_NIGHTS) * (1.0 - nights_target) * 100.0).round() / 100.0
}

/// The latest occurrence of each entry of the schedule that was done or passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// The backup start.
    pub backup_at: Option<Instant>,
    /// A fixed retry.
    pub retry_at: Option<Instant>,
    /// The reconciliation shortly before the deadline.
    pub check_at: Option<Instant>,
    /// The deadline.
    pub deadline_at: Option<Instant>,
}

impl Done {
    /// Of several runs, each entry's latest.
    pub fn of<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Self {
        let mut done = Self::default();
        for run in runs {
            let instants: &Instants = &run.instants;
            let nth = |at: &[Instant], count: usize| {
                count.checked_sub(1).and_then(|last| at.get(last).copied())
            };
            let backup_at = nth(&instants.backups_at, run.retries.backups_done);
            let retry_at = nth(&instants.retries_at, run.retries.fixed_done);
            done.backup_at = done.backup_at.max(backup_at);
            done.retry_at = done.retry_at.max(retry_at);
            done.check_at = done
                .check_at
                .max(run.looks.checked.then_some(instants.check_at));
            let deadline_at = run.looks.deadline_done.then_some(instants.deadline_at);
            done.deadline_at = done.deadline_at.max(deadline_at);
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;

    use super::{Done, Night, Spread, Sum, budget};
    use crate::domain::{
        Instant,
        alert::Kind,
        run::{Opening, Purpose, Run, sample},
        sla::Ruling,
        trigger::Source,
    };

    fn deadline() -> Instant {
        "2026-01-19T15:00:00Z".parse().unwrap()
    }

    fn run(purpose: Purpose) -> Run {
        let opening = Opening {
            purpose,
            ..sample::opening()
        };
        Run::open(opening, deadline() - TimeDelta::hours(9))
    }

    fn night(met: bool, latency_seconds: Option<f64>, completion: f64) -> Night {
        Night {
            deadline_at: deadline(),
            met,
            started_by: latency_seconds.map(|_| Source::Event),
            latency_seconds,
            completion,
            alerted: if met {
                BTreeSet::new()
            } else {
                [Kind::DeadlineBreached].into()
            },
        }
    }

    fn ruled(mut run: Run) -> Run {
        run.ruling = Some(Ruling {
            kept: true,
            dated_at: deadline(),
            made_at: deadline(),
            late: false,
            compared: true,
            open_until: None,
            confirmed: true,
            corrected: false,
        });
        run
    }

    #[test]
    fn a_night_counts_once_its_verdict_has_fallen_also_where_it_is_opened_again() {
        assert_eq!(Night::of(&run(Purpose::Tonight)), None);
        assert_eq!(Night::of(&run(Purpose::Backfill)), None);
        assert!(Night::of(&ruled(run(Purpose::Backfill))).is_some());
        let mut judged = ruled(run(Purpose::Tonight));
        judged.start.by = Some(Source::Backup);
        let night = Night::of(&judged).unwrap();
        assert!(night.met);
        assert_eq!(
            night.started_by, None,
            "asked for, but nothing was dispatched"
        );
        judged.start.finished_at = Some(deadline() - TimeDelta::seconds(100));
        judged.start.dispatched_at = Some(deadline() - TimeDelta::seconds(40));
        let night = Night::of(&judged).unwrap();
        assert_eq!(night.started_by, Some(Source::Backup));
        assert_eq!(night.latency_seconds, Some(60.0));
    }

    #[test]
    fn no_nights_add_up_to_nothing() {
        assert_eq!(Sum::of(&[]), Sum::default());
    }

    #[test]
    fn nights_are_counted_by_verdict_start_and_alerts_and_the_worst_is_kept() {
        let nights = [
            night(true, Some(60.0), 1.0),
            night(true, Some(90.0), 0.98),
            night(false, Some(700.0), 0.4),
            night(false, None, 0.0),
        ];
        let sum = Sum::of(&nights);
        assert_eq!((sum.met, sum.breached, sum.unmeasured), (2, 2, 1));
        assert_eq!(sum.started_by[&Some(Source::Event)], 3);
        assert_eq!(sum.started_by[&None], 1);
        assert_eq!(sum.alerted, [(Kind::DeadlineBreached, 2)].into());
        let latency = Spread {
            median: 90.0,
            worst: 700.0,
        };
        assert_eq!(sum.latency, latency);
        assert_eq!(sum.completion.worst, 0.0);
        assert!((sum.completion.median - 0.69).abs() < 1e-9);
    }

    #[test]
    fn the_budget_is_what_the_target_leaves_of_thirty_nights() {
        assert_eq!(budget(0.95), 1.5);
        assert_eq!(budget(0.9), 3.0);
        assert_eq!(budget(1.0), 0.0);
    }

    #[test]
    fn of_several_runs_the_latest_occurrence_counts_and_one_still_to_come_does_not() {
        let fresh = run(Purpose::Tonight);
        assert_eq!(Done::of([&fresh]), Done::default());
        let mut over = run(Purpose::Tonight);
        over.retries.backups_done = 1;
        over.retries.fixed_done = 2;
        over.looks.checked = true;
        let done = Done::of([&over, &fresh]);
        assert_eq!(done.backup_at, Some(over.instants.backups_at[0]));
        assert_eq!(done.retry_at, Some(over.instants.retries_at[1]));
        assert_eq!(done.check_at, Some(over.instants.check_at));
        assert_eq!(done.deadline_at, None);
        over.looks.deadline_done = true;
        assert_eq!(Done::of([&fresh, &over]).deadline_at, Some(deadline()));
    }
}
