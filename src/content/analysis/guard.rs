//! What a template knows of a column at a place, by the comparisons that stand around it: `{% if pts != "0" %}{% if pts %}`.
//!
//! A comparison counts where it was made before the place is reached, on that side of the condition; or where nothing is shown behind the
//! place without it: `{% if pts %}{% if pts != "0" %}`. Guarantees: that there is something (`is defined`, `!= ""`) tells
//! nothing of what it is. Leaves to others: which of the words are enough (`truths`).

use super::super::uses::{Spot, Word};
use super::compare::operator;
use super::tree::{each_operand, each_statement};
use super::truth::{SAME_WORD, word_of};
use super::{TruthWanted, Walk};
use minijinja::machinery::ast::{
    BinOpKind, Call, CallArg, CallType, CompareOpKind, Expr, IfCond, IfExpr, Stmt, UnaryOpKind,
};
use minijinja::value::ValueKind;
use std::collections::BTreeMap;

/// A column, and a word that it is compared with; without one it is looked at in a way that tells each cell from others.
pub(super) type Guard = (Spot, Option<Word>);

/// What is known at the place that a walk has come to.
#[derive(Default)]
pub(super) struct Here {
    guards: Vec<Guard>,
    /// The same by names that the template binds.
    known: BTreeMap<String, Vec<Guard>>,
    /// The macro around.
    pub(super) within: Option<String>,
    /// Where macros are called, with what is known there.
    calls: Vec<(String, Vec<Guard>)>,
}

/// What is compared behind a condition: where it holds, and where it does not.
#[derive(Clone, Copy)]
pub(super) struct Behind<'g> {
    pub(super) holds: &'g [Guard],
    pub(super) lacks: &'g [Guard],
    /// Whether `not` stands right before it.
    pub(super) is_not: bool,
}

impl Behind<'_> {
    pub(super) const NOTHING: Self = Self { holds: &[], lacks: &[], is_not: false };

    /// The same, of the condition's opposite.
    pub(super) fn swapped(self) -> Self {
        Self { holds: self.lacks, lacks: self.holds, is_not: !self.is_not }
    }

    /// The same, of a part of the condition.
    pub(super) fn of_part(self) -> Self {
        Self { is_not: false, ..self }
    }
}

/// Tests that are about whether there is something, or of what kind it is.
const OF_KINDS: [&str; 10] =
    ["defined", "undefined", "none", "string", "boolean", "mapping", "iterable", "sequence", "true", "false"];

/// Filters that give items, or those of an object, as they are.
const OF_ITEMS: [&str; 10] =
    ["list", "sort", "reverse", "unique", "first", "last", "items", "dictsort", "values", "batch"];

impl Walk<'_, '_> {
    /// Walks what is reached with this known.
    pub(super) fn knowing(&mut self, guards: &[Guard], walk: impl FnOnce(&mut Self)) {
        let before = self.here.guards.len();
        self.here.guards.extend_from_slice(guards);
        walk(self);
        self.here.guards.truncate(before);
    }

    /// Walks a macro.
    pub(super) fn within_macro(&mut self, name: &str, walk: impl FnOnce(&mut Self)) {
        let around = self.here.within.replace(name.to_owned());
        walk(self);
        self.here.within = around;
    }

    /// What is shown depends on what `expr` is.
    pub(super) fn decides(&mut self, expr: &Expr<'_>) {
        let mut parts = Vec::new();
        each_operand(expr, &mut |one| parts.push(one));
        for part in parts {
            let columns = self.columns_of(part).0;
            self.found.deciding.extend(columns.iter().map(|spot| spot.column));
            let of_name = root(part).and_then(|name| self.here.known.get(name)).into_iter().flatten();
            self.found.deciding.extend(of_name.map(|(spot, _)| spot.column));
        }
    }

    /// A macro is called here.
    pub(super) fn note_call(&mut self, name: &str) {
        self.here.calls.push((name.to_owned(), self.here.guards.clone()));
    }

    /// What is known of a column here, where `expr` stands for it.
    pub(super) fn known_of(&self, spot: &Spot, expr: &Expr<'_>) -> Vec<Option<Word>> {
        let of_name = root(expr).and_then(|name| self.here.known.get(name)).into_iter().flatten();
        let mut known: Vec<Option<Word>> = Vec::new();
        for (_, word) in self.here.guards.iter().chain(of_name).filter(|(of, _)| of == spot) {
            if !known.contains(word) {
                known.push(word.clone());
            }
        }
        known
    }

    /// A name of the template is given this: what is known of it, and here, is known by it.
    pub(super) fn note_known(&mut self, target: &Expr<'_>, value: Option<&Expr<'_>>) {
        let mut guards = self.here.guards.clone();
        if let Some(value) = value {
            guards.extend(self.guards_of(value));
        }
        let mut names = Vec::new();
        each_operand(target, &mut |one| names.extend(root(one)));
        for name in names {
            let known = self.here.known.entry(name.to_owned()).or_default();
            for guard in &guards {
                if !known.contains(guard) {
                    known.push(guard.clone());
                }
            }
        }
    }

    /// What is known once `expr` was found to hold, or not to.
    pub(super) fn guards_where(&mut self, expr: &Expr<'_>, holds: bool) -> Vec<Guard> {
        let (left, right, are_both) = match expr {
            Expr::UnaryOp(one) if matches!(one.op, UnaryOpKind::Not) => return self.guards_where(&one.expr, !holds),
            Expr::BinOp(one) => match one.op {
                BinOpKind::ScAnd => (&one.left, &one.right, holds),
                BinOpKind::ScOr => (&one.left, &one.right, !holds),
                _ => return self.guards_of(expr),
            },
            _ => return self.guards_of(expr),
        };
        let (left, right) = (self.guards_where(left, holds), self.guards_where(right, holds));
        if are_both { [left, right].concat() } else { of_both(left, right) }
    }

    /// What is known once `expr` was read.
    fn guards_of(&mut self, expr: &Expr<'_>) -> Vec<Guard> {
        let mut guards = Vec::new();
        self.gather(expr, &mut guards);
        guards
    }

    fn gather(&mut self, expr: &Expr<'_>, out: &mut Vec<Guard>) {
        match expr {
            Expr::Const(_) => {}
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => {
                out.extend(root(expr).and_then(|name| self.here.known.get(name)).into_iter().flatten().cloned());
            }
            Expr::UnaryOp(one) if matches!(one.op, UnaryOpKind::Not) => self.gather(&one.expr, out),
            Expr::BinOp(one) => match one.op {
                BinOpKind::ScAnd | BinOpKind::ScOr | BinOpKind::Concat => {
                    self.gather(&one.left, out);
                    self.gather(&one.right, out);
                }
                BinOpKind::Eq => self.compared(CompareOpKind::Eq, &one.left, &one.right, out),
                BinOpKind::Ne => self.compared(CompareOpKind::Ne, &one.left, &one.right, out),
                BinOpKind::In => self.compared(CompareOpKind::In, &one.left, &one.right, out),
                _ => self.looked_at(expr, out),
            },
            Expr::Compare(one) => {
                let lefts = std::iter::once(&one.expr).chain(one.ops.iter().map(|op| &op.expr));
                lefts.zip(&one.ops).for_each(|(left, op)| self.compared(op.op, left, &op.expr, out));
            }
            Expr::IfExpr(one) => {
                [&one.test_expr, &one.true_expr].into_iter().chain(&one.false_expr).for_each(|e| self.gather(e, out));
            }
            Expr::Filter(one) if is_same(one.name, &one.args) => {
                one.expr.iter().for_each(|base| self.gather(base, out));
            }
            Expr::Test(one) => match (operator(one.name), one.args.as_slice()) {
                (Some(op), [CallArg::Pos(other)]) => self.compared(op, &one.expr, other, out),
                _ if OF_KINDS.contains(&one.name) => self.gather(&one.expr, out),
                _ => self.looked_at(expr, out),
            },
            Expr::Call(one) => self.gather_of_call(one, expr, out),
            Expr::List(one) => one.items.iter().for_each(|item| self.gather(item, out)),
            Expr::Tuple(one) => one.items.iter().for_each(|item| self.gather(item, out)),
            Expr::Map(one) => one.values.iter().for_each(|item| self.gather(item, out)),
            _ => self.looked_at(expr, out),
        }
    }

    fn gather_of_call(&mut self, call: &Call<'_>, expr: &Expr<'_>, out: &mut Vec<Guard>) {
        match call.identify_call() {
            CallType::Function("namespace" | "dict") => {
                for arg in &call.args {
                    if let CallArg::Pos(value) | CallArg::Kwarg(_, value) = arg {
                        self.gather(value, out);
                    }
                }
            }
            CallType::Method(base, "items" | "values" | "get") => self.gather(base, out),
            _ => self.looked_at(expr, out),
        }
    }

    /// What tells the cells of each column in it from each other.
    fn looked_at(&mut self, expr: &Expr<'_>, out: &mut Vec<Guard>) {
        let mut parts = Vec::new();
        each_operand(expr, &mut |one| parts.push(one));
        for part in parts {
            out.extend(self.columns_of(part).0.into_iter().map(|column| (column, None)));
            if matches!(part, Expr::Var(_)) {
                self.gather(part, out);
            }
        }
    }

    fn compared(&mut self, op: CompareOpKind, left: &Expr<'_>, right: &Expr<'_>, out: &mut Vec<Guard>) {
        match (op, right) {
            (CompareOpKind::Eq | CompareOpKind::Ne, _) => self.compared_with(left, std::slice::from_ref(right), out),
            (CompareOpKind::In | CompareOpKind::NotIn, Expr::List(all)) => self.compared_with(left, &all.items, out),
            (CompareOpKind::In | CompareOpKind::NotIn, Expr::Tuple(all)) => self.compared_with(left, &all.items, out),
            _ => {
                self.looked_at(left, out);
                self.looked_at(right, out);
            }
        }
    }

    /// One is equal to any of the others, or is not.
    fn compared_with(&mut self, one: &Expr<'_>, others: &[Expr<'_>], out: &mut Vec<Guard>) {
        for other in others {
            match (one, other) {
                (Expr::Const(_), Expr::Const(_)) => {}
                (Expr::Const(_), column) => self.compared_with_constant(column, one, out),
                (column, Expr::Const(_)) => self.compared_with_constant(column, other, out),
                _ => {
                    self.looked_at(one, out);
                    self.looked_at(other, out);
                }
            }
        }
    }

    fn compared_with_constant(&mut self, expr: &Expr<'_>, constant: &Expr<'_>, out: &mut Vec<Guard>) {
        let (columns, _) = self.columns_of(word_of(expr));
        if columns.is_empty() {
            return self.looked_at(expr, out);
        }
        let word = self.word_in(expr, constant);
        let is_number = matches!(constant, Expr::Const(one) if one.value.kind() == ValueKind::Number);
        match word {
            Some(word) => out.extend(columns.into_iter().map(|column| (column, Some(word.clone())))),
            None if is_number => out.extend(columns.into_iter().map(|column| (column, None))),
            None => {}
        }
    }

    /// What is compared before any of these values is taken.
    pub(super) fn guards_of_value(&mut self, expr: &Expr<'_>) -> Vec<Guard> {
        match expr {
            Expr::IfExpr(choice) => self.shown_of(choice).unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    /// What is compared before any of this is shown; nothing where nothing is.
    pub(super) fn guards_of_body(&mut self, body: &[Stmt<'_>]) -> Vec<Guard> {
        self.shown(body).unwrap_or_default()
    }

    /// The same; `None` where nothing is shown.
    fn shown(&mut self, body: &[Stmt<'_>]) -> Option<Vec<Guard>> {
        let mut all: Option<Vec<Guard>> = None;
        for statement in body {
            let shown = match statement {
                Stmt::EmitRaw(one) if is_blank(one.raw) => None,
                Stmt::EmitExpr(one) => match &one.expr {
                    Expr::IfExpr(choice) => self.shown_of(choice),
                    _ => Some(Vec::new()),
                },
                Stmt::IfCond(one) => self.shown_on_both(one),
                Stmt::Set(one) => {
                    self.note_known(&one.target, Some(&one.expr));
                    None
                }
                _ => Some(Vec::new()),
            };
            all = on_either(all, shown);
            if all.as_ref().is_some_and(Vec::is_empty) {
                break;
            }
        }
        all
    }

    fn shown_on_both(&mut self, one: &IfCond<'_>) -> Option<Vec<Guard>> {
        let sides = [(&one.true_body, true), (&one.false_body, false)];
        let [a, b] = sides.map(|(body, holds)| {
            let shown = self.shown(body)?;
            Some([self.guards_where(&one.expr, holds), shown].concat())
        });
        on_either(a, b)
    }

    fn shown_of(&mut self, one: &IfExpr<'_>) -> Option<Vec<Guard>> {
        let sides = [(Some(&one.true_expr), true), (one.false_expr.as_ref(), false)];
        let [a, b] = sides.map(|(expr, holds)| {
            let shown = match expr? {
                Expr::Const(text) if text.value.as_str().is_some_and(is_blank) => return None,
                Expr::IfExpr(inner) => self.shown_of(inner)?,
                _ => Vec::new(),
            };
            Some([self.guards_where(&one.test_expr, holds), shown].concat())
        });
        on_either(a, b)
    }

    /// The rest of a body knows what a statement that leaves it has asked: `{% if pts == "0" %}{% continue %}{% endif %}`.
    pub(super) fn know_behind(&mut self, statement: &Stmt<'_>) {
        let Stmt::IfCond(one) = statement else { return };
        let leaves = |body: &[Stmt<'_>]| {
            let mut leaves = false;
            body.iter().for_each(|one| {
                each_statement(one, &mut |one| leaves |= matches!(one, Stmt::Continue(_) | Stmt::Break(_)));
            });
            leaves
        };
        let (leaves, stays) = (leaves(&one.true_body), leaves(&one.false_body));
        if leaves != stays {
            let known = self.guards_where(&one.expr, stays);
            self.here.guards.extend(known);
        }
    }

    /// Each place once, with all that is known there, and without those where enough is.
    pub(super) fn sort_truths(&mut self) {
        let mut all = std::mem::take(&mut self.found.truths);
        all.sort_by(|a, b| (a.at, &a.spot).cmp(&(b.at, &b.spot)));
        let mut sorted: Vec<TruthWanted> = Vec::new();
        for mut wanted in all {
            wanted.known.extend(self.known_by_callers(&wanted));
            let is_same = |a: &TruthWanted| (a.at, &a.spot, &a.asks) == (wanted.at, &wanted.spot, &wanted.asks);
            let here = sorted.iter().rposition(|known| known.at != wanted.at).map_or(0, |before| before + 1);
            match sorted.iter_mut().skip(here).find(|known| is_same(known)) {
                Some(known) => known.known.append(&mut wanted.known),
                None => sorted.push(wanted),
            }
        }
        sorted.retain(|wanted| wanted.known.iter().all(Option::is_some));
        self.found.truths = sorted;
    }

    /// What is known of a column wherever the macro is called in which it is asked.
    fn known_by_callers(&self, wanted: &TruthWanted) -> Vec<Option<Word>> {
        let Some(name) = &wanted.within else { return Vec::new() };
        let mut calls = self.here.calls.iter().filter(|(called, _)| called == name).map(|(_, guards)| guards.clone());
        let first = calls.next().unwrap_or_default();
        let all = calls.fold(first, of_both);
        all.into_iter().filter(|(spot, _)| *spot == wanted.spot).map(|(_, word)| word).collect()
    }
}

/// What is known of columns on both sides.
fn of_both(mut a: Vec<Guard>, mut b: Vec<Guard>) -> Vec<Guard> {
    let columns = |guards: &[Guard]| guards.iter().map(|(spot, _)| spot.clone()).collect::<Vec<_>>();
    let (in_a, in_b) = (columns(&a), columns(&b));
    a.retain(|(column, _)| in_b.contains(column));
    b.retain(|(column, _)| in_a.contains(column));
    a.append(&mut b);
    a
}

/// The same of sides of which one may show nothing.
fn on_either(a: Option<Vec<Guard>>, b: Option<Vec<Guard>>) -> Option<Vec<Guard>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(of_both(a, b)),
        (a, b) => a.or(b),
    }
}

/// The name that an expression begins with.
fn root<'e>(expr: &'e Expr<'_>) -> Option<&'e str> {
    match expr {
        Expr::Var(one) => Some(one.id),
        Expr::GetAttr(one) => root(&one.expr),
        Expr::GetItem(one) => root(&one.expr),
        _ => None,
    }
}

/// Whether what comes out of a filter tells no more than what went in.
fn is_same(filter: &str, args: &[CallArg<'_>]) -> bool {
    SAME_WORD.contains(&filter) || OF_ITEMS.contains(&filter) || matches!((filter, args), ("select" | "reject", []))
}

/// Whether readers see nothing of a text: blanks and tags of HTML.
fn is_blank(text: &str) -> bool {
    let mut rest = text;
    loop {
        let (shown, behind) = rest.split_once('<').unwrap_or((rest, ""));
        if shown.contains(char::is_alphanumeric) || behind.get(..3).is_some_and(|tag| tag.eq_ignore_ascii_case("img")) {
            return false;
        }
        match behind.split_once('>') {
            Some((_, behind)) => rest = behind,
            None => return true,
        }
    }
}
