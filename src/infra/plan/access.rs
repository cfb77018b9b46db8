//! Service accounts, and who may do what.
//!
//! Whether a role is held belongs to `doctor`.

use serde::Serialize;

use super::{Subscription, SubscriptionOwner, request_topic};
use crate::config::{Config, Google, Tables};

/// The dataset of the run history, where the service writes its own row.
const WRITTEN_DATASET: &str = "nba_reference";
/// The datasets that are only read.
const READ_DATASETS: [&str; 2] = ["nba_predictions", "nba_analytics"];
/// Pub/Sub's own account of a project (<https://cloud.google.com/pubsub/docs/dead-letter-topics>); the project's number
/// is known to Google alone, so its place is left open.
const PUBSUB_AGENT: &str = "service-PROJECT_NUMBER@gcp-sa-pubsub.iam.gserviceaccount.com";

/// What the service looks at when it examines its surroundings: topics and subscriptions, schedules, depths.
const LOOKED_AT: [&str; 3] = [
    "roles/pubsub.viewer",
    "roles/cloudscheduler.viewer",
    "roles/monitoring.viewer",
];

/// A service account of this project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// The part before the @.
    pub name: String,
    /// The whole address.
    pub email: String,
}

/// What a role is given on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// The project.
    Project,
    /// A topic.
    Topic(String),
    /// A subscription.
    Subscription(String),
    /// The service on Cloud Run.
    Service(String),
    /// A service account, by its address.
    Account(String),
    /// A dataset in BigQuery, and its project.
    Dataset {
        /// The project of the tables.
        project: String,
        /// The dataset's name.
        name: String,
    },
}

/// One role for one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// What the role is given on.
    pub resource: Resource,
    /// For example `roles/pubsub.publisher`.
    pub role: &'static str,
    /// The account's address; Pub/Sub's own has `PROJECT_NUMBER` in place of the project's number.
    pub account: String,
}

/// The accounts of this project that are named, each once.
pub(super) fn accounts(google: &Google) -> Vec<Account> {
    let identity = &google.identity;
    let ours = format!("@{}.iam.gserviceaccount.com", google.project);
    let mut accounts: Vec<Account> = Vec::new();
    let named = std::iter::once(&identity.service_account)
        .chain(&identity.push_accounts)
        .chain(&identity.scheduler_accounts);
    for email in named {
        if let Some(name) = email.strip_suffix(&ours)
            && !accounts.iter().any(|account| account.email == *email)
        {
            accounts.push(Account {
                name: name.to_owned(),
                email: email.clone(),
            });
        }
    }
    accounts
}

pub(super) fn bindings(
    config: &Config,
    google: &Google,
    subscriptions: &[Subscription],
) -> Vec<Binding> {
    let mut bindings = messages(config, google, subscriptions);
    let identity = &google.identity;
    let callers = identity
        .push_accounts
        .iter()
        .chain(&identity.scheduler_accounts);
    bindings.extend(callers.map(|account| Binding {
        resource: Resource::Service(google.service.clone()),
        role: "roles/run.invoker",
        account: account.clone(),
    }));
    bindings.extend(identity.push_accounts.iter().map(|account| Binding {
        resource: Resource::Account(account.clone()),
        role: "roles/iam.serviceAccountTokenCreator",
        account: PUBSUB_AGENT.to_owned(),
    }));
    bindings.extend(LOOKED_AT.map(|role| on_project(google, role)));
    if config
        .handoffs
        .iter()
        .any(|it| it.tables == Tables::Bigquery)
    {
        bindings.extend(tables(google));
    }
    let mut once: Vec<Binding> = Vec::new();
    for binding in bindings {
        if !once.contains(&binding) {
            once.push(binding);
        }
    }
    once
}

fn on_project(google: &Google, role: &'static str) -> Binding {
    Binding {
        resource: Resource::Project,
        role,
        account: google.identity.service_account.clone(),
    }
}

fn messages(config: &Config, google: &Google, subscriptions: &[Subscription]) -> Vec<Binding> {
    let service = &google.identity.service_account;
    let publish = |topic: &str, account: &str| Binding {
        resource: Resource::Topic(topic.to_owned()),
        role: "roles/pubsub.publisher",
        account: account.to_owned(),
    };
    let subscribe = |name: &str, account: &str| Binding {
        resource: Resource::Subscription(name.to_owned()),
        role: "roles/pubsub.subscriber",
        account: account.to_owned(),
    };
    let mut bindings = Vec::new();
    for handoff in &config.handoffs {
        let topics = [request_topic(handoff), handoff.downstream_topic.as_deref()];
        bindings.extend(topics.into_iter().flatten().map(|it| publish(it, service)));
    }
    bindings.push(publish(&google.dead_letters.topic, PUBSUB_AGENT));
    for subscription in subscriptions {
        let (SubscriptionOwner::Ours, Some(name)) = (subscription.owner, &subscription.name) else {
            continue;
        };
        // Dead letters are for people to fetch, as themselves.
        let is_dead_letters = *name == google.dead_letters.subscription;
        if subscription.delivery == super::Delivery::Pull && !is_dead_letters {
            bindings.push(subscribe(name, service));
        }
        if subscription.dead_letter.is_some() {
            bindings.push(subscribe(name, PUBSUB_AGENT));
        }
    }
    bindings
}

fn tables(google: &Google) -> Vec<Binding> {
    let account = &google.identity.service_account;
    let on = |name: &str, role| Binding {
        resource: Resource::Dataset {
            project: google.bigquery.data_project.clone(),
            name: name.to_owned(),
        },
        role,
        account: account.clone(),
    };
    let mut bindings = vec![
        on_project(google, "roles/bigquery.jobUser"),
        on(WRITTEN_DATASET, "roles/bigquery.dataEditor"),
    ];
    bindings.extend(READ_DATASETS.map(|name| on(name, "roles/bigquery.dataViewer")));
    bindings
}
