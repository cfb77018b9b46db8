//! Down through the deadline: the service dies at 05:50 and is started again at 07:40. Its verdict is the true one.
//!
//! Dying at other points, in the real program, belongs to `kill`.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant as Watch},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use tipoff::{
    channels::console::LogAnnouncer,
    clock::{Clock, ManualClock},
    config::{self, Environment},
    domain::{
        self, Instant,
        alert::{Change, Kind},
        effect::Effect,
        ids::MessageId,
        nights::Night,
        routing::Failure,
        run::{Run, State},
        sla::{Ruling, Verdict},
    },
    engine::{AnswerMessage, Engine, Handoff, Parts, TriggerMessage},
    ports::{
        Channel,
        deliveries::DeliveryStore,
        notice::{NightFigures, Parcel, Receipt},
        store::{OutboxItem, Store},
    },
    store::SqliteStore,
    telemetry::Metrics,
    warehouse::{ContextRow, EmbeddedWarehouse, FeatureRow},
    wire::{completion, upstream},
};
use tokio::runtime::Runtime;

use crate::support::{
    RecordingChannel, RecordingSink, TONIGHT, context, date, event, feature, instant, routes_over,
    rows, telling_over, tonight,
};

// Pacific time is eight hours behind.
const BEGIN: &str = "2026-01-19T13:42:00Z";
const STORED: &str = "2026-01-19T13:45:00Z";
const CRASH: &str = "2026-01-19T13:50:00Z";
const ANSWERED: &str = "2026-01-19T14:20:00Z";
const DEADLINE: &str = "2026-01-19T15:00:00Z";
const BACK: &str = "2026-01-19T15:40:00Z";
const REDELIVERED: &str = "2026-01-19T15:45:00Z";
/// Eleven minutes after the start: no push is retried longer.
const FINAL: &str = "2026-01-19T15:51:00Z";
/// The day after, hours after the run ought to have closed.
const NEXT_DAY: &str = "2026-01-20T21:00:00Z";
const PLAYERS: usize = 10;
/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What people were told.
#[derive(Default)]
struct Told(RecordingChannel);

#[async_trait]
impl Channel for Told {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        self.0.deliver(parcel).await
    }
}

impl Told {
    /// When people were told that the deadline is breached. A message that came twice has one id.
    fn breach_told_at(&self) -> Vec<Instant> {
        let messages = self.0.notices();
        let breached = messages.iter().filter(|message| {
            let is = |told: &domain::alert::Told| {
                told.change == Change::Opened && told.alert.kind == Kind::DeadlineBreached
            };
            message.told().iter().any(is)
        });
        let by_id: BTreeMap<&str, Instant> = breached
            .map(|message| (message.id.as_str(), message.at))
            .collect();
        by_id.into_values().collect()
    }
}

/// What outlives a crash.
struct Site {
    folder: TempDir,
    sink: Arc<RecordingSink>,
    told: Arc<Told>,
}

/// One life of the service, on a runtime of its own: when that is dropped everything stops where it stands.
struct Life {
    engine: Engine,
    store: Arc<SqliteStore>,
    warehouse: EmbeddedWarehouse,
    clock: Arc<ManualClock>,
    runtime: Runtime,
}

impl Site {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            sink: Arc::default(),
            told: Arc::default(),
        }
    }

    fn start(&self, at: &str) -> Life {
        let runtime = Runtime::new().unwrap();
        let clock = Arc::new(ManualClock::new(instant(at)));
        let path = self.folder.path();
        let (engine, store, warehouse) = runtime.block_on(async {
            let store = Arc::new(SqliteStore::open(&path.join("state.sqlite")).await.unwrap());
            let warehouse = EmbeddedWarehouse::open(&path.join("warehouse"))
                .await
                .unwrap();
            let parts = self.parts(&store, &warehouse, clock.clone());
            (Engine::start(parts).await.unwrap(), store, warehouse)
        });
        Life {
            engine,
            store,
            warehouse,
            clock,
            runtime,
        }
    }

    /// A night that was sent and never answered, and closed when the service was there again a day later.
    fn closed(&self) -> (Life, Run) {
        let life = self.start(BEGIN);
        life.send_out();
        life.crash();
        let life = self.start(NEXT_DAY);
        let closed = life.until("closed", true, |run| run.closed_at.is_some());
        life.rest();
        (life, closed)
    }

    fn parts(
        &self,
        store: &Arc<SqliteStore>,
        warehouse: &EmbeddedWarehouse,
        clock: Arc<ManualClock>,
    ) -> Parts {
        let none = Environment::of(Vec::new());
        let config = config::parse("", self.folder.path(), &none).unwrap();
        let handoff = config.handoffs.into_iter().next().unwrap();
        Parts {
            store: store.clone(),
            clock,
            metrics: Arc::new(Metrics::new(std::slice::from_ref(&handoff.id), &[])),
            handoffs: vec![Handoff {
                id: handoff.id,
                policy: handoff.policy,
                season: handoff.season,
                warehouse: Arc::new(warehouse.clone()),
                sink: self.sink.clone(),
                routes: routes_over("console"),
                timetable: None,
            }],
            announcer: Arc::new(LogAnnouncer),
            telling: telling_over("console", self.told.clone()),
            examining: None,
            beating: None,
        }
    }
}

impl Life {
    /// It dies: nothing is stopped, finished or handed back.
    fn crash(self) {
        let Self {
            engine,
            store,
            warehouse,
            runtime,
            ..
        } = self;
        let inside = runtime.enter();
        drop((engine, store, warehouse));
        drop(inside);
        drop(runtime);
    }

    /// Looks until it is so. The clock stands still unless `moving`, then time passes between looks.
    fn until(&self, what: &str, moving: bool, is: impl Fn(&Run) -> bool) -> Run {
        self.runtime.block_on(async {
            let since = Watch::now();
            while since.elapsed() < PATIENCE {
                if let Some(run) = self.store.run(&tonight()).await.unwrap()
                    && is(&run)
                {
                    return run;
                }
                if moving {
                    self.pass().await;
                }
                tokio::task::yield_now().await;
            }
            let run = self.store.run(&tonight()).await.unwrap();
            panic!("never {what}: {run:#?}");
        })
    }

    /// Lets a tenth of a second pass, unless a run is due. While something is being done it takes a hundredth of that on
    /// the machine's clock too: what holds a lease has to be done before the lease ends.
    async fn pass(&self) {
        let queues = self.store.queues().await.unwrap();
        if queues.outbox > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if queues.next_wake_at.is_none_or(|at| at > self.clock.now()) {
            self.clock.advance(chrono::TimeDelta::milliseconds(100));
        }
    }

    /// Lets everything that was wanted be done, so that a leap of the clock outruns nobody's lease.
    fn rest(&self) {
        self.runtime.block_on(async {
            let since = Watch::now();
            loop {
                let queues = self.store.queues().await.unwrap();
                if queues.outbox == 0 {
                    return;
                }
                assert!(since.elapsed() < PATIENCE, "{queues:?}");
                self.pass().await;
            }
        });
    }

    /// The clock leaps.
    fn leap(&self, to: &str) {
        self.rest();
        self.clock.set(instant(to));
    }

    /// The ruling, made while the clock stands.
    fn ruling(&self, what: &str, is: impl Fn(&Ruling) -> bool) -> Ruling {
        let is = |run: &Run| run.ruling.as_ref().is_some_and(&is);
        self.until(what, false, is).ruling.unwrap()
    }

    /// Players are listed and ready, and the upstream's event comes.
    fn begin(&self) {
        self.runtime.block_on(async {
            let contexts: Vec<ContextRow> = (0..PLAYERS).map(|it| context(&player(it))).collect();
            let now = self.clock.now();
            let features: Vec<FeatureRow> =
                (0..PLAYERS).map(|it| feature(&player(it), now)).collect();
            self.warehouse.put_contexts(&contexts).await.unwrap();
            self.warehouse.put_features(&features).await.unwrap();
            let event = event().to_string();
            let event = upstream::read(event.as_bytes(), upstream::EVENT_TYPE, now).unwrap();
            let message = TriggerMessage {
                id: MessageId::new("event"),
                handoff: tonight().handoff,
                event,
            };
            self.engine.inbox().trigger(message).await.unwrap();
        });
    }

    /// The same, and all are sent.
    fn send_out(&self) {
        self.begin();
        self.until("all sent", true, |run| run.state == State::Running);
    }

    /// Workers store these players' rows.
    fn store_rows(&self, players: std::ops::Range<usize>, created_at: &str) {
        let at = instant(created_at);
        let rows: Vec<_> = players
            .map(|number| rows::prediction(&player(number), date(TONIGHT), at))
            .collect();
        let written = self.warehouse.insert_predictions(&rows);
        self.runtime.block_on(written).unwrap();
    }

    /// An answer comes now that was published then.
    fn answer(&self, id: &str, number: usize, published_at: &str) {
        let body = json!({"player_lookup": player(number), "game_date": TONIGHT, "predictions_generated": 5});
        let body: Vec<u8> = Value::to_string(&body).into_bytes();
        let message = AnswerMessage {
            id: MessageId::new(id),
            handoff: tonight().handoff,
            answer: completion::read(&body, instant(published_at)).unwrap(),
            body,
        };
        let taken = self.engine.inbox().answers(vec![message]);
        self.runtime.block_on(taken).unwrap();
    }

    fn told_of_lateness(&self) -> bool {
        let key = tonight();
        let history = self.store.history(&key);
        let history = self.runtime.block_on(history).unwrap();
        let mut texts = history.iter().flat_map(|entry| &entry.why);
        texts.any(|reason| reason.text.contains("judged late"))
    }
}

fn player(number: usize) -> String {
    format!("player{number}")
}

/// Made at once, said to be late, dated with the deadline, and open to one correction.
fn assert_made_late(ruling: &Ruling) {
    assert!(
        ruling.late && !ruling.confirmed && !ruling.corrected,
        "{ruling:?}"
    );
    assert_eq!(ruling.made_at, instant(BACK));
    assert_eq!(ruling.dated_at, instant(DEADLINE));
    assert_eq!(ruling.open_until, Some(instant(FINAL)));
}

#[test]
fn down_through_the_deadline_with_everything_stored_before_is_met() {
    let site = Site::new();
    let life = site.start(BEGIN);
    life.send_out();
    life.store_rows(0..PLAYERS, STORED);
    life.leap(CRASH);
    life.crash();

    let life = site.start(BACK);
    let ruling = life.ruling("judged", |_| true);
    assert!(ruling.kept, "{ruling:?}");
    assert_made_late(&ruling);
    let run = life.until("complete", false, |run| run.state == State::Complete);
    assert_eq!(run.completed_at, Some(instant(STORED)), "when it was true");
    assert_eq!(run.verdict(), Some(Verdict::Met));
    assert!(life.told_of_lateness());

    life.leap(FINAL);
    let last = life.ruling("confirmed", |ruling| ruling.confirmed);
    assert!(last.kept && !last.corrected, "{last:?}");
    assert!(site.told.breach_told_at().is_empty());
    life.crash();
}

#[test]
fn down_through_the_deadline_with_nothing_dispatched_is_breached() {
    let site = Site::new();
    let life = site.start(BEGIN);
    life.until("opened", false, |run| run.state == State::Expected);
    life.leap(CRASH);
    life.crash();

    let life = site.start(BACK);
    let ruling = life.ruling("judged", |_| true);
    assert!(!ruling.kept, "{ruling:?}");
    assert_made_late(&ruling);
    assert!(life.told_of_lateness());
    life.until("told", false, |_| !site.told.breach_told_at().is_empty());

    life.leap(FINAL);
    let last = life.ruling("confirmed", |ruling| ruling.confirmed);
    assert!(!last.kept && !last.corrected, "{last:?}");
    assert_eq!(site.told.breach_told_at(), [instant(BACK)], "told once");
    life.crash();
}

#[test]
fn down_through_the_deadline_an_answer_from_before_it_corrects_the_verdict_once() {
    let site = Site::new();
    let life = site.start(BEGIN);
    life.send_out();
    let last = PLAYERS - 1;
    life.store_rows(0..last, STORED);
    life.leap(CRASH);
    life.crash();

    let life = site.start(BACK);
    let ruling = life.ruling("judged", |_| true);
    assert!(!ruling.kept, "{ruling:?}");
    assert_made_late(&ruling);

    // The worker answered at 06:20; Pub/Sub has pushed it ever since.
    life.leap(REDELIVERED);
    life.answer("answer", last, ANSWERED);
    let corrected = life.ruling("corrected", |ruling| ruling.corrected);
    assert!(corrected.kept && corrected.confirmed, "{corrected:?}");
    assert_eq!(corrected.dated_at, instant(DEADLINE));

    // The same message again, another one that says the same, and the end of the wait change nothing any more.
    life.answer("answer", last, ANSWERED);
    life.answer("another", last, ANSWERED);
    life.leap(FINAL);
    life.runtime.block_on(life.engine.tick()).unwrap();
    assert_eq!(life.ruling("final", |_| true), corrected);
    assert_eq!(site.told.breach_told_at(), [instant(BACK)]);
    life.crash();
}

#[test]
fn down_for_a_day_in_the_middle_of_sending_it_is_judged_and_told_and_closes_with_nothing_under_way()
{
    let site = Site::new();
    let life = site.start(BEGIN);
    life.begin();
    // The clock stands: the pace lets only the first go.
    life.until("begun", false, |run| run.counts.in_flight > 0);
    life.crash();

    let life = site.start(NEXT_DAY);
    let ruling = life.ruling("judged", |_| true);
    assert!(!ruling.kept && ruling.late, "{ruling:?}");
    life.until("told", false, |run| {
        assert_eq!(run.closed_at, None, "not before it is told");
        !site.told.breach_told_at().is_empty()
    });

    let run = life.until("closed", true, |run| run.closed_at.is_some());
    let batch = run.batch.unwrap();
    assert_eq!(
        (run.state, run.counts.in_flight, batch.left_to_send()),
        (State::Partial, 0, 0)
    );
    life.rest();
    life.crash();
}

#[test]
fn rows_that_come_to_be_compared_when_the_run_has_closed_are_counted_and_move_nothing() {
    let site = Site::new();
    let (life, closed) = site.closed();
    life.store_rows(0..PLAYERS, STORED);
    // As a death in the middle of comparing leaves it.
    let now = life.clock.now();
    let left = OutboxItem {
        id: "comparing".to_owned(),
        key: tonight(),
        effect: Effect::Reconcile,
        decided_at: now,
        due_at: now,
        tries: 0,
    };
    life.runtime.block_on(async {
        let mut transaction = life.store.begin().await.unwrap();
        transaction.put(&left, now).await.unwrap();
        transaction.commit().await.unwrap();
        life.engine.tick().await.unwrap();
    });
    life.rest();
    let key = tonight();
    let open = life.runtime.block_on(life.store.open_units(&key, 100));
    let open = open.unwrap();
    let run = life.until("there", false, |_| true);
    assert_eq!((open.len(), run.counts.gap()), (0, 0));
    assert_eq!((run.state, run.closed_at), (closed.state, closed.closed_at));
    life.crash();
}

#[test]
fn a_broken_night_that_a_person_repairs_later_stays_on_record_as_broken() {
    let site = Site::new();
    let (life, mut run) = site.closed();
    run.reopen_as_backfill(life.clock.now());
    let key = tonight();
    let nights = life.runtime.block_on(async {
        let mut transaction = life.store.begin().await.unwrap();
        transaction.save_run(&run, None).await.unwrap();
        transaction.commit().await.unwrap();
        let night = (key.game_date, key.game_date);
        life.store
            .runs_between(&key.handoff, night.0, night.1)
            .await
    });
    let nights: Vec<Night> = nights.unwrap().iter().filter_map(Night::of).collect();
    assert_eq!(nights.len(), 1);
    assert!(!nights[0].met);
    assert_eq!(NightFigures::of(&run).verdict, Some(Verdict::Breached));
    life.crash();
}
