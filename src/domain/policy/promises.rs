//! The promises beside the deadline, how the finish is foreseen, and when people are told.
//!
//! Judging belongs to `sla`, foreseeing to `forecast`, and who is told by which channel to the live configuration.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::seconds;

/// The promises beside the deadline, and the gap's tolerance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sla {
    /// From the upstream's finish to the first dispatch.
    pub latency: LatencyPromise,
    /// Predicted and permanently skipped units of the dispatched ones.
    pub completion: CompletionPromise,
    /// A gap is out of tolerance above this share of the ready units, or above `gap_units_max`: strictly, either.
    pub gap_share_max: f64,
    /// A gap is out of tolerance above this many units, or above `gap_share_max`: strictly, either.
    pub gap_units_max: u64,
    /// Units expected but not ready.
    pub readiness_gap: ReadinessGap,
    /// The share of the nights that is to meet the promise, 0 to 1; what it leaves of 30 nights may be breached. Read
    /// live.
    pub nights_target: f64,
    /// How long a verdict may wait for the last reconciliation.
    #[serde(with = "seconds")]
    pub judging_max: TimeDelta,
    /// How long after a start a verdict judged late may be corrected once; the longest push retry is 10 min.
    #[serde(with = "seconds")]
    pub late_correction: TimeDelta,
}

/// The start latency, from the upstream's finish to the first dispatch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LatencyPromise {
    /// Met below this.
    #[serde(with = "seconds")]
    pub target: TimeDelta,
    /// Warned of above this.
    #[serde(with = "seconds")]
    pub warning: TimeDelta,
    /// Critical above this.
    #[serde(with = "seconds")]
    pub critical: TimeDelta,
}

/// The share of the dispatched units that is predicted or permanently skipped, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CompletionPromise {
    /// Met above this.
    pub target: f64,
    /// Warned of below this.
    pub warning: f64,
    /// Critical below this.
    pub critical: f64,
}

/// Units expected but not ready, as a share of the expected ones, 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadinessGap {
    /// Told in the summary above this.
    pub info: f64,
    /// Warned of above this.
    pub warning: f64,
    /// Warned of above this many times the median of the nights known.
    pub warning_times_median: f64,
}

/// How the finish is foreseen and when it is at risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Forecast {
    /// How long the upper end has to have been past the deadline before the run is at risk.
    #[serde(with = "seconds")]
    pub at_risk_after: TimeDelta,
    /// How far before the deadline the upper end has to come for the risk to be over.
    #[serde(with = "seconds")]
    pub clear_margin: TimeDelta,
}

/// When people are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alerts {
    /// No answer this long after dispatch means the workers are dead.
    #[serde(with = "seconds")]
    pub no_answer_after: TimeDelta,
    /// The warehouse could not be asked for this long while an open run needs the answer: a warning.
    #[serde(with = "seconds")]
    pub could_not_ask_after: TimeDelta,
    /// Within this of the deadline, that is critical.
    #[serde(with = "seconds")]
    pub could_not_ask_critical_within: TimeDelta,
    /// A night counts as far faster than usual below this share of the usual duration, 0 to 1.
    pub slate_fast_share: f64,
    /// A slate counts as far smaller than usual below this share of the usual units, 0 to 1.
    pub slate_small_share: f64,
    /// People are reminded of a critical alert that nobody acknowledged after this.
    #[serde(with = "seconds")]
    pub remind_critical_after: TimeDelta,
    /// People are reminded of a warning that nobody acknowledged after this.
    #[serde(with = "seconds")]
    pub remind_warning_after: TimeDelta,
    /// The engineer on call is told of a critical alert that nobody acknowledged from this long after it became so.
    #[serde(with = "seconds")]
    pub escalate_on_call_after: TimeDelta,
    /// The project lead is told, too, from this long after it became so.
    #[serde(with = "seconds")]
    pub escalate_lead_after: TimeDelta,
    /// This near to the deadline, before it or after it, all are told at once.
    #[serde(with = "seconds")]
    pub escalate_all_within: TimeDelta,
    /// When people are told that nothing could be dispatched.
    pub failure_before_deadline: FailureTold,
}

/// When people are told of a failure that comes before the deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureTold {
    /// As soon as it is known.
    #[default]
    Now,
    /// At the deadline, if it still holds.
    Deadline,
    /// As soon as it is known, and once more at the deadline.
    Both,
}

impl Default for Sla {
    fn default() -> Self {
        Self {
            latency: LatencyPromise::default(),
            completion: CompletionPromise::default(),
            gap_share_max: 0.05,
            gap_units_max: 20,
            readiness_gap: ReadinessGap::default(),
            nights_target: 0.95,
            judging_max: TimeDelta::seconds(60),
            late_correction: TimeDelta::minutes(11),
        }
    }
}

impl Sla {
    /// Whether a gap of `units` among `ready` units is within tolerance: at most the share and at most the count.
    pub fn tolerates(&self, units: u64, ready: u64) -> bool {
        units <= self.gap_units_max && units as f64 <= self.gap_share_max * ready as f64
    }
}

impl Default for LatencyPromise {
    fn default() -> Self {
        Self {
            target: TimeDelta::seconds(300),
            warning: TimeDelta::seconds(600),
            critical: TimeDelta::seconds(3_600),
        }
    }
}

impl Default for CompletionPromise {
    fn default() -> Self {
        Self {
            target: 0.95,
            warning: 0.90,
            critical: 0.50,
        }
    }
}

impl Default for ReadinessGap {
    fn default() -> Self {
        Self {
            info: 0.20,
            warning: 0.50,
            warning_times_median: 3.0,
        }
    }
}

impl Default for Forecast {
    fn default() -> Self {
        Self {
            at_risk_after: TimeDelta::minutes(2),
            clear_margin: TimeDelta::minutes(5),
        }
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            no_answer_after: TimeDelta::minutes(5),
            could_not_ask_after: TimeDelta::minutes(10),
            could_not_ask_critical_within: TimeDelta::minutes(60),
            slate_fast_share: 0.33,
            slate_small_share: 0.50,
            remind_critical_after: TimeDelta::minutes(30),
            remind_warning_after: TimeDelta::hours(4),
            escalate_on_call_after: TimeDelta::minutes(10),
            escalate_lead_after: TimeDelta::minutes(20),
            escalate_all_within: TimeDelta::minutes(15),
            failure_before_deadline: FailureTold::Now,
        }
    }
}
