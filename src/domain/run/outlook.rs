//! What a run's forecast is made of, and how its danger is held.
//!
//! The arithmetic belongs to `forecast`.

use chrono::TimeDelta;

use super::{Batch, Risk, Run, State, draft::Draft, settled, verdict_text};
use crate::domain::{
    Instant,
    forecast::{self, Forecast, Outlook},
    reason::Code,
};

/// How often a night in progress is looked at, though nothing happens.
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(60);
/// How long before the deadline a night at rest is looked at as often.
const LOOK_BEFORE_DEADLINE: TimeDelta = TimeDelta::hours(2);

/// Foresees the finish; `None` where there is nothing to finish.
pub fn foresee(run: &Run, now: Instant) -> Option<Forecast> {
    if !run.has_promises() || run.state == State::Complete || run.is_accepted() {
        return None;
    }
    let outlook = match &run.batch {
        Some(batch) if !run.is_settled() && run.state != State::Waiting => {
            batch_outlook(run, batch, now)
        }
        Some(_) | None => night_outlook(run, now),
    };
    let forecast = forecast::forecast(&outlook, now);
    let hopeless = run.is_settled() && !settled::retry_to_come(run);
    let stuck = run.state == State::Failed;
    Some(Forecast {
        latest_at: forecast.latest_at.filter(|_| !hopeless && !stuck),
        ..forecast
    })
}

/// When the upstream usually finishes: the median of the nights known, else the setting.
pub fn usual_finish_at(run: &Run) -> Instant {
    let known = run.baseline.nights >= run.policy.readiness.nights_known_min;
    let usual = run.baseline.usual_finish.filter(|_| known);
    usual.map_or_else(
        || {
            let setting = run.policy.upstream.usual_finish;
            setting.instant_on(run.key.game_date.0)
        },
        |after| run.instants.opens_at + after,
    )
}

/// When the upstream finishes at the latest: the slowest of the nights known, else when it counts as late.
fn slowest_finish_at(run: &Run) -> Instant {
    let known = run.baseline.nights >= run.policy.readiness.nights_known_min;
    let slowest = run.baseline.slowest_finish.filter(|_| known);
    slowest.map_or_else(
        || usual_finish_at(run) + run.policy.upstream.late_after,
        |after| run.instants.opens_at + after,
    )
}

/// Before the first dispatch, or between batches: the upstream's usual time, then the pace.
fn night_outlook(run: &Run, now: Instant) -> Outlook {
    let finished = run.upstream_finished();
    let (usual_at, slowest_at) = (usual_finish_at(run), slowest_finish_at(run));
    let left = |at: Instant| (at - now).max(TimeDelta::zero());
    let pace = &run.policy.pace;
    let units = match (run.counts.plan.total(), run.readiness.as_ref()) {
        (0, None) => pace.usual_units,
        (0, Some(readiness)) => readiness.ready.max(readiness.expected),
        (_, _) => run.counts.gap(),
    };
    let rate = usual_rate(run);
    Outlook {
        upstream: if finished {
            TimeDelta::zero()
        } else {
            left(usual_at)
        },
        upstream_slowest: match finished {
            true => Some(TimeDelta::zero()),
            false => (now <= slowest_at).then(|| left(slowest_at)),
        },
        units,
        rate,
        rate_slowest: rate / SLOW_FACTOR,
        rate_fastest: rate,
        retry: retry_time(run, 0),
    }
}

/// How much slower than planned a night may run before any of it is seen.
const SLOW_FACTOR: f64 = 2.0;

/// During a batch: its own rate, and its slowest and fastest minute.
fn batch_outlook(run: &Run, batch: &Batch, now: Instant) -> Outlook {
    let units = batch.frozen.saturating_sub(batch.closed());
    let seconds = batch
        .first_sent_at
        .map_or(0.0, |at| (now - at).num_milliseconds() as f64 / 1e3);
    let per_minute = |answers: u64| answers as f64 / 60.0;
    let planned = usual_rate(run);
    let seen = batch.answered > 0 && seconds > 0.0;
    let rate = if seen {
        batch.answered as f64 / seconds
    } else {
        planned
    };
    let slowest = batch.pace.slowest.map_or(rate / SLOW_FACTOR, per_minute);
    let fastest = batch.pace.fastest.map_or(rate, per_minute).max(rate);
    let likely = run.counts.gap();
    Outlook {
        upstream: TimeDelta::zero(),
        upstream_slowest: Some(TimeDelta::zero()),
        units,
        rate,
        rate_slowest: slowest.min(rate),
        rate_fastest: fastest,
        retry: if seen {
            retry_time(run, likely)
        } else {
            TimeDelta::zero()
        },
    }
}

/// Units a second by the configured pace, the cap in flight and the workers' usual time.
fn usual_rate(run: &Run) -> f64 {
    let pace = &run.policy.pace;
    let answer_seconds = (pace.usual_answer.num_milliseconds() as f64 / 1e3).max(0.001);
    pace.full_per_second
        .min(f64::from(pace.in_flight_max) / answer_seconds)
        .max(f64::MIN_POSITIVE)
}

/// What one retry of so many units adds.
fn retry_time(run: &Run, units: u64) -> TimeDelta {
    if units == 0 || run.policy.sla.tolerates(units, run.counts.ready) {
        return TimeDelta::zero();
    }
    let sending = TimeDelta::milliseconds((units as f64 / usual_rate(run) * 1e3) as i64);
    run.policy.retry.automatic_delay + sending + run.policy.pace.usual_answer
}

/// Holds the danger: at risk once the upper end has been past the deadline for a while, at once where no end is in
/// sight, and no longer when it is well before the deadline. From the deadline on there is nothing to foresee.
pub fn hold(draft: &mut Draft) {
    let now = draft.now;
    let deadline_at = draft.run.instants.deadline_at;
    let before = draft.run.risk.at_risk;
    if now >= deadline_at {
        return;
    }
    let policy = draft.run.policy.forecast.clone();
    let latest = foresee(&draft.run, now).map(|forecast| forecast.latest_at);
    let risk = &mut draft.run.risk;
    match latest {
        None => *risk = Risk::default(),
        Some(None) => {
            risk.past_since = risk.past_since.or(Some(now));
            risk.at_risk = true;
            risk.latest_at = None;
        }
        Some(Some(latest_at)) if latest_at > deadline_at => {
            let since = *risk.past_since.get_or_insert(now);
            risk.at_risk |= now >= since + policy.at_risk_after;
            if !before || risk.latest_at.is_none() {
                risk.latest_at = Some(latest_at).filter(|_| risk.at_risk);
            }
        }
        Some(Some(latest_at)) => {
            risk.past_since = None;
            risk.at_risk &= latest_at > deadline_at - policy.clear_margin;
            risk.latest_at = risk.latest_at.filter(|_| risk.at_risk);
        }
    }
    match (before, draft.run.risk.at_risk) {
        (false, true) => {
            let text = verdict_text::at_risk(&draft.run);
            draft.says(Code::Forecast, text);
        }
        (true, false) => draft.says(Code::Forecast, "the deadline is no longer at risk"),
        (true, true) | (false, false) => {}
    }
}

/// When the forecast may look different though nothing happens.
pub fn next_look(run: &Run, now: Instant) -> Option<Instant> {
    if !run.has_promises() || run.ruling.is_some() || now >= run.instants.deadline_at {
        return None;
    }
    let busy = matches!(
        run.state,
        State::Waiting | State::Dispatching | State::Running
    );
    let from = if busy {
        now
    } else {
        run.instants.deadline_at - LOOK_BEFORE_DEADLINE
    };
    Some((now + LOOK_EVERY).max(from))
}
