//! How fast the demo's clock runs: slowly where something happens, fast where a night only waits.
//!
//! It changes nothing but the speed: every timer and time-out is the service's own.

use chrono::TimeDelta;

use crate::domain::{
    Instant,
    run::{Run, State},
};

/// How much goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tempo {
    /// Units go out and answers come in.
    Busy,
    /// Something is about to happen.
    Near,
    /// Nothing is.
    Idle,
}

impl Tempo {
    /// How many times faster than a wall clock the night may run.
    pub fn speed(self) -> f64 {
        match self {
            Self::Busy => 20.0,
            Self::Near => 90.0,
            Self::Idle => 1_800.0,
        }
    }

    /// How far apart the metrics are sampled, by the night's own clock; never more than [`SAMPLES_APART_MAX`].
    pub fn sample_every(self) -> TimeDelta {
        match self {
            Self::Busy => TimeDelta::seconds(10),
            Self::Near => TimeDelta::seconds(15),
            Self::Idle => SAMPLES_APART_MAX,
        }
    }
}

/// The longest that two samples of the metrics may be apart: two of them within the five minutes after which Prometheus
/// calls a series stale (<https://prometheus.io/docs/prometheus/latest/querying/basics/#staleness>).
pub const SAMPLES_APART_MAX: TimeDelta = TimeDelta::seconds(120);
/// How long after the last movement a batch still counts as busy.
const MOVING: TimeDelta = TimeDelta::seconds(90);
/// How long a finished upstream whose units are not sent is watched closely: a night may wait for hours.
const STARTING: TimeDelta = TimeDelta::minutes(30);
/// How near an instant has to be.
const SOON: TimeDelta = TimeDelta::seconds(60);

/// How much goes on now. `events` are instants at which the night's own script does something.
pub fn tempo(run: Option<&Run>, events: &[Instant], now: Instant) -> Tempo {
    let near = |at: &Instant| *at - SOON <= now && now <= *at + SOON;
    let soon = events.iter().any(near);
    let Some(run) = run else {
        return if soon { Tempo::Near } else { Tempo::Idle };
    };
    let moved = run
        .batch
        .as_ref()
        .is_some_and(|batch| now < batch.last_moved_at() + MOVING);
    let batch = matches!(run.state, State::Dispatching | State::Running) && moved;
    let staging = run.staging.is_some() || run.asking.rows_since.is_some();
    let retry = run.retries.automatic_at.is_some_and(|at| near(&at));
    let fixed = &run.instants;
    let scheduled = fixed
        .backups_at
        .iter()
        .chain(&fixed.retries_at)
        .chain([&fixed.check_at, &fixed.deadline_at]);
    let due = scheduled.into_iter().any(near);
    let recently = |at: Instant| now < at + STARTING;
    let starting = run.start.finished_at.is_some_and(recently)
        && run.start.dispatched_at.is_none()
        && run.state == State::Waiting;
    match () {
        () if batch || staging => Tempo::Busy,
        () if soon || retry || due || starting => Tempo::Near,
        () => Tempo::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::{SAMPLES_APART_MAX, Tempo, tempo};
    use crate::domain::{
        Instant,
        event::{Event, SentTally},
        ids::BatchId,
        run::{AnswerPace, Batch, Reach, Retries, Run, Staging, State, sample, step},
        trigger::{Source, Trigger},
    };

    fn at(time: &str) -> Instant {
        format!("2026-01-19T{time}-08:00").parse().unwrap()
    }

    fn run() -> Run {
        Run::open(sample::opening(), at("00:00:00"))
    }

    #[test]
    fn what_is_busy_runs_slower_and_is_sampled_more_often() {
        let tempos = [Tempo::Busy, Tempo::Near, Tempo::Idle];
        assert!(tempos.is_sorted_by(|a, b| a.speed() < b.speed()));
        assert!(tempos.is_sorted_by(|a, b| a.sample_every() < b.sample_every()));
        assert!(
            tempos
                .iter()
                .all(|it| it.sample_every() <= SAMPLES_APART_MAX)
        );
    }

    #[test]
    fn a_night_that_only_waits_runs_fast_and_slows_a_minute_before_its_script_acts() {
        let script = [at("00:30:00")];
        assert_eq!(tempo(None, &script, at("00:00:00")), Tempo::Idle);
        assert_eq!(tempo(None, &script, at("00:28:59")), Tempo::Idle);
        assert_eq!(tempo(None, &script, at("00:29:00")), Tempo::Near);
        let run = run();
        assert_eq!(tempo(Some(&run), &script, at("00:28:59")), Tempo::Idle);
        assert_eq!(tempo(Some(&run), &script, at("00:31:00")), Tempo::Near);
        assert_eq!(tempo(Some(&run), &script, at("00:31:01")), Tempo::Idle);
    }

    #[test]
    fn the_schedule_and_a_planned_retry_are_worth_watching() {
        let mut run = run();
        for time in ["06:00:00", "06:15:00", "06:30:00", "06:58:00", "07:00:00"] {
            assert_eq!(tempo(Some(&run), &[], at(time)), Tempo::Near, "{time}");
        }
        assert_eq!(tempo(Some(&run), &[], at("06:45:00")), Tempo::Idle);
        run.retries = Retries {
            automatic_at: Some(at("06:45:30")),
            ..Retries::default()
        };
        assert_eq!(tempo(Some(&run), &[], at("06:45:00")), Tempo::Near);
    }

    #[test]
    fn a_finished_upstream_is_watched_until_the_first_dispatch_for_half_an_hour_at_most() {
        let trigger = Trigger {
            finished_at: Some(at("00:30:00")),
            ..Trigger::of(Source::Event)
        };
        let waiting = step(run(), &Event::Triggered(trigger), at("00:40:00")).run;
        assert_eq!(waiting.state, State::Waiting);
        assert_eq!(tempo(Some(&waiting), &[], at("00:59:59")), Tempo::Near);
        assert_eq!(tempo(Some(&waiting), &[], at("01:00:00")), Tempo::Idle);
        let mut sent = waiting;
        sent.start.dispatched_at = Some(at("00:41:00"));
        assert_eq!(tempo(Some(&sent), &[], at("00:50:00")), Tempo::Idle);
    }

    #[test]
    fn collecting_units_and_comparing_rows_are_busy() {
        let mut staging = run();
        staging.staging = Some(Staging {
            wave: 1,
            batch_id: BatchId::new("b"),
            source: Source::Event,
            reach: Reach::Fixed,
            joins: false,
            asked_at: at("00:30:00"),
        });
        assert_eq!(tempo(Some(&staging), &[], at("00:50:00")), Tempo::Busy);
        let mut comparing = run();
        comparing.asking.rows_since = Some(at("00:30:00"));
        assert_eq!(tempo(Some(&comparing), &[], at("00:50:00")), Tempo::Busy);
    }

    #[test]
    fn a_batch_is_busy_until_nothing_has_moved_for_ninety_seconds() {
        let mut run = run();
        run.state = State::Running;
        run.batch = Some(batch(at("00:30:00")));
        assert_eq!(tempo(Some(&run), &[], at("00:31:29")), Tempo::Busy);
        assert_eq!(tempo(Some(&run), &[], at("00:31:30")), Tempo::Idle);
        let moved = Event::Sent(SentTally {
            sent: 1,
            at: Some(at("00:40:00")),
            ..SentTally::default()
        });
        let run = step(run, &moved, at("00:40:00")).run;
        assert_eq!(tempo(Some(&run), &[], at("00:41:00")), Tempo::Busy);
        let settled = Run {
            state: State::Complete,
            ..run
        };
        assert_eq!(tempo(Some(&settled), &[], at("00:41:00")), Tempo::Idle);
    }

    fn batch(wave_at: Instant) -> Batch {
        Batch {
            id: BatchId::new("b"),
            source: Source::Event,
            wave: 1,
            frozen_at: wave_at,
            wave_at,
            frozen: 10,
            retried: 0,
            sent: 0,
            refused: 0,
            spared: 0,
            answered: 0,
            given_up: 0,
            first_sent_at: None,
            last_sent_at: None,
            resumed_at: None,
            last_answer_at: None,
            pace: AnswerPace::default(),
            hurried: false,
            released: false,
            settling_at: None,
            settled_at: None,
        }
    }
}
