//! Lets time pass: opens dates by the calendar and gives due runs their tick.
//!
//! It takes no input: it is woken by time or a nudge, looks at the store and does what is due.

use std::sync::Arc;

use chrono::{Days, TimeDelta};

use super::{EngineError, Handoff, Shared, apply, bell::AHEAD_MAX, reports, silences, telling};
use crate::domain::{Instant, calendar, event::Event, ids::GameDate, service::Happened};

/// Most runs looked at in one go.
const RUNS_MAX: u32 = 64;
/// How long it rests after the store failed.
const REST: TimeDelta = TimeDelta::seconds(1);
/// Most dates opened after a pause: a week.
const DATES_MAX: u64 = 7;

/// Works until the engine stops.
pub async fn work(shared: Arc<Shared>) {
    let mut plan = Plan::default();
    loop {
        if shared.wake.is_due(shared.clock.now()) {
            let until = look(&shared, &mut plan).await;
            shared.wake.plan(until.unwrap_or_else(|error| {
                tracing::error!(%error, "could not look for due runs; trying again");
                shared.clock.now() + REST
            }));
        }
        tokio::select! {
            biased;
            () = shared.wake.wait(&*shared.clock) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

/// What the calendar and the timetables want next; `None` before the first look.
#[derive(Default)]
struct Plan {
    opens_at: Option<Instant>,
    reports_at: Option<Instant>,
}

async fn look(shared: &Shared, plan: &mut Plan) -> Result<Instant, EngineError> {
    let now = shared.clock.now();
    if plan.opens_at.is_none_or(|at| at <= now) {
        plan.opens_at = Some(open_dates(shared).await?);
    }
    wake_due(shared).await?;
    let now = shared.clock.now();
    if plan.reports_at.is_none_or(|at| at <= now) {
        let next = reports::make_due(shared).await?;
        plan.reports_at = Some(next.unwrap_or(now + AHEAD_MAX));
    }
    let now = shared.clock.now();
    let next_wake = shared.store.next_wake_at().await?;
    let next = [plan.opens_at, next_wake, plan.reports_at];
    let next = next.into_iter().flatten().min();
    Ok(next.unwrap_or(now + AHEAD_MAX).min(now + AHEAD_MAX))
}

/// Gives every due run its tick, and the service itself.
pub async fn wake_due(shared: &Shared) -> Result<(), EngineError> {
    let now = shared.clock.now();
    let is_due = shared.store.service_due(now).await?;
    if is_due {
        let mut transaction = shared.begin().await?;
        telling::step_service(shared, &mut *transaction, &Happened::Ticked, now).await?;
        transaction.commit().await?;
        shared.nudge();
    }
    for key in shared.store.due_runs(now, RUNS_MAX).await? {
        apply::apply_alone(shared, &key, Event::Ticked).await?;
    }
    // Behind the ticks, which may tell the same or end it.
    if is_due {
        silences::end_due(shared).await?;
    }
    Ok(())
}

/// Opens the dates that the calendar wants open and returns when the next one opens.
pub async fn open_dates(shared: &Shared) -> Result<Instant, EngineError> {
    let now = shared.clock.now();
    let mut next = now + AHEAD_MAX;
    for handoff in shared.handoffs.values() {
        for game_date in dates_to_open(shared, handoff, now).await? {
            open(shared, handoff, game_date).await?;
        }
        let tomorrow = GameDate(handoff.today(now).0 + Days::new(1));
        next = next.min(calendar::opens_at(tomorrow, &handoff.policy.calendar_zone));
    }
    Ok(next)
}

/// Every date since the last one, up to today, whose run has not closed. A new installation does not judge a
/// deadline that was over before it came.
async fn dates_to_open(
    shared: &Shared,
    handoff: &Handoff,
    now: Instant,
) -> Result<Vec<GameDate>, EngineError> {
    let today = handoff.today(now);
    let first = match shared.store.latest_date(&handoff.id).await? {
        Some(latest) => latest.0 + Days::new(1),
        None if now < handoff.policy.instants(today).deadline_at => today.0,
        None => return Ok(Vec::new()),
    };
    let oldest = today.0 - Days::new(DATES_MAX);
    let dates = first
        .max(oldest)
        .iter_days()
        .take_while(|date| *date <= today.0)
        .map(GameDate);
    Ok(dates
        .filter(|date| now < handoff.policy.instants(*date).closes_at)
        .collect())
}

async fn open(shared: &Shared, handoff: &Handoff, game_date: GameDate) -> Result<(), EngineError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    let run = apply::load_or_open(&mut *transaction, handoff, game_date, now).await?;
    let applied = apply::apply(shared, &mut *transaction, run, Event::Ticked, now).await?;
    transaction.commit().await?;
    applied.record(shared);
    Ok(())
}
