//! The forms on the page of a message: to acknowledge, and to silence.
//!
//! What is sent is read by `wire::reply`; the rest of the page belongs to `page`.

use maud::{Markup, html};

use super::page::{View, kind_title};
use crate::{
    domain::alert::Alert,
    wire::{
        Malformed,
        alerts::{NAME_CHARACTERS_MAX, REASON_CHARACTERS_MAX},
        reply::TOMORROW,
    },
};

/// What stands in the form, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Entered {
    by: Option<String>,
    reason: String,
    silences: bool,
    /// What is wrong, as a sentence.
    pub error: Option<String>,
}

impl Entered {
    /// What was sent, with what is wrong with it.
    pub fn of(form: &[(String, String)], malformed: &Malformed) -> Self {
        let value = |name: &str| {
            let found = form.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| value.clone())
        };
        let error = match malformed.field() {
            Some("by") => {
                format!(
                    "Say who you are, in {NAME_CHARACTERS_MAX} characters at most: nothing was done."
                )
            }
            Some("reason") => {
                format!("Say why, in {REASON_CHARACTERS_MAX} characters at most: nothing was done.")
            }
            Some(_) | None => format!("Nothing was done: {malformed}."),
        };
        Self {
            by: value("by"),
            reason: value("reason").unwrap_or_default(),
            silences: value("action").as_deref() == Some("silence"),
            error: Some(error),
        }
    }
}

impl View {
    pub(super) fn acknowledge_form(&self, entered: &Entered) -> Markup {
        let waits = |alert: &&Alert| alert.is_open() && alert.acknowledged.is_none();
        let waiting: Vec<&Alert> = self.alerts.iter().filter(waits).collect();
        let what = match waiting.as_slice() {
            [] => return html! {},
            [one] => format!("Acknowledge “{}”", kind_title(one.kind)),
            several => format!("Acknowledge {} alerts", several.len()),
        };
        html! {
            section {
                form method="post" action=(self.token) {
                    input type="hidden" name="action" value="acknowledge";
                    @for alert in &waiting { input type="hidden" name="alert" value=(alert.name()); }
                    (self.name_field("acknowledge-by", entered))
                    @if waiting.len() > 1 { p.quiet { (titles(&waiting)) } }
                    button type="submit" { (what) }
                    p.quiet style="margin-top:.5rem" { "You take it on: nobody is reminded of it, and it rises no further." }
                }
            }
        }
    }

    pub(super) fn silence_form(&self, entered: &Entered) -> Markup {
        if self.kinds.is_empty() {
            return html! {};
        }
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind_title(*kind)).collect();
        let lengths = [
            ("1h", "1 hour".to_owned()),
            ("4h", "4 hours".to_owned()),
            (
                TOMORROW,
                format!("until {}", self.when(self.tomorrow_noon_at)),
            ),
        ];
        html! {
            details open[entered.silences] {
                summary { "Silence it instead" }
                form method="post" action=(self.token) {
                    p.quiet {
                        "Nothing is sent of " strong { (kinds.join(", ")) } " of "
                        (self.notice.about.handoff().map_or("the service", |id| id.as_str()))
                        " until then, also of another night. It is still stored and shown; that it is over is still told."
                    }
                    input type="hidden" name="action" value="silence";
                    fieldset {
                        legend { "For how long" }
                        @for (index, (value, text)) in lengths.iter().enumerate() {
                            label { input type="radio" name="for" value=(value) checked[index == 0]; (text) }
                        }
                    }
                    (self.name_field("silence-by", entered))
                    label for="reason" { "Why" }
                    input #reason type="text" name="reason" required maxlength=(REASON_CHARACTERS_MAX) value=(entered.reason);
                    button.second type="submit" { "Silence" }
                }
            }
        }
    }

    fn name_field(&self, id: &str, entered: &Entered) -> Markup {
        let name = entered.by.as_deref().or(self.reader.as_deref());
        html! {
            label for=(id) { "Your name" }
            input id=(id) type="text" name="by" required maxlength=(NAME_CHARACTERS_MAX) autocomplete="name" value=(name.unwrap_or_default());
        }
    }
}

fn titles(alerts: &[&Alert]) -> String {
    let titles: Vec<&str> = alerts.iter().map(|it| kind_title(it.kind)).collect();
    titles.join(", ")
}
