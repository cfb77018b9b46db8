//! A writing transaction of the store, measured from its beginning to its commit.
//!
//! What is done in it belongs to the callers.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
    time::Instant,
};

use super::Shared;
use crate::{
    ports::store::{StoreError, Transaction},
    telemetry::{Metrics, measure},
};

/// A transaction; dropping it undoes everything.
pub struct Measured {
    transaction: Box<dyn Transaction>,
    metrics: Arc<Metrics>,
    began: Instant,
}

impl Shared {
    /// Begins the one writing transaction.
    pub async fn begin(&self) -> Result<Measured, StoreError> {
        let began = Instant::now();
        match self.store.begin().await {
            Ok(transaction) => Ok(Measured {
                transaction,
                metrics: self.metrics.clone(),
                began,
            }),
            Err(error) => {
                measure::record_store_error(&self.metrics);
                Err(error)
            }
        }
    }
}

impl Measured {
    /// Makes it durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        let committed = self.transaction.commit().await;
        measure::record_transaction(&self.metrics, committed.is_ok(), self.began.elapsed());
        committed
    }

    /// Undoes it at once.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.transaction.rollback().await
    }
}

impl Deref for Measured {
    type Target = dyn Transaction;

    fn deref(&self) -> &Self::Target {
        self.transaction.as_ref()
    }
}

impl DerefMut for Measured {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.transaction.as_mut()
    }
}
