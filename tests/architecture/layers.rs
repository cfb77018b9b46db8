//! Which layer may use which, and what the domain may not touch.
//!
//! docs/architecture.md shows the same table to people, which is checked here too. Test code may reach where it needs to; the product may not.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::source::{Source, flatten, line};

/// Each layer with the layers that it may use besides itself. `main` and `lib` stand for the two root files.
const LAYERS: [(&str, &[&str]); 22] = [
    ("domain", &[]),
    ("ports", &["domain"]),
    ("clock", &["domain"]),
    ("wire", &["domain", "ports"]),
    ("render", &["domain", "ports"]),
    ("channels", &["domain", "ports", "render", "wire", "clock"]),
    ("google", &["domain", "ports", "clock"]),
    ("config", &["domain", "google"]),
    ("store", &["domain", "ports", "clock"]),
    ("warehouse", &["domain", "ports", "clock"]),
    ("sinks", &["domain", "ports", "wire", "clock", "warehouse"]),
    (
        "bigquery",
        &["domain", "ports", "clock", "google", "warehouse"],
    ),
    ("pubsub", &["domain", "ports", "clock", "google", "wire"]),
    ("identity", &["domain", "ports", "clock"]),
    ("infra", &["domain", "config"]),
    (
        "doctor",
        &["domain", "ports", "clock", "google", "config", "infra"],
    ),
    ("telemetry", &["domain", "ports", "clock"]),
    ("engine", &["domain", "ports", "clock", "telemetry", "wire"]),
    (
        "http",
        &[
            "engine",
            "ports",
            "wire",
            "telemetry",
            "domain",
            "clock",
            "config",
            "render",
            "identity",
        ],
    ),
    ("demo", ANY),
    ("commands", ANY),
    ("main", &["commands"]),
];

/// Where everything meets: the two outermost layers.
const ANY: &[&str] = &[
    "domain",
    "ports",
    "clock",
    "wire",
    "render",
    "channels",
    "config",
    "store",
    "warehouse",
    "sinks",
    "telemetry",
    "engine",
    "http",
    "demo",
    "commands",
    "google",
    "bigquery",
    "pubsub",
    "identity",
    "infra",
    "doctor",
];

/// Words that have no business where decisions are made: waiting, the world, the clock, talking.
const IMPURE_WORDS: [&str; 13] = [
    "async",
    "await",
    "tokio",
    "sqlx",
    "tracing",
    "reqwest",
    "axum",
    "prometheus",
    "SystemTime",
    "println",
    "eprintln",
    "dbg",
    "thread_rng",
];

/// The same for modules of the standard library.
const IMPURE_MODULES: [&str; 6] = ["fs", "net", "env", "process", "thread", "io"];

/// Product code may use only the layers below its own.
pub fn imports(source: &Source) -> Vec<String> {
    let Some(layer) = layer(&source.path) else {
        return Vec::new();
    };
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else {
        return vec![source.at(
            1,
            &format!("`{layer}` is no layer: name it in the table or put the file elsewhere"),
        )];
    };
    let names = named_layers(source.tokens.clone(), depth(&source.path));
    names
        .into_iter()
        .filter(|(name, line)| {
            name != layer && !allowed.contains(&name.as_str()) && source.is_product(*line)
        })
        .map(|(name, line)| source.at(line, &format!("`{layer}` may not use `{name}`")))
        .collect()
}

/// The domain neither waits, nor reads or writes, nor asks for the time, nor speaks; its tests neither, but these
/// may use the standard library's modules for it: read a file of cases, try them on two threads.
pub fn purity(source: &Source) -> Vec<String> {
    if layer(&source.path) != Some("domain") {
        return Vec::new();
    }
    let words = flatten(source.tokens.clone())
        .into_iter()
        .map(|token| (token.to_string(), line(&token)))
        .filter(|(word, _)| IMPURE_WORDS.contains(&word.as_str()));
    let modules = heads_below("std", source.tokens.clone())
        .into_iter()
        .filter(|(module, line)| {
            IMPURE_MODULES.contains(&module.as_str()) && source.is_product(*line)
        });
    words
        .chain(modules)
        .map(|(name, line)| source.at(line, &format!("the domain may not use `{name}`")))
        .collect()
}

/// The table for people has a row for each layer, which ends in what the layer may use.
pub fn table(document: &str) -> Vec<String> {
    let rows: Vec<&str> = document.lines().collect();
    LAYERS
        .iter()
        .map(|(layer, allowed)| (layer_name(layer), words(allowed)))
        .filter(|(name, words)| {
            let is_row = |row: &&str| {
                row.starts_with(&format!("| `{name}` |")) && row.ends_with(&format!("| {words} |"))
            };
            rows.iter().filter(|row| is_row(row)).count() != 1
        })
        .map(|(name, words)| format!("no row says that `{name}` may use {words}"))
        .collect()
}

fn layer_name(layer: &str) -> String {
    if layer == "main" {
        return "main.rs".to_owned();
    }
    layer.to_owned()
}

fn words(allowed: &[&str]) -> String {
    match allowed {
        [] => "nothing of ours".to_owned(),
        ANY => "anything".to_owned(),
        some => some.join(", "),
    }
}

/// The layer of a file of the product: its folder, or its own name where it stands alone.
fn layer(path: &str) -> Option<&str> {
    let inner = path.strip_prefix("src/")?;
    let layer = inner.split('/').next()?;
    let layer = layer.strip_suffix(".rs").unwrap_or(layer);
    // `lib.rs` names every layer, which is all it does.
    (layer != "lib").then_some(layer)
}

/// How many modules deep the content of a file is: 1 for `src/clock.rs`, 2 for `src/domain/run.rs`.
fn depth(path: &str) -> usize {
    let steps = path.trim_start_matches("src/").split('/').count();
    let is_folder_itself = path.ends_with("/mod.rs") || path.ends_with("src/main.rs");
    steps - usize::from(is_folder_itself)
}

/// The layers that a text names, through `crate::`, `tipoff::` or enough `super::`, inside macros too.
fn named_layers(tokens: TokenStream, depth: usize) -> Vec<(String, usize)> {
    let mut found = heads_below("crate", tokens.clone());
    found.extend(heads_below("tipoff", tokens.clone()));
    found.extend(above(tokens, depth));
    found
}

/// What stands directly under `head`: `b` in `head::b::c`, `b` and `d` in `head::{b::c, d}`.
fn heads_below(head: &str, tokens: TokenStream) -> Vec<(String, usize)> {
    let flat = flatten(tokens);
    let mut found = Vec::new();
    for start in 0..flat.len() {
        if is_word(&flat[start], head) && !continues_path(&flat[..start]) {
            found.extend(step_in(&flat[start + 1..]).map(firsts).unwrap_or_default());
        }
    }
    found
}

/// The modules of the crate's root that `super` chains reach.
fn above(tokens: TokenStream, depth: usize) -> Vec<(String, usize)> {
    let flat: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for at in 0..flat.len() {
        if let TokenTree::Group(group) = &flat[at] {
            let is_module =
                at >= 2 && is_word(&flat[at - 2], "mod") && group.delimiter() == Delimiter::Brace;
            found.extend(above(group.stream(), depth + usize::from(is_module)));
        }
        if is_word(&flat[at], "super") && !follows_super(&flat[..at]) {
            found.extend(climb(&flat[at + 1..], depth.saturating_sub(1)));
        }
    }
    found
}

/// Follows one `super` chain; what it names counts only where the chain ends at the crate's root.
fn climb(rest: &[TokenTree], depth: usize) -> Vec<(String, usize)> {
    let Some(next) = step_in(rest) else {
        return Vec::new();
    };
    match next.first() {
        Some(token) if is_word(token, "super") => climb(&next[1..], depth.saturating_sub(1)),
        Some(_) if depth == 0 => firsts(next),
        _ => Vec::new(),
    }
}

fn follows_super(before: &[TokenTree]) -> bool {
    let words = before.iter().rev().filter(|token| !is_colon(token));
    continues_path(before) && words.take(1).any(|token| is_word(token, "super"))
}

/// What follows `::`, or nothing if no `::` follows.
fn step_in(rest: &[TokenTree]) -> Option<&[TokenTree]> {
    match rest {
        [first, second, next @ ..] if is_colon(first) && is_colon(second) => Some(next),
        _ => None,
    }
}

/// The first word of a path, or of each path in a braced list.
fn firsts(next: &[TokenTree]) -> Vec<(String, usize)> {
    match next.first() {
        Some(TokenTree::Ident(word)) => vec![(word.to_string(), word.span().start().line)],
        Some(TokenTree::Group(group)) => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            inner
                .split(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ','))
                .flat_map(firsts)
                .collect()
        }
        _ => Vec::new(),
    }
}

fn continues_path(before: &[TokenTree]) -> bool {
    matches!(before, [.., first, second] if is_colon(first) && is_colon(second))
        && before
            .iter()
            .rev()
            .nth(2)
            .is_some_and(|token| matches!(token, TokenTree::Ident(word) if word != "use"))
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(found) if found == word)
}

fn is_colon(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == ':')
}

fn found(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) -> usize {
    rule(&Source::new(path, text)).len()
}

#[test]
fn an_import_from_above_is_found_however_it_is_written() {
    for text in [
        "use crate::engine::Engine;",
        "use crate::{domain::Instant, store};",
        "use super::super::engine;",
        "fn f() { crate::http::serve() }",
        "fn f() { println!(\"{}\", crate::telemetry::NAME) }",
        "mod inner { use super::super::super::config::Config; }",
        "use ::tipoff::wire;",
    ] {
        assert_eq!(found(imports, "src/domain/plan.rs", text), 1, "{text}");
    }
}

#[test]
fn an_allowed_import_is_not_found() {
    for text in [
        "use crate::domain::Instant;",
        "use super::{Instant, ids::UnitId};",
        "use super::engine;",
        "mod tests { use super::super::engine; }",
        "/// See [`crate::engine`].\nfn f() {}",
        "#[cfg(test)]\nmod tests {\n use crate::store::Sqlite;\n}",
    ] {
        assert_eq!(found(imports, "src/domain/plan.rs", text), 0, "{text}");
    }
    assert_eq!(
        found(imports, "src/engine/apply.rs", "use crate::ports::Sink;"),
        0
    );
    assert_eq!(found(imports, "src/domain/mod.rs", "use super::engine;"), 1);
    assert_eq!(found(imports, "src/clock.rs", "use super::engine;"), 1);
    assert_eq!(found(imports, "src/main.rs", "use tipoff::engine;"), 1);
    assert_eq!(found(imports, "src/main.rs", "use tipoff::commands;"), 0);
}

#[test]
fn a_folder_without_a_layer_is_found() {
    assert_eq!(found(imports, "src/helpers/mod.rs", ""), 1);
    assert_eq!(found(imports, "src/lib.rs", "pub mod engine;"), 0);
}

#[test]
fn the_world_in_the_domain_is_found() {
    for text in [
        "async fn f() {}",
        "use tokio::time::sleep;",
        "use std::{fmt, fs};",
        "fn f() { std::net::lookup() }",
        "use std::time::SystemTime;",
        "fn f() { tracing::info!(\"x\") }",
    ] {
        assert_eq!(
            found(purity, "src/domain/run/waiting.rs", text),
            1,
            "{text}"
        );
        assert_eq!(found(purity, "src/engine/apply.rs", text), 0, "{text}");
    }
    let pure =
        "use std::fmt;\n/// Never async; tokio is far.\nfn fs() -> &'static str { \"tracing\" }";
    assert_eq!(found(purity, "src/domain/plan.rs", pure), 0);
    let tests = "#[cfg(test)]\nmod tests {\n use std::thread;\n async fn f() {}\n}";
    assert_eq!(found(purity, "src/domain/plan.rs", tests), 1);
}

#[test]
fn a_table_that_says_something_else_is_found() {
    let row = |layer: &str, allowed: &[&str]| {
        format!("| `{}` | x | {} |\n", layer_name(layer), words(allowed))
    };
    let told: String = LAYERS
        .iter()
        .map(|(layer, allowed)| row(layer, allowed))
        .collect();
    assert_eq!(table(&told), Vec::<String>::new());
    assert_eq!(table(&told.replace("| anything |", "| domain |")).len(), 2);
    assert_eq!(table(&told.replace("`wire`", "`fire`")).len(), 1);
}
