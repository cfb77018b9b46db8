//! Waves: staging the units that need work, freezing them into a batch, and how far a wave may go.
//!
//! Which rows a wave takes belongs to the store; when a batch settles belongs to `batch`.

use serde::{Deserialize, Serialize};

use super::{
    Run, State,
    batch::{AnswerPace, Batch},
    draft::Draft,
    verdict,
};
use crate::domain::{
    Instant,
    effect::{Effect, Order, StageOrder},
    event::FrozenTally,
    ids::BatchId,
    policy::Mode,
    reason::Code,
    trigger::{Source, Trigger},
};

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
    /// When it was asked for.
    pub asked_at: Instant,
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

/// Stages the units that need work. A first batch takes all; later ones keep to attempts and budget.
pub fn stage(draft: &mut Draft, source: Source, reach: Reach) {
    if draft.run.staging.is_some() {
        draft.says(Code::Ready, "what is ready is being collected already");
        return;
    }
    let run = &mut draft.run;
    let joins = run.state == State::Running
        && run
            .batch
            .as_ref()
            .is_some_and(|batch| batch.settling_at.is_none() && !batch.released);
    run.waves += 1;
    let batch_id = match &run.batch {
        Some(batch) if joins => batch.id.clone(),
        Some(_) | None => batch_id(run, draft.now),
    };
    let (attempts_max, units_max) = limits(run, reach);
    let wave = run.waves;
    run.staging = Some(Staging {
        wave,
        batch_id: batch_id.clone(),
        source,
        reach,
        joins,
        asked_at: draft.now,
    });
    draft.wants(Effect::Stage(StageOrder {
        batch_id,
        wave,
        attempts_max,
        units_max,
    }));
}

/// Attempts a unit and units a wave. A budget that is used up stops what was sent before, never what is newly ready.
fn limits(run: &Run, reach: Reach) -> (u32, Option<u64>) {
    let retry = &run.policy.retry;
    let attempts_max = match reach {
        Reach::Forced => retry.attempts_max + 1,
        Reach::Fixed => retry.attempts_max,
        Reach::Automatic => retry.automatic_attempts_max,
    };
    let budget = run.retry_budget(reach);
    match budget.filter(|_| run.retries.night_units > 0) {
        Some(0) => (1, None),
        units_max => (attempts_max, units_max),
    }
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
    let staging = draft.run.staging.take();
    let Some(staging) = staging else { return };
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
            "{} {}s of the earlier plan are no longer listed and leave it",
            tally.orphans, draft.run.policy.unit_noun
        );
        draft.says(Code::Frozen, text);
    }
    if tally.to_send == 0 {
        return;
    }
    let run = &mut draft.run;
    run.retries.waves_sent += 1;
    run.retries.units += tally.retried;
    if staging.reach == Reach::Automatic {
        run.retries.units_automatic += tally.retried;
    }
    let (to_send, id) = (tally.to_send, staging.batch_id.clone());
    match &mut run.batch {
        Some(batch) if staging.joins => join(batch, &staging, tally, draft.now),
        Some(_) | None => begin(run, &staging, tally, draft.now),
    }
    let noun = draft.run.policy.unit_noun.clone();
    draft.says(
        Code::Frozen,
        format!("{to_send} {noun}s are to be sent as {id}"),
    );
}

fn join(batch: &mut Batch, staging: &Staging, tally: &FrozenTally, now: Instant) {
    let resent = tally.resent_answered + tally.resent_given_up;
    batch.wave = staging.wave;
    batch.wave_at = now;
    batch.frozen += tally.to_send.saturating_sub(resent);
    batch.retried += tally.retried;
    batch.sent = batch.sent.saturating_sub(resent);
    batch.answered = batch.answered.saturating_sub(tally.resent_answered);
    batch.given_up = batch.given_up.saturating_sub(tally.resent_given_up);
    // It may have settled while the wave was being staged: now it has something to wait for again.
    batch.settling_at = None;
    batch.settled_at = None;
}

fn begin(run: &mut Run, staging: &Staging, tally: &FrozenTally, now: Instant) {
    run.batches += 1;
    if run.retries.night_units == 0 {
        run.retries.night_units = tally.to_send;
    }
    // What a reset left in flight is answered in this batch, so it waits for it, too.
    let adopted = run.counts.in_flight;
    run.batch = Some(Batch {
        id: staging.batch_id.clone(),
        source: staging.source,
        wave: staging.wave,
        frozen_at: now,
        wave_at: now,
        frozen: tally.to_send + adopted,
        retried: tally.retried + adopted,
        sent: adopted,
        refused: 0,
        spared: 0,
        answered: 0,
        given_up: 0,
        first_sent_at: None,
        last_sent_at: None,
        resumed_at: None,
        last_answer_at: None,
        pace: AnswerPace::default(),
        hurried: false,
        released: false,
        settling_at: None,
        settled_at: None,
    });
}

/// Goes over to sending what was frozen. An early "met" is lost: the night is judged again.
pub fn dispatch(draft: &mut Draft) {
    let id = draft.run.batch_id().cloned();
    let Some(batch_id) = id else { return };
    draft.run.state = State::Dispatching;
    draft.run.failure = None;
    draft.run.wait = None;
    draft.run.retries.automatic_at = None;
    draft.run.looks.catch_up_at = None;
    verdict::reopen(draft);
    draft.wants(Effect::Send { batch_id });
    draft.wants(Effect::Record);
}
