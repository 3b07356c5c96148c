//! What stands in a value of a JSON list: read from JSON to the last digit, and taken out of lists and objects.
//!
//! Guarantees: a `null` that is taken out of a list or an object is nothing, as one that is a cell by itself: it prints as
//! nothing, and is undefined for `default` and `is defined`. Printed as a whole, a list or an object is as Python prints it.
//! Whole numbers print as they stand, however long they are.

use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;

/// A run of digits from which a number may be longer than 64 bits.
const LONG_DIGITS: usize = 19;

/// The value of a JSON text that was read as JSON before.
pub(crate) fn of_json(json: &[u8]) -> Value {
    let value = match has_long_number(json) {
        true => std::str::from_utf8(json).ok().and_then(exact),
        false => serde_json::from_slice(json).ok(),
    };
    value.unwrap_or(Value::UNDEFINED)
}

fn has_long_number(json: &[u8]) -> bool {
    let mut run = 0;
    json.iter().any(|octet| {
        run = if octet.is_ascii_digit() { run + 1 } else { 0 };
        run >= LONG_DIGITS
    })
}

/// With whole numbers beyond 64 bits, which `serde_json` by itself makes into fractions.
fn exact(json: &str) -> Option<Value> {
    match json.as_bytes().first()? {
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
            items.into_iter().map(|item| exact(item.get())).collect::<Option<Vec<Value>>>().map(Value::from)
        }
        b'{' => {
            let Pairs(pairs) = serde_json::from_str(json).ok()?;
            let pair = |(key, value): (String, Box<RawValue>)| Some((key, exact(value.get())?));
            let pairs = pairs.into_iter().map(pair).collect::<Option<Vec<_>>>()?;
            Some(Value::from_pairs(pairs))
        }
        b'-' | b'0'..=b'9' => Some(number(json.trim())),
        _ => serde_json::from_str(json).ok(),
    }
}

fn number(digits: &str) -> Value {
    let whole = digits.parse::<i64>().map(Value::from).or_else(|_| digits.parse::<i128>().map(Value::from));
    let is_whole = digits.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let fraction = || digits.parse::<f64>().ok().filter(|number| number.is_finite() && !is_whole).map(Value::from);
    whole.ok().or_else(fraction).unwrap_or_else(|| Value::from_object(Digits(digits.to_owned())))
}

/// The keys and values of an object, in their order.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut all = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    all.push(pair);
                }
                Ok(Pairs(all))
            }
        }
        from.deserialize_map(All)
    }
}

/// A number of more digits than are computed with: it can be printed.
struct Digits(String);

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Object for Digits {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value of a row as templates have it: `nothing` stands for `null`, here and within.
pub(crate) fn within(value: Value, nothing: &Value) -> Value {
    match value.kind() {
        ValueKind::None => nothing.clone(),
        ValueKind::Map | ValueKind::Seq => Value::from_object(Nested { inner: value, nothing: nothing.clone() }),
        _ => value,
    }
}

/// A list or an object of JSON.
struct Nested {
    inner: Value,
    nothing: Value,
}

impl fmt::Debug for Nested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl Object for Nested {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.inner.kind() == ValueKind::Map { ObjectRepr::Map } else { ObjectRepr::Seq }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let found = self.inner.get_item(key).ok().filter(|found| !found.is_undefined())?;
        Some(within(found, &self.nothing))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.repr() {
            ObjectRepr::Map => Enumerator::Values(self.inner.try_iter().map(Iterator::collect).unwrap_or_default()),
            _ => Enumerator::Seq(self.inner.len().unwrap_or(0)),
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        self.inner.len()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.inner, f)
    }
}
