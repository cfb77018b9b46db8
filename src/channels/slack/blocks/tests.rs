//! The layout of a letter: Slack's limits for any letter, and what stands where.
//!
//! That Slack takes it is tested over a socket.

use proptest::{collection::vec, option, prelude::Just, prop_oneof, proptest, strategy::Strategy};
use serde_json::{Value, json};
use slack_morphism::blocks::SlackBlock;

use super::blocks;
use crate::{
    channels::slack::words::{bare, notification},
    domain::alert::Severity,
    render::letter::{Item, Letter, Link, Status, Table, UnitGroup},
};

fn letter() -> Letter {
    Letter {
        id: "phase4-to-phase5/2026-01-19/7/0".to_owned(),
        thread: "phase4-to-phase5/2026-01-19".to_owned(),
        status: Status::Holds(Severity::Critical),
        subject: "2026-01-19 phase4-to-phase5".to_owned(),
        headline: "Deadline breached: 41 of 350 players have no prediction".to_owned(),
        notes: Vec::new(),
        items: vec![item("Deadline breached", "41 players need work")],
        facts: vec![("Ready".to_owned(), "350".to_owned())],
        units: Vec::new(),
        units_unnamed: 0,
        done: vec!["sent again at 06:15 PST".to_owned()],
        next: Vec::new(),
        advice: Vec::new(),
        links: Vec::new(),
        table: None,
        pictures: Vec::new(),
        footer: "Decided 07:00 PST / 10:00 EST".to_owned(),
        at: "2026-01-19T15:00:00Z".parse().unwrap(),
    }
}

fn item(title: &str, text: &str) -> Item {
    Item {
        status: Status::Holds(Severity::Critical),
        change: "new".to_owned(),
        title: title.to_owned(),
        text: text.to_owned(),
        since: "07:00 PST / 10:00 EST".to_owned(),
        acknowledged: None,
        runbook: Some("https://runbooks.test/DeadlineBreached.md".to_owned()),
    }
}

fn link(label: &str, url: &str, primary: bool) -> Link {
    Link {
        label: label.to_owned(),
        url: url.to_owned(),
        primary,
    }
}

fn json_of(letter: &Letter) -> Value {
    serde_json::to_value(blocks(letter, &[])).unwrap()
}

/// What Slack's documented limits say against a layout.
/// <https://docs.slack.dev/reference/block-kit/blocks>
fn offences(blocks: &[SlackBlock]) -> Vec<String> {
    let blocks = serde_json::to_value(blocks).unwrap();
    let blocks = blocks.as_array().unwrap();
    let mut wrong = Vec::new();
    let mut limit = |what: &str, length: usize, max: usize| {
        if length == 0 || length > max {
            wrong.push(format!("{what}: {length}, not 1 to {max}"));
        }
    };
    limit("blocks", blocks.len(), 50);
    let long = |text: &Value| match text["text"].as_str() {
        Some(text) if !text.trim().is_empty() => text.encode_utf16().count(),
        Some(_) | None => 0,
    };
    let list = |value: &Value| value.as_array().unwrap().clone();
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => limit("header", long(&block["text"]), 150),
            "section" => {
                if block["fields"].is_null() {
                    limit("section", long(&block["text"]), 3000);
                } else {
                    let fields = list(&block["fields"]);
                    limit("fields", fields.len(), 10);
                    fields
                        .iter()
                        .for_each(|field| limit("field", long(field), 2000));
                }
            }
            "context" => {
                let elements = list(&block["elements"]);
                limit("elements", elements.len(), 10);
                elements
                    .iter()
                    .for_each(|it| limit("element", long(it), 2000));
            }
            "actions" => {
                let buttons = list(&block["elements"]);
                limit("buttons", buttons.len(), 25);
                for button in &buttons {
                    limit("button", long(&button["text"]), 75);
                    limit("url", button["url"].as_str().unwrap().len(), 3000);
                }
            }
            other => limit(&format!("{other} is not expected"), 0, 0),
        }
    }
    wrong
}

/// Control characters of Slack's that stand in a text unescaped, calls of ours apart.
fn control(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| *name != "url")
            .flat_map(|(_, value)| control(value))
            .collect(),
        Value::Array(values) => values.iter().flat_map(control).collect(),
        Value::String(text) if text.contains(['<', '>']) && !text.starts_with("<@U") => {
            vec![text.clone()]
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        Just(String::new()),
        Just(" \n\t".to_owned()),
        Just("<!channel> <@U1> & *x* `y` :tada:".to_owned()),
        "[&<>👍a]{0,30}".prop_map(|text| text.repeat(200)),
        proptest::char::any().prop_map(|it| it.to_string().repeat(4000)),
    ]
}

fn addresses() -> impl Strategy<Value = String> {
    prop_oneof![
        words(),
        words().prop_map(|text| format!("https://a.test/{text}")),
        Just("javascript:alert(1)".to_owned()),
    ]
}

fn some_items() -> impl Strategy<Value = Vec<Item>> {
    let parts = (
        words(),
        words(),
        words(),
        option::of(words()),
        option::of(addresses()),
    );
    let item = parts.prop_map(|(change, title, text, acknowledged, runbook)| Item {
        status: Status::Resolved,
        since: change.clone(),
        change,
        title,
        text,
        acknowledged,
        runbook,
    });
    vec(item, 0..30)
}

fn letters() -> impl Strategy<Value = Letter> {
    let texts = || vec(words(), 0..30);
    let heads = (words(), words(), words(), words());
    let lists = (texts(), texts(), texts(), texts());
    let group = (words(), texts()).prop_map(|(game, units)| UnitGroup { game, units });
    let links = vec((words(), addresses(), proptest::bool::ANY), 0..12);
    let rest = (
        vec((words(), words()), 0..40),
        vec(group, 0..70),
        links,
        some_items(),
    );
    let table = option::of((texts(), vec(texts(), 0..30)));
    (heads, lists, rest, table).prop_map(|(heads, lists, rest, table)| Letter {
        id: heads.0,
        subject: heads.1,
        headline: heads.2,
        footer: heads.3,
        notes: lists.0,
        done: lists.1,
        next: lists.2,
        advice: lists.3,
        facts: rest.0,
        units: rest.1,
        units_unnamed: 3,
        links: rest
            .2
            .iter()
            .map(|(label, url, primary)| link(label, url, *primary))
            .collect(),
        items: rest.3,
        table: table.map(|(head, rows)| Table { head, rows }),
        ..letter()
    })
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    #[test]
    fn any_letter_keeps_slacks_limits_and_calls_nobody(letter in letters()) {
        let mentions = ["U024BE7LH".to_owned()];
        let blocks = blocks(&letter, &mentions);
        assert_eq!(offences(&blocks), Vec::<String>::new());
        assert_eq!(control(&serde_json::to_value(&blocks).unwrap()), Vec::<String>::new());
        for text in [notification(&letter), bare(&letter, &[], "invalid_blocks")] {
            assert!(!text.trim().is_empty() && text.chars().count() <= 4000, "{}", text.len());
            assert!(!text.contains(['<', '>']), "{text}");
        }
    }
}

#[test]
fn the_limits_check_finds_what_is_wrong() {
    let wrong: Vec<SlackBlock> = serde_json::from_value(json!([
        {"type": "header", "text": {"type": "plain_text", "text": "a".repeat(151)}},
        {"type": "section", "text": {"type": "mrkdwn", "text": " "}},
        {"type": "section", "fields": []},
        {"type": "context", "elements": []},
        {"type": "actions", "elements": []},
        {"type": "divider"},
    ]))
    .unwrap();
    assert_eq!(offences(&wrong).len(), 6);
    assert_eq!(offences(&[]).len(), 1);
    assert_eq!(control(&json!([{"text": "<!here>", "url": "<"}])).len(), 1);
}

#[test]
fn it_says_how_bad_it_is_in_a_word_and_what_happened_before_all_else() {
    let blocks = json_of(&letter());
    assert_eq!(
        blocks[0]["text"]["text"],
        "🔴 Critical · 2026-01-19 phase4-to-phase5"
    );
    assert_eq!(
        blocks[1]["text"]["text"],
        "*Deadline breached: 41 of 350 players have no prediction*"
    );
    assert_eq!(
        blocks[2]["text"]["text"],
        "*🔴 Deadline breached* · Critical, new\n41 players need work\nSince 07:00 PST / 10:00 EST"
    );
    assert_eq!(blocks[2]["accessory"]["text"]["text"], "Runbook");
    assert_eq!(blocks[3]["fields"][0]["text"], "*Ready*\n350");
    assert_eq!(
        blocks[4]["text"]["text"],
        "*Done already*\n• sent again at 06:15 PST"
    );
    assert_eq!(
        blocks[5]["elements"][1]["text"],
        "id phase4-to-phase5/2026-01-19/7/0"
    );
    assert_eq!(
        notification(&letter()),
        "🔴 Critical: Deadline breached: 41 of 350 players have no prediction"
    );
}

#[test]
fn only_member_ids_are_called() {
    let ids = [
        "U024BE7LH",
        "!channel",
        "U1|x",
        "u1",
        "U024BE7LH",
        "S0GROUP",
    ]
    .map(str::to_owned);
    let blocks = serde_json::to_value(blocks(&letter(), &ids)).unwrap();
    assert_eq!(blocks[1]["text"]["text"], "<@U024BE7LH>");
}

#[test]
fn one_button_stands_out_and_an_address_that_is_none_has_no_button() {
    let mut letter = letter();
    letter.links = vec![
        link("No", "javascript:alert(1)", true),
        link("Acknowledge or silence", "https://tipoff.test/a", true),
        link("Open", "https://tipoff.test/b", true),
    ];
    let blocks = json_of(&letter);
    let buttons = blocks
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["type"] == "actions")
        .unwrap();
    let buttons = buttons["elements"].as_array().unwrap();
    let styles: Vec<&Value> = buttons.iter().map(|it| &it["style"]).collect();
    assert_eq!(styles, [&json!("primary"), &Value::Null]);
    assert_eq!(buttons[0]["url"], "https://tipoff.test/a");
}

#[test]
fn a_runbook_has_one_button() {
    let runbook = "https://runbooks.test/DeadlineBreached.md";
    let mut letter = letter();
    letter.links = vec![link("Runbook", runbook, false)];
    let said = json_of(&letter).to_string();
    assert_eq!(said.matches(runbook).count(), 1, "{said}");
}

#[test]
fn figures_beyond_the_first_are_small_print() {
    let mut letter = letter();
    letter.facts = (0..10)
        .map(|n| (format!("Figure {n}"), "<1>".to_owned()))
        .collect();
    let blocks = json_of(&letter);
    assert_eq!(blocks[3]["fields"].as_array().unwrap().len(), 8);
    assert_eq!(
        blocks[4]["elements"][0]["text"],
        "Figure 8: &lt;1&gt; · Figure 9: &lt;1&gt;"
    );
}

#[test]
fn advice_shows_its_commands_as_code() {
    let mut letter = letter();
    letter.advice = vec!["send again: `tipoff retry --game-date 2026-01-19`".to_owned()];
    let said = json_of(&letter).to_string();
    let words = "*What you can do*\\n• send again: `tipoff retry --game-date 2026-01-19`";
    assert!(said.contains(words), "{said}");
}

#[test]
fn units_that_are_not_shown_are_counted() {
    let mut letter = letter();
    let units = (0..450).map(|n| format!("player{n}"));
    letter.units = vec![UnitGroup {
        game: "LAL at BOS".to_owned(),
        units: units.collect(),
    }];
    letter.units_unnamed = 50;
    let said = json_of(&letter).to_string();
    assert!(said.contains("• LAL at BOS: player0, player1,"), "{said}");
    assert!(said.contains("player11, …\\n… and 488 more"), "{said}");
}

#[test]
fn a_long_list_of_alerts_goes_on_as_lines_and_the_rest_is_counted() {
    let mut letter = letter();
    letter.items = (0..60)
        .map(|n| item(&format!("Alert {n}"), "text"))
        .collect();
    let said = json_of(&letter).to_string();
    for words in [
        "*🔴 Alert 9*",
        "• 🔴 Critical: Alert 10 (new): text",
        "… and ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn without_a_layout_the_words_are_the_same_and_say_why() {
    let text = bare(&letter(), &["U024BE7LH".to_owned()], "invalid_blocks");
    for words in [
        "🔴 Critical: Deadline breached",
        "<@U024BE7LH>",
        "(Slack did not take this message's layout: invalid_blocks)",
        "• 🔴 Critical: Deadline breached (new): 41 players need work",
        "Ready: 350",
        "Decided 07:00 PST / 10:00 EST",
        "phase4-to-phase5/2026-01-19/7/0",
    ] {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
}
