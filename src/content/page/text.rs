//! A text part made from HTML: what a reader of the HTML sees, in its order, with the addresses of links behind their
//! words.
//!
//! The page's structure is made flat here, paragraphs and lines only, since the tables of newsletters lay out and seldom
//! tabulate; html2text then reads entities and white space. Guarantees: branches and loops of the template stay, so the
//! text says for each row what the HTML says; hidden parts, styles and comments say nothing. Nothing is broken into lines
//! that the letter does not break: readers do that for the width they have.

mod beside;
pub(crate) mod forms;
mod lists;

use super::Work;
use super::css;
use super::references;
use super::scan::{Start, Token, scan};
use super::tags::{Kind, Tag};
use beside::Address;
use forms::Forms;
pub(super) use forms::is_hidden;
use lists::List;
use std::collections::HashMap;

/// Longer than any line: breaking lines is left to who reads.
const WIDTH: usize = 1 << 20;
/// Most octets of a table's cell that stands on one line with others.
const CELL_MAX: usize = 200;
/// Elements that begin and end a paragraph.
const PARAGRAPHS: [&str; 20] = [
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "ul",
    "ol",
    "dl",
    "blockquote",
    "center",
    "section",
    "article",
    "header",
    "footer",
    "figure",
    "form",
    "address",
];
/// Elements that begin and end a line.
const LINES: [&str; 9] = ["div", "li", "dt", "dd", "caption", "figcaption", "main", "nav", "option"];
/// Elements that may stand in a cell that shares its line.
const INLINE: [&str; 16] =
    ["a", "b", "strong", "i", "em", "u", "s", "span", "font", "small", "sup", "sub", "code", "del", "ins", "img"];

/// What separates what was said from what is said next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Line,
    Paragraph,
}

/// The text of a page, whose tags are hidden; `sheet`: rules that hold in it and stand elsewhere.
///
/// # Errors
/// Why html2text could not read it.
pub(super) fn from_html(work: &mut Work, page: &str, sheet: &str) -> Result<String, String> {
    // What a class hides is seen where its rules apply. What cannot be inlined is no error of the letter here.
    let (errors, notes) = (work.errors.len(), work.treated.notes.len());
    let page = css::inline(work, page, true, sheet);
    work.errors.truncate(errors);
    work.treated.notes.truncate(notes);
    let addresses = beside::addresses(work, &page);
    let forms = Forms::of(work, &page);
    let mut flat = Flat::new(work, &page, addresses, forms);
    flat.all();
    let html = format!("{}</p>", flat.out);
    let config = html2text::config::plain_no_decorate().no_link_wrapping().allow_width_overflow();
    let text = config.string_from_read(html.as_bytes(), WIDTH).map_err(|error| error.to_string())?;
    Ok(polished(work, &text))
}

/// The text without blanks at the ends of lines and heaps of empty lines. What looks like a tag of the template and was
/// none in the HTML is none in the text either.
fn polished(work: &mut Work, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines() {
        let line = line.replace('\u{a0}', " ");
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 && !(out.is_empty() && line.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    let out = without_tags(work, &out);
    let spoken = work.tags.words(&out).map(|(_, tag)| tag.clone()).filter_map(|tag| Some((spoken(&tag)?, tag)));
    let spoken: Vec<(String, Tag)> = spoken.collect();
    let mut made =
        spoken.into_iter().map(|(text, tag)| (tag.text.clone(), work.tags.instead(&tag, text))).collect::<Vec<_>>();
    made.dedup();
    work.tags.replaced(&out, |tag| made.iter().find(|(text, _)| *text == tag.text).map(|(_, word)| word.clone()))
}

/// The text with each brace that would begin a tag written as one that does not.
fn without_tags(work: &mut Work, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some('{' | '%' | '#') if c == '{' => out.push_str(&work.tags.literal("{{ \"{\" }}")),
            _ => out.push(c),
        }
    }
    out
}

/// A slot whose value is HTML, or made fit for HTML, as it reads in a text.
fn spoken(tag: &Tag) -> Option<String> {
    spoken_value(tag).map(|value| format!("{{{{ {value} }}}}"))
}

/// What such a slot says, as an expression.
fn spoken_value(tag: &Tag) -> Option<String> {
    let inside = tag.inside();
    let (value, filter) = inside.rsplit_once('|').filter(|_| tag.kind == Kind::Slot)?;
    match filter.trim() {
        "safe" => Some(format!("({})|striptags", value.trim())),
        "e" | "escape" => Some(value.trim().to_owned()),
        _ => None,
    }
}

/// A link whose end tag has not come yet.
struct Link {
    address: Address,
    /// Where in the text its words begin.
    start: usize,
}

/// A row of a table.
struct Row {
    /// Its cells stand on one line.
    inline: bool,
    /// A cell has said something.
    said: bool,
}

/// A branch or loop of the template that has not ended.
struct Branch {
    /// What stood at the end of the text where it began.
    before: Gap,
    /// The least that stands at the end of one of its ways.
    least: Option<Gap>,
    has_else: bool,
    /// What separates its first words from what is before them, as far as that stands outside of it: `None` before there
    /// are any. Between two rounds of a loop nothing else would.
    borrowed: Option<Gap>,
}

/// A branch without another way that has just ended: a gap that is wanted behind it can stand in it.
struct Ended {
    /// Where its end stands in the text.
    at: usize,
    /// What stands there if it was gone, and if it was not.
    taken: Gap,
    skipped: Gap,
}

struct Flat<'a, 'w> {
    work: &'a Work<'w>,
    page: &'a str,
    tokens: Vec<Token>,
    out: String,
    /// What is to separate what comes next.
    gap: Gap,
    /// What of it stands at the end of the text already.
    stands: Gap,
    /// What begins the next words: the mark of a list's item, or what separates cells.
    lead: String,
    links: Vec<Link>,
    rows: Vec<Row>,
    lists: Vec<List>,
    branches: Vec<Branch>,
    ended: Option<Ended>,
    pre: usize,
    /// What links lead to, by where their tags begin.
    addresses: HashMap<usize, Address>,
    forms: Forms,
}

impl<'a, 'w> Flat<'a, 'w> {
    fn new(work: &'a Work<'w>, page: &'a str, addresses: HashMap<usize, Address>, forms: Forms) -> Self {
        Self {
            work,
            page,
            tokens: scan(page),
            out: "<p>".to_owned(),
            gap: Gap::None,
            stands: Gap::Paragraph,
            lead: String::new(),
            links: Vec::new(),
            rows: Vec::new(),
            lists: Vec::new(),
            branches: Vec::new(),
            ended: None,
            pre: 0,
            addresses,
            forms,
        }
    }

    fn all(&mut self) {
        let tokens = std::mem::take(&mut self.tokens);
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                Token::Text(range) if self.forms.is_tiny() => self.decide(range.clone()),
                Token::Text(range) => self.text(range.clone()),
                Token::Outlook(range) | Token::Raw(range, ..) | Token::Other(range) => self.decide(range.clone()),
                Token::Start(start) if start.conditional => {}
                Token::Start(start) if is_hidden(self.page, start) => {
                    let end = end_of(&tokens, at, start);
                    for hidden in tokens.get(at..end).unwrap_or_default() {
                        match hidden {
                            Token::Text(range)
                            | Token::Outlook(range)
                            | Token::Raw(range, ..)
                            | Token::Other(range) => self.decide(range.clone()),
                            Token::Start(_) | Token::End(..) => {}
                        }
                    }
                    at = end;
                }
                Token::Start(start) => {
                    self.forms.begin(self.page, start);
                    self.start(start, &tokens, at);
                }
                Token::End(_, name, false) => {
                    let marks = self.forms.end(name);
                    self.close(&marks);
                    self.end(name);
                }
                Token::End(..) => {}
            }
        }
    }

    /// Keeps the branches and loops of a part that says nothing.
    fn decide(&mut self, range: std::ops::Range<usize>) {
        let (work, text) = (self.work, self.page.get(range).unwrap_or_default());
        for (range, tag) in work.tags.words(text) {
            if tag.kind == Kind::Block {
                self.branch(tag, text.get(range).unwrap_or_default());
            }
        }
    }

    fn text(&mut self, range: std::ops::Range<usize>) {
        let (work, start) = (self.work, range.start);
        let text = self.page.get(range).unwrap_or_default();
        let mut at = 0;
        for (range, tag) in work.tags.words(text) {
            self.say(text.get(at..range.start).unwrap_or_default());
            let word = text.get(range.clone()).unwrap_or_default();
            match tag.kind {
                Kind::Block => self.branch(tag, word),
                Kind::Slot | Kind::Literal => {
                    let value = self.forms.value(start + range.start).map(str::to_owned);
                    self.visible(value.as_deref().unwrap_or(word));
                }
                Kind::Comment => {}
            }
            at = range.end;
        }
        self.say(text.get(at..).unwrap_or_default());
    }

    fn say(&mut self, text: &str) {
        if self.pre > 0 && !text.is_empty() {
            return self.visible(&text.trim_matches('\n').replace('\n', "<br>").replace(' ', "&nbsp;"));
        }
        if is_blank(text) {
            let glued = self.gap != Gap::None || self.stands != Gap::None || self.out.ends_with(' ');
            if !glued && !text.is_empty() {
                self.out.push(' ');
            }
            return;
        }
        let said = self.forms.said(text, self.out.chars().next_back());
        self.visible(&said);
    }

    /// Writes marks behind what was said, before the blank that stands there.
    fn close(&mut self, marks: &str) {
        if !marks.is_empty() {
            let has_blank = self.out.ends_with(char::is_whitespace);
            self.out.truncate(self.out.trim_end().len());
            self.out.push_str(marks);
            self.out.push_str(if has_blank { " " } else { "" });
        }
    }

    fn visible(&mut self, text: &str) {
        self.settle();
        for open in &mut self.branches {
            open.borrowed.get_or_insert(Gap::None);
        }
        self.ended = None;
        self.out.push_str(&std::mem::take(&mut self.lead));
        let marks = self.forms.opened();
        match marks.is_empty() {
            true => self.out.push_str(text),
            false => {
                self.out.push_str(if text.starts_with(char::is_whitespace) { " " } else { "" });
                self.out.push_str(&marks);
                self.out.push_str(text.trim_start());
            }
        }
        self.stands = Gap::None;
        if let Some(row) = self.rows.last_mut() {
            row.said = true;
        }
    }

    /// Writes the gap that is wanted, as far as it does not stand there: in the branch that ended last, where only that lacks it.
    fn settle(&mut self) {
        let wanted = std::mem::take(&mut self.gap);
        if wanted > Gap::None {
            for open in &mut self.branches {
                open.borrowed.get_or_insert(self.stands.min(wanted));
            }
        }
        match self.ended.take().filter(|ended| wanted > self.stands && ended.skipped >= wanted) {
            Some(ended) => {
                let end = self.out.split_off(ended.at);
                self.out.push_str(breaks(ended.taken, wanted));
                self.out.push_str(end.trim());
                // Links that have begun behind it have no words yet.
                let length = self.out.len();
                self.links.iter_mut().filter(|link| link.start > ended.at).for_each(|link| link.start = length);
            }
            None => self.out.push_str(breaks(self.stands, wanted)),
        }
        self.stands = self.stands.max(wanted);
    }

    fn want(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// A branch or loop begins, goes another way, or ends: what separates its text stands inside of it, so that what is
    /// not said for a row leaves no gap.
    fn branch(&mut self, tag: &Tag, word: &str) {
        let name = tag.word();
        if matches!(name, "raw" | "endraw") {
            return;
        }
        let marks = self.forms.closed();
        self.close(&marks);
        if name == "endfor" {
            let borrowed = self.branches.last().and_then(|open| open.borrowed);
            self.want(borrowed.unwrap_or_default());
        }
        // What is read from a file stands by itself, unless it stands in a sentence.
        let apart = name == "include" && (self.gap != Gap::None || self.stands != Gap::None);
        if apart {
            self.want(Gap::Paragraph);
        }
        self.settle();
        if name == "include" {
            self.visible(word);
            return self.want(if apart { Gap::Paragraph } else { Gap::None });
        }
        if matches!(name, "if" | "for") && !self.lead.is_empty() {
            self.out.push_str(&std::mem::take(&mut self.lead));
            self.stands = Gap::None;
        }
        let at = self.out.len();
        self.out.push_str(word);
        self.ended = None;
        let stands = self.stands;
        match name {
            "if" | "for" => self.branches.push(Branch { before: stands, least: None, has_else: false, borrowed: None }),
            "elif" | "else" => {
                if let Some(open) = self.branches.last_mut() {
                    open.least = Some(open.least.map_or(stands, |least| least.min(stands)));
                    open.has_else |= name == "else";
                    self.stands = open.before;
                }
            }
            "endif" | "endfor" => {
                if let Some(open) = self.branches.pop() {
                    let least = open.least.map_or(stands, |least| least.min(stands));
                    self.stands = if open.has_else { least } else { least.min(open.before) };
                    let is_one_way = name == "endif" && open.least.is_none();
                    self.ended = is_one_way.then_some(Ended { at, taken: least, skipped: open.before });
                }
            }
            _ => {}
        }
    }

    fn start(&mut self, start: &Start, tokens: &[Token], at: usize) {
        match start.name.as_str() {
            "br" => {
                let gap = if self.gap == Gap::None { Gap::Line } else { Gap::Paragraph };
                self.want(gap);
            }
            "hr" => {
                self.want(Gap::Paragraph);
                self.visible("---");
                self.want(Gap::Paragraph);
            }
            "img" => self.picture(start),
            "a" => {
                let address = self.addresses.remove(&start.range.start).unwrap_or_default();
                self.links.push(Link { address, start: self.out.len() });
            }
            "pre" => {
                self.want(Gap::Paragraph);
                self.pre += 1;
            }
            "tr" => {
                let inline = self.shares_line(tokens.get(at..).unwrap_or_default());
                self.want(if inline { Gap::Line } else { Gap::Paragraph });
                self.rows.push(Row { inline, said: false });
            }
            "td" | "th" => match self.rows.last() {
                Some(row) if row.inline && row.said => self.lead = " | ".to_owned(),
                Some(row) if row.inline => {}
                _ => self.want(Gap::Paragraph),
            },
            "ul" | "menu" | "dir" => self.list(List::marked()),
            "ol" => self.list(List::counted(self.work, self.page, start, tokens.get(at..).unwrap_or_default())),
            "li" => self.item(start),
            name => self.around(name),
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "a" => self.end_link(),
            "pre" => {
                self.pre = self.pre.saturating_sub(1);
                self.want(Gap::Paragraph);
            }
            "tr" => {
                let inline = self.rows.pop().is_some_and(|row| row.inline);
                self.want(if inline { Gap::Line } else { Gap::Paragraph });
                self.lead.clear();
            }
            "td" | "th" if self.rows.last().is_some_and(|row| row.inline) => self.lead.clear(),
            "td" | "th" => self.want(Gap::Paragraph),
            "ul" | "ol" | "menu" | "dir" => {
                self.lists.pop();
                self.lead.clear();
                self.want(if self.lists.is_empty() { Gap::Paragraph } else { Gap::Line });
            }
            "li" => {
                self.want(Gap::Line);
                self.lead.clear();
            }
            name => self.around(name),
        }
    }

    /// What stands before and behind an element.
    fn around(&mut self, name: &str) {
        if PARAGRAPHS.contains(&name) {
            self.want(Gap::Paragraph);
        } else if LINES.contains(&name) {
            self.want(Gap::Line);
        }
    }

    fn list(&mut self, list: List) {
        self.want(if self.lists.is_empty() { Gap::Paragraph } else { Gap::Line });
        self.lists.push(list);
    }

    fn item(&mut self, start: &Start) {
        self.want(Gap::Line);
        let page = self.page;
        self.lead = match self.lists.split_last_mut() {
            Some((list, outer)) => {
                let width = outer.iter().map(List::width).sum();
                format!("{}{}", "&nbsp;".repeat(width), list.item(page, start))
            }
            None => "* ".to_owned(),
        };
    }

    fn picture(&mut self, start: &Start) {
        let value = |name| start.value(self.page, name).trim();
        let counts = matches!(value("width"), "0" | "1") || matches!(value("height"), "0" | "1");
        let alt = references::as_text(value("alt"));
        if counts || is_blank(&alt) {
            return;
        }
        match self.links.is_empty() {
            true => self.visible(&format!("[{alt}]")),
            false => self.visible(&alt),
        }
    }

    /// Puts the address behind the link's words, if they do not say it.
    fn end_link(&mut self) {
        let Some(Link { address, start }) = self.links.pop() else { return };
        let words = self.out.get(start..).unwrap_or_default().replace("</p><p>", "").replace("<br>", "");
        if address.is_said_by(words.trim()) {
            return;
        }
        if is_blank(&words) {
            return self.visible(&address.alone());
        }
        self.ended = None;
        let shown = if self.out.ends_with(' ') { address.alone() } else { address.behind_words() };
        self.out.push_str(&shown);
    }

    /// Whether the cells of the row that begins at these tokens read well on one line.
    fn shares_line(&self, tokens: &[Token]) -> bool {
        let (mut cells, mut octets) = (0, 0);
        for token in tokens {
            match token {
                Token::End(_, name, false) if name == "tr" => return cells > 1,
                Token::Start(start) if start.conditional => {}
                Token::Start(start) if matches!(start.name.as_str(), "td" | "th") => (cells, octets) = (cells + 1, 0),
                Token::Start(start) if !INLINE.contains(&start.name.as_str()) => return false,
                Token::Text(range) => {
                    let text = self.page.get(range.clone()).unwrap_or_default();
                    octets += text.trim().len();
                    if octets > CELL_MAX || self.work.tags.branches(text) {
                        return false;
                    }
                }
                _ => {}
            }
        }
        false
    }
}

/// What is written for a gap where some of it stands.
fn breaks(stands: Gap, wanted: Gap) -> &'static str {
    match (stands, wanted) {
        (Gap::None, Gap::Line) | (Gap::Line, Gap::Paragraph) => "<br>",
        (Gap::None, Gap::Paragraph) => "</p><p>",
        _ => "",
    }
}

/// Whether a text shows nothing: white space, and what fills the line beside the subject.
pub(super) fn is_blank(text: &str) -> bool {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let entity = || {
            let (entity, behind) = rest.strip_prefix('&')?.split_once(';')?;
            let blank = ["nbsp", "zwnj", "zwj", "shy", "#160", "#847", "#8199", "#8203", "#8204", "#65279", "#173"];
            blank.contains(&entity.to_ascii_lowercase().as_str()).then_some(behind)
        };
        rest = match c {
            '\u{34f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => rest.get(c.len_utf8()..).unwrap_or_default(),
            c if c.is_whitespace() => rest.get(c.len_utf8()..).unwrap_or_default(),
            '&' => match entity() {
                Some(behind) => behind,
                None => return false,
            },
            _ => return false,
        };
    }
    true
}

/// The token behind the end of the element whose start tag stands before `at`.
fn end_of(tokens: &[Token], at: usize, start: &Start) -> usize {
    if start.is_void() {
        return at;
    }
    let mut depth = 1;
    for (offset, token) in tokens.get(at..).unwrap_or_default().iter().enumerate() {
        match token {
            Token::Start(inner) if inner.name == start.name && !inner.conditional && !inner.is_void() => depth += 1,
            Token::End(_, name, false) if *name == start.name => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + offset + 1;
        }
    }
    // What is never closed hides nothing but itself.
    at
}
