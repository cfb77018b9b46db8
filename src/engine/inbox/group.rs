//! One commit for all that waits: each message has its own savepoint, each run of answered units one step.
//!
//! What a message means is decided in `trigger` and `completion`; this only carries it in.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{
    AnswerMessage, AnswersReceipt, EngineError, Outcome, Receipt, Reply, TriggerMessage, Work,
};
use crate::{
    domain::{
        Instant,
        completion::{Answer, Outcome as UnitOutcome, Standing, Tally},
        dispatch::attempt_of,
        event::Event,
        ids::{ChannelId, RunKey},
        policy::Policy,
        reason::{Code, Reason},
        routing::Silence,
        run::Run,
        service::Happened,
        trigger::{self, DateStanding, Source, Trigger},
    },
    engine::{
        Handoff, Shared,
        apply::{self, Applied},
        telling,
        transaction::Measured,
    },
    ports::{
        notice::Notice,
        store::{HistoryEntry, Quarantined, RankedAnswer, StoreError, UNKNOWN_UNIT},
    },
    telemetry::{self, measure},
};

/// Most messages that share one commit.
const GROUP_MAX: usize = 1_000;
/// Unknown completions of a night that are quarantined; more are only counted.
const UNKNOWN_MAX: u64 = 100;

/// Works until the engine stops; what is in the queue then is still done.
pub(super) async fn work(shared: Arc<Shared>, mut queue: mpsc::Receiver<(Work, Reply)>) {
    let mut waiting = Vec::with_capacity(GROUP_MAX);
    loop {
        let received = tokio::select! {
            received = queue.recv_many(&mut waiting, GROUP_MAX) => received,
            () = shared.stop.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        };
        if received == 0 {
            return;
        }
        commit(&shared, std::mem::take(&mut waiting)).await;
    }
}

/// A group at work.
struct Group<'a> {
    shared: &'a Shared,
    transaction: Measured,
    now: Instant,
    /// What the messages so far have done.
    kept: Noted,
    /// What the message at hand has done: forgotten if it is undone.
    noted: Noted,
}

/// What is to be counted, logged or stepped once the group is committed.
#[derive(Default)]
struct Noted {
    /// Answers by run: stepped once, at the end.
    tallies: BTreeMap<RunKey, Tally>,
    applied: Vec<Applied>,
    refused: Vec<HistoryEntry>,
    /// The codes of what went into quarantine.
    quarantined: Vec<String>,
    /// Whether anything went into quarantine or out of it.
    quarantine_moved: bool,
}

impl Noted {
    fn absorb(&mut self, other: Self) {
        for (key, tally) in other.tallies {
            self.tallies.entry(key).or_default().absorb(tally);
        }
        self.applied.extend(other.applied);
        self.refused.extend(other.refused);
        self.quarantined.extend(other.quarantined);
        self.quarantine_moved |= other.quarantine_moved;
    }
}

async fn commit(shared: &Shared, works: Vec<(Work, Reply)>) {
    let mut replies = Vec::with_capacity(works.len());
    let ended = match shared.begin().await {
        Ok(transaction) => {
            let now = shared.clock.now();
            let mut group = Group {
                shared,
                transaction,
                now,
                kept: Noted::default(),
                noted: Noted::default(),
            };
            for (work, reply) in works {
                let outcome = group.one(work).await;
                replies.push((reply, outcome));
            }
            group.finish().await
        }
        Err(error) => {
            for (_, reply) in works {
                let _ = reply.send(Err(EngineError::NotDurable(error.to_string())));
            }
            return;
        }
    };
    for (reply, outcome) in replies {
        let answer = match &ended {
            Ok(()) => outcome.map_err(EngineError::Store),
            Err(error) => Err(EngineError::NotDurable(error.to_string())),
        };
        // A caller that has gone away no longer wants to know; its work is done all the same.
        let _ = reply.send(answer);
    }
}

impl Group<'_> {
    /// Does one message between savepoints: what fails is undone and spoils no other.
    async fn one(&mut self, work: Work) -> Result<Outcome, StoreError> {
        self.transaction.mark().await?;
        let outcome = match work {
            Work::Trigger(message) => self
                .trigger(message)
                .await
                .map(|receipt| Outcome::Receipt(Box::new(receipt))),
            Work::Answers(messages) => self.answers(messages).await.map(Outcome::Answers),
            Work::Command { key, event, open } => self
                .command(key, event, open)
                .await
                .map(|receipt| Outcome::Receipt(Box::new(receipt))),
            Work::Quarantine(message) => self.quarantine(message).await,
            Work::Release(id) => self.release(id).await,
            Work::Happened(happened) => self.happened(&happened).await,
            Work::Silence(silence) => self.silence(&silence).await,
            Work::Post { notice, channels } => self.post(&notice, &channels).await,
        };
        let noted = std::mem::take(&mut self.noted);
        match &outcome {
            Ok(_) => {
                self.transaction.keep().await?;
                self.kept.absorb(noted);
            }
            Err(_) => self.transaction.undo().await?,
        }
        outcome
    }

    /// Steps every run that got answers, and makes it all durable.
    async fn finish(mut self) -> Result<(), StoreError> {
        for (key, tally) in std::mem::take(&mut self.kept.tallies) {
            if let Some(run) = self.transaction.run(&key).await? {
                let event = Event::Answered(tally);
                let applied =
                    apply::apply(self.shared, &mut *self.transaction, run, event, self.now).await?;
                self.kept.applied.push(applied);
            }
        }
        if self.kept.quarantine_moved {
            let quarantine = self.transaction.quarantine_now().await?;
            self.happened(&Happened::Quarantined(quarantine)).await?;
        }
        self.transaction.commit().await?;
        let shared = self.shared;
        for applied in &self.kept.applied {
            applied.record(shared);
        }
        for entry in &self.kept.refused {
            let moved = telemetry::Moved {
                entry,
                before: None,
                after: None,
            };
            telemetry::record_step(&shared.metrics, &moved);
            telemetry::log_step(&moved);
        }
        for code in &self.kept.quarantined {
            measure::record_quarantined(&shared.metrics, code);
        }
        shared.desks.ring();
        Ok(())
    }

    async fn quarantine(&mut self, message: Quarantined) -> Result<Outcome, StoreError> {
        self.put_into_quarantine(&message).await?;
        Ok(Outcome::Done(true))
    }

    async fn put_into_quarantine(&mut self, message: &Quarantined) -> Result<(), StoreError> {
        self.transaction.quarantine(message).await?;
        self.noted.quarantined.push(message.code.clone());
        self.noted.quarantine_moved = true;
        Ok(())
    }

    async fn release(&mut self, id: i64) -> Result<Outcome, StoreError> {
        self.noted.quarantine_moved = true;
        let released = self.transaction.release_quarantined(id).await?;
        Ok(Outcome::Done(released))
    }

    async fn happened(&mut self, happened: &Happened) -> Result<Outcome, StoreError> {
        telling::step_service(self.shared, &mut *self.transaction, happened, self.now).await?;
        Ok(Outcome::Done(true))
    }

    async fn silence(&mut self, silence: &Silence) -> Result<Outcome, StoreError> {
        self.transaction.silence(silence).await?;
        Ok(Outcome::Done(true))
    }

    async fn post(
        &mut self,
        notice: &Notice,
        channels: &[ChannelId],
    ) -> Result<Outcome, StoreError> {
        let reason = "asked for by a person";
        let posted = telling::post(&mut *self.transaction, notice, channels, reason).await?;
        Ok(Outcome::Done(posted))
    }

    async fn step(&mut self, run: Run, event: Event) -> Result<Receipt, StoreError> {
        let applied =
            apply::apply(self.shared, &mut *self.transaction, run, event, self.now).await?;
        let receipt = Receipt::of(&applied);
        self.noted.applied.push(applied);
        Ok(receipt)
    }

    async fn trigger(&mut self, message: TriggerMessage) -> Result<Receipt, StoreError> {
        let key = RunKey {
            handoff: message.handoff,
            game_date: message.event.game_date,
        };
        if !self
            .transaction
            .accept(&message.id, "trigger", self.now)
            .await?
        {
            let text = "the message had been accepted before; nothing was done again";
            let reason = Reason::new(Code::NothingToDo, text);
            let receipt = self.refuse(key, reason).await?;
            return Ok(Receipt {
                duplicate: true,
                ..receipt
            });
        }
        let Some(handoff) = self.shared.handoffs.get(&key.handoff) else {
            let text = format!("the handoff {} is not configured", key.handoff);
            return Ok(Receipt::refused(Reason::new(Code::NothingToDo, text)));
        };
        let event = &message.event;
        let refused = trigger::refuse_event(event, &handoff.policy.upstream.final_processor_names);
        if let Some(reason) = refused.or_else(|| refuse_date(handoff, &key, self.now)) {
            return self.refuse(key, reason).await;
        }
        let trigger = Trigger {
            finished_at: event.finished_at,
            ..Trigger::of(Source::Event)
        };
        let run =
            apply::load_or_open(&mut *self.transaction, handoff, key.game_date, self.now).await?;
        self.step(run, Event::Triggered(trigger)).await
    }

    /// A trigger that does not start a run says why in the history.
    async fn refuse(&mut self, key: RunKey, reason: Reason) -> Result<Receipt, StoreError> {
        let run = self.transaction.run(&key).await?;
        let entry = HistoryEntry {
            key,
            at: self.now,
            step: None,
            event: None,
            state: run.as_ref().map(|run| run.state),
            why: vec![reason.clone()],
            effects: Vec::new(),
        };
        self.transaction.append(&entry).await?;
        self.noted.refused.push(entry);
        Ok(Receipt {
            run,
            ..Receipt::refused(reason)
        })
    }

    async fn command(
        &mut self,
        key: RunKey,
        event: Event,
        open: bool,
    ) -> Result<Receipt, StoreError> {
        let handoff = self.shared.handoffs.get(&key.handoff).filter(|_| open);
        let run = match handoff {
            Some(handoff) => Some(
                apply::load_or_open(&mut *self.transaction, handoff, key.game_date, self.now)
                    .await?,
            ),
            None => self.transaction.run(&key).await?,
        };
        match run {
            Some(run) => self.step(run, event).await,
            None => Ok(Receipt {
                run: None,
                why: Vec::new(),
                duplicate: false,
            }),
        }
    }

    async fn answers(
        &mut self,
        messages: Vec<AnswerMessage>,
    ) -> Result<AnswersReceipt, StoreError> {
        let mut receipt = AnswersReceipt::default();
        for message in messages {
            self.answer(message, &mut receipt).await?;
        }
        Ok(receipt)
    }

    async fn answer(
        &mut self,
        message: AnswerMessage,
        receipt: &mut AnswersReceipt,
    ) -> Result<(), StoreError> {
        let key = RunKey {
            handoff: message.handoff.clone(),
            game_date: message.answer.game_date,
        };
        if !self
            .transaction
            .accept(&message.id, "complete", self.now)
            .await?
        {
            receipt.duplicate += 1;
            self.noted.tallies.entry(key).or_default().duplicates += 1;
            return Ok(());
        }
        let Some(run) = self.transaction.run(&key).await? else {
            receipt.unknown += 1;
            return self.keep_unknown(&message, "no run of this date").await;
        };
        let ranked = rank(&key, &message.answer, &run.policy);
        let tally = self
            .transaction
            .answer(&key, &ranked, run.instants.deadline_at)
            .await?;
        if tally.unknown > 0 {
            receipt.unknown += 1;
            self.keep_unknown(&message, "no such unit in the run")
                .await?;
        } else if tally.duplicates > 0 {
            receipt.duplicate += 1;
        } else {
            receipt.accepted += 1;
        }
        self.noted.tallies.entry(key).or_default().absorb(tally);
        Ok(())
    }

    /// The first hundred unknown completions of a night are kept for a person to look at.
    async fn keep_unknown(
        &mut self,
        message: &AnswerMessage,
        what: &str,
    ) -> Result<(), StoreError> {
        if self
            .transaction
            .unknown_quarantined(message.answer.game_date)
            .await?
            >= UNKNOWN_MAX
        {
            return Ok(());
        }
        let quarantined = Quarantined {
            id: 0,
            source: "complete".to_owned(),
            message_id: message.id.clone(),
            received_at: self.now,
            code: UNKNOWN_UNIT.to_owned(),
            reason: format!(
                "{what}: `{}` on {}",
                message.answer.unit, message.answer.game_date
            ),
            bytes: message.body.len() as u64,
            sha256: hex(&Sha256::digest(&message.body)),
            body: message.body.clone(),
        };
        self.put_into_quarantine(&quarantined).await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn refuse_date(handoff: &Handoff, key: &RunKey, now: Instant) -> Option<Reason> {
    let closes_at = handoff.policy.instants(key.game_date).closes_at;
    match trigger::judge_date(key.game_date, handoff.today(now), closes_at, now) {
        DateStanding::Open => None,
        DateStanding::Past(reason) | DateStanding::TooFar(reason) => Some(reason),
    }
}

/// An answer as the store merges it: its rank, and its reason from the configured list or `other`.
fn rank(key: &RunKey, answer: &Answer, policy: &Policy) -> RankedAnswer {
    let completion = &policy.completion;
    let text = match &answer.outcome {
        UnitOutcome::Predicted => None,
        UnitOutcome::Skipped(reason) | UnitOutcome::Failed(reason) => Some(reason.clone()),
    };
    let known = |reason: &String| {
        completion.permanent_skip_reasons.contains(reason)
            || completion.other_reasons.contains(reason)
    };
    RankedAnswer {
        unit: answer.unit.clone(),
        attempt: answer
            .request_id
            .as_ref()
            .and_then(|request| attempt_of(request, key, &answer.unit)),
        standing: Standing::of(&answer.outcome, &completion.permanent_skip_reasons),
        reason: text.as_ref().map(|reason| {
            if known(reason) {
                reason.clone()
            } else {
                OTHER.to_owned()
            }
        }),
        reason_text: text,
        true_at: answer.answered_at,
    }
}

/// The name under which reasons outside the configured list are counted.
const OTHER: &str = "other";
