//! Nights to show and to test with: figures of real game nights, and everything around them generated from a seed.
//!
//! Running a demo belongs to `commands`; no other layer may depend on this one.

pub mod conduct;
pub mod figures;
pub mod folder;
pub mod live;
mod names;
pub mod night;
pub mod pace;
pub mod season;
pub mod slate;
pub mod tape;
pub mod upstream;

use rand::{SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};

use crate::domain::ids::GameDate;

/// Randomness for one purpose of one date, so that drawing more for one purpose changes nothing of another.
fn random(seed: u64, game_date: GameDate, purpose: &str) -> StdRng {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(game_date.to_string());
    hash.update(purpose);
    StdRng::from_seed(hash.finalize().into())
}
