//! Liquid's filters in our words.
//!
//! Guarantees: what is written gives the same text for text and numbers as Liquid's own: decimals are computed with as
//! decimals, and rounded half away from zero. Leaves to others: filters of shops (`money`, `img_url`) and `escape_once`: they
//! are told.

use super::super::dates;
use super::super::writer::literal;
use super::expr::{Kind, Markup, Value};

/// Filters without arguments, and ours: of a text, which give one.
const OF_TEXT: [(&str, &str); 14] = [
    ("capitalize", "capitalize"),
    ("downcase", "lower"),
    ("escape", "e"),
    ("h", "e"),
    ("json", "tojson"),
    ("lower", "lower"),
    ("strip", "trim"),
    ("strip_html", "striptags"),
    ("title", "title"),
    ("titleize", "title"),
    ("titlecase", "title"),
    ("trim", "trim"),
    ("upcase", "upper"),
    ("upper", "upper"),
];

/// The same of items.
const OF_ITEMS: [(&str, &str, Kind); 8] = [
    ("compact", "select(\"defined\")|reject(\"none\")|list", Kind::Items),
    ("first", "first", Kind::Loose),
    ("last", "last", Kind::Loose),
    ("reverse", "reverse|list", Kind::Items),
    ("sort", "sort(case_sensitive=true)", Kind::Items),
    ("sort_natural", "sort", Kind::Items),
    ("sum", "sum", Kind::Figure),
    ("uniq", "unique(case_sensitive=true)|list", Kind::Items),
];

/// What is worth knowing of a filter: what it does otherwise here, as far as only a row can tell.
pub(super) fn aside(filter: &str, value: &Value, args: &[Value]) -> Option<&'static str> {
    match (filter, args) {
        ("divided_by", [by]) if by.is_whole() && !value.is_whole() => Some(
            "divided_by with a whole number drops what is behind the point, as Liquid does of whole numbers only: write / \
             instead of // where there are others",
        ),
        ("divided_by", [by])
            if !by.is_whole() && by.kind != Kind::Number(false) && value.kind != Kind::Number(false) =>
        {
            Some(
                "divided_by keeps what is behind the point here, and drops it in Liquid where both numbers are whole: write // \
             instead of / where they are",
            )
        }
        ("strip_html", []) => {
            Some("strip_html leaves blanks and line breaks as they are in Liquid, and makes one blank of several here")
        }
        ("date", [pattern]) if pattern.text().is_some_and(|pattern| !names_days(pattern)) => {
            Some("a text that is no date is an error of its row here, and stands as it is in Liquid")
        }
        ("date", _) => Some(
            "names of days and months are those of the campaign's locale, and English in Liquid; a text that is no date is an error \
             of its row here, and stands as it is in Liquid",
        ),
        _ => None,
    }
}

/// Whether a pattern of dates writes names.
fn names_days(pattern: &str) -> bool {
    let flagged = pattern.split('%').skip(1).map(|part| part.trim_start_matches(['-', '_', '0', '^', '#']));
    flagged.filter_map(|part| part.chars().next()).any(|letter| "aAbBhcpPrv+".contains(letter))
}

/// Whether a filter is about the items of a column that holds nothing but lists, or is about none of them.
pub(super) fn is_of_items(filter: &str, value: &Value) -> bool {
    const MORE: [&str; 7] = ["join", "map", "where", "concat", "size", "length", "json"];
    let is_list = matches!(value.kind, Kind::Column(h) if h.lists && !(h.objects || h.truths || h.texts || h.numbers));
    is_list && (MORE.contains(&filter) || OF_ITEMS.iter().any(|(theirs, ..)| *theirs == filter))
}

/// A value behind a filter.
///
/// # Errors
/// Why there is no translation.
pub(super) fn apply(filter: &str, value: &Value, args: &[Value], named: &[(String, Value)]) -> Result<Value, String> {
    let made = match (filter, named) {
        ("default", [(name, allows)]) if name == "allow_false" => default(value, args, allows.code == "true"),
        (_, []) => without_names(filter, value, args),
        _ => Some(Err(format!("the filter `{filter}` takes nothing by name here"))),
    };
    let made = made.unwrap_or_else(|| {
        Err(match args.is_empty() {
            true => format!("there is no filter `{filter}` here"),
            false => format!("there is no filter `{filter}` with these arguments here"),
        })
    })?;
    let is_within = std::iter::once(value).chain(args).any(|one| one.markup != Markup::No);
    let markup = match filter {
        "escape" | "h" | "newline_to_br" if made.markup == Markup::Known => Markup::Known,
        "default" if args.iter().all(|one| one.markup == Markup::No) => value.markup,
        "size" | "url_encode" | "strip_html" | "json" => Markup::No,
        _ if is_within => Markup::Within,
        _ => Markup::No,
    };
    Ok(Value { markup, ..made })
}

fn without_names(filter: &str, value: &Value, args: &[Value]) -> Option<Result<Value, String>> {
    if let (Some((_, ours)), []) = (OF_TEXT.iter().find(|(theirs, _)| *theirs == filter), args) {
        let markup = if matches!(filter, "escape" | "h") { Markup::Known } else { Markup::No };
        return Some(Ok(Value { markup, ..words(format!("{}|{ours}", text_of(value))) }));
    }
    if let (Some((_, ours, kind)), []) = (OF_ITEMS.iter().find(|(theirs, ..)| *theirs == filter), args) {
        let is_text = matches!(value.kind, Kind::Column(holds) if holds.texts && !(holds.lists || holds.objects));
        if matches!(filter, "first" | "last") && (is_text || matches!(value.kind, Kind::Text | Kind::Words)) {
            return Some(Err(format!("`{filter}` of a text is nothing in Liquid: write `slice: 0` or `slice: -1`")));
        }
        let base = if matches!(filter, "first" | "last") { value.some_items() } else { value.items() };
        // What is nothing stands last, and is in no order with anything here.
        if filter.starts_with("sort") && matches!(value.kind, Kind::Column(holds) if holds.gaps_within) {
            let code = format!("{base}|select(\"defined\")|{ours}|chain({base}|reject(\"defined\"))|list");
            return Some(Ok(Value::of(*kind, code)));
        }
        return Some(Ok(Value::of(*kind, format!("{base}|{ours}"))));
    }
    match (filter, args) {
        ("size" | "length", []) => Some(Ok(Value::of(Kind::Figure, value.size().code))),
        ("default", [_]) => default(value, args, false),
        _ => text(filter, value, args).or_else(|| number(filter, value, args)).or_else(|| items(filter, value, args)),
    }
}

/// A text that was made.
fn words(code: String) -> Value {
    Value::of(Kind::Words, code)
}

/// A value as the text that a filter is about.
fn text_of(value: &Value) -> String {
    let code = value.as_text();
    if value.is_long && code == value.code { format!("({code})") } else { code }
}

/// `default: other`: in the place of nothing, `false`, and a text, a list or an object with nothing in it; never of 0.
fn default(value: &Value, args: &[Value], allows_false: bool) -> Option<Result<Value, String>> {
    let other = match args {
        [] => literal(""),
        [other] => other.as_text(),
        _ => return None,
    };
    let code = value.bare();
    let of_all = || {
        let is_false = if allows_false { String::new() } else { format!("{code} is false or ") };
        format!("{code}|default({other}, {is_false}{code} is not number)")
    };
    let made = match value.kind {
        Kind::Number(_) | Kind::Figure => code,
        Kind::Size => match value.counted() {
            Some(of) => format!("({code} if {of} is defined else {other})"),
            None => code,
        },
        Kind::Column(holds) if holds.is_plain() => format!("{code}|default({other})"),
        Kind::Column(holds) if !holds.numbers && !allows_false => format!("{code}|default({other}, true)"),
        Kind::Column(_) | Kind::Loose | Kind::Local => of_all(),
        Kind::Nothing(_) => other,
        _ => format!("{code}|default({other}, true)"),
    };
    Some(Ok(Value::other(made)))
}

fn text(filter: &str, value: &Value, args: &[Value]) -> Option<Result<Value, String>> {
    let base = text_of(value);
    let arg = |arg: &Value| arg.as_text();
    let code = match (filter, args) {
        ("append", [other]) => return Some(Ok(glued(base, text_of(other)))),
        ("prepend", [other]) => return Some(Ok(glued(text_of(other), base))),
        ("replace", [from]) => format!("{base}|replace({}, \"\")", arg(from)),
        ("replace", [from, to]) => format!("{base}|replace({}, {})", arg(from), arg(to)),
        ("replace_first", [from]) => format!("({base}|string).replace({}, \"\", 1)", arg(from)),
        ("replace_first", [from, to]) => format!("({base}|string).replace({}, {}, 1)", arg(from), arg(to)),
        ("remove", [what]) => format!("{base}|replace({}, \"\")", arg(what)),
        ("remove_first", [what]) => format!("({base}|string).replace({}, \"\", 1)", arg(what)),
        ("lstrip", []) => format!("({base}|string).lstrip()"),
        ("rstrip", []) => format!("({base}|string).rstrip()"),
        ("strip_newlines", []) => format!("{base}|replace(\"\\n\", \"\")"),
        ("newline_to_br", []) if value.markup == Markup::No => {
            let code = format!("{base}|e|replace(\"\\n\", \"<br />\\n\")|safe");
            return Some(Ok(Value { markup: Markup::Known, ..words(code) }));
        }
        ("newline_to_br", []) => format!("{base}|replace(\"\\n\", \"<br />\\n\")"),
        // A blank is a plus in Liquid, and a slash is encoded.
        ("url_encode" | "urlencode", []) => {
            format!("{base}|urlencode|replace(\"/\", \"%2F\")|replace(\"%20\", \"+\")|replace(\"%7E\", \"~\")")
        }
        ("truncate", []) => format!("{base}|truncate(50, true, \"...\", 0)"),
        ("truncate", [length]) => return Some(truncate(&base, length, "...")),
        ("truncate", [length, end]) => match end.text() {
            Some(end) => return Some(truncate(&base, length, end)),
            None => format!("{base}|truncate({}, true, {}, 0)", length.number(), arg(end)),
        },
        ("truncatewords", []) => first_words(&base, "15", &literal("...")),
        ("truncatewords", [count]) => first_words(&base, &at_least_one(count), &literal("...")),
        ("truncatewords", [count, end]) => first_words(&base, &at_least_one(count), &arg(end)),
        ("split", [by]) if by.code == "\" \"" => return Some(Ok(Value::of(Kind::Items, format!("{base}|parts")))),
        ("split", [by]) => return Some(Ok(Value::of(Kind::Items, format!("{base}|parts({})", arg(by))))),
        ("slice", [from]) => return Some(slice(value, from, 1)),
        ("slice", [from, length]) => return Some(whole(length).and_then(|length| slice(value, from, length))),
        ("date", [pattern]) => return Some(date(value, pattern)),
        ("pluralize", [one, many]) => format!("{base}|plural({}, {})", arg(one), arg(many)),
        ("lookup", [key]) if value.text().is_none() => {
            return Some(Ok(Value::of(Kind::Loose, format!("{}[{}]", value.bare(), key.code))));
        }
        _ => return None,
    };
    Some(Ok(words(code)))
}

/// One text behind another.
fn glued(left: String, right: String) -> Value {
    Value { is_long: true, ..words(format!("{left} ~ {right}")) }
}

/// A text of so many characters, its end with them; an end that is longer stands alone.
fn truncate(base: &str, length: &Value, end: &str) -> Result<Value, String> {
    let end_length = end.chars().count();
    let end = literal(end);
    let code = match length.code.parse::<usize>() {
        Ok(length) if length < end_length => format!("({base} if {base}|length <= {length} else {end})"),
        _ => format!("{base}|truncate({}, true, {end}, 0)", length.number()),
    };
    Ok(words(code))
}

fn at_least_one(count: &Value) -> String {
    match count.code.parse::<i64>() {
        Ok(..=0) => "1".to_owned(),
        Ok(_) => count.number(),
        Err(_) => format!("([1, {}]|max)", count.number()),
    }
}

/// The first words of a text, and what stands behind them where there are more.
fn first_words(base: &str, count: &str, end: &str) -> String {
    let all = format!("{base}|parts");
    format!("({base} if {all}|length <= {count} else ({all})[:{count}]|join(\" \") ~ {end})")
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
    if count < 0 {
        return Err("it is cut to fewer characters than none".to_owned());
    }
    let base = match value.kind {
        // Whether they hold a text or items is known for each row only.
        Kind::Column(_) | Kind::Loose | Kind::Local => format!("({}|default(\"\"))", value.code),
        Kind::Number(_) | Kind::Figure => format!("({}|string)", value.code),
        _ => format!("({})", value.code),
    };
    let kind = if value.kind == Kind::Items { Kind::Items } else { Kind::Other };
    let part = format!("{base}[{start}:{end}]");
    // A place before the first character is none.
    Ok(Value::of(
        kind,
        match start.checked_neg().filter(|back| *back > 0) {
            Some(1) | None => part,
            Some(back) => {
                let nothing = if kind == Kind::Items { "[]" } else { "\"\"" };
                format!("({part} if {base}|length >= {back} else {nothing})")
            }
        },
    ))
}

/// `due | date: "%d.%m.%Y"`
fn date(value: &Value, pattern: &Value) -> Result<Value, String> {
    if matches!(value.text(), Some("now" | "today")) {
        return Err("templates have no clock: write the date, or give the list a column for it".to_owned());
    }
    let pattern = pattern.text().ok_or("its pattern does not stand in quotes")?;
    let ours = dates::of_ruby(pattern)?;
    Ok(words(format!("{}|date({})", value.closed(), literal(&ours))))
}

fn number(filter: &str, value: &Value, args: &[Value]) -> Option<Result<Value, String>> {
    let base = value.number();
    let figure = |code: String| Some(Ok(Value::of(Kind::Figure, code)));
    // Decimals are added and multiplied as such: what comes of binary fractions is rounded away.
    let exact = |sign: &str, other: &Value| {
        let code = format!("{base} {sign} {}", other.number());
        match value.is_whole() && other.is_whole() {
            true => Some(Ok(Value { is_long: true, ..Value::of(Kind::Figure, code) })),
            false => Some(Ok(Value::of(Kind::Figure, format!("({code})|round(10)")))),
        }
    };
    let code = match (filter, args) {
        // Two cells of a list of text would be put one behind the other, or compared as text.
        ("plus", [other]) => {
            let code = format!("{} + {}", computed(value, other), computed(other, value));
            return match value.is_whole() && other.is_whole() {
                true => Some(Ok(Value { is_long: true, ..Value::of(Kind::Figure, code) })),
                false => figure(format!("({code})|round(10)")),
            };
        }
        ("minus", [other]) => return exact("-", other),
        ("times", [other]) => return exact("*", other),
        ("modulo", [other]) => return exact("%", other),
        // Whole numbers are divided to a whole number.
        ("divided_by", [other]) if other.is_whole() => format!("{base} // {}", other.number()),
        ("divided_by", [other]) => format!("{base} / {}", other.number()),
        ("abs", []) => return figure(format!("{base}|abs")),
        ("at_least", [other]) => return figure(format!("[{}, {}]|max", of_number(value), of_number(other))),
        ("at_most", [other]) => return figure(format!("[{}, {}]|min", of_number(value), of_number(other))),
        ("round", []) => return figure(format!("{base}|round(0, \"away\")|int")),
        ("round", [digits]) if digits.code == "0" => return figure(format!("{base}|round(0, \"away\")|int")),
        ("round", [digits]) => return figure(format!("{base}|round({}, \"away\")", digits.number())),
        ("ceil", []) => return figure(format!("{base}|round(0, \"ceil\")|int")),
        ("floor", []) => return figure(format!("{base}|round(0, \"floor\")|int")),
        _ => return None,
    };
    Some(Ok(Value { is_long: true, ..Value::of(Kind::Figure, code) }))
}

/// A value as a number, where a cell of text would be taken for text beside another one.
fn of_number(value: &Value) -> String {
    let is_cell = matches!(value.kind, Kind::Column(holds) if !holds.numbers);
    if is_cell { format!("{} * 1", value.number()) } else { value.number() }
}

/// The same where `other` does not say that it is one.
fn computed(value: &Value, other: &Value) -> String {
    let is_number = |kind| matches!(kind, Kind::Number(_) | Kind::Figure | Kind::Size);
    if is_number(other.kind) || other.kind == Kind::Text { value.number() } else { of_number(value) }
}

fn items(filter: &str, value: &Value, args: &[Value]) -> Option<Result<Value, String>> {
    let base = value.items();
    let code = match (filter, args) {
        ("join", []) => return Some(Ok(words(format!("{base}|join(\" \")")))),
        ("join", [by]) => return Some(Ok(words(format!("{base}|join({})", by.as_text())))),
        ("map", [name]) => format!("{base}|map(attribute={})|list", name.code),
        ("compact", [name]) => format!("{base}|selectattr({}, \"defined\")|list", name.code),
        // What is nothing, or false, is left out: 0 and an empty text are not.
        ("where", [name]) => given(&base, &name.code),
        ("where", [name, is]) if matches!(is.kind, Kind::Nothing(_)) => given(&base, &name.code),
        ("where", [name, is]) if is.kind == Kind::Truth => {
            format!("{base}|selectattr({}, \"{}\")|list", name.code, is.code)
        }
        ("where", [name, is]) => format!("{base}|selectattr({}, \"eq\", {})|list", name.code, is.code),
        ("sort", [name]) => format!("{base}|sort(attribute={}, case_sensitive=true)", name.code),
        ("sort_natural", [name]) => format!("{base}|sort(attribute={})", name.code),
        ("uniq", [name]) => format!("{base}|unique(attribute={}, case_sensitive=true)|list", name.code),
        ("sum", [name]) => return Some(Ok(Value::of(Kind::Figure, format!("{base}|sum(attribute={})", name.code)))),
        ("concat", [other]) => format!("{base}|chain({})|list", other.items()),
        _ => return None,
    };
    Some(Ok(Value::of(Kind::Items, code)))
}

fn given(items: &str, name: &str) -> String {
    format!("{items}|selectattr({name}, \"defined\")|rejectattr({name}, \"false\")|list")
}
