//! What ships in `alerts/` and `dashboards/`, proven against the real Prometheus and Alertmanager.
//!
//! How the service counts is tested beside `src/telemetry`.

mod documents;
mod files;
mod health;
mod live;
mod processes;
mod rules;
