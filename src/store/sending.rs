//! The ledger of sending: units claimed under a lease, confirmed, given up.
//!
//! Which units a wave holds belongs to `staging`; how fast they are sent is not decided here.

use sqlx::SqliteConnection;

use super::{
    unit::{Phase, Plan, UnitRow},
    units::{self, about},
    values::{failed, from_json, get, micros},
};
use crate::{
    domain::{
        Instant,
        completion::Tally,
        event::SentTally,
        ids::{RunKey, UnitId},
    },
    ports::store::{Claim, ClaimOrder, Claimed, Confirmation, StoreError},
};

pub(super) const IS_SENDABLE: &str = "
    SELECT count(*) > 0 AS sendable FROM batches
    WHERE handoff = $1 AND game_date = $2 AND batch_id = $3 AND wave >= $4 AND released = 0";

pub(super) const IN_DOUBT: &str = "
    SELECT * FROM units
    WHERE handoff = $1 AND game_date = $2 AND lease_until <= $4 AND batch_id = $3
    ORDER BY lease_until, unit LIMIT $5";

pub(super) const STAGED: &str = "
    SELECT * FROM units
    WHERE handoff = $1 AND game_date = $2 AND staged_wave = $3
    ORDER BY unit LIMIT $4";

pub(super) const GIVE_UP: &str = "
    UPDATE units SET phase = 'given_up'
    WHERE handoff = $1 AND game_date = $2 AND phase = 'sent' AND sent_at <= $3";

/// Claims units: first those in doubt or free again, then the wave's next.
///
/// A unit that became satisfied meanwhile is spared. So is one whose answer came although its publish was never
/// confirmed: its sender died.
pub(super) async fn claim(
    connection: &mut SqliteConnection,
    order: &ClaimOrder<'_>,
) -> Result<Claimed, StoreError> {
    let mut claimed = Claimed::default();
    let sendable = about(IS_SENDABLE, order.key)
        .bind(order.batch_id.as_str())
        .bind(i64::from(order.wave))
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("read a batch"))?;
    if !get::<bool>(&sendable, "sendable")? {
        return Ok(claimed);
    }
    loop {
        let page = candidates(connection, order, claimed.units.len()).await?;
        if page.is_empty() {
            return Ok(claimed);
        }
        let mut rows = Vec::with_capacity(page.len());
        for (listing, mut row) in page {
            if take(&mut row, order) {
                claimed.units.push(Claim {
                    unit: from_json(&listing)?,
                    attempt: row.attempt,
                    tries: row.tries,
                });
            } else {
                claimed.spared += 1;
            }
            rows.push(row);
        }
        units::write_sending(connection, order.key, &rows).await?;
    }
}

async fn candidates(
    connection: &mut SqliteConnection,
    order: &ClaimOrder<'_>,
    taken: usize,
) -> Result<Vec<(String, UnitRow)>, StoreError> {
    let left = i64::from(order.units_max) - i64::try_from(taken).unwrap_or(i64::MAX);
    if left <= 0 {
        return Ok(Vec::new());
    }
    let values = vec![
        order.batch_id.as_str().into(),
        micros(order.now).into(),
        left.into(),
    ];
    let in_doubt = units::rows_listed(connection, order.key, IN_DOUBT, values).await?;
    if !in_doubt.is_empty() {
        return Ok(in_doubt);
    }
    let values = vec![i64::from(order.wave).into(), left.into()];
    units::rows_listed(connection, order.key, STAGED, values).await
}

/// Takes a unit for sending, or spares it: then `false`.
fn take(row: &mut UnitRow, order: &ClaimOrder<'_>) -> bool {
    let in_doubt = row.lease_until.is_some();
    row.staged_wave = None;
    // It was frozen, so the counts hold it as dispatched from then on, spared or not.
    row.dispatched = true;
    if row.is_answered_early() || row.is_done() {
        row.phase = Phase::Answered;
        row.batch_id = None;
        row.lease_until = None;
        return false;
    }
    if !in_doubt {
        row.attempt += 1;
        row.tries = 0;
    }
    row.phase = Phase::Sending;
    row.batch_id = Some(order.batch_id.as_str().to_owned());
    row.sent_at = None;
    row.lease_until = Some(order.lease_until);
    true
}

/// Keeps what became of claimed units. Of a unit that is nobody's claim any more nothing is kept.
///
/// A unit whose answer overtook its confirmation counts here as sent and, in `changes`, as answered, so that the
/// units in flight add up.
pub(super) async fn confirm(
    connection: &mut SqliteConnection,
    confirmation: &Confirmation<'_>,
    plan: &Plan,
) -> Result<SentTally, StoreError> {
    let key = confirmation.key;
    let mut tally = SentTally {
        at: Some(confirmation.at),
        ..SentTally::default()
    };
    let outcomes = [
        (confirmation.sent, Outcome::Sent),
        (confirmation.again, Outcome::Again),
        (confirmation.refused, Outcome::Refused),
    ];
    for (units, outcome) in outcomes {
        let mut rows = leased(connection, key, units).await?;
        for row in &mut rows {
            settle(row, outcome, (confirmation.at, plan), &mut tally);
        }
        units::write_sending(connection, key, &rows).await?;
        if matches!(outcome, Outcome::Refused) {
            units::write_answers(connection, key, &rows).await?;
        }
    }
    Ok(tally)
}

/// How a publish ended.
#[derive(Clone, Copy)]
enum Outcome {
    Sent,
    Again,
    Refused,
}

async fn leased(
    connection: &mut SqliteConnection,
    key: &RunKey,
    units: &[UnitId],
) -> Result<Vec<UnitRow>, StoreError> {
    if units.is_empty() {
        return Ok(Vec::new());
    }
    let mut rows = units::named(connection, key, units.iter().map(UnitId::as_str)).await?;
    rows.retain(|row| row.lease_until.is_some());
    // Named twice is confirmed once.
    rows.dedup_by(|one, other| one.unit == other.unit);
    Ok(rows)
}

fn settle(
    row: &mut UnitRow,
    outcome: Outcome,
    (at, plan): (Instant, &Plan),
    tally: &mut SentTally,
) {
    // An answer proves the publish, whatever its sender heard.
    let was_sent = row.is_answered_early();
    match outcome {
        Outcome::Again if !was_sent => {
            row.tries += 1;
            row.lease_until = Some(Instant::UNIX_EPOCH);
        }
        Outcome::Refused if !was_sent => {
            tally.refused += 1;
            let mut changes = Tally::default();
            row.refuse(at, plan, &mut changes);
            tally.changes.absorb(changes);
        }
        Outcome::Sent | Outcome::Again | Outcome::Refused => {
            tally.sent += 1;
            tally.changes.answered += u64::from(was_sent);
            row.lease_until = None;
            row.sent_at = Some(at);
            if !was_sent {
                row.phase = Phase::Sent;
            }
        }
    }
}

/// Gives up units in flight that were published up to this instant, or exactly then.
pub(super) async fn give_up(
    connection: &mut SqliteConnection,
    key: &RunKey,
    sent_until: Instant,
) -> Result<u64, StoreError> {
    let given_up = about(GIVE_UP, key)
        .bind(micros(sent_until))
        .execute(connection)
        .await
        .map_err(failed("give units up"))?;
    Ok(given_up.rows_affected())
}
