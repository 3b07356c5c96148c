//! Whether a page shows its reader anything at all: a word or a picture; and whether it says something without its pictures.
//!
//! Guarantees: the look ends at the first that is found. Leaves to others: what a letter without any is told.

use super::scan::{Start, Token, each};
use super::text::{is_blank, is_hidden};

/// Whether a word or a picture is seen.
pub(crate) fn shows_something(page: &str) -> bool {
    let mut look = Look { page, hidden: None, hidden_said: false };
    let mut some = false;
    each(page, |token| {
        some = look.sees(token);
        !some
    });
    // What is hidden by an element without its end may be seen.
    some || (look.hidden.is_some() && look.hidden_said)
}

/// Whether a page says something beside its pictures: outside of links, which most letters of pictures have as well, two words
/// are seen, or one that is a sentence. In the place of a value of the row, which may be anything, `value` stands.
pub(crate) fn says_something(page: &str, value: char) -> bool {
    let mut look = Look { page, hidden: None, hidden_said: false };
    let (mut links, mut words, mut says) = (0usize, 0usize, false);
    each(page, |token| {
        match token {
            Token::Start(start) if start.name == "a" && !start.conditional => links += 1,
            Token::End(_, name, false) if name == "a" => links = links.saturating_sub(1),
            _ => {}
        }
        if let (true, Token::Text(range)) = (look.sees(token) && links == 0, token) {
            let text = page.get(range.clone()).unwrap_or_default();
            words += words_of(text);
            let ends = text.trim_end().ends_with(['.', '!', '?', '\u{2026}', '\u{3002}', '\u{ff01}', '\u{ff1f}']);
            says = words > 1 || (words > 0 && ends) || text.contains(value);
        }
        !says
    });
    says
}

/// The words of a text; of writing without blanks, each four characters are one.
fn words_of(text: &str) -> usize {
    const BLANKS: [&str; 6] = ["&nbsp;", "&zwnj;", "&copy;", "&middot;", "&bull;", "&shy;"];
    const TOGETHER: usize = 4;
    let text = BLANKS.iter().fold(text.to_owned(), |text, blank| text.replace(blank, " "));
    let words = text.split_whitespace().map(|word| {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        let together = word.chars().filter(|c| *c > '\u{2e80}' && c.is_alphabetic()).count();
        if together > 0 { together / TOGETHER } else { usize::from(letters > 1) }
    });
    words.sum()
}

struct Look<'t> {
    page: &'t str,
    /// The element that hides what comes, and how many of its name are open.
    hidden: Option<(String, usize)>,
    hidden_said: bool,
}

impl Look<'_> {
    fn sees(&mut self, token: &Token) -> bool {
        let sees = match token {
            Token::Text(range) => !is_blank(self.page.get(range.clone()).unwrap_or_default()),
            Token::Raw(range, name, _) => {
                name == "textarea" && !is_blank(self.page.get(range.clone()).unwrap_or_default())
            }
            Token::Other(_) | Token::Outlook(_) => false,
            Token::Start(start) if start.conditional => false,
            Token::Start(start) => self.begins(start),
            Token::End(_, name, false) => {
                self.ends(name);
                false
            }
            Token::End(..) => false,
        };
        self.hidden_said |= sees && self.hidden.is_some();
        sees && self.hidden.is_none()
    }

    fn begins(&mut self, start: &Start) -> bool {
        match &mut self.hidden {
            Some((name, depth)) if *name == start.name && !start.is_void() => *depth += 1,
            Some(_) => {}
            None if is_hidden(self.page, start) => {
                self.hidden = (!start.is_void()).then(|| (start.name.clone(), 1));
                return false;
            }
            None => {}
        }
        let value = |name| start.value(self.page, name).trim();
        match start.name.as_str() {
            "img" => {
                let counts = matches!(value("width"), "0" | "1") || matches!(value("height"), "0" | "1");
                !counts && !value("src").is_empty()
            }
            "svg" | "video" | "input" | "object" | "iframe" => true,
            _ => !value("background").is_empty() || value("style").contains("url("),
        }
    }

    fn ends(&mut self, ended: &str) {
        if let Some((name, depth)) = &mut self.hidden
            && name == ended
        {
            *depth = depth.saturating_sub(1);
            if *depth == 0 {
                (self.hidden, self.hidden_said) = (None, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_beside_the_pictures_says_something() {
        for page in [
            "<img src=a><p>Spring sale: half price",
            "<img src=a>Danke!",
            "<p><b>Happy</b> <i>birthday</i><img src=a>",
            "<img src=a>\u{1}",
            "<img src=a>caf&eacute; cr&egrave;me",
            "<img src=a>\u{6625}\u{306e}\u{30bb}\u{30fc}\u{30eb}\u{3002}",
            "<img src=a>\u{6625}\u{306e}\u{65b0}\u{4f5c}\u{304c}\u{767b}\u{5834}\u{3057}",
        ] {
            assert!(says_something(page, '\u{1}'), "{page}");
        }
        for page in [
            "<title>News of spring</title><style>p { color: red }</style><img src=a>",
            "<a href=x>View in your browser</a> &nbsp;|&nbsp; <a href=y><b>Unsubscribe</b> here</a><img src=a>",
            "<div style=\"display:none\">Only today: half price</div><img src=a>",
            "<!-- All of it is in the picture --><!--[if mso]><p>All of it</p><![endif]--><img src=a alt=\"Half price today\">",
            "<img src=a>Acme &copy; 2026",
            "<img src=a>&nbsp;&zwnj; 1 | 2",
            "",
        ] {
            assert!(!says_something(page, '\u{1}'), "{page}");
        }
    }
}
