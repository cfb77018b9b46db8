//! Who may call: the shared token, named tokens, Google's accounts, and the right that each has.
//!
//! How a request says who calls belongs to `identity` beside it; how a signed identity is verified to the layer of
//! that name.

use std::sync::Arc;

use crate::{
    config::{NamedToken, Role, Token},
    domain::{Instant, trigger::Source},
    identity::{Refusal, Verifier},
};

/// Who a path is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Pub/Sub and workers.
    Push,
    /// People and their tools.
    People,
    /// People and an external scheduler.
    Schedule,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// A push or a worker, verified.
    Push,
    /// A holder of the shared token, with the name they gave.
    Person(String),
    /// The holder of a token of their own, which names them.
    Named(String),
    /// An external scheduler, by its verified account.
    Scheduler(String),
    /// Someone on this machine, where nobody is named.
    Anonymous,
}

impl Caller {
    /// The name for the history.
    pub fn name(&self) -> &str {
        match self {
            Self::Push => "a push",
            Self::Person(name) | Self::Named(name) | Self::Scheduler(name) => name,
            Self::Anonymous => "someone on this machine",
        }
    }

    /// The name for the history where the call itself gives one: who is known by name speaks for nobody else.
    pub fn speaking_as(&self, said: Option<String>) -> String {
        match self {
            Self::Named(name) | Self::Scheduler(name) => name.clone(),
            Self::Push | Self::Person(_) | Self::Anonymous => {
                said.unwrap_or_else(|| self.name().to_owned())
            }
        }
    }

    /// The name that a trigger of this source carries; `None`: it is a schedule's. Who holds a token of their own is
    /// a person, whatever the call says.
    pub fn asked_as(&self, source: Source) -> Option<String> {
        let is_person = source == Source::Manual || matches!(self, Self::Named(_));
        is_person.then(|| self.name().to_owned())
    }
}

/// Everyone who may call. Where nobody is named, everyone on this machine may.
#[derive(Default)]
pub struct Callers {
    /// The token that people and workers share.
    pub token: Option<Token>,
    /// Tokens of people and workers by name.
    pub tokens: Vec<NamedToken>,
    /// Google's accounts.
    pub accounts: Option<Accounts>,
}

/// Google's accounts that may call, by what they may.
pub struct Accounts {
    /// Says whose a token is.
    pub verifier: Arc<Verifier>,
    /// May push to `/trigger` and `/complete`.
    pub push: Vec<String>,
    /// May call what a schedule calls.
    pub scheduler: Vec<String>,
    /// The names of the external scheduler's jobs that are expected.
    pub jobs: Vec<String>,
}

impl Callers {
    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.token.is_none() && self.tokens.is_empty() && self.accounts.is_none()
    }

    /// When the keys of identities were fetched last; `None`: never, or none are needed.
    pub fn keys_fetched_at(&self) -> Option<Instant> {
        self.accounts.as_ref()?.verifier.keys_fetched_at()
    }

    /// Whose this token is, where it may go there. `said` is the name that a holder of the shared token gives.
    ///
    /// # Errors
    ///
    /// Why not.
    pub async fn of_token(
        &self,
        presented: &str,
        access: Access,
        said: Option<String>,
    ) -> Result<Caller, Refusal> {
        let shared = self.token.as_ref();
        let is_shared = shared.is_some_and(|token| token.matches(presented));
        let named = NamedToken::find(&self.tokens, presented);
        if is_shared {
            let name = || said.unwrap_or_else(|| "a holder of the token".to_owned());
            return Ok(match access {
                Access::Push => Caller::Push,
                Access::People | Access::Schedule => Caller::Person(name()),
            });
        }
        if let Some(named) = named {
            return of_role(named, access);
        }
        match &self.accounts {
            Some(accounts) if looks_signed(presented) => {
                accounts.of_identity(presented, access).await
            }
            Some(_) | None => Err(Refusal::WrongToken),
        }
    }
}

fn of_role(named: &NamedToken, access: Access) -> Result<Caller, Refusal> {
    match (named.role, access) {
        (Role::Person, Access::People | Access::Schedule) => Ok(Caller::Named(named.name.clone())),
        (Role::Worker, Access::Push) => Ok(Caller::Push),
        (Role::Person, Access::Push) | (Role::Worker, Access::People | Access::Schedule) => {
            Err(Refusal::NotAllowed)
        }
    }
}

/// A signed token, or what wants to be one: parts between dots. Nobody else's token has any, but by their own choice.
fn looks_signed(presented: &str) -> bool {
    presented.contains('.')
}

impl Accounts {
    async fn of_identity(&self, presented: &str, access: Access) -> Result<Caller, Refusal> {
        let account = self.verifier.account(presented).await?;
        let (is_push, is_scheduler) = (
            self.push.contains(&account),
            self.scheduler.contains(&account),
        );
        match access {
            Access::Push if is_push => Ok(Caller::Push),
            Access::Schedule if is_scheduler => Ok(Caller::Scheduler(account)),
            Access::Push | Access::Schedule | Access::People if is_push || is_scheduler => {
                Err(Refusal::NotAllowed)
            }
            Access::Push | Access::Schedule | Access::People => Err(Refusal::UnknownAccount),
        }
    }

    /// The job that a verified scheduler says it is, where such a job is expected; else `None`.
    pub fn job(&self, said: &str) -> Option<&str> {
        let name = said.rsplit('/').next().unwrap_or_default();
        let known = self.jobs.iter().find(|job| *job == name);
        known.map(String::as_str)
    }
}
