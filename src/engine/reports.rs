//! Makes the summaries that are due: each occurrence once, whoever looks first.
//!
//! When they are due belongs to `domain::report`, what they say to `render`.

use chrono::Days;

use super::{EngineError, Handoff, Shared, telling};
use crate::{
    domain::{
        Instant,
        ids::{ChannelId, GameDate, HandoffId, RunKey},
        report::{Due, week_before},
        run::{Run, State},
        service::Happened,
    },
    ports::{
        notice::{About, Content, NightFigures, Notice, Week},
        store::{StoreError, Transaction},
    },
};

/// Days before a week that it is compared with.
const DAYS_COMPARED: u64 = 28;

/// Makes what is due, and says when to look again.
pub async fn make_due(shared: &Shared) -> Result<Option<Instant>, EngineError> {
    let now = shared.clock.now();
    let reported = shared.store.service().await?.reported;
    let mut next = None;
    for handoff in shared.handoffs.values() {
        let Some(timetable) = &handoff.timetable else {
            continue;
        };
        let today = handoff.today(now);
        let daily = (format!("daily/{}", handoff.id), timetable.daily(today, now));
        let weekly = (
            format!("weekly/{}", handoff.id),
            timetable.weekly(today, now),
        );
        for (name, due) in [daily, weekly] {
            let due = due.filter(|due| reported.get(&name).is_none_or(|last| *last < due.on));
            if let Some(due) = due {
                // An installation does not sum up what was before it came.
                let first = !reported.contains_key(&name);
                make(shared, handoff, (&name, due), first).await?;
            }
        }
        next = [next, timetable.next_at(today, now)]
            .into_iter()
            .flatten()
            .min();
    }
    Ok(next)
}

async fn make(
    shared: &Shared,
    handoff: &Handoff,
    (name, due): (&str, Due),
    first: bool,
) -> Result<(), EngineError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    let known = transaction.service().await?.reported;
    if known.get(name).is_some_and(|last| *last >= due.on) {
        return Ok(());
    }
    let happened = Happened::Reported {
        name: name.to_owned(),
        on: due.on,
    };
    telling::step_service(shared, &mut *transaction, &happened, now).await?;
    let content = if name.starts_with("daily/") {
        daily(&mut *transaction, &handoff.id, due.on, now).await?
    } else {
        Some(week(shared, handoff, due.on).await?)
    };
    let recent = content.as_ref().is_some_and(|content| match content {
        Content::Daily(_) => true,
        Content::Weekly(week) => !week.nights.is_empty(),
        Content::Alerts { .. } | Content::Test { .. } => false,
    });
    if let Some(content) = content.filter(|_| recent || !first) {
        let (about, channels) = way(handoff, due.on, &content);
        let notice = Notice {
            id: format!("{name}/{}", due.on),
            about,
            at: now,
            content,
        };
        telling::post(&mut *transaction, &notice, channels, "its time has come").await?;
    }
    transaction.commit().await?;
    shared.nudge();
    Ok(())
}

fn way<'a>(handoff: &'a Handoff, on: GameDate, content: &Content) -> (About, &'a [ChannelId]) {
    match content {
        Content::Weekly(_) => (
            About::Handoff(handoff.id.clone()),
            handoff.routes.weekly.as_slice(),
        ),
        Content::Daily(_) | Content::Alerts { .. } | Content::Test { .. } => {
            let key = RunKey {
                handoff: handoff.id.clone(),
                game_date: on,
            };
            (About::Night(key), handoff.routes.daily.as_slice())
        }
    }
}

/// The night's summary; none for a date without games, on which there is nothing to tell.
async fn daily(
    transaction: &mut dyn Transaction,
    handoff: &HandoffId,
    on: GameDate,
    now: Instant,
) -> Result<Option<Content>, StoreError> {
    let key = RunKey {
        handoff: handoff.clone(),
        game_date: on,
    };
    let run = transaction.run(&key).await?;
    let night = run.filter(Run::has_promises);
    Ok(night.map(|run| Content::Daily(run.snapshot(now))))
}

async fn week(shared: &Shared, handoff: &Handoff, last: GameDate) -> Result<Content, StoreError> {
    let from = week_before(last);
    let earliest = GameDate(from.0 - Days::new(DAYS_COMPARED));
    let runs = shared
        .store
        .runs_between(&handoff.id, earliest, last)
        .await?;
    let (this, before): (Vec<&Run>, Vec<&Run>) =
        runs.iter().partition(|run| run.key.game_date >= from);
    let figures = |runs: &[&Run]| -> Vec<NightFigures> {
        let nights = runs.iter().map(|run| NightFigures::of(run));
        nights.filter(|night| night.verdict.is_some()).collect()
    };
    let policy = &handoff.policy;
    let latency = policy.sla.latency.target.num_milliseconds() as f64 / 1e3;
    let without_games = this.iter().filter(|run| run.state == State::NotExpected);
    Ok(Content::Weekly(Week {
        handoff: handoff.id.clone(),
        from,
        to: last,
        schedule_zone: policy.schedule.zone,
        calendar_zone: policy.calendar_zone,
        unit_noun: policy.unit_noun.clone(),
        latency_target_seconds: latency,
        completion_target: policy.sla.completion.target,
        nights: figures(&this),
        before: figures(&before),
        without_games: u32::try_from(without_games.count()).unwrap_or(u32::MAX),
    }))
}
