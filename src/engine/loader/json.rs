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

/// The names beside `name` in pairs of names that mean one column.
pub fn others_of<'a>(name: &'a str, aliases: &'a [(String, String)]) -> impl Iterator<Item = &'a str> {
    aliases.iter().filter_map(move |(called, column)| match name {
        name if name == called => Some(column.as_str()),
        name if name == column => Some(called.as_str()),
        _ => None,
    })
}

/// Reads the values of `names` into `scratch`; `fields` says where each lies. A value under another name of its column (by
/// `aliases`) counts where there is none under its own. The error is the reason to reject.
pub fn fields(
    line: &[u8],
    (names, aliases): (&[String], &[(String, String)]),
    scratch: &mut Vec<u8>,
    fields: &mut Vec<(u32, u32)>,
) -> Result<(), String> {
    scratch.clear();
    fields.clear();
    fields.resize(names.len(), (0, 0));
    read(line, Wanted { names, aliases, scratch, fields }).map_err(|e| reason(&e))
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
    aliases: &'x [(String, String)],
    scratch: &'x mut Vec<u8>,
    fields: &'x mut Vec<(u32, u32)>,
}

impl Wanted<'_> {
    /// Which of the wanted values that are not there yet has this other name.
    fn by_other_name(&self, key: &str) -> Option<usize> {
        let is_open = |place: usize| self.fields.get(place) == Some(&(0, 0));
        others_of(key, self.aliases)
            .find_map(|other| self.names.iter().position(|name| name == other))
            .filter(|at| is_open(*at))
    }
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
            let place = self.names.iter().position(|name| *name == *key).or_else(|| self.by_other_name(&key));
            let Some(place) = place else {
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
            let wanted = self.names.get(place);
            // A column may be wanted twice: as the address, and as it stands there.
            for (field, _) in
                self.fields.iter_mut().zip(self.names).skip(place).filter(|(_, name)| Some(*name) == wanted)
            {
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
