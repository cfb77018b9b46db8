//! The store once more, in memory and without SQL: what the store on disk has to agree with after each step.
//!
//! It is slow and plain. What becomes of one unit's row belongs to `unit`, the sets of units to `waves`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tipoff::{
    domain::{
        Instant,
        baseline::Night,
        ids::{BatchId, GameDate, HandoffId, MessageId, RunKey, UnitId},
        run::{Purpose, Run, State},
        service::Quarantine,
    },
    ports::store::{HistoryEntry, NightsBefore, OutboxEnd, OutboxItem, Quarantined, UNKNOWN_UNIT},
};

mod dump;
pub use dump::DUMP;
pub mod unit;
mod waves;

use unit::Unit;

/// An effect that waits.
#[derive(Clone)]
struct Waiting {
    item: OutboxItem,
    lease_until: Option<Instant>,
    dead: bool,
}

impl Waiting {
    fn due_at(&self) -> Instant {
        self.lease_until
            .map_or(self.item.due_at, |until| until.max(self.item.due_at))
    }
}

/// A batch with its latest frozen wave.
#[derive(Clone)]
struct Batch {
    id: BatchId,
    wave: u32,
    released: bool,
}

/// One night's units and batches.
#[derive(Clone, Default)]
pub struct Set {
    pub units: BTreeMap<UnitId, Unit>,
    batches: Vec<Batch>,
}

impl Set {
    /// Whether the batch of this id was ended before it was sent.
    pub fn was_released(&self, batch_id: Option<&str>) -> bool {
        let is_it = |batch: &&Batch| Some(batch.id.as_str()) == batch_id;
        self.batches
            .iter()
            .find(is_it)
            .is_some_and(|it| it.released)
    }
}

/// Everything the store holds but the messages to people.
#[derive(Clone, Default)]
pub struct Model {
    runs: BTreeMap<RunKey, (Arc<Run>, Option<Instant>)>,
    history: BTreeMap<RunKey, Vec<Arc<HistoryEntry>>>,
    outbox: BTreeMap<String, Waiting>,
    inbox: BTreeSet<MessageId>,
    quarantine: BTreeMap<i64, Arc<Quarantined>>,
    quarantined: i64,
    sets: BTreeMap<RunKey, Set>,
}

impl Model {
    pub fn run(&self, key: &RunKey) -> Option<Run> {
        self.runs.get(key).map(|(run, _)| Run::clone(run))
    }

    pub fn set(&self, key: &RunKey) -> Set {
        self.sets.get(key).cloned().unwrap_or_default()
    }

    fn set_mut(&mut self, key: &RunKey) -> &mut Set {
        self.sets.entry(key.clone()).or_default()
    }

    pub fn save_run(&mut self, run: &Run, next_wake_at: Option<Instant>) {
        let kept = (Arc::new(run.clone()), next_wake_at);
        self.runs.insert(run.key.clone(), kept);
    }

    fn nights_of<'a>(&'a self, handoff: &'a HandoffId) -> impl DoubleEndedIterator<Item = &'a Run> {
        let runs = self.runs.values().map(|(run, _)| &**run);
        runs.filter(move |run| run.key.handoff == *handoff)
    }

    pub fn run_of_batch(&self, batch_id: &BatchId) -> Option<RunKey> {
        let holds =
            |(_, set): &(&RunKey, &Set)| set.batches.iter().any(|batch| batch.id == *batch_id);
        let mut keys: Vec<&RunKey> = self.sets.iter().filter(holds).map(|(key, _)| key).collect();
        keys.sort_by_key(|key| (std::cmp::Reverse(key.game_date), &key.handoff));
        keys.first().map(|key| (*key).clone())
    }

    pub fn due_runs(&self, now: Instant, most: u32) -> Vec<RunKey> {
        let due = |(key, (_, at)): (&RunKey, &(Arc<Run>, Option<Instant>))| {
            at.filter(|at| *at <= now).map(|at| (at, key.clone()))
        };
        let mut due: Vec<_> = self.runs.iter().filter_map(due).collect();
        due.sort();
        due.truncate(most as usize);
        due.into_iter().map(|(_, key)| key).collect()
    }

    pub fn latest_date(&self, handoff: &HandoffId) -> Option<GameDate> {
        let nights = self.nights_of(handoff);
        let dates = nights.filter(|run| run.purpose == Purpose::Tonight);
        dates.map(|run| run.key.game_date).max()
    }

    pub fn open_runs(&self, handoff: &HandoffId) -> Vec<Run> {
        let open = self
            .nights_of(handoff)
            .filter(|run| run.closed_at.is_none());
        open.cloned().collect()
    }

    pub fn nights(&self, before: &NightsBefore<'_>) -> Vec<Night> {
        let counts = |run: &&Run| {
            run.key.game_date < before.game_date
                && run.purpose == Purpose::Tonight
                && run.state != State::NotExpected
        };
        let nights = self.nights_of(before.handoff).rev().filter(counts);
        nights
            .take(before.nights_max as usize)
            .map(Run::night)
            .collect()
    }

    pub fn append(&mut self, entry: &HistoryEntry) {
        let history = self.history.entry(entry.key.clone()).or_default();
        history.push(Arc::new(entry.clone()));
    }

    pub fn history(&self, key: &RunKey) -> Vec<HistoryEntry> {
        let entries = self.history.get(key).into_iter().flatten();
        entries.map(|entry| HistoryEntry::clone(entry)).collect()
    }

    pub fn last_instant(&self) -> Option<Instant> {
        self.history.values().flatten().map(|entry| entry.at).max()
    }

    pub fn put(&mut self, item: &OutboxItem, lease_until: Instant) {
        let waiting = Waiting {
            item: item.clone(),
            lease_until: Some(lease_until),
            dead: false,
        };
        self.outbox.insert(item.id.clone(), waiting);
    }

    pub fn end(&mut self, id: &str, end: &OutboxEnd) {
        let Some(waiting) = self.outbox.get_mut(id) else {
            return;
        };
        match end {
            OutboxEnd::Done => {
                self.outbox.remove(id);
                return;
            }
            OutboxEnd::Later { due_at, .. } => waiting.item.due_at = *due_at,
            OutboxEnd::Dead { .. } => waiting.dead = true,
        }
        waiting.item.tries += 1;
        waiting.lease_until = None;
    }

    pub fn lease_outbox(&mut self, now: Instant, until: Instant, most: u32) -> Vec<OutboxItem> {
        let is_free = |waiting: &&mut Waiting| {
            !waiting.dead
                && waiting.item.due_at <= now
                && waiting.lease_until.is_none_or(|until| until <= now)
        };
        let mut free: Vec<_> = self.outbox.values_mut().filter(is_free).collect();
        free.sort_by_key(|waiting| (waiting.item.decided_at, waiting.item.id.clone()));
        free.truncate(most as usize);
        for waiting in &mut free {
            waiting.lease_until = Some(until);
        }
        free.into_iter()
            .map(|waiting| waiting.item.clone())
            .collect()
    }

    pub fn prolong_lease(&mut self, id: &str, until: Instant) -> bool {
        let held = |waiting: &&mut Waiting| waiting.lease_until.is_some() && !waiting.dead;
        let Some(waiting) = self.outbox.get_mut(id).filter(held) else {
            return false;
        };
        waiting.lease_until = Some(until);
        true
    }

    pub fn next_outbox_at(&self) -> Option<Instant> {
        let alive = self.outbox.values().filter(|waiting| !waiting.dead);
        alive.map(Waiting::due_at).min()
    }

    /// What waits to be done; not what was given up.
    pub fn effects(&self) -> impl Iterator<Item = &OutboxItem> {
        let waiting = self.outbox.values().filter(|waiting| !waiting.dead);
        waiting.map(|waiting| &waiting.item)
    }

    pub fn accept(&mut self, message_ids: &[&MessageId]) -> Vec<bool> {
        let fresh = |id: &&MessageId| self.inbox.insert((*id).clone());
        message_ids.iter().map(fresh).collect()
    }

    pub fn has_accepted(&self, id: &MessageId) -> bool {
        self.inbox.contains(id)
    }

    pub fn keep_quarantined(&mut self, message: &Quarantined) {
        self.quarantined += 1;
        let kept = Quarantined {
            id: self.quarantined,
            ..message.clone()
        };
        self.quarantine.insert(kept.id, Arc::new(kept));
    }

    pub fn release_quarantined(&mut self, id: i64) -> bool {
        self.quarantine.remove(&id).is_some()
    }

    pub fn quarantined(&self, most: u32) -> Vec<Quarantined> {
        let latest = self.quarantine.values().rev().take(most as usize);
        latest.map(|kept| Quarantined::clone(kept)).collect()
    }

    pub fn quarantined_message(&self, id: i64) -> Option<Quarantined> {
        self.quarantine
            .get(&id)
            .map(|kept| Quarantined::clone(kept))
    }

    pub fn quarantine_now(&self) -> Quarantine {
        Quarantine {
            messages: self.quarantine.len() as u64,
            latest: self.quarantine.values().last().map(|it| it.reason.clone()),
        }
    }

    /// Unknown completions in quarantine whose bytes say this date.
    pub fn unknown_quarantined(&self, game_date: GameDate) -> u64 {
        let of_date = |body: &[u8]| {
            let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
            body.is_some_and(|it| it["game_date"] == serde_json::json!(game_date))
        };
        let unknown = self
            .quarantine
            .values()
            .filter(|it| it.code == UNKNOWN_UNIT);
        unknown.filter(|it| of_date(&it.body)).count() as u64
    }

    /// Frees what a dead process left leased.
    pub fn take_over(&mut self) {
        for waiting in self.outbox.values_mut() {
            waiting.lease_until = None;
        }
        for unit in self
            .sets
            .values_mut()
            .flat_map(|set| set.units.values_mut())
        {
            if unit.lease_until.is_some() {
                unit.lease_until = Some(Instant::UNIX_EPOCH);
            }
        }
    }
}
