//! The state machine's own tests: nights told as events in a row, no async, no mocks.
//!
//! Each file answers one question about a run. What adapters do with effects does not belong here.

mod alerts;
mod backfill;
mod histories;
mod night;
mod people;
mod readiness;
mod retry;
mod settling;
mod timers;
mod triggers;
mod verdict;
mod world;
