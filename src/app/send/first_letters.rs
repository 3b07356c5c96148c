//! The letters of the first recipients, whole, as they would arrive.
//!
//! Guarantees: nothing is sent. Leaves to others: rows that have no letter (the load tells them), and what a letter says
//! before its rows are known (`content`).

use super::super::check::of_remark;
use super::super::config::CampaignConfig;
use super::content::Content;
use super::way_out;
use crate::content::lint::RowAddress;
use crate::content::{Composed, Composer, RowRef, Scratch, lint};
use crate::engine::loader::{List, first_of};
use crate::mail::finding::{Finding, Severity};
use crate::wire::clock::unix_now;

/// Recipients whose letters are looked at whole.
const SAMPLES: usize = 20;

/// What is wrong with whole messages: those of the first recipients. One that cannot be made is told with its row, by the load;
/// so is one of these addresses by what a row has.
pub fn look(
    campaign: &CampaignConfig,
    list: &List,
    composer: &Composer,
    stored: &[String],
    addresses: &[RowAddress],
) -> Vec<Finding> {
    let (mut findings, mut urls): (Vec<Finding>, _) = (Vec::new(), Vec::new());
    compose_first(campaign, list, (composer, stored), (SAMPLES, None), |row, composed| {
        let faults = || addresses.iter().filter_map(|address| address.fault(row.mailbox, row.fields));
        urls.push(way_out::url_of(&composed.content));
        if composed.is_blank && !findings.iter().any(|known| known.check == "empty-letter") {
            let says = "a letter comes out empty: its reader would see nothing";
            let found = Finding::new(Severity::Warning, "empty-letter", "", says);
            findings.push(found.hint("give it words of its own for these rows, behind {% else %}"));
        }
        for remark in lint::look_at_composed(&composed.content) {
            let is_of_row = remark.check == "link-scheme" && faults().any(|fault| fault.check == remark.check);
            if !is_of_row && !findings.iter().any(|known| known.check == remark.check) {
                findings.push(of_remark(campaign, remark));
            }
        }
    });
    findings.extend(way_out::same_url(campaign, &urls));
    findings
}

/// The letters of the first `count` recipients; as if for `mailbox`, where that is given.
#[must_use]
pub fn letters(
    campaign: &CampaignConfig,
    list: &List,
    (content, stored): (&Content, &[String]),
    count: usize,
    mailbox: Option<&str>,
) -> Vec<Composed> {
    let mut letters = Vec::new();
    let each = |_: &RowRef<'_>, composed: &Composed| letters.push(composed.clone());
    compose_first(campaign, list, (&content.composer, stored), (count, mailbox), each);
    letters
}

fn compose_first(
    campaign: &CampaignConfig,
    list: &List,
    (composer, stored): (&Composer, &[String]),
    (count, mailbox): (usize, Option<&str>),
    mut each: impl FnMut(&RowRef<'_>, &Composed),
) {
    let sampled = first_of(list, &campaign.recipients.email.value, stored, count).unwrap_or_default();
    let (mut scratch, mut composed) = (Scratch::default(), Composed::default());
    for (number, row) in (0..).zip(&sampled) {
        let fields: Vec<&[u8]> = row.fields.iter().map(Vec::as_slice).collect();
        let row = RowRef { number, mailbox: mailbox.unwrap_or(&row.mailbox), fields: &fields };
        if composer.compose(&mut scratch, &row, unix_now(), &mut composed).is_ok() {
            each(&row, &composed);
        }
    }
}
