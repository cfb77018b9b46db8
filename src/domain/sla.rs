//! How a run stands against its promise, and the ruling on it: pure judgements over counts and instants.
//!
//! When a ruling is made or corrected belongs to `run::verdict`.

use serde::{Deserialize, Serialize};

use super::{Instant, completion::Counts, policy::Sla};

/// How a run stands against its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing speaks against it.
    OnTrack,
    /// The forecast is past the deadline.
    AtRisk,
    /// The deadline has passed; the last reconciliation has not answered.
    Judging,
    /// Kept.
    Met,
    /// Broken.
    Breached,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] = [
        Self::OnTrack,
        Self::AtRisk,
        Self::Judging,
        Self::Met,
        Self::Breached,
    ];

    /// The name as it stands in tables, metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnTrack => "on_track",
            Self::AtRisk => "at_risk",
            Self::Judging => "judging",
            Self::Met => "met",
            Self::Breached => "breached",
        }
    }
}

/// The ruling on a promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// Kept or broken.
    pub kept: bool,
    /// When it was true: when the last unit became satisfied, or the deadline.
    pub dated_at: Instant,
    /// When it was made.
    pub made_at: Instant,
    /// Made after the service had been down through the deadline: then dated with the deadline.
    pub late: bool,
    /// Whether rows have been compared since the deadline.
    pub compared: bool,
    /// Made late: until when answers that were true in time may still arrive. Exactly then they may no more.
    pub open_until: Option<Instant>,
    /// Whether it stands: an unconfirmed ruling may be corrected once.
    pub confirmed: bool,
    /// Whether it was corrected.
    pub corrected: bool,
}

/// What the counts say of the promise: kept or broken, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// Kept or broken.
    pub kept: bool,
    /// When the last unit became satisfied if all were in time, else the deadline.
    pub dated_at: Instant,
}

/// Judges the counts against the deadline: what counts is when it was true, and exactly the deadline is in time.
pub fn judge(counts: &Counts, sla: &Sla, deadline_at: Instant) -> Judgement {
    let gap = counts.gap_in_time();
    let kept = counts.ready > 0 && sla.tolerates(gap, counts.ready);
    let all_since = counts
        .latest_true_at
        .filter(|at| kept && gap == 0 && *at <= deadline_at);
    Judgement {
        kept,
        dated_at: all_since.unwrap_or(deadline_at),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone, Utc};

    use super::judge;
    use crate::domain::{Instant, completion::Counts, policy::Sla};

    fn deadline() -> Instant {
        Utc.with_ymd_and_hms(2026, 1, 11, 15, 0, 0).unwrap()
    }

    fn counts(ready: u64, in_time: u64) -> Counts {
        Counts {
            ready,
            in_time,
            latest_true_at: Some(deadline() - TimeDelta::hours(6)),
            ..Counts::default()
        }
    }

    #[test]
    fn nothing_ready_is_never_kept() {
        assert!(!judge(&counts(0, 0), &Sla::default(), deadline()).kept);
    }

    #[test]
    fn the_gap_is_tolerated_up_to_five_percent_and_twenty_units_and_no_further() {
        for (ready, in_time, kept) in [
            (100, 95, true),
            (100, 94, false),
            (420, 400, true),
            (420, 399, false),
            (19, 18, false),
            (20, 19, true),
        ] {
            assert_eq!(
                judge(&counts(ready, in_time), &Sla::default(), deadline()).kept,
                kept,
                "{in_time} of {ready}"
            );
        }
    }

    #[test]
    fn a_complete_night_is_dated_when_its_last_unit_was_true() {
        assert_eq!(
            judge(&counts(9, 9), &Sla::default(), deadline()).dated_at,
            deadline() - TimeDelta::hours(6)
        );
        assert_eq!(
            judge(&counts(420, 410), &Sla::default(), deadline()).dated_at,
            deadline(),
            "accepted"
        );
        assert_eq!(
            judge(&counts(420, 0), &Sla::default(), deadline()).dated_at,
            deadline(),
            "breached"
        );
    }
}
