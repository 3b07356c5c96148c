//! Liquid, as shops, help desks and many senders of newsletters have it; with what Klaviyo and Braze write in it.
//!
//! A name that a loop changes outlives the loop in Liquid and not here: such names are kept in one object. Leaves to
//! others: filters and objects that only the original's program knows: such a tag is told.

mod conditions;
mod expr;
mod filters;
mod lexer;
mod loops;

use super::vocabulary::Vocabulary;
use super::writer::{Trim, Writer};
use super::{BLOCKS_MAX, is_page, partial};
use crate::content::names::identifier;
use expr::{Markup, Reader, Scope, Value};
use lexer::{Kind, Tag, Token, Word};
use std::collections::{BTreeMap, BTreeSet};

/// A block that is open.
struct Open<'t> {
    tag: Tag<'t>,
    /// What its end is called, behind `end`.
    word: &'static str,
    kind: Block,
    /// Its other side has begun.
    has_else: bool,
    /// Names that are bound in it.
    locals: usize,
    /// What its `when` have named.
    whens: Vec<String>,
}

/// What a block is here.
enum Block {
    /// `if`, `unless`
    Condition,
    Loop,
    /// `case`: what is compared, and whether a branch has begun.
    Case(Value, bool),
    /// `capture` of a name.
    Capture(String),
    /// It was left, and its end is.
    Left,
}

struct Work<'w, 's, 'n, 't> {
    names: &'w Vocabulary<'n>,
    out: &'w mut Writer<'s>,
    open: Vec<Open<'t>>,
    /// Names that loops bind.
    locals: Vec<String>,
    /// Names that are assigned, and whether in every row: they count up to the end of the template, whatever block that
    /// stands in.
    assigned: BTreeMap<String, bool>,
    /// Names that loops change.
    kept: BTreeSet<String>,
    /// The object that keeps them.
    keeper: String,
    /// Rows of values that were gone through by `cycle`.
    cycles: BTreeSet<String>,
    /// Names that hold HTML.
    markup: BTreeMap<String, Markup>,
    /// Whether the template is one of HTML.
    is_page: bool,
    /// The whole of it.
    text: &'t str,
}

/// What is said of the first value that a page prints.
const ESCAPED: &str = "what tags print is escaped in an HTML part here, and is not in Liquid: where a column holds HTML, write |safe behind it";
/// What is said of the first value that may be no text.
const KINDS: &str = "true, false, lists and objects of a JSON list are printed as Python prints them here (True, ['a']): print \
                     what stands in them, or write {{ \"true\" if x else \"false\" }}";
/// The same of one with HTML of the template in it.
const UNESCAPED: &str = "a tag that makes HTML of its own prints what columns hold in it without escaping, as in Liquid: write |e behind these";

pub(super) fn convert(text: &str, names: &Vocabulary<'_>, out: &mut Writer<'_>) {
    let tokens = lexer::tokens(text);
    let kept = changed_in_loops(&tokens);
    let mut keepers = std::iter::once("vars".to_owned()).chain((2..).map(|number| format!("vars{number}")));
    let is_free = |name: &String| !names.is_column(name) && !text.contains(name.as_str());
    let keeper = keepers.find(is_free).unwrap_or_default();
    let (open, locals, assigned, cycles) = (Vec::new(), Vec::new(), BTreeMap::new(), BTreeSet::new());
    let (markup, is_page) = (BTreeMap::new(), is_page(text));
    let mut work = Work { names, out, open, locals, assigned, kept, keeper, cycles, markup, is_page, text };
    work.keeper();
    for token in &tokens {
        match *token {
            // Between `case` and its first `when` nothing is text.
            Token::Text(_) if work.before_when() => {}
            Token::Text(text) => work.out.text(text),
            Token::Tag(tag) => {
                if let Err(why) = work.tag(tag) {
                    work.out.left(tag.at, tag.whole, &why);
                }
            }
        }
    }
    work.close_all();
}

/// Names that are assigned or captured within a loop.
fn changed_in_loops(tokens: &[Token<'_>]) -> BTreeSet<String> {
    let mut depth = 0usize;
    let mut names = BTreeSet::new();
    for token in tokens {
        let Token::Tag(tag) = token else { continue };
        let mut words = tag.code.split_whitespace();
        match (tag.kind, words.next()) {
            (Kind::Statement, Some("for")) => depth += 1,
            (Kind::Statement, Some("endfor")) => depth = depth.saturating_sub(1),
            (Kind::Statement, Some("assign" | "capture")) if depth > 0 => {
                let name = words.next().unwrap_or_default().split('=').next().unwrap_or_default();
                let name = name.trim_matches(['"', '\'']);
                names.extend(Some(name.to_owned()).filter(|name| !name.is_empty()));
            }
            _ => {}
        }
    }
    names
}

impl<'t> Work<'_, '_, '_, 't> {
    /// The object for the names that loops change.
    fn keeper(&mut self) {
        if self.kept.is_empty() || self.out.is_one_tag() {
            return;
        }
        // One that is a column begins as that.
        let begin = |name: &String| {
            let known = self.names.known(name)?;
            Some(format!("{}={known}", identifier(name)))
        };
        let begun: Vec<String> = self.kept.iter().filter_map(begin).collect();
        let code = format!("set {} = namespace({})", self.keeper, begun.join(", "));
        self.out.statement(&code, Trim::default());
    }

    fn before_when(&self) -> bool {
        matches!(self.open.last(), Some(Open { kind: Block::Case(_, false), .. }))
    }

    fn scope(&self) -> Scope<'_, '_> {
        Scope {
            names: self.names,
            locals: &self.locals,
            assigned: &self.assigned,
            kept: &self.kept,
            keeper: &self.keeper,
            markup: &self.markup,
            in_loop: self.in_loop(),
        }
    }

    fn in_loop(&self) -> bool {
        self.out.is_one_tag() || self.open.iter().any(|open| matches!(open.kind, Block::Loop))
    }

    fn tag(&mut self, tag: Tag<'t>) -> Result<(), String> {
        match tag.kind {
            Kind::Comment => {
                self.out.comment(tag.code, tag.trim);
                Ok(())
            }
            Kind::Raw => {
                self.raw(tag);
                Ok(())
            }
            Kind::Slot => self.print(tag, tag.code),
            Kind::Statement => self.statement(tag),
        }
    }

    /// What stands there as it is.
    fn raw(&mut self, tag: Tag<'t>) {
        let Trim { before, behind } = tag.trim;
        // Blanks around it are taken away by a tag of ours that prints nothing.
        if before {
            self.out.comment("", Trim { before, behind: false });
        }
        self.out.text(tag.code);
        if behind {
            self.out.comment("", Trim { before: false, behind });
        }
    }

    /// Prints a value with its filters.
    fn print(&mut self, tag: Tag<'t>, code: &str) -> Result<(), String> {
        let value = self.chain_of(tag, code)?;
        let ours = value.printed();
        if self.is_page && value.markup == Markup::Within && value.kind != expr::Kind::Text {
            self.out.told_of_letter(tag.at, UNESCAPED);
        } else if self.is_page && value.markup == Markup::No && value.may_hold_markup() {
            self.out.told_of_letter(tag.at, ESCAPED);
        }
        let may_be = matches!(value.kind, expr::Kind::Loose | expr::Kind::Local | expr::Kind::Items);
        let is_within = self.names.has_kinds_within() && may_be;
        if is_within || value.is_printed_otherwise() {
            self.out.told_of_letter(tag.at, KINDS);
        }
        self.out.slot(&ours, tag.trim);
        Ok(())
    }

    /// A value with its filters, in a tag.
    fn chain_of(&mut self, tag: Tag<'t>, code: &str) -> Result<Value, String> {
        let scope = self.scope();
        let mut reader = Reader::new(code, &scope)?;
        let value = reader.chain()?;
        reader.done()?;
        let asides = reader.asides;
        asides.into_iter().for_each(|says| self.out.told_of_letter(tag.at, says));
        Ok(value)
    }

    fn condition(&mut self, tag: Tag<'t>, code: &str) -> Result<Value, String> {
        let scope = self.scope();
        let mut reader = Reader::new(code, &scope)?;
        let value = reader.condition()?;
        reader.done()?;
        let asides = reader.asides;
        asides.into_iter().for_each(|says| self.out.told_of_letter(tag.at, says));
        Ok(value)
    }

    fn statement(&mut self, tag: Tag<'t>) -> Result<(), String> {
        let (word, rest) = tag.code.split_once(char::is_whitespace).unwrap_or((tag.code, ""));
        let rest = rest.trim();
        let trim = tag.trim;
        match word {
            "if" | "unless" => self.or_left(tag, word, |work| {
                let value = work.condition(tag, rest)?;
                let code = if word == "unless" { format!("not {}", value.closed()) } else { value.code };
                work.begin(tag, if word == "if" { "if" } else { "unless" }, Block::Condition, &format!("if {code}"));
                Ok(())
            }),
            "elsif" | "elseif" | "elif" => {
                self.within_condition()?;
                let code = self.condition(tag, rest)?.code;
                self.out.statement(&format!("elif {code}"), trim);
                Ok(())
            }
            "else" => self.otherwise(tag),
            "case" => self.or_left(tag, "case", |work| {
                let value = work.chain_of(tag, rest)?;
                work.push(tag, "case", Block::Case(value, false));
                Ok(())
            }),
            "when" => self.when(tag, rest),
            "for" => self.or_left(tag, "for", |work| work.each(tag, rest)),
            "break" | "continue" if !self.in_loop() => Err("no loop is open here".to_owned()),
            "break" | "continue" => {
                self.out.statement(word, trim);
                Ok(())
            }
            "assign" => self.assign(tag, rest),
            "capture" => self.or_left(tag, "capture", |work| work.capture(tag, rest)),
            "echo" => self.print(tag, rest),
            "cycle" => self.cycle(tag, rest),
            "include" | "render" => self.include(tag, rest),
            "#" => {
                self.out.comment(rest, trim);
                Ok(())
            }
            // Klaviyo's.
            "unsubscribe_link" | "unsubscribe_url" => {
                self.out.slot("unsubscribe_url", trim);
                Ok(())
            }
            "unsubscribe" => self.unsubscribe(rest),
            word if word.starts_with("end") => self.end(tag, word.get(3..).unwrap_or_default()),
            word if word.starts_with('#') => {
                self.out.comment(tag.code.trim_start_matches('#'), trim);
                Ok(())
            }
            "tablerow" | "form" | "paginate" | "schema" | "style" | "javascript" => {
                self.or_left(tag, word, |_| Err(format!("there is no block `{word}` here")))
            }
            _ => Err(format!("there is no statement `{word}` here")),
        }
    }

    /// A block whose end is left with it where it has no translation.
    fn or_left(
        &mut self,
        tag: Tag<'t>,
        word: &str,
        begin: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        const WORDS: [&str; 11] =
            ["if", "unless", "case", "for", "capture", "tablerow", "form", "paginate", "schema", "style", "javascript"];
        let done = match self.open.len() < BLOCKS_MAX {
            true => begin(self),
            false => Err("blocks stand in each other too deep".to_owned()),
        };
        if done.is_err() {
            let word = WORDS.into_iter().find(|known| *known == word).unwrap_or_default();
            self.push(tag, word, Block::Left);
        }
        done
    }

    fn push(&mut self, tag: Tag<'t>, word: &'static str, kind: Block) {
        let (locals, whens) = (self.locals.len(), Vec::new());
        self.open.push(Open { tag, word, kind, has_else: false, locals, whens });
    }

    fn begin(&mut self, tag: Tag<'t>, word: &'static str, kind: Block, code: &str) {
        self.out.statement(code, tag.trim);
        self.push(tag, word, kind);
    }

    fn within_condition(&self) -> Result<(), String> {
        match self.open.last().map(|open| (&open.kind, open.has_else)) {
            Some((Block::Condition, false)) => Ok(()),
            None if self.out.is_one_tag() => Ok(()),
            _ => Err("no condition is open here".to_owned()),
        }
    }

    fn otherwise(&mut self, tag: Tag<'t>) -> Result<(), String> {
        let is_one_tag = self.out.is_one_tag();
        match self.open.last_mut().map(|open| (&mut open.kind, &mut open.has_else)) {
            Some((Block::Condition | Block::Loop | Block::Case(_, true), has_else @ false)) => *has_else = true,
            Some((Block::Case(_, has_begun @ false), has_else)) => {
                // There is this side only.
                (*has_begun, *has_else) = (true, true);
                self.out.statement("if true", tag.trim);
                return Ok(());
            }
            None if is_one_tag => {}
            _ => return Err("no block is open that has another side".to_owned()),
        }
        self.out.statement("else", tag.trim);
        Ok(())
    }

    /// `when "a", "b"`, `when "a" or "b"`
    fn when(&mut self, tag: Tag<'t>, rest: &str) -> Result<(), String> {
        let scope = self.scope();
        let mut reader = Reader::new(rest, &scope)?;
        let mut values = vec![reader.value()?];
        while reader.sign(",") || reader.word("or") {
            values.push(reader.value()?);
        }
        reader.done()?;
        let Some(Open { kind: Block::Case(of, _), has_else: false, .. }) = self.open.last() else {
            return Err("no `case` is open here".to_owned());
        };
        let is_text = |value: &Value| value.text().is_some_and(|text| !text.is_empty());
        let code = match values.as_slice() {
            several @ [_, _, ..] if several.iter().all(is_text) => {
                let several: Vec<&str> = several.iter().map(|value| value.code.as_str()).collect();
                format!("{} in [{}]", of.bare(), several.join(", "))
            }
            several => {
                let equal: Vec<String> = several.iter().map(|value| reader.equal(of, value, true).code).collect();
                equal.join(" or ")
            }
        };
        let asides = reader.asides;
        asides.into_iter().for_each(|says| self.out.told_of_letter(tag.at, says));
        let known: Vec<String> = values.into_iter().map(|value| value.code).collect();
        let Some(Open { kind: Block::Case(_, has_begun), whens, .. }) = self.open.last_mut() else { return Ok(()) };
        if known.iter().any(|code| whens.contains(code)) {
            self.out.told(tag.at, "a value that two `when` name has both of them in Liquid, and the first one here");
        }
        whens.extend(known);
        let word = if std::mem::replace(has_begun, true) { "elif" } else { "if" };
        self.out.statement(&format!("{word} {code}"), tag.trim);
        Ok(())
    }

    /// `assign name = value | filter`
    fn assign(&mut self, tag: Tag<'t>, rest: &str) -> Result<(), String> {
        let (name, code) = rest.split_once('=').ok_or("`=` is missing")?;
        let name = name.trim();
        let value = self.chain_of(tag, code)?;
        let code = value.or_nothing();
        let target = self.target(name)?;
        self.markup.insert(name.to_owned(), value.markup);
        self.out.statement(&format!("set {target} = {code}"), tag.trim);
        Ok(())
    }

    /// Where a value of this name is kept.
    fn target(&mut self, name: &str) -> Result<String, String> {
        if !name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)) || name.is_empty() {
            return Err(format!("`{name}` is no name"));
        }
        let ours = identifier(name).into_owned();
        if self.kept.contains(name) {
            return Ok(format!("{}.{ours}", self.keeper));
        }
        let is_certain = self.open.iter().all(|open| matches!(open.kind, Block::Capture(_) | Block::Left));
        *self.assigned.entry(name.to_owned()).or_default() |= is_certain;
        Ok(ours)
    }

    fn capture(&mut self, tag: Tag<'t>, rest: &str) -> Result<(), String> {
        let name = rest.trim_matches(['"', '\'']);
        let target = self.target(name)?;
        self.markup.insert(name.to_owned(), Markup::Known);
        let inner = match target.split_once('.') {
            // A block cannot fill an attribute.
            Some((_, name)) => format!("captured_{name}"),
            None => target.clone(),
        };
        self.begin(tag, "capture", Block::Capture(target), &format!("set {inner}"));
        Ok(())
    }

    /// `include "footer"`, `render "card", product: item`, `render "card" for items as product`
    fn include(&mut self, tag: Tag<'t>, rest: &str) -> Result<(), String> {
        let scope = self.scope();
        let mut reader = Reader::new(rest, &scope)?;
        let Some(Word::Text(name)) = reader.next() else {
            return Err("which file it reads is known for each row only".to_owned());
        };
        let file = partial::file_of(&name)?;
        // What is handed over without a name has that of the file.
        let usual = name.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        let (mut given, mut items) = (Vec::new(), None);
        let is_each = reader.word("for");
        if is_each || reader.word("with") {
            let value = reader.value()?;
            let name = if reader.word("as") { reader.name()? } else { usual.to_owned() };
            let name = identifier(&name).into_owned();
            match is_each {
                true => items = Some((name, value.items())),
                false => given.push((name, value.or_nothing())),
            }
        }
        while reader.peek().is_some() {
            reader.sign(",");
            let name = reader.name()?;
            if !reader.sign(":") {
                return Err(format!("nothing is handed over as `{name}`"));
            }
            given.push((identifier(&name).into_owned(), reader.value()?.or_nothing()));
        }
        match &items {
            None => partial::write(&file, &given, tag.trim, self.out)?,
            Some((name, of)) => {
                let Trim { before, behind } = tag.trim;
                self.out.statement(&format!("for {name} in {of}"), Trim { before, behind: false });
                partial::write(&file, &given, Trim::default(), self.out)?;
                self.out.statement("endfor", Trim { before: false, behind });
            }
        }
        let names = items.into_iter().map(|(name, _)| (name, String::new()));
        let given: Vec<(String, String)> = names.chain(given).collect();
        partial::tell(tag.at, tag.whole, &file, &given, self.out);
        Ok(())
    }

    /// Klaviyo's link, with its words.
    fn unsubscribe(&mut self, rest: &str) -> Result<(), String> {
        let words = rest.trim_matches(['"', '\'']);
        self.out.text("<a href=\"");
        self.out.slot("unsubscribe_url", Trim::default());
        self.out.text(&format!("\">{}</a>", if words.is_empty() { "Unsubscribe" } else { words }));
        Ok(())
    }

    fn end(&mut self, tag: Tag<'t>, word: &str) -> Result<(), String> {
        let Some(open) = self.open.last() else {
            return self.end_alone(tag, word);
        };
        if open.word != word {
            return Err(format!("the block that is open here is {}", open.tag.whole));
        }
        let Some(open) = self.open.pop() else { return Ok(()) };
        self.locals.truncate(open.locals);
        match open.kind {
            Block::Left => return Err(format!("{} is not, either", open.tag.whole)),
            Block::Condition | Block::Case(_, true) => self.out.statement("endif", tag.trim),
            Block::Case(_, false) => {}
            Block::Loop => self.out.statement("endfor", tag.trim),
            Block::Capture(target) => {
                self.out.statement("endset", tag.trim);
                if let Some((_, name)) = target.split_once('.') {
                    self.out.statement(&format!("set {target} = captured_{name}"), Trim::default());
                }
            }
        }
        Ok(())
    }

    /// The end of a block that stands alone.
    fn end_alone(&mut self, tag: Tag<'t>, word: &str) -> Result<(), String> {
        let ours = match word {
            "if" | "unless" | "case" => "endif",
            "for" => "endfor",
            "capture" => "endset",
            _ => "",
        };
        if ours.is_empty() || !self.out.is_one_tag() {
            return Err("no block is open here".to_owned());
        }
        self.out.statement(ours, tag.trim);
        Ok(())
    }

    /// Blocks that nothing ends.
    fn close_all(&mut self) {
        if self.out.is_one_tag() {
            return;
        }
        while let Some(open) = self.open.pop() {
            let end = match open.kind {
                Block::Left | Block::Case(_, false) => continue,
                Block::Condition | Block::Case(..) => "endif",
                Block::Loop => "endfor",
                Block::Capture(_) => "endset",
            };
            self.out.statement(end, Trim::default());
            let says = format!("`{}` has no end: one is put at the end of the template", open.tag.whole);
            self.out.open(open.tag.at, says);
        }
    }
}
