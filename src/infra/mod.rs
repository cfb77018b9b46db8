//! What a configuration needs on Google Cloud and elsewhere: one plan of objects, and the texts that make and unmake them.
//!
//! Nothing is created here, and nothing asked: whether the objects are there is the business of `doctor`.

pub mod gcloud;
pub mod plan;
pub mod rollback;
mod shell;

pub use plan::Plan;
