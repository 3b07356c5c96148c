//! Comparisons that mix no kinds, and the filters that put values in an order or tell equal ones from others.
//!
//! Guarantees: text and numbers have no order among each other, wherever they come from; `1` is not `"1"`. In a list whose
//! cells are all text (CSV), a cell that is plainly a number counts as one where it meets a number.

use super::{invalid, is_number_of_row, locale_of_row, named, shown};
use crate::content::binding::is_null;
use crate::content::cell;
use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State};
use std::cmp::Ordering;

/// What the values of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cells {
    /// Text, whatever they stand for.
    AllText,
    /// Each is of its own kind.
    Typed,
}

/// Gives `env` the comparisons: by the names of Jinja2's tests, and by those that stand for a template's operators.
pub(super) fn register(env: &mut Environment<'static>, cells: Cells) {
    type Holds = fn(Ordering) -> bool;
    let orders: [(&[&str], Holds); 4] = [
        (&["__lt", "lt", "lessthan", "<"], Ordering::is_lt),
        (&["__le", "le", "<="], Ordering::is_le),
        (&["__gt", "gt", "greaterthan", ">"], Ordering::is_gt),
        (&["__ge", "ge", ">="], Ordering::is_ge),
    ];
    for (names, holds) in orders {
        for name in names {
            env.add_test(*name, move |state: &State, a: &Value, b: &Value| order(state, a, b, cells).map(holds));
        }
    }
    for name in ["__eq", "eq", "equalto", "=="] {
        env.add_test(name, move |state: &State, a: &Value, b: &Value| is_equal(state, a, b, cells));
    }
    for name in ["__ne", "ne", "!="] {
        env.add_test(name, move |state: &State, a: &Value, b: &Value| {
            is_equal(state, a, b, cells).map(|is_equal| !is_equal)
        });
    }
    for name in ["__in", "in"] {
        env.add_test(name, move |state: &State, a: &Value, b: &Value| is_in(state, a, b, cells));
    }
    env.add_test("__notin", move |state: &State, a: &Value, b: &Value| is_in(state, a, b, cells).map(|is_in| !is_in));
    env.add_function("__chain", move |state: &State, parts: Rest<Value>| chain(state, &parts.0, cells));
    env.add_test("none", is_null);
    env.add_filter("sort", move |state: &State, value: &Value, given: Rest<ValueOrKwargs>| {
        sort(state, value, given, cells)
    });
    env.add_filter("min", move |state: &State, value: &Value, given: Rest<ValueOrKwargs>| {
        extreme(state, value, given, cells, Ordering::Less)
    });
    env.add_filter("max", move |state: &State, value: &Value, given: Rest<ValueOrKwargs>| {
        extreme(state, value, given, cells, Ordering::Greater)
    });
    env.add_filter("dictsort", move |state: &State, value: &Value, given: Rest<ValueOrKwargs>| {
        dictsort(state, value, given, cells)
    });
    env.add_filter("unique", unique);
    env.add_filter("groupby", move |state: &State, value: &Value, given: Rest<ValueOrKwargs>| {
        groupby(state, value, given, cells)
    });
}

/// A number that a cell of a list of text stands for; what locales read otherwise is as that of the row has it.
fn as_number(state: &State, value: &Value) -> Option<Value> {
    let text = value.as_str()?.trim();
    let is_by_locale = cell::is_misread(text) && !is_number_of_row(state, text);
    let locale = if is_by_locale { locale_of_row(state) } else { None };
    cell::number(text, locale).filter(|_| cell::is_plainly_number(text.as_bytes()))
}

/// Two values, each as a number where one is and the other is a cell that stands for one.
fn met(state: &State, a: &Value, b: &Value, cells: Cells) -> (Value, Value) {
    let is_number = |value: &Value| value.kind() == ValueKind::Number;
    let read = |value: &Value, other: &Value| match cells {
        Cells::AllText if is_number(other) => as_number(state, value),
        _ => None,
    };
    (read(a, b).unwrap_or_else(|| a.clone()), read(b, a).unwrap_or_else(|| b.clone()))
}

/// How two values of one kind are ordered.
fn order(state: &State, a: &Value, b: &Value, cells: Cells) -> Result<Ordering, Error> {
    let kind = |value: &Value| match value.kind() {
        ValueKind::Bool => ValueKind::Number,
        ValueKind::Iterable => ValueKind::Seq,
        kind => kind,
    };
    let (a, b) = met(state, a, b, cells);
    match (kind(&a), kind(&b)) {
        (ValueKind::Undefined, _) | (_, ValueKind::Undefined) => {
            Err(invalid("an empty or missing value is compared: say what it counts as, as in points|default(0)"))
        }
        (ValueKind::Number, ValueKind::Number)
        | (ValueKind::String, ValueKind::String)
        | (ValueKind::Seq, ValueKind::Seq) => Ok(a.cmp(&b)),
        (..) => Err(mixed(&a, &b)),
    }
}

fn mixed(a: &Value, b: &Value) -> Error {
    invalid(format!(
        "{} ({}) is compared with {} ({}): declare the column under [recipients.types], or write |int, |float or |string",
        word(a.kind()),
        shown(a),
        word(b.kind()),
        shown(b)
    ))
}

fn word(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::String => "text",
        ValueKind::Number => "a number",
        ValueKind::None => "null",
        ValueKind::Seq => "a list",
        ValueKind::Map => "an object",
        _ => "a value",
    }
}

/// Whether two values are equal. An empty cell is the empty text; a cell of a list of text that stands for no number cannot
/// be told to be another one.
fn is_equal(state: &State, a: &Value, b: &Value, cells: Cells) -> Result<bool, Error> {
    let (a, b) = met(state, a, b, cells);
    Ok(match (a.kind(), b.kind()) {
        (ValueKind::Undefined, ValueKind::String) => b.as_str() == Some("") && !is_null(&a),
        (ValueKind::String, ValueKind::Undefined) => a.as_str() == Some("") && !is_null(&b),
        (ValueKind::Undefined, ValueKind::None) => is_null(&a),
        (ValueKind::None, ValueKind::Undefined) => is_null(&b),
        (ValueKind::String, ValueKind::Number) | (ValueKind::Number, ValueKind::String) if cells == Cells::AllText => {
            return Err(mixed(&a, &b));
        }
        _ => a == b,
    })
}

fn is_in(state: &State, a: &Value, b: &Value, cells: Cells) -> Result<bool, Error> {
    if let Some(text) = b.as_str() {
        return match a.kind() {
            ValueKind::String => Ok(a.as_str().is_some_and(|part| text.contains(part))),
            ValueKind::Undefined => Ok(true),
            _ => Err(mixed(a, b)),
        };
    }
    state.consume_fuel(b.len().and_then(|items| u64::try_from(items).ok()).unwrap_or(1))?;
    let mut uncertain = Ok(false);
    for item in b.try_iter()?.checked() {
        match is_equal(state, a, &item?, cells) {
            Ok(false) => {}
            Ok(true) => return Ok(true),
            // Another item may be equal for certain.
            Err(error) => uncertain = Err(error),
        }
    }
    uncertain
}

/// `a < b <= c`: values, with the names of the operators between them as texts.
fn chain(state: &State, parts: &[Value], cells: Cells) -> Result<bool, Error> {
    let mut rest = parts;
    while let [a, op, b, ..] = rest {
        let holds = match op.as_str().unwrap_or_default() {
            "<" => order(state, a, b, cells)?.is_lt(),
            "<=" => order(state, a, b, cells)?.is_le(),
            ">" => order(state, a, b, cells)?.is_gt(),
            ">=" => order(state, a, b, cells)?.is_ge(),
            "==" => is_equal(state, a, b, cells)?,
            "!=" => !is_equal(state, a, b, cells)?,
            "in" => is_in(state, a, b, cells)?,
            _ => !is_in(state, a, b, cells)?,
        };
        if !holds {
            return Ok(false);
        }
        rest = rest.get(2..).unwrap_or_default();
    }
    Ok(true)
}

/// An attribute by its dotted path.
fn attribute(item: &Value, path: &str) -> Value {
    let step = |value: Value, part: &str| match part.parse::<usize>() {
        Ok(index) => value.get_item(&Value::from(index)).unwrap_or_default(),
        Err(_) => value.get_attr(part).unwrap_or_default(),
    };
    path.split('.').fold(item.clone(), step)
}

/// What items are ordered by.
struct Keys {
    paths: Vec<String>,
    is_case_sensitive: bool,
    cells: Cells,
}

impl Keys {
    fn of(given: &Kwargs, cells: Cells) -> Result<Self, Error> {
        let paths = given.get::<Option<Value>>("attribute")?.map(|path| path.to_string()).unwrap_or_default();
        let paths = paths.split(',').map(|path| path.trim().to_owned()).filter(|path| !path.is_empty()).collect();
        let is_case_sensitive = given.get::<Option<bool>>("case_sensitive")?.unwrap_or(false);
        Ok(Self { paths, is_case_sensitive, cells })
    }

    fn folded(&self, key: Value) -> Value {
        match key.as_str() {
            Some(text) if !self.is_case_sensitive => Value::from(text.to_lowercase()),
            _ => key,
        }
    }

    fn of_item(&self, item: &Value) -> Vec<Value> {
        match self.paths.as_slice() {
            [] => vec![self.folded(item.clone())],
            paths => paths.iter().map(|path| self.folded(attribute(item, path))).collect(),
        }
    }

    /// Items with what they are ordered by. Cells of a list of text that are all plainly numbers are ordered as numbers.
    fn keyed(&self, state: &State, items: Vec<Value>) -> Result<Vec<(Vec<Value>, Value)>, Error> {
        charge(state, items.len())?;
        let mut keyed: Vec<(Vec<Value>, Value)> = items.into_iter().map(|item| (self.of_item(&item), item)).collect();
        if self.cells == Cells::AllText {
            for place in 0..self.paths.len().max(1) {
                numbered(state, &mut keyed, place);
            }
        }
        Ok(keyed)
    }
}

/// Makes keys at a place into numbers, where each of them is one or stands for one.
fn numbered(state: &State, keyed: &mut [(Vec<Value>, Value)], place: usize) {
    let number = |key: &Value| if key.kind() == ValueKind::Number { Some(key.clone()) } else { as_number(state, key) };
    let numbers: Option<Vec<Value>> = keyed.iter().map(|(keys, _)| keys.get(place).and_then(number)).collect();
    for ((keys, _), number) in keyed.iter_mut().zip(numbers.into_iter().flatten()) {
        if let Some(key) = keys.get_mut(place) {
            *key = number;
        }
    }
}

/// Takes steps for an ordering of so many items.
fn charge(state: &State, items: usize) -> Result<(), Error> {
    let rounds = usize::BITS - items.leading_zeros();
    let steps = items.saturating_mul(usize::try_from(rounds).unwrap_or(usize::MAX));
    state.consume_fuel(u64::try_from(steps).unwrap_or(u64::MAX))
}

fn items_of(value: &Value) -> Result<Vec<Value>, Error> {
    value.try_iter()?.checked().collect()
}

/// Sorts; the first comparison that mixes kinds is the error.
fn sorted(
    state: &State,
    mut keyed: Vec<(Vec<Value>, Value)>,
    cells: Cells,
    reverse: bool,
) -> Result<Vec<Value>, Error> {
    // What has no order must not come to the sort: it wants a whole one.
    let by_place = |a: &[Value], b: &[Value]| -> Result<Ordering, Error> {
        for (a, b) in a.iter().zip(b) {
            let ordering = order(state, a, b, cells)?;
            if ordering.is_ne() {
                return Ok(ordering);
            }
        }
        Ok(Ordering::Equal)
    };
    for pair in keyed.windows(2) {
        if let [(a, _), (b, _)] = pair {
            a.iter().zip(b).try_for_each(|(a, b)| order(state, a, b, cells).map(drop))?;
        }
    }
    keyed.sort_by(|(a, _), (b, _)| {
        let ordering = by_place(a, b).unwrap_or(Ordering::Equal);
        if reverse { ordering.reverse() } else { ordering }
    });
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

/// `sort(reverse=false, case_sensitive=false, attribute=none)`.
fn sort(state: &State, value: &Value, given: Rest<ValueOrKwargs>, cells: Cells) -> Result<Value, Error> {
    let given = named(given, &["reverse", "case_sensitive", "attribute"])?;
    let reverse = given.get::<Option<bool>>("reverse")?.unwrap_or(false);
    let keys = Keys::of(&given, cells)?;
    given.assert_all_used()?;
    sorted(state, keys.keyed(state, items_of(value)?)?, cells, reverse).map(Value::from)
}

/// `min(case_sensitive=false, attribute=none)`, and `max`: the first of equal ones.
fn extreme(
    state: &State,
    value: &Value,
    given: Rest<ValueOrKwargs>,
    cells: Cells,
    wanted: Ordering,
) -> Result<Value, Error> {
    let given = named(given, &["case_sensitive", "attribute"])?;
    let keys = Keys::of(&given, cells)?;
    given.assert_all_used()?;
    let mut best: Option<(Value, Value)> = None;
    for (keys, item) in keys.keyed(state, items_of(value)?)? {
        let Some(key) = keys.into_iter().next() else { continue };
        match &best {
            Some((known, _)) if order(state, &key, known, cells)? != wanted => {}
            _ => best = Some((key, item)),
        }
    }
    Ok(best.map(|(_, item)| item).unwrap_or_default())
}

/// `dictsort(case_sensitive=false, by="key", reverse=false)`.
fn dictsort(state: &State, value: &Value, given: Rest<ValueOrKwargs>, cells: Cells) -> Result<Value, Error> {
    let given = named(given, &["case_sensitive", "by", "reverse"])?;
    let by = given.get::<Option<String>>("by")?.unwrap_or_else(|| "key".to_owned());
    let place = match by.as_str() {
        "key" => "0",
        "value" => "1",
        _ => return Err(invalid(format!("it sorts by \"key\" or by \"value\", not by {by:?}"))),
    };
    let reverse = given.get::<Option<bool>>("reverse")?.unwrap_or(false);
    let keys = Keys { paths: vec![place.to_owned()], ..Keys::of(&given, cells)? };
    given.assert_all_used()?;
    if value.kind() != ValueKind::Map {
        return Err(invalid(format!("it sorts an object, and this is {}", word(value.kind()))));
    }
    let pair = |key: Value| -> Result<Value, Error> {
        let item = value.get_item(&key)?;
        Ok(Value::from((key, item)))
    };
    let pairs = items_of(value)?.into_iter().map(pair).collect::<Result<Vec<Value>, Error>>()?;
    sorted(state, keys.keyed(state, pairs)?, cells, reverse).map(Value::from)
}

/// `unique(case_sensitive=false, attribute=none)`.
fn unique(state: &State, value: Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    minijinja::filters::unique(state, value, named(given, &["case_sensitive", "attribute"])?)
}

/// `groupby(attribute, default=none, case_sensitive=false)`: it sorts by the attribute before.
fn groupby(state: &State, value: &Value, given: Rest<ValueOrKwargs>, cells: Cells) -> Result<Value, Error> {
    let given = named(given, &["attribute", "default", "case_sensitive"])?;
    let keys = Keys::of(&given, cells)?;
    let items = items_of(value)?;
    let Some(path) = keys.paths.first().cloned() else {
        return Err(Error::from(ErrorKind::MissingArgument));
    };
    let default = given.get::<Option<Value>>("default")?;
    let key = |item: &Value| match (attribute(item, &path), &default) {
        (key, Some(default)) if key.is_undefined() => default.clone(),
        (key, _) => key,
    };
    charge(state, items.len())?;
    for pair in items.windows(2) {
        if let [a, b] = pair {
            order(state, &key(a), &key(b), cells)?;
        }
    }
    minijinja::filters::groupby(Value::from(items), None, given)
}
