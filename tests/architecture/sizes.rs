//! How long a file and a function may be, how many parameters a function takes and how deep it nests.
//!
//! Bodies inside macros (`select!`, `proptest!`) are not seen; they count as lines of the function around them.

use syn::{spanned::Spanned, visit::Visit};

use crate::source::Source;

/// Lines of a file without its `#[cfg(test)]` items, be they in a file of their own; this many are allowed.
const FILE_LINES_MAX: usize = 500;
/// Lines of a function from `fn` to its closing brace, both included.
const FUNCTION_LINES_MAX: usize = 70;
/// Parameters of a function, `self` included.
const PARAMETERS_MAX: usize = 5;
/// Branches and loops inside one another; an `else if` is no deeper than its `if`.
const NESTING_MAX: usize = 3;

/// A file is at most [`FILE_LINES_MAX`] long.
pub fn file(source: &Source) -> Vec<String> {
    if source.path.starts_with("src/") && source.is_test() {
        return Vec::new();
    }
    let tests = source.test_lines();
    let lines = (1..=source.text.lines().count())
        .filter(|line| !tests.iter().any(|range| range.contains(line)))
        .count();
    if lines <= FILE_LINES_MAX {
        return Vec::new();
    }
    vec![source.at(
        1,
        &format!("{lines} lines without tests, at most {FILE_LINES_MAX}"),
    )]
}

/// A function is short, flat and takes few parameters, in tests too.
pub fn functions(source: &Source) -> Vec<String> {
    let mut finder = FunctionFinder {
        source,
        found: Vec::new(),
    };
    finder.visit_file(&source.syntax);
    finder.found
}

struct FunctionFinder<'a> {
    source: &'a Source,
    found: Vec<String>,
}

impl FunctionFinder<'_> {
    fn measure(&mut self, signature: &syn::Signature, body: Option<&syn::Block>) {
        let line = signature.fn_token.span().start().line;
        let parameters = signature.inputs.len();
        self.judge(signature, "parameters", parameters, PARAMETERS_MAX);
        let Some(body) = body else {
            return;
        };
        let lines = body.span().end().line - line + 1;
        self.judge(signature, "lines", lines, FUNCTION_LINES_MAX);
        let mut depth = Depth { now: 0, max: 0 };
        depth.visit_block(body);
        self.judge(signature, "levels of nesting", depth.max, NESTING_MAX);
    }

    fn judge(&mut self, signature: &syn::Signature, what: &str, count: usize, max: usize) {
        if count > max {
            let line = signature.fn_token.span().start().line;
            let name = &signature.ident;
            self.found.push(
                self.source
                    .at(line, &format!("`{name}` has {count} {what}, at most {max}")),
            );
        }
    }
}

impl<'ast> Visit<'ast> for FunctionFinder<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.measure(&item.sig, Some(&item.block));
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.measure(&item.sig, Some(&item.block));
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.measure(&item.sig, item.default.as_ref());
        syn::visit::visit_trait_item_fn(self, item);
    }
}

struct Depth {
    now: usize,
    max: usize,
}

impl Depth {
    fn inside(&mut self, visit: impl FnOnce(&mut Self)) {
        self.now += 1;
        self.max = self.max.max(self.now);
        visit(self);
        self.now -= 1;
    }
}

impl<'ast> Visit<'ast> for Depth {
    fn visit_expr_if(&mut self, branch: &'ast syn::ExprIf) {
        self.visit_expr(&branch.cond);
        self.inside(|depth| depth.visit_block(&branch.then_branch));
        match branch.else_branch.as_ref().map(|(_, other)| &**other) {
            Some(syn::Expr::If(next)) => self.visit_expr_if(next),
            Some(other) => self.inside(|depth| depth.visit_expr(other)),
            None => {}
        }
    }

    fn visit_expr_match(&mut self, branch: &'ast syn::ExprMatch) {
        self.visit_expr(&branch.expr);
        self.inside(|depth| branch.arms.iter().for_each(|arm| depth.visit_arm(arm)));
    }

    fn visit_expr_for_loop(&mut self, repeat: &'ast syn::ExprForLoop) {
        self.visit_expr(&repeat.expr);
        self.inside(|depth| depth.visit_block(&repeat.body));
    }

    fn visit_expr_while(&mut self, repeat: &'ast syn::ExprWhile) {
        self.visit_expr(&repeat.cond);
        self.inside(|depth| depth.visit_block(&repeat.body));
    }

    fn visit_expr_loop(&mut self, repeat: &'ast syn::ExprLoop) {
        self.inside(|depth| depth.visit_block(&repeat.body));
    }

    // A function inside a function is measured on its own.
    fn visit_item(&mut self, _: &'ast syn::Item) {}
}

fn found(rule: fn(&Source) -> Vec<String>, text: &str) -> Vec<String> {
    rule(&Source::new("src/engine/apply.rs", text))
}

fn function_of(lines: usize) -> String {
    format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2))
}

#[test]
fn a_long_file_is_found_and_its_tests_do_not_count() {
    let full = "// x\n".repeat(FILE_LINES_MAX);
    assert_eq!(found(file, &full).len(), 0);
    assert_eq!(found(file, &format!("{full}// x\n")).len(), 1);
    let tests = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n";
    assert_eq!(found(file, &format!("{full}{tests}")).len(), 0);
    let long = format!("{full}// x\n");
    assert_eq!(file(&Source::new("src/store/tests.rs", &long)).len(), 0);
    assert_eq!(file(&Source::new("tests/it/status.rs", &long)).len(), 1);
}

#[test]
fn a_long_function_is_found_wherever_it_stands() {
    let long = function_of(FUNCTION_LINES_MAX + 1);
    assert_eq!(found(functions, &function_of(FUNCTION_LINES_MAX)).len(), 0);
    assert_eq!(found(functions, &long).len(), 1);
    assert_eq!(found(functions, &format!("impl A {{ {long} }}")).len(), 1);
    assert_eq!(found(functions, &format!("trait A {{ {long} }}")).len(), 1);
    assert_eq!(
        found(functions, &format!("#[cfg(test)] mod tests {{ {long} }}")).len(),
        1
    );
}

#[test]
fn a_sixth_parameter_is_found() {
    assert_eq!(
        found(functions, "fn f(a: A, b: B, c: C, d: D, e: E) {}").len(),
        0
    );
    assert_eq!(
        found(functions, "fn f(a: A, b: B, c: C, d: D, e: E, f: F) {}").len(),
        1
    );
    assert_eq!(
        found(
            functions,
            "trait T { fn f(&self, b: B, c: C, d: D, e: E, f: F); }"
        )
        .len(),
        1
    );
}

#[test]
fn a_fourth_level_is_found() {
    let three = "fn f() { for a in b { match c { _ => { if d { e(); } } } } }";
    let chain = "fn f() { if a {} else if b {} else if c {} else if d {} else { e(); } }";
    let apart = "fn f() { loop { while a { if b { fn g() { if c {} } } } } }";
    for text in [three, chain, apart] {
        assert_eq!(found(functions, text), Vec::<String>::new(), "{text}");
    }
    for text in [
        "fn f() { for a in b { match c { _ => { if d { loop {} } } } } }",
        "fn f() { loop { loop { if a {} else { b.map(|c| { if c {} }); } } } }",
        "fn f() { loop { loop { loop { if a {} } } } }",
    ] {
        assert_eq!(found(functions, text).len(), 1, "{text}");
    }
}
