//! Facts of a syntax tree: where an expression stands, which names a template binds, which files it names.

use minijinja::machinery::ast::{Expr, Stmt};
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
pub(super) fn targets(target: &Expr<'_>) -> Vec<String> {
    match target {
        Expr::Var(one) => vec![one.id.to_owned()],
        Expr::List(one) => one.items.iter().flat_map(targets).collect(),
        Expr::Tuple(one) => one.items.iter().flat_map(targets).collect(),
        _ => Vec::new(),
    }
}

/// The names that stay bound behind the statement that binds them.
pub(super) fn set_in(statement: &Stmt<'_>, names: &mut BTreeSet<String>) {
    let mut all = |body: &[Stmt<'_>]| body.iter().for_each(|one| set_in(one, names));
    match statement {
        Stmt::Template(one) => all(&one.children),
        Stmt::ForLoop(one) => {
            all(&one.body);
            all(&one.else_body);
        }
        Stmt::IfCond(one) => {
            all(&one.true_body);
            all(&one.false_body);
        }
        Stmt::WithBlock(one) => all(&one.body),
        Stmt::AutoEscape(one) => all(&one.body),
        Stmt::FilterBlock(one) => all(&one.body),
        Stmt::Block(one) => all(&one.body),
        Stmt::CallBlock(one) => all(&one.macro_decl.body),
        Stmt::Set(one) => names.extend(targets(&one.target)),
        Stmt::SetBlock(one) => {
            all(&one.body);
            names.extend(targets(&one.target));
        }
        Stmt::Import(one) => names.extend(targets(&one.name)),
        Stmt::FromImport(one) => {
            names.extend(one.names.iter().flat_map(|(name, alias)| targets(alias.as_ref().unwrap_or(name))));
        }
        Stmt::Macro(one) => {
            all(&one.body);
            names.insert(one.name.to_owned());
        }
        _ => {}
    }
}

/// Collects the names of files in `expr`; false where they are no constants.
pub(super) fn file_names(expr: &Expr<'_>, names: &mut Vec<String>) -> bool {
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
    collect_files(tree, &mut names);
    names
}

fn collect_files(statement: &Stmt<'_>, names: &mut Vec<String>) {
    let mut all = |body: &[Stmt<'_>]| body.iter().for_each(|one| collect_files(one, names));
    match statement {
        Stmt::Template(one) => all(&one.children),
        Stmt::ForLoop(one) => {
            all(&one.body);
            all(&one.else_body);
        }
        Stmt::IfCond(one) => {
            all(&one.true_body);
            all(&one.false_body);
        }
        Stmt::WithBlock(one) => all(&one.body),
        Stmt::AutoEscape(one) => all(&one.body),
        Stmt::FilterBlock(one) => all(&one.body),
        Stmt::SetBlock(one) => all(&one.body),
        Stmt::Block(one) => all(&one.body),
        Stmt::Macro(one) => all(&one.body),
        Stmt::CallBlock(one) => all(&one.macro_decl.body),
        Stmt::Import(one) => _ = file_names(&one.expr, names),
        Stmt::FromImport(one) => _ = file_names(&one.expr, names),
        Stmt::Extends(one) => _ = file_names(&one.name, names),
        Stmt::Include(one) => _ = file_names(&one.name, names),
        _ => {}
    }
}
