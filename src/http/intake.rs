//! The ways in of `/trigger` and `/complete` for messages that did not come by a call.
//!
//! Fetching and acknowledging them belongs to `pubsub`; what they say, to `wire`.

use std::sync::Arc;

use axum::{body::Body, http::Uri};

use super::{HttpState, complete, push::Entry, trigger};
use crate::wire::people::Problem;

/// Takes in the bodies that pushes have. Whether a message is pushed or pulled, it has the same id, so that a change
/// from one to the other loses and doubles nothing.
#[derive(Clone)]
pub struct Intake(Arc<HttpState>);

impl Intake {
    /// The ways in of a service.
    pub fn new(state: Arc<HttpState>) -> Self {
        Self(state)
    }

    /// Takes a push envelope in; its subscription says whose it is. Done once it is durable or in quarantine.
    ///
    /// # Errors
    ///
    /// When it has to come again.
    pub async fn take(&self, entry: Entry, envelope: Vec<u8>) -> Result<(), Problem> {
        let (state, body) = (&self.0, Body::from(envelope));
        match entry {
            Entry::Trigger => {
                let uri = Uri::from_static("/trigger");
                trigger::accept(state, &uri, body).await.map(drop)
            }
            Entry::Complete => {
                let uri = Uri::from_static("/complete");
                complete::accept(state, &uri, body).await.map(drop)
            }
        }
    }
}
