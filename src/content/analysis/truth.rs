//! Columns that a template asks whether they are true, though their cells are text: `{% if vip %}`, `vip == true`.
//!
//! Any text holds, "FALSE" and "no" too, and none equals `true`. Guarantees: only what nobody has declared is noted, and where
//! a template compares a column with text it knows what stands in it. Leaves to others: what the list holds.

use super::super::names::{Cells, Name};
use super::tree::start;
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
}

/// Filters behind which a text is still the same word, or there was nothing.
const SAME_WORD: [&str; 5] = ["default", "d", "trim", "lower", "upper"];

impl Walk<'_, '_> {
    /// It is asked whether `expr` holds.
    pub(super) fn condition(&mut self, expr: &Expr<'_>) {
        match expr {
            Expr::UnaryOp(one) if matches!(one.op, UnaryOpKind::Not) => self.condition(&one.expr),
            Expr::BinOp(one) if matches!(one.op, BinOpKind::ScAnd | BinOpKind::ScOr) => {
                self.condition(&one.left);
                self.condition(&one.right);
            }
            Expr::Filter(one) if SAME_WORD.contains(&one.name) => {
                one.expr.iter().for_each(|base| self.condition(base));
            }
            column => self.want_truth(column, false),
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
        let name = match expr {
            Expr::Var(one) if self.is_local(one.id) || self.loose.contains(one.id) => return,
            Expr::Var(one) => self.names.resolve(one.id),
            Expr::GetAttr(one) if self.is_row(&one.expr) => self.names.of_heading(one.name),
            Expr::GetItem(one) if self.is_row(&one.expr) => match &one.subscript_expr {
                Expr::Const(key) => self.names.of_heading(key.value.as_str().unwrap_or_default()),
                _ => return,
            },
            _ => return,
        };
        let Ok(name @ Name::Column(column)) = name else { return };
        if matches!(self.names.cells(name), Cells::Unsaid | Cells::Json) {
            self.found.truths.push(TruthWanted { at: start(expr), column, compared });
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
