//! What alerts about the promise say: the deadline, its verdict, and how much is done.
//!
//! How a night begins belongs to `begin`, its workers to `work`.

use super::Guide;

pub const DEADLINE_BREACHED: Guide = Guide {
    title: "Deadline breached",
    meaning: "The promise is broken and the verdict stays; what is finished now is late, and still worth finishing.",
    advice: &[
        "See what happened and why: `tipoff explain {night}`",
        "Send again what needs work: `tipoff retry {night}`",
        "If nothing asked for the run: `tipoff start {night}`",
    ],
    runbook: "DeadlineBreached",
};

pub const NOTHING_PREDICTED: Guide = Guide {
    title: "Nothing predicted",
    meaning: "The deadline has passed without a single prediction.",
    advice: &[
        "See how far it got: `tipoff explain {night}`",
        "Look whether the workers run; then send again: `tipoff retry {night}`",
    ],
    runbook: "NothingPredicted",
};

pub const COMPLETION_LOW: Guide = Guide {
    title: "Completion low",
    meaning: "Too few of what was sent is predicted or skipped for good.",
    advice: &[
        "See the reasons that the workers gave: `tipoff status {night}`",
        "Send again what needs work: `tipoff retry {night}`",
    ],
    runbook: "CompletionLow",
};

pub const GAP_EXCEEDED: Guide = Guide {
    title: "Gap too large",
    meaning: "More of what is ready still needs work than the promise tolerates.",
    advice: &[
        "See the reasons that the workers gave: `tipoff status {night}`",
        "Send again what needs work: `tipoff retry {night}`",
    ],
    runbook: "GapExceeded",
};

pub const VERDICT_UNCONFIRMED: Guide = Guide {
    title: "Verdict unconfirmed",
    meaning: "The first comparison with the tables that succeeds may correct the verdict once.",
    advice: &[
        "Look why the warehouse does not answer; Tipoff goes on asking",
        "See whether it is confirmed by now: `tipoff status {night}`",
    ],
    runbook: "VerdictUnconfirmed",
};

pub const DEADLINE_AT_RISK: Guide = Guide {
    title: "Deadline at risk",
    meaning: "At the present pace the night may end after its deadline.",
    advice: &[
        "See what it waits for: `tipoff status {night}`",
        "If workers are too slow, start more of them",
        "If only the upstream's rows are missing, send what is ready: `tipoff start --force {night}`",
    ],
    runbook: "DeadlineAtRisk",
};
