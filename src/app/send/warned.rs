//! What a send says before it begins of what is wrong with its campaign though it can be sent: all of it the first time, and what
//! still holds, in a line each, when it goes on.
//!
//! Guarantees: rows that an earlier run has rejected are told by each later one, with the file that lists them. Leaves to others:
//! looking (`check`), and rows that this run rejects (`watch`).

use super::super::check::{self, Told, file_of, of_sent, rejects_told_again};
use super::super::cli::SendArgs;
use super::super::config::CampaignConfig;
use super::super::destination::Destination;
use super::super::figures::folded;
use super::content::Content;
use super::{cells, list, standing};
use crate::content::Composer;
use crate::engine::campaign::Campaign;
use crate::engine::load::Load;
use crate::engine::loader::{List, look_at};
use crate::mail::finding::Finding;
use crate::observe::terminal;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

/// How workbooks begin, and the largest that is read before a campaign goes on.
const ZIP: [u8; 2] = *b"PK";
const WORKBOOK_OCTETS_MAX: u64 = 2 << 20;

/// What a run knows of its campaign before it sends.
pub struct Known<'a> {
    /// The command.
    pub args: &'a SendArgs,
    /// The campaign's file.
    pub campaign: &'a CampaignConfig,
    /// Its content.
    pub content: &'a Content,
    /// The files of the suppression.
    pub suppression: &'a [PathBuf],
    /// Where it goes.
    pub destination: &'a Destination,
    /// What there is of it.
    pub opened: &'a Campaign,
    /// Whether a list that was loaded is read once more, or another one in its place.
    pub reads_anew: bool,
}

impl Known<'_> {
    /// Tells it, of a list that is loaded with this if anything is still to be sent; what was warned of.
    pub fn tell(&self, list: &List, load: Option<&Load>) -> Vec<Told> {
        let Self { args, campaign, content, suppression, destination, opened, reads_anew } = *self;
        let manifest = opened.table.manifest();
        let goes_on = opened.table.chunks() > 0;
        let mut of_letter = of_sent(&content.findings, !destination.is_sink());
        // What goes on is not kept waiting for it.
        let looks = !goes_on || is_soon_read(list);
        let acts = standing::Acts {
            used: &manifest.columns,
            deciding: &content.deciding,
            composer: &content.composer,
            suppression,
        };
        let mut of_list = if goes_on && looks { again(campaign, list, acts, &content.composer) } else { Vec::new() };
        of_list.extend(load.filter(|_| looks).map_or(Vec::new(), |load| {
            list::first_rows(campaign, content, &manifest.columns, load, goes_on && !reads_anew)
        }));
        // What is wrong with another letter than before is new.
        let is_known = goes_on && manifest.content == content.fingerprint;
        match (is_known, goes_on) {
            (true, _) => {
                of_letter.append(&mut of_list);
                check::tell_again(&of_letter, &args.campaign);
            }
            (false, true) => {
                check::tell(&of_letter, &args.campaign);
                check::tell_again(&of_list, &args.campaign);
                of_letter.append(&mut of_list);
            }
            (false, false) => {
                of_letter.append(&mut of_list);
                check::tell(&of_letter, &args.campaign);
            }
        }
        if let Some(rejected) = self.rejected() {
            let told = rejects_told_again(&file_of(campaign), &opened.home, rejected);
            terminal::warn(&folded(&told, terminal::columns()));
        }
        check::told(&of_letter)
    }

    /// Rows that were rejected before this run, of a list that it does not read again.
    #[must_use]
    pub fn rejected(&self) -> Option<u64> {
        let totals = self.opened.table.manifest().loaded?;
        (totals.rejected > 0 && !self.reads_anew).then_some(totals.rejected)
    }
}

/// Whether the front of a list is read without all of it: a workbook is unfolded whole, each time.
fn is_soon_read(list: &List) -> bool {
    let mut front = [0; ZIP.len()];
    let Ok(mut file) = File::open(&list.path) else { return false };
    let is_small = file.metadata().is_ok_and(|file| file.is_file() && file.len() <= WORKBOOK_OCTETS_MAX);
    is_small || (file.read_exact(&mut front).is_ok() && front != ZIP)
}

/// What a look at the list of a campaign that goes on finds, if it is still there.
fn again(campaign: &CampaignConfig, list: &List, acts: standing::Acts<'_>, composer: &Composer) -> Vec<Finding> {
    let Ok(looked) = look_at(list) else { return Vec::new() };
    let mut found = list::findings(campaign, &looked, None);
    found.extend(cells::findings(campaign, &cells::front(campaign, list, acts.used), acts.used, composer));
    found.extend(standing::findings(campaign, list, &looked, acts, standing::ROWS_AGAIN));
    found
}
