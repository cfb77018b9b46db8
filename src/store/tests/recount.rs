//! Counts recomputed from the rows of the file, by other means than the store's own.
//!
//! No test belongs here.

use std::collections::BTreeMap;

use sqlx::{ConnectOptions, Row, sqlite::SqliteConnectOptions};

use super::support::Fixture;
use crate::domain::{
    completion::{Counts, Standing},
    ids::GameId,
};

/// What the rows say.
pub struct Recount {
    pub counts: Counts,
    pub standings: BTreeMap<String, Standing>,
}

const ROWS: &str = "
    SELECT *, (SELECT max(wave) FROM batches) AS frozen FROM units ORDER BY unit";

pub async fn recount(fixture: &Fixture) -> Recount {
    let mut connection = SqliteConnectOptions::new()
        .filename(fixture.folder.path().join("tipoff.db"))
        .read_only(true)
        .connect()
        .await
        .unwrap();
    let rows = sqlx::query(ROWS).fetch_all(&mut connection).await.unwrap();
    let mut counts = Counts::default();
    let mut standings = BTreeMap::new();
    for row in rows {
        let rank: i64 = row.get("standing");
        let standing = Standing::ALL[usize::try_from(rank).unwrap()];
        standings.insert(row.get("unit"), standing);
        counts.in_flight += u64::from(row.get::<String, _>("phase") == "sent");
        let frozen: Option<i64> = row.get("frozen");
        let is_frozen =
            |column: &str| frozen.is_some() && row.get::<Option<i64>, _>(column) == frozen;
        if !is_frozen("listed_wave") && !is_frozen("plan_wave") {
            continue;
        }
        counts.plan.add(standing, 1);
        let waits = is_frozen("staged_wave") || is_frozen("frozen_wave");
        if row.get::<bool, _>("dispatched") || waits {
            counts.sent.add(standing, 1);
        }
        counts.missing += u64::from(row.get::<bool, _>("missing"));
        counts.in_time += u64::from(row.get::<bool, _>("in_time"));
        if let Some(reason) = row.get::<Option<String>, _>("reason") {
            *counts.reasons.entry(reason).or_default() += 1;
        }
        let game = counts
            .games
            .entry(GameId::new(row.get::<String, _>("game_id")))
            .or_default();
        game.ready += 1;
        game.predicted += u64::from(matches!(standing, Standing::Claimed | Standing::Stored));
    }
    Recount { counts, standings }
}
