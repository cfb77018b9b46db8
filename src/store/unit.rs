//! One unit's row, and what an answer, a prediction row or a missing one makes of it. Pure: the same for every database.
//!
//! Which standing replaces which is the domain's; how rows are read and written belongs to `units`.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use crate::{
    domain::{
        Instant,
        completion::{Move, Standing, Tally, replaces},
        ids::GameId,
    },
    ports::store::RankedAnswer,
};

/// Where the latest attempt of a unit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Phase {
    /// There is none, or its batch was ended before it was known to be published.
    Idle,
    /// Claimed by a sender; whether it was published is not known yet.
    Sending,
    /// Published: in flight.
    Sent,
    /// Answered, or not needed any more.
    Answered,
    /// Not answered within its time.
    GivenUp,
    /// Could not be published.
    Refused,
}

/// The plan that a run's counts are of: what the last frozen wave listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// That wave; 0 before the first.
    pub wave: u32,
    /// Whether its batch was ended before it was sent.
    pub is_released: bool,
    /// The last game that the counts keep apart; `None`: all of them.
    pub games_until: Option<GameId>,
}

/// The game under which later ones are counted together.
pub(super) const OTHER_GAMES: &str = "other";

impl Plan {
    /// The wave that is being sent; 0 if none is.
    pub fn live_wave(&self) -> u32 {
        if self.is_released { 0 } else { self.wave }
    }

    /// The game under which a unit is counted.
    pub fn counted_game(&self, game_id: &GameId) -> GameId {
        match &self.games_until {
            Some(last) if game_id > last => GameId::new(OTHER_GAMES),
            Some(_) | None => game_id.clone(),
        }
    }
}

/// A unit's row as far as it changes. It is read as an array of its fields in their order: truth as 0 or 1, instants
/// as microseconds, a standing as its rank.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct UnitRow {
    pub unit: String,
    pub game_id: GameId,
    pub listed_wave: u32,
    pub plan_wave: u32,
    pub frozen_wave: u32,
    #[serde(deserialize_with = "read_standing")]
    pub standing: Standing,
    pub reason: Option<String>,
    pub reason_text: Option<String>,
    #[serde(deserialize_with = "read_instant")]
    pub true_at: Option<Instant>,
    #[serde(deserialize_with = "read_truth")]
    pub in_time: bool,
    #[serde(deserialize_with = "read_instant")]
    pub claimed_at: Option<Instant>,
    #[serde(deserialize_with = "read_truth")]
    pub missing: bool,
    #[serde(deserialize_with = "read_truth")]
    pub dispatched: bool,
    pub attempt: u32,
    pub phase: Phase,
    pub batch_id: Option<String>,
    pub staged_wave: Option<u32>,
    #[serde(deserialize_with = "read_instant")]
    pub sent_at: Option<Instant>,
    #[serde(deserialize_with = "read_instant")]
    pub lease_until: Option<Instant>,
    pub tries: u32,
}

fn read_standing<'de, D: Deserializer<'de>>(from: D) -> Result<Standing, D::Error> {
    let rank = usize::deserialize(from)?;
    let known = Standing::ALL.get(rank).copied();
    known.ok_or_else(|| D::Error::custom(format!("{rank} is no rank")))
}

fn read_instant<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Instant>, D::Error> {
    let micros = Option::<i64>::deserialize(from)?;
    let read = |micros| {
        Instant::from_timestamp_micros(micros)
            .ok_or_else(|| D::Error::custom(format!("{micros} is out of range")))
    };
    micros.map(read).transpose()
}

fn read_truth<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(u8::deserialize(from)? != 0)
}

/// How a unit comes to stand.
struct Arrival {
    standing: Standing,
    reason: Option<String>,
    reason_text: Option<String>,
    true_at: Instant,
}

impl UnitRow {
    /// Whether it needs no more work, as far as is known.
    pub fn is_done(&self) -> bool {
        self.standing.is_satisfied() && !self.missing
    }

    /// Answered while it was not yet known to be published: its answer is counted when that is known.
    pub fn is_answered_early(&self) -> bool {
        self.phase == Phase::Answered && self.lease_until.is_some()
    }

    /// Whether the run's counts hold it.
    fn is_planned(&self, plan: &Plan) -> bool {
        plan.wave > 0 && (self.listed_wave == plan.wave || self.plan_wave == plan.wave)
    }

    /// Whether the run's counts hold it as dispatched: from the freeze on, not only from its own publish.
    fn counts_as_dispatched(&self, plan: &Plan) -> bool {
        let frozen = self.staged_wave == Some(plan.wave) || self.frozen_wave == plan.wave;
        self.dispatched || (plan.wave > 0 && frozen)
    }

    /// Frozen to be sent and not yet claimed: its earlier attempt has left the batch's accounts.
    fn awaits_sending(&self, plan: &Plan) -> bool {
        plan.live_wave() > 0 && self.staged_wave == Some(plan.live_wave())
    }

    /// Merges an answer; an instant up to the deadline, and it itself, is in time.
    pub fn answer(&mut self, answer: &RankedAnswer, plan: &Plan, deadline_at: Instant) -> Tally {
        let mut tally = Tally::default();
        let is_latest = self.attempt > 0
            && match answer.attempt {
                Some(attempt) => attempt == self.attempt,
                None => self.sent_at.is_none_or(|sent_at| answer.true_at >= sent_at),
            };
        tally.late = u64::from(is_latest && self.phase == Phase::GivenUp);
        let closed = is_latest && self.close_attempt(plan, &mut tally);
        let arrival = Arrival {
            standing: answer.standing,
            reason: answer.reason.clone(),
            reason_text: answer.reason_text.clone(),
            true_at: answer.true_at,
        };
        let claims_again = self.missing && answer.standing == self.standing;
        if closed && claims_again {
            tally.renewed = u64::from(self.is_planned(plan));
            self.missing = false;
            self.arrive(arrival, plan, deadline_at, &mut tally);
        } else if replaces(self.standing, answer.standing) {
            self.arrive(arrival, plan, deadline_at, &mut tally);
        } else if !closed {
            tally.duplicates = 1;
        }
        tally
    }

    /// Merges a row of the prediction table. Seen again it changes nothing, unless its instant was not known.
    pub fn see_row(&mut self, created_at: Instant, plan: &Plan, deadline_at: Instant) -> Tally {
        let mut tally = Tally::default();
        self.close_attempt(plan, &mut tally);
        let is_known = self.standing == Standing::Stored
            && self.true_at.is_some_and(|known| known <= created_at);
        if !is_known {
            let arrival = Arrival {
                standing: Standing::Stored,
                reason: None,
                reason_text: None,
                true_at: created_at,
            };
            self.arrive(arrival, plan, deadline_at, &mut tally);
        }
        tally
    }

    /// A successful query found no row for its claim after the grace. It is in time no longer.
    pub fn miss(&mut self, plan: &Plan) -> Tally {
        let mut tally = Tally::default();
        let before = self.clone();
        self.missing = true;
        self.in_time = false;
        tally.newly_missing = u64::from(self.is_planned(plan));
        if before.in_time {
            self.note(&before, plan, &mut tally);
        }
        // It counts as missing through `newly_missing`; the move only takes it out of those in time.
        tally
    }

    /// Its publish failed for good.
    pub fn refuse(&mut self, at: Instant, plan: &Plan, tally: &mut Tally) {
        self.phase = Phase::Refused;
        self.lease_until = None;
        if replaces(self.standing, Standing::Failed) {
            let arrival = Arrival {
                standing: Standing::Failed,
                reason: Some("publish".to_owned()),
                reason_text: None,
                true_at: at,
            };
            // Never satisfied, so no deadline matters.
            self.arrive(arrival, plan, at, tally);
        }
    }

    /// Ends the latest attempt if it is open; says whether it was.
    fn close_attempt(&mut self, plan: &Plan, tally: &mut Tally) -> bool {
        if self.awaits_sending(plan) {
            return false;
        }
        match self.phase {
            Phase::Sent => tally.answered += 1,
            Phase::GivenUp => tally.answered_late += 1,
            // Not in flight yet: counted when the publish is confirmed.
            Phase::Sending => {}
            Phase::Idle | Phase::Answered | Phase::Refused => return false,
        }
        self.phase = Phase::Answered;
        true
    }

    /// Comes to stand anew.
    fn arrive(&mut self, arrival: Arrival, plan: &Plan, deadline_at: Instant, tally: &mut Tally) {
        let before = self.clone();
        let satisfies = arrival.standing.is_satisfied();
        self.standing = arrival.standing;
        self.reason = arrival.reason;
        self.reason_text = arrival.reason_text;
        self.true_at = Some(arrival.true_at);
        self.in_time = satisfies && arrival.true_at <= deadline_at;
        self.missing = false;
        if self.standing == Standing::Claimed {
            self.claimed_at = self.true_at;
        }
        if before.standing != self.standing || before.in_time != self.in_time {
            self.note(&before, plan, tally);
        }
        if satisfies && self.is_planned(plan) {
            tally.latest_true_at = self.true_at;
            tally.earliest_true_at = self.true_at;
        }
    }

    fn note(&self, before: &Self, plan: &Plan, tally: &mut Tally) {
        if !self.is_planned(plan) {
            return;
        }
        tally.count(Move {
            from: before.standing,
            from_reason: before.reason.clone(),
            to: self.standing,
            to_reason: self.reason.clone(),
            game_id: plan.counted_game(&self.game_id),
            dispatched: self.counts_as_dispatched(plan),
            was_missing: before.missing,
            in_time: self.in_time,
            was_in_time: before.in_time,
            units: 1,
        });
    }
}
