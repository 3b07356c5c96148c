//! How a value is made harmless where it is placed: in HTML, in a URL, or as it is.

use minijinja::value::Value;
use minijinja::{AutoEscape, Error, Output, State, escape_formatter};

/// Where the values of a template end up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Plain text: as it is.
    Plain,
    /// HTML text or a quoted attribute.
    Html,
    /// The inside of a text in JSON.
    Json,
    /// A component of a URL: all but the unreserved characters (RFC 3986 §2.3) as `%XX`.
    Url,
}

impl Escape {
    /// Whether `value` would come out as it is.
    pub(crate) fn leaves(self, value: &str) -> bool {
        match self {
            Self::Plain => true,
            // All octets are looked at, several at once: nearly all values are short and have none.
            Self::Html => value.bytes().fold(true, |plain, b| plain & !matches!(b, b'<' | b'>' | b'&' | b'"' | b'\'')),
            Self::Json => !value.chars().any(|c| c.is_control() || matches!(c, '"' | '\\')),
            Self::Url => value.bytes().all(unreserved),
        }
    }

    /// Appends `value`, escaped.
    pub(crate) fn write(self, value: &str, out: &mut String) {
        // Writing to a String cannot fail.
        let _ = self.write_to(value, out);
    }

    fn write_to(self, value: &str, out: &mut impl std::fmt::Write) -> std::fmt::Result {
        match self {
            Self::Plain => out.write_str(value),
            _ if self.leaves(value) => out.write_str(value),
            Self::Html => value.chars().try_for_each(|c| match c {
                '<' => out.write_str("&lt;"),
                '>' => out.write_str("&gt;"),
                '&' => out.write_str("&amp;"),
                '"' => out.write_str("&#34;"),
                '\'' => out.write_str("&#39;"),
                c => out.write_char(c),
            }),
            Self::Json => value.chars().try_for_each(|c| match c {
                '"' | '\\' => write!(out, "\\{c}"),
                c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)),
                c => out.write_char(c),
            }),
            Self::Url => value.bytes().try_for_each(|b| match b {
                b if unreserved(b) => out.write_char(char::from(b)),
                b => write!(out, "%{b:02X}"),
            }),
        }
    }

    /// The name by which minijinja hands this back to [`format`].
    pub(crate) fn auto(self) -> AutoEscape {
        match self {
            Self::Plain => AutoEscape::None,
            Self::Html => AutoEscape::Html,
            Self::Json => AutoEscape::Custom("json".into()),
            Self::Url => AutoEscape::Custom("url".into()),
        }
    }
}

fn unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~')
}

/// minijinja's formatter: like its own, but a `/` stays a `/` in HTML, and URLs have an escape of their own.
pub(crate) fn format(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return escape_formatter(out, state, value);
    }
    let escape = match state.auto_escape() {
        AutoEscape::Html if !value.is_undefined() => Escape::Html,
        AutoEscape::Custom(name) if name == "json" => Escape::Json,
        AutoEscape::Custom(_) => Escape::Url,
        _ => return escape_formatter(out, state, value),
    };
    match value.as_str() {
        Some(text) => escape.write_to(text, out),
        None => escape.write_to(&value.to_string(), out),
    }
    .map_err(Error::from)
}
