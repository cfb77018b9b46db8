//! Tests of what a message says of its way: late, instead of another channel, a repeat, an escalation; and its links.

use chrono::TimeDelta;

use super::world;
use crate::{
    domain::{
        alert::{Change, Role},
        ids::ChannelId,
    },
    ports::notice::{Links, Parcel, Way},
    render::letter::{Letter, Link},
};

fn of(parcel: &Parcel) -> Letter {
    Letter::of(parcel, parcel.notices[0].at)
}

#[test]
fn a_message_on_its_usual_way_says_nothing_of_it() {
    assert_eq!(of(&world::bad_parcel()).notes, Vec::<String>::new());
}

#[test]
fn a_message_says_why_it_comes_here_that_it_is_late_and_that_it_may_be_a_repeat() {
    let mut parcel = world::bad_parcel();
    parcel.way = Way {
        instead_of: Some((ChannelId::new("slack"), "404 no_service".to_owned())),
        elsewhere: vec![
            (ChannelId::new("email"), world::at("2026-01-11T14:02:00Z")),
            (ChannelId::new("console"), world::at("2026-01-11T14:03:00Z")),
        ],
        may_repeat: true,
        attempts: 1,
    };
    assert_eq!(
        of(&parcel).notes,
        [
            "slack did not take this message (404 no_service), so it comes here instead",
            "late: email has it since 06:02 PST / 09:02 EST, console has it since 06:03 PST / 09:03 EST",
            "this may be a repeat: the server's answer to an earlier try was lost",
            "1 earlier try to deliver it did not succeed",
        ]
    );
}

#[test]
fn a_message_that_left_five_minutes_after_it_was_decided_says_of_when_its_numbers_are() {
    let parcel = world::bad_parcel();
    let decided = parcel.notices[0].at;
    let early = decided + TimeDelta::minutes(5) - TimeDelta::microseconds(1);
    assert!(Letter::of(&parcel, early).notes.is_empty());
    assert_eq!(
        Letter::of(&parcel, decided + TimeDelta::minutes(41)).notes,
        ["it left 41 min after it was decided: its numbers are of 07:01 PST / 10:01 EST"]
    );
}

#[test]
fn whoever_an_escalation_is_for_reads_why_and_whoever_knew_is_not_named() {
    let mut told = world::told(Change::Escalated, world::breach());
    told.known_up_to = Some(Role::Developer);
    let night = Some(world::bad_night());
    let mut parcel = world::parcel(vec![world::alerts(vec![told], night, Vec::new())]);
    parcel.audience = vec![
        world::person("ann", Role::Developer),
        world::person("otto", Role::OnCall),
    ];
    let letter = of(&parcel);
    assert_eq!(
        letter.notes,
        [
            "otto (engineer on call): you are told because nobody has acknowledged it since 07:01 PST / 10:01 EST"
        ]
    );
    parcel.audience.clear();
    assert!(of(&parcel).notes[0].starts_with("you are told because"));
}

#[test]
fn in_observe_mode_a_message_says_that_another_does_the_work_and_asks_for_nothing_tipoff_would_do()
{
    let mut night = world::bad_night();
    night.observing = true;
    let told = world::told(Change::Opened, world::breach());
    let letter = of(&world::parcel(vec![world::alerts(
        vec![told],
        Some(night),
        Vec::new(),
    )]));
    assert_eq!(
        letter.notes,
        ["another coordinator does the work; Tipoff only watches"]
    );
    assert!(
        !letter.advice.iter().any(|line| line.contains("retry")),
        "{letter:?}"
    );
    assert!(
        !letter.done.iter().any(|line| line.contains("Sent")),
        "{letter:?}"
    );
}

#[test]
fn a_message_links_to_its_page_and_to_the_runbook_of_each_kind() {
    let letter = of(&world::bad_parcel());
    let expected = [
        Link {
            label: "Acknowledge or silence".to_owned(),
            url: "https://tipoff.example.org/page/abc?sig=1&until=2".to_owned(),
            primary: true,
        },
        Link {
            label: "Runbook: Deadline breached".to_owned(),
            url: "https://docs.example.org/runbooks/DeadlineBreached.md".to_owned(),
            primary: false,
        },
    ];
    assert_eq!(letter.links, expected);
    assert!(
        letter.footer.contains("works until 19:00 PST / 22:00 EST"),
        "{}",
        letter.footer
    );
}

#[test]
fn without_addresses_there_are_no_links() {
    let mut parcel = world::bad_parcel();
    parcel.links = Links::default();
    let letter = of(&parcel);
    assert!(letter.links.is_empty() && letter.items[0].runbook.is_none());
    assert_eq!(
        letter.footer,
        "Decided at 07:01 PST / 10:01 EST. Id phase4-to-phase5/2026-01-11/41/0"
    );
}

#[test]
fn nothing_is_to_be_acknowledged_of_what_is_over() {
    let told = world::told(Change::Resolved, world::breach());
    let night = Some(world::bad_night());
    let letter = of(&world::parcel(vec![world::alerts(
        vec![told],
        night,
        Vec::new(),
    )]));
    assert_eq!(letter.links[0].label, "Open its page");
}
