//! A batch: what was sent in one wave, what came back, and when it settles.
//!
//! Which units a wave takes belongs to `batches`; what a settled batch makes of the run to `conclude`.

use chrono::Timelike;
use serde::{Deserialize, Serialize};

use super::{State, draft::Draft};
use crate::domain::{
    Instant,
    effect::Order,
    ids::BatchId,
    policy::{Mode, Policy},
    reason::{Code, Reason},
    trigger::Source,
};

/// One wave of dispatch, with its frozen set counted. A re-send during a batch belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Its id.
    pub id: BatchId,
    /// What asked for it.
    pub source: Source,
    /// Its latest wave.
    pub wave: u32,
    /// When it was frozen.
    pub frozen_at: Instant,
    /// When its latest wave was frozen.
    pub wave_at: Instant,
    /// Units in its set, those included that an earlier batch had left in flight.
    pub frozen: u64,
    /// Of these, units that had been sent before in this run.
    pub retried: u64,
    /// Units published.
    pub sent: u64,
    /// Units whose publish failed for good.
    pub refused: u64,
    /// Units that were satisfied before they were sent.
    pub spared: u64,
    /// Units whose latest attempt is answered.
    pub answered: u64,
    /// Units whose latest attempt timed out.
    pub given_up: u64,
    /// First confirmed publish.
    pub first_sent_at: Option<Instant>,
    /// Last confirmed publish.
    pub last_sent_at: Option<Instant>,
    /// When a sending last went on that nobody had been there for, or another process took it over.
    #[serde(default)]
    pub resumed_at: Option<Instant>,
    /// When an answer last changed anything.
    pub last_answer_at: Option<Instant>,
    /// Answers by minute, for the forecast's interval.
    pub pace: AnswerPace,
    /// A person wants it settled as soon as nothing is in flight.
    pub hurried: bool,
    /// What was not sent is free again; nothing more is sent under its id.
    #[serde(default)]
    pub released: bool,
    /// When it settled; its rows may still be awaited.
    pub settling_at: Option<Instant>,
    /// When it was done with.
    pub settled_at: Option<Instant>,
}

/// How many answers came a minute.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerPace {
    /// The minute being counted.
    pub minute: Option<Instant>,
    /// Answers in it so far.
    pub answers: u64,
    /// Fewest answers in a full minute; `None` before the first full one.
    pub slowest: Option<u64>,
    /// Most answers in a full minute.
    pub fastest: Option<u64>,
}

impl Batch {
    /// Units frozen and not yet published, refused or spared.
    pub fn left_to_send(&self) -> u64 {
        self.frozen
            .saturating_sub(self.sent + self.refused + self.spared)
    }

    /// Frees what was not sent: the set is as large as what went out.
    pub fn free_unsent(&mut self) {
        self.frozen -= self.left_to_send();
        self.released = true;
    }

    /// Units that have their answer, or will get none because they were not sent.
    pub fn closed(&self) -> u64 {
        self.answered + self.refused + self.spared
    }

    /// Units published whose latest attempt is neither answered nor given up.
    pub fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.answered + self.given_up)
    }

    /// When anything last went out or came in, or a wave was frozen.
    pub fn last_moved_at(&self) -> Instant {
        let moved_at = self.last_answer_at.max(self.last_sent_at);
        moved_at.map_or(self.wave_at, |at| at.max(self.wave_at))
    }

    /// Takes note of answers that came now.
    pub fn note_answers(&mut self, answers: u64, now: Instant) {
        self.last_answer_at = self.last_answer_at.max(Some(now));
        let minute = now
            .with_second(0)
            .and_then(|at| at.with_nanosecond(0))
            .unwrap_or(now);
        let first = self.first_sent_at.unwrap_or(self.frozen_at);
        let pace = &mut self.pace;
        match pace.minute {
            Some(counted) if counted >= minute => pace.answers += answers,
            Some(counted) => {
                // The first minute began in the middle of sending: it says nothing about the pace.
                if counted > first {
                    pace.slowest = Some(
                        pace.slowest
                            .map_or(pace.answers, |least| least.min(pace.answers)),
                    );
                    pace.fastest = pace.fastest.max(Some(pace.answers));
                }
                pace.minute = Some(minute);
                pace.answers = answers;
            }
            None => {
                pace.minute = Some(minute);
                pace.answers = answers;
            }
        }
    }

    /// When it settles whatever is missing. One that is only observed is sent by others, nobody knows when: for it
    /// the time runs from the latest row, and not at all before the first.
    fn limit_at(&self, policy: &Policy) -> Option<Instant> {
        let from = match policy.mode {
            Mode::Dispatch => Some(self.last_sent_at.unwrap_or(self.frozen_at)),
            Mode::Observe => self.last_answer_at,
        };
        from.map(|from| from + policy.completion.settle_limit)
    }

    /// When it settles though answers are missing, if nothing more comes; `None` while it is still sending.
    pub fn settles_at(&self, policy: &Policy) -> Option<Instant> {
        if self.left_to_send() > 0 || self.settling_at.is_some() {
            return None;
        }
        let limit_at = self.limit_at(policy)?;
        let nearly = self.closed() as f64 >= self.frozen as f64 * policy.completion.settle_share;
        let quiet_at = self.last_moved_at() + policy.completion.settle_quiet;
        Some(if nearly {
            quiet_at.min(limit_at)
        } else {
            limit_at
        })
    }

    /// When sending ends though units are left, because nothing moves: `None` once all are sent.
    pub fn sending_ends_at(&self, policy: &Policy) -> Option<Instant> {
        let moved_at = self.last_moved_at();
        let idle_since = self.resumed_at.map_or(moved_at, |at| at.max(moved_at));
        (self.left_to_send() > 0).then(|| idle_since + policy.completion.settle_limit)
    }

    /// Why it settles now, if it does. Exactly at its instant it does.
    pub fn settles(&self, policy: &Policy, now: Instant) -> Option<Reason> {
        let (closed, frozen) = (self.closed(), self.frozen);
        if self.settling_at.is_some() || self.left_to_send() > 0 {
            return None;
        }
        if closed >= frozen {
            let text = format!("every one of the {frozen} has its answer: the batch settles");
            return Some(Reason::new(Code::AllAnswered, text));
        }
        if self.hurried && self.in_flight() == 0 {
            let text = format!("{closed} of {frozen} have answered: the batch settles as asked");
            return Some(Reason::new(Code::SettledByPerson, text));
        }
        if self.settles_at(policy).is_none_or(|at| now < at) {
            return None;
        }
        if self.limit_at(policy).is_some_and(|at| now >= at) {
            let minutes = policy.completion.settle_limit.num_minutes();
            let text = format!(
                "{closed} of {frozen} have answered and the {minutes} min after the last send are over: the batch settles"
            );
            return Some(Reason::new(Code::BatchLimit, text));
        }
        let minutes = policy.completion.settle_quiet.num_minutes();
        let text = format!(
            "{closed} of {frozen} have answered and nothing came for {minutes} min: the batch settles"
        );
        Some(Reason::new(Code::Quiet, text))
    }
}

/// Settles the batch if it is time, and compares rows.
pub fn settle_if_due(draft: &mut Draft) {
    let policy = &draft.run.policy;
    let reason = draft
        .run
        .batch
        .as_ref()
        .and_then(|batch| batch.settles(policy, draft.now));
    if let Some(reason) = reason {
        settle(draft, reason);
    }
}

/// Settles the batch now: no more answers are awaited, only rows.
pub fn settle(draft: &mut Draft, reason: Reason) {
    if let Some(batch) = &mut draft.run.batch {
        batch.settling_at = Some(draft.now);
    }
    draft.gives(reason);
    give_up_all(draft);
    draft.reconcile();
}

/// Nobody was there to send: that nothing has moved says nothing. Ending the sending now would free, under their next
/// key, units that are being sent again at this moment. So it has its time anew, once: `false` where it had, and nothing has moved
/// since.
pub fn be_patient(draft: &mut Draft) -> bool {
    let batch = draft.run.batch.as_mut();
    let Some(batch) = batch else { return false };
    let moved_at = batch.last_moved_at();
    let has_moved = batch.resumed_at.is_none_or(|at| at <= moved_at);
    if has_moved {
        batch.resumed_at = Some(draft.now);
    }
    has_moved
}

/// How many are left to be sent, and since when nothing has moved.
fn unsent(draft: &Draft) -> Option<(u64, String)> {
    let batch = draft.run.batch.as_ref()?;
    let zone = draft.run.policy.schedule.zone;
    Some((batch.left_to_send(), zone.time_text(batch.last_moved_at())))
}

/// Goes on with a sending that was slept through, once; then it ends as any other.
pub fn resume_sending(draft: &mut Draft) {
    if !be_patient(draft) {
        end_sending(draft);
        return;
    }
    let unsent = unsent(draft);
    let Some((left, since)) = unsent else { return };
    let text = format!(
        "nothing has moved since {since}, for the service was down: {left} are sent now, late"
    );
    draft.says(Code::Missed, text);
}

/// Ends a sending in which nothing moves any more: what was not sent is free again, and the batch settles.
pub fn end_sending(draft: &mut Draft) {
    let unsent = unsent(draft);
    let Some((left, since)) = unsent else { return };
    release(draft);
    draft.run.state = State::Running;
    let text = format!("nothing has moved since {since}: {left} were not sent and are free again");
    settle(draft, Reason::new(Code::BatchLimit, text));
}

/// Frees what was not sent.
pub fn release(draft: &mut Draft) {
    let batch = draft.run.batch.as_mut();
    let Some(batch) = batch else { return };
    let batch_id = batch.id.clone();
    batch.free_unsent();
    draft.orders(Order::Release { batch_id });
}

/// The run closes: what was not sent is free again, nothing is awaited any more, and what needs work is a gap.
pub fn end_with_the_run(draft: &mut Draft) {
    draft.run.staging = None;
    if !matches!(draft.run.state, State::Dispatching | State::Running) {
        return;
    }
    release(draft);
    give_up_all(draft);
    if let Some(batch) = &mut draft.run.batch {
        batch.settling_at = batch.settling_at.or(Some(draft.now));
        batch.settled_at = Some(draft.now);
    }
    draft.run.state = State::Partial;
    let (gap, ready) = (draft.run.counts.needing_work(), draft.run.counts.ready);
    let text = format!("its batch ends with the run: {gap} of {ready} ready need work");
    draft.says(Code::Partial, text);
}

/// What is in flight is waited for no longer.
fn give_up_all(draft: &mut Draft) {
    if draft.run.counts.in_flight > 0 {
        let sent_until = draft.now;
        draft.orders(Order::GiveUp { sent_until });
    }
}
