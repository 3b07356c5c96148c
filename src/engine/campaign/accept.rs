//! Going on although the journal is damaged, or with who is held, because somebody said so.
//!
//! Guarantees: before anything is sent, everybody without a final outcome is recorded as uncertain, durably: a copy may have
//! reached them, and what told of it is lost. So each second copy has a name; where the campaign holds the uncertain, they are
//! held. What was accepted is recorded behind that, and not asked about again; a crash in between only means to be asked again.

use super::Release;
use crate::base::clock::{Instant, UnixTime};
use crate::engine::settings::OnUncertain;
use crate::journal::disk::{Disk, Fault, FaultKind};
use crate::journal::mark::Mark;
use crate::journal::record::{Accepted, Kind, RECORD_OCTETS, Record};
use crate::journal::replay::{Damage, FIRST_TO_NAME};
use crate::journal::state::{Standing, State};
use crate::journal::writer::{Config, Journal, Start};
use crate::mail::Disposition;

/// Octets of entries that are appended at once.
const BATCH_OCTETS: usize = 4096 * RECORD_OCTETS;

/// Whether a recipient may be mailed again when outcomes are lost: it has no final one.
pub(super) fn is_open(standing: &Standing) -> bool {
    matches!(standing.disposition, Disposition::Waiting | Disposition::Deferred | Disposition::InFlight)
}

/// Records in an epoch of its own what is accepted and whom it concerns, and folds that into `state`; returns where the journal
/// ends then.
///
/// # Errors
/// The disk's. The next start asks again.
pub(super) fn accept(
    disk: &mut dyn Disk,
    start: Start,
    state: &mut State,
    damage: &[Damage],
    on_uncertain: OnUncertain,
    now: UnixTime,
) -> Result<Mark, Fault> {
    let kind = match on_uncertain {
        OnUncertain::Retry => Kind::UncertainRetry,
        OnUncertain::Hold => Kind::UncertainHeld,
    };
    let start = Start { epoch: start.epoch.max(FIRST_TO_NAME), ..start };
    let mut scribe = Scribe::begin(disk, start);
    for row in 0..state.len() as u32 {
        if state.get(row).is_some_and(|standing| is_open(&standing)) {
            scribe.record(state, row, kind, now)?;
        }
    }
    for Damage { first_lsn, last_lsn, .. } in damage {
        let accepted = Accepted { first_lsn: *first_lsn, last_lsn: *last_lsn };
        state.accept(accepted);
        accepted.encode_into(&mut scribe.batch);
        if scribe.batch.len() >= BATCH_OCTETS {
            scribe.write()?;
        }
    }
    scribe.write()?;
    scribe.close()
}

/// Records in an epoch of its own what becomes of those of whom nobody knows whether they have their mail, and folds that into
/// `state`; returns where the journal ends then.
///
/// # Errors
/// The disk's. Whoever was not recorded stands as before.
pub(super) fn release(
    disk: &mut dyn Disk,
    start: Start,
    state: &mut State,
    becomes: impl Fn(u32, &Standing) -> Option<Release>,
    now: UnixTime,
) -> Result<Mark, Fault> {
    let mut scribe = Scribe::begin(disk, start);
    for row in 0..state.len() as u32 {
        let Some(standing) = state.get(row) else { continue };
        let kinds: &[Kind] = match becomes(row, &standing) {
            None => &[],
            Some(Release::Retry) => &[Kind::UncertainRetry],
            // The doubt outlasts the end.
            Some(Release::Cancel) if standing.disposition == Disposition::InFlight => {
                &[Kind::UncertainHeld, Kind::Cancelled]
            }
            Some(Release::Cancel) => &[Kind::Cancelled],
        };
        for kind in kinds {
            scribe.record(state, row, *kind, now)?;
        }
    }
    scribe.write()?;
    scribe.close()
}

/// Writes a journal without a thread: each batch is durable when it returns.
struct Scribe<'a> {
    disk: &'a mut dyn Disk,
    journal: Journal,
    batch: Vec<u8>,
}

impl<'a> Scribe<'a> {
    fn begin(disk: &'a mut dyn Disk, start: Start) -> Self {
        Self { disk, journal: Journal::new(Config::default(), start), batch: Vec::new() }
    }

    /// A record of this kind for that recipient.
    fn record(&mut self, state: &mut State, row: u32, kind: Kind, at: UnixTime) -> Result<(), Fault> {
        let Some(Standing { attempts, context: extra, .. }) = state.get(row) else { return Ok(()) };
        let record = Record { recipient: row, at, code: 0, kind, attempts, extra };
        state.apply(&record);
        record.encode_into(&mut self.batch);
        if self.batch.len() >= BATCH_OCTETS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<(), Fault> {
        self.journal.append(0, 0, &self.batch, Instant(0)).map_err(|refused| trouble(&refused.to_string()))?;
        self.batch.clear();
        self.journal.flush();
        self.write_due()
    }

    fn write_due(&mut self) -> Result<(), Fault> {
        loop {
            if self.journal.is_starved()
                && let Some(wanted) = self.journal.poll_prepare(Instant(0))
            {
                self.disk.prepare(wanted.segment, wanted.octets);
                self.disk.prepared(true).ok_or_else(|| trouble("the thread that makes segments has ended"))??;
                self.journal.handle_prepared();
            }
            let Some(write) = self.journal.poll_write(Instant(0)) else { return Ok(()) };
            self.disk.write(write.segment, write.offset, write.block.octets())?;
            self.journal.handle_synced(write.lsn, write.block);
        }
    }

    fn close(mut self) -> Result<Mark, Fault> {
        self.journal.close();
        self.write_due()?;
        let end = Mark { octets: 0, ..self.journal.mark() };
        self.disk.set_mark(&end, true)?;
        self.disk.pack(end.segment);
        Ok(end)
    }
}

fn trouble(why: &str) -> Fault {
    Fault { what: "write to", place: "the journal".to_owned(), why: why.to_owned(), kind: FaultKind::Broken }
}
