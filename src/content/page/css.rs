//! Rules of `<style>` copied to where they apply, for readers that know no `<style>`.
//!
//! css-inline works on a copy of the page's structure in which each element has a number; only the declarations that it
//! finds for an element are taken over, put before those that its `style` has already. So nothing else of the page
//! changes: `<style>` stays with its media queries, pseudo classes and dark mode, Outlook's comments stay, no tag is
//! closed, moved or quoted anew. Style sheets of the campaign's folder
//! come into the page first. Leaves to others: reading files.

use super::super::error::{ContentError, Place};
use super::super::stray;
use super::Work;
use super::links::is_relative;
use super::scan::{Attribute, Edits, Start, Token, scan};
use super::tags::{Kind, Written};

/// The attribute that numbers an element of the copy.
const NUMBER: &str = "data-posthaste-number";

/// So deep elements may stand in each other: whoever builds a document goes as deep.
const DEPTH_MAX: usize = 500;
/// Elements whose end tags may be left out.
const IMPLIED: [&str; 15] =
    ["a", "body", "dd", "dt", "head", "html", "li", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr"];

/// The page with the declarations of its `<style>` rules, and of `extra`, in `style` attributes.
pub(super) fn inline(work: &mut Work, page: &str, with_style: bool, extra: &str) -> String {
    let tokens = scan(page);
    if is_too_deep(&tokens) {
        let problem = format!("the styles cannot be inlined: elements stand in each other more than {DEPTH_MAX} deep");
        work.errors.push(ContentError::new(&work.main.place, problem, "close what is open"));
        return page.to_owned();
    }
    let copy = skeleton(work, page, &tokens, with_style);
    let options = css_inline::CSSInliner::options().load_remote_stylesheets(false).keep_style_tags(false);
    let inlined = match options.extra_css(Some(extra.into())).build().inline(&copy) {
        Ok(inlined) => inlined,
        Err(error) => {
            let problem = format!("the styles cannot be inlined: {error}");
            work.errors.push(ContentError::new(&work.main.place, problem, "mend the style sheet"));
            return page.to_owned();
        }
    };
    let mut found: Vec<Option<String>> = vec![None; tokens.len()];
    for token in scan(&inlined) {
        let Token::Start(start) = token else { continue };
        let number: Option<usize> = start.value(&inlined, NUMBER).parse().ok();
        // A parser that mends what is not closed may have made two of one.
        if let Some(slot @ None) = number.and_then(|number| found.get_mut(number)) {
            *slot = Some(start.value(&inlined, "style").trim().trim_end_matches(';').to_owned());
        }
    }
    let mut edits = Edits::default();
    for (token, style) in tokens.iter().zip(found) {
        if let (Token::Start(start), Some(style)) = (token, style.filter(|style| !style.is_empty())) {
            take_over(work, page, start, &style, &mut edits);
        }
    }
    edits.apply(page)
}

/// The page with the style sheets that it names of the campaign's folder in it.
pub(super) fn with_files(work: &mut Work, page: &str) -> String {
    let mut edits = Edits::default();
    for token in scan(page) {
        let Token::Start(start) = token else { continue };
        let is_sheet = start.value(page, "rel").to_ascii_lowercase().split_whitespace().any(|rel| rel == "stylesheet");
        let address = start.value(page, "href").trim();
        if start.name != "link" || start.conditional || !is_sheet {
            continue;
        }
        if !is_relative(work, address) {
            let says = "this style sheet lies on the web: its rules are not inlined, and few mail readers fetch it";
            work.note_at(address, "remote-style", says, "put the rules that matter into a <style>");
            continue;
        }
        let path = address.split(['?', '#']).next().unwrap_or_default().trim_start_matches("./");
        match work.read_text(path) {
            Ok(css) => {
                let written = Written::new(Place::File(work.files.shown(path)), &css);
                let strays = stray::strays_of_sheet(&css, work.syntax);
                // What is told here is not told again of the page that holds it.
                let css = if strays.is_empty() { css } else { String::new() };
                for stray in strays {
                    let error = ContentError::new(&written.place, stray.problem, stray.hint);
                    work.errors.push(error.pointing(&written.text, stray.at));
                }
                let hidden = work.tags.hide(&written).filter(|_| !css.is_empty()).map_or(css, |hidden| hidden.text);
                work.pieces.push(written);
                let media = start.attribute("media").and_then(|media| page.get(media.range.clone()));
                let media = media.map(|media| format!(" {media}")).unwrap_or_default();
                edits.set(start.range, format!("<style{media}>{hidden}</style>"));
            }
            Err(why) => {
                let problem = format!("the style sheet `{}` cannot be read: {why}", path.escape_debug());
                let hint = "paths are relative to the campaign file; put the rules into a <style>, or mend the path";
                let error = work.at(address, problem, hint);
                work.errors.push(error);
            }
        }
    }
    edits.apply(page)
}

/// The rules of the page's own `<style>`.
pub(super) fn sheet(work: &mut Work, page: &str) -> String {
    let mut sheet = String::new();
    let notes = work.treated.notes.len();
    let mut counts = true;
    for token in scan(page) {
        match token {
            Token::Start(start) => counts = is_for_screens(start.value(page, "media")),
            Token::Raw(range, name, false) if name == "style" && counts => {
                sheet.push_str(&rules(work, page.get(range).unwrap_or_default()));
                sheet.push('\n');
            }
            _ => {}
        }
    }
    // It is told where it is inlined.
    work.treated.notes.truncate(notes);
    sheet
}

fn is_too_deep(tokens: &[Token]) -> bool {
    let mut depth = 0usize;
    tokens.iter().any(|token| {
        match token {
            Token::Start(start) if !start.is_void() && !IMPLIED.contains(&start.name.as_str()) => depth += 1,
            Token::End(_, name, _) if !IMPLIED.contains(&name.as_str()) => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth > DEPTH_MAX
    })
}

/// The elements, classes and rules of the page, and nothing else.
fn skeleton(work: &mut Work, page: &str, tokens: &[Token], with_style: bool) -> String {
    let mut copy = String::with_capacity(page.len());
    let mut style_counts = true;
    for (number, token) in tokens.iter().enumerate() {
        match token {
            Token::Start(start) if !start.conditional => {
                style_counts = with_style && is_for_screens(start.value(page, "media"));
                copy.push('<');
                copy.push_str(&start.name);
                for attribute in &start.attributes {
                    if attribute.name == "style" || work.tags.words(&attribute.name).next().is_some() {
                        continue;
                    }
                    copy.push(' ');
                    copy.push_str(page.get(attribute.range.clone()).unwrap_or_default());
                }
                copy.push_str(&format!(" {NUMBER}=\"{number}\"{}>", if start.closes { " /" } else { "" }));
            }
            Token::End(_, name, false) => copy.push_str(&format!("</{name}>")),
            Token::Raw(range, name, false) if name == "style" && style_counts => {
                copy.push_str(&rules(work, page.get(range.clone()).unwrap_or_default()));
            }
            Token::Text(range) => {
                // Whether an element is empty is all that counts of its text.
                let text = work.tags.without(page.get(range.clone()).unwrap_or_default(), |t| t.kind != Kind::Slot);
                if !text.trim().is_empty() {
                    copy.push('x');
                }
            }
            _ => {}
        }
    }
    copy
}

/// Whether a style sheet for these media is for mail that is looked at.
fn is_for_screens(media: &str) -> bool {
    let media = media.trim();
    media.is_empty() || media.eq_ignore_ascii_case("all") || media.eq_ignore_ascii_case("screen")
}

/// The rules of a `<style>`; none where they depend on the row, for what is inlined does not.
fn rules(work: &mut Work, css: &str) -> String {
    let decides =
        work.tags.words(css).any(|(_, tag)| tag.kind == Kind::Block && !matches!(tag.word(), "raw" | "endraw"));
    if decides {
        let says = "a <style> that has {% … %} stays where it is: which of its rules apply is known for each row only";
        work.note_at(css, "style-kept", says, "put what {% … %} decides into a <style> of its own");
        return String::new();
    }
    work.tags.without(css, |tag| tag.kind != Kind::Slot)
}

/// Puts the declarations `style` before those of the element.
fn take_over(work: &mut Work, page: &str, start: &Start, style: &str, edits: &mut Edits) {
    let Some(attribute) = start.attribute("style") else {
        let name_end = start.range.start + 1 + start.name.len();
        return edits.insert(name_end, format!(" style=\"{style}\""));
    };
    let decides = |attribute: &Attribute| attribute.value.is_none() && work.tags.branches(&attribute.name);
    let mut before = start.attributes.iter().take_while(|a| a.range.start < attribute.range.start);
    let mut after = start.attributes.iter().skip_while(|a| a.range.start <= attribute.range.start);
    if before.any(decides) && after.any(decides) {
        let own = page.get(attribute.range.clone()).unwrap_or_default();
        let hint = "put the condition into the value: style=\"{% if … %}…{% endif %}\"";
        let problem = "a style attribute that is there for some rows only cannot take the rules of <style>";
        let error = work.at(own, problem, hint);
        work.errors.push(error);
        return;
    }
    let own = attribute.value.clone().and_then(|range| page.get(range)).unwrap_or_default();
    let joint = if own.trim().is_empty() { "" } else { "; " };
    let (quote, style) = match attribute.quote {
        Some('\'') => ('\'', style.replace('\'', "&#39;")),
        _ => ('"', style.to_owned()),
    };
    edits.set(attribute.range.clone(), format!("style={quote}{style}{joint}{}{quote}", own.trim_start()));
}
