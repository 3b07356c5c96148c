//! Reads the addresses of a file that rows have a part in.
//!
//! Guarantees: of an address of which a tag does more than to write a column nothing is taken. Leaves to others: what a row makes of
//! them (`by_row`).

use super::super::links::{LEADING, address_in};
use super::super::page::{CODE, Page, VALUE, masked};
use super::super::slips;
use super::{Kind, Piece, RowAddress};
use crate::content::analysis::tree::{each_statement, targets};
use crate::content::names;
use crate::content::page::CALLED;
use crate::content::spec::Source;
use crate::content::syntax::Syntax;
use minijinja::machinery;
use minijinja::machinery::ast::Stmt;
use minijinja::syntax::SyntaxConfig;
use std::collections::BTreeSet;

/// Filters after which a value is the same address.
const KEEPING: [&str; 7] = ["trim", "safe", "e", "escape", "string", "default", "d"];
/// Blocks that may keep what stands in them from a letter.
const BLOCKS: [&str; 8] = ["if", "for", "macro", "call", "filter", "block", "raw", "with"];
/// Values that no list has.
const BUILT_IN: [&str; 3] = ["token", "campaign", "unsubscribe_url"];

/// The names that a template binds itself.
fn bound_in(source: &Source) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Ok(tree) = machinery::parse(&source.text, "", SyntaxConfig::default()) else { return names };
    each_statement(&tree, &mut |statement| match statement {
        Stmt::Set(one) => names.extend(targets(&one.target)),
        Stmt::SetBlock(one) => names.extend(targets(&one.target)),
        Stmt::WithBlock(one) => names.extend(one.assignments.iter().flat_map(|(target, _)| targets(target))),
        _ => {}
    });
    names
}

/// Reads the addresses of one file.
pub(super) struct Reader<'r> {
    text: &'r str,
    columns: &'r [String],
    syntax: Syntax,
    /// Names that the template has for itself.
    bound: BTreeSet<String>,
    /// Whether it is the letter itself, and no file that it may read.
    is_main: bool,
}

impl<'r> Reader<'r> {
    pub(super) fn of(source: &'r Source, columns: &'r [String], syntax: Syntax, is_main: bool) -> Self {
        Self { text: &source.text, columns, syntax, bound: bound_in(source), is_main }
    }

    pub(super) fn of_page(&self) -> Vec<RowAddress> {
        let page = Page::read(self.text);
        let attributes = page.tags.iter().flat_map(|tag| &tag.attributes);
        let leading = attributes.filter(|one| LEADING.contains(&&*one.name) && one.name != "srcset");
        let kind = |name: &str| if name == "href" { Kind::Link } else { Kind::Picture };
        leading.filter_map(|one| self.address(kind(&one.name), one.at, &one.value)).collect()
    }

    /// `known`: columns that addresses of the page begin with.
    pub(super) fn of_text(&self, known: &[String]) -> Vec<RowAddress> {
        let masked = masked(self.text);
        let is_end = |c: char| c.is_whitespace() || "<>\"')".contains(c);
        let mut found = Vec::new();
        let mut end = 0;
        for word in masked.split_inclusive(is_end) {
            let start = end;
            end += word.len();
            let word = word.trim_end_matches(is_end).trim_end_matches(['.', ',', ';', ':', '!']);
            let at = address_in(word).unwrap_or(0);
            let word = word.get(at..).unwrap_or_default();
            let Some(mut address) = self.address(Kind::Text, start + at, word) else { continue };
            let is_called = |name: &str| {
                let lower = name.to_lowercase();
                CALLED.iter().any(|part| lower.contains(part)) || known.iter().any(|one| one == name)
            };
            address.is_called = address_in(word).is_some() || address.leads_with().is_some_and(is_called);
            found.push(address);
        }
        found
    }

    /// The address whose masked text this is, if rows have a part in it and nothing but columns does.
    fn address(&self, kind: Kind, at: usize, value: &str) -> Option<RowAddress> {
        let marks = [char::from(CODE), ' ', '\n', '\t'];
        let bare = value.trim_matches(marks);
        let from = at + (value.len() - value.trim_start_matches(marks).len());
        // What is wrong in every row is told where it stands.
        let is_told = slips::of("link", bare, bare).is_some();
        if !bare.contains(char::from(VALUE)) || bare.contains(char::from(CODE)) || is_told {
            return None;
        }
        let codes = [self.text.get(at..from)?, self.text.get(from + bare.len()..at + value.len())?];
        let pieces = self.pieces(self.text.get(from..from + bare.len())?)?;
        let is_of_row = |piece: &Piece| piece.name().is_some_and(|name| !self.bound.contains(name));
        let is_ours = codes.iter().all(|code| {
            code.split("{%").skip(1).all(|tag| tag.trim_start().starts_with("filter __") || tag.contains("endfilter"))
        });
        let is_always = self.is_main
            && is_ours
            && self.depth(at) == 0
            && pieces.iter().all(|piece| is_of_row(piece) || piece.name().is_none());
        let is_completed = codes.iter().any(|code| code.contains("__absolute("));
        pieces.iter().any(|piece| piece.name().is_some()).then_some(RowAddress {
            kind,
            pieces,
            is_completed,
            is_always,
            is_called: false,
            syntax: self.syntax,
        })
    }

    /// `None` where a tag does more than to write a column.
    fn pieces(&self, mut rest: &str) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        while let Some((before, behind)) = rest.split_once("{{") {
            let (inside, behind) = behind.split_once("}}")?;
            if !before.is_empty() {
                pieces.push(Piece::Fixed(before.to_owned()));
            }
            pieces.push(self.slot(inside.trim_matches(['-', '+']).trim())?);
            rest = behind;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Fixed(rest.to_owned()));
        }
        Some(pieces)
    }

    fn slot(&self, inside: &str) -> Option<Piece> {
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let (name, mut filters) = inside.split_at(inside.find(|c| !is_name(c)).unwrap_or(inside.len()));
        let mut is_encoded = false;
        while !filters.trim().is_empty() {
            let filter = filters.trim_start().strip_prefix('|')?.trim_start();
            let (word, behind) = filter.split_at(filter.find(|c| !is_name(c)).unwrap_or(filter.len()));
            is_encoded |= word == "urlencode";
            if word != "urlencode" && !KEEPING.contains(&word) {
                return None;
            }
            filters = match behind.trim_start().strip_prefix('(') {
                Some(arguments) => arguments.split_once(')')?.1,
                None => behind,
            };
        }
        if name == "email" {
            return Some(Piece::Mailbox { is_encoded });
        }
        let index = self.columns.iter().position(|column| names::identifier(column) == name);
        match index {
            Some(index) => Some(Piece::Column { index, name: name.to_owned(), is_encoded }),
            None => BUILT_IN.contains(&name).then_some(Piece::BuiltIn),
        }
    }

    /// How many blocks are open at an octet.
    fn depth(&self, at: usize) -> usize {
        let front = self.text.get(..at).unwrap_or_default();
        front.split("{%").skip(1).fold(0usize, |depth, tag| {
            let tag = tag.trim_start_matches(['-', '+']).trim_start();
            let word = tag.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            match word {
                word if word.starts_with("end") => depth.saturating_sub(1),
                word if BLOCKS.contains(&word) => depth + 1,
                _ => depth,
            }
        })
    }
}
