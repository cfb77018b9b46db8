//! The night that tests look at from many sides: 2026-01-19, with games, promised by 7:00 Pacific.
//!
//! What happens in it belongs to each test.

use super::{Opening, Purpose};
use crate::domain::{
    baseline::Baseline,
    calendar::Expectation,
    ids::{GameDate, HandoffId, RunKey},
    policy::Policy,
};

/// What is known when it opens.
pub fn opening() -> Opening {
    Opening {
        key: RunKey {
            handoff: HandoffId::new("phase4-to-phase5"),
            game_date: GameDate("2026-01-19".parse().expect("a date")),
        },
        purpose: Purpose::Tonight,
        policy: Policy::phase4_to_phase5(),
        baseline: Baseline::default(),
        expectation: Expectation::Games,
    }
}
