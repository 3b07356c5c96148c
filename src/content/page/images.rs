//! Pictures of the campaign's folder as parts of the letter, shown by `cid:`.
//!
//! Guarantees: each file goes along once, whatever shows it how often; its type is told by its octets, not by its name;
//! pictures on the web stay there. Leaves to others: reading files, the parts' headers (`mime`).

use super::super::spec::Attachment;
use super::Work;
use super::links::{is_picture, is_relative};
use super::scan::{Attribute, Edits, Start, Token, scan};
use super::urls::{candidates, each_candidate, each_picture};

/// What is told of `srcset`.
const SIZES: &str = "srcset";

/// The pictures that go along, by the path that names them.
#[derive(Debug, Default)]
pub(super) struct Embedded(Vec<(String, Attachment)>);

impl Embedded {
    /// The parts.
    pub(super) fn parts(self) -> impl Iterator<Item = Attachment> {
        self.0.into_iter().map(|(_, part)| part)
    }

    /// Whether no picture goes along.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The page with its local pictures shown from parts of the letter.
    pub(super) fn embed(&mut self, work: &mut Work, page: &str) -> String {
        let mut edits = Edits::default();
        for token in scan(page) {
            match token {
                Token::Start(start) => {
                    for attribute in &start.attributes {
                        let Some(range) = attribute.value.clone() else { continue };
                        let value = page.get(range.clone()).unwrap_or_default();
                        let new = match attribute.name.as_str() {
                            "srcset" if self.drop_sizes(work, page, &start, attribute, &mut edits) => None,
                            "srcset" => each_candidate(value, |url| self.shown(work, url)),
                            "style" => each_picture(value, |url| self.shown(work, url)),
                            name if is_picture(&start, name) => self.shown(work, value),
                            _ => None,
                        };
                        if let Some(new) = new {
                            edits.set(range, new);
                        }
                    }
                }
                Token::Raw(range, name, _) if name == "style" => {
                    let css = page.get(range.clone()).unwrap_or_default();
                    if let Some(new) = each_picture(css, |url| self.shown(work, url)) {
                        edits.set(range, new);
                    }
                }
                _ => {}
            }
        }
        edits.apply(page)
    }

    /// Takes out of the `srcset` of a picture that goes along what is local: the picture in `src` is there, every reader shows
    /// it, and its other sizes would only make the letter larger. Whether it is such a one.
    fn drop_sizes(&self, work: &mut Work, page: &str, start: &Start, attribute: &Attribute, edits: &mut Edits) -> bool {
        let src = start.value(page, "src").trim();
        let Some(range) = attribute.value.clone() else { return false };
        let value = page.get(range.clone()).unwrap_or_default();
        if start.name != "img" || !is_relative(work, src) || work.tags.is_in(src) {
            return false;
        }
        if work.tags.branches(value) {
            let says = "the srcset of this picture is left as it is: a block of the template stands in it";
            work.note_at(value, SIZES, says, "leave it out: the picture in src goes along");
            return true;
        }
        let all: Vec<&str> = candidates(value).into_iter().filter_map(|(_, whole)| value.get(whole)).collect();
        let is_local = |candidate: &&str| is_relative(work, candidate.split_whitespace().next().unwrap_or_default());
        let kept: Vec<&str> = all.iter().copied().filter(|candidate| !is_local(candidate)).collect();
        if kept.len() == all.len() {
            return true;
        }
        match kept.as_slice() {
            [] => {
                let before = attribute.range.start.saturating_sub(1);
                let is_blank = page.as_bytes().get(before).is_some_and(u8::is_ascii_whitespace);
                edits.set(if is_blank { before } else { attribute.range.start }..attribute.range.end, "");
            }
            kept => edits.set(range, kept.join(", ")),
        }
        let says =
            "other sizes of this picture (srcset) are left out: the one in src goes along, and every reader shows it";
        work.note_at(value, SIZES, says, "leave srcset out, or give whole https:// addresses in it");
        true
    }

    /// What shows the picture at `address` from a part; `None` if it is not of the campaign's folder.
    fn shown(&mut self, work: &mut Work, address: &str) -> Option<String> {
        let address = address.trim();
        if !is_relative(work, address) {
            return None;
        }
        if work.tags.is_in(address) {
            let hint = "name one file, or give the whole https:// address";
            let problem = "a picture that each row names anew cannot be embedded";
            let error = work.at(address, problem, hint);
            work.errors.push(error);
            return None;
        }
        let path = path_of(address);
        if let Some((_, part)) = self.0.iter().find(|(known, _)| *known == path) {
            return part.inline_id.as_ref().map(|id| format!("cid:{id}"));
        }
        match work.files.read(&path) {
            Err(why) => {
                let problem = format!("the picture `{}` cannot be read: {why}", path.escape_debug());
                let hint = "paths are relative to the campaign file; a picture on the web needs its whole address";
                let error = work.at(address, problem, hint);
                work.errors.push(error);
                None
            }
            Ok(octets) => self.part(work, address, path, octets),
        }
    }

    fn part(&mut self, work: &mut Work, address: &str, path: String, octets: Vec<u8>) -> Option<String> {
        let Some((media_type, ending)) = type_of(&octets) else {
            let problem = format!("`{}` is no picture that mail readers show", path.escape_debug());
            let error = work.at(address, problem, "PNG, JPEG, GIF, WebP or SVG");
            work.errors.push(error);
            return None;
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let plain: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(40).collect();
        let id = format!("{plain}-{}.{ending}", self.0.len() + 1);
        let shown = format!("cid:{id}");
        let part = Attachment {
            file_name: name.to_owned(),
            media_type: media_type.to_owned(),
            bytes: octets,
            inline_id: Some(id),
            alternative: false,
        };
        self.0.push((path, part));
        Some(shown)
    }
}

/// The file that an address names.
fn path_of(address: &str) -> String {
    let address = address.replace("&amp;", "&");
    let path = address.split(['?', '#']).next().unwrap_or_default();
    let octets = path.as_bytes();
    let mut decoded = Vec::with_capacity(octets.len());
    let mut at = 0;
    while let Some(&octet) = octets.get(at) {
        let coded = path.get(at + 1..at + 3).filter(|_| octet == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(coded.unwrap_or(octet));
        at += if coded.is_some() { 3 } else { 1 };
    }
    let decoded = String::from_utf8(decoded).unwrap_or_else(|_| path.to_owned());
    decoded.strip_prefix("./").map_or(decoded.clone(), str::to_owned)
}

/// The media type of a picture and the ending that goes with it.
fn type_of(octets: &[u8]) -> Option<(&'static str, &'static str)> {
    let head = octets.get(..octets.len().min(1024))?;
    Some(match head {
        [0x89, b'P', b'N', b'G', ..] => ("image/png", "png"),
        [0xFF, 0xD8, 0xFF, ..] => ("image/jpeg", "jpg"),
        [b'G', b'I', b'F', b'8', ..] => ("image/gif", "gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => ("image/webp", "webp"),
        _ if memchr::memmem::find(head, b"<svg").is_some() => ("image/svg+xml", "svg"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_addresses() {
        for (address, path) in [
            ("img/a.png", "img/a.png"),
            ("./a%20b.png?v=2", "a b.png"),
            ("a&amp;b.png#x", "a&b.png"),
            ("%zz.png", "%zz.png"),
            ("100%", "100%"),
            ("%C3%A9.png", "\u{e9}.png"),
        ] {
            assert_eq!(path_of(address), path);
        }
    }

    #[test]
    fn octets_tell_the_type() {
        assert_eq!(type_of(b"\x89PNG\r\n"), Some(("image/png", "png")));
        assert_eq!(type_of(b"RIFF\0\0\0\0WEBPVP8"), Some(("image/webp", "webp")));
        assert_eq!(type_of(b"<?xml version=\"1.0\"?><svg xmlns"), Some(("image/svg+xml", "svg")));
        for other in [b"<html>".as_slice(), b"", b"BM", b"RIFF\0\0\0\0WAVE"] {
            assert_eq!(type_of(other), None);
        }
    }
}
