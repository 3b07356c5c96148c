//! Where a tag of another engine ends.

/// What tags begin with: one that begins in another one says that this has no end.
const OPENS: [&str; 2] = ["{{", "{%"];

/// The octets of `inside`, the text behind a tag's opening, up to behind its close: not one in a text in quotes, as far as
/// that ends. `${name}`, which Braze writes, ends nothing.
pub(super) fn length(inside: &str, close: &str) -> Option<usize> {
    let mut quote = None;
    let mut depth = 0usize;
    for (at, c) in inside.char_indices() {
        let begins = |mark: &str| inside.get(at..).is_some_and(|rest| rest.starts_with(mark));
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None if c == '$' && begins("${") => depth += 1,
            None if c == '}' && depth > 0 => depth -= 1,
            None if begins(close) => return Some(at + close.len()),
            None if OPENS.into_iter().any(begins) => return None,
            None => {}
        }
    }
    // A quote that nothing closes is one of the text.
    inside.find(close).map(|at| at + close.len())
}
