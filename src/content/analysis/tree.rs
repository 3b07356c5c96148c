//! Facts of a syntax tree: what stands in it and where, which names a template binds, which files it names.

use minijinja::machinery::ast::{CallArg, Expr, Stmt};
use std::collections::BTreeSet;

pub(super) fn span(expr: &Expr<'_>) -> (usize, usize) {
    let span = expr.span();
    (span.start_offset as usize, span.end_offset as usize)
}

/// Where an expression begins: the span of some begins at their operator.
pub(crate) fn start(expr: &Expr<'_>) -> usize {
    match expr {
        Expr::Filter(one) => one.expr.as_ref().map_or(span(expr).0, start),
        Expr::Test(one) => start(&one.expr),
        Expr::GetAttr(one) => start(&one.expr),
        Expr::GetItem(one) => start(&one.expr),
        Expr::Slice(one) => start(&one.expr),
        Expr::Call(one) => start(&one.expr),
        Expr::BinOp(one) => start(&one.left),
        Expr::Compare(one) => start(&one.expr),
        Expr::IfExpr(one) => start(&one.true_expr),
        _ => span(expr).0,
    }
}

pub(super) fn end(expr: &Expr<'_>) -> usize {
    span(expr).1
}

/// The names that a target binds.
pub(crate) fn targets(target: &Expr<'_>) -> Vec<String> {
    match target {
        Expr::Var(one) => vec![one.id.to_owned()],
        Expr::List(one) => one.items.iter().flat_map(targets).collect(),
        Expr::Tuple(one) => one.items.iter().flat_map(targets).collect(),
        _ => Vec::new(),
    }
}

/// The statements that stand in one.
pub(super) fn bodies<'t, 's>(statement: &'t Stmt<'s>) -> Vec<&'t Stmt<'s>> {
    match statement {
        Stmt::Template(one) => one.children.iter().collect(),
        Stmt::ForLoop(one) => one.body.iter().chain(&one.else_body).collect(),
        Stmt::IfCond(one) => one.true_body.iter().chain(&one.false_body).collect(),
        Stmt::WithBlock(one) => one.body.iter().collect(),
        Stmt::AutoEscape(one) => one.body.iter().collect(),
        Stmt::FilterBlock(one) => one.body.iter().collect(),
        Stmt::SetBlock(one) => one.body.iter().collect(),
        Stmt::Block(one) => one.body.iter().collect(),
        Stmt::Macro(one) => one.body.iter().collect(),
        Stmt::CallBlock(one) => one.macro_decl.body.iter().collect(),
        _ => Vec::new(),
    }
}

/// The expressions of a statement, without those of the statements in it.
pub(super) fn expressions<'t, 's>(statement: &'t Stmt<'s>) -> Vec<&'t Expr<'s>> {
    match statement {
        Stmt::EmitExpr(one) => vec![&one.expr],
        Stmt::ForLoop(one) => std::iter::once(&one.iter).chain(&one.filter_expr).collect(),
        Stmt::IfCond(one) => vec![&one.expr],
        Stmt::WithBlock(one) => one.assignments.iter().map(|(_, value)| value).collect(),
        Stmt::Set(one) => vec![&one.expr],
        Stmt::SetBlock(one) => one.filter.iter().collect(),
        Stmt::AutoEscape(one) => vec![&one.enabled],
        Stmt::FilterBlock(one) => vec![&one.filter],
        Stmt::Include(one) => vec![&one.name],
        Stmt::Macro(one) => one.defaults.iter().collect(),
        Stmt::CallBlock(one) => {
            std::iter::once(&one.call.expr).chain(values(&one.call.args)).chain(&one.macro_decl.defaults).collect()
        }
        Stmt::Do(one) => std::iter::once(&one.call.expr).chain(values(&one.call.args)).collect(),
        _ => Vec::new(),
    }
}

fn values<'t, 's>(args: &'t [CallArg<'s>]) -> impl Iterator<Item = &'t Expr<'s>> {
    args.iter().map(|arg| match arg {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) | CallArg::PosSplat(value) | CallArg::KwargSplat(value) => value,
    })
}

/// The expressions that one is made of.
fn operands<'t, 's>(expr: &'t Expr<'s>) -> Vec<&'t Expr<'s>> {
    match expr {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::UnaryOp(one) => vec![&one.expr],
        Expr::BinOp(one) => vec![&one.left, &one.right],
        Expr::Compare(one) => std::iter::once(&one.expr).chain(one.ops.iter().map(|op| &op.expr)).collect(),
        Expr::IfExpr(one) => [&one.test_expr, &one.true_expr].into_iter().chain(&one.false_expr).collect(),
        Expr::Filter(one) => one.expr.iter().chain(values(&one.args)).collect(),
        Expr::Test(one) => std::iter::once(&one.expr).chain(values(&one.args)).collect(),
        Expr::GetAttr(one) => vec![&one.expr],
        Expr::GetItem(one) => vec![&one.expr, &one.subscript_expr],
        Expr::Slice(one) => std::iter::once(&one.expr).chain(&one.start).chain(&one.stop).chain(&one.step).collect(),
        Expr::Call(one) => std::iter::once(&one.expr).chain(values(&one.args)).collect(),
        Expr::List(one) => one.items.iter().collect(),
        Expr::Tuple(one) => one.items.iter().collect(),
        Expr::Map(one) => one.keys.iter().chain(&one.values).collect(),
    }
}

/// Comes by each statement, and those that stand in it.
pub(crate) fn each_statement<'t, 's>(statement: &'t Stmt<'s>, seen: &mut impl FnMut(&'t Stmt<'s>)) {
    seen(statement);
    bodies(statement).into_iter().for_each(|one| each_statement(one, seen));
}

/// Comes by each expression in a statement, and what that is made of.
pub(crate) fn each_expression<'t, 's>(statement: &'t Stmt<'s>, seen: &mut impl FnMut(&'t Expr<'s>)) {
    each_statement(statement, &mut |one| expressions(one).into_iter().for_each(|expr| each_operand(expr, seen)));
}

pub(super) fn each_operand<'t, 's>(expr: &'t Expr<'s>, seen: &mut impl FnMut(&'t Expr<'s>)) {
    seen(expr);
    operands(expr).into_iter().for_each(|one| each_operand(one, seen));
}

/// Whether what a loop goes through may be a text.
pub(super) fn may_be_text(expr: &Expr<'_>) -> bool {
    match expr {
        Expr::Var(_) | Expr::Filter(_) | Expr::Call(_) | Expr::GetAttr(_) | Expr::GetItem(_) | Expr::Slice(_) => true,
        Expr::IfExpr(_) | Expr::BinOp(_) => true,
        Expr::Const(one) => one.value.as_str().is_some(),
        _ => false,
    }
}

/// Whether `loop` is read in a statement.
pub(super) fn reads_loop(statement: &Stmt<'_>) -> bool {
    let mut reads = false;
    each_expression(statement, &mut |expr| reads |= matches!(expr, Expr::Var(one) if one.id == "loop"));
    reads
}

/// Whether such an expression stands in one.
pub(super) fn mentions<'s>(expr: &Expr<'s>, is_it: &impl Fn(&Expr<'s>) -> bool) -> bool {
    is_it(expr) || operands(expr).into_iter().any(|one| mentions(one, is_it))
}

/// The names that stay bound behind the statement that binds them.
pub(super) fn set_in(statement: &Stmt<'_>, names: &mut BTreeSet<String>) {
    each_statement(statement, &mut |one| match one {
        Stmt::Set(one) => names.extend(targets(&one.target)),
        Stmt::SetBlock(one) => names.extend(targets(&one.target)),
        Stmt::Import(one) => names.extend(targets(&one.name)),
        Stmt::FromImport(one) => {
            names.extend(one.names.iter().flat_map(|(name, alias)| targets(alias.as_ref().unwrap_or(name))));
        }
        Stmt::Macro(one) => _ = names.insert(one.name.to_owned()),
        _ => {}
    });
}

/// Collects the names of files in `expr`; false where they are no constants.
pub(crate) fn file_names(expr: &Expr<'_>, names: &mut Vec<String>) -> bool {
    match expr {
        Expr::Const(one) => one.value.as_str().map(|name| names.push(name.to_owned())).is_some(),
        Expr::List(one) => one.items.iter().all(|item| file_names(item, names)),
        Expr::Tuple(one) => one.items.iter().all(|item| file_names(item, names)),
        Expr::IfExpr(one) => {
            file_names(&one.true_expr, names) && one.false_expr.as_ref().is_none_or(|other| file_names(other, names))
        }
        _ => false,
    }
}

/// The files that a template names, as far as they are named in quotes.
pub(crate) fn files_in(tree: &Stmt<'_>) -> Vec<String> {
    let mut names = Vec::new();
    each_statement(tree, &mut |one| match one {
        Stmt::Import(one) => _ = file_names(&one.expr, &mut names),
        Stmt::FromImport(one) => _ = file_names(&one.expr, &mut names),
        Stmt::Extends(one) => _ = file_names(&one.name, &mut names),
        Stmt::Include(one) => _ = file_names(&one.name, &mut names),
        _ => {}
    });
    names
}
