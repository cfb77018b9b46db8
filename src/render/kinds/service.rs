//! What alerts about the service's surroundings say: the warehouse, the channels, messages it cannot read.
//!
//! What a night does belongs to the other files.

use super::Guide;

pub const WAREHOUSE_UNREACHABLE: Guide = Guide {
    title: "Warehouse unreachable",
    meaning: "Tipoff goes on asking and takes nothing for granted until it is answered.",
    advice: &[
        "Look whether the warehouse is up, and the service's account may ask it",
        "See what waits for the answer: `tipoff status {night}`",
    ],
    runbook: "WarehouseUnreachable",
};

pub const CHANNEL_FAILING: Guide = Guide {
    title: "Channel failing",
    meaning: "Messages take the other channels meanwhile; this one is tried until it works again.",
    advice: &[
        "Look at the error: an address or a token that is no longer valid is the usual cause",
        "Correct it in the service's environment or configuration; `tipoff check` reads it again",
    ],
    runbook: "ChannelFailing",
};

pub const MESSAGES_QUARANTINED: Guide = Guide {
    title: "Messages quarantined",
    meaning: "They are kept with their bytes and did nothing so far.",
    advice: &[
        "See them and why: `tipoff quarantine list`",
        "Once what was wrong is mended: `tipoff quarantine replay ID`",
        "What is of no use: `tipoff quarantine drop ID`",
    ],
    runbook: "MessagesQuarantined",
};

pub const UPSTREAM_PUBLISH_FAILED: Guide = Guide {
    title: "Upstream publish failed",
    meaning: "The upstream finished and could not publish its completion; it told Tipoff directly, so the night goes on.",
    advice: &[
        "Look at the error: the topic, the account that may publish, the connection",
        "Ask what is wrong with the wiring: `tipoff doctor`",
    ],
    runbook: "UpstreamPublishFailed",
};

pub const WIRING_WRONG: Guide = Guide {
    title: "Wiring wrong",
    meaning: "Something that the night needs is missing or leads elsewhere; it shows only when the night comes.",
    advice: &[
        "See all of it, each with the command that mends it: `tipoff doctor`",
        "Run that command, then examine once more: `tipoff doctor`",
    ],
    runbook: "WiringWrong",
};
