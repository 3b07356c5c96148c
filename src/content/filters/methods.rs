//! Python's methods of text, lists and objects: those of minijinja-contrib, and the rest that templates use.

use super::words::centered;
use super::{bounded, invalid};
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Value, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State};

/// The methods of text.
pub(crate) const OF_TEXT: [&str; 45] = [
    "capitalize",
    "casefold",
    "center",
    "count",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "islower",
    "isnumeric",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "upper",
    "zfill",
    // Of lists and objects.
    "get",
    "items",
    "keys",
    "values",
];

/// Those of them that texts do not have.
const OF_OTHERS: [&str; 4] = ["get", "items", "keys", "values"];

/// Called where minijinja knows no method of this name.
pub(crate) fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    // A cell without a character, wherever a template has taken it to.
    if value.is_undefined() && OF_TEXT.contains(&method) && !OF_OTHERS.contains(&method) {
        return call(state, &Value::from(""), method, args);
    }
    if let Some(text) = value.as_str()
        && let Some(result) = of_text(text, method, args)
    {
        return result;
    }
    if let (ValueKind::Seq, "index") = (value.kind(), method) {
        let (what,): (&Value,) = from_args(args)?;
        let at = value.try_iter()?.position(|item| item == *what);
        return at.map(Value::from).ok_or_else(|| invalid(format!("{what:?} is not in the list")));
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
}

fn of_text(text: &str, method: &str, args: &[Value]) -> Option<Result<Value, Error>> {
    let none = || from_args::<()>(args);
    Some(match method {
        "casefold" => none().map(|()| Value::from(text.to_lowercase())),
        "swapcase" => none().map(|()| Value::from(swapped(text))),
        "title" => none().map(|()| Value::from(titled(text))),
        "istitle" => none().map(|()| Value::from(text.chars().any(char::is_alphabetic) && titled(text) == text)),
        "isdecimal" => none().map(|()| Value::from(!text.is_empty() && text.chars().all(|c| c.is_ascii_digit()))),
        "center" | "ljust" | "rjust" | "zfill" => padded(text, method, args),
        "partition" | "rpartition" => parted(text, method == "partition", args),
        "removeprefix" => from_args(args).map(|(part,): (&str,)| Value::from(text.strip_prefix(part).unwrap_or(text))),
        "removesuffix" => from_args(args).map(|(part,): (&str,)| Value::from(text.strip_suffix(part).unwrap_or(text))),
        "index" | "rindex" => at(text, method == "index", args),
        "rsplit" => split_from_the_end(text, args),
        "format" => fits(text).and_then(|()| format(FormatStyle::StrFormat, text, args).map(Value::from)),
        "expandtabs" => from_args(args).and_then(|(size,): (Option<usize>,)| expanded(text, size.unwrap_or(8))),
        _ => return None,
    })
}

/// Whether the fields of a pattern (`{:>30}`, `{:.2f}`) are as wide as fields may be.
fn fits(pattern: &str) -> Result<(), Error> {
    let (mut all, mut digits, mut is_field) = (pattern.len(), 0usize, false);
    for octet in pattern.bytes() {
        match octet {
            b'0'..=b'9' if is_field => digits = digits.saturating_mul(10).saturating_add(usize::from(octet - b'0')),
            _ => all = all.saturating_add(std::mem::take(&mut digits)),
        }
        is_field = octet == b'{' || (is_field && octet != b'}');
    }
    bounded(all)
}

fn swapped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_uppercase() {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
    }
    out
}

/// Each letter behind what is no letter becomes large, as Python has it: `They'Re`.
fn titled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        match inside {
            true => out.extend(c.to_lowercase()),
            false => out.extend(c.to_uppercase()),
        }
        inside = c.is_alphabetic();
    }
    out
}

fn padded(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let (width, fill): (usize, Option<char>) = from_args(args)?;
    let fill = fill.unwrap_or(' ');
    let missing = width.saturating_sub(text.chars().count());
    // The width's bound stands there.
    let whole = centered(text, width, fill)?;
    Ok(Value::from(match method {
        "center" => whole,
        "ljust" => format!("{text}{}", fill.to_string().repeat(missing)),
        "rjust" => format!("{}{text}", fill.to_string().repeat(missing)),
        _ => {
            let digits = text.trim_start_matches(['+', '-']);
            let sign = text.get(..text.len() - digits.len()).filter(|sign| sign.len() == 1).unwrap_or_default();
            format!("{sign}{}{}", "0".repeat(missing), text.get(sign.len()..).unwrap_or_default())
        }
    }))
}

fn parted(text: &str, from_the_front: bool, args: &[Value]) -> Result<Value, Error> {
    let (by,): (&str,) = from_args(args)?;
    let found = if from_the_front { text.split_once(by) } else { text.rsplit_once(by) };
    let parts = match (found, from_the_front) {
        (Some((front, back)), _) => (front, by, back),
        (None, true) => (text, "", ""),
        (None, false) => ("", "", text),
    };
    Ok(Value::from(parts))
}

fn at(text: &str, from_the_front: bool, args: &[Value]) -> Result<Value, Error> {
    let (what,): (&str,) = from_args(args)?;
    let found = if from_the_front { text.find(what) } else { text.rfind(what) };
    let found = found.and_then(|at| text.get(..at)).map(|front| Value::from(front.chars().count()));
    found.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("{what:?} is not in the text")))
}

fn split_from_the_end(text: &str, args: &[Value]) -> Result<Value, Error> {
    let (by, most): (Option<&str>, Option<i64>) = from_args(args)?;
    let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX - 1);
    let mut parts: Vec<&str> = match by {
        Some("") => return Err(invalid("the separator is empty")),
        Some(by) => text.rsplitn(most + 1, by).collect(),
        None => {
            let mut parts = Vec::new();
            let mut rest = text.trim();
            while parts.len() < most
                && let Some((front, back)) = rest.rsplit_once(char::is_whitespace)
            {
                parts.push(back);
                rest = front.trim_end();
            }
            parts.extend(Some(rest).filter(|rest| !rest.is_empty()));
            parts
        }
    };
    parts.reverse();
    Ok(parts.into_iter().map(Value::from).collect())
}

fn expanded(text: &str, size: usize) -> Result<Value, Error> {
    if size > 100 {
        return Err(invalid("tabs wider than 100"));
    }
    bounded(text.len().saturating_add(text.matches('\t').count().saturating_mul(size)))?;
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' if size > 0 => {
                let blanks = size - column % size;
                out.push_str(&" ".repeat(blanks));
                column += blanks;
            }
            '\t' => {}
            '\n' => {
                out.push(c);
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    Ok(Value::from(out))
}
