//! Text as Slack takes it: escaped, never longer than allowed, and with markup only where no word of others can add its
//! own.
//!
//! Which texts a message has belongs to `blocks` and `live`.

use slack_morphism::blocks::{SlackBlockMarkDownText, SlackBlockPlainText, SlackBlockText};

/// Stands where a text was cut.
const CUT: &str = "…";

/// A piece of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run<'a> {
    /// As it is.
    Plain(&'a str),
    /// Stands out.
    Bold(&'a str),
    /// An aside.
    Italic(&'a str),
    /// A command, to be typed as it stands; nothing in it is read as markup.
    Code(&'a str),
}

impl<'a> Run<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Plain(text) | Self::Bold(text) | Self::Italic(text) | Self::Code(text) => text,
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Plain(_) => "",
            Self::Bold(_) => "*",
            Self::Italic(_) => "_",
            Self::Code(_) => "`",
        }
    }
}

/// A paragraph of at most `max` characters; `None` if it says nothing. It has markup only if none of its words could
/// be taken for markup.
pub(super) fn paragraph(runs: &[Run<'_>], max: usize) -> Option<SlackBlockText> {
    let whole: String = runs.iter().map(|run| run.text()).collect();
    if clean(&whole).trim().is_empty() {
        return None;
    }
    // What stands in a command is not read: only that it cannot end too early counts.
    let read = runs.iter().map(|run| match run {
        Run::Plain(text) | Run::Bold(text) | Run::Italic(text) => *text,
        Run::Code(text) if text.contains(['`', '\n']) || text.trim().is_empty() => "`",
        Run::Code(_) => "x",
    });
    let marked = is_harmless(&read.collect::<String>()).then(|| marked(runs));
    let marked = marked.filter(|text| length(text) <= max);
    Some(match marked {
        Some(text) => SlackBlockMarkDownText::new(text).with_verbatim(true).into(),
        None => plain(&whole, max).into(),
    })
}

/// Text of at most `max` characters that nothing in it can turn into markup; a dash if it says nothing.
pub(super) fn plain(text: &str, max: usize) -> SlackBlockPlainText {
    let text = escaped(text.trim(), max);
    let text = if text.trim().is_empty() {
        "–".to_owned()
    } else {
        text
    };
    SlackBlockPlainText::new(text).with_emoji(false)
}

/// A text in which commands stand between backticks, in pieces; as it is where a backtick has no other on its line.
pub(super) fn commands(text: &str) -> Vec<Run<'_>> {
    if text.lines().any(|line| line.matches('`').count() % 2 == 1) {
        return vec![Run::Plain(text)];
    }
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| match at % 2 {
            0 => Run::Plain(piece),
            _ => Run::Code(piece),
        })
        .collect()
}

fn marked(runs: &[Run<'_>]) -> String {
    let piece = |run: &Run<'_>| {
        let text = escaped(run.text(), usize::MAX);
        let mark = run.mark();
        // A mark that touches a space is no mark, and one over two lines is none either.
        let lines = text.split('\n').map(|line| mark_line(line, mark));
        lines.collect::<Vec<_>>().join("\n")
    };
    runs.iter().map(piece).collect::<String>().trim().to_owned()
}

fn mark_line(line: &str, mark: &str) -> String {
    let inner = line.trim();
    if inner.is_empty() || mark.is_empty() {
        return line.to_owned();
    }
    let start = &line[..line.len() - line.trim_start().len()];
    let end = &line[line.trim_end().len()..];
    format!("{start}{mark}{inner}{mark}{end}")
}

/// Escapes what Slack reads as control characters, and cuts the outcome at `max` between two characters.
/// <https://docs.slack.dev/messaging/formatting-message-text#escaping>
pub(super) fn escaped(text: &str, max: usize) -> String {
    let pieces: Vec<String> = clean(text).chars().map(escape).collect();
    let total: usize = pieces.iter().map(|piece| length(piece)).sum();
    if total <= max {
        return pieces.concat();
    }
    let mut text = String::new();
    let mut left = max.saturating_sub(length(CUT));
    for piece in pieces {
        let needs = length(&piece);
        if needs > left {
            break;
        }
        left -= needs;
        text += &piece;
    }
    text + CUT
}

fn escape(letter: char) -> String {
    match letter {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        letter => letter.to_string(),
    }
}

/// Characters as a JavaScript client counts them: never fewer than Slack does.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Leaves out characters that steer instead of being read: control characters, and those that turn the direction of
/// writing.
fn clean(text: &str) -> String {
    let steers = |letter: &char| {
        (letter.is_control() && *letter != '\n')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let text = text.replace("\r\n", "\n").replace('\t', " ");
    text.chars().filter(|letter| !steers(letter)).collect()
}

/// Whether Slack would find no markup of its own in a text: no bold, italic, struck or code words, no quote, no emoji
/// by name.
fn is_harmless(text: &str) -> bool {
    !has_marks(text) && !has_emoji(text) && !text.lines().any(|line| line.trim().starts_with('>'))
}

/// A line below a word, as in `no_prop_line`, is none: markup begins and ends at the edge of a word.
fn has_marks(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let inside = |at: usize| {
        let is_word = |at: Option<usize>| {
            at.and_then(|at| letters.get(at))
                .is_some_and(|letter| letter.is_alphanumeric())
        };
        is_word(at.checked_sub(1)) && is_word(Some(at + 1))
    };
    letters.iter().enumerate().any(|(at, letter)| match letter {
        '*' | '~' | '`' => true,
        '_' => !inside(at),
        _ => false,
    })
}

/// A time of day, as in `07:00:00`, is none.
fn has_emoji(text: &str) -> bool {
    let names: Vec<&str> = text.split(':').collect();
    let between = names.len().saturating_sub(1);
    names
        .iter()
        .take(between)
        .skip(1)
        .any(|name| name.chars().any(char::is_alphabetic) && !name.chars().any(char::is_whitespace))
}

/// As many lines as fit, each escaped later; the rest is counted in the last one. `weights` says for how many things
/// each line stands.
pub(super) fn lines(lines: &[(String, u64)], more: u64, max: usize) -> String {
    // Room for the line that counts the rest.
    let room = max.saturating_sub(40);
    let mut text = String::new();
    let mut used = 0;
    let mut left = more;
    let mut full = false;
    for (line, weight) in lines {
        let line = line.replace('\n', " ");
        let needs = length(&escaped(&line, usize::MAX)) + 1;
        full |= used + needs > room;
        if full {
            left += weight;
            continue;
        }
        used += needs;
        text += &format!("{line}\n");
    }
    if left > 0 {
        text += &format!("… and {left} more");
    }
    text.trim_end().to_owned()
}

/// A text cut to at most `max` characters, not escaped.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept = text.chars().take(max.saturating_sub(1));
    kept.collect::<String>() + CUT
}

#[cfg(test)]
mod tests {
    use slack_morphism::blocks::SlackBlockText;

    use super::{Run, commands, escaped, is_harmless, length, lines, paragraph, plain};

    fn marked(runs: &[Run<'_>]) -> Option<String> {
        match paragraph(runs, 3000)? {
            SlackBlockText::MarkDown(text) => Some(text.text),
            SlackBlockText::Plain(_) => None,
        }
    }

    #[test]
    fn slacks_control_characters_are_escaped_so_no_mention_or_link_comes_through() {
        assert_eq!(
            escaped("<!channel> <@U1> <https://a.b|x> &amp;", 200),
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://a.b|x&gt; &amp;amp;"
        );
        assert_eq!(escaped("a\u{202e}b\u{0}c\r\nd\te", 20), "abc\nd e");
    }

    #[test]
    fn a_cut_never_parts_an_escape_or_a_character() {
        assert_eq!(escaped("ab&cd", 6), "ab…");
        assert_eq!(escaped("ab&cd", 8), "ab&amp;…");
        assert_eq!(escaped("👍👍👍", 6), "👍👍👍");
        assert_eq!(escaped("👍👍👍", 5), "👍👍…");
        assert_eq!(escaped("abc", 3), "abc");
        assert_eq!(length("👍"), 2);
    }

    #[test]
    fn words_that_look_like_markup_make_the_paragraph_plain() {
        for text in [
            "*bold*",
            "_it_",
            "~no~",
            "`code`",
            "> quote",
            "a\n > quote",
            ":tada:",
            "x_",
        ] {
            assert!(!is_harmless(text), "{text}");
            assert_eq!(marked(&[Run::Bold("Title\n"), Run::Plain(text)]), None);
        }
        for text in [
            "no_prop_line",
            "07:00:00 PST",
            "a > b",
            "41 of 350: 12 %",
            "::",
        ] {
            assert!(is_harmless(text), "{text}");
        }
    }

    #[test]
    fn markup_of_ours_encloses_words_and_not_the_space_around_them() {
        let runs = [
            Run::Bold("Deadline "),
            Run::Plain("a & b\n"),
            Run::Italic("one\ntwo"),
        ];
        assert_eq!(marked(&runs).unwrap(), "*Deadline* a &amp; b\n_one_\n_two_");
        assert_eq!(paragraph(&[Run::Bold(" "), Run::Plain("\n")], 100), None);
    }

    #[test]
    fn a_command_between_backticks_is_code_whatever_is_in_it() {
        let text = "See: `tipoff explain --handoff _a_*b*`, or\n`x <y>`";
        assert_eq!(
            marked(&commands(text)).unwrap(),
            "See: `tipoff explain --handoff _a_*b*`, or\n`x &lt;y&gt;`"
        );
        for text in ["a ` b", "`a\nb`", "``"] {
            assert_eq!(marked(&commands(text)), None, "{text}");
        }
    }

    #[test]
    fn a_text_without_a_word_is_a_dash() {
        assert_eq!(plain(" \n\u{0}", 75).text, "–");
        assert_eq!(plain("x", 75).emoji, Some(false));
    }

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let all: Vec<(String, u64)> = (0..9).map(|n| (format!("line {n}"), 2)).collect();
        assert_eq!(lines(&all[..2], 0, 100), "line 0\nline 1");
        assert_eq!(lines(&all[..1], 5, 100), "line 0\n… and 5 more");
        assert_eq!(lines(&all, 1, 56), "line 0\nline 1\n… and 15 more");
    }
}
