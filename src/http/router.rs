//! Which path leads where, who may go there and how long it may take.
//!
//! What happens at a path belongs to its own file.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use super::{
    Access, HttpState, acknowledge, adopt, alerts, channel_test, check_stalled, complete, doctor,
    identity, observe, probes, problem, quarantine, replay, reset, respond, retry, runbooks,
    silence, start, status, tick, trigger, unpublished,
};

/// The longest a person waits; a dry run takes 20 s at most.
const PEOPLE_SECONDS_MAX: u64 = 30;
/// Within the 60 s after which Pub/Sub takes a push for lost (its longest acknowledgement deadline here).
const PUSH_SECONDS_MAX: u64 = 50;
/// Within the 180 s that a scheduler outside waits.
const TICK_SECONDS_MAX: u64 = 170;

/// Every path of the service.
pub fn router(state: impl Into<Arc<HttpState>>) -> Router {
    let state = state.into();
    let guarded = |router: Router<Arc<HttpState>>, access, seconds| {
        bound(router, seconds)
            .route_layer(from_fn_with_state((state.clone(), access), identity::guard))
    };
    let open = Router::new()
        .route("/health", get(probes::health))
        .route("/ready", get(probes::ready))
        .route("/version", get(probes::version))
        .route("/metrics", get(probes::metrics));
    open.merge(bound(readers(), PEOPLE_SECONDS_MAX))
        .merge(guarded(pushes(), Access::Push, PUSH_SECONDS_MAX))
        .merge(guarded(people(), Access::People, PEOPLE_SECONDS_MAX))
        .merge(guarded(schedules(), Access::Schedule, PEOPLE_SECONDS_MAX))
        .merge(guarded(ticks(), Access::Schedule, TICK_SECONDS_MAX))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn_with_state(state.clone(), observe::record))
        .layer(from_fn(observe::plain))
        .with_state(state)
}

fn bound(router: Router<Arc<HttpState>>, seconds: u64) -> Router<Arc<HttpState>> {
    let longest = Duration::from_secs(seconds);
    router.route_layer(from_fn_with_state(longest, observe::bound))
}

/// For whoever reads a message: its link carries its own right, and a runbook is no secret.
fn readers() -> Router<Arc<HttpState>> {
    Router::new()
        .route("/respond/{token}", get(respond::get).post(respond::post))
        .route("/runbooks/{name}", get(runbooks::get))
}

fn pushes() -> Router<Arc<HttpState>> {
    Router::new()
        .route("/trigger", post(trigger::post))
        .route("/complete", post(complete::post))
        .route("/unpublished", post(unpublished::post))
}

fn people() -> Router<Arc<HttpState>> {
    Router::new()
        .route("/reset", post(reset::post))
        .route("/check-stalled", post(check_stalled::post))
        .route("/adopt", post(adopt::post))
        .route("/history", get(status::history))
        .route("/alerts", get(alerts::get))
        .route("/alerts/ack", post(acknowledge::post))
        .route("/alerts/silence", post(silence::post))
        .route("/alerts/test", post(channel_test::post))
        .route("/doctor", get(doctor::get).post(doctor::post))
        .route("/quarantine", get(quarantine::list))
        .route(
            "/quarantine/{id}",
            get(quarantine::show).delete(quarantine::drop),
        )
        .route("/quarantine/{id}/replay", post(replay::post))
}

/// What people call, and an external scheduler, too.
fn schedules() -> Router<Arc<HttpState>> {
    Router::new()
        .route("/start", post(start::post))
        .route("/retry", post(retry::post))
        .route("/status", get(status::get))
}

fn ticks() -> Router<Arc<HttpState>> {
    Router::new().route("/tick", post(tick::post))
}
