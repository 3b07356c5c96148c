//! What a template reads, and how: its syntax tree is walked once, before anything is rendered.
//!
//! Each place where a column is read wants it in one way: printed it is what stands in the list, where it is computed with it
//! is a number, and `default` and `is defined` are told when there is nothing. Guarantees: every name, filter, test, function
//! and method of text is known, or a fault says where it stands; names that the template binds itself are left alone.
//! Leaves to others: the values (`binding`), and what a fault looks like (`template`).

mod alias;
mod alone;
mod arguments;
mod compare;
mod found;
mod guard;
mod kind;
mod nearest;
pub(crate) mod tree;
mod truth;

use super::binding::{As, Binding};
use super::filters::{FILTERS, TESTS, Takes, dates, methods};
use super::names::{Cells, Name, Names};
use super::rewrite::{self, Edit};
pub(crate) use alias::{Aliases, Part, Places, Prints, Way, bare_columns, product};
use compare::{operator, sides};
pub(crate) use found::{AmountWanted, Fault, FileUse, Found, NumberWanted, SumWanted};
use guard::{Behind, Here};
use kind::Kind;
use minijinja::Environment;
use minijinja::machinery::ast::{Call, CallArg, CallType, Expr, Filter, Stmt, UnaryOpKind};
use nearest::suggestion;
use std::collections::BTreeSet;
use tree::{end, file_names, may_be_text, mentions, reads_loop, set_in, span, start, targets};
pub(crate) use truth::TruthWanted;
use truth::note_use;

/// How a value is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Text,
    /// To be compared with text: a value of JSON as it is, others as text.
    Compared,
    /// The same, with text that stands in the template.
    Words,
    Number,
    Any,
    Items,
}

/// A walk under way.
pub(crate) struct Walk<'w, 'n> {
    text: &'w str,
    names: &'w mut Names<'n>,
    bindings: &'w mut Vec<Binding>,
    functions: &'w [String],
    env: &'w Environment<'static>,
    scopes: Vec<Vec<String>>,
    /// How many branches, loops and macros stand around: what is in them is not reached for every row.
    branches: usize,
    /// Whether a sum stands around to which text of the template belongs.
    joins_text: bool,
    /// Names that are set, imported or defined as macros: from where to where they count is known only by row.
    loose: BTreeSet<String>,
    /// What stands for columns by a name that the template gives them.
    aliases: Option<&'w Places>,
    /// Each fault is told once.
    told: BTreeSet<String>,
    here: Here,
    found: Found,
}

impl<'w, 'n> Walk<'w, 'n> {
    /// Walks `tree`, the tree of `text`. `outer`: what the templates around it bind; `aliases`: what in it stands for columns.
    pub(crate) fn over(
        text: &'w str,
        tree: &Stmt<'_>,
        names: &'w mut Names<'n>,
        bindings: &'w mut Vec<Binding>,
        (functions, env): (&'w [String], &'w Environment<'static>),
        (outer, aliases): (&BTreeSet<String>, Option<&'w Places>),
    ) -> Found {
        let mut loose = outer.clone();
        set_in(tree, &mut loose);
        let found = Found { bound: loose.clone(), ..Found::default() };
        let (scopes, told, branches, here) = (Vec::new(), BTreeSet::new(), 0, Here::default());
        let joins_text = false;
        let mut walk = Self {
            text,
            names,
            bindings,
            functions,
            env,
            scopes,
            branches,
            joins_text,
            loose,
            aliases,
            told,
            here,
            found,
        };
        walk.statement(tree);
        walk.found.faults.sort_by_key(|fault| fault.at);
        walk.found.numbers.sort_by_key(|wanted| wanted.at);
        walk.sort_truths();
        walk.found
    }

    fn fault(&mut self, at: usize, problem: String, hint: impl Into<String>) {
        if self.told.insert(problem.clone()) {
            self.found.faults.push(Fault { at, problem, hint: hint.into() });
        }
    }

    fn statements(&mut self, all: &[Stmt<'_>]) {
        self.knowing(&[], |walk| {
            all.iter().for_each(|one| {
                walk.statement(one);
                walk.know_behind(one);
            })
        });
    }

    /// Walks what is reached on some condition only.
    fn branch(&mut self, walk: impl FnOnce(&mut Self)) {
        self.branches += 1;
        walk(self);
        self.branches -= 1;
    }

    fn scoped(&mut self, names: Vec<String>, body: &[Stmt<'_>]) {
        self.found.bound.extend(names.iter().cloned());
        self.scopes.push(names);
        self.statements(body);
        self.scopes.pop();
    }

    fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(one) => self.statements(&one.children),
            Stmt::EmitExpr(one) => {
                self.prints(&one.expr);
                self.expr(&one.expr, Want::Text, false);
            }
            Stmt::EmitRaw(_) | Stmt::Continue(_) | Stmt::Break(_) => {}
            Stmt::ForLoop(one) => {
                self.expr(&one.iter, Want::Items, false);
                // Behind the edits within it, which may end where it ends.
                if may_be_text(&one.iter) && one.body.iter().any(reads_loop) {
                    self.found.edits.extend(rewrite::letters(self.text, (start(&one.iter), end(&one.iter))));
                }
                let mut names = targets(&one.target);
                names.push("loop".to_owned());
                self.scopes.push(names.clone());
                let mut known = self.guards_where(&one.iter, true);
                self.branch(|walk| {
                    if let Some(filter) = &one.filter_expr {
                        walk.decides(filter);
                        walk.condition(filter, Behind::NOTHING);
                        walk.expr(filter, Want::Any, false);
                        known.extend(walk.guards_where(filter, true));
                    }
                });
                self.scopes.pop();
                self.branch(|walk| {
                    walk.knowing(&known, |walk| walk.scoped(names, &one.body));
                    walk.statements(&one.else_body);
                });
            }
            Stmt::IfCond(one) => self.if_statement(one),
            Stmt::WithBlock(one) => {
                let mut names = Vec::new();
                for (target, value) in &one.assignments {
                    self.expr(value, Want::Any, false);
                    self.note_known(target, Some(value));
                    names.extend(targets(target));
                }
                self.scoped(names, &one.body);
            }
            Stmt::Set(one) => {
                self.expr(&one.expr, Want::Any, false);
                self.note_known(&one.target, Some(&one.expr));
                self.target(&one.target);
            }
            Stmt::SetBlock(one) => {
                self.optional(one.filter.as_ref());
                self.statements(&one.body);
                self.note_known(&one.target, None);
                self.target(&one.target);
            }
            Stmt::AutoEscape(one) => {
                self.expr(&one.enabled, Want::Any, false);
                self.statements(&one.body);
            }
            Stmt::FilterBlock(one) => {
                self.expr(&one.filter, Want::Any, false);
                self.statements(&one.body);
            }
            Stmt::Block(one) => self.scoped(vec!["super".to_owned()], &one.body),
            Stmt::Import(one) => self.file(&one.expr, false),
            Stmt::FromImport(one) => self.file(&one.expr, false),
            Stmt::Extends(one) => self.file(&one.name, false),
            Stmt::Include(one) => self.file(&one.name, one.ignore_missing),
            Stmt::Macro(one) => {
                self.within_macro(one.name, |walk| walk.macro_body(&one.args, &one.defaults, &one.body));
            }
            Stmt::CallBlock(one) => {
                self.call(&one.call);
                self.macro_body(&one.macro_decl.args, &one.macro_decl.defaults, &one.macro_decl.body);
            }
            Stmt::Do(one) => self.call(&one.call),
        }
    }

    fn macro_body(&mut self, args: &[Expr<'_>], defaults: &[Expr<'_>], body: &[Stmt<'_>]) {
        let mut names: Vec<String> = args.iter().flat_map(targets).collect();
        self.defaults(args, defaults, &names);
        names.extend(["caller", "varargs", "kwargs"].map(str::to_owned));
        self.branch(|walk| walk.scoped(names, body));
    }

    /// The defaults of arguments. One that is another argument is set at the beginning of the body: the engine below
    /// has none of them when it comes to the defaults.
    fn defaults(&mut self, args: &[Expr<'_>], defaults: &[Expr<'_>], names: &[String]) {
        let without = args.len().saturating_sub(defaults.len());
        let is_arg = |expr: &Expr<'_>| matches!(expr, Expr::Var(var) if names.iter().any(|name| name == var.id));
        let head = args.iter().chain(defaults).map(|one| span(one).1).max().unwrap_or(0);
        for (arg, default) in args.iter().skip(without).zip(defaults) {
            match (arg, default) {
                (Expr::Var(arg), Expr::Var(default_var)) if is_arg(default) => {
                    self.found.edits.extend(rewrite::set_first(self.text, head, arg.id, default_var.id));
                }
                _ if mentions(default, &is_arg) => {
                    let problem = "a default that is computed from another argument".to_owned();
                    let hint = "set it in the macro: {% set c = c|default(a + 1) %}";
                    self.fault(start(default), problem, hint);
                }
                _ => self.branch(|walk| walk.expr(default, Want::Any, false)),
            }
        }
    }

    /// What stands on the left of `set`: a name, or an attribute of a namespace.
    fn target(&mut self, target: &Expr<'_>) {
        if let Expr::GetAttr(attribute) = target {
            self.expr(&attribute.expr, Want::Items, false);
        }
    }

    fn optional(&mut self, expr: Option<&Expr<'_>>) {
        if let Some(expr) = expr {
            self.expr(expr, Want::Any, false);
        }
    }

    /// The files that a statement names.
    fn file(&mut self, name: &Expr<'_>, ignore_missing: bool) {
        let at = start(name);
        let mut names = Vec::new();
        if file_names(name, &mut names) {
            if let Expr::IfExpr(choice) = name {
                self.expr(&choice.test_expr, Want::Any, false);
            }
            self.found.files.push(FileUse { at, names, ignore_missing });
        } else {
            self.fault(
                at,
                "which file is meant depends on the row".to_owned(),
                "write the name in quotes; where it depends: {% include \"a.html\" if x else \"b.html\" %}",
            );
        }
    }

    fn expr(&mut self, expr: &Expr<'_>, want: Want, given: bool) {
        if matches!(expr, Expr::GetAttr(_) | Expr::GetItem(_)) {
            self.note_use_by(span(expr), want);
        }
        match expr {
            Expr::Var(one) => self.name(one.id, span(expr), want, given),
            Expr::Const(_) => {}
            Expr::UnaryOp(one) => match one.op {
                UnaryOpKind::Not => {
                    self.condition(&one.expr, Behind::NOTHING.swapped());
                    self.expr(&one.expr, Want::Any, false);
                }
                UnaryOpKind::Neg => self.expr(&one.expr, Want::Number, false),
            },
            Expr::BinOp(one) => self.binary(one.op, &one.left, &one.right, want),
            Expr::Compare(one) => {
                let lefts = std::iter::once(&one.expr).chain(one.ops.iter().map(|op| &op.expr));
                let pairs = || lefts.clone().zip(&one.ops);
                if !pairs().all(|(left, op)| self.is_known(left) && self.is_known(&op.expr)) {
                    let all: Vec<_> = pairs().map(|(left, op)| (sides(left, &op.expr), op.op)).collect();
                    self.found.edits.extend(rewrite::chain(self.text, &all));
                }
                pairs().for_each(|(left, op)| self.compare(op.op, left, &op.expr, false));
            }
            Expr::IfExpr(one) => self.if_expression(one, want, given),
            Expr::Filter(one) => self.filter(one, span(expr).0, want),
            Expr::Test(one) => self.test(one.name, span(expr).0, &one.expr, &one.args),
            Expr::GetAttr(one) => match self.is_row(&one.expr) {
                true => self.of_row(one.name, expr, want, given),
                false if self.of_another_engine(&one.expr, one.name) => {}
                false => {
                    self.no_text(&one.expr, one.name, span(expr).0);
                    self.expr(&one.expr, Want::Items, false);
                }
            },
            Expr::GetItem(one) => match &one.subscript_expr {
                Expr::Const(key) if self.is_row(&one.expr) && key.value.as_str().is_some() => {
                    self.of_row(key.value.as_str().unwrap_or_default(), expr, want, given);
                }
                key => {
                    self.decides(key);
                    self.expr(&one.expr, Want::Items, false);
                    self.expr(key, Want::Any, false);
                }
            },
            Expr::Slice(one) => {
                self.expr(&one.expr, Want::Items, false);
                [&one.start, &one.stop, &one.step].into_iter().for_each(|part| self.optional(part.as_ref()));
            }
            Expr::Call(one) => self.call(one),
            Expr::List(one) => one.items.iter().for_each(|item| self.expr(item, Want::Any, false)),
            Expr::Tuple(one) => one.items.iter().for_each(|item| self.expr(item, Want::Any, false)),
            Expr::Map(one) => {
                one.keys.iter().chain(&one.values).for_each(|item| self.expr(item, Want::Any, false));
            }
        }
    }

    fn is_local(&self, name: &str) -> bool {
        name == "self" || self.scopes.iter().flatten().any(|known| known == name)
    }

    /// Whether the template binds it itself.
    fn is_bound(&self, name: &str) -> bool {
        self.is_local(name) || self.loose.contains(name)
    }

    /// Whether this is `row`, under which every column can be had by its heading.
    fn is_row(&mut self, expr: &Expr<'_>) -> bool {
        let Expr::Var(var) = expr else { return false };
        var.id == "row" && !self.is_local("row") && !self.loose.contains("row") && self.names.resolve("row").is_err()
    }

    fn of_row(&mut self, heading: &str, expr: &Expr<'_>, want: Want, given: bool) {
        let (from, to) = span(expr);
        match self.names.of_heading(heading) {
            Ok(name) => self.read(name, heading, (from, to), want, given),
            Err(no) => {
                let (problem, hint) = self.names.describe(heading, &no);
                self.fault(from, problem, hint);
            }
        }
    }

    fn name(&mut self, name: &str, place: (usize, usize), want: Want, given: bool) {
        self.note_use_by(place, want);
        if self.is_local(name) {
            return;
        }
        let resolved = self.names.resolve(name);
        match resolved {
            Ok(meaning) if self.loose.contains(name) => self.bind(name.to_owned(), meaning, As::Any, false),
            _ if self.loose.contains(name) => {}
            Ok(meaning) => self.read(meaning, name, place, want, given),
            Err(_) if self.functions.iter().any(|known| known == name) => {}
            Err(_) if name == "row" => {
                let hint = "such as row[\"first name\"], with the heading of the column in quotes";
                self.fault(place.0, "`row` stands for all columns, and one must be named".to_owned(), hint);
            }
            Err(no) => {
                let heading = self.text.get(place.0..).and_then(|text| self.names.heading_at(text));
                let (problem, hint) = match heading {
                    Some(told) => told,
                    None => self.names.describe(name, &no),
                };
                self.fault(place.0, problem, hint);
            }
        }
    }

    fn bind(&mut self, id: String, name: Name, wanted: As, given: bool) {
        if !self.bindings.iter().any(|known| *known.id == *id) {
            let (kind, label) = (self.names.declared(name), self.names.label(name));
            self.bindings.push(Binding { id: id.into(), name, wanted, given, kind, label: label.into() });
        }
    }

    /// A column is read here.
    fn read(&mut self, name: Name, called: &str, place: (usize, usize), want: Want, given: bool) {
        let cells = self.names.cells(name);
        note_use(&mut self.found, name, want);
        if want == Want::Number {
            self.note_amount(name, place.0);
        }
        let wanted = match (want, cells) {
            (Want::Compared | Want::Words | Want::Number, Cells::Json) => As::Any,
            (Want::Text | Want::Compared | Want::Words, _)
            | (Want::Items, Cells::Text | Cells::Unsaid | Cells::Declared(_)) => As::Text,
            (Want::Items, Cells::Json) => As::Items,
            (Want::Any, _) => As::Any,
            (Want::Number, Cells::Declared(kind)) if kind.is_number() => As::Any,
            (Want::Number, Cells::Unsaid) => {
                if let Name::Column(column) = name {
                    self.found.numbers.push(NumberWanted {
                        at: place.0,
                        column,
                        copes_with_empty: given || self.branches > 0,
                    });
                }
                As::Number
            }
            (Want::Number, Cells::Text) => {
                let problem = format!("`{called}` is text, and a number is needed here");
                self.fault(place.0, problem, "put the other side in quotes, or take another column");
                return;
            }
            (Want::Number, Cells::Declared(kind)) => {
                let problem = format!("`{called}` is declared as {}, and a number is needed here", kind.word());
                let hint =
                    format!("leave it out of [recipients.types], or say there that it is one: {called} = \"number\"");
                self.fault(place.0, problem, hint);
                return;
            }
        };
        let letter = match wanted {
            As::Text => 't',
            As::Number => 'n',
            As::Any => 'v',
            As::Items => 'i',
        };
        let number = match name {
            Name::Column(column) => column.to_string(),
            other => format!("{other:?}"),
        };
        let id = format!("__{letter}{}_{number}", if given { "g" } else { "" });
        self.found.edits.push(Edit { from: place.0, to: place.1, text: id.clone() });
        self.bind(id, name, wanted, given);
    }

    fn filter(&mut self, filter: &Filter<'_>, at: usize, want: Want) {
        let known = FILTERS.iter().find(|(name, ..)| *name == filter.name);
        if known.is_none() {
            self.fault(at, format!("there is no filter `{}`", filter.name), nearest::filter(filter.name));
        }
        self.try_filter(filter, at);
        let takes = known.map_or(Takes::Any, |(_, takes, _)| *takes);
        if let Some(base) = &filter.expr {
            self.written_as_amount(filter, base);
            match filter.name {
                // Asked whether it holds, text is not what a number or a truth is.
                "default" | "d"
                    if filter.args.len() > 1 && matches!(want, Want::Text | Want::Compared | Want::Words) =>
                {
                    if want == Want::Text {
                        self.note_printed(base);
                    }
                    self.expr(base, Want::Any, true)
                }
                "default" | "d" => self.expr(base, want, true),
                _ => self.expr(base, wants(takes), false),
            }
        }
        if let (Some(CallArg::Pos(Expr::Const(first))), "map") = (filter.args.first(), filter.name) {
            self.named(first.value.as_str(), at, "filter");
        }
        let test_at = match filter.name {
            "select" | "reject" => Some(0),
            "selectattr" | "rejectattr" => Some(1),
            _ => None,
        };
        if let Some(CallArg::Pos(Expr::Const(test))) = test_at.and_then(|index: usize| filter.args.get(index)) {
            self.named(test.value.as_str(), at, "test");
        }
        if filter.name == "date" {
            filter.args.iter().for_each(|arg| self.date_pattern(arg));
        }
        let of_args = if matches!(filter.name, "default" | "d") { want } else { Want::Any };
        self.args(&filter.args, of_args);
    }

    /// An argument of `date`: how a date is written, or was.
    fn date_pattern(&mut self, arg: &CallArg<'_>) {
        let (CallArg::Pos(pattern) | CallArg::Kwarg("from", pattern)) = arg else { return };
        let Expr::Const(text) = pattern else { return };
        if let Some((problem, hint)) = text.value.as_str().and_then(dates::wrong_pattern) {
            self.fault(start(pattern), problem, hint);
        }
    }

    /// Whether there is a filter or a test that is named by a text.
    fn named(&mut self, name: Option<&str>, at: usize, what: &str) -> bool {
        let Some(name) = name else { return false };
        let is_known = match what {
            "filter" => FILTERS.iter().any(|(known, ..)| *known == name),
            _ => TESTS.contains(&name) || !name.starts_with(|c: char| c.is_ascii_alphabetic()),
        };
        if !is_known {
            let hint = match what {
                "filter" => nearest::filter(name),
                _ => suggestion(name, TESTS.iter().copied()),
            };
            self.fault(at, format!("there is no {what} `{name}`"), hint);
        }
        is_known
    }

    fn test(&mut self, name: &str, at: usize, base: &Expr<'_>, args: &[CallArg<'_>]) {
        if self.named(Some(name), at, "test") {
            self.try_test(name, at, base, args);
        }
        if matches!(name, "true" | "false") {
            self.compared_with_truth(base);
        }
        let (want, given) = match name {
            "defined" | "undefined" => (Want::Any, true),
            "odd" | "even" | "divisibleby" => (Want::Number, false),
            "startingwith" | "endingwith" | "lower" | "upper" => (Want::Text, false),
            _ => (Want::Any, false),
        };
        if let ([CallArg::Pos(other)], Some(op)) = (args, operator(name)) {
            return self.compare(op, base, other, false);
        }
        self.expr(base, want, given);
        self.args(args, Want::Any);
    }

    fn args(&mut self, args: &[CallArg<'_>], want: Want) {
        for arg in args {
            match arg {
                CallArg::Pos(value) | CallArg::Kwarg(_, value) => self.expr(value, want, false),
                CallArg::PosSplat(value) | CallArg::KwargSplat(value) => self.expr(value, Want::Items, false),
            }
        }
    }

    fn call(&mut self, call: &Call<'_>) {
        match call.identify_call() {
            CallType::Function(name) => {
                self.note_call(name);
                let is_known = self.is_local(name)
                    || self.loose.contains(name)
                    || self.functions.iter().any(|known| known == name)
                    || name == "super";
                if !is_known {
                    let known = self.functions.iter().map(String::as_str).filter(|known| !known.starts_with('_'));
                    let hint = suggestion(name, known);
                    self.fault(start(&call.expr), format!("there is no function `{name}`"), hint);
                } else if !self.is_local(name) && !self.loose.contains(name) {
                    self.try_call(call, start(&call.expr));
                }
            }
            CallType::Method(base, name) => {
                let is_text = matches!(self.kind(base), Kind::Cells | Kind::Text | Kind::Quoted(_));
                if is_text && !methods::OF_TEXT.contains(&name) {
                    let hint = suggestion(name, methods::OF_TEXT.into_iter());
                    self.fault(span(&call.expr).0, format!("text has no method `{name}`"), hint);
                } else if is_text {
                    self.try_call(call, span(&call.expr).0);
                }
                self.expr(base, Want::Items, false);
            }
            CallType::Block(_) => {}
            CallType::Object(base) => self.expr(base, Want::Items, false),
        }
        self.args(&call.args, Want::Any);
    }

    /// An attribute of something that is text for certain.
    fn no_text(&mut self, base: &Expr<'_>, attribute: &str, at: usize) {
        if matches!(self.kind(base), Kind::Cells) {
            let told = self.text.get(start(base)..).and_then(|text| self.names.heading_at(text));
            let (problem, hint) = told.unwrap_or_else(|| {
                let hint = format!(
                    "only the objects of a JSON list have attributes: give the list a column `{attribute}` of its own, or make it JSON lines"
                );
                (format!("a cell of a column is text, and has no attribute `{attribute}`"), hint)
            });
            self.fault(at, problem, hint);
        }
    }
}

fn wants(takes: Takes) -> Want {
    match takes {
        Takes::Text => Want::Text,
        Takes::Number => Want::Number,
        Takes::Any => Want::Any,
        Takes::Items => Want::Items,
    }
}
