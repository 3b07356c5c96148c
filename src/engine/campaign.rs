//! A campaign on disk: opened, replayed, and laid out for the shards that go on with it.
//!
//! Guarantees: opening changes nothing but what a crash left behind (tails that were never committed), and damage in
//! the journal is handed to the caller, never skipped in silence (G5); the standings add up to the table (G2).
//! Leaves to others: running it (`engine::run`), and reports.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::clock::UnixTime;
use crate::engine::board::Counters;
use crate::engine::message::{Past, Retry, Run};
use crate::engine::table::{Manifest, Recovered, Table, TableWriter};
use crate::journal::disk::{Disk, Fault, Segments};
use crate::journal::replay::{Range, Replayed, replay};
use crate::journal::snapshot::{self, Mark};
use crate::journal::state::{Standing, State};
use crate::mail::Disposition;
use crate::shape::retry::Schedule;
use crate::wire::disk;

/// Segments behind the newest snapshot that are replayed without writing a new one.
const SNAPSHOT_AFTER_OCTETS: u64 = 64 << 20;

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
        "{place}: {strays} journal records are of recipients that the table does not have, {bad} are no records\nhint: \
         the directory is not whole; restore it from a copy, or send under another name"
    )]
    Astray {
        /// The campaign's directory.
        place: String,
        /// Records without a row.
        strays: u64,
        /// Entries that are no records.
        bad: u64,
    },
}

/// An opened campaign.
pub struct Campaign {
    /// Its directory.
    pub home: PathBuf,
    /// Its table, for more rows.
    pub table: TableWriter,
    /// What a crash had left behind the table's last committed chunk.
    pub recovered: Recovered,
    /// Where each recipient stands.
    pub state: State,
    /// What the journal's replay found.
    pub replayed: Replayed,
}

/// The journal's directory in the campaign's.
#[must_use]
pub fn journal_of(home: &Path) -> PathBuf {
    home.join("j")
}

/// The snapshot's file in the campaign's directory.
#[must_use]
pub fn snapshot_of(home: &Path) -> PathBuf {
    home.join("state.snap")
}

impl Campaign {
    /// Makes a new campaign in `home`.
    ///
    /// # Errors
    /// There is one already, or the disk refuses.
    pub fn create(home: &Path, manifest: Manifest) -> Result<Self, OpenError> {
        let table = TableWriter::create(home, manifest)?;
        Ok(Self {
            home: home.to_owned(),
            table,
            recovered: Recovered::default(),
            state: State::new(),
            replayed: Replayed::default(),
        })
    }

    /// Opens the campaign in `home`, and replays its journal from `disk`.
    ///
    /// # Errors
    /// There is none, or it is damaged beyond what can be reported.
    pub fn open(home: &Path, disk: &mut dyn Disk) -> Result<Self, OpenError> {
        let (table, recovered) = TableWriter::open(home)?;
        let (state, replayed) = standings(&table.reader()?, home, disk)?;
        let odd = state.oddities;
        if odd.strays > 0 || odd.bad > 0 {
            let place = home.display().to_string();
            return Err(OpenError::Astray { place, strays: odd.strays, bad: odd.bad });
        }
        for unused in &replayed.unused {
            disk.remove(*unused)?;
        }
        if replayed.octets > SNAPSHOT_AFTER_OCTETS {
            let next = replayed.next(0);
            let mark = Mark { lsn: next.lsn - 1, segment: next.segment, journal: next.journal };
            disk::replace(&snapshot_of(home), |out| snapshot::encode(&state, mark, out))?;
        }
        Ok(Self { home: home.to_owned(), table, recovered, state, replayed })
    }

    /// Whether every recipient of a whole list has its final outcome.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let open = [Disposition::Waiting, Disposition::Deferred, Disposition::InFlight];
        self.table.manifest().loaded.is_some() && open.iter().all(|d| self.state.count(*d) == 0)
    }

    /// The counts that a shard which takes all of it begins with: everything but what is still to be sent.
    #[must_use]
    pub fn settled(&self) -> Counters {
        let count = |d| self.state.count(d);
        Counters {
            loaded: self.state.len() as u64,
            delivered: count(Disposition::Delivered),
            bounced: count(Disposition::Bounced),
            expired: count(Disposition::Expired),
            suppressed: count(Disposition::Suppressed),
            cancelled: count(Disposition::Cancelled),
            uncertain: count(Disposition::Uncertain),
            possible_duplicates: self.state.possible_duplicates().count() as u64,
            ..Counters::default()
        }
    }

    /// What is still to be done, for the shards.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn rest(&self, retry: &Schedule, now: UnixTime) -> io::Result<Rest> {
        let mut rest = Rest::default();
        let table = self.table.reader()?;
        for header in table.chunks() {
            let chunk = header?.chunk;
            rest.domains.extend(chunk.new_domains.iter().cloned());
            for run in &chunk.runs {
                rest.add(run, &self.state, retry, now);
            }
        }
        rest.words = words_of(&rest, &self.state).into();
        Ok(rest)
    }
}

/// Reads where each recipient stands: the table's rows, the snapshot if there is a good one, and the journal behind it.
///
/// # Errors
/// The table or the journal's directory cannot be read.
pub fn standings(table: &Table, home: &Path, disk: &mut dyn Segments) -> Result<(State, Replayed), OpenError> {
    let (mut state, mut range) = (State::new(), Range::ALL);
    // A snapshot that cannot be read is only a shortcut lost: the journal has everything.
    if let Ok(file) = std::fs::File::open(snapshot_of(home))
        && let Ok((covered, mark)) = snapshot::decode(&mut io::BufReader::new(file))
    {
        state = covered;
        range = Range::beyond(&mark);
    }
    for header in table.chunks() {
        let chunk = header?.chunk;
        let known = state.len() as u64;
        if u64::from(chunk.first) >= known {
            state.load(chunk.rows, chunk.suppressed);
        }
    }
    let replayed = replay(disk, range, &mut |_, entries| state.fold(entries))?;
    Ok((state, replayed))
}

/// What is still to be done of a campaign.
#[derive(Debug, Default)]
pub struct Rest {
    /// Every domain, by its number.
    pub domains: Vec<Arc<str>>,
    /// Rows that were never tried.
    pub runs: Vec<Run>,
    /// Rows that were tried and are due again.
    pub retries: Vec<Retry>,
    /// Rows whose attempt was under way when the process ended.
    pub reopened: Vec<Retry>,
    /// The definitions of the contexts of all of them, as the journal writes them.
    pub words: Arc<[u8]>,
}

impl Rest {
    fn add(&mut self, run: &Run, state: &State, retry: &Schedule, now: UnixTime) {
        let standings = state.standings().get(run.first as usize..(run.first + run.count) as usize).unwrap_or_default();
        for (row, standing) in (run.first..).zip(standings) {
            match standing.disposition {
                Disposition::Waiting if standing.attempts == 0 => self.add_fresh(run.domain, row),
                Disposition::Waiting | Disposition::Deferred => {
                    let one = again(run.domain, row, standing);
                    let rests = retry.resumes(standing.attempts.into(), standing.first, standing.tried, now);
                    // Rounded up: nobody is early.
                    self.retries.push(Retry { rests_s: rests.as_secs_f64().ceil() as u32, ..one });
                }
                Disposition::InFlight => self.reopened.push(again(run.domain, row, standing)),
                _ => {}
            }
        }
    }

    fn add_fresh(&mut self, domain: u32, row: u32) {
        match self.runs.last_mut() {
            Some(run) if run.domain == domain && run.first + run.count == row => run.count += 1,
            _ => self.runs.push(Run { domain, first: row, count: 1 }),
        }
    }
}

fn again(domain: u32, row: u32, standing: &Standing) -> Retry {
    let Standing { first, tried, context, attempts, .. } = *standing;
    Retry { domain, row, attempts, rests_s: 0, past: Past { first, tried, context } }
}

/// The definitions that the rest refers to.
fn words_of(rest: &Rest, state: &State) -> Vec<u8> {
    let contexts: BTreeSet<u32> = rest.retries.iter().chain(&rest.reopened).map(|one| one.past.context).collect();
    contexts.iter().filter_map(|&id| state.words().encoded(id)).flatten().copied().collect()
}
