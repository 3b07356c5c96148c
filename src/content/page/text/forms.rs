//! What the form of words says that a text has no form for: crossed out, raised and lowered, quoted, too small to be read.
//!
//! `<s>99 €</s> 49 €` would read as two prices, and `10<sup>3</sup>` as 103. Guarantees: marks that are opened are closed before the
//! template branches, so that no row has one without the other; a row that has nothing to cross out has no marks. Leaves to others:
//! words, and what stands between them.

use super::super::Work;
use super::super::scan::{Start, Token, scan};
use super::super::tags::Kind;
use super::spoken_value;
use std::collections::{HashMap, HashSet};

/// The filters that do the same to a value of the row, as templates name them.
const STRUCK: &str = "__struck";
const RAISED: &str = "__raised";
const LOWERED: &str = "__lowered";

/// Around what is crossed out.
const STROKE: &str = "~~";
/// Elements within each other of whose forms is known.
const DEPTH_MAX: usize = 64;
/// Text of a size up to this is there for no reader, in CSS pixels or points.
const TINY: f64 = 1.0;

const PLAIN: &str = "0123456789+-\u{2212}=()";
const HIGH: &str = "\u{2070}\u{b9}\u{b2}\u{b3}\u{2074}\u{2075}\u{2076}\u{2077}\u{2078}\u{2079}\u{207a}\u{207b}\u{207b}\u{207c}\u{207d}\u{207e}";
const LOW: &str = "\u{2080}\u{2081}\u{2082}\u{2083}\u{2084}\u{2085}\u{2086}\u{2087}\u{2088}\u{2089}\u{208a}\u{208b}\u{208b}\u{208c}\u{208d}\u{208e}";

/// A form of words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Between these marks, which stand there by now or not.
    Between(&'static str, &'static str, bool),
    Raised,
    Lowered,
    /// Of a size that is no reader's, or of one that is, within such.
    Tiny(bool),
}

/// An element that has not ended.
#[derive(Debug)]
struct Scope {
    name: String,
    /// Elements of its name that have begun in it.
    inner: usize,
    forms: Vec<Form>,
}

/// The forms of a page's words, as it is gone through.
#[derive(Debug, Default)]
pub(super) struct Forms {
    scopes: Vec<Scope>,
    /// Values within them as a text says them, by where they stand.
    values: HashMap<usize, String>,
    /// Elements whose marks are put around their value by the row.
    alone: HashSet<usize>,
}

impl Forms {
    /// Those of a page, whose tags are hidden.
    pub(super) fn of(work: &mut Work, page: &str) -> Self {
        let tokens = scan(page);
        let mut forms = Self::default();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Start(start) if !start.conditional => {
                    if let Some(value) = forms.struck_value(work, page, start, tokens.get(at + 1..at + 3)) {
                        forms.values.insert(value.0, value.1);
                        forms.alone.insert(start.range.start);
                    }
                    forms.begin(page, start);
                }
                Token::End(_, name, false) => {
                    forms.end(name);
                }
                Token::Text(range) => {
                    let Some(filter) = forms.script().map(|high| if high { RAISED } else { LOWERED }) else { continue };
                    let text = page.get(range.clone()).unwrap_or_default();
                    let slots = work.tags.words(text).filter(|(_, tag)| tag.kind == Kind::Slot);
                    let slots: Vec<_> = slots.map(|(slot, tag)| (range.start + slot.start, tag.clone())).collect();
                    for (at, tag) in slots {
                        let value = spoken_value(&tag).unwrap_or_else(|| tag.inside().to_owned());
                        forms.values.insert(at, work.tags.instead(&tag, format!("{{{{ ({value})|{filter} }}}}")));
                    }
                }
                _ => {}
            }
        }
        forms.scopes.clear();
        forms
    }

    /// The one value that a crossed out element holds, if that is all it holds: where it stands, and how a text says it.
    fn struck_value(
        &self,
        work: &mut Work,
        page: &str,
        start: &Start,
        next: Option<&[Token]>,
    ) -> Option<(usize, String)> {
        let [Token::Text(range), Token::End(_, name, false)] = next? else { return None };
        if *name != start.name || !is_struck(page, start) {
            return None;
        }
        let text = page.get(range.clone())?;
        let mut words = work.tags.words(text);
        let (slot, tag) = words.next().filter(|(_, tag)| tag.kind == Kind::Slot)?;
        let is_alone = words.next().is_none()
            && text.get(..slot.start).is_some_and(|before| before.trim().is_empty())
            && text.get(slot.end..).is_some_and(|behind| behind.trim().is_empty());
        let tag = tag.clone();
        drop(words);
        let value = spoken_value(&tag).unwrap_or_else(|| tag.inside().to_owned());
        is_alone.then(|| (range.start + slot.start, work.tags.instead(&tag, format!("{{{{ ({value})|{STRUCK} }}}}"))))
    }

    /// An element begins.
    pub(super) fn begin(&mut self, page: &str, start: &Start) {
        if start.is_void() {
            return;
        }
        let mut forms = Vec::new();
        if is_struck(page, start) && !self.alone.contains(&start.range.start) {
            forms.push(Form::Between(STROKE, STROKE, false));
        }
        match start.name.as_str() {
            "q" => forms.push(Form::Between("\u{201c}", "\u{201d}", false)),
            "sup" => forms.push(Form::Raised),
            "sub" => forms.push(Form::Lowered),
            _ => {}
        }
        let size = size_of(page, start).or_else(|| matches!(start.name.as_str(), "table" | "font").then_some(false));
        forms.extend(size.filter(|tiny| *tiny || self.is_tiny()).map(Form::Tiny));
        match forms.is_empty() || self.scopes.len() >= DEPTH_MAX {
            true => {
                if let Some(scope) = self.scopes.iter_mut().rev().find(|scope| scope.name == start.name) {
                    scope.inner += 1;
                }
            }
            false => self.scopes.push(Scope { name: start.name.clone(), inner: 0, forms }),
        }
    }

    /// An element ends: the marks that are to be closed behind its words.
    pub(super) fn end(&mut self, name: &str) -> String {
        let Some(place) = self.scopes.iter().rposition(|scope| scope.name == name) else { return String::new() };
        if let Some(scope) = self.scopes.get_mut(place).filter(|scope| scope.inner > 0) {
            scope.inner -= 1;
            return String::new();
        }
        closes(self.scopes.drain(place..).rev())
    }

    /// The marks that are to be opened before words.
    pub(super) fn opened(&mut self) -> String {
        let mut marks = String::new();
        for form in self.scopes.iter_mut().flat_map(|scope| &mut scope.forms) {
            if let Form::Between(open, _, is_open @ false) = form {
                marks.push_str(open);
                *is_open = true;
            }
        }
        marks
    }

    /// The marks that are to be closed before the template branches.
    pub(super) fn closed(&mut self) -> String {
        let mut marks = String::new();
        for form in self.scopes.iter_mut().rev().flat_map(|scope| &mut scope.forms) {
            if let Form::Between(_, close, is_open @ true) = form {
                marks.push_str(close);
                *is_open = false;
            }
        }
        marks
    }

    /// Whether what is said now is too small to be read.
    pub(super) fn is_tiny(&self) -> bool {
        let sizes = self.scopes.iter().rev().flat_map(|scope| &scope.forms);
        sizes.filter_map(|form| if let Form::Tiny(tiny) = form { Some(*tiny) } else { None }).next() == Some(true)
    }

    /// A value of the row within a form, by where it stands, as a text says it.
    pub(super) fn value(&self, at: usize) -> Option<&str> {
        self.values.get(&at).map(String::as_str)
    }

    /// Words as they stand in a text, behind this character.
    pub(super) fn said(&self, text: &str, before: Option<char>) -> String {
        self.script().map_or_else(|| text.to_owned(), |high| scripted(text, high, before))
    }

    fn script(&self) -> Option<bool> {
        let forms = self.scopes.iter().rev().flat_map(|scope| &scope.forms);
        forms
            .filter_map(|form| match form {
                Form::Raised => Some(true),
                Form::Lowered => Some(false),
                _ => None,
            })
            .next()
    }
}

fn closes(scopes: impl Iterator<Item = Scope>) -> String {
    let forms = scopes.flat_map(|scope| scope.forms);
    forms.filter_map(|form| if let Form::Between(_, close, true) = form { Some(close) } else { None }).collect()
}

/// Raised or lowered words: digits have letters of their own; where not all of it has, a digit is kept apart from the one before it.
fn scripted(text: &str, high: bool, before: Option<char>) -> String {
    let trimmed = text.trim();
    let table = if high { HIGH } else { LOW };
    let letter = |c: char| match c {
        ',' => Some(c),
        c => PLAIN.chars().zip(table.chars()).find(|(plain, _)| *plain == c).map(|(_, letter)| letter),
    };
    let begins = |is: fn(char) -> bool| trimmed.chars().next().is_some_and(is);
    let has_digit = trimmed.contains(|c: char| c.is_ascii_digit());
    match trimmed.chars().map(letter).collect::<Option<String>>() {
        Some(letters) if has_digit && !begins(|c| c == ',') => letters,
        _ if high && begins(|c| c.is_ascii_digit()) && before.is_some_and(|c| c.is_ascii_digit()) => format!("^{text}"),
        _ => text.to_owned(),
    }
}

/// `__struck` of templates: a value that is crossed out; nothing where there is none.
pub(crate) fn struck(value: minijinja::Value) -> String {
    let text = value.to_string();
    if text.trim().is_empty() { String::new() } else { format!("{STROKE}{}{STROKE}", text.trim()) }
}

/// `__raised` of templates.
pub(crate) fn raised(value: minijinja::Value) -> String {
    scripted(&value.to_string(), true, Some('0'))
}

/// `__lowered` of templates.
pub(crate) fn lowered(value: minijinja::Value) -> String {
    scripted(&value.to_string(), false, None)
}

fn is_struck(page: &str, start: &Start) -> bool {
    let by_style = || {
        declarations(page, start)
            .any(|(name, value)| name.starts_with("text-decoration") && value.contains("line-through"))
    };
    matches!(start.name.as_str(), "s" | "strike" | "del") || by_style()
}

/// Whether an element says that its text is too small to be read, where it says what size it has.
fn size_of(page: &str, start: &Start) -> Option<bool> {
    declarations(page, start)
        .filter_map(|(name, value)| match name.as_str() {
            "font-size" => is_tiny(&value),
            "font" => {
                value.split_whitespace().find(|part| part.starts_with(|c: char| c.is_ascii_digit())).and_then(is_tiny)
            }
            _ => None,
        })
        .last()
}

/// The same of a value; `None` where it depends on what is around it.
fn is_tiny(value: &str) -> Option<bool> {
    let value = value.split('/').next().unwrap_or_default().trim();
    let digits = value.len() - value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = value.split_at(digits);
    match (number.parse::<f64>(), unit.trim()) {
        (Ok(0.0), _) => Some(true),
        (Ok(number), "px" | "pt" | "") => Some(number <= TINY),
        (Ok(_), "em" | "%" | "ex") => None,
        (Err(_), "inherit" | "unset" | "smaller" | "larger") => None,
        _ => Some(false),
    }
}

/// The declarations of an element's style.
pub(super) fn declarations<'p>(page: &'p str, start: &Start) -> impl Iterator<Item = (String, String)> + use<'p> {
    let style = start.value(page, "style");
    style.split(';').filter_map(|declaration| {
        let (name, value) = declaration.split_once(':')?;
        let value = value.to_ascii_lowercase().replace("!important", "");
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    })
}

/// Whether an element is not shown.
pub(in super::super) fn is_hidden(page: &str, start: &Start) -> bool {
    if start.attribute("hidden").is_some() {
        return true;
    }
    let (mut clips, mut is_nothing, mut is_apart, mut is_far) = (false, false, false, false);
    for (name, value) in declarations(page, start) {
        let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%').trim().parse::<f64>().ok();
        match (name.as_str(), value.as_str()) {
            ("display", "none") | ("visibility", "hidden" | "collapse") => return true,
            ("opacity" | "max-height", _) if number == Some(0.0) => return true,
            ("text-indent", _) if number.is_some_and(|number| number <= FAR) => return true,
            ("overflow", "hidden") => clips = true,
            ("height" | "width" | "max-width", _) if number == Some(0.0) => is_nothing = true,
            ("position", "absolute" | "fixed") => is_apart = true,
            ("left" | "top" | "right", _) if number.is_some_and(|number| number <= FAR) => is_far = true,
            _ => {}
        }
    }
    (clips && is_nothing) || (is_apart && is_far)
}

/// So far off a page nothing of it is seen, in CSS pixels.
const FAR: f64 = -900.0;
