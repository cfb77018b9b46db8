//! Takes messages and commands in: many at once share one transaction, and each is answered after its commit.
//!
//! Bytes become messages in `http` and `wire`; what a message leads to belongs to the domain.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::{Shared, apply::Applied};
use crate::{
    domain::{
        completion::Answer,
        event::Event,
        ids::{ChannelId, HandoffId, MessageId, RunKey},
        reason::{Code, Reason},
        routing::Silence,
        run::Run,
        service::Happened,
        trigger::UpstreamComplete,
    },
    ports::{
        PortError,
        notice::Notice,
        store::{Quarantined, StoreError},
    },
};

mod group;

/// Messages that may wait for the next commit.
const QUEUE_MAX: usize = 10_000;

/// The engine could not do it now.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store could not.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    /// Something outside could not.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A channel did not take something.
    #[error("the channel failed: {0}")]
    Channel(String),
    /// The engine is stopping; nothing was done.
    #[error("the service is stopping")]
    Stopping,
    /// The message could not be made durable together with others; nothing of it was done.
    #[error("the message could not be made durable: {0}")]
    NotDurable(String),
}

/// An upstream-complete event as it came.
#[derive(Debug, Clone)]
pub struct TriggerMessage {
    /// Its id: each is accepted once.
    pub id: MessageId,
    /// Whose it is.
    pub handoff: HandoffId,
    /// What it says.
    pub event: UpstreamComplete,
}

/// One completion as it came, with the bytes to quarantine should its unit be unknown.
#[derive(Debug, Clone)]
pub struct AnswerMessage {
    /// Its id: each is accepted once.
    pub id: MessageId,
    /// Whose it is.
    pub handoff: HandoffId,
    /// What it says.
    pub answer: Answer,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// What became of a message or a command.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The run afterwards; `None` where there is none.
    pub run: Option<Run>,
    /// Why.
    pub why: Vec<Reason>,
    /// The message had been accepted before.
    pub duplicate: bool,
}

impl Receipt {
    /// Whether it was taken up: there is something to do, or to add to what is under way.
    pub fn is_accepted(&self) -> bool {
        let takes = |code| {
            matches!(
                code,
                Code::Accepted
                    | Code::Merged
                    | Code::Forced
                    | Code::RetryDue
                    | Code::RetryRemembered
                    | Code::GamesAfterAll
                    | Code::Reset
                    | Code::Adopted
                    | Code::SettledByPerson
            )
        };
        !self.duplicate && self.why.iter().any(|reason| takes(reason.code))
    }

    /// The reasons as one text.
    pub fn text(&self) -> String {
        let texts: Vec<&str> = self.why.iter().map(|reason| reason.text.as_str()).collect();
        texts.join("; ")
    }

    fn refused(reason: Reason) -> Self {
        Self {
            run: None,
            why: vec![reason],
            duplicate: false,
        }
    }

    fn of(applied: &Applied) -> Self {
        Self {
            run: Some(applied.run.clone()),
            why: applied.why.clone(),
            duplicate: false,
        }
    }
}

/// What became of completions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct AnswersReceipt {
    /// They changed something.
    pub accepted: u64,
    /// They changed nothing, or had been accepted before.
    pub duplicate: u64,
    /// Their unit or batch is not known.
    pub unknown: u64,
}

/// One thing to be done in the next commit.
enum Work {
    Trigger(TriggerMessage),
    Answers(Vec<AnswerMessage>),
    Command {
        key: RunKey,
        event: Event,
        open: bool,
    },
    Quarantine(Quarantined),
    Release(i64),
    Happened(Happened),
    Silence(Silence),
    Post {
        notice: Box<Notice>,
        channels: Vec<ChannelId>,
    },
}

impl Work {
    /// How many messages it carries.
    fn messages(&self) -> usize {
        match self {
            Self::Answers(messages) => messages.len(),
            Self::Trigger(_)
            | Self::Command { .. }
            | Self::Quarantine(_)
            | Self::Release(_)
            | Self::Happened(_)
            | Self::Silence(_)
            | Self::Post { .. } => 1,
        }
    }
}

/// What came of it.
enum Outcome {
    Receipt(Box<Receipt>),
    Answers(AnswersReceipt),
    Done(bool),
}

type Reply = oneshot::Sender<Result<Outcome, EngineError>>;

/// The way in. It may be cloned; each call returns once its work is durable.
#[derive(Clone)]
pub struct Inbox {
    shared: Arc<Shared>,
    queue: mpsc::Sender<(Work, Reply)>,
}

impl Inbox {
    /// Starts the task that commits what comes in, and returns the way to it.
    pub(super) fn open(shared: Arc<Shared>, tasks: &TaskTracker) -> Self {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        tasks.spawn(group::work(shared.clone(), receiver));
        Self { shared, queue }
    }

    async fn submit(&self, work: Work) -> Result<Outcome, EngineError> {
        if self.shared.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        let (reply, outcome) = oneshot::channel();
        self.queue
            .send((work, reply))
            .await
            .map_err(|_| EngineError::Stopping)?;
        outcome.await.map_err(|_| EngineError::Stopping)?
    }

    /// Takes in an upstream-complete event.
    ///
    /// # Errors
    ///
    /// When it could not be made durable; then nothing of it was done.
    pub async fn trigger(&self, message: TriggerMessage) -> Result<Receipt, EngineError> {
        self.receipt(Work::Trigger(message)).await
    }

    /// Takes in completions; all of them, or none.
    ///
    /// # Errors
    ///
    /// When they could not be made durable; then nothing of them was done.
    pub async fn answers(
        &self,
        messages: Vec<AnswerMessage>,
    ) -> Result<AnswersReceipt, EngineError> {
        match self.submit(Work::Answers(messages)).await? {
            Outcome::Answers(receipt) => Ok(receipt),
            Outcome::Receipt(_) | Outcome::Done(_) => Ok(AnswersReceipt::default()),
        }
    }

    /// Does what a person or a scheduler asks of a run, opening it first where there is none.
    ///
    /// # Errors
    ///
    /// When it could not be made durable; then nothing of it was done.
    pub async fn ask(&self, key: RunKey, event: Event) -> Result<Receipt, EngineError> {
        self.receipt(Work::Command {
            key,
            event,
            open: true,
        })
        .await
    }

    /// Does what a person asks of a run that exists; the receipt has no run where it does not.
    ///
    /// # Errors
    ///
    /// When it could not be made durable; then nothing of it was done.
    pub async fn command(&self, key: RunKey, event: Event) -> Result<Receipt, EngineError> {
        self.receipt(Work::Command {
            key,
            event,
            open: false,
        })
        .await
    }

    /// Keeps a message that could not be understood.
    ///
    /// # Errors
    ///
    /// When it could not be made durable.
    pub async fn quarantine(&self, message: Quarantined) -> Result<(), EngineError> {
        self.submit(Work::Quarantine(message)).await.map(|_| ())
    }

    /// Takes a message out of quarantine; `false`: it was not there.
    ///
    /// # Errors
    ///
    /// When it could not be made durable.
    pub async fn release(&self, id: i64) -> Result<bool, EngineError> {
        Ok(matches!(
            self.submit(Work::Release(id)).await?,
            Outcome::Done(true)
        ))
    }

    /// Takes in something that happened to the service itself: an acknowledgement of its own alerts, for example.
    ///
    /// # Errors
    ///
    /// When it could not be made durable; then nothing of it was done.
    pub async fn happened(&self, happened: Happened) -> Result<(), EngineError> {
        self.submit(Work::Happened(happened)).await.map(|_| ())
    }

    /// Sets a silence.
    ///
    /// # Errors
    ///
    /// When it could not be made durable; then there is none.
    pub async fn silence(&self, silence: Silence) -> Result<(), EngineError> {
        self.submit(Work::Silence(silence)).await.map(|_| ())
    }

    /// Sends a message that is no alert over these channels; `false`: one of its id was sent already.
    ///
    /// # Errors
    ///
    /// When it could not be made durable; then it is not sent.
    pub async fn post(
        &self,
        notice: Notice,
        channels: Vec<ChannelId>,
    ) -> Result<bool, EngineError> {
        let notice = Box::new(notice);
        let outcome = self.submit(Work::Post { notice, channels }).await?;
        Ok(matches!(outcome, Outcome::Done(true)))
    }

    async fn receipt(&self, work: Work) -> Result<Receipt, EngineError> {
        match self.submit(work).await? {
            Outcome::Receipt(receipt) => Ok(*receipt),
            Outcome::Answers(_) | Outcome::Done(_) => Ok(Receipt {
                run: None,
                why: Vec::new(),
                duplicate: false,
            }),
        }
    }
}
