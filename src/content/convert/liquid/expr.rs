//! Expressions of Liquid in our words: values, and chains of filters.

use super::super::Holds;
use super::super::vocabulary::Vocabulary;
use super::super::writer::{UNSURE, literal, number};
use super::lexer::{Word, words};
use super::{KINDS, filters};
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
    /// Those of them that are HTML.
    pub(super) markup: &'s BTreeMap<String, Markup>,
    /// Whether a loop is open.
    pub(super) in_loop: bool,
}

/// Words of Liquid for what is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Void {
    /// `nil`, `null`
    Nil,
    /// Nothing, `false`, and text without anything but blanks.
    Blank,
    /// A text, a list or an object without anything in it.
    Empty,
}

/// What is known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A column of the list, or a built-in value: never undefined where it is printed.
    Column(Holds),
    /// A text that is written there.
    Text,
    /// A number that is written there; whether it is whole.
    Number(bool),
    Nothing(Void),
    /// `true`, `false`, or a condition of a loop.
    Truth,
    /// Something that may be undefined where it is used.
    Loose,
    /// What a loop or an assignment binds: undefined where that was.
    Local,
    /// How many items there are, of something that may be missing: Liquid has none then.
    Size,
    /// A number that was computed.
    Figure,
    /// A text that was made.
    Words,
    /// Items, for certain.
    Items,
    Other,
}

/// Whether a text is one of HTML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Markup {
    #[default]
    No,
    /// Ours knows it as such, and does not escape it.
    Known,
    /// There is HTML in it of which ours knows nothing.
    Within,
}

/// An expression in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) code: String,
    pub(super) kind: Kind,
    /// Whether it is more than a name with filters: in brackets where something is done with it.
    pub(super) is_long: bool,
    pub(super) markup: Markup,
}

/// What stands behind a value whose items are counted.
const COUNTED: &str = "|default([])|length";

impl Value {
    pub(super) fn of(kind: Kind, code: impl Into<String>) -> Self {
        Self { code: code.into(), kind, is_long: false, markup: Markup::No }
    }

    pub(super) fn other(code: String) -> Self {
        Self::of(Kind::Other, code)
    }

    pub(super) fn long(code: String) -> Self {
        Self { is_long: true, ..Self::other(code) }
    }

    /// A text that is written there.
    fn written(text: &str) -> Self {
        let begins = |(at, _): (usize, &str)| {
            text.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '#'))
        };
        let is_markup = text.contains(['<', '>']) || text.match_indices('&').any(begins);
        let markup = if is_markup { Markup::Within } else { Markup::No };
        Self { markup, ..Self::of(Kind::Text, literal(text)) }
    }

    /// Whether it may be undefined.
    pub(super) fn may_be_missing(&self) -> bool {
        matches!(self.kind, Kind::Column(_) | Kind::Loose | Kind::Local)
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

    /// The code with brackets where it needs them, and nothing in the place of what is missing.
    pub(super) fn bare(&self) -> String {
        if self.is_long { format!("({})", self.code) } else { self.code.clone() }
    }

    /// As it is printed.
    pub(super) fn printed(&self) -> String {
        let code = match self.kind {
            // One behind the other.
            Kind::Items => format!("{}|join", self.closed()),
            Kind::Column(holds)
                if holds.lists && !(holds.texts || holds.truths || holds.objects || holds.deep_lists) =>
            {
                format!("{}|default([])|join", self.code)
            }
            Kind::Size => match self.counted() {
                Some(of) => format!("({} if {of} is defined)", self.code),
                None => self.code.clone(),
            },
            _ => self.as_text(),
        };
        match self.markup {
            Markup::Within if self.is_long && code == self.code => format!("({code})|safe"),
            Markup::Within => format!("{code}|safe"),
            Markup::No | Markup::Known => code,
        }
    }

    /// Whether a row can have HTML in it.
    pub(super) fn may_hold_markup(&self) -> bool {
        match self.kind {
            Kind::Column(holds) => holds.texts || holds == Holds::default(),
            Kind::Loose | Kind::Local | Kind::Words | Kind::Items | Kind::Other => true,
            _ => false,
        }
    }

    /// Whether it is a column that holds more than text and numbers.
    pub(super) fn is_odd(&self) -> bool {
        matches!(self.kind, Kind::Column(holds) if !holds.is_plain())
    }

    /// Whether a row can hold what ours prints otherwise.
    pub(super) fn is_printed_otherwise(&self) -> bool {
        matches!(self.kind, Kind::Column(holds) if !holds.is_plain() && self.printed() == self.code)
    }

    /// As a part of a text: `true` has no capital in Liquid.
    pub(super) fn as_text(&self) -> String {
        match self.kind {
            Kind::Truth if matches!(self.code.as_str(), "true" | "false") => literal(&self.code),
            Kind::Truth => format!("{}|string|lower", self.bare()),
            Kind::Nothing(_) => literal(""),
            Kind::Column(holds) if holds.truths && !(holds.texts || holds.lists || holds.objects) => {
                format!("{}|string|lower", self.code)
            }
            _ => self.safe(),
        }
    }

    /// As something that is nothing where it is missing: `default` behind it says so.
    pub(super) fn or_nothing(&self) -> String {
        match self.kind {
            Kind::Loose => format!("({0} if {0} is defined)", self.code),
            Kind::Nothing(_) => "(\"\" if false)".to_owned(),
            _ => self.code.clone(),
        }
    }

    /// As a number.
    pub(super) fn number(&self) -> String {
        match self.kind {
            Kind::Column(_) | Kind::Loose | Kind::Local => format!("{}|default(0)", self.code),
            Kind::Text => self.text().and_then(number).unwrap_or_else(|| self.closed()),
            Kind::Nothing(_) => "0".to_owned(),
            _ => self.closed(),
        }
    }

    /// Whether it is a whole number for certain.
    pub(super) fn is_whole(&self) -> bool {
        match self.kind {
            Kind::Number(is_whole) => is_whole,
            Kind::Column(holds) => {
                holds.numbers && !(holds.fractions || holds.texts || holds.truths || holds.lists || holds.objects)
            }
            Kind::Size => true,
            _ => false,
        }
    }

    /// As something that has items: anything else is one.
    pub(super) fn items(&self) -> String {
        match self.kind {
            Kind::Column(holds) if holds.texts && !(holds.lists || holds.objects) => {
                format!("([{0}] if {0} else [])", self.code)
            }
            Kind::Column(_) | Kind::Loose | Kind::Local => format!("{}|default([])", self.code),
            Kind::Nothing(_) => "[]".to_owned(),
            Kind::Text | Kind::Words | Kind::Number(_) | Kind::Figure | Kind::Size => format!("[{}]", self.code),
            _ => self.closed(),
        }
    }

    /// As something that has items, or none.
    pub(super) fn some_items(&self) -> String {
        if self.may_be_missing() { format!("{}|values", self.code) } else { self.items() }
    }

    /// How many items or characters it has.
    pub(super) fn size(&self) -> Self {
        match self.may_be_missing() {
            true => Self::of(Kind::Size, format!("{}{COUNTED}", self.code)),
            false => Self::of(Kind::Figure, format!("{}|length", self.closed())),
        }
    }

    /// What is counted, where that may be missing.
    pub(super) fn counted(&self) -> Option<&str> {
        self.code.strip_suffix(COUNTED).filter(|_| self.kind == Kind::Size)
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
            self.asides.extend(filters::aside(&filter, &value, &args));
            if value.is_odd() && !filters::is_of_items(&filter, &value) {
                self.asides.push(KINDS);
            }
            value = filters::apply(&filter, &value, &args, &named)?;
            if value.code.len() > CODE_MAX {
                return Err("it is too long".to_owned());
            }
        }
        Ok(value)
    }

    /// What stands within something else.
    pub(super) fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Value, String>) -> Result<Value, String> {
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
            Some(Word::Text(text)) => Ok(Value::written(&text)),
            Some(Word::Number(text)) => {
                let code = number(&text).ok_or_else(|| format!("`{text}` is no number here"))?;
                Ok(Value::of(Kind::Number(!code.contains('.')), code))
            }
            Some(Word::Name(name)) => match name.as_str() {
                "true" | "false" => Ok(Value::of(Kind::Truth, name)),
                "nil" | "null" => Ok(Value::of(Kind::Nothing(Void::Nil), "none")),
                "blank" => Ok(Value::of(Kind::Nothing(Void::Blank), "\"\"")),
                "empty" => Ok(Value::of(Kind::Nothing(Void::Empty), "\"\"")),
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
        Ok(Value::of(Kind::Items, format!("range({}, {end})", from.number())))
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
        parts.into_iter().try_fold(base, attribute)
    }

    /// What the first name stands for; a name with dots that is one column takes what is behind it, too.
    fn base(&mut self, first: &str, parts: &mut Vec<Result<String, Value>>) -> Result<Value, String> {
        let scope = self.scope;
        // What a loop binds hides what is assigned.
        let is_bound = scope.locals.iter().any(|local| local == first);
        let markup = scope.markup.get(first).copied().filter(|_| !is_bound).unwrap_or_default();
        if scope.kept.contains(first) && !is_bound {
            let code = format!("{}.{}", scope.keeper, identifier(first));
            return Ok(Value { markup, ..Value::of(Kind::Loose, code) });
        }
        let ours = |kind| Value { markup, ..Value::of(kind, identifier(first)) };
        match (is_bound, scope.assigned.get(first)) {
            (true, _) | (_, Some(true)) => return Ok(ours(Kind::Local)),
            (_, Some(false)) => return Ok(ours(Kind::Loose)),
            (_, None) => {}
        }
        if scope.names.is_unsure() && !scope.names.is_built_in(first) {
            self.asides.push(UNSURE);
        }
        let column = |code: String| Value::of(Kind::Column(scope.names.holds(&code)), code);
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
}

/// # Errors
/// There is no such thing of it.
fn attribute(base: Value, part: Result<String, Value>) -> Result<Value, String> {
    // An object that is not there has attributes all the same: they are empty.
    let code = match base.may_be_missing() {
        true => format!("({}|default({{}}))", base.code),
        false => base.closed(),
    };
    let is_text = matches!(base.kind, Kind::Column(holds) if holds.texts && !(holds.lists || holds.objects));
    let loose = |code| Value::of(Kind::Loose, code);
    Ok(match part {
        Ok(name) => match name.as_str() {
            "size" => base.size(),
            "first" | "last" if is_text => return Err(format!("a text has no `{name}` in Liquid")),
            "first" | "last" => loose(format!("({}|{name})", base.some_items())),
            _ => {
                let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                loose(if is_name { format!("{code}.{name}") } else { format!("{code}[{}]", literal(&name)) })
            }
        },
        Err(key) => loose(format!("{code}[{}]", key.code)),
    })
}

/// `forloop.index`
fn of_loop(parts: &[Result<String, Value>]) -> Result<Value, String> {
    let [Ok(part)] = parts else { return Err("it asks the loop for what it does not tell here".to_owned()) };
    let (kind, ours) = match part.as_str() {
        "first" | "last" => (Kind::Truth, part.as_str()),
        "index" | "index0" | "length" => (Kind::Figure, part.as_str()),
        "rindex" => (Kind::Figure, "revindex"),
        "rindex0" => (Kind::Figure, "revindex0"),
        other => return Err(format!("there is no `forloop.{other}` here")),
    };
    Ok(Value::of(kind, format!("loop.{ours}")))
}
