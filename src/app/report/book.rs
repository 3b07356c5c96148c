//! The journal folded for a report: where each recipient stands, and the words behind its last reply.
//!
//! Guarantees: 28 octets a recipient, and the words once, as far as the journal's own bound goes.
//! Folding stands on the journal's own state, so a report and the engine never disagree. What a snapshot covers is taken
//! from it and not applied twice; times and words it does not have come from the journal, which keeps everything.
//! Leaves to others: reading files.

use crate::base::clock::UnixTime;
use crate::journal::record::{Define, Entry, Kind, Record, entries};
use crate::journal::replay::Lost;
use crate::journal::state::{Standing, State};
use crate::mail::Enhanced;

/// What the state does not keep of a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// When the last thing happened; 0: nothing did.
    last_at: u32,
    /// The context of the last outcome whose record could be read.
    context: u32,
    /// Its code.
    code: u16,
}

const _: () = assert!(size_of::<Trace>() + size_of::<Standing>() <= 28);

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Book {
    state: State,
    traces: Vec<Trace>,
    /// Frames up to this one are in `state` already.
    covered: u64,
    /// The highest row that a record named and the table did not have.
    pub(super) stray: Option<u32>,
    /// Entries that are no records.
    pub(super) bad: u64,
}

impl Book {
    /// A book that begins with a state of all rows, as of the frame `covered`.
    pub(super) fn new(state: State, covered: u64) -> Self {
        let traces = vec![Trace::default(); state.len()];
        Self { state, traces, covered, ..Self::default() }
    }

    /// Folds the entries of the frame `lsn`.
    pub(super) fn fold(&mut self, lsn: u64, octets: &[u8]) {
        for entry in entries(octets) {
            match entry {
                Ok(Entry::Record(record)) => self.note(lsn, &record),
                Ok(Entry::Define(define)) => self.state.learn(&define),
                // What is held up is known recipient by recipient once it matters.
                Ok(Entry::Hold(_)) => {}
                Ok(Entry::Accepted(accepted)) => self.state.accept(accepted),
                Err(_) => self.bad += 1,
            }
        }
    }

    /// Here frames are lost.
    pub(super) fn lose(&mut self, lost: &Lost) {
        if lost.last_lsn > self.covered {
            self.state.lose(lost.may_have_named);
        }
    }

    fn note(&mut self, lsn: u64, record: &Record) {
        let Some(trace) = self.traces.get_mut(record.recipient as usize) else {
            self.stray = self.stray.max(Some(record.recipient));
            return;
        };
        trace.last_at = record.at.0;
        if !matches!(record.kind, Kind::Attempt | Kind::Released) {
            (trace.code, trace.context) = (record.code, record.extra);
        }
        if lsn > self.covered {
            self.state.apply(record);
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.traces.len()).unwrap_or(u32::MAX)
    }

    /// Where a recipient stands.
    pub(super) fn standing(&self, row: u32) -> Option<Standing> {
        self.state.get(row)
    }

    /// When the last thing happened to it, the code of its last outcome, and the words for that.
    pub(super) fn last(&self, row: u32) -> (Option<UnixTime>, u16, Context<'_>) {
        let trace = self.traces.get(row as usize).copied().unwrap_or_default();
        let last_at = (trace.last_at != 0).then_some(UnixTime(trace.last_at));
        (last_at, trace.code, self.context(trace.context))
    }

    /// The words of a context; empty ones if it is not known.
    pub(super) fn context(&self, id: u32) -> Context<'_> {
        self.state.words().get(id).map(Context::from).unwrap_or_default()
    }

    /// Whether the loss of these commits was accepted.
    pub(super) fn has_accepted(&self, first_lsn: u64, last_lsn: u64) -> bool {
        self.state.has_accepted(first_lsn, last_lsn)
    }

    /// Contexts whose words did not fit.
    pub(super) fn words_left_out(&self) -> u64 {
        self.state.words().left_out()
    }
}

/// What decided an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Context<'a> {
    pub(super) site: &'a str,
    pub(super) host: &'a str,
    pub(super) phase: &'a str,
    pub(super) enhanced: Option<Enhanced>,
    pub(super) text: &'a [u8],
}

impl<'a> From<Define<'a>> for Context<'a> {
    fn from(define: Define<'a>) -> Self {
        let Define { site, host, enhanced, phase, text, .. } = define;
        Self { site, host, phase, enhanced, text }
    }
}
