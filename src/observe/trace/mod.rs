//! Traces: the dialogue of chosen sessions, both directions, as text that one can paste into a ticket.
//!
//! ```text
//! #12 mx.a.example   0.0000 * 2026-01-31T23:59:59Z connecting to 192.0.2.1:25, site a.example
//! #12 mx.a.example   0.0121 * connected
//! #12 mx.a.example   0.0240 < 220 mx.a.example ESMTP
//! #12 mx.a.example   0.0240 > EHLO mail.acme.example
//! #12 mx.a.example   0.0361 < 250-mx.a.example
//! #12 mx.a.example          < 250 PIPELINING
//! #12 mx.a.example   0.0362 > MAIL FROM:<b@acme.example>
//! #12 mx.a.example          > RCPT TO:<ann@a.example>
//! #12 mx.a.example          > DATA
//! ```
//!
//! Each line has the session's number, the host, the seconds since the session was begun, and what it is: `>` we said it,
//! `<` the peer did, `*` a remark. Lines without a time left, or came, together with the line above them: that is how
//! pipelining looks.
//!
//! Guarantees: no content and no credentials in it; what a peer says is escaped and cut; a session's lines, a trace's
//! octets and what waits to be written are bounded; a slow disk costs lines, which are counted and told of, and never
//! time, and neither does a reader that takes nothing. Leaves to others: where in a session the tracer listens (`engine`).

mod dialogue;
mod filter;
mod speech;
#[cfg(test)]
mod tests;

pub use dialogue::{Dialogue, Opening};
pub use filter::{Filter, NoFilter};

use crate::base::many::Many;
use crate::base::remedy;
use crate::observe::{patience, private, terminal};
use crossbeam_channel::{Receiver, Sender, unbounded};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

/// Octets that may wait to be written; lines beyond are dropped, and counted.
pub const QUEUED_OCTETS_MAX: usize = 8 << 20;
/// A trace ends after so many octets.
pub const TRACE_OCTETS_MAX: u64 = 256 << 20;

/// Where a trace goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To standard error, among the log lines.
    Stderr,
    /// To standard output.
    Stdout,
    /// To the end of this file.
    File(PathBuf),
}

/// Why a trace does not start.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be had.
    #[error("the trace {} cannot be opened: {error}\nhint: name a file that can be written, in a folder that exists", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file holds something else.
    #[error("{} is no trace: it does not begin with #\nhint: name a new file; nothing was written to this one", .0.display())]
    Foreign(PathBuf),
    /// A thread.
    #[error("the thread of the trace does not start: {0}")]
    Thread(io::Error),
}

/// The way to the thread that writes.
#[derive(Debug)]
struct Outlet {
    to: Sender<Vec<u8>>,
    /// Octets that wait to be written, or are being written.
    queued: Arc<AtomicUsize>,
    lost: AtomicU64,
}

impl Outlet {
    /// Hands over whole lines, or counts them as lost.
    fn send(&self, lines: Vec<u8>) {
        if lines.is_empty() {
            return;
        }
        let octets = lines.len();
        if self.queued.load(Ordering::Relaxed) + octets > QUEUED_OCTETS_MAX {
            let count = memchr::memchr_iter(b'\n', &lines).count() as u64;
            self.lost.fetch_add(count, Ordering::Relaxed);
            return;
        }
        self.queued.fetch_add(octets, Ordering::Relaxed);
        // The thread lives as long as its trace.
        let _ = self.to.send(lines);
    }
}

/// What to trace, and the way there: one for each shard.
#[derive(Clone, Debug)]
pub struct Tracer {
    filter: Arc<Filter>,
    outlet: Arc<Outlet>,
}

impl Tracer {
    /// What is asked for.
    #[must_use]
    pub fn filter(&self) -> &Filter {
        &self.filter
    }
}

/// A trace that is being written.
pub struct Trace {
    tracer: Tracer,
    thread: JoinHandle<()>,
}

impl Trace {
    /// Begins a trace.
    ///
    /// # Errors
    /// [`TraceError`].
    pub fn begin(filter: Filter, target: &Target) -> Result<Self, TraceError> {
        let output = match target {
            Target::Stderr => Output::Stderr,
            Target::Stdout => Output::Stdout,
            Target::File(path) => Output::File(open(path)?),
        };
        let (to, from) = unbounded();
        let outlet = Arc::new(Outlet { to, queued: Arc::default(), lost: AtomicU64::new(0) });
        let builder = std::thread::Builder::new().name("trace".to_owned());
        let queued = outlet.queued.clone();
        let thread = builder.spawn(move || write(output, &from, &queued)).map_err(TraceError::Thread)?;
        Ok(Self { tracer: Tracer { filter: Arc::new(filter), outlet }, thread })
    }

    /// A way into the trace for one shard.
    #[must_use]
    pub fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// Writes what is left, if somebody takes it. All tracers must be gone, and all dialogues.
    pub fn end(self) {
        let lost = self.tracer.outlet.lost.load(Ordering::Relaxed);
        if lost > 0 {
            let remark = lost_remark(lost);
            self.tracer.outlet.queued.fetch_add(remark.len(), Ordering::Relaxed);
            let _ = self.tracer.outlet.to.send(remark);
        }
        let queued = self.tracer.outlet.queued.clone();
        drop(self.tracer);
        if patience::ends(&self.thread, || queued.load(Ordering::Relaxed)) {
            let _ = self.thread.join();
        } else {
            tracing::warn!("the end of the trace is lost: nobody reads it");
        }
    }
}

fn lost_remark(lines: u64) -> Vec<u8> {
    let lines = Many(lines, "line is", "lines are");
    format!("# {lines} missing in this trace: more came than could be written\n").into_bytes()
}

fn open(path: &Path) -> Result<File, TraceError> {
    let fails = |error| TraceError::Open { file: path.to_owned(), error };
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(fails)?;
    let mut first = [0; 1];
    if file.metadata().map_err(fails)?.is_file() && file.read(&mut first).map_err(fails)? > 0 && first != *b"#" {
        return Err(TraceError::Foreign(path.to_owned()));
    }
    private::own(&file, path);
    Ok(file)
}

enum Output {
    Stderr,
    Stdout,
    File(File),
}

impl Output {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self {
            Self::Stderr => {
                terminal::print(lines);
                Ok(())
            }
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines).and_then(|()| out.flush())
            }
            Self::File(file) => file.write_all(lines),
        }
    }
}

fn write(mut output: Output, from: &Receiver<Vec<u8>>, queued: &AtomicUsize) {
    let mut left = TRACE_OCTETS_MAX;
    let mut open = true;
    while let Ok(lines) = from.recv() {
        if open {
            let fits = lines.len() as u64 <= left;
            left = left.saturating_sub(lines.len() as u64);
            let end = b"# the trace ends here: it has grown as large as a trace may\n";
            let written = output.write(if fits { &lines } else { end });
            if let Err(error) = &written {
                let error = remedy::in_line(error);
                tracing::error!(error, "the trace cannot be written: it ends; sending goes on");
            }
            open = fits && written.is_ok();
        }
        queued.fetch_sub(lines.len(), Ordering::Relaxed);
    }
}
