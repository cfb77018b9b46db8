//! The clock of a simulated night: it stands until the night moves it, also backwards, and knows who waits for it.
//!
//! When it is moved belongs to the night.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use tipoff::{clock::Clock, domain::Instant};

struct Hands {
    now: Instant,
    count: u64,
    sleepers: BTreeMap<(Instant, u64), Waker>,
}

/// The clock.
pub struct SimulatedClock(Arc<Mutex<Hands>>);

impl SimulatedClock {
    pub fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(Hands {
            now,
            count: 0,
            sleepers: BTreeMap::new(),
        })))
    }

    /// Moves it, and wakes those whose instant has come, earliest first.
    pub fn set(&self, to: Instant) {
        let mut hands = self.0.lock().unwrap();
        hands.now = to;
        let later = hands
            .sleepers
            .split_off(&(to + chrono::TimeDelta::microseconds(1), 0));
        let due = std::mem::replace(&mut hands.sleepers, later);
        drop(hands);
        for waker in due.into_values() {
            waker.wake();
        }
    }

    /// The earliest instant that somebody waits for.
    pub fn next(&self) -> Option<Instant> {
        let hands = self.0.lock().unwrap();
        hands.sleepers.keys().next().map(|(at, _)| *at)
    }

    /// Nobody waits any more: the process is dead.
    pub fn forget(&self) {
        self.0.lock().unwrap().sleepers.clear();
    }
}

struct Sleep {
    hands: Arc<Mutex<Hands>>,
    at: Instant,
    place: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let hands = self.hands.clone();
        let mut hands = hands.lock().unwrap();
        if hands.now >= self.at {
            return Poll::Ready(());
        }
        let place = *self.place.get_or_insert_with(|| {
            hands.count += 1;
            hands.count
        });
        let key = (self.at, place);
        hands.sleepers.insert(key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let key = (self.at, place);
            self.hands.lock().unwrap().sleepers.remove(&key);
        }
    }
}

#[async_trait]
impl Clock for SimulatedClock {
    fn now(&self) -> Instant {
        self.0.lock().unwrap().now
    }

    async fn sleep_until(&self, at: Instant) {
        Sleep {
            hands: self.0.clone(),
            at,
            place: None,
        }
        .await;
    }
}
