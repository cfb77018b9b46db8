//! Does one effect and brings its answer back as an event, in the transaction that ends it.
//!
//! Sending units belongs to `sender`, comparing rows to `reconcile`; what an answer means belongs to the domain.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{
    EngineError, Shared,
    apply::{self, Applied},
    asking::{self, Findings, PAGE_UNITS, list},
    chain,
    insist::insist,
    outbox::{Handed, LEASE},
    reconcile, sender, telling,
    transaction::Measured,
};
use crate::{
    domain::{
        Asked, Instant,
        effect::{Effect, StageOrder},
        event::Event,
        ids::UnitId,
        plan::ListedUnit,
        run::{Run, State},
        sla::Verdict,
    },
    ports::{
        PortError, RunRecord,
        store::{Claimed, OutboxEnd, OutboxItem, StagePage},
    },
    telemetry::measure,
};

/// Tries before the run record is given up: it never holds anything up.
const RECORD_TRIES_MAX: u32 = 5;
/// The pause before the next try: a second, doubled each time, up to five minutes.
const PAUSE_SECONDS_MAX: i64 = 300;

/// What goes on where the last effect ended: one that its answer led to, committed with it.
pub struct Next {
    item: OutboxItem,
    run: Arc<Run>,
    ahead: Ahead,
}

/// What was found out for the next effect while the last one's end was made durable.
enum Ahead {
    /// The first page of the listing.
    Listed(Result<Vec<ListedUnit>, PortError>),
    /// Units claimed when they were frozen.
    Claimed(Claimed),
    /// Nothing.
    Nothing,
}

/// Does one effect, and those that follow from its answer at once. What goes wrong is kept in the outbox and tried
/// again, or given up.
pub async fn deliver(shared: &Shared, handed: Handed) {
    let Handed { mut item, mut run } = handed;
    let mut ahead = Ahead::Nothing;
    loop {
        let until = shared.clock.now() + LEASE;
        let next = match one(shared, (&item, run), ahead).await {
            Ok(next) => {
                measure::record_effect(&shared.metrics, &item.effect, &OutboxEnd::Done);
                next
            }
            Err(error) => {
                let kept = insist(shared, until, || put_back(shared, &item, &error)).await;
                if let Err(error) = kept {
                    tracing::error!(%error, id = item.id, "an effect could not be ended; its lease will run out");
                    shared.outbox.ring_by(until);
                }
                None
            }
        };
        let Some(next) = next else {
            return;
        };
        (item, run, ahead) = (next.item, Some(next.run), next.ahead);
    }
}

async fn one(
    shared: &Shared,
    (item, run): (&OutboxItem, Option<Arc<Run>>),
    ahead: Ahead,
) -> Result<Option<Next>, EngineError> {
    // What a question needs of its run does not change; the rest is told of the run as it is now.
    let run = run.filter(|_| !is_about_now(&item.effect));
    let run = match run {
        Some(run) => Some(run),
        None => shared.store.run(&item.key).await?.map(Arc::new),
    };
    let Some(run) = run else {
        done(shared, item).await?;
        return Ok(None);
    };
    match &item.effect {
        Effect::AskReadiness => {
            let findings = asking::find_out(shared, &run).await;
            answer_readiness(shared, item, findings).await
        }
        Effect::Stage(order) => stage(shared, item, (&run, order), ahead).await,
        Effect::Send { batch_id } => {
            let claimed = match ahead {
                Ahead::Claimed(claimed) => Some((&*run, claimed)),
                Ahead::Listed(_) | Ahead::Nothing => None,
            };
            sender::send(shared, item, batch_id, claimed).await?;
            done(shared, item).await?;
            Ok(None)
        }
        Effect::Reconcile | Effect::Announce(_) | Effect::Record | Effect::Tell(_) => {
            tell_the_world(shared, item, &run).await?;
            Ok(None)
        }
    }
}

/// Whether an effect is about how its run stands when it is done.
fn is_about_now(effect: &Effect) -> bool {
    match effect {
        Effect::AskReadiness | Effect::Stage(_) | Effect::Send { .. } => false,
        Effect::Reconcile | Effect::Announce(_) | Effect::Record | Effect::Tell(_) => true,
    }
}

/// Does an effect of which nothing follows at once.
async fn tell_the_world(shared: &Shared, item: &OutboxItem, run: &Run) -> Result<(), EngineError> {
    match &item.effect {
        Effect::AskReadiness | Effect::Stage(_) | Effect::Send { .. } => Ok(()),
        Effect::Reconcile => reconcile::reconcile(shared, item, run).await,
        // A later one has been decided, and may have gone out before: the last word is the latest.
        Effect::Announce(announcement) if run.announced.as_ref() != Some(announcement) => {
            done(shared, item).await
        }
        Effect::Announce(announcement) => {
            shared
                .announcer
                .announce(&item.id, &item.key, announcement)
                .await?;
            chain::trigger_next(shared, item, run, announcement.finished_at).await
        }
        Effect::Record => {
            if let Some(handoff) = shared.handoff(&item.key) {
                handoff.warehouse.record_run(&record(run)).await?;
            }
            done(shared, item).await
        }
        // Kept in the outbox by an earlier version only: people are told in the step's own transaction.
        Effect::Tell(told) => {
            let mut transaction = shared.begin().await?;
            let (id, now) = (item.id.clone(), shared.clock.now());
            telling::tell(shared, &mut *transaction, (id, run), told.clone(), now).await?;
            transaction.end(&item.id, &OutboxEnd::Done).await?;
            Ok(transaction.commit().await?)
        }
    }
}

/// Lists the ready units page by page and stages those that need work; nothing of it is visible before the freeze,
/// which comes with the last page.
async fn stage(
    shared: &Shared,
    item: &OutboxItem,
    (run, order): (&Run, &StageOrder),
    ahead: Ahead,
) -> Result<Option<Next>, EngineError> {
    let mut listed = match ahead {
        Ahead::Listed(listed) => Some(listed),
        Ahead::Claimed(_) | Ahead::Nothing => None,
    };
    let mut to_send = 0;
    let mut after: Option<UnitId> = None;
    loop {
        let listing = match listed.take() {
            Some(listed) => listed,
            None => list(shared, run, after.as_ref()).await,
        };
        let units = match listing {
            Ok(units) => units,
            Err(error) => {
                let event = staged(order, Asked::CouldNotAsk(error.to_string()));
                return answer(shared, item, event).await;
            }
        };
        let mut transaction = shared.begin().await?;
        let Some(stored) = transaction.run(&run.key).await? else {
            return Ok(None);
        };
        // Of two who collect a wave, for the lease of one ran out, the later may come when it is frozen: what it lists
        // would belong to the plan and to no count.
        let staging = stored.staging.as_ref();
        let is_wanted = staging.is_some_and(|staging| staging.wave == order.wave);
        if is_wanted {
            let page = page(run, order, (&units, to_send));
            to_send += transaction.stage(page).await?;
        }
        if !is_wanted || is_last(&units) {
            let event = staged(order, Asked::Known(to_send));
            return answer_with(shared, item, event, (stored, transaction)).await;
        }
        after = units.last().map(|listed| listed.unit.clone());
        // The next page is asked for while this one is made durable.
        let (committed, next) =
            tokio::join!(transaction.commit(), list(shared, run, after.as_ref()));
        committed?;
        listed = Some(next);
    }
}

/// Brings back how ready the date is. A wave that this leads to, and whose units are known, is staged and frozen in the
/// same transaction: nothing of it is left to be done but the sending.
async fn answer_readiness(
    shared: &Shared,
    item: &OutboxItem,
    findings: Findings,
) -> Result<Option<Next>, EngineError> {
    let mut transaction = shared.begin().await?;
    let Some(run) = transaction.run(&item.key).await? else {
        return Ok(None);
    };
    let now = shared.clock.now();
    transaction.end(&item.id, &OutboxEnd::Done).await?;
    if !findings.answer(&run) {
        transaction.commit().await?;
        return Ok(None);
    }
    let (event, steps, is_first) = (findings.readiness, run.steps, run.waves == 0);
    let mut applied = apply::apply(shared, &mut *transaction, run, event, now).await?;
    let next = applied.take_next();
    let units = findings.page.and_then(|page| page.of(steps, &applied.run));
    let Some((staging, order, units)) = at_once(next.as_ref(), units.as_deref()) else {
        return go_on(shared, transaction, applied, (next, units)).await;
    };
    let page = StagePage {
        is_first,
        ..page(&applied.run, order, (units, 0))
    };
    let event = staged(order, Asked::Known(transaction.stage(page).await?));
    transaction.end(&staging.id, &OutboxEnd::Done).await?;
    let run = applied.run.clone();
    applied.absorb(apply::apply(shared, &mut *transaction, run, event, now).await?);
    let of_wave = applied.take_next();
    let gone_on = go_on(shared, transaction, applied, (of_wave, None)).await?;
    measure::record_effect(&shared.metrics, &staging.effect, &OutboxEnd::Done);
    Ok(gone_on)
}

/// The wave that can be staged at once: the effect that wants it, its order, and all its units.
fn at_once<'a>(
    next: Option<&'a OutboxItem>,
    units: Option<&'a [ListedUnit]>,
) -> Option<(&'a OutboxItem, &'a StageOrder, &'a [ListedUnit])> {
    let (staging, units) = next.zip(units)?;
    match &staging.effect {
        Effect::Stage(order) if is_last(units) => Some((staging, order, units)),
        _ => None,
    }
}

/// Whether nothing is listed behind a page.
fn is_last(page: &[ListedUnit]) -> bool {
    page.len() < PAGE_UNITS as usize
}

/// A page to be staged, behind so many staged units.
fn page<'a>(
    run: &'a Run,
    order: &StageOrder,
    (units, staged): (&'a [ListedUnit], u64),
) -> StagePage<'a> {
    StagePage {
        key: &run.key,
        wave: order.wave,
        units,
        is_first: false,
        attempts_max: order.attempts_max,
        units_max: order.units_max.map(|most| most.saturating_sub(staged)),
        deadline_at: run.instants.deadline_at,
    }
}

fn staged(order: &StageOrder, to_send: Asked<u64>) -> Event {
    let wave = order.wave;
    Event::Staged { wave, to_send }
}

/// Brings an answer back: the event and the end of the effect are one transaction.
pub async fn answer(
    shared: &Shared,
    item: &OutboxItem,
    event: Event,
) -> Result<Option<Next>, EngineError> {
    let mut transaction = shared.begin().await?;
    match transaction.run(&item.key).await? {
        Some(run) => answer_with(shared, item, event, (run, transaction)).await,
        None => Ok(None),
    }
}

/// Brings an answer back in a transaction that holds a part of it already.
async fn answer_with(
    shared: &Shared,
    item: &OutboxItem,
    event: Event,
    (run, mut transaction): (Run, Measured),
) -> Result<Option<Next>, EngineError> {
    let now = shared.clock.now();
    transaction.end(&item.id, &OutboxEnd::Done).await?;
    let mut applied = apply::apply(shared, &mut *transaction, run, event, now).await?;
    let next = applied.take_next();
    go_on(shared, transaction, applied, (next, None)).await
}

/// Makes a step durable. Says what goes on here: what it leads to is begun meanwhile, as far as that touches nothing
/// but this process, and was not found out before.
async fn go_on(
    shared: &Shared,
    mut transaction: Measured,
    mut applied: Applied,
    (next, listed): (Option<OutboxItem>, Option<Vec<ListedUnit>>),
) -> Result<Option<Next>, EngineError> {
    let ahead = match (next.as_ref().map(|next| &next.effect), listed) {
        (Some(Effect::Stage(_)), Some(listed)) => {
            transaction.commit().await?;
            Ahead::Listed(Ok(listed))
        }
        (Some(Effect::Stage(_)), None) => {
            let first = list(shared, &applied.run, None);
            let (committed, first) = tokio::join!(transaction.commit(), first);
            committed?;
            Ahead::Listed(first)
        }
        (Some(Effect::Send { batch_id }), _) => {
            let claimed =
                sender::claim_first(shared, &mut transaction, &mut applied, batch_id).await?;
            transaction.commit().await?;
            claimed.map_or(Ahead::Nothing, Ahead::Claimed)
        }
        (Some(_) | None, _) => {
            transaction.commit().await?;
            Ahead::Nothing
        }
    };
    applied.record(shared);
    let run = Arc::new(applied.run);
    Ok(next.map(|item| Next { item, run, ahead }))
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
    end(shared, item, OutboxEnd::Later { due_at, error }).await?;
    shared.outbox.ring_by(due_at);
    Ok(())
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
