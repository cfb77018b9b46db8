//! Alerts, silences and receipts as people and programs read them, instants in the schedule's zone.
//!
//! Alerts inside a run's own view belong to `run_view`; what people ask of alerts to `alerts`.

use serde::Serialize;

use super::{
    alerts::Whose,
    run_view::{LocalInstant, local},
};
use crate::{
    domain::{
        Instant,
        alert::{Alert, Kind, Role, Severity},
        ids::{ChannelId, GameDate, HandoffId},
        routing::Silence,
        zone::Zone,
    },
    ports::deliveries::Entry,
};

/// What `GET /alerts` answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertsView {
    /// The alerts of nights that are not closed, and the service's own.
    pub alerts: Vec<AlertLine>,
    /// Silences that have not ended.
    pub silences: Vec<SilenceView>,
    /// The latest receipts, latest first.
    pub deliveries: Vec<DeliveryView>,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AlertLine {
    /// Its full name.
    pub id: String,
    /// Whose; `None`: the service's own.
    pub handoff: Option<HandoffId>,
    /// Which night's.
    pub game_date: Option<GameDate>,
    /// What is wrong.
    pub kind: Kind,
    /// What it is about where a kind can hold of several things at once.
    pub subject: Option<String>,
    /// The worst it has been.
    pub severity: Severity,
    /// What broke, with its numbers.
    pub text: String,
    /// When it opened.
    pub opened_at: LocalInstant,
    /// When people were last told.
    pub told_at: Option<LocalInstant>,
    /// Everyone up to this role has been told.
    pub told_up_to: Option<Role>,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<LocalInstant>,
    /// When it stopped to hold; `None`: it is open.
    pub resolved_at: Option<LocalInstant>,
    /// Until when nothing is sent of it.
    pub silenced_until: Option<LocalInstant>,
    /// Who silenced it.
    pub silenced_by: Option<String>,
}

impl AlertLine {
    /// An alert as it stands `now`, under the silences that have been set.
    pub fn of(
        (whose, alert): (&Whose, &Alert),
        silences: &[Silence],
        zone: &Zone,
        now: Instant,
    ) -> Self {
        let handoff = whose.handoff();
        let silence = silences
            .iter()
            .filter(|it| it.silences(handoff, alert.kind, now))
            .max_by_key(|it| it.until);
        let acknowledged = alert.acknowledged.as_ref();
        Self {
            id: whose.name_of(&alert.name()),
            handoff: handoff.cloned(),
            game_date: match whose {
                Whose::Service => None,
                Whose::Night(key) => Some(key.game_date),
            },
            kind: alert.kind,
            subject: alert.subject.clone(),
            severity: alert.severity,
            text: alert.text.clone(),
            opened_at: local(zone, alert.opened_at),
            told_at: alert.told_at.map(|at| local(zone, at)),
            told_up_to: alert.told_up_to,
            acknowledged_by: acknowledged.map(|it| it.by.clone()),
            acknowledged_at: acknowledged.map(|it| local(zone, it.at)),
            resolved_at: alert.resolved_at.map(|at| local(zone, at)),
            silenced_until: silence.map(|it| local(zone, it.until)),
            silenced_by: silence.map(|it| it.by.clone()),
        }
    }
}

/// One silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SilenceView {
    /// Whose alerts; `None`: the service's own.
    pub handoff: Option<HandoffId>,
    /// Which kind; `None`: all of them.
    pub kind: Option<Kind>,
    /// Who answers for it.
    pub by: String,
    /// When it began.
    pub since: LocalInstant,
    /// When it ends.
    pub until: LocalInstant,
    /// Why.
    pub reason: String,
}

impl SilenceView {
    /// A silence with its instants in `zone`.
    pub fn of(silence: &Silence, zone: &Zone) -> Self {
        Self {
            handoff: silence.handoff.clone(),
            kind: silence.kind,
            by: silence.by.clone(),
            since: local(zone, silence.since),
            until: local(zone, silence.until),
            reason: silence.reason.clone(),
        }
    }
}

/// What became of one message over one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryView {
    /// The message's id.
    pub notice: String,
    /// The channel.
    pub channel: ChannelId,
    /// `waiting`, `done`, or `replaced`: by a later message about the same alerts, or by another channel where this
    /// one is not configured any more.
    pub state: String,
    /// Tries, the successful one included.
    pub attempts: u32,
    /// What last went wrong.
    pub last_error: Option<String>,
    /// When it was decided.
    pub decided_at: LocalInstant,
    /// When the channel took it.
    pub done_at: Option<LocalInstant>,
    /// What the channel calls it.
    pub message_id: Option<String>,
}

impl DeliveryView {
    /// A line of the ledger with its instants in `zone`.
    pub fn of(entry: &Entry, zone: &Zone) -> Self {
        Self {
            notice: entry.notice_id.clone(),
            channel: entry.channel.clone(),
            state: entry.state.clone(),
            attempts: entry.attempts,
            last_error: entry.last_error.clone(),
            decided_at: local(zone, entry.decided_at),
            done_at: entry.done_at.map(|at| local(zone, at)),
            message_id: entry.message_id.clone(),
        }
    }
}
