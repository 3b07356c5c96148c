//! What kind of value an expression is, as far as that is known before there is a row.

use super::super::cell::ColumnType;
use super::super::filters::{FILTERS, Gives};
use super::super::names::{Cells, Name};
use super::{Walk, Want};
use minijinja::machinery::ast::{BinOpKind, Expr, UnaryOpKind};
use minijinja::value::ValueKind;

/// What is known of a value before there is a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    /// Text that is written into the template; whether it reads as a number.
    Quoted(bool),
    /// Cells of a CSV column of which nothing was said.
    Cells,
    Unknown,
}

/// Where numbers of a loop can be had.
const LOOP_NUMBERS: [&str; 7] = ["index", "index0", "revindex", "revindex0", "length", "depth", "depth0"];

impl Walk<'_, '_> {
    pub(super) fn kind(&mut self, expr: &Expr<'_>) -> Kind {
        match expr {
            Expr::Const(one) => match one.value.kind() {
                ValueKind::Number => Kind::Number,
                ValueKind::String => {
                    Kind::Quoted(one.value.as_str().is_some_and(|text| text.trim().parse::<f64>().is_ok()))
                }
                _ => Kind::Unknown,
            },
            Expr::Var(one) if self.is_local(one.id) || self.loose.contains(one.id) => Kind::Unknown,
            Expr::Var(one) => self.names.resolve(one.id).map_or(Kind::Unknown, |name| self.kind_of(name)),
            Expr::GetItem(one) if self.is_row(&one.expr) => match &one.subscript_expr {
                Expr::Const(key) => self
                    .names
                    .of_heading(key.value.as_str().unwrap_or_default())
                    .map_or(Kind::Unknown, |name| self.kind_of(name)),
                _ => Kind::Unknown,
            },
            Expr::GetAttr(one) => match &one.expr {
                Expr::Var(var) if var.id == "loop" && LOOP_NUMBERS.contains(&one.name) => Kind::Number,
                base if self.is_row(base) => {
                    self.names.of_heading(one.name).map_or(Kind::Unknown, |name| self.kind_of(name))
                }
                _ => Kind::Unknown,
            },
            Expr::UnaryOp(one) if matches!(one.op, UnaryOpKind::Neg) => Kind::Number,
            Expr::BinOp(one) => match one.op {
                BinOpKind::Concat => Kind::Text,
                BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Pow => Kind::Number,
                BinOpKind::Add | BinOpKind::Mul | BinOpKind::Rem => match (self.kind(&one.left), self.kind(&one.right))
                {
                    (Kind::Text | Kind::Quoted(_), _) | (_, Kind::Text | Kind::Quoted(_)) => Kind::Text,
                    (Kind::Number, _) | (_, Kind::Number) => Kind::Number,
                    _ => Kind::Unknown,
                },
                _ => Kind::Unknown,
            },
            Expr::IfExpr(one) => {
                let kind = self.kind(&one.true_expr);
                let other = one.false_expr.as_ref().map(|other| self.kind(other));
                if other == Some(kind) { kind } else { Kind::Unknown }
            }
            Expr::Filter(one) => match (one.name, &one.expr) {
                ("default" | "d", Some(base)) => self.kind(base),
                (name, _) => match FILTERS.iter().find(|(known, ..)| *known == name).map(|(.., gives)| *gives) {
                    Some(Gives::Number) => Kind::Number,
                    Some(Gives::Text) => Kind::Text,
                    _ => Kind::Unknown,
                },
            },
            _ => Kind::Unknown,
        }
    }

    fn kind_of(&self, name: Name) -> Kind {
        match self.names.cells(name) {
            Cells::Unsaid => Kind::Cells,
            Cells::Text => Kind::Text,
            Cells::Json => Kind::Unknown,
            Cells::Declared(kind) if kind.is_number() => Kind::Number,
            Cells::Declared(ColumnType::Boolean) => Kind::Unknown,
            Cells::Declared(_) => Kind::Text,
        }
    }
}

/// What a column must be to be found among these.
pub(super) fn kind_of_all(items: &[Expr<'_>]) -> Want {
    let all = |kind| items.iter().all(|item| matches!(item, Expr::Const(one) if one.value.kind() == kind));
    match items.is_empty() {
        false if all(ValueKind::Number) => Want::Number,
        false if all(ValueKind::String) => Want::Text,
        _ => Want::Any,
    }
}
