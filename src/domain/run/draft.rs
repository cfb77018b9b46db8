//! A step in the making: the run being changed, and what has been decided so far.
//!
//! No decision belongs here; the small verbs that several states share do.

use chrono::TimeDelta;

use super::{Run, State, Step, Wait};
use crate::domain::{
    Instant,
    effect::{Effect, Order},
    reason::{Code, Reason},
    trigger::{Source, Trigger},
};

/// How long a run stays open after a person has started it, whenever it ought to close: what they sent is answered or
/// given up by then.
const SEEN_THROUGH: TimeDelta = TimeDelta::hours(2);

/// A step in the making.
pub struct Draft {
    /// The run being changed.
    pub run: Run,
    /// When the event is dealt with.
    pub now: Instant,
    effects: Vec<Effect>,
    orders: Vec<Order>,
    why: Vec<Reason>,
}

impl Draft {
    /// A step that has decided nothing yet.
    pub fn new(run: Run, now: Instant) -> Self {
        Self {
            run,
            now,
            effects: Vec::new(),
            orders: Vec::new(),
            why: Vec::new(),
        }
    }

    /// Wants something done after the commit. A handoff that only observes publishes and records nothing.
    pub fn wants(&mut self, effect: Effect) {
        let public = matches!(effect, Effect::Announce(_) | Effect::Record);
        if !(public && self.run.is_observing()) {
            self.effects.push(effect);
        }
    }

    /// Wants a set operation done inside the commit.
    pub fn orders(&mut self, order: Order) {
        self.orders.push(order);
    }

    /// Says why.
    pub fn says(&mut self, code: Code, text: impl Into<String>) {
        self.why.push(Reason::new(code, text));
    }

    /// Repeats a reason given elsewhere.
    pub fn gives(&mut self, reason: Reason) {
        self.why.push(reason);
    }

    /// Asks the warehouse how ready the date is, unless that is being asked already. When to ask again follows from
    /// the answer, so every later look is forgotten.
    pub fn ask_readiness(&mut self) {
        self.run.looks.catch_up_at = None;
        if self.run.asking.readiness_since.is_none() {
            self.run.asking.readiness_since = Some(self.now);
            self.wants(Effect::AskReadiness);
        }
        if let Some(wait) = &mut self.run.wait {
            wait.poll_at = None;
        }
    }

    /// Compares rows with answers, unless that is being done already.
    pub fn reconcile(&mut self) {
        if self.run.asking.rows_since.is_none() {
            self.run.asking.rows_since = Some(self.now);
            self.wants(Effect::Reconcile);
        }
        self.run.looks.rows_at = None;
    }

    /// Compares rows with answers a little later.
    pub fn look_at_rows_later(&mut self) {
        let at = self.now + self.run.policy.completion.reconcile_every;
        self.run.looks.rows_at = Some(at);
    }

    /// Takes an accepted trigger into the run: it may lead to the dispatch until a batch is frozen.
    pub fn take(&mut self, trigger: &Trigger) {
        let under_way = matches!(self.run.state, State::Dispatching | State::Running);
        if trigger.source == Source::Manual {
            let closes_at = &mut self.run.instants.closes_at;
            *closes_at = (*closes_at).max(self.now + SEEN_THROUGH);
        }
        let start = &mut self.run.start;
        start.triggered_at = start.triggered_at.or(Some(self.now));
        if trigger.source == Source::Event {
            start.event_at = Some(self.now);
        }
        if start.dispatched_at.is_none() && !under_way {
            let leads = trigger.force || trigger.source == Source::Event;
            start.by = if leads {
                Some(trigger.source)
            } else {
                start.by.or(Some(trigger.source))
            };
            start.finished_at = start.finished_at.max(trigger.finished_at);
        }
        if let Some(min_minutes) = trigger.min_minutes {
            self.run.policy.filters.min_minutes = min_minutes;
        }
    }

    /// Begins or prolongs the wait for readiness, and asks now.
    pub fn wait(&mut self, force: bool) {
        let start = self
            .run
            .instants
            .backups_at
            .first()
            .copied()
            .unwrap_or(self.now)
            .max(self.now);
        let until = start + self.run.policy.readiness.wait;
        self.run.state = State::Waiting;
        self.run.failure = None;
        match &mut self.run.wait {
            Some(wait) => {
                wait.until = wait.until.max(until);
                wait.force |= force;
            }
            None => {
                self.run.wait = Some(Wait {
                    since: self.now,
                    until,
                    poll_at: None,
                    force,
                })
            }
        }
        self.ask_readiness();
    }

    /// The step, given the run before it. A step that changed nothing hands that run back as it was.
    pub fn finish(mut self, before: Run) -> Step {
        if self.why.is_empty() {
            self.says(Code::NothingDue, "nothing was due");
        }
        if self.run == before && self.effects.is_empty() && self.orders.is_empty() {
            return Step {
                run: before,
                effects: Vec::new(),
                orders: Vec::new(),
                why: self.why,
            };
        }
        self.run.steps += 1;
        Step {
            run: self.run,
            effects: self.effects,
            orders: self.orders,
            why: self.why,
        }
    }
}
