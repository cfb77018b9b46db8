//! Sends what a wave froze: claims a few units, publishes them at the pace, keeps what was confirmed.
//!
//! The ledger is the unit rows: what a crash left in doubt is claimed again under the same key. How fast units may
//! go belongs to `domain::dispatch`.

use chrono::TimeDelta;
use tokio::sync::futures::Notified;

use super::{
    EngineError, Shared,
    apply::{self, Applied},
    insist::insist,
    outbox::LEASE,
    transaction::Measured,
};
use crate::{
    domain::{
        Instant,
        dispatch::{Pacer, request_id},
        event::{Event, SentTally},
        ids::{BatchId, RunKey},
        run::{Run, State},
    },
    ports::{
        PortError, Request,
        store::{Attempt, Claim, ClaimOrder, Claimed, Confirmation, OutboxItem},
    },
};

/// Most units claimed at a time.
const CLAIM_UNITS_MAX: u64 = 1_000;
/// Units claimed first; each claim may be twice the last, so that the first unit does not wait for a thousand.
const CLAIM_UNITS_FIRST: u64 = 16;
/// How long it waits for a free slot before it looks again.
const LOOK: TimeDelta = TimeDelta::seconds(1);

/// Sends until nothing is left, the batch is no longer the run's, or the engine stops: then the rest is handed back.
/// What was claimed in the transaction of the freeze goes first.
pub async fn send(
    shared: &Shared,
    item: &OutboxItem,
    batch_id: &BatchId,
    claimed: Option<(&Run, Claimed)>,
) -> Result<(), EngineError> {
    let Some(handoff) = shared.handoff(&item.key) else {
        return Ok(());
    };
    let mut sending = Sending {
        shared,
        item,
        batch_id,
        pacer: Pacer::new(handoff.policy.pace.clone(), shared.clock.now()),
        leased_until: item.due_at,
        most: CLAIM_UNITS_FIRST,
    };
    if let Some((run, claimed)) = claimed {
        let wave = sending_wave(run, batch_id).unwrap_or_default();
        let now = shared.clock.now();
        let next_at = sending.publish_on(run, wave, (claimed, now)).await?;
        sending.pause_until(next_at).await;
    }
    loop {
        // From before the run is read: a slot that is freed meanwhile is not missed.
        let freed = shared.slots.notified();
        let Some(run) = shared.store.run(&item.key).await? else {
            return Ok(());
        };
        let Some(wave) = sending_wave(&run, batch_id) else {
            return Ok(());
        };
        if shared.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        let now = shared.clock.now();
        if !sending.prolong(now).await? {
            return Ok(());
        }
        let allowed = sending.allowance(&run, now);
        if allowed == 0 {
            let paced = Some(sending.pacer.next_at(now)).filter(|at| *at > now);
            wait_for_slot(shared, paced.unwrap_or(now + LOOK), freed).await;
            continue;
        }
        let claimed = sending.claim(&run, wave, allowed).await?;
        let next_at = sending.publish_on(&run, wave, (claimed, now)).await?;
        sending.pause_until(next_at).await;
    }
}

/// Claims a new wave's first units in the transaction that froze it, as far as the pace allows.
pub async fn claim_first(
    shared: &Shared,
    transaction: &mut Measured,
    applied: &mut Applied,
    batch_id: &BatchId,
) -> Result<Option<Claimed>, EngineError> {
    let (Some(handoff), Some(wave)) = (
        shared.handoff(&applied.run.key),
        sending_wave(&applied.run, batch_id),
    ) else {
        return Ok(None);
    };
    let now = shared.clock.now();
    let left = left_to_send(&applied.run).min(CLAIM_UNITS_FIRST);
    let pacer = Pacer::new(handoff.policy.pace.clone(), now);
    let units = pacer.allowance(applied.run.counts.in_flight, left, now);
    if units == 0 {
        return Ok(None);
    }
    let order = Wave {
        batch_id,
        wave,
        units,
    };
    let claimed = claim(shared, transaction, &applied.run.key, &order).await?;
    let tally = spared(&claimed);
    if let Some(more) = note(shared, transaction, &applied.run.key, tally).await? {
        applied.absorb(more);
    }
    Ok(Some(claimed))
}

/// A batch being sent.
struct Sending<'a> {
    shared: &'a Shared,
    item: &'a OutboxItem,
    batch_id: &'a BatchId,
    pacer: Pacer,
    leased_until: Instant,
    /// Most units of the next claim.
    most: u64,
}

impl Sending<'_> {
    /// Keeps the effect this process's; `false`: it is not any more.
    async fn prolong(&mut self, now: Instant) -> Result<bool, EngineError> {
        if self.leased_until >= now + LEASE / 2 {
            return Ok(true);
        }
        self.leased_until = now + LEASE;
        let store = &self.shared.store;
        Ok(store
            .prolong_lease(&self.item.id, self.leased_until)
            .await?)
    }

    fn allowance(&self, run: &Run, now: Instant) -> u64 {
        let most = left_to_send(run).min(self.most);
        self.pacer.allowance(run.counts.in_flight, most, now)
    }

    async fn pause_until(&self, at: Instant) {
        let pause = self.shared.clock.sleep_until(at);
        self.shared.stop.run_until_cancelled(pause).await;
    }

    async fn claim(&mut self, run: &Run, wave: u32, units: u64) -> Result<Claimed, EngineError> {
        let order = Wave {
            batch_id: self.batch_id,
            wave,
            units,
        };
        let mut transaction = self.shared.begin().await?;
        let claimed = claim(self.shared, &mut transaction, &run.key, &order).await?;
        let noted = note(self.shared, &mut transaction, &run.key, spared(&claimed)).await?;
        transaction.commit().await?;
        if let Some(applied) = noted {
            applied.record(self.shared);
        }
        Ok(claimed)
    }

    /// Publishes what is claimed, and what is claimed in the transaction that keeps how the last went, until the pace
    /// wants a pause; says until when.
    async fn publish_on(
        &mut self,
        run: &Run,
        wave: u32,
        (mut claimed, mut claimed_at): (Claimed, Instant),
    ) -> Result<Instant, EngineError> {
        loop {
            let requests: Vec<Request> = claimed
                .units
                .iter()
                .map(|claim| request(run, self.batch_id, claim))
                .collect();
            let results = publish(self.shared, run, &requests).await;
            let tries_max = run.policy.dispatch.publish_tries_max;
            let verdicts = sort(&claimed.units, &results, tries_max);
            let next_at = match claimed.units.len() as u64 + claimed.spared {
                0 => claimed_at + LOOK,
                taken => {
                    self.pacer.note(taken, claimed_at);
                    self.pacer.next_at(self.shared.clock.now())
                }
            };
            self.most = (self.most * 2).min(CLAIM_UNITS_MAX);
            let keep = || self.confirm(run, wave, (&verdicts, next_at));
            let Some(next) = insist(self.shared, claimed_at + LEASE, keep).await? else {
                return Ok(next_at);
            };
            (claimed, claimed_at) = next;
        }
    }

    /// Keeps how publishing went, and claims the next units in the same transaction where they may go at once.
    async fn confirm(
        &self,
        run: &Run,
        wave: u32,
        (verdicts, next_at): (&Verdicts, Instant),
    ) -> Result<Option<(Claimed, Instant)>, EngineError> {
        let shared = self.shared;
        let mut transaction = shared.begin().await?;
        let now = shared.clock.now();
        let Verdicts {
            sent,
            again,
            refused,
        } = verdicts;
        let tally = transaction
            .confirm(Confirmation {
                key: &run.key,
                sent,
                again,
                refused,
                at: now,
            })
            .await?;
        let mut noted = note(shared, &mut transaction, &run.key, tally).await?;
        let may_go_on = next_at <= now
            && again.is_empty()
            && !shared.stop.is_cancelled()
            && self.leased_until >= now + LEASE / 2;
        let mut next = None;
        if let Some(applied) = noted.as_mut().filter(|_| may_go_on)
            && sending_wave(&applied.run, self.batch_id) == Some(wave)
        {
            let units = self.allowance(&applied.run, now);
            if units > 0 {
                let order = Wave {
                    batch_id: self.batch_id,
                    wave,
                    units,
                };
                let claimed = claim(shared, &mut transaction, &run.key, &order).await?;
                let more = note(shared, &mut transaction, &run.key, spared(&claimed)).await?;
                if let Some(more) = more {
                    applied.absorb(more);
                }
                next = Some((claimed, now));
            }
        }
        transaction.commit().await?;
        if let Some(applied) = noted {
            applied.record(shared);
        }
        Ok(next)
    }
}

async fn wait_for_slot(shared: &Shared, until: Instant, freed: Notified<'_>) {
    tokio::select! {
        biased;
        () = shared.clock.sleep_until(until) => {}
        () = freed => {}
        () = shared.stop.cancelled() => {}
    }
}

/// The wave to send, while the batch is the run's and has anything left.
fn sending_wave(run: &Run, batch_id: &BatchId) -> Option<u32> {
    let batch = run.batch.as_ref().filter(|batch| batch.id == *batch_id)?;
    (run.state == State::Dispatching && batch.left_to_send() > 0).then_some(batch.wave)
}

fn left_to_send(run: &Run) -> u64 {
    run.batch.as_ref().map_or(0, |batch| batch.left_to_send())
}

struct Wave<'a> {
    batch_id: &'a BatchId,
    wave: u32,
    units: u64,
}

async fn claim(
    shared: &Shared,
    transaction: &mut Measured,
    key: &RunKey,
    wave: &Wave<'_>,
) -> Result<Claimed, EngineError> {
    let now = shared.clock.now();
    Ok(transaction
        .claim(ClaimOrder {
            key,
            batch_id: wave.batch_id,
            wave: wave.wave,
            units_max: u32::try_from(wave.units).unwrap_or(u32::MAX),
            lease_until: now + LEASE,
            now,
        })
        .await?)
}

fn spared(claimed: &Claimed) -> SentTally {
    SentTally {
        spared: claimed.spared,
        ..SentTally::default()
    }
}

/// Takes the run on by what was done to its rows, in their transaction, so that no crash can part the rows and the
/// counts; `None`: it changes nothing.
async fn note(
    shared: &Shared,
    transaction: &mut Measured,
    key: &RunKey,
    tally: SentTally,
) -> Result<Option<Applied>, EngineError> {
    let nothing = SentTally {
        at: tally.at,
        ..SentTally::default()
    };
    if tally == nothing {
        return Ok(None);
    }
    let Some(run) = transaction.run(key).await? else {
        return Ok(None);
    };
    let (event, now) = (Event::Sent(tally), shared.clock.now());
    Ok(Some(
        apply::apply(shared, &mut **transaction, run, event, now).await?,
    ))
}

fn request(run: &Run, batch_id: &BatchId, claim: &Claim) -> Request {
    Request {
        request_id: request_id(&run.key, &claim.unit.unit, claim.attempt),
        handoff: run.key.handoff.clone(),
        game_date: run.key.game_date,
        batch_id: batch_id.clone(),
        attempt: claim.attempt,
        unit: claim.unit.clone(),
    }
}

/// A handoff that only observes sends nothing: everything else is the same.
async fn publish(shared: &Shared, run: &Run, requests: &[Request]) -> Vec<Result<(), PortError>> {
    match shared.handoff(&run.key) {
        Some(handoff) if !run.is_observing() && !requests.is_empty() => {
            handoff.sink.send(requests).await
        }
        Some(_) | None => requests.iter().map(|_| Ok(())).collect(),
    }
}

#[derive(Default)]
struct Verdicts {
    sent: Vec<Attempt>,
    again: Vec<Attempt>,
    refused: Vec<Attempt>,
}

fn sort(units: &[Claim], results: &[Result<(), PortError>], tries_max: u32) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (claim, result) in units.iter().zip(results) {
        let attempt = Attempt {
            unit: claim.unit.unit.clone(),
            attempt: claim.attempt,
        };
        match result {
            Ok(()) => verdicts.sent.push(attempt),
            Err(error) if error.is_permanent() || claim.tries + 1 >= tries_max => {
                verdicts.refused.push(attempt)
            }
            Err(_) => verdicts.again.push(attempt),
        }
    }
    verdicts
}
