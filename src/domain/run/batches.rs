//! Batches: staging a wave, freezing it, when a batch settles, and what the run is once it has.
//!
//! Which rows a wave takes belongs to the store; how fast it is sent belongs to `dispatch`.

use chrono::{TimeDelta, Timelike};
use serde::{Deserialize, Serialize};

use super::{Failure, Run, State, draft::Draft};
use crate::domain::{
    Instant,
    completion::Counts,
    effect::{AnnouncedStatus, Announcement, Effect, Order, StageOrder},
    event::FrozenTally,
    ids::BatchId,
    policy::{Completion, Mode},
    reason::{Code, Reason},
    trigger::{Source, Trigger},
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
    /// Units in its set.
    pub frozen: u64,
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
    /// When an answer last changed anything.
    pub last_answer_at: Option<Instant>,
    /// Answers by minute, for the forecast's interval.
    pub pace: AnswerPace,
    /// A person wants it settled as soon as nothing is in flight.
    pub hurried: bool,
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

/// A wave being staged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Staging {
    /// The wave.
    pub wave: u32,
    /// The batch it is for.
    pub batch_id: BatchId,
    /// What asked for it.
    pub source: Source,
    /// How far it may go.
    pub reach: Reach,
    /// Whether it joins the current batch.
    pub joins: bool,
}

impl Batch {
    /// Units frozen and not yet published, refused or spared.
    pub fn left_to_send(&self) -> u64 {
        self.frozen
            .saturating_sub(self.sent + self.refused + self.spared)
    }

    /// Units that have their answer, or will get none because they were not sent.
    pub fn closed(&self) -> u64 {
        self.answered + self.refused + self.spared
    }

    /// Units published whose latest attempt is neither answered nor given up.
    pub fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.answered + self.given_up)
    }

    /// When anything last went out or came in.
    pub fn last_moved_at(&self) -> Instant {
        self.last_answer_at
            .max(self.last_sent_at)
            .unwrap_or(self.frozen_at)
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
            Some(counted) if counted == minute => pace.answers += answers,
            Some(counted) if counted < minute => {
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
            Some(_) => {}
            None => {
                pace.minute = Some(minute);
                pace.answers = answers;
            }
        }
    }

    /// When it settles if nothing more comes; `None` while it is still sending.
    pub fn settles_at(&self, policy: &Completion) -> Option<Instant> {
        if self.left_to_send() > 0 || self.settling_at.is_some() {
            return None;
        }
        let limit = self.last_sent_at.unwrap_or(self.frozen_at) + policy.settle_limit;
        let share = if self.frozen == 0 {
            1.0
        } else {
            self.closed() as f64 / self.frozen as f64
        };
        let quiet =
            (share >= policy.settle_share).then(|| self.last_moved_at() + policy.settle_quiet);
        Some(quiet.map_or(limit, |quiet| quiet.min(limit)))
    }

    /// Why it settles now, if it does. Exactly at its instant it does.
    pub fn settles(&self, policy: &Completion, now: Instant) -> Option<Reason> {
        let (closed, frozen) = (self.closed(), self.frozen);
        if self.settling_at.is_some() || self.left_to_send() > 0 {
            return None;
        }
        if closed >= frozen {
            return Some(Reason::new(
                Code::AllAnswered,
                format!("all {frozen} have an answer"),
            ));
        }
        if self.hurried && self.in_flight() == 0 {
            return Some(Reason::new(
                Code::SettledByPerson,
                format!("{closed} of {frozen} answered; settled by a person"),
            ));
        }
        if self.settles_at(policy).is_none_or(|at| now < at) {
            return None;
        }
        if now >= self.last_sent_at.unwrap_or(self.frozen_at) + policy.settle_limit {
            let minutes = policy.settle_limit.num_minutes();
            let text = format!(
                "{closed} of {frozen} answered; {minutes} min since the last publish are over"
            );
            return Some(Reason::new(Code::BatchLimit, text));
        }
        let minutes = policy.settle_quiet.num_minutes();
        let text = format!("{closed} of {frozen} answered and nothing came for {minutes} min");
        Some(Reason::new(Code::Quiet, text))
    }
}

impl Run {
    /// Whether it only observes.
    pub fn is_observing(&self) -> bool {
        self.policy.mode == Mode::Observe
    }

    /// Units that may still be sent again tonight; `None`: any number.
    pub fn retry_budget(&self, reach: Reach) -> Option<u64> {
        let retry = &self.policy.retry;
        let whole = (retry.budget_nights * self.retries.night_units as f64) as u64;
        let left = whole.saturating_sub(self.retries.units);
        match reach {
            Reach::Forced => None,
            Reach::Fixed => Some(left),
            Reach::Automatic => {
                let kept = (whole as f64 * retry.budget_share_fixed) as u64;
                Some(
                    whole
                        .saturating_sub(kept)
                        .saturating_sub(self.retries.units_automatic)
                        .min(left),
                )
            }
        }
    }
}

/// How far a wave may go: attempts a unit, and the night's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// By itself: the last attempt and half of the budget are left to the fixed times.
    Automatic,
    /// A fixed retry time, or a person.
    Fixed,
    /// A person who forces it: one attempt more, no budget.
    Forced,
}

impl Reach {
    /// How far a trigger may go.
    pub fn of(trigger: &Trigger) -> Self {
        match trigger.source {
            Source::Manual if trigger.force => Self::Forced,
            Source::Retry | Source::Manual => Self::Fixed,
            Source::Event | Source::CatchUp | Source::Backup => Self::Automatic,
        }
    }
}

/// Stages the units that need work. A first batch takes all; later ones keep to attempts and budget.
pub fn stage(draft: &mut Draft, source: Source, reach: Reach) {
    let run = &mut draft.run;
    if run.staging.is_some() {
        return;
    }
    let joins = run.state == State::Running
        && run
            .batch
            .as_ref()
            .is_some_and(|batch| batch.settling_at.is_none());
    run.waves += 1;
    let batch_id = match &run.batch {
        Some(batch) if joins => batch.id.clone(),
        Some(_) | None => batch_id(run, draft.now),
    };
    let retry = &run.policy.retry;
    let attempts_max = match reach {
        Reach::Forced => retry.attempts_max + 1,
        Reach::Fixed => retry.attempts_max,
        Reach::Automatic => retry.automatic_attempts_max,
    };
    let units_max = (run.retries.night_units > 0)
        .then(|| run.retry_budget(reach))
        .flatten();
    let wave = run.waves;
    run.staging = Some(Staging {
        wave,
        batch_id: batch_id.clone(),
        source,
        reach,
        joins,
    });
    draft.wants(Effect::Stage(StageOrder {
        batch_id,
        wave,
        attempts_max,
        units_max,
    }));
}

fn batch_id(run: &Run, now: Instant) -> BatchId {
    let wave = if run.waves > 1 {
        format!("_{}", run.waves)
    } else {
        String::new()
    };
    BatchId::new(format!(
        "batch_{}_{}{wave}",
        run.key.game_date,
        now.timestamp()
    ))
}

/// Orders the freeze of a staged wave; whether there is anything to send shows when it is frozen.
pub fn order_freeze(draft: &mut Draft, wave: u32) {
    match &draft.run.staging {
        Some(staging) if staging.wave == wave => {
            let batch_id = staging.batch_id.clone();
            draft.orders(Order::Freeze { batch_id, wave });
        }
        Some(_) | None => draft.says(Code::Outdated, format!("wave {wave} is no longer wanted")),
    }
}

/// Takes a frozen wave into the counts and, if it has anything to send, makes it the batch's.
pub fn freeze(draft: &mut Draft, tally: &FrozenTally) {
    let Some(staging) = draft.run.staging.take() else {
        return;
    };
    let run = &mut draft.run;
    let counts = &mut run.counts;
    counts.plan = tally.plan;
    counts.sent = tally.sent;
    counts.dispatched = tally.sent.total();
    counts.ready = tally.plan.total();
    counts.in_time = tally.in_time;
    counts.missing = tally.missing;
    counts.reasons.clone_from(&tally.reasons);
    counts.games = tally.games.iter().cloned().collect();
    counts.latest_true_at = tally.latest_true_at;
    if tally.orphans > 0 {
        let text = format!(
            "{} units are no longer listed and leave the plan",
            tally.orphans
        );
        draft.says(Code::Frozen, text);
    }
    if tally.to_send == 0 {
        return;
    }
    let run = &mut draft.run;
    run.retries.units += tally.retried;
    if staging.reach == Reach::Automatic {
        run.retries.units_automatic += tally.retried;
    }
    let (to_send, id) = (tally.to_send, staging.batch_id.clone());
    match &mut run.batch {
        Some(batch) if staging.joins => join(batch, &staging, tally),
        Some(_) | None => begin(run, &staging, tally, draft.now),
    }
    draft.says(Code::Frozen, format!("{to_send} units frozen in {id}"));
}

fn join(batch: &mut Batch, staging: &Staging, tally: &FrozenTally) {
    let resent = tally.resent_answered + tally.resent_given_up;
    batch.wave = staging.wave;
    batch.frozen += tally.to_send.saturating_sub(resent);
    batch.sent = batch.sent.saturating_sub(resent);
    batch.answered = batch.answered.saturating_sub(tally.resent_answered);
    batch.given_up = batch.given_up.saturating_sub(tally.resent_given_up);
}

fn begin(run: &mut Run, staging: &Staging, tally: &FrozenTally, now: Instant) {
    run.batches += 1;
    if run.retries.night_units == 0 {
        run.retries.night_units = tally.to_send;
    }
    run.batch = Some(Batch {
        id: staging.batch_id.clone(),
        source: staging.source,
        wave: staging.wave,
        frozen_at: now,
        frozen: tally.to_send,
        sent: 0,
        refused: 0,
        spared: 0,
        answered: 0,
        given_up: 0,
        first_sent_at: None,
        last_sent_at: None,
        last_answer_at: None,
        pace: AnswerPace::default(),
        hurried: false,
        settling_at: None,
        settled_at: None,
    });
}

/// Goes over to sending what was frozen. An early "met" is lost: the night is judged again.
pub fn dispatch(draft: &mut Draft) {
    let Some(batch_id) = draft.run.batch_id().cloned() else {
        return;
    };
    draft.run.state = State::Dispatching;
    draft.run.failure = None;
    draft.run.wait = None;
    draft.run.completed_at = None;
    draft.run.retries.automatic_at = None;
    draft.run.looks.catch_up_at = None;
    if draft.now <= draft.run.instants.deadline_at {
        draft.run.ruling = None;
    }
    draft.wants(Effect::Send { batch_id });
    draft.wants(Effect::Record);
}

/// Settles the batch if it is time, and compares rows.
pub fn settle_if_due(draft: &mut Draft) {
    let policy = &draft.run.policy.completion;
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
    let counts = &mut draft.run.counts;
    let flying = counts.in_flight;
    draft.gives(reason);
    if flying > 0 {
        draft.orders(Order::GiveUp {
            sent_until: draft.now,
        });
    }
    draft.reconcile();
}

/// What a settled batch makes of the run, once rows have been compared. Claims within their grace are waited for.
pub fn conclude(draft: &mut Draft) {
    let open = draft.run.counts.claims_open();
    if open > 0 {
        draft.run.looks.rows_at = Some(draft.now + draft.run.policy.completion.reconcile_every);
        draft.says(
            Code::RowsAwaited,
            format!("{open} claims still wait for their rows"),
        );
        return;
    }
    let now = draft.now;
    let all_refused = draft.run.batch.as_mut().is_some_and(|batch| {
        batch.settled_at = Some(now);
        batch.refused > 0 && batch.refused == batch.frozen
    });
    if all_refused && draft.run.batches == 1 {
        draft.run.state = State::Failed;
        draft.run.failure = Some(Failure::Publish);
        draft.says(
            Code::PublishFailed,
            "every publish of the first batch failed",
        );
        super::settled::plan_retry(draft);
    } else if draft.run.counts.gap() == 0 && draft.run.counts.ready > 0 {
        complete(draft);
    } else {
        partial(draft);
    }
    draft.wants(Effect::Record);
    if std::mem::take(&mut draft.run.asking.again) {
        draft.ask_readiness();
    }
}

fn complete(draft: &mut Draft) {
    draft.run.state = State::Complete;
    let at = draft.run.counts.latest_true_at.unwrap_or(draft.now);
    draft.run.completed_at = Some(at);
    let ready = draft.run.counts.ready;
    let late = at - draft.run.instants.deadline_at;
    let text = match late > TimeDelta::zero() && draft.run.has_promises() {
        true => format!(
            "all {ready} ready units are answered for, late by {} min",
            late.num_minutes()
        ),
        false => format!("all {ready} ready units are answered for"),
    };
    draft.says(Code::Complete, text);
    announce(draft);
}

fn partial(draft: &mut Draft) {
    draft.run.state = State::Partial;
    let Counts { ready, .. } = draft.run.counts;
    let gap = draft.run.counts.gap();
    let accepted = draft.run.is_accepted();
    let word = if accepted { "within" } else { "outside" };
    draft.says(
        Code::Partial,
        format!("settled with a gap of {gap} of {ready}, {word} tolerance"),
    );
    draft.run.completed_at = accepted.then_some(draft.now);
    if accepted {
        announce(draft);
    }
    super::settled::plan_retry(draft);
}

/// Publishes the downstream event, once per change of state.
fn announce(draft: &mut Draft) {
    let run = &draft.run;
    let status = if run.state == State::Complete {
        AnnouncedStatus::Success
    } else {
        AnnouncedStatus::Partial
    };
    if run
        .announced
        .as_ref()
        .is_some_and(|last| last.status == status && last.batch_id.as_ref() == run.batch_id())
    {
        return;
    }
    let counts = &run.counts;
    let announcement = Announcement {
        status,
        batch_id: run.batch_id().cloned(),
        expected_units: counts.ready,
        completed_units: counts.plan.predicted(),
        skipped_units: counts.skipped(),
        failed_units: counts.failed(),
        completion_pct: counts.completion().unwrap_or(1.0) * 100.0,
        started_at: run.start.dispatched_at,
        finished_at: run.completed_at.unwrap_or(draft.now),
    };
    draft.run.announced = Some(announcement.clone());
    if !draft.run.is_observing() {
        draft.wants(Effect::Announce(announcement));
    }
}
