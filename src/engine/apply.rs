//! Load → step → commit: the only caller of `step`. State, history, set operations and effects are one transaction.
//!
//! Which event it is belongs to the callers; what follows from it belongs to the domain.

use std::collections::VecDeque;

use super::{Handoff, Shared, outbox::LEASE, telling};
use crate::{
    domain::{
        Instant,
        baseline::{Baseline, NIGHTS_MAX},
        effect::{Effect, Order},
        event::{Done, Event},
        ids::{GameDate, RunKey},
        reason::Reason,
        run::{Opening, Purpose, Run, Step, step},
    },
    ports::store::{HistoryEntry, NightsBefore, OutboxItem, StoreError, Transaction},
    telemetry,
};

/// An order's result is fed back once, and what that orders once more; no rule of the domain goes deeper.
const ROUNDS_MAX: usize = 4;

/// What an event did to a run, to be recorded once it is committed.
pub struct Applied {
    /// The run afterwards.
    pub run: Run,
    /// Why, over all rounds.
    pub why: Vec<Reason>,
    /// Whether anything changed.
    pub changed: bool,
    /// What was added to the history, with the run on both sides.
    pub moves: Vec<Moved>,
    /// What is to be done: leased by this process already.
    pub wanted: Vec<OutboxItem>,
    /// Whether people are told of something.
    pub tells: bool,
    /// When the run is due next.
    pub wake_at: Option<Instant>,
}

/// One entry of the history, and the run before and after it.
pub struct Moved {
    entry: HistoryEntry,
    before: Run,
    after: Run,
}

impl Applied {
    /// Takes up a further step of the same transaction.
    pub fn absorb(&mut self, later: Self) {
        self.run = later.run;
        self.why.extend(later.why);
        self.changed |= later.changed;
        self.moves.extend(later.moves);
        self.wanted.extend(later.wanted);
        self.tells |= later.tells;
        self.wake_at = later.wake_at;
    }

    /// Takes out the effect that whoever caused it goes on with at once: a stage or a send.
    pub fn take_next(&mut self) -> Option<OutboxItem> {
        let goes_on =
            |item: &OutboxItem| matches!(item.effect, Effect::Stage(_) | Effect::Send { .. });
        let place = self.wanted.iter().position(goes_on)?;
        Some(self.wanted.remove(place))
    }

    /// Hands over what is to be done, counts and logs it; only for what has been committed.
    pub fn record(&self, shared: &Shared) {
        self.hand_over(shared);
        self.note(shared);
    }

    /// Counts and logs it; only for what has been committed.
    pub fn note(&self, shared: &Shared) {
        for Moved {
            entry,
            before,
            after,
        } in &self.moves
        {
            let moved = telemetry::Moved {
                entry,
                before: Some(before),
                after: Some(after),
            };
            telemetry::record_step(&shared.metrics, &moved);
            telemetry::log_step(&moved);
        }
    }

    /// Hands over what is to be done, and wakes whom it concerns; only for what has been committed.
    pub fn hand_over(&self, shared: &Shared) {
        shared.hand(&self.wanted, &self.run);
        if let Some(at) = self.wake_at {
            shared.wake.ring_by(at);
        }
        if self.changed {
            shared.slots.notify_waiters();
        }
        if self.tells {
            shared.desks.ring();
        }
    }
}

/// Takes the run one event further inside the transaction.
pub async fn apply(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    run: Run,
    event: Event,
    now: Instant,
) -> Result<Applied, StoreError> {
    let mut applied = Applied {
        run,
        why: Vec::new(),
        changed: false,
        moves: Vec::new(),
        wanted: Vec::new(),
        tells: false,
        wake_at: None,
    };
    let mut events = VecDeque::from([event]);
    for _ in 0..ROUNDS_MAX {
        let Some(event) = events.pop_front() else {
            break;
        };
        let before = applied.run.clone();
        let Step {
            run,
            effects,
            orders,
            why,
        } = step(applied.run, &event, now);
        let changed = run.steps != before.steps;
        applied.changed |= changed;
        applied.run = run;
        applied.why.extend(why.iter().cloned());
        if changed || is_worth_telling(&event) {
            let entry = entry(&applied.run, event, changed, (&effects, why), now);
            transaction.append(&entry).await?;
            applied.moves.push(Moved {
                entry,
                before,
                after: applied.run.clone(),
            });
        }
        applied.tells |= effects.iter().any(|it| matches!(it, Effect::Tell(_)));
        let wanted = put(shared, transaction, &applied.run, effects, now).await?;
        applied.wanted.extend(wanted);
        for order in orders {
            events.push_back(Event::Ordered(
                carry_out(transaction, &applied.run, &order).await?,
            ));
        }
    }
    applied.wake_at = applied.run.next_wake(now);
    transaction.save_run(&applied.run, applied.wake_at).await?;
    Ok(applied)
}

/// Takes the run one event further in a transaction of its own, if there is such a run.
pub async fn apply_alone(shared: &Shared, key: &RunKey, event: Event) -> Result<(), StoreError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    let Some(run) = transaction.run(key).await? else {
        return Ok(());
    };
    let applied = apply(shared, &mut *transaction, run, event, now).await?;
    transaction.commit().await?;
    applied.record(shared);
    Ok(())
}

/// The run as it would stage a wave, if the event led to one. Nothing is done.
pub fn wave_of(run: &Run, event: &Event, now: Instant) -> Option<Run> {
    let Step { run, effects, .. } = step(run.clone(), event, now);
    let stages = |effect: &Effect| matches!(effect, Effect::Stage(_));
    effects.iter().any(stages).then_some(run)
}

/// A tick or an answer that changed nothing is no story; a trigger or a command that was turned down is, and a start.
fn is_worth_telling(event: &Event) -> bool {
    match event {
        Event::Triggered(_)
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. }
        | Event::Adopted { .. }
        | Event::Resumed => true,
        Event::ReadinessAnswered { .. }
        | Event::Staged { .. }
        | Event::Ordered(_)
        | Event::Sent(_)
        | Event::Answered(_)
        | Event::Reconciled(_)
        | Event::Ticked => false,
    }
}

fn entry(
    run: &Run,
    event: Event,
    changed: bool,
    (effects, why): (&[Effect], Vec<Reason>),
    at: Instant,
) -> HistoryEntry {
    HistoryEntry {
        key: run.key.clone(),
        at,
        step: changed.then_some(run.steps),
        event: Some(event),
        state: Some(run.state),
        why,
        effects: effects.to_vec(),
    }
}

async fn put(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    run: &Run,
    effects: Vec<Effect>,
    now: Instant,
) -> Result<Vec<OutboxItem>, StoreError> {
    let mut wanted = Vec::new();
    for (index, effect) in effects.into_iter().enumerate() {
        let id = format!(
            "{}/{}/{}/{index}",
            run.key.handoff, run.key.game_date, run.steps
        );
        if let Effect::Tell(told) = effect {
            telling::tell(shared, transaction, (id, run), told, now).await?;
            continue;
        }
        let item = OutboxItem {
            id,
            key: run.key.clone(),
            effect,
            decided_at: now,
            due_at: now,
            tries: 0,
        };
        transaction.put(&item, now + LEASE).await?;
        wanted.push(item);
    }
    Ok(wanted)
}

async fn carry_out(
    transaction: &mut dyn Transaction,
    run: &Run,
    order: &Order,
) -> Result<Done, StoreError> {
    match order {
        Order::Freeze { batch_id, wave } => transaction
            .freeze(&run.key, batch_id, *wave)
            .await
            .map(Done::Frozen),
        Order::GiveUp { sent_until } => {
            let units = transaction.give_up(&run.key, *sent_until).await?;
            Ok(Done::GivenUp { units })
        }
        Order::Release { batch_id } => {
            transaction.release(&run.key, batch_id).await?;
            Ok(Done::Released)
        }
    }
}

/// The run of a date, opened if there is none. A past date that a person asks for becomes a backfill.
pub async fn load_or_open(
    transaction: &mut dyn Transaction,
    handoff: &Handoff,
    game_date: GameDate,
    now: Instant,
) -> Result<Run, StoreError> {
    let key = RunKey {
        handoff: handoff.id.clone(),
        game_date,
    };
    let past = now >= handoff.policy.instants(game_date).closes_at;
    if let Some(mut run) = transaction.run(&key).await? {
        if run.closed_at.is_some() && past {
            run.reopen_as_backfill(now);
            transaction.append(&opened(&run, now)).await?;
        }
        return Ok(run);
    }
    let before = NightsBefore {
        handoff: &key.handoff,
        game_date,
        nights_max: NIGHTS_MAX,
    };
    let nights = transaction.nights(before).await?;
    let opening = Opening {
        purpose: if past {
            Purpose::Backfill
        } else {
            Purpose::Tonight
        },
        policy: handoff.policy.clone(),
        baseline: Baseline::of(&nights),
        expectation: handoff.expectation(game_date),
        key,
    };
    let run = Run::open(opening, now);
    transaction.append(&opened(&run, now)).await?;
    Ok(run)
}

/// What a night's history begins with, and says again when a past one is opened anew.
fn opened(run: &Run, now: Instant) -> HistoryEntry {
    HistoryEntry {
        key: run.key.clone(),
        at: now,
        step: None,
        event: None,
        state: Some(run.state),
        why: vec![run.opening()],
        effects: Vec::new(),
    }
}
