//! What is wrong with a letter though it can be sent: what receivers punish, readers do not see, or authors forgot.
//!
//! Guarantees: nothing here stops a letter or changes it; what is said has its place, and a way to mend it; of one kind in
//! one file at most `EACH_MAX` are told, and how many there are. Template code is never taken for text. Leaves to others:
//! what does not compile (`compile`), what rows do to it (`rehearse`), and the world (DNS, the receiving servers).

mod astray;
mod by_row;
mod composed;
mod ends;
mod files;
mod jinja;
mod leftovers;
mod links;
mod manuscript;
mod markup;
mod page;
mod placeholders;
mod sender;
mod slips;
mod tags;
mod values;
mod way_out;

pub use by_row::{RowAddress, RowFault};
pub use composed::look_at as look_at_composed;
pub use manuscript::Manuscript;
pub use markup::entity;
pub use placeholders::SAMPLE;

use super::analysis;
use super::error::{ContentError, Place, position};
use super::names::Names;
use super::partials::{files_read_by, plain_name, read_by};
use super::spec::{Source, Spec};
use super::syntax::Syntax;
use crate::mail::finding::Severity;
use minijinja::syntax::SyntaxConfig;
use page::Page;
use std::collections::{BTreeMap, BTreeSet};

/// So many of one kind are told of one file or key.
const EACH_MAX: usize = 5;

/// Something that is wrong, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How much it matters.
    pub severity: Severity,
    /// What was looked at, for programs: `relative-link`.
    pub check: &'static str,
    /// The file or the key; `None`: the letter as a whole.
    pub place: Option<Place>,
    /// Line and column in it, from 1.
    pub position: Option<(usize, usize)>,
    /// What is there: one sentence without its full stop.
    pub says: String,
    /// How to mend it.
    pub hint: String,
    /// The reply that receivers give to it; may be empty.
    pub draws: &'static str,
}

impl Remark {
    /// Something that is worth knowing, where the error stands that says so.
    pub(crate) fn note(check: &'static str, what: ContentError) -> Self {
        let ContentError { place, position, problem: says, excerpt: _, hint } = what;
        Self { severity: Severity::Note, check, place: Some(place), position, says, hint, draws: "" }
    }

    /// The same as a warning.
    pub(crate) fn warning(check: &'static str, what: ContentError) -> Self {
        Self { severity: Severity::Warning, ..Self::note(check, what) }
    }
}

/// Who takes a letter from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way<'a> {
    /// That is not known.
    Unknown,
    /// The recipients' own servers.
    Exchangers,
    /// One server, by its name in lower case.
    Smarthost(&'a str),
    /// Nobody: a rehearsal.
    Nobody,
}

/// A letter, and how its author wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// What it is composed from.
    pub spec: &'a Spec,
    /// Its files as they were written: what is made of them has other lines and columns.
    pub written: &'a Manuscript,
    /// The names of the list's columns.
    pub columns: &'a [String],
    /// Who takes it next.
    pub way: Way<'a>,
    /// The line beside the subject, where a key of the campaign says it.
    pub preheader: Option<&'a String>,
    /// Whether it answers what each recipient did: nobody looks for a way out of that.
    pub is_transactional: bool,
}

/// Looks at a letter.
#[must_use]
pub fn look_at(letter: &Letter<'_>) -> Vec<Remark> {
    let mut found = Found { columns: letter.columns, syntax: letter.spec.syntax, remarks: Vec::new() };
    sender::look(letter, &mut found);
    let pages = pages(letter);
    look_at_html(letter, &pages, &mut found);
    let texts: Vec<&Source> = letter.written.text_files().collect();
    for text in &texts {
        let place = Place::File(text.file.clone());
        let masked = page::masked(&text.text);
        let mut found = found.at(&place, &text.text);
        links::look_at_text(&masked, &mut found);
        placeholders::look(paragraphs(&masked), &mut found);
        tags::look(&masked, &mut found);
        leftovers::look_at_text(&masked, &mut found);
        tags::look_at_written(&text.text, &mut found);
        look_at_template(letter, text, &mut found);
    }
    way_out::look(letter, &pages, &texts, &mut found);
    found.remarks
}

/// The files of the HTML part.
fn pages<'a>(letter: &Letter<'a>) -> Vec<(&'a Source, Page)> {
    letter.written.html_files().map(|source| (source, Page::read(&source.text))).collect()
}

fn look_at_html(letter: &Letter<'_>, files: &[(&Source, Page)], found: &mut Found<'_>) {
    let all = letter.spec.html.iter().chain(letter.spec.partials.values().flatten());
    let all: Vec<Page> = all.map(|source| Page::read(&source.text)).collect();
    let made = links::Kept::of(if letter.spec.is_incomplete { &[] } else { &all }, files.iter().map(|(_, page)| page));
    for (source, page) in files {
        let place = Place::File(source.file.clone());
        let mut found = found.at(&place, &source.text);
        found.fixed = values::fixed(letter, source, page);
        links::look(page, &made, &mut found);
        ends::look(page, &mut found);
        placeholders::look(page.texts.iter().map(|(at, text)| (*at, text.as_str())), &mut found);
        tags::look(&page.bare, &mut found);
        leftovers::look(page, &mut found);
        tags::look_at_written(&source.text, &mut found);
        look_at_template(letter, source, &mut found);
    }
    if let Some((main, _)) = files.first() {
        let html = letter.spec.html.as_ref();
        let read = html.map(|html| read_by(&html.text, |name| letter.spec.partials.get(name)?.as_ref().ok()));
        let read: Vec<&Source> = html.into_iter().chain(read.into_iter().flatten()).collect();
        links::look_at_all(files, &read, &mut found.at(&Place::File(main.file.clone()), &main.text));
    }
}

fn look_at_template(letter: &Letter<'_>, source: &Source, found: &mut Placing<'_>) {
    jinja::look(&source.text, letter.spec.empty_is_text, |name| letter.written.partial(name), found);
}

/// What of a letter is known by row: columns (by their place among `columns`) that stand in it bare, where a row that has nothing
/// leaves a gap; and addresses that rows have a part in: see [`RowAddress`].
#[must_use]
pub fn of_rows(spec: &Spec, columns: &[String], email_column: &str) -> (Vec<usize>, Vec<RowAddress>) {
    (bare_columns(spec, columns, email_column), RowAddress::all_of(spec, columns, email_column))
}

/// Columns (by their place among `columns`) that stand in the letter bare: where a row has nothing, a gap is read.
fn bare_columns(spec: &Spec, columns: &[String], email_column: &str) -> Vec<usize> {
    let subject = Source { file: String::new(), text: spec.subject.clone() };
    let mut bare = BTreeSet::new();
    for main in spec.html.iter().chain(&spec.text).chain([&subject]) {
        let files = texts_of(&unit_of(main, |name| spec.partials.get(name)?.as_ref().ok()));
        let mut names = Names::new(columns, email_column);
        bare.extend(analysis::bare_columns(&files, &SyntaxConfig::default(), &mut names));
    }
    bare.into_iter().collect()
}

/// A template and the files that it reads, by their names; it is the first, and has none.
fn unit_of<'s>(main: &'s Source, file: impl Fn(&str) -> Option<&'s Source>) -> Vec<(String, &'s Source)> {
    let mut unit = vec![(String::new(), main)];
    let mut names = files_read_by(&main.text);
    while let Some(name) = names.pop() {
        let Some(plain) = plain_name(&name).filter(|plain| unit.iter().all(|(known, _)| known != plain)) else {
            continue;
        };
        if let Some(source) = file(&plain) {
            names.extend(files_read_by(&source.text));
            unit.push((plain, source));
        }
    }
    unit
}

fn texts_of(unit: &[(String, &Source)]) -> Vec<(String, String)> {
    unit.iter().map(|(name, source)| (name.clone(), source.text.clone())).collect()
}

/// The lines of a text with their offsets.
fn paragraphs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line)
    })
}

/// Collects what is found.
struct Found<'a> {
    columns: &'a [String],
    syntax: Syntax,
    remarks: Vec<Remark>,
}

impl<'a> Found<'a> {
    /// From here on in this place.
    fn at<'p>(&'p mut self, place: &'p Place, text: &'p str) -> Placing<'p> {
        let (columns, syntax) = (self.columns, self.syntax);
        let (fixed, told) = (BTreeMap::new(), BTreeMap::new());
        Placing { columns, syntax, remarks: &mut self.remarks, place, text, fixed, told }
    }

    fn key<'p>(&'p mut self, place: &'p Place, value: &'p str) -> Placing<'p> {
        self.at(place, value)
    }

    /// Something about the letter as a whole.
    fn whole(&mut self, severity: Severity, check: &'static str, says: impl Into<String>, hint: impl Into<String>) {
        let (says, hint) = (says.into(), hint.into());
        self.remarks.push(Remark { severity, check, place: None, position: None, says, hint, draws: "" });
    }
}

/// Collects what is found in one place.
struct Placing<'p> {
    columns: &'p [String],
    syntax: Syntax,
    remarks: &'p mut Vec<Remark>,
    place: &'p Place,
    text: &'p str,
    /// What tags make of the addresses that begin there, as far as the template itself says it.
    fixed: BTreeMap<usize, Vec<String>>,
    told: BTreeMap<&'static str, usize>,
}

impl Placing<'_> {
    /// A warning about octet `at`.
    fn warn(&mut self, check: &'static str, at: usize, says: impl Into<String>, hint: impl Into<String>) {
        self.warn_drawing(check, "", at, says, hint);
    }

    /// Something about octet `at` that is worth knowing.
    fn note(&mut self, check: &'static str, at: usize, says: impl Into<String>, hint: impl Into<String>) {
        self.tell(Severity::Note, check, "", at, says.into(), hint.into());
    }

    fn warn_drawing(
        &mut self,
        check: &'static str,
        draws: &'static str,
        at: usize,
        says: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.tell(Severity::Warning, check, draws, at, says.into(), hint.into());
    }

    fn tell(
        &mut self,
        severity: Severity,
        check: &'static str,
        draws: &'static str,
        at: usize,
        says: String,
        hint: String,
    ) {
        let told = self.told.entry(check).or_insert(0);
        *told += 1;
        if *told > EACH_MAX {
            return;
        }
        let (place, position) = (Some(self.place.clone()), Some(position(self.text, at)));
        self.remarks.push(Remark { severity, check, place, position, says, hint, draws });
    }

    /// A warning about the file as a whole.
    fn warn_of_all(&mut self, check: &'static str, says: impl Into<String>, hint: impl Into<String>) {
        self.remarks.push(Remark {
            severity: Severity::Warning,
            check,
            place: Some(self.place.clone()),
            position: None,
            says: says.into(),
            hint: hint.into(),
            draws: "",
        });
    }
}

impl Placing<'_> {
    /// What helps where many tags are left here: a translation, where they are of an engine that can be read.
    fn whole(&self) -> String {
        let is_of = |remark: &&Remark| remark.check == "foreign-tag" && remark.place.as_ref() == Some(self.place);
        let engine = self.remarks.iter().filter(is_of).find_map(|remark| tags::engine_of(&remark.says));
        engine.map_or_else(|| "look for all that has the same form".to_owned(), tags::whole)
    }
}

impl Drop for Placing<'_> {
    fn drop(&mut self) {
        for (&check, told) in &self.told {
            let more = told.saturating_sub(EACH_MAX);
            if more > 0 {
                let hint = if check == "foreign-tag" { self.whole() } else { String::new() };
                let (severity, place, says) =
                    (Severity::Note, Some(self.place.clone()), format!("and {more} more of this kind"));
                self.remarks.push(Remark { severity, check, place, position: None, says, hint, draws: "" });
            }
        }
    }
}

#[cfg(test)]
mod tests;
