//! The way in over HTTP: bytes and identities to the engine's messages and commands, receipts to answers.
//!
//! One file a resource. Shapes belong to `wire`, what a message leads to belongs to the domain; nothing is decided
//! here but the answer's status, which for a push says whether the message comes again.

use std::sync::Arc;

use crate::{
    config,
    domain::ids::HandoffId,
    engine::{Engine, Handoff},
};

mod acknowledge;
mod adopt;
mod alerts;
mod answer;
mod body;
mod callers;
mod channel_test;
mod check_stalled;
mod complete;
mod doctor;
mod dry_run;
mod identity;
mod intake;
mod observe;
mod people;
mod probes;
mod problem;
mod push;
mod quarantine;
mod replay;
mod reset;
mod respond;
mod retry;
mod router;
mod runbooks;
mod silence;
mod start;
mod status;
mod tick;
mod trigger;
mod unpublished;
mod whose;

pub use callers::{Access, Accounts, Caller, Callers};
pub use intake::Intake;
pub use push::Entry;
pub use router::router;

/// How a handoff's pushes are recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandoffRoute {
    /// Its name.
    pub id: HandoffId,
    /// The topic its upstream's completion comes on.
    pub upstream_topic: Option<String>,
    /// The subscription that pushes its upstream's completion.
    pub trigger_subscription: Option<String>,
    /// The subscription that pushes its workers' answers.
    pub completion_subscription: Option<String>,
}

impl From<&config::Handoff> for HandoffRoute {
    fn from(handoff: &config::Handoff) -> Self {
        Self {
            id: handoff.id.clone(),
            upstream_topic: handoff.upstream_topic.clone(),
            trigger_subscription: handoff.trigger_subscription.clone(),
            completion_subscription: handoff.completion_subscription.clone(),
        }
    }
}

/// What every request is answered with.
pub struct HttpState {
    engine: Arc<Engine>,
    routes: Vec<HandoffRoute>,
    callers: Callers,
    asked: probes::LastAsked,
}

impl HttpState {
    /// The engine, how its handoffs' pushes are recognised, and who may call; where nobody is named every caller on
    /// this machine may do everything.
    pub fn new(engine: Arc<Engine>, routes: Vec<HandoffRoute>, callers: Callers) -> Self {
        Self {
            engine,
            routes,
            callers,
            asked: probes::LastAsked::default(),
        }
    }

    fn now(&self) -> crate::domain::Instant {
        self.engine.shared().clock.now()
    }

    fn handoff(&self, id: &HandoffId) -> Option<&Handoff> {
        self.engine.shared().handoffs.get(id)
    }

    /// The only handoff there is; `None` where there are several.
    fn only_handoff(&self) -> Option<&Handoff> {
        let handoffs = &self.engine.shared().handoffs;
        handoffs.values().next().filter(|_| handoffs.len() == 1)
    }

    /// The names of the handoffs, for people.
    fn handoff_names(&self) -> String {
        let names: Vec<&str> = self
            .engine
            .shared()
            .handoffs
            .keys()
            .map(HandoffId::as_str)
            .collect();
        names.join(", ")
    }
}
