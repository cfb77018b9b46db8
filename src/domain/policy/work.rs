//! How units are sent, when they are done with, and how often they are sent again.
//!
//! Deciding with these numbers belongs to `dispatch`, `completion` and `run`.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::seconds;

/// No night is foreseen to last longer than ten years; keeps a pace near zero from overflowing.
const DURATION_SECONDS_MAX: f64 = 10.0 * 366.0 * 86_400.0;

/// How fast units are sent. Read live: a change applies to an open run's next claim.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Units a second at the start of a batch, above 0.
    pub start_per_second: f64,
    /// Units a second after the ramp, at least `start_per_second`.
    pub full_per_second: f64,
    /// How long the ramp from start to full takes.
    #[serde(with = "seconds")]
    pub ramp: TimeDelta,
    /// Most units in flight at once, at least 1.
    pub in_flight_max: u32,
    /// Units of a usual large night; what a schedule is checked with until nights are known.
    pub usual_units: u64,
    /// How long a worker usually takes for one unit; what a schedule is checked with.
    #[serde(with = "seconds")]
    pub usual_answer: TimeDelta,
}

/// How sending is confirmed and when it stands still.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dispatch {
    /// Tries to publish one unit before it counts as `failed(publish)`, at least 1.
    pub publish_tries_max: u32,
    /// How long sending may stand still because of the cap before the batch is stalled.
    #[serde(with = "seconds")]
    pub stalled_after: TimeDelta,
}

/// When a unit, a batch and a claim are done with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Completion {
    /// A published unit without an answer is in flight for less than this.
    #[serde(with = "seconds")]
    pub answer_timeout: TimeDelta,
    /// A batch with at least this share answered settles when nothing comes for `settle_quiet`, 0 to 1.
    pub settle_share: f64,
    /// How long nothing has to come.
    #[serde(with = "seconds")]
    pub settle_quiet: TimeDelta,
    /// A batch settles this long after its last confirmed publish, whatever is missing.
    #[serde(with = "seconds")]
    pub settle_limit: TimeDelta,
    /// Reasons for which a skipped unit needs no further try.
    pub permanent_skip_reasons: Vec<String>,
    /// Further reasons kept apart in counts; any reason outside both lists is counted as `other`.
    pub other_reasons: Vec<String>,
    /// A prediction claimed this long ago without a row is missing, from exactly then on.
    #[serde(with = "seconds")]
    pub claim_grace: TimeDelta,
    /// How often a settled batch whose rows are not all there is reconciled.
    #[serde(with = "seconds")]
    pub reconcile_every: TimeDelta,
}

/// When and how often units are sent again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// Attempts a unit, the first included, at least 1.
    pub attempts_max: u32,
    /// The last attempt that may follow by itself; later ones belong to the fixed times or a person.
    pub automatic_attempts_max: u32,
    /// How long after settling with a gap an automatic retry starts.
    #[serde(with = "seconds")]
    pub automatic_delay: TimeDelta,
    /// Least time left to the deadline, counted at settling, for an automatic retry; exactly this much is enough.
    #[serde(with = "seconds")]
    pub time_left_min: TimeDelta,
    /// Units sent again a night, in nights' units, the first sending not counted.
    pub budget_nights: f64,
    /// The share of that budget kept for the fixed times, 0 to 1.
    pub budget_share_fixed: f64,
}

impl Pace {
    /// How long `units` take from the first send to the last answer, when every worker takes as long as usual.
    ///
    /// The longer of two: sending along the ramp and then one answer, or as many rounds of answers as the cap on
    /// units in flight needs; whole seconds, rounded up.
    pub fn duration(&self, units: u64) -> TimeDelta {
        let ramp_seconds = self.ramp.num_seconds() as f64;
        let units_in_ramp = (self.start_per_second + self.full_per_second) / 2.0 * ramp_seconds;
        let unit_count = units as f64;
        let sending = if unit_count <= units_in_ramp {
            (unit_count / self.start_per_second).min(ramp_seconds)
        } else {
            ramp_seconds + (unit_count - units_in_ramp) / self.full_per_second
        };
        let answer = self.usual_answer.num_seconds() as f64;
        let rounds = units.div_ceil(u64::from(self.in_flight_max).max(1)) as f64;
        let seconds = (sending + answer).max(rounds * answer).ceil();
        TimeDelta::seconds(seconds.clamp(0.0, DURATION_SECONDS_MAX) as i64)
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            start_per_second: 10.0,
            full_per_second: 50.0,
            ramp: TimeDelta::seconds(10),
            in_flight_max: 100,
            usual_units: 450,
            usual_answer: TimeDelta::seconds(35),
        }
    }
}

impl Default for Dispatch {
    fn default() -> Self {
        Self {
            publish_tries_max: 3,
            stalled_after: TimeDelta::minutes(5),
        }
    }
}

impl Default for Completion {
    fn default() -> Self {
        let permanent = [
            "player_injury_out",
            "no_prop_lines",
            "player_inactive",
            "player_not_found",
            "game_not_found",
            "no_historical_data",
        ];
        Self {
            answer_timeout: TimeDelta::minutes(10),
            settle_share: 0.95,
            settle_quiet: TimeDelta::minutes(10),
            settle_limit: TimeDelta::minutes(30),
            permanent_skip_reasons: permanent.map(str::to_owned).to_vec(),
            other_reasons: vec!["unspecified".to_owned(), "publish".to_owned()],
            claim_grace: TimeDelta::minutes(5),
            reconcile_every: TimeDelta::seconds(60),
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts_max: 3,
            automatic_attempts_max: 2,
            automatic_delay: TimeDelta::minutes(2),
            time_left_min: TimeDelta::minutes(10),
            budget_nights: 2.0,
            budget_share_fixed: 0.5,
        }
    }
}
