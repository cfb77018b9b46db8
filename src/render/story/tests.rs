//! Nights told as stories: entries as the state machine writes them, and some written out by hand.

use super::story;
use crate::{
    domain::{
        Asked, Instant,
        alert::{Alert, Change, Kind, Severity, Told},
        calendar::Expectation,
        completion::Tally,
        effect::Effect,
        event::{Event, SentTally},
        ids::{GameDate, HandoffId, RunKey},
        readiness::Readiness,
        reason::{Code, Reason},
        run::{Run, State, sample, step},
        trigger::{Source, Trigger},
    },
    ports::store::HistoryEntry,
    render::Zones,
};

fn zones() -> Zones {
    Zones {
        schedule: "America/Los_Angeles".parse().unwrap(),
        calendar: "America/New_York".parse().unwrap(),
    }
}

fn key() -> RunKey {
    RunKey {
        handoff: HandoffId::new("phase4-to-phase5"),
        game_date: GameDate("2026-01-19".parse().unwrap()),
    }
}

fn at(time: &str) -> Instant {
    format!("2026-01-19T{time}-08:00").parse().unwrap()
}

fn entry(time: &str, event: Event, why: &str) -> HistoryEntry {
    HistoryEntry {
        key: key(),
        at: at(time),
        step: Some(1),
        event: Some(event),
        state: Some(State::Running),
        why: vec![Reason::new(Code::Answers, why)],
        effects: Vec::new(),
    }
}

fn told(change: Change, text: &str) -> Told {
    Told {
        change,
        alert: Alert {
            kind: Kind::WorkersSilent,
            severity: Severity::Critical,
            text: text.to_owned(),
            opened_at: at("00:35:00"),
            subject: None,
            critical_since: None,
            told_up_to: None,
            told_at: None,
            acknowledged: None,
            resolved_at: None,
        },
        known_up_to: None,
    }
}

/// A run taken along, with the entries that its steps leave in the history.
struct History {
    run: Run,
    entries: Vec<HistoryEntry>,
}

impl History {
    fn open() -> Self {
        Self {
            run: Run::open(sample::opening(), at("00:00:00")),
            entries: Vec::new(),
        }
    }

    fn play(&mut self, time: &str, event: Event) {
        let step = step(self.run.clone(), &event, at(time));
        let changed = step.run.steps != self.run.steps;
        self.run = step.run;
        if changed {
            self.entries.push(HistoryEntry {
                key: key(),
                at: at(time),
                step: Some(self.run.steps),
                event: Some(event),
                state: Some(self.run.state),
                why: step.why,
                effects: step.effects,
            });
        }
    }

    fn answer(&mut self, time: &str, ready: u64) {
        let readiness = Readiness {
            upstream_finished_at: None,
            expected: 450,
            feature_rows: 450,
            ready,
            stale: 0,
            filtered: 0,
            quality: Vec::new(),
            quality_scores_distinct: 20,
            newest_feature_at: None,
            games: Vec::new(),
        };
        let answer = Asked::Known(readiness);
        let expectation = Expectation::Games;
        let event = Event::ReadinessAnswered {
            answer,
            expectation,
        };
        self.play(time, event);
    }
}

#[test]
fn a_question_asked_until_its_answer_changes_is_told_once_with_how_often() {
    let mut night = History::open();
    night.play("00:30:00", Event::Triggered(Trigger::of(Source::Manual)));
    night.answer("00:30:01", 10);
    for minute in 31..=40 {
        night.play(&format!("00:{minute}:01"), Event::Ticked);
        night.answer(&format!("00:{minute}:01"), 10);
    }
    night.play("00:41:01", Event::Ticked);
    night.answer("00:41:01", 20);
    let text = story(&night.entries, &zones());
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        joined.matches("10 of 450 feature rows").count(),
        1,
        "{text}"
    );
    assert!(
        joined.contains("The same 10 times more, until 00:40"),
        "{text}"
    );
    assert!(joined.contains("00:41:01 03:41:01"), "{text}");
    assert!(joined.contains("20 of 450 feature rows"), "{text}");
}

#[test]
fn sends_and_answers_that_follow_one_another_are_one_moment_with_its_length() {
    let sent = Event::Sent(SentTally::default());
    let answered = Event::Answered(Tally::default());
    let entries = [
        entry("00:30:00", sent.clone(), "10 sent"),
        entry("00:30:01", sent, "20 sent"),
        entry("00:30:30", answered.clone(), "5 answered"),
        entry("00:31:00", answered, "30 answered"),
    ];
    let text = story(&entries, &zones());
    let paragraphs: Vec<&str> = text.lines().skip(1).collect();
    assert_eq!(
        paragraphs,
        ["00:30:00  03:30:00  30 answered. All that in 60 s. [running]"]
    );
}

#[test]
fn a_flow_that_an_alert_interrupts_is_told_on_both_sides_of_it() {
    let answered = || Event::Answered(Tally::default());
    let mut alarm = entry("00:31:00", answered(), "30 answered");
    alarm.effects = vec![Effect::Tell(vec![told(
        Change::Opened,
        "no worker has answered",
    )])];
    let entries = [
        entry("00:30:00", answered(), "10 answered"),
        alarm,
        entry("00:32:00", answered(), "50 answered"),
    ];
    let text = story(&entries, &zones());
    let lines: Vec<&str> = text.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "00:30:00  03:30:00  10 answered. [running]",
            "00:31:00  03:31:00  30 answered",
            "> CRITICAL No worker has answered",
            "00:32:00  03:32:00  50 answered",
        ]
    );
}

#[test]
fn an_alert_without_another_word_still_stands_at_its_time() {
    let mut quiet = entry("00:35:00", Event::Ticked, "");
    quiet.why = vec![Reason::new(Code::NothingDue, "nothing was due")];
    quiet.state = None;
    quiet.effects = vec![Effect::Tell(vec![told(Change::Reminded, "nothing moves")])];
    let text = story(&[quiet], &zones());
    assert!(
        text.contains("00:35:00  03:35:00  > CRITICAL still: Nothing moves"),
        "{text}"
    );
}

#[test]
fn the_columns_are_headed_by_their_zones_and_no_line_is_longer_than_80() {
    let long = "word ".repeat(60);
    let mut alarm = entry("00:35:00", Event::Ticked, &long);
    alarm.effects = vec![Effect::Tell(vec![told(Change::Opened, &long)])];
    let fixed = Zones {
        schedule: "-08:00".parse().unwrap(),
        calendar: "-05:00".parse().unwrap(),
    };
    for zones in [zones(), fixed] {
        let text = story(&[alarm.clone()], &zones);
        let head: Vec<&str> = text.lines().next().unwrap().split_whitespace().collect();
        let schedule = zones.schedule.abbreviation(alarm.at);
        assert_eq!(head, [schedule, zones.calendar.abbreviation(alarm.at)]);
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(80), "{widest:?}\n{text}");
        assert!(widest >= Some(75), "the room is used\n{text}");
        let ragged = |line: &&str| !line.starts_with("00:") && !line.starts_with(&" ".repeat(20));
        assert_eq!(text.lines().skip(1).find(ragged), None);
    }
}

#[test]
fn a_night_of_which_nothing_is_known_says_so() {
    assert_eq!(story(&[], &zones()), "nothing is known of this night\n");
}
