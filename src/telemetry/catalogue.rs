//! Every metric, once: its name, kind, unit, labels and help. docs/metrics.md is generated from this.
//!
//! When a metric is counted or set belongs to `record`, `show` and `measure`.

use super::entry::Entry;

mod nights;
mod run;
mod service;
mod telling;
mod work;

pub use nights::{
    ALERTED_NIGHTS, BUDGET_NIGHTS, NIGHT_COMPLETION, NIGHT_DEADLINE, NIGHT_LATENCY, NIGHT_MET,
    NIGHTS, NIGHTS_COMPLETION, NIGHTS_LATENCY, STARTED_NIGHTS, UNMEASURED_NIGHTS,
};
pub use run::{
    RUN_COMPLETED, RUN_COMPLETION, RUN_COMPLETION_LIMIT, RUN_DEADLINE, RUN_DISPATCHED,
    RUN_FORECAST_FINISH, RUN_FORECAST_LATEST, RUN_GAP, RUN_GAP_LIMIT, RUN_GAP_LIMIT_RATIO,
    RUN_GAP_RATIO, RUN_JUDGED, RUN_LATENCY_LIMIT, RUN_NEXT_WAKE, RUN_OPENS,
    RUN_READINESS_GAP_LIMIT_RATIO, RUN_READINESS_GAP_RATIO, RUN_REASON_UNITS, RUN_START_LATENCY,
    RUN_STARTED_BY, RUN_STATE, RUN_UNITS, RUN_UPSTREAM_FINISHED, RUN_VERDICT,
};
pub use service::{
    BUILD, DOCTOR_EXAMINED, DOCTOR_FINDINGS, EFFECTS, HTTP_REQUEST, HTTP_REQUESTS, IDENTITY_KEYS,
    IDENTITY_REFUSED, INBOX_MESSAGES, OUTBOX_DEAD, OUTBOX_EFFECTS, OUTBOX_OLDEST,
    QUARANTINE_MESSAGES, QUARANTINE_OLDEST, QUARANTINED_MESSAGES, STORE_ERRORS, STORE_TRANSACTION,
    TIMERS_LATE, WAREHOUSE_QUESTION, WAREHOUSE_QUESTIONS,
};
pub use telling::{
    ALERT_CHANGES, CHANNEL_DONE, CHANNEL_FAILING, CHANNEL_OLDEST, CHANNEL_WAITING, DELIVERIES,
    HEARTBEAT_DONE, OPEN_ALERTS, REACHING_CHANNELS, UNHEARD_AGE,
};
pub use work::{
    ANSWERED_UNITS, ANSWERS, PUBLISHES, REFUSALS, RETRIED_UNITS, SCHEDULE_DONE, START_LATENCY,
    STEPS, TRIGGER_HEARD, TRIGGERS,
};

/// Most series without any handoff: a histogram counts one for each edge, and three.
pub const SERIES_FIXED_MAX: usize = 700;
/// Most series that one handoff adds, with the shipped unit reasons.
pub const SERIES_A_HANDOFF_MAX: usize = 480;

/// Every metric, in the order of the document.
pub const ALL: [Entry; 75] = [
    RUN_START_LATENCY,
    RUN_COMPLETION,
    RUN_GAP,
    RUN_GAP_RATIO,
    RUN_READINESS_GAP_RATIO,
    RUN_UNITS,
    RUN_REASON_UNITS,
    RUN_STATE,
    RUN_VERDICT,
    RUN_OPENS,
    RUN_DEADLINE,
    RUN_FORECAST_FINISH,
    RUN_FORECAST_LATEST,
    RUN_UPSTREAM_FINISHED,
    RUN_DISPATCHED,
    RUN_COMPLETED,
    RUN_NEXT_WAKE,
    RUN_STARTED_BY,
    RUN_JUDGED,
    RUN_LATENCY_LIMIT,
    RUN_COMPLETION_LIMIT,
    RUN_GAP_LIMIT,
    RUN_GAP_LIMIT_RATIO,
    RUN_READINESS_GAP_LIMIT_RATIO,
    START_LATENCY,
    TRIGGERS,
    TRIGGER_HEARD,
    REFUSALS,
    STEPS,
    PUBLISHES,
    RETRIED_UNITS,
    ANSWERS,
    ANSWERED_UNITS,
    SCHEDULE_DONE,
    NIGHTS,
    STARTED_NIGHTS,
    UNMEASURED_NIGHTS,
    NIGHTS_LATENCY,
    NIGHTS_COMPLETION,
    ALERTED_NIGHTS,
    BUDGET_NIGHTS,
    NIGHT_DEADLINE,
    NIGHT_MET,
    NIGHT_LATENCY,
    NIGHT_COMPLETION,
    OPEN_ALERTS,
    ALERT_CHANGES,
    DELIVERIES,
    CHANNEL_WAITING,
    CHANNEL_OLDEST,
    CHANNEL_DONE,
    CHANNEL_FAILING,
    REACHING_CHANNELS,
    UNHEARD_AGE,
    HEARTBEAT_DONE,
    EFFECTS,
    OUTBOX_EFFECTS,
    OUTBOX_OLDEST,
    OUTBOX_DEAD,
    INBOX_MESSAGES,
    QUARANTINE_MESSAGES,
    QUARANTINE_OLDEST,
    QUARANTINED_MESSAGES,
    TIMERS_LATE,
    STORE_TRANSACTION,
    STORE_ERRORS,
    WAREHOUSE_QUESTIONS,
    WAREHOUSE_QUESTION,
    HTTP_REQUESTS,
    HTTP_REQUEST,
    DOCTOR_FINDINGS,
    DOCTOR_EXAMINED,
    BUILD,
    IDENTITY_REFUSED,
    IDENTITY_KEYS,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;
    use crate::telemetry::entry::{Entry, Kind, Unit};

    fn ending(entry: &Entry) -> String {
        let unit = match entry.unit {
            Unit::Seconds => "seconds",
            Unit::Timestamp => "timestamp_seconds",
            Unit::Ratio => "ratio",
            Unit::Count(noun) => noun,
            Unit::OneOf => entry.labels.last().unwrap().name(),
            Unit::Flag => entry.name.trim_start_matches("tipoff_"),
            Unit::Info => "info",
        };
        match entry.kind {
            Kind::Counter => format!("_{unit}_total"),
            Kind::Gauge | Kind::Histogram(_) => format!("_{unit}"),
        }
    }

    fn is_snake_case(name: &str) -> bool {
        name.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !name.contains("__")
    }

    #[test]
    fn every_name_follows_the_conventions() {
        for entry in &ALL {
            let name = entry.name;
            assert!(name.starts_with("tipoff_") && is_snake_case(name), "{name}");
            assert!(name.ends_with(&ending(entry)), "{name}: {}", ending(entry));
            let total = name.ends_with("_total");
            assert_eq!(total, entry.kind == Kind::Counter, "{name}");
            let timestamp = name.ends_with("_timestamp_seconds");
            assert_eq!(timestamp, entry.unit == Unit::Timestamp, "{name}");
            assert!(!entry.help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn every_label_follows_the_conventions() {
        for entry in &ALL {
            let names: Vec<&str> = entry.labels.iter().map(|label| label.name()).collect();
            let distinct: BTreeSet<&str> = names.iter().copied().collect();
            assert_eq!(distinct.len(), names.len(), "{}", entry.name);
            assert!(names.iter().all(|name| is_snake_case(name)), "{names:?}");
            // Prometheus keeps these for buckets and for what it adds itself.
            for kept in ["le", "quantile", "job", "instance"] {
                assert!(!names.contains(&kept), "{}", entry.name);
            }
        }
    }

    #[test]
    fn edges_of_histograms_grow() {
        for entry in &ALL {
            if let Kind::Histogram(edges) = entry.kind {
                assert!(
                    edges.windows(2).all(|pair| pair[0] < pair[1]),
                    "{}",
                    entry.name
                );
                assert_eq!(entry.unit, Unit::Seconds, "{}", entry.name);
            }
        }
    }

    #[test]
    fn every_metric_of_these_files_is_listed_once() {
        let files = [
            include_str!("catalogue/run.rs"),
            include_str!("catalogue/work.rs"),
            include_str!("catalogue/nights.rs"),
            include_str!("catalogue/telling.rs"),
            include_str!("catalogue/service.rs"),
        ];
        let declared = files.map(|file| file.matches(": Entry = Entry {").count());
        assert_eq!(declared.iter().sum::<usize>(), ALL.len());
        let names: BTreeSet<&str> = ALL.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), ALL.len());
    }
}
