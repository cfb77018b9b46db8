//! Ends silences: what they held back and what still holds is told then.
//!
//! What a silence holds back belongs to `domain::routing`.

use std::collections::{BTreeMap, BTreeSet};

use super::{EngineError, Shared, telling};
use crate::{
    domain::{
        Instant,
        alert::{Alert, Told},
        ids::HandoffId,
        routing::Silence,
    },
    ports::store::{StoreError, Transaction},
};

/// Ends every silence whose end has come.
pub async fn end_due(shared: &Shared) -> Result<(), EngineError> {
    let mut transaction = shared.begin().await?;
    let now = shared.clock.now();
    let mut ended: BTreeMap<Option<HandoffId>, Ended> = BTreeMap::new();
    for (number, silence) in transaction.end_silences(now).await? {
        let ended = ended.entry(silence.handoff.clone()).or_default();
        ended.number = ended.number.max(number);
        ended.silences.push(silence);
    }
    if ended.is_empty() {
        return Ok(());
    }
    for (handoff, ended) in &ended {
        match handoff {
            Some(handoff) => of_nights(shared, &mut *transaction, (handoff, ended), now).await?,
            None => of_service(shared, &mut *transaction, ended, now).await?,
        }
    }
    transaction.commit().await?;
    shared.nudge();
    Ok(())
}

/// Silences of one handoff, or of the service, that end together.
#[derive(Default)]
struct Ended {
    /// The highest of their numbers.
    number: i64,
    silences: Vec<Silence>,
}

impl Ended {
    /// What they held back, each alert once, with the silence that held it.
    fn held_back(&self, alerts: &[Alert]) -> Vec<(&Silence, Told)> {
        let mut names = BTreeSet::new();
        let held = self.silences.iter().flat_map(|silence| {
            let told = silence.held_back(alerts).into_iter();
            told.map(move |told| (silence, told))
        });
        held.filter(|(_, told)| names.insert(told.alert.name()))
            .collect()
    }

    fn id(&self, scope: &str) -> String {
        format!("{scope}/silence/{}", self.number)
    }
}

async fn of_nights(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    (handoff, ended): (&HandoffId, &Ended),
    now: Instant,
) -> Result<(), StoreError> {
    for open in shared.store.open_runs(handoff).await? {
        let run = transaction.run(&open.key).await?;
        let Some(run) = run.filter(|run| run.closed_at.is_none()) else {
            continue;
        };
        let held = ended.held_back(&run.alerts);
        let told = still_held(transaction, held, now).await?;
        if !told.is_empty() {
            let id = ended.id(&format!("{}/{}", run.key.handoff, run.key.game_date));
            telling::tell(shared, transaction, (id, &run), told, now).await?;
        }
    }
    Ok(())
}

async fn of_service(
    shared: &Shared,
    transaction: &mut dyn Transaction,
    ended: &Ended,
    now: Instant,
) -> Result<(), StoreError> {
    let held = ended.held_back(&transaction.service().await?.alerts);
    let told = still_held(transaction, held, now).await?;
    let id = ended.id("service");
    telling::tell_of_service(shared, transaction, (id, told), now).await
}

/// What may be told now. What another silence still holds back is handed to that one, as if it had begun as early.
async fn still_held(
    transaction: &mut dyn Transaction,
    held: Vec<(&Silence, Told)>,
    now: Instant,
) -> Result<Vec<Told>, StoreError> {
    let silences = transaction.silences(now).await?;
    let mut all = Vec::new();
    for (ended, told) in held {
        let (handoff, kind) = (ended.handoff.as_ref(), told.alert.kind);
        match silences.iter().find(|it| it.silences(handoff, kind, now)) {
            None => all.push(told),
            Some(other) => {
                let heir = Silence {
                    kind: Some(kind),
                    since: ended.since,
                    ..other.clone()
                };
                transaction.silence(&heir).await?;
            }
        }
    }
    Ok(all)
}
