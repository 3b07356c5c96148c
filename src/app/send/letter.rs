//! The letter of a run: whether its campaign has sent it to anybody.
//!
//! Guarantees: another letter than was sent becomes the campaign's own only by an attempt; while nobody is left to get it, each
//! run says so, whatever else it was asked for, and none of them calls the campaign complete. Leaves to others: what a
//! letter is made of (`content`).

use super::super::cli::SendArgs;
use super::super::config::CampaignConfig;
use super::super::exit::Failure;
use super::super::progress::Summary;
use super::content::Content;
use super::marks_of;
use crate::base::many::Many;
use crate::engine::board::Counters;
use crate::engine::campaign::Campaign;
use crate::mail::Disposition;
use crate::observe::terminal;
use std::path::PathBuf;

/// A letter, and what the campaign has to do with it.
pub struct Letter {
    /// What it is made from.
    content: String,
    /// Its subject, as the campaign's file has it.
    subject: String,
    /// Whether it is the one that the campaign sends.
    is_current: bool,
    /// Whether anybody was sent it.
    is_sent: bool,
    /// The campaign's name.
    campaign: String,
    /// Its directory.
    home: PathBuf,
}

impl Letter {
    /// The letter of this content.
    #[must_use]
    pub fn of(opened: &Campaign, content: &Content, campaign: &CampaignConfig) -> Self {
        let manifest = opened.table.manifest();
        Self {
            content: content.fingerprint.clone(),
            subject: campaign.subject.value.clone(),
            is_current: manifest.content == content.fingerprint,
            is_sent: opened.has_sent(&content.fingerprint),
            campaign: opened.name(),
            home: opened.home.clone(),
        }
    }

    /// From here on the campaign sends this one.
    ///
    /// # Errors
    /// The disk's.
    pub fn take_over(&self, opened: &mut Campaign) -> Result<(), Failure> {
        if !(self.is_current && self.is_sent) {
            let had = match opened.state.count(Disposition::Delivered) {
                0 => String::new(),
                had => format!("{} an earlier one, and ", Many(had, "recipient got", "recipients got")),
            };
            terminal::warn(&format!(
                "warning: the content has changed since this campaign was begun: {had}recipients still to come get the new one\n"
            ));
        }
        match self.is_current {
            true => Ok(()),
            false => {
                opened.set_content(&self.content, &self.subject).map_err(|error| Failure::failed(error.to_string()))
            }
        }
    }

    /// A refusal of a list that is another one as well.
    #[must_use]
    pub fn told_with(&self, refusal: Failure) -> Failure {
        if self.is_sent {
            return refusal;
        }
        let message = format!(
            "{}\nhint: its content has changed too: who got the earlier one gets this one under another name only",
            refusal.message
        );
        Failure { message, ..refusal }
    }

    /// Nobody of the campaign is left: `held` are held.
    ///
    /// # Errors
    /// Nobody was sent this letter.
    pub fn check(&self, args: &SendArgs, held: u64) -> Result<(), Failure> {
        if self.is_sent {
            return Ok(());
        }
        let mut text = format!(
            "the campaign {} is complete, and its content is not the one that was sent: this letter went to nobody\n\
             hint: to send it, give it a name of its own: name in {}",
            self.campaign,
            args.campaign.display()
        );
        if marks_of(&self.home).is_none() {
            text += &format!("\nhint: or, to rehearse it, remove {}", self.home.display());
        }
        if held > 0 {
            let held = Many(held, "recipient who is held", "recipients who are held");
            text += &format!("\nhint: or, to send it to the {held}: {} --retry-held", args.resume_command());
        }
        text += "\nhint: or put the content back that was sent: the campaign is complete with that";
        Err(Failure::usage(text))
    }
}

/// Whether anybody was sent something between these counts and the end of the run.
#[must_use]
pub fn was_sent_on(before: &Counters, end: &Summary) -> bool {
    let had = [before.delivered, before.uncertain, before.possible_duplicates];
    had != [end.delivered, end.uncertain, end.possible_duplicates] || end.transactions + end.deferrals > 0
}
