//! Reads the addresses of a file that rows have a part in.
//!
//! Guarantees: of an address in which a tag does what nobody follows nothing is taken; one that may be several is each of them.
//! Leaves to others: what a row makes of them (`by_row`), and those that the template alone makes (`values`).

use super::super::links::{LEADING, address_in};
use super::super::page::{CODE, Page, VALUE, masked};
use super::super::{slips, values};
use super::{Kind, Named, Piece, RowAddress};
use crate::content::analysis::{Part, Prints, Way};
use crate::content::names::{Name, identifier};
use crate::content::page::CALLED;
use crate::content::syntax::Syntax;

/// Blocks that may keep what stands in them from a letter.
const BLOCKS: [&str; 8] = ["if", "for", "macro", "call", "filter", "block", "raw", "with"];

/// Reads the addresses of one file.
pub(super) struct Reader<'r> {
    pub(super) text: &'r str,
    /// By which it is read; that of the letter itself is empty.
    pub(super) name: &'r str,
    pub(super) columns: &'r [String],
    pub(super) syntax: Syntax,
    /// Whether it is the letter itself, and no file that it may read.
    pub(super) is_main: bool,
    pub(super) prints: &'r Prints,
}

impl Reader<'_> {
    pub(super) fn of_page(&self) -> Vec<RowAddress> {
        let page = Page::read(self.text);
        let attributes = page.tags.iter().flat_map(|tag| &tag.attributes);
        let leading = attributes.filter(|one| LEADING.contains(&&*one.name) && one.name != "srcset");
        let kind = |name: &str| if name == "href" { Kind::Link } else { Kind::Picture };
        leading.flat_map(|one| self.addresses(kind(&one.name), one.at, &one.value)).collect()
    }

    pub(super) fn of_text(&self) -> Vec<RowAddress> {
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
            let is_one = address_in(word).is_some();
            found.extend(self.addresses(Kind::Text, start + at, word).into_iter().map(|address| {
                let first = address.pieces.first().and_then(Piece::named);
                let is_called = is_one || first.is_some_and(|named| is_called(&named.name) || is_called(&named.code));
                RowAddress { is_called, ..address }
            }));
        }
        found
    }

    /// The addresses that a masked text may be, where rows have a part in it and nothing but values does.
    fn addresses(&self, kind: Kind, at: usize, value: &str) -> Vec<RowAddress> {
        self.all(kind, at, value).unwrap_or_default()
    }

    fn all(&self, kind: Kind, at: usize, value: &str) -> Option<Vec<RowAddress>> {
        let marks = [char::from(CODE), ' ', '\n', '\t'];
        let bare = value.trim_matches(marks);
        let from = at + (value.len() - value.trim_start_matches(marks).len());
        // What is wrong in every row is told where it stands.
        let is_told = slips::of("link", bare, bare).is_some();
        if !bare.contains(char::from(VALUE)) || bare.contains(char::from(CODE)) || is_told {
            return None;
        }
        let codes = [self.text.get(at..from)?, self.text.get(from + bare.len()..at + value.len())?];
        let ways = values::ways(self.prints, self.name, self.text.get(from..from + bare.len())?, from)?;
        let is_ours = codes.iter().all(|code| {
            code.split("{%").skip(1).all(|tag| tag.trim_start().starts_with("filter __") || tag.contains("endfilter"))
        });
        let is_sure = self.is_main && is_ours && ways.len() == 1 && self.depth(at) == 0;
        let is_completed = codes.iter().any(|code| code.contains("__absolute("));
        let of_row = |way: &Way| way.iter().any(|part| matches!(part, Part::Of(of) if is_of_row(of.name)));
        let address = |way: Way| RowAddress {
            kind,
            is_always: is_sure && way.iter().all(|part| !matches!(part, Part::Of(of) if !of.is_own)),
            pieces: way.into_iter().map(|part| self.piece(part)).collect(),
            is_completed,
            is_called: false,
            syntax: self.syntax,
        };
        Some(ways.into_iter().filter(of_row).map(address).collect())
    }

    fn piece(&self, part: Part) -> Piece {
        let of = match part {
            Part::Text(text) => return Piece::Fixed(text),
            Part::Of(of) => of,
        };
        let named = |name: &str| Named {
            name: name.to_owned(),
            code: of.code.clone(),
            is_slot: of.is_slot,
            is_encoded: of.is_encoded,
        };
        match of.name {
            Name::Email => Piece::Mailbox(named("email")),
            Name::Column(index) => {
                let heading = self.columns.get(index).map_or("", String::as_str);
                Piece::Column(index, named(&identifier(heading)))
            }
            Name::Token | Name::Campaign | Name::UnsubscribeUrl => Piece::BuiltIn,
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

/// Whether a value of this name is an address.
fn is_called(name: &str) -> bool {
    let lower = name.to_lowercase();
    CALLED.iter().any(|part| lower.contains(part))
}

fn is_of_row(name: Name) -> bool {
    matches!(name, Name::Column(_) | Name::Email)
}
