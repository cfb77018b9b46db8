//! What is to be sent: one listed unit and why a unit may be sent again.
//!
//! How fast it is sent belongs to `dispatch`; which rows a unit has belongs to the store.

use serde::{Deserialize, Serialize};

use super::ids::{GameId, UnitId};

/// A unit as the upstream's tables list it, with what its request needs. A missing value is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedUnit {
    /// The unit.
    pub unit: UnitId,
    /// Its game.
    pub game_id: GameId,
    /// Its team.
    pub team_abbr: Option<String>,
    /// The team it meets.
    pub opponent_team_abbr: Option<String>,
    /// Whether it plays at home.
    pub is_home: Option<bool>,
    /// Average minutes over the last seven games; `None` for a player back from a break.
    pub projected_minutes: Option<f64>,
    /// Whether a betting line exists.
    pub has_prop_line: Option<bool>,
    /// The current line in points.
    pub actual_prop_line: Option<f64>,
    /// Whether its prediction row is already there.
    pub has_row: bool,
}
