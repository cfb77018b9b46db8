//! The names of things: each a newtype, so that none can stand where another belongs.
//!
//! Ids are data: they may hold any character, and nothing here cuts, cleans or interprets them.

use std::{fmt, marker::PhantomData};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// A name of one kind of thing, kept exactly as it was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent, bound = "")]
pub struct Id<Kind>(String, PhantomData<Kind>);

impl<Kind> Id<Kind> {
    /// Wraps the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into(), PhantomData)
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<Kind> fmt::Display for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A configured handoff, for example `phase4-to-phase5`.
pub type HandoffId = Id<kind::Handoff>;
/// One thing to be processed, for example a player's lookup name.
pub type UnitId = Id<kind::Unit>;
/// One game of a date.
pub type GameId = Id<kind::Game>;
/// One wave of dispatch inside a run, for example `batch_2026-01-19_1768838151`.
pub type BatchId = Id<kind::Batch>;
/// A message as its sender numbered it; the inbox accepts each once.
pub type MessageId = Id<kind::Message>;
/// The idempotency key of one unit's one attempt: `handoff/date/unit/attempt`.
pub type RequestId = Id<kind::Request>;

/// A configured way to reach people, for example `slack`.
pub type ChannelId = Id<kind::Channel>;

/// What an [`Id`] can name.
pub mod kind {
    /// A handoff.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Handoff {}
    /// A unit.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Unit {}
    /// A game.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Game {}
    /// A batch.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Batch {}
    /// A message.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Message {}
    /// A channel.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Channel {}
    /// A request.
    #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Request {}
}

/// The local calendar day a run is for, in the calendar's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GameDate(pub NaiveDate);

impl fmt::Display for GameDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The one run of a handoff for a game date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunKey {
    /// Whose run it is.
    pub handoff: HandoffId,
    /// The day it is for.
    pub game_date: GameDate,
}

impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.handoff, self.game_date)
    }
}

#[cfg(test)]
mod tests {
    use super::{GameDate, HandoffId, RunKey, UnitId};

    #[test]
    fn incident_14_an_id_is_kept_as_it_was_given() {
        for name in ["karl-anthony", "o'neal/2", " 🏀 ", ""] {
            let unit = UnitId::new(name);
            assert_eq!((unit.as_str(), unit.to_string().as_str()), (name, name));
            let stored = serde_json::to_string(&unit).unwrap();
            assert_eq!(serde_json::from_str::<UnitId>(&stored).unwrap(), unit);
        }
    }

    #[test]
    fn a_run_is_named_by_its_handoff_and_date() {
        let key = RunKey {
            handoff: HandoffId::new("phase4-to-phase5"),
            game_date: GameDate("2026-01-19".parse().unwrap()),
        };
        assert_eq!(key.to_string(), "phase4-to-phase5 2026-01-19");
    }
}
