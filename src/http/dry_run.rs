//! `POST /start` with `dry_run`: asks the tables and says what would be sent. Nothing is changed.
//!
//! Whether it is enough to start is decided by `domain::readiness`; attempts and budgets are looked at when it is done.

use std::time::Duration;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tokio::time::timeout;

use super::{HttpState, people::Meant, problem::problem};
use crate::{
    domain::{
        Instant,
        ids::{GameDate, HandoffId, UnitId},
        policy::Policy,
        readiness::{self, Decision, Readiness, Rules, Waited},
        reason::{Code, Reason},
        run::{Run, State},
    },
    ports::{Page, PortError, Scope, chain},
    wire::people::{Problem, Start},
};

/// The longest a dry run may take.
const SECONDS_MAX: u64 = 20;
/// Units listed at a time.
const PAGE_UNITS: u32 = 1_000;
/// Units that are named.
const NAMED_UNITS_MAX: usize = 20;

/// What a start would do now.
#[derive(Debug, Serialize)]
struct DryRun<'a> {
    handoff: &'a HandoffId,
    game_date: GameDate,
    dry_run: bool,
    /// Where the run stands; `None` where there is none.
    state: Option<State>,
    /// `start`, `start_degraded`, `wait` or `give_up`.
    would: &'static str,
    why: [Reason; 1],
    readiness: Readiness,
    /// Ready units without a row and, in a run that is under way, not in flight.
    units_to_send: u64,
    /// Ready units that have a row already.
    units_with_row: u64,
    units_in_flight: u64,
    /// The first of the units without a row.
    units: Vec<UnitId>,
}

/// What the tables say.
struct Listing {
    readiness: Readiness,
    without_row: u64,
    with_row: u64,
    first: Vec<UnitId>,
}

/// Says what a start would do; 503 where the tables cannot be asked.
pub async fn answer(
    state: &HttpState,
    meant: Meant<'_>,
    start: &Start,
) -> Result<Response, Problem> {
    let run = state.engine.shared().store.run(&meant.key).await?;
    let policy = run.as_ref().map_or(&meant.handoff.policy, |it| &it.policy);
    let scope = scope(policy, meant.key.game_date, start.min_minutes);
    let asked = timeout(Duration::from_secs(SECONDS_MAX), list(&meant, &scope)).await;
    let listing = match asked {
        Ok(Ok(listing)) => listing,
        Ok(Err(error)) => {
            tracing::warn!(
                error = chain(&error),
                "a dry run could not ask the warehouse"
            );
            return Err(could_not_ask("the tables could not be asked; try again"));
        }
        Err(_) => return Err(could_not_ask("the tables did not answer within 20 s")),
    };
    let (would, reason) = decide(&listing.readiness, run.as_ref(), start, policy, state.now());
    let in_flight = run.as_ref().map_or(0, |run| run.counts.in_flight);
    let told = DryRun {
        handoff: &meant.key.handoff,
        game_date: meant.key.game_date,
        dry_run: true,
        state: run.as_ref().map(|run| run.state),
        would,
        why: [reason],
        readiness: listing.readiness,
        units_to_send: listing.without_row.saturating_sub(in_flight),
        units_with_row: listing.with_row,
        units_in_flight: in_flight,
        units: listing.first,
    };
    Ok(Json(told).into_response())
}

fn could_not_ask(detail: &str) -> Problem {
    problem(StatusCode::SERVICE_UNAVAILABLE, "could_not_ask", detail)
}

fn scope(policy: &Policy, game_date: GameDate, min_minutes: Option<f64>) -> Scope {
    let deadline_at = policy.instants(game_date).deadline_at;
    Scope {
        game_date,
        processor_names: policy.upstream.processor_names.clone(),
        fresh_since: deadline_at - policy.readiness.freshness,
        min_minutes: min_minutes.unwrap_or(policy.filters.min_minutes),
    }
}

async fn list(meant: &Meant<'_>, scope: &Scope) -> Result<Listing, PortError> {
    let warehouse = &meant.handoff.warehouse;
    let mut listing = Listing {
        readiness: warehouse.readiness(scope).await?,
        without_row: 0,
        with_row: 0,
        first: Vec::new(),
    };
    let mut after: Option<UnitId> = None;
    loop {
        let page = Page {
            after: after.as_ref(),
            limit: PAGE_UNITS,
        };
        let units = warehouse.ready_units(scope, page).await?;
        for unit in units.iter().filter(|unit| !unit.has_row) {
            listing.without_row += 1;
            if listing.first.len() < NAMED_UNITS_MAX {
                listing.first.push(unit.unit.clone());
            }
        }
        listing.with_row += units.iter().filter(|unit| unit.has_row).count() as u64;
        if units.len() < PAGE_UNITS as usize {
            return Ok(listing);
        }
        after = units.last().map(|unit| unit.unit.clone());
    }
}

fn decide(
    answer: &Readiness,
    run: Option<&Run>,
    start: &Start,
    policy: &Policy,
    now: Instant,
) -> (&'static str, Reason) {
    if start.force {
        let text = "what is ready goes at once, however few";
        return ("start", Reason::new(Code::Forced, text));
    }
    let event_at = run.and_then(|run| run.start.event_at);
    let finished = answer.upstream_finished_at.is_some() || event_at.is_some();
    let wait = run.and_then(|run| run.wait.as_ref());
    let waited = Waited {
        since: wait.map_or(now, |wait| wait.since),
        until: wait.map_or(now + policy.readiness.wait, |wait| wait.until),
    };
    let nights = policy.readiness.nights_known_min;
    let baseline = run.map(|run| &run.baseline);
    let rules = Rules {
        policy: &policy.readiness,
        usual_share: baseline.and_then(|it| it.trusted(it.ready_share, nights)),
    };
    match readiness::decide(answer, finished, &rules, waited, now) {
        Decision::Start(reason) => ("start", reason),
        Decision::StartDegraded(reason) => ("start_degraded", reason),
        Decision::Wait(reason) => ("wait", reason),
        Decision::GiveUp(reason) => ("give_up", reason),
    }
}
