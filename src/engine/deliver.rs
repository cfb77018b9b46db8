//! Does one effect and brings its answer back as an event, in the transaction that ends it.
//!
//! Sending units belongs to `sender`, comparing rows to `reconcile`; what an answer means belongs to the domain.

use chrono::TimeDelta;

use super::{
    EngineError, Shared, apply, chain, insist::insist, outbox::LEASE, reconcile, sender, telling,
    transaction::Measured,
};
use crate::{
    domain::{
        Asked, Instant,
        effect::{Effect, StageOrder},
        event::Event,
        ids::UnitId,
        run::{Run, State},
        sla::Verdict,
    },
    ports::{
        Page, PortError, RunRecord, Scope,
        store::{OutboxEnd, OutboxItem, StagePage},
    },
    telemetry::measure,
};

/// Units listed at a time.
pub const PAGE_UNITS: u32 = 1_000;
/// Tries before the run record is given up: it never holds anything up.
const RECORD_TRIES_MAX: u32 = 5;
/// The pause before the next try: a second, doubled each time, up to five minutes.
const PAUSE_SECONDS_MAX: i64 = 300;

/// Does one effect. What goes wrong is kept in the outbox and tried again, or given up.
pub async fn deliver(shared: &Shared, item: OutboxItem) {
    let until = shared.clock.now() + LEASE;
    let ended = match one(shared, &item).await {
        Ok(()) => {
            measure::record_effect(&shared.metrics, &item.effect, &OutboxEnd::Done);
            Ok(())
        }
        Err(error) => insist(shared, until, || put_back(shared, &item, &error)).await,
    };
    if let Err(error) = ended {
        tracing::error!(%error, id = item.id, "an effect could not be ended; its lease will run out");
    }
    shared.deliver.notify_one();
}

async fn one(shared: &Shared, item: &OutboxItem) -> Result<(), EngineError> {
    let Some(run) = shared.store.run(&item.key).await? else {
        return done(shared, item).await;
    };
    match &item.effect {
        Effect::AskReadiness => {
            let event = ask(shared, &run).await;
            answer(shared, item, event).await
        }
        Effect::Stage(order) => stage(shared, item, &run, order).await,
        Effect::Send { batch_id } => {
            sender::send(shared, item, batch_id).await?;
            done(shared, item).await
        }
        Effect::Reconcile => reconcile::reconcile(shared, item, &run).await,
        Effect::Announce(announcement) => {
            shared
                .announcer
                .announce(&item.id, &item.key, announcement)
                .await?;
            chain::trigger_next(shared, item, announcement.finished_at).await
        }
        Effect::Record => {
            if let Some(handoff) = shared.handoff(&item.key) {
                handoff.warehouse.record_run(&record(&run)).await?;
            }
            done(shared, item).await
        }
        // Kept in the outbox by an earlier version only: people are told in the step's own transaction.
        Effect::Tell(told) => {
            let mut transaction = shared.begin().await?;
            let (id, now) = (item.id.clone(), shared.clock.now());
            telling::tell(shared, &mut *transaction, (id, &run), told.clone(), now).await?;
            transaction.end(&item.id, &OutboxEnd::Done).await?;
            Ok(transaction.commit().await?)
        }
    }
}

/// What the questions about a run need to know of it.
pub fn scope(run: &Run) -> Scope {
    Scope {
        game_date: run.key.game_date,
        processor_names: run.policy.upstream.processor_names.clone(),
        fresh_since: run.instants.deadline_at - run.policy.readiness.freshness,
        min_minutes: run.policy.filters.min_minutes,
    }
}

async fn ask(shared: &Shared, run: &Run) -> Event {
    let Some(handoff) = shared.handoff(&run.key) else {
        let answer = Asked::CouldNotAsk("the handoff is no longer configured".to_owned());
        return Event::ReadinessAnswered {
            answer,
            expectation: run.expectation,
        };
    };
    let answer = match handoff.warehouse.readiness(&scope(run)).await {
        Ok(readiness) => Asked::Known(readiness),
        Err(error) => Asked::CouldNotAsk(error.to_string()),
    };
    Event::ReadinessAnswered {
        answer,
        expectation: handoff.expectation(run.key.game_date),
    }
}

/// Lists the ready units page by page and stages those that need work; nothing of it is visible before the freeze,
/// which comes with the last page.
async fn stage(
    shared: &Shared,
    item: &OutboxItem,
    run: &Run,
    order: &StageOrder,
) -> Result<(), EngineError> {
    let staged_event = |to_send| Event::Staged {
        wave: order.wave,
        to_send,
    };
    let could_not_ask = |error: String| staged_event(Asked::CouldNotAsk(error));
    let Some(handoff) = shared.handoff(&run.key) else {
        let event = could_not_ask("the handoff is no longer configured".to_owned());
        return answer(shared, item, event).await;
    };
    let scope = scope(run);
    let mut staged = 0;
    let mut after: Option<UnitId> = None;
    loop {
        let page = Page {
            after: after.as_ref(),
            limit: PAGE_UNITS,
        };
        let units = match handoff.warehouse.ready_units(&scope, page).await {
            Ok(units) => units,
            Err(error) => return answer(shared, item, could_not_ask(error.to_string())).await,
        };
        let mut transaction = shared.begin().await?;
        staged += transaction
            .stage(StagePage {
                key: &run.key,
                wave: order.wave,
                units: &units,
                attempts_max: order.attempts_max,
                units_max: order.units_max.map(|most| most.saturating_sub(staged)),
                deadline_at: run.instants.deadline_at,
            })
            .await?;
        if units.len() < PAGE_UNITS as usize {
            let event = staged_event(Asked::Known(staged));
            return answer_with(shared, item, event, transaction).await;
        }
        transaction.commit().await?;
        after = units.last().map(|listed| listed.unit.clone());
    }
}

/// Brings an answer back: the event and the end of the effect are one transaction.
pub async fn answer(shared: &Shared, item: &OutboxItem, event: Event) -> Result<(), EngineError> {
    let transaction = shared.begin().await?;
    answer_with(shared, item, event, transaction).await
}

/// Brings an answer back in a transaction that holds a part of it already.
async fn answer_with(
    shared: &Shared,
    item: &OutboxItem,
    event: Event,
    mut transaction: Measured,
) -> Result<(), EngineError> {
    let now = shared.clock.now();
    transaction.end(&item.id, &OutboxEnd::Done).await?;
    if let Some(run) = transaction.run(&item.key).await? {
        let applied = apply::apply(shared, &mut *transaction, run, event, now).await?;
        transaction.commit().await?;
        applied.record(shared);
    }
    Ok(())
}

async fn done(shared: &Shared, item: &OutboxItem) -> Result<(), EngineError> {
    end(shared, item, OutboxEnd::Done).await
}

async fn end(shared: &Shared, item: &OutboxItem, end: OutboxEnd) -> Result<(), EngineError> {
    let mut transaction = shared.begin().await?;
    transaction.end(&item.id, &end).await?;
    transaction.commit().await?;
    if end != OutboxEnd::Done {
        measure::record_effect(&shared.metrics, &item.effect, &end);
    }
    Ok(())
}

async fn put_back(
    shared: &Shared,
    item: &OutboxItem,
    error: &EngineError,
) -> Result<(), EngineError> {
    let permanent = matches!(error, EngineError::Port(PortError::Permanent { .. }));
    let hopeless = matches!(item.effect, Effect::Record) && item.tries + 1 >= RECORD_TRIES_MAX;
    let error = error.to_string();
    if permanent || hopeless {
        tracing::error!(error, id = item.id, "an effect is given up");
        return end(shared, item, OutboxEnd::Dead { error }).await;
    }
    tracing::warn!(
        error,
        id = item.id,
        "an effect failed and will be tried again"
    );
    let due_at = pause_until(item.tries, shared.clock.now());
    end(shared, item, OutboxEnd::Later { due_at, error }).await
}

fn pause_until(tries: u32, now: Instant) -> Instant {
    now + TimeDelta::seconds((1_i64 << tries.min(16)).min(PAUSE_SECONDS_MAX))
}

/// The run's own row in the warehouse's run history.
fn record(run: &Run) -> RunRecord {
    let counts = &run.counts;
    let status = match run.state {
        State::Complete => "success",
        State::Partial => "partial",
        State::Failed => "failed",
        State::NotExpected => "skipped",
        State::Expected | State::Waiting | State::Dispatching | State::Running => "running",
    };
    RunRecord {
        handoff: run.key.handoff.clone(),
        game_date: run.key.game_date,
        status: status.to_owned(),
        records_processed: counts.plan.predicted(),
        started_at: run.start.triggered_at.unwrap_or(run.opened_at),
        processed_at: run.batch.as_ref().and_then(|batch| batch.settled_at),
        trigger_source: run.start.by.map(|source| source.name().to_owned()),
        summary: serde_json::json!({
            "state": run.state.name(),
            "verdict": run.verdict().map(Verdict::name),
            "upstream_finished_at": run.start.finished_at,
            "dispatched_at": run.start.dispatched_at,
            "expected": counts.expected,
            "ready": counts.ready,
            "dispatched": counts.dispatched,
            "predicted": counts.plan.predicted(),
            "skipped": counts.skipped(),
            "failed": counts.failed(),
            "outstanding": counts.outstanding(),
            "reasons": counts.reasons,
        }),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::pause_until;
    use crate::domain::Instant;

    #[test]
    fn the_pause_doubles_from_a_second_up_to_five_minutes_however_often_it_failed() {
        let now: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        for (tries, seconds) in [
            (0, 1),
            (1, 2),
            (2, 4),
            (8, 256),
            (9, 300),
            (16, 300),
            (u32::MAX, 300),
        ] {
            let pause = pause_until(tries, now) - now;
            assert_eq!(pause, TimeDelta::seconds(seconds), "{tries}");
        }
    }
}
