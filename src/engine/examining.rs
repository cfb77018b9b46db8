//! Has the surroundings examined: at the start, before each night, and when a person asks.
//!
//! What is looked at belongs to the doctor behind the port, what follows for people to `domain::service`.

use std::sync::Arc;

use chrono::{Days, TimeDelta};

use super::{EngineError, Shared, telling};
use crate::{
    domain::{
        Instant,
        schedule::WallTime,
        service::{Happened, Service},
        wiring::Examination,
    },
    ports::{Doctor, Known},
};

/// Examinations as they are configured.
pub struct Examining {
    /// Who examines.
    pub doctor: Arc<dyn Doctor>,
    /// When, every day.
    pub at: Vec<WallTime>,
}

/// Before an examination that could not be kept is made again.
const REST: TimeDelta = TimeDelta::seconds(60);

/// Examines at the start and whenever it is due, until the engine stops.
pub async fn work(shared: Arc<Shared>) {
    let mut first = true;
    loop {
        let done = if first {
            examine(&shared).await.map(drop)
        } else {
            examine_due(&shared).await
        };
        let now = shared.clock.now();
        let next = match done {
            Ok(()) => {
                first = false;
                next_at(&shared, now).unwrap_or(now + TimeDelta::hours(1))
            }
            Err(error) => {
                tracing::error!(%error, "an examination could not be kept; trying again");
                now + REST
            }
        };
        tokio::select! {
            biased;
            () = shared.clock.sleep_until(next) => {}
            () = shared.stop.cancelled() => return,
        }
    }
}

/// Examines where an occurrence has come since the last examination: for a service that may have slept.
pub async fn examine_due(shared: &Shared) -> Result<(), EngineError> {
    let Some(due_at) = latest_at(shared, shared.clock.now()) else {
        return Ok(());
    };
    let examined = shared.store.service().await?.examined;
    if examined.is_none_or(|it| it.at < due_at) {
        examine(shared).await?;
    }
    Ok(())
}

/// Examines now and keeps what was found; `None`: nothing is to be examined here.
pub async fn examine(shared: &Shared) -> Result<Option<Examination>, EngineError> {
    let Some(examining) = &shared.examining else {
        return Ok(None);
    };
    let known = known(shared, &shared.store.service().await?);
    let findings = tokio::select! {
        biased;
        findings = examining.doctor.examine(&known) => findings,
        () = shared.stop.cancelled() => return Ok(None),
    };
    let now = shared.clock.now();
    let examination = Examination { at: now, findings };
    let happened = Happened::Examined(examination.clone());
    let mut transaction = shared.begin().await?;
    telling::step_service(shared, &mut *transaction, &happened, now).await?;
    transaction.commit().await?;
    shared.nudge();
    Ok(Some(examination))
}

/// What the service knows of its surroundings by itself.
pub fn known(shared: &Shared, service: &Service) -> Known {
    let channels = shared.telling.channels.keys();
    let error = |id| service.trouble.get(id).map(|it| it.error.clone());
    let failing = |id| if service.fails(id) { error(id) } else { None };
    let heard = service.heard.values().copied();
    Known {
        channels: Some(channels.map(|id| (id.clone(), failing(id))).collect()),
        installed_at: service.examined_since,
        latest_at: heard.chain(service.examined.iter().map(|it| it.at)).max(),
        heard: Some(service.heard.clone()),
    }
}

/// The latest occurrence that has come.
fn latest_at(shared: &Shared, now: Instant) -> Option<Instant> {
    occurrences(shared, now).filter(|at| *at <= now).max()
}

fn next_at(shared: &Shared, now: Instant) -> Option<Instant> {
    occurrences(shared, now).filter(|at| *at > now).min()
}

/// The occurrences of the days around this instant.
fn occurrences(shared: &Shared, now: Instant) -> impl Iterator<Item = Instant> {
    let times = shared.examining.iter().flat_map(|it| &it.at);
    times.flat_map(move |time| {
        let today = time.zone.date(now).0;
        let days = (today - Days::new(2)).iter_days().take(5);
        days.flat_map(|day| time.instants_on(day))
    })
}
