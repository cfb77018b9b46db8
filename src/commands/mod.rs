//! One file a subcommand: what it takes, what it prints, how it exits.
//!
//! Parsing the command line belongs to `main`, everything worth testing without a terminal to the layers below.

pub mod check;
