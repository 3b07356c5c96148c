//! MJML to HTML, by mrml.
//!
//! Guarantees: tags of the template may stand wherever MJML has text, and between its sections, columns and contents;
//! `mj-include` reads from the campaign's folder only, and never without end; what mrml refuses is told with file, line
//! and column, also in a file that was included. Leaves to others: reading files.

use super::super::error::{ContentError, Place};
use super::super::foreign::Fault;
use super::super::lint::Remark;
use super::super::spec::Source;
use super::super::stray;
use super::Work;
use super::css;
use super::scan::{Start, Token, scan};
use super::tags::{Hidden, Kind, Written};
use mrml::prelude::parser::{Error, ParserOptions, Span};
use mrml::prelude::render::RenderOptions;

/// Files that may be included in each other.
const DEPTH_MAX: usize = 16;
/// Files that may be included.
const FILES_MAX: usize = 200;
/// Elements in which a tag of the template that stands alone needs an element of its own.
const CONTAINERS: [&str; 7] = ["mj-head", "mj-body", "mj-wrapper", "mj-section", "mj-column", "mj-group", "mj-hero"];

/// What MJML has behind `mj-`.
const ELEMENTS: [&str; 33] = [
    "accordion",
    "accordion-element",
    "accordion-text",
    "accordion-title",
    "all",
    "attributes",
    "body",
    "breakpoint",
    "button",
    "carousel",
    "carousel-image",
    "class",
    "column",
    "divider",
    "font",
    "group",
    "head",
    "hero",
    "image",
    "include",
    "navbar",
    "navbar-link",
    "preview",
    "raw",
    "section",
    "social",
    "social-element",
    "spacer",
    "style",
    "table",
    "text",
    "title",
    "wrapper",
];

/// Whether a file is MJML, by its name.
pub(super) fn is_mjml(file: &str) -> bool {
    file.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("mjml"))
}

/// The page that a letter in MJML makes. `None` when it is wrong: the errors say how.
pub(super) fn to_html(work: &mut Work, hidden: &Hidden, has_preheader: bool) -> Option<String> {
    let mut whole = Whole { sources: vec![hidden.clone()], ..Whole::default() };
    whole.take(work, 0, "", 0);
    if has_preheader && let Some(at) = whole.text.find("<mj-preview") {
        let hint = "leave out one of the two";
        let problem = "the letter has an mj-preview, and the campaign has the key `preheader`";
        let error = whole.error(at, problem, hint);
        work.errors.push(error);
    }
    if !work.errors.is_empty() {
        return None;
    }
    let parsed = match mrml::parse_with_options(&whole.text, &ParserOptions::default()) {
        Ok(parsed) => parsed,
        Err(error) => {
            let error = whole.refused(&error);
            work.errors.push(error);
            return None;
        }
    };
    for warning in &parsed.warnings {
        let name = whole.text.get(warning.span.start..warning.span.end).unwrap_or_default();
        let name = name.split('=').next().unwrap_or_default().trim().escape_debug();
        let says = format!("MJML knows no attribute `{name}` of this element: it is left out");
        let what = whole.error(warning.span.start, says, "see the reference of MJML");
        work.treated.notes.push(Remark::warning("mjml-attribute", what));
    }
    match parsed.element.render(&RenderOptions::default()) {
        Ok(page) if whole.inline.is_empty() => Some(page),
        Ok(page) => Some(css::inline(work, &page, false, &whole.inline)),
        Err(error) => {
            let problem = format!("the MJML cannot be rendered: {error}");
            work.errors.push(ContentError::new(&work.main.place, problem, "look at the values of its attributes"));
            None
        }
    }
}

/// A letter with all that it includes.
/// Networks whose elements MJML makes buttons to share an address of, and the hosts of their own pages.
const SHARING: [(&str, &str); 8] = [
    ("facebook", "facebook.com"),
    ("linkedin", "linkedin.com"),
    ("pinterest", "pinterest.com"),
    ("tumblr", "tumblr.com"),
    ("twitter", "twitter.com"),
    ("x", "x.com"),
    ("x", "twitter.com"),
    ("xing", "xing.com"),
];

#[derive(Default)]
struct Whole {
    text: String,
    sources: Vec<Hidden>,
    /// Where a piece begins in `text`, of which source it is, and where it begins there.
    pieces: Vec<(usize, usize, usize)>,
    /// What stands in `mj-style inline="inline"`.
    inline: String,
}

impl Whole {
    /// Adds the source of this number; `folder` is where the paths in it begin.
    fn take(&mut self, work: &mut Work, source: usize, folder: &str, depth: usize) {
        let Some(text) = self.sources.get(source).map(|hidden| hidden.text.clone()) else { return };
        let outer = if depth == 0 { "" } else { "mj-body" };
        let mut open: Vec<(String, usize)> = vec![(outer.to_owned(), 0)];
        let mut inlined = false;
        for token in scan(&text) {
            if let Token::Start(start) = &token {
                self.known(work, source, start);
                self.shared(work, source, &text, start);
            }
            match &token {
                Token::Start(start) if start.name == "mj-include" => {
                    self.include(work, source, folder, depth, &text, start, &open);
                }
                Token::End(_, name, _) if name == "mj-include" => {}
                // What is included is a part of this letter, also when it is whole by itself.
                Token::Start(Start { name, .. }) | Token::End(_, name, _)
                    if depth > 0 && matches!(name.as_str(), "mjml" | "mj-body") => {}
                Token::Start(start) if start.name == "mj-style" && start.value(&text, "inline") == "inline" => {
                    inlined = true;
                }
                Token::Raw(range, name, _) if inlined && name == "mj-style" => {
                    let css = text.get(range.clone()).unwrap_or_default();
                    self.inline.push_str(&work.tags.without(css, |tag| tag.kind != Kind::Slot));
                }
                Token::End(_, name, _) if inlined && name == "mj-style" => inlined = false,
                Token::Text(range) if open.last().is_some_and(|(name, _)| CONTAINERS.contains(&name.as_str())) => {
                    self.alone(work, source, &text, range.clone());
                }
                Token::Start(start) => {
                    if !start.is_void() {
                        open.push((start.name.clone(), start.range.start));
                    }
                    self.piece(source, &text, start.range.clone());
                }
                Token::End(range, name, _) => {
                    self.closed(work, source, &mut open, range.start, name);
                    self.piece(source, &text, range.clone());
                }
                Token::Text(range) | Token::Outlook(range) | Token::Raw(range, ..) | Token::Other(range) => {
                    self.piece(source, &text, range.clone());
                }
            }
        }
        if let Some((name, at)) = open.get(1..).and_then(<[_]>::last) {
            self.unclosed(work, source, name, *at);
        }
    }

    /// An end tag: mrml would tell of one that is out of order at the end of the letter only.
    fn closed(&self, work: &mut Work, source: usize, open: &mut Vec<(String, usize)>, at: usize, name: &str) {
        match open.iter().skip(1).rposition(|(open, _)| open == name).map(|found| found + 1) {
            Some(found) => {
                if let Some((inner, at)) = open.get(found + 1) {
                    self.unclosed(work, source, inner, *at);
                }
                open.truncate(found);
            }
            None => {
                let problem = format!("`</{}>` closes nothing", name.escape_debug());
                self.told(work, source, at, problem, "take it away, or open the element before");
            }
        }
    }

    fn unclosed(&self, work: &mut Work, source: usize, name: &str, at: usize) {
        let name = name.escape_debug();
        self.told(
            work,
            source,
            at,
            format!("`<{name}>` is not closed"),
            &format!("write </{name}> behind its content"),
        );
    }

    fn told(&self, work: &mut Work, source: usize, at: usize, problem: String, hint: &str) {
        if let Some(hidden) = self.sources.get(source) {
            let error = ContentError::new(&hidden.source.place, problem, hint);
            work.errors.push(error.at(&hidden.source.text, hidden.back(at)));
        }
    }

    /// An element that MJML does not have: mrml would hand it on, and mail readers pass over it.
    fn known(&self, work: &mut Work, source: usize, start: &Start) {
        let name = start.name.as_str();
        let Some(rest) = name.strip_prefix("mj-").filter(|rest| !ELEMENTS.contains(rest)) else { return };
        let distance = |known: &&&str| strsim::damerau_levenshtein(known, rest);
        let near = ELEMENTS.iter().min_by_key(distance).filter(|near| distance(near) <= 2);
        let problem = format!("MJML has no element `{}`", name.escape_debug());
        let hint = match near {
            Some(near) => format!("did you mean `mj-{near}`?"),
            None => "write HTML for it, within <mj-text> or <mj-raw>".to_owned(),
        };
        self.told(work, source, start.range.start, problem, &hint);
    }

    /// An element that MJML makes a button to share an address of, where that is a page of the network itself.
    fn shared(&self, work: &mut Work, source: usize, text: &str, start: &Start) {
        let (network, href) = (start.value(text, "name").trim(), start.value(text, "href").to_ascii_lowercase());
        let is_its_own = |(name, host): &(&str, &str)| *name == network && href.contains(&format!("{host}/"));
        if start.name != "mj-social-element" || !SHARING.iter().any(is_its_own) {
            return;
        }
        if let Some(hidden) = self.sources.get(source) {
            let says = format!("MJML makes of `{network}` a button to share this address: readers are not led to it");
            let hint = format!("name=\"{network}-noshare\" leads there");
            let at = hidden.back(start.range.start);
            let what = ContentError::new(&hidden.source.place, says, hint).at(&hidden.source.text, at);
            work.treated.notes.push(Remark::warning("mjml-share", what));
        }
    }

    fn piece(&mut self, source: usize, text: &str, range: std::ops::Range<usize>) {
        self.pieces.push((self.text.len(), source, range.start));
        self.text.push_str(text.get(range).unwrap_or_default());
    }

    /// White space between elements: mrml passes over it only where it begins with a line break.
    fn blank(&mut self, source: usize, text: &str, range: std::ops::Range<usize>) {
        if text.get(range.clone()).is_some_and(|blank| blank.starts_with('\n')) {
            self.piece(source, text, range);
        }
    }

    /// Tags that stand between elements, each in an element of its own.
    fn alone(&mut self, work: &Work, source: usize, text: &str, range: std::ops::Range<usize>) {
        let inside = text.get(range.clone()).unwrap_or_default();
        if !work.tags.without(inside, |_| true).trim().is_empty() {
            return self.piece(source, text, range);
        }
        let mut at = range.start;
        for (word, _) in work.tags.words(inside) {
            let word = range.start + word.start..range.start + word.end;
            self.blank(source, text, at..word.start);
            self.text.push_str("<mj-raw>");
            at = word.end;
            self.piece(source, text, word);
            self.text.push_str("</mj-raw>");
        }
        self.blank(source, text, at..range.end);
    }

    fn include(
        &mut self,
        work: &mut Work,
        source: usize,
        folder: &str,
        depth: usize,
        text: &str,
        start: &Start,
        open: &[(String, usize)],
    ) {
        let at = self.text.len();
        self.pieces.push((at, source, start.range.start));
        let path = start.value(text, "path").trim();
        let problem = if path.is_empty() {
            "mj-include has no path".to_owned()
        } else if work.tags.is_in(path) {
            "mj-include names another file for each row".to_owned()
        } else if depth >= DEPTH_MAX || self.sources.len() >= FILES_MAX {
            format!("`{}` is one file too many: does one include itself?", path.escape_debug())
        } else {
            match work.read_text(&joined(folder, path)) {
                Err(why) => format!("`{}` cannot be included: {why}", path.escape_debug()),
                Ok(read) => return self.included(work, &joined(folder, path), &read, depth, text, start, open),
            }
        };
        let hint = "such as: <mj-include path=\"parts/footer.mjml\" />; paths begin at the file that names them";
        let error = self.error(at, problem, hint);
        work.errors.push(error);
    }

    fn included(
        &mut self,
        work: &mut Work,
        path: &str,
        read: &str,
        depth: usize,
        text: &str,
        start: &Start,
        open: &[(String, usize)],
    ) {
        let written = Written::new(Place::File(work.files.shown(path)), read);
        work.pieces.push(written.clone());
        let strays = match start.value(text, "type") {
            "css" => stray::strays_of_sheet(read, work.syntax),
            _ => stray::strays(read, work.syntax),
        };
        if !strays.is_empty() {
            let told =
                |stray: Fault| ContentError::new(&written.place, stray.problem, stray.hint).pointing(read, stray.at);
            work.errors.extend(strays.into_iter().map(told));
            return;
        }
        let Some(hidden) = work.tags.hide(&written) else {
            let problem = format!("a tag of the template in `{}` does not end", path.escape_debug());
            let error = self.error(self.text.len(), problem, "close it in the file in which it begins");
            work.errors.push(error);
            return;
        };
        let source = self.sources.len();
        self.sources.push(hidden);
        if start.value(text, "type") != "css" {
            let file = work.files.shown(path);
            work.treated.pieces.push(Source { file, text: read.to_owned() });
        }
        let whole = 0..self.sources.last().map_or(0, |hidden| hidden.text.len());
        let inner = self.sources.last().map(|hidden| hidden.text.clone()).unwrap_or_default();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        match start.value(text, "type") {
            "css" if start.value(text, "css-inline") == "inline" => self.inline.push_str(&inner),
            "css" => self.wrapped(source, &inner, whole, "mj-style"),
            "html" => self.wrapped(source, &inner, whole, "mj-raw"),
            _ if open.iter().any(|(open, _)| open == "mj-head") => self.piece(source, &inner, whole),
            _ => self.take(work, source, folder, depth + 1),
        }
    }

    fn wrapped(&mut self, source: usize, text: &str, range: std::ops::Range<usize>, element: &str) {
        self.text.push_str(&format!("<{element}>"));
        self.piece(source, text, range);
        self.text.push_str(&format!("</{element}>"));
    }

    /// An error at an octet of the whole.
    fn error(&self, at: usize, problem: impl Into<String>, hint: &str) -> ContentError {
        let piece = self.pieces.partition_point(|&(start, ..)| start <= at).checked_sub(1);
        let piece = piece.and_then(|piece| self.pieces.get(piece));
        let &(start, source, from) = piece.unwrap_or(&(at, 0, 0));
        match self.sources.get(source) {
            Some(hidden) => {
                let at = hidden.back(from + (at - start));
                ContentError::new(&hidden.source.place, problem, hint).at(&hidden.source.text, at)
            }
            None => ContentError::key("html", problem, hint),
        }
    }

    /// What mrml refuses, in our words.
    fn refused(&self, error: &Error) -> ContentError {
        let named = |span: &Span| self.text.get(span.start..span.end).unwrap_or_default().trim();
        let what = |span: &Span| named(span).chars().take(40).collect::<String>().escape_debug().to_string();
        let known = "see the reference of MJML for what may stand here";
        match error {
            Error::UnexpectedElement { position, .. } => {
                self.error(position.start, format!("the element `{}` may not stand here", what(position)), known)
            }
            Error::UnexpectedToken { position, .. } => {
                let hint = "each element is closed, and closed in the order in which it was opened";
                self.error(position.start, format!("`{}` may not stand here", what(position)), hint)
            }
            Error::MissingAttribute { name, position, .. } => {
                self.error(position.start, format!("the element lacks the attribute `{name}`"), known)
            }
            Error::InvalidAttribute { position, .. } | Error::InvalidFormat { position, .. } => {
                self.error(position.start, format!("`{}` is no value for this attribute", what(position)), known)
            }
            Error::ParserError { source, .. } => {
                let at = source.pos();
                let line = self.text.split_inclusive('\n').take((at.row as usize).saturating_sub(1));
                let start: usize = line.map(str::len).sum();
                let rest = self.text.get(start..).unwrap_or_default();
                let into = rest.chars().take((at.col as usize).saturating_sub(1)).map(char::len_utf8).sum::<usize>();
                self.error(start + into, "this cannot be read as MJML", "write & as &amp; and close what is open")
            }
            Error::EndOfStream { .. } => self.error(
                self.text.len().saturating_sub(1),
                "the letter ends before all elements are closed",
                "close them",
            ),
            error => self.error(0, error.to_string(), "a letter in MJML is one <mjml> with an <mj-body>"),
        }
    }
}

/// A path as seen from the campaign's folder.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
