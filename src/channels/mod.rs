//! Where messages go: mail, the console and the log.
//!
//! What a message says belongs to `render`.

pub mod console;
pub mod email;
