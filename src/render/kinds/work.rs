//! What alerts about the work say: workers, batches, answers and rows.
//!
//! What it means for the promise belongs to `promise`.

use super::Guide;

pub const WORKERS_SILENT: Guide = Guide {
    title: "Workers silent",
    meaning: "The workers are probably down, or their answers do not arrive.",
    advice: &[
        "Look whether the workers run and can reach the service",
        "See whether answers came and were not understood: `tipoff quarantine list`",
        "Once they run, send again what got no answer: `tipoff retry {night}`",
    ],
    runbook: "WorkersSilent",
};

pub const BATCH_STALLED: Guide = Guide {
    title: "Batch stalled",
    meaning: "Nothing is sent or answered any more; slots free themselves when the answer time-out ends.",
    advice: &[
        "See what is in flight: `tipoff status {night}`",
        "Send again what is no longer in flight: `tipoff retry {night}`",
        "As a last resort, end the batch and keep its answers: `tipoff reset {night}`",
    ],
    runbook: "BatchStalled",
};

pub const GAME_WITHOUT_PREDICTIONS: Guide = Guide {
    title: "Game without predictions",
    meaning: "A whole game is missing, which mostly has one cause: its data, or its identifier.",
    advice: &[
        "See the game's counts and reasons: `tipoff status {night}`",
        "Look whether the upstream has rows for that game",
        "Once it has, send what became ready: `tipoff start {night}`",
    ],
    runbook: "GameWithoutPredictions",
};

pub const CLAIMED_MISSING: Guide = Guide {
    title: "Claimed but missing",
    meaning: "Workers said predicted, and the rows are not in the table.",
    advice: &[
        "Look whether the workers' writes to the prediction table fail",
        "Then have them done again: `tipoff retry {night}`",
    ],
    runbook: "ClaimedMissing",
};
