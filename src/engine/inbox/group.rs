//! One commit for all that waits: each message has its own savepoint, each run of answered units one step.
//!
//! What a message means is decided in `trigger` and `completion`; this only carries it in.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::mpsc;

use super::{EngineError, Outcome, Receipt, Reply, TriggerMessage, Work};
use crate::{
    domain::{
        Instant,
        completion::Tally,
        event::Event,
        ids::{ChannelId, RunKey},
        reason::{Code, Reason},
        routing::Silence,
        run::Run,
        service::Happened,
        trigger::{self, Source, Trigger},
    },
    engine::{
        Shared,
        apply::{self, Applied},
        telling,
        transaction::Measured,
    },
    ports::{
        notice::Notice,
        store::{HistoryEntry, Quarantined, StoreError},
    },
    telemetry::{self, measure},
};

mod answers;

/// Most requests taken from the queue at a time.
const WAITING_MAX: usize = 1_000;
/// Messages after which no further request joins a commit, some 40 ms of work; a request is never divided.
const GROUP_MAX: usize = 4_000;

/// Works until the engine stops; what is in the queue then is still done.
pub(super) async fn work(shared: Arc<Shared>, mut queue: mpsc::Receiver<(Work, Reply)>) {
    let mut waiting = Vec::with_capacity(WAITING_MAX);
    loop {
        let received = tokio::select! {
            biased;
            received = queue.recv_many(&mut waiting, WAITING_MAX) => received,
            () = shared.stop.cancelled(), if !queue.is_closed() => {
                queue.close();
                continue;
            }
        };
        if received == 0 {
            return;
        }
        while !waiting.is_empty() {
            let rest = waiting.split_off(group_length(&waiting));
            commit(&shared, std::mem::replace(&mut waiting, rest)).await;
        }
    }
}

/// How many of the waiting requests share the next commit: at least one.
fn group_length(waiting: &[(Work, Reply)]) -> usize {
    let mut messages = 0;
    let joins = |(work, _): &&(Work, Reply)| {
        let is_open = messages < GROUP_MAX;
        messages += work.messages();
        is_open
    };
    waiting.iter().take_while(joins).count()
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
    /// The only request failed: nothing is committed.
    is_void: bool,
    /// The database undid the whole transaction by itself, as it does where a disk fails in the middle: what came
    /// before is gone, what came after would be committed by itself.
    is_lost: bool,
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
    /// Whether the service itself or messages to people may have changed beside a run's step.
    tells: bool,
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
        self.tells |= other.tells;
    }

    /// Hands over what is to be done, and wakes whom it concerns.
    fn hand_over(&self, shared: &Shared) {
        for applied in &self.applied {
            applied.hand_over(shared);
        }
        if self.tells {
            shared.nudge();
        }
    }

    /// Counts and logs it.
    fn note(&self, shared: &Shared) {
        for applied in &self.applied {
            applied.note(shared);
        }
        for entry in &self.refused {
            let moved = telemetry::Moved {
                entry,
                before: None,
                after: None,
            };
            telemetry::record_step(&shared.metrics, &moved);
            telemetry::log_step(&moved);
        }
        for code in &self.quarantined {
            measure::record_quarantined(&shared.metrics, code);
        }
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
                is_void: false,
                is_lost: false,
            };
            group.all(works, &mut replies).await;
            group.finish().await
        }
        Err(error) => {
            for (_, reply) in works {
                let _ = reply.send(Err(EngineError::NotDurable(error.to_string())));
            }
            return;
        }
    };
    if let Ok(kept) = &ended {
        // What is counted is there for whoever was answered.
        kept.hand_over(shared);
        kept.note(shared);
    }
    for (reply, outcome) in replies {
        let answer = match &ended {
            Ok(_) => outcome.map_err(EngineError::Store),
            Err(error) => Err(EngineError::NotDurable(error.to_string())),
        };
        // A caller that has gone away no longer wants to know; its work is done all the same.
        let _ = reply.send(answer);
    }
}

/// What came of a request, and who waits for it.
type Ended = (Reply, Result<Outcome, StoreError>);

impl Group<'_> {
    /// Does every request, in order; completions that follow one another are done as one set.
    async fn all(&mut self, works: Vec<(Work, Reply)>, ended: &mut Vec<Ended>) {
        let is_alone = works.len() == 1;
        let mut works = works.into_iter().peekable();
        while let Some((work, reply)) = works.next() {
            let Work::Answers(messages) = work else {
                let outcome = match is_alone {
                    true => self.alone(work).await,
                    false => self.one(work).await,
                };
                ended.push((reply, outcome));
                continue;
            };
            let mut requests = vec![messages];
            let mut replies = vec![reply];
            while let Some((Work::Answers(messages), reply)) =
                works.next_if(|(work, _)| matches!(work, Work::Answers(_)))
            {
                requests.push(messages);
                replies.push(reply);
            }
            let outcomes = self.all_answers(requests).await;
            ended.extend(replies.into_iter().zip(outcomes));
        }
    }

    /// Does the group's only request: what fails is undone with its transaction, so that no savepoint is needed.
    async fn alone(&mut self, work: Work) -> Result<Outcome, StoreError> {
        let outcome = self.carry_in(work).await;
        self.is_void = outcome.is_err();
        self.kept.absorb(std::mem::take(&mut self.noted));
        outcome
    }

    /// Does one request between savepoints: what fails is undone and spoils no other.
    async fn one(&mut self, work: Work) -> Result<Outcome, StoreError> {
        self.mark().await?;
        let outcome = self.carry_in(work).await;
        self.settle(outcome).await
    }

    /// Marks the point that a request is undone to.
    async fn mark(&mut self) -> Result<(), StoreError> {
        self.is_whole()?;
        let marked = self.transaction.mark().await;
        self.is_lost = marked.is_err();
        marked
    }

    async fn carry_in(&mut self, work: Work) -> Result<Outcome, StoreError> {
        match work {
            Work::Trigger(message) => self
                .trigger(message)
                .await
                .map(|receipt| Outcome::Receipt(Box::new(receipt))),
            Work::Answers(messages) => self.request(messages).await,
            Work::Command { key, event, open } => self
                .command(key, event, open)
                .await
                .map(|receipt| Outcome::Receipt(Box::new(receipt))),
            Work::Quarantine(message) => self.quarantine(message).await,
            Work::Release(id) => self.release(id).await,
            Work::Happened(happened) => self.happened(&happened).await,
            Work::Silence(silence) => self.silence(&silence).await,
            Work::Post { notice, channels } => self.post(&notice, &channels).await,
        }
    }

    /// Keeps what was done since the mark, or undoes it if it failed: then, or only now that it is written. Where it
    /// cannot be undone, the mark is gone, and so is everything before.
    async fn settle<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        let noted = std::mem::take(&mut self.noted);
        let kept = match outcome {
            Ok(done) => self.transaction.keep().await.map(|()| done),
            Err(error) => Err(error),
        };
        if kept.is_ok() {
            self.kept.absorb(noted);
            return kept;
        }
        let undone = self.transaction.undo().await;
        self.is_lost = undone.is_err();
        undone.and(kept)
    }

    fn is_whole(&self) -> Result<(), StoreError> {
        if !self.is_lost {
            return Ok(());
        }
        Err(StoreError {
            doing: "go on with a commit group",
            source: "the database undid all of it".into(),
        })
    }

    /// Steps every run that got answers, and makes it all durable; says what was done.
    async fn finish(mut self) -> Result<Noted, StoreError> {
        if self.is_void {
            self.transaction.rollback().await?;
            return Ok(Noted::default());
        }
        self.is_whole()?;
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
            self.kept.tells = true;
        }
        self.transaction.commit().await?;
        Ok(self.kept)
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
        self.noted.tells = true;
        telling::step_service(self.shared, &mut *self.transaction, happened, self.now).await?;
        Ok(Outcome::Done(true))
    }

    async fn silence(&mut self, silence: &Silence) -> Result<Outcome, StoreError> {
        self.noted.tells = true;
        self.transaction.silence(silence).await?;
        Ok(Outcome::Done(true))
    }

    async fn post(
        &mut self,
        notice: &Notice,
        channels: &[ChannelId],
    ) -> Result<Outcome, StoreError> {
        self.noted.tells = true;
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
        let accepted = self
            .transaction
            .accept(&[&message.id], "trigger", self.now)
            .await?;
        if !accepted.contains(&true) {
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
        if let Some(reason) = refused.or_else(|| handoff.refuse_date(key.game_date, self.now)) {
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
}
