//! A stand-in for Google's REST interfaces on one loopback port, for what no emulator of the registries can do.
//!
//! Every interface is a file with its own state and routes; faults can be set for any path. It behaves as the public
//! documentation says; nothing of ours decides here.

use std::sync::Arc;

use axum::{Router, middleware::from_fn_with_state};
use tokio::net::TcpListener;

pub mod bigquery;
pub mod faults;
pub mod keys;
pub mod metadata;
pub mod monitoring;
pub mod pubsub;
pub mod resource_manager;
pub mod scheduler;

use faults::Faults;

/// A running stand-in; dropping it ends it.
pub struct Google {
    /// `127.0.0.1:port`.
    pub host: String,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// The published keys of identity tokens.
    pub keys: Arc<keys::Keys>,
    /// The tables.
    pub bigquery: Arc<bigquery::BigQuery>,
    /// Access tokens it gave out.
    pub metadata: Arc<metadata::Metadata>,
    /// Topics and subscriptions.
    pub pubsub: Arc<pubsub::Pubsub>,
    /// What was measured.
    pub monitoring: Arc<monitoring::Monitoring>,
    /// What may be done with the project.
    pub resource_manager: Arc<resource_manager::ResourceManager>,
    /// Jobs.
    pub scheduler: Arc<scheduler::Scheduler>,
    server: tokio::task::JoinHandle<()>,
}

impl Google {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let faults = Arc::new(Faults::default());
        let bigquery = Arc::new(bigquery::BigQuery::default());
        let metadata = Arc::new(metadata::Metadata::default());
        let keys = Arc::new(keys::Keys::default());
        let pubsub = Arc::new(pubsub::Pubsub::default());
        let monitoring = Arc::new(monitoring::Monitoring::default());
        let resource_manager = Arc::new(resource_manager::ResourceManager::default());
        let scheduler = Arc::new(scheduler::Scheduler::default());
        let router = Router::new()
            .merge(bigquery::routes(bigquery.clone()))
            .merge(monitoring::routes(monitoring.clone()))
            .merge(resource_manager::routes(resource_manager.clone()))
            .merge(scheduler::routes(scheduler.clone()))
            .merge(metadata::routes(metadata.clone()))
            .merge(keys::routes(keys.clone()))
            .merge(pubsub::routes(pubsub.clone()))
            .layer(from_fn_with_state(faults.clone(), faults::apply));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            host,
            faults,
            keys,
            bigquery,
            metadata,
            pubsub,
            monitoring,
            resource_manager,
            scheduler,
            server,
        }
    }

    /// The base of the addresses, `http://127.0.0.1:port`.
    pub fn base(&self) -> String {
        format!("http://{}", self.host)
    }
}

impl Drop for Google {
    fn drop(&mut self) {
        self.server.abort();
    }
}
