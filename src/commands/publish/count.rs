//! How many units the upstream made ready, asked of the warehouse itself.
//!
//! What is not answered in time is left out of the event, never said as zero.

use std::{sync::Arc, time::Duration};

use anyhow::bail;

use crate::{
    commands::serve::{Cloud, tables},
    config::{self, Config, Tables},
    domain::ids::GameDate,
    ports::{Scope, Warehouse, chain},
    warehouse::EmbeddedWarehouse,
};

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// Units with a row.
    pub processed: Option<u64>,
    /// Units that are ready.
    pub ready: Option<u64>,
}

impl Counted {
    /// Units whose row is not ready.
    pub fn failed(&self) -> Option<u64> {
        Some(self.processed?.saturating_sub(self.ready?))
    }
}

/// Counts a date's units before anything is filtered; or says why they could not be counted within the time.
pub async fn count(
    config: &Config,
    handoff: &config::Handoff,
    (game_date, within): (GameDate, Duration),
    cloud: Option<&Cloud>,
) -> (Counted, Option<String>) {
    let asked = tokio::time::timeout(within, ask(config, handoff, game_date, cloud)).await;
    match asked {
        Ok(Ok(counted)) => (counted, None),
        Ok(Err(error)) => (Counted::default(), Some(chain(&*error))),
        Err(_) => (
            Counted::default(),
            Some(format!("no answer within {within:?}")),
        ),
    }
}

async fn ask(
    config: &Config,
    handoff: &config::Handoff,
    game_date: GameDate,
    cloud: Option<&Cloud>,
) -> anyhow::Result<Counted> {
    let policy = &handoff.policy;
    let scope = Scope {
        game_date,
        processor_names: policy.upstream.processor_names.clone(),
        fresh_since: policy.instants(game_date).deadline_at - policy.readiness.freshness,
        min_minutes: 0.0,
    };
    let readiness = warehouse(config, handoff, cloud)
        .await?
        .readiness(&scope)
        .await?;
    Ok(Counted {
        processed: Some(readiness.feature_rows),
        ready: Some(readiness.ready),
    })
}

async fn warehouse(
    config: &Config,
    handoff: &config::Handoff,
    cloud: Option<&Cloud>,
) -> anyhow::Result<Arc<dyn Warehouse>> {
    match handoff.tables {
        Tables::Bigquery => tables::bigquery(cloud),
        Tables::Embedded => {
            let folder = config.data_dir.join("warehouse");
            if !folder.is_dir() {
                bail!("there is no embedded warehouse in {}", folder.display());
            }
            Ok(Arc::new(EmbeddedWarehouse::open(&folder).await?))
        }
    }
}
