//! What a campaign wants made of its HTML: `text_from_html`, `inline_css`, `preheader`, `base_url`, `embed_images`, `[links]`.
//!
//! Guarantees: what has nothing to act on is an error with its place. Leaves to others: doing it (`content`).

use super::campaign::line;
use super::document::{ConfigError, Placed, Section};
use super::reference;

/// Keys that need HTML to act on.
const OF_HTML: [&str; 5] = ["text_from_html", "inline_css", "preheader", "base_url", "embed_images"];

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// A letter without `text` gets a text part that is made from its HTML.
    pub text_from_html: bool,
    /// Rules of `<style>` are copied to where they apply.
    pub inline_css: bool,
    /// What mailboxes show beside the subject, a template.
    pub preheader: Option<Placed<String>>,
    /// What relative links and pictures are relative to.
    pub base_url: Option<Placed<String>>,
    /// Local pictures go along with the letter.
    pub embed_images: bool,
    /// Parameters of links, without their `utm_`, and their values, templates.
    pub utm: Vec<(String, Placed<String>)>,
}

/// Reads the keys.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub(super) fn read(root: &Section<'_>, all: &[String], has_html: bool, has_text: bool) -> Result<Page, ConfigError> {
    for name in OF_HTML {
        if let Some(item) = root.get(name).filter(|_| !has_html) {
            return Err(item.error("has no HTML to act on").hint("add html = \"FILE\", or leave it out"));
        }
    }
    let switch = |name: &str| root.get(name).map(|item| item.switch()).transpose();
    let text = |name: &str| root.get(name).map(|item| line(&item)).transpose();
    let text_from_html = switch("text_from_html")?;
    if let Some(item) = root.get("text_from_html").filter(|_| has_text && text_from_html == Some(true)) {
        return Err(item.error("the campaign has a text of its own").hint("leave out this key, or text"));
    }
    Ok(Page {
        text_from_html: text_from_html.unwrap_or(has_html && !has_text),
        inline_css: switch("inline_css")?.unwrap_or(false),
        preheader: text("preheader")?,
        base_url: text("base_url")?,
        embed_images: switch("embed_images")?.unwrap_or(false),
        utm: utm(root, all)?,
    })
}

fn utm(root: &Section<'_>, all: &[String]) -> Result<Vec<(String, Placed<String>)>, ConfigError> {
    let Some(links) = root.get("links") else { return Ok(Vec::new()) };
    let Some(utm) = links.section(&reference::known("links"), all)?.get("utm") else { return Ok(Vec::new()) };
    let names = reference::known("links.utm");
    let section = utm.section(&names, all)?;
    // In the order in which people know them.
    let given = names.iter().filter_map(|name| Some((*name, section.get(name)?)));
    let given: Vec<_> = given.map(|(name, item)| Ok((name.to_owned(), line(&item)?))).collect::<Result<_, _>>()?;
    match given.iter().any(|(name, _)| name == "source") {
        true => Ok(given),
        false => {
            Err(utm.error("lacks the source, which those who count visits need").hint("add source = \"newsletter\""))
        }
    }
}
