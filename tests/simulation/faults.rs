//! What goes wrong in a simulated night, how likely, and the dice that decide it: one seed, one history.
//!
//! What a fault does belongs to whoever asks the dice.

use std::sync::Mutex;

use rand::{Rng, SeedableRng, rngs::StdRng};

/// The dice of one night.
pub struct Dice(Mutex<StdRng>);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// True this often, of a thousand.
    pub fn chance(&self, of_a_thousand: u32) -> bool {
        of_a_thousand > 0 && self.below(1_000) < u64::from(of_a_thousand)
    }

    /// A number below this one.
    pub fn below(&self, most: u64) -> u64 {
        self.0.lock().unwrap().random_range(0..most.max(1))
    }

    /// A number from one to the other, both included.
    pub fn between(&self, least: u64, most: u64) -> u64 {
        self.0.lock().unwrap().random_range(least..=most)
    }

    /// One of them.
    pub fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }
}

/// How often each thing goes wrong while the world is sick, of a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sickness {
    /// A read or a statement of the store fails.
    pub store: u32,
    /// A commit fails: nothing of it happened.
    pub commit: u32,
    /// A commit succeeds, and is reported as failed.
    pub commit_doubted: u32,
    /// The process dies just before a commit, or just after.
    pub death: u32,
    /// The warehouse cannot be asked.
    pub warehouse: u32,
    /// A request is refused, or taken and the answer lost.
    pub sink: u32,
    /// A channel does not take a message, or takes it and the answer is lost.
    pub channel: u32,
    /// The downstream event is not taken.
    pub announcer: u32,
    /// A message to the service comes twice.
    pub duplicate: u32,
    /// A worker dies over a request.
    pub worker: u32,
    /// The clock jumps.
    pub clock: u32,
}

impl Sickness {
    /// What this night suffers from: often one thing, sometimes all of them, sometimes nothing.
    pub fn of(dice: &Dice) -> Self {
        let mut sickness = Self::default();
        let all = dice.chance(150);
        let some = |often: u32, most: u64| {
            if all || dice.chance(often) {
                dice.between(1, most) as u32
            } else {
                0
            }
        };
        sickness.store = some(250, 20);
        sickness.commit = some(250, 30);
        sickness.commit_doubted = some(200, 30);
        sickness.death = some(350, 25);
        sickness.warehouse = some(300, 400);
        sickness.sink = some(300, 250);
        sickness.channel = some(250, 400);
        sickness.announcer = some(200, 500);
        sickness.duplicate = some(400, 300);
        sickness.worker = some(400, 250);
        sickness.clock = some(250, 10);
        sickness
    }
}

/// A defence that is switched off, to see that the simulation finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// A message is accepted again when it comes again.
    DeduplicationOff,
    /// A unit that is being sent may be claimed by the next who asks.
    UnitLeaseOff,
    /// An effect that is being done may be leased by the next who asks.
    EffectLeaseOff,
    /// A commit is answered before it is made, and undone by a death.
    AnsweredBeforeCommit,
    /// A run's timers are not kept.
    TimersLost,
    /// A history entry in twenty is not kept.
    HistoryLost,
    /// Messages to people are not kept.
    MessagesLost,
    /// Rows of the prediction table are not merged.
    RowsIgnored,
    /// What a set of answers did is kept, and the run is not told.
    TallyLost,
    /// The store itself forgets an answer's reason: only the model can know.
    WrongRow,
}

impl Planted {
    /// Every one.
    pub const ALL: [Self; 10] = [
        Self::DeduplicationOff,
        Self::UnitLeaseOff,
        Self::EffectLeaseOff,
        Self::AnsweredBeforeCommit,
        Self::TimersLost,
        Self::HistoryLost,
        Self::MessagesLost,
        Self::RowsIgnored,
        Self::TallyLost,
        Self::WrongRow,
    ];
}
