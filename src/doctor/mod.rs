//! Asks the real project whether the night can work, object by object, and says the command that mends what is wrong.
//!
//! What the objects ought to be belongs to `infra`; who is told, to the engine and `domain::service`.

use std::{future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{TimeDelta, Timelike};

use crate::{
    clock::Clock,
    config::Config,
    domain::{
        Instant,
        calendar::{self, Expectation},
        ids::GameDate,
        wiring::{Check, EVERYTHING, Finding},
    },
    infra::plan::Job,
    ports::{self, Known},
};

mod ask;
mod clock;
mod dead_letters;
mod local;
mod measured;
mod mend;
mod permissions;
mod schedule;
mod subscriptions;
mod tables;
mod topics;
mod wanted;

pub use ask::Project;
pub use tables::Tables;
pub use wanted::{Subscription, Topic, Wanted};

/// How long one check may take; all of them run at the same time, so the examination takes no longer.
const CHECK_SECONDS_MAX: u64 = 20;

/// The last hour of a day, in which a tick without hours still comes.
const LAST_HOUR: u32 = 23;

/// Examines the surroundings of one configuration.
pub struct Examiner {
    /// What the service is told.
    pub config: Arc<Config>,
    /// The project; `None`: only what needs none is looked at.
    pub project: Option<Project>,
    /// The tables that are asked.
    pub tables: Tables,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What every check of the project is given.
struct Look<'a> {
    config: &'a Config,
    project: &'a Project,
    wanted: &'a Wanted,
    known: &'a Known,
    now: Instant,
}

#[async_trait]
impl ports::Doctor for Examiner {
    async fn examine(&self, known: &Known) -> Vec<Finding> {
        let now = self.clock.now();
        let mut findings = local::calendar(&self.config, now);
        findings.extend(local::zones(&self.config));
        findings.extend(local::channels(&self.config, known));
        findings.extend(clock::remembered(known, now));
        let (tables, project) = tokio::join!(
            within(Check::Tables, tables::look(&self.tables)),
            self.project(known, now)
        );
        findings.extend(tables);
        findings.extend(project);
        findings.sort_by_key(|it| it.check);
        findings
    }
}

impl Examiner {
    async fn project(&self, known: &Known, now: Instant) -> Vec<Finding> {
        let Some(project) = &self.project else {
            return Vec::new();
        };
        let wanted = Wanted::of(&self.config, &project.google);
        let look = Look {
            config: &self.config,
            project,
            wanted: &wanted,
            known,
            now,
        };
        let (topics, subscriptions, dead_letters, schedule, permissions, clock) = tokio::join!(
            within(Check::Topics, topics::look(&look)),
            within(Check::Subscriptions, subscriptions::look(&look)),
            within(Check::DeadLetters, dead_letters::look(&look)),
            within(Check::Schedule, schedule::look(&look)),
            within(Check::Permissions, permissions::look(&look)),
            within(Check::Clock, clock::look(project, &*self.clock)),
        );
        [
            topics,
            subscriptions,
            dead_letters,
            schedule,
            permissions,
            clock,
        ]
        .concat()
    }
}

/// A check within its time; past it, nothing is known.
async fn within(check: Check, looking: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    let limit = Duration::from_secs(CHECK_SECONDS_MAX);
    match tokio::time::timeout(limit, looking).await {
        Ok(findings) => findings,
        Err(_) => {
            let why = format!("no answer within {CHECK_SECONDS_MAX} s");
            vec![Finding::could_not_ask(check, EVERYTHING, why)]
        }
    }
}

impl Look<'_> {
    /// Whether any handoff had, or may have had, games on a date of this span before now.
    fn games_within(&self, span: TimeDelta) -> bool {
        self.config.handoffs.iter().any(|handoff| {
            let Some(season) = &handoff.season else {
                return true;
            };
            let zone = &handoff.policy.calendar_zone;
            let today = calendar::game_date(self.now, zone);
            let first = calendar::game_date(self.now - span, zone);
            let dates = first.0.iter_days().take_while(|date| *date <= today.0);
            let games = |date| season.expectation(GameDate(date)) == Expectation::Games;
            let mut dates = dates.map(games);
            dates.any(|games| games)
        })
    }

    /// Whether a job that calls often has been due for a while: its hours begin at midnight of its zone.
    fn in_hours(&self, job: &Job) -> bool {
        let zones = self.config.handoffs.iter().map(|it| &it.policy.schedule);
        let zone = zones
            .map(|it| it.deadline.zone)
            .find(|it| it.to_string() == job.zone);
        let Some(zone) = zone else { return false };
        // `*/5 0-7 * * *`, or all day without the hours.
        let hours = job.cron.split(' ').nth(1).unwrap_or_default();
        let last = hours
            .split_once('-')
            .and_then(|(_, last)| last.parse().ok());
        let last: u32 = last.unwrap_or(LAST_HOUR);
        let local = zone.local(self.now);
        let minutes = local.hour() * 60 + local.minute();
        let begun = u32::try_from(schedule::TICK_SILENCE_MAX.num_minutes()).unwrap_or(0);
        (begun..(last + 1) * 60).contains(&minutes)
    }
}
