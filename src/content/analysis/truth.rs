//! What a template asks of columns whose cells are text: `{% if vip %}`, `vip == true`, `vip != "no"`; and where it prints them.
//!
//! Any text holds, "FALSE", "no" and "0" too, and none equals `true`. Guarantees: only what nobody has declared is noted; a name
//! that the template gives to a column (`alias`) is followed. Leaves to others: what is known at a place by comparisons (`guard`), and
//! what the list holds.

use super::super::cell::ColumnType;
use super::super::names::{Cells, Name};
use super::super::uses::{Asks, Spot, Word};
use super::guard::Behind;
use super::tree::{end, mentions, span, start};
use super::{AmountWanted, Found, Walk, Want};
use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Filter, IfCond, IfExpr, UnaryOpKind};
use minijinja::value::ValueKind;

/// A column that is asked what it says, and nobody has said what it holds.
#[derive(Debug)]
pub(crate) struct TruthWanted {
    pub(crate) at: usize,
    pub(crate) spot: Spot,
    pub(crate) asks: Asks,
    /// What the template calls it there, where it has given it a name of its own.
    pub(crate) called: Option<String>,
    /// The words that it is compared with before this place is reached; without one, whatever it says is known.
    pub(crate) known: Vec<Option<Word>>,
    /// Whether it is asked that it does not hold.
    pub(crate) is_not: bool,
    /// The macro that it stands in.
    pub(super) within: Option<String>,
}

/// Filters behind which a text is still the same word, or there was nothing.
pub(super) const SAME_WORD: [&str; 5] = ["default", "d", "trim", "lower", "upper"];
/// Those of them behind which it is read as it stands.
const AS_IT_STANDS: [&str; 5] = ["default", "d", "trim", "e", "escape"];

impl Walk<'_, '_> {
    /// It is asked whether `expr` holds.
    pub(super) fn condition(&mut self, expr: &Expr<'_>, behind: Behind<'_>) {
        match expr {
            Expr::UnaryOp(one) if matches!(one.op, UnaryOpKind::Not) => self.condition(&one.expr, behind.swapped()),
            Expr::BinOp(one) if matches!(one.op, BinOpKind::ScAnd) => {
                self.holds_always(&one.left, &one.right);
                self.first_condition(&one.left, &one.right, behind.of_part());
                let known = self.guards_where(&one.left, true);
                self.knowing(&known, |walk| walk.condition(&one.right, behind.of_part()));
            }
            Expr::BinOp(one) if matches!(one.op, BinOpKind::ScOr) => {
                self.holds_always(&one.left, &one.right);
                // Where one side does not hold the other decides: `not vip or vip == "no"`.
                for (side, other) in [(&one.left, &one.right), (&one.right, &one.left)] {
                    let lacks = [behind.lacks, &self.guards_where(other, false)].concat();
                    self.condition(side, Behind { lacks: &lacks, ..behind.of_part() });
                }
            }
            Expr::Filter(one) if SAME_WORD.contains(&one.name) => {
                let Some(base) = &one.expr else { return };
                let blank = Word { text: String::new(), is_folded: false, is_trimmed: true };
                let columns = if one.name == "trim" { self.columns_of(word_of(base)).0 } else { Vec::new() };
                let known: Vec<_> = columns.into_iter().map(|column| (column, Some(blank.clone()))).collect();
                self.knowing(&known, |walk| walk.condition(base, behind));
            }
            column => self.knowing(behind.holds, |walk| walk.ask(column, &Asks::Holds, behind.is_not)),
        }
    }

    pub(super) fn if_statement(&mut self, one: &IfCond<'_>) {
        let (holds, lacks) = (self.guards_of_body(&one.true_body), self.guards_of_body(&one.false_body));
        self.decides(&one.expr);
        self.condition(&one.expr, Behind { holds: &holds, lacks: &lacks, is_not: false });
        self.expr(&one.expr, Want::Any, false);
        for (body, holds) in [(&one.true_body, true), (&one.false_body, false)] {
            let known = self.guards_where(&one.expr, holds);
            self.branch(|walk| walk.knowing(&known, |walk| walk.statements(body)));
        }
    }

    pub(super) fn if_expression(&mut self, one: &IfExpr<'_>, want: Want, given: bool) {
        let (holds, lacks) = (
            self.guards_of_value(&one.true_expr),
            one.false_expr.as_ref().map_or(Vec::new(), |other| self.guards_of_value(other)),
        );
        self.decides(&one.test_expr);
        self.condition(&one.test_expr, Behind { holds: &holds, lacks: &lacks, is_not: false });
        self.expr(&one.test_expr, Want::Any, false);
        for (value, holds) in [(Some(&one.true_expr), true), (one.false_expr.as_ref(), false)] {
            let Some(value) = value else { continue };
            let known = self.guards_where(&one.test_expr, holds);
            self.branch(|walk| walk.knowing(&known, |walk| walk.expr(value, want, given)));
        }
    }

    /// It is asked whether `left` holds, and `right`, too: `points and points > 100`. What is asked about more closely there is
    /// asked here whether there is anything.
    pub(super) fn first_condition(&mut self, left: &Expr<'_>, right: &Expr<'_>, behind: Behind<'_>) {
        let text = |expr: &Expr<'_>| self.text.get(start(expr)..end(expr));
        let word = text(word_of(left));
        if !mentions(right, &|expr| text(expr) == word) {
            let known = self.guards_where(right, true);
            self.knowing(&known, |walk| walk.condition(left, behind));
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
            Expr::Filter(_) => self.condition(expr, Behind::NOTHING),
            column => self.ask(column, &Asks::IsTruth, false),
        }
    }

    /// `expr` is one of these, or is not, as far as they are words of the template.
    pub(super) fn compared_with_words<'e, 's: 'e>(
        &mut self,
        expr: &Expr<'_>,
        words: impl IntoIterator<Item = &'e Expr<'s>>,
        is_not: bool,
    ) {
        let column = word_of(expr);
        let (columns, _) = self.columns_of(column);
        for word in words {
            let Some(word) = self.word_in(expr, word) else { continue };
            self.found.words.extend(columns.iter().map(|spot| (spot.clone(), word.clone())));
            self.ask(column, &Asks::IsWord(word, is_not), false);
        }
    }

    /// `expr` is printed.
    pub(super) fn prints(&mut self, expr: &Expr<'_>) {
        match expr {
            Expr::Filter(one) if AS_IT_STANDS.contains(&one.name) => {
                one.expr.iter().for_each(|base| self.prints(base));
            }
            Expr::BinOp(one) if matches!(one.op, BinOpKind::Concat) => {
                self.prints(&one.left);
                self.prints(&one.right);
            }
            Expr::IfExpr(one) => {
                std::iter::once(&one.true_expr).chain(&one.false_expr).for_each(|expr| self.prints(expr));
            }
            column => self.ask(column, &Asks::Prints, false),
        }
    }

    /// The columns that this is, and what the template calls it, where it has given it a name of its own.
    pub(super) fn columns_of(&mut self, expr: &Expr<'_>) -> (Vec<Spot>, Option<String>) {
        if let Some(alias) = self.aliases.and_then(|aliases| aliases.get(&span(expr))) {
            return (alias.spots.iter().cloned().collect(), self.text.get(start(expr)..end(expr)).map(str::to_owned));
        }
        let name = match expr {
            Expr::Var(one) if self.is_bound(one.id) => return (Vec::new(), None),
            Expr::Var(one) => self.names.resolve(one.id).ok(),
            Expr::GetAttr(one) if self.is_row(&one.expr) => self.names.of_heading(one.name).ok(),
            Expr::GetItem(one) if self.is_row(&one.expr) => match &one.subscript_expr {
                Expr::Const(key) => self.names.of_heading(key.value.as_str().unwrap_or_default()).ok(),
                _ => None,
            },
            _ => None,
        };
        (
            name.into_iter()
                .filter_map(|name| if let Name::Column(column) = name { Some(Spot::of(column)) } else { None })
                .collect(),
            None,
        )
    }

    /// The columns that this is, where it is nothing within their lists and objects.
    pub(super) fn cells_of(&mut self, expr: &Expr<'_>) -> Vec<usize> {
        self.columns_of(expr).0.iter().map(Spot::cell).collect::<Option<_>>().unwrap_or_default()
    }

    /// A column that `money` or `number` writes. A currency of the row may be that of the cell.
    pub(super) fn written_as_amount(&mut self, filter: &Filter<'_>, base: &Expr<'_>) {
        let is_fixed =
            |arg: &CallArg<'_>| matches!(arg, CallArg::Pos(Expr::Const(_)) | CallArg::Kwarg(_, Expr::Const(_)));
        let locale = |arg: &CallArg<'_>| match arg {
            CallArg::Kwarg("locale", Expr::Const(locale)) => locale.value.as_str().map(str::to_owned),
            _ => None,
        };
        if matches!(filter.name, "money" | "number") && filter.args.iter().all(is_fixed) {
            let (is_certain, locale) = (self.branches == 0, filter.args.iter().find_map(locale));
            for column in self.columns_of(word_of(base)).0.iter().filter_map(Spot::cell) {
                let (at, locale) = (start(base), locale.clone());
                self.found.amounts.push(AmountWanted { at, column, is_written: true, is_certain, locale });
            }
        }
    }

    /// It is computed with a column.
    pub(super) fn note_amount(&mut self, name: Name, at: usize) {
        let Name::Column(column) = name else { return };
        let (is_certain, locale) = (self.branches == 0, None);
        self.found.amounts.push(AmountWanted { at, column, is_written: false, is_certain, locale });
    }

    fn ask(&mut self, expr: &Expr<'_>, asks: &Asks, is_not: bool) {
        let (spots, called) = self.columns_of(expr);
        for spot in spots {
            let cells = self.names.cells(Name::Column(spot.column));
            let is_asked = match cells {
                // What a list or an object holds is printed by a template's own words.
                Cells::Json if *asks == Asks::Prints => spot.path.is_empty(),
                Cells::Unsaid | Cells::Json => true,
                Cells::Declared(ColumnType::Boolean) => *asks == Asks::Prints,
                _ => false,
            };
            if is_asked {
                let known = if *asks == Asks::Holds { self.known_of(&spot, expr) } else { Vec::new() };
                let (at, asks, called, within) = (start(expr), asks.clone(), called.clone(), self.here.within.clone());
                self.found.truths.push(TruthWanted { at, spot, asks, called, known, is_not, within });
            }
        }
    }

    /// It is printed where there is something in it that holds.
    pub(super) fn note_printed(&mut self, expr: &Expr<'_>) {
        let cells = self.cells_of(word_of(expr));
        self.found.printed.extend(cells);
    }

    /// The word of the template that `expr` is compared with.
    pub(super) fn word_in(&self, expr: &Expr<'_>, word: &Expr<'_>) -> Option<Word> {
        let text = word.as_const()?.as_str()?.to_owned();
        let alias = self.aliases.and_then(|aliases| aliases.get(&span(word_of(expr))));
        let is_folded = has_filter(expr, &["lower", "upper"]) || alias.is_some_and(|alias| alias.is_folded);
        let is_trimmed = has_filter(expr, &["trim"]) || alias.is_some_and(|alias| alias.is_trimmed);
        Some(Word { text, is_folded, is_trimmed })
    }

    /// A name, or what is taken out of one, that the template has given to columns is read as this.
    pub(super) fn note_use_by(&mut self, place: (usize, usize), want: Want) {
        let spots = self.aliases.and_then(|aliases| aliases.get(&place)).into_iter().flat_map(|alias| &alias.spots);
        for column in spots.filter_map(Spot::cell) {
            note_use(&mut self.found, Name::Column(column), want);
        }
    }
}

/// A column is read as this.
pub(super) fn note_use(found: &mut Found, name: Name, want: Want) {
    let Name::Column(column) = name else { return };
    if want == Want::Text {
        found.printed.insert(column);
    }
}

/// What stands before the filters behind which it is still the same word.
pub(super) fn word_of<'e, 's>(expr: &'e Expr<'s>) -> &'e Expr<'s> {
    match expr {
        Expr::Filter(one) if SAME_WORD.contains(&one.name) => one.expr.as_ref().map_or(expr, word_of),
        expr => expr,
    }
}

/// Whether one of these filters stands behind it.
fn has_filter(expr: &Expr<'_>, names: &[&str]) -> bool {
    matches!(expr, Expr::Filter(one) if names.contains(&one.name) || one.expr.as_ref().is_some_and(|base| has_filter(base, names)))
}
