//! Small changes to the text of a template before it is compiled: names that say how a column is read, and comparisons that
//! mix no kinds. No change adds or takes away a line.

use minijinja::machinery::ast::CompareOpKind;

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

/// `text` with these changes.
pub(crate) fn apply(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.from, edit.to));
    let mut out = String::with_capacity(text.len() + edits.len() * 8);
    let mut at = 0;
    for edit in edits {
        // What is read twice, once for each meaning of a name, is changed once.
        if edit.from < at {
            continue;
        }
        out.push_str(text.get(at..edit.from).unwrap_or_default());
        out.push_str(&edit.text);
        at = edit.to;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// The edits that make `left < right` a test that fails where a text meets a number. Nothing where the text does not look as
/// its tree says. `left_span`, `left` and `right`: where the left side stands, and where both begin; `end`: of the right one.
pub(crate) fn comparison(
    text: &str,
    left_span: (usize, usize),
    left: usize,
    right: usize,
    end: usize,
    op: CompareOpKind,
) -> Vec<Edit> {
    edits(text, left_span.1, left, right, end, op).unwrap_or_default()
}

fn edits(text: &str, left_end: usize, left: usize, right: usize, end: usize, op: CompareOpKind) -> Option<Vec<Edit>> {
    let (sign, test) = match op {
        CompareOpKind::Lt => ("<", "__lt"),
        CompareOpKind::Lte => ("<=", "__le"),
        CompareOpKind::Gt => (">", "__gt"),
        CompareOpKind::Gte => (">=", "__ge"),
        _ => return None,
    };
    let gap = text.get(left_end..right)?;
    let at = left_end + gap.find(sign)?;
    // Brackets around a side are no part of its tree.
    let left = opened(text, left, at)?;
    let end = closed(text, at + sign.len(), end.max(right))?;
    Some(vec![
        Edit::insert(left, "(("),
        Edit { from: at, to: at + sign.len(), text: format!(") is {test} (") },
        Edit::insert(end, "))"),
    ])
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
