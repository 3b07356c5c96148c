//! One template: literal text with slots where that is all it is, else minijinja.
//!
//! Guarantees: a compiled template reads only names that exist; rendering is bounded in output and in steps. Both kinds
//! give the same text for the same row.

use super::error::{ComposeError, ContentError, Place};
use super::escape::{self, Escape};
use super::names::{self, Name, Names, NoName};
use minijinja::value::{Object, Value};
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use std::borrow::Cow;
use std::io;
use std::sync::Arc;

/// Most octets that one template may render to.
pub(crate) const RENDERED_MAX: usize = 4 << 20;
/// Most instructions of one rendering.
const FUEL: u64 = 1_000_000;

/// The values of one row.
pub(crate) struct Values<'a> {
    /// The values of the used columns.
    pub(crate) columns: &'a [Cow<'a, str>],
    /// Where in them each column of the list is.
    pub(crate) places: &'a [usize],
    pub(crate) email: &'a str,
    pub(crate) token: &'a str,
    pub(crate) campaign: &'a str,
    pub(crate) unsubscribe_url: &'a str,
}

impl Values<'_> {
    pub(crate) fn get(&self, name: Name) -> &str {
        match name {
            Name::Column(index) => {
                self.places.get(index).and_then(|&place| self.columns.get(place)).map_or("", |v| v.as_ref())
            }
            Name::Email => self.email,
            Name::Token => self.token,
            Name::Campaign => self.campaign,
            Name::UnsubscribeUrl => self.unsubscribe_url,
        }
    }
}

/// A part of a template that needs no interpreter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    Slot(Name),
}

#[derive(Debug)]
pub(crate) enum Form {
    /// Literal text and slots: never two literals in a row.
    Pieces(Vec<Piece>),
    /// The name of the template in the environment.
    Program(String),
}

/// A compiled template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(crate) place: Place,
    pub(crate) form: Form,
    pub(crate) escape: Escape,
    /// Every name that it reads.
    names: Vec<(String, Name)>,
}

impl Template {
    /// The names that it reads.
    pub(crate) fn names(&self) -> impl Iterator<Item = Name> + '_ {
        self.names.iter().map(|&(_, name)| name)
    }

    /// The text, when it is the same for every row.
    pub(crate) fn constant(&self) -> Option<&str> {
        match &self.form {
            Form::Pieces(pieces) => match pieces.as_slice() {
                [] => Some(""),
                [Piece::Literal(text)] => Some(text),
                _ => None,
            },
            Form::Program(_) => None,
        }
    }

    /// Whether it is nothing but the recipient's mailbox.
    pub(crate) fn is_email(&self) -> bool {
        matches!(&self.form, Form::Pieces(p) if *p == [Piece::Slot(Name::Email)])
    }

    /// Appends the text for one row.
    pub(crate) fn render(&self, env: &Environment, values: &Values, out: &mut String) -> Result<(), ComposeError> {
        match &self.form {
            Form::Pieces(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Literal(text) => out.push_str(text),
                        Piece::Slot(name) => self.escape.write(values.get(*name), out),
                    }
                }
                self.bounded(out)
            }
            Form::Program(name) => self.run(env, name, values, out),
        }
    }

    fn run(&self, env: &Environment, name: &str, values: &Values, out: &mut String) -> Result<(), ComposeError> {
        let row = self.names.iter().map(|(text, name)| (text.clone(), Value::from(values.get(*name))));
        let context = Value::from_object(Row(row.collect()));
        let mut writer = Bounded { out, full: false };
        let result = env.get_template(name).and_then(|t| t.render_captured_to(context, &mut writer).map(drop));
        let full = writer.full;
        result.map_err(|error| match full {
            true => self.too_long(),
            false => ComposeError::Template {
                place: self.place.to_string(),
                line: error.line().unwrap_or(0),
                reason: reason(&error),
            },
        })
    }

    fn bounded(&self, out: &str) -> Result<(), ComposeError> {
        if out.len() > RENDERED_MAX { Err(self.too_long()) } else { Ok(()) }
    }

    fn too_long(&self) -> ComposeError {
        ComposeError::TooLong { field: format!("text of {}", self.place), max: RENDERED_MAX }
    }
}

/// What a failed template says, on one line.
fn reason(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("the template runs for more than {FUEL} steps"),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// A row as minijinja sees it.
#[derive(Debug)]
struct Row(Vec<(String, Value)>);

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }
}

/// Takes text up to [`RENDERED_MAX`] octets.
struct Bounded<'a> {
    out: &'a mut String,
    full: bool,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.out.len() + text.len() > RENDERED_MAX {
            self.full = true;
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.out.push_str(std::str::from_utf8(text).map_err(io::Error::other)?);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A text to compile, and where it stands, so that errors can point at it. Its line breaks are LF.
#[derive(Clone, Copy)]
pub(crate) struct Excerpt<'t> {
    pub(crate) place: &'t Place,
    /// The whole file or value.
    pub(crate) whole: &'t str,
    /// The octets of `whole` that are meant.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'t> Excerpt<'t> {
    pub(crate) fn whole(place: &'t Place, whole: &'t str) -> Self {
        Self { place, whole, start: 0, end: whole.len() }
    }

    pub(crate) fn text(&self) -> &'t str {
        self.whole.get(self.start..self.end).unwrap_or_default()
    }
}

/// Compiles the templates of one campaign and collects what is wrong with them.
pub(crate) struct Compiler<'a> {
    pub(crate) env: Environment<'static>,
    pub(crate) names: Names<'a>,
    pub(crate) errors: Vec<ContentError>,
    count: usize,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(names: Names<'a>) -> Self {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Strict);
        env.set_fuel(Some(FUEL));
        env.set_formatter(escape::format);
        env.add_filter("add_query", super::page::add_query);
        env.set_debug(true);
        // The name of a template begins with the letter of its escape.
        env.set_auto_escape_callback(|name| match name.as_bytes().first() {
            Some(b'h') => Escape::Html.auto(),
            Some(b'u') => Escape::Url.auto(),
            _ => Escape::Plain.auto(),
        });
        Self { env, names, errors: Vec::new(), count: 0 }
    }

    /// Compiles a text. `None` when it is wrong: [`Self::errors`] say how.
    pub(crate) fn compile(&mut self, source: Excerpt, escape: Escape) -> Option<Template> {
        if let Some(pieces) = self.pieces(source.text()) {
            let slots = pieces.iter().filter_map(|p| match p {
                Piece::Slot(name) => Some((String::new(), *name)),
                Piece::Literal(_) => None,
            });
            let names = slots.collect();
            return Some(Template { place: source.place.clone(), form: Form::Pieces(pieces), escape, names });
        }
        self.program(source, escape)
    }

    /// The pieces of `text`, if literals and known names in braces are all it has.
    fn pieces(&mut self, text: &str) -> Option<Vec<Piece>> {
        // minijinja drops one line break at the very end, and so do we.
        let mut rest = text.strip_suffix('\n').unwrap_or(text);
        let mut pieces = Vec::new();
        let mut literal = String::new();
        while let Some(open) = rest.find('{') {
            match rest.as_bytes().get(open + 1) {
                Some(b'%' | b'#') => return None,
                Some(b'{') => {
                    let (inside, behind) = rest.get(open + 2..)?.split_once("}}")?;
                    let name = inside.trim_matches(|c: char| c.is_ascii_whitespace());
                    let name = self.names.resolve(name).ok()?;
                    literal.push_str(&rest[..open]);
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Slot(name));
                    rest = behind;
                }
                _ => {
                    literal.push_str(&rest[..=open]);
                    rest = &rest[open + 1..];
                }
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Some(pieces)
    }

    fn program(&mut self, source: Excerpt, escape: Escape) -> Option<Template> {
        let text = source.text();
        let letter = match escape {
            Escape::Html => 'h',
            Escape::Url => 'u',
            Escape::Plain => 'p',
        };
        self.count += 1;
        let id = format!("{letter}{}", self.count);
        if let Err(error) = self.env.add_template_owned(id.clone(), text.to_owned()) {
            self.errors.push(syntax_error(source, &error));
            return None;
        }
        let undeclared = self.env.get_template(&id).map(|t| t.undeclared_variables(false)).unwrap_or_default();
        let mut names: Vec<(String, Name)> = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        let before = self.errors.len();
        for (at, name) in names::in_template(text) {
            if seen.contains(&name) {
                continue;
            }
            let opens = || text[..at].trim_end_matches(|c: char| c.is_whitespace() || "+-".contains(c)).ends_with("{%");
            if matches!(name, "include" | "import" | "from" | "extends") && opens() {
                let problem = format!("`{name}` reads another file, and a campaign has none");
                let error = ContentError::new(source.place, problem, "put the text into this template");
                self.errors.push(error.at(source.whole, source.start + at));
                continue;
            }
            seen.push(name);
            match self.names.resolve(name) {
                Ok(meaning) => names.push((name.to_owned(), meaning)),
                Err(NoName::Unknown(_)) if !undeclared.contains(name) => {}
                Err(NoName::Unknown(_)) if self.env.globals().any(|(global, _)| global == name) => {}
                Err(no) => self.errors.push(self.unknown(source.place, name, no).at(source.whole, source.start + at)),
            }
        }
        let form = Form::Program(id);
        (before == self.errors.len()).then_some(Template { place: source.place.clone(), form, escape, names })
    }

    fn unknown(&self, place: &Place, name: &str, no: NoName) -> ContentError {
        match no {
            NoName::Unknown(nearest) => {
                let hint = match nearest {
                    Some(nearest) => format!("did you mean `{nearest}`? There are: {}", self.names.list()),
                    None => format!("there are: {}", self.names.list()),
                };
                ContentError::new(place, format!("no column of the list is called `{name}`"), hint)
            }
            NoName::BuiltInToo => ContentError::new(
                place,
                format!("`{name}` is a column of the list and also the name of a built-in value"),
                format!(
                    "give the column another name: [recipients] columns = {{ my_{name} = \"…\" }}, or another heading"
                ),
            ),
            NoName::Twice => ContentError::new(
                place,
                format!("the list has two columns called `{name}`"),
                "give one of them another name ([recipients] columns = { other = \"…\" }) or, where both have one heading, another one",
            ),
        }
    }
}

fn syntax_error(source: Excerpt, error: &minijinja::Error) -> ContentError {
    let lines = || source.text().split_inclusive('\n').take(error.line().unwrap_or(1) - 1).map(str::len).sum();
    let at = error.range().map_or_else(lines, |range| range.start);
    let problem = format!("the template is not valid: {}", error.detail().unwrap_or("syntax error"));
    ContentError::new(source.place, problem, "templates are minijinja: {{ name }}, {% if name %}…{% endif %}")
        .at(source.whole, source.start + at)
}

/// CRLF and CR as LF.
pub(crate) fn one_kind_of_line_break(text: &str) -> Cow<'_, str> {
    match memchr::memchr(b'\r', text.as_bytes()) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
    }
}
