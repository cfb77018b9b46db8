//! What steps want told → messages with their ways, kept in the step's own transaction.
//!
//! Which way belongs to `domain::routing`, delivering to `courier`.

use std::{collections::BTreeMap, sync::Arc};

use chrono::TimeDelta;

use super::Shared;
use crate::{
    domain::{
        Instant,
        alert::{Severity, Told},
        ids::ChannelId,
        policy,
        routing::{self, Planned, Reached, Routes, Situation, Why},
        run::Run,
        service::{self, Happened, Service, Stepped},
    },
    ports::{
        Channel, OpenUnit,
        deliveries::Posting,
        notice::{About, Content, Notice},
        store::{StoreError, Transaction},
    },
    wire::link,
};

/// Units named in a message.
const NAMED_UNITS_MAX: u32 = 20;

/// A channel as it is configured now.
pub struct Means {
    /// The channel itself.
    pub channel: Arc<dyn Channel>,
    /// How long its first try may take before another channel is taken.
    pub patience: TimeDelta,
    /// Messages an hour that are not critical, at least 2.
    pub messages_per_hour: usize,
    /// Whether it leads to people; the process's own output does not.
    pub reaches_people: bool,
    /// How often its live message is brought up to date; `None`: it has none.
    pub live_every: Option<TimeDelta>,
}

/// Where messages lead their readers.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// The base of this service's own pages, without a slash at the end; `None`: nobody can reach it.
    pub public: Option<String>,
    /// Below which each kind of alert has its runbook.
    pub runbooks: Option<String>,
}

/// Everything about reaching people. Read live: a change needs no new run.
#[derive(Default)]
pub struct Telling {
    /// The channels by name.
    pub channels: BTreeMap<ChannelId, Means>,
    /// How people of the service itself are reached.
    pub routes: Routes,
    /// Where messages lead.
    pub addresses: Addresses,
}

/// Keeps the message about what a run's step wants told.
pub async fn tell(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    (id, run): (String, &Run),
    told: Vec<Told>,
    now: Instant,
) -> Result<(), StoreError> {
    let units: Vec<OpenUnit> = transaction.open_units(&run.key, NAMED_UNITS_MAX).await?;
    let notice = Notice {
        id,
        about: About::Night(run.key.clone()),
        at: now,
        content: Content::Alerts {
            told,
            night: Some(run.snapshot(now)),
            units,
        },
    };
    post_alerts(shared, transaction, notice, now).await
}

/// Takes the service's own state one event further, and keeps the message about what people are to be told of it.
pub async fn step_service(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    happened: &Happened,
    now: Instant,
) -> Result<Service, StoreError> {
    let policy = shared.service_policy();
    let before = transaction.service().await?;
    let Stepped { service, told } = service::step(before.clone(), happened, policy, now);
    if service != before || *happened == Happened::Ticked {
        let next_wake_at = service.next_wake(policy, now);
        transaction.save_service(&service, next_wake_at).await?;
    }
    if !told.is_empty() {
        let notice = Notice {
            id: format!("service/{}/0", service.steps),
            about: About::Service,
            at: now,
            content: Content::Alerts {
                told,
                night: None,
                units: Vec::new(),
            },
        };
        post_alerts(shared, transaction, notice, now).await?;
    }
    Ok(service)
}

/// Keeps a message that is no alert: over these channels, once however often it is asked for.
pub async fn post(
    transaction: &mut dyn Transaction,
    notice: &Notice,
    channels: &[ChannelId],
    reason: &str,
) -> Result<bool, StoreError> {
    let routed = |channel: &ChannelId| Planned {
        channel: channel.clone(),
        why: Why::Routed,
    };
    let deliveries: Vec<Planned> = channels.iter().map(routed).collect();
    let posting = Posting {
        notice,
        openings: &[],
        deliveries: &deliveries,
        severity: Severity::Info,
        reason,
        replaces: false,
    };
    transaction.post(posting).await
}

async fn post_alerts(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    mut notice: Notice,
    now: Instant,
) -> Result<(), StoreError> {
    let reached = reached(transaction, &notice).await?;
    let silences = transaction.silences(now).await?;
    let trouble = transaction.service().await?.trouble;
    let failing: Vec<(ChannelId, String)> = trouble
        .into_iter()
        .filter(|(_, trouble)| !trouble.takes_others)
        .map(|(channel, trouble)| (channel, trouble.error))
        .collect();
    let about = notice.about.clone();
    let situation = Situation {
        handoff: about.handoff(),
        routes: shared.routes(&about),
        reached: &reached,
        silences: &silences,
        failing: &failing,
    };
    let plan = routing::plan(notice.told(), situation, now);
    if !plan.deliveries.is_empty() {
        notice.keep_told(plan.heard.clone());
    }
    let posting = Posting {
        notice: &notice,
        openings: &notice.openings(),
        deliveries: &plan.deliveries,
        severity: plan.severity,
        reason: &plan.reason,
        replaces: plan.replaces(notice.told()),
    };
    transaction.post(posting).await?;
    Ok(())
}

/// Where earlier messages about the same openings went, by the alerts' names.
async fn reached(
    transaction: &mut dyn Transaction,
    notice: &Notice,
) -> Result<Vec<Reached>, StoreError> {
    let openings = notice.openings();
    let mut reached = transaction.reached(&openings).await?;
    for reached in &mut reached {
        let told = openings.iter().position(|it| *it == reached.alert);
        if let Some(told) = told.and_then(|index| notice.told().get(index)) {
            reached.alert = told.alert.name();
        }
    }
    Ok(reached)
}

/// Gives every message that waits on a channel another one beside it.
pub async fn go_round(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    (channel, error): (&ChannelId, &str),
    now: Instant,
) -> Result<(), StoreError> {
    for (notice_id, severity) in transaction.stuck_on(channel).await? {
        let taken = transaction.channels_of(&notice_id).await?;
        let about = shared.store.notice(&notice_id).await?.map(|it| it.about);
        let routes = shared.routes(&about.unwrap_or(About::Service));
        if let Some(next) = routes.next(severity, &taken) {
            let planned = Planned {
                channel: next.clone(),
                why: Why::Instead {
                    of: channel.clone(),
                    error: error.to_owned(),
                },
            };
            transaction.add_delivery(&notice_id, &planned, now).await?;
        }
    }
    Ok(())
}

impl Shared {
    /// How people of what a message is about are reached.
    pub fn routes(&self, about: &About) -> &Routes {
        let handoff = about.handoff().and_then(|id| self.handoffs.get(id));
        handoff.map_or(&self.telling.routes, |handoff| &handoff.routes)
    }

    /// When people are told of the service's own alerts again: as the first handoff has it.
    pub(super) fn service_policy(&self) -> &policy::Alerts {
        let first = self.handoffs.values().next();
        first.map_or(&self.fallback_policy, |handoff| &handoff.policy.alerts)
    }

    /// What a link in a message allows.
    ///
    /// # Errors
    ///
    /// When it is not one of this service's, or is not valid any more.
    pub fn verify_link(&self, text: &str) -> Result<link::Claim, link::Refused> {
        link::verify(&self.link_secret, text, self.clock.now())
    }
}
