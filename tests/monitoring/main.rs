//! What ships in `alerts/` and `dashboards/`, proven against the real Prometheus and Alertmanager.
//!
//! How the service counts is tested beside `src/telemetry`.

mod catalogue;
mod documents;
mod files;
mod health;
mod linter;
mod live;
mod places;
mod processes;
mod prometheus;
mod promql;
mod replay;
mod rules;
