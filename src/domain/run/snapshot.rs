//! A run as it stood at one instant: what a message, a summary or a live message may say of it, and nothing else.
//!
//! Sentences and layout belong to `render`; names of units are the store's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Run, State, foresee, settled};
use crate::domain::{
    Instant,
    alert::Alert,
    completion::GameCounts,
    forecast::Forecast,
    ids::{BatchId, GameId, RunKey},
    sla::Verdict,
    trigger::Source,
    zone::Zone,
};

/// A run as it stood at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose run, for which date.
    pub key: RunKey,
    /// When it stood so.
    pub at: Instant,
    /// The zone people read its schedule in.
    pub schedule_zone: Zone,
    /// The calendar's zone.
    pub calendar_zone: Zone,
    /// What people call one unit, in the singular.
    pub unit_noun: String,
    /// It only observes: another coordinator does the work.
    pub observing: bool,
    /// Where it stands.
    pub state: State,
    /// How it stands against its promise; `None` without one.
    pub verdict: Option<Verdict>,
    /// Whether the verdict was confirmed by the tables; `None` before there is one.
    pub confirmed: Option<bool>,
    /// The promise; `None` without one.
    pub deadline_at: Option<Instant>,
    /// The trigger that led or leads to the dispatch.
    pub started_by: Option<Source>,
    /// When the upstream finished.
    pub upstream_finished_at: Option<Instant>,
    /// When the first trigger was accepted.
    pub triggered_at: Option<Instant>,
    /// The first confirmed publish.
    pub dispatched_at: Option<Instant>,
    /// From the upstream's finish to the first dispatch, or until then while it grows.
    pub latency_seconds: Option<f64>,
    /// When every ready unit was satisfied, or the run was accepted.
    pub completed_at: Option<Instant>,
    /// The current or last batch.
    pub batch_id: Option<BatchId>,
    /// When it will be finished; `None` where nothing is left to finish.
    pub forecast: Option<Forecast>,
    /// Units by what became of them.
    pub counts: UnitCounts,
    /// Skipped and failed units by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Ready and predicted units by game.
    pub games: BTreeMap<GameId, GameCounts>,
    /// Waves that were sent again so far.
    pub retries: u32,
    /// What happens next by itself, earliest first.
    pub next: Vec<NextStep>,
    /// Since when the warehouse could not be asked, and what it said.
    pub could_not_ask: Option<(Instant, String)>,
    /// Its alerts, open and resolved.
    pub alerts: Vec<Alert>,
}

/// Units by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitCounts {
    /// Listed units that pass the filters.
    pub expected: u64,
    /// With a production-ready, fresh feature row.
    pub ready: u64,
    /// Taken out by the filters.
    pub filtered: u64,
    /// Frozen and sent.
    pub dispatched: u64,
    /// Predicted: with a row, or claimed by a worker.
    pub predicted: u64,
    /// Skipped, for good or not.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
    /// Dispatched and without an answer.
    pub outstanding: u64,
    /// Of these, published and younger than the answer time-out.
    pub in_flight: u64,
    /// Ready units that still need work, those in flight included.
    pub needing_work: u64,
    /// Claimed as predicted, and no row was found after the grace.
    pub claimed_missing: u64,
}

/// What the service will do by itself, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NextStep {
    /// The backup starts the run.
    Backup(Instant),
    /// The wait for readiness ends.
    WaitEnds(Instant),
    /// Units that need work are sent again.
    Retry(Instant),
    /// The verdict falls.
    Verdict(Instant),
    /// The run closes; nothing moves it after that.
    Closes(Instant),
}

impl NextStep {
    /// When.
    pub fn at(self) -> Instant {
        match self {
            Self::Backup(at)
            | Self::WaitEnds(at)
            | Self::Retry(at)
            | Self::Verdict(at)
            | Self::Closes(at) => at,
        }
    }
}

impl Run {
    /// The run as it stands now.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let counts = &self.counts;
        Snapshot {
            key: self.key.clone(),
            at: now,
            schedule_zone: self.policy.schedule.zone,
            calendar_zone: self.policy.calendar_zone,
            unit_noun: self.policy.unit_noun.clone(),
            observing: self.is_observing(),
            state: self.state,
            verdict: self.verdict(),
            confirmed: self.ruling.as_ref().map(|ruling| ruling.confirmed),
            deadline_at: self.has_promises().then_some(self.instants.deadline_at),
            started_by: self.start.by,
            upstream_finished_at: self.start.finished_at,
            triggered_at: self.start.triggered_at,
            dispatched_at: self.start.dispatched_at,
            latency_seconds: self.start_latency_seconds(now),
            completed_at: self.completed_at,
            batch_id: self.batch_id().cloned(),
            // Once it is judged and at rest, nothing is to come that could be foreseen.
            forecast: foresee(self, now).filter(|_| self.ruling.is_none() || !self.is_settled()),
            counts: UnitCounts {
                expected: counts.expected,
                ready: counts.ready,
                filtered: counts.filtered,
                dispatched: counts.dispatched,
                predicted: counts.plan.predicted(),
                skipped: counts.skipped(),
                failed: counts.failed(),
                outstanding: counts.outstanding(),
                in_flight: counts.in_flight,
                needing_work: counts.needing_work(),
                claimed_missing: counts.missing,
            },
            reasons: counts.reasons.clone(),
            games: counts.games.clone(),
            retries: self.retries.waves_sent.saturating_sub(1),
            next: next(self),
            could_not_ask: self
                .asking
                .failing_since
                .map(|since| (since, self.asking.error.clone().unwrap_or_default())),
            alerts: self.alerts.clone(),
        }
    }
}

/// What is to come, promised only if it will.
fn next(run: &Run) -> Vec<NextStep> {
    let mut next = Vec::new();
    if run.state == State::NotExpected || run.closed_at.is_some() {
        return next;
    }
    if run.start.triggered_at.is_none() {
        let backup = run.instants.backups_at.get(run.retries.backups_done);
        next.extend(backup.copied().map(NextStep::Backup));
    }
    next.extend(run.wait.as_ref().map(|wait| NextStep::WaitEnds(wait.until)));
    let fixed = run.instants.retries_at.get(run.retries.fixed_done).copied();
    let fixed = fixed.filter(|_| settled::retry_to_come(run));
    next.extend(run.retries.automatic_at.or(fixed).map(NextStep::Retry));
    if run.has_promises() && run.ruling.is_none() {
        next.push(NextStep::Verdict(run.instants.deadline_at));
    }
    next.push(NextStep::Closes(run.instants.closes_at));
    next.sort_by_key(|step| step.at());
    next
}

#[cfg(test)]
mod tests {
    use super::NextStep;
    use crate::domain::{
        Instant,
        calendar::Expectation,
        event::Event,
        run::{Opening, Run, sample, step},
    };

    fn at(time: &str) -> Instant {
        format!("2026-01-19T{time}-08:00").parse().unwrap()
    }

    fn run(expectation: Expectation) -> Run {
        let opening = Opening {
            expectation,
            ..sample::opening()
        };
        let run = Run::open(opening, at("00:00:00"));
        step(run, &Event::Ticked, at("00:00:00")).run
    }

    #[test]
    fn what_comes_next_is_told_earliest_first_and_only_what_will() {
        let night = run(Expectation::Games).snapshot(at("00:01:00"));
        let closes = NextStep::Closes("2026-01-20T07:00:00-08:00".parse().unwrap());
        assert_eq!(
            night.next,
            [
                NextStep::Backup(at("06:00:00")),
                NextStep::Verdict(at("07:00:00")),
                closes
            ]
        );
        let none = run(Expectation::NoGames).snapshot(at("00:01:00"));
        assert_eq!((none.next, none.deadline_at), (Vec::new(), None));
    }
}
