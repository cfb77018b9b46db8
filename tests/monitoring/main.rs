//! What ships in `alerts/` and `dashboards/`, proven against the real Prometheus and Alertmanager.
//!
//! How the service counts is tested beside `src/telemetry`.

mod files;
mod linter;
mod processes;
