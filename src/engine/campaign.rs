//! A campaign on disk: opened, replayed, and laid out for the shards that go on with it.
//!
//! Guarantees: a directory whose files do not belong together, or whose journal is damaged, is not opened, and nothing in it is
//! changed (G5); damage is gone past only when that is asked for, and then everybody whom it may concern has a name. Else
//! opening changes nothing but what a crash left behind (tails that were never committed); the standings add up to the table (G2).
//! Leaves to others: running it (`engine::run`), and reports.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::base::clock::UnixTime;
use crate::engine::board::Counters;
use crate::engine::message::{Past, Retry, Run, Withdrawn};
use crate::engine::settings::OnUncertain;
use crate::engine::table::{Manifest, Recovered, Table, TableWriter};
use crate::journal::disk::{Disk, Fault, Segments};
use crate::journal::mark::Mark;
use crate::journal::replay::{Damage, Range, Replayed, Told, replay_with_losses};
use crate::journal::snapshot::{self, Covered};
use crate::journal::state::{Holds, Standing, State};
use crate::journal::writer::Start;
use crate::mail::Disposition;
use crate::shape::retry::Schedule;
use crate::wire::disk;

mod accept;
mod covered;
mod reach;
#[cfg(test)]
mod tests;
mod trouble;
mod whole;

pub use trouble::{DAMAGES_TOLD, Damaged, OpenError};
pub use whole::{Known, end_of, is_there, snapshot_in};

/// How long a recipient whose attempts were taken back lets others go first.
const BEHIND: Duration = Duration::from_secs(1);

/// What becomes of recipients who were held because a copy may have reached them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// They are mailed (again).
    Retry,
    /// They are withdrawn.
    Cancel,
}

/// How a campaign is opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// Damage in the journal is gone past; then this is done with recipients whose outcome may be lost.
    pub accept_damage: Option<OnUncertain>,
    /// With more octets of entries behind the newest snapshot, a new one is written.
    pub snapshot_after_octets: u64,
    /// The present time.
    pub now: UnixTime,
}

impl Opening {
    /// As it is usual: damage is not accepted.
    #[must_use]
    pub fn at(now: UnixTime) -> Self {
        Self { accept_damage: None, snapshot_after_octets: 64 << 20, now }
    }
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
    /// What is missing of the journal below the snapshot, which has what follows from it.
    pub missing_below: Vec<Damage>,
    /// Rows that are withdrawn, in order: who of them still waits is cancelled when it goes on. Who is held, or was cut off,
    /// is by [`Campaign::release`].
    pub withdrawn: Vec<u32>,
    /// The rows, in order, that a run may send to; `None`: all of them. Who else waits goes on waiting.
    pub reach: Option<Vec<u32>>,
}

/// What the campaign in `home` is called, whatever it was called when it was begun.
#[must_use]
pub fn name_of(home: &Path) -> String {
    home.file_name().unwrap_or_default().to_string_lossy().into_owned()
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
    /// Makes a new campaign in `home`, whose journal is on `disk`.
    ///
    /// # Errors
    /// There is one already, or something of one, or the disk refuses.
    pub fn create(home: &Path, manifest: Manifest, disk: &mut dyn Disk) -> Result<Self, OpenError> {
        if !is_there(home, disk)? {
            // Before the manifest: a campaign without a mark is one that has lost it.
            disk.set_mark(&Mark::fresh(manifest.identity()), true)?;
        }
        let table = TableWriter::create(home, manifest)?;
        Ok(Self {
            home: home.to_owned(),
            table,
            recovered: Recovered::default(),
            state: State::new(),
            replayed: Replayed::default(),
            missing_below: Vec::new(),
            withdrawn: Vec::new(),
            reach: None,
        })
    }

    /// Opens the campaign in `home`, and replays its journal from `disk`.
    ///
    /// # Errors
    /// There is none, or it is damaged and that is not accepted, or not acceptable. Nothing was changed then.
    pub fn open(home: &Path, disk: &mut dyn Disk, how: &Opening) -> Result<Self, OpenError> {
        let (opened, told) = at_once(home, disk);
        let Opened { table, recovered, index } = opened?;
        let identity = table.manifest().identity();
        let Standings { mut state, mut replayed, is_older, missing_below } = told?;
        index?;
        let odd = state.oddities;
        if odd.strays > 0 || odd.bad > 0 {
            let place = home.display().to_string();
            return Err(OpenError::Astray { place, strays: odd.strays, bad: odd.bad });
        }
        let unknown: Vec<Damage> =
            replayed.damage.iter().filter(|d| !state.has_accepted(d.first_lsn, d.last_lsn)).copied().collect();
        if !unknown.is_empty() {
            let Some(on_uncertain) = how.accept_damage else {
                return Err(OpenError::Damaged(Box::new(describe(home, unknown, &replayed, &state, is_older))));
            };
            let start = replayed.next(identity);
            let end = accept::accept(disk, start, &mut state, &unknown, on_uncertain, how.now)?;
            replayed.went_on_to(&end);
        }
        if let Some(behind) = replayed.behind {
            tracing::warn!(journal = %journal_of(home).display(), %behind, "the journal has grown by what is none of it");
        }
        for unused in &replayed.unused {
            disk.remove(*unused)?;
        }
        if replayed.octets > how.snapshot_after_octets {
            let Start { journal, epoch, segment, lsn } = replayed.next(identity);
            let covered = Covered { lsn: lsn - 1, segment, epoch: epoch - 1, journal };
            disk::replace(&snapshot_of(home), |out| snapshot::encode(&state, covered, out))?;
        }
        Ok(Self {
            home: home.to_owned(),
            table,
            recovered,
            state,
            replayed,
            missing_below,
            withdrawn: Vec::new(),
            reach: None,
        })
    }

    /// Settles, durably, those of whom nobody knows whether they have their mail. Who is withdrawn is cancelled; of all others
    /// who are held, or with [`OnUncertain::Hold`] are going to be, becomes what `held` says. `None`: they stay so.
    ///
    /// # Errors
    /// The disk's.
    pub fn release(
        &mut self,
        disk: &mut dyn Disk,
        held: Option<Release>,
        on_uncertain: OnUncertain,
        now: UnixTime,
    ) -> Result<(), Fault> {
        let is_open = self.state.count(Disposition::Uncertain) + self.state.count(Disposition::InFlight) > 0;
        if !is_open || (held.is_none() && self.withdrawn.is_empty()) {
            return Ok(());
        }
        let start = self.start();
        let Self { withdrawn, state, replayed, .. } = self;
        let becomes = |row: u32, standing: &Standing| match standing.disposition {
            Disposition::Uncertain | Disposition::InFlight if withdrawn.binary_search(&row).is_ok() => {
                Some(Release::Cancel)
            }
            Disposition::Uncertain => held,
            Disposition::InFlight if on_uncertain == OnUncertain::Hold => held,
            _ => None,
        };
        if (0..).zip(state.standings()).any(|(row, standing)| becomes(row, standing).is_some()) {
            let end = accept::release(disk, start, state, becomes, now)?;
            replayed.went_on_to(&end);
        }
        Ok(())
    }

    /// Where its journal goes on.
    #[must_use]
    pub fn start(&self) -> Start {
        self.replayed.next(self.table.manifest().identity())
    }

    /// Whether every recipient of a whole list has its final outcome.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let open = [Disposition::Waiting, Disposition::Deferred, Disposition::InFlight];
        self.table.manifest().loaded.is_some() && open.iter().all(|d| self.state.count(*d) == 0)
    }

    /// Recipients that something was, or may have been, handed over for, or whom a server gave an outcome.
    #[must_use]
    pub fn handed_over(&self) -> u64 {
        self.state.standings().iter().filter(|standing| self.was_asked_about(standing)).count() as u64
    }

    fn was_asked_about(&self, standing: &Standing) -> bool {
        let tried = standing.attempts > 0 || standing.possible_duplicate();
        match standing.disposition {
            Disposition::Waiting | Disposition::Suppressed | Disposition::Cancelled | Disposition::Expired => tried,
            Disposition::Bounced => tried && !self.was_refused_here(standing),
            _ => true,
        }
    }

    /// Whether the only attempt ended before anybody was asked: the message could not be made.
    fn was_refused_here(&self, standing: &Standing) -> bool {
        let only = standing.attempts == 1 && !standing.possible_duplicate() && !standing.was_deferred();
        let words = self.state.words().get(standing.context).filter(|_| only);
        words.is_some_and(|words| words.host.is_empty() && words.phase.is_empty())
    }

    /// Whether any recipient has a final outcome.
    #[must_use]
    pub fn has_outcomes(&self) -> bool {
        self.state.standings().iter().any(|standing| standing.disposition.is_final())
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.home)
    }

    /// Whether anybody was sent the content that is made from this.
    #[must_use]
    pub fn has_sent(&self, content: &str) -> bool {
        self.table.manifest().has_sent(content, || self.attempts_elsewhere())
    }

    /// Says durably what its content is made from now, and its subject.
    ///
    /// # Errors
    /// The disk's.
    pub fn set_content(&mut self, content: &str, subject: &str) -> io::Result<()> {
        let attempts = self.attempts_elsewhere();
        self.table.set_content(content, subject, attempts)
    }

    /// Attempts that went further than this machine.
    fn attempts_elsewhere(&self) -> u64 {
        let asked = self.state.standings().iter().filter(|standing| self.was_asked_about(standing));
        asked.map(|standing| u64::from(standing.attempts)).sum()
    }

    /// Attempts that were made for all of its recipients.
    #[must_use]
    pub fn attempts(&self) -> u64 {
        self.state.standings().iter().map(|s| u64::from(s.attempts)).sum()
    }

    /// Whether it can no longer be begun anew as if nothing had been: somebody may have got its mail, or nobody can know.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        let handed_over = |standing| self.was_asked_about(standing);
        self.state.standings().iter().any(handed_over) || !self.replayed.damage.is_empty()
    }

    /// The counts that a shard which takes all of it begins with: everything but what this run is still to send.
    #[must_use]
    pub fn settled(&self) -> Counters {
        let count = |d| self.state.count(d);
        let withheld = self.withheld();
        Counters {
            loaded: self.state.len() as u64,
            waiting: withheld.waiting,
            deferred: withheld.tried,
            delivered: count(Disposition::Delivered),
            bounced: count(Disposition::Bounced),
            expired: count(Disposition::Expired),
            suppressed: count(Disposition::Suppressed),
            cancelled: count(Disposition::Cancelled),
            uncertain: count(Disposition::Uncertain),
            possible_duplicates: self.state.doubtful(),
            ..Counters::default()
        }
    }

    /// What the journal tells a shard that goes on with it.
    #[must_use]
    pub fn earlier(&self, shard: u16) -> Earlier {
        Earlier {
            last_context: self.state.last_context(shard as u8),
            newest: self.state.newest(),
            holds: Arc::new(self.state.holds().clone()),
        }
    }

    /// The rows of those who may have got a second copy.
    pub fn doubtful(&self) -> impl Iterator<Item = u32> + '_ {
        self.state.possible_duplicates()
    }

    /// What is still to be done, for the shards.
    ///
    /// # Errors
    /// The table cannot be read.
    pub fn rest(&self, retry: &Schedule, now: UnixTime) -> io::Result<Rest> {
        let mut rest = Rest::default();
        let now = now.max(self.state.newest());
        let table = self.table.reader()?;
        for header in table.chunks() {
            let chunk = header?.chunk;
            rest.domains.extend(chunk.new_domains.iter().cloned());
            for run in &chunk.runs {
                rest.add(run, self, retry, now);
            }
        }
        rest.words = words_of(&rest, &self.state).into();
        Ok(rest)
    }
}

/// A campaign's table, before anything is made of it.
struct Opened {
    table: TableWriter,
    recovered: Recovered,
    /// Whether each row can be found. The rows themselves are read as they are sent: they are many times as long.
    index: io::Result<()>,
}

fn open_table(home: &Path) -> io::Result<Opened> {
    let (table, recovered) = TableWriter::open(home)?;
    let index = table.reader().and_then(|reader| reader.check_index(table.rows()));
    Ok(Opened { table, recovered, index })
}

/// The table, and where each recipient stands: neither needs the other, and with millions of rows each takes its time.
fn at_once(home: &Path, disk: &mut dyn Segments) -> (io::Result<Opened>, Result<Standings, OpenError>) {
    thread::scope(|scope| {
        let opening = scope.spawn(|| open_table(home));
        let told = Table::open(home).map_err(OpenError::from).and_then(|reader| standings(&reader, home, disk));
        (opening.join().unwrap_or_else(|why| std::panic::resume_unwind(why)), told)
    })
}

/// What a campaign's files tell together.
struct Standings {
    state: State,
    replayed: Replayed,
    /// It had come further, as the mark outside tells.
    is_older: bool,
    /// See [`Campaign::missing_below`].
    missing_below: Vec<Damage>,
}

/// Reads where each recipient stands: the table's rows, the snapshot if there is a good one, and the journal behind it.
///
/// # Errors
/// The table or the journal's directory cannot be read, or they do not belong together.
fn standings(table: &Table, home: &Path, disk: &mut dyn Segments) -> Result<Standings, OpenError> {
    let identity = table.manifest().identity();
    let (mut state, mut range) = (State::new(), Range { journal: Some(identity), ..Range::ALL });
    let mut missing_below = Vec::new();
    match snapshot_in(home, identity)? {
        None => {}
        Some(Ok((covered, frames))) => {
            (state, range) = (covered, Range::beyond(&frames));
            missing_below = covered::damage_below(disk, &frames)?;
        }
        Some(Err(why)) => {
            let snapshot = snapshot_of(home);
            tracing::warn!(snapshot = %snapshot.display(), %why, "the snapshot cannot be used: the whole journal is read instead");
        }
    }
    let Known { end, fault, is_older } = end_of(home, disk, identity)?;
    range.end = end;
    // Room for all at once: with millions, growing costs as much as reading what they are.
    state.reserve(table.rows_max()?);
    let mut rows = 0u32;
    for header in table.chunks() {
        let chunk = header?.chunk;
        rows = rows.saturating_add(chunk.rows);
        if chunk.first as usize >= state.len() {
            state.load(chunk.rows, chunk.suppressed);
        }
    }
    if state.len() != rows as usize {
        let place = home.display().to_string();
        return Err(OpenError::Shrunk { place, snapshot: state.len(), table: rows });
    }
    let mut replayed = replay_with_losses(disk, range, &mut |told| match told {
        Told::Entries(_, entries) => state.fold(entries),
        Told::Lost(lost) => state.lose(lost.may_have_named),
    })?;
    replayed.fault = fault.or(replayed.fault);
    Ok(Standings { state, replayed, is_older, missing_below })
}

fn describe(home: &Path, damage: Vec<Damage>, replayed: &Replayed, state: &State, is_older: bool) -> Damaged {
    Damaged {
        journal: journal_of(home),
        damage,
        is_older,
        fault: replayed.fault.clone(),
        recipients: state.len(),
        open: state.standings().iter().filter(|s| accept::is_open(s)).count(),
        doubted: state.standings().iter().filter(|s| s.disposition.is_final() && s.is_doubted()).count(),
    }
}

/// What earlier processes left in the journal.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// The highest number of the shard's contexts; 0 if it has used none.
    pub last_context: u32,
    /// The time of the newest record.
    pub newest: UnixTime,
    /// What is held up.
    pub holds: Arc<Holds>,
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
    /// Rows that are withdrawn.
    pub withdrawn: Vec<Withdrawn>,
}

impl Rest {
    fn add(&mut self, run: &Run, campaign: &Campaign, retry: &Schedule, now: UnixTime) {
        let standings =
            campaign.state.standings().get(run.first as usize..(run.first + run.count) as usize).unwrap_or_default();
        for (row, standing) in (run.first..).zip(standings) {
            if !campaign.withdrawn.is_empty()
                && !standing.disposition.is_final()
                && campaign.withdrawn.binary_search(&row).is_ok()
            {
                self.withdrawn.push(Withdrawn { domain: run.domain, row, attempts: standing.attempts });
                continue;
            }
            if campaign.is_beyond(row) {
                continue;
            }
            match standing.disposition {
                Disposition::Waiting if standing.attempts == 0 => self.add_fresh(run.domain, row),
                Disposition::Waiting | Disposition::Deferred => {
                    let one = again(run.domain, row, standing);
                    // Whose attempts were taken back, for it was us who were refused, lets others go first: should it have
                    // been about this one all the same, they are not kept from their mail by it.
                    let rests = match standing.attempts {
                        0 => BEHIND,
                        attempts => retry.resumes(attempts.into(), standing.first, standing.tried, now),
                    };
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
