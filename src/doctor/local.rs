//! What can be looked at without the project: the season file, the zone database, the ways to people.
//!
//! Testing a channel by a message belongs to the engine.

use chrono::TimeDelta;

use crate::{
    config::{Config, Handoff},
    domain::{
        Instant, calendar,
        wiring::{Check, Finding},
        zone,
    },
    ports::Known,
};

/// From this many days before its end on, a season file is to be replaced.
const SEASON_DAYS_MIN: i64 = 14;

/// The season file of each handoff.
pub fn calendar(config: &Config, now: Instant) -> Vec<Finding> {
    config.handoffs.iter().map(|it| season(it, now)).collect()
}

fn season(handoff: &Handoff, now: Instant) -> Finding {
    let subject = handoff.id.as_str();
    let Some(season) = &handoff.season else {
        let text = "no season file: every date is taken for one with games";
        return Finding::ok(Check::Calendar, subject, text);
    };
    let today = calendar::game_date(now, &handoff.policy.calendar_zone).0;
    let left = season.until.signed_duration_since(today);
    let mend = "write the next season's file and name it: season_file = \"season.toml\" (docs/configuration.md)";
    if left < TimeDelta::zero() {
        let text = format!(
            "the season file ended on {}: every date is taken for one with games",
            season.until
        );
        return Finding::wrong(Check::Calendar, subject, text, mend);
    }
    if left <= TimeDelta::days(SEASON_DAYS_MIN) {
        let days = left.num_days();
        let text = format!("the season file ends on {}, in {days} days", season.until);
        return Finding::wrong(Check::Calendar, subject, text, mend);
    }
    let text = format!("the season file goes on until {}", season.until);
    Finding::ok(Check::Calendar, subject, text)
}

/// The zone database and the zones that are used.
pub fn zones(config: &Config) -> Vec<Finding> {
    let version = zone::DATABASE_VERSION;
    let tested = match zone::self_test() {
        Ok(()) => Finding::ok(
            Check::Zones,
            "self-test",
            format!("zone database {version}"),
        ),
        Err(error) => Finding::wrong(
            Check::Zones,
            "self-test",
            error.to_string(),
            "install a release of tipoff whose zones are right",
        ),
    };
    let mut findings = vec![tested];
    for handoff in &config.handoffs {
        let policy = &handoff.policy;
        for zone in [policy.schedule.zone, policy.calendar_zone] {
            let subject = zone.to_string();
            if findings.iter().any(|it| it.subject == subject) {
                continue;
            }
            findings.push(if zone.is_outdated() {
                let text =
                    format!("the rules of {zone} have changed since zone database {version}");
                let mend = "install a newer release of tipoff, or name a zone with the same clocks";
                Finding::wrong(Check::Zones, subject, text, mend)
            } else {
                Finding::ok(Check::Zones, subject, "no change is known")
            });
        }
    }
    findings
}

/// The channels, as the service knows them.
pub fn channels(config: &Config, known: &Known) -> Vec<Finding> {
    let Some(states) = &known.channels else {
        let ids = config.channels.iter().map(|it| it.id.as_str());
        let why = "no running service was asked how it stands";
        return ids
            .map(|id| Finding::could_not_ask(Check::Channels, id, why))
            .collect();
    };
    let judged = states.iter().map(|(id, error)| match error {
        None => Finding::ok(Check::Channels, id.as_str(), "it takes messages"),
        Some(error) => Finding::wrong(
            Check::Channels,
            id.as_str(),
            format!("it does not take messages: {error}"),
            format!("correct [channels.{id}] and try it: tipoff alerts test"),
        ),
    });
    judged.collect()
}
