//! What an author meant to replace, and did not.
//!
//! Guarantees: words that have a sense of their own ("todo" in Spanish, "test" in a sentence) are let be.

use super::{Placing, tags};
use crate::content::meanings;

/// What the letter says that `posthaste new` writes.
pub const SAMPLE: &str = "write here what is new";
/// Phrases that only stand where something else shall.
const PHRASES: [&str; 19] = [
    "new email template",
    "lorem ipsum",
    "dolor sit amet",
    "your text here",
    "text goes here",
    "insert text",
    "insert your",
    "add your text",
    "headline here",
    "click here to edit",
    "click to edit",
    "this is a placeholder",
    "placeholder text",
    "your company name",
    "company name here",
    "hier steht ihr text",
    "blindtext",
    "platzhaltertext",
    SAMPLE,
];
/// What stands in square brackets where a value shall.
const BRACKETED: [&str; 32] = [
    "company",
    "company name",
    "your company",
    "your name",
    "name",
    "first name",
    "firstname",
    "fname",
    "last name",
    "lastname",
    "lname",
    "full name",
    "recipient",
    "customer",
    "customer name",
    "email",
    "date",
    "address",
    "company address",
    "your address",
    "city",
    "phone",
    "link",
    "url",
    "product",
    "product name",
    "event",
    "event name",
    "website",
    "firma",
    "vorname",
    "nachname",
];
/// A whole text that is nothing but an attempt.
const ATTEMPTS: [&str; 12] = [
    "test",
    "testing",
    "test test",
    "test mail",
    "test email",
    "test e-mail",
    "testmail",
    "asdf",
    "foo",
    "foo bar",
    "untitled",
    "subject",
];
/// Marks of authors for themselves.
const MARKS: [&str; 6] = ["TODO:", "TODO(", "[TODO", "FIXME", "TBD:", "[TBD"];

/// Looks at texts, each with where it begins.
pub(super) fn look<'t>(texts: impl Iterator<Item = (usize, &'t str)>, found: &mut Placing<'_>) {
    let mut all: Vec<(usize, &str)> = Vec::new();
    for (start, text) in texts {
        all.extend(Some((start, text.trim())).filter(|(_, text)| !text.is_empty()));
        // Lower case of ASCII only: offsets stay.
        let lower = text.to_ascii_lowercase();
        if let Some((at, phrase)) = PHRASES.iter().filter_map(|phrase| Some((lower.find(phrase)?, phrase))).min() {
            warn(start + at, phrase, found);
        }
        if let Some((at, mark)) = MARKS.iter().filter_map(|mark| Some((text.find(mark)?, mark))).min() {
            warn(start + at, mark, found);
        } else if matches!(text.trim(), "TODO" | "TBD" | "XXX") {
            warn(start + (text.len() - text.trim_start().len()), text.trim(), found);
        }
        for (at, inside) in in_brackets(&lower) {
            if is_placeholder(inside) {
                let whole = text.get(at..at + inside.len() + 2).unwrap_or_default();
                match meanings::column(inside, found.columns) {
                    Some(_) => warn_with(start + at, whole, tags::instead(inside, found), found),
                    None => warn(start + at, whole, found),
                }
            }
        }
    }
    if let [(start, only)] = all.as_slice()
        && is_attempt(&only.to_ascii_lowercase())
    {
        warn(*start, only, found);
    }
}

/// Whether a whole text is an attempt: "Test", "test 2", "TEST!!".
pub(super) fn is_attempt(lower: &str) -> bool {
    let words = lower.trim().trim_end_matches(|c: char| c.is_ascii_digit() || "!.#- ".contains(c));
    ATTEMPTS.contains(&words)
}

/// What stands in single square brackets on one line, and where they open.
fn in_brackets(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('[').filter_map(|(at, _)| {
        let inside = text.get(at + 1..)?;
        let end = inside.find([']', '[', '\n'])?;
        let is_single = inside.get(end..)?.starts_with(']')
            && !inside.get(end + 1..)?.starts_with([']', '('])
            && !text.get(..at)?.ends_with('[');
        is_single.then(|| (at, inside.get(..end).unwrap_or_default()))
    })
}

/// Whether what stands in square brackets stands for a value.
pub(super) fn is_placeholder(inside: &str) -> bool {
    let inside = inside.trim().replace('_', " ").to_ascii_lowercase();
    BRACKETED.contains(&inside.as_str()) || inside.starts_with("insert ")
}

fn warn(at: usize, what: &str, found: &mut Placing<'_>) {
    warn_with(at, what, "write what is meant, or take it out".to_owned(), found);
}

pub(super) fn warn_with(at: usize, what: &str, hint: String, found: &mut Placing<'_>) {
    let says = format!("`{}` was left in: it stands where something else shall", what.trim());
    found.warn("placeholder", at, says, hint);
}
