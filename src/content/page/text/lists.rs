//! Lists in a text: what their items begin with.
//!
//! Guarantees: an item has the number that a reader of the HTML sees, or none where only a row tells it. Leaves to others:
//! lines and indents.

use super::super::Work;
use super::super::scan::{Start, Token};
use super::super::tags::Kind;

/// How the items of a list are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    Star,
    Number,
    /// `a`, or `A`.
    Letter(char),
}

/// A list that is open.
#[derive(Debug)]
pub(super) struct List {
    mark: Mark,
    /// The number of the next item, and how far it is to the one behind it.
    next: i64,
    step: i64,
    /// The characters that its last item begins with.
    width: usize,
}

impl List {
    /// One whose items are not counted.
    pub(super) fn marked() -> Self {
        Self { mark: Mark::Star, next: 1, step: 1, width: 2 }
    }

    /// `<ol>`, with what stands behind its tag.
    pub(super) fn counted(work: &Work, page: &str, start: &Start, behind: &[Token]) -> Self {
        let Some(items) = items(work, page, behind) else { return Self::marked() };
        let is_down = start.attribute("reversed").is_some();
        let (first, step) = if is_down { (items, -1) } else { (1, 1) };
        let told = start.value(page, "start").trim();
        let next = match told.parse() {
            Ok(number) => number,
            Err(_) if work.tags.is_in(told) => return Self::marked(),
            Err(_) => first,
        };
        let mark = match start.value(page, "type").trim() {
            "a" => Mark::Letter('a'),
            "A" => Mark::Letter('A'),
            _ => Mark::Number,
        };
        Self { mark, next, step, width: 3 }
    }

    /// What its next item begins with.
    pub(super) fn item(&mut self, page: &str, start: &Start) -> String {
        if let Ok(number) = start.value(page, "value").trim().parse() {
            self.next = number;
        }
        let number = self.next;
        self.next = number.saturating_add(self.step);
        let mark = match self.mark {
            Mark::Star => "* ".to_owned(),
            Mark::Letter(first) => match u32::try_from(number.saturating_sub(1)).ok().filter(|at| *at < 26) {
                Some(at) => format!("{}. ", char::from_u32(u32::from(first) + at).unwrap_or(first)),
                None => format!("{number}. "),
            },
            Mark::Number => format!("{number}. "),
        };
        self.width = mark.len();
        mark
    }

    /// The characters by which a list within it is moved in.
    pub(super) fn width(&self) -> usize {
        self.width
    }
}

/// Tokens of a list that are looked at.
const TOKENS_MAX: usize = 2000;

/// How many items the list has that begins at these tokens; `None` where a row tells that.
fn items(work: &Work, page: &str, behind: &[Token]) -> Option<i64> {
    let (mut lists, mut branches, mut items) = (1usize, 0usize, 0i64);
    for token in behind.iter().take(TOKENS_MAX) {
        match token {
            Token::Start(start) if start.conditional => {}
            Token::Start(start) if matches!(start.name.as_str(), "ul" | "ol" | "menu" | "dir") => lists += 1,
            Token::Start(start) if start.name == "li" && lists == 1 => {
                if branches > 0 {
                    return None;
                }
                items += 1;
            }
            Token::End(_, name, false) if matches!(name.as_str(), "ul" | "ol" | "menu" | "dir") => {
                lists -= 1;
                if lists == 0 {
                    break;
                }
            }
            Token::Text(range) | Token::Outlook(range) | Token::Other(range) => {
                let text = page.get(range.clone()).unwrap_or_default();
                for (_, tag) in work.tags.words(text).filter(|(_, tag)| tag.kind == Kind::Block) {
                    match tag.word() {
                        "if" | "for" => branches += 1,
                        "endif" | "endfor" => branches = branches.saturating_sub(1),
                        // What is read from elsewhere may have items.
                        "include" | "block" if lists == 1 => return None,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(items)
}
