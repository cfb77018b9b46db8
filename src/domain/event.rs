//! What can happen to a run. Messages, answers to questions, people's commands and passing time all arrive as these.
//!
//! How bytes become an event belongs to `wire` and the engine's inbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Asked, Instant,
    alert::Kind,
    calendar::Expectation,
    completion::{GameCounts, Standings, Tally},
    ids::GameId,
    policy::Policy,
    readiness::Readiness,
    trigger::Trigger,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Something asked for the run.
    Triggered(Trigger),
    /// The warehouse answered, or could not be asked, how ready the date is.
    ReadinessAnswered {
        /// The answer.
        answer: Asked<Readiness>,
        /// What the calendar says of the date, read anew.
        expectation: Expectation,
    },
    /// The units of a wave were staged; nothing is visible yet.
    Staged {
        /// The wave.
        wave: u32,
        /// How many units would be sent, or that the warehouse could not be asked.
        to_send: Asked<u64>,
    },
    /// What an order of the last step did.
    Ordered(Done),
    /// Units were published, or could not be.
    Sent(SentTally),
    /// Units' answers changed their rows.
    Answered(Tally),
    /// Rows of the prediction table were compared with the answers.
    Reconciled(Asked<Tally>),
    /// Time passed.
    Ticked,
    /// Time passed, and another process goes on where the last one ended.
    Resumed,
    /// A person ends the current batch and returns to Waiting.
    Reset {
        /// Who.
        by: String,
        /// Also while units are in flight.
        force: bool,
    },
    /// A person gives up what has been in flight for longer than this many seconds.
    SettleStalled {
        /// Who.
        by: String,
        /// Seconds since the publish, at least 0.
        older_than_seconds: u32,
    },
    /// A person moves the open run to the promises that are configured now.
    Adopted {
        /// Who.
        by: String,
        /// The promises.
        policy: Box<Policy>,
    },
    /// A person acknowledged open alerts of the run.
    Acknowledged {
        /// Who.
        by: String,
        /// Which; none named: all.
        #[serde(default)]
        kinds: Vec<Kind>,
    },
}

/// What an order did, fed back once in the same transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, inside an event that is no smaller"
)]
pub enum Done {
    /// A wave was frozen: from now on its units are the batch's.
    Frozen(FrozenTally),
    /// Units were given up.
    GivenUp {
        /// How many were in flight.
        units: u64,
    },
    /// A batch was ended: what had not been sent is free again.
    Released,
}

/// The plan as it stands once a wave is frozen: counted from the rows, not added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrozenTally {
    /// Units the wave will send.
    pub to_send: u64,
    /// Of these, units that had been sent before in this run.
    pub retried: u64,
    /// Of these, units that an earlier wave of the same batch had sent and that had been answered.
    pub resent_answered: u64,
    /// Of these, units that an earlier wave of the same batch had sent and that had been given up.
    pub resent_given_up: u64,
    /// Ready units by standing.
    pub plan: Standings,
    /// Dispatched units of the plan by standing, the wave's included.
    pub sent: Standings,
    /// Satisfied at or before the deadline.
    pub in_time: u64,
    /// Claims without a row after the grace.
    pub missing: u64,
    /// Ready and predicted units by game.
    pub games: Vec<(GameId, GameCounts)>,
    /// Skipped and failed units by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Units that an earlier plan held and this one does not.
    pub orphans: u64,
    /// When the latest satisfied unit became so.
    pub latest_true_at: Option<Instant>,
}

/// What sending did since it was last reported.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentTally {
    /// Units whose publish was confirmed.
    pub sent: u64,
    /// Units whose publish failed for good: now failed(publish).
    pub refused: u64,
    /// Units that had become satisfied before they were sent.
    pub spared: u64,
    /// When the last of them was confirmed.
    pub at: Option<Instant>,
    /// How the refused units' standing changed.
    pub changes: Tally,
}
