//! Completions of a group, merged as sets: accepted in one operation, and each run's in one more.
//!
//! Which answer replaces which is the domain's; the step that a run takes for them belongs to the group.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::Group;
use crate::{
    domain::{
        completion::{Answer, Outcome as UnitOutcome, Standing, Tally},
        dispatch::attempt_of,
        ids::RunKey,
        policy::Policy,
    },
    engine::inbox::{AnswerMessage, AnswersReceipt, Outcome, Work},
    ports::store::{Quarantined, RankedAnswer, StoreError, UNKNOWN_UNIT},
};

/// Unknown completions of a night that are quarantined; more are only counted.
const UNKNOWN_MAX: u64 = 100;
/// The name under which reasons outside the configured list are counted.
const OTHER: &str = "other";

/// What became of one completion.
#[derive(Clone, Copy)]
enum Became {
    Accepted,
    Duplicate,
    Unknown,
}

impl Became {
    fn of(tally: &Tally) -> Self {
        if tally.unknown > 0 {
            Self::Unknown
        } else if tally.duplicates > 0 {
            Self::Duplicate
        } else {
            Self::Accepted
        }
    }
}

impl AnswersReceipt {
    fn count(&mut self, became: Became) {
        match became {
            Became::Accepted => self.accepted += 1,
            Became::Duplicate => self.duplicate += 1,
            Became::Unknown => self.unknown += 1,
        }
    }
}

impl Group<'_> {
    /// Merges the completions of all these requests as one set; where that fails, each request by itself, so that
    /// what is wrong with one spoils no other. Says what came of each request.
    pub(super) async fn all_answers(
        &mut self,
        requests: Vec<Vec<AnswerMessage>>,
    ) -> Vec<Result<Outcome, StoreError>> {
        if let Ok(receipts) = self.together(&requests).await {
            let outcomes = receipts.into_iter().map(Outcome::Answers).map(Ok);
            return outcomes.collect();
        }
        let mut outcomes = Vec::with_capacity(requests.len());
        for messages in requests {
            outcomes.push(self.one(Work::Answers(messages)).await);
        }
        outcomes
    }

    async fn together(
        &mut self,
        requests: &[Vec<AnswerMessage>],
    ) -> Result<Vec<AnswersReceipt>, StoreError> {
        self.mark().await?;
        let outcome = self.merge(requests).await;
        self.settle(outcome).await
    }

    /// The completions of one request.
    pub(super) async fn request(
        &mut self,
        messages: Vec<AnswerMessage>,
    ) -> Result<Outcome, StoreError> {
        let receipts = self.merge(&[messages]).await?;
        let receipt = receipts.into_iter().next().unwrap_or_default();
        Ok(Outcome::Answers(receipt))
    }

    /// One receipt a request.
    async fn merge(
        &mut self,
        requests: &[Vec<AnswerMessage>],
    ) -> Result<Vec<AnswersReceipt>, StoreError> {
        let messages: Vec<(usize, &AnswerMessage)> = requests
            .iter()
            .enumerate()
            .flat_map(|(request, messages)| messages.iter().map(move |message| (request, message)))
            .collect();
        let ids: Vec<_> = messages.iter().map(|(_, message)| &message.id).collect();
        let fresh = self.transaction.accept(&ids, "complete", self.now).await?;
        let mut receipts = vec![AnswersReceipt::default(); requests.len()];
        let mut runs: BTreeMap<RunKey, Vec<(usize, &AnswerMessage)>> = BTreeMap::new();
        for ((request, message), is_fresh) in messages.into_iter().zip(fresh) {
            let key = RunKey {
                handoff: message.handoff.clone(),
                game_date: message.answer.game_date,
            };
            if is_fresh {
                runs.entry(key).or_default().push((request, message));
            } else {
                receipts[request].count(Became::Duplicate);
                self.noted.tallies.entry(key).or_default().duplicates += 1;
            }
        }
        for (key, messages) in runs {
            let became = self.merge_run(key, &messages).await?;
            for ((request, _), became) in messages.into_iter().zip(became) {
                receipts[request].count(became);
            }
        }
        Ok(receipts)
    }

    /// The completions of one run, none of which came before.
    async fn merge_run(
        &mut self,
        key: RunKey,
        messages: &[(usize, &AnswerMessage)],
    ) -> Result<Vec<Became>, StoreError> {
        let Some(run) = self.transaction.run(&key).await? else {
            for (_, message) in messages {
                self.keep_unknown(message, "no run of this date").await?;
            }
            return Ok(vec![Became::Unknown; messages.len()]);
        };
        let ranked: Vec<_> = messages
            .iter()
            .map(|(_, message)| rank(&key, &message.answer, &run.policy))
            .collect();
        let tallies = self
            .transaction
            .answers(&key, &ranked, run.instants.deadline_at)
            .await?;
        let became: Vec<_> = tallies.iter().map(Became::of).collect();
        for ((_, message), became) in messages.iter().zip(&became) {
            if matches!(became, Became::Unknown) {
                self.keep_unknown(message, "no such unit in the run")
                    .await?;
            }
        }
        let sum = self.noted.tallies.entry(key).or_default();
        for tally in tallies {
            sum.absorb(tally);
        }
        Ok(became)
    }

    /// The first hundred unknown completions of a night are kept for a person to look at.
    async fn keep_unknown(
        &mut self,
        message: &AnswerMessage,
        what: &str,
    ) -> Result<(), StoreError> {
        if self
            .transaction
            .unknown_quarantined(message.answer.game_date)
            .await?
            >= UNKNOWN_MAX
        {
            return Ok(());
        }
        let quarantined = Quarantined {
            id: 0,
            source: "complete".to_owned(),
            message_id: message.id.clone(),
            received_at: self.now,
            code: UNKNOWN_UNIT.to_owned(),
            reason: format!(
                "{what}: `{}` on {}",
                message.answer.unit, message.answer.game_date
            ),
            bytes: message.body.len() as u64,
            sha256: hex(&Sha256::digest(&message.body)),
            body: message.body.clone(),
        };
        self.put_into_quarantine(&quarantined).await
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An answer as the store merges it: its rank, and its reason from the configured list or `other`.
fn rank(key: &RunKey, answer: &Answer, policy: &Policy) -> RankedAnswer {
    let completion = &policy.completion;
    let text = match &answer.outcome {
        UnitOutcome::Predicted => None,
        UnitOutcome::Skipped(reason) | UnitOutcome::Failed(reason) => Some(reason.clone()),
    };
    let known = |reason: &String| {
        completion.permanent_skip_reasons.contains(reason)
            || completion.other_reasons.contains(reason)
    };
    RankedAnswer {
        unit: answer.unit.clone(),
        attempt: answer
            .request_id
            .as_ref()
            .and_then(|request| attempt_of(request, key, &answer.unit)),
        standing: Standing::of(&answer.outcome, &completion.permanent_skip_reasons),
        reason: text.as_ref().map(|reason| {
            if known(reason) {
                reason.clone()
            } else {
                OTHER.to_owned()
            }
        }),
        reason_text: text,
        true_at: answer.answered_at,
    }
}
