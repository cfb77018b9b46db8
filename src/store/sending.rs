//! The ledger of sending: units claimed under a lease, confirmed, given up.
//!
//! Which units a wave holds belongs to `staging`; how fast they are sent is not decided here.

use std::collections::HashMap;

use super::{
    later::Pipe,
    unit::{Phase, Plan, UnitRow},
    units::{self, about},
    values::{failed, from_json, get, micros},
};
use crate::{
    domain::{Instant, completion::Tally, event::SentTally, ids::RunKey},
    ports::store::{Attempt, Claim, ClaimOrder, Claimed, Confirmation, StoreError},
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
    pipe: &mut Pipe<'_>,
    order: &ClaimOrder<'_>,
) -> Result<Claimed, StoreError> {
    let mut claimed = Claimed::default();
    loop {
        let page = candidates(pipe, order, claimed.units.len()).await?;
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
        units::write_sending(pipe, order.key, &rows)?;
    }
}

/// The next units that may be claimed; none of a batch that was ended. Asked in one go, for each hand-over costs more.
async fn candidates(
    pipe: &mut Pipe<'_>,
    order: &ClaimOrder<'_>,
    taken: usize,
) -> Result<Vec<(String, UnitRow)>, StoreError> {
    let left = i64::from(order.units_max) - i64::try_from(taken).unwrap_or(i64::MAX);
    if left <= 0 {
        return Ok(Vec::new());
    }
    let wave = i64::from(order.wave);
    pipe.write(
        about(IS_SENDABLE, order.key)
            .bind(order.batch_id.as_str())
            .bind(wave),
    );
    pipe.write(
        units::selected_listed(IN_DOUBT, order.key)
            .bind(order.batch_id.as_str())
            .bind(micros(order.now))
            .bind(left),
    );
    let staged = units::selected_listed(STAGED, order.key)
        .bind(wave)
        .bind(left);
    let answers = pipe.ask(staged, "read units to send").await?;
    let [sendable, in_doubt, staged] = answers.as_slice() else {
        return Err(failed("read units to send")("three answers were expected"));
    };
    if !get::<bool>(sendable, "sendable")? {
        return Ok(Vec::new());
    }
    let in_doubt: Vec<_> = from_json(get(in_doubt, 0)?)?;
    if !in_doubt.is_empty() {
        return Ok(in_doubt);
    }
    from_json(get(staged, 0)?)
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

/// Keeps what became of claimed units. Of a unit that is nobody's claim any more, or is claimed for another attempt, nothing
/// is kept: whoever sent it was overtaken by a person's reset.
///
/// A unit whose answer overtook its confirmation counts here as sent and, in `changes`, as answered, so that the
/// units in flight add up.
pub(super) async fn confirm(
    pipe: &mut Pipe<'_>,
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
    for (attempts, outcome) in outcomes {
        let mut rows = leased(pipe, key, attempts).await?;
        for row in &mut rows {
            settle(row, outcome, (confirmation.at, plan), &mut tally);
        }
        units::write_sending(pipe, key, &rows)?;
        if matches!(outcome, Outcome::Refused) {
            units::write_answers(pipe, key, &rows)?;
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
    pipe: &mut Pipe<'_>,
    key: &RunKey,
    attempts: &[Attempt],
) -> Result<Vec<UnitRow>, StoreError> {
    if attempts.is_empty() {
        return Ok(Vec::new());
    }
    let claimed: HashMap<&str, u32> = attempts
        .iter()
        .map(|it| (it.unit.as_str(), it.attempt))
        .collect();
    let mut rows = units::named(pipe, key, claimed.keys().copied()).await?;
    rows.retain(|row| {
        row.lease_until.is_some() && claimed.get(row.unit.as_str()) == Some(&row.attempt)
    });
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
    pipe: &mut Pipe<'_>,
    key: &RunKey,
    sent_until: Instant,
) -> Result<u64, StoreError> {
    let give_up = about(GIVE_UP, key).bind(micros(sent_until));
    pipe.count(give_up, "give units up").await
}
