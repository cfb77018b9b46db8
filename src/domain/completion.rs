//! A unit's answer, which answer replaces which, and the counts that follow.
//!
//! The rows themselves belong to the store; when a batch settles belongs to `run`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Instant,
    ids::{BatchId, GameDate, GameId, RequestId, UnitId},
};

/// What became of a unit, as the worker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// At least one prediction was made.
    Predicted,
    /// Nothing was predicted, for the reason given.
    Skipped(String),
    /// It went wrong, for the reason given.
    Failed(String),
}

/// One worker's answer for one unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The unit.
    pub unit: UnitId,
    /// The date it was asked for.
    pub game_date: GameDate,
    /// The batch the worker was asked in, if it says.
    pub batch_id: Option<BatchId>,
    /// The attempt it answers, if it says.
    pub request_id: Option<RequestId>,
    /// What became of the unit.
    pub outcome: Outcome,
    /// How many predictions it says it made.
    pub predictions_generated: u64,
    /// When it was true: the message's publish time, or the receipt where there is none.
    pub answered_at: Instant,
    /// Which worker answered.
    pub worker: Option<String>,
}

/// How a unit stands, lowest rank first: a higher one replaces a lower one at any time, and nothing else does.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// No answer yet.
    #[default]
    Unanswered,
    /// Skipped for a reason that another try may change.
    Skipped,
    /// Failed.
    Failed,
    /// The worker says predicted; the row has not been seen.
    Claimed,
    /// Skipped for a reason that no try changes.
    SkippedForGood,
    /// The prediction row is in the table, whoever wrote it.
    Stored,
}

impl Standing {
    /// Every standing, lowest rank first; its position is its rank.
    pub const ALL: [Self; 6] = [
        Self::Unanswered,
        Self::Skipped,
        Self::Failed,
        Self::Claimed,
        Self::SkippedForGood,
        Self::Stored,
    ];

    /// The standing an outcome gives a unit, given the configured permanent skip reasons.
    pub fn of(outcome: &Outcome, permanent_skips: &[String]) -> Self {
        match outcome {
            Outcome::Predicted => Self::Claimed,
            Outcome::Skipped(reason) if permanent_skips.contains(reason) => Self::SkippedForGood,
            Outcome::Skipped(_) => Self::Skipped,
            Outcome::Failed(_) => Self::Failed,
        }
    }

    /// 0 for no answer up to 5 for a stored row.
    pub fn rank(self) -> u8 {
        self as u8
    }

    /// Whether the unit needs no more work, as far as is known.
    pub fn is_satisfied(self) -> bool {
        self >= Self::Claimed
    }
}

/// Whether an incoming standing replaces the current one: only a higher rank does, so order cannot matter.
pub fn replaces(current: Standing, incoming: Standing) -> bool {
    incoming > current
}

/// Units by standing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standings([u64; 6]);

impl Standings {
    /// How many stand so.
    pub fn of(&self, standing: Standing) -> u64 {
        self.0[standing.rank() as usize]
    }

    /// Adds `units` that stand so.
    pub fn add(&mut self, standing: Standing, units: u64) {
        self.0[standing.rank() as usize] += units;
    }

    /// Takes away `units` that no longer stand so. Tables may disagree, so a count stops at 0.
    pub fn take(&mut self, standing: Standing, units: u64) {
        let count = &mut self.0[standing.rank() as usize];
        *count = count.saturating_sub(units);
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Predicted: stored or claimed.
    pub fn predicted(&self) -> u64 {
        self.of(Standing::Stored) + self.of(Standing::Claimed)
    }

    /// Predicted or permanently skipped.
    pub fn satisfied(&self) -> u64 {
        self.predicted() + self.of(Standing::SkippedForGood)
    }
}

/// Units that changed their standing alike in one set operation; `from` and `to` are the same where only `in_time`
/// changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// How they stood.
    pub from: Standing,
    /// Why, if they were skipped or failed.
    pub from_reason: Option<String>,
    /// How they stand.
    pub to: Standing,
    /// Why, if they are skipped or failed: a configured reason or `other`.
    pub to_reason: Option<String>,
    /// Their game.
    pub game_id: GameId,
    /// Whether they had been dispatched.
    pub dispatched: bool,
    /// Whether they had counted as claimed but missing.
    pub was_missing: bool,
    /// Whether they became satisfied at or before the deadline.
    pub in_time: bool,
    /// Whether they had been satisfied at or before the deadline.
    pub was_in_time: bool,
    /// How many.
    pub units: u64,
}

/// What one set operation did to the units of a run: counts, never members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Changes of standing.
    pub moves: Vec<Move>,
    /// Units in flight that now have their answer.
    pub answered: u64,
    /// Units that had been given up and now have their answer.
    pub answered_late: u64,
    /// Answers that changed nothing.
    pub duplicates: u64,
    /// Answers that came after their time-out or after their batch had settled.
    pub late: u64,
    /// Answers for units that the run does not know.
    pub unknown: u64,
    /// Claims that a successful query did not find a row for after the grace.
    pub newly_missing: u64,
    /// Missing claims that were claimed anew.
    pub renewed: u64,
    /// When the latest satisfied one of these became so.
    pub latest_true_at: Option<Instant>,
    /// When the earliest satisfied one of these became so.
    pub earliest_true_at: Option<Instant>,
}

impl Tally {
    /// Adds another operation's tally to this one.
    pub fn absorb(&mut self, other: Self) {
        for incoming in other.moves {
            self.count(incoming);
        }
        self.answered += other.answered;
        self.answered_late += other.answered_late;
        self.duplicates += other.duplicates;
        self.late += other.late;
        self.unknown += other.unknown;
        self.newly_missing += other.newly_missing;
        self.renewed += other.renewed;
        self.latest_true_at = self.latest_true_at.max(other.latest_true_at);
        self.earliest_true_at = earlier(self.earliest_true_at, other.earliest_true_at);
    }

    /// Adds one kind of change, joined with its like.
    pub fn count(&mut self, incoming: Move) {
        let alike = |known: &&mut Move| {
            Move {
                units: incoming.units,
                ..(**known).clone()
            } == incoming
        };
        match self.moves.iter_mut().find(alike) {
            Some(known) => known.units += incoming.units,
            None => self.moves.push(incoming),
        }
    }

    /// How many units changed their standing.
    pub fn changed(&self) -> u64 {
        self.moves
            .iter()
            .filter(|change| change.from != change.to)
            .map(|change| change.units)
            .sum()
    }

    /// Whether it did nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One game's units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GameCounts {
    /// Ready units of the game.
    pub ready: u64,
    /// Of these, predicted.
    pub predicted: u64,
}

/// A run's counts, all after the filters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Listed units that pass the filters.
    pub expected: u64,
    /// Units with a production-ready, fresh feature row: the latest successful count.
    pub ready: u64,
    /// Listed units that the filters took out.
    pub filtered: u64,
    /// Units ever frozen and sent.
    pub dispatched: u64,
    /// Ready units by standing, dispatched or not.
    pub plan: Standings,
    /// Dispatched units by standing.
    pub sent: Standings,
    /// Claims without a row after the grace.
    pub missing: u64,
    /// Published, unanswered and younger than the answer time-out.
    pub in_flight: u64,
    /// Satisfied at or before the deadline.
    pub in_time: u64,
    /// Answers that changed nothing.
    pub duplicates: u64,
    /// Answers after their time-out.
    pub late: u64,
    /// Answers for units that the run does not know.
    pub unknown: u64,
    /// Skipped and failed units by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Ready and predicted units by game, at most [`GAMES_MAX`].
    pub games: BTreeMap<GameId, GameCounts>,
    /// When the latest satisfied unit became so.
    pub latest_true_at: Option<Instant>,
}

/// Most games a run keeps apart; a slate has at most 15, the rest is room for other handoffs.
pub const GAMES_MAX: usize = 64;

impl Counts {
    /// Dispatched units without an answer.
    pub fn outstanding(&self) -> u64 {
        self.sent.of(Standing::Unanswered)
    }

    /// Ready units skipped, for good or not.
    pub fn skipped(&self) -> u64 {
        self.plan.of(Standing::Skipped) + self.plan.of(Standing::SkippedForGood)
    }

    /// Ready units failed.
    pub fn failed(&self) -> u64 {
        self.plan.of(Standing::Failed)
    }

    /// Ready units that still need work, those in flight excepted.
    pub fn gap(&self) -> u64 {
        self.needing_work().saturating_sub(self.in_flight)
    }

    /// Ready units that still need work, those in flight included: what is open once time is up.
    pub fn needing_work(&self) -> u64 {
        let settled = self.plan.satisfied().saturating_sub(self.missing);
        self.ready.saturating_sub(settled)
    }

    /// Ready units that were not satisfied at the deadline. A claim leaves those in time when its row is found missing.
    pub fn gap_in_time(&self) -> u64 {
        self.ready.saturating_sub(self.in_time)
    }

    /// (predicted + permanent skips) / dispatched, 0 to 1; `None` before anything was dispatched.
    pub fn completion(&self) -> Option<f64> {
        let satisfied = self.sent.satisfied().saturating_sub(self.missing);
        (self.dispatched > 0).then(|| satisfied as f64 / self.dispatched as f64)
    }

    /// Claims whose row has not been seen and whose grace is not over.
    pub fn claims_open(&self) -> u64 {
        self.plan.of(Standing::Claimed).saturating_sub(self.missing)
    }

    /// Takes in what a set operation did. Its changes are joined with their like and stand in no order: a unit's second
    /// may come before its first. So what is gained is counted before what is lost, or a count would stop at 0 too early.
    pub fn fold(&mut self, tally: &Tally) {
        tally.moves.iter().for_each(|change| self.gain(change));
        self.missing += tally.newly_missing;
        tally.moves.iter().for_each(|change| self.lose(change));
        self.missing = self.missing.saturating_sub(tally.renewed);
        self.in_flight = self.in_flight.saturating_sub(tally.answered);
        self.duplicates += tally.duplicates;
        self.late += tally.late;
        self.unknown += tally.unknown;
        self.latest_true_at = self.latest_true_at.max(tally.latest_true_at);
    }

    /// What the units of a change count for from now on.
    fn gain(&mut self, change: &Move) {
        self.plan.add(change.to, change.units);
        if change.dispatched {
            self.sent.add(change.to, change.units);
        }
        if change.in_time {
            self.in_time += change.units;
        }
        if let Some(reason) = &change.to_reason {
            *self.reasons.entry(reason.clone()).or_default() += change.units;
        }
        if is_predicted(change.to)
            && let Some(game) = self.games.get_mut(&change.game_id)
        {
            game.predicted += change.units;
        }
    }

    /// What they counted for until now.
    fn lose(&mut self, change: &Move) {
        let less = |count: &mut u64| *count = count.saturating_sub(change.units);
        self.plan.take(change.from, change.units);
        if change.dispatched {
            self.sent.take(change.from, change.units);
        }
        if change.was_missing {
            less(&mut self.missing);
        }
        if change.was_in_time {
            less(&mut self.in_time);
        }
        if let Some(reason) = &change.from_reason {
            self.reasons.get_mut(reason).map(less);
        }
        if is_predicted(change.from)
            && let Some(game) = self.games.get_mut(&change.game_id)
        {
            less(&mut game.predicted);
        }
    }
}

/// The earlier of two instants, where there are two.
pub fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn is_predicted(standing: Standing) -> bool {
    matches!(standing, Standing::Claimed | Standing::Stored)
}

#[cfg(test)]
mod tests;
