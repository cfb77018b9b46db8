//! What alerts about a night's beginning say: the upstream, the trigger, and what the run started with.
//!
//! What is sent and answered belongs to `work`.

use super::Guide;

pub const NOTHING_DISPATCHED: Guide = Guide {
    title: "Nothing dispatched",
    meaning: "The run has failed: without rows that become ready or a person's start, nothing will be predicted.",
    advice: &[
        "See what would be sent now: `tipoff start --dry-run --force {night}`",
        "Send what is ready, however little: `tipoff start --force {night}`",
        "See what was missing: `tipoff explain {night}`",
    ],
    runbook: "NothingDispatched",
};

pub const EVENT_PATH_SILENT: Guide = Guide {
    title: "Event path silent",
    meaning: "The night is under way, later than it could be: the upstream's completion event did not arrive.",
    advice: &[
        "See whether it came and was not understood: `tipoff quarantine list`",
        "Look at the upstream's publisher, its topic and the subscription",
        "See what was turned down and why: `tipoff explain {night}`",
    ],
    runbook: "EventPathSilent",
};

pub const UPSTREAM_LATE: Guide = Guide {
    title: "Upstream late",
    meaning: "Nothing can start before the upstream has finished.",
    advice: &[
        "Look at the upstream's own run",
        "See what is ready so far: `tipoff status {night}`",
        "If its rows are good, send what is ready: `tipoff start --force {night}`",
    ],
    runbook: "UpstreamLate",
};

pub const STARTED_DEGRADED: Guide = Guide {
    title: "Started degraded",
    meaning: "The wait was over, so it started with less than it should have.",
    advice: &[
        "Once the upstream's rows are there, send what became ready: `tipoff start {night}`",
        "See what was missing: `tipoff explain {night}`",
    ],
    runbook: "StartedDegraded",
};

pub const FEATURES_STALE: Guide = Guide {
    title: "Features stale",
    meaning: "They count as not ready until the upstream writes them anew.",
    advice: &[
        "Look why the upstream did not write them again; then let it",
        "See what is ready: `tipoff status {night}`",
    ],
    runbook: "FeaturesStale",
};

pub const SLATE_MISMATCH: Guide = Guide {
    title: "Slate mismatch",
    meaning: "The night looks unlike nights with this many games: much may be missing though nothing failed.",
    advice: &[
        "Compare what was listed and ready with the schedule: `tipoff status {night}`",
        "If the upstream left some out, let it run again, then: `tipoff start {night}`",
    ],
    runbook: "SlateMismatch",
};

pub const START_LATENCY_HIGH: Guide = Guide {
    title: "Start latency high",
    meaning: "Time from the upstream's finish to the first dispatch is lost for the workers.",
    advice: &[
        "See what it waited for: `tipoff explain {night}`",
        "If it still waits and the rows are good: `tipoff start --force {night}`",
    ],
    runbook: "StartLatencyHigh",
};

pub const READINESS_GAP: Guide = Guide {
    title: "Readiness gap",
    meaning: "It does not count against the promise, and nobody gets a prediction for them.",
    advice: &[
        "Look in the upstream why they are not ready: `tipoff status {night}`",
        "Once they are, send what became ready: `tipoff start {night}`",
    ],
    runbook: "ReadinessGap",
};

pub const UNITS_ON_EMPTY_DATE: Guide = Guide {
    title: "Units on an empty date",
    meaning: "Either the season file is wrong, or the upstream listed what does not exist.",
    advice: &[
        "See what is listed: `tipoff status {night}`",
        "Correct the season file or the upstream's listing",
    ],
    runbook: "UnitsOnEmptyDate",
};
