//! Expressions of Liquid in our words: values, chains of filters, conditions.

use super::super::vocabulary::Vocabulary;
use super::super::writer::{literal, number};
use super::filters;
use super::lexer::{Word, words};
use crate::content::names::identifier;
use std::collections::{BTreeMap, BTreeSet};

/// Values within values, and conditions behind conditions.
const DEPTH_MAX: usize = 32;
/// Octets of an expression of ours: filters that write a value several times come to an end.
const CODE_MAX: usize = 4096;

/// What names mean where an expression stands.
pub(super) struct Scope<'s, 'n> {
    pub(super) names: &'s Vocabulary<'n>,
    /// Names that loops bind.
    pub(super) locals: &'s [String],
    /// Names that are assigned, and whether in every row.
    pub(super) assigned: &'s BTreeMap<String, bool>,
    /// Those of them that a loop changes: they are kept in an object.
    pub(super) kept: &'s BTreeSet<String>,
    /// What that is called.
    pub(super) keeper: &'s str,
    /// Whether a loop is open.
    pub(super) in_loop: bool,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A column of the list, or a built-in value: never undefined.
    Column,
    /// A text that is written there.
    Text,
    /// A number that is written there; whether it is whole.
    Number(bool),
    /// `nil`, `blank`, `empty`
    Nothing,
    /// Something that may be undefined where it is used.
    Loose,
    /// Items, for certain.
    Items,
    Other,
}

/// An expression in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) code: String,
    pub(super) kind: Kind,
    /// Whether it is more than a name with filters: in brackets where something is done with it.
    pub(super) is_long: bool,
}

impl Value {
    pub(super) fn other(code: String) -> Self {
        Self { code, kind: Kind::Other, is_long: false }
    }

    pub(super) fn long(code: String) -> Self {
        Self { code, kind: Kind::Other, is_long: true }
    }

    /// As something that a filter or an operator can stand behind.
    pub(super) fn closed(&self) -> String {
        let code = self.safe();
        if self.is_long { format!("({code})") } else { code }
    }

    /// As something that is never undefined.
    pub(super) fn safe(&self) -> String {
        if self.kind == Kind::Loose { format!("{}|default(\"\")", self.code) } else { self.code.clone() }
    }

    /// As it is printed: Liquid writes items one behind the other.
    pub(super) fn printed(&self) -> String {
        if self.kind == Kind::Items { format!("{}|join", self.closed()) } else { self.safe() }
    }

    /// As something that is nothing where it is missing: `default` behind it says so.
    pub(super) fn or_nothing(&self) -> String {
        if self.kind == Kind::Loose { format!("({0} if {0} is defined)", self.code) } else { self.code.clone() }
    }

    /// As a number.
    pub(super) fn number(&self) -> String {
        match self.kind {
            Kind::Column | Kind::Loose => format!("{}|default(0)", self.code),
            Kind::Text => self.text().and_then(number).unwrap_or_else(|| self.closed()),
            _ => self.closed(),
        }
    }

    /// As something that has items.
    pub(super) fn items(&self) -> String {
        match self.kind {
            Kind::Column | Kind::Loose => format!("{}|default([])", self.code),
            _ => self.closed(),
        }
    }

    /// The text, where it is one that is written there, without escapes.
    pub(super) fn text(&self) -> Option<&str> {
        let inside = self.code.strip_prefix('"')?.strip_suffix('"')?;
        (self.kind == Kind::Text && !inside.contains('\\')).then_some(inside)
    }
}

/// Words that are read from the front.
pub(super) struct Reader<'s, 'n> {
    pub(super) scope: &'s Scope<'s, 'n>,
    words: Vec<Word>,
    at: usize,
    depth: usize,
    /// What is worth knowing of what was read.
    pub(super) asides: Vec<&'static str>,
}

impl<'s, 'n> Reader<'s, 'n> {
    /// # Errors
    /// What cannot be read.
    pub(super) fn new(code: &str, scope: &'s Scope<'s, 'n>) -> Result<Self, String> {
        Ok(Self { scope, words: words(code)?, at: 0, depth: 0, asides: Vec::new() })
    }

    pub(super) fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }

    pub(super) fn next(&mut self) -> Option<Word> {
        let word = self.words.get(self.at).cloned();
        self.at += usize::from(word.is_some());
        word
    }

    /// Takes a sign, if it comes next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Word::Sign(next)) if *next == sign);
        self.at += usize::from(is_it);
        is_it
    }

    /// Takes a word, if it comes next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Word::Name(next)) if next == word);
        self.at += usize::from(is_it);
        is_it
    }

    /// A name that is one word.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn name(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Word::Name(name)) => Ok(name),
            _ => Err("a name is missing".to_owned()),
        }
    }

    /// # Errors
    /// Something is left.
    pub(super) fn done(&self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err("its end cannot be read".to_owned()),
        }
    }

    /// A value with its filters.
    ///
    /// # Errors
    /// Why there is no translation.
    pub(super) fn chain(&mut self) -> Result<Value, String> {
        let mut value = self.value()?;
        while self.sign("|") {
            let filter = self.name()?;
            let (mut args, mut named) = (Vec::new(), Vec::new());
            if self.sign(":") {
                loop {
                    let is_named = matches!(self.words.get(self.at + 1), Some(Word::Sign(":")));
                    if let (Some(Word::Name(name)), true) = (self.peek().cloned(), is_named) {
                        self.at += 2;
                        named.push((name, self.value()?));
                    } else {
                        args.push(self.value()?);
                    }
                    if !self.sign(",") {
                        break;
                    }
                }
            }
            if !named.is_empty() {
                return Err(format!("the filter `{filter}` takes nothing by name here"));
            }
            self.asides.extend(filters::aside(&filter, &value, &args));
            value = filters::apply(&filter, &value, &args)?;
            if value.code.len() > CODE_MAX {
                return Err("it is too long".to_owned());
            }
        }
        Ok(value)
    }

    /// What stands within something else.
    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
        if self.depth == DEPTH_MAX {
            return Err("it stands too deep in itself".to_owned());
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// A value without filters.
    ///
    /// # Errors
    /// Why there is no translation.
    pub(super) fn value(&mut self) -> Result<Value, String> {
        match self.next() {
            Some(Word::Text(text)) => Ok(Value { code: literal(&text), kind: Kind::Text, is_long: false }),
            Some(Word::Number(text)) => {
                let code = number(&text).ok_or_else(|| format!("`{text}` is no number here"))?;
                let kind = Kind::Number(!code.contains('.'));
                Ok(Value { code, kind, is_long: false })
            }
            Some(Word::Name(name)) => match name.as_str() {
                "true" | "false" => Ok(Value::other(name)),
                "nil" | "null" | "blank" | "empty" => {
                    Ok(Value { code: "none".to_owned(), kind: Kind::Nothing, is_long: false })
                }
                _ => self.path(name),
            },
            Some(Word::Sign("(")) => self.deeper(Self::range),
            Some(Word::Sign("[")) => {
                let Some(Word::Text(name)) = self.next() else { return Err("a name in quotes is missing".to_owned()) };
                if !self.sign("]") {
                    return Err("a `[` is not closed".to_owned());
                }
                self.path(name)
            }
            Some(Word::Sign(sign)) => Err(format!("`{sign}` stands where a value belongs")),
            None => Err("a value is missing".to_owned()),
        }
    }

    /// `(1..5)`
    fn range(&mut self) -> Result<Value, String> {
        let from = self.value()?;
        let is_range = self.sign("..");
        let to = if is_range { self.value()? } else { return Err("brackets hold a range only".to_owned()) };
        if !self.sign(")") {
            return Err("a bracket is not closed".to_owned());
        }
        let end = match to.code.parse::<i64>().ok().and_then(|end| end.checked_add(1)) {
            Some(end) => end.to_string(),
            None => format!("{} + 1", to.number()),
        };
        Ok(Value { kind: Kind::Items, ..Value::other(format!("range({}, {end})", from.number())) })
    }

    /// A name, and what stands behind it with dots and in square brackets.
    fn path(&mut self, first: String) -> Result<Value, String> {
        let mut parts: Vec<Result<String, Value>> = Vec::new();
        loop {
            if self.sign(".") {
                parts.push(Ok(self.name()?));
            } else if self.sign("[") {
                let key = self.deeper(Self::value)?;
                parts.push(match key.text() {
                    Some(text) => Ok(text.to_owned()),
                    None => Err(key),
                });
                if !self.sign("]") {
                    return Err("a `[` is not closed".to_owned());
                }
            } else {
                break;
            }
            if parts.len() > DEPTH_MAX {
                return Err("its name leads too deep".to_owned());
            }
        }
        if first == "forloop" {
            return if self.scope.in_loop { of_loop(&parts) } else { Err("no loop is open here".to_owned()) };
        }
        let base = self.base(&first, &mut parts)?;
        Ok(parts.into_iter().fold(base, attribute))
    }

    /// What the first name stands for; a name with dots that is one column takes what is behind it, too.
    fn base(&self, first: &str, parts: &mut Vec<Result<String, Value>>) -> Result<Value, String> {
        let scope = self.scope;
        // What a loop binds hides what is assigned.
        let is_bound = scope.locals.iter().any(|local| local == first);
        if scope.kept.contains(first) && !is_bound {
            let code = format!("{}.{}", scope.keeper, identifier(first));
            return Ok(Value { code, kind: Kind::Loose, is_long: false });
        }
        let ours = || Value::other(identifier(first).into_owned());
        match (is_bound, scope.assigned.get(first)) {
            (true, _) | (_, Some(true)) => return Ok(ours()),
            (_, Some(false)) => return Ok(Value { kind: Kind::Loose, ..ours() }),
            (_, None) => {}
        }
        let column = |code| Value { code, kind: Kind::Column, is_long: false };
        let is_plain = |part: &String| !matches!(part.as_str(), "size" | "first" | "last");
        let plain: Vec<String> =
            parts.iter().map_while(|part| part.as_ref().ok().filter(|part| is_plain(part)).cloned()).collect();
        let whole: Vec<String> = std::iter::once(first.to_owned()).chain(plain.iter().cloned()).collect();
        if let Some(name) = scope.names.dotted(&whole) {
            parts.drain(..plain.len());
            return Ok(column(name));
        }
        let named = scope.names.named(first);
        match named.is_missing {
            true => Err(format!("the list has no column `{first}`")),
            false => Ok(column(named.name)),
        }
    }

    /// A condition: Liquid has no brackets, and reads `and` and `or` from the end.
    ///
    /// # Errors
    /// Why there is no translation.
    pub(super) fn condition(&mut self) -> Result<Value, String> {
        let left = self.comparison()?;
        for word in ["and", "or"] {
            if self.word(word) {
                let right = self.deeper(Self::condition)?;
                // Ours reads `and` first: what Liquid takes together stands in brackets.
                let both = format!("{} {word} {}", bracketed(&left), bracketed(&right));
                return Ok(Value::long(both));
            }
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Value, String> {
        let left = self.value()?;
        if self.word("contains") {
            let right = self.value()?;
            let of = if left.kind == Kind::Column { format!("{}|default(\"\")", left.code) } else { left.closed() };
            return Ok(Value::long(format!("{} in {of}", right.closed())));
        }
        let Some(sign) = ["==", "!=", "<>", "<=", ">=", "<", ">"].into_iter().find(|sign| self.sign(sign)) else {
            if matches!(left.kind, Kind::Column | Kind::Loose) {
                self.asides.push(ZERO);
            }
            // It is asked whether it holds: an undefined value does not.
            return Ok(Value { code: left.safe(), kind: Kind::Other, is_long: left.is_long });
        };
        let sign = if sign == "<>" { "!=" } else { sign };
        let right = self.value()?;
        let is_order = !matches!(sign, "==" | "!=");
        Ok(match (left.kind, right.kind) {
            (Kind::Nothing, Kind::Nothing) => Value::other((sign == "==").to_string()),
            (_, Kind::Nothing) if !is_order => nothing(&left, sign),
            (Kind::Nothing, _) if !is_order => nothing(&right, sign),
            _ if is_order || matches!(left.kind, Kind::Number(_)) || matches!(right.kind, Kind::Number(_)) => {
                Value::long(format!("{} {sign} {}", left.number(), right.number()))
            }
            _ => Value::long(format!("{} {sign} {}", left.closed(), right.closed())),
        })
    }
}

/// What a condition of Liquid takes otherwise than ours.
const ZERO: &str = "in a condition 0 and an empty list count as something in Liquid, and as nothing here: where a JSON list \
                    has such, write `is defined` behind the name";

/// Whether there is something: what is empty in a list is not there.
fn nothing(value: &Value, sign: &str) -> Value {
    match sign {
        "==" => Value::long(format!("not {}", value.closed())),
        _ => Value { code: value.safe(), kind: Kind::Other, is_long: value.is_long },
    }
}

fn bracketed(value: &Value) -> String {
    // One comparison needs none.
    let joins = [" and ", " or ", "not "].iter().any(|word| value.code.contains(word));
    if value.is_long && joins { format!("({})", value.code) } else { value.code.clone() }
}

fn attribute(base: Value, part: Result<String, Value>) -> Value {
    // An object that is not there has attributes all the same: they are empty.
    let code = match base.kind {
        Kind::Column | Kind::Loose => format!("({}|default({{}}))", base.code),
        _ => base.closed(),
    };
    let loose = |code| Value { code, kind: Kind::Loose, is_long: false };
    match part {
        Ok(name) => match name.as_str() {
            "size" => Value::other(format!("{}|length", base.items())),
            "first" | "last" => loose(format!("({}|{name})", base.items())),
            _ => {
                let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                loose(if is_name { format!("{code}.{name}") } else { format!("{code}[{}]", literal(&name)) })
            }
        },
        Err(key) => loose(format!("{code}[{}]", key.code)),
    }
}

/// `forloop.index`
fn of_loop(parts: &[Result<String, Value>]) -> Result<Value, String> {
    let [Ok(part)] = parts else { return Err("it asks the loop for what it does not tell here".to_owned()) };
    let ours = match part.as_str() {
        "index" | "index0" | "first" | "last" | "length" => part.as_str(),
        "rindex" => "revindex",
        "rindex0" => "revindex0",
        other => return Err(format!("there is no `forloop.{other}` here")),
    };
    Ok(Value::other(format!("loop.{ours}")))
}
