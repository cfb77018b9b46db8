//! A night as a test tells it: events and answers in a row, played as the engine would play them.
//!
//! Orders are run at once and fed back; effects are answered from the model unless the test holds them back.

use chrono::TimeDelta;

use super::world::{World, game_id};
use crate::domain::{
    Asked, Instant,
    alert::{Change, Kind, Severity, Told},
    baseline::Baseline,
    calendar::Expectation,
    completion::Standing,
    effect::{Effect, Order},
    event::{Done, Event},
    policy::{Mode, Policy},
    readiness::Readiness,
    reason::{Code, Reason},
    run::{Opening, Purpose, Run, State, sample, step},
    sla::Verdict,
    trigger::{Source, Trigger},
};

/// Events of one instant; with more it asks and asks without time passing.
const EVENTS_MAX: usize = 1_000;

/// How the warehouse behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warehouse {
    Up,
    Down,
    Silent,
}

/// How sending behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    Sends,
    Refuses,
    Holds,
}

/// One night in the making.
#[derive(Debug, Clone)]
pub struct Night {
    pub run: Run,
    pub now: Instant,
    pub tables: Readiness,
    pub expectation: Expectation,
    pub world: World,
    pub warehouse: Warehouse,
    pub sink: Sink,
    pub why: Vec<Reason>,
    pub effects: Vec<Effect>,
    pub history: Vec<(Event, Instant)>,
}

/// An instant of the game date 2026-01-19 in Los Angeles, as `HH:MM` or `HH:MM:SS`.
pub fn pacific(time: &str) -> Instant {
    let seconds = if time.len() == 5 { ":00" } else { "" };
    format!("2026-01-19T{time}{seconds}-08:00").parse().unwrap()
}

pub fn opening(policy: Policy) -> Opening {
    Opening {
        policy,
        ..sample::opening()
    }
}

pub fn trigger(source: Source) -> Event {
    Event::Triggered(Trigger::of(source))
}

pub fn forced() -> Event {
    Event::Triggered(Trigger {
        force: true,
        by: Some("ana".to_owned()),
        ..Trigger::of(Source::Manual)
    })
}

impl Night {
    /// The designed night: 420 of 450 ready for ten games, opened at midnight in New York.
    pub fn designed() -> Self {
        Self::of(420).listing(450)
    }

    /// A night on which all of so many listed units are ready.
    pub fn of(ready: u64) -> Self {
        Self::opened(opening(Policy::phase4_to_phase5()), ready)
    }

    /// A night of which nothing is ready before its event comes, at this time, and all is sent.
    pub fn sent_at(ready: u64, time: &str) -> Self {
        let night = Self::of(ready).with_ready(0).until(time);
        night.with_ready(ready).event()
    }

    pub fn observing(ready: u64) -> Self {
        let policy = Policy {
            mode: Mode::Observe,
            ..Policy::phase4_to_phase5()
        };
        let mut night = Self::opened(opening(policy), ready);
        night.world.rows_answer = true;
        night
    }

    pub fn backfill(ready: u64) -> Self {
        let now: Instant = "2026-03-01T20:00:00Z".parse().unwrap();
        let opening = Opening {
            purpose: Purpose::Backfill,
            ..opening(Policy::phase4_to_phase5())
        };
        let mut night = Self::opened(opening.clone(), ready);
        night.run = Run::open(opening, now);
        night.now = now;
        night.tables.upstream_finished_at = Some(pacific("00:30"));
        night
    }

    pub fn opened(opening: Opening, ready: u64) -> Self {
        let now = pacific("00:00") - TimeDelta::hours(3);
        let run = Run::open(opening, now);
        let tables = Readiness {
            upstream_finished_at: None,
            expected: ready,
            feature_rows: ready,
            ready,
            stale: 0,
            filtered: 0,
            quality: Vec::new(),
            quality_scores_distinct: 20,
            newest_feature_at: None,
            games: (0..10).map(game_id).collect(),
        };
        Self {
            world: World::new(ready as usize, 10, run.instants.deadline_at),
            expectation: run.expectation,
            run,
            now,
            tables,
            warehouse: Warehouse::Up,
            sink: Sink::Sends,
            why: Vec::new(),
            effects: Vec::new(),
            history: Vec::new(),
        }
    }

    /// So many units are listed and have a feature row.
    pub fn listing(mut self, expected: u64) -> Self {
        self.tables.expected = expected;
        self.tables.feature_rows = expected;
        self
    }

    /// So many units are ready from now on.
    pub fn with_ready(mut self, ready: u64) -> Self {
        self.tables.ready = ready;
        self.world.grow(ready as usize);
        self
    }

    pub fn warehouse(mut self, warehouse: Warehouse) -> Self {
        self.warehouse = warehouse;
        self
    }

    pub fn sink(mut self, sink: Sink) -> Self {
        self.sink = sink;
        self
    }

    pub fn baseline(mut self, baseline: Baseline) -> Self {
        self.run.baseline = baseline;
        self
    }

    /// The run history shows from now on that the upstream finished now.
    pub fn finished(mut self) -> Self {
        self.tables.upstream_finished_at = Some(self.now);
        self
    }

    /// The upstream finishes now and its event arrives.
    pub fn event(self) -> Self {
        let finished_at = Some(self.now);
        self.finished().play(Event::Triggered(Trigger {
            finished_at,
            ..Trigger::of(Source::Event)
        }))
    }

    /// One event, with everything that follows at the same instant.
    pub fn play(mut self, event: Event) -> Self {
        let mut queue = vec![event];
        while !queue.is_empty() {
            let event = queue.remove(0);
            let answers = self.one(&event);
            queue.extend(answers);
        }
        self
    }

    fn one(&mut self, event: &Event) -> Vec<Event> {
        let step = step(self.run.clone(), event, self.now);
        assert!(!step.why.is_empty(), "{event:?}");
        self.history.push((event.clone(), self.now));
        self.run = step.run;
        self.why.extend(step.why);
        self.effects.extend(step.effects.iter().cloned());
        let mut answers = Vec::new();
        for order in &step.orders {
            // In the same transaction: before anything else happens.
            let done = Event::Ordered(self.ordered(order));
            answers.extend(self.one(&done));
        }
        for effect in &step.effects {
            answers.extend(self.answer_to(effect));
        }
        answers
    }

    fn ordered(&mut self, order: &Order) -> Done {
        match order {
            Order::Freeze { .. } => Done::Frozen(self.world.freeze()),
            Order::GiveUp { sent_until } => Done::GivenUp {
                units: self.world.give_up(*sent_until),
            },
            Order::Release { .. } => {
                self.world.release();
                Done::Released
            }
        }
    }

    fn answer_to(&mut self, effect: &Effect) -> Option<Event> {
        let now = self.now;
        match (effect, self.warehouse, self.sink) {
            (Effect::AskReadiness, _, _) => Some(Event::ReadinessAnswered {
                answer: self.asked(self.tables.clone())?,
                expectation: self.expectation,
            }),
            (Effect::Stage(order), Warehouse::Up, _) => Some(Event::Staged {
                wave: order.wave,
                to_send: Asked::Known(self.world.stage(order)),
            }),
            (Effect::Stage(order), Warehouse::Down, _) => Some(Event::Staged {
                wave: order.wave,
                to_send: Asked::CouldNotAsk("no route".to_owned()),
            }),
            (Effect::Reconcile, Warehouse::Up, _) => {
                Some(Event::Reconciled(Asked::Known(self.world.compare(now))))
            }
            (Effect::Reconcile, Warehouse::Down, _) => {
                let error = "no route".to_owned();
                Some(Event::Reconciled(Asked::CouldNotAsk(error)))
            }
            (Effect::Send { .. }, _, Sink::Sends) => {
                Some(Event::Sent(self.world.send(usize::MAX, now)))
            }
            (Effect::Send { .. }, _, Sink::Refuses) => Some(Event::Sent(self.world.refuse(now))),
            (Effect::Stage(_) | Effect::Reconcile, Warehouse::Silent, _)
            | (Effect::Send { .. }, _, Sink::Holds)
            | (Effect::Announce(_) | Effect::Record | Effect::Tell(_), _, _) => None,
        }
    }

    fn asked<T>(&self, fact: T) -> Option<Asked<T>> {
        match self.warehouse {
            Warehouse::Up => Some(Asked::Known(fact)),
            Warehouse::Down => Some(Asked::CouldNotAsk("no route".to_owned())),
            Warehouse::Silent => None,
        }
    }

    /// Passes time up to a time of day in Los Angeles and does what falls due, that instant included.
    pub fn until(self, time: &str) -> Self {
        self.until_instant(pacific(time))
    }

    /// Passes so many seconds and does what falls due.
    pub fn after(self, seconds: i64) -> Self {
        let target = self.now + TimeDelta::seconds(seconds);
        self.until_instant(target)
    }

    pub fn until_instant(mut self, target: Instant) -> Self {
        assert!(target >= self.now, "time runs forward");
        while let Some(wake) = self.run.next_wake(self.now).filter(|at| *at <= target) {
            self.now = self.now.max(wake);
            self = self.tick();
        }
        self.now = target;
        self
    }

    /// Time passes while the service is down; then it comes back and looks.
    pub fn down_until(mut self, time: &str) -> Self {
        self.now = pacific(time);
        self.tick()
    }

    /// Looks at what is due now; afterwards the next look lies ahead, or something was done and it is not for ever.
    pub fn tick(mut self) -> Self {
        let before = self.effects.len();
        self = self.play(Event::Ticked);
        let wake = self.run.next_wake(self.now);
        let latest_first = self.history.iter().rev();
        let by_now = latest_first.take_while(|(_, at)| *at == self.now).count();
        assert!(
            wake.is_none_or(|at| at > self.now)
                || (self.effects.len() > before && by_now < EVENTS_MAX),
            "stuck at {wake:?}: {:?}",
            self.run
        );
        self
    }

    /// Workers answer for the first so many units in flight, and so many of the claims have their row.
    pub fn predicted(mut self, units: usize, rows: usize) -> Self {
        let tally = self.world.answer(units, Standing::Claimed, self.now);
        self.world.store(rows, self.now);
        self.play(Event::Answered(tally))
    }

    /// Workers answer so for the first so many units in flight.
    pub fn answered(mut self, units: usize, standing: Standing) -> Self {
        let tally = self.world.answer(units, standing, self.now);
        self.play(Event::Answered(tally))
    }

    /// A whole good night up to complete: event at 00:30, all answered at 00:33.
    pub fn completed(self) -> Self {
        let ready = self.world.units.len();
        let night = self.until("00:30").event().until("00:33");
        night.predicted(ready, ready)
    }

    pub fn state(&self) -> State {
        self.run.state
    }

    pub fn verdict(&self) -> Option<Verdict> {
        self.run.verdict()
    }

    pub fn said(&self, code: Code) -> bool {
        self.why.iter().any(|reason| reason.code == code)
    }

    /// What was said since so many reasons ago.
    pub fn codes(&self) -> Vec<Code> {
        self.why.iter().map(|reason| reason.code).collect()
    }

    /// Forgets what was said and wanted so far.
    pub fn quietly(mut self) -> Self {
        self.why.clear();
        self.effects.clear();
        self
    }

    pub fn asking_nothing(&self) -> bool {
        self.run.asking.readiness_since.is_none() && self.run.staging.is_none()
    }

    pub fn asked_readiness(&self) -> bool {
        self.effects.contains(&Effect::AskReadiness)
    }

    pub fn sends(&self) -> usize {
        let send = |effect: &&Effect| matches!(effect, Effect::Send { .. });
        self.effects.iter().filter(send).count()
    }

    /// Every message about one kind of alert.
    pub fn told(&self, kind: Kind) -> Vec<(Change, Severity)> {
        self.messages(kind)
            .iter()
            .map(|told| (told.change, told.alert.severity))
            .collect()
    }

    pub fn messages(&self, kind: Kind) -> Vec<Told> {
        let mut messages = Vec::new();
        for effect in &self.effects {
            if let Effect::Tell(told) = effect {
                messages.extend(told.iter().filter(|told| told.alert.kind == kind).cloned());
            }
        }
        messages
    }

    /// The severity of an alert that is open.
    pub fn open(&self, kind: Kind) -> Option<Severity> {
        let open = |alert: &&crate::domain::alert::Alert| alert.kind == kind && alert.is_open();
        self.run
            .alerts
            .iter()
            .find(open)
            .map(|alert| alert.severity)
    }
}
