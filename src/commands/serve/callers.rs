//! Who may call: the configured tokens and accounts → what the router asks, and the built-in workers' own token.
//!
//! Who may call what belongs to `http`.

use std::sync::Arc;

use super::cloud::Cloud;
use crate::{
    clock::Clock,
    commands::token::fresh,
    config::{self, Config, NamedToken, Role},
    http::{Accounts, Callers},
    identity::{Settings, Verifier},
};

/// Whose the token is that is made at each start; no `[[tokens]]` can hold its text.
const BUILT_IN: &str = "the built-in workers";

/// A token for the built-in workers, kept in memory only; `None` where nobody needs one.
pub fn workers_token(config: &Config) -> Option<String> {
    let has_accounts = config
        .google
        .as_ref()
        .is_some_and(|google| google.identity.audience.is_some());
    let is_guarded = config.token.is_some() || !config.tokens.is_empty() || has_accounts;
    is_guarded.then(fresh)
}

/// Everyone who may call. The keys of Google's identities are fetched from here on, in the background.
pub fn callers(
    config: &Config,
    cloud: Option<&Cloud>,
    workers_token: Option<&str>,
    clock: &Arc<dyn Clock>,
) -> Callers {
    let built_in = workers_token.map(|token| NamedToken::of(BUILT_IN, Role::Worker, token));
    Callers {
        token: config.token.clone(),
        tokens: config.tokens.iter().cloned().chain(built_in).collect(),
        accounts: cloud.and_then(|cloud| accounts(config, cloud, clock)),
    }
}

fn accounts(config: &Config, cloud: &Cloud, clock: &Arc<dyn Clock>) -> Option<Accounts> {
    let identity = &cloud.google.identity;
    let settings = Settings {
        keys_url: cloud.google.endpoints.keys.base.clone(),
        audience: identity.audience.clone()?,
    };
    let verifier = Verifier::start(settings, cloud.http.clone(), clock.clone());
    Some(Accounts {
        verifier: Arc::new(verifier),
        push: identity.push_accounts.clone(),
        scheduler: identity.scheduler_accounts.clone(),
        jobs: config.handoffs.iter().flat_map(jobs).collect(),
    })
}

/// The names of a handoff's jobs in the external scheduler.
fn jobs(handoff: &config::Handoff) -> Vec<String> {
    let name = |job: &str| format!("{}-{job}", handoff.scheduler_prefix);
    let retries = 1..=handoff.policy.schedule.retries.len();
    let retries = retries.map(|number| name(&format!("retry-{number}")));
    let others = ["daily-backup", "status-check", "tick"].map(name);
    others.into_iter().chain(retries).collect()
}
