//! What the upstream's tables say of a date, and whether that is enough to start.
//!
//! Asking the tables belongs to the warehouse; waiting belongs to the run.

use serde::{Deserialize, Serialize};

use super::{
    Instant,
    ids::GameId,
    policy,
    reason::{Code, Reason},
};

/// One bucket of the feature quality spread: scores from `from` (included) up to `to` (excluded; 100 included).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QualityBucket {
    /// Lowest score of the bucket, 0 to 100.
    pub from: u32,
    /// First score past the bucket, up to 101.
    pub to: u32,
    /// Units in it.
    pub units: u64,
}

/// What the warehouse answered about a date. Counts are taken after the configured filters, except `filtered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    /// The instant the upstream finished by its run history (status success or partial); `None`: not finished.
    pub upstream_finished_at: Option<Instant>,
    /// Units the context table lists that pass the filters.
    pub expected: u64,
    /// Units with a feature row, passing the filters.
    pub feature_rows: u64,
    /// Units with a production-ready, fresh feature row, passing the filters.
    pub ready: u64,
    /// Production-ready but older than the freshness limit: counted in `feature_rows`, not in `ready`.
    pub stale: u64,
    /// Listed units the filters took out.
    pub filtered: u64,
    /// Feature rows' quality scores in ten-point buckets, lowest first; empty buckets are left out.
    pub quality: Vec<QualityBucket>,
    /// How many different quality scores there are; 1 over many units looks systematic.
    pub quality_scores_distinct: u64,
    /// When the newest feature row was written.
    pub newest_feature_at: Option<Instant>,
    /// The games the context table knows; empty is "unknown", not "none".
    pub games: Vec<GameId>,
}

impl Readiness {
    /// The ready share of the units with a feature row, 0 to 1; 0 without rows.
    pub fn share(&self) -> f64 {
        if self.feature_rows == 0 {
            0.0
        } else {
            self.ready as f64 / self.feature_rows as f64
        }
    }

    /// The share of expected units that are not ready, 0 to 1; 0 where nothing is expected.
    pub fn gap_share(&self) -> f64 {
        if self.expected == 0 {
            0.0
        } else {
            self.expected.saturating_sub(self.ready) as f64 / self.expected as f64
        }
    }

    /// Rows there are, none is ready and all have one score: that is no chance. The sentence shows the spread.
    pub fn looks_systematic(&self) -> Option<String> {
        if self.ready > 0 || self.feature_rows < 2 || self.quality_scores_distinct != 1 {
            return None;
        }
        let spread: Vec<String> = self
            .quality
            .iter()
            .map(|bucket| {
                format!(
                    "{} score {} to {}",
                    bucket.units,
                    bucket.from,
                    bucket.to.saturating_sub(1)
                )
            })
            .collect();
        let rows = self.feature_rows;
        Some(format!(
            "0 of {rows} ready, all with the same score: this looks systematic ({})",
            spread.join(", ")
        ))
    }
}

/// How long a run has waited and may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// When the wait began, or the upstream finished, whichever is later.
    pub since: Instant,
    /// When the wait ends; exactly then it is over.
    pub until: Instant,
}

/// What follows from a successful readiness answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Start: enough is ready, or as much as usual.
    Start(Reason),
    /// Start with less than there should be, and say so.
    StartDegraded(Reason),
    /// Not yet; the reason says what is missing.
    Wait(Reason),
    /// The wait is over and too little is ready.
    GiveUp(Reason),
}

/// Decides whether what is ready is enough. `finished`: the upstream finished, by its event or its run history.
pub fn decide(
    readiness: &Readiness,
    finished: bool,
    rules: &Rules<'_>,
    waited: Waited,
    now: Instant,
) -> Decision {
    let policy = rules.policy;
    let (ready, rows, expected) = (readiness.ready, readiness.feature_rows, readiness.expected);
    let over = now >= waited.until;
    let enough = readiness.share() >= policy.share_min || ready >= policy.ready_units;
    let floor = policy.floor(expected);
    let figures = format!("{ready} of {rows} feature rows are ready, {expected} expected");
    if finished && enough && ready > 0 {
        return Decision::Start(Reason::new(Code::Ready, figures));
    }
    let short = finished && now >= waited.since + policy.short_wait;
    if short && ready >= floor && rules.is_usual(readiness.share()) {
        let text = format!("{figures}: less than wanted, but {}", rules.usual_text());
        return Decision::Start(Reason::new(Code::UsualShare, text));
    }
    if over && ready >= floor {
        let text = format!("the wait is over; going on with what is there: {figures}");
        return Decision::StartDegraded(Reason::new(Code::Degraded, text));
    }
    let systematic = readiness
        .looks_systematic()
        .map(|text| format!("; {text}"))
        .unwrap_or_default();
    if over {
        let text =
            format!("the wait is over and fewer than {floor} are ready: {figures}{systematic}");
        return Decision::GiveUp(Reason::new(Code::InsufficientData, text));
    }
    if !finished {
        let text = format!("the upstream has not finished; {figures}");
        return Decision::Wait(Reason::new(Code::UpstreamNotFinished, text));
    }
    let wanted = format!(
        "wanted {:.0} % or {}",
        policy.share_min * 100.0,
        policy.ready_units
    );
    Decision::Wait(Reason::new(
        Code::NotReady,
        format!("{figures}; {wanted}{systematic}"),
    ))
}

/// What readiness is measured against.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The promised numbers.
    pub policy: &'a policy::Readiness,
    /// The median ready share of the last ten nights; `None` while fewer are known.
    pub usual_share: Option<f64>,
}

impl Rules<'_> {
    fn is_usual(&self, share: f64) -> bool {
        // A rounding error must not decide: 0.15 apart counts as within 0.15.
        self.usual_share
            .is_none_or(|usual| (usual - share).abs() <= self.policy.usual_share_tolerance + 1e-9)
    }

    fn usual_text(&self) -> String {
        match self.usual_share {
            Some(usual) => format!("about the usual share ({:.0} %)", usual * 100.0),
            None => format!(
                "fewer than {} nights are known to compare with",
                self.policy.nights_known_min
            ),
        }
    }
}
