//! Asks the warehouse what a run has to know before it can send: how ready its date is and, where that leads to a wave, the
//! first page of its units.
//!
//! It only reads. Bringing the answers back belongs to `deliver`, what they mean to the domain.

use super::{Shared, apply};
use crate::{
    domain::{Asked, Instant, event::Event, ids::UnitId, plan::ListedUnit, run::Run},
    ports::{Page, PortError, Scope},
};

/// Units listed at a time.
pub const PAGE_UNITS: u32 = 1_000;

/// What was found out.
pub struct Findings {
    /// When it was asked for.
    asked_at: Option<Instant>,
    /// How ready the date is.
    pub readiness: Event,
    /// What a wave would hold that this leads to.
    pub page: Option<FirstPage>,
}

impl Findings {
    /// Whether they answer what the run asks now. Where the lease of whoever asked ran out, another has answered by now, and
    /// the run may ask anew.
    pub fn answer(&self, run: &Run) -> bool {
        self.asked_at == run.asking.readiness_since
    }
}

/// The first page of a listing, made before it was wanted.
pub struct FirstPage {
    /// Steps that the run had taken when it was asked about.
    steps: u64,
    scope: Scope,
    units: Vec<ListedUnit>,
}

impl FirstPage {
    /// Its units, if the run would list the same now: before its last step nothing had happened to it since it was asked
    /// about, as an event that says that more is ready, and the step has not changed what it asks for.
    pub fn of(self, steps: u64, run: &Run) -> Option<Vec<ListedUnit>> {
        (self.steps == steps && self.scope == scope(run)).then_some(self.units)
    }
}

/// Asks.
pub async fn find_out(shared: &Shared, run: &Run) -> Findings {
    let readiness = readiness(shared, run).await;
    let page = match apply::wave_of(run, &readiness, shared.clock.now()) {
        Some(staging) => first_page(shared, (run, &staging)).await,
        None => None,
    };
    Findings {
        asked_at: run.asking.readiness_since,
        readiness,
        page,
    }
}

async fn readiness(shared: &Shared, run: &Run) -> Event {
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

/// A listing that fails here is made again, and its error told, when it is wanted.
async fn first_page(shared: &Shared, (run, staging): (&Run, &Run)) -> Option<FirstPage> {
    let units = list(shared, staging, None).await.ok()?;
    Some(FirstPage {
        steps: run.steps,
        scope: scope(staging),
        units,
    })
}

/// One page of ready units.
pub async fn list(
    shared: &Shared,
    run: &Run,
    after: Option<&UnitId>,
) -> Result<Vec<ListedUnit>, PortError> {
    let Some(handoff) = shared.handoff(&run.key) else {
        let cause = "the handoff is no longer configured";
        return Err(PortError::transient("listing units".to_owned(), cause));
    };
    let limit = PAGE_UNITS;
    let page = Page { after, limit };
    handoff.warehouse.ready_units(&scope(run), page).await
}

/// What the questions about a run need to know of it.
fn scope(run: &Run) -> Scope {
    Scope {
        game_date: run.key.game_date,
        processor_names: run.policy.upstream.processor_names.clone(),
        fresh_since: run.instants.deadline_at - run.policy.readiness.freshness,
        min_minutes: run.policy.filters.min_minutes,
    }
}
