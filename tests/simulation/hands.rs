//! What comes to the service is handed in, and heard of: acknowledged, or to be told again.
//!
//! When it comes belongs to the world.

use std::sync::Arc;

use serde_json::json;
use tipoff::{
    clock::Clock,
    domain::{
        Instant,
        completion::{Answer, Outcome},
        event::Event,
        ids::{MessageId, UnitId},
        trigger::{Source, Trigger, UpstreamComplete, UpstreamStatus},
    },
    engine::{AnswerMessage, Engine, TriggerMessage},
};
use tokio::task::{JoinError, JoinSet};

use crate::{
    faults::Dice,
    world::{Happening, Message, World},
};

/// What was handed in, when, and whether it was acknowledged.
pub type Handed = (Happening, Instant, bool);

/// Hands it in. What is under way when the process dies comes again.
pub fn hand_in(
    world: &Arc<World>,
    engine: &Arc<Engine>,
    happening: Happening,
    pushes: &mut JoinSet<Handed>,
) {
    let now = world.clock.now();
    world.facts().under_way.push(happening.clone());
    if let Happening::Answers(messages) = &happening {
        world.facts().handed.extend(messages.iter().cloned());
    }
    let (world, engine) = (world.clone(), engine.clone());
    pushes.spawn(async move {
        let taken = match &happening {
            Happening::Upstream(id) => {
                let message = upstream(&world, id);
                engine.inbox().trigger(message).await.is_ok()
            }
            Happening::Answers(messages) => {
                let messages = messages.iter().map(|it| answer(&world, it, now));
                engine.inbox().answers(messages.collect()).await.is_ok()
            }
            Happening::Command(event) => {
                let asked = engine.inbox().ask(world.key.clone(), event.clone());
                asked.await.is_ok()
            }
        };
        (happening, now, taken)
    });
}

/// What the service said.
pub fn hear(world: &World, pushed: Result<Handed, JoinError>) {
    let Ok((happening, at, taken)) = pushed else {
        return;
    };
    world.facts().forget_under_way(&happening);
    match happening {
        Happening::Answers(messages) if taken => {
            let messages = messages.into_iter().map(|message| (message, at));
            world.facts().acknowledged.extend(messages);
        }
        // A person who is told that it failed thinks again.
        Happening::Command(_) | Happening::Upstream(_) | Happening::Answers(_) if taken => {}
        Happening::Command(_) => {}
        Happening::Upstream(_) | Happening::Answers(_) => {
            world.come_again(happening, world.clock.now());
        }
    }
}

/// The process is dead: what it had not acknowledged comes again.
pub fn take_back(world: &World) {
    let under_way = std::mem::take(&mut world.facts().under_way);
    for happening in under_way {
        if !matches!(happening, Happening::Command(_)) {
            world.come_again(happening, world.clock.now());
        }
    }
}

fn upstream(world: &World, id: &MessageId) -> TriggerMessage {
    TriggerMessage {
        id: id.clone(),
        handoff: world.key.handoff.clone(),
        event: UpstreamComplete {
            game_date: world.key.game_date,
            processor: None,
            status: UpstreamStatus::Success,
            finished_at: world.facts().finished_at,
            processed: None,
            ready: None,
            backfill_mode: false,
            skip_downstream_trigger: false,
            run_id: None,
            correlation_id: None,
        },
    }
}

fn answer(world: &World, message: &Message, now: Instant) -> AnswerMessage {
    let body = json!({"player_lookup": message.unit, "game_date": world.key.game_date});
    AnswerMessage {
        id: message.id.clone(),
        handoff: world.key.handoff.clone(),
        answer: Answer {
            unit: message.unit.clone(),
            game_date: world.key.game_date,
            batch_id: None,
            request_id: message.request_id.clone(),
            outcome: message.outcome.clone(),
            predictions_generated: u64::from(message.outcome == Outcome::Predicted),
            answered_at: message.published_at.unwrap_or(now),
            worker: None,
        },
        body: body.to_string().into_bytes(),
    }
}

/// An answer for somebody the run does not know.
pub fn stranger(dice: &Dice) -> Happening {
    let number = dice.below(1_000_000);
    Happening::Answers(vec![Message {
        id: MessageId::new(format!("stranger/{number}")),
        unit: UnitId::new(format!("stranger{number}")),
        attempt: 1,
        outcome: Outcome::Predicted,
        request_id: None,
        published_at: None,
    }])
}

/// Something that a person asks for.
pub fn command(world: &World) -> Event {
    let dice = &world.health.dice;
    let by = || "ana".to_owned();
    world.facts().interventions += 1;
    match dice.below(7) {
        0 => Event::Reset {
            by: by(),
            force: dice.chance(500),
        },
        1 => Event::SettleStalled {
            by: by(),
            older_than_seconds: dice.between(0, 900) as u32,
        },
        2 => Event::Acknowledged {
            by: by(),
            kinds: Vec::new(),
        },
        3 => Event::Triggered(Trigger {
            force: true,
            by: Some(by()),
            ..Trigger::of(Source::Manual)
        }),
        4 => Event::Triggered(Trigger::of(Source::Manual)),
        5 => Event::Triggered(Trigger::of(Source::Backup)),
        _ => Event::Triggered(Trigger::of(Source::Retry)),
    }
}
