//! A letter as a page for mail: one column that fits a phone, light and dark, readable without pictures.
//!
//! What it says belongs to `letter`. Nothing is loaded from elsewhere: pictures are parts of the mail.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::letter::{Item, Letter, Link, Picture, Status, Table};
use crate::domain::alert::Severity;

/// The only styles that mail readers do not take inline: dark mode and wide screens.
const STYLE: &str = include_str!("html/letter.css");

/// Spaces that keep a mail reader from filling its preview with the text after the preheader.
const PREVIEW_END: &str = "&#8199;&#847;";

/// How many of them.
const PREVIEW_END_TIMES: usize = 80;

/// Columns of a table that fit beside one another on a phone.
const COLUMNS_MAX: usize = 5;

/// The letter as a whole HTML page.
pub fn page(letter: &Letter) -> String {
    let word = letter.status.word();
    let preheader = format!("{word}: {}", letter.headline);
    let markup = html! {
        (DOCTYPE)
        html lang="en" dir="ltr" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="supported-color-schemes" content="light dark";
                title { (letter.subject) }
                style { (PreEscaped(STYLE)) }
            }
            body style=(BODY) {
                div style="display:none;max-height:0;overflow:hidden" {
                    (preheader) (PreEscaped(PREVIEW_END.repeat(PREVIEW_END_TIMES)))
                }
                div role="article" aria-label=(letter.subject) lang="en" class="page" style=(PAGE) {
                    (top(letter))
                    (notes(&letter.notes))
                    @for item in &letter.items { (alert(item, letter.items.len() > 1)) }
                    (buttons(&letter.links))
                    (list("What you can do", &letter.advice))
                    (pictures(&letter.pictures))
                    (table(letter.table.as_ref()))
                    (facts(&letter.facts))
                    (units(letter))
                    (list("What Tipoff did", &letter.done))
                    (list("What it does next by itself", &letter.next))
                    (links(&letter.links))
                    p class="faint" style=(FAINT) { (letter.footer) }
                }
            }
        }
    };
    markup.into_string()
}

const BODY: &str = "margin:0;padding:0;background:#eef0f3;color:#1b1f24;\
                    font:16px/1.45 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
                    -webkit-text-size-adjust:100%";
const PAGE: &str = "max-width:640px;margin:0 auto;padding:16px;background:#ffffff;overflow-wrap:anywhere;\
                    word-break:break-word";
const FAINT: &str = "margin:24px 0 0;font-size:13px;color:#57606a";
const HEADING: &str = "margin:24px 0 6px;font-size:15px;line-height:1.3;color:#57606a";
const CODE: &str = "display:block;margin:2px 0 0;padding:4px 8px;border-radius:4px;background:#eef0f3;\
                    font:14px/1.4 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere";

/// The colour behind a status' word, dark enough for white letters.
fn colour(status: Status) -> &'static str {
    match status {
        Status::Holds(Severity::Critical) => "#b3151d",
        Status::Holds(Severity::Warning) => "#8a4b00",
        Status::Holds(Severity::Info) | Status::Summary => "#1f4f8f",
        Status::Resolved => "#1a6b35",
        Status::Test => "#5b3a8c",
    }
}

fn badge(status: Status) -> Markup {
    let style = format!(
        "display:inline-block;padding:3px 10px;border-radius:4px;background:{};color:#ffffff;\
         font-size:14px;font-weight:700;letter-spacing:0.04em",
        colour(status)
    );
    html! { span style=(style) { (status.word()) } }
}

fn top(letter: &Letter) -> Markup {
    html! {
        div { (badge(letter.status)) }
        h1 style="margin:12px 0 4px;font-size:22px;line-height:1.3" { (letter.headline) }
        p class="faint" style="margin:0;font-size:14px;color:#57606a" { (letter.subject) }
    }
}

fn notes(notes: &[String]) -> Markup {
    let style = "margin:12px 0 0;padding:2px 12px 8px;border-left:4px solid #8a4b00;background:#fff6e5;color:#1b1f24";
    html! {
        @if !notes.is_empty() {
            div class="note" style=(style) {
                @for note in notes { p style="margin:6px 0 0" { (note) } }
            }
        }
    }
}

/// One alert; the only one needs no word of its own beside the message's.
fn alert(item: &Item, is_one_of_many: bool) -> Markup {
    let edge = format!(
        "margin:16px 0 0;padding:2px 0 2px 12px;border-left:4px solid {}",
        colour(item.status)
    );
    html! {
        div style=(edge) {
            p style="margin:0" {
                @if is_one_of_many { (badge(item.status)) " " }
                strong { (item.title) }
                " – " (item.change)
            }
            p style="margin:6px 0 0" { (item.text) }
            p class="faint" style="margin:6px 0 0;font-size:14px;color:#57606a" {
                "Since " (item.since)
                @if let Some(who) = &item.acknowledged { br; "Acknowledged by " (who) }
            }
        }
    }
}

/// A text in which what stands between backticks is a command, on a line of its own and broken between words only.
fn with_commands(text: &str) -> Markup {
    let parts = text.split('`').enumerate();
    html! {
        @for (index, part) in parts {
            @if index % 2 == 1 {
                code class="code" style=(CODE) {
                    @for word in part.split_whitespace() {
                        span style="display:inline-block;max-width:100%" { (word) } " "
                    }
                }
            } @else { (part) }
        }
    }
}

fn list(title: &str, texts: &[String]) -> Markup {
    html! {
        @if !texts.is_empty() {
            h2 class="faint" style=(HEADING) { (title) }
            ul style="margin:0;padding:0 0 0 20px" {
                @for text in texts { li style="margin:0 0 6px" { (with_commands(text)) } }
            }
        }
    }
}

fn buttons(links: &[Link]) -> Markup {
    let style = "display:block;margin:20px 0 0;padding:14px 16px;border-radius:8px;background:#1f4f8f;\
                 color:#ffffff;font-size:18px;font-weight:700;text-align:center;text-decoration:none";
    html! {
        @for link in links.iter().filter(|link| link.primary) {
            a class="button" role="button" href=(link.url) style=(style) { (link.label) }
        }
    }
}

fn links(links: &[Link]) -> Markup {
    html! {
        @if links.iter().any(|link| !link.primary) {
            h2 class="faint" style=(HEADING) { "Read on" }
            @for link in links.iter().filter(|link| !link.primary) {
                p style="margin:0 0 8px" { a class="link" href=(link.url) style="color:#1f4f8f" { (link.label) } }
            }
        }
    }
}

fn pictures(pictures: &[Picture]) -> Markup {
    let style = "display:block;width:100%;height:auto;margin:16px 0 0;border:0;background:#ffffff;color:#1b1f24";
    html! {
        @for picture in pictures {
            img src=(format!("cid:{}", picture.name)) alt=(picture.text) width="100%" style=(style);
        }
    }
}

fn facts(facts: &[(String, String)]) -> Markup {
    let (label, value) = (
        "padding:5px 10px 5px 0;vertical-align:top;text-align:left;font-weight:400;color:#57606a;width:34%",
        "padding:5px 0;vertical-align:top",
    );
    html! {
        @if !facts.is_empty() {
            h2 class="faint" style=(HEADING) { "In numbers" }
            table role="table" style="width:100%;border-collapse:collapse;font-size:15px" {
                @for (name, number) in facts {
                    tr class="row" style="border-top:1px solid #d8dee4" {
                        th scope="row" class="faint" style=(label) { (name) }
                        td style=(value) { (number) }
                    }
                }
            }
        }
    }
}

fn units(letter: &Letter) -> Markup {
    html! {
        @if !letter.units.is_empty() {
            h2 class="faint" style=(HEADING) { "Still need work" }
            @for group in &letter.units {
                p style="margin:0 0 2px;font-weight:700;font-size:15px" { (group.game) }
                ul style="margin:0 0 8px;padding:0 0 0 20px;font-size:15px" {
                    @for unit in &group.units { li { (unit) } }
                }
            }
            @if letter.units_unnamed > 0 { p style="margin:0" { "and " (letter.units_unnamed) " more" } }
        }
    }
}

/// A table; each row of many columns takes two lines, so that it fits a phone in letters that can be read.
fn table(table: Option<&Table>) -> Markup {
    let Some(table) = table else { return html! {} };
    let across = match table.head.len() {
        few if few <= COLUMNS_MAX => few.max(1),
        many => many.div_ceil(2),
    };
    let style = "width:100%;margin:16px 0 0;border-collapse:collapse;font-size:14px;line-height:1.3;\
                 overflow-wrap:normal;word-break:normal";
    let head = "padding:2px 4px 2px 0;text-align:left;font-weight:400;font-size:13px;color:#57606a";
    html! {
        table role="table" style=(style) {
            @for names in table.head.chunks(across) {
                tr { @for name in names { th scope="col" class="faint" style=(head) { (name) } } }
            }
            @for row in &table.rows {
                @for (index, cells) in row.chunks(across).enumerate() {
                    (table_line(cells, index == 0))
                }
            }
        }
    }
}

fn table_line(cells: &[String], is_first: bool) -> Markup {
    let (row, class) = match is_first {
        true => ("border-top:1px solid #d8dee4", Some("row")),
        false => ("", None),
    };
    let cell = match is_first {
        true => "padding:6px 4px 1px 0;vertical-align:top;font-weight:700",
        false => "padding:1px 4px 6px 0;vertical-align:top",
    };
    html! {
        tr class=[class] style=(row) { @for text in cells { td style=(cell) { (text) } } }
    }
}
