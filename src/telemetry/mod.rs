//! What the service says of itself: metrics and log lines, both derived from what a step returned or the store holds.
//!
//! The core neither logs nor counts, and nothing here decides anything. Serving `/metrics` belongs to `http`.

pub mod catalogue;
mod channels;
pub mod doc;
pub mod entry;
pub mod labels;
pub mod logging;
pub mod measure;
pub mod metrics;
pub mod nights;
pub mod record;
pub mod show;
mod warehouse;

pub use channels::{ChannelGauges, show_channels};
pub use doc::catalogue_markdown;
pub use metrics::{Metrics, expose, gather};
pub use nights::{Past, show_past};
pub use record::{Moved, log_step, record_step};
pub use show::{show_examination, show_queues, show_run, show_unpublished};
pub use warehouse::MeasuredWarehouse;
