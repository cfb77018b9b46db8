//! What the upstream phase does on a generated night: when it finishes, what it writes, whether its event comes.
//!
//! The event's wire shape belongs to `wire`.

use chrono::{NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::America::Los_Angeles;
use rand::Rng;
use serde_json::json;

use super::{figures::Figures, night::Night, random};
use crate::{
    domain::{Instant, ids::GameDate, trigger::UpstreamStatus},
    warehouse::RunHistoryRow,
};

/// The last of the upstream's processors, whose end starts the run.
pub const FINAL_PROCESSOR: &str = "ml_feature_store_v2";

/// Another of the upstream's processors, whose end starts nothing.
const EARLIER_PROCESSOR: &str = "player_composite_factors";

/// The upstream finishes within so many minutes after midnight in Los Angeles.
const FINISH_MINUTES_MAX: i64 = 30;

/// The final processor runs between so many minutes.
const RUN_MINUTES: (i64, i64) = (12, 22);

/// On one night in so many the event does not come. The records do not say on which, so the seed does.
const EVENT_LOST_ONE_IN: u32 = 8;

/// The upstream's night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// The date.
    pub game_date: GameDate,
    /// When its final processor started.
    pub started_at: Instant,
    /// When its final processor finished.
    pub finished_at: Instant,
    /// How it ended, by its own word.
    pub status: UpstreamStatus,
    /// Whether its completion event is sent; never lost on the designed night.
    pub sends_event: bool,
    /// Its own id of its run.
    pub run_id: String,
    /// Players it processed.
    pub processed: u32,
    /// Players it made ready.
    pub ready: u32,
}

impl Upstream {
    /// The upstream of a night; `None` on a date without games, on which it does not run.
    pub fn generate(night: &Night, figures: &Figures, seed: u64) -> Option<Self> {
        if figures.games.value == 0 {
            return None;
        }
        let mut random = random(seed, night.game_date, "upstream");
        let after_midnight = TimeDelta::seconds(random.random_range(0..=FINISH_MINUTES_MAX * 60));
        let finished_at = midnight(night.game_date) + after_midnight;
        let ran = TimeDelta::minutes(random.random_range(RUN_MINUTES.0..=RUN_MINUTES.1));
        let event_lost = random.random_range(0..EVENT_LOST_ONE_IN) == 0;
        Some(Self {
            game_date: night.game_date,
            started_at: finished_at - ran,
            finished_at,
            status: UpstreamStatus::Success,
            sends_event: night == Night::designed() || !event_lost,
            run_id: format!("phase4-{}", night.game_date),
            processed: figures.feature_rows.value,
            ready: figures.ready.value,
        })
    }

    /// The run history while the final processor is at work.
    pub fn running_rows(&self) -> Vec<RunHistoryRow> {
        let earlier = self.row(EARLIER_PROCESSOR, Some(self.started_at));
        vec![earlier, self.row(FINAL_PROCESSOR, None)]
    }

    /// The run history once the final processor has finished.
    pub fn finished_rows(&self) -> Vec<RunHistoryRow> {
        let earlier = self.row(EARLIER_PROCESSOR, Some(self.started_at));
        vec![earlier, self.row(FINAL_PROCESSOR, Some(self.finished_at))]
    }

    fn row(&self, processor_name: &str, processed_at: Option<Instant>) -> RunHistoryRow {
        let started_at = match processor_name {
            FINAL_PROCESSOR => self.started_at,
            _ => self.started_at - TimeDelta::minutes(RUN_MINUTES.0),
        };
        let duration = processed_at.map(|end| end - started_at);
        RunHistoryRow {
            processor_name: processor_name.to_owned(),
            run_id: format!("{}-{processor_name}", self.run_id),
            data_date: self.game_date,
            status: match processed_at {
                Some(_) => "success".to_owned(),
                None => "running".to_owned(),
            },
            records_processed: processed_at.map(|_| u64::from(self.processed)),
            started_at,
            processed_at,
            triggered_by: None,
            trigger_source: Some("scheduler".to_owned()),
            trigger_message_id: None,
            duration_seconds: duration.map(|duration| duration.as_seconds_f64()),
            phase: "phase_4_precompute".to_owned(),
            summary: json!({"players_processed": self.processed, "players_ready": self.ready}),
            errors: json!([]),
        }
    }
}

/// Midnight in Los Angeles, where the upstream runs.
fn midnight(game_date: GameDate) -> Instant {
    let local = game_date.0.and_time(NaiveTime::MIN);
    Los_Angeles
        .from_local_datetime(&local)
        .earliest()
        .map_or_else(|| local.and_utc(), |at| at.with_timezone(&Utc))
}
