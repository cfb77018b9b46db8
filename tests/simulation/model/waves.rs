//! The sets of units in the model: staged, frozen, claimed, confirmed, answered, given up.
//!
//! What becomes of one of them belongs to `unit`.

use std::collections::BTreeMap;

use tipoff::{
    domain::{
        Instant,
        completion::{GameCounts, Standing, Tally},
        event::{FrozenTally, SentTally},
        ids::{BatchId, GameId, RunKey, UnitId},
    },
    ports::{
        OpenUnit, StoredRow,
        store::{Attempt, Claim, ClaimOrder, Claimed, Confirmation, RankedAnswer, StagePage},
    },
};

use super::{
    Batch, Model, Set,
    unit::{Arrival, Phase, Plan, Unit},
};

/// How a publish ended.
#[derive(Clone, Copy, PartialEq)]
enum Published {
    Sent,
    Again,
    Refused,
}

impl Set {
    fn plan(&self, deadline_at: Instant) -> Plan {
        let last = self.batches.iter().max_by_key(|batch| batch.wave);
        Plan {
            wave: last.map_or(0, |batch| batch.wave),
            live: last.map_or(0, |batch| if batch.released { 0 } else { batch.wave }),
            deadline_at,
        }
    }

    /// The wave whose listing is the plan; 0 before the first.
    pub fn planned_wave(&self) -> u32 {
        self.plan(Instant::UNIX_EPOCH).wave
    }

    fn list(&mut self, page: &StagePage<'_>, plan: &Plan) {
        for listed in page.units {
            if let Some(unit) = self.units.get_mut(&listed.unit) {
                if unit.listed_wave == plan.wave {
                    unit.plan_wave = plan.wave;
                }
                unit.listed_wave = page.wave;
                if unit.staged_wave == page.wave {
                    unit.staged_wave = 0;
                }
                unit.row_listed = listed.has_row && unit.standing < Standing::Stored;
                unit.listing = listed.clone();
                if unit.row_listed && unit.plan_wave != plan.wave {
                    unit.take_listed_row();
                }
            } else {
                let unit = fresh(listed, page.wave);
                self.units.insert(listed.unit.clone(), unit);
            }
        }
    }

    fn stage(&mut self, page: &StagePage<'_>) -> u64 {
        let plan = self.plan(page.deadline_at);
        self.list(page, &plan);
        let mut staged = 0;
        for listed in page.units {
            let unit = self.units.get_mut(&listed.unit).expect("it was listed");
            let is_open = matches!(unit.phase, Phase::Sending | Phase::Sent);
            let is_live = plan.live > 0 && unit.staged_wave == plan.live;
            let takes = unit.needs_work()
                && !unit.row_listed
                && !is_open
                && !is_live
                && unit.attempt < page.attempts_max
                && page.units_max.is_none_or(|most| staged < most);
            if takes {
                if plan.wave > 0 && unit.staged_wave == plan.wave {
                    unit.frozen_wave = plan.wave;
                }
                unit.staged_wave = page.wave;
                staged += 1;
            }
        }
        staged
    }

    fn freeze(&mut self, batch_id: &BatchId, wave: u32) -> FrozenTally {
        let before = self.plan(Instant::UNIX_EPOCH);
        match self.batches.iter_mut().find(|it| it.id == *batch_id) {
            Some(batch) => batch.wave = wave,
            None => self.batches.push(Batch {
                id: batch_id.clone(),
                wave,
                released: false,
            }),
        }
        let mut tally = FrozenTally::default();
        let mut games: BTreeMap<GameId, GameCounts> = BTreeMap::new();
        for unit in self.units.values_mut() {
            let is_listed = unit.listed_wave == wave;
            if is_listed && unit.row_listed && unit.standing < Standing::Stored {
                unit.take_listed_row();
            }
            if is_listed {
                count(unit, wave, &mut tally);
                let game = games.entry(unit.game_id().clone()).or_default();
                game.ready += 1;
                let predicted = [Standing::Claimed, Standing::Stored].contains(&unit.standing);
                game.predicted += u64::from(predicted);
            } else if unit.is_of(before.wave) {
                tally.orphans += 1;
            }
            if unit.staged_wave == wave {
                let again = unit.batch_id.as_deref() == Some(batch_id.as_str());
                let answered = unit.phase == Phase::Answered && unit.sent_at.is_some();
                tally.to_send += 1;
                tally.retried += u64::from(unit.attempt > 0);
                tally.resent_answered += u64::from(again && answered);
                tally.resent_given_up += u64::from(again && unit.phase == Phase::GivenUp);
            }
        }
        tally.games = games.into_iter().collect();
        tally
    }

    fn candidates(&self, order: &ClaimOrder<'_>, most: usize) -> Vec<UnitId> {
        let is_in_doubt = |unit: &&Unit| {
            unit.lease_until.is_some_and(|until| until <= order.now)
                && unit.batch_id.as_deref() == Some(order.batch_id.as_str())
        };
        let mut found: Vec<&Unit> = self.units.values().filter(is_in_doubt).collect();
        found.sort_by_key(|unit| (unit.lease_until, unit.listing.unit.clone()));
        if found.is_empty() {
            let is_staged = |unit: &&Unit| unit.staged_wave == order.wave;
            found = self.units.values().filter(is_staged).collect();
        }
        let ids = found.into_iter().map(|unit| unit.listing.unit.clone());
        ids.take(most).collect()
    }

    fn claim(&mut self, order: &ClaimOrder<'_>) -> Claimed {
        let mut claimed = Claimed::default();
        let is_sendable = self
            .batches
            .iter()
            .any(|it| it.id == *order.batch_id && it.wave >= order.wave && !it.released);
        while is_sendable && claimed.units.len() < order.units_max as usize {
            let page = self.candidates(order, order.units_max as usize - claimed.units.len());
            if page.is_empty() {
                break;
            }
            for id in page {
                let unit = self.units.get_mut(&id).expect("it was found");
                match take(unit, order) {
                    Some(claim) => claimed.units.push(claim),
                    None => claimed.spared += 1,
                }
            }
        }
        claimed
    }

    fn settle(
        &mut self,
        (attempts, how): (&[Attempt], Published),
        at: Instant,
        tally: &mut SentTally,
    ) {
        let plan = self.plan(at);
        for Attempt { unit, attempt } in attempts {
            let Some(unit) = self.units.get_mut(unit) else {
                continue;
            };
            if unit.lease_until.is_none() || unit.attempt != *attempt {
                continue;
            }
            let was_answered = unit.is_answered_early();
            if how == Published::Again && !was_answered {
                unit.tries += 1;
                unit.lease_until = Some(Instant::UNIX_EPOCH);
                continue;
            }
            unit.lease_until = None;
            if how == Published::Refused && !was_answered {
                tally.refused += 1;
                unit.phase = Phase::Refused;
                if Standing::Failed > unit.standing {
                    let failed = Arrival {
                        standing: Standing::Failed,
                        reason: Some("publish".to_owned()),
                        reason_text: None,
                        true_at: at,
                    };
                    let mut changes = Tally::default();
                    unit.arrive(failed, &plan, &mut changes);
                    tally.changes.absorb(changes);
                }
                continue;
            }
            tally.sent += 1;
            tally.changes.answered += u64::from(was_answered);
            unit.sent_at = Some(at);
            if !was_answered {
                unit.phase = Phase::Sent;
            }
        }
    }
}

fn fresh(listed: &tipoff::domain::plan::ListedUnit, wave: u32) -> Unit {
    Unit {
        listing: listed.clone(),
        listed_wave: wave,
        plan_wave: 0,
        staged_wave: 0,
        frozen_wave: 0,
        row_listed: false,
        standing: if listed.has_row {
            Standing::Stored
        } else {
            Standing::Unanswered
        },
        reason: None,
        reason_text: None,
        true_at: None,
        in_time: listed.has_row,
        claimed_at: None,
        missing: false,
        dispatched: false,
        attempt: 0,
        phase: Phase::Idle,
        batch_id: None,
        sent_at: None,
        lease_until: None,
        tries: 0,
    }
}

fn count(unit: &Unit, wave: u32, tally: &mut FrozenTally) {
    tally.plan.add(unit.standing, 1);
    if unit.dispatched || unit.staged_wave == wave {
        tally.sent.add(unit.standing, 1);
    }
    tally.in_time += u64::from(unit.in_time);
    tally.missing += u64::from(unit.missing);
    if let Some(reason) = &unit.reason {
        *tally.reasons.entry(reason.clone()).or_default() += 1;
    }
    if unit.standing.is_satisfied() {
        tally.latest_true_at = tally.latest_true_at.max(unit.true_at);
    }
}

/// Takes a unit for sending, or spares it.
fn take(unit: &mut Unit, order: &ClaimOrder<'_>) -> Option<Claim> {
    let was_in_doubt = unit.lease_until.is_some();
    unit.staged_wave = 0;
    unit.dispatched = true;
    if unit.is_answered_early() || !unit.needs_work() {
        unit.phase = Phase::Answered;
        unit.batch_id = None;
        unit.lease_until = None;
        return None;
    }
    if !was_in_doubt {
        unit.attempt += 1;
        unit.tries = 0;
    }
    unit.phase = Phase::Sending;
    unit.batch_id = Some(order.batch_id.as_str().to_owned());
    unit.sent_at = None;
    unit.lease_until = Some(order.lease_until);
    Some(Claim {
        unit: unit.listing.clone(),
        attempt: unit.attempt,
        tries: unit.tries,
    })
}

impl Model {
    pub fn stage(&mut self, page: &StagePage<'_>) -> u64 {
        self.set_mut(page.key).stage(page)
    }

    pub fn freeze(&mut self, key: &RunKey, batch_id: &BatchId, wave: u32) -> FrozenTally {
        self.set_mut(key).freeze(batch_id, wave)
    }

    pub fn give_up(&mut self, key: &RunKey, sent_until: Instant) -> u64 {
        let is_late = |unit: &&mut Unit| {
            unit.phase == Phase::Sent && unit.sent_at.is_some_and(|at| at <= sent_until)
        };
        let late = self.set_mut(key).units.values_mut().filter(is_late);
        late.map(|unit| unit.phase = Phase::GivenUp).count() as u64
    }

    pub fn release(&mut self, key: &RunKey, batch_id: &BatchId) {
        let set = self.set_mut(key);
        for batch in set.batches.iter_mut().filter(|it| it.id == *batch_id) {
            batch.released = true;
        }
        for unit in set.units.values_mut() {
            let is_its = unit.batch_id.as_deref() == Some(batch_id.as_str());
            if is_its && unit.lease_until.take().is_some() && unit.phase == Phase::Sending {
                unit.phase = Phase::Idle;
            }
        }
    }

    pub fn claim(&mut self, order: &ClaimOrder<'_>) -> Claimed {
        self.set_mut(order.key).claim(order)
    }

    pub fn confirm(&mut self, confirmation: &Confirmation<'_>) -> SentTally {
        let mut tally = SentTally {
            at: Some(confirmation.at),
            ..SentTally::default()
        };
        let set = self.set_mut(confirmation.key);
        for outcome in [
            (confirmation.sent, Published::Sent),
            (confirmation.again, Published::Again),
            (confirmation.refused, Published::Refused),
        ] {
            set.settle(outcome, confirmation.at, &mut tally);
        }
        tally
    }

    pub fn answers(
        &mut self,
        key: &RunKey,
        answers: &[RankedAnswer],
        deadline_at: Instant,
    ) -> Vec<Tally> {
        let set = self.set_mut(key);
        let plan = set.plan(deadline_at);
        let merge = |answer: &RankedAnswer| match set.units.get_mut(&answer.unit) {
            Some(unit) => unit.answer(answer, &plan),
            None => Tally {
                unknown: 1,
                ..Tally::default()
            },
        };
        answers.iter().map(merge).collect()
    }

    pub fn rows(&mut self, key: &RunKey, rows: &[StoredRow], deadline_at: Instant) -> Tally {
        let mut earliest: BTreeMap<&UnitId, Instant> = BTreeMap::new();
        for row in rows {
            let at = earliest.entry(&row.unit).or_insert(row.created_at);
            *at = row.created_at.min(*at);
        }
        let set = self.set_mut(key);
        let plan = set.plan(deadline_at);
        let mut tally = Tally::default();
        for (id, created_at) in earliest {
            if let Some(unit) = set.units.get_mut(id) {
                tally.absorb(unit.see_row(created_at, &plan));
            }
        }
        tally
    }

    pub fn missing(&mut self, key: &RunKey, claimed_until: Instant) -> Tally {
        let set = self.set_mut(key);
        let plan = set.plan(claimed_until);
        let is_due = |unit: &&mut Unit| {
            unit.standing == Standing::Claimed
                && !unit.missing
                && unit.claimed_at.is_some_and(|at| at <= claimed_until)
        };
        let mut due: Vec<_> = set.units.values_mut().filter(is_due).collect();
        due.sort_by_key(|unit| (unit.claimed_at, unit.listing.unit.clone()));
        let mut tally = Tally::default();
        for unit in due {
            tally.absorb(unit.miss(&plan));
        }
        tally
    }

    pub fn open_units(&self, key: &RunKey, most: u32) -> Vec<OpenUnit> {
        let set = self.set(key);
        let wave = set.plan(Instant::UNIX_EPOCH).wave;
        let is_open = |unit: &&Unit| unit.needs_work() && unit.is_of(wave);
        let mut open: Vec<&Unit> = set.units.values().filter(is_open).collect();
        open.sort_by_key(|unit| (unit.game_id().clone(), unit.listing.unit.clone()));
        open.truncate(most as usize);
        let show = |unit: &Unit| OpenUnit {
            unit: unit.listing.unit.clone(),
            game_id: unit.game_id().clone(),
            standing: unit.standing,
            reason: unit.reason_text.clone().or_else(|| unit.reason.clone()),
            attempts: unit.attempt,
        };
        open.into_iter().map(show).collect()
    }
}
