//! Which tables a handoff asks: the embedded warehouse's or BigQuery's.
//!
//! What is asked belongs to the adapters.

use std::{sync::Arc, time::Duration};

use super::cloud::{Cloud, needed};
use crate::{
    bigquery::{BigQueryWarehouse, Settings},
    config::{self, Tables},
    ports::Warehouse,
    warehouse::EmbeddedWarehouse,
};

/// The first pause of the run record after a quota's end: with those that follow, seven and a half minutes in all.
const QUOTA_PAUSE: Duration = Duration::from_secs(30);

/// The warehouse of one handoff.
pub fn of(
    handoff: &config::Handoff,
    embedded: &EmbeddedWarehouse,
    cloud: Option<&Cloud>,
) -> anyhow::Result<Arc<dyn Warehouse>> {
    match handoff.tables {
        Tables::Embedded => Ok(Arc::new(embedded.clone())),
        Tables::Bigquery => bigquery(cloud),
    }
}

/// The warehouse on BigQuery.
pub fn bigquery(cloud: Option<&Cloud>) -> anyhow::Result<Arc<dyn Warehouse>> {
    let cloud = needed(cloud)?;
    let google = &cloud.google;
    let set = &google.bigquery;
    let settings = Settings {
        project: google.project.clone(),
        data_project: set.data_project.clone(),
        location: set.location.clone(),
        bytes_billed_max: set.bytes_billed_max,
        timeout: set.timeout.to_std()?,
        record_every: set.record_every.to_std()?,
        quota_pause: QUOTA_PAUSE,
        queries: set.queries.clone(),
        endpoint: google.endpoints.bigquery.clone(),
    };
    let (client, http) = (cloud.client.clone(), cloud.http.clone());
    Ok(Arc::new(BigQueryWarehouse::new(settings, client, http)?))
}
