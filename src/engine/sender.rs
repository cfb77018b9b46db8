//! Sends what a wave froze: claims a few units, publishes them at the pace, keeps what was confirmed.
//!
//! The ledger is the unit rows: what a crash left in doubt is claimed again under the same key. How fast units may
//! go belongs to `domain::dispatch`.

use chrono::TimeDelta;

use super::{EngineError, Shared, apply, insist::insist, outbox::LEASE, transaction::Measured};
use crate::{
    domain::{
        Instant,
        dispatch::{Pacer, request_id},
        event::{Event, SentTally},
        ids::{BatchId, RunKey, UnitId},
        run::{Run, State},
    },
    ports::{
        PortError, Request,
        store::{Claim, ClaimOrder, Claimed, Confirmation, OutboxItem},
    },
};

/// Most units claimed at a time.
const CLAIM_UNITS_MAX: u64 = 1_000;
/// How long it waits for a free slot before it looks again.
const LOOK: TimeDelta = TimeDelta::seconds(1);

/// Sends until nothing is left, the batch is no longer the run's, or the engine stops: then the rest is handed back.
pub async fn send(
    shared: &Shared,
    item: &OutboxItem,
    batch_id: &BatchId,
) -> Result<(), EngineError> {
    let Some(handoff) = shared.handoff(&item.key) else {
        return Ok(());
    };
    let mut pacer = Pacer::new(handoff.policy.pace.clone(), shared.clock.now());
    let mut leased_until = item.due_at;
    loop {
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
        if leased_until < now + LEASE / 2 {
            leased_until = now + LEASE;
            if !shared.store.prolong_lease(&item.id, leased_until).await? {
                return Ok(());
            }
        }
        let left = run.batch.as_ref().map_or(0, |batch| batch.left_to_send());
        let allowed = pacer.allowance(run.counts.in_flight, left.min(CLAIM_UNITS_MAX), now);
        if allowed == 0 {
            wait_for_slot(shared, pacer.next_at().max(now + TICK)).await;
            continue;
        }
        let sent = send_some(
            shared,
            &run,
            &Wave {
                batch_id,
                wave,
                units: allowed,
            },
        )
        .await?;
        let next_at = match sent {
            0 => now + LOOK,
            sent => pacer.note(sent, now),
        };
        let pause = shared.clock.sleep_until(next_at);
        shared.stop.run_until_cancelled(pause).await;
    }
}

/// A capped or held-back sender looks again this soon, unless a slot is freed before.
const TICK: TimeDelta = TimeDelta::milliseconds(100);

async fn wait_for_slot(shared: &Shared, until: Instant) {
    tokio::select! {
        biased;
        () = shared.clock.sleep_until(until) => {}
        () = shared.slots.notified() => {}
        () = shared.stop.cancelled() => {}
    }
}

/// The wave to send, while the batch is the run's and has anything left.
fn sending_wave(run: &Run, batch_id: &BatchId) -> Option<u32> {
    let batch = run.batch.as_ref().filter(|batch| batch.id == *batch_id)?;
    (run.state == State::Dispatching && batch.left_to_send() > 0).then_some(batch.wave)
}

struct Wave<'a> {
    batch_id: &'a BatchId,
    wave: u32,
    units: u64,
}

/// Claims, publishes and confirms; says how many units were taken care of.
async fn send_some(shared: &Shared, run: &Run, wave: &Wave<'_>) -> Result<u64, EngineError> {
    let lease_until = shared.clock.now() + LEASE;
    let Claimed { units, spared } = claim(shared, run, wave, lease_until).await?;
    let requests: Vec<Request> = units
        .iter()
        .map(|claim| request(run, wave.batch_id, claim))
        .collect();
    let results = publish(shared, run, &requests).await;
    let verdicts = sort(&units, &results, run.policy.dispatch.publish_tries_max);
    insist(shared, lease_until, || confirm(shared, run, &verdicts)).await?;
    Ok(units.len() as u64 + spared)
}

/// Keeps what became of claimed units.
async fn confirm(shared: &Shared, run: &Run, verdicts: &Verdicts) -> Result<(), EngineError> {
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
    commit(shared, transaction, &run.key, tally).await
}

async fn claim(
    shared: &Shared,
    run: &Run,
    wave: &Wave<'_>,
    lease_until: Instant,
) -> Result<Claimed, EngineError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    let claimed = transaction
        .claim(ClaimOrder {
            key: &run.key,
            batch_id: wave.batch_id,
            wave: wave.wave,
            units_max: u32::try_from(wave.units).unwrap_or(u32::MAX),
            lease_until,
            now,
        })
        .await?;
    let spared = SentTally {
        spared: claimed.spared,
        ..SentTally::default()
    };
    commit(shared, transaction, &run.key, spared).await?;
    Ok(claimed)
}

/// Commits with what it did to the run, so that no crash can part the rows and the counts.
async fn commit(
    shared: &Shared,
    mut transaction: Measured,
    key: &RunKey,
    tally: SentTally,
) -> Result<(), EngineError> {
    let nothing = SentTally {
        at: tally.at,
        ..SentTally::default()
    };
    let run = match tally == nothing {
        true => None,
        false => transaction.run(key).await?,
    };
    let Some(run) = run else {
        transaction.commit().await?;
        return Ok(());
    };
    let event = Event::Sent(tally);
    let applied = apply::apply(shared, &mut *transaction, run, event, shared.clock.now()).await?;
    transaction.commit().await?;
    applied.record(shared);
    Ok(())
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
    sent: Vec<UnitId>,
    again: Vec<UnitId>,
    refused: Vec<UnitId>,
}

fn sort(units: &[Claim], results: &[Result<(), PortError>], tries_max: u32) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for (claim, result) in units.iter().zip(results) {
        let unit = claim.unit.unit.clone();
        match result {
            Ok(()) => verdicts.sent.push(unit),
            Err(error) if error.is_permanent() || claim.tries + 1 >= tries_max => {
                verdicts.refused.push(unit)
            }
            Err(_) => verdicts.again.push(unit),
        }
    }
    verdicts
}
