//! Messages and their ways: leased gravest first, replaced, ended, freed after a crash, counted.

use chrono::TimeDelta;

use super::support::{Fixture, at, fixture, key};
use crate::{
    domain::{
        Instant,
        alert::{Alert, Change, Kind, Role, Severity, Told},
        ids::ChannelId,
        routing::{Planned, Why},
    },
    ports::{
        deliveries::{Delivery, DeliveryEnd, DeliveryLease, Lane, Posting},
        notice::{About, Content, Notice, Receipt},
    },
};

fn channel(name: &str) -> ChannelId {
    ChannelId::new(name)
}

fn told(kind: Kind, severity: Severity) -> Told {
    Told {
        change: Change::Opened,
        alert: Alert {
            kind,
            subject: None,
            severity,
            text: "it broke".to_owned(),
            opened_at: at(0),
            critical_since: None,
            told_at: Some(at(0)),
            told_up_to: Some(Role::Developer),
            acknowledged: None,
            resolved_at: None,
        },
        known_up_to: None,
    }
}

fn notice(id: &str, told: Vec<Told>, now: Instant) -> Notice {
    Notice {
        id: id.to_owned(),
        about: About::Night(key()),
        at: now,
        content: Content::Alerts {
            told,
            night: None,
            units: Vec::new(),
        },
    }
}

fn over(name: &str) -> Planned {
    Planned {
        channel: channel(name),
        why: Why::Routed,
    }
}

async fn post(fixture: &Fixture, notice: &Notice, channels: &[&str]) -> bool {
    let deliveries: Vec<Planned> = channels.iter().map(|name| over(name)).collect();
    let posting = Posting {
        notice,
        openings: &notice.openings(),
        deliveries: &deliveries,
        severity: notice.severity(),
        reason: "over slack",
        replaces: true,
    };
    let mut transaction = fixture.store.begin().await.unwrap();
    let posted = transaction.post(posting).await.unwrap();
    transaction.commit().await.unwrap();
    posted
}

async fn lease(fixture: &Fixture, name: &str, lane: Lane, now: Instant) -> Vec<Delivery> {
    let lease = DeliveryLease {
        channel: &channel(name),
        lane,
        now,
        until: now + TimeDelta::seconds(60),
        most: 10,
        in_hand: &[],
    };
    fixture.store.lease_deliveries(lease).await.unwrap()
}

async fn end(fixture: &Fixture, id: &str, name: &str, end: DeliveryEnd) {
    let mut transaction = fixture.store.begin().await.unwrap();
    transaction
        .end_delivery(id, &channel(name), &end)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

fn done(message_id: &str, now: Instant) -> DeliveryEnd {
    DeliveryEnd::Done {
        receipt: Receipt {
            message_id: message_id.to_owned(),
            thread: None,
        },
        at: now,
    }
}

fn later(due_at: Instant) -> DeliveryEnd {
    DeliveryEnd::Later {
        due_at,
        error: "451 try later".to_owned(),
        doubtful: false,
    }
}

fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|it| it.notice.id.as_str()).collect()
}

async fn states(fixture: &Fixture, id: &str) -> Vec<(String, String)> {
    let entries = fixture.store.ledger_of(id).await.unwrap();
    let state = |channel: ChannelId, state| (channel.to_string(), state);
    entries
        .into_iter()
        .map(|entry| state(entry.channel, entry.state))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
    expected.iter().map(owned).collect()
}

#[tokio::test]
async fn a_message_is_kept_once_and_leased_by_lane_gravest_first_then_oldest() {
    let fixture = fixture().await;
    let one = notice("n1", vec![told(Kind::ReadinessGap, Severity::Info)], at(0));
    let two = notice(
        "n2",
        vec![told(Kind::BatchStalled, Severity::Warning)],
        at(2),
    );
    let three = notice(
        "n3",
        vec![told(Kind::GapExceeded, Severity::Warning)],
        at(1),
    );
    let four = notice(
        "n4",
        vec![told(Kind::WorkersSilent, Severity::Critical)],
        at(3),
    );
    for notice in [&one, &two, &three, &four] {
        assert!(post(&fixture, notice, &["slack"]).await);
        assert!(!post(&fixture, notice, &["slack"]).await, "only once");
    }
    let other = lease(&fixture, "slack", Lane::Other, at(5)).await;
    assert_eq!(ids(&other), ["n3", "n2", "n1"]);
    let critical = lease(&fixture, "slack", Lane::Critical, at(5)).await;
    assert_eq!(ids(&critical), ["n4"]);
    assert_eq!(critical[0].notice, four);
    assert!(
        lease(&fixture, "slack", Lane::Other, at(5))
            .await
            .is_empty()
    );
    assert!(
        lease(&fixture, "email", Lane::Other, at(5))
            .await
            .is_empty()
    );
    let held = DeliveryLease {
        channel: &channel("slack"),
        lane: Lane::Critical,
        now: at(65),
        until: at(99),
        most: 10,
        in_hand: &["n4".to_owned()],
    };
    let held = fixture.store.lease_deliveries(held).await.unwrap();
    assert!(
        held.is_empty(),
        "whoever has it in hand does not take it twice"
    );
    let again = lease(&fixture, "slack", Lane::Critical, at(65)).await;
    assert!(again[0].doubtful, "its lease ran out: it may have arrived");
}

#[tokio::test]
async fn a_failed_try_comes_again_at_its_time_and_a_receipt_ends_it() {
    let fixture = fixture().await;
    let notice = notice(
        "n1",
        vec![told(Kind::BatchStalled, Severity::Warning)],
        at(0),
    );
    post(&fixture, &notice, &["slack", "email"]).await;
    let slack = channel("slack");
    lease(&fixture, "slack", Lane::Other, at(0)).await;
    end(&fixture, "n1", "slack", later(at(30))).await;
    let next = fixture
        .store
        .next_delivery_at(&slack, Lane::Other, &[])
        .await;
    assert_eq!(next.unwrap(), Some(at(30)));
    assert!(
        lease(&fixture, "slack", Lane::Other, at(29))
            .await
            .is_empty()
    );
    lease(&fixture, "email", Lane::Other, at(1)).await;
    end(&fixture, "n1", "email", done("<a@b>", at(1))).await;
    let late = lease(&fixture, "slack", Lane::Other, at(30)).await;
    assert_eq!((late[0].attempts, late[0].doubtful), (1, false));
    assert_eq!(late[0].elsewhere, [(channel("email"), at(1))]);
    end(&fixture, "n1", "slack", done("1.1", at(31))).await;
    let expected = pairs(&[("slack", "done"), ("email", "done")]);
    assert_eq!(states(&fixture, "n1").await, expected);
    let entry = fixture.store.ledger_of("n1").await.unwrap().remove(0);
    assert_eq!(
        (
            entry.attempts,
            entry.last_error.as_deref(),
            entry.message_id.as_deref()
        ),
        (2, Some("451 try later"), Some("1.1"))
    );
    let none = fixture
        .store
        .next_delivery_at(&slack, Lane::Other, &[])
        .await;
    assert_eq!(none.unwrap(), None);
}

#[tokio::test]
async fn a_later_message_takes_the_place_of_waiting_ones_that_say_no_more() {
    let fixture = fixture().await;
    let stalled = || told(Kind::BatchStalled, Severity::Warning);
    let both = vec![stalled(), told(Kind::GapExceeded, Severity::Warning)];
    let wide = notice("wide", both, at(0));
    let narrow = notice("narrow", vec![stalled()], at(1));
    let tried = notice("tried", vec![stalled()], at(2));
    let last = notice("last", vec![stalled()], at(3));
    post(&fixture, &wide, &["slack"]).await;
    post(&fixture, &narrow, &["slack"]).await;
    lease(&fixture, "slack", Lane::Other, at(1)).await;
    end(&fixture, "narrow", "slack", later(at(9))).await;
    end(&fixture, "wide", "slack", later(at(9))).await;
    post(&fixture, &tried, &["slack"]).await;
    assert_eq!(
        states(&fixture, "narrow").await,
        pairs(&[("slack", "replaced")])
    );
    assert_eq!(
        states(&fixture, "wide").await,
        pairs(&[("slack", "waiting")])
    );
    lease(&fixture, "slack", Lane::Other, at(3)).await;
    post(&fixture, &last, &["slack"]).await;
    assert_eq!(
        states(&fixture, "tried").await,
        pairs(&[("slack", "waiting")])
    );
    end(&fixture, "tried", "slack", later(at(9))).await;
    assert_eq!(
        states(&fixture, "tried").await,
        pairs(&[("slack", "replaced")])
    );
}

#[tokio::test]
async fn that_an_alert_is_over_is_not_told_any_more_once_it_is_back() {
    let fixture = fixture().await;
    let of = |change, minute, opened: i64| {
        let mut told = told(Kind::BatchStalled, Severity::Warning);
        told.change = change;
        told.alert.opened_at = at(opened);
        notice(&format!("at {minute}"), vec![told], at(minute))
    };
    let over_and_back = [of(Change::Resolved, 1, 0), of(Change::Opened, 2, 2)];
    post(&fixture, &over_and_back[0], &["slack", "email"]).await;
    post(&fixture, &over_and_back[1], &["slack"]).await;
    assert_eq!(
        states(&fixture, "at 1").await,
        pairs(&[("slack", "replaced"), ("email", "waiting")]),
        "whoever hears of it over another channel hears that it was over"
    );
    let slack = lease(&fixture, "slack", Lane::Other, at(3)).await;
    assert_eq!(ids(&slack), ["at 2"]);
}

#[tokio::test]
async fn where_an_opening_was_told_is_known_also_while_it_is_being_tried() {
    let fixture = fixture().await;
    let notice = notice(
        "n1",
        vec![told(Kind::BatchStalled, Severity::Warning)],
        at(0),
    );
    post(&fixture, &notice, &["slack", "email"]).await;
    let arrived = async || {
        let mut transaction = fixture.store.begin().await.unwrap();
        let reached = transaction.reached(&notice.openings()).await.unwrap();
        let arrived = reached
            .iter()
            .map(|it| (it.channel.to_string(), it.arrived));
        arrived.collect::<Vec<_>>()
    };
    let expected = |slack, email| vec![("email".to_owned(), email), ("slack".to_owned(), slack)];
    assert_eq!(arrived().await, expected(false, false));
    lease(&fixture, "slack", Lane::Other, at(0)).await;
    assert_eq!(arrived().await, expected(true, false));
    end(&fixture, "n1", "slack", later(at(9))).await;
    assert_eq!(arrived().await, expected(false, false));
    lease(&fixture, "email", Lane::Other, at(0)).await;
    end(&fixture, "n1", "email", done("m", at(1))).await;
    assert_eq!(arrived().await, expected(false, true));
}

#[tokio::test]
async fn what_a_dead_process_was_trying_is_free_and_in_doubt() {
    let fixture = fixture().await;
    let notice = notice(
        "n1",
        vec![told(Kind::WorkersSilent, Severity::Critical)],
        at(0),
    );
    post(&fixture, &notice, &["slack", "email"]).await;
    lease(&fixture, "slack", Lane::Critical, at(0)).await;
    fixture.store.take_over().await.unwrap();
    let slack = lease(&fixture, "slack", Lane::Critical, at(1)).await;
    assert!(slack[0].doubtful);
    let email = lease(&fixture, "email", Lane::Critical, at(1)).await;
    assert!(!email[0].doubtful, "nobody had tried it");
}

#[tokio::test]
async fn what_a_channel_did_not_take_is_counted_until_it_does_and_can_be_made_due() {
    let fixture = fixture().await;
    let notice = notice(
        "n1",
        vec![told(Kind::GapExceeded, Severity::Warning)],
        at(0),
    );
    post(&fixture, &notice, &["email"]).await;
    let email = channel("email");
    let mut transaction = fixture.store.begin().await.unwrap();
    assert_eq!(
        transaction.failed_before(&email).await.unwrap(),
        0,
        "never tried"
    );
    let later = DeliveryEnd::Later {
        due_at: at(300),
        error: "550".to_owned(),
        doubtful: false,
    };
    transaction
        .end_delivery("n1", &email, &later)
        .await
        .unwrap();
    assert_eq!(transaction.failed_before(&email).await.unwrap(), 1);
    assert_eq!(
        transaction.failed_before(&channel("slack")).await.unwrap(),
        0
    );
    transaction.try_again(&email, at(5)).await.unwrap();
    let done = DeliveryEnd::Done {
        receipt: Receipt::default(),
        at: at(6),
    };
    transaction.commit().await.unwrap();
    assert_eq!(lease(&fixture, "email", Lane::Other, at(5)).await.len(), 1);
    let mut transaction = fixture.store.begin().await.unwrap();
    transaction.end_delivery("n1", &email, &done).await.unwrap();
    assert_eq!(transaction.failed_before(&email).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_stuck_on_a_channel_is_listed_until_it_has_another_way() {
    let fixture = fixture().await;
    let notice = notice(
        "n1",
        vec![told(Kind::WorkersSilent, Severity::Critical)],
        at(0),
    );
    post(&fixture, &notice, &["slack"]).await;
    let mut transaction = fixture.store.begin().await.unwrap();
    let slack = channel("slack");
    let stuck = transaction.stuck_on(&slack).await.unwrap();
    assert_eq!(stuck, [("n1".to_owned(), Severity::Critical)]);
    let instead = Planned {
        channel: channel("email"),
        why: Why::Instead {
            of: slack.clone(),
            error: "404".to_owned(),
        },
    };
    transaction
        .add_delivery("n1", &instead, at(1))
        .await
        .unwrap();
    transaction
        .add_delivery("n1", &over("email"), at(2))
        .await
        .unwrap();
    assert!(transaction.stuck_on(&slack).await.unwrap().is_empty());
    let channels = transaction.channels_of("n1").await.unwrap();
    assert_eq!(channels, [slack, channel("email")]);
    transaction.commit().await.unwrap();
    let email = lease(&fixture, "email", Lane::Critical, at(1)).await;
    assert_eq!(email[0].why, instead.why, "the first reason stands");
}

#[tokio::test]
async fn messages_of_an_hour_are_counted_without_critical_ones_and_a_digest_once() {
    let fixture = fixture().await;
    let warning = |id: &str| notice(id, vec![told(Kind::BatchStalled, Severity::Warning)], at(0));
    for id in ["n1", "n2", "n3"] {
        let notice = Notice {
            content: Content::Test {
                by: "ana".to_owned(),
            },
            ..warning(id)
        };
        post(&fixture, &notice, &["slack"]).await;
    }
    let critical = notice(
        "n4",
        vec![told(Kind::WorkersSilent, Severity::Critical)],
        at(0),
    );
    post(&fixture, &critical, &["slack"]).await;
    end(&fixture, "n1", "slack", done("m1", at(1))).await;
    end(&fixture, "n2", "slack", done("digest", at(2))).await;
    end(&fixture, "n3", "slack", done("digest", at(2))).await;
    end(&fixture, "n4", "slack", done("m4", at(3))).await;
    let slack = channel("slack");
    let sent = fixture.store.sent_since(&slack, at(-9)).await.unwrap();
    assert_eq!(sent, [at(2), at(1)]);
    assert_eq!(
        fixture.store.sent_since(&slack, at(1)).await.unwrap(),
        [at(2)]
    );
}

#[tokio::test]
async fn what_an_hourly_number_may_hold_back_reaches_nobody_from_an_hour_on_or_once_it_failed() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let stalled = vec![told(Kind::BatchStalled, Severity::Warning)];
    post(&fixture, &notice("n1", stalled, at(0)), &["slack"]).await;
    let unheard = async |seconds| store.unheard_since(at(seconds)).await.unwrap();
    assert_eq!(unheard(1).await, Some(at(0)), "nobody takes anything");
    let late = vec![told(Kind::UpstreamLate, Severity::Warning)];
    post(&fixture, &notice("n0", late, at(-9)), &["slack"]).await;
    end(&fixture, "n0", "slack", done("m", at(1))).await;
    assert_eq!(unheard(3_599).await, None);
    assert_eq!(unheard(3_600).await, Some(at(0)));
    lease(&fixture, "slack", Lane::Other, at(1)).await;
    end(&fixture, "n1", "slack", later(at(9))).await;
    assert_eq!(unheard(2).await, Some(at(0)));
}

#[tokio::test]
async fn what_waits_for_a_channel_that_is_gone_is_let_go_where_another_has_it() {
    let fixture = fixture().await;
    let stalled = |id: &str| notice(id, vec![told(Kind::BatchStalled, Severity::Warning)], at(0));
    let deliveries = [Planned {
        channel: channel("slack"),
        why: Why::OwnTrouble,
    }];
    let own = stalled("own");
    let posting = Posting {
        notice: &own,
        openings: &[],
        deliveries: &deliveries,
        severity: Severity::Warning,
        reason: "over slack",
        replaces: false,
    };
    let mut transaction = fixture.store.begin().await.unwrap();
    transaction.post(posting).await.unwrap();
    transaction.commit().await.unwrap();
    for (id, kind, channels) in [
        ("alone", Kind::GapExceeded, &["slack"][..]),
        ("both", Kind::UpstreamLate, &["slack", "email"]),
    ] {
        let notice = notice(id, vec![told(kind, Severity::Warning)], at(0));
        post(&fixture, &notice, channels).await;
    }
    let mut transaction = fixture.store.begin().await.unwrap();
    transaction.leave_channel(&channel("slack")).await.unwrap();
    transaction.commit().await.unwrap();
    let (slack, email) = (("slack", "replaced"), ("email", "waiting"));
    assert_eq!(states(&fixture, "own").await, pairs(&[slack]));
    assert_eq!(states(&fixture, "both").await, pairs(&[slack, email]));
    let kept = pairs(&[("slack", "waiting")]);
    assert_eq!(states(&fixture, "alone").await, kept, "nobody else has it");
}

#[tokio::test]
async fn a_message_that_reached_nobody_is_noticed_until_one_channel_took_it() {
    let fixture = fixture().await;
    let store = &fixture.store;
    assert_eq!(store.unheard_since(at(7)).await.unwrap(), None);
    let notice = notice(
        "n1",
        vec![told(Kind::WorkersSilent, Severity::Critical)],
        at(7),
    );
    post(&fixture, &notice, &["slack", "email"]).await;
    assert_eq!(store.unheard_since(at(7)).await.unwrap(), Some(at(7)));
    end(&fixture, "n1", "email", done("m", at(8))).await;
    assert_eq!(store.unheard_since(at(8)).await.unwrap(), None);
    let figures = store.channel_figures().await.unwrap();
    let figures: Vec<_> = figures
        .iter()
        .map(|it| (it.channel.as_str(), it.waiting, it.oldest_at, it.done_at))
        .collect();
    assert_eq!(
        figures,
        [
            ("email", 0, None, Some(at(8))),
            ("slack", 1, Some(at(7)), None)
        ]
    );
}
