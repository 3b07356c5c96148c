//! The values of a row as a template reads them: under one name for each way that a column is read in.

use super::cell::{self, ColumnType};
use super::filters::NUMBERS;
use super::locale::Locality;
use super::names::Name;
use super::nested;
use super::template::Values;
use minijinja::value::{Object, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use std::sync::{Arc, LazyLock};

/// In which way a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum As {
    /// As it stands in the list.
    Text,
    /// As a number, whatever its column is.
    Number,
    /// As what its column holds.
    Any,
    /// The same for what has items or methods: where there is nothing, that is a text without a character.
    Items,
}

/// A name of a template, and what it reads.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) id: Box<str>,
    pub(crate) name: Name,
    pub(crate) wanted: As,
    /// Whether it is asked if there is anything at all (`default`, `is defined`).
    pub(crate) given: bool,
    /// What the column was declared to be.
    pub(crate) kind: Option<ColumnType>,
    /// What the column is called.
    pub(crate) label: Box<str>,
}

/// Where the locale of a row is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LocaleOf {
    /// Nowhere.
    Nobody,
    /// It is the same for all.
    Campaign(Locality),
    /// In a column.
    Row(Name),
}

impl LocaleOf {
    fn of(self, values: &Values) -> Option<Locality> {
        match self {
            Self::Nobody => None,
            Self::Campaign(locale) => Some(locale),
            Self::Row(name) => Locality::of(values.get(name)),
        }
    }
}

/// What all rows of a campaign have in common.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) locale: LocaleOf,
    /// Whether each cell of the list is text, also one that is a number of a workbook: it prints and compares as that.
    pub(crate) cells_are_text: bool,
    /// Whether an empty cell is text like another.
    pub(crate) empty_is_text: bool,
    /// Stands for `null`: it is undefined, and told from what is missing by [`is_null`].
    pub(crate) nothing: Value,
}

impl Reading {
    pub(crate) fn new(cells_are_text: bool) -> Self {
        // An undefined value that may be printed is what Jinja2 makes of an `if` without `else`.
        let nothing = Environment::new().compile_expression("1 if false").and_then(|nothing| nothing.eval(()));
        Self { locale: LocaleOf::Nobody, cells_are_text, empty_is_text: false, nothing: nothing.unwrap_or_default() }
    }
}

/// Whether an undefined value is the one that stands for `null`: where nothing else undefined may be printed, that may.
pub(crate) fn is_null(value: &Value) -> bool {
    static STRICT: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut strict = Environment::new();
        strict.set_undefined_behavior(UndefinedBehavior::Strict);
        strict
    });
    value.is_none() || value.is_undefined() && STRICT.empty_state().format(value.clone()).is_ok()
}

impl Binding {
    /// What it reads in a row.
    fn value(&self, values: &Values, reading: &Reading) -> Value {
        let text = values.get(self.name);
        let is_absent = text.is_empty() && !reading.empty_is_text;
        if self.given && is_absent {
            return Value::UNDEFINED;
        }
        match self.wanted {
            As::Text => Value::from(text),
            As::Number if text.trim().is_empty() => self.wrong("is empty, and a number is needed".to_owned()),
            As::Number => self.number(text, values, reading),
            As::Items if text.is_empty() => Value::from(""),
            As::Any | As::Items => self.any(text, values, reading),
        }
    }

    fn number(&self, text: &str, values: &Values, reading: &Reading) -> Value {
        let is_number = values.field(self.name).is_some_and(cell::is_number_by_itself);
        let locale = if is_number { None } else { reading.locale.of(values) };
        cell::number(text.trim(), locale).unwrap_or_else(|| self.wrong(format!("is no number: {}", written(text))))
    }

    fn any(&self, text: &str, values: &Values, reading: &Reading) -> Value {
        let Some(field) = values.field(self.name) else { return Value::from(text) };
        if field.is_empty() {
            return if reading.empty_is_text { Value::from("") } else { Value::UNDEFINED };
        }
        if self.kind.is_none() && reading.cells_are_text {
            return Value::from(text);
        }
        match cell::as_kind(field, self.kind, reading.locale.of(values)) {
            Ok(value) => nested::within(value, &reading.nothing),
            Err(why) => self.wrong(format!("is {why}: {}", written(text))),
        }
    }

    /// A value that fails where it is read.
    fn wrong(&self, what: String) -> Value {
        Value::from(Error::new(ErrorKind::InvalidOperation, format!("`{}` {what}", self.label)))
    }
}

/// A cell that is not what it should be, and where it would be a number.
fn written(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    match cell::locale_of_number(text) {
        Some(locale) => format!("{shown:?}, which is one with locale = {locale:?}"),
        None => format!("{shown:?}"),
    }
}

/// A row as minijinja sees it.
#[derive(Debug)]
pub(crate) struct Row {
    bindings: Arc<[Binding]>,
    values: Vec<Value>,
    /// Texts of its cells that are numbers by themselves, and that a locale might read as others.
    numbers: Option<Value>,
}

impl Row {
    pub(crate) fn new(bindings: &Arc<[Binding]>, values: &Values, reading: &Reading) -> Self {
        let all = bindings.iter().map(|binding| binding.value(values, reading)).collect();
        let mut numbers = values.fields.iter().filter_map(|field| cell::misread_number(field)).peekable();
        let numbers = numbers.peek().is_some().then(|| numbers.map(Value::from).collect());
        Self { bindings: bindings.clone(), values: all, numbers }
    }
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == NUMBERS {
            return self.numbers.clone();
        }
        let place = self.bindings.iter().position(|binding| *binding.id == *key)?;
        self.values.get(place).cloned()
    }
}
