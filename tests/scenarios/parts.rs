//! What the service of a night is put together from: its workers, and its handoffs with their means.
//!
//! The night itself belongs to `night`, the stand-ins to `witness`.

use std::sync::Arc;

use tipoff::{
    clock::ManualClock,
    config,
    domain::routing::Routes,
    engine::Handoff,
    sinks::local::{Behaviour, Destination, LocalSettings, LocalWorkers, Surroundings},
    telemetry::{MeasuredWarehouse, Metrics},
};

use super::witness::{Post, Tables};

/// Built-in workers that answer to that service.
pub fn workers(
    behaviour: Behaviour,
    url: &str,
    (tables, clock): (&Arc<Tables>, &Arc<ManualClock>),
) -> LocalWorkers {
    let destination = Destination {
        url: format!("{url}/complete").parse().unwrap(),
        subscription: "projects/p/subscriptions/prediction-ready-prod-sub".to_owned(),
        token: None,
    };
    let surroundings = Surroundings {
        warehouse: tables.inner.clone(),
        clock: clock.clone(),
        client: reqwest::Client::new(),
    };
    let workers = LocalWorkers::start(LocalSettings::default(), destination, surroundings);
    workers.set_behaviour(behaviour);
    workers
}

/// The configured handoffs, all with the same tables and the same post.
pub fn handoffs(
    config: &config::Config,
    (tables, post, metrics): (&Arc<Tables>, &Arc<Post>, &Arc<Metrics>),
    routes: &Routes,
) -> Vec<Handoff> {
    let handoff = |it: &config::Handoff| Handoff {
        id: it.id.clone(),
        policy: it.policy.clone(),
        season: it.season.clone(),
        warehouse: Arc::new(MeasuredWarehouse {
            inner: tables.clone(),
            metrics: metrics.clone(),
        }),
        sink: post.clone(),
        routes: routes.clone(),
        timetable: None,
    };
    config.handoffs.iter().map(handoff).collect()
}
