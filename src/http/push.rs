//! What both entry points for pushes share: the message as it came, its id, and the quarantine for what is not
//! understood. A push is never answered 408, 413 or 415: these would bring the same message back for days.
//!
//! What a message says belongs to `wire`; whose it is, to `whose`.

use axum::{body::Body, http::Uri};

use super::{
    HttpState,
    body::{self, Head, PUSH_BYTES_MAX, Received, hash_id},
    people::query,
};
use crate::{
    domain::{
        Instant,
        ids::{HandoffId, MessageId},
    },
    ports::store::Quarantined,
    telemetry::measure::record_quarantined,
    wire::{Malformed, people::Problem},
};

/// Longest id that is kept as it was sent.
const ID_CHARACTERS_MAX: usize = 200;

/// Where a push comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// `/trigger`.
    Trigger,
    /// `/complete`.
    Complete,
}

impl Entry {
    /// The name as the store keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Complete => "complete",
        }
    }

    /// The entry point of that name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Trigger, Self::Complete]
            .into_iter()
            .find(|entry| entry.name() == name)
    }
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Where it came to.
    pub entry: Entry,
    /// All its bytes.
    pub body: Vec<u8>,
    /// The handoff that the address names.
    pub handoff: Option<HandoffId>,
    /// When it came.
    pub received_at: Instant,
    /// What tells a replay from the first delivery; empty for that.
    pub suffix: String,
}

/// Bytes that could not be understood, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The message's id.
    pub message_id: MessageId,
    /// The name of what is wrong.
    pub code: &'static str,
    /// What is wrong.
    pub reason: String,
}

impl Delivery {
    /// The id under which the inbox accepts the message once. Numbers are a topic's, so a message of another entry
    /// point or handoff is another message, whatever its number.
    pub fn message_id(&self, handoff: &HandoffId, said: &str) -> MessageId {
        let said = if said.len() > ID_CHARACTERS_MAX {
            format!("sha256:{}", hash_id(said.as_bytes()))
        } else {
            said.to_owned()
        };
        let (entry, suffix) = (self.entry.name(), &self.suffix);
        MessageId::new(format!("{entry}/{handoff}/{said}{suffix}"))
    }

    /// The refusal of bytes that are malformed.
    pub fn malformed(&self, malformed: &Malformed, said: Option<&MessageId>) -> Refused {
        Refused {
            message_id: self.refused_id(said),
            code: malformed.name(),
            reason: malformed.reason(),
        }
    }

    /// The id of a message that is refused before its handoff is known.
    pub fn refused_id(&self, said: Option<&MessageId>) -> MessageId {
        let said = match said {
            Some(said) if said.as_str().len() <= ID_CHARACTERS_MAX => said.to_string(),
            Some(_) | None => format!("sha256:{}", hash_id(&self.body)),
        };
        MessageId::new(format!("{}/{said}", self.entry.name()))
    }
}

/// The handoff that the address of a push names.
pub fn named_handoff(uri: &Uri) -> Option<HandoffId> {
    let named = query(uri)
        .into_iter()
        .rev()
        .find(|(name, _)| name == "handoff");
    named.map(|(_, value)| HandoffId::new(value))
}

impl HttpState {
    /// Reads a push. One that is too large is quarantined at once, with its head and its hash.
    ///
    /// # Errors
    ///
    /// When the body breaks off or the quarantine cannot be made durable: then it has to come again.
    pub(super) async fn delivery(
        &self,
        entry: Entry,
        uri: &Uri,
        body: Body,
    ) -> Result<Result<Delivery, Refused>, Problem> {
        match body::receive(body, PUSH_BYTES_MAX).await? {
            Received::Whole(body) => Ok(Ok(Delivery {
                entry,
                body,
                handoff: named_handoff(uri),
                received_at: self.now(),
                suffix: String::new(),
            })),
            Received::TooLarge(head) => self.quarantine_head(entry, head).await.map(Err),
        }
    }

    /// Keeps bytes that were refused.
    ///
    /// # Errors
    ///
    /// When it cannot be made durable.
    pub(super) async fn quarantine(
        &self,
        entry: Entry,
        refused: &Refused,
        body: Vec<u8>,
    ) -> Result<(), Problem> {
        let message = Quarantined {
            id: 0,
            source: entry.name().to_owned(),
            message_id: refused.message_id.clone(),
            received_at: self.now(),
            code: refused.code.to_owned(),
            reason: refused.reason.clone(),
            bytes: body.len() as u64,
            sha256: hash_id(&body),
            body,
        };
        self.keep(message).await
    }

    async fn quarantine_head(&self, entry: Entry, head: Head) -> Result<Refused, Problem> {
        let refused = Refused {
            message_id: MessageId::new(format!("{}/sha256:{}", entry.name(), head.sha256)),
            code: "too_large",
            reason: head.reason(),
        };
        let message = Quarantined {
            id: 0,
            source: entry.name().to_owned(),
            message_id: refused.message_id.clone(),
            received_at: self.now(),
            code: refused.code.to_owned(),
            reason: refused.reason.clone(),
            bytes: head.total,
            sha256: head.sha256,
            body: head.bytes,
        };
        self.keep(message).await?;
        Ok(refused)
    }

    async fn keep(&self, message: Quarantined) -> Result<(), Problem> {
        let (entry, code) = (message.source.clone(), message.code.clone());
        self.engine.inbox().quarantine(message).await?;
        record_quarantined(&self.engine.shared().metrics, &code);
        tracing::warn!(
            entry,
            code,
            "a message to /{entry} was quarantined: {code}; look at GET /quarantine"
        );
        Ok(())
    }
}
