//! The service killed, and started again: the real program as a child process, on the real clock, with SIGKILL.
//!
//! What a service without an accident does belongs elsewhere.

mod alerts;
mod critical;
mod data;
mod digest;
mod disk;
mod incidents;
mod night;
mod office;
mod often;
mod points;
mod proof;
mod push;
mod service;
mod sight;
mod tally;
mod told;
mod workers;
