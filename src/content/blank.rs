//! Letters that show their readers nothing: a file that an editor emptied, a loop over no rows.
//!
//! Guarantees: what can be said before a row is known is said when the letter is compiled; a letter with words of its own
//! is looked at no more. Leaves to others: what an HTML page shows (`page`).

use super::error::{ContentError, Place};
use super::escape::Escape;
use super::page;
use super::tags::{self, Part};
use super::template::{Form, Piece, Template};

/// What of a part is shown whatever the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shows {
    /// Nothing, in no row.
    Nothing,
    /// As the row has it.
    ByRow,
    /// Words or pictures of its own.
    Always,
}

/// Whether a rendered text shows something.
pub(crate) fn shows(text: &str, escape: Escape) -> bool {
    match escape {
        Escape::Html => page::shows_something(text),
        _ => !text.trim().is_empty(),
    }
}

/// What a part shows that was compiled from `source`.
pub(crate) fn shown_by(template: &Template, source: &str) -> Shows {
    let (fixed, is_whole) = match &template.form {
        Form::Pieces(pieces) => {
            let literals = pieces.iter().filter_map(|piece| match piece {
                Piece::Literal(text) => Some(text.as_str()),
                Piece::Slot(_) => None,
            });
            (literals.collect(), !pieces.iter().any(|piece| matches!(piece, Piece::Slot(_))))
        }
        // What stands beside the blocks of a page that it extends is not shown.
        Form::Program(_) if source.contains("extends") => return Shows::ByRow,
        Form::Program(_) => (outside_of_tags(source), false),
    };
    match shows(&fixed, template.escape) {
        true => Shows::Always,
        false if is_whole => Shows::Nothing,
        false => Shows::ByRow,
    }
}

/// The text that every row has.
fn outside_of_tags(source: &str) -> String {
    let parts = tags::parts(source);
    let fixed = source.char_indices().filter(|(at, _)| parts.get(*at) == Some(&Part::Fixed));
    fixed.map(|(_, c)| c).collect()
}

/// A letter that is empty for everybody.
pub(crate) fn error(file: &str) -> ContentError {
    let problem = "the letter is empty: it would show its readers nothing";
    ContentError::new(&Place::File(file.to_owned()), problem, "write what they are to read, and save the file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_nothing_is_told_from_what_does() {
        for html in [
            "",
            " \r\n\t",
            "<html><head><title>T</title><style>p{}</style></head><body>\u{a0}&nbsp;<p></p><br></body></html>",
            "<!-- a --><!--[if mso]><xml><o:PixelsPerInch>96</o:PixelsPerInch></xml><![endif]--><div>&zwnj;</div>",
            "<div style=\"display:none\">Only today<b>!</b></div><img src=t width=1 height=1>",
            "<a href=\"https://a.example\"></a><hr hidden>",
        ] {
            assert!(!shows(html, Escape::Html), "{html}");
        }
        for html in [
            "x",
            "<p>{{ x }}",
            "<img src=a.png>",
            "<td background=\"a.png\">",
            "<td style=\"background:url(a.png)\">",
            "<div hidden>a<p>b",
            "<div hidden><div>a</div></div>b",
            "1 < 2",
        ] {
            assert!(shows(html, Escape::Html), "{html}");
        }
        assert!(!shows(" \n\u{a0}", Escape::Plain) && shows("<p>", Escape::Plain));
    }
}
