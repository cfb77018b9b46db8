//! Units that need work, a group a game, each with how it stands.
//!
//! Which units are named is decided where the notice is made.

use super::UnitGroup;
use crate::{domain::completion::Standing, ports::OpenUnit};

/// Units that a letter names at most.
pub const NAMED_MAX: usize = 20;

/// The first units by game, in the order in which they were given.
pub fn groups(units: &[OpenUnit]) -> Vec<UnitGroup> {
    let mut groups: Vec<UnitGroup> = Vec::new();
    for unit in units.iter().take(NAMED_MAX) {
        let game = unit.game_id.as_str();
        let name = format!("{} ({})", unit.unit, how(unit));
        match groups.iter_mut().find(|group| group.game == game) {
            Some(group) => group.units.push(name),
            None => groups.push(UnitGroup {
                game: game.to_owned(),
                units: vec![name],
            }),
        }
    }
    groups
}

/// How many need work beyond those that are named.
pub fn unnamed(units: &[OpenUnit], needing_work: u64) -> u64 {
    let named = units.len().min(NAMED_MAX) as u64;
    needing_work.saturating_sub(named)
}

/// How a unit stands, in words.
pub fn how(unit: &OpenUnit) -> String {
    let stands = match unit.standing {
        Standing::Unanswered if unit.attempts == 0 => "not sent",
        Standing::Unanswered => "no answer",
        Standing::Claimed => "claimed, no row",
        Standing::Skipped | Standing::SkippedForGood => "skipped",
        Standing::Failed => "failed",
        Standing::Stored => "predicted",
    };
    let spoken = matches!(
        unit.standing,
        Standing::Skipped | Standing::SkippedForGood | Standing::Failed
    );
    let reason = match unit.reason.as_deref().filter(|_| spoken) {
        Some(reason) => format!(": {reason}"),
        None => String::new(),
    };
    let attempts = match unit.attempts {
        0 | 1 => String::new(),
        more => format!(", {more} attempts"),
    };
    format!("{stands}{reason}{attempts}")
}
