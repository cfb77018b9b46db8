//! What a step did: counters, histograms and one log line, all derived from what it returned.
//!
//! Called after the commit, so that nothing is counted which did not happen. How things stand is set by `show`.

use super::{Metrics, catalogue, labels, show::unix_seconds};
use crate::{
    domain::{
        Asked,
        completion::Tally,
        effect::Effect,
        event::{Done, Event},
        reason::{Code, Reason},
        run::{Purpose, Run, State},
        trigger::Source,
    },
    ports::store::HistoryEntry,
};

/// One committed entry of a night's history with the run on both sides of it.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'a> {
    /// The entry.
    pub entry: &'a HistoryEntry,
    /// The run before, without any steps where it was opened just now; `None`: there was none.
    pub before: Option<&'a Run>,
    /// The run afterwards; `None`: a message was refused before any run.
    pub after: Option<&'a Run>,
}

impl Moved<'_> {
    /// Where the run stood before; `None`: nowhere, it was opened just now.
    fn from(&self) -> Option<State> {
        self.before.filter(|run| run.steps > 0).map(|run| run.state)
    }

    /// Whether the run stands elsewhere now; one that was opened just now does.
    fn changed_state(&self) -> bool {
        self.entry.step.is_some() && self.entry.state != self.from()
    }

    fn says(&self, code: Code) -> bool {
        says(&self.entry.why, code)
    }
}

/// Counts what a step did.
pub fn record_step(metrics: &Metrics, moved: &Moved<'_>) {
    let entry = moved.entry;
    let handoff = entry.key.handoff.as_str();
    if entry.step.is_some() {
        metrics.add(&catalogue::STEPS, &[handoff], 1);
    }
    for reason in &entry.why {
        // What is no refusal is outside this metric's closed set.
        metrics.add(&catalogue::REFUSALS, &[handoff, &reason.code.name()], 1);
    }
    record_triggers(metrics, moved);
    record_latency(metrics, moved);
    record_event(metrics, handoff, entry.event.as_ref());
    for effect in &entry.effects {
        record_told(metrics, handoff, effect);
    }
}

/// Logs what a step did: `warn` where the warehouse could not be asked, `info` where the run changed its state or
/// opened, else `debug`.
pub fn log_step(moved: &Moved<'_>) {
    let entry = moved.entry;
    let (handoff, game_date) = (&entry.key.handoff, entry.key.game_date);
    let state = entry.state.map_or("none", State::name);
    let why = entry
        .why
        .iter()
        .map(|reason| reason.text.as_str())
        .collect::<Vec<_>>()
        .join("; ");
    if moved.says(Code::CouldNotAsk) {
        tracing::warn!(%handoff, %game_date, state, why, "{} is {state}: {why}", entry.key);
    } else if moved.changed_state() {
        let from = moved.from().map_or("opened", State::name);
        tracing::info!(%handoff, %game_date, state, why, "{}: {from} → {state}: {why}", entry.key);
    } else {
        tracing::debug!(%handoff, %game_date, state, why, "{} is {state}: {why}", entry.key);
    }
}

/// What became of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Merged,
    Refused,
    NothingToDo,
}

impl Outcome {
    fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Merged => "merged",
            Self::Refused => "refused",
            Self::NothingToDo => "nothing_to_do",
        }
    }

    /// The strongest that the reasons say; a trigger that none speaks of was accepted.
    fn of(why: &[Reason]) -> Self {
        let any = |codes: &[Code]| codes.iter().any(|code| says(why, *code));
        if any(&[Code::Accepted, Code::GamesAfterAll, Code::RetryDue]) {
            Self::Accepted
        } else if any(&[Code::Merged, Code::RetryRemembered]) {
            Self::Merged
        } else if any(&REFUSED) {
            Self::Refused
        } else if any(&[
            Code::NothingToDo,
            Code::NothingToRetry,
            Code::NothingNew,
            Code::NoGames,
            Code::NoRetry,
        ]) {
            Self::NothingToDo
        } else {
            Self::Accepted
        }
    }
}

/// Why a trigger is turned away, before any run or by a closed one.
const REFUSED: [Code; 7] = [
    Code::NotFinalProcessor,
    Code::Backfill,
    Code::SkipRequested,
    Code::UpstreamStatus,
    Code::PastDate,
    Code::FutureDate,
    Code::Closed,
];

fn record_triggers(metrics: &Metrics, moved: &Moved<'_>) {
    let entry = moved.entry;
    let handoff = entry.key.handoff.as_str();
    let outcome = Outcome::of(&entry.why);
    for source in triggers(moved) {
        let labels = [handoff, source.name(), outcome.name()];
        metrics.add(&catalogue::TRIGGERS, &labels, 1);
        if outcome != Outcome::Refused {
            let at = unix_seconds(entry.at);
            metrics.raise(&catalogue::TRIGGER_HEARD, &[handoff, source.name()], at);
        }
    }
}

/// What asked for the run in this step: a trigger that came, an occurrence of its own schedule, or its catch-up.
fn triggers(moved: &Moved<'_>) -> Vec<Source> {
    match &moved.entry.event {
        Some(Event::Triggered(trigger)) => vec![trigger.source],
        // Only an upstream event is recorded without a run.
        None if Outcome::of(&moved.entry.why) == Outcome::Refused => vec![Source::Event],
        Some(Event::Ticked | Event::Resumed) => occurrences(moved),
        Some(Event::ReadinessAnswered { .. }) if is_catch_up(moved) => vec![Source::CatchUp],
        Some(
            Event::ReadinessAnswered { .. }
            | Event::Staged { .. }
            | Event::Ordered(_)
            | Event::Sent(_)
            | Event::Answered(_)
            | Event::Reconciled(_)
            | Event::Reset { .. }
            | Event::SettleStalled { .. }
            | Event::Acknowledged { .. }
            | Event::Adopted { .. },
        )
        | None => Vec::new(),
    }
}

/// Several missed occurrences of one kind are done as one, and so counted.
fn occurrences(moved: &Moved<'_>) -> Vec<Source> {
    let Some((before, after)) = moved.before.zip(moved.after) else {
        return Vec::new();
    };
    let (before, after) = (&before.retries, &after.retries);
    let mut sources = Vec::new();
    if after.backups_done > before.backups_done {
        sources.push(Source::Backup);
    }
    if after.fixed_done > before.fixed_done {
        sources.push(Source::Retry);
    }
    sources
}

/// A run that nothing had asked for accepts its own catch-up when readiness is answered.
fn is_catch_up(moved: &Moved<'_>) -> bool {
    moved.says(Code::Accepted) && moved.before.is_some_and(|run| run.state == State::Expected)
}

/// The step with the first confirmed publish ends the start latency.
fn record_latency(metrics: &Metrics, moved: &Moved<'_>) {
    let (Some(before), Some(after)) = (moved.before, moved.after) else {
        return;
    };
    let first = before.start.dispatched_at.is_none() && after.start.dispatched_at.is_some();
    if !first || after.purpose == Purpose::Backfill {
        return;
    }
    if let Some(seconds) = after.start_latency_seconds(moved.entry.at) {
        let handoff = moved.entry.key.handoff.as_str();
        metrics.observe(&catalogue::START_LATENCY, &[handoff], seconds);
    }
}

fn record_event(metrics: &Metrics, handoff: &str, event: Option<&Event>) {
    match event {
        Some(Event::Answered(tally)) => record_answers(metrics, handoff, tally),
        Some(Event::Sent(tally)) => {
            metrics.add(&catalogue::PUBLISHES, &[handoff, "sent"], tally.sent);
            metrics.add(&catalogue::PUBLISHES, &[handoff, "refused"], tally.refused);
        }
        Some(Event::Ordered(Done::Frozen(tally))) => {
            metrics.add(&catalogue::RETRIED_UNITS, &[handoff], tally.retried);
        }
        Some(
            Event::Triggered(_)
            | Event::ReadinessAnswered { .. }
            | Event::Staged { .. }
            | Event::Ordered(Done::GivenUp { .. } | Done::Released)
            | Event::Reconciled(Asked::Known(_) | Asked::CouldNotAsk(_))
            | Event::Ticked
            | Event::Resumed
            | Event::Reset { .. }
            | Event::SettleStalled { .. }
            | Event::Acknowledged { .. }
            | Event::Adopted { .. },
        )
        | None => {}
    }
}

fn record_answers(metrics: &Metrics, handoff: &str, tally: &Tally) {
    let kinds = [
        ("new", tally.changed()),
        ("duplicate", tally.duplicates),
        ("late", tally.late),
        ("unknown", tally.unknown),
    ];
    for (kind, answers) in kinds {
        metrics.add(&catalogue::ANSWERS, &[handoff, kind], answers);
    }
    for change in &tally.moves {
        if let Some(outcome) = labels::outcome(change.to) {
            metrics.add(
                &catalogue::ANSWERED_UNITS,
                &[handoff, outcome],
                change.units,
            );
        }
    }
}

fn record_told(metrics: &Metrics, handoff: &str, effect: &Effect) {
    let Effect::Tell(told) = effect else {
        return;
    };
    for one in told {
        let change = labels::change(one.change);
        let severity = labels::severity(one.alert.severity);
        metrics.add(&catalogue::ALERT_CHANGES, &[handoff, change, severity], 1);
    }
}

fn says(why: &[Reason], code: Code) -> bool {
    why.iter().any(|reason| reason.code == code)
}

#[cfg(test)]
mod tests;
