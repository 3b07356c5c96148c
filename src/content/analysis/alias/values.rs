//! What an expression stands for before there is a row: a column, something that stands in the template, or what is made of
//! such parts.
//!
//! Guarantees: bounded, whatever leads to what. Leaves to others: what names are bound to (`bound`).

use super::super::super::names::{Name, Names};
use super::super::super::uses::{Spot, Step};
use super::super::truth::SAME_WORD;
use super::bound::{At, Bound, Origin, Scope, Unit};
use minijinja::machinery::ast::{BinOpKind, Call, CallArg, CallType, Expr, GetItem, Map};
use minijinja::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How much is looked at for all expressions of a unit.
const STEPS: usize = 200_000;
/// How many names may lead from one to another.
const DEPTH: usize = 12;
/// Filters that give some of the items that they get.
const SAME_ITEMS: [&str; 6] = ["list", "sort", "reverse", "unique", "select", "reject"];
/// Filters that give one item.
const ONE_ITEM: [&str; 4] = ["first", "last", "min", "max"];

/// What an expression stands for.
enum Thing<'t, 's> {
    Column(Spot),
    /// It stands in the template.
    Plain,
    /// What has items or attributes: of a namespace also which.
    Parts(Vec<(Key, Part<'t, 's>)>, Option<usize>),
    Unknown,
}

/// By what a part is taken.
#[derive(Clone, PartialEq, Eq)]
enum Key {
    Name(String),
    Place(usize),
}

/// A part.
#[derive(Clone, Copy)]
enum Part<'t, 's> {
    At(At<'t, 's>),
    /// A key of an object and this value, as a loop takes them.
    Pair(At<'t, 's>),
    /// A key.
    Plain,
}

/// Filters that were passed on the way to a column.
#[derive(Clone, Copy, Default)]
pub(super) struct Passed {
    /// Those of small letters or capitals.
    pub(super) folds: bool,
    /// Those that take blanks away.
    pub(super) trims: bool,
}

/// Reads the expressions of a unit.
pub(super) struct Reader<'a, 't, 's, 'n> {
    pub(super) unit: &'a Unit<'t, 's>,
    pub(super) names: &'a mut Names<'n>,
    steps: usize,
    /// Names that are followed at the moment.
    under_way: Vec<(Scope, &'s str)>,
    /// What the values that were looked at last went through.
    pub(super) passed: Passed,
    /// What is written to the attributes of namespaces, by which.
    written: BTreeMap<usize, Vec<(&'s str, At<'t, 's>)>>,
}

impl<'a, 't, 's, 'n> Reader<'a, 't, 's, 'n> {
    pub(super) fn of(unit: &'a Unit<'t, 's>, names: &'a mut Names<'n>) -> Self {
        let mut reader = Self {
            unit,
            names,
            steps: STEPS,
            under_way: Vec::new(),
            passed: Passed::default(),
            written: BTreeMap::new(),
        };
        for one in &unit.written {
            for thing in reader.values(one.base) {
                if let Thing::Parts(_, Some(which)) = thing {
                    reader.written.entry(which).or_default().push((one.attribute, one.value));
                }
            }
        }
        reader
    }

    /// The columns that an expression stands for, where the template has given them another name.
    pub(super) fn stands_for(&mut self, at: At<'t, 's>) -> Option<BTreeSet<Spot>> {
        match at.expr {
            Expr::Var(one) if self.unit.lookup(at.scope, one.id).is_empty() => return None,
            Expr::GetAttr(one) if self.is_row(&one.expr, at.scope) => return None,
            Expr::GetItem(one) if self.is_row(&one.expr, at.scope) => return None,
            _ => {}
        }
        let mut columns = BTreeSet::new();
        for thing in self.values(at) {
            match thing {
                Thing::Column(column) => _ = columns.insert(column),
                Thing::Plain => {}
                Thing::Parts(..) | Thing::Unknown => return None,
            }
        }
        (!columns.is_empty()).then_some(columns)
    }

    pub(super) fn is_row(&mut self, expr: &Expr<'s>, scope: Scope) -> bool {
        let Expr::Var(var) = expr else { return false };
        var.id == "row" && self.unit.lookup(scope, "row").is_empty() && self.names.resolve("row").is_err()
    }

    fn column(name: Result<Name, super::super::super::names::NoName>) -> Thing<'t, 's> {
        match name {
            Ok(Name::Column(column)) => Thing::Column(Spot::of(column)),
            _ => Thing::Unknown,
        }
    }

    /// All that an expression may stand for.
    fn values(&mut self, At { expr, scope }: At<'t, 's>) -> Vec<Thing<'t, 's>> {
        let Some(left) = self.steps.checked_sub(1) else { return vec![Thing::Unknown] };
        self.steps = left;
        let at = |expr| At { expr, scope };
        let items = |items: &'t [Expr<'s>]| {
            let parts = items.iter().enumerate().map(|(place, item)| (Key::Place(place), Part::At(at(item))));
            vec![Thing::Parts(parts.collect(), None)]
        };
        match expr {
            Expr::Const(_) => vec![Thing::Plain],
            Expr::Var(one) => self.of_name(one.id, scope),
            Expr::List(one) => items(&one.items),
            Expr::Tuple(one) => items(&one.items),
            Expr::Map(one) => vec![Thing::Parts(pairs_of(one, scope), None)],
            Expr::IfExpr(one) => {
                let mut all = self.values(at(&one.true_expr));
                all.extend(one.false_expr.iter().flat_map(|other| self.values(at(other))));
                all
            }
            Expr::BinOp(one) if matches!(one.op, BinOpKind::ScOr) => {
                let mut all = self.values(at(&one.left));
                all.extend(self.values(at(&one.right)));
                all
            }
            Expr::BinOp(one) if matches!(one.op, BinOpKind::ScAnd) => self.values(at(&one.right)),
            Expr::Filter(one) => match &one.expr {
                Some(base) => self.filtered(one.name, at(base)),
                None => vec![Thing::Unknown],
            },
            Expr::GetAttr(one) if self.is_row(&one.expr, scope) => vec![Self::column(self.names.of_heading(one.name))],
            Expr::GetAttr(one) => self.members(at(&one.expr), Some(&Key::Name(one.name.to_owned()))),
            Expr::GetItem(one) => self.item(one, scope),
            Expr::Call(one) => self.call(one, scope),
            _ => vec![Thing::Unknown],
        }
    }

    fn item(&mut self, one: &'t GetItem<'s>, scope: Scope) -> Vec<Thing<'t, 's>> {
        let key = match &one.subscript_expr {
            Expr::Const(key) => key_of(&key.value),
            _ => None,
        };
        match &key {
            Some(Key::Name(heading)) if self.is_row(&one.expr, scope) => {
                vec![Self::column(self.names.of_heading(heading))]
            }
            key => self.members(At { expr: &one.expr, scope }, key.as_ref()),
        }
    }

    fn filtered(&mut self, filter: &str, base: At<'t, 's>) -> Vec<Thing<'t, 's>> {
        self.passed.folds |= matches!(filter, "lower" | "upper");
        self.passed.trims |= filter == "trim";
        match filter {
            name if SAME_WORD.contains(&name) || SAME_ITEMS.contains(&name) => self.values(base),
            name if ONE_ITEM.contains(&name) => self.members(base, None),
            "items" | "dictsort" => self.pairs(base),
            "values" => self.rest(base),
            _ => vec![Thing::Unknown],
        }
    }

    fn call(&mut self, call: &'t Call<'s>, scope: Scope) -> Vec<Thing<'t, 's>> {
        let at = |expr| At { expr, scope };
        match call.identify_call() {
            CallType::Function(name @ ("namespace" | "dict")) if self.unit.lookup(scope, name).is_empty() => {
                let (mut parts, mut others) = (Vec::new(), Vec::new());
                for arg in &call.args {
                    match arg {
                        CallArg::Kwarg(name, value) => parts.push((Key::Name((*name).to_owned()), Part::At(at(value)))),
                        CallArg::Pos(value) => others.extend(self.values(at(value))),
                        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return vec![Thing::Unknown],
                    }
                }
                for other in others {
                    let Thing::Parts(more, _) = other else { return vec![Thing::Unknown] };
                    parts.extend(more);
                }
                let which = (name == "namespace").then(|| std::ptr::from_ref(call).addr());
                vec![Thing::Parts(parts, which)]
            }
            CallType::Method(base, name) => match (name, call.args.as_slice()) {
                ("items", []) => self.pairs(at(base)),
                ("values", []) => self.rest(at(base)),
                ("get", [CallArg::Pos(Expr::Const(key)), ..]) => self.members(at(base), key_of(&key.value).as_ref()),
                _ => vec![Thing::Unknown],
            },
            _ => vec![Thing::Unknown],
        }
    }

    /// What a part of each value stands for; without a key any part may be meant.
    fn members(&mut self, base: At<'t, 's>, key: Option<&Key>) -> Vec<Thing<'t, 's>> {
        let things = self.values(base);
        things.into_iter().flat_map(|thing| self.member(thing, key)).collect()
    }

    fn member(&mut self, thing: Thing<'t, 's>, key: Option<&Key>) -> Vec<Thing<'t, 's>> {
        let (parts, which) = match thing {
            Thing::Parts(parts, which) => (parts, which),
            Thing::Column(spot) if self.names.is_json() => return vec![Thing::Column(spot.behind(step_of(key)))],
            _ => return vec![Thing::Unknown],
        };
        let mut all = Vec::new();
        for (known, part) in parts {
            if key.is_none_or(|key| *key == known) {
                all.extend(self.part(part));
            }
        }
        let written = which.and_then(|which| self.written.get(&which)).cloned().unwrap_or_default();
        for (attribute, value) in written {
            if key.is_none_or(|key| *key == Key::Name(attribute.to_owned())) {
                all.extend(self.values(value));
            }
        }
        all
    }

    /// What a loop takes: the items of a list, the keys of an object.
    fn items(&mut self, base: At<'t, 's>) -> Vec<Thing<'t, 's>> {
        let mut all = Vec::new();
        for thing in self.values(base) {
            match thing {
                Thing::Parts(parts, _) => all.extend(parts.into_iter().flat_map(|(key, part)| match key {
                    Key::Place(_) => self.part(part),
                    Key::Name(_) => vec![Thing::Plain],
                })),
                Thing::Column(spot) if self.names.is_json() => all.push(Thing::Column(spot.behind(Step::Each))),
                _ => all.push(Thing::Unknown),
            }
        }
        all
    }

    fn part(&mut self, part: Part<'t, 's>) -> Vec<Thing<'t, 's>> {
        match part {
            Part::At(at) => self.values(at),
            Part::Plain => vec![Thing::Plain],
            Part::Pair(value) => {
                let parts = [Part::Plain, Part::At(value)].into_iter().enumerate();
                vec![Thing::Parts(parts.map(|(place, part)| (Key::Place(place), part)).collect(), None)]
            }
        }
    }

    /// The keys and values of an object.
    fn pairs(&mut self, base: At<'t, 's>) -> Vec<Thing<'t, 's>> {
        let paired = |thing| match thing {
            Thing::Parts(parts, _) => {
                let pair = |(_, part)| if let Part::At(at) = part { Some(Part::Pair(at)) } else { None };
                let pairs = parts.into_iter().filter_map(pair).enumerate();
                Thing::Parts(pairs.map(|(place, pair)| (Key::Place(place), pair)).collect(), None)
            }
            _ => Thing::Unknown,
        };
        self.values(base).into_iter().map(paired).collect()
    }

    /// The values of an object.
    fn rest(&mut self, base: At<'t, 's>) -> Vec<Thing<'t, 's>> {
        let values = |thing| match thing {
            Thing::Parts(parts, _) => {
                let parts = parts.into_iter().enumerate();
                Thing::Parts(parts.map(|(place, (_, part))| (Key::Place(place), part)).collect(), None)
            }
            _ => Thing::Unknown,
        };
        self.values(base).into_iter().map(values).collect()
    }

    /// What a name stands for.
    fn of_name(&mut self, name: &'s str, scope: Scope) -> Vec<Thing<'t, 's>> {
        let unit = self.unit;
        let bound = unit.lookup(scope, name);
        if bound.is_empty() {
            return vec![Self::column(self.names.resolve(name))];
        }
        if self.under_way.contains(&(scope, name)) {
            // `{% set points = points %}` is about the column, and what is made of itself is nothing new.
            return self
                .names
                .resolve(name)
                .is_ok()
                .then(|| Self::column(self.names.resolve(name)))
                .into_iter()
                .collect();
        }
        if self.under_way.len() >= DEPTH {
            return vec![Thing::Unknown];
        }
        self.under_way.push((scope, name));
        let (mut all, mut is_lost) = (Vec::new(), false);
        for bound in bound {
            for thing in self.of_bound(bound) {
                match thing {
                    Thing::Unknown if bound.is_each => is_lost = true,
                    thing => all.push(thing),
                }
            }
        }
        self.under_way.pop();
        if all.is_empty() && is_lost {
            all.push(Thing::Unknown);
        }
        all
    }

    fn of_bound(&mut self, bound: &Bound<'t, 's>) -> Vec<Thing<'t, 's>> {
        let things = match bound.origin {
            Origin::Is(at) => self.values(at),
            Origin::Item(at) => self.items(at),
            Origin::Of(file, name) => {
                let unit = self.unit;
                unit.of_file(file, name).into_iter().flat_map(|bound| self.of_bound(bound)).collect()
            }
            Origin::Module(_) | Origin::Made(..) | Origin::Unknown => vec![Thing::Unknown],
        };
        bound.path.iter().fold(things, |things, place| {
            things.into_iter().flat_map(|thing| self.member(thing, Some(&Key::Place(*place)))).collect()
        })
    }
}

/// The step to a part of what a row holds.
fn step_of(key: Option<&Key>) -> Step {
    match key {
        Some(Key::Name(name)) => Step::Key(name.clone()),
        Some(Key::Place(place)) => Step::Place(*place),
        None => Step::Each,
    }
}

fn key_of(value: &Value) -> Option<Key> {
    match value.as_str() {
        Some(name) => Some(Key::Name(name.to_owned())),
        None => usize::try_from(value.clone()).ok().map(Key::Place),
    }
}

fn pairs_of<'t, 's>(map: &'t Map<'s>, scope: Scope) -> Vec<(Key, Part<'t, 's>)> {
    let pair = |(key, value): (&'t Expr<'s>, &'t Expr<'s>)| match key {
        Expr::Const(key) => Some((key_of(&key.value)?, Part::At(At { expr: value, scope }))),
        _ => None,
    };
    map.keys.iter().zip(&map.values).filter_map(pair).collect()
}
