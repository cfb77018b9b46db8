//! The source tree as the rules see it: paths relative to the repository, texts, tokens and which lines are tests.
//!
//! No rule belongs here.

use std::{
    fs,
    ops::RangeInclusive,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{spanned::Spanned, visit::Visit};

/// One Rust file, parsed.
pub struct Source {
    /// Relative to the repository, with `/`.
    pub path: String,
    pub text: String,
    pub syntax: syn::File,
    pub tokens: TokenStream,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|e| panic!("cannot parse {path}: {e}"));
        let tokens = text
            .parse()
            .unwrap_or_else(|e| panic!("cannot read {path}: {e}"));
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            syntax,
            tokens,
        }
    }

    pub fn read(path: &str) -> Self {
        Self::new(path, &text(path))
    }

    /// Whether all of the file is test code: it stands in `tests/`, or in a module called `tests`.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
    }

    /// The lines, from 1, of the items that only a test build contains.
    pub fn test_lines(&self) -> Vec<RangeInclusive<usize>> {
        let mut finder = TestFinder { found: Vec::new() };
        finder.visit_file(&self.syntax);
        finder.found
    }

    /// Whether `line` is compiled into the product.
    pub fn is_product(&self, line: usize) -> bool {
        !self.is_test() && !self.test_lines().iter().any(|lines| lines.contains(&line))
    }

    /// A violation as a reader wants it: where, then what.
    pub fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

struct TestFinder {
    found: Vec<RangeInclusive<usize>>,
}

impl TestFinder {
    fn note(&mut self, attributes: &[syn::Attribute], span: proc_macro2::Span) {
        if attributes.iter().any(is_test_only) {
            self.found.push(span.start().line..=span.end().line);
        }
    }
}

/// Whether the attribute is exactly `#[cfg(test)]`.
pub fn is_test_only(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Ident>()
            .is_ok_and(|name| name == "test")
}

impl<'ast> Visit<'ast> for TestFinder {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.note(&item.attrs, item.span());
        syn::visit::visit_item_mod(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.attrs, item.span());
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.note(&item.attrs, item.span());
        syn::visit::visit_item_impl(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.attrs, item.span());
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note(&item.attrs, item.span());
    }
}

/// All tokens in the order of the text, those inside macros too; each group is given before its content.
pub fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        flat.push(token.clone());
        if let TokenTree::Group(group) = token {
            flat.extend(flatten(group.stream()));
        }
    }
    flat
}

/// The line of a token, from 1.
pub fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file of the repository.
pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("cannot read {path}: {e}"))
}

pub fn is_executable(path: &str) -> bool {
    fs::metadata(root().join(path))
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o100 != 0)
}

/// Files below a folder with that extension, sorted, relative to the repository. Hidden folders and what a build or
/// a run writes are left out.
pub fn files_below(folder: &str, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .unwrap_or_else(|e| panic!("cannot list {}: {e}", folder.display()));
        for entry in entries {
            let path = entry.expect("a listed entry can be read").path();
            if path.is_dir() && !is_foreign(&path) {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(relative(&path));
            }
        }
    }
    found.sort();
    found
}

fn is_foreign(folder: &Path) -> bool {
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    name.starts_with('.')
        || ["target", "node_modules", "tipoff-data", "tipoff-demo"].contains(&name.as_str())
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .expect("the walk starts at the root")
        .to_string_lossy()
        .replace('\\', "/")
}
