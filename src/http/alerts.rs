//! `GET /alerts`: the alerts of all nights that are not closed and the service's own, silences and receipts.
//!
//! Acknowledging belongs to `acknowledge`, silencing to `silence`, testing the channels to `channel_test`.

use std::sync::Arc;

use axum::{Json, extract::State};

use super::HttpState;
use crate::{
    domain::{Instant, alert::Alert, ids::HandoffId, routing::Silence, zone::Zone},
    ports::store::StoreError,
    render::Zones,
    wire::{
        alert_view::{AlertLine, AlertsView, DeliveryView, SilenceView},
        alerts::Whose,
        people::Problem,
    },
};

/// Receipts shown.
const RECEIPTS_MAX: u32 = 50;

/// Lists them: the service's own first, then each handoff's nights, earliest first.
pub async fn get(State(state): State<Arc<HttpState>>) -> Result<Json<AlertsView>, Problem> {
    let store = &state.engine.shared().store;
    let now = state.now();
    let silences = store.silences(now).await?;
    let receipts = store.ledger(RECEIPTS_MAX).await?;
    let own = store.service().await?.alerts;
    let zone = state.zone();
    let mut alerts = lines(&Whose::Service, &own, (&silences, &zone), now);
    for handoff in state.engine.shared().handoffs.values() {
        for run in store.open_runs(&handoff.id).await? {
            let (whose, zone) = (Whose::Night(run.key.clone()), run.policy.schedule.zone);
            alerts.extend(lines(&whose, &run.alerts, (&silences, &zone), now));
        }
    }
    Ok(Json(AlertsView {
        alerts,
        silences: silences
            .iter()
            .map(|it| SilenceView::of(it, &state.zones_of(it.handoff.as_ref()).schedule))
            .collect(),
        deliveries: receipts
            .iter()
            .map(|it| DeliveryView::of(it, &zone))
            .collect(),
    }))
}

fn lines(
    whose: &Whose,
    alerts: &[Alert],
    (silences, zone): (&[Silence], &Zone),
    now: Instant,
) -> Vec<AlertLine> {
    let line = |alert| AlertLine::of((whose, alert), silences, zone, now);
    alerts.iter().map(line).collect()
}

impl HttpState {
    /// The alerts as they stand, open and resolved; `None`: there is no such night.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked.
    pub(super) async fn alerts_of(&self, whose: &Whose) -> Result<Option<Vec<Alert>>, StoreError> {
        let store = &self.engine.shared().store;
        match whose {
            Whose::Service => Ok(Some(store.service().await?.alerts)),
            Whose::Night(key) => Ok(store.run(key).await?.map(|run| run.alerts)),
        }
    }

    /// The zones people of a handoff read; of the service and of one that is gone, the first handoff's.
    pub(super) fn zones_of(&self, handoff: Option<&HandoffId>) -> Zones {
        let handoffs = &self.engine.shared().handoffs;
        let handoff = handoff.and_then(|id| handoffs.get(id));
        let policy = handoff
            .or_else(|| handoffs.values().next())
            .map(|it| &it.policy);
        policy.map_or(
            Zones {
                schedule: Zone::Named(chrono_tz::Tz::UTC),
                calendar: Zone::Named(chrono_tz::Tz::UTC),
            },
            |policy| Zones {
                schedule: policy.schedule.zone,
                calendar: policy.calendar_zone,
            },
        )
    }
}
