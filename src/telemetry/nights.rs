//! The nights that are over, and when each entry of the schedule was last done: gauges set from what the store holds.
//!
//! The current run belongs to `show`; adding nights up to the domain.

use super::{
    Metrics, catalogue,
    labels::{NIGHTS_SHOWN, NONE, SCHEDULES, WINDOWS},
    show::unix_seconds,
};
use crate::domain::{
    Instant,
    alert::Kind,
    nights::{BUDGET_NIGHTS, Done, Night, Sum, budget},
    trigger::Source,
};

/// Nights of the shortest window.
const WEEK: usize = 7;

/// What a handoff's past says.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The season's nights with a verdict, latest first; at least the latest thirty where there are so many.
    pub nights: Vec<Night>,
    /// How many of them are the season's.
    pub season: usize,
    /// What the schedule has done.
    pub done: Done,
    /// When the latest night's summary was made.
    pub summary_at: Option<Instant>,
    /// When the latest week's was.
    pub week_at: Option<Instant>,
    /// The latest run that each source started, with when it was heard.
    pub heard: Vec<(Source, Instant)>,
    /// The share of the nights that is to meet the promise, 0 to 1.
    pub nights_target: f64,
}

/// Sets every gauge about a handoff's past.
pub fn show_past(metrics: &Metrics, handoff: &str, past: &Past) {
    let nights = &past.nights;
    let first = |most: usize| &nights[..most.min(nights.len())];
    let windows = [
        first(WEEK),
        first(BUDGET_NIGHTS as usize),
        first(past.season),
    ];
    for (window, nights) in WINDOWS.into_iter().zip(windows) {
        show_sum(metrics, [handoff, window], &Sum::of(nights));
    }
    for ago in 0..NIGHTS_SHOWN {
        show_night(metrics, handoff, ago + 1, nights.get(ago as usize));
    }
    let budget = budget(past.nights_target);
    metrics.set(&catalogue::BUDGET_NIGHTS, &[handoff], budget);
    show_heard(metrics, handoff, past);
}

fn show_sum(metrics: &Metrics, [handoff, window]: [&str; 2], sum: &Sum) {
    for (verdict, nights) in [("met", sum.met), ("breached", sum.breached)] {
        metrics.set(
            &catalogue::NIGHTS,
            &[handoff, window, verdict],
            nights as f64,
        );
    }
    for source in Source::ALL.map(Some).into_iter().chain([None]) {
        let nights = sum.started_by.get(&source).copied().unwrap_or(0);
        let labels = [handoff, window, source.map_or(NONE, Source::name)];
        metrics.set(&catalogue::STARTED_NIGHTS, &labels, nights as f64);
    }
    let unmeasured = sum.unmeasured as f64;
    metrics.set(
        &catalogue::UNMEASURED_NIGHTS,
        &[handoff, window],
        unmeasured,
    );
    let spreads = [
        (&catalogue::NIGHTS_LATENCY, sum.latency),
        (&catalogue::NIGHTS_COMPLETION, sum.completion),
    ];
    for (entry, spread) in spreads {
        metrics.set(entry, &[handoff, window, "median"], spread.median);
        metrics.set(entry, &[handoff, window, "worst"], spread.worst);
    }
    for kind in Kind::ALL {
        let nights = sum.alerted.get(&kind).copied().unwrap_or(0);
        let labels = [handoff, window, &kind.name()];
        metrics.set(&catalogue::ALERTED_NIGHTS, &labels, nights as f64);
    }
}

fn show_night(metrics: &Metrics, handoff: &str, ago: u32, night: Option<&Night>) {
    let ago = ago.to_string();
    let deadline_at = night.map_or(0.0, |night| unix_seconds(night.deadline_at));
    let met = night.is_some_and(|night| night.met);
    let latency = night.and_then(|night| night.latency_seconds);
    let figures = [
        (&catalogue::NIGHT_DEADLINE, deadline_at),
        (&catalogue::NIGHT_MET, if met { 1.0 } else { 0.0 }),
        (&catalogue::NIGHT_LATENCY, latency.unwrap_or(0.0)),
        (
            &catalogue::NIGHT_COMPLETION,
            night.map_or(0.0, |night| night.completion),
        ),
    ];
    for (entry, value) in figures {
        metrics.set(entry, &[handoff, &ago], value);
    }
}

fn show_heard(metrics: &Metrics, handoff: &str, past: &Past) {
    let done = &past.done;
    let instants = [
        done.backup_at,
        done.retry_at,
        done.check_at,
        done.deadline_at,
        past.summary_at,
        past.week_at,
    ];
    for (schedule, at) in SCHEDULES.into_iter().zip(instants) {
        let labels = [handoff, schedule];
        metrics.set(
            &catalogue::SCHEDULE_DONE,
            &labels,
            at.map_or(0.0, unix_seconds),
        );
    }
    for (source, at) in &past.heard {
        let labels = [handoff, source.name()];
        metrics.raise(&catalogue::TRIGGER_HEARD, &labels, unix_seconds(*at));
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{Past, show_past};
    use crate::{
        domain::{
            Instant,
            alert::Kind,
            ids::HandoffId,
            nights::{Done, Night},
            trigger::Source,
        },
        telemetry::{Metrics, expose},
    };

    fn now() -> Instant {
        "2026-01-19T15:00:00Z".parse().unwrap()
    }

    /// Of so many nights ago; every tenth was breached.
    fn night(ago: i64) -> Night {
        let met = ago % 10 != 0;
        Night {
            deadline_at: now() - TimeDelta::days(ago),
            met,
            started_by: met.then_some(Source::Event),
            latency_seconds: met.then_some(60.0 + ago as f64),
            completion: if met { 1.0 } else { 0.0 },
            alerted: (!met)
                .then_some(Kind::DeadlineBreached)
                .into_iter()
                .collect(),
        }
    }

    fn past() -> Past {
        Past {
            nights: (1..=40).map(night).collect(),
            season: 20,
            done: Done {
                backup_at: Some(now() - TimeDelta::hours(1)),
                ..Done::default()
            },
            summary_at: Some(now()),
            week_at: None,
            heard: vec![
                (Source::Event, now()),
                (Source::Event, now() - TimeDelta::days(1)),
            ],
            nights_target: 0.95,
        }
    }

    #[track_caller]
    fn assert_shows(metrics: &Metrics, lines: &[&str]) {
        let text = expose(metrics);
        for line in lines {
            assert!(text.contains(&format!("\n{line}\n")), "no `{line}`");
        }
    }

    #[test]
    fn each_window_adds_up_its_own_nights() {
        let metrics = Metrics::new(&[HandoffId::new("one")], &[]);
        show_past(&metrics, "one", &past());
        let lines = [
            "tipoff_nights{handoff=\"one\",verdict=\"met\",window=\"7_nights\"} 7",
            "tipoff_nights{handoff=\"one\",verdict=\"breached\",window=\"7_nights\"} 0",
            "tipoff_nights{handoff=\"one\",verdict=\"breached\",window=\"30_nights\"} 3",
            "tipoff_nights{handoff=\"one\",verdict=\"breached\",window=\"season\"} 2",
            "tipoff_started_nights{handoff=\"one\",started_by=\"event\",window=\"30_nights\"} 27",
            "tipoff_started_nights{handoff=\"one\",started_by=\"none\",window=\"30_nights\"} 3",
            "tipoff_unmeasured_nights{handoff=\"one\",window=\"season\"} 2",
            "tipoff_nights_start_latency_seconds{handoff=\"one\",statistic=\"worst\",window=\"7_nights\"} 67",
            "tipoff_nights_start_latency_seconds{handoff=\"one\",statistic=\"median\",window=\"7_nights\"} 64",
            "tipoff_nights_completion_ratio{handoff=\"one\",statistic=\"worst\",window=\"30_nights\"} 0",
            "tipoff_alerted_nights{handoff=\"one\",kind=\"deadline_breached\",window=\"30_nights\"} 3",
            "tipoff_budget_nights{handoff=\"one\"} 1.5",
        ];
        assert_shows(&metrics, &lines);
    }

    #[test]
    fn the_latest_nights_are_shown_one_by_one_and_what_is_no_more_goes() {
        let metrics = Metrics::new(&[HandoffId::new("one")], &[]);
        show_past(&metrics, "one", &past());
        let lines = [
            "tipoff_night_met{handoff=\"one\",nights_ago=\"1\"} 1",
            "tipoff_night_met{handoff=\"one\",nights_ago=\"10\"} 0",
            "tipoff_night_start_latency_seconds{handoff=\"one\",nights_ago=\"30\"} 0",
            "tipoff_night_start_latency_seconds{handoff=\"one\",nights_ago=\"29\"} 89",
            "tipoff_night_deadline_timestamp_seconds{handoff=\"one\",nights_ago=\"1\"} 1768748400",
        ];
        assert_shows(&metrics, &lines);
        let mut few = past();
        few.nights.truncate(1);
        show_past(&metrics, "one", &few);
        let gone = "tipoff_night_deadline_timestamp_seconds{handoff=\"one\",nights_ago=\"2\"} 0";
        assert_shows(&metrics, &[gone]);
    }

    #[test]
    fn what_was_last_heard_and_done_survives_a_restart() {
        let metrics = Metrics::new(&[HandoffId::new("one")], &[]);
        show_past(&metrics, "one", &past());
        let lines = [
            "tipoff_schedule_done_timestamp_seconds{handoff=\"one\",schedule=\"backup\"} 1768831200",
            "tipoff_schedule_done_timestamp_seconds{handoff=\"one\",schedule=\"retry\"} 0",
            "tipoff_schedule_done_timestamp_seconds{handoff=\"one\",schedule=\"summary\"} 1768834800",
            "tipoff_trigger_heard_timestamp_seconds{handoff=\"one\",source=\"event\"} 1768834800",
        ];
        assert_shows(&metrics, &lines);
    }
}
