//! Where messages go: for now the console and the log.
//!
//! What a message says belongs to `render`.

pub mod console;
