//! Stand-ins at the service's edges that keep what they are given, and break when told to.
//!
//! They decide nothing; the scenarios read them.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use tipoff::{
    clock::{Clock, ManualClock},
    domain::{
        Instant,
        alert::{Change, Kind, Severity},
        effect::Announcement,
        ids::{GameDate, RunKey},
        plan::ListedUnit,
        readiness::Readiness,
        routing::Failure,
    },
    ports::{
        Announcer, Channel, Page, PortError, Request, RunRecord, Scope, Sink, StoredRow, Warehouse,
        notice::{Notice, Parcel, Receipt},
    },
    sinks::local::LocalWorkers,
    warehouse::EmbeddedWarehouse,
};
use tokio::sync::Notify;

use crate::support::RecordingChannel;

/// Hears the alerts.
#[derive(Default)]
pub struct Ears(RecordingChannel);

/// One change of an alert as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub change: Change,
    pub kind: Kind,
    pub severity: Severity,
    pub text: String,
    pub at: Instant,
}

impl Ears {
    /// Everything told, earliest first.
    pub fn heard(&self) -> Vec<Heard> {
        let notices = self.0.notices();
        let changes = notices.iter().flat_map(|notice| {
            notice.told().iter().map(|told| Heard {
                change: told.change,
                kind: told.alert.kind,
                severity: told.alert.severity,
                text: told.alert.text.clone(),
                at: notice.at,
            })
        });
        changes.collect()
    }

    /// The messages themselves.
    pub fn messages(&self) -> Vec<Notice> {
        self.0.notices()
    }
}

#[async_trait]
impl Channel for Ears {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        self.0.deliver(parcel).await
    }
}

/// The downstream topic.
#[derive(Default)]
pub struct Downstream(Mutex<Vec<Announcement>>);

impl Downstream {
    pub fn announced(&self) -> Vec<Announcement> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Announcer for Downstream {
    async fn announce(
        &self,
        _id: &str,
        _key: &RunKey,
        announcement: &Announcement,
    ) -> Result<(), PortError> {
        self.0.lock().unwrap().push(announcement.clone());
        Ok(())
    }
}

/// The tables, which cannot be asked while they are closed. Each part closes by itself.
pub struct Tables {
    pub inner: EmbeddedWarehouse,
    /// Nothing can be read.
    pub closed: AtomicBool,
    /// How the next questions of readiness go; the others go well.
    pub readings: Mutex<VecDeque<Turn>>,
    /// How the next listings go; the others go well.
    pub listings: Mutex<VecDeque<Turn>>,
    /// Listings asked for.
    pub listed: AtomicUsize,
    /// Rung when a question begins to wait.
    pub waits: Notify,
    record_refused: AtomicBool,
}

/// A question that does not go as it should.
pub enum Turn {
    /// It fails.
    Fails,
    /// It is put only when rung for.
    Waits(Arc<Notify>),
    /// It is put, and answered only when rung for.
    Lingers(Arc<Notify>),
}

impl Tables {
    pub fn new(inner: EmbeddedWarehouse) -> Self {
        Self {
            inner,
            closed: AtomicBool::new(false),
            readings: Mutex::default(),
            listings: Mutex::default(),
            listed: AtomicUsize::new(0),
            waits: Notify::new(),
            record_refused: AtomicBool::new(false),
        }
    }

    /// From now on the run history takes nothing in.
    pub fn refuse_records(&self) {
        self.record_refused.store(true, Ordering::SeqCst);
    }

    fn ask(&self) -> Result<(), PortError> {
        refuse(&self.closed, "asking the tables")
    }

    /// Puts a question as its turn says.
    async fn put<T>(
        &self,
        turn: Option<Turn>,
        question: impl Future<Output = Result<T, PortError>>,
    ) -> Result<T, PortError> {
        match turn {
            Some(Turn::Fails) => Err(PortError::transient("asking", "503 backend error")),
            Some(Turn::Waits(until)) => {
                self.waits.notify_one();
                until.notified().await;
                question.await
            }
            Some(Turn::Lingers(until)) => {
                let answer = question.await;
                self.waits.notify_one();
                until.notified().await;
                answer
            }
            None => question.await,
        }
    }
}

fn refuse(switch: &AtomicBool, doing: &str) -> Result<(), PortError> {
    if switch.load(Ordering::SeqCst) {
        return Err(PortError::transient(doing, "503 backend error"));
    }
    Ok(())
}

#[async_trait]
impl Warehouse for Tables {
    async fn readiness(&self, scope: &Scope) -> Result<Readiness, PortError> {
        self.ask()?;
        let turn = self.readings.lock().unwrap().pop_front();
        self.put(turn, self.inner.readiness(scope)).await
    }

    async fn ready_units(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> Result<Vec<ListedUnit>, PortError> {
        self.ask()?;
        self.listed.fetch_add(1, Ordering::SeqCst);
        let turn = self.listings.lock().unwrap().pop_front();
        self.put(turn, self.inner.ready_units(scope, page)).await
    }

    async fn stored_rows(
        &self,
        game_date: GameDate,
        page: Page<'_>,
    ) -> Result<Vec<StoredRow>, PortError> {
        self.ask()?;
        self.inner.stored_rows(game_date, page).await
    }

    async fn record_run(&self, record: &RunRecord) -> Result<(), PortError> {
        refuse(&self.record_refused, "recording the run")?;
        self.inner.record_run(record).await
    }
}

/// Where units are sent: keeps each request with its instant, then hands it to workers, if there are any.
pub struct Post {
    clock: Arc<ManualClock>,
    workers: Option<Arc<LocalWorkers>>,
    sent: Mutex<Vec<(Instant, Request)>>,
    /// Nothing is taken.
    pub closed: AtomicBool,
}

impl Post {
    pub fn new(clock: Arc<ManualClock>, workers: Option<Arc<LocalWorkers>>) -> Self {
        Self {
            clock,
            workers,
            sent: Mutex::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Every request taken, in order, with the instant.
    pub fn sent(&self) -> Vec<(Instant, Request)> {
        self.sent.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sink for Post {
    async fn send(&self, requests: &[Request]) -> Vec<Result<(), PortError>> {
        if self.closed.load(Ordering::SeqCst) {
            let refused = || refuse(&self.closed, "sending a request");
            return requests.iter().map(|_| refused()).collect();
        }
        let now = self.clock.now();
        let taken = requests.iter().map(|request| (now, request.clone()));
        self.sent.lock().unwrap().extend(taken);
        match &self.workers {
            Some(workers) => workers.send(requests).await,
            None => requests.iter().map(|_| Ok(())).collect(),
        }
    }
}
