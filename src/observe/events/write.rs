//! The thread that carries batches of events to their file.

use super::file::{Gone, LogFile, Options, Target};
use super::pack::Packer;
use super::{Batch, Lane, json, told};
use crate::base::caught::caught;
use crate::base::clock::Instant;
use crate::base::many::Many;
use crate::base::remedy;
use crate::observe::patience;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the log waits before it tries again on a full disk.
const RETRY: Duration = Duration::from_secs(1);
/// Written batches that are kept to be filled again.
const SPARE_MAX: usize = 32;

/// Reads the address of a row into a buffer; `false`: it cannot be read.
pub type LookUp = Box<dyn FnMut(u32, &mut Vec<u8>) -> bool + Send>;

/// Why an event log does not start.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The file cannot be had.
    #[error("the event log {} cannot be opened: {error}\nhint: {hint}", file.display())]
    Open {
        /// The file.
        file: PathBuf,
        /// What the system said.
        error: io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// The file is another process's.
    #[error("the event log {} is in use by another process\nhint: give each campaign a log of its own", .0.display())]
    Locked(PathBuf),
    /// The file holds something else.
    #[error(
        "{} is no event log: it does not begin with {{\nhint: name a new file; nothing was written to this one", .0.display()
    )]
    Foreign(PathBuf),
    /// A thread.
    #[error("the thread of the event log does not start: {0}")]
    Thread(io::Error),
}

impl EventsError {
    pub(super) fn open(file: &Path, error: io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "the folder must exist",
            io::ErrorKind::PermissionDenied => "the user that runs posthaste must be able to write there",
            io::ErrorKind::IsADirectory => "name a file in that folder",
            _ => remedy::of(&error).unwrap_or("name a file that can be written"),
        };
        Self::Open { file: file.to_owned(), error, hint }
    }
}

/// How an event log ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Lines written.
    pub lines: u64,
    /// Lines that could not be written.
    pub lost: u64,
    /// Why.
    pub why: Option<String>,
}

/// A running event log.
pub struct EventLog {
    to: Sender<Batch>,
    pub(super) spare: Receiver<Batch>,
    queued: Arc<AtomicUsize>,
    lines: Arc<AtomicU64>,
    name: String,
    /// Dropped when the log is to come to its end.
    closing: Sender<()>,
    thread: JoinHandle<Written>,
    campaign: Arc<str>,
}

impl EventLog {
    /// Opens the log of a campaign and starts its thread; `look_up` finds the addresses of rows.
    ///
    /// # Errors
    /// [`EventsError`].
    pub fn open(options: Options, campaign: &str, look_up: LookUp) -> Result<Self, EventsError> {
        let (to, from) = unbounded();
        let (spare_to, spare) = bounded(SPARE_MAX);
        let (closing, closed) = bounded(0);
        let queued = Arc::new(AtomicUsize::new(0));
        let lines = Arc::new(AtomicU64::new(0));
        let name = name_of(&options.target);
        let (output, packer) = match &options.target {
            Target::Stdout => (Output::Stdout, None),
            Target::Log => (Output::Log, None),
            Target::File(path) => {
                let file = LogFile::open(path)?;
                let packer = Packer::spawn(path.clone(), options.clone()).map_err(EventsError::Thread)?;
                (Output::File(file), Some(packer))
            }
        };
        let scribe = Scribe {
            options,
            output,
            packer,
            spare: spare_to,
            queued: queued.clone(),
            lines: lines.clone(),
            closed,
            look_up,
            filled: Vec::new(),
            path: Vec::new(),
            written: Written::default(),
            removed: None,
        };
        let builder = std::thread::Builder::new().name("events".to_owned());
        let thread = builder.spawn(move || scribe.run(&from)).map_err(EventsError::Thread)?;
        Ok(Self { to, spare, queued, lines, name, closing, thread, campaign: campaign.into() })
    }

    /// A way into the log for one thread.
    #[must_use]
    pub fn lane(&self) -> Lane {
        Lane {
            to: self.to.clone(),
            spare: self.spare.clone(),
            queued: self.queued.clone(),
            lines: self.lines.clone(),
            campaign: self.campaign.clone(),
            batch: Batch::default(),
            began: Instant::default(),
            clock: None,
        }
    }

    /// Writes what the lanes handed over, waits for rotated files to be packed, and says how it went. All lanes must be
    /// gone. A reader that takes nothing is not waited for: what it did not take is lost.
    #[must_use]
    pub fn close(self) -> Written {
        drop((self.to, self.closing));
        if patience::ends(&self.thread, || self.queued.load(Ordering::Relaxed)) {
            return self.thread.join().unwrap_or_else(|_| Written {
                why: Some(format!("the thread of the event log {} panicked", self.name)),
                ..Written::default()
            });
        }
        let why = format!("nobody reads the event log {}", self.name);
        Written { lines: 0, lost: self.lines.load(Ordering::Relaxed), why: Some(why) }
    }
}

#[derive(Debug)]
enum Output {
    Stdout,
    File(LogFile),
    Log,
}

impl Output {
    fn append(&mut self, lines: &[u8], count: u64) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines).and_then(|()| out.flush())
            }
            Self::File(file) => file.append(lines, count),
            Self::Log => {
                let events = lines.split(|&b| b == b'\n').filter_map(told::line);
                events.for_each(|event| tracing::debug!("{event}"));
                Ok(())
            }
        }
    }
}

fn name_of(target: &Target) -> String {
    match target {
        Target::Stdout => "standard output".to_owned(),
        Target::File(path) => path.display().to_string(),
        Target::Log => "standard error".to_owned(),
    }
}

struct Scribe {
    options: Options,
    output: Output,
    packer: Option<Packer>,
    spare: Sender<Batch>,
    queued: Arc<AtomicUsize>,
    lines: Arc<AtomicU64>,
    closed: Receiver<()>,
    look_up: LookUp,
    /// A batch with its addresses filled in.
    filled: Vec<u8>,
    path: Vec<u8>,
    written: Written,
    /// Why lines are lost that had been written.
    removed: Option<String>,
}

impl Scribe {
    fn run(mut self, from: &Receiver<Batch>) -> Written {
        while let Ok(mut batch) = from.recv() {
            // Whatever becomes of it: shards wait while too much is queued.
            if let Err(why) = caught(|| self.write(&batch)) {
                self.lose(batch.lines, Some(io::Error::other(format!("its writer panicked: {why}"))));
            }
            self.queued.fetch_sub(batch.octets.len(), Ordering::Relaxed);
            self.lines.fetch_sub(batch.lines, Ordering::Relaxed);
            batch.clear();
            // When there are enough of them, this one is dropped.
            let _ = self.spare.try_send(batch);
        }
        self.follow(true);
        if let Some(packer) = self.packer {
            packer.join();
        }
        Written { why: self.written.why.or(self.removed), ..self.written }
    }

    /// Counts what a file that was removed has taken along, and goes on in a new one, unless it is `over`.
    fn follow(&mut self, over: bool) {
        let Output::File(file) = &mut self.output else { return };
        let Some(gone) = file.gone().filter(|_| self.written.why.is_none()) else { return };
        let log = name_of(&self.options.target);
        if let Gone::Removed(lines) = gone {
            self.written.lines = self.written.lines.saturating_sub(lines);
            self.written.lost += lines;
            let why = format!("the event log {log} was removed while this run wrote to it");
            tracing::error!("{why}: {} with it", Many(lines, "line is lost", "lines are lost"));
            self.removed = Some(why);
        } else {
            tracing::warn!(%log, "the event log was moved away, with what was written so far");
        }
        if over {
            return;
        }
        match file.anew() {
            Ok(anew) => *file = anew,
            Err(error) => {
                let why = error.to_string();
                tracing::error!("{why}; from here on its lines are lost");
                self.written.why = Some(why);
            }
        }
    }

    fn write(&mut self, batch: &Batch) {
        let mut filled = std::mem::take(&mut self.filled);
        let lines = if batch.gaps.is_empty() {
            &batch.octets
        } else {
            self.fill(batch, &mut filled);
            &filled
        };
        self.follow(false);
        let mut result =
            if self.written.why.is_some() { Err(None) } else { self.output.append(lines, batch.lines).map_err(Some) };
        let mut said = false;
        while let Err(Some(error)) = &result {
            if !is_full(error) {
                break;
            }
            if !said {
                let log = name_of(&self.options.target);
                let error = remedy::in_line(error);
                tracing::error!(%log, error, "the event log cannot be written: its lines wait; once 8 MiB of them do, no new transactions begin until it can");
                said = true;
            }
            // The end of everything is not delayed by a full disk: once more, and what is left then is lost.
            if self.closed.recv_timeout(RETRY) == Err(RecvTimeoutError::Disconnected) {
                result = self.output.append(lines, batch.lines).map_err(Some);
                break;
            }
            result = self.output.append(lines, batch.lines).map_err(Some);
        }
        match result {
            Ok(()) => {
                self.written.lines += batch.lines;
                if said {
                    tracing::info!(log = %name_of(&self.options.target), "the event log is written again");
                }
            }
            Err(error) => self.lose(batch.lines, error),
        }
        self.filled = filled;
        self.rotate();
    }

    fn lose(&mut self, lines: u64, error: Option<io::Error>) {
        self.written.lost += lines;
        if let Some(error) = error {
            let log = name_of(&self.options.target);
            let why = format!("the event log {log} cannot be written: {}", remedy::in_line(&error));
            tracing::error!("{why}; from here on its lines are lost");
            self.written.why = Some(why);
        }
    }

    fn fill(&mut self, batch: &Batch, filled: &mut Vec<u8>) {
        filled.clear();
        let mut from = 0;
        for gap in &batch.gaps {
            filled.extend_from_slice(batch.octets.get(from..gap.at).unwrap_or_default());
            from = gap.at;
            self.path.clear();
            if (self.look_up)(gap.row, &mut self.path) {
                json::address(&self.path, filled);
            }
        }
        filled.extend_from_slice(batch.octets.get(from..).unwrap_or_default());
    }

    fn rotate(&mut self) {
        let Output::File(file) = &mut self.output else { return };
        if !file.is_due(&self.options) {
            return;
        }
        match file.rotate() {
            Ok(()) => self.packer.iter().for_each(Packer::look),
            Err(error) => {
                let log = name_of(&self.options.target);
                let error = remedy::in_line(&error);
                tracing::warn!(%log, error, "the event log cannot be rotated; it grows on");
            }
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
