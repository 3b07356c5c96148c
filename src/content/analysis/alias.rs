//! Names that a template gives to columns: `{% set p = points %}`, an argument of a macro, what a loop over columns takes.
//!
//! Guarantees: a name stands for columns only where each place of this template that binds it binds it to one, or to a
//! constant; a name that is something else anywhere stands for none. Leaves to others: names that another file binds.

use super::super::names::Name;
use super::Walk;
use super::tree::{each_expression, each_statement, targets};
use super::truth::word_of;
use minijinja::machinery::ast::{Call, CallArg, CallType, Expr, Stmt};
use std::collections::{BTreeMap, BTreeSet};

/// How many names may lead from one to another.
const DEPTH: usize = 4;

/// What each name is bound to; `None` stands for what is no expression of this template.
type Bound<'t, 's> = BTreeMap<&'s str, Vec<Option<&'t Expr<'s>>>>;

impl Walk<'_, '_> {
    /// Learns which names stand for columns in `tree`.
    pub(super) fn find_aliases(&mut self, tree: &Stmt<'_>) {
        let bound = bound_in(tree);
        for name in bound.keys() {
            let mut columns = BTreeSet::new();
            if self.leads_to_columns(name, &bound, DEPTH, &mut columns) && !columns.is_empty() {
                self.aliases.insert((*name).to_owned(), columns);
            }
        }
    }

    /// Whether a name stands for columns, or constants, alone: those are added.
    fn leads_to_columns(
        &mut self,
        name: &str,
        bound: &Bound<'_, '_>,
        depth: usize,
        columns: &mut BTreeSet<usize>,
    ) -> bool {
        let Some((all, depth)) = bound.get(name).zip(depth.checked_sub(1)) else { return false };
        all.iter().all(|expr| expr.is_some_and(|expr| self.is_column(word_of(expr), name, bound, depth, columns)))
    }

    /// The same of what the name `of` is bound to.
    fn is_column(
        &mut self,
        expr: &Expr<'_>,
        of: &str,
        bound: &Bound<'_, '_>,
        depth: usize,
        columns: &mut BTreeSet<usize>,
    ) -> bool {
        let name = match expr {
            Expr::Const(_) => return true,
            // `{% set points = points %}` is about the column.
            Expr::Var(one) if one.id != of && bound.contains_key(one.id) => {
                return self.leads_to_columns(one.id, bound, depth, columns);
            }
            Expr::Var(one) => self.names.resolve(one.id),
            Expr::GetAttr(one) if self.is_row(&one.expr) => self.names.of_heading(one.name),
            Expr::GetItem(one) if self.is_row(&one.expr) => match &one.subscript_expr {
                Expr::Const(key) => self.names.of_heading(key.value.as_str().unwrap_or_default()),
                _ => return false,
            },
            _ => return false,
        };
        let Ok(Name::Column(column)) = name else { return false };
        columns.insert(column);
        true
    }
}

/// What the names of a template are bound to.
fn bound_in<'t, 's>(tree: &'t Stmt<'s>) -> Bound<'t, 's> {
    let (mut bound, mut macros) = (Bound::new(), BTreeMap::new());
    each_statement(tree, &mut |one| match one {
        Stmt::Set(one) => bind(&one.target, Some(&one.expr), &mut bound),
        Stmt::SetBlock(one) => bind(&one.target, None, &mut bound),
        Stmt::WithBlock(one) => {
            one.assignments.iter().for_each(|(target, value)| bind(target, Some(value), &mut bound));
        }
        Stmt::ForLoop(one) => match &one.iter {
            Expr::List(list) => list.items.iter().for_each(|item| bind(&one.target, Some(item), &mut bound)),
            Expr::Tuple(list) => list.items.iter().for_each(|item| bind(&one.target, Some(item), &mut bound)),
            _ => bind(&one.target, None, &mut bound),
        },
        Stmt::Macro(one) => _ = macros.insert(one.name, one.args.as_slice()),
        Stmt::CallBlock(one) => one.macro_decl.args.iter().for_each(|arg| bind(arg, None, &mut bound)),
        Stmt::Import(one) => bind(&one.name, None, &mut bound),
        Stmt::FromImport(one) => {
            one.names.iter().for_each(|(name, alias)| bind(alias.as_ref().unwrap_or(name), None, &mut bound));
        }
        _ => {}
    });
    let mut calls = Vec::new();
    each_expression(tree, &mut |one| calls.extend(if let Expr::Call(call) = one { Some(&**call) } else { None }));
    each_statement(tree, &mut |one| match one {
        Stmt::CallBlock(one) => calls.push(&one.call),
        Stmt::Do(one) => calls.push(&one.call),
        _ => {}
    });
    for call in calls {
        hand_over(call, &macros, &mut bound);
    }
    bound
}

/// Binds the names of a target to what stands for each of them, where that is told apart.
fn bind<'t, 's>(target: &Expr<'s>, value: Option<&'t Expr<'s>>, bound: &mut Bound<'t, 's>) {
    let parts = |expr: &'t Expr<'s>| match expr {
        Expr::List(one) => Some(one.items.as_slice()),
        Expr::Tuple(one) => Some(one.items.as_slice()),
        _ => None,
    };
    let several = match target {
        Expr::Var(one) => return bound.entry(one.id).or_default().push(value),
        Expr::List(one) => &one.items,
        Expr::Tuple(one) => &one.items,
        _ => return,
    };
    let values = value.and_then(parts).filter(|values| values.len() == several.len());
    for (place, target) in several.iter().enumerate() {
        bind(target, values.and_then(|values| values.get(place)), bound);
    }
}

/// Binds the arguments of a macro to what a call hands over.
fn hand_over<'t, 's>(call: &'t Call<'s>, macros: &BTreeMap<&str, &'t [Expr<'s>]>, bound: &mut Bound<'t, 's>) {
    let CallType::Function(name) = call.identify_call() else { return };
    let Some(names) = macros.get(name) else { return };
    let named = |wanted: &str| names.iter().find(|arg| targets(arg).iter().any(|name| name == wanted));
    let mut places = names.iter();
    for arg in &call.args {
        match arg {
            CallArg::Pos(value) => places.next().into_iter().for_each(|name| bind(name, Some(value), bound)),
            CallArg::Kwarg(name, value) => named(name).into_iter().for_each(|name| bind(name, Some(value), bound)),
            // Which is which is known only by row.
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => names.iter().for_each(|name| bind(name, None, bound)),
        }
    }
}
