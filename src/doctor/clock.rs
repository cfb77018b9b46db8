//! This machine's clock, held against Google's and against what the store remembers.
//!
//! The wall clock itself is read in `clock` alone.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use reqwest::header::DATE;

use super::{ask::Project, ask::Why};
use crate::{
    clock::Clock,
    domain::{
        Instant,
        wiring::{Check, Finding},
    },
    ports::Known,
};

/// From a difference above this on, an instant of ours means something else than the upstream's.
const SKEW_MAX: TimeDelta = TimeDelta::seconds(5);
/// A date header has whole seconds.
const GRAIN: TimeDelta = TimeDelta::seconds(1);
const ANSWER_SECONDS_MAX: u64 = 5;
const MEND: &str = "let the machine set its clock: timedatectl set-ntp true";

/// Compares the clock with the `Date` of any answer of Google's.
pub async fn look(project: &Project, clock: &dyn Clock) -> Vec<Finding> {
    let before = clock.now();
    let said = date(project).await;
    let after = clock.now();
    let finding = match said {
        Err(why) => Finding::could_not_ask(Check::Clock, "Google's clock", why),
        Ok(said) if said - after > SKEW_MAX || before - said > SKEW_MAX + GRAIN => Finding::wrong(
            Check::Clock,
            "Google's clock",
            format!(
                "this machine says {}, Google says {}",
                after.format("%H:%M:%S UTC"),
                said.format("%H:%M:%S UTC")
            ),
            MEND,
        ),
        Ok(_) => Finding::ok(Check::Clock, "Google's clock", "within five seconds"),
    };
    vec![finding]
}

/// Whether the store remembers an instant that is still to come: the clock was set back.
pub fn remembered(known: &Known, now: Instant) -> Vec<Finding> {
    let Some(at) = known.latest_at else {
        return Vec::new();
    };
    let subject = "the store's instants";
    if at - now > SKEW_MAX {
        let text = format!(
            "the store remembers {}, which is still to come",
            at.format("%Y-%m-%d %H:%M:%S UTC")
        );
        return vec![Finding::wrong(Check::Clock, subject, text, MEND)];
    }
    vec![Finding::ok(Check::Clock, subject, "none is still to come")]
}

async fn date(project: &Project) -> Result<Instant, Why> {
    let doing = "asking Google for the time";
    let request = project.http.get(&project.google.endpoints.pubsub.base);
    let sent = request
        .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
        .send()
        .await;
    let answer = sent.map_err(|error| format!("{doing}: {}", error.without_url()))?;
    let said = answer.headers().get(DATE).and_then(|it| it.to_str().ok());
    let said = said.and_then(|text| DateTime::parse_from_rfc2822(text).ok());
    match said {
        Some(said) => Ok(said.to_utc()),
        None => Err(format!("{doing}: the answer has no date")),
    }
}
