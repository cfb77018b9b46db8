//! A stand-in until the layouts are merged: a letter as a page.
//!
//! Nothing else belongs here.

use maud::{DOCTYPE, html};

use super::letter::Letter;

/// The letter as a page.
pub fn page(letter: &Letter) -> String {
    let page = html! {
        (DOCTYPE)
        p { (letter.headline) }
        @for picture in &letter.pictures {
            img src=(format!("cid:{}", picture.name)) alt=(picture.text);
        }
    };
    page.into_string()
}
