//! What is counted where the world is touched: deliveries, effects, transactions, questions, requests.
//!
//! What a step did is counted by `record`; how things stand is set by `show`.

use std::time::Duration;

use super::{Metrics, catalogue, labels, show::unix_seconds};
use crate::{
    domain::{Instant, effect::Effect},
    ports::store::OutboxEnd,
};

/// A question to the warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Whether the upstream finished and how ready its rows are.
    Readiness,
    /// One page of ready units.
    ReadyUnits,
    /// One page of prediction rows.
    StoredRows,
    /// Writing the service's own row.
    RecordRun,
}

impl Question {
    /// The label value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Readiness => "readiness",
            Self::ReadyUnits => "ready_units",
            Self::StoredRows => "stored_rows",
            Self::RecordRun => "record_run",
        }
    }
}

/// One HTTP request, answered.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// The path as the router knows it; one that is not in [`labels::ROUTES`] counts as `other`.
    pub route: &'a str,
    /// The method.
    pub method: &'a str,
    /// The answer's status, 200 to 599.
    pub status: u16,
    /// From the head of the request to the head of the answer.
    pub took: Duration,
}

/// Counts how a try at an effect ended.
pub fn record_effect(metrics: &Metrics, effect: &Effect, end: &OutboxEnd) {
    let labels = [labels::effect(effect), ended(end)];
    metrics.add(&catalogue::EFFECTS, &labels, 1);
}

/// Counts how a try to deliver an alert message over a configured channel ended.
pub fn record_delivery(metrics: &Metrics, channel: &str, end: &OutboxEnd) {
    metrics.add(&catalogue::DELIVERIES, &[channel, ended(end)], 1);
}

fn ended(end: &OutboxEnd) -> &'static str {
    match end {
        OutboxEnd::Done => "done",
        OutboxEnd::Later { .. } => "later",
        OutboxEnd::Dead { .. } => "dead",
    }
}

/// Counts a message put into quarantine; a code that is not in [`labels::QUARANTINE_CODES`] counts as `other`.
pub fn record_quarantined(metrics: &Metrics, code: &str) {
    metrics.add(&catalogue::QUARANTINED_MESSAGES, &[code], 1);
}

/// Measures a writing transaction, committed or not; one that was not is a store error, too.
pub fn record_transaction(metrics: &Metrics, committed: bool, took: Duration) {
    let outcome = if committed { "committed" } else { "failed" };
    let seconds = took.as_secs_f64();
    metrics.observe(&catalogue::STORE_TRANSACTION, &[outcome], seconds);
    if !committed {
        record_store_error(metrics);
    }
}

/// Counts a store error outside a writing transaction.
pub fn record_store_error(metrics: &Metrics) {
    metrics.add(&catalogue::STORE_ERRORS, &[], 1);
}

/// Measures a question to the warehouse, answered or not.
pub fn record_question(metrics: &Metrics, question: Question, answered: bool, took: Duration) {
    let outcome = if answered {
        "answered"
    } else {
        "could_not_ask"
    };
    let name = question.name();
    metrics.add(&catalogue::WAREHOUSE_QUESTIONS, &[name, outcome], 1);
    metrics.observe(&catalogue::WAREHOUSE_QUESTION, &[name], took.as_secs_f64());
}

/// Notes that the outgoing heartbeat got through.
pub fn record_heartbeat(metrics: &Metrics, now: Instant) {
    metrics.set(&catalogue::HEARTBEAT_DONE, &[], unix_seconds(now));
}

/// Counts a call that was not heard; the reason is one of [`labels::IDENTITY_REFUSALS`].
pub fn record_identity_refusal(metrics: &Metrics, reason: &str) {
    metrics.add(&catalogue::IDENTITY_REFUSED, &[reason], 1);
}

/// Shows when the keys of identities were fetched last.
pub fn show_identity_keys(metrics: &Metrics, fetched_at: Instant) {
    metrics.set(&catalogue::IDENTITY_KEYS, &[], unix_seconds(fetched_at));
}

/// Measures an HTTP request.
pub fn record_request(metrics: &Metrics, exchange: Exchange<'_>) {
    let status = match exchange.status {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    };
    let labels = [exchange.route, exchange.method, status];
    metrics.add(&catalogue::HTTP_REQUESTS, &labels, 1);
    let seconds = exchange.took.as_secs_f64();
    metrics.observe(&catalogue::HTTP_REQUEST, &[exchange.route], seconds);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{
        Exchange, Question, record_delivery, record_effect, record_quarantined, record_question,
        record_request, record_transaction,
    };
    use crate::{
        domain::{effect::Effect, ids::ChannelId},
        ports::store::OutboxEnd,
        telemetry::{
            Metrics, expose,
            labels::{Label, Sets},
        },
    };

    #[track_caller]
    fn assert_shows(metrics: &Metrics, lines: &[&str]) {
        let text = expose(metrics);
        for line in lines {
            assert!(text.contains(&format!("\n{line}\n")), "no `{line}`");
        }
    }

    #[test]
    fn effects_and_deliveries_are_counted_by_how_they_ended() {
        let metrics = Metrics::of(&Sets {
            channels: vec![ChannelId::new("console")],
            ..Sets::default()
        });
        let dead = OutboxEnd::Dead {
            error: "gone".to_owned(),
        };
        record_effect(&metrics, &Effect::Record, &OutboxEnd::Done);
        record_effect(&metrics, &Effect::Tell(Vec::new()), &dead);
        record_delivery(&metrics, "console", &dead);
        record_delivery(&metrics, "pigeon", &dead);
        let lines = [
            "tipoff_effects_total{kind=\"record\",outcome=\"done\"} 1",
            "tipoff_effects_total{kind=\"tell\",outcome=\"dead\"} 1",
            "tipoff_deliveries_total{channel=\"console\",outcome=\"dead\"} 1",
        ];
        assert_shows(&metrics, &lines);
        assert!(!expose(&metrics).contains("pigeon"));
    }

    #[test]
    fn a_failed_transaction_is_an_error_and_a_committed_one_is_not() {
        let metrics = Metrics::new(&[], &[]);
        record_transaction(&metrics, true, Duration::from_millis(4));
        record_transaction(&metrics, false, Duration::from_secs(3));
        let lines = [
            "tipoff_store_transaction_seconds_bucket{outcome=\"committed\",le=\"0.005\"} 1",
            "tipoff_store_transaction_seconds_count{outcome=\"failed\"} 1",
            "tipoff_store_errors_total 1",
        ];
        assert_shows(&metrics, &lines);
    }

    #[test]
    fn every_question_is_in_its_closed_set() {
        let metrics = Metrics::new(&[], &[]);
        let questions = [
            Question::Readiness,
            Question::ReadyUnits,
            Question::StoredRows,
            Question::RecordRun,
        ];
        let known = Label::Question.values(&Sets::default());
        assert_eq!(questions.map(Question::name).to_vec(), known);
        record_question(
            &metrics,
            Question::StoredRows,
            false,
            Duration::from_secs(9),
        );
        let lines = [
            "tipoff_warehouse_questions_total{outcome=\"could_not_ask\",question=\"stored_rows\"} 1",
            "tipoff_warehouse_question_seconds_sum{question=\"stored_rows\"} 9",
        ];
        assert_shows(&metrics, &lines);
    }

    #[test]
    fn unknown_paths_and_codes_are_counted_as_other() {
        let metrics = Metrics::new(&[], &[]);
        record_quarantined(&metrics, "not_json");
        record_quarantined(&metrics, "made up");
        for (route, method, status) in [("/start", "POST", 202), ("/.env", "PUT", 404)] {
            let took = Duration::from_millis(20);
            record_request(
                &metrics,
                Exchange {
                    route,
                    method,
                    status,
                    took,
                },
            );
        }
        let lines = [
            "tipoff_quarantined_messages_total{code=\"not_json\"} 1",
            "tipoff_quarantined_messages_total{code=\"other\"} 1",
            "tipoff_http_requests_total{method=\"POST\",route=\"/start\",status=\"2xx\"} 1",
            "tipoff_http_requests_total{method=\"other\",route=\"other\",status=\"4xx\"} 1",
            "tipoff_http_request_seconds_bucket{route=\"/start\",le=\"0.02\"} 1",
        ];
        assert_shows(&metrics, &lines);
    }
}
