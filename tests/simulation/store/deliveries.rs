//! Messages to people, on the disk alone: the model does not hold them.
//!
//! What has to become of them belongs to `truth`.

use async_trait::async_trait;
use tipoff::{
    domain::{
        Instant,
        ids::{ChannelId, GameDate, HandoffId},
        routing::Silence,
        run::Run,
        service::Service,
    },
    ports::{
        deliveries::{ChannelFigures, Delivery, DeliveryLease, DeliveryStore, Entry, Lane},
        notice::Notice,
        store::StoreError,
    },
};

use super::{PairedStore, thrown};
use crate::gate::Kind;

#[async_trait]
impl DeliveryStore for PairedStore {
    async fn lease_deliveries(
        &self,
        lease: DeliveryLease<'_>,
    ) -> Result<Vec<Delivery>, StoreError> {
        let _pass = self.0.enter(Kind::Write).await;
        if self.0.health.ails(|it| it.store) {
            return Err(thrown("lease messages"));
        }
        self.0.disk.lease_deliveries(lease).await
    }

    async fn next_delivery_at(
        &self,
        channel: &ChannelId,
        lane: Lane,
        in_hand: &[String],
    ) -> Result<Option<Instant>, StoreError> {
        let it = &self.0;
        let disk = it.disk.next_delivery_at(channel, lane, in_hand);
        it.ask_disk("the next message", disk).await
    }

    async fn sent_since(
        &self,
        channel: &ChannelId,
        since: Instant,
    ) -> Result<Vec<Instant>, StoreError> {
        let it = &self.0;
        it.ask_disk("what was sent", it.disk.sent_since(channel, since))
            .await
    }

    async fn ledger(&self, most: u32) -> Result<Vec<Entry>, StoreError> {
        self.0
            .ask_disk("the ledger", self.0.disk.ledger(most))
            .await
    }

    async fn ledger_of(&self, notice_id: &str) -> Result<Vec<Entry>, StoreError> {
        self.0
            .ask_disk("a ledger", self.0.disk.ledger_of(notice_id))
            .await
    }

    async fn notice(&self, id: &str) -> Result<Option<Notice>, StoreError> {
        self.0.ask_disk("a message", self.0.disk.notice(id)).await
    }

    async fn channel_figures(&self) -> Result<Vec<ChannelFigures>, StoreError> {
        self.0
            .ask_disk("the channels", self.0.disk.channel_figures())
            .await
    }

    async fn unheard_since(&self, now: Instant) -> Result<Option<Instant>, StoreError> {
        self.0
            .ask_disk("the unheard", self.0.disk.unheard_since(now))
            .await
    }

    async fn silences(&self, now: Instant) -> Result<Vec<Silence>, StoreError> {
        self.0
            .ask_disk("the silences", self.0.disk.silences(now))
            .await
    }

    async fn service_due(&self, now: Instant) -> Result<bool, StoreError> {
        self.0
            .ask_disk("the service", self.0.disk.service_due(now))
            .await
    }

    async fn service(&self) -> Result<Service, StoreError> {
        self.0.ask_disk("the service", self.0.disk.service()).await
    }

    async fn thread(&self, channel: &ChannelId, about: &str) -> Result<Option<String>, StoreError> {
        self.0
            .ask_disk("a thread", self.0.disk.thread(channel, about))
            .await
    }

    async fn runs_between(
        &self,
        handoff: &HandoffId,
        from: GameDate,
        to: GameDate,
    ) -> Result<Vec<Run>, StoreError> {
        let it = &self.0;
        it.ask_disk("some nights", it.disk.runs_between(handoff, from, to))
            .await
    }
}
