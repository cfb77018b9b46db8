//! One alert message as plain text, for a console.
//!
//! Layouts for mail and Slack belong to files of their own.

use super::{Zones, sentence, wrap};
use crate::{
    domain::{
        alert::{Change, Severity, Told},
        completion::Standing,
    },
    ports::{
        OpenUnit,
        notice::{About, Content, Notice},
    },
};

/// Units named before the rest is only counted.
const NAMES_MAX: usize = 5;
/// Columns of a console.
const WIDTH: usize = 78;

/// The message, a line an alert, with the units it is about; `None` for a message that is no alert.
pub fn text(notice: &Notice, zones: &Zones) -> Option<String> {
    let Content::Alerts { told, units, .. } = &notice.content else {
        return None;
    };
    let about = match &notice.about {
        About::Night(key) => key.to_string(),
        About::Handoff(handoff) => handoff.to_string(),
        About::Service => "the service".to_owned(),
    };
    let mut lines = vec![format!("{about} at {}", zones.both(notice.at))];
    lines.extend(told.iter().map(line));
    let worrying = told.iter().any(|told| told.change != Change::Resolved);
    if worrying && !units.is_empty() {
        lines.push(format!("  {}", wrap(&names(units), WIDTH, 2)));
    }
    Some(lines.join("\n"))
}

/// How bad it is, in the word that stands out.
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "WARNING",
        Severity::Critical => "CRITICAL",
    }
}

/// One alert's change.
pub fn line(told: &Told) -> String {
    let severity = severity(told.alert.severity);
    let change = match told.change {
        Change::Opened => "",
        Change::Worsened => "worse: ",
        Change::Escalated => "still, nobody has acknowledged: ",
        Change::Reminded => "still: ",
        Change::Resolved => "resolved: ",
    };
    let text = format!("{severity} {change}{}", sentence(&told.alert.text));
    format!("  {}", wrap(&text, WIDTH, 2))
}

fn names(units: &[OpenUnit]) -> String {
    let named: Vec<String> = units.iter().take(NAMES_MAX).map(name).collect();
    let more = if units.len() > NAMES_MAX {
        " and more"
    } else {
        ""
    };
    format!("among them {}{more}", named.join(", "))
}

fn name(open: &OpenUnit) -> String {
    let how = match (open.standing, &open.reason) {
        (Standing::Unanswered, _) => "no answer".to_owned(),
        (Standing::Claimed, _) => "claimed, no row".to_owned(),
        (
            Standing::Skipped | Standing::Failed | Standing::SkippedForGood | Standing::Stored,
            Some(reason),
        ) => reason.clone(),
        (Standing::Skipped | Standing::SkippedForGood, None) => "skipped".to_owned(),
        (Standing::Failed, None) => "failed".to_owned(),
        (Standing::Stored, None) => "stored".to_owned(),
    };
    format!("{} ({how})", open.unit)
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::{
        domain::{
            Instant,
            alert::{Alert, Change, Kind, Severity, Told},
            completion::Standing,
            ids::{GameDate, GameId, HandoffId, RunKey, UnitId},
        },
        ports::{
            OpenUnit,
            notice::{About, Content, Notice},
        },
        render::Zones,
    };

    fn zones() -> Zones {
        Zones {
            schedule: "America/Los_Angeles".parse().unwrap(),
            calendar: "America/New_York".parse().unwrap(),
        }
    }

    fn unit(name: &str, standing: Standing, reason: Option<&str>) -> OpenUnit {
        OpenUnit {
            unit: UnitId::new(name),
            game_id: GameId::new("0022500601"),
            standing,
            reason: reason.map(str::to_owned),
            attempts: 1,
        }
    }

    fn message(changes: &[(Change, Severity, &str)], units: Vec<OpenUnit>) -> Notice {
        let at: Instant = "2026-01-19T15:00:00Z".parse().unwrap();
        let told = |(change, severity, text): &(Change, Severity, &str)| Told {
            change: *change,
            alert: Alert {
                kind: Kind::GapExceeded,
                severity: *severity,
                text: (*text).to_owned(),
                subject: None,
                opened_at: at,
                critical_since: None,
                told_up_to: None,
                told_at: None,
                acknowledged: None,
                resolved_at: None,
            },
            known_up_to: None,
        };
        Notice {
            id: "1".to_owned(),
            about: About::Night(RunKey {
                handoff: HandoffId::new("phase4-to-phase5"),
                game_date: GameDate("2026-01-19".parse().unwrap()),
            }),
            at,
            content: Content::Alerts {
                told: changes.iter().map(told).collect(),
                night: None,
                units,
            },
        }
    }

    #[test]
    fn a_message_says_whose_night_when_in_both_zones_and_what_changed_gravest_first() {
        let message = message(
            &[
                (Change::Opened, Severity::Critical, "the promise is broken"),
                (Change::Worsened, Severity::Warning, "40 need work"),
                (Change::Reminded, Severity::Warning, "no answer"),
                (Change::Resolved, Severity::Info, "rows are there"),
            ],
            Vec::new(),
        );
        assert_eq!(
            text(&message, &zones()).unwrap(),
            "phase4-to-phase5 2026-01-19 at 07:00 PST / 10:00 EST\n\
             \u{20} CRITICAL The promise is broken\n\
             \u{20} WARNING worse: 40 need work\n\
             \u{20} WARNING still: No answer\n\
             \u{20} info resolved: Rows are there"
        );
    }

    #[test]
    fn five_units_are_named_with_how_they_stand_and_a_sixth_is_only_more() {
        let mut units = vec![
            unit("lebronjames", Standing::Unanswered, None),
            unit("stephencurry", Standing::Claimed, Some("old word")),
            unit("karl-anthonytowns", Standing::Skipped, None),
            unit("jimmybutler", Standing::Failed, Some("timed out")),
            unit("paulgeorge", Standing::Failed, None),
        ];
        let opened = [(Change::Opened, Severity::Warning, "5 need work")];
        let told = text(&message(&opened, units.clone()), &zones()).unwrap();
        let joined = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            joined.ends_with(
                "among them lebronjames (no answer), stephencurry (claimed, no row), karl-anthonytowns (skipped), \
                 jimmybutler (timed out), paulgeorge (failed)"
            ),
            "{told}"
        );
        units.push(unit("zionwilliamson", Standing::Unanswered, None));
        let told = text(&message(&opened, units), &zones()).unwrap();
        let joined = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.ends_with("paulgeorge (failed) and more"), "{told}");
        assert!(!told.contains("zion"), "{told}");
    }

    #[test]
    fn nobody_is_named_when_all_it_says_is_that_something_is_over() {
        let units = vec![unit("lebronjames", Standing::Stored, None)];
        let over = [(Change::Resolved, Severity::Warning, "all is well")];
        let told = text(&message(&over, units.clone()), &zones()).unwrap();
        assert!(!told.contains("lebron"), "{told}");
        let both = [
            over[0],
            (Change::Opened, Severity::Warning, "a game is bare"),
        ];
        let told = text(&message(&both, units), &zones()).unwrap();
        assert!(told.contains("lebronjames (stored)"), "{told}");
    }

    #[test]
    fn odd_names_neither_break_the_lines_nor_steer_the_terminal() {
        let odd = [
            "o'neal/2",
            "ñandú 🏀",
            "two\nlines",
            "red\u{1b}[31m",
            "a\u{7}b",
        ];
        let units = odd.map(|name| unit(name, Standing::Failed, Some("\u{1b}]0;x\u{7}")));
        let opened = [(Change::Opened, Severity::Warning, "5 need work")];
        let told = text(&message(&opened, units.to_vec()), &zones()).unwrap();
        assert!(
            told.chars()
                .all(|letter| letter == '\n' || !letter.is_control()),
            "{told:?}"
        );
        assert!(
            told.contains("ñandú 🏀") && told.contains("o'neal/2"),
            "{told}"
        );
        assert!(told.contains("two lines"), "{told}");
    }

    #[test]
    fn no_line_is_longer_than_80() {
        let names: Vec<OpenUnit> = (0..5)
            .map(|number| unit(&"x".repeat(20 + number), Standing::Unanswered, None))
            .collect();
        let long = "word ".repeat(50);
        let opened = [(Change::Opened, Severity::Critical, long.as_str())];
        let told = text(&message(&opened, names), &zones()).unwrap();
        let widest = told.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}\n{told}");
    }
}
