//! The configuration → who examines the surroundings, and when.
//!
//! What is looked at belongs to `doctor`.

use std::sync::Arc;

use super::{Setup, cloud::Cloud, tables};
use crate::{
    clock::Clock,
    config::{self, Config},
    doctor::{Examiner, Project, Tables},
    engine::Examining,
    ports::Warehouse,
    warehouse::EmbeddedWarehouse,
};

/// Examinations, where they are wanted.
pub fn examining(
    setup: &Setup,
    (embedded, cloud): (&EmbeddedWarehouse, Option<&Cloud>),
) -> anyhow::Result<Option<Examining>> {
    let config = &setup.config;
    if !config.doctor.enabled {
        return Ok(None);
    }
    let mut all: Tables = Vec::new();
    for handoff in &config.handoffs {
        let tables = tables::of(handoff, embedded, cloud)?;
        all.push((handoff.id.clone(), tables));
    }
    let doctor = assemble((config, &setup.clock), cloud, all);
    Ok(Some(Examining {
        doctor: Arc::new(doctor),
        at: config.doctor.at.clone(),
    }))
}

/// Who examines without a running service: tables of the service's own folder are left to the service.
pub fn examiner(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Examiner> {
    let cloud = Cloud::of(config, &clock)?;
    let mut all: Tables = Vec::new();
    for handoff in &config.handoffs {
        if handoff.tables == config::Tables::Bigquery {
            let tables: Arc<dyn Warehouse> = tables::bigquery(cloud.as_ref())?;
            all.push((handoff.id.clone(), tables));
        }
    }
    Ok(assemble((config, &clock), cloud.as_ref(), all))
}

fn assemble(
    (config, clock): (&Config, &Arc<dyn Clock>),
    cloud: Option<&Cloud>,
    tables: Tables,
) -> Examiner {
    Examiner {
        config: Arc::new(config.clone()),
        project: cloud.map(|cloud| Project {
            google: cloud.google.clone(),
            client: cloud.client.clone(),
            http: cloud.http.clone(),
        }),
        tables,
        clock: clock.clone(),
    }
}
