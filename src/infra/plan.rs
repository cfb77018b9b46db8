//! The plan: every object on Google Cloud that a configuration needs, with its options.
//!
//! The commands and files that make the objects are written by the renderers beside this file; whether the objects are
//! there is asked by `doctor`. Source of names and numbers: the platform's table of Google objects.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::config::{Config, Google, Handoff, Profile, Sink};

mod access;
mod jobs;
mod messages;

pub use access::{Account, Binding, Resource};
pub use jobs::Job;
pub use messages::{DeadLetter, Delivery, Subscription, SubscriptionOwner, Topic};

/// Everything a configuration needs on Google Cloud.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The project's id.
    pub project: String,
    /// The region of the service and its schedules.
    pub region: String,
    /// The service's name on Cloud Run.
    pub service: String,
    /// How the service is run.
    #[serde(serialize_with = "profile")]
    pub profile: Profile,
    /// Where the service is reached, without a path; `None`: nobody has to reach it.
    pub url: Option<String>,
    /// What identity tokens are made for; `None` like `url`.
    pub audience: Option<String>,
    /// The account that the service runs as.
    pub service_account: String,
    /// Topics, each once, in the order in which a night uses them.
    pub topics: Vec<Topic>,
    /// Subscriptions, those of others among them.
    pub subscriptions: Vec<Subscription>,
    /// Jobs of Cloud Scheduler.
    pub jobs: Vec<Job>,
    /// Service accounts of this project; accounts of other projects are not created.
    pub accounts: Vec<Account>,
    /// Who may do what.
    pub bindings: Vec<Binding>,
    /// What tells of messages that nobody could take.
    pub alert: DeadLetterAlert,
    /// Where the secrets come from: names of variables and settings, never their values.
    pub secrets: Vec<String>,
}

/// An alert policy of Cloud Monitoring: messages lie in the dead-letter subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetterAlert {
    /// The name people read, which also finds it again.
    pub name: String,
    /// The subscription that is watched.
    pub subscription: String,
}

impl DeadLetterAlert {
    /// The metric and the resource, as Cloud Monitoring filters them
    /// (<https://cloud.google.com/monitoring/api/metrics_gcp_p_z#gcp-pubsub>).
    pub fn filter(&self) -> String {
        format!(
            "metric.type=\"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND \
             resource.type=\"pubsub_subscription\" AND resource.label.subscription_id=\"{}\"",
            self.subscription
        )
    }
}

/// Why there is no plan, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no project.
    #[error("no project on Google Cloud: add [google] with project = \"…\"")]
    NoProject,
    /// Something would call the service, and nobody knows where it is.
    #[error(
        "{caller} would call this service, and its address is not known: write public_url = \"https://…\", or set \
         TIPOFF_PUBLIC_URL"
    )]
    NoAddress {
        /// The subscription or the schedule.
        caller: String,
    },
    /// Google pushes to `https://` alone.
    #[error(
        "public_url = {url}: Pub/Sub and Cloud Scheduler send an identity to https:// alone; write an https address"
    )]
    NotSecure {
        /// The address.
        url: String,
    },
    /// No account may call what has to be called.
    #[error("{field} is empty: name the account that calls, for nobody else's token is believed")]
    NoAccount {
        /// The setting.
        field: &'static str,
    },
    /// One name is used for two different things.
    #[error("{name:?} is used both for {first} and for {second}: give each its own name")]
    Twice {
        /// The name.
        name: String,
        /// The first use.
        first: String,
        /// The second use.
        second: String,
    },
    /// Cloud Scheduler knows zones by name alone.
    #[error(
        "{handoff}: the schedule's zone {zone} is a fixed distance; Cloud Scheduler takes a zone's name alone"
    )]
    FixedZone {
        /// The handoff.
        handoff: String,
        /// The zone.
        zone: String,
    },
}

/// Where calls to the service go, and with whose identity.
#[derive(Debug, Clone, Copy)]
struct Reach<'a> {
    url: &'a str,
    audience: &'a str,
    push_account: &'a str,
    scheduler_account: &'a str,
}

impl Plan {
    /// The plan of a configuration.
    ///
    /// # Errors
    ///
    /// Where something in it could not work; the error says what to write.
    pub fn of(config: &Config) -> Result<Self, Refused> {
        let google = config.google.as_ref().ok_or(Refused::NoProject)?;
        let reach = reach(config, google)?;
        let topics = messages::topics(google, &config.handoffs);
        let subscriptions = messages::subscriptions(google, &config.handoffs, reach);
        messages::check_names(&subscriptions)?;
        let jobs = jobs::all(google, &config.handoffs, reach)?;
        jobs::check_names(&jobs)?;
        let bindings = access::bindings(config, google, &subscriptions);
        Ok(Self {
            project: google.project.clone(),
            region: google.region.clone(),
            service: google.service.clone(),
            profile: google.profile,
            url: Some(reach.url.to_owned()),
            audience: Some(reach.audience.to_owned()),
            service_account: google.identity.service_account.clone(),
            topics,
            subscriptions,
            jobs,
            accounts: access::accounts(google),
            bindings,
            alert: DeadLetterAlert {
                name: format!(
                    "{}: messages in {}",
                    google.service, google.dead_letters.subscription
                ),
                subscription: google.dead_letters.subscription.clone(),
            },
            secrets: secrets(config),
        })
    }

    /// The jobs of Cloud Scheduler alone.
    ///
    /// # Errors
    ///
    /// Where they could not work; the error says what to write.
    pub fn jobs_of(config: &Config, google: &Google) -> Result<Vec<Job>, Refused> {
        jobs::all(google, &config.handoffs, reach(config, google)?)
    }

    /// The subscriptions that this plan creates; those of others are only expected to be there.
    pub fn own_subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        let own = |it: &&Subscription| it.owner == SubscriptionOwner::Ours;
        self.subscriptions.iter().filter(own)
    }
}

/// Every plan has scheduled calls, so the address is needed always.
fn reach<'a>(config: &'a Config, google: &'a Google) -> Result<Reach<'a>, Refused> {
    let missing = || Refused::NoAddress {
        caller: first_caller(config),
    };
    let url = config.links.public_url.as_deref().ok_or_else(missing)?;
    if !url.starts_with("https://") {
        return Err(Refused::NotSecure {
            url: url.to_owned(),
        });
    }
    let first = |accounts: &'a [String], field| {
        let first = accounts.first().map(String::as_str);
        first.ok_or(Refused::NoAccount { field })
    };
    let identity = &google.identity;
    Ok(Reach {
        url,
        audience: identity.audience.as_deref().unwrap_or(url),
        push_account: first(&identity.push_accounts, "google.identity.push_accounts")?,
        scheduler_account: first(
            &identity.scheduler_accounts,
            "google.identity.scheduler_accounts",
        )?,
    })
}

fn first_caller(config: &Config) -> String {
    let handoff = config.handoffs.first();
    let subscription = handoff.and_then(|handoff| handoff.trigger_subscription.clone());
    subscription.unwrap_or_else(|| "Cloud Scheduler".to_owned())
}

/// Where the configuration takes its secrets from: names of variables and of settings that name files.
fn secrets(config: &Config) -> Vec<String> {
    let channels = config.channels.iter();
    let of_channels = channels.flat_map(|channel| channel.kind.secrets());
    let heartbeat = config.heartbeat.iter().map(|heartbeat| &heartbeat.url);
    let secrets: BTreeSet<String> = of_channels
        .chain(heartbeat)
        .map(|secret| secret.source().to_owned())
        .collect();
    secrets.into_iter().collect()
}

fn profile<S: serde::Serializer>(profile: &Profile, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match profile {
        Profile::AlwaysOn => "always_on",
        Profile::Frugal => "frugal",
    })
}

/// The topic that a handoff sends its units to, where it sends to one.
fn request_topic(handoff: &Handoff) -> Option<&str> {
    match &handoff.sink {
        Sink::Pubsub { topic } => Some(topic),
        Sink::Local | Sink::Http { .. } => None,
    }
}
