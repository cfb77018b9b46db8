//! A model of the units of one night: what the store and the warehouse hold, kept as plain rows.
//!
//! It counts by looking at every row, so that the counts a run adds up can be held against it. No decision of a run
//! belongs here.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::domain::{
    Instant,
    completion::{GameCounts, Move, Standing, Standings, Tally, replaces},
    effect::StageOrder,
    event::{FrozenTally, SentTally},
    ids::GameId,
};

/// One unit.
#[derive(Debug, Clone, Default)]
pub struct Unit {
    pub standing: Standing,
    pub attempts: u32,
    pub queued: bool,
    pub sent_at: Option<Instant>,
    pub answered: bool,
    pub given_up: bool,
    pub batch: Option<String>,
    pub true_at: Option<Instant>,
    pub missing: bool,
    pub row_at: Option<Instant>,
    game: usize,
}

impl Unit {
    pub fn in_flight(&self) -> bool {
        self.sent_at.is_some() && !self.answered && !self.given_up && !self.queued
    }

    fn needs_work(&self) -> bool {
        (!self.standing.is_satisfied() || self.missing) && self.row_at.is_none()
    }
}

/// All units of a night.
#[derive(Debug, Clone)]
pub struct World {
    pub units: Vec<Unit>,
    pub deadline_at: Instant,
    pub claim_grace: TimeDelta,
    /// Where a handoff only observes, rows are the answers.
    pub rows_answer: bool,
    games: usize,
    staged: Vec<usize>,
    planned: usize,
    batch: String,
}

/// One answer or row for one unit.
#[derive(Debug, Clone, Copy)]
struct Said {
    unit: usize,
    standing: Standing,
    true_at: Instant,
}

impl World {
    pub fn new(ready: usize, games: usize, deadline_at: Instant) -> Self {
        let mut world = Self {
            units: Vec::new(),
            deadline_at,
            claim_grace: TimeDelta::minutes(5),
            rows_answer: false,
            games: games.max(1),
            staged: Vec::new(),
            planned: 0,
            batch: String::new(),
        };
        world.grow(ready);
        world
    }

    /// Makes so many units ready in all; fewer than before leaves orphans out.
    pub fn grow(&mut self, ready: usize) {
        self.units.truncate(ready);
        while self.units.len() < ready {
            let game = self.units.len() % self.games;
            self.units.push(Unit {
                game,
                ..Unit::default()
            });
        }
    }

    pub fn stage(&mut self, order: &StageOrder) -> u64 {
        self.batch = order.batch_id.as_str().to_owned();
        let most = order.units_max.map_or(usize::MAX, |most| most as usize);
        let wanted = |unit: &Unit| {
            unit.needs_work()
                && !unit.in_flight()
                && !unit.queued
                && unit.attempts < order.attempts_max
        };
        let units = self.units.iter().enumerate();
        let wanted = units.filter(|(_, unit)| wanted(unit)).map(|(at, _)| at);
        self.staged = wanted.take(most).collect();
        self.staged.len() as u64
    }

    pub fn freeze(&mut self) -> FrozenTally {
        let staged = std::mem::take(&mut self.staged);
        let mut tally = FrozenTally {
            to_send: staged.len() as u64,
            orphans: self.planned.saturating_sub(self.units.len()) as u64,
            ..FrozenTally::default()
        };
        self.planned = self.units.len();
        for at in staged {
            let unit = &mut self.units[at];
            let again = unit.batch.as_deref() == Some(self.batch.as_str());
            tally.retried += u64::from(unit.attempts > 0);
            tally.resent_answered += u64::from(again && unit.answered);
            tally.resent_given_up += u64::from(again && unit.given_up);
            unit.attempts += 1;
            unit.queued = true;
            unit.sent_at = None;
            unit.answered = false;
            unit.given_up = false;
            unit.batch = Some(self.batch.clone());
        }
        let mut games: BTreeMap<GameId, GameCounts> = BTreeMap::new();
        for unit in &self.units {
            tally.plan.add(unit.standing, 1);
            if unit.attempts > 0 {
                tally.sent.add(unit.standing, 1);
            }
            tally.in_time += u64::from(self.is_in_time(unit));
            tally.missing += u64::from(unit.missing);
            tally.latest_true_at = tally.latest_true_at.max(unit.true_at);
            let game = games.entry(game_id(unit.game)).or_default();
            game.ready += 1;
            game.predicted += u64::from(is_predicted(unit.standing));
        }
        tally.games = games.into_iter().collect();
        tally
    }

    pub fn send(&mut self, most: usize, now: Instant) -> SentTally {
        let mut tally = SentTally {
            at: Some(now),
            ..SentTally::default()
        };
        for unit in self.units.iter_mut().filter(|unit| unit.queued).take(most) {
            unit.queued = false;
            if unit.needs_work() {
                unit.sent_at = Some(now);
                tally.sent += 1;
            } else {
                tally.spared += 1;
            }
        }
        tally
    }

    pub fn refuse(&mut self, now: Instant) -> SentTally {
        let mut tally = SentTally::default();
        for at in 0..self.units.len() {
            if !std::mem::take(&mut self.units[at].queued) {
                continue;
            }
            tally.refused += 1;
            let said = Said {
                unit: at,
                standing: Standing::Failed,
                true_at: now,
            };
            self.merge(said, &mut tally.changes);
        }
        tally
    }

    /// Answers for the first so many units in flight.
    pub fn answer(&mut self, most: usize, standing: Standing, true_at: Instant) -> Tally {
        let flying: Vec<usize> = (0..self.units.len())
            .filter(|at| self.units[*at].in_flight())
            .take(most)
            .collect();
        self.answer_for(&flying, standing, true_at)
    }

    pub fn answer_for(&mut self, units: &[usize], standing: Standing, true_at: Instant) -> Tally {
        let mut tally = Tally::default();
        let known = self.units.len();
        for at in units.iter().copied().filter(|at| *at < known) {
            let unit = &mut self.units[at];
            let awaited = unit.sent_at.is_some() && !unit.answered && !unit.queued;
            tally.answered += u64::from(awaited && !unit.given_up);
            tally.answered_late += u64::from(awaited && unit.given_up);
            unit.answered |= awaited;
            unit.given_up &= !awaited;
            let said = Said {
                unit: at,
                standing,
                true_at,
            };
            if !self.merge(said, &mut tally) {
                tally.duplicates += 1;
            }
        }
        tally
    }

    /// Writes rows for so many of the units that are claimed and have none.
    pub fn store(&mut self, most: usize, now: Instant) {
        let claimed =
            |unit: &&mut Unit| matches!(unit.standing, Standing::Claimed) && unit.row_at.is_none();
        for unit in self.units.iter_mut().filter(claimed).take(most) {
            unit.row_at = Some(now);
        }
    }

    /// Rows for these units, whoever wrote them.
    pub fn rows(&mut self, units: std::ops::Range<usize>, now: Instant) {
        for unit in &mut self.units[units] {
            unit.row_at = unit.row_at.or(Some(now));
        }
    }

    /// What a successful comparison of rows finds.
    pub fn compare(&mut self, now: Instant) -> Tally {
        let mut tally = Tally::default();
        for at in 0..self.units.len() {
            let unit = &self.units[at];
            if let Some(row_at) = unit.row_at {
                if self.rows_answer && unit.in_flight() {
                    tally.answered += 1;
                } else if self.rows_answer && unit.given_up {
                    tally.answered_late += 1;
                }
                let observed = self.rows_answer && unit.sent_at.is_some();
                self.units[at].answered |= observed;
                self.units[at].given_up &= !observed;
                let said = Said {
                    unit: at,
                    standing: Standing::Stored,
                    true_at: row_at,
                };
                self.merge(said, &mut tally);
                continue;
            }
            let old = unit.true_at.is_some_and(|at| at + self.claim_grace <= now);
            if unit.standing == Standing::Claimed && old && !unit.missing {
                let before = unit.clone();
                self.units[at].missing = true;
                tally.newly_missing += 1;
                self.note(&before, at, &mut tally);
            }
        }
        tally
    }

    pub fn give_up(&mut self, sent_until: Instant) -> u64 {
        let mut units = 0;
        for unit in self.units.iter_mut().filter(|unit| unit.in_flight()) {
            if unit.sent_at.is_some_and(|at| at <= sent_until) {
                unit.given_up = true;
                units += 1;
            }
        }
        units
    }

    pub fn release(&mut self) {
        for unit in self.units.iter_mut().filter(|unit| unit.queued) {
            unit.queued = false;
            unit.attempts -= 1;
        }
    }

    pub fn standings(&self) -> Standings {
        let mut standings = Standings::default();
        for unit in &self.units {
            standings.add(unit.standing, 1);
        }
        standings
    }

    fn is_in_time(&self, unit: &Unit) -> bool {
        let satisfied = unit.standing.is_satisfied() && !unit.missing;
        satisfied && unit.true_at.is_some_and(|at| at <= self.deadline_at)
    }

    fn merge(&mut self, said: Said, tally: &mut Tally) -> bool {
        let unit = &mut self.units[said.unit];
        let renewed = unit.missing && said.standing == Standing::Claimed;
        let before = unit.clone();
        if renewed {
            tally.renewed += 1;
        } else if !replaces(unit.standing, said.standing) {
            return false;
        }
        unit.standing = said.standing;
        unit.true_at = Some(said.true_at);
        unit.missing = false;
        if said.standing.is_satisfied() {
            tally.latest_true_at = tally.latest_true_at.max(Some(said.true_at));
            let earliest = tally.earliest_true_at.unwrap_or(said.true_at);
            tally.earliest_true_at = Some(earliest.min(said.true_at));
        }
        self.note(&before, said.unit, tally);
        true
    }

    /// Notes what has become of a unit, if that makes a difference to its standing or to its being in time.
    fn note(&self, before: &Unit, at: usize, tally: &mut Tally) {
        let after = &self.units[at];
        let (was_in_time, in_time) = (self.is_in_time(before), self.is_in_time(after));
        if before.standing == after.standing && was_in_time == in_time {
            return;
        }
        let reason = |standing| match standing {
            Standing::Failed => Some("publish".to_owned()),
            Standing::Skipped | Standing::SkippedForGood => Some("unspecified".to_owned()),
            Standing::Unanswered | Standing::Claimed | Standing::Stored => None,
        };
        tally.count(Move {
            from: before.standing,
            from_reason: reason(before.standing),
            to: after.standing,
            to_reason: reason(after.standing),
            game_id: game_id(after.game),
            dispatched: after.attempts > 0,
            // Said to be predicted once more, it was renewed above.
            was_missing: before.missing && before.standing != after.standing,
            in_time,
            was_in_time,
            units: 1,
        });
    }
}

pub fn game_id(game: usize) -> GameId {
    GameId::new(format!("game-{game:02}"))
}

fn is_predicted(standing: Standing) -> bool {
    matches!(standing, Standing::Claimed | Standing::Stored)
}
