//! A run's timers: what is due, in which order, and when to look again.
//!
//! Every limit is an instant in the run, so it fires after a restart and without a message. What a timer leads to
//! belongs to the state it fires in.

use chrono::TimeDelta;

use super::{
    Purpose, Run, State, absorb, batch, batches::Reach, draft::Draft, outlook, settled, verdict,
    watch,
};
use crate::domain::{
    Asked, Instant,
    effect::{Effect, Order},
    event::Event,
    reason::Code,
    trigger::{Source, Trigger},
};

/// What can fall due, in the order in which things of one instant are done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Unanswered,
    GiveUp,
    Rows,
    Check,
    SendingEnds,
    Settle,
    Poll,
    CatchUp,
    Backup,
    AutomaticRetry,
    FixedRetry,
    Deadline,
    JudgingEnds,
    LateAnswersEnd,
    Close,
}

/// A question to the warehouse that has no answer after this long counts as one that could not be asked.
const ANSWER_LONGEST: TimeDelta = TimeDelta::minutes(15);
/// Collecting the units of a wave may take longer: there may be a million.
const STAGING_LONGEST: TimeDelta = TimeDelta::minutes(60);

/// A timer missed by more than this was slept through, not just late: a minute.
const MISSED_AFTER: TimeDelta = TimeDelta::seconds(60);

/// A timer that was slept through.
fn is_missed(draft: &Draft, at: Instant) -> bool {
    draft.now > at + MISSED_AFTER
}

/// Another process goes on: a sending has its time anew, and then what is due is done.
pub fn resume(draft: &mut Draft) {
    let state = draft.run.state;
    let text = format!(
        "the service was started again and goes on; the night is {}",
        state.name()
    );
    draft.says(Code::Resumed, text);
    if state == State::Dispatching {
        batch::be_patient(draft);
    }
    fire(draft);
}

/// Does what is due, by due instant, ties in the order of the timers.
pub fn fire(draft: &mut Draft) {
    let now = draft.now;
    let mut due: Vec<(Instant, Timer)> = timers(&draft.run)
        .into_iter()
        .filter(|(at, _)| *at <= now)
        .collect();
    due.sort();
    for (at, timer) in due {
        if draft.run.closed_at.is_none() {
            one(draft, timer, at);
        }
    }
}

fn one(draft: &mut Draft, timer: Timer, at: Instant) {
    match timer {
        Timer::Unanswered => unanswered(draft),
        Timer::GiveUp => give_up(draft),
        Timer::Rows => draft.reconcile(),
        Timer::Check => check(draft),
        Timer::SendingEnds if is_missed(draft, at) => batch::resume_sending(draft),
        Timer::SendingEnds => batch::end_sending(draft),
        Timer::Settle => batch::settle_if_due(draft),
        Timer::Poll | Timer::CatchUp => draft.ask_readiness(),
        Timer::Backup => occurrence(draft, Source::Backup, at),
        Timer::FixedRetry => occurrence(draft, Source::Retry, at),
        Timer::AutomaticRetry => {
            draft.run.retries.automatic_at = None;
            settled::retry(draft, Reach::Automatic);
        }
        Timer::Deadline => verdict::deadline(draft, at),
        Timer::JudgingEnds => verdict::judging_ends(draft),
        Timer::LateAnswersEnd => verdict::late_answers_end(draft),
        Timer::Close => close(draft),
    }
}

/// One occurrence of the schedule. Of several missed ones only the latest of each kind is done.
fn occurrence(draft: &mut Draft, source: Source, at: Instant) {
    let run = &mut draft.run;
    let (instants, done) = match source {
        Source::Retry => (&run.instants.retries_at, &mut run.retries.fixed_done),
        Source::Event | Source::CatchUp | Source::Backup | Source::Manual => {
            (&run.instants.backups_at, &mut run.retries.backups_done)
        }
    };
    *done += 1;
    let newer = instants.get(*done).is_some_and(|next| *next <= draft.now);
    let zone = run.policy.schedule.zone;
    let (name, time) = (source.name(), zone.time_text(at));
    if newer {
        draft.says(
            Code::Missed,
            format!("the {name} of {time} was missed; a later one takes its place"),
        );
        return;
    }
    if is_missed(draft, at) {
        draft.says(
            Code::Missed,
            format!("the {name} of {time} was missed and is done now, late"),
        );
    }
    super::decide(draft, &Event::Triggered(Trigger::of(source)));
}

/// A scheduler outside may call what this schedule does by itself; both together are one firing. Within a minute of
/// an occurrence the call takes its place, or, where the occurrence was done already, has nothing to do: then `false`.
/// A person's call is never taken for the scheduler's.
pub fn take_occurrence(draft: &mut Draft, trigger: &Trigger) -> bool {
    let (now, source) = (draft.now, trigger.source);
    let run = &mut draft.run;
    let (instants, done) = match source {
        Source::Retry => (&run.instants.retries_at, &mut run.retries.fixed_done),
        Source::Backup => (&run.instants.backups_at, &mut run.retries.backups_done),
        Source::Event | Source::CatchUp | Source::Manual => return true,
    };
    if trigger.by.is_some() || run.purpose == Purpose::Backfill {
        return true;
    }
    let near = |at: &Instant| (*at - now).abs() <= MISSED_AFTER;
    if instants.get(*done).is_some_and(near) {
        *done += 1;
        return true;
    }
    let fired = done
        .checked_sub(1)
        .and_then(|last| instants.get(last))
        .copied()
        .filter(near);
    if let Some(at) = fired {
        let time = run.policy.schedule.zone.time_text(at);
        draft.says(
            Code::NothingToDo,
            format!("the {} of {time} has been done already", source.name()),
        );
    }
    fired.is_none()
}

/// A question went unanswered, however that came about: it is as if it could not be asked.
fn unanswered(draft: &mut Draft) {
    let over = |since: Option<Instant>, longest| since.is_some_and(|at| at + longest <= draft.now);
    let asking = &draft.run.asking;
    let mut events = Vec::new();
    if over(asking.readiness_since, ANSWER_LONGEST) {
        events.push(Event::ReadinessAnswered {
            answer: Asked::CouldNotAsk(NO_ANSWER.to_owned()),
            expectation: draft.run.expectation,
        });
    }
    if over(asking.rows_since, ANSWER_LONGEST) {
        let answer = Asked::CouldNotAsk(NO_ANSWER.to_owned());
        events.push(Event::Reconciled(answer));
    }
    if let Some(staging) = &draft.run.staging
        && over(Some(staging.asked_at), STAGING_LONGEST)
    {
        events.push(Event::Staged {
            wave: staging.wave,
            to_send: Asked::CouldNotAsk(NO_ANSWER.to_owned()),
        });
    }
    for event in events {
        absorb::absorb(draft, &event);
        super::decide(draft, &event);
    }
}

const NO_ANSWER: &str = "no answer";

fn give_up(draft: &mut Draft) {
    let policy = &draft.run.policy.completion;
    let sent_until = draft.now - policy.answer_timeout;
    draft.run.looks.give_up_at =
        (draft.run.counts.in_flight > 0).then(|| draft.now + policy.reconcile_every);
    if draft.run.counts.in_flight > 0 {
        draft.orders(Order::GiveUp { sent_until });
    }
}

/// Shortly before the deadline the rows are compared once more.
fn check(draft: &mut Draft) {
    draft.run.looks.checked = true;
    if draft.run.batches > 0 && draft.run.ruling.is_none() {
        draft.says(
            Code::Reconciled,
            "shortly before the deadline rows are compared once more",
        );
        draft.reconcile();
    }
}

/// Whatever is under way ends with the run. A verdict is told before.
fn close(draft: &mut Draft) {
    if let Some(until) = verdict::awaited_until(&draft.run, draft.now) {
        draft.run.instants.closes_at = until;
        draft.says(
            Code::Judging,
            "the run closes once its verdict is in and told",
        );
        return;
    }
    batch::end_with_the_run(draft);
    draft.run.closed_at = Some(draft.now);
    for alert in draft.run.alerts.iter_mut().filter(|alert| alert.is_open()) {
        alert.resolved_at = Some(draft.now);
    }
    draft.says(
        Code::Closed,
        "the run closes; what comes later is only recorded",
    );
    draft.wants(Effect::Record);
}

/// Every timer that is set, due or not.
fn timers(run: &Run) -> Vec<(Instant, Timer)> {
    let timers = [
        (run.looks.give_up_at, Timer::GiveUp),
        (run.looks.rows_at, Timer::Rows),
        (run.retries.automatic_at, Timer::AutomaticRetry),
        (Some(run.instants.closes_at), Timer::Close),
    ];
    let timers = timers.into_iter().chain(question_timers(run));
    let timers = timers.chain(batch_timers(run)).chain(verdict_timers(run));
    let set = timers.filter_map(|(at, timer)| Some((at?, timer)));
    set.chain(scheduled(run)).collect()
}

type Due = (Option<Instant>, Timer);

/// Questions to ask, and questions that have gone unanswered.
fn question_timers(run: &Run) -> [Due; 3] {
    let idle = run.asking.readiness_since.is_none();
    let wait = run.wait.as_ref().filter(|_| run.state == State::Waiting);
    let questions = [run.asking.readiness_since, run.asking.rows_since];
    let unanswered = questions
        .into_iter()
        .flatten()
        .map(|at| at + ANSWER_LONGEST);
    let staging = run.staging.as_ref();
    let uncollected = staging.map(|wave| wave.asked_at + STAGING_LONGEST);
    [
        (
            wait.and_then(|wait| wait.poll_at).filter(|_| idle),
            Timer::Poll,
        ),
        (run.looks.catch_up_at.filter(|_| idle), Timer::CatchUp),
        (unanswered.chain(uncollected).min(), Timer::Unanswered),
    ]
}

fn batch_timers(run: &Run) -> [Due; 2] {
    let batch_in = |state| run.batch.as_ref().filter(|_| run.state == state);
    let settling = batch_in(State::Running);
    let sending = batch_in(State::Dispatching);
    [
        (
            settling.and_then(|batch| batch.settles_at(&run.policy)),
            Timer::Settle,
        ),
        (
            sending.and_then(|batch| batch.sending_ends_at(&run.policy)),
            Timer::SendingEnds,
        ),
    ]
}

fn verdict_timers(run: &Run) -> [Due; 2] {
    let judging = run.judging_since.filter(|_| run.ruling.is_none());
    let late = run.ruling.as_ref().filter(|ruling| !ruling.confirmed);
    [
        (
            judging.map(|since| since + run.policy.sla.judging_max),
            Timer::JudgingEnds,
        ),
        (
            late.and_then(|ruling| ruling.open_until),
            Timer::LateAnswersEnd,
        ),
    ]
}

/// What the schedule still holds. The backup looks at a date without games, too: the season file may be wrong.
fn scheduled(run: &Run) -> Vec<(Instant, Timer)> {
    let mut timers = Vec::new();
    let mut add = |at: &[Instant], timer| timers.extend(at.iter().map(|at| (*at, timer)));
    if run.purpose == Purpose::Tonight {
        add(
            left(&run.instants.backups_at, run.retries.backups_done),
            Timer::Backup,
        );
    }
    if run.has_promises() {
        add(
            left(&run.instants.retries_at, run.retries.fixed_done),
            Timer::FixedRetry,
        );
        let check = [run.instants.check_at];
        add(left(&check, usize::from(run.looks.checked)), Timer::Check);
        let deadline = [run.instants.deadline_at];
        add(
            left(&deadline, usize::from(run.looks.deadline_done)),
            Timer::Deadline,
        );
    }
    timers
}

fn left(instants: &[Instant], done: usize) -> &[Instant] {
    instants.get(done..).unwrap_or_default()
}

/// The next instant at which anything is due or may look different; `None` once closed. After a tick it lies later.
pub fn next_wake(run: &Run, now: Instant) -> Option<Instant> {
    if run.closed_at.is_some() {
        return None;
    }
    let due = timers(run).into_iter().map(|(at, _)| at);
    let looks = watch::thresholds(run)
        .into_iter()
        .chain(outlook::next_look(run, now))
        .filter(|at| *at > now);
    due.chain(looks).min()
}
