//! One writing transaction on the disk and on a draft of the model: both happen, or neither.
//!
//! When a commit fails, and how, is thrown with the dice; what was planted is done to both.

use std::{future::pending, sync::Arc};

use async_trait::async_trait;
use tipoff::{
    domain::{
        Instant,
        alert::Severity,
        baseline::Night,
        completion::Tally,
        event::{FrozenTally, SentTally},
        ids::{BatchId, ChannelId, GameDate, MessageId, RunKey},
        routing::{Planned, Reached, Silence},
        run::Run,
        service::{Quarantine, Service},
    },
    ports::{
        OpenUnit, StoredRow,
        deliveries::{DeliveryEnd, DeliveryTransaction, Posting},
        store::{
            ClaimOrder, Claimed, Confirmation, HistoryEntry, NightsBefore, OutboxEnd, OutboxItem,
            Quarantined, RankedAnswer, StagePage, StoreError, Transaction,
        },
    },
};

use super::{Pair, thrown};
use crate::{faults::Planted, gate::Pass, model::Model};

/// A transaction.
pub struct Draft {
    pair: Arc<Pair>,
    disk: Box<dyn Transaction>,
    draft: Model,
    marks: Vec<Model>,
    /// Dropped last: while it is held nobody else is inside.
    _pass: Option<Pass>,
}

impl Draft {
    pub fn begin(pair: Arc<Pair>, disk: Box<dyn Transaction>, pass: Option<Pass>) -> Self {
        let draft = pair.model().clone();
        Self {
            pair,
            disk,
            draft,
            marks: Vec::new(),
            _pass: pass,
        }
    }

    /// A statement that fails.
    fn ail(&self, doing: &'static str) -> Result<(), StoreError> {
        if self.pair.health.ails(|it| it.store / 4) {
            return Err(thrown(doing));
        }
        Ok(())
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        what: &'static str,
        (disk, model): (T, T),
    ) -> Result<T, StoreError> {
        self.pair.agree(what, &disk, &model);
        Ok(disk)
    }

    fn has_planted(&self, planted: Planted) -> bool {
        self.pair.planted == Some(planted)
    }

    /// Makes it durable on both.
    async fn make_durable(self) -> Result<(), StoreError> {
        self.disk.commit().await?;
        *self.pair.model() = self.draft;
        self.pair.compare("a commit").await;
        Ok(())
    }

    /// Dies where it stands: whoever waits for this waits for ever.
    async fn die(pair: &Pair) -> ! {
        pair.health.die();
        pair.gate.interrupt();
        pending::<()>().await;
        unreachable!("nothing wakes the dead")
    }
}

#[async_trait]
impl Transaction for Draft {
    async fn mark(&mut self) -> Result<(), StoreError> {
        self.ail("mark")?;
        self.disk.mark().await?;
        self.marks.push(self.draft.clone());
        Ok(())
    }

    async fn keep(&mut self) -> Result<(), StoreError> {
        self.ail("keep")?;
        self.disk.keep().await?;
        self.marks.pop();
        Ok(())
    }

    async fn undo(&mut self) -> Result<(), StoreError> {
        self.ail("undo")?;
        self.disk.undo().await?;
        if let Some(mark) = self.marks.pop() {
            self.draft = mark;
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        // What is done beside a commit always begins before it is made, however quick the disk is.
        tokio::task::yield_now().await;
        let pair = self.pair.clone();
        let health = &pair.health;
        if self.has_planted(Planted::AnsweredBeforeCommit) && health.dice.chance(20) {
            health.doom();
            return Ok(());
        }
        if health.ails(|it| it.commit) {
            return Err(thrown("commit"));
        }
        let dies = health.dice.chance(health.sickness().death);
        if dies && health.dice.chance(500) {
            drop(self);
            Self::die(&pair).await;
        }
        let is_doubted = health.ails(|it| it.commit_doubted);
        (*self).make_durable().await?;
        if dies {
            Self::die(&pair).await;
        }
        if is_doubted {
            return Err(thrown("hear of a commit"));
        }
        Ok(())
    }

    async fn rollback(self: Box<Self>) -> Result<(), StoreError> {
        (*self).disk.rollback().await
    }

    async fn run(&mut self, key: &RunKey) -> Result<Option<Run>, StoreError> {
        self.ail("read a run")?;
        let disk = self.disk.run(key).await?;
        self.same("a run", (disk, self.draft.run(key)))
    }

    async fn nights(&mut self, before: NightsBefore<'_>) -> Result<Vec<Night>, StoreError> {
        self.ail("read nights")?;
        let disk = self.disk.nights(before.clone()).await?;
        self.same("nights", (disk, self.draft.nights(&before)))
    }

    async fn save_run(
        &mut self,
        run: &Run,
        next_wake_at: Option<Instant>,
    ) -> Result<(), StoreError> {
        self.ail("save a run")?;
        let next_wake_at = next_wake_at.filter(|_| !self.has_planted(Planted::TimersLost));
        self.draft.save_run(run, next_wake_at);
        self.disk.save_run(run, next_wake_at).await
    }

    async fn append(&mut self, entry: &HistoryEntry) -> Result<(), StoreError> {
        self.ail("append")?;
        if self.has_planted(Planted::HistoryLost) && self.pair.health.dice.chance(50) {
            return Ok(());
        }
        self.draft.append(entry);
        self.disk.append(entry).await
    }

    async fn put(&mut self, item: &OutboxItem, lease_until: Instant) -> Result<(), StoreError> {
        self.ail("put")?;
        let lease_until = self.pair.effect_lease(lease_until, item.decided_at);
        self.draft.put(item, lease_until);
        self.disk.put(item, lease_until).await
    }

    async fn end(&mut self, id: &str, end: &OutboxEnd) -> Result<(), StoreError> {
        self.ail("end an effect")?;
        self.draft.end(id, end);
        self.disk.end(id, end).await
    }

    async fn accept(
        &mut self,
        message_ids: &[&MessageId],
        source: &str,
        at: Instant,
    ) -> Result<Vec<bool>, StoreError> {
        self.ail("accept")?;
        let disk = self.disk.accept(message_ids, source, at).await?;
        let model = self.draft.accept(message_ids);
        let fresh = self.same("accepted", (disk, model))?;
        if self.has_planted(Planted::DeduplicationOff) {
            return Ok(vec![true; fresh.len()]);
        }
        Ok(fresh)
    }

    async fn quarantine(&mut self, message: &Quarantined) -> Result<(), StoreError> {
        self.ail("quarantine")?;
        self.draft.keep_quarantined(message);
        self.disk.quarantine(message).await
    }

    async fn release_quarantined(&mut self, id: i64) -> Result<bool, StoreError> {
        self.ail("release a message")?;
        let disk = self.disk.release_quarantined(id).await?;
        let model = self.draft.release_quarantined(id);
        self.same("released", (disk, model))
    }

    async fn stage(&mut self, page: StagePage<'_>) -> Result<u64, StoreError> {
        self.ail("stage")?;
        let disk = self.disk.stage(page.clone()).await?;
        let model = self.draft.stage(&page);
        self.same("staged", (disk, model))
    }

    async fn freeze(
        &mut self,
        key: &RunKey,
        batch_id: &BatchId,
        wave: u32,
    ) -> Result<FrozenTally, StoreError> {
        self.ail("freeze")?;
        let disk = self.disk.freeze(key, batch_id, wave).await?;
        let model = self.draft.freeze(key, batch_id, wave);
        self.same("frozen", (disk, model))
    }

    async fn give_up(&mut self, key: &RunKey, sent_until: Instant) -> Result<u64, StoreError> {
        self.ail("give up")?;
        let disk = self.disk.give_up(key, sent_until).await?;
        let model = self.draft.give_up(key, sent_until);
        self.same("given up", (disk, model))
    }

    async fn release(&mut self, key: &RunKey, batch_id: &BatchId) -> Result<(), StoreError> {
        self.ail("release")?;
        self.draft.release(key, batch_id);
        self.disk.release(key, batch_id).await
    }

    async fn claim(&mut self, mut order: ClaimOrder<'_>) -> Result<Claimed, StoreError> {
        self.ail("claim")?;
        if self.has_planted(Planted::UnitLeaseOff) {
            order.lease_until = order.now;
        }
        let disk = self.disk.claim(order.clone()).await?;
        let model = self.draft.claim(&order);
        self.same("claimed", (disk, model))
    }

    async fn confirm(&mut self, confirmation: Confirmation<'_>) -> Result<SentTally, StoreError> {
        self.ail("confirm")?;
        let model = self.draft.confirm(&confirmation);
        let disk = self.disk.confirm(confirmation).await?;
        self.same("confirmed", (disk, model))
    }

    async fn answers(
        &mut self,
        key: &RunKey,
        answers: &[RankedAnswer],
        deadline_at: Instant,
    ) -> Result<Vec<Tally>, StoreError> {
        self.ail("merge answers")?;
        let mut written = answers.to_vec();
        if self.has_planted(Planted::WrongRow) {
            written.iter_mut().for_each(|it| it.reason_text = None);
        }
        let disk = self.disk.answers(key, &written, deadline_at).await?;
        let model = self.draft.answers(key, answers, deadline_at);
        let tallies = self.same("answered", (disk, model))?;
        if self.has_planted(Planted::TallyLost) {
            return Ok(vec![Tally::default(); tallies.len()]);
        }
        Ok(tallies)
    }

    async fn rows(
        &mut self,
        key: &RunKey,
        rows: &[StoredRow],
        deadline_at: Instant,
    ) -> Result<Tally, StoreError> {
        self.ail("merge rows")?;
        let rows = match self.has_planted(Planted::RowsIgnored) {
            true => &[],
            false => rows,
        };
        let disk = self.disk.rows(key, rows, deadline_at).await?;
        let model = self.draft.rows(key, rows, deadline_at);
        self.same("rows", (sorted(disk), sorted(model)))
    }

    async fn missing(&mut self, key: &RunKey, claimed_until: Instant) -> Result<Tally, StoreError> {
        self.ail("miss")?;
        let disk = self.disk.missing(key, claimed_until).await?;
        let model = self.draft.missing(key, claimed_until);
        self.same("missing", (sorted(disk), sorted(model)))
    }

    async fn open_units(&mut self, key: &RunKey, most: u32) -> Result<Vec<OpenUnit>, StoreError> {
        self.ail("read open units")?;
        let disk = self.disk.open_units(key, most).await?;
        self.same("open units", (disk, self.draft.open_units(key, most)))
    }

    async fn quarantine_now(&mut self) -> Result<Quarantine, StoreError> {
        let disk = self.disk.quarantine_now().await?;
        self.same("the quarantine", (disk, self.draft.quarantine_now()))
    }

    async fn unknown_quarantined(&mut self, game_date: GameDate) -> Result<u64, StoreError> {
        let disk = self.disk.unknown_quarantined(game_date).await?;
        let model = self.draft.unknown_quarantined(game_date);
        self.same("unknown ones", (disk, model))
    }
}

/// The same changes in an order of their own.
fn sorted(mut tally: Tally) -> Tally {
    tally.moves.sort_by_key(|it| format!("{it:?}"));
    tally
}

#[async_trait]
impl DeliveryTransaction for Draft {
    async fn reached(&mut self, openings: &[String]) -> Result<Vec<Reached>, StoreError> {
        self.disk.reached(openings).await
    }

    async fn silences(&mut self, now: Instant) -> Result<Vec<Silence>, StoreError> {
        self.disk.silences(now).await
    }

    async fn silence(&mut self, silence: &Silence) -> Result<(), StoreError> {
        self.disk.silence(silence).await
    }

    async fn end_silences(&mut self, now: Instant) -> Result<Vec<(i64, Silence)>, StoreError> {
        self.disk.end_silences(now).await
    }

    async fn post(&mut self, posting: Posting<'_>) -> Result<bool, StoreError> {
        self.ail("post")?;
        if self.has_planted(Planted::MessagesLost) {
            return Ok(true);
        }
        self.disk.post(posting).await
    }

    async fn add_delivery(
        &mut self,
        notice_id: &str,
        planned: &Planned,
        now: Instant,
    ) -> Result<(), StoreError> {
        self.ail("add a channel")?;
        self.disk.add_delivery(notice_id, planned, now).await
    }

    async fn stuck_on(
        &mut self,
        channel: &ChannelId,
    ) -> Result<Vec<(String, Severity)>, StoreError> {
        self.disk.stuck_on(channel).await
    }

    async fn leave_channel(&mut self, channel: &ChannelId) -> Result<(), StoreError> {
        self.disk.leave_channel(channel).await
    }

    async fn channels_of(&mut self, notice_id: &str) -> Result<Vec<ChannelId>, StoreError> {
        self.disk.channels_of(notice_id).await
    }

    async fn failed_before(&mut self, channel: &ChannelId) -> Result<u64, StoreError> {
        self.disk.failed_before(channel).await
    }

    async fn try_again(&mut self, channel: &ChannelId, now: Instant) -> Result<(), StoreError> {
        self.disk.try_again(channel, now).await
    }

    async fn end_delivery(
        &mut self,
        notice_id: &str,
        channel: &ChannelId,
        end: &DeliveryEnd,
    ) -> Result<(), StoreError> {
        self.ail("end a delivery")?;
        self.disk.end_delivery(notice_id, channel, end).await
    }

    async fn keep_thread(
        &mut self,
        channel: &ChannelId,
        about: &str,
        thread: &str,
    ) -> Result<(), StoreError> {
        self.disk.keep_thread(channel, about, thread).await
    }

    async fn service(&mut self) -> Result<Service, StoreError> {
        self.disk.service().await
    }

    async fn save_service(
        &mut self,
        service: &Service,
        next_wake_at: Option<Instant>,
    ) -> Result<(), StoreError> {
        self.ail("save the service")?;
        self.disk.save_service(service, next_wake_at).await
    }

    async fn note_alive(&mut self, now: Instant) -> Result<(), StoreError> {
        self.disk.note_alive(now).await
    }

    async fn secret(&mut self, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.disk.secret(name, fresh).await
    }
}
