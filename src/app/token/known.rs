//! The campaigns of a data directory, and which row of them a token or a Message-ID names.
//!
//! Guarantees: no row is named by anything that its campaign's key has not made. Message-IDs are looked for by making them anew: a
//! microsecond a row. Leaves to others: texts (`find`).

use crate::app::exit::Failure;
use crate::app::send::REHEARSALS;
use crate::app::send::galley::NO_CAMPAIGN;
use crate::content::{IdentityKey, MESSAGE_ID_LEN, Token};
use crate::engine::campaign::name_of;
use crate::engine::table::Table;
use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Why a token names nobody.
pub const FORGED: &str = "names a campaign that is here, with a wrong signature: it was changed, or made up";
/// See [`FORGED`].
pub const NO_ROW: &str = "is of a row that its campaign does not have here: is this an older copy?";
/// See [`FORGED`].
pub const SAMPLE: &str = "is of a preview, a check or a test: it names nobody";
/// See [`FORGED`].
pub const UNKNOWN: &str = "is no token of a campaign that is here";

/// A campaign, or a rehearsal.
#[derive(Debug)]
pub struct Campaign {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub home: PathBuf,
    /// Its number.
    pub number: u32,
    /// What its tokens and Message-IDs are made with.
    pub key: IdentityKey,
    /// How many rows it has.
    pub rows: u32,
}

impl Campaign {
    /// The campaign in a directory.
    ///
    /// # Errors
    /// Its table cannot be read.
    pub fn read(home: &Path) -> io::Result<Self> {
        let table = Table::open(home)?;
        let (number, key) = (table.manifest().number, IdentityKey::new(&table.manifest().identity_key));
        // Of a list that was read to its end the manifest knows, too, whatever became of the chunks.
        let loaded = table.manifest().loaded.map_or(0, |totals| u32::try_from(totals.rows).unwrap_or(0));
        Ok(Self { name: name_of(home), home: home.to_owned(), number, key, rows: table.rows()?.max(loaded) })
    }

    /// Whether nobody got mail of it.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.home.parent().is_some_and(|folder| folder.ends_with(REHEARSALS))
    }

    /// The token of a row.
    #[must_use]
    pub fn token(&self, row: u32) -> Token {
        Token::make(&self.key, self.number, row)
    }
}

/// Whose a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A row of the campaign at this place.
    Row(usize, u32),
    /// Nobody's: why.
    Nobody(&'static str),
}

/// Whose a token is.
#[must_use]
pub fn whose(campaigns: &[Campaign], token: &str) -> Whose {
    let mut why = UNKNOWN;
    match Token::claimed_campaign(token) {
        None => return Whose::Nobody(UNKNOWN),
        Some(NO_CAMPAIGN) => why = SAMPLE,
        Some(claimed) => {
            for (place, campaign) in campaigns.iter().enumerate().filter(|(_, campaign)| campaign.number == claimed) {
                match Token::verify(&campaign.key, token) {
                    Some((_, row)) if row < campaign.rows => return Whose::Row(place, row),
                    Some(_) => why = NO_ROW,
                    None => why = FORGED,
                }
            }
        }
    }
    Whose::Nobody(why)
}

/// The rows whose letters have one of these Message-IDs. `block`: how many rows share one at the most, where they can.
///
/// # Errors
/// A table cannot be read.
pub fn by_message_id(
    campaigns: &[Campaign],
    ids: &BTreeSet<[u8; MESSAGE_ID_LEN]>,
    block: u32,
) -> Result<BTreeSet<(usize, u32)>, Failure> {
    let mut found = BTreeSet::new();
    if ids.is_empty() {
        return Ok(found);
    }
    for (place, campaign) in campaigns.iter().enumerate() {
        let rows = (0..campaign.rows).filter(|&row| ids.contains(&campaign.key.message_id(campaign.number, row)));
        found.extend(rows.map(|row| (place, row)));
    }
    if found.is_empty() {
        for (place, campaign) in campaigns.iter().enumerate() {
            found.extend(sharing(campaign, ids, block.max(1))?.into_iter().map(|row| (place, row)));
        }
    }
    Ok(found)
}

/// The rows that share a letter with one of these Message-IDs.
fn sharing(campaign: &Campaign, ids: &BTreeSet<[u8; MESSAGE_ID_LEN]>, block: u32) -> Result<Vec<u32>, Failure> {
    let table = Table::open(&campaign.home).map_err(|e| Failure::failed(e.to_string()))?;
    let (mut found, mut last, mut is_one) = (Vec::new(), None, false);
    table.walk_past(campaign.rows, |number, row| {
        let Ok(row) = row else { return ControlFlow::Continue(()) };
        let fields: Vec<Vec<u8>> = row.fields.map(<[u8]>::to_vec).collect();
        let lead = Some((number / block, fields));
        if last != lead {
            let id = campaign.key.shared_message_id(campaign.number, number / block, row.fields);
            (last, is_one) = (lead, ids.contains(&id));
        }
        if is_one {
            found.push(number);
        }
        ControlFlow::Continue(())
    });
    Ok(found)
}
