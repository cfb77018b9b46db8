//! The one state machine of a handoff's night: what a run is, and `step`, which takes it from one state to the next.
//!
//! `step` delegates to one function a state (`run/<state>.rs`). Asking, sending, storing and telling do not belong
//! here: they are effects and orders of the step.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{
    Asked, Instant,
    alert::Alert,
    baseline::{Baseline, Night},
    calendar::Expectation,
    completion::Counts,
    effect::{Announcement, Effect, Order},
    event::Event,
    ids::{BatchId, RunKey},
    policy::{Instants, Policy},
    readiness::Readiness,
    reason::{Code, Reason},
    sla::{Ruling, Verdict},
    trigger::{Source, Trigger},
};

mod absorb;
mod batch;
mod batches;
mod conclude;
mod dispatching;
mod draft;
mod expected;
mod failed;
mod not_expected;
mod opening;
mod outlook;
mod people;
mod running;
mod settled;
mod snapshot;
mod timers;
mod verdict;
mod verdict_text;
mod waiting;
mod watch;
mod watch_start;

#[cfg(test)]
pub mod sample;
#[cfg(test)]
mod tests;

pub use batch::{AnswerPace, Batch};
pub use batches::{Reach, Staging};
pub use opening::Opening;
pub use outlook::foresee;
pub use snapshot::{NextStep, Snapshot};

use draft::Draft;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Open; nothing has asked for it yet.
    Expected,
    /// Asked for; the upstream's rows are not ready.
    Waiting,
    /// A batch is being sent.
    Dispatching,
    /// A batch is sent; answers or rows are awaited.
    Running,
    /// Every ready unit is predicted with a row, or permanently skipped.
    Complete,
    /// Settled with a gap.
    Partial,
    /// Nothing could be dispatched.
    Failed,
    /// A date without games: no verdict, no deadline, no alert.
    NotExpected,
}

impl State {
    /// Every state, in the order of a night.
    pub const ALL: [Self; 8] = [
        Self::Expected,
        Self::Waiting,
        Self::Dispatching,
        Self::Running,
        Self::Complete,
        Self::Partial,
        Self::Failed,
        Self::NotExpected,
    ];

    /// The name as it stands in tables, metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expected => "expected",
            Self::Waiting => "waiting",
            Self::Dispatching => "dispatching",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::NotExpected => "not_expected",
        }
    }
}

/// Why a run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// Too little was ready when the wait ended.
    InsufficientData,
    /// Every publish of the first batch failed.
    Publish,
}

/// Tonight's work, or an older date that a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// With its promises and alerts.
    Tonight,
    /// A past date: no promises, no alerts, only what has no row.
    Backfill,
}

/// What asked for the run and how it began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// When the first trigger was accepted.
    pub triggered_at: Option<Instant>,
    /// The trigger that leads to the dispatch; final once dispatched.
    pub by: Option<Source>,
    /// When an upstream event was last accepted.
    pub event_at: Option<Instant>,
    /// The upstream's finish that leads to the dispatch; final once dispatched.
    pub finished_at: Option<Instant>,
    /// The first confirmed publish.
    pub dispatched_at: Option<Instant>,
    /// Started with less than there should be.
    pub degraded: bool,
    /// Started though the season file says the date has no games.
    pub on_empty_date: bool,
}

/// A wait for readiness.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// When it began.
    pub since: Instant,
    /// When it ends; exactly then it is over.
    pub until: Instant,
    /// When the warehouse is asked next; `None` while it is being asked.
    pub poll_at: Option<Instant>,
    /// A person wants it dispatched now, however little is ready.
    pub force: bool,
}

/// Questions under way, and whether they are answered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Asking {
    /// Since when readiness is being asked.
    pub readiness_since: Option<Instant>,
    /// Since when rows are being compared.
    pub rows_since: Option<Instant>,
    /// Since when the warehouse could not be asked.
    pub failing_since: Option<Instant>,
    /// What it said when it could not be asked.
    pub error: Option<String>,
    /// An upstream event came while a batch was under way: readiness is asked when it settles.
    pub again: bool,
    /// The trigger that a settled or idle run asks readiness for.
    pub trigger: Option<Trigger>,
}

/// Retries, planned and done.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Retries {
    /// When the automatic retry is due.
    pub automatic_at: Option<Instant>,
    /// A retry that waits for its reconciliation.
    pub pending: Option<Reach>,
    /// A fixed retry fell into a batch: it is done when the batch settles.
    pub remembered: bool,
    /// Fixed occurrences already done or passed over, counted from the first.
    pub fixed_done: usize,
    /// Backup occurrences already done or passed over, counted from the first.
    pub backups_done: usize,
    /// Waves that had anything to send.
    pub waves_sent: u32,
    /// Units sent again so far.
    pub units: u64,
    /// Of these, by the automatic retry.
    pub units_automatic: u64,
    /// Units of the first batch: one night's units.
    pub night_units: u64,
}

/// The forecast's danger, held so that a passing doubt tells nobody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Since when the forecast's upper end is past the deadline.
    pub past_since: Option<Instant>,
    /// The deadline is at risk.
    pub at_risk: bool,
    /// The upper end when it became so; `None`: no end was in sight.
    pub latest_at: Option<Instant>,
}

/// One handoff's night. It carries counts, never the units themselves, and its own promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Whose run, for which date.
    pub key: RunKey,
    /// Tonight's, or a backfill.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: State,
    /// Why it failed, in `Failed`.
    pub failure: Option<Failure>,
    /// Its promises, frozen at its opening.
    pub policy: Policy,
    /// Its instants, frozen at its opening.
    pub instants: Instants,
    /// What nights usually look like, frozen at its opening.
    pub baseline: Baseline,
    /// What the calendar says of the date.
    pub expectation: Expectation,
    /// When it opened.
    pub opened_at: Instant,
    /// Steps that changed it so far.
    pub steps: u64,
    /// What asked for it.
    pub start: Start,
    /// Its wait, in `Waiting`.
    pub wait: Option<Wait>,
    /// Questions under way.
    pub asking: Asking,
    /// The latest successful readiness answer.
    pub readiness: Option<Readiness>,
    /// Its counts.
    pub counts: Counts,
    /// The current or last batch.
    pub batch: Option<Batch>,
    /// A wave being staged.
    pub staging: Option<Staging>,
    /// Batches so far.
    pub batches: u32,
    /// Waves staged so far.
    pub waves: u32,
    /// Retries.
    pub retries: Retries,
    /// The ruling on its promise, once there is one.
    pub ruling: Option<Ruling>,
    /// Since when the ruling is being looked into.
    pub judging_since: Option<Instant>,
    /// The forecast's danger.
    pub risk: Risk,
    /// Its alerts, open and resolved.
    pub alerts: Vec<Alert>,
    /// When every ready unit was satisfied, or it was accepted.
    pub completed_at: Option<Instant>,
    /// The last downstream event, so that each change of state is told once.
    pub announced: Option<Announcement>,
    /// Periodic looks: reconciliation, give-up, catch-up and later readiness.
    pub looks: Looks,
    /// When it closed.
    pub closed_at: Option<Instant>,
}

/// When the periodic looks are due next.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Looks {
    /// Ask the run history: catch-up, or later readiness.
    pub catch_up_at: Option<Instant>,
    /// Compare rows with answers.
    pub rows_at: Option<Instant>,
    /// Give up what has timed out.
    pub give_up_at: Option<Instant>,
    /// The reconciliation shortly before the deadline is done.
    pub checked: bool,
    /// The deadline has been dealt with.
    pub deadline_done: bool,
}

/// What one step did.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The run after it.
    pub run: Run,
    /// To be done after the commit.
    pub effects: Vec<Effect>,
    /// To be done inside the commit; their result is fed back once.
    pub orders: Vec<Order>,
    /// Why; never empty.
    pub why: Vec<Reason>,
}

impl Run {
    /// Whether it has promises: not a backfill, not a date without games.
    pub fn has_promises(&self) -> bool {
        self.purpose == Purpose::Tonight && self.state != State::NotExpected
    }

    /// Whether the upstream is known to have finished: by its event or by its run history, also where that came after the
    /// run had been started without it.
    pub fn upstream_finished(&self) -> bool {
        let answered = self.readiness.as_ref();
        let since = answered.is_some_and(|answer| answer.upstream_finished_at.is_some());
        self.start.finished_at.is_some() || self.start.event_at.is_some() || since
    }

    /// Whether it is settled: nothing is being sent or awaited.
    pub fn is_settled(&self) -> bool {
        matches!(
            self.state,
            State::Complete | State::Partial | State::Failed | State::NotExpected
        )
    }

    /// Whether its gap is within tolerance and something was ready.
    pub fn is_accepted(&self) -> bool {
        let settled = matches!(self.state, State::Complete | State::Partial);
        settled
            && self.counts.ready > 0
            && self
                .policy
                .sla
                .tolerates(self.counts.gap(), self.counts.ready)
    }

    /// Whether its completion and its gap are final for now: it is settled, or its verdict has fallen at the deadline,
    /// or an alert about them is open.
    pub fn is_judged(&self, now: Instant) -> bool {
        self.has_promises() && watch::is_judged(self, now)
    }

    /// Ready units that still need work; those in flight excepted, until the verdict falls at the deadline.
    pub fn gap(&self, now: Instant) -> u64 {
        watch::gap(self, now)
    }

    /// The readiness gap above which people are warned, 0 to 1: as configured, or less where that is unusual.
    pub fn readiness_gap_warning(&self) -> f64 {
        watch_start::readiness_gap_warning(self)
    }

    /// How it stands against its promise; `None` without one.
    pub fn verdict(&self) -> Option<Verdict> {
        if !self.has_promises() {
            return None;
        }
        let open = match (self.judging_since, self.risk.at_risk) {
            (Some(_), _) => Verdict::Judging,
            (None, true) => Verdict::AtRisk,
            (None, false) => Verdict::OnTrack,
        };
        Some(self.ruled().unwrap_or(open))
    }

    /// The verdict that fell on its night, also where the run was opened again as a backfill: repairing mends no record.
    pub fn ruled(&self) -> Option<Verdict> {
        let ruling = self.ruling.as_ref()?;
        Some(if ruling.kept {
            Verdict::Met
        } else {
            Verdict::Breached
        })
    }

    /// From the upstream's finish to the first dispatch, or until now while it grows; `None` before a finish.
    pub fn start_latency(&self, now: Instant) -> Option<TimeDelta> {
        let passed = self.start.dispatched_at.unwrap_or(now) - self.start.finished_at?;
        Some(passed.max(TimeDelta::zero()))
    }

    /// The start latency in seconds.
    pub fn start_latency_seconds(&self, now: Instant) -> Option<f64> {
        let latency = self.start_latency(now)?;
        Some(latency.num_milliseconds() as f64 / 1e3)
    }

    /// When something is next due without anything arriving; `None` once closed.
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        timers::next_wake(self, now)
    }

    /// Its figures for later nights to compare with.
    pub fn night(&self) -> Night {
        let games = self.counts.games.len() as f64;
        let batch = self.batch.as_ref();
        let answered = batch.and_then(|batch| Some((batch.first_sent_at?, batch.last_answer_at?)));
        let sent = self.counts.dispatched as f64;
        let readiness = self.readiness.as_ref();
        Night {
            started_by: self.start.by,
            finish_after_opening_seconds: self
                .start
                .finished_at
                .map(|at| (at - self.instants.opens_at).num_seconds()),
            ready_share: readiness.map(Readiness::share),
            readiness_gap: readiness.map(Readiness::gap_share),
            ready_per_game: (games > 0.0).then(|| self.counts.ready as f64 / games),
            seconds_per_unit: answered
                .filter(|_| sent > 0.0 && self.batches == 1)
                .map(|(first, last)| (last - first).num_milliseconds() as f64 / 1e3 / sent),
        }
    }

    /// Whether a wave may have been frozen: not before the first, nor while that is being staged.
    pub fn may_have_a_plan(&self) -> bool {
        let stages_first = self.waves == 1 && self.staging.is_some();
        self.waves > 0 && !stages_first
    }

    /// The current batch's id, if it has one.
    pub fn batch_id(&self) -> Option<&BatchId> {
        self.batch.as_ref().map(|batch| &batch.id)
    }
}

/// Takes a run one event further. It never fails and never loops: an event that changes nothing returns the same
/// run, no effects, and the reason. `now` is when the event is dealt with.
pub fn step(run: Run, event: &Event, now: Instant) -> Step {
    let before = run.clone();
    let mut draft = Draft::new(run, now);
    if before.closed_at.is_some() {
        after_the_close(&mut draft, event);
        return draft.finish(before);
    }
    let asked = before.asking.readiness_since.is_some();
    absorb::absorb(&mut draft, event);
    people::heed(&mut draft, event);
    match event {
        Event::Ticked => timers::fire(&mut draft),
        Event::Resumed => timers::resume(&mut draft),
        Event::Triggered(trigger) if !timers::take_occurrence(&mut draft, trigger) => {}
        Event::ReadinessAnswered { .. } if !asked => {
            draft.says(Code::Outdated, "readiness was not being asked");
        }
        other => decide(&mut draft, other),
    }
    verdict::judge(&mut draft, event, before.asking.rows_since);
    outlook::hold(&mut draft);
    watch::watch(&mut draft);
    draft.finish(before)
}

/// Nothing moves a closed run; but what becomes of its units still counts, so that its counts are always theirs.
fn after_the_close(draft: &mut Draft, event: &Event) {
    if let Event::Ordered(_)
    | Event::Sent(_)
    | Event::Answered(_)
    | Event::Reconciled(Asked::Known(_)) = event
    {
        absorb::absorb(draft, event);
    }
    draft.says(
        Code::Closed,
        "the run has closed; nothing moves it any more",
    );
}

/// One function a state.
fn decide(draft: &mut Draft, event: &Event) {
    match draft.run.state {
        State::Expected => expected::decide(draft, event),
        State::Waiting => waiting::decide(draft, event),
        State::Dispatching => dispatching::decide(draft, event),
        State::Running => running::decide(draft, event),
        State::Complete | State::Partial => settled::decide(draft, event),
        State::Failed => failed::decide(draft, event),
        State::NotExpected => not_expected::decide(draft, event),
    }
}
