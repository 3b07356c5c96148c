//! One template: literal text with slots where that is all it is, else minijinja.
//!
//! Guarantees: a compiled template reads only names that exist; rendering is bounded in output and in steps. Both kinds
//! give the same text for the same row.

use super::analysis::{Aliases, AmountWanted, FileUse, NumberWanted, SumWanted, TruthWanted, Walk};
use super::binding::{As, Binding, LocaleOf, Reading, Row};
use super::error::{ComposeError, ContentError, Place, Positions, position};
use super::escape::{self, Escape};
use super::filters::{self, order};
use super::names::{Name, Names};
use super::partials::{self, Partials};
use super::rewrite::{self, Changed};
use super::syntax::{self, Syntax};
use super::uses::{AmountUse, Asks, NumberUse, Spot, SumUse, TruthUse, Wanted, is_for_readers};
use super::{foreign, operators, stray, unclosed};
use minijinja::machinery;
use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Most octets that one template may render to.
pub(crate) const RENDERED_MAX: usize = 4 << 20;
/// Most instructions of one rendering.
const FUEL: u64 = 1_000_000;

/// The values of one row.
pub(crate) struct Values<'a> {
    /// The values of the used columns.
    pub(crate) columns: &'a [Cow<'a, str>],
    /// The same as the table keeps them.
    pub(crate) fields: &'a [&'a [u8]],
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

    /// A column as the table keeps it.
    pub(crate) fn field(&self, name: Name) -> Option<&[u8]> {
        let Name::Column(index) = name else { return None };
        Some(self.places.get(index).and_then(|&place| self.fields.get(place)).copied().unwrap_or_default())
    }

    /// What tells one value from another: two that print alike may be of two kinds.
    pub(crate) fn octets(&self, name: Name) -> &[u8] {
        self.field(name).unwrap_or_else(|| self.get(name).as_bytes())
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
    names: Vec<Name>,
    /// The same as minijinja knows them.
    bindings: Arc<[Binding]>,
    /// Files that it reads, by the names that minijinja knows them by.
    files: BTreeMap<String, Place>,
}

impl Template {
    /// The names that it reads.
    pub(crate) fn names(&self) -> impl Iterator<Item = Name> + '_ {
        self.names.iter().copied()
    }

    /// Whether it reads cells of which one that looks like the others may be none of their kind.
    pub(crate) fn may_misread(&self) -> bool {
        let may_fail = |one: &Binding| one.wanted == As::Number || (one.wanted == As::Any && one.kind.is_some());
        self.bindings.iter().any(may_fail)
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
    pub(crate) fn render(&self, with: &Templates, values: &Values, out: &mut String) -> Result<(), ComposeError> {
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
            Form::Program(name) => self.run(with, name, values, out),
        }
    }

    fn run(&self, with: &Templates, name: &str, values: &Values, out: &mut String) -> Result<(), ComposeError> {
        let row = Value::from_object(Row::new(&self.bindings, values, &with.reading));
        let mut writer = Bounded { out, full: false };
        let result = with.env.get_template(name).and_then(|t| t.render_captured_to(row, &mut writer).map(drop));
        let full = writer.full;
        result.map_err(|error| if full { too_long(&self.place) } else { self.failed(with, &error) })
    }

    /// An error of minijinja with the place that it is at: that may be in a file which the template reads.
    fn failed(&self, with: &Templates, error: &minijinja::Error) -> ComposeError {
        let mut inner = error;
        while let Some(source) = std::error::Error::source(inner).and_then(|e| e.downcast_ref::<minijinja::Error>()) {
            inner = source;
        }
        let reason = reason(inner);
        let told = if inner.name().is_some() && inner.range().is_some() { inner } else { error };
        let written = told.name().and_then(|name| with.written.get(name)).zip(told.range());
        let (line, column, reason) = match written.map(|(written, range)| written.at(range)) {
            Some((line, column, code)) if !code.is_empty() => (line, column, format!("`{code}`: {reason}")),
            Some((line, column, _)) => (line, column, reason),
            None => (inner.line().or(error.line()).unwrap_or(0), 0, reason),
        };
        let file = told.name().and_then(|name| self.files.get(name));
        let reason = match file {
            Some(_) => format!("{reason} (read by {}, line {})", self.place, error.line().unwrap_or(0)),
            None => reason,
        };
        ComposeError::Template { place: file.unwrap_or(&self.place).to_string(), line, column, reason }
    }

    fn bounded(&self, out: &str) -> Result<(), ComposeError> {
        if out.len() > RENDERED_MAX { Err(too_long(&self.place)) } else { Ok(()) }
    }
}

/// The text of this place has more than [`RENDERED_MAX`] octets.
pub(crate) fn too_long(place: &Place) -> ComposeError {
    ComposeError::TooLong { field: format!("text of {place}"), max: RENDERED_MAX }
}

/// What a failed template says, on one line.
fn reason(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("the template runs for more than {FUEL} steps"),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
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

/// What the templates of a campaign are rendered with.
#[derive(Debug)]
pub(crate) struct Templates {
    pub(crate) env: Environment<'static>,
    pub(crate) reading: Reading,
    /// What people wrote, by the names that minijinja knows it by.
    written: BTreeMap<String, Written>,
}

impl Default for Templates {
    fn default() -> Self {
        Self { env: Environment::empty(), reading: Reading::new(true), written: BTreeMap::new() }
    }
}

/// The text that a template was made from.
#[derive(Debug)]
struct Written {
    whole: Box<str>,
    /// Where in it the template begins.
    start: usize,
    changed: Changed,
}

impl Written {
    /// Line, column and text of the tag that these octets of the template stand in.
    fn at(&self, range: Range<usize>) -> (usize, usize, String) {
        const SHOWN: usize = 60;
        let Range { start, end } = self.changed.before(range);
        let (start, end) = (self.start.saturating_add(start), self.start.saturating_add(end));
        let (from, code) = self.tag(start).unwrap_or((start, self.whole.get(start..end).unwrap_or_default()));
        let (line, column) = position(&self.whole, from);
        let words: Vec<&str> = code.split_whitespace().collect();
        (line, column, words.join(" ").chars().take(SHOWN).collect())
    }

    /// Where the tag around an octet begins, and what stands in it.
    fn tag(&self, at: usize) -> Option<(usize, &str)> {
        let front = self.whole.get(..at.saturating_add(2)).or(self.whole.get(..at))?;
        let open = front.rfind("{{").max(front.rfind("{%"))?;
        let inside = self.whole.get(open + 2..)?;
        let close = inside.find("}}").into_iter().chain(inside.find("%}")).min()?;
        let is_in = at <= open + 2 + close;
        is_in.then_some((open, inside.get(..close)?.trim_matches(|c: char| c.is_whitespace() || "-+".contains(c))))
    }
}

/// Compiles the templates of one campaign and collects what is wrong with them.
pub(crate) struct Compiler<'a> {
    pub(crate) with: Templates,
    pub(crate) names: Names<'a>,
    pub(crate) errors: Vec<ContentError>,
    /// What they want of columns.
    pub(crate) wanted: Wanted,
    /// Files that templates may read.
    pub(crate) partials: Partials,
    /// How people write the tags.
    pub(crate) syntax: Syntax,
    functions: Vec<String>,
    count: usize,
}

/// A template that is being compiled, with the files that it reads.
struct Unit {
    id: String,
    bindings: Vec<Binding>,
    files: BTreeMap<String, Place>,
    aliases: Aliases,
}

impl<'a> Compiler<'a> {
    pub(crate) fn new(names: Names<'a>) -> Self {
        let mut env = Environment::new();
        // What is not there prints as nothing, as in Jinja2; names that mean nothing are found when a template is compiled.
        env.set_undefined_behavior(UndefinedBehavior::Lenient);
        env.set_fuel(Some(FUEL));
        env.set_formatter(escape::format);
        env.set_debug(true);
        // The name of a template begins with the letter of its escape; so do those of the files that it reads.
        env.set_auto_escape_callback(|name| match name.as_bytes().first() {
            Some(b'h') => Escape::Html.auto(),
            Some(b'u') => Escape::Url.auto(),
            Some(b'j') => Escape::Json.auto(),
            _ => Escape::Plain.auto(),
        });
        env.set_path_join_callback(|name, parent| {
            let unit = parent.split_once('/').map_or(parent, |(unit, _)| unit);
            partials::inner_name(unit, name).into()
        });
        filters::register(&mut env, if names.is_json() { order::Cells::Typed } else { order::Cells::AllText });
        let functions = env.globals().map(|(name, _)| name.to_owned()).collect();
        let with = Templates { env, reading: Reading::new(!names.is_json()), written: BTreeMap::new() };
        let partials = Partials::default();
        let (errors, wanted, syntax) = (Vec::new(), Wanted::default(), Syntax::default());
        Self { with, names, errors, wanted, partials, syntax, functions, count: 0 }
    }

    /// Compiles a text. `None` when it is wrong: [`Self::errors`] say how.
    pub(crate) fn compile(&mut self, source: Excerpt, escape: Escape) -> Option<Template> {
        if let Some(pieces) = self.pieces(source.text()) {
            let slots = pieces.iter().filter_map(|p| match p {
                Piece::Slot(name) => Some(*name),
                Piece::Literal(_) => None,
            });
            let names: Vec<Name> = slots.collect();
            let columns =
                names.iter().filter_map(|name| if let Name::Column(column) = name { Some(*column) } else { None });
            self.wanted.printed.extend(columns);
            if matches!(escape, Escape::Html | Escape::Plain) {
                self.note_slots(source, &names);
            }
            let (bindings, files) = (Arc::default(), BTreeMap::new());
            return Some(Template {
                place: source.place.clone(),
                form: Form::Pieces(pieces),
                escape,
                names,
                bindings,
                files,
            });
        }
        self.program(source, escape)
    }

    /// Notes the columns of a text that has only slots, of which people read some.
    fn note_slots(&mut self, source: Excerpt, slots: &[Name]) {
        let mut positions = Positions::of(source.whole);
        for ((open, _), name) in source.text().match_indices("{{").zip(slots) {
            let Name::Column(column) = *name else { continue };
            let front = source.whole.get(..source.start + open).unwrap_or_default();
            if is_for_readers(source.place, front) {
                let (place, position) = (source.place.clone(), positions.at(source.start + open));
                let (asks, printed, called, is_not) = (Asks::Prints, true, None, false);
                let (words, known) = (Vec::new(), Vec::new());
                let spot = Spot::of(column);
                self.wanted.truths.push(TruthUse {
                    place,
                    position,
                    spot,
                    asks,
                    printed,
                    called,
                    words,
                    known,
                    is_not,
                });
            }
        }
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
                        pieces.push(Piece::Literal(syntax::shown(&literal).into_owned()));
                        literal.clear();
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
            pieces.push(Piece::Literal(syntax::shown(&literal).into_owned()));
        }
        Some(pieces)
    }

    /// What stands for columns in a template and in the files that it reads.
    fn aliases(&mut self, template: &str) -> Aliases {
        let read = partials::read_with_names(template, &self.partials, self.with.env.syntax());
        let text = |text: &str| one_kind_of_line_break(text.strip_prefix('\u{feff}').unwrap_or(text)).into_owned();
        let mut files = vec![(String::new(), template.to_owned())];
        files.extend(read.into_iter().map(|(name, file)| (name, text(&file.text))));
        Aliases::of(&files, self.with.env.syntax(), &mut self.names)
    }

    fn program(&mut self, source: Excerpt, escape: Escape) -> Option<Template> {
        let letter = match escape {
            Escape::Html => 'h',
            Escape::Url => 'u',
            Escape::Json => 'j',
            Escape::Plain => 'p',
        };
        self.count += 1;
        let id = format!("{letter}{}", self.count);
        let aliases = self.aliases(source.text());
        let mut unit = Unit { id: id.clone(), bindings: Vec::new(), files: BTreeMap::new(), aliases };
        let before = self.errors.len();
        self.add(&mut unit, &id, source, &BTreeSet::new());
        if let LocaleOf::Row(name) = self.with.reading.locale {
            let label = self.names.label(name).into();
            let id = filters::LOCALE.into();
            unit.bindings.push(Binding { id, name, wanted: As::Text, given: false, kind: None, label });
        }
        let mut names: Vec<Name> = unit.bindings.iter().map(|binding| binding.name).collect();
        names.sort_unstable();
        names.dedup();
        let Unit { bindings, files, .. } = unit;
        let (form, bindings) = (Form::Program(id), bindings.into());
        let template = Template { place: source.place.clone(), form, escape, names, bindings, files };
        (before == self.errors.len()).then_some(template)
    }

    /// Adds a text to what minijinja knows, and the files that it reads. `outer`: names that are bound around it.
    fn add(&mut self, unit: &mut Unit, id: &str, source: Excerpt, outer: &BTreeSet<String>) {
        let text = source.text();
        if self.is_of_others(source, id.starts_with('h')) {
            return;
        }
        let tree = match machinery::parse(text, id, self.with.env.syntax().clone()) {
            Ok(tree) => tree,
            Err(error) => {
                let error = self.syntax_error(source, &error);
                return self.errors.push(error);
            }
        };
        let Self { names, functions, with, .. } = self;
        let name = id.split_once('/').map_or("", |(_, name)| name);
        let around = (outer, unit.aliases.in_file(name));
        let found = Walk::over(text, &tree, names, &mut unit.bindings, (functions, &with.env), around);
        let mut positions = Positions::of(source.whole);
        for fault in found.faults {
            let error = ContentError::new(source.place, fault.problem, fault.hint);
            self.errors.push(error.placed(positions.at(source.start + fault.at)));
        }
        for NumberWanted { at, column, copes_with_empty } in found.numbers {
            let position = positions.at(source.start + at);
            self.wanted.numbers.push(NumberUse { place: source.place.clone(), position, column, copes_with_empty });
        }
        for AmountWanted { at, column, is_written, is_certain, locale } in found.amounts {
            let (place, position) = (source.place.clone(), positions.at(source.start + at));
            self.wanted.amounts.push(AmountUse { place, position, column, is_written, is_certain, locale });
        }
        for SumWanted { at, terms } in found.sums {
            let (place, position) = (source.place.clone(), positions.at(source.start + at));
            self.wanted.sums.push(SumUse { place, position, terms });
        }
        for TruthWanted { at, spot, asks, called, known, is_not, .. } in found.truths {
            let front = source.whole.get(..source.start + at).unwrap_or_default();
            if asks == Asks::Prints && !(id.starts_with(['h', 'p']) && is_for_readers(source.place, front)) {
                continue;
            }
            let (position, printed) = (positions.at(source.start + at), found.printed.contains(&spot.column));
            let words = found.words.iter().filter(|(known, _)| *known == spot).map(|(_, word)| word.clone()).collect();
            let (place, known) = (source.place.clone(), known.into_iter().flatten().collect());
            self.wanted.truths.push(TruthUse { place, position, spot, asks, printed, called, words, known, is_not });
        }
        self.wanted.printed.extend(found.printed);
        self.wanted.deciding.extend(found.deciding);
        let of_cells = |(spot, word): (Spot, _)| Some((spot.cell()?, word));
        self.wanted.words.extend(found.words.into_iter().filter_map(of_cells));
        let mut changed = rewrite::apply(text, found.edits);
        let rewritten = syntax::written(std::mem::take(&mut changed.text));
        // Braces that are text are written longer, and shift what stands behind them.
        if !text.contains(syntax::BRACE) {
            let written = Written { whole: source.whole.into(), start: source.start, changed };
            self.with.written.insert(id.to_owned(), written);
        }
        if let Err(error) = self.with.env.add_template_owned(id.to_owned(), rewritten) {
            let error = self.syntax_error(source, &error);
            return self.errors.push(error);
        }
        for file in found.files {
            self.read(unit, source, file, &found.bound);
        }
    }

    /// Whether braces in it are those of style sheets and scripts, or tags are those of other engines: all of them are told.
    fn is_of_others(&mut self, source: Excerpt, is_page: bool) -> bool {
        let text = source.text();
        let strays = if is_page { stray::strays(text, self.syntax) } else { Vec::new() };
        let foreign = foreign::tags(text, self.names.headings(), self.syntax);
        let faults = strays.into_iter().chain(foreign);
        let before = self.errors.len();
        for fault in faults {
            let error = ContentError::new(source.place, fault.problem, fault.hint);
            self.errors.push(error.pointing(source.whole, source.start + fault.at));
        }
        before != self.errors.len()
    }

    /// Adds the files that a statement names.
    fn read(&mut self, unit: &mut Unit, source: Excerpt, file: FileUse, outer: &BTreeSet<String>) {
        let mut missing = None;
        let mut is_there = false;
        for name in &file.names {
            let text = match self.partials.get(name) {
                Ok(text) => text,
                Err(why) => {
                    missing = missing.or(Some(why));
                    continue;
                }
            };
            is_there = true;
            let id = partials::inner_name(&unit.id, name);
            let place = Place::File(text.file.clone());
            if unit.files.insert(id.clone(), place.clone()).is_none() {
                let whole = one_kind_of_line_break(&text.text).into_owned();
                let whole = whole.strip_prefix('\u{feff}').unwrap_or(&whole);
                self.add(unit, &id, Excerpt::whole(&place, whole), outer);
            }
        }
        if let Some(missing) = missing.filter(|missing| missing.is_refused || !(is_there || file.ignore_missing)) {
            let error = ContentError::new(source.place, missing.problem, missing.hint);
            self.errors.push(error.at(source.whole, source.start + file.at));
        }
    }

    fn syntax_error(&self, source: Excerpt, error: &minijinja::Error) -> ContentError {
        let text = source.text();
        let lines = || text.split_inclusive('\n').take(error.line().unwrap_or(1) - 1).map(str::len).sum();
        let at: usize = error.range().map_or_else(lines, |range| range.start);
        if let Some(found) = unclosed::find(text, self.syntax).filter(|_| unclosed::is_of_ends(error)) {
            let told = ContentError::new(source.place, found.problem, found.hint);
            return told.pointing(source.whole, source.start + found.at);
        }
        let problem = format!("the template is not valid: {}", error.detail().unwrap_or("syntax error"));
        let instead = operators::instead(text, at, self.syntax);
        let error = ContentError::new(source.place, problem, instead.as_deref().unwrap_or(self.syntax.shape()));
        // A heading that is no name is the likeliest reason: it begins behind the last braces.
        let opened = text.get(..at).and_then(|front| front.rfind("{{").max(front.rfind("{%")));
        let words = opened.and_then(|open| text.get(open + 2..at)).unwrap_or_default();
        let starts = words.char_indices().filter(|(i, _)| *i == 0 || !is_word(words.get(..*i)));
        let told = starts
            .filter_map(|(i, _)| self.names.heading_at(text.get(at - words.len() + i..)?).map(|told| (i, told)))
            .next();
        match told {
            Some((i, (problem, hint))) => {
                ContentError::new(source.place, problem, hint).at(source.whole, source.start + at - words.len() + i)
            }
            None => error.pointing(source.whole, source.start + at),
        }
    }
}

/// Whether the last character goes on in a word.
fn is_word(front: Option<&str>) -> bool {
    front.and_then(|front| front.chars().next_back()).is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// CRLF and CR as LF.
pub(crate) fn one_kind_of_line_break(text: &str) -> Cow<'_, str> {
    match memchr::memchr(b'\r', text.as_bytes()) {
        None => Cow::Borrowed(text),
        Some(_) => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")),
    }
}
