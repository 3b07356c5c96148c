//! Liquid's filters in our words.
//!
//! Guarantees: what is written gives the same text for text and numbers as Liquid's own. Leaves to others: filters of shops
//! (`money`, `img_url`) and `escape_once`: they are told.

use super::expr::{Kind, Value};

/// Filters without arguments, and ours.
const PLAIN: [(&str, &str); 26] = [
    ("abs", "abs"),
    ("capitalize", "capitalize"),
    ("compact", "select(\"defined\")|reject(\"none\")|list"),
    ("downcase", "lower"),
    ("escape", "e"),
    ("first", "first"),
    ("h", "e"),
    ("json", "tojson"),
    ("last", "last"),
    ("length", "length"),
    ("lower", "lower"),
    ("reverse", "reverse|list"),
    ("size", "length"),
    ("sort", "sort(case_sensitive=true)"),
    ("sort_natural", "sort"),
    ("strip", "trim"),
    ("strip_html", "striptags"),
    ("sum", "sum"),
    ("title", "title"),
    ("titleize", "title"),
    ("titlecase", "title"),
    ("trim", "trim"),
    ("uniq", "unique(case_sensitive=true)|list"),
    ("upcase", "upper"),
    ("upper", "upper"),
    ("urlencode", "urlencode"),
];

/// Those of them that are about items.
const OF_ITEMS: [&str; 10] =
    ["compact", "first", "last", "length", "reverse", "size", "sort", "sort_natural", "sum", "uniq"];

/// Filters that give items.
const GIVING_ITEMS: [&str; 9] =
    ["compact", "concat", "map", "reverse", "sort", "sort_natural", "split", "uniq", "where"];

/// What is worth knowing of a filter: what it does otherwise here, as far as only a row can tell.
pub(super) fn aside(filter: &str, value: &Value, args: &[Value]) -> Option<&'static str> {
    match (filter, args) {
        ("divided_by", [by]) if matches!(by.kind, Kind::Number(true)) && !matches!(value.kind, Kind::Number(true)) => {
            Some(
                "divided_by with a whole number drops what is behind the point, as Liquid does of whole numbers only: \
                 write / instead of // where there are others",
            )
        }
        ("default", [_]) if value.kind == Kind::Loose => {
            Some("0 counts as nothing for this default here, and as something in Liquid")
        }
        ("strip_html", []) => {
            Some("strip_html leaves blanks and line breaks as they are in Liquid, and makes one blank of several here")
        }
        _ => None,
    }
}

/// A value behind a filter.
///
/// # Errors
/// Why there is no translation.
pub(super) fn apply(filter: &str, value: &Value, args: &[Value]) -> Result<Value, String> {
    if let (Some((_, ours)), []) = (PLAIN.iter().find(|(theirs, _)| *theirs == filter), args) {
        let is_text = value.kind == Kind::Text || matches!(filter, "size" | "length" | "first" | "last");
        let base = if OF_ITEMS.contains(&filter) && !is_text { value.items() } else { value.closed() };
        return Ok(of_kind(filter, filtered(format!("{base}|{ours}"))));
    }
    let of_text = text(filter, value, args);
    let made = of_text.or_else(|| number(filter, value, args)).or_else(|| items(filter, value, args));
    made.unwrap_or_else(|| {
        Err(match args.is_empty() {
            true => format!("there is no filter `{filter}` here"),
            false => format!("there is no filter `{filter}` with these arguments here"),
        })
    })
    .map(|made| of_kind(filter, made))
}

fn of_kind(filter: &str, made: Value) -> Value {
    if GIVING_ITEMS.contains(&filter) { Value { kind: Kind::Items, ..made } } else { made }
}

/// What comes of a chain of filters.
fn filtered(code: String) -> Value {
    // A filter may stand behind another one without brackets.
    Value::other(code)
}

fn text(filter: &str, value: &Value, args: &[Value]) -> Option<Result<Value, String>> {
    let base = value.closed();
    let code = match (filter, args) {
        ("default", [other]) if value.kind == Kind::Column => format!("{}|default({})", value.code, other.code),
        ("default", [other]) if value.kind == Kind::Loose => format!("{}|default({}, true)", value.code, other.code),
        ("default", [other]) => format!("{base}|default({}, true)", other.code),
        ("append", [other]) => return Some(Ok(Value::long(format!("{base} ~ {}", other.closed())))),
        ("prepend", [other]) => return Some(Ok(Value::long(format!("{} ~ {base}", other.closed())))),
        ("replace", [from, to]) => format!("{base}|replace({}, {})", from.code, to.code),
        ("replace_first", [from, to]) => format!("({base}|string).replace({}, {}, 1)", from.code, to.code),
        ("remove", [what]) => format!("{base}|replace({}, \"\")", what.code),
        ("remove_first", [what]) => format!("({base}|string).replace({}, \"\", 1)", what.code),
        ("lstrip", []) => format!("({base}|string).lstrip()"),
        ("rstrip", []) => format!("({base}|string).rstrip()"),
        ("strip_newlines", []) => format!("{base}|replace(\"\\n\", \"\")"),
        ("newline_to_br", []) => format!("{base}|e|replace(\"\\n\", \"<br />\\n\")|safe"),
        // A blank is a plus in Liquid, and a slash is encoded.
        ("url_encode", []) => format!("{base}|urlencode|replace(\"/\", \"%2F\")|replace(\"%20\", \"+\")"),
        ("truncate", []) => format!("{base}|truncate(50, true, \"...\", 0)"),
        ("truncate", [length]) => format!("{base}|truncate({}, true, \"...\", 0)", length.code),
        ("truncate", [length, end]) => format!("{base}|truncate({}, true, {}, 0)", length.code, end.code),
        ("truncatewords", [count]) => words(&base, &count.code, "\"...\""),
        ("truncatewords", [count, end]) => words(&base, &count.code, &end.code),
        ("split", [by]) if by.code == "\"\"" => format!("{base}|list"),
        ("split", [by]) if by.code == "\" \"" => format!("{base}|split"),
        ("split", [by]) => format!("{base}|split({})", by.code),
        ("slice", [from]) => return Some(slice(value, from, 1)),
        ("slice", [from, length]) => return Some(whole(length).and_then(|length| slice(value, from, length))),
        ("date", [pattern]) => return Some(date(value, pattern)),
        ("pluralize", [one, many]) => format!("{base}|plural({}, {})", one.code, many.code),
        ("lookup", [key]) if value.text().is_none() => format!("{}[{}]", value.code, key.code),
        _ => return None,
    };
    Some(Ok(filtered(code)))
}

/// The first words of a text, and what stands behind them where there are more.
fn words(base: &str, count: &str, end: &str) -> String {
    format!(
        "({base} if ({base}|string).split()|length <= {count} else ({base}|string).split()[:{count}]|join(\" \") ~ {end})"
    )
}

fn whole(value: &Value) -> Result<i64, String> {
    value.code.parse().map_err(|_| "where it is cut is known for each row only".to_owned())
}

/// A part of a text, or of items.
fn slice(value: &Value, from: &Value, count: i64) -> Result<Value, String> {
    let start = whole(from)?;
    let end = match start.checked_add(count) {
        // What reaches the end has none.
        Some(0) if start < 0 => String::new(),
        Some(end) => end.to_string(),
        None => return Err("it is cut further than any text goes".to_owned()),
    };
    let base = match value.kind {
        // Whether they hold a text or items is known for each row only.
        Kind::Column | Kind::Loose => format!("({}|default(\"\"))", value.code),
        Kind::Number(_) => format!("({}|string)", value.code),
        _ => format!("({})", value.code),
    };
    Ok(Value {
        kind: if value.kind == Kind::Items { Kind::Items } else { Kind::Other },
        ..filtered(format!("{base}[{start}:{end}]"))
    })
}

/// `due | date: "%d.%m.%Y"`
fn date(value: &Value, pattern: &Value) -> Result<Value, String> {
    if matches!(value.text(), Some("now" | "today")) {
        return Err("templates have no clock: write the date, or give the list a column for it".to_owned());
    }
    if pattern.text().is_none() {
        return Err("its pattern does not stand in quotes".to_owned());
    }
    Ok(filtered(format!("{}|date({})", value.closed(), pattern.code)))
}

fn number(filter: &str, value: &Value, args: &[Value]) -> Option<Result<Value, String>> {
    let base = value.number();
    // What was computed with stands in brackets.
    let code = match (filter, args) {
        ("plus", [other]) => format!("{base} + {}", other.number()),
        ("minus", [other]) => format!("{base} - {}", other.number()),
        ("times", [other]) => format!("{base} * {}", other.number()),
        ("modulo", [other]) => format!("{base} % {}", other.number()),
        // Whole numbers are divided to a whole number.
        ("divided_by", [other]) if matches!(other.kind, Kind::Number(true)) => format!("{base} // {}", other.code),
        ("divided_by", [other]) => format!("{base} / {}", other.number()),
        ("at_least", [other]) => return Some(Ok(filtered(format!("[{base}, {}]|max", other.number())))),
        ("at_most", [other]) => return Some(Ok(filtered(format!("[{base}, {}]|min", other.number())))),
        ("round", []) => return Some(Ok(filtered(format!("{base}|round|int")))),
        ("round", [digits]) => return Some(Ok(filtered(format!("{base}|round({})", digits.code)))),
        ("ceil", []) => return Some(Ok(filtered(format!("{base}|round(0, \"ceil\")|int")))),
        ("floor", []) => return Some(Ok(filtered(format!("{base}|round(0, \"floor\")|int")))),
        _ => return None,
    };
    Some(Ok(Value::long(code)))
}

fn items(filter: &str, value: &Value, args: &[Value]) -> Option<Result<Value, String>> {
    let base = value.items();
    let code = match (filter, args) {
        ("join", []) => format!("{base}|join(\" \")"),
        ("join", [by]) => format!("{base}|join({})", by.code),
        ("map", [name]) => format!("{base}|map(attribute={})|list", name.code),
        ("where", [name]) => format!("{base}|selectattr({})|list", name.code),
        ("where", [name, is]) => format!("{base}|selectattr({}, \"eq\", {})|list", name.code, is.code),
        ("sort", [name]) => format!("{base}|sort(attribute={}, case_sensitive=true)", name.code),
        ("sort_natural", [name]) => format!("{base}|sort(attribute={})", name.code),
        ("concat", [other]) => format!("{base}|chain({})|list", other.items()),
        _ => return None,
    };
    Some(Ok(filtered(code)))
}
