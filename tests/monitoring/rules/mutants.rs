//! Every small change that could be made to an expression and that nobody should be able to make unseen.
//!
//! Whether a test sees it is for `mutation`.

use promql_parser::{
    label::{MatchOp, Matcher, Matchers},
    parser::{
        BinaryExpr, Call, Expr, NumberLiteral, ParenExpr, VectorSelector,
        token::{
            T_ADD, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MUL,
            T_NEQ, T_SUB, TokenId, TokenType,
        },
    },
};

/// An expression with one change.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What was changed, for people.
    pub change: String,
    /// The changed expression.
    pub expr: String,
}

/// Every mutant of an expression.
pub fn mutants(expr: &str) -> Vec<Mutant> {
    let parsed = parsed(expr);
    let all: Vec<Mutant> = variants(&parsed)
        .into_iter()
        .map(|(change, mutated)| Mutant {
            change,
            expr: mutated.to_string(),
        })
        .collect();
    // What does not parse would fail every test, and show nothing.
    for mutant in &all {
        self::parsed(&mutant.expr);
    }
    all
}

fn parsed(expr: &str) -> Expr {
    promql_parser::parser::parse(expr).unwrap_or_else(|error| panic!("{expr}: {error}"))
}

type Variant = (String, Expr);

/// Every expression that differs in one place.
fn variants(expr: &Expr) -> Vec<Variant> {
    match expr {
        Expr::Binary(binary) => binaries(binary),
        Expr::Paren(inner) => within(variants(&inner.expr), |it| parenthesized(&it)),
        Expr::NumberLiteral(number) => [number.val + 1.0, number.val - 1.0]
            .map(|moved| {
                let change = format!("{} became {moved}", number.val);
                (change, Expr::NumberLiteral(NumberLiteral::new(moved)))
            })
            .into(),
        Expr::VectorSelector(selector) => within(selectors(selector), Expr::VectorSelector),
        Expr::MatrixSelector(matrix) => within(selectors(&matrix.vs), |vs| {
            let mut changed = matrix.clone();
            changed.vs = vs;
            Expr::MatrixSelector(changed)
        }),
        Expr::Aggregate(aggregate) => within(variants(&aggregate.expr), |inner| {
            let mut changed = aggregate.clone();
            changed.expr = Box::new(inner);
            Expr::Aggregate(changed)
        }),
        Expr::Call(call) => calls(call),
        other => panic!("no rule uses this yet, so no mutant is made of it: {other}"),
    }
}

fn within<Part, Whole>(
    variants: Vec<(String, Part)>,
    embed: impl Fn(Part) -> Whole,
) -> Vec<(String, Whole)> {
    variants
        .into_iter()
        .map(|(change, part)| (change, embed(part)))
        .collect()
}

/// The structure stays whatever the operator is: the printer adds no parentheses.
fn parenthesized(expr: &Expr) -> Expr {
    Expr::Paren(ParenExpr {
        expr: Box::new(expr.clone()),
    })
}

fn binaries(binary: &BinaryExpr) -> Vec<Variant> {
    let with = |change: &dyn Fn(&mut BinaryExpr)| {
        let mut changed = binary.clone();
        *changed.lhs = parenthesized(&binary.lhs);
        *changed.rhs = parenthesized(&binary.rhs);
        change(&mut changed);
        Expr::Binary(changed)
    };
    let name = |id: TokenId| TokenType::new(id).to_string();
    let mut all: Vec<Variant> = replacements(binary.op.id())
        .iter()
        .map(|id| {
            let change = format!("`{}` became `{}`", name(binary.op.id()), name(*id));
            (change, with(&|it| it.op = TokenType::new(*id)))
        })
        .collect();
    if binary.is_matching_labels_not_empty() {
        let change = format!("`{}` lost its matching", name(binary.op.id()));
        let lost = |it: &mut BinaryExpr| {
            if let Some(modifier) = &mut it.modifier {
                modifier.matching = None;
            }
        };
        all.push((change, with(&lost)));
    }
    all.extend(within(variants(&binary.lhs), |side| {
        with(&|it| *it.lhs = parenthesized(&side))
    }));
    all.extend(within(variants(&binary.rhs), |side| {
        with(&|it| *it.rhs = parenthesized(&side))
    }));
    all
}

/// A comparison turned round, its boundary moved; another set; another sum.
fn replacements(id: TokenId) -> &'static [TokenId] {
    match id {
        T_GTR => &[T_LSS, T_GTE],
        T_GTE => &[T_LSS, T_GTR],
        T_LSS => &[T_GTR, T_LTE],
        T_LTE => &[T_GTR, T_LSS],
        T_EQLC => &[T_NEQ],
        T_NEQ => &[T_EQLC],
        T_LAND => &[T_LOR, T_LUNLESS],
        T_LOR => &[T_LAND, T_LUNLESS],
        T_LUNLESS => &[T_LAND, T_LOR],
        T_ADD => &[T_SUB],
        T_SUB => &[T_ADD],
        T_MUL => &[T_DIV],
        T_DIV => &[T_MUL],
        other => panic!("no mutant is known of `{}`", TokenType::new(other)),
    }
}

/// Each condition on a label dropped, and each of its alternatives.
fn selectors(selector: &VectorSelector) -> Vec<(String, VectorSelector)> {
    let matchers = &selector.matchers.matchers;
    assert!(selector.matchers.or_matchers.is_empty(), "{selector}");
    let mut all = Vec::new();
    for (index, matcher) in matchers.iter().enumerate() {
        let with = |instead: Option<Matcher>| {
            let mut left = matchers.clone();
            left.splice(index..=index, instead);
            let mut changed = selector.clone();
            changed.matchers = Matchers::new(left);
            changed
        };
        all.push((format!("`{matcher}` was dropped"), with(None)));
        let alternatives: Vec<&str> = matcher.value.split('|').collect();
        if !matches!(matcher.op, MatchOp::Re(_)) || alternatives.len() < 2 {
            continue;
        }
        for one in alternatives {
            let change = format!("`{matcher}` became `{one}`");
            let exact = Matcher::new(MatchOp::Equal, &matcher.name, one);
            all.push((change, with(Some(exact))));
        }
    }
    all
}

/// What a function adds, taken away: what was a moment ago, that there is nothing, that a counter begins anew.
fn calls(call: &Call) -> Vec<Variant> {
    let mut all = Vec::new();
    let name = call.func.name;
    match (name, call.args.args.first().map(|it| &**it)) {
        ("absent", Some(argument)) => {
            all.push((format!("`{name}` was dropped"), argument.clone()));
        }
        ("increase", Some(_)) => {
            let mut changed = call.clone();
            changed.func.name = "delta";
            all.push((format!("`{name}` became `delta`"), Expr::Call(changed)));
        }
        (_, Some(Expr::MatrixSelector(matrix))) if name.ends_with("_over_time") => {
            let now = Expr::VectorSelector(matrix.vs.clone());
            all.push((format!("`{name}` was dropped"), now));
        }
        ("time", None) => {}
        _ => panic!("no mutant is known of `{name}`"),
    }
    for (index, argument) in call.args.args.iter().enumerate() {
        all.extend(within(variants(argument), |it| {
            let mut changed = call.clone();
            *changed.args.args[index] = it;
            Expr::Call(changed)
        }));
    }
    all
}

#[test]
fn each_place_of_an_expression_is_changed_in_each_way() {
    let changes: Vec<String> = mutants(r#"sum(up{job=~"a|b"}) >= 2 unless on (job) absent(down)"#)
        .into_iter()
        .map(|mutant| mutant.change)
        .collect();
    let expected = [
        "`unless` became `and`",
        "`unless` became `or`",
        "`unless` lost its matching",
        "`>=` became `<`",
        "`>=` became `>`",
        r#"`job=~"a|b"` was dropped"#,
        r#"`job=~"a|b"` became `a`"#,
        r#"`job=~"a|b"` became `b`"#,
        "2 became 3",
        "2 became 1",
        "`absent` was dropped",
    ];
    assert_eq!(changes, expected);
}

#[test]
fn a_mutant_keeps_the_rest_of_the_structure() {
    let all = mutants("a or b and c > 1");
    assert_eq!(all[0].expr, "(a) and (b and c > 1)");
}
