//! A run as people and programs read it: the words of the specification, instants in the schedule's zone.
//!
//! How a run is kept belongs to the store; how an answer is sent belongs to `http`.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        Instant,
        alert::{Alert, Kind, Severity},
        completion::{Counts, GameCounts},
        forecast::Forecast,
        ids::{BatchId, GameDate, GameId, HandoffId},
        reason::Reason,
        run::{Run, State, foresee},
        sla::Verdict,
        trigger::Source,
        zone::Zone,
    },
    ports::store::HistoryEntry,
};

/// Most reasons that a run is shown with, the latest ones.
pub const REASONS_MAX: usize = 20;

/// An instant as it is written: RFC 3339 with the offset of the schedule's zone.
pub type LocalInstant = DateTime<FixedOffset>;

/// A run as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunView {
    /// Whose run.
    pub handoff: HandoffId,
    /// For which date.
    pub game_date: GameDate,
    /// Where it stands.
    pub state: State,
    /// The trigger that led or leads to the dispatch.
    pub started_by: Option<Source>,
    /// When the first trigger was accepted.
    pub started_at: Option<LocalInstant>,
    /// When every ready unit was satisfied, or the run was accepted.
    pub completed_at: Option<LocalInstant>,
    /// From the upstream's finish to the first dispatch, or until now while it grows.
    pub latency_seconds: Option<f64>,
    /// The current or last batch.
    pub batch_id: Option<BatchId>,
    /// Units, after the filters.
    pub counts: CountsView,
    /// Units that the filters took out.
    pub filtered: u64,
    /// Skipped and failed units by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Ready and predicted units by game.
    pub games: BTreeMap<GameId, GameCounts>,
    /// How it stands against its promise; `None` without one.
    pub verdict: Option<Verdict>,
    /// The promise; `None` without one.
    pub deadline_at: Option<LocalInstant>,
    /// When it will be finished; `None` where nothing is left to finish.
    pub forecast: Option<ForecastView>,
    /// Its alerts, open and resolved.
    pub alerts: Vec<AlertView>,
    /// Why it stands so: the latest reasons of its history, earliest first.
    pub why: Vec<WhyView>,
}

/// Units by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsView {
    /// Listed units that pass the filters.
    pub expected: u64,
    /// With a production-ready, fresh feature row.
    pub ready: u64,
    /// Frozen and sent.
    pub dispatched: u64,
    /// Predicted: with a row, or claimed by a worker.
    pub predicted: u64,
    /// Skipped, for good or not.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
    /// Dispatched and without an answer.
    pub outstanding: u64,
    /// Of these, published and younger than the answer time-out.
    pub in_flight: u64,
    /// Ready units that still need work.
    pub gap: u64,
    /// Claimed as predicted, and no row was found after the grace.
    pub claimed_missing: u64,
    /// Answers that changed nothing.
    pub duplicate: u64,
    /// Answers after their time-out.
    pub late: u64,
    /// Answers for units that the run does not know.
    pub unknown: u64,
}

/// When a run will be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForecastView {
    /// Most likely.
    pub finish_at: LocalInstant,
    /// At the earliest.
    pub earliest_at: LocalInstant,
    /// At the latest; `None`: no end is in sight.
    pub latest_at: Option<LocalInstant>,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertView {
    /// What is wrong.
    pub kind: Kind,
    /// The worst it has been.
    pub severity: Severity,
    /// What broke, with its numbers.
    pub text: String,
    /// When it opened.
    pub opened_at: LocalInstant,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// When it stopped to hold; `None`: it is open.
    pub resolved_at: Option<LocalInstant>,
}

/// One reason of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// When it was given.
    pub at: LocalInstant,
    /// Its name and its sentence.
    #[serde(flatten)]
    pub reason: Reason,
}

/// A night's history, and the zones its story is told in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryView {
    /// The schedule's zone.
    pub schedule_zone: Zone,
    /// The calendar's zone.
    pub calendar_zone: Zone,
    /// What happened, earliest first.
    pub entries: Vec<HistoryEntry>,
}

impl RunView {
    /// The run with its history, earliest entry first, as it stands `now`.
    pub fn of(run: &Run, history: &[HistoryEntry], now: Instant) -> Self {
        let zone = &run.policy.schedule.zone;
        let local = |at: Instant| local(zone, at);
        let counts = &run.counts;
        Self {
            handoff: run.key.handoff.clone(),
            game_date: run.key.game_date,
            state: run.state,
            started_by: run.start.by,
            started_at: run.start.triggered_at.map(local),
            completed_at: run.completed_at.map(local),
            latency_seconds: run.start_latency_seconds(now),
            batch_id: run.batch_id().cloned(),
            counts: CountsView::of(counts),
            filtered: counts.filtered,
            reasons: counts.reasons.clone(),
            games: counts.games.clone(),
            verdict: run.verdict(),
            deadline_at: run.has_promises().then(|| local(run.instants.deadline_at)),
            forecast: foresee(run, now).map(|forecast| ForecastView::of(forecast, zone)),
            alerts: run
                .alerts
                .iter()
                .map(|it| AlertView::of(it, zone))
                .collect(),
            why: latest_reasons(history, zone),
        }
    }
}

impl CountsView {
    fn of(counts: &Counts) -> Self {
        Self {
            expected: counts.expected,
            ready: counts.ready,
            dispatched: counts.dispatched,
            predicted: counts.plan.predicted(),
            skipped: counts.skipped(),
            failed: counts.failed(),
            outstanding: counts.outstanding(),
            in_flight: counts.in_flight,
            gap: counts.gap(),
            claimed_missing: counts.missing,
            duplicate: counts.duplicates,
            late: counts.late,
            unknown: counts.unknown,
        }
    }
}

impl ForecastView {
    fn of(forecast: Forecast, zone: &Zone) -> Self {
        Self {
            finish_at: local(zone, forecast.finish_at),
            earliest_at: local(zone, forecast.earliest_at),
            latest_at: forecast.latest_at.map(|at| local(zone, at)),
        }
    }
}

impl AlertView {
    fn of(alert: &Alert, zone: &Zone) -> Self {
        Self {
            kind: alert.kind,
            severity: alert.severity,
            text: alert.text.clone(),
            opened_at: local(zone, alert.opened_at),
            acknowledged_by: alert.acknowledged.as_ref().map(|it| it.by.clone()),
            resolved_at: alert.resolved_at.map(|at| local(zone, at)),
        }
    }
}

fn latest_reasons(history: &[HistoryEntry], zone: &Zone) -> Vec<WhyView> {
    let all: Vec<WhyView> = history
        .iter()
        .flat_map(|entry| entry.why.iter().map(|reason| (entry.at, reason)))
        .map(|(at, reason)| WhyView {
            at: local(zone, at),
            reason: reason.clone(),
        })
        .collect();
    all[all.len().saturating_sub(REASONS_MAX)..].to_vec()
}

/// The instant with the zone's offset at that instant.
pub fn local(zone: &Zone, at: Instant) -> LocalInstant {
    let ahead = zone.local(at) - at.naive_utc();
    let offset = i32::try_from(ahead.num_seconds())
        .ok()
        .and_then(FixedOffset::east_opt);
    match offset {
        Some(offset) => at.with_timezone(&offset),
        // No zone is a day or more from UTC; UTC is at least not wrong.
        None => at.fixed_offset(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{HistoryEntry, REASONS_MAX, Run, RunView, local};
    use crate::domain::{
        Instant,
        calendar::Expectation,
        reason::{Code, Reason},
        run::{Opening, State, sample},
        zone::Zone,
    };

    fn instant(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn run(expectation: Expectation) -> Run {
        let opening = Opening {
            expectation,
            ..sample::opening()
        };
        Run::open(opening, instant("2026-01-19T05:00:00Z"))
    }

    fn entry(run: &Run, text: String) -> HistoryEntry {
        HistoryEntry {
            key: run.key.clone(),
            at: instant("2026-01-19T08:00:00.5Z"),
            step: None,
            event: None,
            state: Some(State::Expected),
            why: vec![Reason::new(Code::NothingDue, text)],
            effects: Vec::new(),
        }
    }

    #[test]
    fn a_run_has_exactly_the_promised_names() {
        let run = run(Expectation::Unknown);
        let view = RunView::of(&run, &[], instant("2026-01-19T08:00:00Z"));
        let written = serde_json::to_value(&view).unwrap();
        let names: Vec<&String> = written.as_object().unwrap().keys().collect();
        let mut promised = [
            "handoff",
            "game_date",
            "state",
            "started_by",
            "started_at",
            "completed_at",
            "latency_seconds",
            "batch_id",
            "counts",
            "filtered",
            "reasons",
            "games",
            "verdict",
            "deadline_at",
            "forecast",
            "alerts",
            "why",
        ];
        promised.sort_unstable();
        assert_eq!(names, promised);
        assert_eq!(written["deadline_at"], "2026-01-19T07:00:00-08:00");
        assert_eq!(written["state"], "expected");
        assert_eq!(written["started_by"], Value::Null);
        assert_eq!(written["verdict"], "on_track");
        assert_eq!(serde_json::from_value::<RunView>(written).unwrap(), view);
    }

    #[test]
    fn a_date_without_games_has_no_verdict_deadline_or_forecast() {
        let run = run(Expectation::NoGames);
        let view = RunView::of(&run, &[], instant("2026-01-19T08:00:00Z"));
        assert_eq!(
            (view.verdict, view.deadline_at, view.forecast),
            (None, None, None)
        );
    }

    #[test]
    fn the_latest_reasons_are_shown_with_their_instants() {
        let run = run(Expectation::Unknown);
        let history: Vec<HistoryEntry> = (0..=REASONS_MAX)
            .map(|number| entry(&run, number.to_string()))
            .collect();
        let view = RunView::of(&run, &history, instant("2026-01-19T08:00:00Z"));
        assert_eq!(view.why.len(), REASONS_MAX);
        assert_eq!(
            serde_json::to_value(&view.why[0]).unwrap(),
            json!({"at": "2026-01-19T00:00:00.500-08:00", "code": "nothing_due", "text": "1"})
        );
    }

    #[test]
    fn the_offset_follows_the_clock_change() {
        let zone: Zone = "America/Los_Angeles".parse().unwrap();
        let text = |at| local(&zone, instant(at)).to_rfc3339();
        assert_eq!(text("2026-03-08T09:59:59Z"), "2026-03-08T01:59:59-08:00");
        assert_eq!(text("2026-03-08T10:00:00Z"), "2026-03-08T03:00:00-07:00");
    }
}
