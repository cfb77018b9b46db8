//! What a configuration needs on Google Cloud and elsewhere: one plan of objects, and the texts that make and unmake them.
//!
//! Nothing is created here, and nothing asked: whether the objects are there is the business of `doctor`.

pub mod cloud_run;
pub mod gcloud;
pub mod kubernetes;
pub mod plan;
pub mod rollback;
mod shell;
pub mod systemd;
pub mod terraform;
mod yaml;

pub use plan::Plan;
