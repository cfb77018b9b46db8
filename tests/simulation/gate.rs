//! The gate that every operation of the service on its world passes: one at a time, in the order that the seed picks.
//!
//! Which one is let in belongs to the night, what goes wrong with it to the store and the world.

use std::{
    future,
    sync::{Arc, Mutex, MutexGuard},
    task::Poll,
};

use tokio::{
    sync::{Notify, oneshot},
    task,
};

/// Turns of the scheduler after which every task that can go on has: a chain of tasks that wake one another is shorter.
const TURNS: usize = 12;

/// What a task is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Write to the store, alone.
    Write,
    /// Read from the store, or ask and tell the world: at any time.
    Other,
}

struct Waiting {
    kind: Kind,
    task: Option<task::Id>,
    let_in: oneshot::Sender<()>,
}

#[derive(Default)]
struct Inside {
    waiting: Vec<Waiting>,
    /// One is inside.
    busy: bool,
    /// The task whose transaction is open: it goes in and out until that ends.
    writer: Option<task::Id>,
}

/// The gate.
#[derive(Default)]
pub struct Gate {
    inside: Mutex<Inside>,
    left: Notify,
}

/// Being inside: it ends when this is dropped.
pub struct Pass {
    gate: Arc<Gate>,
    writes: bool,
}

/// Lets every other task that can go on do so. The scheduler's own yield asks the kernel each time whether anything has
/// come from outside; nothing does, but from whoever is inside.
async fn turn() {
    let mut has_yielded = false;
    future::poll_fn(|context| {
        if std::mem::replace(&mut has_yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.gate.inside();
        if self.writes {
            inside.writer = None;
        }
        inside.busy = false;
        drop(inside);
        self.gate.left.notify_one();
    }
}

impl Gate {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Waits to be let in; `None` for a task whose transaction is open: it is inside already.
    pub async fn enter(self: &Arc<Self>, kind: Kind) -> Option<Pass> {
        let task = task::try_id();
        let (let_in, go) = oneshot::channel();
        {
            let mut inside = self.inside();
            if task.is_some() && inside.writer == task {
                return None;
            }
            inside.waiting.push(Waiting { kind, task, let_in });
        }
        // The night goes with its gate, and its tasks with it.
        let _ = go.await;
        Some(Pass {
            gate: self.clone(),
            writes: kind == Kind::Write,
        })
    }

    /// Waits until nobody is inside and every task stands still; says how many wait.
    pub async fn settle(&self) -> usize {
        loop {
            while self.inside().busy {
                self.left.notified().await;
            }
            for _ in 0..TURNS {
                turn().await;
            }
            let mut inside = self.inside();
            inside.waiting.retain(|it| !it.let_in.is_closed());
            if !inside.busy {
                return inside.waiting.len();
            }
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.inside().waiting.len()
    }

    /// Whoever is inside never comes out: the process is dead.
    pub fn interrupt(&self) {
        self.inside().busy = false;
        self.left.notify_one();
    }

    /// Lets in the one that stands at this place of the queue.
    pub fn let_in(&self, place: usize) {
        let mut inside = self.inside();
        let waiting = inside.waiting.remove(place);
        inside.busy = true;
        if waiting.kind == Kind::Write {
            inside.writer = waiting.task;
        }
        drop(inside);
        if waiting.let_in.send(()).is_err() {
            self.inside().busy = false;
        }
    }
}
