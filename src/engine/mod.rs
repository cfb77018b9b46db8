//! The imperative shell: takes events to the state machine and its effects to the world.
//!
//! Nothing is decided here. `apply` is the only caller of `step`; `inbox` takes messages in, `waker` lets time pass,
//! `outbox` and `deliver` do what steps want, `sender` sends units.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock::Clock,
    domain::{
        Instant,
        calendar::{self, Expectation, Season},
        ids::{GameDate, HandoffId, RunKey},
        policy::{self, Policy},
        reason::Reason,
        report::Timetable,
        routing::Routes,
        run::Run,
        service::Service,
        trigger::{self, DateStanding},
        wiring::Examination,
    },
    ports::{
        Announcer, Known, Sink, Warehouse,
        store::{OutboxItem, Store},
    },
    telemetry::Metrics,
};

mod apply;
mod asking;
mod bell;
mod chain;
mod courier;
mod deliver;
mod examining;
mod gauges;
mod inbox;
mod insist;
mod live;
mod outbox;
mod parcel;
mod pulse;
mod reconcile;
mod reports;
mod resume;
mod sender;
mod silences;
mod telling;
mod transaction;
mod waker;

use bell::Bell;

pub use examining::Examining;
pub use pulse::Beating;
pub use telling::{Addresses, Means, Telling};

pub use inbox::{AnswerMessage, AnswersReceipt, EngineError, Inbox, Receipt, TriggerMessage};

/// A handoff as it is configured now: its promises for new runs, and its means, which are read live.
pub struct Handoff {
    /// Its name.
    pub id: HandoffId,
    /// Its promises.
    pub policy: Policy,
    /// The season file, if there is one.
    pub season: Option<Season>,
    /// Its tables.
    pub warehouse: Arc<dyn Warehouse>,
    /// Where its units go.
    pub sink: Arc<dyn Sink>,
    /// How its people are reached.
    pub routes: Routes,
    /// When its summaries are made; `None`: never.
    pub timetable: Option<Timetable>,
}

impl Handoff {
    /// Today's game date.
    pub fn today(&self, now: Instant) -> GameDate {
        calendar::game_date(now, &self.policy.calendar_zone)
    }

    /// Why an event about this date starts nothing; `None`: it may.
    pub fn refuse_date(&self, game_date: GameDate, now: Instant) -> Option<Reason> {
        let closes_at = self.policy.instants(game_date).closes_at;
        match trigger::judge_date(game_date, self.today(now), closes_at, now) {
            DateStanding::Open => None,
            DateStanding::Past(reason) | DateStanding::TooFar(reason) => Some(reason),
        }
    }

    /// What the calendar says of a date.
    pub fn expectation(&self, game_date: GameDate) -> Expectation {
        match &self.season {
            Some(season) => season.expectation(game_date),
            None => Expectation::Unknown,
        }
    }
}

/// What the engine is made of.
pub struct Parts {
    /// The durable state.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The handoffs, at least one.
    pub handoffs: Vec<Handoff>,
    /// Where the downstream event goes.
    pub announcer: Arc<dyn Announcer>,
    /// How people are reached.
    pub telling: Telling,
    /// The outgoing heartbeat, if there is one.
    pub beating: Option<Beating>,
    /// Who examines the surroundings, and when; `None`: nobody.
    pub examining: Option<Examining>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// What every part of the engine shares.
pub struct Shared {
    /// The durable state.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The handoffs by name.
    pub handoffs: BTreeMap<HandoffId, Handoff>,
    announcer: Arc<dyn Announcer>,
    /// How people are reached.
    pub telling: Telling,
    desks: courier::Desks,
    examining: Option<Examining>,
    link_secret: Vec<u8>,
    fallback_policy: policy::Alerts,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// When runs, and the service itself, are looked at next.
    wake: Bell,
    /// When the outbox is looked at next.
    outbox: Bell,
    /// Effects being done now.
    delivering: outbox::Delivering,
    /// Rung when units were answered or given up: a capped sender may go on.
    slots: Notify,
    stop: CancellationToken,
}

impl Shared {
    /// The handoff of a run. Runs of a handoff that is no longer configured rest.
    fn handoff(&self, key: &RunKey) -> Option<&Handoff> {
        self.handoffs.get(&key.handoff)
    }

    /// Has the service itself and the messages to people looked at now: they changed.
    fn nudge(&self) {
        self.wake.ring_by(self.clock.now());
        self.desks.ring();
    }

    /// Hands over effects that were committed with a lease of this process, whoever does them.
    fn hand(&self, items: &[OutboxItem], run: &Run) {
        if !items.is_empty() {
            self.delivering.hand(items, run);
            self.outbox.ring_by(self.clock.now() + outbox::LEASE);
        }
    }
}

/// The engine at work. Dropping it does not stop it; [`Engine::stop`] does.
pub struct Engine {
    shared: Arc<Shared>,
    past_shown: gauges::PastShown,
    inbox: Inbox,
    tasks: TaskTracker,
}

/// How long a stopping engine waits for what it holds.
const STOP_SECONDS_MAX: u64 = 10;

impl Engine {
    /// Starts the engine: what was left half done by the last process goes on.
    ///
    /// # Errors
    ///
    /// When the store cannot be taken over.
    pub async fn start(parts: Parts) -> Result<Self, EngineError> {
        parts.store.take_over().await?;
        let link_secret = link_secret(&*parts.store).await?;
        let shared = Arc::new(Shared {
            store: parts.store,
            clock: parts.clock,
            handoffs: parts
                .handoffs
                .into_iter()
                .map(|handoff| (handoff.id.clone(), handoff))
                .collect(),
            announcer: parts.announcer,
            desks: courier::Desks::of(parts.telling.channels.keys()),
            telling: parts.telling,
            examining: parts.examining,
            link_secret,
            fallback_policy: policy::Alerts::default(),
            metrics: parts.metrics,
            wake: Bell::default(),
            outbox: Bell::default(),
            delivering: outbox::Delivering::new(),
            slots: Notify::new(),
            stop: CancellationToken::new(),
        });
        resume::take_over(&shared).await?;
        let tasks = TaskTracker::new();
        tasks.spawn(waker::work(shared.clone()));
        tasks.spawn(outbox::work(shared.clone(), tasks.clone()));
        courier::start(&shared, &tasks);
        live::start(&shared, &tasks);
        if shared.examining.is_some() {
            tasks.spawn(examining::work(shared.clone()));
        }
        if let Some(beating) = parts.beating {
            tasks.spawn(pulse::work(shared.clone(), beating));
        }
        Ok(Self {
            inbox: Inbox::open(shared.clone(), &tasks),
            past_shown: gauges::PastShown::default(),
            shared,
            tasks,
        })
    }

    /// Where messages and commands go in.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// What the engine is made of, for reading.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Does what is due and returns when it is done: for a scheduler outside, where the service may sleep.
    ///
    /// # Errors
    ///
    /// When the store could not be asked.
    pub async fn tick(&self) -> Result<(), EngineError> {
        waker::open_dates(&self.shared).await?;
        waker::wake_due(&self.shared).await?;
        outbox::drain(&self.shared).await?;
        reports::make_due(&self.shared).await?;
        examining::examine_due(&self.shared).await?;
        courier::drain(&self.shared).await
    }

    /// Examines the surroundings now; `None`: nothing is to be examined.
    ///
    /// # Errors
    ///
    /// When the store could not be asked or could not keep what was found.
    pub async fn examine(&self) -> Result<Option<Examination>, EngineError> {
        examining::examine(&self.shared).await
    }

    /// What the service knows of its surroundings by itself.
    pub fn known(&self, service: &Service) -> Known {
        examining::known(&self.shared, service)
    }

    /// Stops: finishes what it holds or hands it back, for ten seconds at most, and lets go of the store. What is
    /// still under way then finds the store closed.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.tasks.close();
        let most = Duration::from_secs(STOP_SECONDS_MAX);
        if tokio::time::timeout(most, self.tasks.wait()).await.is_err() {
            let left = self.tasks.len();
            tracing::warn!(
                left,
                "stopped with work under way; it goes on at the next start"
            );
        }
        self.shared.store.close().await;
    }
}

/// Bytes of the secret that links are signed with.
const SECRET_BYTES: usize = 32;

/// The secret that links are signed with, made at the first start: links stay valid over restarts.
async fn link_secret(store: &dyn Store) -> Result<Vec<u8>, EngineError> {
    let fresh: [u8; SECRET_BYTES] = rand::random();
    let mut transaction = store.begin().await?;
    let secret = transaction.secret("links", &fresh).await?;
    transaction.commit().await?;
    Ok(secret)
}
