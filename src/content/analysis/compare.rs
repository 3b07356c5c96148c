//! Operators with two sides: which kind each side is wanted as, and what is written for those that may mix kinds.

use super::super::cell::ColumnType;
use super::super::filters::dates;
use super::super::names::{Cells, Name};
use super::super::rewrite::{self, Sides};
use super::found::SumWanted;
use super::guard::Behind;
use super::kind::{Kind, kind_of_all};
use super::tree::{end, span, start};
use super::truth::word_of;
use super::{Walk, Want};
use minijinja::machinery::ast::{BinOpKind, CompareOpKind, Expr};

impl Walk<'_, '_> {
    pub(super) fn binary(&mut self, op: BinOpKind, left: &Expr<'_>, right: &Expr<'_>, want: Want) {
        let both = |walk: &mut Self, want| {
            walk.expr(left, want, false);
            walk.expr(right, want, false);
        };
        let order = match op {
            BinOpKind::Eq => CompareOpKind::Eq,
            BinOpKind::Ne => CompareOpKind::Ne,
            BinOpKind::Lt => CompareOpKind::Lt,
            BinOpKind::Lte => CompareOpKind::Lte,
            BinOpKind::Gt => CompareOpKind::Gt,
            BinOpKind::Gte => CompareOpKind::Gte,
            BinOpKind::In => CompareOpKind::In,
            BinOpKind::ScAnd | BinOpKind::ScOr => {
                // Both are asked whether they hold, and one of them is the result. What stands before `or` is often asked
                // only whether there is something.
                let mut known = Vec::new();
                if matches!(op, BinOpKind::ScAnd) {
                    self.decides(left);
                    self.first_condition(left, right, Behind::NOTHING);
                    known = self.guards_where(left, true);
                }
                let lazily = |walk: &mut Self, want| {
                    walk.expr(left, want, false);
                    walk.branch(|walk| walk.knowing(&known, |walk| walk.expr(right, want, false)));
                };
                return match self.kind(left) {
                    Kind::Cells | Kind::Text => lazily(self, if want == Want::Number { Want::Any } else { want }),
                    _ => lazily(self, Want::Any),
                };
            }
            BinOpKind::Concat => return both(self, Want::Text),
            BinOpKind::Add => {
                let is_text = |kind| matches!(kind, Kind::Text | Kind::Quoted(_));
                let (a, b) = (self.kind(left), self.kind(right));
                let around = self.joins_text;
                let want = match (a, b) {
                    _ if is_text(a) || is_text(b) => {
                        self.joins_text = true;
                        Want::Text
                    }
                    (Kind::Number, _) | (_, Kind::Number) => Want::Number,
                    // It is computed with what comes out.
                    _ if want == Want::Number => Want::Number,
                    _ => {
                        self.note_sum(left, right);
                        Want::Any
                    }
                };
                both(self, want);
                self.joins_text = around;
                return;
            }
            BinOpKind::Mul if matches!(self.kind(left), Kind::Text | Kind::Quoted(_)) => {
                self.expr(left, Want::Text, false);
                return self.expr(right, Want::Number, false);
            }
            BinOpKind::Rem if matches!(self.kind(left), Kind::Text | Kind::Quoted(_)) => {
                self.expr(left, Want::Text, false);
                let spreads = matches!(right, Expr::Tuple(_));
                self.found.edits.extend(rewrite::percent(self.text, sides(left, right), spreads));
                return self.expr(right, Want::Any, false);
            }
            BinOpKind::Sub
            | BinOpKind::Mul
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow => {
                return both(self, Want::Number);
            }
        };
        self.compare(order, left, right, true);
    }

    /// Columns of which nobody has said what they hold, with `+` between them: text is joined by it. Where text of the template
    /// is among them, that is meant.
    fn note_sum(&mut self, left: &Expr<'_>, right: &Expr<'_>) {
        let at = start(left);
        if self.joins_text || self.found.sums.iter().any(|sum| sum.at == at) {
            return;
        }
        let (mut operands, mut terms) = (Vec::new(), Vec::new());
        [left, right].into_iter().for_each(|side| operands_of(side, &mut operands));
        for operand in operands {
            let column = word_of(operand);
            let columns = self.cells_of(column);
            let is_unsaid = |column: &usize| self.names.cells(Name::Column(*column)) == Cells::Unsaid;
            if columns.is_empty() || !columns.iter().all(is_unsaid) {
                return;
            }
            terms.push((self.text.get(start(column)..end(column)).unwrap_or_default().to_owned(), columns));
        }
        self.found.sums.push(SumWanted { at, terms });
    }

    /// Two values are compared: both are to be of one kind. `alone`: not within a chain of comparisons.
    pub(super) fn compare(&mut self, op: CompareOpKind, left: &Expr<'_>, right: &Expr<'_>, alone: bool) {
        let (a, b) = (self.kind(left), self.kind(right));
        if alone && !(self.is_known(left) && self.is_known(right)) {
            self.found.edits.extend(rewrite::comparison(self.text, sides(left, right), op));
        }
        if matches!(op, CompareOpKind::In | CompareOpKind::NotIn) {
            return self.membership(left, right, matches!(op, CompareOpKind::NotIn));
        }
        let is_order = !matches!(op, CompareOpKind::Eq | CompareOpKind::Ne);
        if is_order && (self.compares_dates(left, right) || self.compares_dates(right, left)) {
            return;
        }
        if !is_order {
            self.compare_with_truth(left, right);
            let is_not = matches!(op, CompareOpKind::Ne);
            self.compared_with_words(left, [right], is_not);
            self.compared_with_words(right, [left], is_not);
        }
        let written = self.written_for_readers(left).or_else(|| self.written_for_readers(right));
        let want = match (a, b) {
            (Kind::Quoted(true), Kind::Cells | Kind::Number) | (Kind::Cells | Kind::Number, Kind::Quoted(true))
                if is_order =>
            {
                let at = start(if matches!(a, Kind::Quoted(_)) { left } else { right });
                let hint = "leave out the quotes: \"9\" as text comes behind \"100\"";
                return self.fault(at, "a number in quotes is text, and this compares it as text".to_owned(), hint);
            }
            _ if written.is_some() && (is_order || a == Kind::Number || b == Kind::Number) => {
                let problem = "what is written for readers is compared as text".to_owned();
                return self.fault(start(left), problem, written.unwrap_or_default());
            }
            (Kind::Quoted(_), _) | (_, Kind::Quoted(_)) if !is_order => Want::Words,
            (Kind::Text, _) | (_, Kind::Text) if !is_order => Want::Compared,
            (Kind::Number, Kind::Text | Kind::Quoted(_)) | (Kind::Text | Kind::Quoted(_), Kind::Number) => {
                let problem = "text is compared with a number".to_owned();
                let hint =
                    "declare the column under [recipients.types], or write |int, |float or |string behind one side";
                return self.fault(start(left), problem, hint);
            }
            (Kind::Text | Kind::Quoted(_), _) | (_, Kind::Text | Kind::Quoted(_)) => Want::Compared,
            (Kind::Number, _) | (_, Kind::Number) => Want::Number,
            (Kind::Cells, Kind::Cells) if is_order => Want::Number,
            (Kind::Cells, Kind::Cells) => Want::Text,
            _ => Want::Any,
        };
        self.expr(left, want, false);
        self.expr(right, want, false);
    }

    /// What to do about a number that a filter has written for readers: `1,234` is none any more.
    fn written_for_readers(&self, expr: &Expr<'_>) -> Option<String> {
        let Expr::Filter(one) = expr else { return None };
        let base = one.expr.as_ref().filter(|_| matches!(one.name, "number" | "money"))?;
        let code = self.text.get(start(base)..end(base))?;
        Some(format!("`{}` writes text for readers: compare {code} itself, without |{}", one.name, one.name))
    }

    /// Whether a value is ordered beside a date of the template in a form in which text does not sort as time does; that is told.
    fn compares_dates(&mut self, value: &Expr<'_>, date: &Expr<'_>) -> bool {
        let Expr::Const(one) = date else { return false };
        let forms = one.value.as_str().map(dates::unsorted).unwrap_or_default();
        if forms.is_empty() || value.as_const().is_some() {
            return false;
        }
        let text = one.value.to_string();
        let called = self.text.get(start(value)..end(value)).unwrap_or_default();
        let is_iso = match value {
            Expr::Filter(filter) => filter.name == "date",
            _ => self.is_declared_date(value),
        };
        let way = |(form, iso): &(Option<&str>, String)| match (form, is_iso) {
            (_, true) => format!("{iso:?}"),
            (form, false) => {
                let pattern = if iso.contains('T') { "%Y-%m-%dT%H:%M:%S" } else { "%Y-%m-%d" };
                let from = form.map(|form| format!(", from={form:?}")).unwrap_or_default();
                format!("{called}|date({pattern:?}{from}) and {iso:?}")
            }
        };
        let ways: Vec<String> = forms.iter().map(way).collect();
        let pattern = match value {
            Expr::Filter(_) if is_iso => "the pattern \"%Y-%m-%d\", and ",
            _ => "",
        };
        let problem = format!("{text:?} is compared as text, which sorts by its first digits and not by time");
        let hint = format!("write {pattern}{}, whose order is that of time", ways.join(", or, as it is meant, "));
        self.fault(start(date), problem, hint);
        true
    }

    fn is_declared_date(&mut self, value: &Expr<'_>) -> bool {
        let columns = self.cells_of(value);
        let is_date = |column: &usize| self.names.declared(Name::Column(*column)) == Some(ColumnType::Date);
        !columns.is_empty() && columns.iter().all(is_date)
    }

    /// Whether it is known of what kind a value is.
    pub(super) fn is_known(&mut self, expr: &Expr<'_>) -> bool {
        self.kind(expr) != Kind::Unknown
    }

    /// A value is looked for among others: all are read as the kind that is known of some.
    fn membership(&mut self, left: &Expr<'_>, right: &Expr<'_>, is_not: bool) {
        let items = match right {
            Expr::List(list) => list.items.as_slice(),
            Expr::Tuple(list) => list.items.as_slice(),
            _ => &[],
        };
        let left_kind = self.kind(left);
        // `not in` may come as a `not` around.
        let between = self.text.get(end(left)..start(right)).unwrap_or_default();
        self.compared_with_words(left, items, is_not || between.contains("not"));
        let want = match kind_of_all(items) {
            Want::Text => Want::Words,
            Want::Any if left_kind == Kind::Cells => Want::Text,
            want => want,
        };
        self.expr(left, want, false);
        if items.is_empty() {
            return self.expr(right, Want::Items, false);
        }
        for item in items {
            let want = match (left_kind, self.kind(item)) {
                (Kind::Number, Kind::Cells | Kind::Number) => Want::Number,
                (Kind::Text | Kind::Quoted(_) | Kind::Cells, _) => Want::Compared,
                _ => Want::Any,
            };
            self.expr(item, want, false);
        }
    }
}

/// What stands between the signs of a sum.
fn operands_of<'e, 's>(expr: &'e Expr<'s>, all: &mut Vec<&'e Expr<'s>>) {
    match expr {
        Expr::BinOp(one) if matches!(one.op, BinOpKind::Add) => {
            operands_of(&one.left, all);
            operands_of(&one.right, all);
        }
        other => all.push(other),
    }
}

pub(super) fn sides(left: &Expr<'_>, right: &Expr<'_>) -> Sides {
    Sides { left: (start(left), span(left).1), right: (start(right), end(right)) }
}

/// The comparison that a test of this name makes.
pub(super) fn operator(test: &str) -> Option<CompareOpKind> {
    Some(match test {
        "eq" | "equalto" => CompareOpKind::Eq,
        "ne" => CompareOpKind::Ne,
        "lt" | "lessthan" => CompareOpKind::Lt,
        "le" => CompareOpKind::Lte,
        "gt" | "greaterthan" => CompareOpKind::Gt,
        "ge" => CompareOpKind::Gte,
        "in" => CompareOpKind::In,
        _ => return None,
    })
}
