//! `alerts list` as a table that fits 80 columns: a heading for each night, a row for each alert, its text below.
//!
//! What is listed is the service's answer.

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use crate::render::wrap;

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Columns of the longest kind of alert.
const NAME_WIDTH: usize = 25;
/// Columns before a text below a row.
const INDENT: usize = 4;
/// Messages that have not arrived, at most.
const DELIVERIES_MAX: usize = 10;

/// The table.
pub fn text(answer: &Value) -> String {
    let mut lines = alerts(items(answer, "alerts"));
    lines.extend(silences(items(answer, "silences")));
    lines.extend(deliveries(items(answer, "deliveries")));
    lines.join("\n") + "\n"
}

/// A text over as many lines as it needs.
pub fn folded(text: &str) -> String {
    folded_below(text, 0)
}

/// A text that begins behind `indent` columns.
pub fn folded_below(text: &str, indent: usize) -> String {
    wrap(text, WIDTH - indent, indent)
}

fn items<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer[name].as_array().map_or(&[], Vec::as_slice)
}

fn word<'a>(item: &'a Value, name: &str) -> &'a str {
    item[name].as_str().unwrap_or_default()
}

fn alerts(alerts: &[Value]) -> Vec<String> {
    if alerts.is_empty() {
        return vec!["no alert is open, and none was resolved lately".to_owned()];
    }
    let mut lines = Vec::new();
    let mut heading = String::new();
    for alert in alerts {
        let (whose, name) = parts(alert);
        if whose != heading {
            lines.push(folded(&whose));
            heading = whose;
        }
        let row = format!(
            "  {name:<NAME_WIDTH$} {:<9} {:<13} {}",
            word(alert, "severity"),
            stands(alert),
            time(word(alert, "opened_at"))
        );
        lines.push(row.trim_end().to_owned());
        lines.push(below(word(alert, "text")));
        lines.extend(who(alert).map(|text| below(&text)));
    }
    lines
}

fn below(text: &str) -> String {
    format!("{}{}", " ".repeat(INDENT), folded_below(text, INDENT))
}

/// Whose it is with a slash at the end, and its name: together they are its id.
fn parts(alert: &Value) -> (String, String) {
    let id = word(alert, "id");
    let subject = word(alert, "subject");
    let kind = word(alert, "kind");
    let name = if subject.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}/{subject}")
    };
    let whose = id.strip_suffix(&name).unwrap_or(id);
    (whose.to_owned(), name)
}

fn stands(alert: &Value) -> &'static str {
    let has = |name: &str| !alert[name].is_null();
    match alert {
        _ if has("resolved_at") => "resolved",
        _ if has("acknowledged_by") => "acknowledged",
        _ if has("silenced_until") => "silenced",
        _ => "open",
    }
}

fn who(alert: &Value) -> Option<String> {
    let (acknowledged, silenced) = (word(alert, "acknowledged_by"), word(alert, "silenced_by"));
    let mut texts = Vec::new();
    if !acknowledged.is_empty() {
        let at = time(word(alert, "acknowledged_at"));
        texts.push(format!("acknowledged by {acknowledged} {at}"));
    }
    if !silenced.is_empty() {
        let until = time(word(alert, "silenced_until"));
        texts.push(format!("silenced by {silenced} until {until}"));
    }
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn silences(silences: &[Value]) -> Vec<String> {
    let mut lines: Vec<String> = silences
        .iter()
        .map(|silence| {
            let or = |name: &str, other: &'static str| match word(silence, name) {
                "" => other.to_owned(),
                named => named.to_owned(),
            };
            below(&format!(
                "{} of {} until {}, by {}: {}",
                or("kind", "everything"),
                or("handoff", "the service"),
                time(word(silence, "until")),
                word(silence, "by"),
                word(silence, "reason")
            ))
        })
        .collect();
    if !lines.is_empty() {
        lines.insert(0, "silenced".to_owned());
    }
    lines
}

/// What has not arrived: the rest is as it should be.
fn deliveries(deliveries: &[Value]) -> Vec<String> {
    let waiting = deliveries
        .iter()
        .filter(|it| word(it, "state") == "waiting");
    let mut lines: Vec<String> = waiting
        .take(DELIVERIES_MAX)
        .map(|it| {
            let error = match word(it, "last_error") {
                "" => String::new(),
                error => format!(": {error}"),
            };
            let (notice, channel, attempts) =
                (word(it, "notice"), word(it, "channel"), &it["attempts"]);
            below(&format!("{notice} over {channel}, {attempts} tries{error}"))
        })
        .collect();
    if !lines.is_empty() {
        lines.insert(0, "messages that have not arrived".to_owned());
    }
    lines
}

/// `01-11 07:00 -08:00`, as it stands there where it cannot be read.
fn time(text: &str) -> String {
    let at: Result<DateTime<FixedOffset>, _> = text.parse();
    at.map_or_else(
        |_| text.to_owned(),
        |at| at.format("%m-%d %H:%M %:z").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{WIDTH, text};

    fn alert(kind: &str) -> Value {
        json!({
            "id": format!("phase4-to-phase5/2026-01-11/{kind}"), "handoff": "phase4-to-phase5",
            "game_date": "2026-01-11", "kind": kind, "subject": null, "severity": "critical",
            "text": "the deadline 07:00 PST passed with 12 of 154 players without a prediction, and nobody knows why",
            "opened_at": "2026-01-11T07:00:00-08:00", "acknowledged_by": null, "resolved_at": null,
            "silenced_until": null, "silenced_by": null,
        })
    }

    #[test]
    fn nothing_to_list_is_said() {
        let none = json!({"alerts": [], "silences": [], "deliveries": []});
        assert_eq!(
            text(&none),
            "no alert is open, and none was resolved lately\n"
        );
    }

    #[test]
    fn a_table_has_a_heading_a_night_and_fits_a_terminal() {
        let mut taken_on = alert("game_without_predictions");
        taken_on["acknowledged_by"] = json!("a".repeat(64));
        taken_on["acknowledged_at"] = json!("2026-01-11T07:05:00-08:00");
        let own = json!({
            "id": "service/channel_failing/slack", "kind": "channel_failing", "subject": "slack", "severity": "warning",
            "text": "slack does not take messages", "opened_at": "2026-01-11T07:00:00-08:00",
            "silenced_until": "2026-01-11T09:00:00-08:00", "silenced_by": "jane",
        });
        let answer = json!({
            "alerts": [own, alert("deadline_breached"), taken_on],
            "silences": [{"handoff": null, "kind": "channel_failing", "by": "jane",
                "until": "2026-01-11T09:00:00-08:00", "reason": "known"}],
            "deliveries": [
                {"notice": "n/1", "channel": "slack", "state": "waiting", "attempts": 3, "last_error": "503"},
                {"notice": "n/2", "channel": "email", "state": "done", "attempts": 1, "last_error": null},
            ],
        });
        let table = text(&answer);
        let long = table.lines().find(|line| line.chars().count() > WIDTH);
        assert_eq!(long, None, "{table}");
        assert_eq!(
            table.matches("phase4-to-phase5/2026-01-11/\n").count(),
            1,
            "{table}"
        );
        for part in [
            "service/\n  channel_failing/slack     warning   silenced      01-11 07:00 -08:00\n",
            "  deadline_breached         critical  open          01-11 07:00 -08:00\n",
            "  game_without_predictions  critical  acknowledged  01-11 07:00 -08:00\n",
            "silenced\n    channel_failing of the service until 01-11 09:00 -08:00, by jane: known\n",
            "messages that have not arrived\n    n/1 over slack, 3 tries: 503\n",
        ] {
            assert!(table.contains(part), "{part}\n---\n{table}");
        }
        assert!(!table.contains("n/2"), "{table}");
    }
}
