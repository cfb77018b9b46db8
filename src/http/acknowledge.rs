//! `POST /alerts/ack`: a person takes alerts on, so that nobody is reminded of them and they rise no further.
//!
//! The same from a message's page comes through `respond`; what follows for the alert belongs to the domain.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{Caller, HttpState, body, people::no_run, problem::not_known};
use crate::{
    domain::{
        alert::{Alert, Kind},
        event::Event,
        ids::RunKey,
        service::Happened,
    },
    engine::EngineError,
    wire::{
        alerts::{Acknowledge, Which, Whose},
        people::Problem,
    },
};

/// Which of someone's alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All that are open.
    All,
    /// Those of these names.
    Names(Vec<String>),
    /// Those of these kinds.
    Kinds(Vec<Kind>),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These are acknowledged now, and were not before.
    Done(Vec<Alert>),
    /// None of them was open and not yet acknowledged; the alerts that were meant.
    Nothing(Vec<Alert>),
}

#[derive(Serialize)]
struct Answer {
    /// Who acknowledged them now.
    by: String,
    /// The full names of what was acknowledged now.
    acknowledged: Vec<String>,
    /// What came of it, for people.
    reason: String,
}

/// Acknowledges; 202 where that changed something, else 200 with why.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let order = Acknowledge::read(&body::read(request).await?)?;
    let by = caller.speaking_as(order.by);
    let (whose, selection) = state.selected(order.which).await?;
    let outcome = state
        .acknowledge(&whose, &selection, &by)
        .await?
        .ok_or_else(|| no_alerts(&whose))?;
    let (status, alerts) = match &outcome {
        Outcome::Done(alerts) => (StatusCode::ACCEPTED, alerts.as_slice()),
        Outcome::Nothing(_) => (StatusCode::OK, [].as_slice()),
    };
    let answer = Answer {
        acknowledged: alerts.iter().map(|it| whose.name_of(&it.name())).collect(),
        reason: state.told(&whose, &outcome, &by),
        by,
    };
    Ok((status, Json(answer)).into_response())
}

fn no_alerts(whose: &Whose) -> Problem {
    match whose {
        Whose::Night(key) => no_run(key),
        Whose::Service => not_known("the service has no such alert"),
    }
}

impl Selection {
    fn has(&self, alert: &Alert) -> bool {
        match self {
            Self::All => true,
            Self::Names(names) => names.contains(&alert.name()),
            Self::Kinds(kinds) => kinds.contains(&alert.kind),
        }
    }
}

impl HttpState {
    /// Whose alerts are meant, and which of them.
    async fn selected(&self, which: Which) -> Result<(Whose, Selection), Problem> {
        let of_kinds = |kinds: Vec<Kind>| match kinds.as_slice() {
            [] => Selection::All,
            [..] => Selection::Kinds(kinds),
        };
        match which {
            Which::Service(kinds) => Ok((Whose::Service, of_kinds(kinds))),
            Which::Night(target, kinds) => {
                let key = self.meant(&target)?.key;
                Ok((Whose::Night(key), of_kinds(kinds)))
            }
            Which::One(one) => {
                let alerts = self.alerts_of(&one.whose).await?.unwrap_or_default();
                if alerts.iter().all(|alert| alert.name() != one.name) {
                    let full = one.whose.name_of(&one.name);
                    return Err(Problem {
                        field: Some("alert".to_owned()),
                        ..not_known(format!(
                            "no alert is called {full:?}; `GET /alerts` lists them"
                        ))
                    });
                }
                Ok((one.whose, Selection::Names(vec![one.name])))
            }
        }
    }

    /// Acknowledges what is selected and open, once; `None`: there is no such night.
    ///
    /// # Errors
    ///
    /// When it could not be made durable; then nothing of it was done.
    pub(super) async fn acknowledge(
        &self,
        whose: &Whose,
        selection: &Selection,
        by: &str,
    ) -> Result<Option<Outcome>, EngineError> {
        let Some(mut meant) = self.alerts_of(whose).await? else {
            return Ok(None);
        };
        meant.retain(|alert| selection.has(alert));
        let waits = |alert: &&Alert| alert.is_open() && alert.acknowledged.is_none();
        let waiting: Vec<&Alert> = meant.iter().filter(waits).collect();
        if waiting.is_empty() {
            return Ok(Some(Outcome::Nothing(meant)));
        }
        let now = match whose {
            Whose::Service => self.acknowledge_own(&waiting, by).await?,
            Whose::Night(key) => self.acknowledge_night(key, &waiting, by).await?,
        };
        let is_new = |alert: &Alert| {
            let taken_on = alert.acknowledged.as_ref().is_some_and(|it| it.by == by);
            taken_on && waiting.iter().any(|it| it.name() == alert.name())
        };
        let done: Vec<Alert> = now.iter().filter(|it| is_new(it)).cloned().collect();
        Ok(Some(if done.is_empty() {
            // Someone else was faster, or the night has closed meanwhile.
            Outcome::Nothing(now.into_iter().filter(|it| selection.has(it)).collect())
        } else {
            Outcome::Done(done)
        }))
    }

    async fn acknowledge_own(
        &self,
        waiting: &[&Alert],
        by: &str,
    ) -> Result<Vec<Alert>, EngineError> {
        let happened = Happened::Acknowledged {
            by: by.to_owned(),
            names: waiting.iter().map(|alert| alert.name()).collect(),
        };
        self.engine.inbox().happened(happened).await?;
        Ok(self.engine.shared().store.service().await?.alerts)
    }

    async fn acknowledge_night(
        &self,
        key: &RunKey,
        waiting: &[&Alert],
        by: &str,
    ) -> Result<Vec<Alert>, EngineError> {
        let event = Event::Acknowledged {
            by: by.to_owned(),
            kinds: waiting.iter().map(|alert| alert.kind).collect(),
        };
        let receipt = self.engine.inbox().command(key.clone(), event).await?;
        Ok(receipt.run.map(|run| run.alerts).unwrap_or_default())
    }

    /// What came of it, as a sentence without a full stop.
    pub(super) fn told(&self, whose: &Whose, outcome: &Outcome, by: &str) -> String {
        let zones = self.zones_of(whose.handoff());
        match outcome {
            Outcome::Done(alerts) => {
                let names: Vec<String> = alerts.iter().map(Alert::name).collect();
                format!("{by} acknowledged {}", names.join(", "))
            }
            Outcome::Nothing(alerts) => {
                let open = alerts.iter().filter(|alert| alert.is_open());
                let taken_on: Vec<String> = open
                    .filter_map(|alert| {
                        let taken_on = alert.acknowledged.as_ref()?;
                        let (name, at) = (alert.name(), zones.both(taken_on.at));
                        Some(format!("{} acknowledged {name} at {at}", taken_on.by))
                    })
                    .collect();
                if taken_on.is_empty() {
                    return "no such alert is open, so there is nothing to acknowledge".to_owned();
                }
                format!("it was done already: {}", taken_on.join("; "))
            }
        }
    }
}
