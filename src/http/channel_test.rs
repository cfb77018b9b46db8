//! `POST /alerts/test`: one marked test over each channel, and what the channels said to it.
//!
//! Delivering belongs to the engine; a test goes the way of every other message.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    extract::{Request, State},
};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::{Caller, HttpState, body, problem::bad_field};
use crate::{
    domain::{ids::ChannelId, routing::FAILURES_MIN, service::Trouble},
    ports::{
        deliveries::Entry,
        notice::{About, Content, Notice},
        store::StoreError,
    },
    wire::{alerts::Test, people::Problem},
};

/// How long the channels' answers are waited for.
const WAIT_MAX: Duration = Duration::from_secs(15);
/// Between two looks at the receipts.
const PAUSE: Duration = Duration::from_millis(50);

/// What the channels said.
#[derive(Serialize)]
pub struct Tested {
    /// Whether all of them took the test.
    ok: bool,
    /// The test's id.
    notice: String,
    channels: Vec<ChannelTested>,
}

/// What one channel said.
#[derive(Serialize)]
struct ChannelTested {
    channel: ChannelId,
    /// `done` or `waiting`.
    state: String,
    /// What the channel calls the message.
    message_id: Option<String>,
    /// Tries, the successful one included.
    attempts: u32,
    /// What last went wrong.
    error: Option<String>,
    /// What that means, for people.
    text: String,
}

/// Sends the test, waits for its receipts and shows them; 200 also where a channel did not take it.
pub async fn post(
    State(state): State<Arc<HttpState>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<Tested>, Problem> {
    let order = Test::read(&body::read(request).await?)?;
    let channels = state.channels(order.channels)?;
    let now = state.now();
    let notice = Notice {
        id: format!(
            "test/{}/{:08x}",
            now.timestamp_micros(),
            rand::random::<u32>()
        ),
        about: About::Service,
        at: now,
        content: Content::Test {
            by: caller.speaking_as(order.by),
        },
    };
    let id = notice.id.clone();
    state.engine.inbox().post(notice, channels.clone()).await?;
    let channels = state.receipts(&id, &channels).await?;
    Ok(Json(Tested {
        ok: channels.iter().all(|it| it.state == DONE),
        notice: id,
        channels,
    }))
}

/// The ledger's word for a message that was taken.
const DONE: &str = "done";

impl HttpState {
    /// The channels that are meant, each once.
    fn channels(&self, named: Option<Vec<ChannelId>>) -> Result<Vec<ChannelId>, Problem> {
        let known = &self.engine.shared().telling.channels;
        let mut channels: Vec<ChannelId> = Vec::new();
        for channel in named.unwrap_or_else(|| known.keys().cloned().collect()) {
            if !known.contains_key(&channel) {
                let names: Vec<&str> = known.keys().map(ChannelId::as_str).collect();
                let name = channel.as_str();
                let text = format!(
                    "no channel is called {name:?}; there is {}",
                    names.join(", ")
                );
                return Err(bad_field("channels", text));
            }
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        Ok(channels)
    }

    /// The receipts, once each channel took the test or is known not to take it now, or the time is up.
    async fn receipts(
        &self,
        id: &str,
        channels: &[ChannelId],
    ) -> Result<Vec<ChannelTested>, StoreError> {
        let store = &self.engine.shared().store;
        let end = Instant::now() + WAIT_MAX;
        loop {
            let entries = store.ledger_of(id).await?;
            let trouble = store.service().await?.trouble;
            let of = |channel: &ChannelId| entries.iter().find(|it| it.channel == *channel);
            let settled = channels
                .iter()
                .all(|channel| is_settled(of(channel), trouble.get(channel)));
            if settled || Instant::now() >= end {
                let tested = |channel| ChannelTested::of(channel, of(channel), &trouble);
                return Ok(channels.iter().map(tested).collect());
            }
            sleep(PAUSE).await;
        }
    }
}

/// A channel that failed once may only have stumbled; more tries are waited for, where they can help.
fn is_settled(entry: Option<&Entry>, trouble: Option<&Trouble>) -> bool {
    let Some(entry) = entry else { return false };
    let hopeless = trouble.is_some_and(|it| it.permanent) && entry.attempts > 0;
    entry.state == DONE || entry.attempts >= FAILURES_MIN || hopeless
}

impl ChannelTested {
    fn of(
        channel: &ChannelId,
        entry: Option<&Entry>,
        trouble: &BTreeMap<ChannelId, Trouble>,
    ) -> Self {
        let done = entry.is_some_and(|it| it.state == DONE);
        let own = entry.and_then(|it| it.last_error.clone());
        // A channel that fails is left alone for a while: then it is not even tried.
        let earlier = || trouble.get(channel).map(|it| it.error.clone());
        let error = if done { own } else { own.or_else(earlier) };
        let text = match (&error, done) {
            (_, true) => format!("{channel} took the test"),
            (Some(error), false) => {
                format!("{channel} did not take the test: {error}; it is tried again by itself")
            }
            (None, false) => {
                let seconds = WAIT_MAX.as_secs();
                format!(
                    "{channel} has not taken the test within {seconds} s; it is still waiting: \
                     `tipoff alerts list` shows its receipt"
                )
            }
        };
        Self {
            channel: channel.clone(),
            state: entry.map_or_else(|| "waiting".to_owned(), |it| it.state.clone()),
            message_id: entry.and_then(|it| it.message_id.clone()),
            attempts: entry.map_or(0, |it| it.attempts),
            error,
            text,
        }
    }
}
