//! The columns that templates may name: the list's own, and the names that the campaign gives them.
//!
//! Leaves to others: what the list is called and what it holds (`list`), and what is stored (`content`).

use super::super::config::CampaignConfig;
use crate::content::Composer;
use crate::content::lint::RowAddress;

/// The columns that templates may name: the list's own, and their other names.
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    /// For each name, the list's column.
    pub(super) sources: Vec<String>,
}

impl Columns {
    pub(super) fn of(list: &[String], campaign: &CampaignConfig) -> Self {
        let mut columns = Self { names: list.to_vec(), sources: list.to_vec() };
        for (name, source) in campaign.recipients.columns.iter().map(|(name, source)| (name, &source.value)) {
            // The mailbox is called so already.
            let is_email = name == "email" && *source == campaign.recipients.email.value;
            if list.contains(source) && !columns.names.contains(name) && !is_email {
                columns.names.push(name.clone());
                columns.sources.push(source.clone());
            } else if list.contains(name) && !list.contains(source) && !columns.names.contains(source) {
                // A campaign that goes on with a list whose columns are called otherwise by now.
                columns.names.push(source.clone());
                columns.sources.push(name.clone());
            }
        }
        columns
    }

    /// The list's columns of these, each once.
    pub(super) fn pick(&self, indices: &[usize]) -> Vec<String> {
        let mut picked: Vec<String> = Vec::new();
        for source in indices.iter().filter_map(|&i| self.sources.get(i)) {
            if !picked.contains(source) {
                picked.push(source.clone());
            }
        }
        picked
    }

    /// Those of these that are stored: where, and how templates name them.
    pub(super) fn among(&self, stored: &[String], indices: &[usize]) -> Vec<(usize, String)> {
        let place = |&index: &usize| {
            let source = self.sources.get(index)?;
            Some((stored.iter().position(|column| column == source)?, self.names.get(index)?.clone()))
        };
        indices.iter().filter_map(place).collect()
    }

    /// Addresses for rows that hold these columns of the list.
    pub(super) fn kept(&self, stored: &[String], addresses: Vec<RowAddress>) -> Vec<RowAddress> {
        let place = |index: usize| {
            let source = self.sources.get(index)?;
            stored.iter().position(|column| column == source)
        };
        addresses.into_iter().filter_map(|address| address.kept(place)).collect()
    }

    /// The composer for rows that hold these columns of the list.
    pub(super) fn read_from(&self, composer: Composer, stored: &[String]) -> Composer {
        // What is not stored is not read.
        let place = |source| stored.iter().position(|column| column == source).unwrap_or(usize::MAX);
        composer.reading(stored.len(), self.sources.iter().map(place).collect())
    }
}
