//! The ranges in which each number makes sense, and what to write when one is outside.
//!
//! Whether the numbers together can keep the promise belongs to `domain::feasibility`.

use chrono::TimeDelta;

use super::{Error, Handoff, Sink, Workers};
use crate::domain::{policy::Policy, seconds};

/// Units of one night beyond which nothing has been tried.
const UNITS_MAX: u64 = 10_000_000;
/// Reminders of critical alerts are outside a channel's hourly limit, so they limit themselves.
const REMINDER_MIN: TimeDelta = TimeDelta::minutes(1);

/// Refuses a handoff with a number out of its range or an order that makes no sense.
pub(super) fn check_handoff(handoff: &Handoff, field: &str) -> Result<(), Error> {
    let policy = &handoff.policy;
    check_names(handoff, field)?;
    check_shares(policy, field)?;
    check_counts(policy, field)?;
    check_lengths(policy, field)?;
    check_order(policy, field)?;
    check_alerts(policy, field)
}

fn check_names(handoff: &Handoff, field: &str) -> Result<(), Error> {
    let upstream = &handoff.policy.upstream;
    for (name, names) in [
        ("processor_names", &upstream.processor_names),
        ("final_processor_names", &upstream.final_processor_names),
    ] {
        if names.is_empty() {
            return Err(Error::value(
                format!("{field}.upstream.{name}"),
                "[]",
                "name at least one processor, or the upstream's finish is never noticed",
            ));
        }
    }
    if handoff.upstream_handoff.is_none() && handoff.upstream_topic.is_none() {
        return Err(Error::value(
            format!("{field}.upstream_topic"),
            "(not given)",
            "name the topic the upstream's completion comes on, or the upstream_handoff",
        ));
    }
    if let Sink::Http { url, batch } = &handoff.sink {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Error::value(
                format!("{field}.sink.http.url"),
                format!("{url:?}"),
                "write an address that starts with http:// or https://",
            ));
        }
        at_least_one(u64::from(*batch), format!("{field}.sink.http.batch"))?;
    }
    Ok(())
}

fn check_shares(policy: &Policy, field: &str) -> Result<(), Error> {
    let shares = [
        ("readiness.share_min", policy.readiness.share_min),
        (
            "readiness.usual_share_tolerance",
            policy.readiness.usual_share_tolerance,
        ),
        ("readiness.floor_share", policy.readiness.floor_share),
        ("completion.settle_share", policy.completion.settle_share),
        ("retry.budget_share_fixed", policy.retry.budget_share_fixed),
        ("sla.completion.target", policy.sla.completion.target),
        ("sla.completion.warning", policy.sla.completion.warning),
        ("sla.completion.critical", policy.sla.completion.critical),
        ("sla.gap_share_max", policy.sla.gap_share_max),
        ("sla.nights_target", policy.sla.nights_target),
        ("sla.readiness_gap.info", policy.sla.readiness_gap.info),
        (
            "sla.readiness_gap.warning",
            policy.sla.readiness_gap.warning,
        ),
        ("alerts.slate_fast_share", policy.alerts.slate_fast_share),
        ("alerts.slate_small_share", policy.alerts.slate_small_share),
    ];
    for (name, share) in shares {
        check_share(share, format!("{field}.{name}"))?;
    }
    Ok(())
}

fn check_share(share: f64, field: String) -> Result<(), Error> {
    if (0.0..=1.0).contains(&share) {
        return Ok(());
    }
    Err(Error::value(
        field,
        share,
        "write a share from 0 to 1; 80 % is 0.8",
    ))
}

fn check_counts(policy: &Policy, field: &str) -> Result<(), Error> {
    let counts = [
        ("pace.in_flight_max", u64::from(policy.pace.in_flight_max)),
        ("pace.usual_units", policy.pace.usual_units),
        (
            "dispatch.publish_tries_max",
            u64::from(policy.dispatch.publish_tries_max),
        ),
        ("retry.attempts_max", u64::from(policy.retry.attempts_max)),
        (
            "readiness.nights_known_min",
            u64::from(policy.readiness.nights_known_min),
        ),
        ("readiness.ready_units", policy.readiness.ready_units),
    ];
    for (name, count) in counts {
        at_least_one(count, format!("{field}.{name}"))?;
    }
    if policy.pace.usual_units > UNITS_MAX {
        return Err(Error::value(
            format!("{field}.pace.usual_units"),
            policy.pace.usual_units,
            format!("write at most {UNITS_MAX}"),
        ));
    }
    let numbers = [
        ("pace.start_per_second", policy.pace.start_per_second),
        ("pace.full_per_second", policy.pace.full_per_second),
        ("retry.budget_nights", policy.retry.budget_nights),
        (
            "sla.readiness_gap.warning_times_median",
            policy.sla.readiness_gap.warning_times_median,
        ),
    ];
    for (name, number) in numbers {
        // Not a number is not above 0 either.
        if !(number > 0.0 && number.is_finite()) {
            return Err(Error::value(
                format!("{field}.{name}"),
                number,
                "write a number above 0",
            ));
        }
    }
    let minutes = policy.filters.min_minutes;
    if !(minutes >= 0.0 && minutes.is_finite()) {
        return Err(Error::value(
            format!("{field}.filters.min_minutes"),
            minutes,
            "write minutes from 0 on",
        ));
    }
    Ok(())
}

fn at_least_one(count: u64, field: String) -> Result<(), Error> {
    if count > 0 {
        return Ok(());
    }
    Err(Error::value(field, count, "write at least 1"))
}

fn check_lengths(policy: &Policy, field: &str) -> Result<(), Error> {
    let lengths = [
        ("catch_up.poll", policy.catch_up.poll),
        ("readiness.poll", policy.readiness.poll),
        ("readiness.freshness", policy.readiness.freshness),
        (
            "completion.answer_timeout",
            policy.completion.answer_timeout,
        ),
        ("completion.settle_quiet", policy.completion.settle_quiet),
        ("completion.settle_limit", policy.completion.settle_limit),
        (
            "completion.reconcile_every",
            policy.completion.reconcile_every,
        ),
        ("dispatch.stalled_after", policy.dispatch.stalled_after),
        ("schedule.closes_after", policy.schedule.closes_after),
        ("sla.judging_max", policy.sla.judging_max),
        ("alerts.no_answer_after", policy.alerts.no_answer_after),
        (
            "alerts.could_not_ask_after",
            policy.alerts.could_not_ask_after,
        ),
    ];
    for (name, length) in lengths {
        if length <= TimeDelta::zero() {
            return Err(Error::value(
                format!("{field}.{name}"),
                seconds::text(length),
                "write at least a second",
            ));
        }
    }
    Ok(())
}

fn check_order(policy: &Policy, field: &str) -> Result<(), Error> {
    let latency = &policy.sla.latency;
    if !(latency.target <= latency.warning && latency.warning <= latency.critical) {
        return Err(Error::value(
            format!("{field}.sla.latency"),
            format!(
                "{}, {}, {}",
                seconds::text(latency.target),
                seconds::text(latency.warning),
                seconds::text(latency.critical)
            ),
            "target, warning and critical have to rise in this order",
        ));
    }
    let completion = &policy.sla.completion;
    if !(completion.target >= completion.warning && completion.warning >= completion.critical) {
        return Err(Error::value(
            format!("{field}.sla.completion"),
            format!(
                "{}, {}, {}",
                completion.target, completion.warning, completion.critical
            ),
            "target, warning and critical have to fall in this order",
        ));
    }
    if policy.pace.full_per_second < policy.pace.start_per_second {
        return Err(Error::value(
            format!("{field}.pace.full_per_second"),
            policy.pace.full_per_second,
            format!(
                "write at least start_per_second, {}",
                policy.pace.start_per_second
            ),
        ));
    }
    let retry = &policy.retry;
    if retry.automatic_attempts_max > retry.attempts_max {
        return Err(Error::value(
            format!("{field}.retry.automatic_attempts_max"),
            retry.automatic_attempts_max,
            format!("write at most attempts_max, {}", retry.attempts_max),
        ));
    }
    Ok(())
}

/// Reminders may not flood people, and nobody is told before the one who is to be told first.
fn check_alerts(policy: &Policy, field: &str) -> Result<(), Error> {
    let alerts = &policy.alerts;
    for (name, after) in [
        ("remind_critical_after", alerts.remind_critical_after),
        ("remind_warning_after", alerts.remind_warning_after),
    ] {
        if after < REMINDER_MIN {
            return Err(Error::value(
                format!("{field}.alerts.{name}"),
                seconds::text(after),
                format!("write at least {}", seconds::text(REMINDER_MIN)),
            ));
        }
    }
    if alerts.escalate_lead_after < alerts.escalate_on_call_after {
        return Err(Error::value(
            format!("{field}.alerts.escalate_lead_after"),
            seconds::text(alerts.escalate_lead_after),
            format!(
                "write at least escalate_on_call_after, {}",
                seconds::text(alerts.escalate_on_call_after)
            ),
        ));
    }
    Ok(())
}

/// Refuses workers with a number out of its range.
pub(super) fn check_workers(workers: &Workers) -> Result<(), Error> {
    at_least_one(u64::from(workers.count), "workers.count".to_owned())?;
    let shares = [
        ("workers.skip_share", workers.skip_share),
        ("workers.failure_share", workers.failure_share),
        ("workers.silence_share", workers.silence_share),
        ("workers.duplicate_share", workers.duplicate_share),
        (
            "workers.claim_without_row_share",
            workers.claim_without_row_share,
        ),
    ];
    for (name, share) in shares {
        check_share(share, name.to_owned())?;
    }
    let fates = workers.skip_share
        + workers.failure_share
        + workers.silence_share
        + workers.claim_without_row_share;
    if fates > 1.0 + f64::EPSILON {
        return Err(Error::value(
            "workers",
            fates,
            "a unit has one fate: skip, failure, silence and claim without row may add up to 1 at most",
        ));
    }
    let answer = workers.answer_seconds_min..=workers.answer_seconds_max;
    if !(workers.answer_seconds_min >= 0.0
        && workers.answer_seconds_max.is_finite()
        && !answer.is_empty())
    {
        return Err(Error::value(
            "workers.answer_seconds_min",
            workers.answer_seconds_min,
            format!(
                "write seconds from 0 to answer_seconds_max, {}",
                workers.answer_seconds_max
            ),
        ));
    }
    if !(workers.cold_start_seconds >= 0.0 && workers.cold_start_seconds.is_finite()) {
        return Err(Error::value(
            "workers.cold_start_seconds",
            workers.cold_start_seconds,
            "write seconds from 0 on",
        ));
    }
    Ok(())
}
