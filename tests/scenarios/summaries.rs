//! The night's summary and the week's: each once, over restarts, and after a pause only the latest.
//!
//! What they say belongs to `render`.

use std::{path::Path, sync::Arc, time::Duration};

use tipoff::{
    clock::ManualClock,
    commands::serve::{App, Setup},
    config::{self, Environment},
};

use crate::support::{context, feature, instant};

/// Looks at messages that wait: half a minute, for a disk may stand still for seconds.
const LOOKS_MAX: usize = 30_000;

const CONFIG: &str = r#"
[[handoffs]]
id = "phase4-to-phase5"
[routes]
daily = ["console"]
weekly = ["console"]
"#;

async fn open(folder: &Path, clock: &Arc<ManualClock>) -> App {
    let mut config = config::parse(CONFIG, folder, &Environment::default()).unwrap();
    config.data_dir = folder.to_owned();
    config.listen.set_port(0);
    App::open(Setup::of(config, clock.clone())).await.unwrap()
}

/// The summaries that were sent, earliest first, once all of them have left.
async fn summaries(app: &App) -> Vec<String> {
    app.engine.tick().await.unwrap();
    for _ in 0..LOOKS_MAX {
        let ledger = app.engine.shared().store.ledger(1_000).await.unwrap();
        if ledger
            .iter()
            .all(|it| it.state == "done" || it.state == "replaced")
        {
            let mut ids: Vec<String> = ledger.into_iter().map(|it| it.notice_id).collect();
            ids.retain(|id| id.starts_with("daily/") || id.starts_with("weekly/"));
            ids.reverse();
            return ids;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("messages wait for ever");
}

/// Moves the clock to that instant and does what is due then.
async fn at(app: &App, clock: &ManualClock, text: &str) -> Vec<String> {
    clock.set(instant(text));
    summaries(app).await
}

#[tokio::test]
async fn each_summary_is_sent_once_at_its_time_and_after_a_pause_only_the_latest() {
    let folder = tempfile::tempdir().unwrap();
    // A Monday at 23:00 Pacific on the day before.
    let clock = Arc::new(ManualClock::new(instant("2026-01-19T07:00:00Z")));
    let app = open(folder.path(), &clock).await;
    app.warehouse
        .put_contexts(&[context("lebronjames")])
        .await
        .unwrap();
    let row = feature("lebronjames", instant("2026-01-19T06:00:00Z"));
    app.warehouse.put_features(&[row]).await.unwrap();
    assert!(summaries(&app).await.is_empty());
    // The deadline is 15:00, and ten minutes after it the night is summed up.
    assert!(at(&app, &clock, "2026-01-19T15:09:59Z").await.is_empty());
    let daily = "daily/phase4-to-phase5/2026-01-19";
    assert_eq!(at(&app, &clock, "2026-01-19T15:10:00Z").await, [daily]);
    assert_eq!(at(&app, &clock, "2026-01-19T15:20:00Z").await, [daily]);
    app.stop().await;

    // Not again after a restart.
    let app = open(folder.path(), &clock).await;
    assert_eq!(at(&app, &clock, "2026-01-19T15:30:00Z").await, [daily]);
    app.stop().await;

    // Down from Monday to the Thursday of the week after: three of each kind are due, and one of each is sent.
    clock.set(instant("2026-01-29T20:00:00Z"));
    let app = open(folder.path(), &clock).await;
    let mut sent = summaries(&app).await;
    sent.sort();
    assert_eq!(
        sent,
        [
            daily,
            "daily/phase4-to-phase5/2026-01-29",
            "weekly/phase4-to-phase5/2026-01-25"
        ]
    );
    assert_eq!(at(&app, &clock, "2026-01-29T21:00:00Z").await.len(), 3);
    app.stop().await;
}

#[tokio::test]
async fn what_spans_nights_is_in_the_metrics_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(instant("2026-01-19T07:00:00Z")));
    let lines = [
        "tipoff_nights{handoff=\"phase4-to-phase5\",verdict=\"breached\",window=\"season\"} 1",
        "tipoff_started_nights{handoff=\"phase4-to-phase5\",started_by=\"none\",window=\"7_nights\"} 1",
        "tipoff_night_deadline_timestamp_seconds{handoff=\"phase4-to-phase5\",nights_ago=\"1\"} 1768834800",
        "tipoff_schedule_done_timestamp_seconds{handoff=\"phase4-to-phase5\",schedule=\"summary\"} 1768835400",
        "tipoff_run_judged{handoff=\"phase4-to-phase5\"} 1",
        "tipoff_reaching_channels 0",
        "tipoff_channel_waiting_deliveries{channel=\"console\"} 0",
    ];
    for restarted in [false, true] {
        let app = open(folder.path(), &clock).await;
        if !restarted {
            assert!(summaries(&app).await.is_empty());
            assert!(at(&app, &clock, "2026-01-19T15:00:00Z").await.is_empty());
            assert!(at(&app, &clock, "2026-01-19T15:02:00Z").await.is_empty());
            assert_eq!(at(&app, &clock, "2026-01-19T15:10:00Z").await.len(), 1);
        }
        let url = format!("http://{}/metrics", app.address);
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        for line in lines {
            let found = text.contains(&format!("\n{line}\n"));
            assert!(found, "restarted: {restarted}; no `{line}` in\n{text}");
        }
        app.stop().await;
    }
}
