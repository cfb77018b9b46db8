//! One simulated night: the real engine over the paired store in a world of dice, played to its end.
//!
//! What has to be true afterwards belongs to `truth`.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::PathBuf,
    sync::{Arc, Mutex},
};

use chrono::TimeDelta;
use futures::FutureExt;
use tipoff::{
    clock::Clock,
    domain::{
        Instant,
        ids::ChannelId,
        ids::{GameDate, HandoffId, MessageId, RunKey},
        policy::Policy,
        routing::{Route, Routes},
    },
    engine::{Addresses, Engine, Handoff, Means, Parts, Telling},
    telemetry::Metrics,
};
use tokio::task::JoinSet;

use crate::{
    clock::SimulatedClock,
    faults::Planted,
    gate::Gate,
    hands::{self, Handed},
    health::Health,
    model::Model,
    store::PairedStore,
    truth,
    world::{Happening, World, ports::Letterbox},
};

/// Turns of a night before it is taken for one that never ends.
const TURNS_MAX: u64 = 200_000;
/// How long the night goes on once nothing goes wrong any more and the deadline is over: longer than a batch may
/// take to settle, and its claims to be missed.
const AFTERWARDS: TimeDelta = TimeDelta::minutes(75);

/// One night in so many is sick until its run closes, a day after the deadline; every second one of these has its upstream
/// finish only then.
const LONG_EVERY: u64 = 50;

/// How much longer something that began late may take.
const PATIENCE: TimeDelta = TimeDelta::minutes(90);

/// How long a process is up until it has looked around, also where the store fails at first.
const A_WHILE: TimeDelta = TimeDelta::minutes(1);

/// What became of a night.
pub struct Outcome {
    /// What ought not to be; empty where all is well.
    pub findings: Vec<String>,
    /// All that happened, as one number: the same seed gives the same.
    pub trace: u64,
    pub deaths: u64,
    pub operations: u64,
    /// How often each operation of the store was done.
    pub counted: std::collections::BTreeMap<&'static str, u64>,
    /// What happened to the run, a line an entry of its history.
    pub story: String,
    /// How it ended, for the record.
    pub state: String,
}

/// How a life of the process ended.
enum End {
    Died,
    Over,
}

/// A night under way.
pub struct Night {
    pub world: Arc<World>,
    pub model: Arc<Mutex<Model>>,
    pub health: Arc<Health>,
    pub policy: Policy,
    clock: Arc<SimulatedClock>,
    folder: tempfile::TempDir,
    planted: Option<Planted>,
    /// Since when the process was first up for a while; one that dies before it has looked around has not come.
    pub up_since: Option<Instant>,
    ends_at: Instant,
    /// When nothing goes wrong any more.
    pub heals_at: Instant,
    trace: DefaultHasher,
    operations: u64,
}

/// Plays the night of a seed.
pub fn play(seed: u64, planted: Option<Planted>) -> Outcome {
    let mut night = Night::of(seed, planted);
    let mut deaths = 0;
    let (state, mut findings) = loop {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        // In a task: whoever blocks on a future is woken through the kernel.
        let gate: Arc<Gate> = Arc::default();
        let store = runtime.block_on(night.open(gate.clone()));
        let life = runtime.spawn(async move {
            let ended = night.live(gate, store).await;
            (night, ended)
        });
        let (back, ended) = runtime.block_on(life).expect("a night that does not panic");
        night = back;
        drop(runtime);
        night.clock.forget();
        match ended {
            End::Over => break truth::judge(&night),
            End::Died => deaths += 1,
        }
        if !night.health.findings().is_empty() {
            break ("unknown".to_owned(), Vec::new());
        }
        night.rest();
    };
    findings.splice(0..0, night.health.findings());
    night.model.lock().unwrap().dump().hash(&mut night.trace);
    let story = night.model.lock().unwrap().story(&night.world.key);
    Outcome {
        findings,
        trace: night.trace.finish(),
        deaths,
        operations: night.operations,
        counted: night.health.operations(),
        story,
        state,
    }
}

fn policy(health: &Health) -> Policy {
    let mut policy = Policy::phase4_to_phase5();
    policy.pace.start_per_second = 100.0;
    policy.pace.full_per_second = 100.0;
    policy.pace.in_flight_max = *health.dice.pick(&[4, 100, 100, 100, 100, 100, 100, 100]);
    policy
}

/// In memory where that is a folder, as on Linux.
fn folder() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = match memory.is_dir() {
        true => tempfile::tempdir_in(memory),
        false => tempfile::tempdir(),
    };
    made.expect("a folder")
}

impl Night {
    fn of(seed: u64, planted: Option<Planted>) -> Self {
        let health = Arc::new(Health::of(seed));
        let dice = &health.dice;
        let key = RunKey {
            handoff: HandoffId::new("phase4-to-phase5"),
            game_date: GameDate("2026-01-19".parse().expect("a date")),
        };
        let policy = policy(&health);
        let instants = policy.instants(key.game_date);
        let is_long = |every| seed % every == every - 1;
        let until = |is_long| match is_long {
            true => instants.closes_at,
            false => instants.deadline_at,
        };
        let (over_at, finish_by) = (until(is_long(LONG_EVERY)), until(is_long(2 * LONG_EVERY)));
        // From an hour and a half before that up to ten minutes after it, sometimes at its usual time.
        let finish = match dice.chance(150) {
            true => instants.opens_at + TimeDelta::minutes(200),
            false => finish_by - TimeDelta::seconds(dice.between(0, 6_000) as i64 - 600),
        };
        let begins_at = finish.min(instants.backups_at[0]) - TimeDelta::minutes(6);
        let clock = Arc::new(SimulatedClock::new(begins_at));
        let world = World::new(key, health.clone(), clock.clone());
        world.list(dice.between(2, 26), dice.between(1, 5), finish);
        let heals = TimeDelta::seconds(dice.between(0, 1_200) as i64 - 600);
        let heals_at = over_at + heals;
        let night = Self {
            world: Arc::new(world),
            model: Arc::default(),
            policy,
            clock,
            folder: folder(),
            planted,
            up_since: None,
            ends_at: heals_at.max(over_at) + AFTERWARDS,
            heals_at,
            trace: DefaultHasher::new(),
            operations: 0,
            health,
        };
        night.plan(finish);
        night
    }

    /// What comes from outside by itself: the upstream's event, and people's commands.
    fn plan(&self, finish: Instant) {
        let dice = &self.health.dice;
        if !dice.chance(100) {
            self.world.facts().finished_at = Some(finish);
        }
        let mut events = u64::from(!dice.chance(150));
        events += u64::from(dice.chance(self.health.sickness().duplicate));
        for number in 0..events {
            let at = finish + TimeDelta::seconds(dice.between(0, 30) as i64);
            let id = if dice.chance(500) { 0 } else { number };
            let id = MessageId::new(format!("upstream/{id}"));
            self.world.facts().upstream_ids.insert(id.clone());
            let event = Happening::Upstream(id);
            self.world.later(at, event);
        }
        if dice.chance(300) {
            for _ in 0..dice.between(1, 4) {
                let at = finish + TimeDelta::seconds(dice.between(0, 5_400) as i64);
                let command = hands::command(&self.world);
                self.world.later(at, Happening::Command(command));
            }
        }
        for _ in 0..dice.below(3) {
            let at = finish + TimeDelta::seconds(dice.between(0, 3_600) as i64);
            let stranger = hands::stranger(dice);
            if dice.chance(self.health.sickness().duplicate) {
                self.world
                    .later(at + TimeDelta::seconds(9), stranger.clone());
            }
            self.world.later(at, stranger);
        }
    }

    /// The process is down for a while.
    fn rest(&mut self) {
        let seconds = match self.health.dice.chance(100) {
            true => self.health.dice.between(300, 5_000),
            false => self.health.dice.between(0, 90),
        };
        self.health.revive();
        self.clock
            .set(self.clock.now() + TimeDelta::seconds(seconds as i64));
    }

    async fn open(&self, gate: Arc<Gate>) -> PairedStore {
        let file = self.folder.path().join("state.sqlite");
        let care = (gate, self.health.clone());
        let store = PairedStore::open(&file, self.model.clone(), care, self.planted).await;
        store.0.compare("a start").await;
        store
    }

    /// One life of the process, up to its death or the night's end.
    async fn live(&mut self, gate: Arc<Gate>, store: PairedStore) -> End {
        *self.world.gate.lock().unwrap() = gate.clone();
        let starting = tokio::spawn(Engine::start(self.parts(store)));
        while !starting.is_finished() {
            if gate.settle().boxed().await > 0 {
                self.let_one_in(&gate, 0);
            }
            if self.health.is_dead() {
                return End::Died;
            }
        }
        let Ok(Ok(engine)) = starting.await else {
            return End::Died;
        };
        let up_since = self.clock.now();
        let engine = Arc::new(engine);
        let mut pushes = JoinSet::new();
        let ended = self.turns(&engine, &gate, &mut pushes).await;
        if self.clock.now() - up_since >= A_WHILE {
            self.up_since.get_or_insert(up_since);
        }
        pushes.abort_all();
        while let Some(pushed) = pushes.join_next().await {
            hands::hear(&self.world, pushed);
        }
        hands::take_back(&self.world);
        ended
    }

    fn let_one_in(&mut self, gate: &Gate, place: usize) {
        self.operations += 1;
        (place, self.clock.now()).hash(&mut self.trace);
        self.health
            .tell(|| format!("{place} of {} at {}", gate.waiting(), self.clock.now()));
        gate.let_in(place);
    }

    async fn turns(
        &mut self,
        engine: &Arc<Engine>,
        gate: &Arc<Gate>,
        pushes: &mut JoinSet<Handed>,
    ) -> End {
        for _ in 0..TURNS_MAX {
            let waiting = gate.settle().boxed().await;
            while let Some(pushed) = pushes.try_join_next() {
                hands::hear(&self.world, pushed);
            }
            let now = self.clock.now();
            if now >= self.heals_at {
                self.health.heal();
            }
            let sickness = self.health.sickness();
            let dies = self.health.is_doomed() || self.health.dice.chance(sickness.death / 10);
            if self.health.is_dead() || dies || !self.health.findings().is_empty() {
                self.health.disturb();
                return End::Died;
            }
            let due = self.world.due(now);
            if waiting + due == 0 {
                if now >= self.ends_at && (self.is_at_rest() || now >= self.ends_at + PATIENCE) {
                    return End::Over;
                }
                self.pass_time(now);
                continue;
            }
            if self.health.dice.chance(sickness.clock) {
                self.jump(now);
            }
            let place = self.health.dice.below((waiting + due) as u64) as usize;
            if place < waiting {
                self.let_one_in(gate, place);
            } else if let Some(happening) = self.world.take(place - waiting) {
                (place, now).hash(&mut self.trace);
                self.health.tell(|| format!("{happening:?}"));
                hands::hand_in(&self.world, engine, happening, pushes);
            }
        }
        self.health.find("the night never ended".to_owned());
        End::Died
    }

    /// To the next instant that somebody waits for.
    fn pass_time(&self, now: Instant) {
        let ends = [self.ends_at, self.ends_at + PATIENCE];
        let end = ends.into_iter().find(|at| *at > now);
        let next = [self.clock.next(), self.world.next(), end];
        let next = next.into_iter().flatten().min().unwrap_or(now);
        self.clock.set(next.max(now + TimeDelta::microseconds(1)));
    }

    /// Nothing is under way any more.
    fn is_at_rest(&self) -> bool {
        let model = self.model.lock().unwrap();
        let run = model.run(&self.world.key);
        run.is_some_and(|run| run.is_settled()) && model.effects().next().is_none()
    }

    /// The machine's clock is set: a little back, or forward.
    fn jump(&self, now: Instant) {
        let seconds = match self.health.dice.chance(300) {
            true => -(self.health.dice.between(1, 30) as i64),
            false => self.health.dice.between(1, 300) as i64,
        };
        let to = now + TimeDelta::seconds(seconds);
        self.health.jump(to);
        self.clock.set(to);
    }

    fn parts(&self, store: PairedStore) -> Parts {
        let id = self.world.key.handoff.clone();
        let routes = routes();
        let means = |name: &str| {
            let channel = ChannelId::new(name);
            let means = Means {
                channel: Arc::new(Letterbox {
                    world: self.world.clone(),
                    channel: channel.clone(),
                }),
                patience: TimeDelta::seconds(60),
                messages_per_hour: 20,
                reaches_people: true,
                live_every: None,
            };
            (channel, means)
        };
        Parts {
            store: Arc::new(store),
            clock: self.clock.clone(),
            handoffs: vec![Handoff {
                id: id.clone(),
                policy: self.policy.clone(),
                season: None,
                warehouse: self.world.clone(),
                sink: self.world.clone(),
                routes: routes.clone(),
                timetable: None,
            }],
            announcer: self.world.clone(),
            telling: Telling {
                channels: [means("slack"), means("email")].into(),
                routes,
                addresses: Addresses::default(),
            },
            beating: None,
            examining: None,
            metrics: Arc::new(Metrics::new(&[id], &[])),
        }
    }
}

fn routes() -> Routes {
    let [slack, email] = ["slack", "email"].map(ChannelId::new);
    Routes {
        critical: Route {
            at_once: vec![slack.clone(), email.clone()],
            otherwise: Vec::new(),
        },
        warning: Route {
            at_once: vec![slack.clone()],
            otherwise: vec![email.clone()],
        },
        daily: vec![slack],
        weekly: vec![email],
        people: Vec::new(),
    }
}
