//! Jinja2's filters of text that minijinja does not bring, with its arguments in its order and its results.

use super::{bounded, invalid, named};
use crate::content::escape::Escape;
use minijinja::value::{Kwargs, Rest, Value, ValueKind, ValueOrKwargs};
use minijinja::{AutoEscape, Error, State};

/// Widest line or field that a filter makes.
const WIDTH_MAX: usize = 10_000;

fn text_of(value: &Value) -> Result<String, Error> {
    Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// `truncate(length=255, killwords=false, end="...", leeway=5)`.
pub(crate) fn truncate(value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = named(given, &["length", "killwords", "end", "leeway"])?;
    let length = given.get::<Option<usize>>("length")?.unwrap_or(255);
    let killwords = given.get::<Option<bool>>("killwords")?.unwrap_or(false);
    let end = given.get::<Option<String>>("end")?.unwrap_or_else(|| "...".to_owned());
    let leeway = given.get::<Option<usize>>("leeway")?.unwrap_or(5);
    given.assert_all_used()?;
    let text = text_of(value)?;
    let end_length = end.chars().count();
    let room = length
        .checked_sub(end_length)
        .ok_or_else(|| invalid(format!("a length of {length} is shorter than {end:?}")))?;
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(Value::from(text));
    }
    let cut: String = text.chars().take(room).collect();
    let cut = if killwords { cut.as_str() } else { cut.rsplit_once(' ').map_or(cut.as_str(), |(front, _)| front) };
    Ok(Value::from(format!("{cut}{end}")))
}

/// `center(width=80)`, as Python's `str.center`.
pub(crate) fn center(value: &Value, width: Option<usize>, kwargs: Kwargs) -> Result<String, Error> {
    let width = width.or(kwargs.get::<Option<usize>>("width")?).unwrap_or(80);
    kwargs.assert_all_used()?;
    centered(&text_of(value)?, width, ' ')
}

pub(super) fn centered(text: &str, width: usize, fill: char) -> Result<String, Error> {
    let width = narrow(width)?;
    let blanks = width.saturating_sub(text.chars().count());
    let left = blanks / 2 + (blanks & width & 1);
    let pad = |count: usize| fill.to_string().repeat(count);
    Ok(format!("{}{text}{}", pad(left), pad(blanks - left)))
}

/// Words as Python's `\w+` finds them.
pub(crate) fn wordcount(value: &Value) -> Result<usize, Error> {
    let text = text_of(value)?;
    Ok(text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).count())
}

/// Escapes for where the template's text goes, in plain text for HTML; what is escaped already stays.
pub(crate) fn escape(state: &State, value: &Value) -> Result<Value, Error> {
    if value.is_safe() {
        return Ok(value.clone());
    }
    escaped(value, if matches!(state.auto_escape(), AutoEscape::Custom(_)) { Escape::Url } else { Escape::Html })
}

/// Escapes for HTML what is escaped already, too.
pub(crate) fn forceescape(value: &Value) -> Result<Value, Error> {
    escaped(value, Escape::Html)
}

fn escaped(value: &Value, escape: Escape) -> Result<Value, Error> {
    let mut out = String::new();
    escape.write(&text_of(value)?, &mut out);
    Ok(Value::from_safe_string(out))
}

/// `xmlattr(autospace=true)`: an object as attributes of an element; those without a value are left out.
pub(crate) fn xmlattr(value: &Value, autospace: Option<bool>) -> Result<Value, Error> {
    let mut out = String::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let attribute = value.get_item(&key)?;
        if attribute.is_none() || attribute.is_undefined() {
            continue;
        }
        let name = text_of(&key)?;
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || "/>=".contains(c)) {
            return Err(invalid(format!("{name:?} is no name of an attribute")));
        }
        if !out.is_empty() {
            out.push(' ');
        }
        Escape::Html.write(&name, &mut out);
        out.push_str("=\"");
        Escape::Html.write(&text_of(&attribute)?, &mut out);
        out.push('"');
    }
    if autospace.unwrap_or(true) && !out.is_empty() {
        out.insert(0, ' ');
    }
    Ok(Value::from_safe_string(out))
}

/// `wordwrap(width=79, break_long_words=true, wrapstring="\n", break_on_hyphens=true)`: each line as Python's `textwrap` wraps it.
pub(crate) fn wordwrap(value: &Value, given: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let given = named(given, &["width", "break_long_words", "wrapstring", "break_on_hyphens"])?;
    let width = given.get::<Option<usize>>("width")?.unwrap_or(79);
    let break_long_words = given.get::<Option<bool>>("break_long_words")?.unwrap_or(true);
    let wrapstring = given.get::<Option<String>>("wrapstring")?.unwrap_or_else(|| "\n".to_owned());
    let break_on_hyphens = given.get::<Option<bool>>("break_on_hyphens")?.unwrap_or(true);
    given.assert_all_used()?;
    if value.kind() == ValueKind::None || width == 0 {
        return Err(invalid("it wraps text to a width above 0"));
    }
    let text = text_of(value)?;
    // Each break is behind a character at least.
    bounded(text.len().saturating_mul(wrapstring.len().saturating_add(1)))
        .or_else(|error| if width.saturating_mul(8) > wrapstring.len() { Ok(()) } else { Err(error) })?;
    let lines = text.lines().map(|line| wrapped(line, width, break_long_words, break_on_hyphens).join(&wrapstring));
    Ok(lines.collect::<Vec<_>>().join(&wrapstring))
}

/// One line, wrapped: blanks at a break are dropped.
fn wrapped(line: &str, width: usize, break_long_words: bool, break_on_hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<Vec<char>> = chunks(line, break_on_hyphens);
    chunks.reverse();
    let is_blank = |chunk: &[char]| chunk.iter().all(|c| c.is_whitespace());
    let mut lines: Vec<String> = Vec::new();
    while !chunks.is_empty() {
        if !lines.is_empty() && chunks.last().is_some_and(|chunk| is_blank(chunk)) {
            chunks.pop();
        }
        let mut now: Vec<Vec<char>> = Vec::new();
        let mut length = 0;
        while let Some(chunk) = chunks.pop_if(|chunk| length + chunk.len() <= width) {
            length += chunk.len();
            now.push(chunk);
        }
        if let Some(long) = chunks.pop_if(|chunk| chunk.len() > width) {
            let room = width - length;
            if break_long_words {
                let room = if break_on_hyphens { behind_hyphen(&long, room) } else { room };
                let (front, back) = long.split_at(room.min(long.len()));
                now.push(front.to_vec());
                chunks.push(back.to_vec());
            } else if now.is_empty() {
                now.push(long);
            } else {
                chunks.push(long);
            }
        }
        if now.last().is_some_and(|chunk| is_blank(chunk)) {
            now.pop();
        }
        if !now.is_empty() {
            lines.push(now.into_iter().flatten().collect());
        }
    }
    lines
}

/// Where a long word is broken: behind its last hyphen within `room`, if letters stand before that.
fn behind_hyphen(word: &[char], room: usize) -> usize {
    let front = word.get(..room).unwrap_or_default();
    match front.iter().rposition(|c| *c == '-') {
        Some(at) if at > 0 && front.iter().take(at).any(|c| *c != '-') => at + 1,
        _ => room,
    }
}

/// As markupsafe does it: comments, then tags; a `<` that no `>` follows is text. Blanks are collapsed, then entities are read.
pub(crate) fn striptags(value: &Value) -> Result<String, Error> {
    const NO_BREAK: char = '\u{fdd1}';
    let text = without(&without(&text_of(value)?, "<!--", "-->"), "<", ">");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut text = words.join(" ").replace('<', "&lt;");
    // What reads the entities collapses blanks of every kind, and these are none.
    for entity in ["&nbsp;", "&#160;", "&#xa0;", "&#xA0;"] {
        text = text.replace(entity, "\u{fdd1}");
    }
    Ok(minijinja_contrib::filters::striptags(text).replace(NO_BREAK, "\u{a0}"))
}

/// `text` without what stands from an `open` to the next `close`.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once(open)
        && let Some((_, after)) = behind.split_once(close)
    {
        out.push_str(before);
        rest = after;
    }
    out.push_str(rest);
    out
}

/// `indent(width=4, first=false, blank=false)`: by blanks, or by a text.
pub(crate) fn indent(value: &Value, given: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let given = named(given, &["width", "first", "blank"])?;
    let by = match given.get::<Option<Value>>("width")? {
        None => " ".repeat(4),
        Some(by) => match by.as_str() {
            Some(by) => by.to_owned(),
            None => " ".repeat(narrow(usize::try_from(by.clone())?)?),
        },
    };
    let first = given.get::<Option<bool>>("first")?.unwrap_or(false);
    let blank = given.get::<Option<bool>>("blank")?.unwrap_or(false);
    given.assert_all_used()?;
    let text = text_of(value)?;
    let lines: Vec<&str> = if text.is_empty() { vec![""] } else { text.split('\n').collect() };
    bounded(lines.len().saturating_mul(by.len()).saturating_add(text.len()))?;
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        if (at == 0 && first) || (at > 0 && (blank || !line.is_empty())) {
            out.push_str(&by);
        }
        out.push_str(line);
    }
    Ok(if value.is_safe() { Value::from_safe_string(out) } else { Value::from(out) })
}

fn narrow(width: usize) -> Result<usize, Error> {
    if width > WIDTH_MAX { Err(invalid(format!("wider than {WIDTH_MAX}"))) } else { Ok(width) }
}

/// `tojson(indent=none)`.
pub(crate) fn tojson(value: &Value, indent: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let indent = indent.or(kwargs.get::<Option<Value>>("indent")?);
    kwargs.assert_all_used()?;
    if indent.as_ref().and_then(|indent| usize::try_from(indent.clone()).ok()).is_some_and(|indent| indent > 100) {
        return Err(invalid("an indent of more than 100"));
    }
    minijinja::filters::tojson(value, indent, Kwargs::from_iter(Vec::<(String, Value)>::new()))
}

/// Words, and the blanks between them; a word is also cut behind a hyphen between letters.
fn chunks(line: &str, break_on_hyphens: bool) -> Vec<Vec<char>> {
    let all: Vec<char> = line.chars().collect();
    let letter = |at: Option<usize>| at.and_then(|at| all.get(at)).is_some_and(|c| c.is_alphabetic());
    let word = |at: Option<usize>| at.and_then(|at| all.get(at)).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let mut out: Vec<Vec<char>> = Vec::new();
    for (i, c) in all.iter().enumerate() {
        let hyphen = break_on_hyphens
            && i.checked_sub(1).is_some_and(|before| all.get(before) == Some(&'-'))
            && word(i.checked_sub(2))
            && word(i.checked_sub(3))
            && letter(Some(i))
            && word(i.checked_add(1));
        let goes_on =
            out.last().and_then(|chunk| chunk.last()).is_some_and(|last| last.is_whitespace() == c.is_whitespace());
        match out.last_mut() {
            Some(chunk) if goes_on && !hyphen => chunk.push(*c),
            _ => out.push(vec![*c]),
        }
    }
    out
}
