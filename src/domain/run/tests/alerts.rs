//! Which alerts open, worsen, are covered and resolve; each at its boundary.

use super::{
    night::{Night, Sink, Warehouse, opening, pacific},
    triggers::night_in,
    world::game_id,
};
use crate::domain::{
    alert::{Change, Kind, Severity},
    baseline::Baseline,
    completion::Standing,
    effect::Effect,
    ids::HandoffId,
    policy::Policy,
    run::State,
};

/// Which kinds people were told about, in order.
fn opened(night: &Night) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for effect in &night.effects {
        if let Effect::Tell(told) = effect {
            let opened = told.iter().filter(|told| told.change == Change::Opened);
            kinds.extend(opened.map(|told| told.alert.kind));
        }
    }
    kinds
}

#[test]
fn a_good_night_tells_nobody_anything() {
    let night = Night::designed().completed().until("09:00");
    assert_eq!(opened(&night), []);
}

#[test]
fn a_gap_is_told_at_settling_above_five_percent_or_twenty_units() {
    for (ready, failed, told) in [
        (100, 5, false),
        (100, 6, true),
        (420, 20, false),
        (420, 21, true),
    ] {
        let night = Night::of(ready).until("00:30").event().until("00:33");
        let night = night.predicted(ready as usize - failed, 420);
        assert_eq!(
            night.open(Kind::GapExceeded),
            None,
            "never while answers arrive"
        );
        let night = night.answered(failed, Standing::Failed);
        assert_eq!(
            night.open(Kind::GapExceeded).is_some(),
            told,
            "{failed} of {ready}"
        );
    }
}

#[test]
fn a_gap_says_when_it_will_be_retried_and_only_if_it_will() {
    let text = |night: &Night| {
        let alert = night
            .run
            .alerts
            .iter()
            .find(|alert| alert.kind == Kind::GapExceeded);
        alert.map(|alert| alert.text.clone()).unwrap()
    };
    let night = night_in(State::Partial);
    assert_eq!(
        text(&night),
        "40 of 420 ready still need work; will retry at 00:35 PST"
    );
    let night = night.until("00:36").answered(40, Standing::Failed);
    assert_eq!(
        text(&night),
        "40 of 420 ready still need work; will retry at 06:15 PST"
    );
    let night = night.until("06:16").answered(40, Standing::Failed);
    assert_eq!(
        text(&night),
        "40 of 420 ready still need work; no retry is left"
    );
    assert_eq!(night.open(Kind::GapExceeded), Some(Severity::Warning));
    let night = night.until("07:00");
    assert_eq!(night.open(Kind::GapExceeded), Some(Severity::Critical));
    let critical = night
        .told(Kind::GapExceeded)
        .iter()
        .any(|told| told.1 == Severity::Critical);
    assert!(!critical, "the breach says it");
}

#[test]
fn completion_warns_below_ninety_percent_and_is_critical_below_fifty() {
    for (predicted, severity) in [
        (90, None),
        (89, Some(Severity::Warning)),
        (50, Some(Severity::Warning)),
        (49, Some(Severity::Critical)),
    ] {
        let night = Night::of(100).until("00:30").event().until("00:33");
        let night = night
            .predicted(predicted, 100)
            .answered(100, Standing::Failed);
        assert_eq!(night.open(Kind::CompletionLow), severity, "{predicted} %");
    }
}

#[test]
fn what_one_step_opens_is_one_message_led_by_the_gravest() {
    let night = Night::of(100).until("00:30").event().until("00:33");
    let night = night
        .predicted(40, 100)
        .quietly()
        .answered(100, Standing::Failed);
    let told: Vec<_> = night
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Tell(told) => Some(told.clone()),
            _ => None,
        })
        .collect();
    let settled = told.last().unwrap();
    assert_eq!(settled[0].alert.kind, Kind::CompletionLow);
    assert!(
        settled
            .iter()
            .all(|told| told.alert.kind != Kind::GapExceeded),
        "covered"
    );
    assert!(
        settled
            .iter()
            .any(|told| told.alert.kind == Kind::GameWithoutPredictions)
            || settled.len() == 1
    );
}

#[test]
fn workers_that_stay_silent_for_five_minutes_are_critical() {
    let night = night_in(State::Running).until("00:34:59");
    assert_eq!(night.open(Kind::WorkersSilent), None);
    let night = night.until("00:35");
    assert_eq!(night.open(Kind::WorkersSilent), Some(Severity::Critical));
    let text = night.messages(Kind::WorkersSilent)[0].alert.text.clone();
    assert_eq!(
        text,
        "420 are sent since 00:30 PST and no worker has answered"
    );
    let night = night.predicted(1, 1);
    assert_eq!(night.open(Kind::WorkersSilent), None);
}

#[test]
fn silent_workers_stay_told_over_settling_and_retries_until_one_answers() {
    let night = night_in(State::Running).until("06:59");
    assert!(night.run.retries.waves_sent > 1, "it was sent again");
    assert_eq!(night.open(Kind::WorkersSilent), Some(Severity::Critical));
    let changes: Vec<Change> = night
        .messages(Kind::WorkersSilent)
        .iter()
        .map(|told| told.change)
        .filter(|change| matches!(change, Change::Opened | Change::Resolved))
        .collect();
    assert_eq!(changes, [Change::Opened]);
}

#[test]
fn sending_that_stands_still_for_five_minutes_is_stalled() {
    let night = Night::of(20).until("00:30").sink(Sink::Holds).event();
    let night = night.until("00:34:59");
    assert_eq!(night.open(Kind::BatchStalled), None);
    let night = night.until("00:35");
    assert_eq!(night.open(Kind::BatchStalled), Some(Severity::Warning));
}

#[test]
fn incident_49_six_players_for_ten_games_are_told() {
    let night = Night::of(6).until("00:30").event().until("00:36");
    assert_eq!(night.open(Kind::SlateMismatch), Some(Severity::Warning));
    let text = night.messages(Kind::SlateMismatch)[0].alert.text.clone();
    assert_eq!(text, "6 ready for 10 games: 0.6 a game where 10 are usual");
    for (ready, told) in [(49, true), (50, false)] {
        let night = Night::of(ready).until("00:30").event().until("00:36");
        assert_eq!(night.open(Kind::SlateMismatch).is_some(), told, "{ready}");
    }
}

#[test]
fn a_night_far_faster_than_usual_is_told_once_ten_nights_are_known() {
    for (nights, told) in [(9, false), (10, true)] {
        let night = Night::designed().baseline(Baseline {
            nights,
            seconds_per_unit: Some(3.0),
            ready_per_game: Some(42.0),
            ready_share: Some(0.9),
            ..Baseline::default()
        });
        let night = night.completed();
        assert_eq!(
            night.open(Kind::SlateMismatch).is_some(),
            told,
            "{nights} nights"
        );
    }
}

#[test]
fn incident_77_a_game_without_a_prediction_is_told_though_the_night_is_a_success() {
    let mut night = Night::of(100).until("00:30");
    night.tables.games.push(game_id(77));
    let night = night.event().until("00:33").predicted(100, 100);
    assert_eq!(night.state(), State::Complete);
    assert_eq!(
        night.open(Kind::GameWithoutPredictions),
        Some(Severity::Warning)
    );
    let text = night.messages(Kind::GameWithoutPredictions)[0]
        .alert
        .text
        .clone();
    assert_eq!(text, "1 of 11 games have no prediction: game-77");
}

#[test]
fn a_readiness_gap_is_told_above_its_limits_and_never_part_of_the_verdict() {
    for (expected, severity) in [
        (125, None),
        (126, Some(Severity::Info)),
        (200, Some(Severity::Info)),
        (201, Some(Severity::Warning)),
    ] {
        let night = Night::of(100).listing(expected).until("00:30").event();
        let night = night.until("00:33").predicted(100, 100);
        assert_eq!(
            night.open(Kind::ReadinessGap),
            severity,
            "100 of {expected}"
        );
        assert_eq!(night.state(), State::Complete);
    }
}

#[test]
fn a_readiness_gap_of_three_times_the_median_is_told_once_ten_nights_are_known() {
    for (nights, usual, told) in [(10, 0.03, true), (10, 0.034, false), (9, 0.03, false)] {
        let night = Night::of(100).listing(111).baseline(Baseline {
            nights,
            readiness_gap: Some(usual),
            ..Baseline::default()
        });
        let night = night.until("00:30").event();
        let warning = night.open(Kind::ReadinessGap) == Some(Severity::Warning);
        assert_eq!(warning, told, "{nights} nights, {usual}");
    }
}

#[test]
fn the_upstream_is_late_an_hour_after_its_usual_time() {
    let night = Night::designed().until("01:29:59");
    assert_eq!(night.open(Kind::UpstreamLate), None);
    let night = night.until("01:30");
    assert_eq!(night.open(Kind::UpstreamLate), Some(Severity::Warning));
    assert_eq!(night.event().open(Kind::UpstreamLate), None);
}

#[test]
fn a_late_handoff_upstream_is_shown_and_its_own_alerts_tell_of_it() {
    let mut policy = Policy::phase4_to_phase5();
    policy.upstream.handoff = Some(HandoffId::new("phase3-to-phase4"));
    let night = Night::opened(opening(policy), 420).until("01:30");
    assert_eq!(night.open(Kind::UpstreamLate), Some(Severity::Info));
}

#[test]
fn the_usual_time_is_the_median_once_ten_nights_are_known_and_six_the_latest() {
    for (minutes, late_at) in [(300, "03:00"), (700, "06:00")] {
        let night = Night::designed().baseline(Baseline {
            nights: 10,
            usual_finish: Some(chrono::TimeDelta::minutes(minutes)),
            slowest_finish: Some(chrono::TimeDelta::minutes(minutes + 30)),
            ..Baseline::default()
        });
        let before = pacific(late_at) - chrono::TimeDelta::seconds(1);
        let night = night.until_instant(before);
        assert_eq!(night.open(Kind::UpstreamLate), None, "{late_at}");
        assert!(
            night.after(1).open(Kind::UpstreamLate).is_some(),
            "{late_at}"
        );
    }
}

#[test]
fn a_warehouse_that_cannot_be_asked_for_ten_minutes_is_told_and_critical_near_the_deadline() {
    let night = night_in(State::Waiting)
        .warehouse(Warehouse::Down)
        .until("00:31");
    let night = night.until("00:40:59");
    assert_eq!(night.open(Kind::WarehouseUnreachable), None);
    let night = night.until("00:41");
    assert_eq!(
        night.open(Kind::WarehouseUnreachable),
        Some(Severity::Warning)
    );
    let text = night.messages(Kind::WarehouseUnreachable)[0]
        .alert
        .text
        .clone();
    assert_eq!(
        text,
        "the warehouse could not be asked since 00:31 PST: no route"
    );
    let night = night.until("05:59:59");
    assert_eq!(
        night.open(Kind::WarehouseUnreachable),
        Some(Severity::Warning)
    );
    let night = night.until("06:00");
    assert_eq!(
        night.open(Kind::WarehouseUnreachable),
        Some(Severity::Critical)
    );
    let night = night.warehouse(Warehouse::Up).until("06:01");
    assert_eq!(night.open(Kind::WarehouseUnreachable), None);
}

#[test]
fn a_start_with_less_than_wanted_is_told() {
    let night = Night::of(60).listing(450).baseline(Baseline {
        nights: 10,
        ready_share: Some(0.9),
        ..Baseline::default()
    });
    let night = night.until("00:30").event().until("06:30");
    assert_eq!(night.open(Kind::StartedDegraded), Some(Severity::Warning));
}

#[test]
fn nothing_predicted_by_the_deadline_is_kept_and_the_breach_says_it() {
    let night = Night::sent_at(100, "06:55").until("07:00");
    assert_eq!(night.open(Kind::NothingPredicted), Some(Severity::Critical));
    assert_eq!(night.told(Kind::NothingPredicted), []);
    assert_eq!(night.told(Kind::DeadlineBreached).len(), 1);
}

#[test]
fn a_promise_in_danger_is_told_after_two_minutes_and_closes_five_minutes_before_the_deadline() {
    let night = night_in(State::Complete).until("06:57").with_ready(840);
    let night = night.event().until("06:58:59");
    assert_eq!(
        night.open(Kind::DeadlineAtRisk),
        None,
        "{:?}",
        night.run.risk
    );
    let night = night.until("06:59");
    assert_eq!(night.open(Kind::DeadlineAtRisk), Some(Severity::Warning));
    let night = night.predicted(420, 420);
    assert_eq!(night.open(Kind::DeadlineAtRisk), None);
}

#[test]
fn no_end_in_sight_is_at_risk_at_once_and_the_deadline_ends_it() {
    let night = night_in(State::Failed);
    assert_eq!(night.open(Kind::DeadlineAtRisk), Some(Severity::Warning));
    let text = night.messages(Kind::DeadlineAtRisk)[0].alert.text.clone();
    assert_eq!(
        text,
        "the deadline of 07:00 PST is at risk: no finish is in sight"
    );
    assert_eq!(night.verdict(), Some(crate::domain::sla::Verdict::AtRisk));
    let night = night.until("07:00");
    assert_eq!(night.open(Kind::DeadlineAtRisk), None);
    assert_eq!(night.open(Kind::DeadlineBreached), Some(Severity::Critical));
}

#[test]
fn an_unacknowledged_critical_alert_is_repeated_after_half_an_hour() {
    let night = Night::sent_at(100, "06:55").until("07:29:59");
    assert_eq!(night.told(Kind::DeadlineBreached).len(), 1);
    let night = night.until("07:30");
    let reminded = (Change::Reminded, Severity::Critical);
    assert_eq!(night.told(Kind::DeadlineBreached).last(), Some(&reminded));
}

#[test]
fn a_gap_that_is_being_sent_again_is_not_told_as_closed_before_it_is() {
    let night = Night::of(100).until("00:30").event().until("00:33");
    let night = night.predicted(94, 94).answered(6, Standing::Failed);
    let opened = (Change::Opened, Severity::Warning);
    assert_eq!(night.told(Kind::GapExceeded), [opened]);
    let night = night.until("00:36");
    assert_eq!((night.run.counts.in_flight, night.run.counts.gap()), (6, 0));
    assert_eq!(night.told(Kind::GapExceeded), [opened]);
    let night = night.predicted(6, 6);
    let resolved = (Change::Resolved, Severity::Warning);
    assert_eq!(night.told(Kind::GapExceeded), [opened, resolved]);
}
