//! The service's own rows: collected, the latest of each run, and written in one statement for all.
//!
//! A table takes 1,500 changes a day, so statements keep their distance. Trying again after a failure belongs to the
//! outbox, except over quota, where only time helps.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant as Moment};

use super::wire::{Statement, Wire, said};
use crate::{
    domain::ids::{GameDate, RunKey},
    google::{GoogleError, Kind},
    ports::{PortError, RunRecord},
    warehouse::{questions::Parameter, run_history_row},
};

const TABLE: &str = "nba_reference.processor_run_history";
/// Most calls that wait; the next is told to come again.
const WAITING_MAX: usize = 1_000;
/// How often a pause is made after a quota's end before the calls are told.
const QUOTA_PAUSES_MAX: u32 = 4;

/// How far statements are apart.
#[derive(Clone, Copy)]
pub struct Pace {
    /// At least so far.
    pub every: Duration,
    /// The pause after a quota's end, doubled each time.
    pub quota_pause: Duration,
}

/// Collects and writes. Cloning shares what is collected.
#[derive(Clone)]
pub struct Recorder {
    wire: Wire,
    text: Arc<str>,
    pace: Pace,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The latest record of each run.
    records: BTreeMap<RunKey, RunRecord>,
    waiting: Vec<oneshot::Sender<Result<(), GoogleError>>>,
    /// A task writes, or waits to.
    writing: bool,
    last_at: Option<Moment>,
}

impl Recorder {
    /// A recorder with this text, whose statements keep this pace.
    pub fn new(wire: Wire, text: String, pace: Pace) -> Self {
        Self {
            wire,
            text: text.into(),
            pace,
            state: Arc::default(),
        }
    }

    /// Takes a record and waits until it, or a later one of the same run, is written: at once when nothing was written
    /// lately, else with the others that come until then.
    ///
    /// # Errors
    ///
    /// When it was not written; another try may help.
    pub async fn record(&self, record: &RunRecord) -> Result<(), PortError> {
        let doing = format!("recording the run of {} in {TABLE}", record.game_date);
        let Some(written) = self.collect(record) else {
            let said = format!("{WAITING_MAX} records wait already");
            return Err(PortError::transient(doing, said));
        };
        let answer = written.await;
        let answer =
            answer.map_err(|_| PortError::transient(doing.clone(), "the recorder ended"))?;
        answer.map_err(|error| PortError::transient(doing, said(&error)))
    }

    fn collect(&self, record: &RunRecord) -> Option<oneshot::Receiver<Result<(), GoogleError>>> {
        let mut state = self.state();
        if state.waiting.len() >= WAITING_MAX {
            return None;
        }
        let key = RunKey {
            handoff: record.handoff.clone(),
            game_date: record.game_date,
        };
        state.records.insert(key, record.clone());
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(sender);
        if !state.writing {
            state.writing = true;
            let recorder = self.clone();
            tokio::spawn(async move { recorder.work().await });
        }
        Some(receiver)
    }

    /// Writes until nothing waits.
    async fn work(self) {
        let mut over_quota = 0;
        loop {
            let due_at = self
                .state()
                .last_at
                .map(|last_at| last_at + self.pace.every);
            if let Some(due_at) = due_at {
                tokio::time::sleep_until(due_at).await;
            }
            let (records, waiting) = {
                let mut state = self.state();
                if state.records.is_empty() {
                    state.writing = false;
                    return;
                }
                let records = std::mem::take(&mut state.records);
                (records, std::mem::take(&mut state.waiting))
            };
            let written = self.write(&records).await;
            self.state().last_at = Some(Moment::now());
            let quota = matches!(&written, Err(error) if error.kind == Kind::Quota);
            if quota && over_quota < QUOTA_PAUSES_MAX {
                tracing::warn!("the quota is used up; run records wait");
                self.give_back(records, waiting);
                tokio::time::sleep(self.pace.quota_pause * 2_u32.pow(over_quota)).await;
                over_quota += 1;
                continue;
            }
            over_quota = 0;
            for call in waiting {
                // Whoever stopped waiting is asked again by the outbox.
                let _ = call.send(written.clone());
            }
        }
    }

    /// What came meanwhile is later, and stays.
    fn give_back(
        &self,
        records: BTreeMap<RunKey, RunRecord>,
        waiting: Vec<oneshot::Sender<Result<(), GoogleError>>>,
    ) {
        let mut state = self.state();
        for (key, record) in records {
            state.records.entry(key).or_insert(record);
        }
        state.waiting.extend(waiting);
    }

    async fn write(&self, records: &BTreeMap<RunKey, RunRecord>) -> Result<(), GoogleError> {
        let doing = format!("recording {} runs in {TABLE}", records.len());
        let rows: Vec<serde_json::Value> = records.values().map(row).collect();
        let rows = serde_json::to_string(&rows)
            .map_err(|error| GoogleError::new(&doing, Kind::Invalid, error))?;
        let dates = || records.keys().map(|key| key.game_date);
        let (Some(first), Some(last)) = (dates().min(), dates().max()) else {
            return Ok(());
        };
        let date = |date: GameDate| Parameter::Date(date);
        let statement = Statement {
            doing,
            name: "record_runs",
            text: self.text.to_string(),
            parameters: &[Parameter::Text(rows), date(first), date(last)],
            columns: &[],
        };
        self.wire.ask(statement).await.map(|_| ())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // What is behind the lock is whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The row with its summary as text, which `PARSE_JSON` takes.
fn row(record: &RunRecord) -> serde_json::Value {
    let mut row = serde_json::json!(run_history_row(record));
    row["summary"] = record.summary.to_string().into();
    row
}
