//! The workers of a simulated night: what becomes of a request, and when it is told.
//!
//! How a request reaches them belongs to `ports`.

use chrono::TimeDelta;
use tipoff::{
    domain::{Instant, completion::Outcome, ids::MessageId},
    ports::Request,
};

use super::{Call, Happening, Message, World};

impl World {
    /// A worker takes a request. One that it had before it does not do again.
    pub(super) fn take_request(&self, request: &Request, disturbances: u64, now: Instant) {
        let call = Call {
            unit: request.unit.unit.clone(),
            attempt: request.attempt,
            key: request.request_id.clone(),
            at: now,
            disturbances,
            has_jumped: self.health.has_jumped(now),
        };
        let known = {
            let mut facts = self.facts();
            facts.calls.push(call);
            facts.answered.get(&request.request_id).cloned()
        };
        match known {
            None => self.work(request, now),
            Some(Some(answer)) if self.dice().chance(500) => {
                let again = Message {
                    id: MessageId::new(format!("{}/again{}", answer.id, self.facts().calls.len())),
                    published_at: answer.published_at.map(|_| now),
                    ..answer
                };
                let at = now + TimeDelta::seconds(self.dice().between(1, 30) as i64);
                self.later(at, Happening::Answers(vec![again]));
            }
            Some(_) => {}
        }
    }

    fn work(&self, request: &Request, now: Instant) {
        let dice = self.dice();
        if dice.chance(self.health.sickness().worker) {
            let key = request.request_id.clone();
            self.facts().answered.insert(key, None);
            return;
        }
        let seconds = match dice.chance(40) {
            true => dice.between(500, 900),
            false => dice.between(2, 60),
        };
        let at = now + TimeDelta::seconds(seconds as i64);
        let outcome = self.outcome();
        let is_told = !(outcome == Outcome::Predicted && dice.chance(40));
        if outcome == Outcome::Predicted {
            self.write_row(request, at, is_told);
        }
        let answer = Message {
            id: MessageId::new(format!("m/{}", request.request_id)),
            unit: request.unit.unit.clone(),
            attempt: request.attempt,
            outcome,
            request_id: dice.chance(500).then(|| request.request_id.clone()),
            published_at: dice.chance(700).then_some(at),
        };
        let key = request.request_id.clone();
        self.facts().answered.insert(key, Some(answer.clone()));
        if is_told {
            self.tell(answer, at);
        }
    }

    fn outcome(&self) -> Outcome {
        match self.dice().below(100) {
            0..80 => Outcome::Predicted,
            80..88 => Outcome::Skipped("no_prop_lines".to_owned()),
            88..92 => Outcome::Skipped("unspecified".to_owned()),
            92..95 => Outcome::Failed("a reason of its own".to_owned()),
            _ => Outcome::Failed("model_error".to_owned()),
        }
    }

    /// A little before the answer, after it, or never.
    fn write_row(&self, request: &Request, answer_at: Instant, is_told: bool) {
        let dice = self.dice();
        if is_told && dice.chance(30) {
            return;
        }
        let written_at = match dice.chance(150) {
            true => answer_at + TimeDelta::seconds(dice.between(1, 400) as i64),
            false => answer_at - TimeDelta::milliseconds(dice.between(1, 900) as i64),
        };
        let mut facts = self.facts();
        let row = facts.rows.entry(request.unit.unit.clone());
        let row = row.or_insert(written_at);
        *row = written_at.min(*row);
    }

    fn tell(&self, answer: Message, at: Instant) {
        let dice = self.dice();
        if dice.chance(self.health.sickness().duplicate) {
            let again = at + TimeDelta::seconds(dice.between(0, 1_200) as i64);
            self.later(again, Happening::Answers(vec![answer.clone()]));
        }
        self.later(at, Happening::Answers(vec![answer]));
    }
}
