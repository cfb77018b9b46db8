//! What Grafana's linter asks of the queries of a panel, and what it asks of their parts.
//!
//! The rules about whole dashboards and panels belong to the parent.

use promql_parser::{
    label::{MatchOp, Matcher},
    parser::{Expr, VectorSelector},
    util::{ExprVisitor, walk_expr},
};

/// Stands for `$__rate_interval`: a length that nobody writes.
const RATE_INTERVAL: &str = "12345678ms";

/// One use of a metric in an expression.
#[derive(Debug)]
pub struct Use {
    /// The selector as it stands, without its range.
    pub selector: VectorSelector,
    /// Whether it has a range, and then whether that is `$__rate_interval`.
    pub range: Option<bool>,
    /// The function around the range.
    pub function: Option<String>,
}

impl Use {
    /// The name of the metric.
    pub fn name(&self) -> &str {
        self.selector.name.as_deref().unwrap_or_default()
    }

    /// Whether the selector takes what a multi-value variable names.
    pub fn follows(&self, label: &str) -> bool {
        let wanted = format!("${label}");
        let takes = |it: &Matcher| {
            it.name == label && it.value == wanted && matches!(it.op, MatchOp::Re(_))
        };
        self.selector.matchers.matchers.iter().any(takes)
    }
}

/// Every use of a metric in an expression, variables of lengths of time filled in.
///
/// # Errors
///
/// What is wrong with the expression.
pub fn uses(expr: &str) -> Result<Vec<Use>, String> {
    let filled = expr
        .replace("$__rate_interval", RATE_INTERVAL)
        .replace("$__interval", "1m")
        .replace("$__range", "1h");
    let parsed = promql_parser::parser::parse(&filled)?;
    let mut found = Found(Vec::new());
    walk_expr(&mut found, &parsed).map_err(|never| never.to_string())?;
    Ok(found.0)
}

struct Found(Vec<Use>);

impl ExprVisitor for Found {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, Self::Error> {
        match expr {
            Expr::VectorSelector(selector) => self.0.push(Use {
                selector: selector.clone(),
                range: None,
                function: None,
            }),
            Expr::MatrixSelector(_) => self.ranged(expr, None),
            Expr::Call(call) => {
                for argument in &call.args.args {
                    self.ranged(argument, Some(call.func.name));
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

impl Found {
    fn ranged(&mut self, expr: &Expr, function: Option<&str>) {
        let Expr::MatrixSelector(matrix) = expr else {
            return;
        };
        // The call around it comes first and knows more.
        let known = |it: &Use| it.range.is_some() && it.selector == matrix.vs;
        if function.is_none() && self.0.iter().any(known) {
            return;
        }
        self.0.push(Use {
            selector: matrix.vs.clone(),
            range: Some(format!("{}ms", matrix.range.as_millis()) == RATE_INTERVAL),
            function: function.map(str::to_owned),
        });
    }
}

/// What is wrong with an expression of PromQL, as rules and reasons.
pub fn promql(expr: &str) -> Vec<(&'static str, String)> {
    let uses = match uses(expr) {
        Ok(uses) => uses,
        Err(error) => return vec![("target-promql", error)],
    };
    let mut found = Vec::new();
    for one in &uses {
        let name = one.name();
        for (rule, label) in [("target-job", "job"), ("target-instance", "instance")] {
            if !one.follows(label) {
                found.push((rule, format!("`{name}` without {label}=~\"${label}\"")));
            }
        }
        let function = one.function.as_deref();
        let rates = matches!(function, Some("rate" | "irate"));
        if rates && one.range == Some(false) || one.range == Some(true) && function.is_none() {
            found.push(("target-rate-interval", format!("the range of `{name}`")));
        }
        let counts = matches!(function, Some("rate" | "irate" | "increase"));
        if name.ends_with("_total") && !counts {
            found.push(("target-counter-agg", format!("`{name}` outside of a rate")));
        }
    }
    found
}

/// What is wrong with an expression of LogQL, as rules and reasons: as much as can be seen without its grammar.
pub fn logql(expr: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let selects = expr
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'))
        .is_some_and(|(inside, _)| inside.contains('=') && inside.matches('"').count() >= 2);
    let even = |open: char, close: char| expr.matches(open).count() == expr.matches(close).count();
    if !selects || !even('{', '}') || !even('(', ')') || !even('[', ']') {
        found.push(("target-logql", format!("no LogQL: {expr}")));
    }
    let ranges = expr
        .split('[')
        .skip(1)
        .filter_map(|it| it.split(']').next());
    if ranges.into_iter().any(|range| range != "$__auto") {
        found.push(("target-logql-auto", "a range other than $__auto".to_owned()));
    }
    found
}
