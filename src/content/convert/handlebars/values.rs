//! Expressions of Handlebars in our words: what a path leads to where it stands, and what helpers are here.

use super::super::dates;
use super::super::vocabulary::Vocabulary;
use super::super::writer::literal;
use super::expr::{Call, Expr, Path};

/// Where a path begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// The row.
    Row,
    /// A value under this name.
    Named(String),
}

impl Context {
    /// Whether it is the value under this name.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Named(known) if known == name)
    }
}

/// A name that a block binds, there and here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) theirs: String,
    pub(super) ours: String,
}

/// A place in a template: what names mean there.
pub(super) struct Scope<'s, 'n> {
    pub(super) names: &'s Vocabulary<'n>,
    /// The innermost stands last.
    pub(super) contexts: &'s [Context],
    /// Names that blocks bind, the innermost last.
    pub(super) locals: &'s [Local],
    /// Whether the innermost context is the item of a loop.
    pub(super) in_loop: bool,
    /// The name of the loop's key, where it has one.
    pub(super) key: Option<&'s str>,
}

/// An expression in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) code: String,
    /// Whether it may be undefined and fail where it is used.
    is_loose: bool,
    /// Whether it is more than one word: in brackets where something is done with it.
    is_long: bool,
}

impl Value {
    fn word(code: impl Into<String>) -> Self {
        Self { code: code.into(), is_loose: false, is_long: false }
    }

    fn long(code: String) -> Self {
        Self { code, is_loose: false, is_long: true }
    }

    /// As something that a filter or an operator can stand behind.
    pub(super) fn closed(&self) -> String {
        if self.is_long { format!("({})", self.code) } else { self.code.clone() }
    }

    /// As something that may be missing.
    pub(super) fn or(&self, other: &str) -> String {
        if self.is_loose { format!("{}|default({other})", self.code) } else { self.code.clone() }
    }

    /// As something that may be missing, and that an operator can stand beside.
    pub(super) fn closed_or(&self, other: &str) -> String {
        if self.is_long { format!("({})", self.or(other)) } else { self.or(other) }
    }

    /// As something that is nothing where it is missing: `default` behind it says so.
    pub(super) fn or_nothing(&self) -> String {
        if self.is_loose { format!("({0} if {0} is defined)", self.code) } else { self.code.clone() }
    }

    /// As a condition that holds for zero, too.
    pub(super) fn or_zero(&self) -> Self {
        Self::long(format!("{} or {}|string == \"0\"", self.or("\"\""), self.closed_as_text()))
    }

    fn closed_as_text(&self) -> String {
        if self.is_loose { format!("({})", self.or("\"\"")) } else { self.closed() }
    }

    /// As something that has items.
    pub(super) fn items(&self) -> String {
        format!("{}|default([])", self.closed())
    }
}

/// Comparisons, under the names that collections of helpers have for them.
const COMPARISONS: [(&str, &str); 20] = [
    ("eq", "=="),
    ("equals", "=="),
    ("equal", "=="),
    ("is", "=="),
    ("ifEquals", "=="),
    ("ifEq", "=="),
    ("ne", "!="),
    ("neq", "!="),
    ("isnt", "!="),
    ("notEquals", "!="),
    ("unlessEquals", "!="),
    ("gt", ">"),
    ("greaterThan", ">"),
    ("lt", "<"),
    ("lessThan", "<"),
    ("gte", ">="),
    ("greaterThanOrEqual", ">="),
    ("lte", "<="),
    ("lessThanOrEqual", "<="),
    ("notEqual", "!="),
];

/// Helpers that are filters here.
const FILTERS: [(&str, &str); 16] = [
    ("upper", "upper"),
    ("uppercase", "upper"),
    ("upperCase", "upper"),
    ("toUpperCase", "upper"),
    ("lower", "lower"),
    ("lowercase", "lower"),
    ("lowerCase", "lower"),
    ("toLowerCase", "lower"),
    ("capitalize", "capitalize"),
    ("title", "title"),
    ("titleize", "title"),
    ("trim", "trim"),
    ("length", "length"),
    ("first", "first"),
    ("last", "last"),
    ("encodeURIComponent", "urlencode"),
];

/// Helpers that take something by name.
const NAMING: [&str; 4] = ["insert", "formatDate", "dateFormat", "moment"];

/// Whether a helper of this name is a condition.
pub(super) fn is_condition(word: &str) -> bool {
    COMPARISONS.iter().any(|(name, _)| *name == word) || matches!(word, "and" | "or" | "not" | "contains")
}

impl Scope<'_, '_> {
    /// An expression.
    ///
    /// # Errors
    /// Why there is no translation.
    pub(super) fn value(&self, expr: &Expr) -> Result<Value, String> {
        Ok(match expr {
            Expr::Path(path) => self.path(path)?,
            Expr::Text(text) => Value::word(literal(text)),
            Expr::Number(number) => Value::word(number),
            Expr::Truth(truth) => Value::word(truth.to_string()),
            Expr::Nothing => Value::word("none"),
            Expr::Call(call) => self.call(call)?,
        })
    }

    /// What a tag stands for: a path, or a helper with its arguments.
    ///
    /// # Errors
    /// Why there is no translation.
    pub(super) fn call(&self, call: &Call) -> Result<Value, String> {
        match call.is_bare() {
            true => self.path(&call.name),
            false => self.helper(call),
        }
    }

    /// An expression that is asked whether it holds.
    ///
    /// # Errors
    /// Why there is no translation.
    pub(super) fn condition(&self, call: &Call) -> Result<Value, String> {
        let value = self.call(call)?;
        Ok(Value { code: value.or("\"\""), is_loose: false, ..value })
    }

    fn path(&self, path: &Path) -> Result<Value, String> {
        if path.is_data {
            return self.data(path);
        }
        let (first, others) = match path.parts.split_first() {
            Some((first, others)) => (first.as_str(), others),
            None => ("", path.parts.as_slice()),
        };
        let local = self.locals.iter().rev().find(|local| local.theirs == first);
        if let Some(local) = local.filter(|_| path.ups == 0 && !path.is_this) {
            return Ok(attributes(Value::word(local.ours.clone()), others));
        }
        let place = self.contexts.len().checked_sub(1 + path.ups).ok_or("it leads further out than there is")?;
        match self.contexts.get(place) {
            Some(Context::Named(name)) => Ok(attributes(Value::word(name.clone()), &path.parts)),
            _ if first.is_empty() => Err("it stands for the whole row".to_owned()),
            _ => self.column(&path.parts),
        }
    }

    /// A path from the row.
    fn column(&self, parts: &[String]) -> Result<Value, String> {
        if let Some(whole) = self.names.dotted(parts) {
            return Ok(Value::word(whole));
        }
        let (first, others) = parts.split_first().ok_or("it names nothing")?;
        let named = self.names.named(first);
        match named.is_missing {
            true => Err(format!("the list has no column `{first}`")),
            // An object that a row lacks has attributes all the same: they are empty.
            false => Ok(attributes(Value { is_loose: !others.is_empty(), ..Value::word(named.name) }, others)),
        }
    }

    fn data(&self, path: &Path) -> Result<Value, String> {
        let (first, others) = path.parts.split_first().ok_or("it names nothing")?;
        let code = match first.as_str() {
            "root" if !others.is_empty() => return self.column(others),
            _ if path.ups > 0 || !self.in_loop => return Err(format!("`@{first}` is not of the loop around it")),
            "index" => "loop.index0",
            "first" => "loop.first",
            "last" => "loop.last",
            "key" => self.key.unwrap_or("loop.index0"),
            _ => return Err(format!("there is no `@{first}` here")),
        };
        Ok(Value::word(code))
    }

    fn helper(&self, call: &Call) -> Result<Value, String> {
        let word = call.word();
        if let Some((name, _)) = call.named.first().filter(|_| !NAMING.contains(&word)) {
            return Err(format!("`{name}=` means nothing to `{word}` here"));
        }
        let values: Vec<Value> = call.args.iter().map(|arg| self.value(arg)).collect::<Result<_, _>>()?;
        let comparison = COMPARISONS.iter().find(|(name, _)| *name == word).map(|(_, sign)| *sign);
        match (word, values.as_slice()) {
            (_, [a, b]) if comparison.is_some() => {
                let sign = comparison.unwrap_or("==");
                let nothing = if matches!(sign, "==" | "!=") { "\"\"" } else { "0" };
                let side = |value: &Value, expr: Option<&Expr>| match expr {
                    Some(Expr::Path(_)) if nothing == "0" => format!("{}|default(0)", value.closed()),
                    _ => value.or(nothing),
                };
                let bracketed = |value: &Value, code: String| if value.is_long { format!("({code})") } else { code };
                let (left, right) = (side(a, call.args.first()), side(b, call.args.get(1)));
                Ok(Value::long(format!("{} {sign} {}", bracketed(a, left), bracketed(b, right))))
            }
            ("and" | "or", [_, _, ..]) => {
                let sides: Vec<String> = values.iter().map(|v| v.closed_or("\"\"")).collect();
                Ok(Value::long(sides.join(&format!(" {word} "))))
            }
            ("not", [a]) => Ok(Value::long(format!("not {}", a.closed_or("\"\"")))),
            ("contains", [a, b]) => Ok(Value::long(format!("{} in {}", b.closed(), a.closed()))),
            ("insert", [..]) => insert(call, &values),
            ("formatDate" | "dateFormat" | "moment", [date, ..]) => self.date(call, date),
            ("lookup", [of, key]) => {
                Ok(Value { is_loose: true, ..Value::word(format!("{}[{}]", of.closed(), key.code)) })
            }
            ("default", [a, b]) => Ok(Value::word(format!("{}|default({}, true)", a.closed(), b.code))),
            ("concat", [_, ..]) => Ok(Value::long(values.iter().map(Value::closed).collect::<Vec<_>>().join(" ~ "))),
            ("replace", [a, b, c]) => Ok(Value::word(format!("{}|replace({}, {})", a.closed(), b.code, c.code))),
            ("join", [a, b]) => Ok(Value::word(format!("{}|join({})", a.closed(), b.code))),
            (_, [a]) => match FILTERS.iter().find(|(name, _)| *name == word) {
                Some((_, filter)) => Ok(Value::word(format!("{}|{filter}", a.closed()))),
                None => Err(unknown(word)),
            },
            _ => Err(unknown(word)),
        }
    }

    /// `formatDate due "DD.MM.YYYY"`
    fn date(&self, call: &Call, date: &Value) -> Result<Value, String> {
        let pattern = match (call.args.get(1), call.named.iter().find(|(name, _)| name == "format").map(|(_, v)| v)) {
            (Some(Expr::Text(pattern)), _) | (None, Some(Expr::Text(pattern))) => pattern,
            _ => return Err("its pattern does not stand in quotes".to_owned()),
        };
        let ours = dates::of_moment(pattern).ok_or("its pattern has what `date` does not know")?;
        Ok(Value::word(format!("{}|date({})", date.closed(), literal(&ours))))
    }
}

fn unknown(word: &str) -> String {
    match word {
        "" => "it cannot be called".to_owned(),
        word => format!("there is no helper `{word}` here"),
    }
}

/// `insert name "default=friend"`, in either order.
fn insert(call: &Call, values: &[Value]) -> Result<Value, String> {
    let mut value = None;
    let mut default = None;
    for (expr, made) in call.args.iter().zip(values) {
        match expr {
            Expr::Text(text) => default = text.trim().strip_prefix("default=").map(|text| text.trim().to_owned()),
            _ => value = Some(made),
        }
    }
    if let Some((_, Expr::Text(text))) = call.named.iter().find(|(name, _)| name == "default") {
        default = Some(text.clone());
    }
    let value = value.ok_or("it names no value")?;
    Ok(match default {
        Some(default) => Value::word(format!("{}|default({})", value.closed(), literal(&default))),
        None => value.clone(),
    })
}

/// A value's attribute of an attribute.
fn attributes(base: Value, parts: &[String]) -> Value {
    parts.iter().fold(base, |value, part| {
        let is_name = !part.starts_with(|c: char| c.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if part == "length" {
            return Value::word(format!("{}|length", value.or("[]")));
        }
        let base = if value.is_loose { format!("({})", value.or("{}")) } else { value.code };
        let code = match part.as_str() {
            number if number.bytes().all(|b| b.is_ascii_digit()) => format!("{base}[{number}]"),
            name if is_name => format!("{base}.{name}"),
            other => format!("{base}[{}]", literal(other)),
        };
        Value { code, is_loose: true, is_long: false }
    })
}
