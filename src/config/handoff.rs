//! A configured handoff: its promises, and how its messages are recognised and sent.
//!
//! What the numbers mean belongs to `domain::policy`, their limits to `limits`.

use std::{collections::BTreeSet, path::Path};

use chrono::TimeDelta;
use serde::Deserialize;

use super::{BUILT_IN_HANDOFF, Error, Routing, limits, routes, season};
use crate::domain::{
    calendar::Season,
    ids::HandoffId,
    policy::{self, Mode, Policy},
    schedule::{Gap, Overlap, WallTime},
    seconds,
    zone::Zone,
};

/// A configured handoff.
#[derive(Debug, Clone, PartialEq)]
pub struct Handoff {
    /// Its name, unique in the configuration.
    pub id: HandoffId,
    /// What its runs promise.
    pub policy: Policy,
    /// Which dates have games; `None`: every date is unknown.
    pub season: Option<Season>,
    /// The handoff whose completion is this one's trigger.
    pub upstream_handoff: Option<HandoffId>,
    /// The topic the upstream's completion comes on; `None` where a handoff is the upstream.
    pub upstream_topic: Option<String>,
    /// The subscription that pushes the upstream's completion.
    pub trigger_subscription: Option<String>,
    /// The subscription that pushes the workers' answers.
    pub completion_subscription: Option<String>,
    /// The topic that the workers' answers come on.
    pub completion_topic: Option<String>,
    /// The topic that this handoff's own completion goes to; `None`: the log, and handoffs that name this one.
    pub downstream_topic: Option<String>,
    /// How the messages of its subscriptions come.
    pub intake: Intake,
    /// What the names of its jobs in an external scheduler begin with.
    pub scheduler_prefix: String,
    /// Which tables it asks.
    pub tables: Tables,
    /// Where its units are sent.
    pub sink: Sink,
    /// How people hear of it.
    pub routing: Routing,
}

/// What a handoff is read with.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// The folder that files are named from.
    pub folder: &'a Path,
    /// The routes that hold where a handoff says nothing of its own.
    pub routes: &'a routes::Section,
    /// Whom and what it may route to.
    pub reach: routes::Reach<'a>,
    /// Whether there is a project on Google Cloud.
    pub has_google: bool,
}

/// Which tables a handoff asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tables {
    /// The embedded warehouse's.
    #[default]
    Embedded,
    /// BigQuery's.
    Bigquery,
}

/// How the messages of a handoff's subscriptions come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intake {
    /// Pub/Sub calls this service.
    #[default]
    Push,
    /// This service fetches them, for whoever exposes no endpoint.
    Pull,
}

/// Where units are sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sink {
    /// To the built-in workers.
    #[default]
    Local,
    /// To an endpoint that takes requests.
    Http {
        /// Where to, `http://` or `https://`.
        url: String,
        /// Most units in one call, at least 1.
        #[serde(default = "one")]
        batch: u32,
    },
    /// To a topic of Pub/Sub.
    Pubsub {
        /// The topic's name.
        topic: String,
    },
}

fn one() -> u32 {
    1
}

/// One `[[handoffs]]`. Every section of the policy may be given in part; the rest keeps its default.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Section {
    id: Option<String>,
    mode: Mode,
    unit_noun: Option<String>,
    calendar_zone: Option<Zone>,
    season: Option<String>,
    season_file: Option<std::path::PathBuf>,
    upstream_handoff: Option<String>,
    upstream_topic: Option<String>,
    trigger_subscription: Option<String>,
    completion_subscription: Option<String>,
    completion_topic: Option<String>,
    downstream_topic: Option<String>,
    intake: Intake,
    scheduler_prefix: Option<String>,
    warehouse: Tables,
    sink: Sink,
    schedule: ScheduleSection,
    upstream: policy::Upstream,
    catch_up: policy::CatchUp,
    readiness: policy::Readiness,
    filters: policy::Filters,
    pace: policy::Pace,
    dispatch: policy::Dispatch,
    completion: policy::Completion,
    retry: policy::Retry,
    sla: policy::Sla,
    forecast: policy::Forecast,
    alerts: policy::Alerts,
    routes: routes::Section,
}

/// `[handoffs.schedule]`: times of day, in `zone` unless they name their own.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ScheduleSection {
    zone: Option<Zone>,
    gap: Gap,
    overlap: Overlap,
    deadline: Option<String>,
    backup: Option<String>,
    retries: Option<Vec<String>>,
    #[serde(with = "seconds")]
    check_lead: TimeDelta,
    #[serde(with = "seconds")]
    closes_after: TimeDelta,
}

impl Default for ScheduleSection {
    fn default() -> Self {
        let schedule = policy::Schedule::default();
        Self {
            zone: None,
            gap: Gap::default(),
            overlap: Overlap::default(),
            deadline: None,
            backup: None,
            retries: None,
            check_lead: schedule.check_lead,
            closes_after: schedule.closes_after,
        }
    }
}

impl ScheduleSection {
    fn read(self, field: &str) -> Result<policy::Schedule, Error> {
        let default = policy::Schedule::default();
        let zone = self.zone.unwrap_or(default.zone);
        let in_zone = |time: WallTime| WallTime { zone, ..time };
        let parse = |name: &str, text: &str| {
            let mut time = WallTime::parse(text, Some(zone)).map_err(|error| {
                Error::value(
                    format!("{field}.{name}"),
                    format!("{text:?}"),
                    error.to_string(),
                )
            })?;
            if !text.contains("gap=") {
                time.gap = self.gap;
            }
            if !text.contains("overlap=") {
                time.overlap = self.overlap;
            }
            Ok(time)
        };
        let deadline = match &self.deadline {
            Some(text) => parse("deadline", text)?,
            None => in_zone(default.deadline),
        };
        let backup = match self.backup.as_deref() {
            Some("none") => None,
            Some(text) => Some(parse("backup", text)?),
            None => default.backup.map(in_zone),
        };
        let retries = match &self.retries {
            Some(texts) => texts
                .iter()
                .map(|text| parse("retries", text))
                .collect::<Result<_, Error>>()?,
            None => default.retries.into_iter().map(in_zone).collect(),
        };
        Ok(policy::Schedule {
            zone,
            deadline,
            backup,
            retries,
            check_lead: self.check_lead,
            closes_after: self.closes_after,
        })
    }
}

impl Section {
    fn read(self, field: &str, given: Given<'_>) -> Result<Handoff, Error> {
        let id = self.id.clone().unwrap_or_default();
        if id.is_empty() || id.contains(['/', ' ']) {
            return Err(Error::value(
                format!("{field}.id"),
                format!("{id:?}"),
                "give every handoff a name without blanks and slashes",
            ));
        }
        let season = self.season(field, given.folder)?;
        let schedule = self.schedule.read(&format!("{field}.schedule"))?;
        let routes = self.routes.over(given.routes);
        // The names of the shipped platform are right for the shipped handoff only.
        let shipped = id == BUILT_IN_HANDOFF;
        let named = |given: Option<String>, default: &str| {
            given.or_else(|| shipped.then(|| default.to_owned()))
        };
        let prefix = if shipped { "phase5" } else { id.as_str() }.to_owned();
        let upstream_topic = match &self.upstream_handoff {
            Some(_) => self.upstream_topic,
            None => named(self.upstream_topic, "nba-phase4-precompute-complete"),
        };
        let handoff = Handoff {
            id: HandoffId::new(id),
            season,
            upstream_handoff: self.upstream_handoff.clone().map(HandoffId::new),
            upstream_topic,
            trigger_subscription: named(self.trigger_subscription, "nba-phase5-trigger-sub"),
            completion_subscription: named(
                self.completion_subscription,
                "prediction-ready-prod-sub",
            ),
            completion_topic: named(self.completion_topic, "prediction-ready-prod"),
            downstream_topic: match self.downstream_topic {
                None if !given.has_google => None,
                topic => named(topic, "nba-phase5-predictions-complete"),
            },
            intake: self.intake,
            scheduler_prefix: self.scheduler_prefix.unwrap_or(prefix),
            tables: self.warehouse,
            sink: self.sink,
            routing: routes.read(&format!("{field}.routes"), &schedule, given.reach)?,
            policy: Policy {
                mode: self.mode,
                unit_noun: self.unit_noun.unwrap_or_else(|| "player".to_owned()),
                calendar_zone: self
                    .calendar_zone
                    .unwrap_or(Policy::phase4_to_phase5().calendar_zone),
                schedule,
                upstream: policy::Upstream {
                    handoff: self.upstream_handoff.map(HandoffId::new),
                    ..self.upstream
                },
                catch_up: self.catch_up,
                readiness: self.readiness,
                filters: self.filters,
                pace: self.pace,
                dispatch: self.dispatch,
                completion: self.completion,
                retry: self.retry,
                sla: self.sla,
                forecast: self.forecast,
                alerts: self.alerts,
            },
        };
        limits::check_handoff(&handoff, field)?;
        check_project(&handoff, given.has_google, field)?;
        Ok(handoff)
    }

    fn season(&self, field: &str, folder: &Path) -> Result<Option<Season>, Error> {
        match (&self.season, &self.season_file) {
            (Some(_), Some(path)) => Err(Error::value(
                format!("{field}.season_file"),
                path.display(),
                "the season is given twice: remove season or season_file",
            )),
            (None, Some(path)) => season::read(&folder.join(path)).map(Some),
            (Some(name), None) => season::shipped(name, &format!("{field}.season")),
            (None, None) => season::shipped("nba-2025-26", field),
        }
    }
}

/// Refuses what only a project on Google Cloud can do, where there is none.
fn check_project(handoff: &Handoff, has_google: bool, field: &str) -> Result<(), Error> {
    let needs = [
        ("warehouse", handoff.tables == Tables::Bigquery),
        ("sink.pubsub", matches!(handoff.sink, Sink::Pubsub { .. })),
        ("intake", handoff.intake == Intake::Pull),
        ("downstream_topic", handoff.downstream_topic.is_some()),
    ];
    match needs.into_iter().find(|(_, needed)| *needed && !has_google) {
        None => Ok(()),
        Some((name, _)) => {
            let fix = "this needs a project: add [google] with project = \"…\"";
            Err(Error::value(format!("{field}.{name}"), "(given)", fix))
        }
    }
}

/// All handoffs of the file; the shipped one where the file has none.
pub(super) fn read_all(sections: Vec<Section>, given: Given<'_>) -> Result<Vec<Handoff>, Error> {
    if sections.is_empty() {
        let shipped = Section {
            id: Some(BUILT_IN_HANDOFF.to_owned()),
            ..Section::default()
        };
        return Ok(vec![shipped.read("handoffs[0]", given)?]);
    }
    let handoffs = sections
        .into_iter()
        .enumerate()
        .map(|(index, section)| section.read(&format!("handoffs[{index}]"), given))
        .collect::<Result<Vec<_>, _>>()?;
    check_together(&handoffs)?;
    Ok(handoffs)
}

/// What has to be different between handoffs, and the chain of upstreams.
fn check_together(handoffs: &[Handoff]) -> Result<(), Error> {
    let mut ids = BTreeSet::new();
    let mut subscriptions = BTreeSet::new();
    for (index, handoff) in handoffs.iter().enumerate() {
        if !ids.insert(&handoff.id) {
            return Err(Error::value(
                format!("handoffs[{index}].id"),
                format!("{:?}", handoff.id.as_str()),
                "another handoff has this name: choose a different one",
            ));
        }
        let pushes = [
            ("trigger_subscription", &handoff.trigger_subscription),
            ("completion_subscription", &handoff.completion_subscription),
        ];
        for (name, subscription) in pushes {
            if let Some(subscription) = subscription
                && !subscriptions.insert(subscription)
            {
                return Err(Error::value(
                    format!("handoffs[{index}].{name}"),
                    format!("{subscription:?}"),
                    "a push could not be told apart: give each use its own subscription",
                ));
            }
        }
    }
    for (index, handoff) in handoffs.iter().enumerate() {
        check_chain(
            handoffs,
            handoff,
            &format!("handoffs[{index}].upstream_handoff"),
        )?;
    }
    Ok(())
}

/// Follows a handoff's upstreams: each has to be there, and none may come twice.
fn check_chain(handoffs: &[Handoff], start: &Handoff, field: &str) -> Result<(), Error> {
    let mut seen = BTreeSet::from([&start.id]);
    let mut current = start;
    while let Some(upstream) = &current.upstream_handoff {
        let value = format!("{:?}", upstream.as_str());
        let Some(next) = handoffs.iter().find(|handoff| handoff.id == *upstream) else {
            return Err(Error::value(
                field,
                value,
                "no handoff has this name: write the id of one in this file",
            ));
        };
        if !seen.insert(upstream) {
            return Err(Error::value(
                field,
                value,
                "the upstreams go round in a circle: remove one of them",
            ));
        }
        current = next;
    }
    Ok(())
}
