//! Which tables a handoff asks: the embedded warehouse's or BigQuery's.
//!
//! What is asked belongs to the adapters.

use std::sync::Arc;

use anyhow::bail;

use super::cloud::{Cloud, needed};
use crate::{
    config::{self, Tables},
    ports::Warehouse,
    warehouse::EmbeddedWarehouse,
};

/// The warehouse of one handoff.
pub fn of(
    handoff: &config::Handoff,
    embedded: &EmbeddedWarehouse,
    cloud: Option<&Cloud>,
) -> anyhow::Result<Arc<dyn Warehouse>> {
    match handoff.tables {
        Tables::Embedded => Ok(Arc::new(embedded.clone())),
        Tables::Bigquery => remote(handoff, cloud),
    }
}

/// The tables on BigQuery.
pub fn remote(
    handoff: &config::Handoff,
    cloud: Option<&Cloud>,
) -> anyhow::Result<Arc<dyn Warehouse>> {
    let _cloud = needed(cloud)?;
    bail!(
        "handoff {}: warehouse = \"bigquery\" is not built yet",
        handoff.id
    )
}
