//! A stand-in until the layouts are merged: a letter as plain text.
//!
//! Nothing else belongs here.

use super::letter::Letter;

/// The letter as plain text.
pub fn text(letter: &Letter) -> String {
    format!("{}\n\n{}\n", letter.headline, letter.footer)
}
