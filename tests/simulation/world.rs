//! The world around a simulated service: the tables of both phases, the workers, and what is on its way to the service.
//!
//! How the service sees it belongs to `ports`; when what happens, to the night.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use chrono::TimeDelta;
use tipoff::{
    domain::{
        Instant,
        completion::Outcome,
        effect::Announcement,
        event::Event,
        ids::{ChannelId, GameId, MessageId, RequestId, RunKey, UnitId},
        plan::ListedUnit,
    },
    ports::notice::Notice,
};

use crate::{clock::SimulatedClock, faults::Dice, gate::Gate, health::Health};

pub mod ports;
mod workers;

/// A player of the night.
pub struct Player {
    pub listed: ListedUnit,
    /// When the feature row is there.
    pub ready_at: Instant,
}

/// A worker's answer on its way.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: MessageId,
    pub unit: UnitId,
    pub attempt: u32,
    pub outcome: Outcome,
    /// The key, where the worker says it.
    pub request_id: Option<RequestId>,
    /// When it was published; `None`: the worker calls by itself, and the receipt counts.
    pub published_at: Option<Instant>,
}

/// Something that comes to the service.
#[derive(Debug, Clone)]
pub enum Happening {
    /// The upstream's event, under this id.
    Upstream(MessageId),
    /// Completions in one request.
    Answers(Vec<Message>),
    /// A person's or a schedule's command.
    Command(Event),
}

/// One request as the workers got it.
#[derive(Debug, Clone)]
pub struct Call {
    pub unit: UnitId,
    pub attempt: u32,
    pub key: RequestId,
    pub at: Instant,
    /// How much had gone wrong by then.
    pub disturbances: u64,
    /// The clock had jumped shortly before.
    pub has_jumped: bool,
}

/// Everything that changes.
#[derive(Default)]
pub struct Facts {
    pub players: BTreeMap<UnitId, Player>,
    /// When the upstream finishes, as its run history says; `None`: never.
    pub finished_at: Option<Instant>,
    /// Prediction rows, by when each is written.
    pub rows: BTreeMap<UnitId, Instant>,
    pub calls: Vec<Call>,
    /// What each key led to.
    answered: BTreeMap<RequestId, Option<Message>>,
    due: BTreeMap<(Instant, u64), Happening>,
    count: u64,
    /// Handed in, and not heard of.
    pub under_way: Vec<Happening>,
    /// Every completion that was ever handed in, acknowledged or not.
    pub handed: Vec<Message>,
    /// Acknowledged by the service, with when it was received.
    pub acknowledged: Vec<(Message, Instant)>,
    /// Under which ids the upstream said that it had finished.
    pub upstream_ids: BTreeSet<MessageId>,
    /// Under its id, with how much had gone wrong when it was last told.
    pub announced: BTreeMap<String, (Announcement, u64)>,
    pub heard: Vec<(ChannelId, Notice)>,
    /// Requests that a person or a rule of the night ended early: a reset, a forced start.
    pub interventions: u64,
}

impl Facts {
    /// The service has spoken about it.
    pub fn forget_under_way(&mut self, happening: &Happening) {
        let text = format!("{happening:?}");
        let place = self
            .under_way
            .iter()
            .position(|it| format!("{it:?}") == text);
        if let Some(place) = place {
            self.under_way.remove(place);
        }
    }
}

/// The world.
pub struct World {
    pub key: RunKey,
    pub health: Arc<Health>,
    pub clock: Arc<SimulatedClock>,
    pub gate: Mutex<Arc<Gate>>,
    facts: Mutex<Facts>,
}

impl World {
    pub fn new(key: RunKey, health: Arc<Health>, clock: Arc<SimulatedClock>) -> Self {
        Self {
            key,
            health,
            clock,
            gate: Mutex::default(),
            facts: Mutex::default(),
        }
    }

    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap()
    }

    fn dice(&self) -> &Dice {
        &self.health.dice
    }

    fn gate(&self) -> Arc<Gate> {
        self.gate.lock().unwrap().clone()
    }

    /// Something comes to the service then, or soon after.
    pub fn later(&self, at: Instant, happening: Happening) {
        let mut facts = self.facts();
        facts.count += 1;
        let count = facts.count;
        facts.due.insert((at, count), happening);
    }

    /// How much has come by now and was not handed in yet.
    pub fn due(&self, now: Instant) -> usize {
        self.facts().due.range(..=(now, u64::MAX)).count()
    }

    /// When the next thing comes.
    pub fn next(&self) -> Option<Instant> {
        self.facts().due.keys().next().map(|(at, _)| *at)
    }

    /// Takes the one at this place of what has come.
    pub fn take(&self, place: usize) -> Option<Happening> {
        let mut facts = self.facts();
        let key = *facts.due.keys().nth(place)?;
        facts.due.remove(&key)
    }

    /// Lists the players of the night, all ready when the upstream finishes or a little later.
    pub fn list(&self, units: u64, games: u64, finish: Instant) {
        let dice = self.dice();
        let mut facts = self.facts();
        for number in 0..units {
            let never = dice.chance(60);
            let late = dice.chance(100);
            let ready_at = match (never, late) {
                (true, _) => finish + TimeDelta::days(9),
                (_, true) => finish + TimeDelta::seconds(dice.between(1, 2_400) as i64),
                (false, false) => finish - TimeDelta::seconds(dice.between(0, 600) as i64),
            };
            let unit = UnitId::new(name(number));
            let listed = ListedUnit {
                unit: unit.clone(),
                game_id: GameId::new(format!("game{}", number % games.max(1))),
                team_abbr: None,
                opponent_team_abbr: None,
                is_home: None,
                projected_minutes: Some(30.0),
                has_prop_line: None,
                actual_prop_line: None,
                has_row: false,
            };
            facts.players.insert(unit, Player { listed, ready_at });
        }
    }

    /// What is told again later, since the service did not acknowledge it.
    pub fn come_again(&self, happening: Happening, now: Instant) {
        let pause = TimeDelta::seconds(self.dice().between(5, 60) as i64);
        self.later(now + pause, happening);
    }
}

/// Names as the platform's are: with hyphens and other signs in some.
fn name(number: u64) -> String {
    match number % 5 {
        0 => format!("karl-anthony{number:03}"),
        1 => format!("o'neal{number:03}"),
        _ => format!("player{number:03}"),
    }
}
