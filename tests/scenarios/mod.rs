//! Nights that went wrong, played against the whole service: real HTTP, real store, real tables, and a clock that is
//! moved. Each test is a row of the season's incidents, named by its number, or a property of a whole night.
//!
//! What one endpoint answers belongs to the HTTP tests, what one step decides to the domain's own.

mod alerting;
mod answers;
mod counting;
mod delivery;
mod heartbeat;
mod lines;
mod listing;
mod night;
mod parts;
mod retries;
mod slate;
mod start;
mod summaries;
mod tables;
mod triggers;
mod witness;
