//! Connections between two mails: kept for a while, because signing in is slow, and then ended politely.
//!
//! What is said over them belongs to `server`.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use lettre::transport::smtp::{client::AsyncSmtpConnection, commands::Rset};
use tokio::time::{sleep, timeout};

/// Connections kept; the two lanes of a channel use one each.
const KEPT_MAX: usize = 4;
/// How long a server may take to show that it is still there; after that a new connection is the quicker way.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How long a server may take to say goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(5);

/// Connections between two mails.
pub struct Idle {
    kept: Arc<Mutex<Kept>>,
    kept_for: Duration,
}

#[derive(Default)]
struct Kept {
    number: u64,
    connections: Vec<(u64, AsyncSmtpConnection)>,
}

impl Idle {
    /// None yet; each is kept this long.
    pub fn new(kept_for: Duration) -> Self {
        Self {
            kept: Arc::default(),
            kept_for,
        }
    }

    /// A connection that still answers and stands at the beginning of a conversation.
    pub async fn take(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (_, mut connection) = lock(&self.kept).connections.pop()?;
            let answer = timeout(ANSWER_MAX, connection.command(Rset)).await;
            if answer.is_ok_and(|answer| answer.is_ok()) {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection whose conversation has come to its end.
    pub fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = lock(&self.kept);
        if kept.connections.len() >= KEPT_MAX {
            return;
        }
        kept.number += 1;
        let number = kept.number;
        kept.connections.push((number, connection));
        let kept = Arc::downgrade(&self.kept);
        let kept_for = self.kept_for;
        tokio::spawn(async move {
            sleep(kept_for).await;
            end(&kept, number).await;
        });
    }
}

/// Ends a connection, unless it was taken meanwhile.
async fn end(kept: &Weak<Mutex<Kept>>, number: u64) {
    let found = kept.upgrade().and_then(|kept| {
        let connections = &mut lock(&kept).connections;
        let index = connections.iter().position(|(it, _)| *it == number)?;
        Some(connections.swap_remove(index).1)
    });
    if let Some(mut connection) = found {
        // Whatever the server says to it, the connection ends here.
        let _ = timeout(GOODBYE_MAX, connection.quit()).await;
    }
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
