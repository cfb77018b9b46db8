//! `NotExpected`: the season file says the date has no games. No verdict, no deadline, no alert.
//!
//! Opening it, with a warning, is all that can happen here.

use super::{State, draft::Draft, expected};
use crate::domain::{
    Asked,
    calendar::Expectation,
    event::Event,
    readiness::Readiness,
    reason::Code,
    trigger::{Source, Trigger},
};

/// Decides what an event does to a run that is not expected.
pub fn decide(draft: &mut Draft, event: &Event) {
    match event {
        Event::Triggered(trigger) => triggered(draft, trigger),
        Event::ReadinessAnswered {
            answer,
            expectation,
        } => answered(draft, answer, *expectation),
        Event::Staged { .. } | Event::Sent(_) => {
            draft.says(Code::Outdated, "nothing is being sent")
        }
        Event::Ordered(_)
        | Event::Answered(_)
        | Event::Reconciled(_)
        | Event::Ticked
        | Event::Resumed
        | Event::Reset { .. }
        | Event::SettleStalled { .. }
        | Event::Acknowledged { .. }
        | Event::Adopted { .. } => {}
    }
}

fn triggered(draft: &mut Draft, trigger: &Trigger) {
    match trigger.source {
        Source::Retry => draft.says(Code::NothingToRetry, "there are no games on this date"),
        Source::Manual if trigger.force => open(draft, trigger),
        Source::Manual => {
            draft.says(
                Code::NoGames,
                "the season file says there are no games; `force` opens the run all the same",
            );
        }
        Source::Event | Source::CatchUp | Source::Backup => {
            draft.run.asking.trigger = Some(trigger.clone());
            draft.says(
                Code::NoGames,
                "the season file says there are no games; the tables are asked",
            );
            draft.ask_readiness();
        }
    }
}

fn answered(draft: &mut Draft, answer: &Asked<Readiness>, expectation: Expectation) {
    let Some(trigger) = draft.run.asking.trigger.take() else {
        return;
    };
    match answer {
        Asked::Known(readiness) => {
            let listed = readiness.ready > 0 || !readiness.games.is_empty();
            if listed || expectation != Expectation::NoGames {
                open(draft, &trigger);
            } else {
                draft.says(
                    Code::NoGames,
                    "no games by the season file, and no units in the tables",
                );
            }
        }
        Asked::CouldNotAsk(_) => {
            draft.run.asking.trigger = Some(trigger);
            draft.run.looks.catch_up_at = Some(draft.now + draft.run.policy.catch_up.poll);
        }
    }
}

fn open(draft: &mut Draft, trigger: &Trigger) {
    draft.run.state = State::Expected;
    draft.run.start.on_empty_date = draft.run.expectation == Expectation::NoGames;
    draft.says(
        Code::GamesAfterAll,
        "the run opens though the season file says there are no games",
    );
    expected::triggered(draft, trigger);
}
