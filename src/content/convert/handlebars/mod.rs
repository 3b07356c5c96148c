//! Handlebars and Mustache: blocks, loops with their contexts, partials, helpers that most collections have.
//!
//! A context (`this`) is a name here: the item of the loop around it. Leaves to others: helpers that only the original's
//! program knows: such a tag is told.

mod expr;
mod lexer;
mod values;

use super::vocabulary::Vocabulary;
use super::writer::{Trim, UNSURE, Writer};
use super::{BLOCKS_MAX, is_page, partial};
use crate::content::names::identifier;
use expr::{Call, Expr};
use lexer::{Kind, Tag, Token};
use std::collections::BTreeSet;
use values::{Context, Local, Scope, Value};

/// Writes text between the tags, which may have tags of another kind.
pub(super) type Texts = fn(&str, usize, &Vocabulary<'_>, &mut Writer<'_>);

/// A block that is open.
struct Open<'t> {
    tag: Tag<'t>,
    /// What its end is called.
    word: String,
    /// How it ends here, the innermost first; empty: it was left.
    ends: Vec<&'static str>,
    has_context: bool,
    is_loop: bool,
    locals: usize,
    /// The name of the loop's key.
    key: Option<String>,
    /// `{{else}}` may stand in it.
    takes_else: bool,
}

/// What is said of the first value that may be no text.
const KINDS: &str = "true, false, lists and objects of a JSON list are printed as Python prints them here (True, ['a']): print \
                     what stands in them, or write {{#if x}}true{{else}}false{{/if}} before it is translated";

/// What is said of the first value that a template without HTML prints.
const UNESCAPED: &str = "text parts print & < > and quotes as they are, where Handlebars writes &amp; and the like";

struct Work<'w, 's, 'n, 't> {
    names: &'w Vocabulary<'n>,
    out: &'w mut Writer<'s>,
    tokens: Vec<Token<'t>>,
    open: Vec<Open<'t>>,
    contexts: Vec<Context>,
    locals: Vec<Local>,
    /// Words that mean something in the template: no name of ours may hide one.
    taken: BTreeSet<String>,
    /// Whether the template is one of HTML.
    is_page: bool,
}

pub(super) fn convert(text: &str, names: &Vocabulary<'_>, texts: Option<Texts>, out: &mut Writer<'_>) {
    let tokens = lexer::tokens(text);
    let taken = words(&tokens);
    let (open, locals) = (Vec::new(), Vec::new());
    let mut work =
        Work { names, out, tokens, open, contexts: vec![Context::Row], locals, taken, is_page: is_page(text) };
    for index in 0..work.tokens.len() {
        match work.tokens.get(index).copied() {
            Some(Token::Text(at, text)) => match texts {
                Some(texts) => texts(text, at, work.names, work.out),
                None => work.out.text(text),
            },
            Some(Token::Tag(tag)) => {
                if let Err(why) = work.tag(tag, index) {
                    work.out.left(tag.at, tag.whole, &why);
                }
            }
            None => {}
        }
    }
    work.close_all();
}

/// The words in the tags of a template.
fn words(tokens: &[Token<'_>]) -> BTreeSet<String> {
    let tags = tokens.iter().filter_map(|token| match token {
        Token::Tag(tag) if tag.kind != Kind::Comment => Some(tag.code),
        _ => None,
    });
    let words = tags.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

impl<'t> Work<'_, '_, '_, 't> {
    fn tag(&mut self, tag: Tag<'t>, index: usize) -> Result<(), String> {
        let reads = !matches!(tag.kind, Kind::Comment | Kind::Close) && !tag.code.is_empty();
        if reads && self.names.is_unsure() && !self.names.is_built_in(tag.code) {
            self.out.told_of_letter(tag.at, UNSURE);
        }
        match tag.kind {
            Kind::Slot | Kind::Raw => self.slot(tag),
            Kind::Open => self.or_left(tag, |work| work.block(tag, index)),
            Kind::Inverse => self.or_left(tag, |work| {
                let call = expr::parse(tag.code)?;
                let value = work.scope().call(&call)?;
                work.tell_zero(tag, &value);
                let has_else = work.inside(index).any(|inner| inner.kind == Kind::Else);
                if has_else && value.holds().is_some_and(|holds| holds.lists) {
                    let says = "the other side of a section that begins with ^ is there for each item in Handlebars, and once here";
                    work.out.told_of_letter(tag.at, says);
                }
                let code = work.scope().asked(&value).closed();
                work.begin(tag, tag.code, &format!("if not {code}"), &["endif"]);
                Ok(())
            }),
            Kind::Else => self.otherwise(tag),
            Kind::Close => self.close(tag),
            Kind::Partial => self.partial(tag),
            Kind::Comment => {
                self.out.comment(tag.code, Trim::default());
                Ok(())
            }
        }
    }

    fn scope(&self) -> Scope<'_, '_> {
        let around = self.open.iter().rev().find(|open| open.has_context);
        Scope {
            names: self.names,
            contexts: &self.contexts,
            locals: &self.locals,
            in_loop: around.is_some_and(|open| open.is_loop) || self.out.is_one_tag(),
            key: around.and_then(|open| open.key.as_deref()),
        }
    }

    fn say(&mut self, code: &str) {
        self.out.statement(code, Trim::default());
    }

    fn slot(&mut self, tag: Tag<'t>) -> Result<(), String> {
        if tag.code.starts_with('=') {
            return Err("tags in other braces are not read: write those behind it in {{ and }}".to_owned());
        }
        let value = self.scope().call(&expr::parse(tag.code)?)?;
        if value.is_printed_otherwise(self.names.has_kinds_within()) {
            self.out.told_of_letter(tag.at, KINDS);
        }
        let is_text = !self.is_page && !self.names.is_built_in(tag.code);
        if tag.kind == Kind::Slot && is_text && value.may_hold_markup() {
            self.out.told_of_letter(tag.at, UNESCAPED);
        }
        let code = match tag.kind {
            // The link is one of the engine, in whatever braces it stands.
            Kind::Raw if value.code != "unsubscribe_url" => format!("{}|safe", value.closed_printed()),
            _ => value.printed(),
        };
        self.out.slot(&code, Trim::default());
        Ok(())
    }

    /// A block whose end is left with it where it has no translation; what stands in it stays.
    fn or_left(&mut self, tag: Tag<'t>, begin: impl FnOnce(&mut Self) -> Result<(), String>) -> Result<(), String> {
        let done = match self.open.len() < BLOCKS_MAX {
            true => begin(self),
            false => Err("blocks stand in each other too deep".to_owned()),
        };
        if done.is_err() {
            let word = tag.code.split_whitespace().next().unwrap_or_default().to_owned();
            self.push(tag, word, Vec::new());
        }
        done
    }

    fn block(&mut self, tag: Tag<'t>, index: usize) -> Result<(), String> {
        let call = expr::parse(tag.code)?;
        let word = call.word().to_owned();
        match word.as_str() {
            "if" | "unless" => {
                let code = self.asked(&call)?;
                let not = if word == "unless" { "not " } else { "" };
                self.begin(tag, &word, &format!("if {not}{code}"), &["endif"]);
            }
            "each" => {
                let of = self.scope().value(one_argument(&call)?)?;
                self.each(tag, &word, &of, &call.params, index);
            }
            "with" => {
                let of = self.scope().value(one_argument(&call)?)?;
                let named = call.params.first();
                let name = self.fresh(named.map_or("value", String::as_str), named.is_some());
                let asked = self.scope().asked(&of).code;
                self.say(&format!("if {asked}"));
                self.begin(tag, "with", &format!("with {name} = {}", of.code), &["endwith", "endif"]);
                self.enter(named, name, false);
            }
            word if values::is_condition(word) && !call.is_bare() => {
                let code = self.scope().call(&call)?.code;
                self.begin(tag, word, &format!("if {code}"), &["endif"]);
            }
            _ if call.is_bare() => self.section(tag, &call, index)?,
            word => return Err(format!("there is no block `{word}` here")),
        }
        Ok(())
    }

    /// What stands behind `if`, or `unless`: one value, or one helper with its arguments.
    fn asked(&self, call: &Call) -> Result<String, String> {
        let scope = self.scope();
        let value = match call.args.as_slice() {
            [one] => scope.value(one)?,
            _ => return Err("it asks for one value".to_owned()),
        };
        let value = match call.named.as_slice() {
            [] => scope.asked(&value),
            [(name, Expr::Truth(true))] if name == "includeZero" => value.or_zero(),
            [(name, _), ..] => return Err(format!("`{name}` means nothing here")),
        };
        Ok(if call.word() == "unless" { value.closed() } else { value.code })
    }

    /// A section of Mustache: a loop over a list, a context for an object, else a condition.
    fn section(&mut self, tag: Tag<'t>, call: &Call, index: usize) -> Result<(), String> {
        let value = self.scope().call(call)?;
        let names_item = |code: &str| code == "." || code.starts_with("this") || code.starts_with("@index");
        let names_item = self.inside(index).any(|tag| names_item(tag.code));
        let holds = value.holds().unwrap_or_default();
        let is_known = value.holds().is_some() && !self.names.is_unsure();
        let is_list = holds.lists || (names_item && !is_known);
        if is_list && !(holds.objects || holds.texts) {
            self.tell_stack(tag, index);
            self.each(tag, tag.code, &value, &[], index);
            return Ok(());
        }
        self.tell_zero(tag, &value);
        let asked = self.scope().asked(&value).code;
        let is_context = (holds.objects && !holds.lists) || (names_item && is_known);
        if is_context {
            self.tell_stack(tag, index);
            let name = self.fresh("value", false);
            self.say(&format!("if {asked}"));
            self.begin(tag, tag.code, &format!("with {name} = {}", value.code), &["endwith", "endif"]);
            self.enter(None, name, false);
            return Ok(());
        }
        self.begin(tag, tag.code, &format!("if {asked}"), &["endif"]);
        if !is_known || !holds.is_plain() {
            let says = format!(
                "`{}` is taken for a condition: where it is a list, write {{{{#each}}}}, where it is an object, {{{{#with}}}}",
                tag.whole
            );
            self.out.told(tag.at, says);
        } else if self.inside(index).any(|tag| matches!(tag.kind, Kind::Slot | Kind::Raw)) {
            let says = "names in a section of a text or a number are those of the row, as in Mustache; Handlebars has none there";
            self.out.told_of_letter(tag.at, says);
        }
        Ok(())
    }

    /// Says of names that an item may lack, and the row has, that they are the item's.
    fn tell_stack(&mut self, tag: Tag<'t>, index: usize) {
        let is_of_row = |tag: &Tag<'_>| {
            let is_name = !tag.code.is_empty() && tag.code.chars().all(|c| c.is_alphanumeric() || c == '_');
            is_name && self.names.known(tag.code).is_some_and(|ours| self.names.is_column(&ours))
        };
        let inner = self.inside(index).find(is_of_row);
        if let Some(inner) = inner {
            let says = format!(
                "`{}` is what `{}` has under that name, as in Handlebars; Mustache takes the row's where there is none: write \
                 {{{{../{}}}}}",
                inner.whole, tag.whole, inner.code
            );
            self.out.told(inner.at, says);
        }
    }

    /// Says of a section that Handlebars takes 0 for something.
    fn tell_zero(&mut self, tag: Tag<'t>, value: &Value) {
        if value.may_be_zero(self.names.is_text()) {
            let says = "in a section 0 and an empty text count as nothing here, as in Mustache, and as something in Handlebars";
            self.out.told_of_letter(tag.at, says);
        }
    }

    fn each(&mut self, tag: Tag<'t>, word: &str, of: &Value, params: &[String], index: usize) {
        let named = params.first();
        let name = self.fresh(named.map_or("item", String::as_str), named.is_some());
        let second = params.get(1).map(|theirs| (theirs.clone(), self.fresh(theirs, true)));
        let has_key = self.inside(index).any(|tag| tag.code.contains("@key"));
        let key = match &second {
            Some((_, ours)) => Some(ours.clone()),
            None => has_key.then(|| self.fresh(&format!("{name}_key"), false)),
        };
        let code = match &key {
            Some(key) => format!("for {key}, {name} in {}", of.pairs()),
            None => format!("for {name} in {}", of.values()),
        };
        self.begin(tag, word, &code, &["endfor"]);
        self.enter(named, name, true);
        if let Some(open) = self.open.last_mut() {
            open.key = key;
        }
        self.locals.extend(second.map(|(theirs, ours)| Local { theirs, ours }));
    }

    /// The tags of the block that the token `index` begins.
    fn inside(&self, index: usize) -> impl Iterator<Item = Tag<'t>> {
        let mut depth = 1usize;
        let tags = self.tokens.iter().skip(index + 1).filter_map(|token| match token {
            Token::Tag(tag) => Some(*tag),
            Token::Text(..) => None,
        });
        tags.take_while(move |tag| {
            match tag.kind {
                Kind::Open | Kind::Inverse => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth > 0
        })
    }

    /// A name that hides no column, and nothing that the template names; where that `is_named` by the template, it may
    /// hide what it hides there.
    fn fresh(&mut self, usual: &str, is_named: bool) -> String {
        let usual = identifier(usual);
        let is_context = |name: &str| self.contexts.iter().any(|context| context.is(name));
        let is_hidden = |name: &str| self.names.is_column(name) || is_context(name);
        let is_free = |name: &str| !is_hidden(name) && !self.taken.contains(name);
        let name = match usual.as_ref() {
            usual if is_free(usual) || (is_named && !is_hidden(usual)) => usual.to_owned(),
            usual => (2..).map(|number| format!("{usual}{number}")).find(|name| is_free(name)).unwrap_or_default(),
        };
        self.taken.insert(name.clone());
        name
    }

    /// The block that has just begun is a context of its own, which the template may name.
    fn enter(&mut self, theirs: Option<&String>, name: String, is_loop: bool) {
        if let Some(open) = self.open.last_mut() {
            (open.has_context, open.is_loop) = (true, is_loop);
        }
        self.locals.extend(theirs.map(|theirs| Local { theirs: theirs.clone(), ours: name.clone() }));
        self.contexts.push(Context::Named(name));
    }

    fn begin(&mut self, tag: Tag<'t>, word: &str, code: &str, ends: &[&'static str]) {
        self.say(code);
        self.push(tag, word.to_owned(), ends.to_vec());
    }

    fn push(&mut self, tag: Tag<'t>, word: String, ends: Vec<&'static str>) {
        let takes_else = !ends.is_empty();
        let locals = self.locals.len();
        self.open.push(Open { tag, word, ends, has_context: false, is_loop: false, locals, key: None, takes_else });
    }

    /// `{{else}}`, `{{else if a}}`, `{{else unless a}}`, `{{else equals a b}}`
    fn otherwise(&mut self, tag: Tag<'t>) -> Result<(), String> {
        let is_alone = self.open.is_empty() && self.out.is_one_tag();
        if !is_alone && !self.open.last().is_some_and(|open| open.takes_else) {
            return Err("no block is open that has another side".to_owned());
        }
        let call = if tag.code.is_empty() { Call::default() } else { expr::parse(tag.code)? };
        // Outside of a loop's items, and of what `with` names, the context is the one around.
        self.leave_context();
        if let Some(open) = self.open.last_mut().filter(|open| open.ends.first() == Some(&"endwith")) {
            open.ends.remove(0);
            self.say("endwith");
        }
        if tag.code.is_empty() {
            self.say("else");
            if let Some(open) = self.open.last_mut() {
                open.takes_else = false;
            }
            return Ok(());
        }
        let code = match call.word() {
            "if" => self.asked(&call)?,
            "unless" => format!("not {}", self.asked(&call)?),
            word if values::is_condition(word) => self.scope().call(&call)?.code,
            word => return Err(format!("there is no block `{word}` here")),
        };
        let in_loop = self.open.last().is_some_and(|open| open.ends.first() == Some(&"endfor"));
        if in_loop {
            // A loop has one other side only.
            self.say("else");
            self.say(&format!("if {code}"));
            if let Some(open) = self.open.last_mut() {
                open.ends.insert(0, "endif");
            }
        } else {
            self.say(&format!("elif {code}"));
        }
        Ok(())
    }

    /// What the innermost block has bound is bound no more.
    fn leave_context(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        if open.has_context {
            self.contexts.pop();
        }
        (open.has_context, open.is_loop) = (false, false);
        self.locals.truncate(open.locals);
    }

    fn close(&mut self, tag: Tag<'t>) -> Result<(), String> {
        let word = tag.code.split_whitespace().next().unwrap_or_default();
        let Some(open) = self.open.last() else {
            return self.close_alone(word).ok_or_else(|| "no block is open here".to_owned());
        };
        if open.word != word && open.word != tag.code {
            return Err(format!("the block that is open here is {}", open.tag.whole));
        }
        self.leave_context();
        match self.open.pop() {
            Some(open) if open.ends.is_empty() => Err(format!("{} is not, either", open.tag.whole)),
            open => {
                open.iter().flat_map(|open| &open.ends).for_each(|end| self.say(end));
                Ok(())
            }
        }
    }

    /// The end of a block that stands alone.
    fn close_alone(&mut self, word: &str) -> Option<()> {
        if !self.out.is_one_tag() {
            return None;
        }
        match word {
            "each" => self.say("endfor"),
            "with" => self.say("endwith"),
            _ => self.say("endif"),
        }
        Some(())
    }

    /// `{{> footer}}`, `{{> card title=name}}`
    fn partial(&mut self, tag: Tag<'t>) -> Result<(), String> {
        let (name, rest) = tag.code.split_once(char::is_whitespace).unwrap_or((tag.code, ""));
        let name = name.trim_matches(['"', '\'']);
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-./".contains(c));
        if !is_name {
            return Err("which file it reads is known for each row only".to_owned());
        }
        let call = expr::parse(&format!("partial {rest}"))?;
        let is_of_item = self.contexts.len() > 1;
        if !call.args.is_empty() || (is_of_item && call.named.is_empty()) {
            let what = if call.args.is_empty() { "the block around it" } else { "what stands behind the file's name" };
            return Err(format!(
                "names in that file are those of {what}: hand over each, such as {{{{> {name} title=this.title}}}}"
            ));
        }
        let hand_over = |(name, value): &(String, Expr)| -> Result<(String, String), String> {
            Ok((identifier(name).into_owned(), self.scope().value(value)?.or_nothing()))
        };
        let given: Vec<(String, String)> = call.named.iter().map(hand_over).collect::<Result<_, _>>()?;
        let file = partial::file_of(name)?;
        partial::write(&file, &given, Trim::default(), self.out)?;
        partial::tell(tag.at, tag.whole, &file, &given, self.out);
        if is_of_item {
            let says = format!("in {file} names that `{}` does not hand over are those of the row", tag.whole);
            self.out.told(tag.at, says);
        }
        Ok(())
    }

    /// Blocks that nothing ends.
    fn close_all(&mut self) {
        if self.out.is_one_tag() {
            return;
        }
        while let Some(open) = self.open.pop() {
            open.ends.iter().for_each(|end| self.say(end));
            if !open.ends.is_empty() {
                let says = format!("`{}` has no end: one is put at the end of the template", open.tag.whole);
                self.out.open(open.tag.at, says);
            }
        }
    }
}

/// What `each` and `with` are about.
fn one_argument(call: &Call) -> Result<&Expr, String> {
    match call.args.as_slice() {
        [one] => Ok(one),
        _ => Err("it is about one value".to_owned()),
    }
}
