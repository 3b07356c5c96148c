//! The files of a campaign: what may be attached, and that the HTML and its pictures name each other.
//!
//! Guarantees: a picture that the HTML shows by `cid:` is there, and each inline file is shown; both have their place.

use super::super::error::{ContentError, Place};
use super::super::header;
use super::super::mime::File;
use super::super::partials;
use super::super::spec::{Attachment, Source, Spec};
use super::super::tags::{self, Part};
use super::super::template::one_kind_of_line_break;
use super::Work;
use super::fixed::percent_decoded;
use std::collections::BTreeSet;

impl Work<'_> {
    /// The parts that the files become.
    pub(super) fn files<'s>(&mut self, spec: &'s Spec) -> Vec<File<'s>> {
        let mut files = Vec::new();
        for (index, file) in spec.attachments.iter().enumerate() {
            files.extend(self.attachment(file, index, spec));
        }
        if let Some(html) = &spec.html {
            self.pictures(html, &spec.attachments);
        }
        files
    }

    fn attachment<'s>(&mut self, file: &'s Attachment, index: usize, spec: &Spec) -> Option<File<'s>> {
        let key = &key_of(index);
        let name = file.file_name.escape_debug();
        if file.file_name.is_empty() || file.file_name.len() > 255 || header::first_control(&file.file_name).is_some() {
            let hint = "1 to 255 octets, no control characters";
            self.error(ContentError::key(key, format!("`{name}` is no usable file name"), hint));
        }
        if let Some(id) = &file.inline_id {
            self.inline(id, index, spec);
        }
        if file.alternative && file.inline_id.is_some() {
            let problem = format!("`{name}` cannot be a picture of the HTML and stand beside it");
            self.error(ContentError::key(key, problem, "leave out inline_id, or alternative"));
        }
        match File::of(file) {
            Ok(part) => Some(part),
            Err(why) => {
                let problem = format!("`{name}` cannot be sent as `{}`: {why}", file.media_type.escape_debug());
                let hint = "set `type` to what it is, such as: application/pdf, or \"text/calendar; method=REQUEST\"";
                self.error(ContentError::key(key, problem, hint));
                None
            }
        }
    }

    fn inline(&mut self, id: &str, index: usize, spec: &Spec) {
        let key = &key_of(index);
        let escaped = id.escape_debug();
        if id.is_empty() || id.len() > 100 || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@+".contains(&b)) {
            let hint = "letters, digits and any of -_.@+, at most 100";
            self.error(ContentError::key(key, format!("`{escaped}` is no usable inline id"), hint));
        }
        if spec.html.is_none() {
            let hint = "add `html`, or make it a plain attachment";
            self.error(ContentError::key(key, "an inline image needs an HTML part to show it", hint));
        }
        let first = spec.attachments.iter().position(|other| other.inline_id.as_deref() == Some(id));
        if first != Some(index) {
            let problem = format!("another attachment has the inline id `{escaped}` too");
            self.error(ContentError::key(key, problem, "give each an id of its own"));
        }
    }

    /// Holds the `cid:` URLs of the HTML, and of the files that it reads, against the inline files.
    fn pictures(&mut self, html: &Source, files: &[Attachment]) {
        let read: Vec<Source> = self.to.partials.read_by(&html.text).into_iter().cloned().collect();
        // Where an id depends on the row, or values may bring HTML along, any of them may be shown.
        let (mut can_tell, mut shown) = (true, BTreeSet::new());
        for source in std::iter::once(html).chain(&read) {
            let text = one_kind_of_line_break(&source.text);
            let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
            let place = Place::File(source.file.clone());
            can_tell &= partials::is_template(text) && !prints_html(text);
            for (at, id) in references(text) {
                let Some(id) = id else {
                    can_tell = false;
                    continue;
                };
                let is_there = files.iter().any(|file| file.inline_id.as_ref() == Some(&id));
                if shown.insert(id.clone()) && !is_there {
                    self.error(no_picture(&place, &id, files).at(text, at));
                }
            }
        }
        for (index, file) in files.iter().enumerate() {
            if let Some(id) = file.inline_id.as_ref().filter(|id| can_tell && !shown.contains(*id)) {
                let problem = format!(
                    "the HTML does not show `{}`: cid:{} is not in it",
                    file.file_name.escape_debug(),
                    id.escape_debug()
                );
                let hint = format!("write <img src=\"cid:{}\" alt=\"…\">, or leave inline_id out", id.escape_debug());
                self.error(ContentError::key(&key_of(index), problem, hint));
            }
        }
    }
}

/// The HTML shows a picture that is not there.
fn no_picture(place: &Place, id: &str, files: &[Attachment]) -> ContentError {
    let ids: Vec<&str> = files.iter().filter_map(|file| file.inline_id.as_deref()).collect();
    let escaped = id.escape_debug();
    let hint = match files.iter().find(|file| file.file_name == id && file.inline_id.is_none()) {
        Some(_) => format!("add inline_id = \"{escaped}\" to its [[attachments]]"),
        None if ids.is_empty() => format!("add [[attachments]] with its file and inline_id = \"{escaped}\""),
        None => format!("add [[attachments]] with inline_id = \"{escaped}\"; there are: {}", ids.join(", ")),
    };
    ContentError::new(place, format!("no attachment has the inline id `{escaped}`"), hint)
}

/// Whether a tag of a template prints what it prints as HTML.
fn prints_html(text: &str) -> bool {
    let parts = tags::parts(text);
    let is_tag = |at: usize| parts.get(at) == Some(&Part::Tag);
    ["safe", "autoescape"].iter().any(|word| text.match_indices(word).any(|(at, _)| is_tag(at)))
}

/// The key of an attachment, counted from 1.
fn key_of(index: usize) -> String {
    format!("attachments[{}]", index + 1)
}

/// Where `cid:` URLs stand in the attributes and styles of HTML, and their ids; `None`: it depends on the row.
fn references(html: &str) -> Vec<(usize, Option<String>)> {
    let mut found = Vec::new();
    for (at, _) in html.match_indices(':') {
        let Some(start) =
            at.checked_sub(3).filter(|&start| html.get(start..at).is_some_and(|s| s.eq_ignore_ascii_case("cid")))
        else {
            continue;
        };
        let before = html.get(..start).unwrap_or_default().trim_end();
        if !before.ends_with(['"', '\'', '(', '=', ',']) {
            continue;
        }
        let rest = html.get(at + 1..).unwrap_or_default();
        let id = rest.split(|c: char| c.is_whitespace() || "\"'()<>,&".contains(c)).next().unwrap_or_default();
        if id.contains("{{") || id.contains("{%") {
            found.push((start, None));
        } else if !id.is_empty() {
            // RFC 2392 §2: the id is percent-encoded.
            found.push((start, Some(percent_decoded(id).unwrap_or_else(|| id.to_owned()))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_in_attributes_and_styles_alone() {
        let found =
            |html| references(html).into_iter().map(|(at, id)| (at, id.unwrap_or_default())).collect::<Vec<_>>();
        assert_eq!(found("<img src=\"cid:logo\">"), [(10, "logo".to_owned())]);
        assert_eq!(found("<td background=CID:a%40b.example >"), [(15, "a@b.example".to_owned())]);
        assert_eq!(found("url( 'cid:x' )url(cid:y)"), [(6, "x".to_owned()), (18, "y".to_owned())]);
        assert_eq!(found("<img src='cid:{{ picture }}'>"), [(10, String::new())]);
        assert_eq!(found("placid: the cid: (cid: x) acid:x"), []);
    }
}
