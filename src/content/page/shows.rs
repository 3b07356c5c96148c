//! Whether a page shows its reader anything at all: a word or a picture.
//!
//! Guarantees: the look ends at the first that is found. Leaves to others: what a letter without any is told.

use super::scan::{Start, Token, each};
use super::text::{is_blank, is_hidden};

/// Whether a word or a picture is seen.
pub(crate) fn shows_something(page: &str) -> bool {
    let mut look = Look { page, outlook: false, hidden: None, hidden_said: false };
    let mut some = false;
    each(page, |token| {
        some = look.sees(token);
        !some
    });
    // What is hidden by an element without its end may be seen.
    some || (look.hidden.is_some() && look.hidden_said)
}

struct Look<'t> {
    page: &'t str,
    /// What only Outlook reads.
    outlook: bool,
    /// The element that hides what comes, and how many of its name are open.
    hidden: Option<(String, usize)>,
    hidden_said: bool,
}

impl Look<'_> {
    fn sees(&mut self, token: &Token) -> bool {
        let sees = match token {
            Token::Text(range) => !self.outlook && !is_blank(self.page.get(range.clone()).unwrap_or_default()),
            Token::Raw(range, name, _) => {
                name == "textarea" && !is_blank(self.page.get(range.clone()).unwrap_or_default())
            }
            Token::Other(range) => {
                let text = self.page.get(range.clone()).unwrap_or_default();
                self.outlook = match text {
                    text if text.starts_with("<!--[if") && !text.ends_with("-->") => true,
                    text if text.ends_with("<![endif]-->") => false,
                    _ => self.outlook,
                };
                false
            }
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
