//! The loader rehearses the letter: on the rows that wait to be taken in, and, where it goes another way for each row or has
//! failed on one of which it was thought that none can, on the rest of the list before anything of it is.
//!
//! Guarantees: of a list with too many rows that can have no message nothing is loaded, wherever on it they stand; nothing is
//! rendered twice but these rows. A list that ends with the records that are judged together anyway is not read ahead.
//! Leaves to others: which letters ask for it ([`super::rehearsal`]).

use super::recipient::{self, Addressed};
use super::records::{Records, Step};
use super::rehearsal::{Fault, Rehearsal};
use super::rejects::Rejects;
use super::{EXAMPLES, LoadError, Loaded, Loader, Rejections, STOP_RECORDS, fault_of, too_many};
use crate::engine::table::{Pending, Progress};
use crate::mail::{Mailbox, address};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that are rehearsed together.
const TOGETHER: usize = 16 * 1024;

/// Why a row has no message, for an example: whose it is, and the first line, which says where.
fn told(mailbox: &str, reason: &str) -> String {
    format!("{mailbox}: {}", reason.lines().next().unwrap_or_default())
}

/// What was read ahead so far.
#[derive(Default)]
struct Ahead {
    records: u64,
    rejected: u64,
    examples: Vec<(u64, String)>,
    /// Rows that wait, and their lines.
    pending: Pending,
    lines: Vec<u64>,
    /// The lines of rows that can have no message.
    faulty: Vec<u64>,
}

impl Ahead {
    fn reject(&mut self, line: u64, reason: String) {
        self.rejected += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push((line, reason));
        }
    }
}

impl Loader<'_> {
    /// Judges the records so far, once the letter was rehearsed on the pending rows. `Break`: too many are rejected by that, or it
    /// was stopped meanwhile.
    pub(super) fn rehearse_and_judge(&mut self, stop: &AtomicBool) -> Result<ControlFlow<Option<Loaded>>, LoadError> {
        let are_first = !self.judged;
        let Some(faults) = self.rehearse(stop) else { return Ok(ControlFlow::Break(None)) };
        let rejects = !faults.is_empty();
        self.reject_rows(faults)?;
        self.judge()?;
        if are_first || !rejects || !self.too_many() {
            return Ok(ControlFlow::Continue(()));
        }
        self.rejects.flush().map_err(LoadError::Table)?;
        Ok(ControlFlow::Break(Some(Loaded::Stopped(self.rejections()))))
    }

    /// Those of the pending rows of which the letter makes no message. Whom the table has is not asked. `None`: it was stopped.
    fn rehearse(&mut self, stop: &AtomicBool) -> Option<Vec<Fault>> {
        let Some(rehearsal) = &mut self.rehearsal else { return Some(Vec::new()) };
        let (known, mailboxes) = (&self.known, &self.mailboxes);
        let is_known = |index: usize| {
            known.as_ref().zip(mailboxes.get(index)).is_some_and(|(known, mailbox)| known.contains_hashed(*mailbox))
        };
        let rows = mailboxes.len();
        let before = self.progress.records.saturating_sub(rows as u64);
        let (mut faults, mut from) = (Vec::new(), 0);
        while from < rows {
            self.spec.onlooker.inspect(|onlooker| onlooker.read(before + from as u64, true));
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let part = from..rows.min(from + TOGETHER);
            from = part.end;
            let found = rehearsal.faults((&self.pending, part), &self.lines, self.fields, is_known);
            if rehearsal.is_refuted_by(&found) {
                (faults, from) = (Vec::new(), 0);
            } else {
                faults.extend(found);
            }
        }
        Some(faults)
    }

    /// Takes these out of the pending rows, which are rejected.
    fn reject_rows(&mut self, faults: Vec<Fault>) -> Result<(), LoadError> {
        if faults.is_empty() {
            return Ok(());
        }
        let mut bad = faults.iter().map(|fault| fault.index).peekable();
        let keep: Vec<bool> = (0..self.mailboxes.len()).map(|index| bad.next_if_eq(&index).is_none()).collect();
        let [mut rows, mut mailboxes, mut lines] = [(); 3].map(|()| keep.iter().copied());
        self.pending.retain(|| rows.next().unwrap_or(true));
        self.mailboxes.retain(|_| mailboxes.next().unwrap_or(true));
        self.lines.retain(|_| lines.next().unwrap_or(true));
        for Fault { line, mailbox, reason, .. } in faults {
            self.rejects.add(line, &reason, mailbox.as_bytes()).map_err(LoadError::Table)?;
            self.note_rejected(line, told(&mailbox, &reason));
        }
        Ok(())
    }

    /// Rehearses the letter on the rest of the list, if it is one that asks for it, and keeps which rows can have no message.
    /// `Break`: it was stopped meanwhile.
    ///
    /// # Errors
    /// The list; too many of its records are bad.
    pub(super) fn look_ahead(&mut self, stop: &AtomicBool) -> Result<ControlFlow<()>, LoadError> {
        if !self.rehearsal.as_ref().is_some_and(Rehearsal::looks_ahead) {
            return Ok(ControlFlow::Continue(()));
        }
        let kept = self.rejects.flush().map_err(LoadError::Table)?;
        let mut records = self.spec.list.open()?;
        let wanted: Vec<String> =
            [&self.spec.email].into_iter().chain(self.columns.iter().map(|(name, _)| name)).cloned().collect();
        let header = if records.has_header() { records.header()? } else { Vec::new() };
        records.select(&wanted, &header)?;
        let Progress { records: read, rejected, .. } = self.progress;
        records.jump(self.records.octets_done(), self.records.lines_done())?;
        let mut ahead = Ahead { records: read, rejected, examples: self.examples.clone(), ..Ahead::default() };
        let mut parsed = (Vec::new(), Vec::new());
        loop {
            let step = records.advance()?;
            let line = records.line();
            let bad = match step {
                Step::End => break,
                Step::Bad(reason) => Some((reason, records.sample())),
                Step::Record => self.pend(&records, &mut parsed, &mut ahead).map(|reason| (reason, records.field(0))),
            };
            ahead.records += 1;
            if let Some((reason, text)) = bad {
                self.rejects.add(line, &reason, text).map_err(LoadError::Table)?;
                ahead.reject(line, reason);
            }
            if ahead.lines.len() >= TOGETHER {
                self.rehearse_ahead(&mut ahead)?;
            }
            if ahead.records.is_multiple_of(STOP_RECORDS) {
                self.spec.onlooker.inspect(|onlooker| onlooker.read(ahead.records, true));
                if stop.load(Ordering::Relaxed) {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        self.rehearse_ahead(&mut ahead)?;
        if let Some(rehearsal) = &mut self.rehearsal {
            rehearsal.know(ahead.faulty);
        }
        self.forget_rejects(kept)
    }

    /// Takes the record in hand among the rows that wait; why it is bad, if it is. `parsed` is room for its mailboxes.
    fn pend(
        &mut self,
        records: &Records,
        (mailbox, more): &mut (Vec<u8>, Vec<Mailbox>),
        ahead: &mut Ahead,
    ) -> Option<String> {
        let at = match recipient::read(records.field(0), self.spec.list.several, mailbox, more) {
            Err(reason) => return Some(reason),
            Ok(Addressed { at, .. }) => at,
        };
        let others = more.iter().map(|other| (other.as_str().as_bytes(), other.local_part().len()));
        let all = std::iter::once((mailbox.as_slice(), at)).chain(others);
        let mailboxes = all.clone().map(|(mailbox, _)| mailbox);
        if let Some(reason) = fault_of(records, &self.columns, self.fields < self.columns.len(), mailboxes) {
            return Some(reason);
        }
        for (mailbox, at) in all {
            let gets_none = self.gets_none(mailbox, at);
            let fields = (0..self.fields).map(|i| records.field(i + 1));
            if ahead.pending.push(mailbox, at, 0, gets_none, fields, []) {
                ahead.lines.push(records.line());
            }
        }
        None
    }

    /// Whether no message goes to this mailbox, or it is in the table already.
    fn gets_none(&mut self, mailbox: &[u8], at: usize) -> bool {
        self.folded.clear();
        let at = address::fold_into(mailbox, at, &mut self.folded);
        let is_known = || self.known.as_ref().is_some_and(|known| known.contains(&self.folded));
        self.spec.suppression.contains(&self.folded, at) || is_known()
    }

    /// Rehearses the rows that wait, and judges all so far.
    fn rehearse_ahead(&mut self, ahead: &mut Ahead) -> Result<(), LoadError> {
        let Some(rehearsal) = &mut self.rehearsal else { return Ok(()) };
        let all = 0..ahead.lines.len();
        let faults = rehearsal.faults((&ahead.pending, all), &ahead.lines, self.fields, |_| false);
        ahead.pending = Pending::new();
        ahead.lines.clear();
        for fault in faults {
            self.rejects.add(fault.line, &fault.reason, fault.mailbox.as_bytes()).map_err(LoadError::Table)?;
            ahead.faulty.push(fault.line);
            ahead.reject(fault.line, told(&fault.mailbox, &fault.reason));
        }
        if !too_many(ahead.rejected, ahead.records, self.spec.max_rejected) {
            return Ok(());
        }
        self.rejects.flush().map_err(LoadError::Table)?;
        let rejections = Rejections {
            rejected: ahead.rejected,
            records: ahead.records,
            examples: std::mem::take(&mut ahead.examples),
            rejects: Some(self.rejects.path().to_owned()),
            only_looked: false,
        };
        Err(LoadError::TooManyRejected { path: self.spec.list.path.clone(), rejections })
    }

    /// What was read ahead, and stands behind the first `kept` octets, is read again, and rejected where its turn comes.
    fn forget_rejects(&mut self, kept: u64) -> Result<ControlFlow<()>, LoadError> {
        self.rejects = Rejects::open(self.table.home(), kept).map_err(LoadError::Table)?;
        Ok(ControlFlow::Continue(()))
    }
}
