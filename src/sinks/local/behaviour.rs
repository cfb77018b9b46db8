//! What the built-in workers do with a request: drawn from the seed, the unit and the attempt, never from the order
//! in which requests come.
//!
//! Which behaviour a night had belongs to `demo`.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng, rngs::StdRng};
use sha2::{Digest, Sha256};

use crate::{domain::ids::UnitId, ports::Request};

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Rows are stored and the answer says so.
    Predicted,
    /// Nothing is stored; the answer is a skip for that reason.
    Skipped(String),
    /// Nothing is stored; the answer is a failure for that reason.
    Failed(String),
    /// Nothing is stored and no answer comes.
    Silent,
    /// Rows are stored and no answer comes.
    StoredSilently,
    /// The answer claims predictions and nothing is stored.
    ClaimedWithoutRow,
}

/// A share of the requests that end for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The reason, for example `player_injury_out`.
    pub reason: String,
    /// 0 to 1.
    pub share: f64,
}

/// What happens to one named unit instead of a draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// What becomes of it.
    pub fate: Fate,
    /// The last attempt it happens to, that one included; `None`: to every attempt. Later ones are predicted.
    pub attempts_max: Option<u32>,
}

/// How the built-in workers behave. Shares are of all requests, 0 to 1, and together at most 1; what is left of them
/// is predicted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Behaviour {
    /// Answers that are skips, by reason.
    pub skips: Vec<Share>,
    /// Answers that are failures, by reason.
    pub failures: Vec<Share>,
    /// No answer and no row.
    pub silent: f64,
    /// Rows, and no answer.
    pub stored_silently: f64,
    /// An answer that claims predictions, and no row.
    pub claimed_without_row: f64,
    /// The last attempt the shares apply to, that one included; `None`: to every attempt. Later ones are predicted.
    pub attempts_max: Option<u32>,
    /// Of the answers: delivered twice under one message id. Applies besides the shares above.
    pub redelivered: f64,
    /// Of the answers: published again as a second message with the same content. Applies besides the others.
    pub repeated: f64,
    /// Of the stored units: a superseded, inactive row is stored too. Applies besides the others.
    pub superseded: f64,
    /// Seconds by which a worker's first request takes longer.
    pub cold_start_seconds: f64,
    /// Units whose fate is given.
    pub overrides: BTreeMap<UnitId, Override>,
}

/// Everything that is drawn for one request; the same request always draws the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// What becomes of it.
    pub fate: Fate,
    /// Where the simulated time lies between its least and its most, 0 to 1.
    pub pace: f64,
    /// Whether the answer is delivered twice under one message id.
    pub redelivered: bool,
    /// Whether the answer is published a second time.
    pub repeated: bool,
    /// Whether a superseded row is stored too.
    pub superseded: bool,
}

impl Behaviour {
    /// Draws what becomes of a request.
    pub fn draw(&self, seed: u64, request: &Request) -> Draw {
        let unit = &request.unit.unit;
        let mut random = StdRng::seed_from_u64(mix(seed, unit, request));
        // Drawn in a fixed order and whether used or not, so that changing one setting moves nothing else.
        let roll: f64 = random.random();
        let pace: f64 = random.random();
        let [redelivered, repeated, superseded]: [f64; 3] = random.random();
        let fate = match self.overrides.get(unit) {
            Some(given) if applies(given.attempts_max, request.attempt) => given.fate.clone(),
            Some(_) => Fate::Predicted,
            None if applies(self.attempts_max, request.attempt) => self.share_at(roll),
            None => Fate::Predicted,
        };
        Draw {
            fate,
            pace,
            redelivered: redelivered < self.redelivered,
            repeated: repeated < self.repeated,
            superseded: superseded < self.superseded,
        }
    }

    fn share_at(&self, roll: f64) -> Fate {
        let skips = self
            .skips
            .iter()
            .map(|skip| (skip.share, Fate::Skipped(skip.reason.clone())));
        let failures = self
            .failures
            .iter()
            .map(|failure| (failure.share, Fate::Failed(failure.reason.clone())));
        let others = [
            (self.silent, Fate::Silent),
            (self.stored_silently, Fate::StoredSilently),
            (self.claimed_without_row, Fate::ClaimedWithoutRow),
        ];
        let mut upper = 0.0;
        for (share, fate) in skips.chain(failures).chain(others) {
            upper += share;
            if roll < upper {
                return fate;
            }
        }
        Fate::Predicted
    }
}

fn applies(attempts_max: Option<u32>, attempt: u32) -> bool {
    attempts_max.is_none_or(|attempts_max| attempt <= attempts_max)
}

fn mix(seed: u64, unit: &UnitId, request: &Request) -> u64 {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(request.game_date.to_string());
    hash.update(request.attempt.to_be_bytes());
    hash.update(unit.as_str());
    first_number(&hash.finalize())
}

/// The first eight bytes of a hash as a number.
pub(super) fn first_number(hash: &[u8]) -> u64 {
    hash.iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
