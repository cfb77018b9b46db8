//! One unit in the model, and what an answer, a row, a publish or time makes of it.
//!
//! Which units are taken belongs to `waves`.

use tipoff::{
    domain::{
        Instant,
        completion::{Move, Standing, Tally},
        ids::GameId,
        plan::ListedUnit,
    },
    ports::store::RankedAnswer,
};

/// Where the latest attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Idle,
    Sending,
    Sent,
    Answered,
    GivenUp,
    Refused,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::GivenUp => "given_up",
            Self::Refused => "refused",
        }
    }
}

/// What is planned: the last frozen wave, and the one that is being sent, 0 where there is none.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub wave: u32,
    pub live: u32,
    /// In time up to here, this instant included.
    pub deadline_at: Instant,
}

/// A unit.
#[derive(Debug, Clone)]
pub struct Unit {
    pub listing: ListedUnit,
    pub listed_wave: u32,
    pub plan_wave: u32,
    pub staged_wave: u32,
    pub frozen_wave: u32,
    pub row_listed: bool,
    pub standing: Standing,
    pub reason: Option<String>,
    pub reason_text: Option<String>,
    pub true_at: Option<Instant>,
    pub in_time: bool,
    pub claimed_at: Option<Instant>,
    pub missing: bool,
    pub dispatched: bool,
    pub attempt: u32,
    pub phase: Phase,
    pub batch_id: Option<String>,
    pub sent_at: Option<Instant>,
    pub lease_until: Option<Instant>,
    pub tries: u32,
}

/// How a unit comes to stand.
pub struct Arrival {
    pub standing: Standing,
    pub reason: Option<String>,
    pub reason_text: Option<String>,
    pub true_at: Instant,
}

impl Unit {
    pub fn is_of(&self, wave: u32) -> bool {
        wave > 0 && (self.listed_wave == wave || self.plan_wave == wave)
    }

    pub fn counts_as_sent(&self, wave: u32) -> bool {
        self.dispatched || (wave > 0 && (self.staged_wave == wave || self.frozen_wave == wave))
    }

    pub fn needs_work(&self) -> bool {
        !self.standing.is_satisfied() || self.missing
    }

    pub fn is_answered_early(&self) -> bool {
        self.phase == Phase::Answered && self.lease_until.is_some()
    }

    /// A listing saw its row.
    pub fn take_listed_row(&mut self) {
        self.standing = Standing::Stored;
        self.reason = None;
        self.reason_text = None;
        self.true_at = None;
        self.in_time = true;
        self.missing = false;
        self.row_listed = false;
    }

    pub fn answer(&mut self, answer: &RankedAnswer, plan: &Plan) -> Tally {
        let mut tally = Tally::default();
        let is_for_latest = match answer.attempt {
            Some(attempt) => attempt == self.attempt,
            None => self.sent_at.is_none_or(|at| answer.true_at >= at),
        };
        let is_for_latest = is_for_latest && self.attempt > 0;
        if is_for_latest && self.phase == Phase::GivenUp {
            tally.late = 1;
        }
        let closes = is_for_latest && self.close(plan, &mut tally);
        let arrival = Arrival {
            standing: answer.standing,
            reason: answer.reason.clone(),
            reason_text: answer.reason_text.clone(),
            true_at: answer.true_at,
        };
        if closes && self.missing && answer.standing == self.standing {
            tally.renewed = u64::from(self.is_of(plan.wave));
            self.missing = false;
            self.arrive(arrival, plan, &mut tally);
        } else if answer.standing > self.standing {
            self.arrive(arrival, plan, &mut tally);
        } else if !closes {
            tally.duplicates = 1;
        }
        tally
    }

    pub fn see_row(&mut self, created_at: Instant, plan: &Plan) -> Tally {
        let mut tally = Tally::default();
        self.close(plan, &mut tally);
        let known = self.standing == Standing::Stored;
        if !(known && self.true_at.is_some_and(|at| at <= created_at)) {
            let arrival = Arrival {
                standing: Standing::Stored,
                reason: None,
                reason_text: None,
                true_at: created_at,
            };
            self.arrive(arrival, plan, &mut tally);
        }
        tally
    }

    pub fn miss(&mut self, plan: &Plan) -> Tally {
        let mut tally = Tally::default();
        let before = self.clone();
        self.missing = true;
        self.in_time = false;
        if self.is_of(plan.wave) {
            tally.newly_missing = 1;
        }
        if before.in_time {
            self.note(&before, plan, &mut tally);
        }
        tally
    }

    /// Ends the latest attempt if it is open; says whether it was.
    fn close(&mut self, plan: &Plan, tally: &mut Tally) -> bool {
        if plan.live > 0 && self.staged_wave == plan.live {
            return false;
        }
        match self.phase {
            Phase::Sent => tally.answered = 1,
            Phase::GivenUp => tally.answered_late = 1,
            Phase::Sending => {}
            Phase::Idle | Phase::Answered | Phase::Refused => return false,
        }
        self.phase = Phase::Answered;
        true
    }

    pub fn arrive(&mut self, arrival: Arrival, plan: &Plan, tally: &mut Tally) {
        let before = self.clone();
        let is_satisfied = arrival.standing.is_satisfied();
        self.standing = arrival.standing;
        self.reason = arrival.reason;
        self.reason_text = arrival.reason_text;
        self.true_at = Some(arrival.true_at);
        self.in_time = is_satisfied && arrival.true_at <= plan.deadline_at;
        self.missing = false;
        if self.standing == Standing::Claimed {
            self.claimed_at = Some(arrival.true_at);
        }
        if (before.standing, before.in_time) != (self.standing, self.in_time) {
            self.note(&before, plan, tally);
        }
        if is_satisfied && self.is_of(plan.wave) {
            tally.latest_true_at = self.true_at;
            tally.earliest_true_at = self.true_at;
        }
    }

    fn note(&self, before: &Self, plan: &Plan, tally: &mut Tally) {
        if !self.is_of(plan.wave) {
            return;
        }
        tally.count(Move {
            from: before.standing,
            from_reason: before.reason.clone(),
            to: self.standing,
            to_reason: self.reason.clone(),
            game_id: self.game_id().clone(),
            dispatched: self.counts_as_sent(plan.wave),
            was_missing: before.missing,
            in_time: self.in_time,
            was_in_time: before.in_time,
            units: 1,
        });
    }

    pub fn game_id(&self) -> &GameId {
        &self.listing.game_id
    }
}
