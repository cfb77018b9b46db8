//! The rules one night is checked by. Each says what is wrong and what to write instead.
//!
//! Which nights are checked, and how findings are gathered, belongs to `feasibility`.

use chrono::{DurationRound, TimeDelta};

use super::{Finding, Plan, Rule, Weight};
use crate::domain::{
    Instant,
    policy::{Mode, Policy},
    seconds,
};

/// What is wrong with one night.
pub(super) fn apply(policy: &Policy, plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(opening(policy, plan));
    findings.extend(upstream(policy, plan));
    findings.extend(backup(policy, plan));
    findings.extend(retries(policy, plan));
    findings.extend(check(policy, plan));
    findings
}

/// A finding of one night, which misses what `rule` asks by `miss`.
fn finding(plan: &Plan, rule: (Weight, Rule), miss: TimeDelta, text: String) -> Finding {
    Finding {
        weight: rule.0,
        rule: rule.1,
        game_date: Some(plan.game_date),
        nights: 1,
        text,
        miss,
    }
}

/// An instant in the zone people read and, where it differs, in the deadline's: `09:00 EST (06:00 PST)`.
fn both(policy: &Policy, at: Instant) -> String {
    let own = policy.schedule.zone.time_text(at);
    let other = if policy.schedule.deadline.zone == policy.schedule.zone {
        policy.calendar_zone.time_text(at)
    } else {
        policy.schedule.deadline.zone.time_text(at)
    };
    if own == other {
        own
    } else {
        format!("{own} ({other})")
    }
}

/// The last whole minute not after `at`.
fn minute_before(at: Instant) -> Instant {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// The first whole minute not before `at`.
fn minute_after(at: Instant) -> Instant {
    at.duration_round_up(TimeDelta::minutes(1)).unwrap_or(at)
}

fn deadline_text(policy: &Policy, plan: &Plan) -> String {
    format!("the deadline {}", both(policy, plan.instants.deadline_at))
}

fn opening(policy: &Policy, plan: &Plan) -> Option<Finding> {
    let instants = &plan.instants;
    if instants.opens_at < instants.deadline_at {
        return None;
    }
    let text = format!(
        "the run opens at {}, not before {}: choose a later deadline, or a calendar_zone further east",
        both(policy, instants.opens_at),
        deadline_text(policy, plan),
    );
    let miss = instants.opens_at - instants.deadline_at;
    Some(finding(plan, (Weight::Refused, Rule::Opening), miss, text))
}

/// Inputs that usually come too late make every promise empty.
fn upstream(policy: &Policy, plan: &Plan) -> Option<Finding> {
    let done_at = plan.upstream_at + plan.slate;
    let deadline_at = plan.instants.deadline_at;
    if done_at > deadline_at {
        let text = format!(
            "the upstream usually finishes at {} and the usual slate of {} takes {}, which ends after {}: choose a \
             deadline of {} or later",
            both(policy, plan.upstream_at),
            slate_text(policy),
            seconds::text(plan.slate),
            deadline_text(policy, plan),
            both(policy, minute_after(done_at)),
        );
        let miss = done_at - deadline_at;
        return Some(finding(plan, (Weight::Refused, Rule::Upstream), miss, text));
    }
    let wait_ends_at = plan.backup_at()? + policy.readiness.wait;
    if wait_ends_at >= plan.upstream_at {
        return None;
    }
    let text = format!(
        "a run that the backup starts waits until {}, but the upstream usually finishes at {} only: move the backup \
         to {} or later",
        both(policy, wait_ends_at),
        both(policy, plan.upstream_at),
        both(
            policy,
            minute_after(plan.upstream_at - policy.readiness.wait)
        ),
    );
    let miss = plan.upstream_at - wait_ends_at;
    Some(finding(plan, (Weight::Warning, Rule::Upstream), miss, text))
}

fn slate_text(policy: &Policy) -> String {
    format!("{} {}s", policy.pace.usual_units, policy.unit_noun)
}

/// The backup, the wait after it and the slate after that have to end by the deadline.
fn backup(policy: &Policy, plan: &Plan) -> Vec<Finding> {
    let Some(backup_at) = plan.backup_at() else {
        return vec![no_backup(policy, plan)];
    };
    let deadline_at = plan.instants.deadline_at;
    let path = policy.readiness.wait + plan.slate;
    let done_at = backup_at + path;
    if done_at > deadline_at {
        let text = late_backup(policy, plan, backup_at);
        let miss = done_at - deadline_at;
        return vec![finding(plan, (Weight::Refused, Rule::Backup), miss, text)];
    }
    let left = deadline_at - done_at;
    let mut findings = Vec::new();
    if left < policy.retry.time_left_min {
        let text = format!(
            "a run that the backup starts ends at {} with {} left before {}, too little for a retry by itself ({} \
             are needed): move the backup to {} or earlier",
            both(policy, done_at),
            seconds::text(left),
            deadline_text(policy, plan),
            seconds::text(policy.retry.time_left_min),
            both(
                policy,
                minute_before(deadline_at - path - policy.retry.time_left_min)
            ),
        );
        let miss = policy.retry.time_left_min - left;
        findings.push(finding(plan, (Weight::Warning, Rule::Reserve), miss, text));
    }
    let timeout = policy.completion.answer_timeout;
    if backup_at + policy.readiness.wait + timeout > deadline_at {
        let text = format!(
            "units sent at {}, when the wait after the backup ends, stay in flight for {} if nobody answers, until \
             after {}: shorten completion.answer_timeout or move the backup to {} or earlier",
            both(policy, backup_at + policy.readiness.wait),
            seconds::text(timeout),
            deadline_text(policy, plan),
            both(
                policy,
                minute_before(deadline_at - policy.readiness.wait - timeout)
            ),
        );
        let miss = backup_at + policy.readiness.wait + timeout - deadline_at;
        findings.push(finding(
            plan,
            (Weight::Warning, Rule::AnswerTimeout),
            miss,
            text,
        ));
    }
    findings
}

fn late_backup(policy: &Policy, plan: &Plan, backup_at: Instant) -> String {
    let deadline_at = plan.instants.deadline_at;
    let path = policy.readiness.wait + plan.slate;
    let problem = if backup_at >= deadline_at {
        format!(
            "the backup at {} does not come before {}",
            both(policy, backup_at),
            deadline_text(policy, plan)
        )
    } else {
        format!(
            "the backup at {}, a wait of {} and {} for the usual slate of {} end at {}, after {}",
            both(policy, backup_at),
            seconds::text(policy.readiness.wait),
            seconds::text(plan.slate),
            slate_text(policy),
            both(policy, backup_at + path),
            deadline_text(policy, plan),
        )
    };
    format!(
        "{problem}: move the backup to {} or earlier, or the deadline to {} or later",
        both(policy, minute_before(deadline_at - path)),
        both(policy, minute_after(backup_at + path)),
    )
}

fn no_backup(policy: &Policy, plan: &Plan) -> Finding {
    let text = if policy.schedule.backup.is_some() {
        "the clock skips the backup's time of day on this date: write gap=next instead of gap=skip"
    } else {
        "there is no backup: when the event is lost and the run history cannot be asked, nothing starts the run, so \
         set schedule.backup"
    };
    let weight = match policy.mode {
        Mode::Dispatch if policy.schedule.backup.is_some() => Weight::Refused,
        Mode::Dispatch | Mode::Observe => Weight::Warning,
    };
    finding(
        plan,
        (weight, Rule::NoBackup),
        TimeDelta::zero(),
        text.to_owned(),
    )
}

/// Each retry has to leave time for a whole slate, since that is what a lost night needs.
fn retries(policy: &Policy, plan: &Plan) -> Vec<Finding> {
    let deadline_at = plan.instants.deadline_at;
    let mut findings = Vec::new();
    for (index, retry_at) in plan.instants.retries_at.iter().copied().enumerate() {
        let done_at = retry_at + plan.slate;
        if done_at <= deadline_at {
            continue;
        }
        let problem = if retry_at >= deadline_at {
            "does not come before".to_owned()
        } else {
            format!(
                "needs {} for the usual slate of {}, which ends after",
                seconds::text(plan.slate),
                slate_text(policy)
            )
        };
        let text = format!(
            "the retry at {} {problem} {}: move it to {} or earlier, or remove it",
            both(policy, retry_at),
            deadline_text(policy, plan),
            both(policy, minute_before(deadline_at - plan.slate)),
        );
        let rule = (Weight::Refused, Rule::Retry(index + 1));
        findings.push(finding(plan, rule, done_at - deadline_at, text));
    }
    findings
}

/// The last look at the tables comes after the last retry's answers, and before the deadline.
fn check(policy: &Policy, plan: &Plan) -> Option<Finding> {
    let instants = &plan.instants;
    let in_time = |at: &&Instant| **at + plan.slate <= instants.deadline_at;
    let last_retry_at = *instants.retries_at.iter().rfind(in_time)?;
    if last_retry_at + plan.slate <= instants.check_at {
        return None;
    }
    let text = format!(
        "the last look at the tables at {} comes before the retry at {} can be answered, by {}: move that retry to \
         {} or earlier, or shorten schedule.check_lead",
        both(policy, instants.check_at),
        both(policy, last_retry_at),
        both(policy, last_retry_at + plan.slate),
        both(policy, minute_before(instants.check_at - plan.slate)),
    );
    let miss = last_retry_at + plan.slate - instants.check_at;
    Some(finding(plan, (Weight::Warning, Rule::Check), miss, text))
}
