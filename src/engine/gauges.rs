//! Brings the gauges up to date from what the store holds now, so that a restart forgets nothing.
//!
//! What each gauge says belongs to `telemetry`; who asks for them does not matter here.

use chrono::{Days, TimeDelta};
use tokio::sync::Mutex;

use super::{Engine, Handoff, Shared};
use crate::{
    domain::{
        Instant,
        ids::{GameDate, RunKey},
        nights::{Done, Night},
        run::Run,
        service::Service,
        trigger::Source,
    },
    ports::store::StoreError,
    telemetry::{
        ChannelGauges, Past, show_channels, show_examination, show_past, show_queues, show_run,
        show_unpublished,
    },
};

/// How far back nights are looked at: from one season into the next.
const DAYS_BACK: u64 = 366;
/// How old the gauges about past nights may be: a season's runs are read for them.
const PAST_AGE_MAX: TimeDelta = TimeDelta::seconds(60);

/// When the gauges about past nights were last set; `None`: not since the start.
pub type PastShown = Mutex<Option<Instant>>;

impl Engine {
    /// Sets every gauge that follows from the store. Those about past nights may be a minute old.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked; the gauges are then partly old.
    pub async fn refresh_gauges(&self) -> Result<(), StoreError> {
        let shared = self.shared();
        let now = shared.clock.now();
        let service = shared.store.service().await?;
        show_queues(&shared.metrics, &shared.store.queues().await?, now);
        channels(shared, &service, now).await?;
        if let Some(examination) = &service.examined {
            show_examination(&shared.metrics, examination);
        }
        for handoff in shared.handoffs.values() {
            if let Some(run) = current_run(shared, handoff, now).await? {
                show_run(&shared.metrics, &run, now);
            }
            show_unpublished(&shared.metrics, &service, handoff.id.as_str());
        }
        // One asks; those that come meanwhile wait and find it done.
        let mut shown = self.past_shown.lock().await;
        if shown.is_none_or(|at| (now - at).abs() >= PAST_AGE_MAX) {
            for handoff in shared.handoffs.values() {
                let past = past(shared, handoff, &service, now).await?;
                show_past(&shared.metrics, handoff.id.as_str(), &past);
            }
            *shown = Some(now);
        }
        Ok(())
    }
}

async fn channels(shared: &Shared, service: &Service, now: Instant) -> Result<(), StoreError> {
    let figures = shared.store.channel_figures().await?;
    let unheard_since = shared.store.unheard_since(now).await?;
    let channels = &shared.telling.channels;
    let gauges = channels.iter().map(|(channel, means)| ChannelGauges {
        figures: figures.iter().find(|known| known.channel == *channel),
        failing: service.fails(channel),
        reaches_people: means.reaches_people,
        channel,
    });
    let gauges: Vec<ChannelGauges<'_>> = gauges.collect();
    show_channels(&shared.metrics, &gauges, unheard_since, now);
    Ok(())
}

/// Today's run, and until it opens the latest one.
async fn current_run(
    shared: &Shared,
    handoff: &Handoff,
    now: Instant,
) -> Result<Option<Run>, StoreError> {
    let key = |game_date| RunKey {
        handoff: handoff.id.clone(),
        game_date,
    };
    let today = shared.store.run(&key(handoff.today(now))).await?;
    if today.is_some() {
        return Ok(today);
    }
    match shared.store.latest_date(&handoff.id).await? {
        Some(latest) => shared.store.run(&key(latest)).await,
        None => Ok(None),
    }
}

/// What the last year says; of it the season is what its file spans, or all where there is none.
async fn past(
    shared: &Shared,
    handoff: &Handoff,
    service: &Service,
    now: Instant,
) -> Result<Past, StoreError> {
    let today = handoff.today(now);
    let from = GameDate(today.0 - Days::new(DAYS_BACK));
    let to = GameDate(today.0 + Days::new(1));
    let mut runs = shared.store.runs_between(&handoff.id, from, to).await?;
    runs.reverse();
    let season_from = handoff.season.as_ref().map(|season| season.from);
    let of_season = |run: &&Run| season_from.is_none_or(|from| run.key.game_date.0 >= from);
    let heard = runs.iter().flat_map(|run| {
        let by = run.start.by.zip(run.start.triggered_at);
        let event = run.start.event_at.map(|at| (Source::Event, at));
        by.into_iter().chain(event)
    });
    let reported = |name: &str| service.reported.get(&format!("{name}/{}", handoff.id));
    let timetable = handoff.timetable.as_ref();
    Ok(Past {
        season: runs.iter().filter(of_season).filter_map(Night::of).count(),
        done: Done::of(&runs),
        heard: heard.collect(),
        nights: runs.iter().filter_map(Night::of).collect(),
        summary_at: timetable
            .zip(reported("daily"))
            .map(|(timetable, on)| timetable.daily_at.instant_on(on.0)),
        week_at: timetable
            .zip(reported("weekly"))
            .map(|(timetable, last)| timetable.week_at(*last)),
        nights_target: handoff.policy.sla.nights_target,
    })
}
