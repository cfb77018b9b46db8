//! The service on a disk that fails, and killed at any write, sync, request or answer, with the power going out.
//!
//! `shim` is the disk, `lives` a night on it. Kills that need no disk of their own are in the modules beside this one.

mod full;
mod hook;
mod lives;
mod nights;
mod shim;
mod sick;
mod sweep;
mod trust;
