//! What the names of a template and of the files that it reads are bound to, and by whom.
//!
//! Guarantees: each expression comes with the scope that its names are of: a file, or a macro, a loop or a `with` in one. Leaves to others: what
//! an expression stands for (`values`).

use super::super::tree::{bodies, each_operand, expressions, file_names};
use crate::content::partials::plain_name;
use minijinja::machinery::ast::{Call, CallArg, CallType, Expr, Stmt};
use std::collections::BTreeMap;

/// How many files may stand around each other, or hand a name on.
const DEPTH: usize = 8;

/// A place among the scopes of a unit.
pub(super) type Scope = usize;

/// An expression, and the scope of its names.
#[derive(Clone, Copy)]
pub(super) struct At<'t, 's> {
    pub(super) expr: &'t Expr<'s>,
    pub(super) scope: Scope,
}

/// Where a name has its value from.
#[derive(Clone, Copy)]
pub(super) enum Origin<'t, 's> {
    Is(At<'t, 's>),
    /// Each of the things that this is made of.
    Item(At<'t, 's>),
    /// What another file calls so.
    Of(usize, &'s str),
    /// All that another file binds.
    Module(usize),
    /// What these print.
    Made(&'t [Stmt<'s>], Scope),
    Unknown,
}

/// One value of a name.
#[derive(Clone)]
pub(super) struct Bound<'t, 's> {
    pub(super) origin: Origin<'t, 's>,
    /// Which part of it, of what part, where a target has several names.
    pub(super) path: Vec<usize>,
    /// Whether the name has this value for itself, whatever else it stands for at other times: arguments and items of loops.
    pub(super) is_each: bool,
}

/// The names of a scope.
struct Names<'t, 's> {
    file: usize,
    around: Option<Scope>,
    bound: BTreeMap<&'s str, Vec<Bound<'t, 's>>>,
}

/// A macro: its scope, the names of its arguments, and what stands in it.
#[derive(Clone, Copy)]
pub(super) struct MacroAt<'t, 's> {
    pub(super) scope: Scope,
    pub(super) args: &'t [Expr<'s>],
    pub(super) body: &'t [Stmt<'s>],
}

/// A call, and the block that it hands over.
struct CallAt<'t, 's> {
    call: &'t Call<'s>,
    scope: Scope,
    block: Option<MacroAt<'t, 's>>,
}

/// What is written to an attribute: of what, which, and what.
pub(super) struct Written<'t, 's> {
    pub(super) base: At<'t, 's>,
    pub(super) attribute: &'s str,
    pub(super) value: At<'t, 's>,
}

/// A template and the files that it reads, of which the first is itself.
#[derive(Default)]
pub(super) struct Unit<'t, 's> {
    scopes: Vec<Names<'t, 's>>,
    /// Each file's scope, by the file.
    tops: Vec<Scope>,
    /// From where each file is included or extended: it sees the names there.
    around: Vec<Vec<Scope>>,
    macros: BTreeMap<(usize, &'s str), MacroAt<'t, 's>>,
    calls: Vec<CallAt<'t, 's>>,
    pub(super) exprs: Vec<At<'t, 's>>,
    /// What is printed.
    pub(super) printed: Vec<At<'t, 's>>,
    pub(super) written: Vec<Written<'t, 's>>,
}

impl<'t, 's> Unit<'t, 's> {
    /// Of these trees, by the names of their files.
    pub(super) fn of(files: &[(&str, &'t Stmt<'s>)]) -> Self {
        let mut unit = Self { around: vec![Vec::new(); files.len()], ..Self::default() };
        for file in 0..files.len() {
            let top = unit.scope(file, None);
            unit.tops.push(top);
        }
        for ((file, (_, tree)), top) in files.iter().enumerate().zip(unit.tops.clone()) {
            unit.enter(tree, file, top, files);
        }
        for call in std::mem::take(&mut unit.calls) {
            unit.hand_over(&call);
            unit.calls.push(call);
        }
        unit
    }

    /// The file of a scope.
    pub(super) fn file_of(&self, scope: Scope) -> usize {
        self.scopes.get(scope).map_or(0, |names| names.file)
    }

    fn scope(&mut self, file: usize, around: Option<Scope>) -> Scope {
        self.scopes.push(Names { file, around, bound: BTreeMap::new() });
        self.scopes.len() - 1
    }

    /// Learns what stands in a statement.
    fn enter(&mut self, statement: &'t Stmt<'s>, file: usize, scope: Scope, files: &[(&str, &'t Stmt<'s>)]) {
        let mut inner = scope;
        let named = |expr| files_named(expr, files);
        match statement {
            Stmt::Set(one) => match &one.target {
                Expr::GetAttr(target) => {
                    let (base, value) = (At { expr: &target.expr, scope }, At { expr: &one.expr, scope });
                    self.written.push(Written { base, attribute: target.name, value });
                }
                target => self.bind(target, scope, &Bound::once(Origin::Is(At { expr: &one.expr, scope }))),
            },
            Stmt::SetBlock(one) => {
                let made = one.filter.is_none().then_some(Origin::Made(&one.body, scope));
                self.bind(&one.target, scope, &Bound::once(made.unwrap_or(Origin::Unknown)));
            }
            Stmt::EmitExpr(one) => self.printed.push(At { expr: &one.expr, scope }),
            Stmt::WithBlock(one) => {
                inner = self.scope(file, Some(scope));
                for (target, expr) in &one.assignments {
                    self.bind(target, inner, &Bound::once(Origin::Is(At { expr, scope })));
                }
            }
            Stmt::ForLoop(one) => {
                inner = self.scope(file, Some(scope));
                self.bind(&one.target, inner, &Bound::each(Origin::Item(At { expr: &one.iter, scope })));
            }
            Stmt::Macro(one) => {
                inner = self.scope(file, Some(scope));
                self.macros.insert((file, one.name), MacroAt { scope: inner, args: &one.args, body: &one.body });
                // What nobody hands over is not known, or what the macro says.
                let without = one.args.len().saturating_sub(one.defaults.len());
                for (place, arg) in one.args.iter().enumerate() {
                    let default = place.checked_sub(without).and_then(|place| one.defaults.get(place));
                    let origin = default.map_or(Origin::Unknown, |expr| Origin::Is(At { expr, scope: inner }));
                    self.bind(arg, inner, &Bound::each(origin));
                }
            }
            Stmt::CallBlock(one) => {
                inner = self.scope(file, Some(scope));
                let block = Some(MacroAt { scope: inner, args: &one.macro_decl.args, body: &one.macro_decl.body });
                self.calls.push(CallAt { call: &one.call, scope, block });
            }
            Stmt::Do(one) => self.calls.push(CallAt { call: &one.call, scope, block: None }),
            Stmt::Import(one) => {
                for read in named(&one.expr) {
                    self.bind(&one.name, scope, &Bound::once(Origin::Module(read)));
                }
            }
            Stmt::FromImport(one) => {
                for (read, (name, alias)) in
                    named(&one.expr).into_iter().flat_map(|f| one.names.iter().map(move |n| (f, n)))
                {
                    let Expr::Var(var) = name else { continue };
                    self.bind(alias.as_ref().unwrap_or(name), scope, &Bound::once(Origin::Of(read, var.id)));
                }
            }
            Stmt::Include(one) => self.stands_around(&named(&one.name), scope),
            Stmt::Extends(one) => self.stands_around(&named(&one.name), scope),
            _ => {}
        }
        for expr in expressions(statement) {
            let is_filter = matches!(statement, Stmt::ForLoop(one) if one.filter_expr.as_ref().is_some_and(|f| std::ptr::eq(f, expr)));
            let scope = if is_filter { inner } else { scope };
            each_operand(expr, &mut |expr| self.exprs.push(At { expr, scope }));
            each_operand(expr, &mut |expr| {
                if let Expr::Call(call) = expr {
                    self.calls.push(CallAt { call, scope, block: None });
                }
            });
        }
        bodies(statement).into_iter().for_each(|one| self.enter(one, file, inner, files));
    }

    fn stands_around(&mut self, files: &[usize], scope: Scope) {
        for file in files {
            self.around.get_mut(*file).into_iter().for_each(|around| around.push(scope));
        }
    }

    /// Binds the names of a target, each to its part.
    fn bind(&mut self, target: &Expr<'s>, scope: Scope, value: &Bound<'t, 's>) {
        let several = match target {
            Expr::Var(one) => {
                let names = self.scopes.get_mut(scope);
                return names.into_iter().for_each(|names| names.bound.entry(one.id).or_default().push(value.clone()));
            }
            Expr::List(one) => &one.items,
            Expr::Tuple(one) => &one.items,
            _ => return,
        };
        for (place, target) in several.iter().enumerate() {
            let mut part = value.clone();
            part.path.push(place);
            self.bind(target, scope, &part);
        }
    }

    /// Binds the arguments of macros to what a call hands over, and those of its block to what the macros hand it.
    fn hand_over(&mut self, at: &CallAt<'t, 's>) {
        for called in self.called(at.call, at.scope) {
            self.give(called, &at.call.args, at.scope);
            let Some(block) = at.block else { continue };
            let is_caller = |one: &&CallAt<'t, 's>| {
                matches!(one.call.identify_call(), CallType::Function("caller"))
                    && self.is_within(one.scope, called.scope)
            };
            let back: Vec<_> = self.calls.iter().filter(is_caller).map(|one| (one.call, one.scope)).collect();
            back.into_iter().for_each(|(call, scope)| self.give(block, &call.args, scope));
        }
    }

    fn is_within(&self, scope: Scope, wanted: Scope) -> bool {
        let around = |scope: &Scope| self.scopes.get(*scope).and_then(|names| names.around);
        std::iter::successors(Some(scope), around).any(|scope| scope == wanted)
    }

    fn give(&mut self, to: MacroAt<'t, 's>, args: &'t [CallArg<'s>], scope: Scope) {
        let mut places = to.args.iter();
        for arg in args {
            let (target, expr) = match arg {
                CallArg::Pos(value) => (places.next(), value),
                CallArg::Kwarg(name, value) => {
                    (to.args.iter().find(|arg| matches!(arg, Expr::Var(var) if var.id == *name)), value)
                }
                // Which is which is known only by row.
                CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return,
            };
            let value = Bound::each(Origin::Is(At { expr, scope }));
            target.into_iter().for_each(|target| self.bind(target, to.scope, &value));
        }
    }

    /// The macros that a call is of.
    pub(super) fn called(&self, call: &Call<'s>, scope: Scope) -> Vec<MacroAt<'t, 's>> {
        match call.identify_call() {
            CallType::Function(name) => self.macros_called(scope, name, DEPTH),
            CallType::Method(Expr::Var(module), name) => {
                let files = self.lookup(scope, module.id).into_iter().filter_map(|bound| match bound.origin {
                    Origin::Module(file) => Some(file),
                    _ => None,
                });
                files.flat_map(|file| self.macros_of(file, name, DEPTH)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn macros_called(&self, scope: Scope, name: &str, depth: usize) -> Vec<MacroAt<'t, 's>> {
        let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
        let here = self.macros_of(self.file_of(scope), name, depth);
        if !here.is_empty() {
            return here;
        }
        let bound = self.lookup(scope, name);
        let imported = bound.into_iter().filter_map(|bound| match bound.origin {
            Origin::Of(file, name) => Some(self.macros_of(file, name, depth)),
            _ => None,
        });
        let around = self.around.get(self.file_of(scope)).into_iter().flatten();
        imported.flatten().chain(around.flat_map(|scope| self.macros_called(*scope, name, depth))).collect()
    }

    /// The macro that a file knows by this name: its own, or one that it has from another.
    fn macros_of(&self, file: usize, name: &str, depth: usize) -> Vec<MacroAt<'t, 's>> {
        if let Some(one) = self.macros.get(&(file, name)) {
            return vec![*one];
        }
        let Some((top, depth)) = self.tops.get(file).zip(depth.checked_sub(1)) else { return Vec::new() };
        let own = self.scopes.get(*top).and_then(|names| names.bound.get(name)).into_iter().flatten();
        own.flat_map(|bound| match bound.origin {
            Origin::Of(file, name) => self.macros_of(file, name, depth),
            _ => Vec::new(),
        })
        .collect()
    }

    /// What a name is bound to where it is read; nothing where it is not bound.
    pub(super) fn lookup(&self, scope: Scope, name: &str) -> Vec<&Bound<'t, 's>> {
        self.lookup_within(scope, name, DEPTH)
    }

    fn lookup_within(&self, scope: Scope, name: &str, depth: usize) -> Vec<&Bound<'t, 's>> {
        let around = |scope: &Scope| self.scopes.get(*scope).and_then(|names| names.around);
        let own = std::iter::successors(Some(scope), around)
            .find_map(|scope| self.scopes.get(scope).and_then(|names| names.bound.get(name)));
        if let Some(own) = own {
            return own.iter().collect();
        }
        let Some(depth) = depth.checked_sub(1) else { return Vec::new() };
        let around = self.around.get(self.file_of(scope)).into_iter().flatten();
        around.flat_map(|scope| self.lookup_within(*scope, name, depth)).collect()
    }

    /// What a file binds a name to.
    pub(super) fn of_file(&self, file: usize, name: &str) -> Vec<&Bound<'t, 's>> {
        self.tops.get(file).map_or_else(Vec::new, |top| self.lookup(*top, name))
    }
}

impl<'t, 's> Bound<'t, 's> {
    fn once(origin: Origin<'t, 's>) -> Self {
        Self { origin, path: Vec::new(), is_each: false }
    }

    fn each(origin: Origin<'t, 's>) -> Self {
        Self { origin, path: Vec::new(), is_each: true }
    }
}

/// The files of a unit that an expression names.
fn files_named(expr: &Expr<'_>, files: &[(&str, &Stmt<'_>)]) -> Vec<usize> {
    let mut names = Vec::new();
    _ = file_names(expr, &mut names);
    let place = |name: &String| {
        let plain = plain_name(name)?;
        files.iter().position(|(known, _)| *known == plain)
    };
    names.iter().filter_map(place).collect()
}
