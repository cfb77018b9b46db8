//! One handoff's completion as the next one's trigger, in the transaction that ends its announcement.
//!
//! What the trigger does to the next run belongs to the domain.

use super::{EngineError, Handoff, Shared, apply};
use crate::{
    domain::{
        Instant,
        event::Event,
        run::{Purpose, Run},
        trigger::{Source, Trigger},
    },
    ports::store::{OutboxEnd, OutboxItem},
};

/// Triggers every handoff that names this one as its upstream, and ends the announcement. A past date is only started
/// where a person started it here.
pub async fn trigger_next(
    shared: &Shared,
    item: &OutboxItem,
    run: &Run,
    finished_at: Instant,
) -> Result<(), EngineError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    transaction.end(&item.id, &OutboxEnd::Done).await?;
    let follows =
        |handoff: &&Handoff| handoff.policy.upstream.handoff.as_ref() == Some(&item.key.handoff);
    let mut moved = Vec::new();
    let is_asked_for = run.purpose == Purpose::Backfill;
    for next in shared.handoffs.values().filter(follows) {
        let refused = next.refuse_date(item.key.game_date, now);
        if let Some(reason) = refused.filter(|_| !is_asked_for) {
            tracing::warn!(handoff = %next.id, game_date = %item.key.game_date, %reason.text, "not triggered");
            continue;
        }
        let run = apply::load_or_open(&mut *transaction, next, item.key.game_date, now).await?;
        let trigger = Trigger {
            finished_at: Some(finished_at),
            ..Trigger::of(Source::Event)
        };
        moved.push(
            apply::apply(
                shared,
                &mut *transaction,
                run,
                Event::Triggered(trigger),
                now,
            )
            .await?,
        );
    }
    transaction.commit().await?;
    moved.iter().for_each(|applied| applied.record(shared));
    Ok(())
}
