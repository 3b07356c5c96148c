//! Events as lines of the log, for who looks at a run without an event log of its own: at the debug level.
//!
//! Guarantees: a line says what the event log's does, in its order, without what each line of a log has anyway.
//! Leaves to others: escaping, which `json` has done.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::fmt::{self, Write as _};

/// The fields of an event, in order.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(InOrder)
    }
}

/// The event for people; `None`: it is none.
pub(super) fn line(json: &[u8]) -> Option<String> {
    let Fields(fields) = serde_json::from_slice(json).ok()?;
    let mut text = fields.iter().find(|(name, _)| name == "event")?.1.as_str()?.replace('_', " ");
    for (name, value) in &fields {
        let _ = match value {
            _ if matches!(name.as_str(), "event" | "time" | "campaign") => continue,
            Value::String(said) if said.is_empty() || said.contains(' ') => write!(text, " {name}={said:?}"),
            Value::String(said) => write!(text, " {name}={said}"),
            value => write!(text, " {name}={value}"),
        };
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_the_order_and_leaves_out_what_a_log_has() {
        let json = br#"{"time":"2026-01-01T00:00:00.000Z","campaign":"w","event":"site_paused","site":"mx.a.example","code":451,"text":"4.7.1 later"}"#;
        assert_eq!(line(json).unwrap(), "site paused site=mx.a.example code=451 text=\"4.7.1 later\"");
        assert_eq!(line(b"torn"), None);
    }
}
