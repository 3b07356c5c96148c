//! Columns that a template asks whether they are true, though their cells are text: `{% if vip %}`, `vip == true`.
//!
//! Any text holds, "FALSE", "no" and "0" too, and none equals `true`. Guarantees: only what nobody has declared is noted, and
//! where a template compares a column with text it knows what stands in it; a name that the template gives to a column (`alias`)
//! is followed. Leaves to others: what the list holds.

use super::super::names::{Cells, Name};
use super::tree::{end, mentions, start};
use super::{Walk, Want};
use minijinja::machinery::ast::{BinOpKind, Expr, UnaryOpKind};
use minijinja::value::ValueKind;

/// A column that is asked whether it is true, and nobody has said that it says yes or no.
#[derive(Debug)]
pub(crate) struct TruthWanted {
    pub(crate) at: usize,
    pub(crate) column: usize,
    /// Whether it is compared with `true` or `false`.
    pub(crate) compared: bool,
    /// What the template calls it there, where it has given it a name of its own.
    pub(crate) called: Option<String>,
}

/// Filters behind which a text is still the same word, or there was nothing.
const SAME_WORD: [&str; 5] = ["default", "d", "trim", "lower", "upper"];

impl Walk<'_, '_> {
    /// It is asked whether `expr` holds.
    pub(super) fn condition(&mut self, expr: &Expr<'_>) {
        match expr {
            Expr::UnaryOp(one) if matches!(one.op, UnaryOpKind::Not) => self.condition(&one.expr),
            Expr::BinOp(one) if matches!(one.op, BinOpKind::ScAnd) => {
                self.first_condition(&one.left, &one.right);
                self.condition(&one.right);
            }
            Expr::BinOp(one) if matches!(one.op, BinOpKind::ScOr) => {
                self.condition(&one.left);
                self.condition(&one.right);
            }
            Expr::Filter(one) if SAME_WORD.contains(&one.name) => {
                one.expr.iter().for_each(|base| self.condition(base));
            }
            column => self.want_truth(column, false),
        }
    }

    /// It is asked whether `left` holds, and `right`, too: `points and points > 100`. What is asked about more closely there is
    /// asked here whether there is anything.
    pub(super) fn first_condition(&mut self, left: &Expr<'_>, right: &Expr<'_>) {
        let text = |expr: &Expr<'_>| self.text.get(start(expr)..end(expr));
        let word = text(word_of(left));
        if !mentions(right, &|expr| text(expr) == word) {
            self.condition(left);
        }
    }

    /// Two sides are equal, or are not.
    pub(super) fn compare_with_truth(&mut self, left: &Expr<'_>, right: &Expr<'_>) {
        let is_truth = |expr: &Expr<'_>| matches!(expr, Expr::Const(one) if one.value.kind() == ValueKind::Bool);
        if is_truth(right) {
            self.compared_with_truth(left);
        } else if is_truth(left) {
            self.compared_with_truth(right);
        }
    }

    /// `expr` is `true` or `false`, or is not.
    pub(super) fn compared_with_truth(&mut self, expr: &Expr<'_>) {
        match expr {
            // Where there is nothing the default may be the one that it is compared with.
            Expr::Filter(_) => self.condition(expr),
            column => self.want_truth(column, true),
        }
    }

    fn want_truth(&mut self, expr: &Expr<'_>, compared: bool) {
        if let Expr::Var(one) = expr
            && self.is_bound(one.id)
        {
            for column in self.aliases.get(one.id).cloned().unwrap_or_default() {
                self.note_truth(TruthWanted { at: start(expr), column, compared, called: Some(one.id.to_owned()) });
            }
            return;
        }
        let name = match expr {
            Expr::Var(one) => self.names.resolve(one.id),
            Expr::GetAttr(one) if self.is_row(&one.expr) => self.names.of_heading(one.name),
            Expr::GetItem(one) if self.is_row(&one.expr) => match &one.subscript_expr {
                Expr::Const(key) => self.names.of_heading(key.value.as_str().unwrap_or_default()),
                _ => return,
            },
            _ => return,
        };
        let Ok(Name::Column(column)) = name else { return };
        self.note_truth(TruthWanted { at: start(expr), column, compared, called: None });
    }

    fn note_truth(&mut self, wanted: TruthWanted) {
        if matches!(self.names.cells(Name::Column(wanted.column)), Cells::Unsaid | Cells::Json) {
            self.found.truths.push(wanted);
        }
    }

    /// A name that the template has given to columns is read as this.
    pub(super) fn note_use_by(&mut self, alias: &str, want: Want) {
        for column in self.aliases.get(alias).cloned().unwrap_or_default() {
            self.note_use(Name::Column(column), want);
        }
    }

    /// A column is read as this.
    pub(super) fn note_use(&mut self, name: Name, want: Want) {
        let Name::Column(column) = name else { return };
        match want {
            Want::Text => _ = self.found.printed.insert(column),
            Want::Compared => _ = self.found.compared.insert(column),
            Want::Number | Want::Any | Want::Items => {}
        }
    }

    /// Each place once, without the columns that are compared with text.
    pub(super) fn sort_truths(&mut self) {
        let compared = &self.found.compared;
        self.found.truths.retain(|wanted| wanted.compared || !compared.contains(&wanted.column));
        self.found.truths.sort_by_key(|wanted| (wanted.at, wanted.column));
        self.found.truths.dedup_by_key(|wanted| (wanted.at, wanted.column));
    }
}

/// What stands before the filters behind which it is still the same word.
pub(super) fn word_of<'e, 's>(expr: &'e Expr<'s>) -> &'e Expr<'s> {
    match expr {
        Expr::Filter(one) if SAME_WORD.contains(&one.name) => one.expr.as_ref().map_or(expr, word_of),
        expr => expr,
    }
}
