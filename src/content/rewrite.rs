//! Small changes to the text of a template before it is compiled: names that say how a column is read, comparisons that mix
//! no kinds, `%` behind a pattern, and loops that know how many letters a text has. No change adds or takes away a line.

use minijinja::machinery::ast::CompareOpKind;
use std::ops::Range;

/// Other text in the place of some octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) text: String,
}

impl Edit {
    fn insert(at: usize, text: &str) -> Self {
        Self { from: at, to: at, text: text.to_owned() }
    }
}

/// A text with changes, and where what stands in it stood before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    pub(crate) text: String,
    /// Of each change: where it begins and ends now, and where it began and ended before.
    changes: Vec<[usize; 4]>,
}

impl Changed {
    /// Where octets of the changed text stood before.
    pub(crate) fn before(&self, range: Range<usize>) -> Range<usize> {
        let of = |at: usize, is_end: bool| {
            let known = self.changes.partition_point(|[from, ..]| *from <= at);
            match known.checked_sub(1).and_then(|last| self.changes.get(last)) {
                Some([_, to, from_before, to_before]) if at < *to => {
                    if is_end {
                        *to_before
                    } else {
                        *from_before
                    }
                }
                Some([_, to, _, to_before]) => to_before.saturating_add(at.saturating_sub(*to)),
                None => at,
            }
        };
        of(range.start, false)..of(range.end, true)
    }
}

/// `text` with these changes.
pub(crate) fn apply(text: &str, mut edits: Vec<Edit>) -> Changed {
    edits.sort_by_key(|edit| (edit.from, edit.to));
    let mut out = Changed { text: String::with_capacity(text.len() + edits.len() * 8), changes: Vec::new() };
    let mut at = 0;
    for edit in edits {
        // What is read twice, once for each meaning of a name, is changed once.
        if edit.from < at {
            continue;
        }
        out.text.push_str(text.get(at..edit.from).unwrap_or_default());
        let from = out.text.len();
        out.text.push_str(&edit.text);
        out.changes.push([from, out.text.len(), edit.from, edit.to]);
        at = edit.to;
    }
    out.text.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Two sides of an operator: where the left one begins and ends, and the right one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides {
    pub(crate) left: (usize, usize),
    pub(crate) right: (usize, usize),
}

/// An operator as it is written, and the test that stands for it.
fn test_of(op: CompareOpKind) -> (&'static str, &'static str) {
    match op {
        CompareOpKind::Eq => ("==", "__eq"),
        CompareOpKind::Ne => ("!=", "__ne"),
        CompareOpKind::Lt => ("<", "__lt"),
        CompareOpKind::Lte => ("<=", "__le"),
        CompareOpKind::Gt => (">", "__gt"),
        CompareOpKind::Gte => (">=", "__ge"),
        CompareOpKind::In => ("in", "__in"),
        CompareOpKind::NotIn => ("not in", "__notin"),
    }
}

/// The edits that make `left < right` a test that fails where a text meets a number. Nothing where the text does not look as
/// its tree says.
pub(crate) fn comparison(text: &str, sides: Sides, op: CompareOpKind) -> Vec<Edit> {
    // The tree has `not (a in b)` for what is written `a not in b`.
    let is_not_in = matches!(op, CompareOpKind::In) && found(text, sides, "not in").is_some();
    let (sign, test) = test_of(if is_not_in { CompareOpKind::NotIn } else { op });
    let edits = || {
        let (from, to) = found(text, sides, sign)?;
        let (left, right) = around(text, sides, from, to)?;
        let is = Edit { from, to, text: format!(") is {test} (") };
        Some(vec![Edit::insert(left, "(("), is, Edit::insert(right, "))")])
    };
    edits().unwrap_or_default()
}

/// The edits that make `a < b <= c` a call that compares as [`comparison`] does.
pub(crate) fn chain(text: &str, sides: &[(Sides, CompareOpKind)]) -> Vec<Edit> {
    let edits = || {
        let mut edits = Vec::new();
        let (mut first, mut last) = (None, None);
        for (sides, op) in sides {
            let (sign, _) = test_of(*op);
            let (from, to) = found(text, *sides, sign)?;
            let (left, right) = around(text, *sides, from, to)?;
            first = first.or(Some(left));
            last = Some(right);
            edits.push(Edit { from, to, text: format!("), \"{sign}\", (") });
        }
        edits.extend([Edit::insert(first?, "__chain(("), Edit::insert(last?, "))")]);
        Some(edits)
    };
    edits().unwrap_or_default()
}

/// The edits that make `"%d" % n` the filter `format`. `spreads`: the right side stands in brackets, and each is a value.
pub(crate) fn percent(text: &str, sides: Sides, spreads: bool) -> Vec<Edit> {
    let edits = || {
        let (from, to) = found(text, sides, "%")?;
        let (left, right) = around(text, sides, from, to)?;
        let (open, close) = if spreads { (")|format", ")") } else { (")|format(", "))") };
        let format = Edit { from, to, text: open.to_owned() };
        Some(vec![Edit::insert(left, "(("), format, Edit::insert(right, close)])
    };
    edits().unwrap_or_default()
}

/// The edit that sets `name` to `other` where it is not given, behind the tag whose last word ends at `head`.
pub(crate) fn set_first(text: &str, head: usize, name: &str, other: &str) -> Option<Edit> {
    let behind = text.get(head..)?;
    let close = behind.find("%}")?;
    // Blanks that the tag takes away stand behind this one then.
    let trims = if behind.get(..close)?.ends_with('-') { "-" } else { "" };
    let set = format!("{{% set {name} = {other} if {name} is undefined else {name} {trims}%}}");
    Some(Edit::insert(head + close + 2, &set))
}

/// The edits that give what a loop goes through to the filter `__letters`.
pub(crate) fn letters(text: &str, (from, to): (usize, usize)) -> Vec<Edit> {
    let edits = || {
        let from = opened(text, from, to)?;
        let to = closed(text, from, to)?;
        Some(vec![Edit::insert(from, "("), Edit::insert(to, ")|__letters")])
    };
    edits().unwrap_or_default()
}

/// Where a sign stands between two sides.
fn found(text: &str, sides: Sides, sign: &str) -> Option<(usize, usize)> {
    let gap = text.get(sides.left.1..sides.right.0)?;
    let mut words = sign.split(' ');
    let from = sides.left.1 + gap.find(words.next()?)?;
    let mut to = from + sign.split(' ').next()?.len();
    // Between two words any blanks may stand.
    for word in words {
        let behind = text.get(to..sides.right.0)?;
        to += behind.find(word)? + word.len();
    }
    Some((from, to))
}

/// The beginning of the left side and the end of the right one: brackets around a side are no part of its tree.
fn around(text: &str, sides: Sides, from: usize, to: usize) -> Option<(usize, usize)> {
    Some((opened(text, sides.left.0, from)?, closed(text, to, sides.right.1.max(sides.right.0))?))
}

/// How many brackets are closed in `text` that were not opened there, and how many are opened and not closed.
fn balance(text: &str) -> (usize, usize) {
    let (mut closed, mut open) = (0, 0usize);
    let mut quote = None;
    let mut bytes = text.bytes();
    while let Some(b) = bytes.next() {
        match (quote, b) {
            (Some(_), b'\\') => _ = bytes.next(),
            (Some(q), b) if q == b => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(b),
            (None, b'(' | b'[' | b'{') => open += 1,
            (None, b')' | b']' | b'}') if open > 0 => open -= 1,
            (None, b')' | b']' | b'}') => closed += 1,
            _ => {}
        }
    }
    (closed, open)
}

/// The beginning of what ends at `to`, with the brackets that are closed within.
fn opened(text: &str, mut from: usize, to: usize) -> Option<usize> {
    while balance(text.get(from..to)?).0 > 0 {
        from = text.get(..from)?.trim_end().strip_suffix('(')?.len();
    }
    Some(from)
}

/// The end of what begins at `from`, with the brackets that are opened within.
fn closed(text: &str, from: usize, mut to: usize) -> Option<usize> {
    while balance(text.get(from..to)?).1 > 0 {
        let behind = text.get(to..)?;
        to += behind.len() - behind.trim_start().strip_prefix(')')?.len();
    }
    Some(to)
}
