//! The files of a letter: templates as text, whatever they are written in where that is certain, and what goes along.
//!
//! Guarantees: what is not certain is an error with its place, and so is what no text has (NUL, ESC); what was made out is told.
//! Leaves to others: what the text means (`content`).

use super::super::config::CampaignConfig;
use super::super::config::campaign;
use super::super::exit::Failure;
use super::content;
use crate::base::charset;
use crate::content::{Attachment, Source, media_type_of};
use crate::mail::finding::{Finding, Severity};
use std::path::Path;

/// Reads a template.
///
/// # Errors
/// It cannot be read, or its encoding is not certain.
pub fn source(path: &Path) -> Result<Source, Failure> {
    let file = path.display().to_string();
    let octets = content::read(path, "the template")?;
    match charset::decode(&octets) {
        Ok(text) => Ok(Source { file, text: text.text }),
        Err(why) => {
            let place = format!("{file}:{}:{}", why.line, why.column);
            Err(Failure::usage(format!("{place}: {why}\nhint: save the template as UTF-8")))
        }
    }
}

/// The same, with its tags in braces, however the campaign has them.
///
/// # Errors
/// As [`source`].
pub fn template(campaign: &CampaignConfig, path: &Path) -> Result<Source, Failure> {
    let Source { file, text } = source(path)?;
    Ok(Source { file, text: campaign.syntax.in_braces(&text).into_owned() })
}

/// Which files of a campaign are read otherwise than as UTF-8.
#[must_use]
pub fn findings(campaign: &CampaignConfig) -> Vec<Finding> {
    let templates = campaign.html.iter().chain(&campaign.text);
    let templates = templates.filter_map(|path| otherwise(path, "template-encoding", "the template"));
    otherwise(&campaign.file, "file-encoding", "the campaign's file").into_iter().chain(templates).collect()
}

/// That a file is read otherwise than as UTF-8.
#[must_use]
pub fn otherwise(path: &Path, check: &'static str, what: &str) -> Option<Finding> {
    let told = charset::decode(&std::fs::read(path).ok()?).ok()?.told()?;
    let says = format!("{what} is {told}");
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
