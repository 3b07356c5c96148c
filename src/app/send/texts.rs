//! The files of a letter: templates as text, whatever they are written in where that is certain, and what goes along.
//!
//! Guarantees: what is not certain is an error with its place, and so is what no text has (NUL, ESC); what was made out is told.
//! Leaves to others: what the text means (`content`).

use super::super::config::CampaignConfig;
use super::super::config::campaign;
use super::super::exit::Failure;
use super::content;
use crate::base::charset::{self, Charset, Text, Undecodable};
use crate::content::{Attachment, Source, media_type_of};
use crate::mail::finding::{Finding, Severity};
use std::path::Path;

/// Reads a template, which is written in `charset`, in what it declares, or in what is certain.
///
/// # Errors
/// It cannot be read, or its encoding is not certain, or not the one that is said.
pub fn source(path: &Path, charset: Option<Charset>) -> Result<Source, Failure> {
    let file = path.display().to_string();
    let octets = content::read(path, "the template")?;
    match charset::decode_page(&octets, charset) {
        Ok(text) => Ok(Source { file, text: text.text }),
        Err(why) => {
            let place = format!("{file}:{}:{}", why.line, why.column);
            Err(Failure::usage(format!("{place}: {why}\nhint: {}", way_on(&why))))
        }
    }
}

/// The same, with its tags in braces, however the campaign has them.
///
/// # Errors
/// As [`source`].
pub fn template(campaign: &CampaignConfig, path: &Path) -> Result<Source, Failure> {
    let Source { file, text } = source(path, campaign.encoding)?;
    Ok(Source { file, text: campaign.syntax.in_braces(&text).into_owned() })
}

/// What may be done about octets that are no text for certain.
fn way_on(why: &Undecodable) -> String {
    let words = why.readings.iter().flat_map(|reading| &reading.words);
    let other = words.map(|(charset, _)| *charset).find(|charset| *charset != Charset::WINDOWS_1252);
    let other = other.unwrap_or(Charset::WINDOWS_1252).name().to_lowercase();
    format!("save the template as UTF-8, or say below [content] what it is written in: encoding = \"{other}\"")
}

/// Which files of a campaign are read otherwise than as UTF-8.
#[must_use]
pub fn findings(campaign: &CampaignConfig) -> Vec<Finding> {
    let templates = campaign.html.iter().chain(&campaign.text);
    let templates = templates.filter_map(|path| {
        let text = charset::decode_page(&std::fs::read(path).ok()?, campaign.encoding).ok()?;
        told(&text, path, "template-encoding", "the template")
    });
    otherwise(&campaign.file, "file-encoding", "the campaign's file").into_iter().chain(templates).collect()
}

/// That a file is read otherwise than as UTF-8.
#[must_use]
pub fn otherwise(path: &Path, check: &'static str, what: &str) -> Option<Finding> {
    told(&charset::decode(&std::fs::read(path).ok()?).ok()?, path, check, what)
}

fn told(text: &Text, path: &Path, check: &'static str, what: &str) -> Option<Finding> {
    let says = format!("{what} is {}", text.told()?);
    let finding = Finding::new(Severity::Note, check, path.display().to_string(), says);
    Some(finding.hint("save it as UTF-8, and nobody has to find that out"))
}

/// Reads a file that goes with each message.
///
/// # Errors
/// It cannot be read.
pub fn attachment(from: &campaign::Attachment) -> Result<Attachment, Failure> {
    let file_name = from.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let media_type = from.media_type.clone().unwrap_or_else(|| media_type_of(&file_name).to_owned());
    Ok(Attachment {
        media_type,
        bytes: content::read(&from.file, "the attachment")?,
        inline_id: from.inline_id.clone(),
        alternative: from.alternative,
        file_name,
    })
}
