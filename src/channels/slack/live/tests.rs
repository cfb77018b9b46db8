//! The live message: what it says of a night.
//!
//! That Slack takes it is tested over a socket.

use chrono::TimeDelta;
use serde_json::Value;

use super::{blocks, duration, notification};
use crate::{
    domain::{
        completion::Standing,
        ids::{GameId, UnitId},
        run::{Snapshot, State},
        sla::Verdict,
    },
    ports::{Live, OpenUnit, notice::Links},
};

fn live(change: impl FnOnce(&mut Snapshot)) -> Live {
    let mut night: Snapshot = serde_json::from_str(include_str!("night.json")).unwrap();
    change(&mut night);
    let unit = |name: &str| OpenUnit {
        unit: UnitId::new(name),
        game_id: GameId::new("0022500601"),
        standing: Standing::Unanswered,
        reason: None,
        attempts: 1,
    };
    Live {
        night,
        units: ["lebronjames", "<!channel>"].map(unit).to_vec(),
        links: Links {
            page: Some("https://tipoff.test/night?signature=1".to_owned()),
            ..Links::default()
        },
    }
}

/// Every text of the layout, in its order.
fn texts(live: &Live) -> String {
    fn collect(value: &Value, texts: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(text)) = fields.get("text") {
                    texts.push(text.clone());
                }
                fields.values().for_each(|value| collect(value, texts));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::to_value(blocks(live)).unwrap(), &mut found);
    found.join("\n")
}

#[test]
fn a_night_in_danger_says_so_in_words_with_the_time_left_in_both_zones() {
    let said = texts(&live(|_| {}));
    for words in [
        "🟠 At risk · phase4-to-phase5 2026-01-19",
        "Deadline 07:00 PST / 10:00 EST, in 2 h 14 min",
        "▓▓▓▓▓▓▓▓▓▓░░░░░ 70 %",
        "245 of 350 ready players (200 predicted, 45 skipped, 3 failed)",
        "06:40 PST / 09:40 EST\nat the latest 07:20 PST / 10:20 EST",
        "catch-up: the event did not come",
        "12 min",
        "*Sent again*\nonce",
        "lebronjames, &lt;!channel&gt;\n… and 103 more",
        "🟠 Warning: Deadline at risk since 04:40 PST, acknowledged by dana at 04:44 PST",
        "🔴 Critical: Workers silent since 04:41 PST, nobody has acknowledged it",
        "06:15 PST / 09:15 EST: what needs work is sent again",
        "07:00 PST / 10:00 EST: the verdict falls",
        "As of 04:46 PST / 07:46 EST",
        "Open the night",
    ] {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
    assert!(!said.contains("Event path silent"), "it is over:\n{said}");
}

#[test]
fn after_the_deadline_it_says_how_long_ago_and_a_done_night_when() {
    let late = live(|night| {
        night.at = "2026-01-19T15:05:30Z".parse().unwrap();
        night.verdict = Some(Verdict::Breached);
    });
    let said = texts(&late);
    assert!(
        said.contains("🔴 Promise broken") && said.contains("EST, 5 min ago"),
        "{said}"
    );
    let done = live(|night| {
        night.completed_at = Some("2026-01-19T13:00:00Z".parse().unwrap());
        night.verdict = Some(Verdict::Met);
        night.counts.needing_work = 0;
    });
    let said = texts(&done);
    assert!(
        said.contains("Done 05:00 PST / 08:00 EST, deadline 07:00 PST"),
        "{said}"
    );
    assert!(!said.contains("Still needing work"), "{said}");
}

#[test]
fn the_bar_is_full_only_when_all_is_done_and_never_runs_over() {
    for (predicted, ready, words) in [
        (349, 350, "░ 99 %"),
        (350, 350, "▓ 100 %"),
        (400, 350, "▓ 100 %"),
        (0, 350, "░ 0 %"),
        (0, 0, "nothing is ready yet"),
        (7, 1, "▓ 100 %"),
    ] {
        let said = texts(&live(|night| {
            night.counts.predicted = predicted;
            night.counts.skipped = 0;
            night.counts.ready = ready;
        }));
        assert!(said.contains(words), "{predicted} of {ready}:\n{said}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    let said = texts(&live(|night| {
        night.verdict = None;
        night.deadline_at = None;
        night.state = State::Waiting;
        night.started_by = None;
        night.forecast.as_mut().unwrap().latest_at = None;
        night.could_not_ask = Some((
            "2026-01-19T12:00:00Z".parse().unwrap(),
            "<!here> down".to_owned(),
        ));
        night.confirmed = Some(false);
        night.observing = true;
    }));
    for words in [
        "Waiting for its inputs",
        "No deadline",
        "not started",
        "no end is in sight",
        "could not be asked since 04:00 PST / 07:00 EST: &lt;!here&gt; down",
        "Not confirmed by the tables yet",
        "Only observed",
    ] {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
}

#[test]
fn the_notification_is_one_line() {
    let line = notification(&live(|_| {}));
    assert_eq!(
        line,
        "🟠 At risk: phase4-to-phase5 2026-01-19, 245 of 350 ready players (200 predicted, 45 skipped, 3 failed)"
    );
}

#[test]
fn a_length_of_time_is_cut_to_the_minute() {
    for (seconds, text) in [
        (59, "less than a minute"),
        (60, "1 min"),
        (3600, "1 h"),
        (8_099, "2 h 14 min"),
        (360_000, "100 h"),
    ] {
        assert_eq!(duration(TimeDelta::seconds(seconds)), text);
    }
}
