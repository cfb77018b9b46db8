//! `POST /complete`: the workers' answers, one or many, answered once they are durable.
//!
//! Which answer replaces which belongs to the domain.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    http::Uri,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use super::{
    HttpState,
    push::{Delivery, Entry, Refused},
};
use crate::{
    domain::ids::MessageId,
    engine::{AnswerMessage, AnswersReceipt},
    wire::{
        completion::{self, Line},
        people::Problem,
        push::Push,
    },
};

/// How many of a body's completions became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// They changed something.
    pub accepted: u64,
    /// They changed nothing, or had been accepted before.
    pub duplicate: u64,
    /// Their unit or batch is not known.
    pub unknown: u64,
    /// They could not be read, and are in quarantine.
    pub malformed: u64,
}

/// What a body holds.
#[derive(Debug, Default)]
pub struct Completions {
    /// What could be read.
    pub messages: Vec<AnswerMessage>,
    /// What could not, with its bytes.
    pub malformed: Vec<(Refused, Vec<u8>)>,
}

/// Takes completions in. What is not understood is quarantined and counted; it spoils no other line.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    request: Request,
) -> Result<Json<Counted>, Problem> {
    let (parts, body) = request.into_parts();
    accept(&state, &parts.uri, body).await
}

/// Takes in a body that came to this address, pushed or pulled.
///
/// # Errors
///
/// When it is not durable: then it has to come again.
pub async fn accept(state: &HttpState, uri: &Uri, body: Body) -> Result<Json<Counted>, Problem> {
    let delivery = match state.delivery(Entry::Complete, uri, body).await? {
        Ok(delivery) => delivery,
        Err(_) => return Ok(Json(counted(AnswersReceipt::default(), 1))),
    };
    let Completions {
        messages,
        malformed,
    } = read(state, delivery).await?;
    let receipt = take(state, messages).await?;
    let count = malformed.len() as u64;
    // Many at once share one commit.
    let kept = malformed.into_iter().map(|(refused, bytes)| async move {
        state.quarantine(Entry::Complete, &refused, bytes).await
    });
    try_join_all(kept).await?;
    Ok(Json(counted(receipt, count)))
}

/// What the delivery says, line by line.
///
/// # Errors
///
/// When the store cannot be asked whose a batch is.
pub async fn read(state: &HttpState, delivery: Delivery) -> Result<Completions, Problem> {
    let mut read = Completions::default();
    let push = match Push::read(&delivery.body) {
        Ok(push) => push,
        Err(error) => {
            let refused = delivery.malformed(&error, None);
            read.malformed.push((refused, delivery.body));
            return Ok(read);
        }
    };
    let lines = match completion::read_lines(&push.data, push.true_at(delivery.received_at)) {
        Ok(lines) => lines,
        Err(error) => {
            let refused = delivery.malformed(&error, Some(&push.message_id));
            read.malformed.push((refused, delivery.body));
            return Ok(read);
        }
    };
    let of_all = state.whose_completions(delivery.handoff.as_ref(), &push);
    let mut batches = BTreeMap::new();
    let single = lines.len() == 1;
    for line in lines {
        let Line {
            number,
            bytes,
            answer,
        } = line;
        let said = if single {
            push.message_id.to_string()
        } else {
            format!("{}#{number}", push.message_id)
        };
        let body = bytes.to_vec();
        match answer {
            Ok(answer) => {
                let handoff = match &of_all {
                    Some(handoff) => handoff.clone(),
                    None => state.whose_answer(&answer, &mut batches).await?,
                };
                read.messages.push(AnswerMessage {
                    id: delivery.message_id(&handoff, &said),
                    handoff,
                    answer,
                    body,
                });
            }
            Err(error) => {
                let said = MessageId::new(said);
                let refused = delivery.malformed(&error, Some(&said));
                read.malformed.push((refused, body));
            }
        }
    }
    Ok(read)
}

/// Hands completions to the engine: all of them, or none.
pub async fn take(
    state: &HttpState,
    messages: Vec<AnswerMessage>,
) -> Result<AnswersReceipt, Problem> {
    if messages.is_empty() {
        return Ok(AnswersReceipt::default());
    }
    Ok(state.engine.inbox().answers(messages).await?)
}

fn counted(receipt: AnswersReceipt, malformed: u64) -> Counted {
    Counted {
        accepted: receipt.accepted,
        duplicate: receipt.duplicate,
        unknown: receipt.unknown,
        malformed,
    }
}
