//! What steps want told → messages with their ways, kept in the step's own transaction.
//!
//! Which way belongs to `domain::routing`, delivering to `courier`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    let id = format!("service/{}/0", service.steps);
    tell_of_service(shared, transaction, (id, told), now).await?;
    Ok(service)
}

/// Keeps the message about what people are to be told of the service itself.
pub async fn tell_of_service(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    (id, told): (String, Vec<Told>),
    now: Instant,
) -> Result<(), StoreError> {
    if told.is_empty() {
        return Ok(());
    }
    let notice = Notice {
        id,
        about: About::Service,
        at: now,
        content: Content::Alerts {
            told,
            night: None,
            units: Vec::new(),
        },
    };
    post_alerts(shared, transaction, notice, now).await
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
    let reached = reached(shared, transaction, &notice).await?;
    let silences = transaction.silences(now).await?;
    let failing = failing(transaction).await?;
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

/// Channels whose last try failed, and how.
async fn failing(
    transaction: &mut dyn Transaction,
) -> Result<Vec<(ChannelId, String)>, StoreError> {
    let trouble = transaction.service().await?.trouble.into_iter();
    let failing = trouble.filter(|(_, trouble)| !trouble.takes_others);
    Ok(failing
        .map(|(channel, trouble)| (channel, trouble.error))
        .collect())
}

/// Where earlier messages about the same openings went, by the alerts' names. The readers of a channel that is not
/// configured any more are looked for on the alert's own route.
async fn reached(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    notice: &Notice,
) -> Result<Vec<Reached>, StoreError> {
    let openings = notice.openings();
    let routes = shared.routes(&notice.about);
    let mut all = Vec::new();
    for mut reached in transaction.reached(&openings).await? {
        let told = openings.iter().position(|it| *it == reached.alert);
        let told = told.and_then(|index| notice.told().get(index));
        if let Some(told) = told {
            reached.alert = told.alert.name();
        }
        if shared.telling.channels.contains_key(&reached.channel) {
            all.push(reached);
            continue;
        }
        let route = told.and_then(|told| routes.of(told.alert.severity));
        for channel in route.into_iter().flat_map(|route| &route.at_once) {
            all.push(Reached {
                channel: channel.clone(),
                ..reached.clone()
            });
        }
    }
    Ok(all)
}

/// Gives every message that waits on a channel another one beside it.
pub async fn go_round(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    (channel, error): (&ChannelId, &str),
    now: Instant,
) -> Result<(), StoreError> {
    let failing = failing(transaction).await?;
    let failing: Vec<&ChannelId> = failing.iter().map(|(id, _)| id).collect();
    for (notice_id, severity) in transaction.stuck_on(channel).await? {
        let taken = transaction.channels_of(&notice_id).await?;
        let about = shared.store.notice(&notice_id).await?.map(|it| it.about);
        let routes = shared.routes(&about.unwrap_or(About::Service));
        if let Some(next) = routes.instead(severity, &taken, &failing) {
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

/// Gives what waits on channels that are not configured any more another way, and ends their trouble: nobody will take
/// it there, and nothing could show that they take messages again.
pub async fn leave_removed(shared: &Shared) -> Result<(), StoreError> {
    let figures = shared.store.channel_figures().await?.into_iter();
    let waiting = figures.filter(|it| it.waiting > 0).map(|it| it.channel);
    let troubled = shared.store.service().await?.trouble.into_keys();
    let channels: BTreeSet<ChannelId> = waiting.chain(troubled).collect();
    let configured = &shared.telling.channels;
    for channel in channels.iter().filter(|it| !configured.contains_key(it)) {
        let mut transaction = shared.begin().await?;
        let now = shared.clock.now();
        let round = (channel, "it is not configured any more");
        // What others have already needs no other way.
        transaction.leave_channel(channel).await?;
        go_round(shared, &mut *transaction, round, now).await?;
        transaction.leave_channel(channel).await?;
        let removed = Happened::Removed(channel.clone());
        step_service(shared, &mut *transaction, &removed, now).await?;
        transaction.commit().await?;
        tracing::warn!(%channel, "not configured any more: what waited for it goes over other channels");
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
