//! How a file is written: its opening words, no globs, no macros of our own, no `unwrap`, modules where they are named.
//!
//! How long things may be belongs to `sizes`; what rustfmt and clippy decide belongs to them.

use proc_macro2::TokenTree;
use syn::{spanned::Spanned, visit::Visit};

use crate::source::{Source, flatten, is_test_only, line};

/// Every file opens with `//!`: what it is for, then what does not belong.
pub fn opening(source: &Source) -> Vec<String> {
    let opening: Vec<&str> = source
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .collect();
    if opening.is_empty() {
        return vec![source.at(1, "opens without `//!`")];
    }
    Vec::new()
}

/// No import says `*`.
pub fn globs(source: &Source) -> Vec<String> {
    let mut finder = GlobFinder { lines: Vec::new() };
    finder.visit_file(&source.syntax);
    finder
        .lines
        .into_iter()
        .map(|line| source.at(line, "imports `*`: name what is imported"))
        .collect()
}

struct GlobFinder {
    lines: Vec<usize>,
}

impl<'ast> Visit<'ast> for GlobFinder {
    fn visit_use_glob(&mut self, glob: &'ast syn::UseGlob) {
        self.lines.push(glob.span().start().line);
    }
}

/// No `macro_rules!`.
pub fn macros(source: &Source) -> Vec<String> {
    let flat = flatten(source.tokens.clone());
    flat.windows(2)
        .filter(|pair| is(&pair[0], "macro_rules") && is(&pair[1], "!"))
        .map(|pair| source.at(line(&pair[0]), "defines a macro"))
        .collect()
}

/// No `.unwrap()` outside test code: an `expect` says why it cannot fail.
pub fn unwraps(source: &Source) -> Vec<String> {
    let flat = flatten(source.tokens.clone());
    flat.windows(2)
        .filter(|pair| is(&pair[0], ".") && is(&pair[1], "unwrap"))
        .map(|pair| line(&pair[1]))
        .filter(|line| source.is_product(*line))
        .map(|line| {
            source.at(
                line,
                "unwraps: return an error, or `expect` with why it cannot fail",
            )
        })
        .collect()
}

/// In `src`, a module's file is where its name says, and a module called `tests` exists only in a test build.
/// The other rules rely on both.
pub fn modules(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/") {
        return Vec::new();
    }
    let mut finder = ModuleFinder { found: Vec::new() };
    finder.visit_file(&source.syntax);
    finder
        .found
        .into_iter()
        .map(|(line, what)| source.at(line, what))
        .collect()
}

struct ModuleFinder {
    found: Vec<(usize, &'static str)>,
}

impl<'ast> Visit<'ast> for ModuleFinder {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let line = item.mod_token.span().start().line;
        if item
            .attrs
            .iter()
            .any(|attribute| attribute.path().is_ident("path"))
        {
            self.found
                .push((line, "has its file elsewhere, by `#[path]`"));
        }
        if item.ident == "tests" && !item.attrs.iter().any(is_test_only) {
            self.found
                .push((line, "`mod tests` without `#[cfg(test)]`"));
        }
        syn::visit::visit_item_mod(self, item);
    }
}

fn is(token: &TokenTree, text: &str) -> bool {
    !matches!(token, TokenTree::Group(_)) && token.to_string() == text
}

fn found(rule: fn(&Source) -> Vec<String>, text: &str) -> usize {
    rule(&Source::new("src/engine/apply.rs", text)).len()
}

#[test]
fn a_file_without_a_word_is_found() {
    assert_eq!(found(opening, "fn f() {}"), 1);
    assert_eq!(found(opening, "\n//! Late.\n"), 1);
    assert_eq!(found(opening, "/// Not the file's.\nfn f() {}"), 1);
    assert_eq!(found(opening, "//! Applies.\nfn f() {}"), 0);
}

#[test]
fn a_glob_is_found_in_tests_too() {
    assert_eq!(found(globs, "use a::*;"), 1);
    assert_eq!(
        found(globs, "#[cfg(test)]\nmod tests { use super::{b, c::*}; }"),
        1
    );
    assert_eq!(found(globs, "fn f() { use E::*; }"), 1);
    assert_eq!(found(globs, "use a::b; fn f() { 2 * 3; }"), 0);
}

#[test]
fn a_macro_is_found() {
    assert_eq!(found(macros, "macro_rules! m { () => {} }"), 1);
    assert_eq!(found(macros, "fn f() { macro_rules! m { () => {} } }"), 1);
    assert_eq!(
        found(macros, "fn macro_rules() { print!(\"macro_rules!\") }"),
        0
    );
}

#[test]
fn an_unwrap_is_found_in_the_product_and_inside_macros() {
    assert_eq!(found(unwraps, "fn f() { g().unwrap(); }"), 1);
    assert_eq!(
        found(unwraps, "fn f() { g().map(Option::unwrap).unwrap(); }"),
        1
    );
    assert_eq!(
        found(unwraps, "fn f() { println!(\"{}\", g().unwrap()); }"),
        1
    );
    assert_eq!(
        found(unwraps, "fn f() { g().unwrap_or(1); h().expect(\"why\"); }"),
        0
    );
    assert_eq!(
        found(
            unwraps,
            "#[cfg(test)]\nmod tests {\n fn f() { g().unwrap(); }\n}"
        ),
        0
    );
    assert_eq!(
        found(
            unwraps,
            "#[cfg(not(test))]\nmod product {\n fn f() { g().unwrap(); }\n}"
        ),
        1
    );
    let test = Source::new("tests/it/main.rs", "fn f() { g().unwrap(); }");
    assert_eq!(unwraps(&test).len(), 0);
}

#[test]
fn a_module_that_hides_is_found() {
    assert_eq!(found(modules, "#[path = \"x.rs\"]\nmod y;"), 1);
    assert_eq!(found(modules, "mod tests;"), 1);
    assert_eq!(found(modules, "#[cfg(test)]\nmod tests;\nmod y;"), 0);
}
