//! Jobs of Cloud Scheduler, which call what the service's own schedule does too.
//!
//! That both together fire once is the store's business.

use std::collections::BTreeMap;

use chrono::{TimeDelta, Timelike};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Reach, Refused};
use crate::{
    config::{Google, Handoff, Profile},
    domain::{schedule::WallTime, zone::Zone},
};

const TICK: &str = "/tick";
/// The platform's table of Google objects.
const ATTEMPT_DEADLINE_SECONDS: u32 = 180;
/// A verdict that was judged late can be corrected until 11 min after, so ticks go on that long.
const AFTER_DEADLINE: TimeDelta = TimeDelta::minutes(11);

/// A job of Cloud Scheduler; its content type is JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Job {
    /// Its name, without project and region.
    pub name: String,
    /// When it fires: minute, hour, day, month, weekday.
    pub cron: String,
    /// Whose clock that is, by its name in the zone database.
    pub zone: String,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The address with its path.
    pub uri: String,
    /// The path alone.
    pub path: &'static str,
    /// What is sent; `None` with `GET`.
    pub body: Option<String>,
    /// How long one attempt may take, in seconds.
    pub attempt_deadline_seconds: u32,
    /// The account whose identity the call carries.
    pub account: String,
    /// What the identity is made for.
    pub audience: String,
}

impl Job {
    /// Whether it calls every few minutes of some hours, not once a day.
    pub fn is_tick(&self) -> bool {
        self.path == TICK
    }
}

/// What of a job the schedule decides.
struct Call {
    name: String,
    cron: String,
    zone: Zone,
    method: &'static str,
    path: &'static str,
    body: Option<Value>,
}

pub(super) fn all(
    google: &Google,
    handoffs: &[Handoff],
    reach: Reach<'_>,
) -> Result<Vec<Job>, Refused> {
    let mut jobs = Vec::new();
    for handoff in handoffs {
        // With one handoff calls need not name it, and the platform's bodies stay as they are.
        let named = (handoffs.len() > 1).then(|| handoff.id.as_str());
        for call in calls(google, handoff, named) {
            jobs.push(job(call, handoff, named, reach)?);
        }
    }
    Ok(jobs)
}

fn calls(google: &Google, handoff: &Handoff, named: Option<&str>) -> Vec<Call> {
    let schedule = &handoff.policy.schedule;
    let prefix = &handoff.scheduler_prefix;
    let call = |name: String, time: &WallTime, path, source: &str| Call {
        name: format!("{prefix}-{name}"),
        cron: daily(time),
        zone: time.zone,
        method: "POST",
        path,
        body: Some(body(source, named)),
    };
    let mut calls = Vec::new();
    if let Some(backup) = &schedule.backup {
        calls.push(call(
            "daily-backup".into(),
            backup,
            "/start",
            "scheduler_backup",
        ));
    }
    for (index, time) in schedule.retries.iter().enumerate() {
        calls.push(call(
            format!("retry-{}", index + 1),
            time,
            "/retry",
            "scheduler_retry",
        ));
    }
    calls.push(Call {
        method: "GET",
        body: None,
        ..call("status-check".into(), &schedule.deadline, "/status", "")
    });
    match google.profile {
        Profile::AlwaysOn => {}
        Profile::Frugal => calls.push(Call {
            cron: ticks(&schedule.deadline),
            body: Some(json!({})),
            ..call("tick".into(), &schedule.deadline, TICK, "")
        }),
    }
    calls
}

fn body(source: &str, handoff: Option<&str>) -> Value {
    let mut body = Map::from_iter([("trigger_source".to_owned(), json!(source))]);
    if let Some(handoff) = handoff {
        body.insert("handoff".to_owned(), json!(handoff));
    }
    Value::Object(body)
}

fn job(
    call: Call,
    handoff: &Handoff,
    named: Option<&str>,
    reach: Reach<'_>,
) -> Result<Job, Refused> {
    let Zone::Named(zone) = call.zone else {
        return Err(Refused::FixedZone {
            handoff: handoff.id.as_str().to_owned(),
            zone: call.zone.to_string(),
        });
    };
    let query = match (call.method, named) {
        ("GET", Some(id)) => format!("?handoff={id}"),
        _ => String::new(),
    };
    Ok(Job {
        name: call.name,
        cron: call.cron,
        zone: zone.name().to_owned(),
        method: call.method,
        uri: format!("{}{}{query}", reach.url, call.path),
        path: call.path,
        body: call.body.map(|body| body.to_string()),
        attempt_deadline_seconds: ATTEMPT_DEADLINE_SECONDS,
        account: reach.scheduler_account.to_owned(),
        audience: reach.audience.to_owned(),
    })
}

fn daily(time: &WallTime) -> String {
    format!("{} {} * * *", time.at.minute(), time.at.hour())
}

/// Every five minutes from midnight until the verdict is final; all day where that is past midnight.
fn ticks(deadline: &WallTime) -> String {
    let (end, days) = deadline.at.overflowing_add_signed(AFTER_DEADLINE);
    if days == 0 {
        format!("*/5 0-{} * * *", end.hour())
    } else {
        "*/5 * * * *".to_owned()
    }
}

/// One name, one job.
pub(super) fn check_names(jobs: &[Job]) -> Result<(), Refused> {
    let mut seen = BTreeMap::new();
    for job in jobs {
        if let Some(first) = seen.insert(&job.name, &job.uri) {
            return Err(Refused::Twice {
                name: job.name.clone(),
                first: format!("a job that calls {first}"),
                second: format!("one that calls {}", job.uri),
            });
        }
    }
    Ok(())
}
