//! Cloud Scheduler's jobs: whether each is as it ought to be, runs, and was heard from.
//!
//! The service's own schedule needs none of them.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::Value;

use super::{Look, ask::Project, mend};
use crate::{
    domain::wiring::{Check, Finding},
    infra::plan::Job,
};

/// A daily job that was not heard from for longer does not work: a day, and an hour for a change of clocks.
pub const DAILY_SILENCE_MAX: TimeDelta = TimeDelta::hours(25);
/// A tick comes every five minutes; three missed are no accident.
pub const TICK_SILENCE_MAX: TimeDelta = TimeDelta::minutes(15);

/// Looks at every job, and when each was last heard from.
pub async fn look(look: &Look<'_>) -> Vec<Finding> {
    let jobs = &look.wanted.jobs;
    let found = join_all(jobs.iter().map(|job| one(look.project, job))).await;
    let refused = look.wanted.refused.iter().map(|why| {
        let mend = "tipoff infra plan";
        Finding::wrong(Check::Schedule, "configuration", why.to_string(), mend)
    });
    found
        .into_iter()
        .chain(jobs.iter().map(|job| heard(look, job)))
        .chain(refused)
        .collect()
}

async fn one(project: &Project, job: &Job) -> Finding {
    let name = job.name.as_str();
    let endpoint = &project.google.endpoints.scheduler;
    let found = match project.object(endpoint, &project.job(name)).await {
        Err(why) => return Finding::could_not_ask(Check::Schedule, name, why),
        Ok(None) => {
            let mend = mend::job(project, job, "create");
            return Finding::wrong(Check::Schedule, name, "the job is not there", mend);
        }
        Ok(Some(found)) => found,
    };
    if found["state"].as_str().is_none_or(str::is_empty) {
        let why = "the answer does not say the job's state";
        return Finding::could_not_ask(Check::Schedule, name, why);
    }
    let wrong = differences(project, job, &found);
    if !wrong.is_empty() {
        let mend = mend::job(project, job, "update");
        return Finding::wrong(Check::Schedule, name, wrong.join("; "), mend);
    }
    let state = found["state"].as_str().unwrap_or_default();
    if state != "ENABLED" {
        let mend = mend::of_job(project, name, "resume");
        let text = format!("the job is {}: it does not run", state.to_lowercase());
        return Finding::wrong(Check::Schedule, name, text, mend);
    }
    // `google.rpc.Code`: 0, or left out, is success (<https://cloud.google.com/scheduler/docs/reference/rest/v1>).
    let code = found["status"]["code"].as_i64().unwrap_or(0);
    if code != 0 {
        let said = found["status"]["message"]
            .as_str()
            .unwrap_or("without a word");
        let text = format!("its last attempt failed with code {code}: {said}");
        let mend = mend::of_job(project, name, "run");
        return Finding::wrong(Check::Schedule, name, text, mend);
    }
    let text = format!("{} in {}", job.cron, job.zone);
    Finding::ok(Check::Schedule, name, text)
}

fn differences(project: &Project, job: &Job, found: &Value) -> Vec<String> {
    let http = &found["httpTarget"];
    let identity = &project.google.identity;
    let mut wrong = Vec::new();
    let mut same = |what: &str, is: Option<&str>, ought: &[&str]| {
        if !is.is_some_and(|is| ought.contains(&is)) {
            let is = is.filter(|it| !it.is_empty()).unwrap_or("nothing");
            wrong.push(format!("its {what} is {is}, not {}", ought.join(" or ")));
        }
    };
    same("schedule", found["schedule"].as_str(), &[&job.cron]);
    same("time zone", found["timeZone"].as_str(), &[&job.zone]);
    let uri = http["uri"].as_str();
    same("address", uri.map(bare), &[bare(&job.uri)]);
    same("method", http["httpMethod"].as_str(), &[job.method]);
    let token = &http["oidcToken"];
    let accounts: Vec<&str> = identity
        .scheduler_accounts
        .iter()
        .map(String::as_str)
        .collect();
    same("identity", token["serviceAccountEmail"].as_str(), &accounts);
    if let (Some(audience), Some(_)) = (&identity.audience, token["serviceAccountEmail"].as_str()) {
        // Without an audience of its own a token is made for the address.
        let is = token["audience"].as_str().or(uri);
        same("audience", is, &[audience]);
    }
    wrong
}

/// An address without its parameters.
fn bare(address: &str) -> &str {
    address.split('?').next().unwrap_or(address)
}

/// When the job last called here, as the service knows it.
fn heard(look: &Look<'_>, job: &Job) -> Finding {
    let subject = format!("{} heard", job.name);
    let Some(heard) = &look.known.heard else {
        let why = "no running service was asked when it last called";
        return Finding::could_not_ask(Check::Schedule, subject, why);
    };
    let limit = if job.is_tick() {
        TICK_SILENCE_MAX
    } else {
        DAILY_SILENCE_MAX
    };
    let last = heard.get(&job.name).copied();
    let since = last.or(look.known.installed_at).unwrap_or(look.now);
    let silent = look.now - since;
    if silent <= limit || (job.is_tick() && !look.in_hours(job)) {
        let text = match last {
            Some(at) => format!("last called {}", at.format("%Y-%m-%d %H:%M UTC")),
            None => "never called yet; the service is new here".to_owned(),
        };
        return Finding::ok(Check::Schedule, subject, text);
    }
    let hours = silent.num_hours();
    let text = match last {
        Some(_) => format!("the job {} has not called for {hours} h", job.name),
        None => format!("the job {} has never called, in {hours} h", job.name),
    };
    let mend = mend::of_job(look.project, &job.name, "run");
    Finding::wrong(Check::Schedule, subject, text, mend)
}
