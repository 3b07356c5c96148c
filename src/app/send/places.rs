//! Where what is said of a letter's keys stands in the campaign's file.
//!
//! Guarantees: a place is one in the file as people see it, whatever it is written in. Leaves to others: what is wrong there.

use super::super::config::{CampaignConfig, Placed, literal};
use crate::base::charset;
use crate::content::{ContentError, Place};

/// An error of the content, with its place in the campaign's file where it is about one of its keys.
pub(super) fn placed(campaign: &CampaignConfig, error: &ContentError) -> String {
    let Place::Key(key) = &error.place else { return error.to_string() };
    let file = campaign.file.display();
    let Some(value) = place_of(campaign, key) else { return format!("{file}: {error}") };
    let within = error.position.and_then(|(_, column)| {
        // Only here, where something is wrong with it, is it worth another look.
        let text = charset::decode(&std::fs::read(&campaign.file).ok()?).ok()?.text;
        literal::place_in(&text, value, column.checked_sub(1)?)
    });
    let (line, column) = within.unwrap_or(value);
    // The place is said once.
    let error = ContentError { position: error.position.filter(|_| within.is_none()), ..error.clone() };
    format!("{file}:{line}:{column}: {error}")
}

/// Where the value of a key of the campaign stands: line and column.
#[must_use]
pub fn place_of(campaign: &CampaignConfig, key: &str) -> Option<(usize, usize)> {
    let at = |value: &Placed<String>| (value.line, value.column);
    let unsubscribe = campaign.unsubscribe.as_ref();
    match key {
        "from" => Some(at(&campaign.from)),
        "to" => Some(at(&campaign.to)),
        "subject" => Some(at(&campaign.subject)),
        "locale" => campaign.locale.as_ref().map(at),
        "reply_to" => campaign.reply_to.as_ref().map(at),
        "return_path" => campaign.return_path.as_ref().map(at),
        "list_id" => campaign.list_id.as_ref().map(at),
        "feedback_id" => campaign.feedback_id.as_ref().map(at),
        "preheader" => campaign.page.preheader.as_ref().map(at),
        "base_url" => campaign.page.base_url.as_ref().map(at),
        "unsubscribe.url" => unsubscribe?.url.as_ref().map(at),
        "unsubscribe.mailto" => unsubscribe?.mailto.as_ref().map(at),
        key if key.starts_with("links.utm.") => {
            campaign.page.utm.iter().find(|(name, _)| key.ends_with(name)).map(|(_, value)| at(value))
        }
        key if key.starts_with("attachments[") => {
            let number: usize = key.strip_prefix("attachments[")?.strip_suffix(']')?.parse().ok()?;
            campaign.attachments.get(number.checked_sub(1)?).map(|attachment| attachment.place)
        }
        key => {
            let name = key.strip_prefix("headers.")?;
            campaign.headers.iter().find(|(known, _)| known == name).map(|(_, value)| at(value))
        }
    }
}
