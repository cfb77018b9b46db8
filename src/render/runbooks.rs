//! Runbooks: stands in until they are written.
//!
//! Nothing else belongs here.

/// The runbook of this name.
pub fn runbook(name: &str) -> Option<&'static str> {
    (name == "deadline_breached")
        .then_some("# Deadline breached\n\nThe promise was not kept. Look at `tipoff status`.\n")
}
