//! The files of a letter as people wrote them, before anything was made of them.
//!
//! Guarantees: what the HTML reads and what the text reads are told apart, and a file that both read is in both; line breaks are LF,
//! and no mark stands in front, as for whoever compiles them: so lines and columns are the same. Leaves to others: reading files.

use crate::content::partials::{plain_name, read_by};
use crate::content::spec::{Source, Spec};
use crate::content::template::one_kind_of_line_break;
use std::collections::BTreeMap;

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manuscript {
    html: Option<Source>,
    text: Option<Source>,
    /// What templates read, by the names that they read it by.
    partials: BTreeMap<String, Source>,
    /// What became a part of the HTML.
    pieces: Vec<Source>,
}

impl Manuscript {
    /// The files of a letter of which nothing was made yet.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        let partials = spec.partials.iter().filter_map(|(name, file)| Some((name.clone(), plain(file.as_ref().ok()?))));
        Self {
            html: spec.html.as_ref().map(plain),
            text: spec.text.as_ref().map(plain),
            partials: partials.collect(),
            pieces: Vec::new(),
        }
    }

    /// The same, where these files became a part of the HTML.
    #[must_use]
    pub fn with(self, pieces: &[Source]) -> Self {
        Self { pieces: pieces.iter().map(plain).collect(), ..self }
    }

    /// The HTML, and all files that are read by it.
    pub(super) fn html_files(&self) -> impl Iterator<Item = &Source> {
        let read = self.html.iter().flat_map(|html| self.read_by(html));
        self.html.iter().chain(self.html.iter().flat_map(|_| &self.pieces)).chain(read)
    }

    /// The text, and all files that are read by it.
    pub(super) fn text_files(&self) -> impl Iterator<Item = &Source> {
        self.text.iter().chain(self.text.iter().flat_map(|text| self.read_by(text)))
    }

    /// The file of a name that a template reads it by.
    pub(super) fn partial(&self, name: &str) -> Option<&Source> {
        self.partials.get(&plain_name(name)?)
    }

    /// The files that a template reads, and those that these read.
    fn read_by(&self, source: &Source) -> Vec<&Source> {
        read_by(&source.text, |name| self.partials.get(name))
    }
}

fn plain(source: &Source) -> Source {
    let text = one_kind_of_line_break(&source.text);
    Source { file: source.file.clone(), text: text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_html_reads_is_told_from_what_the_text_reads() {
        let source = |file: &str, text: &str| Source { file: file.into(), text: text.into() };
        let mut spec = Spec {
            html: Some(source(
                "l.html",
                "\u{feff}a\r\n{% include 'foot.html' %}{% include 'none.html' ignore missing %}",
            )),
            text: Some(source("l.txt", "{% extends './base.txt' %}")),
            ..Spec::default()
        };
        for (name, text) in
            [("foot.html", "{% include 'foot.html' %}{% include 'both' %}"), ("base.txt", "{% include 'both' %}")]
        {
            spec.partials.insert(name.into(), Ok(source(name, text)));
        }
        spec.partials.insert("both".into(), Ok(source("both", "x")));
        spec.partials.insert("none.html".into(), Err("no".into()));
        let written = Manuscript::of(&spec).with(&[source("part.mjml", "y")]);
        let files = |all: Vec<&Source>| all.iter().map(|source| source.file.clone()).collect::<Vec<_>>();
        assert_eq!(files(written.html_files().collect()), ["l.html", "part.mjml", "foot.html", "both"]);
        assert_eq!(files(written.text_files().collect()), ["l.txt", "base.txt", "both"]);
        assert!(written.html_files().next().is_some_and(|html| html.text.starts_with("a\n{%")));
    }
}
