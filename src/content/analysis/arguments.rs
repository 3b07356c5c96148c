//! Arguments that are wrong whatever the row holds: a filter, test, function or method that fails on every value.
//!
//! What is called with arguments that stand in the template is tried on a value of each kind. Guarantees: what a row could
//! make right is no fault; where an argument depends on the row nothing is said. Leaves to others: what depends on the row (the
//! rehearsal of the letter), and names that do not exist.

use super::{Fault, Walk};
use minijinja::machinery::ast::{Call, CallArg, CallType, Expr, Filter};
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind};
use std::collections::BTreeMap;

/// How what takes arguments is written.
const WRITTEN: [(&str, &str); 27] = [
    ("add_query", "add_query(\"a=b\")"),
    ("batch", "batch(3)"),
    ("center", "center(40)"),
    ("date", "date(\"%d.%m.%Y\")"),
    ("default", "default(\"friend\")"),
    ("divisibleby", "divisibleby(3)"),
    ("endingwith", "endingwith(\"x\")"),
    ("indent", "indent(4)"),
    ("int", "int(0)"),
    ("join", "join(\", \")"),
    ("map", "map(attribute=\"name\")"),
    ("money", "money(\"EUR\")"),
    ("number", "number(2)"),
    ("plural", "plural(\"item\", \"items\")"),
    ("pluralize", "pluralize(\"y\", \"ies\")"),
    ("range", "range(10)"),
    ("replace", "replace(\"old\", \"new\")"),
    ("round", "round(2)"),
    ("selectattr", "selectattr(\"name\")"),
    ("slice", "slice(3)"),
    ("sort", "sort(attribute=\"name\")"),
    ("split", "split(\",\")"),
    ("startingwith", "startingwith(\"x\")"),
    ("startswith", "startswith(\"x\")"),
    ("sum", "sum(attribute=\"price\")"),
    ("truncate", "truncate(30), truncate(30, true, \"…\")"),
    ("wordwrap", "wordwrap(72)"),
];

/// What is right only together with the value: a pattern and what is put into it.
const BY_VALUE: [&str; 1] = ["format"];

impl Walk<'_, '_> {
    pub(super) fn try_filter(&mut self, filter: &Filter<'_>, at: usize) {
        let Some(args) = constants(&filter.args) else { return };
        let base = filter.expr.as_ref().and_then(Expr::as_const);
        let Some(values) = values(self.env, filter.name, &filter.args, base) else { return };
        let env = self.env;
        let why = fails(values, &args, |all| env.empty_state().apply_filter(filter.name, all).map(drop));
        self.wrong(at, filter.name, why);
    }

    pub(super) fn try_test(&mut self, name: &str, at: usize, base: &Expr<'_>, args: &[CallArg<'_>]) {
        let Some(given) = constants(args) else { return };
        let Some(values) = values(self.env, name, args, base.as_const()) else { return };
        let env = self.env;
        let why = fails(values, &given, |all| env.empty_state().perform_test(name, all).map(drop));
        self.wrong(at, name, why);
    }

    /// A function of ours, or a method of something that is text for certain.
    pub(super) fn try_call(&mut self, call: &Call<'_>, at: usize) {
        let (Some(args), env) = (constants(&call.args), self.env) else { return };
        let (name, why) = match call.identify_call() {
            CallType::Function(name) => {
                let Some((_, function)) = env.globals().find(|(known, _)| *known == name) else { return };
                (name, function.call(&mut env.empty_state(), &args).err())
            }
            CallType::Method(base, name) => {
                let Some(values) = values(env, name, &call.args, base.as_const()) else { return };
                let one = |all: &[Value]| match all.split_first() {
                    Some((value, args)) => value.call_method(&mut env.empty_state(), name, args).map(drop),
                    None => Ok(()),
                };
                (name, fails(values, &args, one))
            }
            _ => return,
        };
        self.wrong(at, name, why);
    }

    fn wrong(&mut self, at: usize, name: &str, why: Option<Error>) {
        // What is unknown is told by its name.
        let is_known = |why: &Error| !matches!(why.kind(), ErrorKind::UnknownFilter | ErrorKind::UnknownTest);
        let Some(why) = why.filter(is_known) else { return };
        let reason = match (why.kind(), why.detail()) {
            (ErrorKind::InvalidOperation, Some(detail)) => detail.to_owned(),
            (kind, Some(detail)) => format!("{kind}: {detail}"),
            (kind, None) => kind.to_string(),
        };
        let hint = match WRITTEN.iter().find(|(known, _)| *known == name) {
            Some((_, written)) => format!("it is written so: {written}"),
            None if why.kind() == ErrorKind::TooManyArguments => format!("write `{name}` with fewer arguments"),
            None => "mend what stands in the brackets behind it".to_owned(),
        };
        let problem = format!("`{name}` fails with these arguments on every row: {reason}");
        // The same mistake in another place is another one.
        self.found.faults.push(Fault { at, problem, hint });
    }
}

/// The arguments as they are called with; `None` where one depends on the row.
fn constants(args: &[CallArg<'_>]) -> Option<Vec<Value>> {
    let (mut all, mut named) = (Vec::new(), Vec::new());
    for arg in args {
        match arg {
            CallArg::Pos(value) => all.push(value.as_const()?),
            CallArg::Kwarg(name, value) => named.push((*name, value.as_const()?)),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return None,
        }
    }
    all.extend((!named.is_empty()).then(|| Value::from(Kwargs::from_iter(named))));
    Some(all)
}

/// What it is tried on: `base`, where that stands in the template, else a value of each kind; `None` where that says nothing.
fn values(env: &Environment<'_>, name: &str, args: &[CallArg<'_>], base: Option<Value>) -> Option<Vec<Value>> {
    if let Some(base) = base {
        return Some(vec![base]);
    }
    if BY_VALUE.contains(&name) {
        return None;
    }
    let texts = ["1", "a", "", "2026-12-24", "https://a.example/"].map(Value::from);
    let lists = [vec![], vec![Value::from("a")], vec![Value::from(1)]].map(Value::from);
    let objects = [BTreeMap::new(), BTreeMap::from([("a", 1)])];
    let others = [Value::from(1), Value::from(1.5), Value::from(true), Value::from(()), Value::UNDEFINED];
    let mut values: Vec<Value> = texts.into_iter().chain(others).chain(lists).collect();
    values.extend(objects.map(Value::from));
    for arg in args {
        match arg {
            // A date as it says that dates are written.
            CallArg::Kwarg("from", from) if name == "date" => {
                let written = [Value::from("2026-12-24T09:30:00"), from.as_const()?];
                values.push(env.empty_state().apply_filter("date", &written).ok()?);
            }
            // What is looked for in a text is found in itself.
            CallArg::Pos(value) | CallArg::Kwarg(_, value) => values.extend(value.as_const()),
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => {}
        }
    }
    Some(values)
}

/// Why it fails on the first value, if it does on all.
fn fails(values: Vec<Value>, args: &[Value], call: impl Fn(&[Value]) -> Result<(), Error>) -> Option<Error> {
    let mut first = None;
    for value in values {
        let all: Vec<Value> = std::iter::once(value).chain(args.iter().cloned()).collect();
        first = Some(first.unwrap_or(call(&all).err()?));
    }
    first
}
