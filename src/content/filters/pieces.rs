//! What a value is made of: the parts of a text, its letters, the values of an object.
//!
//! Guarantees: of what is not there, or is of another kind, there are none.

use minijinja::Error;
use minijinja::value::{Value, ValueKind};
use std::sync::Arc;

/// `{{ tags | parts(",") }}`: what stands between the separators of a text, without the empty parts at its end, so that an
/// empty text has none. Without a separator its words, with an empty one its characters.
///
/// # Errors
/// None: a value of another kind is taken as it is printed.
pub(crate) fn parts(value: &Value, separator: Option<&str>) -> Result<Value, Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let part = |part: &str| match value.is_safe() {
        true => Value::from_safe_string(part.to_owned()),
        false => Value::from(part),
    };
    let mut parts: Vec<Value> = match separator {
        None => text.split_whitespace().map(part).collect(),
        Some("") => text.chars().map(|c| part(c.encode_utf8(&mut [0; 4]))).collect(),
        Some(separator) => text.split(separator).map(part).collect(),
    };
    while parts.last().is_some_and(|last| last.as_str() == Some("")) {
        parts.pop();
    }
    Ok(Value::from(parts))
}

/// `{% for item in cart | values %}`: the items of a list, or the values of an object in their order.
///
/// # Errors
/// An object whose keys cannot be had.
pub(crate) fn values(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Map => {
            let values = value.try_iter()?.checked().map(|key| key.and_then(|key| value.get_item(&key)));
            values.collect::<Result<Vec<Value>, Error>>().map(Value::from)
        }
        ValueKind::Seq | ValueKind::Iterable => Ok(value.clone()),
        _ => Ok(Value::from(Vec::<Value>::new())),
    }
}

/// `{% for key, item in cart | pairs %}`: each item of a list with its place, from 0, or each value of an object with its key.
///
/// # Errors
/// An object whose keys cannot be had.
pub(crate) fn pairs(value: &Value) -> Result<Value, Error> {
    let pair = |key: Value, value: Value| Value::from(vec![key, value]);
    let pairs: Result<Vec<Value>, Error> = match value.kind() {
        ValueKind::Map => {
            let one = |key: Value| value.get_item(&key).map(|value| pair(key, value));
            value.try_iter()?.checked().map(|key| key.and_then(one)).collect()
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter()?.checked().enumerate();
            items.map(|(place, item)| item.map(|item| pair(Value::from(place), item))).collect()
        }
        _ => Ok(Vec::new()),
    };
    pairs.map(Value::from)
}

/// `__letters` of templates: a text as its letters, of which `loop` knows how many there are; another value as it is.
pub(crate) fn letters(value: &Value) -> Value {
    let Some(text) = value.as_str() else { return value.clone() };
    let (text, count): (Arc<str>, usize) = (text.into(), text.chars().count());
    Value::make_iterable(move || Letters { text: Arc::clone(&text), at: 0, left: count })
}

/// The letters of a text behind an octet.
struct Letters {
    text: Arc<str>,
    at: usize,
    left: usize,
}

impl Iterator for Letters {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let letter = self.text.get(self.at..)?.chars().next()?;
        self.at += letter.len_utf8();
        self.left = self.left.saturating_sub(1);
        Some(Value::from(&*letter.encode_utf8(&mut [0; 4])))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}
