//! What was measured: a name, what is wanted, and a value from each round.
//!
//! How it is measured belongs to the files named for it; where it is written to `report`.

use std::time::Duration;

use serde::Serialize;

/// What is wanted of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// At most this much.
    AtMost(f64),
    /// At least this much.
    AtLeast(f64),
    /// Nothing: it stands there to be known.
    Known,
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What it is of.
    pub what: String,
    /// Its unit.
    pub unit: &'static str,
    /// What is wanted.
    pub wanted: Wanted,
    /// A value a round, in the order of the rounds.
    pub values: Vec<f64>,
}

impl Figure {
    /// A figure of one round.
    pub fn new(what: impl Into<String>, unit: &'static str, wanted: Wanted, value: f64) -> Self {
        Self {
            what: what.into(),
            unit,
            wanted,
            values: vec![value],
        }
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// The middle one of its values.
    pub fn median(&self) -> f64 {
        let sorted = self.sorted();
        sorted[sorted.len() / 2]
    }

    /// The lowest and the highest of its values.
    pub fn spread(&self) -> (f64, f64) {
        let sorted = self.sorted();
        (sorted[0], sorted[sorted.len() - 1])
    }

    /// Whether its median is what is wanted; `None` where nothing is.
    pub fn is_reached(&self) -> Option<bool> {
        match self.wanted {
            Wanted::AtMost(most) => Some(self.median() <= most),
            Wanted::AtLeast(least) => Some(self.median() >= least),
            Wanted::Known => None,
        }
    }
}

/// Adds the figures of one more round to those of the earlier ones.
pub fn add(all: &mut Vec<Figure>, round: Vec<Figure>) {
    for figure in round {
        match all.iter_mut().find(|known| known.what == figure.what) {
            Some(known) => known.values.extend(figure.values),
            None => all.push(figure),
        }
    }
}

/// The value below which this share of the times lies, in milliseconds.
pub fn quantile(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let place = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[place].as_secs_f64() * 1e3
}
