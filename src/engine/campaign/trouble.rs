//! Why a campaign cannot be opened, in the words that its user reads.
//!
//! Guarantees: each says what, where, and what to do; nothing was changed when one is told. Leaves to others: finding it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::base::many::{Many, figure};
use crate::journal::disk::Fault;
use crate::journal::replay::Damage;

/// Damaged places that are described; more are counted.
pub const DAMAGES_TOLD: usize = 20;

/// Why a campaign cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its table.
    #[error("the campaign's table: {0}")]
    Table(#[from] io::Error),
    /// Its journal.
    #[error("the campaign's journal: {0}")]
    Journal(#[from] Fault),
    /// The journal tells of recipients that the table does not have.
    #[error(
        "{place}: {} journal records are of recipients that the table (domains.dir) does not have, {} are no \
         records\nhint: the directory is not whole and nothing was sent; restore it from a copy, or send under another name",
        figure(*.strays), figure(*.bad)
    )]
    Astray {
        /// The campaign's directory.
        place: String,
        /// Records without a row.
        strays: u64,
        /// Entries that are no records.
        bad: u64,
    },
    /// The snapshot tells of recipients that the table does not have.
    #[error(
        "{place}: the snapshot (state.snap) tells of {} recipients, and the table (domains.dir) has {}\nhint: the \
         directory is not whole and nothing was sent; restore it from a copy", figure(*.snapshot as u64), figure(u64::from(*.table))
    )]
    Shrunk {
        /// The campaign's directory.
        place: String,
        /// Rows of the snapshot.
        snapshot: usize,
        /// Rows of the table.
        table: u32,
    },
    /// The manifest is missing, and other files of a campaign are there.
    #[error(
        "{} is missing, and {} is there: what was sent of this campaign is not known without it\nhint: restore it from a copy; to \
         send anew to everybody, give the campaign another name", .manifest.display(), .left.display()
    )]
    NoManifest {
        /// Where it ought to be.
        manifest: PathBuf,
        /// What is there.
        left: PathBuf,
    },
    /// A file is of another campaign.
    #[error(
        "{} and the campaign's manifest are of different campaigns: one of both was put there by mistake; nothing was sent\n\
         hint: {hint}", .place.display()
    )]
    Foreign {
        /// The file.
        place: PathBuf,
        /// The ways on.
        hint: &'static str,
    },
    /// The mark that is kept outside of the campaign's directory is there, and cannot be read.
    #[error(
        "{place} in the data directory is damaged ({why}): whether {} is an older copy than was sent from cannot be told; \
         nothing was sent\nhint: restore it from a copy; or, if the campaign's directory is surely the newest, remove it and \
         marks/names/{}.name", .home.display(), .home.file_name().unwrap_or_default().display()
    )]
    KeptMark {
        /// The campaign's directory.
        home: PathBuf,
        /// The mark, in the data directory.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file has more octets than it should.
    #[error(
        "{} is damaged at octet {end}: {octets} octets lie behind its end, and were not written there; nothing was sent\n\
         hint: cut them off: truncate -s {end} {}", .place.display(), .place.display()
    )]
    Surplus {
        /// The file.
        place: PathBuf,
        /// Where it should end.
        end: u64,
        /// So many octets lie behind that.
        octets: u64,
    },
    /// The journal is damaged.
    #[error("{0}")]
    Damaged(Box<Damaged>),
}

/// A damaged journal, and what that means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// The journal's directory.
    pub journal: PathBuf,
    /// The places.
    pub damage: Vec<Damage>,
    /// Whether all of the campaign's directory is older than the mark that is kept outside of it.
    pub is_older: bool,
    /// What the system said when something could not be read.
    pub fault: Option<Fault>,
    /// Recipients of the table.
    pub recipients: usize,
    /// Those of them without a final outcome.
    pub open: usize,
    /// Those of them who have one, and may have got a second copy: what told of it may be lost.
    pub doubted: usize,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the journal {} is damaged; nothing was sent", self.journal.display())?;
        if let Some(Fault { what, place, why, .. }) = &self.fault {
            writeln!(f, "cannot {what} {place}: {why}")?;
        }
        if self.is_older {
            writeln!(f, "The campaign's directory is a copy of an earlier time: it had come further.")?;
        }
        for damage in self.damage.iter().take(DAMAGES_TOLD) {
            writeln!(f, "{damage}")?;
        }
        let more = self.damage.len().saturating_sub(DAMAGES_TOLD);
        if more > 0 {
            writeln!(f, "{}", Many(more as u64, "more damaged place", "more damaged places"))?;
        }
        let [recipients, open, doubted] = [self.recipients, self.open, self.doubted].map(|n| figure(n as u64));
        writeln!(
            f,
            "Outcomes are lost: of {recipients} recipients, {open} have no final one, and may have got their mail."
        )?;
        if self.doubted > 0 {
            writeln!(
                f,
                "Of those who have one {doubted} may have got a second copy: the commits that are lost may have named them, and \
                 they are listed as possible duplicates."
            )?;
        }
        write!(
            f,
            "hint: restore the campaign's directory from a copy. Or go on with --accept-damage: these {open} become possible \
             duplicates, whom reports list; they are mailed (again), or with on_uncertain = \"hold\" held; whoever was withdrawn \
             in what is lost is among them"
        )
    }
}
