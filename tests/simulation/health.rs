//! A night's state of health, shared by all its parts: what goes wrong, what went wrong, what ought not to be.
//!
//! How often which fault comes belongs to `faults`.

use std::{collections::BTreeMap, sync::Mutex};

use chrono::TimeDelta;
use tipoff::domain::Instant;

use crate::faults::{Dice, Sickness};

/// What all parts of a night share about its state of health.
pub struct Health {
    pub dice: Dice,
    sickness: Mutex<Sickness>,
    /// How often anything went wrong with the store or the process: what is sent again needs a reason.
    disturbances: Mutex<u64>,
    /// When the clock last jumped, as it showed then: leases may have run out under those who held them.
    jumped_at: Mutex<Option<Instant>>,
    findings: Mutex<Vec<String>>,
    dead: Mutex<bool>,
    doomed: Mutex<bool>,
    /// Whether each operation is printed, for whoever looks into a night.
    tells: bool,
    /// How often each operation was done.
    operations: Mutex<BTreeMap<&'static str, u64>>,
}

impl Health {
    pub fn of(seed: u64) -> Self {
        let dice = Dice::of(seed);
        let sickness = Sickness::of(&dice);
        Self {
            dice,
            sickness: Mutex::new(sickness),
            disturbances: Mutex::default(),
            jumped_at: Mutex::default(),
            findings: Mutex::default(),
            dead: Mutex::default(),
            doomed: Mutex::default(),
            tells: crate::number(crate::TELLS).is_some(),
            operations: Mutex::default(),
        }
    }

    pub fn sickness(&self) -> Sickness {
        *self.sickness.lock().unwrap()
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&self) {
        *self.sickness.lock().unwrap() = Sickness::default();
    }

    pub fn disturb(&self) {
        *self.disturbances.lock().unwrap() += 1;
    }

    /// The clock jumps.
    pub fn jump(&self, to: Instant) {
        *self.jumped_at.lock().unwrap() = Some(to);
        self.disturb();
    }

    /// Whether the clock jumped in the last two minutes: twice as long as a lease.
    pub fn has_jumped(&self, now: Instant) -> bool {
        let jumped_at = *self.jumped_at.lock().unwrap();
        jumped_at.is_some_and(|at| now - at < TimeDelta::minutes(2))
    }

    pub fn disturbances(&self) -> u64 {
        *self.disturbances.lock().unwrap()
    }

    /// Keeps what ought not to be.
    pub fn find(&self, finding: String) {
        self.findings.lock().unwrap().push(finding);
    }

    pub fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap().clone()
    }

    /// Whether something goes wrong this time.
    pub fn ails(&self, of_a_thousand: impl Fn(Sickness) -> u32) -> bool {
        let ails = self.dice.chance(of_a_thousand(self.sickness()));
        if ails {
            self.disturb();
        }
        ails
    }

    pub fn die(&self) {
        *self.dead.lock().unwrap() = true;
        self.disturb();
    }

    /// Takes note of an operation.
    pub fn note(&self, what: &'static str) {
        *self.operations.lock().unwrap().entry(what).or_default() += 1;
        self.tell(|| what.to_owned());
    }

    /// Prints what happens, where somebody wants to know.
    pub fn tell(&self, what: impl FnOnce() -> String) {
        if self.tells {
            println!("- {}", what());
        }
    }

    /// How often each operation was done.
    pub fn operations(&self) -> BTreeMap<&'static str, u64> {
        self.operations.lock().unwrap().clone()
    }

    /// Dies at the next occasion: what was said until then has been heard.
    pub fn doom(&self) {
        *self.doomed.lock().unwrap() = true;
        self.disturb();
    }

    pub fn is_doomed(&self) -> bool {
        *self.doomed.lock().unwrap()
    }

    pub fn is_dead(&self) -> bool {
        *self.dead.lock().unwrap()
    }

    pub fn revive(&self) {
        *self.dead.lock().unwrap() = false;
        *self.doomed.lock().unwrap() = false;
    }
}
