//! The journal folded for a report: where each recipient stands, and the words behind its last reply.
//!
//! Guarantees: 20 octets a recipient, and the words once; words beyond [`WORDS_OCTETS_MAX`] are counted and left out.
//! Folding stands on the journal's own state, so a report and the engine never disagree. What a snapshot covers is taken
//! from it and not applied twice; times and words it does not have come from the journal, which keeps everything.
//! Leaves to others: reading files.

use crate::base::clock::UnixTime;
use crate::journal::record::{Define, Entry, Kind, Record, entries};
use crate::journal::state::{Standing, State};
use crate::mail::Enhanced;
use hashbrown::HashMap;

/// The most octets of words that are kept.
const WORDS_OCTETS_MAX: usize = 128 << 20;

/// What the state does not keep of a recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trace {
    /// When the first attempt that counts began; 0: none did.
    first_at: u32,
    /// The context of the last outcome.
    context: u32,
    /// The code of the last outcome.
    code: u16,
}

const _: () = assert!(size_of::<Trace>() + size_of::<Standing>() <= 24);

/// See the head of this file.
#[derive(Debug, Default)]
pub(super) struct Book {
    state: State,
    traces: Vec<Trace>,
    words: Words,
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
                Ok(Entry::Define(define)) => self.words.learn(&define),
                Err(_) => self.bad += 1,
            }
        }
    }

    fn note(&mut self, lsn: u64, record: &Record) {
        let Some(trace) = self.traces.get_mut(record.recipient as usize) else {
            self.stray = self.stray.max(Some(record.recipient));
            return;
        };
        match record.kind {
            Kind::Attempt if trace.first_at == 0 => trace.first_at = record.at.0,
            Kind::Attempt => {}
            Kind::Released if record.attempts == 0 => trace.first_at = 0,
            Kind::Released => {}
            _ => (trace.code, trace.context) = (record.code, record.extra),
        }
        if lsn > self.covered {
            self.state.apply(record);
        }
    }

    /// Where a recipient stands.
    pub(super) fn standing(&self, row: u32) -> Option<Standing> {
        self.state.get(row)
    }

    /// When its first attempt began, the code of its last outcome, and the words for that.
    pub(super) fn last(&self, row: u32) -> (Option<UnixTime>, u16, Context<'_>) {
        let trace = self.traces.get(row as usize).copied().unwrap_or_default();
        let first_at = (trace.first_at != 0).then_some(UnixTime(trace.first_at));
        (first_at, trace.code, self.context(trace.context))
    }

    /// The words of a context; empty ones if it is not known.
    pub(super) fn context(&self, id: u32) -> Context<'_> {
        self.words.get(id).unwrap_or_default()
    }

    /// Contexts whose words did not fit.
    pub(super) fn words_left_out(&self) -> u64 {
        self.words.left_out
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

impl<'a> From<&Define<'a>> for Context<'a> {
    fn from(define: &Define<'a>) -> Self {
        let Define { site, host, enhanced, phase, text, .. } = *define;
        Self { site, host, phase, enhanced, text }
    }
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Where its words begin: site, host, phase, text.
    from: u32,
    names: [u8; 3],
    text: u16,
    enhanced: Option<Enhanced>,
}

/// The words of all contexts, one after the other.
#[derive(Debug, Default)]
struct Words {
    slots: HashMap<u32, Slot>,
    octets: Vec<u8>,
    left_out: u64,
}

impl Words {
    fn learn(&mut self, define: &Define<'_>) {
        let context = Context::from(define);
        if self.get(define.id) == Some(context) {
            return;
        }
        let parts = [context.site.as_bytes(), context.host.as_bytes(), context.phase.as_bytes(), context.text];
        if self.octets.len() + parts.iter().map(|p| p.len()).sum::<usize>() > WORDS_OCTETS_MAX {
            self.left_out += 1;
            return;
        }
        let from = self.octets.len() as u32;
        parts.iter().for_each(|part| self.octets.extend_from_slice(part));
        // A decoded definition's lengths come from fields of these sizes.
        let names = [context.site, context.host, context.phase].map(|name| name.len() as u8);
        let slot = Slot { from, names, text: context.text.len() as u16, enhanced: context.enhanced };
        self.slots.insert(define.id, slot);
    }

    fn get(&self, id: u32) -> Option<Context<'_>> {
        let slot = self.slots.get(&id)?;
        let mut rest = self.octets.get(slot.from as usize..)?;
        let mut names = [""; 3];
        for (name, len) in names.iter_mut().zip(slot.names) {
            let (octets, after) = rest.split_at_checked(usize::from(len))?;
            *name = std::str::from_utf8(octets).ok()?;
            rest = after;
        }
        let [site, host, phase] = names;
        Some(Context { site, host, phase, enhanced: slot.enhanced, text: rest.get(..usize::from(slot.text))? })
    }
}
