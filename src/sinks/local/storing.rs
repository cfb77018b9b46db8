//! Rows of many workers written in common commits.
//!
//! What a row holds is decided by the worker; the statement belongs to the warehouse.

use tokio::sync::{mpsc, oneshot};

use crate::warehouse::{EmbeddedWarehouse, PredictionRow};

/// Most workers' rows in one commit.
const COMMIT_UNITS_MAX: usize = 500;

/// One worker's rows, and where it waits for them to be stored.
struct Order {
    rows: Vec<PredictionRow>,
    stored: oneshot::Sender<bool>,
}

/// Hands rows to the one task that writes them. Cloning shares the task.
#[derive(Clone)]
pub(super) struct RowWriter {
    orders: mpsc::Sender<Order>,
}

impl RowWriter {
    /// Starts the task; it ends when the last writer is dropped.
    pub fn start(warehouse: EmbeddedWarehouse) -> Self {
        let (sender, receiver) = mpsc::channel(COMMIT_UNITS_MAX);
        tokio::spawn(write(warehouse, receiver));
        Self { orders: sender }
    }

    /// Writes the rows and says whether they are stored.
    pub async fn store(&self, rows: Vec<PredictionRow>) -> bool {
        let (stored, waiting) = oneshot::channel();
        let ordered = self.orders.send(Order { rows, stored }).await;
        ordered.is_ok() && waiting.await.unwrap_or(false)
    }
}

async fn write(warehouse: EmbeddedWarehouse, mut orders: mpsc::Receiver<Order>) {
    let mut taken = Vec::new();
    while orders.recv_many(&mut taken, COMMIT_UNITS_MAX).await > 0 {
        let rows: Vec<PredictionRow> = taken
            .iter()
            .flat_map(|order: &Order| order.rows.iter().cloned())
            .collect();
        let result = warehouse.insert_predictions(&rows).await;
        if let Err(error) = &result {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(
                rows = rows.len(),
                cause,
                "the built-in workers could not store their rows; their units are answered as failed"
            );
        }
        for order in taken.drain(..) {
            // A worker that no longer waits has been stopped.
            let _ = order.stored.send(result.is_ok());
        }
    }
}
