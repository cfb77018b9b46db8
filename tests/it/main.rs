//! Tests that meet the whole service from outside, in one binary.
//!
//! What one file promises is tested next to it.

mod down;
mod kill;
