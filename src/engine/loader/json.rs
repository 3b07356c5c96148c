//! One line of a JSONL list: an object, whose wanted values become fields.
//!
//! A string is its characters; every other value is [`JSON_MARK`] and the JSON as it was written (`19.90` stays so), so that
//! templates know what it is; a missing key is empty. The first wanted value is the address: an object or array there is
//! refused; what is not wanted is skipped; of two equal keys the last counts.
//! Nesting is bounded by serde_json.

use crate::content::JSON_MARK;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Which of the wanted values is the address.
const ADDRESS: usize = 0;

/// Reads the values of `names` into `scratch`; `fields` says where each lies. The error is the reason to reject.
pub fn fields(
    line: &[u8],
    names: &[String],
    scratch: &mut Vec<u8>,
    fields: &mut Vec<(u32, u32)>,
) -> Result<(), String> {
    scratch.clear();
    fields.clear();
    fields.resize(names.len(), (0, 0));
    read(line, Wanted { names, scratch, fields }).map_err(|e| reason(&e))
}

/// All keys of an object; none if it is no object.
pub fn keys(line: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    if read(line, Keys(&mut names)).is_err() {
        names.clear();
    }
    names
}

fn read<'a, S: DeserializeSeed<'a>>(line: &'a [u8], seed: S) -> Result<S::Value, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(line);
    let value = seed.deserialize(&mut from)?;
    from.end()?;
    Ok(value)
}

/// serde_json's message without its "at line 1": the line is the list's. A key of the list may be quoted in it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("not usable JSON: {text} (column {})", error.column())
}

struct Wanted<'x> {
    names: &'x [String],
    scratch: &'x mut Vec<u8>,
    fields: &'x mut Vec<(u32, u32)>,
}

impl<'de> DeserializeSeed<'de> for Wanted<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Text)? {
            let Some(place) = self.names.iter().position(|name| *name == *key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?.get();
            let from = self.scratch.len() as u32;
            match raw.as_bytes() {
                [b'{' | b'[', ..] if place == ADDRESS => {
                    return Err(A::Error::custom(format_args!("{key:?} is not a plain value")));
                }
                b"null" if place == ADDRESS => {}
                [b'"', text @ .., b'"'] if memchr::memchr(b'\\', text).is_none() => {
                    self.scratch.extend_from_slice(text)
                }
                [b'"', ..] => {
                    let text: String = serde_json::from_str(raw).map_err(A::Error::custom)?;
                    if text.as_bytes().first() == Some(&JSON_MARK) {
                        return Err(A::Error::custom(format_args!("{key:?} has a NUL character")));
                    }
                    self.scratch.extend_from_slice(text.as_bytes());
                }
                json => {
                    if place != ADDRESS {
                        self.scratch.push(JSON_MARK);
                    }
                    self.scratch.extend_from_slice(json);
                }
            }
            // A column may be wanted twice: as the address, and as it stands there.
            for (field, _) in self.fields.iter_mut().zip(self.names).skip(place).filter(|(_, name)| **name == *key) {
                *field = (from, self.scratch.len() as u32);
            }
        }
        Ok(())
    }
}

struct Keys<'x>(&'x mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Text)? {
            self.0.push(key.into_owned());
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// A string, borrowed when it has no escapes.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
