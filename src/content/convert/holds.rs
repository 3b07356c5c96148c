//! What the columns of a list hold, as far as that counts for a translation.

use crate::content::cell::JSON_MARK;
use serde_json::Value;

/// What the values of a column are, as far as rows of the list show: several may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Text.
    pub texts: bool,
    /// Numbers.
    pub numbers: bool,
    /// Numbers that are not whole.
    pub fractions: bool,
    /// `true` and `false`.
    pub truths: bool,
    /// `null`.
    pub gaps: bool,
    /// Lists.
    pub lists: bool,
    /// Objects.
    pub objects: bool,
    /// `true`, `false` or a list, within a list or an object.
    pub within: bool,
    /// A list of more than text and numbers.
    pub deep_lists: bool,
    /// An object without anything in it, here or within.
    pub empty_objects: bool,
    /// A list with `null` in it.
    pub gaps_within: bool,
    /// Text of a list of texts, of which every one that there is is plainly a number.
    pub figures: bool,
}

impl Holds {
    /// Takes note of a field, as the table of recipients keeps it.
    pub fn add(&mut self, field: &str) {
        let value = match field.strip_prefix(char::from(JSON_MARK)) {
            None => Value::String(String::new()),
            // What is no JSON after all is text.
            Some(json) => serde_json::from_str(json).unwrap_or_else(|_| Value::String(String::new())),
        };
        self.empty_objects |= has_empty_object(&value);
        match &value {
            Value::Null => self.gaps = true,
            Value::Bool(_) => self.truths = true,
            Value::Number(number) => {
                self.numbers = true;
                self.fractions |= number.is_f64();
            }
            Value::String(_) => self.texts = true,
            Value::Array(items) => {
                self.lists = true;
                self.gaps_within |= items.iter().any(Value::is_null);
                self.deep_lists |= items.iter().any(|item| !(item.is_string() || item.is_number() || item.is_null()));
                self.within |= items.iter().any(is_odd_within);
            }
            Value::Object(object) => {
                self.objects = true;
                self.within |= object.values().any(is_odd_within);
            }
        }
    }

    /// Whether nothing is there but text, numbers and gaps: what prints alike in every engine.
    pub(super) fn is_plain(self) -> bool {
        !(self.truths || self.lists || self.objects)
    }
}

fn has_empty_object(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_empty_object),
        Value::Object(object) => object.is_empty() || object.values().any(has_empty_object),
        _ => false,
    }
}

fn is_odd_within(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Array(_) => true,
        Value::Object(object) => object.values().any(is_odd_within),
        _ => false,
    }
}

/// What the list is that a template is translated for. Other engines print and ask values of JSON otherwise than ours does.
#[derive(Clone, Copy, Debug)]
pub enum Cells<'a> {
    /// There is none, or nothing is known of it.
    Unknown,
    /// All cells are text (CSV, workbooks), and an empty one says that there is no value.
    Text,
    /// The same, and these columns, in their order, hold numbers alone. Other engines had them as numbers.
    Figures(&'a [bool]),
    /// A list of JSON: what its columns hold, in their order.
    Typed(&'a [Holds]),
}
