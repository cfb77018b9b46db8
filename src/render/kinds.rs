//! What each kind of alert says to its reader: title, meaning, what can be done now, and which runbook says more.
//!
//! The numbers are in the alert; layout belongs to the letters.

use crate::domain::alert::Kind;

mod begin;
mod promise;
mod service;
mod work;

/// Stands in advice for the arguments by which a command knows the night.
pub const NIGHT: &str = "{night}";

/// What one kind of alert says to its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guide {
    /// The symptom, as a title.
    pub title: &'static str,
    /// What it means, as sentences.
    pub meaning: &'static str,
    /// What the reader can do now, most useful first, with the very command; [`NIGHT`] stands for its arguments.
    pub advice: &'static [&'static str],
    /// The name of its runbook.
    pub runbook: &'static str,
}

/// What a kind of alert says to its reader.
pub fn guide(kind: Kind) -> Guide {
    match kind {
        Kind::DeadlineBreached => promise::DEADLINE_BREACHED,
        Kind::NothingDispatched => begin::NOTHING_DISPATCHED,
        Kind::NothingPredicted => promise::NOTHING_PREDICTED,
        Kind::CompletionLow => promise::COMPLETION_LOW,
        Kind::GapExceeded => promise::GAP_EXCEEDED,
        Kind::VerdictUnconfirmed => promise::VERDICT_UNCONFIRMED,
        Kind::EventPathSilent => begin::EVENT_PATH_SILENT,
        Kind::UpstreamLate => begin::UPSTREAM_LATE,
        Kind::StartedDegraded => begin::STARTED_DEGRADED,
        Kind::FeaturesStale => begin::FEATURES_STALE,
        Kind::SlateMismatch => begin::SLATE_MISMATCH,
        Kind::StartLatencyHigh => begin::START_LATENCY_HIGH,
        Kind::WorkersSilent => work::WORKERS_SILENT,
        Kind::BatchStalled => work::BATCH_STALLED,
        Kind::DeadlineAtRisk => promise::DEADLINE_AT_RISK,
        Kind::GameWithoutPredictions => work::GAME_WITHOUT_PREDICTIONS,
        Kind::ClaimedMissing => work::CLAIMED_MISSING,
        Kind::ReadinessGap => begin::READINESS_GAP,
        Kind::WarehouseUnreachable => service::WAREHOUSE_UNREACHABLE,
        Kind::UnitsOnEmptyDate => begin::UNITS_ON_EMPTY_DATE,
        Kind::ChannelFailing => service::CHANNEL_FAILING,
        Kind::MessagesQuarantined => service::MESSAGES_QUARANTINED,
        Kind::UpstreamPublishFailed => service::UPSTREAM_PUBLISH_FAILED,
        Kind::WiringWrong => service::WIRING_WRONG,
    }
}
