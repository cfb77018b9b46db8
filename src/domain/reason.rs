//! Why something happened or did not: a name from a closed list, for counting, and a sentence, for people.
//!
//! Which reason applies is decided where the decision is made, not here.

use serde::{Deserialize, Serialize};

/// The closed list of reasons. Every "no" has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The run was opened by the calendar or by a trigger.
    Opened,
    /// The service was started again in the middle of the night.
    Resumed,
    /// The season file says the date has no games.
    NoGames,
    /// A date thought empty has games or ready units after all.
    GamesAfterAll,
    /// A trigger was accepted and moved the run.
    Accepted,
    /// A trigger was added to what is already under way.
    Merged,
    /// There is nothing to do for this trigger.
    NothingToDo,
    /// There is nothing to retry.
    NothingToRetry,
    /// Nothing is newly ready and nothing needs work.
    NothingNew,
    /// Not the configured final processor.
    NotFinalProcessor,
    /// A backfill event does not start a run.
    Backfill,
    /// The sender asked that nothing be started.
    SkipRequested,
    /// The upstream did not end well.
    UpstreamStatus,
    /// The date's run has closed, or would have.
    PastDate,
    /// The date is later than the day after today's game date.
    FutureDate,
    /// The upstream has not finished.
    UpstreamNotFinished,
    /// The upstream has finished; its event has a few minutes to arrive.
    EventAwaited,
    /// Enough is ready.
    Ready,
    /// About as much is ready as usual, though less than wanted.
    UsualShare,
    /// Not enough is ready yet.
    NotReady,
    /// The wait is over: what is ready goes, degraded.
    Degraded,
    /// The wait is over and too little is ready.
    InsufficientData,
    /// The warehouse could not be asked.
    CouldNotAsk,
    /// A person forces the start.
    Forced,
    /// The set of units was frozen.
    Frozen,
    /// Units were sent.
    Sent,
    /// Every publish of a batch failed.
    PublishFailed,
    /// Answers changed the counts.
    Answers,
    /// Answers changed nothing.
    NothingChanged,
    /// Unanswered units were given up.
    TimedOut,
    /// The batch has an answer for every unit.
    AllAnswered,
    /// The batch settles though answers are missing: nothing comes any more.
    Quiet,
    /// The batch settles though answers are missing: its time is up.
    BatchLimit,
    /// A person settles the batch now.
    SettledByPerson,
    /// Rows were compared with the answers.
    Reconciled,
    /// Claims still wait for their rows.
    RowsAwaited,
    /// The run is complete.
    Complete,
    /// The run settled with a gap.
    Partial,
    /// A retry was planned.
    RetryPlanned,
    /// A retry is due.
    RetryDue,
    /// A retry is remembered until the batch settles.
    RetryRemembered,
    /// No retry: attempts, budget or time are used up.
    NoRetry,
    /// An occurrence was missed while the service was down; only the latest of its kind is done.
    Missed,
    /// The promise was kept.
    Met,
    /// The promise was broken.
    Breached,
    /// The verdict was corrected by a reconciliation.
    Corrected,
    /// The verdict is being looked into.
    Judging,
    /// The promise is in danger, or no longer.
    Forecast,
    /// A person reset the run.
    Reset,
    /// A person moved the run to other promises.
    Adopted,
    /// A reset was refused: units are in flight.
    InFlight,
    /// An alert was acknowledged.
    Acknowledged,
    /// The run has closed.
    Closed,
    /// Time passed and nothing was due.
    NothingDue,
    /// An answer came to a question that is no longer asked.
    Outdated,
    /// Nobody is told or sent anything: the handoff only observes.
    Observing,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 56] = [
        Self::Opened,
        Self::Resumed,
        Self::NoGames,
        Self::GamesAfterAll,
        Self::Accepted,
        Self::Merged,
        Self::NothingToDo,
        Self::NothingToRetry,
        Self::NothingNew,
        Self::NotFinalProcessor,
        Self::Backfill,
        Self::SkipRequested,
        Self::UpstreamStatus,
        Self::PastDate,
        Self::FutureDate,
        Self::UpstreamNotFinished,
        Self::EventAwaited,
        Self::Ready,
        Self::UsualShare,
        Self::NotReady,
        Self::Degraded,
        Self::InsufficientData,
        Self::CouldNotAsk,
        Self::Forced,
        Self::Frozen,
        Self::Sent,
        Self::PublishFailed,
        Self::Answers,
        Self::NothingChanged,
        Self::TimedOut,
        Self::AllAnswered,
        Self::Quiet,
        Self::BatchLimit,
        Self::SettledByPerson,
        Self::Reconciled,
        Self::RowsAwaited,
        Self::Complete,
        Self::Partial,
        Self::RetryPlanned,
        Self::RetryDue,
        Self::RetryRemembered,
        Self::NoRetry,
        Self::Missed,
        Self::Met,
        Self::Breached,
        Self::Corrected,
        Self::Judging,
        Self::Forecast,
        Self::Reset,
        Self::Adopted,
        Self::InFlight,
        Self::Acknowledged,
        Self::Closed,
        Self::NothingDue,
        Self::Outdated,
        Self::Observing,
    ];

    /// The name as it stands in tables, metrics and JSON.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok();
        let name = name.as_ref().and_then(serde_json::Value::as_str);
        name.unwrap_or_default().to_owned()
    }
}

/// A reason as stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its name.
    pub code: Code,
    /// Its sentence, without a full stop.
    pub text: String,
}

impl Reason {
    /// A reason with its sentence.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn every_code_is_listed_once() {
        // The reader names every variant it knows when it meets one that it does not.
        let error = serde_json::from_str::<Code>("\"no_such_code\"").unwrap_err();
        let text = error.to_string();
        let known = text.split('`').skip(3).step_by(2).count();
        assert_eq!(Code::ALL.len(), known, "{text}");
        for code in Code::ALL {
            assert!(text.contains(&format!("`{}`", code.name())), "{code:?}");
        }
    }
}
