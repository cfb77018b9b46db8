//! A night in numbers: facts, what the service did, what it does next. A value that is not known makes no line.
//!
//! Which alerts it has belongs to `alerts` and `daily`.

use crate::{
    domain::{
        forecast::Forecast,
        run::{NextStep, Snapshot, State},
        sla::Verdict,
        trigger::Source,
    },
    render::words::{Times, counted, percent, plural, seconds},
};

/// Label and value of every number that is known.
pub fn facts(night: &Snapshot, times: &Times) -> Vec<(String, String)> {
    let pairs = [
        ("Verdict", verdict(night)),
        ("Deadline", deadline(night, times)),
        ("Run", Some(state(night.state).to_owned())),
        ("Ready", ready(night)),
        ("Dispatched", dispatched(night)),
        ("Predicted", predicted(night)),
        ("Skipped", answered(night, night.counts.skipped)),
        ("Failed", answered(night, night.counts.failed)),
        ("Outstanding", outstanding(night)),
        ("Still need work", gap(night)),
        ("Claimed, no row", some(night.counts.claimed_missing)),
        ("Reasons", reasons(night)),
        ("Games without predictions", bare_games(night)),
        (
            "Started by",
            night.started_by.map(|by| by.name().to_owned()),
        ),
        ("Start latency", night.latency_seconds.map(seconds)),
        (
            "Upstream finished",
            night.upstream_finished_at.map(|at| times.at(at)),
        ),
        ("Complete", night.completed_at.map(|at| times.at(at))),
        ("Forecast", night.forecast.map(|it| forecast(&it, times))),
        ("Warehouse", warehouse(night, times)),
        ("Batch", night.batch_id.as_ref().map(ToString::to_string)),
    ];
    let known = pairs.into_iter();
    known
        .filter_map(|(label, value)| Some((label.to_owned(), value?)))
        .collect()
}

/// The verdict in words.
pub fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::OnTrack => "on track",
        Verdict::AtRisk => "at risk",
        Verdict::Judging => "judging",
        Verdict::Met => "met",
        Verdict::Breached => "breached",
    }
}

fn verdict(night: &Snapshot) -> Option<String> {
    let words = verdict_words(night.verdict?);
    Some(match night.confirmed {
        Some(false) => format!("{words}, not confirmed by the tables"),
        Some(true) | None => words.to_owned(),
    })
}

/// The promise in both zones, with how far away it is; at the moment itself "now".
pub fn deadline(night: &Snapshot, times: &Times) -> Option<String> {
    Some(times.counted(night.deadline_at?, night.at))
}

/// Where a run stands, in words.
pub fn state(state: State) -> &'static str {
    match state {
        State::Expected => "expected: nothing has asked for it yet",
        State::Waiting => "waiting for the upstream's rows",
        State::Dispatching => "dispatching",
        State::Running => "running: answers or rows are awaited",
        State::Complete => "complete",
        State::Partial => "partial: settled with a gap",
        State::Failed => "failed: nothing could be dispatched",
        State::NotExpected => "no games",
    }
}

/// Whether the listing was ever answered: before it, 0 is not a number but "not known".
fn is_listed(night: &Snapshot) -> bool {
    night.counts.expected > 0 || night.counts.ready > 0 || night.counts.filtered > 0
}

fn some(count: u64) -> Option<String> {
    (count > 0).then(|| count.to_string())
}

fn ready(night: &Snapshot) -> Option<String> {
    let counts = night.counts;
    let of = counted(counts.expected, &night.unit_noun);
    let filtered = match counts.filtered {
        0 => String::new(),
        out => format!(", {out} more filtered out"),
    };
    is_listed(night).then(|| format!("{} of {of} expected{filtered}", counts.ready))
}

fn dispatched(night: &Snapshot) -> Option<String> {
    is_listed(night).then(|| night.counts.dispatched.to_string())
}

/// How many are predicted, as a share of what is ready; `None` before anything was listed.
pub fn predicted(night: &Snapshot) -> Option<String> {
    let (predicted, ready) = (night.counts.predicted, night.counts.ready);
    let share = percent(predicted, ready).map(|share| format!(" ({share})"));
    is_listed(night).then(|| format!("{predicted} of {ready} ready{}", share.unwrap_or_default()))
}

fn answered(night: &Snapshot, count: u64) -> Option<String> {
    (night.counts.dispatched > 0 || count > 0).then(|| count.to_string())
}

fn outstanding(night: &Snapshot) -> Option<String> {
    let flying = match night.counts.in_flight {
        0 => String::new(),
        flying => format!(", {flying} of them in flight"),
    };
    answered(night, night.counts.outstanding).map(|count| format!("{count}{flying}"))
}

fn gap(night: &Snapshot) -> Option<String> {
    let (gap, ready) = (night.counts.needing_work, night.counts.ready);
    let share = percent(gap, ready).map(|share| format!(" ({share})"));
    is_listed(night).then(|| format!("{gap} of {ready} ready{}", share.unwrap_or_default()))
}

fn reasons(night: &Snapshot) -> Option<String> {
    let reasons = night.reasons.iter();
    let counted: Vec<String> = reasons
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect();
    (!counted.is_empty()).then(|| counted.join(", "))
}

fn bare_games(night: &Snapshot) -> Option<String> {
    let games = night.games.iter();
    let bare: Vec<&str> = games
        .filter(|(_, counts)| counts.ready > 0 && counts.predicted == 0)
        .map(|(game, _)| game.as_str())
        .collect();
    let some = !bare.is_empty() && night.counts.dispatched > 0;
    some.then(|| {
        format!(
            "{} of {}: {}",
            bare.len(),
            night.games.len(),
            bare.join(", ")
        )
    })
}

fn forecast(forecast: &Forecast, times: &Times) -> String {
    let likely = times.at(forecast.finish_at);
    let earliest = times.at(forecast.earliest_at);
    match forecast.latest_at {
        Some(latest) => format!(
            "finished about {likely}; at the earliest {earliest}, at the latest {}",
            times.at(latest)
        ),
        None => format!("no end in sight; at the earliest {earliest}"),
    }
}

fn warehouse(night: &Snapshot, times: &Times) -> Option<String> {
    let (since, error) = night.could_not_ask.as_ref()?;
    let said = match error.as_str() {
        "" => String::new(),
        error => format!(": {error}"),
    };
    Some(format!(
        "could not be asked since {}{said}",
        times.at(*since)
    ))
}

/// What the service has done.
pub fn done(night: &Snapshot, times: &Times) -> Vec<String> {
    let mut done = Vec::new();
    if let Some(at) = night.triggered_at {
        let by = night.started_by.map(|by| format!(" by {}", source(by)));
        let by = by.unwrap_or_default();
        done.push(format!("Triggered{by} at {}", times.at(at)));
    }
    // In observe mode somebody else has sent.
    if let Some(at) = night.dispatched_at.filter(|_| !night.observing) {
        let sent = counted(night.counts.dispatched, &night.unit_noun);
        done.push(format!("Sent {sent}, the first at {}", times.at(at)));
    }
    if night.retries > 0 && !night.observing {
        let times = counted(night.retries.into(), "time");
        done.push(format!("Sent again what needed work, {times}"));
    }
    done
}

/// A trigger's source in a sentence.
pub fn source(source: Source) -> &'static str {
    match source {
        Source::Event => "the upstream's event",
        Source::CatchUp => "catch-up: no event had come",
        Source::Backup => "the backup schedule",
        Source::Retry => "the retry schedule",
        Source::Manual => "a person",
    }
}

/// What it will do by itself.
pub fn next(night: &Snapshot, times: &Times) -> Vec<String> {
    let nouns = plural(&night.unit_noun);
    let words = |step: &NextStep| match step {
        NextStep::Backup(_) => "the backup starts the run".to_owned(),
        NextStep::WaitEnds(_) => "the wait for the upstream's rows ends".to_owned(),
        NextStep::Retry(_) => format!("the {nouns} that need work are sent again"),
        NextStep::Verdict(_) => "the verdict falls".to_owned(),
        NextStep::Closes(_) => "the night closes; nothing moves it after that".to_owned(),
    };
    let steps = night.next.iter();
    steps
        .map(|step| {
            let when = times.counted(step.at(), night.at);
            format!("{when}: {}", words(step))
        })
        .collect()
}

/// What else is true of every message about the night.
pub fn notes(night: &Snapshot) -> Vec<String> {
    let observing = "another coordinator does the work; Tipoff only watches";
    night
        .observing
        .then(|| observing.to_owned())
        .into_iter()
        .collect()
}
