//! Addresses in style sheets (`url(…)`) and in `srcset`, which holds several.
//!
//! Guarantees: all else stays as it is written; it ends on any text. Leaves to others: what addresses become.

use super::super::ahead::Ahead;
use super::scan::Edits;
use std::ops::Range;

/// So far back it is looked for what a `url(…)` belongs to.
const RULE_OCTETS: usize = 2000;

/// An address in a style sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CssUrl {
    pub(crate) range: Range<usize>,
    /// It is that of a font or of another style sheet, and of no picture.
    pub(crate) is_other: bool,
}

/// The addresses of a style sheet, or of a `style` attribute.
pub(crate) fn in_css(css: &str) -> Vec<CssUrl> {
    let lower = css.to_ascii_lowercase();
    let mut ends = Ahead::new(css, ")");
    // The names of languages are no addresses that are asked for.
    let is_read = |at: usize| !statement(lower.as_bytes().get(..at).unwrap_or_default()).starts_with(b"@namespace");
    let urls = lower.match_indices("url(").filter(|(at, _)| is_read(*at)).map(|(at, _)| {
        let start = at + "url(".len();
        let inside = ends.from(start).and_then(|end| css.get(start..end)).unwrap_or_default();
        let quotes = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
        let behind_quotes = inside.trim_start_matches(quotes).trim_start_matches("&quot;");
        let url = behind_quotes.trim_end_matches(quotes).trim_end_matches("&quot;");
        let from = start + inside.len() - behind_quotes.len();
        CssUrl { range: from..from + url.len(), is_other: is_other(lower.as_bytes().get(..at).unwrap_or_default()) }
    });
    urls.collect()
}

/// Whether what stands before a `url(…)` makes it that of a font or of a style sheet.
fn is_other(before: &[u8]) -> bool {
    let near = before.get(before.len().saturating_sub(RULE_OCTETS)..).unwrap_or_default();
    let rule = near.get(memchr::memrchr(b'}', near).map_or(0, |end| end + 1)..).unwrap_or_default();
    memchr::memmem::find(rule, b"@font-face").is_some() || statement(before).starts_with(b"@import")
}

/// What stands between the end of the last rule or declaration and the end of this.
fn statement(before: &[u8]) -> &[u8] {
    let near = before.get(before.len().saturating_sub(RULE_OCTETS)..).unwrap_or_default();
    let end = near.iter().rposition(|octet| matches!(octet, b'}' | b';' | b'{')).map_or(0, |end| end + 1);
    near.get(end..).unwrap_or_default().trim_ascii_start()
}

/// Gives each address of a style sheet to `change`; `None` where nothing changes.
pub(super) fn each_url(css: &str, change: impl FnMut(&str) -> Option<String>) -> Option<String> {
    changed(css, in_css(css).into_iter().map(|url| url.range), change)
}

/// The same of those that are pictures.
pub(super) fn each_picture(css: &str, change: impl FnMut(&str) -> Option<String>) -> Option<String> {
    changed(css, in_css(css).into_iter().filter(|url| !url.is_other).map(|url| url.range), change)
}

/// Gives each address of a `srcset` to `change`; `None` where nothing changes.
pub(super) fn each_candidate(srcset: &str, change: impl FnMut(&str) -> Option<String>) -> Option<String> {
    changed(srcset, candidates(srcset).into_iter().map(|(url, _)| url), change)
}

fn changed(
    text: &str,
    ranges: impl Iterator<Item = Range<usize>>,
    mut change: impl FnMut(&str) -> Option<String>,
) -> Option<String> {
    let mut edits = Edits::default();
    let mut some = false;
    for range in ranges {
        if let Some(new) = text.get(range.clone()).and_then(&mut change) {
            edits.set(range, new);
            some = true;
        }
    }
    some.then(|| edits.apply(text))
}

/// The candidates of a `srcset`: where the address of each stands, and all of it (HTML standard, parsing a srcset attribute).
pub(crate) fn candidates(srcset: &str) -> Vec<(Range<usize>, Range<usize>)> {
    let octets = srcset.as_bytes();
    let while_at =
        |from: usize, is: &dyn Fn(u8) -> bool| from + octets.iter().skip(from).take_while(|octet| is(**octet)).count();
    let (mut found, mut at) = (Vec::new(), 0);
    loop {
        let start = while_at(at, &|b| b.is_ascii_whitespace() || b == b',');
        let behind = while_at(start, &|b| !b.is_ascii_whitespace());
        let url = srcset.get(start..behind).unwrap_or_default();
        if url.is_empty() {
            return found;
        }
        let end = start + url.trim_end_matches(',').len();
        at = behind;
        if end == behind {
            // Within brackets a comma separates nothing.
            let mut depth = 0i32;
            let mut rest = octets.iter().skip(behind);
            let descriptors = rest.by_ref().take_while(|octet| {
                depth += i32::from(**octet == b'(') - i32::from(**octet == b')');
                **octet != b',' || depth > 0
            });
            at = behind + descriptors.count();
        }
        let whole =
            srcset.get(start..at).map_or(end, |text| start + text.trim_end_matches([',', ' ', '\n', '\t']).len());
        found.push((start..end, start..whole));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_style_sheets_are_found_however_they_are_written() {
        for (css, wanted) in [
            ("a{b:url(x.png)}", vec![("x.png", false)]),
            ("a{b:URL( 'x.png' )}c{d:url(\"y z.png\")}", vec![("x.png", false), ("y z.png", false)]),
            ("background:url(&quot;x.png&quot;)", vec![("x.png", false)]),
            ("@import url(a.css);p{b:url(x.png)}", vec![("a.css", true), ("x.png", false)]),
            (
                "@font-face{font-family:x;src:url(f.woff2) format('woff2'),url(f.woff)}p{b:url(x)}",
                vec![("f.woff2", true), ("f.woff", true), ("x", false)],
            ),
            ("@namespace svg url(http://www.w3.org/2000/svg);p{b:url(x)}", vec![("x", false)]),
            ("url(", vec![("", false)]),
            ("a{}", vec![]),
        ] {
            let found = in_css(css);
            let found: Vec<_> = found.into_iter().map(|url| (&css[url.range], url.is_other)).collect();
            assert_eq!(found, wanted, "{css}");
        }
    }

    #[test]
    fn candidates_of_a_srcset_are_separated_as_browsers_do() {
        for (srcset, wanted) in [
            ("a.png 1x, b.png 2x", vec!["a.png 1x", "b.png 2x"]),
            ("a.png 1x,b.png 2x", vec!["a.png 1x", "b.png 2x"]),
            (" a.png, b.png 2x ,", vec!["a.png", "b.png 2x"]),
            ("a,b.png 480w,\n  c.png\t800w", vec!["a,b.png 480w", "c.png\t800w"]),
            ("data:image/gif;base64,x= 1x", vec!["data:image/gif;base64,x= 1x"]),
            ("a.png f(1, 2), b.png", vec!["a.png f(1, 2)", "b.png"]),
            (", ,", vec![]),
            ("", vec![]),
        ] {
            let found: Vec<&str> = candidates(srcset).into_iter().map(|(_, whole)| &srcset[whole]).collect();
            assert_eq!(found, wanted, "{srcset}");
        }
        let made = each_candidate("a.png 1x,b.png 2x", |url| Some(format!("/{url}")));
        assert_eq!(made.as_deref(), Some("/a.png 1x,/b.png 2x"));
    }
}
