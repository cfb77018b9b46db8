//! A store in a temporary folder and a few words to drive it with.
//!
//! No test belongs here.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta, TimeZone, Utc};
use sqlx::{ConnectOptions, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use crate::{
    domain::{
        Instant,
        completion::{Standing, Tally},
        effect::Effect,
        event::{FrozenTally, SentTally},
        ids::{BatchId, GameDate, GameId, HandoffId, RunKey, UnitId},
        plan::ListedUnit,
    },
    ports::store::{
        Attempt, ClaimOrder, Claimed, Confirmation, OutboxItem, RankedAnswer, StagePage, Store,
        Transaction,
    },
    store::SqliteStore,
};

/// A store with its folder, which goes when this does.
pub struct Fixture {
    pub store: Arc<dyn Store>,
    pub folder: TempDir,
}

pub async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("tipoff.db"))
        .await
        .unwrap();
    Fixture {
        store: Arc::new(store),
        folder,
    }
}

pub fn key() -> RunKey {
    RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: GameDate(NaiveDate::from_ymd_opt(2026, 1, 19).unwrap()),
    }
}

pub fn batch(name: &str) -> BatchId {
    BatchId::new(name)
}

/// Seconds after 06:00 Pacific of the night.
pub fn at(seconds: i64) -> Instant {
    Utc.with_ymd_and_hms(2026, 1, 19, 14, 0, 0).unwrap() + TimeDelta::seconds(seconds)
}

/// 07:00 Pacific.
pub fn deadline() -> Instant {
    at(3_600)
}

pub fn names(names: &[&str]) -> Vec<UnitId> {
    names.iter().map(|name| UnitId::new(*name)).collect()
}

pub fn listed(name: &str, game: &str) -> ListedUnit {
    ListedUnit {
        unit: UnitId::new(name),
        game_id: GameId::new(game),
        team_abbr: None,
        opponent_team_abbr: None,
        is_home: None,
        projected_minutes: Some(31.5),
        has_prop_line: None,
        actual_prop_line: None,
        has_row: false,
    }
}

pub fn units(names: &[&str]) -> Vec<ListedUnit> {
    names.iter().map(|name| listed(name, "game1")).collect()
}

pub fn ranked(name: &str, standing: Standing, true_at: Instant) -> RankedAnswer {
    let reason = match standing {
        Standing::Skipped | Standing::SkippedForGood => Some("minutes".to_owned()),
        Standing::Failed => Some("worker".to_owned()),
        Standing::Unanswered | Standing::Claimed | Standing::Stored => None,
    };
    RankedAnswer {
        unit: UnitId::new(name),
        attempt: None,
        standing,
        reason_text: reason.clone(),
        reason,
        true_at,
    }
}

/// An effect that asks for rows.
pub fn item() -> OutboxItem {
    OutboxItem {
        id: "phase4-to-phase5/2026-01-19/1/0".to_owned(),
        key: key(),
        effect: Effect::Reconcile,
        decided_at: at(0),
        due_at: at(0),
        tries: 0,
    }
}

/// One committed step each.
impl Fixture {
    pub async fn begin(&self) -> Box<dyn Transaction> {
        self.store.begin().await.unwrap()
    }

    pub async fn stage(&self, wave: u32, units: &[ListedUnit]) -> u64 {
        let mut transaction = self.begin().await;
        let page = StagePage {
            key: &key(),
            wave,
            units,
            is_first: false,
            attempts_max: 3,
            units_max: None,
            deadline_at: deadline(),
        };
        let staged = transaction.stage(page).await.unwrap();
        transaction.commit().await.unwrap();
        staged
    }

    pub async fn freeze(&self, batch_id: &str, wave: u32) -> FrozenTally {
        let mut transaction = self.begin().await;
        let tally = transaction
            .freeze(&key(), &batch(batch_id), wave)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        tally
    }

    pub async fn claim(&self, batch_id: &str, wave: u32, now: Instant) -> Claimed {
        let mut transaction = self.begin().await;
        let order = ClaimOrder {
            key: &key(),
            batch_id: &batch(batch_id),
            wave,
            units_max: 1_000,
            lease_until: now + TimeDelta::seconds(30),
            now,
        };
        let claimed = transaction.claim(order).await.unwrap();
        transaction.commit().await.unwrap();
        claimed
    }

    pub async fn confirm(&self, outcomes: [&[&str]; 3], at: Instant) -> SentTally {
        let [sent, again, refused] = outcomes;
        let (sent, again, refused) = (
            self.latest(sent).await,
            self.latest(again).await,
            self.latest(refused).await,
        );
        self.confirm_attempts([&sent, &again, &refused], at).await
    }

    /// The latest attempts of these units.
    async fn latest(&self, units: &[&str]) -> Vec<Attempt> {
        let file = self.folder.path().join("tipoff.db");
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut file = options.connect().await.unwrap();
        let mut latest = Vec::new();
        for unit in units {
            let attempt = sqlx::query_scalar("SELECT attempt FROM units WHERE unit = $1")
                .bind(unit)
                .fetch_optional(&mut file);
            latest.push(Attempt {
                unit: UnitId::new(*unit),
                attempt: attempt.await.unwrap().unwrap_or_default(),
            });
        }
        latest
    }

    pub async fn confirm_attempts(&self, outcomes: [&[Attempt]; 3], at: Instant) -> SentTally {
        let [sent, again, refused] = outcomes;
        let mut transaction = self.begin().await;
        let confirmation = Confirmation {
            key: &key(),
            sent,
            again,
            refused,
            at,
        };
        let tally = transaction.confirm(confirmation).await.unwrap();
        transaction.commit().await.unwrap();
        tally
    }

    pub async fn answer(&self, answer: RankedAnswer) -> Tally {
        self.answers(&[answer]).await.remove(0)
    }

    pub async fn answers(&self, answers: &[RankedAnswer]) -> Vec<Tally> {
        let mut transaction = self.begin().await;
        let tallies = transaction
            .answers(&key(), answers, deadline())
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        tallies
    }

    pub async fn release(&self, batch_id: &str) {
        let mut transaction = self.begin().await;
        let released = transaction.release(&key(), &batch(batch_id)).await;
        released.unwrap();
        transaction.commit().await.unwrap();
    }

    /// Lists, freezes and claims these as wave 1 of batch `b1`, at 06:00.
    pub async fn claimed(&self, units: &[&str]) {
        self.stage(1, &self::units(units)).await;
        self.freeze("b1", 1).await;
        self.claim("b1", 1, at(0)).await;
    }

    /// The same, and publishes them.
    pub async fn sent(&self, units: &[&str]) {
        self.claimed(units).await;
        self.confirm([units, &[], &[]], at(0)).await;
    }
}
