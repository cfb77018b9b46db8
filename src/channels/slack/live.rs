//! The one message that shows how a night stands, laid out for Slack and edited in place.
//!
//! What is true comes with the snapshot; sending belongs to `bot`.

use chrono::TimeDelta;
use slack_morphism::blocks::SlackBlock;

use super::{
    blocks::{buttons, context, fields, header, list, section},
    text::{Run, cut, escaped},
    words::badge,
};
use crate::{
    domain::{
        Instant,
        alert::Alert,
        run::{NextStep, Snapshot, State},
        sla::Verdict,
        trigger::Source,
    },
    ports::Live,
    render::{
        Zones,
        letter::{Link, Status},
        sentence,
    },
};

/// Squares of the progress bar: a phone shows them on one line.
const BAR: u64 = 15;
const NAMES_MAX: usize = 5;
const LINE_MAX: usize = 1000;

/// The line of a notification.
pub(super) fn notification(live: &Live) -> String {
    let night = &live.night;
    let (emoji, word) = standing(night);
    let text = format!(
        "{emoji} {word}: {} {}, {}",
        night.key.handoff,
        night.key.game_date,
        progress(night)
    );
    escaped(&text, LINE_MAX)
}

/// The layout.
pub(super) fn blocks(live: &Live) -> Vec<SlackBlock> {
    let night = &live.night;
    let (emoji, word) = standing(night);
    let title = format!(
        "{emoji} {word} · {} {}",
        night.key.handoff, night.key.game_date
    );
    let mut blocks = vec![header(&title)];
    let deadline = deadline(night);
    blocks.extend(section(&[Run::Bold(&deadline)], LINE_MAX));
    blocks.extend(section(&[Run::Plain(&bar_line(night))], LINE_MAX));
    blocks.extend(section(&[Run::Italic(&notes(night).join("\n"))], LINE_MAX));
    blocks.extend(fields(&facts(night)));
    blocks.extend(missing(live).and_then(|text| {
        section(
            &[
                Run::Bold("Still needing work"),
                Run::Plain(&format!("\n{text}")),
            ],
            LINE_MAX,
        )
    }));
    blocks.extend(list("Open alerts", &alerts(night)));
    blocks.extend(list("What happens next", &next(night)));
    let link = live.links.page.as_ref().map(|url| Link {
        label: "Open the night".to_owned(),
        url: url.clone(),
        primary: true,
    });
    blocks.extend(buttons(link.as_slice()));
    blocks.extend(context(&[format!("As of {}", zones(night).both(night.at))]));
    blocks
}

fn zones(night: &Snapshot) -> Zones {
    Zones {
        schedule: night.schedule_zone,
        calendar: night.calendar_zone,
    }
}

/// The verdict in words, or the state where there is no verdict.
fn standing(night: &Snapshot) -> (&'static str, &'static str) {
    match night.verdict {
        Some(Verdict::OnTrack) => ("🟢", "On track"),
        Some(Verdict::AtRisk) => ("🟠", "At risk"),
        Some(Verdict::Judging) => ("🟣", "Being judged"),
        Some(Verdict::Met) => ("✅", "Promise kept"),
        Some(Verdict::Breached) => ("🔴", "Promise broken"),
        None => ("⚪", state(night.state)),
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Expected => "Expected",
        State::Waiting => "Waiting for its inputs",
        State::Dispatching => "Being sent",
        State::Running => "Waiting for answers",
        State::Complete => "Complete",
        State::Partial => "Settled with a gap",
        State::Failed => "Nothing could be sent",
        State::NotExpected => "No games",
    }
}

fn deadline(night: &Snapshot) -> String {
    let Some(at) = night.deadline_at else {
        return "No deadline".to_owned();
    };
    let both = zones(night).both(at);
    if let Some(done) = night.completed_at {
        return format!("Done {}, deadline {both}", zones(night).both(done));
    }
    if night.at < at {
        format!("Deadline {both}, in {}", duration(at - night.at))
    } else {
        format!("Deadline {both}, {} ago", duration(night.at - at))
    }
}

/// A length of time as people say it, cut to the minute: `2 h 14 min`.
fn duration(length: TimeDelta) -> String {
    let minutes = length.num_minutes();
    match (minutes / 60, minutes % 60) {
        (0, 0) => "less than a minute".to_owned(),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// Units that are satisfied as far as answers say, of those that are ready.
fn done(night: &Snapshot) -> (u64, u64) {
    let counts = &night.counts;
    (counts.predicted + counts.skipped, counts.ready)
}

fn bar_line(night: &Snapshot) -> String {
    let (done, ready) = done(night);
    if ready == 0 {
        return format!("{}: nothing is ready yet", state(night.state));
    }
    let share = done.min(ready);
    let full = share * BAR / ready;
    let bar = "▓".repeat(full as usize) + &"░".repeat((BAR - full) as usize);
    // Cut, so that 100 % means all.
    format!(
        "{bar} {} %\n{}, {}",
        share * 100 / ready,
        state(night.state),
        progress(night)
    )
}

fn progress(night: &Snapshot) -> String {
    let counts = &night.counts;
    let (done, ready) = done(night);
    format!(
        "{done} of {} ({} predicted, {} skipped, {} failed)",
        number(ready, &night.unit_noun),
        counts.predicted,
        counts.skipped,
        counts.failed
    )
}

fn number(count: u64, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} ready {}{ending}", cut(noun, 40))
}

fn notes(night: &Snapshot) -> Vec<String> {
    let mut notes = Vec::new();
    if night.observing {
        notes.push("Only observed: another coordinator does the work".to_owned());
    }
    if night.confirmed == Some(false) {
        notes.push("Not confirmed by the tables yet".to_owned());
    }
    if let Some((since, error)) = &night.could_not_ask {
        let since = zones(night).both(*since);
        notes.push(format!(
            "The warehouse could not be asked since {since}: {}",
            cut(error, 200)
        ));
    }
    notes
}

fn facts(night: &Snapshot) -> Vec<(String, String)> {
    let both = |at: Instant| zones(night).both(at);
    let mut facts = Vec::new();
    if let Some(forecast) = &night.forecast {
        let latest = match forecast.latest_at {
            Some(at) => format!("at the latest {}", both(at)),
            None => "no end is in sight".to_owned(),
        };
        facts.push((
            "Forecast".to_owned(),
            format!("{}\n{latest}", both(forecast.finish_at)),
        ));
    }
    let started = match night.started_by {
        Some(source) => path(source).to_owned(),
        None => "not started".to_owned(),
    };
    facts.push(("Started by".to_owned(), started));
    if let Some(seconds) = night.latency_seconds {
        let length = TimeDelta::milliseconds((seconds * 1e3) as i64);
        let length = if length < TimeDelta::minutes(1) {
            format!("{} s", length.num_seconds())
        } else {
            duration(length)
        };
        facts.push(("Start latency".to_owned(), length));
    }
    if night.retries > 0 {
        facts.push(("Sent again".to_owned(), times(night.retries)));
    }
    facts
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        more => format!("{more} times"),
    }
}

fn path(source: Source) -> &'static str {
    match source {
        Source::Event => "the upstream's event",
        Source::CatchUp => "catch-up: the event did not come",
        Source::Backup => "the backup schedule",
        Source::Retry => "a retry schedule",
        Source::Manual => "a person",
    }
}

fn missing(live: &Live) -> Option<String> {
    let needing = live.night.counts.needing_work;
    if needing == 0 {
        return None;
    }
    let names: Vec<String> = live
        .units
        .iter()
        .take(NAMES_MAX)
        .map(|open| cut(open.unit.as_str(), 60))
        .collect();
    let rest = needing.saturating_sub(names.len() as u64);
    Some(match (names.is_empty(), rest) {
        (true, _) => number(needing, &live.night.unit_noun),
        (false, 0) => names.join(", "),
        (false, rest) => format!("{}\n… and {rest} more", names.join(", ")),
    })
}

fn alerts(night: &Snapshot) -> Vec<String> {
    let line = |alert: &Alert| {
        let (emoji, word) = badge(Status::Holds(alert.severity));
        let title = sentence(&alert.kind.name().replace('_', " "));
        let since = night.schedule_zone.time_text(alert.opened_at);
        let answered = match &alert.acknowledged {
            Some(by) => format!(
                "acknowledged by {} at {}",
                cut(&by.by, 60),
                night.schedule_zone.time_text(by.at)
            ),
            None => "nobody has acknowledged it".to_owned(),
        };
        format!("{emoji} {word}: {title} since {since}, {answered}")
    };
    let open = night.alerts.iter().filter(|alert| alert.is_open());
    open.map(line).collect()
}

fn next(night: &Snapshot) -> Vec<String> {
    let line = |step: &NextStep| {
        let what = match step {
            NextStep::Backup(_) => "the backup starts it, unless the event comes first",
            NextStep::WaitEnds(_) => "the wait for readiness ends",
            NextStep::Retry(_) => "what needs work is sent again",
            NextStep::Verdict(_) => "the verdict falls",
            NextStep::Closes(_) => "the night closes",
        };
        format!("{}: {what}", zones(night).both(step.at()))
    };
    night.next.iter().map(line).collect()
}

#[cfg(test)]
mod tests;
