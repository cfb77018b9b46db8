//! Ten points of a night and a retry: killed there, started again, and nothing is lost or done twice.
//!
//! What has to be true afterwards is written in `proof`.

use tipoff::domain::{effect::Effect, run::State};

use super::{
    data::Plan,
    night::Night,
    proof::prove,
    sight::Refusal,
    workers::{let_pass, open},
};

/// Held by the disk: a millisecond lies between accepting an event and keeping what readiness said.
#[tokio::test(flavor = "multi_thread")]
async fn killed_with_the_event_durable_and_readiness_not_answered() {
    let mut night = Night::begin(Plan::default()).await;
    night.finish_upstream().await;
    night
        .see("opened and at rest", |it| it.outbox.is_empty())
        .await;
    Refusal::Ends.begin(&night.file()).await;
    night.send_event().await;
    let asks = |effect: &Effect| matches!(effect, Effect::AskReadiness);
    night
        .kill_when("the event durable, readiness not answered", |it| {
            it.is(State::Waiting) && it.waits(asks)
        })
        .await;
    night.start();
    Refusal::end(&night.file()).await;
    // Nobody sends the event again: it was acknowledged.
    prove(&night).await;
}

/// Stands still by itself: the upstream's rows are missing.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_waiting_for_readiness() {
    let mut night = Night::begin(Plan::default()).await;
    night.send_event().await;
    night
        .kill_when("waiting", |it| {
            let polls = it
                .run
                .wait
                .as_ref()
                .is_some_and(|wait| wait.poll_at.is_some());
            it.is(State::Waiting) && polls && it.outbox.is_empty()
        })
        .await;
    night.finish_upstream().await;
    night.start();
    prove(&night).await;
}

/// Held by the disk: the freeze comes with the last page, so that one page of two is staged.
#[tokio::test(flavor = "multi_thread")]
async fn killed_with_a_wave_staged_and_not_frozen() {
    let plan = Plan {
        units: 1_020,
        ..Plan::default()
    };
    let mut night = Night::begin(plan).await;
    night.finish_upstream().await;
    Refusal::Freezes.begin(&night.file()).await;
    night.send_event().await;
    night
        .kill_when("staged, not frozen", |it| {
            it.staged == 1_000 && it.batches == 0 && it.run.staging.is_some()
        })
        .await;
    night.start();
    Refusal::end(&night.file()).await;
    prove(&night).await;
}

/// Held by the disk: the first units are claimed in the transaction that freezes the wave, and that is the one that keeps
/// what readiness said, so nothing of it happens.
#[tokio::test(flavor = "multi_thread")]
async fn killed_with_a_wave_that_cannot_be_frozen_for_its_claim() {
    let mut night = Night::begin(Plan::default()).await;
    night.finish_upstream().await;
    night
        .see("opened and at rest", |it| it.outbox.is_empty())
        .await;
    Refusal::Claims.begin(&night.file()).await;
    night.send_event().await;
    night
        .kill_when("tried, nothing staged, frozen or claimed", |it| {
            it.put_back > 0 && (it.batches, it.staged, it.in_doubt) == (0, 0, 0)
        })
        .await;
    assert!(night.workers.calls().is_empty());
    night.start();
    Refusal::end(&night.file()).await;
    prove(&night).await;
}

/// Held by the workers: they take requests and do not say so.
#[tokio::test(flavor = "multi_thread")]
async fn killed_with_units_sent_and_not_confirmed() {
    let mut night = Night::begin(Plan::default()).await;
    let_pass(&night.workers.gates.confirm, 0);
    // Nor do they answer, or the service would know.
    let_pass(&night.workers.gates.first, 0);
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("claimed, not confirmed", |it| {
            it.in_doubt > 0 && it.batch(|batch| batch.sent) == 0
        })
        .await;
    night.start();
    open(&night.workers.gates.confirm);
    open(&night.workers.gates.first);
    prove(&night).await;
}

/// Held by the workers and then by the disk: units in doubt are answered before they can be claimed again, so they
/// are spared. Killed once more when they have been, and the others are in doubt.
#[tokio::test(flavor = "multi_thread")]
async fn killed_with_units_in_doubt_that_were_answered_meanwhile() {
    let mut night = Night::begin(Plan::default()).await;
    let_pass(&night.workers.gates.confirm, 0);
    let_pass(&night.workers.gates.first, 0);
    night.finish_upstream().await;
    night.send_event().await;
    night.see("claimed", |it| it.in_doubt > 0).await;
    Refusal::Claims.begin(&night.file()).await;
    night.see_calls(1).await;
    night.kill();
    open(&night.workers.gates.first);
    night.start();
    // What the killed one had sent may still be on its way to the workers.
    night
        .see("answered without having been confirmed", |it| {
            it.answered > 0 && it.answered == night.workers.calls().len() as u64
        })
        .await;
    let_pass(&night.workers.gates.first, 0);
    Refusal::end(&night.file()).await;
    night
        .kill_when("spared, the others in doubt", |it| {
            it.in_doubt > 0 && it.free_again == 0
        })
        .await;
    open(&night.workers.gates.confirm);
    open(&night.workers.gates.first);
    night.start();
    prove(&night).await;
}

/// Long enough to be seen: a night of this size is sent in more than half a second.
#[tokio::test(flavor = "multi_thread")]
async fn killed_with_half_of_the_units_sent() {
    let mut night = Night::begin(Plan::default()).await;
    let units = night.plan.units as u64;
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("half sent", |it| {
            (units / 3..units).contains(&it.batch(|batch| batch.sent))
        })
        .await;
    night.start();
    prove(&night).await;
}

/// Held by the workers: three answer.
#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_first_answers() {
    let mut night = Night::begin(Plan::default()).await;
    let_pass(&night.workers.gates.first, 3);
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("first answers", |it| {
            it.is(State::Running) && it.batch(|batch| batch.answered) == 3
        })
        .await;
    open(&night.workers.gates.first);
    night.start();
    prove(&night).await;
}

/// Held by the workers: all but four answer.
#[tokio::test(flavor = "multi_thread")]
async fn killed_with_all_but_a_few_answered() {
    let mut night = Night::begin(Plan::default()).await;
    let units = night.plan.units;
    let_pass(&night.workers.gates.first, units - 4);
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("all but a few answered", |it| {
            it.is(State::Running) && it.batch(|batch| batch.answered) == units as u64 - 4
        })
        .await;
    open(&night.workers.gates.first);
    night.start();
    prove(&night).await;
}

/// Held by the workers: everything is answered, and a dozen rows are not there.
#[tokio::test(flavor = "multi_thread")]
async fn killed_after_settling_while_rows_are_awaited() {
    let mut night = Night::begin(Plan::default()).await;
    let_pass(&night.workers.gates.rows, night.plan.units - 30);
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("rows awaited", |it| {
            let settling = it
                .run
                .batch
                .as_ref()
                .is_some_and(|it| it.settling_at.is_some());
            it.is(State::Running) && settling && it.run.counts.claims_open() > 0
        })
        .await;
    open(&night.workers.gates.rows);
    night.start();
    prove(&night).await;
}

/// Held by the disk: what the end of a night wants done is done at once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_when_complete_and_nothing_of_its_end_kept() {
    let mut night = Night::begin(Plan::default()).await;
    Refusal::EndsOfTheEnd.begin(&night.file()).await;
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("complete, its end not kept", |it| {
            let announces = |effect: &Effect| matches!(effect, Effect::Announce(_));
            let records = |effect: &Effect| matches!(effect, Effect::Record);
            it.is(State::Complete) && it.waits(announces) && it.waits(records)
        })
        .await;
    night.start();
    Refusal::end(&night.file()).await;
    prove(&night).await;
}

/// Held by the workers: they take second attempts and do not answer them.
#[tokio::test(flavor = "multi_thread")]
async fn killed_during_a_retry() {
    let plan = Plan {
        failing: true,
        ..Plan::default()
    };
    let mut night = Night::begin(plan).await;
    let_pass(&night.workers.gates.later, 0);
    night.finish_upstream().await;
    night.send_event().await;
    night
        .kill_when("retrying", |it| {
            it.run.batches == 2 && it.batch(|batch| batch.sent) > 0
        })
        .await;
    open(&night.workers.gates.later);
    night.start();
    prove(&night).await;
}
