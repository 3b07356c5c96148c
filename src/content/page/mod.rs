//! What is made of a letter's HTML before it is compiled, once a campaign: MJML to HTML, styles inlined, links and
//! pictures made absolute, marked or embedded, the preheader, and the text part of a letter that has none.
//!
//! Guarantees: the template's own tags come out as they went in, wherever they stand; what is not asked for leaves the
//! page octet for octet; all that is wrong is told at once, with its place. Leaves to others: files, which come by
//! [`Files`]; what tags mean (`template`).

mod css;
mod images;
mod links;
pub(crate) mod live;
mod mjml;
mod pages;
mod preheader;
mod references;
mod scan;
mod shows;
mod tags;
pub(crate) mod text;
pub(crate) mod urls;

pub(crate) use links::CALLED;
pub(crate) use shows::{says_something, shows_something};
pub use tags::Origin;

use super::error::{ContentError, Place};
use super::lint::Remark;
use super::spec::{Source, Spec};
use super::stray;
use super::syntax::Syntax;
use crate::base::charset::{self, Charset};
use links::{Base, Bases, Marks};
use pages::Page;
use std::collections::HashSet;
use std::sync::Arc;
use tags::{Hidden, Tags, Written};

/// What is wanted of a letter's HTML.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// A letter without text part gets one, made from the HTML.
    pub text: bool,
    /// Rules of `<style>` are copied into `style` attributes.
    pub inline_css: bool,
    /// What mailboxes show beside the subject, a template.
    pub preheader: Option<String>,
    /// Parameters of links: `source` and the like, and their values, templates.
    pub utm: Vec<(String, String)>,
    /// What relative links and pictures are relative to.
    pub base_url: Option<String>,
    /// Local pictures go along as parts of the letter.
    pub embed_images: bool,
}

/// What came of a treatment, besides the letter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Treated {
    /// What is worth knowing.
    pub notes: Vec<Remark>,
    /// Files that became a part of the HTML: those of MJML.
    pub pieces: Vec<Source>,
}

/// The files of a campaign.
pub trait Files {
    /// Reads the file at `path`, as seen from the campaign's folder, and of nowhere else.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&mut self, path: &str) -> Result<Vec<u8>, String>;

    /// What people know that file as.
    fn shown(&self, path: &str) -> String {
        path.to_owned()
    }
}

/// What is under way.
struct Work<'a> {
    files: &'a mut dyn Files,
    tags: Tags,
    /// The HTML or MJML as people wrote it.
    main: Arc<Written>,
    /// Files that were read into it.
    pieces: Vec<Arc<Written>>,
    unsubscribe_url: Option<String>,
    /// How people wrote the tags in files.
    syntax: Syntax,
    /// What they are written in, where that is said.
    encoding: Option<Charset>,
    errors: Vec<ContentError>,
    treated: Treated,
}

impl<'a> Work<'a> {
    fn of(main: Arc<Written>, spec: &Spec, files: &'a mut dyn Files) -> Self {
        let (tags, pieces, errors, treated) = (Tags::default(), Vec::new(), Vec::new(), Treated::default());
        let (unsubscribe_url, syntax, encoding) = (spec.unsubscribe_url.clone(), spec.syntax, spec.encoding);
        Self { files, tags, main, pieces, unsubscribe_url, syntax, encoding, errors, treated }
    }
}

impl Work<'_> {
    /// The text of a file, whatever it is written in where that is certain.
    fn read_text(&mut self, path: &str) -> Result<String, String> {
        let octets = self.files.read(path)?;
        let text = charset::decode_page(&octets, self.encoding)
            .map_err(|e| format!("line {}, octet {}: {e}", e.line, e.column))?
            .text;
        let text = super::template::one_kind_of_line_break(text.trim_start_matches('\u{feff}'));
        Ok(self.syntax.in_braces(&text).into_owned())
    }

    /// Something worth knowing of the page as a whole.
    fn note(&mut self, check: &'static str, says: impl Into<String>, hint: &str) {
        let what = ContentError::new(&self.main.place, says, hint);
        self.treated.notes.push(Remark::note(check, what));
    }

    /// The same where `what`, a part of the page, stands in what people wrote; once, where it comes again.
    fn note_at(&mut self, what: &str, check: &'static str, says: impl Into<String>, hint: &str) {
        let note = Remark::note(check, self.at(what, says, hint));
        if !self.treated.notes.contains(&note) {
            self.treated.notes.push(note);
        }
    }

    /// A key that has nothing to act on in this letter.
    fn idle(&mut self, key: &str, says: &str) {
        let what = ContentError::key(key, format!("it changes nothing: {says}"), "leave it out");
        self.treated.notes.push(Remark::note("without-effect", what));
    }

    /// An error at the first place where `what`, a part of the page, stands in what people wrote.
    fn at(&self, what: &str, problem: impl Into<String>, hint: &str) -> ContentError {
        let shown = self.tags.shown(what);
        let found = std::iter::once(&self.main).chain(&self.pieces).find_map(|w| Some((w, w.text.find(&shown)?)));
        match found {
            Some((written, at)) => ContentError::new(&written.place, problem, hint).at(&written.text, at),
            None => ContentError::new(&self.main.place, problem, hint),
        }
    }

    /// Whether a link is the one to unsubscribe with.
    fn is_unsubscribe(&self, link: &str) -> bool {
        let shown = || self.tags.shown(link).replace("&amp;", "&");
        self.tags.words(link).any(|(_, tag)| tag.text.contains("unsubscribe_url"))
            || self.unsubscribe_url.as_ref().is_some_and(|url| *url == shown())
    }

    /// Hides the tags of a key's value, in which nothing but slots may stand.
    fn key(&mut self, key: &str, value: &str) -> Option<Hidden> {
        let written = Written::new(Place::Key(key.to_owned()), value);
        let hidden = self.tags.hide(&written);
        let wrong = match &hidden {
            None => Some("a tag of the template does not end"),
            Some(hidden) => self.tags.branches(&hidden.text).then_some("only {{ … }} may stand here"),
        };
        let Some(wrong) = wrong else { return hidden };
        self.errors.push(ContentError::key(key, wrong, "such as: {{ campaign }}"));
        None
    }
}

/// Makes of a campaign's HTML what is wanted of it. What is wrong is kept in [`Spec::errors`] for whoever compiles it,
/// so that all that is wrong is told at once; what is worth knowing is returned.
pub fn treat(spec: &mut Spec, wanted: &Treatment, files: &mut dyn Files) -> Treated {
    let Some(html) = &spec.html else { return mark_only_text(spec, wanted, files) };
    let place = Place::File(html.file.clone());
    let text = super::template::one_kind_of_line_break(&html.text);
    let main = Written::new(place, text.strip_prefix('\u{feff}').unwrap_or(&text));
    let mut work = Work::of(main, spec, files);
    spec.is_incomplete = !work.treat(spec, wanted) && (wanted.base_url.is_some() || wanted.embed_images);
    spec.errors.append(&mut work.errors);
    work.treated
}

/// A letter of text only has links, too.
fn mark_only_text(spec: &mut Spec, wanted: &Treatment, files: &mut dyn Files) -> Treated {
    let Some(text) = spec.text.as_ref().filter(|_| !wanted.utm.is_empty()) else { return Treated::default() };
    let main = Written::new(Place::File(text.file.clone()), &text.text);
    let mut work = Work::of(main, spec, files);
    let marks = work.marks(wanted);
    work.mark_text(spec, &marks, &HashSet::new());
    spec.errors.append(&mut work.errors);
    work.treated
}

impl Work<'_> {
    /// Whether it was done: where not, the errors say why, or whoever compiles the template does.
    fn treat(&mut self, spec: &mut Spec, wanted: &Treatment) -> bool {
        let (Some(file), main) = (spec.html.as_ref().map(|html| html.file.clone()), self.main.clone()) else {
            return false;
        };
        // Braces of a style sheet that read as tags, and a tag without its end, are told by whoever compiles the template.
        if !stray::strays(&main.text, self.syntax).is_empty() {
            return false;
        }
        let Some(hidden) = self.tags.hide(&main) else { return false };
        let base = self.base(wanted);
        let marks = self.marks(wanted);
        let text = match mjml::is_mjml(&file) {
            true => match mjml::to_html(self, &hidden, wanted.preheader.is_some()) {
                Some(page) => page,
                None => return false,
            },
            false => hidden.text,
        };
        let read = pages::read_by_page(self, spec, &text);
        let mut pages = vec![Page { name: None, file, text }];
        pages.extend(read);
        let sheets = self.styled(&mut pages, wanted);
        self.linked(&mut pages, base.as_ref(), &marks, wanted);
        if wanted.text && spec.text.is_none() {
            self.text_part(spec, &pages, &sheets);
        } else if !wanted.utm.is_empty() {
            let known = pages.iter().flat_map(|page| links::leading_values(&self.tags, &page.text)).collect();
            self.mark_text(spec, &marks, &known);
        }
        if wanted.embed_images {
            let mut embedded = images::Embedded::default();
            for page in &mut pages {
                page.text = embedded.embed(self, &page.text);
            }
            if embedded.is_empty() && self.errors.is_empty() {
                self.idle("embed_images", "the HTML shows no picture of the campaign's folder");
            }
            spec.attachments.extend(embedded.parts());
        }
        if let Some(hidden) = wanted.preheader.as_ref().and_then(|text| self.preheader(text)) {
            let body = pages::with_body(&self.tags, spec, &pages);
            if let Some(page) = pages.get_mut(body) {
                page.text = preheader::insert(&page.text, &hidden);
            }
        }
        for Page { name, file, text } in pages {
            let (text, origin) = self.tags.restore(&file, &text);
            spec.origins.push(origin);
            let source = Source { file, text };
            match name {
                Some(name) => _ = spec.partials.insert(name, Ok(source)),
                None => spec.html = Some(source),
            }
        }
        true
    }

    /// Completes and marks the links of all pages.
    fn linked(&mut self, pages: &mut [Page], base: Option<&Base>, marks: &Marks, wanted: &Treatment) {
        // Pictures that go along are not looked for on the web.
        let complete = Bases { links: base, pictures: base.filter(|_| !wanted.embed_images) };
        let mut completes = false;
        for page in pages.iter_mut().filter(|_| base.is_some()) {
            let text = links::rewrite(self, &page.text, complete, &Marks::default());
            completes |= text != page.text;
            page.text = text;
        }
        if base.is_some() && !completes {
            self.idle("base_url", "the HTML has no relative link or picture");
        }
        for page in pages.iter_mut().filter(|_| !wanted.utm.is_empty()) {
            page.text = links::rewrite(self, &page.text, Bases { links: None, pictures: None }, marks);
        }
    }

    /// Inlines the styles of all pages, if that is wanted; for each page the rules of the others.
    fn styled(&mut self, pages: &mut [Page], wanted: &Treatment) -> Vec<String> {
        if wanted.inline_css {
            for page in pages.iter_mut() {
                page.text = css::with_files(self, &page.text);
            }
        }
        let own: Vec<String> = pages.iter().map(|page| css::sheet(self, &page.text)).collect();
        if wanted.inline_css && own.iter().all(String::is_empty) && self.errors.is_empty() {
            self.idle("inline_css", "the HTML has no <style> with rules for all screens");
        }
        let others =
            |at: usize| own.iter().enumerate().filter(move |(other, _)| *other != at).map(|(_, css)| css.as_str());
        let sheets: Vec<String> = (0..own.len()).map(|at| others(at).collect()).collect();
        if wanted.inline_css {
            for (page, sheet) in pages.iter_mut().zip(&sheets) {
                page.text = css::inline(self, &page.text, true, sheet);
            }
        }
        sheets
    }

    fn base(&mut self, wanted: &Treatment) -> Option<Base> {
        let text = wanted.base_url.as_ref()?;
        match Base::parse(text) {
            Ok(base) => {
                if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:")) {
                    let says = "links and pictures become addresses that are not encrypted: readers warn of them";
                    let what =
                        ContentError { position: Some((1, 1)), ..ContentError::key("base_url", says, "write https:") };
                    self.treated.notes.push(Remark::warning("http-link", what));
                }
                Some(base)
            }
            Err(why) => {
                let problem = format!("this is no address to complete links with: {why}");
                self.errors.push(ContentError::key("base_url", problem, "such as: https://acme.example/news/"));
                None
            }
        }
    }

    fn marks(&mut self, wanted: &Treatment) -> Marks {
        let mut parameters = Vec::new();
        for (name, value) in &wanted.utm {
            if let Some(hidden) = self.key(&format!("links.utm.{name}"), value) {
                parameters.push((name.clone(), hidden.text));
            }
        }
        Marks::new(self, &parameters)
    }

    /// The preheader as HTML.
    fn preheader(&mut self, text: &str) -> Option<String> {
        let written = Written::new(Place::Key("preheader".to_owned()), text);
        match self.tags.hide(&written) {
            Some(hidden) => Some(preheader::as_html(&hidden.text)),
            None => {
                let hint = "such as: {{ first_name }}, your order is on its way";
                self.errors.push(ContentError::key("preheader", "a tag of the template does not end", hint));
                None
            }
        }
    }

    /// Makes the text part, and the texts of the files that the HTML reads.
    fn text_part(&mut self, spec: &mut Spec, pages: &[Page], sheets: &[String]) {
        for (page, sheet) in pages.iter().zip(sheets) {
            let made = match text::from_html(self, &page.text, sheet) {
                Ok(made) => made,
                Err(why) => {
                    let problem = format!("no text part can be made from the HTML: {why}");
                    let hint = "add text = \"FILE\", or text_from_html = false";
                    self.errors.push(ContentError::new(&self.main.place, problem, hint));
                    return;
                }
            };
            let made = pages::reading_texts(&mut self.tags, spec, &made);
            let file = format!("{} (as text)", page.file);
            let (text, origin) = self.tags.restore(&file, &made);
            match &page.name {
                None if text.trim().is_empty() => {
                    let says = "the letter has no text part, and its HTML has no text to make one from";
                    return self.note("text-part", says, "add text = \"FILE\"");
                }
                None => {
                    self.note("text-part", "the text part is made from the HTML", "text = \"FILE\" brings your own");
                    spec.text = Some(Source { file, text });
                }
                Some(name) => pages::put_text(spec, name, Source { file, text }),
            }
            spec.origins.push(origin);
        }
    }

    /// Marks the links of a text part that people wrote.
    fn mark_text(&mut self, spec: &mut Spec, marks: &Marks, known: &HashSet<String>) {
        let Some(source) = &spec.text else { return };
        let text = super::template::one_kind_of_line_break(&source.text);
        let written = Written::new(Place::File(source.file.clone()), text.strip_prefix('\u{feff}').unwrap_or(&text));
        let Some(hidden) = self.tags.hide(&written) else { return };
        let marked = links::rewrite_text(self, &hidden.text, marks, known);
        let (text, origin) = self.tags.restore(&source.file, &marked);
        spec.origins.push(origin);
        spec.text = Some(Source { file: source.file.clone(), text });
    }
}

#[cfg(test)]
mod tests;
