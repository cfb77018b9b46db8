//! What asks for a run, and whether an upstream event may.
//!
//! The wire shapes of an event belong to `wire`; what a trigger does to a run belongs to `run`.

use serde::{Deserialize, Serialize};

use super::{
    Instant,
    ids::GameDate,
    reason::{Code, Reason},
};

/// What asked for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The upstream's completion event.
    Event,
    /// The run history said the upstream had finished and no event came.
    CatchUp,
    /// The backup schedule.
    Backup,
    /// A retry schedule.
    Retry,
    /// A person.
    Manual,
}

/// The upstream's word on how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamStatus {
    /// All of it.
    Success,
    /// Part of it.
    Partial,
    /// Nothing to do.
    NoData,
    /// It failed.
    Failed,
}

/// An upstream-complete event, whichever of the two wire shapes it came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UpstreamComplete {
    /// The date it is for.
    pub game_date: GameDate,
    /// The processor that sent it; `None` means the configured final one.
    pub processor: Option<String>,
    /// How it ended.
    pub status: UpstreamStatus,
    /// When the upstream finished: its own timestamp, never later than the message's publish time.
    pub finished_at: Option<Instant>,
    /// Units it says it processed.
    pub processed: Option<u64>,
    /// Units it says are ready.
    pub ready: Option<u64>,
    /// A backfill: not tonight's work.
    pub backfill_mode: bool,
    /// The sender asks that nothing be started.
    pub skip_downstream_trigger: bool,
    /// The upstream's own id of its run.
    pub run_id: Option<String>,
    /// The id that follows the work through the phases.
    pub correlation_id: Option<String>,
}

impl Source {
    /// Every source.
    pub const ALL: [Self; 5] = [
        Self::Event,
        Self::CatchUp,
        Self::Backup,
        Self::Retry,
        Self::Manual,
    ];

    /// The name as it stands in tables, metrics and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::CatchUp => "catch-up",
            Self::Backup => "backup",
            Self::Retry => "retry",
            Self::Manual => "manual",
        }
    }
}

/// A trigger that may move the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// What asked.
    pub source: Source,
    /// When the upstream finished, if the trigger says.
    pub finished_at: Option<Instant>,
    /// Dispatch now what is ready now, however few.
    pub force: bool,
    /// Replaces the minutes filter for this run.
    pub min_minutes: Option<f64>,
    /// Who, if a person.
    pub by: Option<String>,
}

impl Trigger {
    /// A trigger of this source that says nothing more.
    pub fn of(source: Source) -> Self {
        Self {
            source,
            finished_at: None,
            force: false,
            min_minutes: None,
            by: None,
        }
    }
}

/// Why an upstream event does not start a run; `None`: it may. Whether its date may is the run's to say.
pub fn refuse_event(event: &UpstreamComplete, final_processors: &[String]) -> Option<Reason> {
    if let Some(processor) = &event.processor
        && !final_processors.contains(processor)
    {
        let text = format!(
            "`{processor}` is not the final processor; {} is",
            final_processors.join(" or ")
        );
        return Some(Reason::new(Code::NotFinalProcessor, text));
    }
    if event.backfill_mode {
        return Some(Reason::new(
            Code::Backfill,
            "the event is a backfill, not tonight's work",
        ));
    }
    if event.skip_downstream_trigger {
        return Some(Reason::new(
            Code::SkipRequested,
            "the event asks that nothing be started",
        ));
    }
    match event.status {
        UpstreamStatus::Success | UpstreamStatus::Partial => None,
        UpstreamStatus::NoData => Some(Reason::new(
            Code::UpstreamStatus,
            "the upstream ended with no data",
        )),
        UpstreamStatus::Failed => Some(Reason::new(Code::UpstreamStatus, "the upstream failed")),
    }
}

/// Where a date stands for a new trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DateStanding {
    /// Its run is open, or may open.
    Open,
    /// Its run has closed, or would have: only a person may start it, as a backfill.
    Past(Reason),
    /// Later than the day after today's game date.
    TooFar(Reason),
}

/// Judges a date against the instant at which its run closes and today's game date.
pub fn judge_date(
    game_date: GameDate,
    today: GameDate,
    closes_at: Instant,
    now: Instant,
) -> DateStanding {
    if now >= closes_at {
        let text = format!("{game_date} is past: its run has closed, or would have");
        return DateStanding::Past(Reason::new(Code::PastDate, text));
    }
    if game_date.0 > today.0 + chrono::Days::new(1) {
        let text = format!("{game_date} is later than the day after today's game date, {today}");
        return DateStanding::TooFar(Reason::new(Code::FutureDate, text));
    }
    DateStanding::Open
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::{DateStanding, UpstreamComplete, UpstreamStatus, judge_date, refuse_event};
    use crate::domain::{Instant, ids::GameDate, reason::Code};

    fn date(text: &str) -> GameDate {
        GameDate(text.parse().unwrap())
    }

    fn event() -> UpstreamComplete {
        UpstreamComplete {
            game_date: date("2026-01-19"),
            processor: Some("MLFeatureStoreProcessor".to_owned()),
            status: UpstreamStatus::Success,
            finished_at: None,
            processed: None,
            ready: None,
            backfill_mode: false,
            skip_downstream_trigger: false,
            run_id: None,
            correlation_id: None,
        }
    }

    fn refused(event: &UpstreamComplete) -> Option<Code> {
        let last = [
            "ml_feature_store_v2".to_owned(),
            "MLFeatureStoreProcessor".to_owned(),
        ];
        refuse_event(event, &last).map(|reason| reason.code)
    }

    #[test]
    fn only_the_final_processor_starts_a_run_and_none_means_the_final_one() {
        assert_eq!(refused(&event()), None);
        let unnamed = UpstreamComplete {
            processor: None,
            ..event()
        };
        assert_eq!(refused(&unnamed), None);
        let earlier = UpstreamComplete {
            processor: Some("PlayerDailyCacheProcessor".to_owned()),
            ..event()
        };
        assert_eq!(refused(&earlier), Some(Code::NotFinalProcessor));
        let told = refuse_event(&earlier, &["a".to_owned(), "b".to_owned()]).unwrap();
        assert_eq!(
            told.text,
            "`PlayerDailyCacheProcessor` is not the final processor; a or b is"
        );
    }

    #[test]
    fn a_backfill_or_a_request_to_start_nothing_is_heeded() {
        let backfill = UpstreamComplete {
            backfill_mode: true,
            ..event()
        };
        assert_eq!(refused(&backfill), Some(Code::Backfill));
        let skips = UpstreamComplete {
            skip_downstream_trigger: true,
            ..event()
        };
        assert_eq!(refused(&skips), Some(Code::SkipRequested));
    }

    #[test]
    fn an_upstream_that_brought_at_least_part_starts_a_run() {
        let ended = |status| UpstreamComplete { status, ..event() };
        assert_eq!(refused(&ended(UpstreamStatus::Success)), None);
        assert_eq!(refused(&ended(UpstreamStatus::Partial)), None);
        let none = ended(UpstreamStatus::NoData);
        assert_eq!(refused(&none), Some(Code::UpstreamStatus));
        let failed = ended(UpstreamStatus::Failed);
        assert_eq!(refused(&failed), Some(Code::UpstreamStatus));
    }

    #[test]
    fn a_date_is_past_from_the_instant_its_run_closes() {
        let closes_at: Instant = "2026-01-20T15:00:00Z".parse().unwrap();
        let (tonight, today) = (date("2026-01-19"), date("2026-01-20"));
        let moment = TimeDelta::microseconds(1);
        let before = judge_date(tonight, today, closes_at, closes_at - moment);
        assert_eq!(before, DateStanding::Open);
        let then = judge_date(tonight, today, closes_at, closes_at);
        assert!(matches!(then, DateStanding::Past(why) if why.code == Code::PastDate));
    }

    #[test]
    fn tomorrow_may_be_asked_for_and_the_day_after_may_not() {
        let now: Instant = "2026-01-19T07:00:00Z".parse().unwrap();
        let later = now + TimeDelta::days(3);
        let today = date("2026-01-19");
        let stands = |day: &str| judge_date(date(day), today, later, now);
        assert_eq!(stands("2026-01-19"), DateStanding::Open);
        assert_eq!(stands("2026-01-20"), DateStanding::Open);
        let after = stands("2026-01-21");
        assert!(matches!(after, DateStanding::TooFar(why) if why.code == Code::FutureDate));
    }
}
