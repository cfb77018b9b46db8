//! A service's files, read where no service answers.
//!
//! Nothing is written: a running service's files are its own.

use std::path::Path;

use anyhow::{anyhow, bail};
use chrono::Days;

use super::client::NightArgs;
use crate::{
    clock::{Clock, SystemClock},
    config::BUILT_IN_HANDOFF,
    domain::{
        calendar,
        ids::{GameDate, HandoffId, RunKey},
        run::Run,
    },
    ports::store::{HistoryEntry, Store},
    store::SqliteStore,
};

/// One night as its files tell it.
pub struct Files {
    /// The run.
    pub run: Run,
    /// Its history.
    pub history: Vec<HistoryEntry>,
}

impl Files {
    /// Reads a night from a service's folder.
    ///
    /// # Errors
    ///
    /// When the folder holds no service's files, or not this night.
    pub async fn open(folder: &Path, night: &NightArgs) -> anyhow::Result<Self> {
        let file = folder.join("state.sqlite");
        if !file.exists() {
            bail!(
                "no service answers, and {} does not exist; name the service's --url or its --data",
                file.display()
            );
        }
        let store = SqliteStore::open_to_read(&file).await?;
        let handoff = HandoffId::new(night.handoff.as_deref().unwrap_or(BUILT_IN_HANDOFF));
        let latest = store.latest_date(&handoff).await?;
        let latest = latest
            .ok_or_else(|| anyhow!("no night of {handoff} is known in {}", file.display()))?;
        let last = RunKey {
            handoff: handoff.clone(),
            game_date: latest,
        };
        let zone = store.run(&last).await?.map(|run| run.policy.calendar_zone);
        let today = zone.map_or(latest, |zone| calendar::game_date(SystemClock.now(), &zone));
        let game_date = date(night.game_date.as_deref(), today, latest)?;
        let key = RunKey { handoff, game_date };
        let run = store
            .run(&key)
            .await?
            .ok_or_else(|| anyhow!("no run of {key} is known"))?;
        let history = store.history(&key).await?;
        Ok(Self { run, history })
    }
}

/// The date that is meant; without one, the latest night.
fn date(text: Option<&str>, today: GameDate, latest: GameDate) -> anyhow::Result<GameDate> {
    match text {
        None => Ok(latest),
        Some("TODAY") => Ok(today),
        Some("YESTERDAY") => Ok(GameDate(today.0 - Days::new(1))),
        Some("TOMORROW") => Ok(GameDate(today.0 + Days::new(1))),
        Some(text) => text
            .parse()
            .map(GameDate)
            .map_err(|_| anyhow!("--game-date `{text}`: write a date such as 2026-01-11")),
    }
}
