//! What a person may do to any run: end its batch, or give up what has been in flight too long.
//!
//! Starting and retrying are triggers; who may do what is not decided here.

use chrono::TimeDelta;

use super::{State, batch, draft::Draft, verdict};
use crate::domain::{
    Instant, effect::Order, event::Event, policy::Policy, reason::Code, run::Purpose, seconds,
};

/// Heeds a person's command; other events are none of its business.
pub fn heed(draft: &mut Draft, event: &Event) {
    match event {
        Event::Reset { by, force } => reset(draft, by, *force),
        Event::SettleStalled {
            by,
            older_than_seconds,
        } => settle_stalled(draft, by, *older_than_seconds),
        Event::Adopted { by, policy } => adopt(draft, by, policy),
        Event::Triggered(_)
        | Event::ReadinessAnswered { .. }
        | Event::Staged { .. }
        | Event::Ordered(_)
        | Event::Sent(_)
        | Event::Answered(_)
        | Event::Reconciled(_)
        | Event::Ticked
        | Event::Resumed
        | Event::Acknowledged { .. } => {}
    }
}

/// Today's promises instead of those the run opened with. Occurrences that lie behind are passed over.
fn adopt(draft: &mut Draft, by: &str, policy: &Policy) {
    if draft.run.ruling.is_some() {
        draft.says(
            Code::NothingToDo,
            "the verdict is in: its promises stay what they were",
        );
        return;
    }
    let now = draft.now;
    let run = &mut draft.run;
    let closes_at = run.instants.closes_at;
    run.instants = policy.instants(run.key.game_date);
    if run.purpose == Purpose::Backfill {
        // It closes by its start, not by a deadline.
        run.instants.closes_at = closes_at;
    }
    run.policy = policy.clone();
    let passed = |instants: &[Instant]| instants.iter().filter(|at| **at <= now).count();
    run.retries.fixed_done = passed(&run.instants.retries_at);
    run.retries.backups_done = passed(&run.instants.backups_at);
    let deadline = run.policy.schedule.zone.time_text(run.instants.deadline_at);
    draft.says(
        Code::Adopted,
        format!("{by} moves the run to today's promises: the deadline is {deadline}"),
    );
}

fn reset(draft: &mut Draft, by: &str, force: bool) {
    let flying = draft.run.counts.in_flight;
    match draft.run.state {
        State::NotExpected => {
            let text = "there is nothing to reset on a date without games";
            draft.says(Code::NoGames, text);
            return;
        }
        State::Expected => {
            draft.says(
                Code::NothingToDo,
                "nothing has asked for the run: there is nothing to reset",
            );
            return;
        }
        State::Waiting
        | State::Dispatching
        | State::Running
        | State::Complete
        | State::Partial
        | State::Failed => {}
    }
    if flying > 0 && !force {
        draft.says(
            Code::InFlight,
            format!("{flying} units are in flight; `force` resets all the same"),
        );
        return;
    }
    batch::release(draft);
    if let Some(batch) = &mut draft.run.batch {
        batch.settling_at = Some(draft.now);
        batch.settled_at = Some(draft.now);
    }
    draft.run.staging = None;
    draft.run.retries.pending = None;
    draft.run.retries.automatic_at = None;
    draft.run.retries.remembered = false;
    draft.run.looks.rows_at = None;
    verdict::reopen(draft);
    draft.says(
        Code::Reset,
        format!("reset by {by}: back to waiting, answers and attempts are kept"),
    );
    draft.wait(false);
}

fn settle_stalled(draft: &mut Draft, by: &str, older_than_seconds: u32) {
    if !matches!(draft.run.state, State::Dispatching | State::Running) {
        draft.says(Code::NothingToDo, "no batch is under way");
        return;
    }
    if let Some(batch) = &mut draft.run.batch {
        batch.hurried = true;
    }
    let older_than = TimeDelta::seconds(i64::from(older_than_seconds));
    let length = seconds::text(older_than);
    draft.says(
        Code::SettledByPerson,
        format!("{by} gives up what has been in flight for {length} or longer"),
    );
    let sent_until = draft.now - older_than;
    draft.orders(Order::GiveUp { sent_until });
}
