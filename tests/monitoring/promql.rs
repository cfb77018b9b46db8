//! What an expression selects and which labels its result has, told by walking its syntax tree.
//!
//! Which metrics there are belongs to `catalogue`.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::{
    label::{Labels, MatchOp, Matcher},
    parser::{
        AggregateExpr, BinaryExpr, Call, Expr, LabelModifier, VectorMatchCardinality,
        VectorSelector, token::T_EQL_REGEX, value::ValueType,
    },
};

/// A label's values; `None` where configuration or the scrape decides.
pub type Values = Option<BTreeSet<String>>;

/// A metric's labels with their values.
pub type LabelSets = BTreeMap<String, Values>;

/// What there is, by the names that expressions use; `None`: with any label.
#[derive(Debug, Clone, Default)]
pub struct Known(pub BTreeMap<String, Option<LabelSets>>);

/// The labels that a result may have; `None`: any.
pub type Result = Option<BTreeSet<String>>;

/// Walks one expression.
pub struct Walk<'a> {
    known: &'a Known,
    /// The names that it selects, known or not.
    pub names: BTreeSet<String>,
    /// What is wrong with it, as the rest of a sentence that begins with its place.
    pub faults: Vec<String>,
}

impl<'a> Walk<'a> {
    /// Walks an expression whose variables have values.
    pub fn through(known: &'a Known, expr: &str) -> (Self, Result) {
        let mut walk = Self {
            known,
            names: BTreeSet::new(),
            faults: Vec::new(),
        };
        let result = match promql_parser::parser::parse(expr) {
            Ok(tree) => walk.visit(&tree),
            Err(error) => {
                walk.fault(format!("is no PromQL: {error}"));
                None
            }
        };
        (walk, result)
    }

    fn fault(&mut self, text: String) {
        if !self.faults.contains(&text) {
            self.faults.push(text);
        }
    }

    fn visit(&mut self, expr: &Expr) -> Result {
        match expr {
            Expr::Aggregate(it) => self.aggregate(it),
            Expr::Unary(it) => self.visit(&it.expr),
            Expr::Binary(it) => self.binary(it),
            Expr::Paren(it) => self.visit(&it.expr),
            Expr::Subquery(it) => self.visit(&it.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Some(BTreeSet::new()),
            Expr::VectorSelector(it) => self.selector(it),
            Expr::MatrixSelector(it) => self.selector(&it.vs),
            Expr::Call(it) => self.call(it),
            Expr::Extension(_) => {
                self.fault("holds what this test cannot read".to_owned());
                None
            }
        }
    }

    fn selector(&mut self, selector: &VectorSelector) -> Result {
        let by_label = |matcher: &&Matcher| matcher.name == "__name__";
        let matchers = &selector.matchers;
        let name = selector.name.clone().or_else(|| {
            let named = matchers.matchers.iter().find(by_label);
            named.map(|matcher| matcher.value.clone())
        });
        let Some(name) = name else {
            self.fault("selects without a name".to_owned());
            return None;
        };
        self.names.insert(name.clone());
        let Some(labels) = self.known.0.get(&name) else {
            self.fault(format!("names {name}, which is not in the catalogue"));
            return None;
        };
        let labels = labels.as_ref()?;
        let alternatives = matchers.or_matchers.iter().flatten();
        for matcher in matchers.matchers.iter().chain(alternatives) {
            if matcher.name != "__name__" {
                self.matcher(&name, labels, matcher);
            }
        }
        Some(labels.keys().cloned().collect())
    }

    fn matcher(&mut self, name: &str, labels: &LabelSets, matcher: &Matcher) {
        let label = &matcher.name;
        let Some(values) = labels.get(label) else {
            self.fault(format!(
                "asks {name} for the label {label}, which it has not"
            ));
            return;
        };
        let Some(values) = values else { return };
        for wanted in alternatives(matcher) {
            if !wanted.value.is_empty() && !values.iter().any(|value| accepts(&wanted, value)) {
                self.fault(format!(
                    "asks {name} for {label} `{}`, which it never is",
                    wanted.value
                ));
            }
        }
    }

    fn aggregate(&mut self, it: &AggregateExpr) -> Result {
        let inner = self.visit(&it.expr);
        if let Some(parameter) = &it.param {
            self.visit(parameter);
        }
        let operator = it.op.to_string();
        let mut labels = match &it.modifier {
            Some(LabelModifier::Include(by)) => {
                self.have(&inner, by, &operator);
                Some(by.labels.iter().cloned().collect())
            }
            Some(LabelModifier::Exclude(without)) => {
                self.have(&inner, without, &operator);
                less(&inner, without)
            }
            None => Some(BTreeSet::new()),
        };
        match (operator.as_str(), it.param.as_deref()) {
            // These hand on the series that they choose.
            ("topk" | "bottomk", _) => inner,
            ("count_values", Some(Expr::StringLiteral(label))) => {
                if let Some(labels) = &mut labels {
                    labels.insert(label.val.clone());
                }
                labels
            }
            _ => labels,
        }
    }

    fn binary(&mut self, it: &BinaryExpr) -> Result {
        let (left, right) = (self.visit(&it.lhs), self.visit(&it.rhs));
        if it.lhs.value_type() == ValueType::Scalar {
            return right;
        }
        if it.rhs.value_type() == ValueType::Scalar {
            return left;
        }
        let operator = it.op.to_string();
        let matching = it.modifier.as_ref().and_then(|it| it.matching.as_ref());
        match matching {
            Some(LabelModifier::Include(on)) => {
                self.have(&left, on, &operator);
                self.have(&right, on, &operator);
            }
            Some(LabelModifier::Exclude(ignoring)) => {
                self.have(&union(&left, &right), ignoring, &operator);
            }
            None => {}
        }
        let card = it.modifier.as_ref().map(|modifier| &modifier.card);
        match card {
            _ if operator == "or" => union(&left, &right),
            _ if it.op.is_set_operator() => left,
            Some(VectorMatchCardinality::ManyToOne(more)) => {
                self.have(&right, more, "group_left");
                union(&left, &Some(more.labels.iter().cloned().collect()))
            }
            Some(VectorMatchCardinality::OneToMany(more)) => {
                self.have(&left, more, "group_right");
                union(&right, &Some(more.labels.iter().cloned().collect()))
            }
            Some(VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany) | None => {
                match matching {
                    Some(LabelModifier::Include(on)) => Some(on.labels.iter().cloned().collect()),
                    Some(LabelModifier::Exclude(ignoring)) => less(&left, ignoring),
                    None => left,
                }
            }
        }
    }

    fn call(&mut self, call: &Call) -> Result {
        let arguments: Vec<Result> = call.args.args.iter().map(|it| self.visit(it)).collect();
        let vectors = call.args.args.iter().zip(arguments);
        let mut vectors = vectors
            .filter(|(it, _)| matches!(it.value_type(), ValueType::Vector | ValueType::Matrix))
            .map(|(_, labels)| labels);
        let inner = vectors.next().unwrap_or_else(|| Some(BTreeSet::new()));
        let texts: Vec<String> = call.args.args.iter().filter_map(|it| text(it)).collect();
        match (call.func.name, texts.as_slice()) {
            ("label_replace", [target, _, source, _]) => {
                self.have(&inner, &Labels::new(vec![source]), "label_replace");
                union(&inner, &Some([target.clone()].into()))
            }
            ("label_join", [target, _, sources @ ..]) => {
                let sources = Labels::new(sources.iter().map(String::as_str).collect());
                self.have(&inner, &sources, "label_join");
                union(&inner, &Some([target.clone()].into()))
            }
            ("histogram_quantile", _) => {
                let edge = Labels::new(vec!["le"]);
                self.have(&inner, &edge, "histogram_quantile");
                less(&inner, &edge)
            }
            ("scalar" | "time" | "vector" | "pi", _) => Some(BTreeSet::new()),
            ("absent" | "absent_over_time", _) => Some(given(&call.args.args)),
            _ => inner,
        }
    }

    /// These labels must be among those.
    fn have(&mut self, those: &Result, labels: &Labels, operator: &str) {
        let Some(those) = those else { return };
        for label in labels.labels.iter().filter(|label| !those.contains(*label)) {
            self.fault(format!(
                "groups or matches by {label} at `{operator}`, where there is no such label"
            ));
        }
    }
}

/// Every alternative of a matcher by itself, so that one wrong value does not hide behind a right one.
fn alternatives(matcher: &Matcher) -> Vec<Matcher> {
    let whole = vec![matcher.clone()];
    let splits = match matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => false,
        MatchOp::Re(_) | MatchOp::NotRe(_) => !matcher.value.contains(['(', '[']),
    };
    if !splits {
        return whole;
    }
    let each = matcher.value.split('|');
    each.map(|value| Matcher::new_matcher(T_EQL_REGEX, matcher.name.clone(), value.to_owned()))
        .collect::<std::result::Result<_, _>>()
        .unwrap_or(whole)
}

/// Whether the value is the one that the matcher names, be it to have or to leave out.
fn accepts(matcher: &Matcher, value: &str) -> bool {
    match &matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => matcher.value == value,
        MatchOp::Re(wanted) | MatchOp::NotRe(wanted) => wanted.is_match(value),
    }
}

fn union(one: &Result, other: &Result) -> Result {
    let (one, other) = (one.as_ref()?, other.as_ref()?);
    Some(one.union(other).cloned().collect())
}

fn less(labels: &Result, without: &Labels) -> Result {
    let mut labels = labels.clone()?;
    labels.retain(|label| !without.labels.contains(label));
    Some(labels)
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::StringLiteral(it) => Some(it.val.clone()),
        Expr::Paren(it) => text(&it.expr),
        _ => None,
    }
}

/// The labels that an absence has: those that its selector asks for by value.
fn given(arguments: &[Box<Expr>]) -> BTreeSet<String> {
    let selector = arguments.iter().find_map(|argument| match &**argument {
        Expr::VectorSelector(it) => Some(it),
        Expr::MatrixSelector(it) => Some(&it.vs),
        _ => None,
    });
    let matchers = selector.map_or(&[][..], |it| &it.matchers.matchers);
    matchers
        .iter()
        .filter(|matcher| matcher.op == MatchOp::Equal)
        .map(|matcher| matcher.name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Known, Walk};

    fn known() -> Known {
        fn open<'a>(labels: &'a [&'a str]) -> impl Iterator<Item = (String, super::Values)> + 'a {
            labels.iter().map(|label| ((*label).to_owned(), None))
        }
        let mut state: super::LabelSets = open(&["job", "handoff"]).collect();
        let values = ["met", "breached"].map(str::to_owned);
        state.insert("verdict".to_owned(), Some(values.into()));
        let one: super::LabelSets = open(&["job", "handoff"]).collect();
        let edges: super::LabelSets = open(&["job", "le"]).collect();
        Known(
            [
                ("state", Some(state)),
                ("one", Some(one)),
                ("edges", Some(edges)),
                ("ALERTS", None),
            ]
            .map(|(name, labels)| (name.to_owned(), labels))
            .into(),
        )
    }

    fn faults(expr: &str) -> Vec<String> {
        Walk::through(&known(), expr).0.faults
    }

    #[test]
    fn what_is_wrong_is_found_wherever_it_stands() {
        for (expr, word) in [
            ("sum(", "is no PromQL"),
            ("nothing > 0", "names nothing"),
            ("sum by (job) (rate(nothing[5m]))", "names nothing"),
            ("max_over_time(nothing[1d:5m])", "names nothing"),
            ("one{kind=\"x\"}", "label kind"),
            ("state{verdict=\"meet\"}", "`meet`"),
            ("state{verdict!=\"meet\"}", "`meet`"),
            ("state{verdict=~\"met|breeched\"}", "`breeched`"),
            ("state{verdict!~\"met|breeched\"}", "`breeched`"),
            ("state{verdict=~\"(mat|meet)\"}", "`(mat|meet)`"),
            ("sum by (verdict) (one)", "by verdict at `sum`"),
            ("sum without (verdict) (one)", "by verdict at `sum`"),
            ("sum by (verdict) (sum by (job) (state))", "by verdict"),
            ("state / on (verdict) one", "by verdict at `/`"),
            ("one / ignoring (le) one", "by le at `/`"),
            (
                "state * on (job) group_left (le) one",
                "by le at `group_left`",
            ),
            ("histogram_quantile(0.9, one)", "by le"),
            ("label_replace(one, \"a\", \"$1\", \"b\", \"\")", "by b"),
            ("max by (handoff) (absent(one{job=\"x\"}))", "by handoff"),
            (
                "sum by (verdict) (state / on (job) group_right one)",
                "by verdict",
            ),
            ("{job=\"x\"}", "without a name"),
        ] {
            let faults = faults(expr);
            assert!(
                faults.iter().any(|it| it.contains(word)),
                "{expr}: {faults:?}"
            );
        }
    }

    #[test]
    fn what_is_right_has_no_fault() {
        for expr in [
            "one",
            "time() - one > 0",
            "state{verdict=\"met\",job=~\".+\"} == 1",
            "state{verdict=~\"met|breached\"}",
            "state{verdict=~\".+\"}",
            "sum by (verdict) (state * on (job, handoff) group_left one)",
            "sum by (verdict) (one * on (job, handoff) group_right state)",
            "histogram_quantile(0.9, sum by (le) (rate(edges[5m])))",
            "sum by (a) (label_replace(one, \"a\", \"$1\", \"job\", \"(.*)\"))",
            "sum by (anything) (ALERTS)",
            "absent(one{job=\"x\"}) or one",
            "topk by (job) (3, state) and on (handoff) one",
            "sum by (n) (count_values(\"n\", one))",
        ] {
            assert_eq!(faults(expr), Vec::<String>::new(), "{expr}");
        }
    }

    #[test]
    fn the_labels_of_a_result_are_told() {
        for (expr, labels) in [
            ("sum(state)", vec![]),
            ("sum by (job) (state)", vec!["job"]),
            ("state / ignoring (verdict) one", vec!["handoff", "job"]),
            ("state > on (job) one", vec!["job"]),
            ("one or sum(state)", vec!["handoff", "job"]),
            ("2 * edges", vec!["job", "le"]),
            ("max_over_time(one[5m:1m])", vec!["handoff", "job"]),
        ] {
            let (_, found) = Walk::through(&known(), expr);
            let found: Vec<String> = found.unwrap().into_iter().collect();
            assert_eq!(found, labels, "{expr}");
        }
    }
}
