//! The world as the service sees it: each call passes the gate, and may fail.
//!
//! What the world does with a call belongs to `world` and `workers`.

use async_trait::async_trait;
use chrono::TimeDelta;
use tipoff::{
    clock::Clock,
    domain::{
        effect::Announcement,
        ids::{ChannelId, GameDate, RunKey},
        plan::ListedUnit,
        readiness::Readiness,
        routing::Failure,
    },
    ports::{
        Announcer, Channel, Page, PortError, Request, RunRecord, Scope, Sink, StoredRow, Warehouse,
        notice::{Parcel, Receipt},
    },
};

use super::World;
use crate::gate::Kind;

fn refused(doing: &str) -> PortError {
    PortError::transient(doing, "thrown with the dice")
}

impl World {
    /// Enters, and may fail: then nothing of it happened.
    async fn ask_tables(&self, doing: &str) -> Result<(), PortError> {
        let pass = self.gate().enter(Kind::Other).await;
        self.health.tell(|| doing.to_owned());
        if self.health.ails(|it| it.warehouse) {
            return Err(refused(doing));
        }
        drop(pass);
        Ok(())
    }
}

/// It holds one date; another has no games.
#[async_trait]
impl Warehouse for World {
    async fn readiness(&self, scope: &Scope) -> Result<Readiness, PortError> {
        self.ask_tables("ask readiness").await?;
        let now = self.clock.now();
        let facts = self.facts();
        let is_ours = scope.game_date == self.key.game_date;
        let players = || facts.players.values().filter(|_| is_ours);
        let ready = players().filter(|player| player.ready_at <= now).count() as u64;
        let mut games: Vec<_> = players()
            .map(|player| player.listed.game_id.clone())
            .collect();
        games.sort();
        games.dedup();
        Ok(Readiness {
            upstream_finished_at: facts.finished_at.filter(|at| is_ours && *at <= now),
            expected: players().count() as u64,
            feature_rows: ready,
            ready,
            stale: 0,
            filtered: 0,
            quality: Vec::new(),
            quality_scores_distinct: ready,
            newest_feature_at: None,
            games,
        })
    }

    async fn ready_units(
        &self,
        scope: &Scope,
        page: Page<'_>,
    ) -> Result<Vec<ListedUnit>, PortError> {
        self.ask_tables("list units").await?;
        if scope.game_date != self.key.game_date {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let facts = self.facts();
        let follows = |listed: &ListedUnit| page.after.is_none_or(|after| listed.unit > *after);
        let ready = facts
            .players
            .values()
            .filter(|player| player.ready_at <= now && follows(&player.listed));
        let show = |listed: &ListedUnit| ListedUnit {
            has_row: facts.rows.get(&listed.unit).is_some_and(|at| *at <= now),
            ..listed.clone()
        };
        let listed = ready.map(|player| show(&player.listed));
        Ok(listed.take(page.limit as usize).collect())
    }

    async fn stored_rows(
        &self,
        game_date: GameDate,
        page: Page<'_>,
    ) -> Result<Vec<StoredRow>, PortError> {
        self.ask_tables("list rows").await?;
        if game_date != self.key.game_date {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let facts = self.facts();
        let rows = facts
            .rows
            .iter()
            .filter(|(unit, at)| **at <= now && page.after.is_none_or(|after| *unit > after));
        let rows = rows.map(|(unit, at)| StoredRow {
            unit: unit.clone(),
            created_at: *at,
        });
        Ok(rows.take(page.limit as usize).collect())
    }

    async fn record_run(&self, _: &RunRecord) -> Result<(), PortError> {
        self.ask_tables("record the run").await
    }
}

#[async_trait]
impl Sink for World {
    async fn send(&self, requests: &[Request]) -> Vec<Result<(), PortError>> {
        let pass = self.gate().enter(Kind::Other).await;
        self.health.tell(|| format!("send {}", requests.len()));
        let now = self.clock.now();
        let mut results = Vec::with_capacity(requests.len());
        for request in requests {
            if self.health.dice.chance(self.health.sickness().death / 8) {
                self.health.die();
                drop(pass);
                return std::future::pending().await;
            }
            let before = self.health.disturbances();
            let ails = self.health.ails(|it| it.sink);
            if !ails || self.health.dice.chance(400) {
                self.take_request(request, before, now);
            }
            results.push(match (ails, self.health.dice.chance(60)) {
                (false, _) => Ok(()),
                (true, false) => Err(refused("send a unit")),
                (true, true) => Err(PortError::permanent("send a unit", "refused for good")),
            });
        }
        results
    }
}

#[async_trait]
impl Announcer for World {
    async fn announce(
        &self,
        id: &str,
        _: &RunKey,
        announcement: &Announcement,
    ) -> Result<(), PortError> {
        let _pass = self.gate().enter(Kind::Other).await;
        self.health.tell(|| format!("announce {id}"));
        let before = self.health.disturbances();
        let ails = self.health.ails(|it| it.announcer);
        if ails && self.health.dice.chance(500) {
            return Err(refused("announce"));
        }
        let now = (announcement.clone(), before);
        let known = self.facts().announced.insert(id.to_owned(), now);
        if let Some((content, disturbances)) = known {
            if content != *announcement {
                let finding = format!("{id} was announced twice, with another content");
                self.health.find(finding);
            }
            if disturbances == before && !self.health.has_jumped(self.clock.now()) {
                self.health
                    .find(format!("{id} was announced again without a reason"));
            }
        }
        if ails {
            return Err(refused("hear of an announcement"));
        }
        Ok(())
    }
}

/// A way to people.
pub struct Letterbox {
    pub world: std::sync::Arc<World>,
    pub channel: ChannelId,
}

#[async_trait]
impl Channel for Letterbox {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        let _pass = self.world.gate().enter(Kind::Other).await;
        let health = &self.world.health;
        health.tell(|| format!("deliver {}", parcel.notices[0].id));
        let ails = health.ails(|it| it.channel);
        let arrives = !ails || health.dice.chance(300);
        if arrives {
            let notices = parcel.notices.iter().cloned();
            let heard = notices.map(|notice| (self.channel.clone(), notice));
            self.world.facts().heard.extend(heard);
        }
        if ails {
            let asks = health.dice.chance(200);
            return Err(Failure {
                error: "thrown with the dice".to_owned(),
                permanent: health.dice.chance(100),
                doubtful: arrives || health.dice.chance(300),
                retry_after: asks.then(|| TimeDelta::seconds(20)),
            });
        }
        Ok(Receipt {
            message_id: parcel.notices[0].id.clone(),
            thread: None,
        })
    }
}
