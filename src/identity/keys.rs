//! The published keys, kept: fetched in the background by one task, used while the key server is down.
//!
//! A call never fetches: where a key is not known it asks the task to look, seldom, and waits a moment. What one look
//! is belongs to `fetch`.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use chrono::TimeDelta;
use jsonwebtoken::DecodingKey;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

use super::{
    Refusal,
    fetch::{FetchError, Fetched, fetch},
};
use crate::{clock::Clock, domain::Instant, ports::chain};

/// How long keys are believed without a word of the key server: over a night of its being down, and no longer, since
/// a key that was withdrawn would not be noticed.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);
/// An unknown key has the list looked at again, but not within this time of the last look, however many ask.
pub const REFETCHED_AFTER: TimeDelta = TimeDelta::seconds(30);
/// How long a call waits for a look.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// The first and the longest pause after a look that failed; each is twice the one before.
const PAUSE_MIN: TimeDelta = TimeDelta::seconds(1);
const PAUSE_MAX: TimeDelta = TimeDelta::seconds(60);

/// The keys and the task that fetches them, which ends with this.
pub struct Keys {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    wanted: Notify,
    looks_ended: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    keys: HashMap<String, DecodingKey>,
    fetched_at: Option<Instant>,
    looks_begun: u64,
    looked_at: Option<Instant>,
    is_looking: bool,
    is_wanted: bool,
    failed: bool,
}

/// What is known of a key without waiting.
enum Known {
    Key(Box<DecodingKey>),
    /// The look of this number may tell.
    After(u64),
    Refused(Refusal),
}

impl Keys {
    /// Begins to fetch the keys of this address, and goes on.
    pub fn start(http: reqwest::Client, url: String, clock: Arc<dyn Clock>) -> Self {
        let state = State {
            is_wanted: true,
            ..State::default()
        };
        let shared = Arc::new(Shared {
            clock,
            state: Mutex::new(state),
            wanted: Notify::new(),
            looks_ended: watch::Sender::new(0),
        });
        let task = tokio::spawn(work(shared.clone(), http, url));
        Self { shared, task }
    }

    /// The key of this name. Where it is not known, a look is waited for, for two seconds at most.
    ///
    /// # Errors
    ///
    /// That no such key is published, or that this could not be asked.
    pub async fn key(&self, kid: &str) -> Result<DecodingKey, Refusal> {
        let look = match self.shared.known(kid, true) {
            Known::Key(key) => return Ok(*key),
            Known::Refused(refusal) => return Err(refusal),
            Known::After(look) => look,
        };
        let mut ended = self.shared.looks_ended.subscribe();
        let waited = tokio::time::timeout(WAIT_MAX, ended.wait_for(|done| *done >= look)).await;
        if !matches!(waited, Ok(Ok(_))) {
            return Err(Refusal::KeysUnavailable);
        }
        match self.shared.known(kid, false) {
            Known::Key(key) => Ok(*key),
            Known::Refused(refusal) => Err(refusal),
            Known::After(_) => Err(Refusal::KeysUnavailable),
        }
    }

    /// When the keys were fetched last; `None`: never yet.
    pub fn fetched_at(&self) -> Option<Instant> {
        self.shared.state().fetched_at
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("nothing panics while it holds the keys")
    }

    /// What is known of a key; with `may_ask` a look is asked for where one is due.
    fn known(&self, kid: &str, may_ask: bool) -> Known {
        let now = self.clock.now();
        let mut state = self.state();
        let is_kept = state.fetched_at.is_some_and(|at| now - at < KEPT_FOR);
        if is_kept && let Some(key) = state.keys.get(kid) {
            return Known::Key(Box::new(key.clone()));
        }
        if may_ask && let Some(look) = state.look_to_wait_for(now) {
            self.wanted.notify_one();
            return Known::After(look);
        }
        // A look that failed says nothing of the key: could not ask is not "not there".
        if is_kept && !state.failed {
            Known::Refused(Refusal::UnknownKey)
        } else {
            Known::Refused(Refusal::KeysUnavailable)
        }
    }

    fn begin(&self) {
        let mut state = self.state();
        state.looks_begun += 1;
        state.looked_at = Some(self.clock.now());
        state.is_looking = true;
        state.is_wanted = false;
    }

    fn end(&self, outcome: Result<HashMap<String, DecodingKey>, ()>) {
        let begun = {
            let mut state = self.state();
            state.is_looking = false;
            state.failed = outcome.is_err();
            if let Ok(keys) = outcome {
                state.keys = keys;
                state.fetched_at = Some(self.clock.now());
            }
            state.looks_begun
        };
        self.looks_ended.send_replace(begun);
    }
}

impl State {
    /// The look that is under way or asked for, else a new one where the last is long enough ago.
    fn look_to_wait_for(&mut self, now: Instant) -> Option<u64> {
        if self.is_looking {
            return Some(self.looks_begun);
        }
        let is_due = self
            .looked_at
            .is_none_or(|at| (now - at).abs() >= REFETCHED_AFTER);
        if !self.is_wanted && !is_due {
            return None;
        }
        self.is_wanted = true;
        Some(self.looks_begun + 1)
    }
}

/// Looks, and looks again when the keys are no longer fresh, when a look failed, or when a call asks for it.
async fn work(shared: Arc<Shared>, http: reqwest::Client, url: String) {
    let mut pause = PAUSE_MIN;
    loop {
        shared.begin();
        let next = match fetch(&http, &url).await {
            Ok(Fetched { keys, fresh_for }) => {
                shared.end(Ok(keys));
                pause = PAUSE_MIN;
                fresh_for
            }
            Err(error) => {
                complain(&error, shared.state().fetched_at);
                shared.end(Err(()));
                let next = pause;
                pause = (pause * 2).min(PAUSE_MAX);
                next
            }
        };
        let at = shared.clock.now() + next;
        tokio::select! {
            () = shared.clock.sleep_until(at) => {}
            () = wanted(&shared) => {}
        }
    }
}

/// Returns when a call asks for a look; a ring from before the last look is none.
async fn wanted(shared: &Shared) {
    loop {
        shared.wanted.notified().await;
        if shared.state().is_wanted {
            return;
        }
    }
}

fn complain(error: &FetchError, fetched_at: Option<Instant>) {
    let error = chain(error);
    match fetched_at {
        Some(at) => tracing::warn!(
            error,
            "the keys of identities could not be fetched: {error}; those of {at} are used"
        ),
        None => tracing::warn!(
            error,
            "the keys of identities could not be fetched: {error}; pushes and schedules are answered 503 until they are"
        ),
    }
}
