//! Columns that a letter prints bare, whatever the row: where a row has nothing there, its reader sees a gap.
//!
//! Names that the template gives to columns are followed, and macros, files that are included and blocks are entered, as far as each row
//! comes there. Guarantees: what stands in a branch or a loop, or has a default, is none. Leaves to others: which rows have nothing.

use super::super::super::names::{Name, Names};
use super::super::tree::file_names;
use super::bound::{At, MacroAt, Origin, Scope, Unit};
use super::trees_of;
use crate::content::partials::plain_name;
use minijinja::machinery::ast::{Call, CallArg, Expr, Stmt};
use minijinja::syntax::SyntaxConfig;
use std::collections::{BTreeMap, BTreeSet};

/// Filters behind which nothing is still nothing.
const KEEPING: [&str; 8] = ["trim", "safe", "e", "escape", "title", "upper", "lower", "capitalize"];
/// How many macros and files may stand in one another, and how many names lead from one to another.
const DEPTH: usize = 8;

/// Arguments of a macro, and the columns that they are.
type Given<'s> = Vec<(&'s str, Option<usize>)>;

/// Of these files by their names, of which the first is the template itself.
pub(crate) fn bare_columns(
    files: &[(String, String)],
    syntax: &SyntaxConfig,
    names: &mut Names<'_>,
) -> BTreeSet<usize> {
    let trees = trees_of(files, syntax);
    let trees: Vec<(&str, &Stmt<'_>)> = trees.iter().map(|(name, tree)| (*name, tree)).collect();
    let unit = Unit::of(&trees);
    let scopes = unit.printed.iter().map(|at| (std::ptr::from_ref(at.expr).addr(), at.scope)).collect();
    let mut gaps = Gaps {
        trees: &trees,
        unit: &unit,
        names,
        scopes,
        blocks: BTreeMap::new(),
        under_way: Vec::new(),
        found: BTreeSet::new(),
    };
    if let Some((_, tree)) = trees.first() {
        gaps.enter(tree, &Vec::new(), DEPTH);
    }
    gaps.found
}

struct Gaps<'a, 't, 's, 'n> {
    trees: &'a [(&'s str, &'t Stmt<'s>)],
    unit: &'a Unit<'t, 's>,
    names: &'a mut Names<'n>,
    /// The scope of each expression that is printed, by where it lies.
    scopes: BTreeMap<usize, Scope>,
    /// Blocks that a template has for the one that it extends.
    blocks: BTreeMap<&'s str, &'t [Stmt<'s>]>,
    /// Names that are followed at the moment.
    under_way: Vec<(Scope, &'s str)>,
    found: BTreeSet<usize>,
}

impl<'t, 's> Gaps<'_, 't, 's, '_> {
    fn all(&mut self, statements: &'t [Stmt<'s>], given: &Given<'s>, depth: usize) {
        let base = statements.iter().find_map(|one| if let Stmt::Extends(one) = one { Some(&one.name) } else { None });
        match base {
            None => statements.iter().for_each(|one| self.enter(one, given, depth)),
            Some(base) => {
                for one in statements {
                    if let Stmt::Block(one) = one {
                        self.blocks.entry(one.name).or_insert(&one.body);
                    }
                }
                self.file(base, depth);
            }
        }
    }

    fn file(&mut self, name: &Expr<'s>, depth: usize) {
        let mut names = Vec::new();
        if !matches!(name, Expr::Const(_)) || !file_names(name, &mut names) {
            return;
        }
        let (Some(plain), Some(depth)) = (names.first().and_then(|name| plain_name(name)), depth.checked_sub(1)) else {
            return;
        };
        if let Some((_, tree)) = self.trees.iter().find(|(known, _)| *known == plain) {
            self.enter(tree, &Vec::new(), depth);
        }
    }

    fn enter(&mut self, statement: &'t Stmt<'s>, given: &Given<'s>, depth: usize) {
        match statement {
            Stmt::Template(one) => self.all(&one.children, given, depth),
            Stmt::WithBlock(one) => self.all(&one.body, given, depth),
            Stmt::AutoEscape(one) => self.all(&one.body, given, depth),
            Stmt::Block(one) => {
                let body = self.blocks.get(one.name).copied().unwrap_or(&one.body);
                self.all(body, given, depth);
            }
            Stmt::Include(one) => self.file(&one.name, depth),
            Stmt::EmitExpr(one) => {
                let Some(scope) = self.scopes.get(&std::ptr::from_ref(&one.expr).addr()).copied() else { return };
                match &one.expr {
                    Expr::Call(call) => self.call(call, scope, given, depth),
                    expr => {
                        let column = self.column(At { expr, scope }, given, DEPTH);
                        self.found.extend(column);
                    }
                }
            }
            _ => {}
        }
    }

    /// What a macro prints.
    fn call(&mut self, call: &'t Call<'s>, scope: Scope, given: &Given<'s>, depth: usize) {
        let called = self.unit.called(call, scope);
        let (Some(depth), [one]) = (depth.checked_sub(1), called.as_slice()) else { return };
        let one: MacroAt<'t, 's> = *one;
        let mut handed = Vec::new();
        let mut places = one.args.iter();
        for arg in &call.args {
            let (target, expr) = match arg {
                CallArg::Pos(value) => (places.next(), value),
                CallArg::Kwarg(name, value) => {
                    (one.args.iter().find(|arg| matches!(arg, Expr::Var(var) if var.id == *name)), value)
                }
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return,
            };
            if let Some(Expr::Var(target)) = target {
                handed.push((target.id, self.column(At { expr, scope }, given, DEPTH)));
            }
        }
        // What nobody hands over is nobody's gap.
        let names = one.args.iter().filter_map(|arg| if let Expr::Var(var) = arg { Some(var.id) } else { None });
        let rest: Vec<_> = names.filter(|name| handed.iter().all(|(known, _)| known != name)).collect();
        handed.extend(rest.into_iter().map(|name| (name, None)));
        self.all(one.body, &handed, depth);
    }

    /// The column that an expression is, and nothing else.
    fn column(&mut self, at: At<'t, 's>, given: &Given<'s>, depth: usize) -> Option<usize> {
        let depth = depth.checked_sub(1)?;
        let of = |name| if let Name::Column(column) = name { Some(column) } else { None };
        match at.expr {
            Expr::Filter(one) if KEEPING.contains(&one.name) => {
                self.column(At { expr: one.expr.as_ref()?, scope: at.scope }, given, depth)
            }
            Expr::Var(one) => {
                if let Some((_, column)) = given.iter().find(|(name, _)| *name == one.id) {
                    return *column;
                }
                let bound = self.unit.lookup(at.scope, one.id);
                // `{% set name = name|trim %}` is about the column.
                if bound.is_empty() || self.under_way.contains(&(at.scope, one.id)) {
                    return of(self.names.resolve(one.id).ok()?);
                }
                let [bound] = bound.as_slice() else { return None };
                let Origin::Is(is) = bound.origin else { return None };
                if bound.is_each || !bound.path.is_empty() {
                    return None;
                }
                self.under_way.push((at.scope, one.id));
                let column = self.column(is, given, depth);
                self.under_way.pop();
                column
            }
            Expr::GetAttr(one) if self.is_row(&one.expr, at.scope) => of(self.names.of_heading(one.name).ok()?),
            Expr::GetItem(one) if self.is_row(&one.expr, at.scope) => match &one.subscript_expr {
                Expr::Const(key) => of(self.names.of_heading(key.value.as_str()?).ok()?),
                _ => None,
            },
            _ => None,
        }
    }

    fn is_row(&mut self, expr: &Expr<'s>, scope: Scope) -> bool {
        matches!(expr, Expr::Var(var) if var.id == "row" && self.unit.lookup(scope, "row").is_empty())
            && self.names.resolve("row").is_err()
    }
}
