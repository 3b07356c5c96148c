//! Expressions of Handlebars in our words: what a path leads to where it stands, and what helpers are here.

use super::super::vocabulary::Vocabulary;
use super::super::writer::literal;
use super::super::{Holds, dates};
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

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Column(Holds),
    /// What stands in a list or an object, or is an item of a loop.
    Within,
    /// How many items there are.
    Length,
    /// `true` or `false`.
    Truth,
    Other,
}

/// An expression in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) code: String,
    shape: Shape,
    /// Whether it may be undefined and fail where it is used.
    is_loose: bool,
    /// Whether it is more than one word: in brackets where something is done with it.
    is_long: bool,
}

impl Value {
    fn word(code: impl Into<String>) -> Self {
        Self { code: code.into(), shape: Shape::Other, is_loose: false, is_long: false }
    }

    fn long(code: String) -> Self {
        Self { is_long: true, ..Self::word(code) }
    }

    fn truth(code: String) -> Self {
        Self { shape: Shape::Truth, ..Self::long(code) }
    }

    /// What a column holds, where it is one.
    pub(super) fn holds(&self) -> Option<Holds> {
        match self.shape {
            Shape::Column(holds) => Some(holds),
            _ => None,
        }
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

    /// As it is printed: `true` has no capital there, and commas stand between the items of a list.
    pub(super) fn printed(&self) -> String {
        match self.shape {
            Shape::Truth if matches!(self.code.as_str(), "true" | "false") => literal(&self.code),
            Shape::Truth => format!("{}|string|lower", self.closed()),
            Shape::Length => {
                let of = self.code.strip_suffix(COUNTED).unwrap_or(&self.code);
                format!("({} if {of} is defined)", self.code)
            }
            Shape::Column(holds) if holds.truths && !(holds.texts || holds.lists || holds.objects) => {
                format!("{}|string|lower", self.code)
            }
            Shape::Column(holds)
                if holds.lists && !(holds.texts || holds.truths || holds.objects || holds.deep_lists) =>
            {
                format!("{}|default([])|join(\",\")", self.code)
            }
            _ => self.or("\"\""),
        }
    }

    /// As it is printed, as something that a filter can stand behind.
    pub(super) fn closed_printed(&self) -> String {
        let code = self.printed();
        if self.is_long && code == self.code { format!("({code})") } else { code }
    }

    /// Whether a row can have signs of HTML in it.
    pub(super) fn may_hold_markup(&self) -> bool {
        match self.shape {
            Shape::Column(holds) => holds.texts || holds == Holds::default(),
            shape => shape == Shape::Within,
        }
    }

    /// Whether a row can hold what ours prints otherwise. `within`: such things are in its lists and objects.
    pub(super) fn is_printed_otherwise(&self, within: bool) -> bool {
        match self.shape {
            Shape::Column(holds) => !holds.is_plain() && self.printed() == self.code,
            Shape::Within => within,
            _ => false,
        }
    }

    /// Whether it may be 0, or an empty text, which Handlebars takes for something in a section.
    pub(super) fn may_be_zero(&self, are_texts: bool) -> bool {
        match self.shape {
            Shape::Column(holds) => holds.numbers || holds.figures || (holds.texts && !are_texts),
            shape => matches!(shape, Shape::Within | Shape::Length),
        }
    }

    /// As a condition that holds for zero, too.
    pub(super) fn or_zero(&self) -> Self {
        if let (Shape::Length, Some(of)) = (self.shape, self.code.strip_suffix(COUNTED)) {
            return Self::long(format!("{of} is defined"));
        }
        Self::long(format!("{} or {}|string in [\"0\", \"0.0\"]", self.or("\"\""), self.closed_as_text()))
    }

    fn closed_as_text(&self) -> String {
        if self.is_loose { format!("({})", self.or("\"\"")) } else { self.closed() }
    }

    /// As something that has items: those of a list, or the values of an object.
    pub(super) fn values(&self) -> String {
        match self.holds() {
            Some(holds) if holds.lists && !(holds.objects || holds.texts) => format!("{}|default([])", self.code),
            _ => format!("{}|values", self.closed_or("[]")),
        }
    }

    /// The same with the place, or the key, of each.
    pub(super) fn pairs(&self) -> String {
        format!("{}|pairs", self.closed_or("[]"))
    }
}

/// What stands behind a value whose items are counted.
const COUNTED: &str = "|default([])|length";

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
const FILTERS: [(&str, &str); 15] = [
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
    ("first", "first"),
    ("last", "last"),
    ("encodeURIComponent", "urlencode"),
];

/// Helpers that take something by name, and that.
const NAMING: [(&str, &str); 4] =
    [("insert", "default"), ("formatDate", "format"), ("dateFormat", "format"), ("moment", "format")];

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
            Expr::Truth(truth) => Value { is_long: false, ..Value::truth(truth.to_string()) },
            Expr::Nothing => Value { is_loose: true, ..Value::word("none") },
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

    /// A value that is asked whether it holds: an object does, with nothing in it, too, and 0 does not.
    pub(super) fn asked(&self, value: &Value) -> Value {
        // A number that is 0 does not hold, and the text "0" does.
        if matches!(value.shape, Shape::Column(holds) if holds.figures) {
            return Value::long(format!("{}|default(0)|float", value.closed()));
        }
        let has_empty = match value.shape {
            Shape::Column(holds) => holds.empty_objects && holds.objects,
            Shape::Within => self.names.has_empty_objects(),
            _ => false,
        };
        let code = value.or("\"\"");
        match has_empty {
            true => Value::long(format!("{code} or {} is mapping", value.closed())),
            false => Value { code, is_loose: false, ..value.clone() },
        }
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
            return Ok(attributes(Value { shape: Shape::Within, ..Value::word(local.ours.clone()) }, others));
        }
        let place = self.contexts.len().checked_sub(1 + path.ups).ok_or("it leads further out than there is")?;
        match self.contexts.get(place) {
            Some(Context::Named(name)) => {
                Ok(attributes(Value { shape: Shape::Within, ..Value::word(name.clone()) }, &path.parts))
            }
            _ if first.is_empty() => Err("it stands for the whole row".to_owned()),
            _ => self.column(&path.parts),
        }
    }

    /// A path from the row.
    fn column(&self, parts: &[String]) -> Result<Value, String> {
        if let Some(whole) = self.names.dotted(parts) {
            return Ok(self.of_list(whole));
        }
        let (first, others) = parts.split_first().ok_or("it names nothing")?;
        let named = self.names.named(first);
        match named.is_missing {
            true => Err(format!("the list has no column `{first}`")),
            // An object that a row lacks has attributes all the same: they are empty.
            false => Ok(attributes(Value { is_loose: !others.is_empty(), ..self.of_list(named.name) }, others)),
        }
    }

    fn of_list(&self, name: String) -> Value {
        Value { shape: Shape::Column(self.names.holds(&name)), ..Value::word(name) }
    }

    fn data(&self, path: &Path) -> Result<Value, String> {
        let (first, others) = path.parts.split_first().ok_or("it names nothing")?;
        let code = match first.as_str() {
            "root" if !others.is_empty() => return self.column(others),
            _ if path.ups > 0 || !self.in_loop => return Err(format!("`@{first}` is not of the loop around it")),
            "index" => "loop.index0",
            "first" | "last" => {
                return Ok(Value { is_long: false, ..Value::truth(format!("loop.{first}")) });
            }
            "key" => self.key.unwrap_or("loop.index0"),
            _ => return Err(format!("there is no `@{first}` here")),
        };
        Ok(Value::word(code))
    }

    fn helper(&self, call: &Call) -> Result<Value, String> {
        let word = call.word();
        let is_known = |name: &str| NAMING.contains(&(word, name));
        if let Some((name, _)) = call.named.iter().find(|(name, _)| !is_known(name)) {
            return Err(format!("`{name}=` means nothing to `{word}` here"));
        }
        let values: Vec<Value> = call.args.iter().map(|arg| self.value(arg)).collect::<Result<_, _>>()?;
        let comparison = COMPARISONS.iter().find(|(name, _)| *name == word).map(|(_, sign)| *sign);
        match (word, values.as_slice()) {
            (_, [a, b]) if comparison.is_some() => {
                let sign = comparison.unwrap_or("==");
                Ok(Value::truth(compared((a, call.args.first()), sign, (b, call.args.get(1)))))
            }
            ("and" | "or", [_, _, ..]) => {
                let sides: Vec<String> = values.iter().map(|v| v.closed_or("\"\"")).collect();
                Ok(Value::long(sides.join(&format!(" {word} "))))
            }
            ("not", [a]) => Ok(Value::truth(format!("not {}", a.closed_or("\"\"")))),
            ("contains", [a, b]) => Ok(Value::truth(format!("{} in {}", b.closed(), a.closed_or("\"\"")))),
            ("insert", [..]) => insert(call, &values),
            ("formatDate" | "dateFormat" | "moment", [date] | [date, _]) => self.date(call, date),
            ("formatDate" | "dateFormat" | "moment", [_, _, ..]) => {
                Err("it names a time zone: give the list the date as it is to be shown".to_owned())
            }
            ("length", [a]) => Ok(length(a)),
            ("lookup", [of, key]) => {
                let base = if of.code.contains('|') { format!("({})", of.code) } else { of.closed() };
                let code = format!("{base}[{}]", key.code);
                Ok(Value { is_loose: true, shape: Shape::Within, ..Value::word(code) })
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
            Expr::Text(text) => {
                let text = text.trim().strip_prefix("default=").ok_or("its text does not begin with `default=`")?;
                default = Some(text.trim().to_owned());
            }
            _ if value.is_some() => return Err("it names two values".to_owned()),
            _ => value = Some(made),
        }
    }
    if let Some((_, Expr::Text(text))) = call.named.iter().find(|(name, _)| name == "default") {
        default = Some(text.clone());
    }
    let value = value.ok_or("it names no value")?;
    Ok(match default {
        Some(default) => Value::word(format!("{}|default({})", value.closed(), literal(&default))),
        None => Value { shape: Shape::Other, ..value.clone() },
    })
}

/// A value's attribute of an attribute.
fn attributes(base: Value, parts: &[String]) -> Value {
    parts.iter().fold(base, |value, part| {
        let is_name = !part.starts_with(|c: char| c.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if part == "length" {
            return length(&value);
        }
        let base = if value.is_loose { format!("({})", value.or("{}")) } else { value.code };
        let code = match part.as_str() {
            number if number.bytes().all(|b| b.is_ascii_digit()) => format!("{base}[{number}]"),
            name if is_name => format!("{base}.{name}"),
            other => format!("{base}[{}]", literal(other)),
        };
        Value { is_loose: true, shape: Shape::Within, ..Value::word(code) }
    })
}

fn length(of: &Value) -> Value {
    Value { shape: Shape::Length, ..Value::word(format!("{}{COUNTED}", of.closed())) }
}

/// Two sides of a comparison, as JavaScript makes it.
fn compared((a, left): (&Value, Option<&Expr>), sign: &str, (b, right): (&Value, Option<&Expr>)) -> String {
    let is_order = !matches!(sign, "==" | "!=");
    match (left, right) {
        (_, Some(Expr::Truth(truth))) if !is_order => return is_truth(a, sign, *truth),
        (Some(Expr::Truth(truth)), _) if !is_order => return is_truth(b, sign, *truth),
        _ => {}
    }
    let is_empty_text = |expr: Option<&Expr>| matches!(expr, Some(Expr::Text(text)) if text.is_empty());
    let side = |value: &Value, expr: Option<&Expr>, other: Option<&Expr>| {
        let code = match expr {
            // What is missing has no order; a cell without anything counts as 0.
            Some(Expr::Path(_)) if is_order && value.shape == Shape::Length => value.code.clone(),
            Some(Expr::Path(_)) if is_order => format!("{}|default(0)", value.closed()),
            _ if is_order => value.or("0"),
            _ if is_empty_text(other) => value.or("none"),
            _ => value.or("\"\""),
        };
        if value.is_long { format!("({code})") } else { code }
    };
    let given = |value: &Value| match value.is_loose && is_order {
        true => format!("{} is defined and ", value.closed()),
        false => String::new(),
    };
    format!("{}{}{} {sign} {}", given(a), given(b), side(a, left, right), side(b, right, left))
}

fn is_truth(value: &Value, sign: &str, truth: bool) -> String {
    let not = if sign == "==" { "" } else { "not " };
    format!("{} is {not}{truth}", value.closed())
}
