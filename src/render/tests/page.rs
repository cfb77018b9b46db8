//! Tests of layouts: nothing unescaped in a page, nothing loaded from elsewhere, no line too long in a text.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

use super::{samples::samples, world};
use crate::{
    domain::{
        alert::{Change, Kind, Severity},
        completion::Standing,
        ids::{GameId, HandoffId, UnitId},
    },
    ports::{
        OpenUnit,
        notice::{About, Parcel},
    },
    render::{html, letter::Letter, plain, words::tidy},
};

/// Every tag with the names of its attributes, and all text between tags. Panics where a page is not put together of
/// whole tags.
fn parts(page: &str) -> (Vec<String>, String) {
    let (mut tags, mut text, mut rest) = (Vec::new(), String::new(), page);
    while let Some(start) = rest.find('<') {
        text += &rest[..start];
        let (tag, after) = tag(&rest[start + 1..]);
        rest = match tag.as_str() {
            "style" => &after[after.find("</style>").expect("styles end")..],
            _ => after,
        };
        tags.push(tag);
    }
    (tags, text + rest)
}

/// The first tag, as its name and its attributes' names, and what follows it.
fn tag(text: &str) -> (String, &str) {
    let mut names = String::new();
    let mut quoted = false;
    for (index, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => return (names, &text[index + 1..]),
            '<' => panic!("a tag inside a tag: {text:.80}"),
            _ if quoted => {}
            _ => names.push(letter),
        }
    }
    panic!("a tag without an end: {text:.80}")
}

/// A command has a span a word, so many as there are words.
fn without_spans(tags: &[String]) -> Vec<&String> {
    let is_span = |tag: &&String| tag.trim_start_matches('/').starts_with("span");
    tags.iter().filter(|tag| !is_span(tag)).collect()
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"").replace("&amp;", "&")
}

/// A message in which every word of others is the given one.
fn with(word: &str) -> Parcel {
    let mut night = world::bad_night();
    night.key.handoff = HandoffId::new(word);
    night.reasons = [(word.to_owned(), 2)].into();
    night.could_not_ask = Some((world::deadline(), word.to_owned()));
    let alert = world::alert(Kind::GapExceeded, Severity::Warning, word);
    let unit = OpenUnit {
        unit: UnitId::new(word),
        game_id: GameId::new(word),
        standing: Standing::Failed,
        reason: Some(word.to_owned()),
        attempts: 1,
    };
    let mut notice = world::alerts(
        vec![world::told(Change::Opened, alert)],
        Some(night.clone()),
        vec![unit],
    );
    notice.about = About::Night(night.key);
    notice.id = word.to_owned();
    world::parcel(vec![notice])
}

fn page_of(word: &str) -> (String, Letter) {
    let parcel = with(word);
    let letter = Letter::of(&parcel, parcel.notices[0].at);
    (html::page(&letter), letter)
}

#[test]
fn the_check_finds_what_is_not_escaped() {
    let (harmless, _) = parts("<p>a</p>");
    assert_eq!(harmless, ["p", "/p"]);
    assert_ne!(parts("<p><b>a</p>").0, harmless);
    assert!(std::panic::catch_unwind(|| parts("<p>a < b</p>")).is_err());
}

#[test]
fn words_of_others_stay_words() {
    let (tags, _) = parts(&page_of("word").0);
    for word in [
        "<script>alert(1)</script>",
        "a & b &amp; c",
        "\"quoted\" 'twice'",
        "]]> <!-- --> <![CDATA[",
        "\u{202e}turned",
        "🏀 ñandú",
        "</style></title>",
        "x' onload='y",
        &"x".repeat(300),
    ] {
        let (page, letter) = page_of(word);
        let (found, text) = parts(&page);
        assert_eq!(without_spans(&found), without_spans(&tags), "{word}");
        assert!(unescaped(&text).contains(&tidy(word)), "{word}\n{text}");
        assert!(!page.contains('\u{202e}'), "{word}");
        assert!(letter.units[0].units[0].contains(&tidy(word)), "{word}");
    }
}

#[test]
fn a_page_loads_nothing_and_says_its_state_first_in_a_word() {
    for (name, letter) in samples() {
        let page = html::page(&letter);
        parts(&page);
        assert!(
            !page.contains("src=\"http") && !page.contains("url("),
            "{name}"
        );
        assert!(
            !page.contains("<link") && !page.contains("@import"),
            "{name}"
        );
        let first = page
            .find("overflow:hidden")
            .map(|start| &page[start..])
            .unwrap();
        let said = format!("overflow:hidden\">{}: ", letter.status.word());
        assert!(first.starts_with(&said), "{name}: {first:.80}");
        assert!(
            page.contains("role=\"article\"") && page.contains("lang=\"en\""),
            "{name}"
        );
        for picture in &letter.pictures {
            assert!(
                page.contains(&format!("src=\"cid:{}\" alt=\"", picture.name)),
                "{name}"
            );
        }
    }
}

#[test]
fn a_page_has_one_button_and_commands_that_can_be_read() {
    let (page, _) = page_of("word");
    assert_eq!(page.matches("role=\"button\"").count(), 1);
    assert!(!page.contains('`'), "{page}");
    assert!(page.contains(">tipoff</span>"), "{page}");
}

fn too_long(text: &str) -> Option<&str> {
    let is_address = |line: &str| line.trim_start().starts_with("https://");
    text.lines()
        .find(|line| line.chars().count() > 78 && !is_address(line))
}

#[test]
fn no_line_of_a_text_is_longer_than_78_but_an_address() {
    for (name, letter) in samples() {
        let text = plain::text(&letter);
        assert_eq!(too_long(&text), None, "{name}\n{text}");
        assert!(
            text.ends_with('\n') && !text.contains("\n\n\n"),
            "{name}\n{text}"
        );
    }
}

/// Letters that layouts and terminals trip over, mixed with any other.
fn words() -> impl Strategy<Value = String> {
    let odd = "[<>&\"'/=!\\-\\[\\] \n\r\t\u{1b}\u{7}\u{202e}\u{feff}a-z0-9🏀é]{1,120}";
    proptest::prop_oneof![odd, any::<String>()]
}

proptest! {
    #[test]
    fn no_word_of_others_becomes_a_tag_or_a_long_line(word in words()) {
        // A backtick marks a command in advice, in which the handoff's name stands, too.
        let word = word.replace('`', "'");
        let (tags, _) = parts(&page_of("word").0);
        let (page, letter) = page_of(&format!("x{word}"));
        let (found, _) = parts(&page);
        prop_assert_eq!(without_spans(&found), without_spans(&tags));
        let text = plain::text(&letter);
        prop_assert_eq!(too_long(&text), None);
        prop_assert!(text.chars().all(|it| it == '\n' || !it.is_control()));
    }
}
