//! Tests of alert messages: every kind with every change, the bad night word by word, digests.

use chrono::TimeDelta;

use super::world;
use crate::{
    domain::{
        alert::{Acknowledgement, Change, Kind, Severity},
        run::NextStep,
    },
    ports::notice::Parcel,
    render::{
        kinds::guide,
        letter::{Letter, Status},
        plain,
    },
};

const CHANGES: [Change; 5] = [
    Change::Opened,
    Change::Worsened,
    Change::Escalated,
    Change::Reminded,
    Change::Resolved,
];

fn of(parcel: &Parcel) -> Letter {
    Letter::of(parcel, parcel.notices[0].at)
}

fn is_service(kind: Kind) -> bool {
    matches!(kind, Kind::ChannelFailing | Kind::MessagesQuarantined)
}

fn one(kind: Kind, change: Change) -> Letter {
    let alert = world::alert(kind, Severity::Critical, "7 of 9 broke");
    let night = (!is_service(kind)).then(world::bad_night);
    of(&world::parcel(vec![world::alerts(
        vec![world::told(change, alert)],
        night,
        world::units(3),
    )]))
}

#[test]
fn every_kind_with_every_change_has_all_that_a_reader_needs() {
    for (kind, change) in Kind::ALL
        .into_iter()
        .flat_map(|kind| CHANGES.map(|change| (kind, change)))
    {
        let letter = one(kind, change);
        let which = format!("{kind:?} {change:?}: {letter:?}");
        let over = change == Change::Resolved;
        let expected = if over {
            Status::Resolved
        } else {
            Status::Holds(Severity::Critical)
        };
        assert_eq!(letter.status, expected, "{which}");
        assert!(letter.headline.contains("7 of 9 broke"), "{which}");
        let item = &letter.items[0];
        assert_eq!((letter.items.len(), item.status), (1, expected), "{which}");
        assert!(item.text.starts_with("7 of 9 broke"), "{which}");
        assert_eq!(item.text.contains(guide(kind).meaning), !over, "{which}");
        assert!(
            !item.since.is_empty() && !letter.advice.is_empty(),
            "{which}"
        );
        let runbook = format!(
            "https://docs.example.org/runbooks/{}.md",
            guide(kind).runbook
        );
        assert_eq!(item.runbook.as_deref(), Some(runbook.as_str()), "{which}");
        assert_eq!(letter.links.len(), 2, "{which}");
        assert_eq!(letter.facts.is_empty(), is_service(kind), "{which}");
        let named = if over { 0 } else { 1 };
        assert_eq!(letter.units.len(), named, "{which}");
        assert!(
            !letter.advice.iter().any(|line| line.contains('{')),
            "{which}"
        );
        let text = plain::text(&letter);
        assert!(
            text.contains(&letter.subject) && !text.contains('`'),
            "{text}"
        );
    }
}

#[test]
fn what_changed_is_said_in_the_fewest_words() {
    let words = CHANGES.map(|change| one(Kind::BatchStalled, change).items[0].change.clone());
    assert_eq!(
        words,
        [
            "new",
            "worse",
            "nobody has acknowledged it",
            "still open",
            "over after 12 min"
        ]
    );
}

#[test]
fn subject_and_thread_are_the_same_for_every_change_of_an_alert_and_another_opening_has_its_own() {
    let letters = CHANGES.map(|change| one(Kind::DeadlineBreached, change));
    for letter in &letters {
        assert_eq!(
            letter.subject,
            "2026-01-11 phase4-to-phase5: deadline breached"
        );
        assert_eq!(
            letter.thread,
            "phase4-to-phase5/2026-01-11/deadline_breached/2026-01-11T15:01:00Z"
        );
    }
    let mut again = world::breach();
    again.opened_at += TimeDelta::milliseconds(1_500);
    let told = world::told(Change::Opened, again);
    let night = Some(world::bad_night());
    let letter = of(&world::parcel(vec![world::alerts(
        vec![told],
        night,
        Vec::new(),
    )]));
    assert!(
        letter.thread.ends_with("/2026-01-11T15:01:01.500Z"),
        "{}",
        letter.thread
    );
}

#[test]
fn a_failing_channel_is_named_in_subject_and_thread() {
    let letter = one(Kind::ChannelFailing, Change::Opened);
    assert_eq!(letter.subject, "tipoff service: channel slack failing");
    assert_eq!(
        letter.thread,
        "service/channel_failing/slack/2026-01-11T15:01:00Z"
    );
    assert_eq!(letter.items[0].since, "2026-01-11 15:01 UTC");
}

#[test]
fn a_message_is_led_by_what_holds_and_says_what_is_over_too() {
    let gap = world::alert(
        Kind::GapExceeded,
        Severity::Warning,
        "30 of 218 ready still need work",
    );
    let told = vec![
        world::told(Change::Resolved, world::breach()),
        world::told(Change::Opened, gap),
    ];
    let night = Some(world::bad_night());
    let letter = of(&world::parcel(vec![world::alerts(
        told,
        night,
        world::units(1),
    )]));
    assert_eq!(letter.status, Status::Holds(Severity::Warning));
    assert_eq!(letter.subject, "2026-01-11 phase4-to-phase5: gap too large");
    assert_eq!(letter.items[0].status, Status::Resolved);
    assert_eq!(letter.units.len(), 1);
}

#[test]
fn twenty_units_are_named_by_game_and_the_rest_is_counted_never_below_nothing() {
    let letter = |given: usize| {
        let told = vec![world::told(Change::Opened, world::breach())];
        let notice = world::alerts(told, Some(world::bad_night()), world::units(given));
        of(&world::parcel(vec![notice]))
    };
    let named = |letter: &Letter| letter.units.iter().map(|it| it.units.len()).sum::<usize>();
    let many = letter(30);
    assert_eq!((named(&many), many.units_unnamed), (20, 120));
    assert_eq!(many.units[0].game, "0022500550");
    assert_eq!(many.units[0].units[0], "player000 (no answer, 3 attempts)");
    assert_eq!(
        many.units[0].units[4],
        "player004 (failed: timeout, 3 attempts)"
    );
    let told = vec![world::told(Change::Opened, world::breach())];
    let mut night = world::bad_night();
    night.counts.needing_work = 1;
    let few = of(&world::parcel(vec![world::alerts(
        told,
        Some(night),
        world::units(3),
    )]));
    assert_eq!((named(&few), few.units_unnamed), (3, 0));
}

#[test]
fn before_anything_was_listed_no_number_is_told() {
    let text = "the upstream has not finished; it usually has by 03:10 PST";
    let alert = world::alert(Kind::UpstreamLate, Severity::Warning, text);
    let mut night = world::unlisted_night();
    night.at = world::deadline() - TimeDelta::minutes(58);
    night.dispatched_at = None;
    night.latency_seconds = None;
    night.next = vec![
        NextStep::Backup(world::deadline() - TimeDelta::hours(1)),
        NextStep::Verdict(world::deadline()),
    ];
    let told = vec![world::told(Change::Opened, alert)];
    let letter = of(&world::parcel(vec![world::alerts(
        told,
        Some(night),
        Vec::new(),
    )]));
    assert_eq!(
        letter.headline,
        "The upstream has not finished; it usually has by 03:10 PST (deadline 07:00 PST / 10:00 EST, in 58 min)"
    );
    let labels: Vec<&str> = letter.facts.iter().map(|fact| fact.0.as_str()).collect();
    for absent in [
        "Ready",
        "Predicted",
        "Skipped",
        "Outstanding",
        "Still need work",
        "Start latency",
    ] {
        assert!(!labels.contains(&absent), "{labels:?}");
    }
    assert_eq!(
        letter.next,
        [
            "06:00 PST / 09:00 EST, 2 min ago: the backup starts the run",
            "07:00 PST / 10:00 EST, in 58 min: the verdict falls"
        ]
    );
}

#[test]
fn one_player_is_one_player() {
    let mut night = world::bad_night();
    night.counts.ready = 1;
    night.counts.expected = 1;
    night.counts.dispatched = 1;
    night.counts.predicted = 0;
    night.retries = 1;
    let told = vec![world::told(Change::Opened, world::breach())];
    let letter = of(&world::parcel(vec![world::alerts(
        told,
        Some(night),
        Vec::new(),
    )]));
    assert!(
        letter.headline.contains("0 of 1 player predicted"),
        "{}",
        letter.headline
    );
    assert!(
        letter
            .done
            .contains(&"Sent again what needed work, 1 time".to_owned()),
        "{letter:?}"
    );
    assert!(
        letter.done[1].starts_with("Sent 1 player, the first"),
        "{letter:?}"
    );
}

#[test]
fn whoever_acknowledged_is_named_with_both_times() {
    let mut alert = world::breach();
    alert.acknowledged = Some(Acknowledgement {
        by: "otto".to_owned(),
        at: world::deadline() + TimeDelta::minutes(5),
    });
    let told = vec![world::told(Change::Worsened, alert)];
    let letter = of(&world::parcel(vec![world::alerts(told, None, Vec::new())]));
    assert_eq!(
        letter.items[0].acknowledged.as_deref(),
        Some("otto at 2026-01-11 15:05 UTC")
    );
}

#[test]
fn other_open_alerts_of_the_night_are_named() {
    let mut night = world::bad_night();
    let low = world::alert(Kind::CompletionLow, Severity::Critical, "36 %");
    let over = world::told(
        Change::Resolved,
        world::alert(Kind::UpstreamLate, Severity::Warning, "x"),
    );
    night.alerts = vec![world::breach(), low, over.alert];
    let told = vec![world::told(Change::Opened, world::breach())];
    let letter = of(&world::parcel(vec![world::alerts(
        told,
        Some(night),
        Vec::new(),
    )]));
    let also = letter.facts.iter().find(|fact| fact.0 == "Also open");
    assert_eq!(also.map(|fact| fact.1.as_str()), Some("Completion low"));
}

#[test]
fn the_bad_night_reads_so() {
    let mut parcel = world::bad_parcel();
    parcel.links.page = Some(format!(
        "https://tipoff.example.org/page/{}",
        "x".repeat(90)
    ));
    if let crate::ports::notice::Content::Alerts { units, .. } = &mut parcel.notices[0].content {
        units.truncate(2);
    }
    let told = plain::text(&of(&parcel));
    assert_eq!(told, include_str!("bad-night.txt"), "\n{told}");
}

fn digest(count: usize) -> Letter {
    let notices = (0..count).map(|number| {
        let severity = if number == 30 {
            Severity::Critical
        } else {
            Severity::Warning
        };
        let alert = world::alert(Kind::GapExceeded, severity, &format!("{number} need work"));
        let told = vec![world::told(Change::Opened, alert)];
        let mut notice = world::alerts(told, Some(world::bad_night()), Vec::new());
        notice.id = format!("n/{number}");
        notice
    });
    of(&world::parcel(notices.collect()))
}

#[test]
fn a_digest_names_twenty_gravest_first_and_counts_the_rest() {
    let letter = digest(981);
    assert_eq!(letter.subject, "tipoff digest: 981 alerts");
    assert!(
        letter.headline.starts_with("981 messages in one"),
        "{}",
        letter.headline
    );
    assert_eq!((letter.items.len(), letter.id.as_str()), (20, "n/0"));
    assert_eq!(letter.status, Status::Holds(Severity::Critical));
    assert!(
        letter.items[0].text.starts_with("30 need work"),
        "{:?}",
        letter.items[0]
    );
    assert_eq!(
        letter.items[0].title,
        "2026-01-11 phase4-to-phase5: gap too large"
    );
    assert_eq!(
        letter.facts,
        [("And 961 more".to_owned(), "Gap too large 961".to_owned())]
    );
    assert!(
        letter.footer.ends_with("Ids n/0 to n/980"),
        "{}",
        letter.footer
    );
}

#[test]
fn a_digest_of_no_more_than_twenty_counts_no_rest() {
    assert!(digest(20).facts.is_empty());
    assert_eq!(digest(21).facts[0].0, "And 1 more");
}

#[test]
fn a_parcel_without_a_message_says_so_and_does_not_fail() {
    let letter = Letter::of(&world::parcel(Vec::new()), world::deadline());
    assert_eq!(letter.headline, "A message that tells of nothing");
}
