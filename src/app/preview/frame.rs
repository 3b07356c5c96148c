//! A letter's HTML for a frame of the page: pictures that it brings along in their places, dark styles where they are wanted,
//! links that open elsewhere.
//!
//! Guarantees: only what is named here is changed of what the author wrote. Leaves to others: keeping scripts and what comes
//! from elsewhere out (`serve`, by the frame's sandbox and policy).

use super::super::shown::Enclosed;
use crate::base::base64;
use std::borrow::Cow;

/// Pictures in their places together have no more octets.
const PICTURES_OCTETS_MAX: usize = 24 << 20;
/// The feature by which styles ask what the reader likes.
const SCHEME: &str = "prefers-color-scheme";

/// Whether the letter has styles of its own for readers who like it dark.
#[must_use]
pub fn has_dark(html: &str) -> bool {
    let asks_for_it = |at: usize| {
        let behind = html.as_bytes().get(at + SCHEME.len()..).unwrap_or_default();
        let value = behind.trim_ascii_start().strip_prefix(b":").unwrap_or_default().trim_ascii_start();
        value.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"dark"))
    };
    find(html, SCHEME).any(asks_for_it)
}

/// How many pictures and styles come from elsewhere.
#[must_use]
pub fn remote(html: &str) -> usize {
    let is_remote = |at: usize, name: &str| {
        let rest = html.get(at + name.len()..).unwrap_or_default().trim_start_matches([' ', '=', '"', '\'', '(']);
        ["http://", "https://", "//"]
            .iter()
            .any(|scheme| rest.get(..scheme.len()).is_some_and(|r| r.eq_ignore_ascii_case(scheme)))
    };
    let count = |name: &str| find(html, name).filter(|at| is_remote(*at, name)).count();
    count("src=") + count("background=") + count("url(")
}

/// The HTML with the pictures that the letter brings along in their places (`cid:`).
#[must_use]
pub fn with_pictures<'h>(html: &'h str, files: &[Enclosed]) -> Cow<'h, str> {
    let mut html = Cow::Borrowed(html);
    let mut room = PICTURES_OCTETS_MAX;
    for Enclosed { media_type, inline_id, octets, .. } in files {
        let Some(id) = inline_id.as_ref().filter(|_| octets.len() <= room) else { continue };
        let id = id.trim_matches(['<', '>']);
        if id.is_empty() || !html.contains(id) {
            continue;
        }
        room -= octets.len();
        let mut data = format!("data:{media_type};base64,").into_bytes();
        base64::encode(octets, &mut data);
        let data = String::from_utf8_lossy(&data).into_owned();
        // The longest name first would matter only where one is the front of another and quotes are missing.
        let replaced = ["\"", "'", ")", " ", ">"]
            .iter()
            .fold(html.into_owned(), |html, end| html.replace(&format!("cid:{id}{end}"), &format!("{data}{end}")));
        html = Cow::Owned(replaced);
    }
    html
}

/// The HTML as a client shows it whose reader likes it dark: the styles for that hold, and those for others do not.
#[must_use]
pub fn in_the_dark(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = find(rest, SCHEME).next() {
        let behind = rest.get(at..).unwrap_or_default();
        let value = behind.get(SCHEME.len()..).unwrap_or_default().trim_start();
        let value = value.strip_prefix(':').map(str::trim_start).unwrap_or_default();
        let holds = match value.get(..4).map(str::to_ascii_lowercase).as_deref() {
            Some("dark") => "min-width:0px",
            Some("ligh") => "max-width:0px",
            _ => "",
        };
        let Some(end) = behind.find(')').filter(|_| !holds.is_empty()) else {
            let (kept, more) = rest.split_at(at + SCHEME.len());
            out.push_str(kept);
            rest = more;
            continue;
        };
        out.push_str(rest.get(..at).unwrap_or_default());
        out.push_str(holds);
        rest = behind.get(end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The HTML with `head` at the front of its head, or where that would be.
#[must_use]
pub fn with_head(html: &str, head: &str) -> String {
    let behind = |tag: &str| {
        let at =
            find(html, tag).find(|at| html.as_bytes().get(at + tag.len()).is_some_and(|b| b" >\t\r\n".contains(b)))?;
        html.get(at..)?.find('>').map(|end| at + end + 1)
    };
    let doctype = || find(html, "<!doctype").next().and_then(|at| html.get(at..)?.find('>').map(|end| at + end + 1));
    let at = behind("<head").or_else(|| behind("<html")).or_else(doctype).unwrap_or(0);
    let (front, back) = html.split_at(at);
    format!("{front}{head}{back}")
}

/// Where `word` stands, in any case of letters; it is ASCII.
fn find<'h>(html: &'h str, word: &'h str) -> impl Iterator<Item = usize> + 'h {
    let (octets, word) = (html.as_bytes(), word.as_bytes());
    let windows = octets.windows(word.len()).enumerate();
    windows.filter(move |(_, window)| window.eq_ignore_ascii_case(word)).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_that_come_along_stand_in_their_places() {
        let file = Enclosed {
            name: "l.png".into(),
            media_type: "image/png".into(),
            inline_id: Some("logo".into()),
            octets: b"abc".to_vec(),
        };
        let html = "<img src=\"cid:logo\"><img src='cid:logo2'><td style=\"background:url(cid:logo)\">";
        let shown = with_pictures(html, &[file]);
        assert_eq!(
            shown,
            "<img src=\"data:image/png;base64,YWJj\"><img src='cid:logo2'><td style=\"background:url(data:image/png;base64,YWJj)\">"
        );
    }

    #[test]
    fn in_the_dark_dark_styles_hold_and_light_ones_do_not() {
        let html = "<style>@media (PREFERS-color-scheme: dark) { a {} } @media (prefers-color-scheme:light) and (x) {}</style>";
        let dark = in_the_dark(html);
        assert_eq!(dark, "<style>@media (min-width:0px) { a {} } @media (max-width:0px) and (x) {}</style>");
        assert!(
            has_dark(html) && !has_dark(&dark) && !has_dark("<style>@media (prefers-color-scheme: light){}</style>")
        );
        assert_eq!(in_the_dark("prefers-color-scheme"), "prefers-color-scheme");
    }

    #[test]
    fn the_head_goes_where_a_head_is_or_would_be() {
        assert_eq!(with_head("<!DOCTYPE html><HTML><Head a=b><x>", "!"), "<!DOCTYPE html><HTML><Head a=b>!<x>");
        assert_eq!(with_head("<!doctype html><header>", "!"), "<!doctype html>!<header>");
        assert_eq!(with_head("<p>", "!"), "!<p>");
        assert_eq!(with_head("", "!"), "!");
    }

    #[test]
    fn what_comes_from_elsewhere_is_counted() {
        let html = "<img src=\"https://a.example/x.png\"><img src='//b'><td background=http://c><a href=\"https://d\"><img src=cid:x>";
        assert_eq!(remote(html), 3);
    }
}
