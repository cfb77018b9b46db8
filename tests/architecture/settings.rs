//! docs/configuration.md, written from the example of every setting and its comments.
//!
//! That the example is true belongs to the tests of `config`.

use crate::source::Source;

/// Settings that stand under one heading.
#[derive(Default)]
struct Section {
    name: String,
    comment: String,
    settings: Vec<Setting>,
    /// Written out right behind a `#`: there is none by default, and its values are examples.
    unset: bool,
}

/// One setting of the example.
struct Setting {
    name: String,
    value: String,
    comment: String,
    /// Written out right behind a `#`: there is no default.
    unset: bool,
}

const OPENING: &str = "# Configuration

Written from [examples/every-setting.toml](examples/every-setting.toml) by
`TIPOFF_REGENERATE=1 cargo test --test architecture`; do not edit.

`tipoff serve` needs no configuration: every setting has a default, and without a file the handoff
`phase4-to-phase5` is served. `tipoff check --config FILE` says whether a file is understood and whether its handoffs
can keep their promise, and prints how people are told; unknown keys are refused.
[examples/option-b.toml](examples/option-b.toml) promises 07:00 New York instead, and moves the backup and the retries
with it. [examples/slack-and-email.toml](examples/slack-and-email.toml) tells people over Slack and by mail.
";

const ENVIRONMENT: &str = "
## Environment

| variable | what it says |
|---|---|
| `BIGQUERY_EMULATOR_HOST` | `host:port` of a BigQuery emulator; no token is sent there |
| `GCE_METADATA_HOST` | `host:port` of the metadata server, instead of `metadata.google.internal` |
| `GOOGLE_APPLICATION_CREDENTIALS` | a service account's key file, instead of `google.credentials_file` |
| `GOOGLE_CLOUD_PROJECT` | the project's id, instead of `google.project` |
| `PORT` | the port to listen on; goes before `listen.port` |
| `PUBSUB_EMULATOR_HOST` | `host:port` of a Pub/Sub emulator; no token is sent there |
| `TIPOFF_ADDRESS` | the address to listen on; goes before `listen.address`. Beyond loopback a token or an identity is needed |
| `TIPOFF_CONFIG` | the configuration file, for `serve`, `check`, `doctor`, `publish`, `health` and `infra` |
| `TIPOFF_DATA` | the folder for the service's files; goes before `data` |
| `TIPOFF_HEARTBEAT_URL` | where the dead man's switch is called, instead of `heartbeat.url` |
| `TIPOFF_LOG_FORMAT` | `text` or `json`; goes before `log_format` |
| `TIPOFF_PUBLIC_URL` | the base of links in messages; goes before `public_url` |
| `TIPOFF_SLACK_TOKEN` | the Slack bot's token, instead of a channel's `token_file` |
| `TIPOFF_SLACK_WEBHOOK_URL` | the address of an incoming webhook, instead of a channel's `webhook_url_file` |
| `TIPOFF_SMTP_PASSWORD` | the mail password, instead of a channel's `password_file` |
| `TIPOFF_TOKEN` | the token: what the service asks for, and what the commands that call it send |
| `TIPOFF_URL` | where the service listens, for the commands that call it |
";

/// The document as it ought to be.
pub fn markdown(example: &str) -> String {
    let mut text = OPENING.to_owned();
    for section in read(example) {
        text += &match section.name.as_str() {
            "" => "\n## The service\n\n".to_owned(),
            name => format!("\n## `{name}`\n\n"),
        };
        if !section.comment.is_empty() {
            text += &format!("{}\n\n", section.comment);
        }
        let value = if section.unset { "example" } else { "default" };
        text += &format!("| setting | {value} | what it says |\n|---|---|---|\n");
        for setting in &section.settings {
            text += &row(setting, section.unset);
        }
    }
    text + ENVIRONMENT
}

fn row(setting: &Setting, is_example: bool) -> String {
    let value = if setting.unset && !is_example {
        "–".to_owned()
    } else {
        format!("`{}`", setting.value)
    };
    let comment = setting.comment.replace('|', "\\|");
    format!("| `{}` | {value} | {comment} |\n", setting.name)
}

/// Reads the example. A comment belongs to the settings below it, up to the next comment, or to the section it heads.
fn read(example: &str) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut comment: Vec<&str> = Vec::new();
    let mut used = false;
    let mut lines = example.lines();
    while let Some(line) = lines.next() {
        let behind = line.strip_prefix('#').filter(|text| is_written(text));
        let (written, unset) = (behind.unwrap_or(line), behind.is_some());
        if let Some(words) = line.strip_prefix("# ") {
            if std::mem::take(&mut used) {
                comment.clear();
            }
            comment.push(words);
        } else if let Some((name, value)) = written.split_once(" = ") {
            let setting = Setting {
                name: name.to_owned(),
                value: whole(value, &mut lines),
                comment: comment.join(" "),
                unset,
            };
            sections
                .last_mut()
                .expect("there is always one")
                .settings
                .push(setting);
            used = true;
        } else {
            let comment = std::mem::take(&mut comment).join(" ");
            if let Some(name) = written.strip_prefix('[') {
                let name = name.trim_matches(['[', ']']).to_owned();
                sections.push(Section {
                    name,
                    comment,
                    unset,
                    ..Section::default()
                });
            }
        }
    }
    sections
}

/// A value in one line, though it may be written in several.
fn whole<'a>(value: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    let mut value = value.to_owned();
    while value.starts_with('[') && !value.ends_with(']') {
        let Some(more) = lines.next() else { break };
        value = format!("{value} {}", more.trim());
    }
    value.replace("[ ", "[").replace(", ]", "]")
}

/// Whether what stands behind a `#` is a setting or a section and not a sentence.
fn is_written(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(' ')
}

/// Every environment variable that the product names stands in the document.
pub fn variables(source: &Source, document: &str) -> Vec<String> {
    let lines = (1..).zip(source.text.lines());
    lines
        .flat_map(|(line, text)| quoted(text).map(move |name| (line, name)))
        .filter(|(_, name)| name.starts_with("TIPOFF_"))
        .filter(|(_, name)| !document.contains(&format!("| `{name}` |")))
        .filter(|(line, _)| source.is_product(*line))
        .map(|(line, name)| {
            let what = format!("docs/configuration.md does not know `{name}`");
            source.at(line, &what)
        })
        .collect()
}

fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

#[test]
fn a_setting_is_told_with_its_default_and_the_comment_above_it() {
    let text = markdown(
        "# About the file.\n\n# Where.\ndata = \"x\"\n# A | bar.\n#token = \"y\"\n\n# Promises.\n[[handoffs]]\n\
         # Names,\n# all of them.\nnames = [\n  \"a\",\n  \"b\",\n]\nmore = 1\n\n\
         # A way.\n#[ways.a]\n# By name = by hand.\n#kind = \"z\"\n",
    );
    let found: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("## "))
        .take_while(|line| *line != "## Environment")
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(
        found,
        [
            "## The service",
            "| setting | default | what it says |",
            "|---|---|---|",
            "| `data` | `\"x\"` | Where. |",
            "| `token` | – | A \\| bar. |",
            "## `handoffs`",
            "Promises.",
            "| setting | default | what it says |",
            "|---|---|---|",
            "| `names` | `[\"a\", \"b\"]` | Names, all of them. |",
            "| `more` | `1` | Names, all of them. |",
            "## `ways.a`",
            "A way.",
            "| setting | example | what it says |",
            "|---|---|---|",
            "| `kind` | `\"z\"` | By name = by hand. |",
        ]
    );
}

#[test]
fn a_variable_that_the_document_does_not_know_is_found() {
    let found = |text: &str| {
        variables(
            &Source::new("src/config/mod.rs", text),
            "| `TIPOFF_DATA` | x |",
        )
        .len()
    };
    assert_eq!(found("const A: &str = \"TIPOFF_DATA\";"), 0);
    assert_eq!(found("const A: &str = \"TIPOFF_ELSE\";"), 1);
    assert_eq!(
        found("#[cfg(test)]\nmod tests {\n const A: &str = \"TIPOFF_ELSE\";\n}"),
        0
    );
}
