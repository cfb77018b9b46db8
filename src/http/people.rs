//! Which run a person means: the handoff that may be left out where there is one, and the date in its calendar.
//!
//! What is done with the run belongs to each call's own file.

use axum::{extract::Query, http::Uri};

use super::{
    HttpState,
    problem::{bad_field, not_known},
};
use crate::{
    domain::{
        ids::RunKey,
        trigger::{DateStanding, judge_date},
    },
    engine::Handoff,
    wire::people::{Problem, Target},
};

/// A run that may exist: its key, and its handoff as it is configured now.
pub struct Meant<'a> {
    /// Its handoff.
    pub handoff: &'a Handoff,
    /// Its key.
    pub key: RunKey,
}

impl HttpState {
    /// The run that is meant, whether or not it is there.
    ///
    /// # Errors
    ///
    /// When the handoff is not known, or has to be named because there are several.
    pub(super) fn meant(&self, target: &Target) -> Result<Meant<'_>, Problem> {
        let handoff = match &target.handoff {
            Some(id) => self.handoff(id).ok_or_else(|| Problem {
                field: Some("handoff".to_owned()),
                ..not_known(format!(
                    "no handoff is called {:?}; there is {}",
                    id.as_str(),
                    self.handoff_names()
                ))
            })?,
            None => self.only_handoff().ok_or_else(|| {
                let names = self.handoff_names();
                bad_field("handoff", format!("there are several: name one of {names}"))
            })?,
        };
        let key = RunKey {
            handoff: handoff.id.clone(),
            game_date: target.day.resolve(handoff.today(self.now())),
        };
        Ok(Meant { handoff, key })
    }

    /// The run that is meant, where its date is no later than tomorrow.
    ///
    /// # Errors
    ///
    /// As [`Self::meant`], and when the date is too far ahead.
    pub(super) fn meant_by_tomorrow(&self, target: &Target) -> Result<Meant<'_>, Problem> {
        let meant = self.meant(target)?;
        let (now, game_date) = (self.now(), meant.key.game_date);
        let closes_at = meant.handoff.policy.instants(game_date).closes_at;
        match judge_date(game_date, meant.handoff.today(now), closes_at, now) {
            DateStanding::Open | DateStanding::Past(_) => Ok(meant),
            DateStanding::TooFar(reason) => Err(bad_field("game_date", reason.text)),
        }
    }
}

/// The names and values of a query, in its order.
pub fn query(uri: &Uri) -> Vec<(String, String)> {
    // Any text is some list of names and values, so there is no other case.
    Query::try_from_uri(uri).map_or_else(|_| Vec::new(), |Query(pairs)| pairs)
}

/// The problem of a run that is not there.
pub fn no_run(key: &RunKey) -> Problem {
    not_known(format!("{} has no run for {}", key.handoff, key.game_date))
}
