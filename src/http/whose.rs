//! Which handoff a push is for: the address names it, else its subscription, else what the message says of itself.
//!
//! Whether the handoff wants it belongs to the domain.

use std::collections::BTreeMap;

use super::{HandoffRoute, HttpState};
use crate::{
    domain::{
        completion::Answer,
        ids::{BatchId, HandoffId},
        trigger::UpstreamComplete,
    },
    ports::store::StoreError,
    wire::{push::Push, shorten},
};

/// The attribute in which a publisher may name the topic; a push itself does not say it.
const TOPIC: &str = "topic";
/// Whose a completion is that is nobody's: no handoff can have this name, so its unit is unknown and kept as such.
const NOBODY: &str = "no handoff";

impl HttpState {
    /// The handoff of an upstream's completion; exactly one has to match.
    ///
    /// # Errors
    ///
    /// Says what was looked for where none or several match.
    pub(super) fn whose_event(
        &self,
        named: Option<&HandoffId>,
        push: &Push,
        event: &UpstreamComplete,
    ) -> Result<HandoffId, String> {
        let names = self.handoff_names();
        if let Some(named) = named {
            let known = self.handoff(named).map(|handoff| handoff.id.clone());
            let unknown = || {
                let named = shorten(named.as_str());
                format!("the address or the body names the handoff {named:?}; there is {names}")
            };
            return known.ok_or_else(unknown);
        }
        let subscribed = |route: &HandoffRoute| route.trigger_subscription.clone();
        if let Some(id) = self.by_subscription(push, subscribed) {
            return Ok(id);
        }
        if let Some(only) = self.only_handoff() {
            return Ok(only.id.clone());
        }
        let matching: Vec<&HandoffId> = self
            .routes
            .iter()
            .filter(|route| self.is_upstream(route, event) && on_topic(route, push))
            .map(|route| &route.id)
            .collect();
        match matching.as_slice() {
            [one] => Ok((*one).clone()),
            several => Err(format!(
                "subscription, processor and topic match {} handoffs of {names}, not one; name it in the address: \
                 ?handoff=…",
                several.len()
            )),
        }
    }

    /// The handoff of every completion of a push; `None` where each says it for itself.
    pub(super) fn whose_completions(
        &self,
        named: Option<&HandoffId>,
        push: &Push,
    ) -> Option<HandoffId> {
        let subscribed = |route: &HandoffRoute| route.completion_subscription.clone();
        let only = || self.only_handoff().map(|handoff| handoff.id.clone());
        named
            .cloned()
            .or_else(|| self.by_subscription(push, subscribed))
            .or_else(only)
    }

    /// The handoff of one completion, by its request or its batch.
    ///
    /// # Errors
    ///
    /// When the store cannot be asked for the batch.
    pub(super) async fn whose_answer(
        &self,
        answer: &Answer,
        batches: &mut BTreeMap<BatchId, Option<HandoffId>>,
    ) -> Result<HandoffId, StoreError> {
        let asked_by = |id: &&HandoffId| {
            let request = answer.request_id.as_ref();
            request.is_some_and(|request| request.as_str().starts_with(&format!("{id}/")))
        };
        if let Some(id) = self.engine.shared().handoffs.keys().find(asked_by) {
            return Ok(id.clone());
        }
        let nobody = || HandoffId::new(NOBODY);
        let Some(batch_id) = &answer.batch_id else {
            return Ok(nobody());
        };
        if let Some(known) = batches.get(batch_id) {
            return Ok(known.clone().unwrap_or_else(nobody));
        }
        let key = self.engine.shared().store.run_of_batch(batch_id).await?;
        let found = key.map(|key| key.handoff);
        batches.insert(batch_id.clone(), found.clone());
        Ok(found.unwrap_or_else(nobody))
    }

    fn by_subscription(
        &self,
        push: &Push,
        subscribed: impl Fn(&HandoffRoute) -> Option<String>,
    ) -> Option<HandoffId> {
        let pushed_by = push.subscription.as_deref()?;
        let route = self
            .routes
            .iter()
            .find(|route| subscribed(route).is_some_and(|it| is_same(&it, pushed_by)))?;
        Some(route.id.clone())
    }

    fn is_upstream(&self, route: &HandoffRoute, event: &UpstreamComplete) -> bool {
        let Some(handoff) = self.handoff(&route.id) else {
            return false;
        };
        let upstream = &handoff.policy.upstream;
        event.processor.as_ref().is_none_or(|processor| {
            upstream.final_processor_names.contains(processor)
                || upstream.processor_names.contains(processor)
        })
    }
}

/// A topic that is not said rules nothing out.
fn on_topic(route: &HandoffRoute, push: &Push) -> bool {
    match (push.attributes.get(TOPIC), &route.upstream_topic) {
        (Some(said), Some(own)) => is_same(own, said),
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// Configured by its name or its full path; pushes say the full path.
fn is_same(configured: &str, said: &str) -> bool {
    let name = |text: &str| text.rsplit('/').next().map(str::to_owned);
    configured == said || (!configured.contains('/') && name(said).as_deref() == Some(configured))
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn a_subscription_is_known_by_its_name_or_its_full_path() {
        let said = "projects/nba-props-platform/subscriptions/nba-phase5-trigger-sub";
        assert!(is_same("nba-phase5-trigger-sub", said));
        assert!(is_same(said, said));
        assert!(!is_same("trigger-sub", said));
        assert!(!is_same(
            "projects/other/subscriptions/nba-phase5-trigger-sub",
            said
        ));
    }
}
