//! Takes messages to their channels: a lane for what is critical and one for the rest, each with its own leases, so
//! that nothing stands behind a hanging or a flooded one.
//!
//! What is tried when, over which channel instead and in what number an hour is decided by `domain::routing`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::TimeDelta;
use tokio::{sync::Notify, task::JoinSet};
use tokio_util::task::TaskTracker;

use super::{
    EngineError, Shared,
    insist::insist,
    parcel,
    telling::{self, Means},
};
use crate::{
    domain::{
        Instant,
        alert::Severity,
        ids::ChannelId,
        routing::{self, Failure, Slot},
        service::Happened,
    },
    ports::{
        deliveries::{Delivery, DeliveryEnd, DeliveryLease, Lane},
        notice::Receipt,
        store::{OutboxEnd, Transaction},
    },
    telemetry::measure,
};

/// Messages of one lane that are under way at the same time; of a failing channel one is tried.
const UNDER_WAY_MAX: usize = 8;
/// Most messages in one digest.
const DIGEST_MAX: u32 = 1_000;
/// How much longer than the patience a lease holds: time to keep how the try ended.
const LEASE_MARGIN: TimeDelta = TimeDelta::seconds(30);
/// A channel that fails is left alone for this long at most, unless it asks for more; what cannot wait goes over
/// another.
const PAUSE_MAX: TimeDelta = TimeDelta::seconds(60);
const REST: TimeDelta = TimeDelta::seconds(1);
const REST_MAX: TimeDelta = TimeDelta::minutes(10);
const HOUR: TimeDelta = TimeDelta::hours(1);

/// What both lanes of every channel share.
#[derive(Default)]
pub struct Desks(BTreeMap<ChannelId, Desk>);

#[derive(Default)]
struct Desk {
    /// Rung when a lane may have something to do.
    critical: Notify,
    other: Notify,
    /// While the channel fails.
    pause: Mutex<Option<Pause>>,
    /// Messages under way from here: none is taken twice, however long its try lasts.
    in_hand: Mutex<BTreeSet<String>>,
}

/// Until when a failing channel is left alone; in the past, while one message is tried.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    /// The server asked for it: a message that was under way then and got through does not end it.
    wished: bool,
}

impl Desks {
    /// One desk a channel.
    pub fn of<'a>(channels: impl Iterator<Item = &'a ChannelId>) -> Self {
        Self(
            channels
                .map(|channel| (channel.clone(), Desk::default()))
                .collect(),
        )
    }

    /// Lets every lane look.
    pub fn ring(&self) {
        for desk in self.0.values() {
            desk.critical.notify_one();
            desk.other.notify_one();
        }
    }
}

impl Desk {
    fn bell(&self, lane: Lane) -> &Notify {
        match lane {
            Lane::Critical => &self.critical,
            Lane::Other => &self.other,
        }
    }

    fn paused_until(&self) -> Option<Instant> {
        let pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        pause.map(|pause| pause.until)
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves the channel alone; a longer pause stands.
    fn pause(&self, fresh: Pause) {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if pause.is_none_or(|known| known.until < fresh.until) {
            *pause = Some(fresh);
        }
    }

    /// The channel took a message.
    fn resume(&self, now: Instant) {
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        *pause = pause.filter(|known| known.wished && known.until > now);
    }
}

/// Starts both lanes of every channel.
pub fn start(shared: &Arc<Shared>, tasks: &TaskTracker) {
    for courier in couriers(shared) {
        tasks.spawn(courier.work());
    }
}

/// Delivers what is due on every channel and waits for it: for a scheduler outside, where the service may sleep.
pub async fn drain(shared: &Arc<Shared>) -> Result<(), EngineError> {
    for courier in couriers(shared) {
        let mut under_way = JoinSet::new();
        loop {
            courier.once(&mut under_way).await?;
            if under_way.join_next().await.is_none() {
                break;
            }
        }
    }
    Ok(())
}

fn couriers(shared: &Arc<Shared>) -> Vec<Courier> {
    let channels = shared.telling.channels.keys();
    let lanes = |channel: &ChannelId| {
        [Lane::Critical, Lane::Other].map(|lane| Courier {
            shared: shared.clone(),
            channel: channel.clone(),
            lane,
        })
    };
    channels.flat_map(lanes).collect()
}

/// One lane of one channel.
#[derive(Clone)]
struct Courier {
    shared: Arc<Shared>,
    channel: ChannelId,
    lane: Lane,
}

impl Courier {
    /// Works until the engine stops; what is under way then is still brought to its end.
    async fn work(self) {
        let mut under_way = JoinSet::new();
        let shared = &self.shared;
        let Some(desk) = shared.desks.0.get(&self.channel) else {
            return;
        };
        loop {
            let until = match self.once(&mut under_way).await {
                Ok(until) => until,
                Err(error) => {
                    tracing::error!(%error, channel = %self.channel, "could not look for messages; trying again");
                    shared.clock.now() + REST
                }
            };
            tokio::select! {
                biased;
                () = shared.clock.sleep_until(until) => {}
                () = desk.bell(self.lane).notified() => {}
                Some(_) = under_way.join_next() => {}
                () = shared.stop.cancelled() => break,
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Takes up what may leave now, and says when to look again.
    async fn once(&self, under_way: &mut JoinSet<()>) -> Result<Instant, EngineError> {
        let shared = &self.shared;
        let (Some(desk), Some(means)) = (
            shared.desks.0.get(&self.channel),
            shared.telling.channels.get(&self.channel),
        ) else {
            return Ok(shared.clock.now() + REST_MAX);
        };
        loop {
            while under_way.try_join_next().is_some() {}
            let now = shared.clock.now();
            let paused_until = desk.paused_until();
            if let Some(until) = paused_until.filter(|until| *until > now) {
                return Ok(until);
            }
            let at_once = if paused_until.is_some() {
                1
            } else {
                UNDER_WAY_MAX
            };
            let room = at_once.saturating_sub(under_way.len());
            if room == 0 {
                return Ok(now + REST_MAX);
            }
            // Asked of a reading connection first: most nudges are about no message, and writing is for what is due.
            let in_hand: Vec<String> = desk.in_hand().iter().cloned().collect();
            let next = shared
                .store
                .next_delivery_at(&self.channel, self.lane, &in_hand)
                .await?;
            if next.is_none_or(|at| at > now) {
                return Ok(next.unwrap_or(now + REST_MAX).min(now + REST_MAX));
            }
            let slot = self.slot(means, under_way.len(), now).await?;
            let most = match slot {
                Slot::Now if self.lane == Lane::Critical => room as u32,
                Slot::Now => 1,
                // One that has just arrived may have been counted twice: what is under way is awaited.
                Slot::Digest if !under_way.is_empty() => return Ok(now + REST_MAX),
                Slot::Digest => DIGEST_MAX,
                Slot::Hold(until) => return Ok(until),
            };
            let mut leased = self.lease(means, (most, &in_hand), now).await?;
            if leased.is_empty() {
                // Another process took it in between.
                return Ok(now + REST);
            }
            desk.in_hand()
                .extend(leased.iter().map(|it| it.notice.id.clone()));
            if slot == Slot::Digest {
                under_way.spawn(self.clone().deliver(leased));
            } else {
                for delivery in leased.drain(..) {
                    under_way.spawn(self.clone().deliver(vec![delivery]));
                }
            }
        }
    }

    /// What the next message may do. Those under way count as sent now.
    async fn slot(
        &self,
        means: &Means,
        under_way: usize,
        now: Instant,
    ) -> Result<Slot, EngineError> {
        if self.lane == Lane::Critical {
            return Ok(Slot::Now);
        }
        let mut sent = vec![now; under_way];
        sent.extend(
            self.shared
                .store
                .sent_since(&self.channel, now - HOUR)
                .await?,
        );
        let most = means.messages_per_hour;
        Ok(routing::slot(&sent, Severity::Warning, most, now))
    }

    async fn lease(
        &self,
        means: &Means,
        (most, in_hand): (u32, &[String]),
        now: Instant,
    ) -> Result<Vec<Delivery>, EngineError> {
        let longest = routing::patience(means.patience, u32::MAX);
        let lease = DeliveryLease {
            channel: &self.channel,
            lane: self.lane,
            now,
            until: now + longest + LEASE_MARGIN,
            most,
            in_hand,
        };
        Ok(self.shared.store.lease_deliveries(lease).await?)
    }

    /// Tries one message, or several as a digest, and keeps how it ended.
    async fn deliver(self, deliveries: Vec<Delivery>) {
        let Some(means) = self.shared.telling.channels.get(&self.channel) else {
            return;
        };
        let attempts = deliveries.iter().map(|it| it.attempts).max().unwrap_or(0);
        let patience = routing::patience(means.patience, attempts);
        let parcel = parcel::parcel(&self.shared, &deliveries);
        let limit = patience.to_std().unwrap_or(Duration::from_secs(60));
        let outcome = match tokio::time::timeout(limit, means.channel.deliver(&parcel)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure {
                error: format!("no answer within {:.1} s", limit.as_secs_f64()),
                permanent: false,
                doubtful: true,
                retry_after: None,
            }),
        };
        let now = self.shared.clock.now();
        if let Err(failure) = &outcome {
            // At once, so that nothing leaves while it is being kept; how often it failed before may make it longer.
            self.leave_alone(failure, 1, now);
        }
        let until = now + LEASE_MARGIN;
        let kept = match &outcome {
            Ok(receipt) => insist(&self.shared, until, || self.arrived(&deliveries, receipt)).await,
            Err(failure) => insist(&self.shared, until, || self.failed(&deliveries, failure)).await,
        };
        if let Err(error) = kept {
            tracing::error!(%error, channel = %self.channel, "a delivery could not be ended; its lease will run out");
        }
        self.desk(|desk| {
            let mut in_hand = desk.in_hand();
            for delivery in &deliveries {
                in_hand.remove(&delivery.notice.id);
            }
        });
        self.shared.nudge();
    }

    async fn arrived(&self, deliveries: &[Delivery], receipt: &Receipt) -> Result<(), EngineError> {
        let shared = &self.shared;
        let mut transaction = shared.begin().await?;
        let now = shared.clock.now();
        let end = DeliveryEnd::Done {
            receipt: receipt.clone(),
            at: now,
        };
        for Delivery { notice, thread, .. } in deliveries {
            transaction
                .end_delivery(&notice.id, &self.channel, &end)
                .await?;
            if let (Some(first), None) = (&receipt.thread, thread) {
                let about = notice.thread();
                transaction
                    .keep_thread(&self.channel, &about, first)
                    .await?;
            }
        }
        let happened = self.got_through(&mut *transaction, now).await?;
        telling::step_service(shared, &mut *transaction, &happened, now).await?;
        transaction.commit().await?;
        self.desk(|desk| desk.resume(now));
        self.count(&OutboxEnd::Done, deliveries.len());
        Ok(())
    }

    /// What it means that a message got through: the trouble ends when nothing waits any more that the channel did not
    /// take, or one reader whom it refuses would end and begin it again and again. What may get through now, too, is
    /// tried at once.
    async fn got_through(
        &self,
        transaction: &mut dyn Transaction,
        now: Instant,
    ) -> Result<Happened, EngineError> {
        let channel = self.channel.clone();
        let trouble = transaction.service().await?.trouble.remove(&channel);
        let Some(trouble) = trouble else {
            return Ok(Happened::Delivered(channel));
        };
        if transaction.failed_before(&channel).await? == 0 {
            return Ok(Happened::Delivered(channel));
        }
        if !trouble.permanent {
            transaction.try_again(&channel, now).await?;
        }
        Ok(Happened::DeliveredInPart(channel))
    }

    async fn failed(&self, deliveries: &[Delivery], failure: &Failure) -> Result<(), EngineError> {
        let shared = &self.shared;
        let mut transaction = shared.begin().await?;
        let now = shared.clock.now();
        let chance = deliveries.first().map_or(0.5, |first| {
            routing::chance(&first.notice.id, &self.channel, first.attempts)
        });
        for delivery in deliveries {
            let due_at = routing::retry_at(failure, delivery.attempts + 1, chance, now);
            let end = DeliveryEnd::Later {
                due_at,
                error: failure.error.clone(),
                doubtful: failure.doubtful,
            };
            transaction
                .end_delivery(&delivery.notice.id, &self.channel, &end)
                .await?;
        }
        let happened = Happened::Failed(self.channel.clone(), failure.clone());
        let service = telling::step_service(shared, &mut *transaction, &happened, now).await?;
        let round = (&self.channel, failure.error.as_str());
        telling::go_round(shared, &mut *transaction, round, now).await?;
        transaction.commit().await?;
        let failures = service
            .trouble
            .get(&self.channel)
            .map_or(1, |it| it.failures);
        self.leave_alone(failure, failures, now);
        // How it failed may name a reader: that is in the ledger, and not in the log.
        tracing::warn!(
            channel = %self.channel,
            permanent = failure.permanent,
            "a channel did not take a message; `tipoff alerts list` says why"
        );
        let later = OutboxEnd::Later {
            due_at: now,
            error: failure.error.clone(),
        };
        self.count(&later, deliveries.len());
        Ok(())
    }

    /// A channel that cannot be reached is left alone for a while; one that refused a single message for good may
    /// take the next.
    fn leave_alone(&self, failure: &Failure, failures: u32, now: Instant) {
        if failure.permanent {
            return;
        }
        let wish = failure.retry_after.unwrap_or_default();
        let until = routing::retry_at(failure, failures, 0.5, now).min(now + PAUSE_MAX.max(wish));
        let wished = failure.retry_after.is_some();
        self.desk(|desk| desk.pause(Pause { until, wished }));
    }

    fn desk(&self, action: impl FnOnce(&Desk)) {
        if let Some(desk) = self.shared.desks.0.get(&self.channel) {
            action(desk);
        }
    }

    fn count(&self, end: &OutboxEnd, messages: usize) {
        for _ in 0..messages {
            measure::record_delivery(&self.shared.metrics, self.channel.as_str(), end);
        }
    }
}
