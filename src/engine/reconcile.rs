//! Compares the rows of the prediction table with the answers, page by page.
//!
//! What a row makes of a unit belongs to the store's merge and `completion`; what follows belongs to the run.

use super::{EngineError, Shared, apply, asking::PAGE_UNITS, deliver::answer};
use crate::{
    domain::{Asked, Instant, event::Event, ids::UnitId, run::Run},
    ports::{
        Page, StoredRow,
        store::{OutboxEnd, OutboxItem},
    },
};

/// Merges every row of the date, and marks claims that are old enough and have none as missing.
pub async fn reconcile(shared: &Shared, item: &OutboxItem, run: &Run) -> Result<(), EngineError> {
    let not_asked = |error: String| Event::Reconciled(Asked::CouldNotAsk(error));
    let Some(handoff) = shared.handoff(&run.key) else {
        return answer(
            shared,
            item,
            not_asked("the handoff is no longer configured".to_owned()),
        )
        .await
        .map(drop);
    };
    let asked_at = run.asking.rows_since;
    let claimed_until = shared.clock.now() - run.policy.completion.claim_grace;
    let mut after: Option<UnitId> = None;
    loop {
        let page = Page {
            after: after.as_ref(),
            limit: PAGE_UNITS,
        };
        let rows = match handoff.warehouse.stored_rows(run.key.game_date, page).await {
            Ok(rows) => rows,
            Err(error) => {
                let event = not_asked(error.to_string());
                return answer(shared, item, event).await.map(drop);
            }
        };
        let last = rows.len() < PAGE_UNITS as usize;
        after = rows.last().map(|row| row.unit.clone());
        let end = last.then_some((asked_at, claimed_until));
        merge(shared, item, &rows, end).await?;
        if last {
            return Ok(());
        }
    }
}

/// Merges one page. Its tally goes into the run in the same transaction, so that no crash can part them; the last
/// page also ends the effect, and answers what the run asks: where the lease of whoever compares ran out, another may have
/// answered by now, and the run may ask anew.
async fn merge(
    shared: &Shared,
    item: &OutboxItem,
    rows: &[StoredRow],
    end: Option<(Option<Instant>, Instant)>,
) -> Result<(), EngineError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    let Some(run) = transaction.run(&item.key).await? else {
        return Ok(());
    };
    let mut tally = transaction
        .rows(&item.key, rows, run.instants.deadline_at)
        .await?;
    if end.is_some() {
        transaction.end(&item.id, &OutboxEnd::Done).await?;
    }
    let event = match end {
        Some((asked_at, claimed_until)) if asked_at == run.asking.rows_since => {
            tally.absorb(transaction.missing(&item.key, claimed_until).await?);
            Event::Reconciled(Asked::Known(tally))
        }
        Some(_) | None => Event::Answered(tally),
    };
    let applied = apply::apply(shared, &mut *transaction, run, event, now).await?;
    transaction.commit().await?;
    applied.record(shared);
    Ok(())
}
