//! What is refused of routes, and what they are where nothing is said.
//!
//! Channels themselves have tests of their own.

use std::path::Path;

use chrono::Weekday;

use super::{ChannelId, Error, Route};
use crate::config::{Config, Environment, parse};

const SLACK: &str = "[channels.slack]\nkind = \"slack\"\nchannel = \"#a\"\n";
const EMAIL: &str =
    "[channels.email]\nkind = \"email\"\nhost = \"x.example\"\nfrom = \"a@x.example\"\n";
const TO: &str = "to = [\"dev@x.example\"]\n";
const HOOK: &str = "[channels.hook]\nkind = \"webhook\"\nurl = \"https://x.example\"\n";
const LEAD: &str = "[[people]]\nname = \"Lea\"\nrole = \"lead\"\nemail = \"lea@x.example\"\n";
const HANDOFF: &str = "[[handoffs]]\nid = \"phase4-to-phase5\"\n";

fn read(parts: &[&str]) -> Result<Config, Error> {
    let text = parts.concat();
    let token = match text.contains(SLACK) {
        true => "xoxb-1",
        false => "",
    };
    let set = [("TIPOFF_SLACK_TOKEN".to_owned(), token.to_owned())];
    parse(&text, Path::new("."), &Environment::of(set))
}

fn assert_refused(parts: &[&str], [start, fix]: [&str; 2]) {
    let error = read(parts).unwrap_err().to_string();
    assert!(error.starts_with(start), "{start} is wanted\n{error}");
    assert!(error.contains(fix), "{fix} is missing\n{error}");
}

fn ids(names: &[&str]) -> Vec<ChannelId> {
    names.iter().copied().map(ChannelId::new).collect()
}

fn route(at_once: &[&str], otherwise: &[&str]) -> Route {
    Route {
        at_once: ids(at_once),
        otherwise: ids(otherwise),
    }
}

#[test]
fn routes_that_lead_nowhere_are_refused_with_their_field() {
    for (routes, words) in [
        (
            "critical = { at_once = [] }",
            ["routes.critical.at_once = []", "slack, console"],
        ),
        (
            "critical = {}",
            ["routes.critical.at_once = []", "what is critical"],
        ),
        (
            "warning = { otherwise = [\"slack\"] }",
            ["routes.warning.at_once = []", "slack, console"],
        ),
        (
            "critical = { at_once = [\"mail\"] }",
            ["routes.critical.at_once = \"mail\"", "slack, console"],
        ),
        (
            "daily = [\"mail\"]",
            ["routes.daily = \"mail\"", "no channel"],
        ),
        (
            "weekly = [\"slack\", \"slack\"]",
            ["routes.weekly = \"slack\"", "twice"],
        ),
        (
            "daily_at = \"7 am\"",
            ["routes.daily_at = \"7 am\"", "06:00"],
        ),
        (
            "weekly_at = \"25:00\"",
            ["routes.weekly_at = \"25:00\"", "06:00"],
        ),
        (
            "weekly_on = \"someday\"",
            ["routes.weekly_on = \"someday\"", "monday"],
        ),
        (
            "info = [\"slack\"]",
            ["reading the configuration", "unknown field `info`"],
        ),
    ] {
        let section = format!("[routes]\n{routes}\n");
        assert_refused(&[SLACK, &section], words);
    }
    let own = "[handoffs.routes]\nweekly = [\"mail\"]";
    assert_refused(
        &[SLACK, HANDOFF, own],
        ["handoffs[0].routes.weekly = \"mail\"", "no channel"],
    );
}

#[test]
fn alerts_by_mail_need_somebody_who_is_told_first() {
    let critical = "[routes]\ncritical = { at_once = [\"email\"] }\n";
    assert_refused(
        &[EMAIL, LEAD],
        ["channels.email.to = []", "developers first"],
    );
    assert_refused(
        &[EMAIL, LEAD, critical],
        ["channels.email.to = []", "a developer one"],
    );
    let elsewhere =
        "[routes]\ncritical = { at_once = [\"console\"] }\nwarning = { at_once = [\"console\"] }\n";
    assert!(read(&[EMAIL, LEAD, elsewhere]).is_ok());
    let developer = LEAD.replace("lead", "developer");
    assert!(read(&[EMAIL, &developer, critical]).is_ok());
    assert!(read(&[EMAIL, TO, LEAD]).is_ok());
}

#[test]
fn without_routes_the_kinds_of_channels_decide() {
    let mail = format!("{EMAIL}{TO}");
    let critical = |parts: &[&str]| read(parts).unwrap().routing.routes.critical;
    assert_eq!(critical(&[]), route(&["console"], &[]));
    assert_eq!(critical(&[SLACK]), route(&["slack"], &[]));
    assert_eq!(critical(&[HOOK]), route(&["hook"], &[]));
    assert_eq!(critical(&[&mail, HOOK]), route(&["email"], &["hook"]));
    let all = read(&[SLACK, &mail, HOOK]).unwrap().routing;
    assert_eq!(all.routes.critical, route(&["slack", "email"], &["hook"]));
    assert_eq!(all.routes.warning, route(&["slack"], &["email", "hook"]));
    assert_eq!(all.routes.daily, ids(&["slack"]));
    assert_eq!(all.routes.weekly, ids(&["email"]));
    assert_eq!(all.daily_at.to_string(), "07:10 America/Los_Angeles");
    assert_eq!(all.weekly_on, Weekday::Mon);
    assert_eq!(all.weekly_at.to_string(), "08:00 America/Los_Angeles");
}

#[test]
fn a_handoff_takes_over_what_it_does_not_say_itself() {
    let service = "[routes]\nwarning = { at_once = [\"console\"] }\nweekly_on = \"Friday\"\ndaily_at = \"09:00\"\n";
    let own = "[handoffs.routes]\ncritical = { at_once = [\"hook\"] }\nweekly_at = \"09:30\"\n\
               [handoffs.schedule]\nzone = \"America/New_York\"\n";
    let config = read(&[SLACK, HOOK, service, HANDOFF, own]).unwrap();
    let routing = &config.handoffs[0].routing;
    assert_eq!(routing.routes.critical, route(&["hook"], &[]));
    assert_eq!(routing.routes.warning, route(&["console"], &[]));
    assert_eq!(routing.weekly_on, Weekday::Fri);
    assert_eq!(routing.daily_at.to_string(), "09:00 America/New_York");
    assert_eq!(routing.weekly_at.to_string(), "09:30 America/New_York");
    assert_eq!(config.routing.routes.critical, route(&["slack"], &["hook"]));
}

#[test]
fn a_summary_follows_the_deadline_of_its_handoff_on_the_same_date() {
    for (deadline, daily_at) in [
        ("07:00 America/New_York", "07:10 America/New_York"),
        ("23:55", "23:59 America/Los_Angeles"),
    ] {
        let schedule = format!("[handoffs.schedule]\ndeadline = \"{deadline}\"\n");
        let config = read(&[HANDOFF, &schedule]).unwrap();
        assert_eq!(config.handoffs[0].routing.daily_at.to_string(), daily_at);
    }
}
