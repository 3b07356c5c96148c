//! The line that mailboxes show beside the subject: a hidden block where the body begins, and filler behind it, so that
//! nothing else of the letter is shown there.

use super::scan::{Edits, Token, scan};

/// Hidden from every reader that shows the letter.
const STYLE: &str = "display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden;\
                     color:transparent;mso-hide:all";
/// Takes the room of a letter in the line, and shows nothing.
const FILLER: &str = "&#847;&zwnj;&nbsp;";
/// More than any mailbox shows.
const FILLED: usize = 150;

/// The page with the preheader, which is HTML.
pub(super) fn insert(page: &str, preheader: &str) -> String {
    let block = format!("<div style=\"{STYLE}\">{preheader}{}</div>", FILLER.repeat(FILLED));
    let mut edits = Edits::default();
    edits.insert(body_begins(page), block);
    edits.apply(page)
}

/// Behind `<body>`, or where the body begins without it.
fn body_begins(page: &str) -> usize {
    let tokens = scan(page);
    let body = tokens.iter().find_map(|token| match token {
        Token::Start(start) if start.name == "body" && !start.conditional => Some(start.range.end),
        _ => None,
    });
    let head_ends = || {
        tokens.iter().find_map(|token| match token {
            Token::End(range, name, false) if name == "head" => Some(range.end),
            _ => None,
        })
    };
    let first = || {
        let before = tokens.iter().take_while(|token| match token {
            Token::Other(_) | Token::Outlook(_) => true,
            Token::Text(range) => page.get(range.clone()).is_some_and(|text| text.trim().is_empty()),
            Token::Start(start) => matches!(start.name.as_str(), "html" | "meta" | "link" | "title" | "style" | "base"),
            Token::Raw(..) => true,
            Token::End(_, name, _) => matches!(name.as_str(), "title" | "style"),
        });
        before.last().map_or(0, |token| match token {
            Token::Start(start) => start.range.end,
            Token::Other(range)
            | Token::Text(range)
            | Token::Outlook(range)
            | Token::End(range, ..)
            | Token::Raw(range, ..) => range.end,
        })
    };
    body.or_else(head_ends).unwrap_or_else(first)
}

/// A text as HTML.
pub(super) fn as_html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_where_the_body_begins() {
        for (page, before) in [
            (
                "<html><head><title>a</title></head><body class=\"b\"><p>c",
                "<html><head><title>a</title></head><body class=\"b\">",
            ),
            ("<head></head><p>a", "<head></head>"),
            ("<!DOCTYPE html>\n<html><title>a</title><p>b", "<!DOCTYPE html>\n<html><title>a</title>"),
            ("<p>a", ""),
            ("Hello", ""),
            ("<!--[if mso]><body><![endif]--><body>a", "<!--[if mso]><body><![endif]--><body>"),
        ] {
            let made = insert(page, "PRE");
            let rest = made.strip_prefix(before).unwrap_or_else(|| panic!("{made}"));
            assert!(rest.starts_with("<div style=\"display:none"), "{made}");
            assert!(made.contains(">PRE&#847;&zwnj;&nbsp;"), "{made}");
            assert!(made.ends_with(page.strip_prefix(before).unwrap_or("?")), "{made}");
        }
    }
}
