//! The endpoints of the service as these tests know them, next to those that its router has.
//!
//! How an endpoint is attacked belongs to `attack`.

use std::collections::BTreeSet;

use syn::visit::Visit;

/// Which test calls an endpoint, and what its answers have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Workers' answers: always acknowledged, quarantined where they are not understood.
    Completions,
    /// An upstream's events: the same.
    Events,
    /// A call with a body, by people and schedules.
    Call,
    /// A call whose body is not looked at.
    Bare,
    /// A page for people.
    Page,
}

/// A method and a path.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    pub method: &'static str,
    pub path: &'static str,
    pub kind: Kind,
    /// The folders of the corpus whose good files it takes.
    pub corpus: &'static [&'static str],
}

const fn endpoint(
    method: &'static str,
    path: &'static str,
    kind: Kind,
    corpus: &'static [&'static str],
) -> Endpoint {
    Endpoint {
        method,
        path,
        kind,
        corpus,
    }
}

/// All of them.
pub const ENDPOINTS: [Endpoint; 28] = [
    endpoint(
        "POST",
        "/complete",
        Kind::Completions,
        &["completion", "completions", "push"],
    ),
    endpoint("POST", "/trigger", Kind::Events, &["upstream", "push"]),
    endpoint("POST", "/unpublished", Kind::Call, &["unpublished"]),
    endpoint("POST", "/start", Kind::Call, &["start"]),
    endpoint("POST", "/retry", Kind::Call, &["retry"]),
    endpoint("POST", "/reset", Kind::Call, &["reset"]),
    endpoint("POST", "/check-stalled", Kind::Call, &["check-stalled"]),
    endpoint("POST", "/adopt", Kind::Call, &["retry"]),
    endpoint("POST", "/alerts/ack", Kind::Call, &["acknowledge"]),
    endpoint("POST", "/alerts/silence", Kind::Call, &["silence"]),
    endpoint("POST", "/alerts/test", Kind::Call, &["test"]),
    endpoint("GET", "/status", Kind::Bare, &["retry"]),
    endpoint("GET", "/history", Kind::Bare, &["retry"]),
    endpoint("GET", "/alerts", Kind::Bare, &["retry"]),
    endpoint("GET", "/doctor", Kind::Bare, &["retry"]),
    endpoint("POST", "/doctor", Kind::Bare, &["retry"]),
    endpoint("POST", "/tick", Kind::Bare, &["retry"]),
    endpoint("GET", "/quarantine", Kind::Bare, &["retry"]),
    endpoint("GET", "/quarantine/{id}", Kind::Bare, &["retry"]),
    endpoint("DELETE", "/quarantine/{id}", Kind::Bare, &["retry"]),
    endpoint("POST", "/quarantine/{id}/replay", Kind::Bare, &["retry"]),
    endpoint("GET", "/runbooks/{name}", Kind::Bare, &["retry"]),
    endpoint("GET", "/health", Kind::Bare, &["retry"]),
    endpoint("GET", "/ready", Kind::Bare, &["retry"]),
    endpoint("GET", "/version", Kind::Bare, &["retry"]),
    endpoint("GET", "/metrics", Kind::Bare, &["retry"]),
    endpoint("GET", "/respond/{token}", Kind::Page, &[]),
    endpoint("POST", "/respond/{token}", Kind::Page, &[]),
];

impl Endpoint {
    /// Those of one kind.
    pub fn of(kind: Kind) -> impl Iterator<Item = &'static Self> {
        ENDPOINTS.iter().filter(move |it| it.kind == kind)
    }

    /// Whether its path is called in this way, too; whatever answers GET answers HEAD.
    pub fn is_called(&self, method: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        let same = |it: &&Self| it.path == self.path;
        ENDPOINTS.iter().filter(same).any(|it| it.method == method)
    }
}

/// The methods and paths that a router's source names, and what of it cannot be understood.
pub fn routes(source: &str) -> BTreeSet<(String, String)> {
    let mut finder = Finder::default();
    finder.visit_file(&syn::parse_file(source).expect("Rust"));
    finder.found
}

#[derive(Default)]
struct Finder {
    found: BTreeSet<(String, String)>,
}

impl<'a> Visit<'a> for Finder {
    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        syn::visit::visit_expr_method_call(self, call);
        let name = call.method.to_string();
        let note = |path: &str, method: &str| (method.to_uppercase(), path.to_owned());
        match name.as_str() {
            "route" => {
                let path = text(call.args.first());
                for method in methods(call.args.last()) {
                    self.found.insert(note(&path, &method));
                }
            }
            // Paths that this reader cannot follow have to fail the comparison.
            "nest" | "nest_service" | "route_service" | "fallback_service" => {
                self.found.insert(note("not understood", &name));
            }
            _ => {}
        }
    }
}

fn text(expression: Option<&syn::Expr>) -> String {
    match expression {
        Some(syn::Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        })) => text.value(),
        _ => "not a text".to_owned(),
    }
}

/// `get(a).post(b)`: the method that is called first, and those that are added.
fn methods(expression: Option<&syn::Expr>) -> Vec<String> {
    match expression {
        Some(syn::Expr::Call(call)) => match &*call.func {
            syn::Expr::Path(path) => path
                .path
                .segments
                .last()
                .map(|it| it.ident.to_string())
                .into_iter()
                .collect(),
            _ => vec!["not understood".to_owned()],
        },
        Some(syn::Expr::MethodCall(call)) => {
            let mut found = methods(Some(&call.receiver));
            found.push(call.method.to_string());
            found
        }
        _ => vec!["not understood".to_owned()],
    }
}
