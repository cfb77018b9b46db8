//! Alerts and the downstream event on the console and in the log, for those with no other channel.
//!
//! It always succeeds: the process's own output is the channel.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    clock::Clock,
    domain::{alert::Severity, effect::Announcement, ids::RunKey, routing::Failure},
    ports::{
        Announcer, Channel, PortError,
        notice::{Notice, Parcel, Receipt},
    },
    render::{Zones, alert, letter::Letter, plain},
    wire::downstream::{self, Complete, Sender},
};

/// Prints alerts where the service writes its log.
pub struct Console {
    /// The zones to print instants in.
    pub zones: Zones,
    /// Prints each message as text, too, beside the log's entry.
    pub print: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Channel for Console {
    async fn deliver(&self, parcel: &Parcel) -> Result<Receipt, Failure> {
        let letter = Letter::of(parcel, self.clock.now());
        for notice in &parcel.notices {
            self.say(notice, &letter);
        }
        Ok(Receipt {
            message_id: parcel
                .notices
                .first()
                .map(|it| it.id.clone())
                .unwrap_or_default(),
            thread: None,
        })
    }
}

impl Console {
    fn say(&self, notice: &Notice, letter: &Letter) {
        let text = alert::text(notice, &self.zones).unwrap_or_else(|| plain::text(letter));
        if self.print {
            eprintln!("{text}");
        }
        let (about, id) = (&letter.subject, notice.id.as_str());
        match notice.severity() {
            Severity::Critical => tracing::error!(about, id, "alert: {text}"),
            Severity::Warning => tracing::warn!(about, id, "alert: {text}"),
            Severity::Info => tracing::info!(about, id, "told: {text}"),
        }
    }
}

/// Writes the downstream event into the log: there is no one else to tell on the embedded default.
pub struct LogAnnouncer;

#[async_trait]
impl Announcer for LogAnnouncer {
    async fn announce(
        &self,
        id: &str,
        key: &RunKey,
        announcement: &Announcement,
    ) -> Result<(), PortError> {
        let complete = Complete::of(key, announcement);
        let event = downstream::write(&complete, &Sender::default());
        let event = String::from_utf8_lossy(&event);
        tracing::info!(id, handoff = key.handoff.as_str(), %event, "the downstream event");
        Ok(())
    }
}
