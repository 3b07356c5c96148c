//! What templates can do with a value: the filters, tests and functions of Jinja2 that minijinja does not bring, those that
//! letters need (dates, money, numbers, plurals by locale), and Python's methods of text.
//!
//! Guarantees: the same value and the same locale give the same text, on every machine and at any time. An empty value
//! comes out empty. Leaves to others: escaping.

pub(crate) mod dates;
pub(crate) mod methods;
pub(crate) mod numbers;
pub(crate) mod order;
mod pieces;
mod words;

use super::cell;
use super::locale::Locality;
use super::template::RENDERED_MAX;
use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, State};

/// Under this name a template knows the locale of its row.
pub(crate) const LOCALE: &str = "__locale";
/// Under this name it knows the texts of its cells that are numbers by themselves, and that a locale might read as others.
pub(crate) const NUMBERS: &str = "__numbers";

/// What a filter takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A value of any kind, as it is.
    Any,
    /// What has items or a length.
    Items,
}

/// What a filter gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Text,
    Number,
    Any,
}

/// Every filter, with what it takes and gives.
pub(crate) const FILTERS: [(&str, Takes, Gives); 73] = {
    use Gives as G;
    use Takes as T;
    [
        ("__absolute", T::Text, G::Text),
        ("__absolute_set", T::Text, G::Text),
        ("__beside", T::Text, G::Text),
        ("__lowered", T::Text, G::Text),
        ("__marked", T::Text, G::Text),
        ("__raised", T::Text, G::Text),
        ("__struck", T::Text, G::Text),
        ("abs", T::Number, G::Number),
        ("add_query", T::Text, G::Text),
        ("attr", T::Items, G::Any),
        ("batch", T::Items, G::Any),
        ("bool", T::Any, G::Any),
        ("capitalize", T::Text, G::Text),
        ("center", T::Text, G::Text),
        ("chain", T::Items, G::Any),
        ("count", T::Items, G::Number),
        ("d", T::Any, G::Any),
        ("date", T::Any, G::Text),
        ("default", T::Any, G::Any),
        ("dictsort", T::Items, G::Any),
        ("e", T::Text, G::Text),
        ("escape", T::Text, G::Text),
        ("filesizeformat", T::Number, G::Text),
        ("first", T::Items, G::Any),
        ("float", T::Any, G::Number),
        ("forceescape", T::Text, G::Text),
        ("format", T::Text, G::Text),
        ("groupby", T::Items, G::Any),
        ("indent", T::Text, G::Text),
        ("int", T::Any, G::Number),
        ("items", T::Items, G::Any),
        ("join", T::Items, G::Text),
        ("last", T::Items, G::Any),
        ("length", T::Items, G::Number),
        ("lines", T::Text, G::Any),
        ("list", T::Items, G::Any),
        ("lower", T::Text, G::Text),
        ("map", T::Items, G::Any),
        ("max", T::Items, G::Any),
        ("min", T::Items, G::Any),
        ("money", T::Any, G::Text),
        ("number", T::Any, G::Text),
        ("pairs", T::Items, G::Any),
        ("parts", T::Text, G::Any),
        ("plural", T::Any, G::Text),
        ("pluralize", T::Any, G::Text),
        ("pprint", T::Items, G::Text),
        ("reject", T::Items, G::Any),
        ("rejectattr", T::Items, G::Any),
        ("replace", T::Text, G::Text),
        ("reverse", T::Items, G::Any),
        ("round", T::Number, G::Number),
        ("safe", T::Text, G::Text),
        ("select", T::Items, G::Any),
        ("selectattr", T::Items, G::Any),
        ("slice", T::Items, G::Any),
        ("sort", T::Items, G::Any),
        ("split", T::Text, G::Any),
        ("string", T::Text, G::Text),
        ("striptags", T::Text, G::Text),
        ("sum", T::Items, G::Number),
        ("title", T::Text, G::Text),
        ("tojson", T::Any, G::Text),
        ("trim", T::Text, G::Text),
        ("truncate", T::Text, G::Text),
        ("unique", T::Items, G::Any),
        ("upper", T::Text, G::Text),
        ("urlencode", T::Items, G::Text),
        ("values", T::Items, G::Any),
        ("wordcount", T::Text, G::Number),
        ("wordwrap", T::Text, G::Text),
        ("xmlattr", T::Any, G::Text),
        ("zip", T::Items, G::Any),
    ]
};

/// Every test.
pub(crate) const TESTS: [&str; 36] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "escaped",
    "even",
    "false",
    "filter",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// Gives `env` all of it.
pub(crate) fn register(env: &mut Environment<'static>, cells: order::Cells) {
    env.add_filter("__absolute", super::page::live::absolute);
    env.add_filter("__absolute_set", super::page::live::absolute_set);
    env.add_filter("__beside", super::page::live::beside);
    env.add_filter("__lowered", super::page::text::forms::lowered);
    env.add_filter("__letters", pieces::letters);
    env.add_filter("__marked", super::page::live::marked);
    env.add_filter("__raised", super::page::text::forms::raised);
    env.add_filter("__struck", super::page::text::forms::struck);
    env.add_filter("add_query", super::page::live::add_query);
    env.add_filter("bool", truth);
    env.add_filter("date", dates::date);
    env.add_filter("money", numbers::money);
    env.add_filter("number", numbers::number);
    env.add_filter("plural", numbers::plural);
    env.add_filter("round", numbers::round);
    env.add_filter("pairs", pieces::pairs);
    env.add_filter("parts", pieces::parts);
    env.add_filter("values", pieces::values);
    env.add_filter("truncate", words::truncate);
    env.add_filter("wordwrap", words::wordwrap);
    env.add_filter("wordcount", words::wordcount);
    env.add_filter("center", words::center);
    env.add_filter("escape", words::escape);
    env.add_filter("e", words::escape);
    env.add_filter("forceescape", words::forceescape);
    env.add_filter("xmlattr", words::xmlattr);
    env.add_filter("pluralize", numbers::pluralize);
    env.add_filter("filesizeformat", minijinja_contrib::filters::filesizeformat);
    env.add_filter("striptags", words::striptags);
    env.add_filter("indent", words::indent);
    env.add_filter("tojson", words::tojson);
    env.add_function("cycler", |items: Rest<Value>| minijinja_contrib::globals::cycler(items.0));
    env.add_function("joiner", minijinja_contrib::globals::joiner);
    env.set_unknown_method_callback(methods::call);
    order::register(env, cells);
}

/// An error where so many octets would be made of a row.
fn bounded(octets: usize) -> Result<(), Error> {
    match octets > RENDERED_MAX {
        true => Err(invalid(format!("the text would be longer than {RENDERED_MAX} octets"))),
        false => Ok(()),
    }
}

/// The locale that an argument names, else that of the row, else the usual one.
fn locale_of(state: &State, named: Option<&str>) -> Result<Locality, Error> {
    let of_row;
    let name = match named {
        Some(name) => name,
        None => match state.lookup(LOCALE) {
            Some(value) => {
                of_row = value;
                of_row.as_str().unwrap_or_default()
            }
            None => "",
        },
    };
    if name.is_empty() {
        return Ok(Locality::usual());
    }
    Locality::of(name).ok_or_else(|| invalid(format!("the locale `{}` is not known", name.escape_debug())))
}

/// The locale among the named arguments, and that there are no others.
fn locale_in(state: &State, kwargs: &Kwargs) -> Result<Locality, Error> {
    let locale = locale_of(state, kwargs.get::<Option<&str>>("locale")?)?;
    kwargs.assert_all_used()?;
    Ok(locale)
}

/// The locale that the campaign or the row names.
fn locale_of_row(state: &State) -> Option<Locality> {
    state.lookup(LOCALE).and_then(|name| Locality::of(name.as_str()?))
}

/// Whether a text is that of a cell which is a number by itself, of a workbook or of JSON: its point is none of thousands.
fn is_number_of_row(state: &State, text: &str) -> bool {
    let is_it = |numbers: Value| {
        numbers.try_iter().is_ok_and(|numbers| numbers.into_iter().any(|number| number.as_str() == Some(text)))
    };
    cell::is_misread(text) && state.lookup(NUMBERS).is_some_and(is_it)
}

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what.into())
}

/// Arguments in their order and by name, as Python takes them: all by name.
fn named(given: Rest<ValueOrKwargs>, names: &[&str]) -> Result<Kwargs, Error> {
    let (places, by_name) = parted(given);
    if places.len() > names.len() {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let mut all: Vec<(String, Value)> = names.iter().map(|name| (*name).to_owned()).zip(places).collect();
    if let Some(by_name) = by_name {
        for name in by_name.args() {
            all.push((name.to_owned(), by_name.get::<Value>(name)?));
        }
    }
    Ok(all.into_iter().collect())
}

/// Arguments in their order, and those by name.
fn parted(given: Rest<ValueOrKwargs>) -> (Vec<Value>, Option<Kwargs>) {
    let mut places: Vec<Value> = given.0.into_iter().map(ValueOrKwargs::into_value).collect();
    let last = places.last().filter(|last| last.kind() == ValueKind::Map).cloned();
    let by_name = last.and_then(|last| Kwargs::try_from(last).ok());
    if by_name.is_some() {
        places.pop();
    }
    (places, by_name)
}

/// What a text says, yes or no, and a number unless it is zero; of other values whether there is anything in them.
fn truth(value: &Value) -> Result<bool, Error> {
    let Some(text) = value.as_str().filter(|_| !is_empty(value)) else {
        return Ok(!is_empty(value) && value.is_true());
    };
    let number = || cell::number(text.trim(), None).map(|number| number.is_true());
    cell::truth_of(text).or_else(number).ok_or_else(|| {
        invalid(format!("{:?} is neither true nor false (yes/no, on/off, 1/0, ja/nein, oui/non)", shown(value)))
    })
}

/// The front of a value, for people.
fn shown(value: &Value) -> String {
    value.to_string().chars().take(40).collect()
}

/// Whether there is nothing to write.
fn is_empty(value: &Value) -> bool {
    value.is_none() || value.is_undefined() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

#[cfg(test)]
mod tests;
