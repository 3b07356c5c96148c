//! What people ask a running command for by signals.
//!
//! SIGINT, SIGTERM, SIGHUP and SIGXCPU ask for the end: the first one in order, another SIGINT or SIGTERM at once. They are
//! caught before anything else is done, also where the process was started with them blocked. A command
//! is *preparing* (loading, replaying, hashing: nothing has left the machine) until it says [`Signals::engage`]; one that has
//! nothing to bring in order [`Signals::leave`]s them as they are.
//! Guarantees: while it prepares the first signal ends it soon with code 3 and a word, and whatever it does meanwhile
//! survives as it would `kill -9`; once engaged, the first is its own to obey; after the second the process is gone within
//! [`GRACE`], whatever stalls: a terminal, a reader of events, a disk, a look-up. No signal of these kills the process without
//! a word. Leaves to others: what "in order" is.

use super::exit::{Exit, Failure};
use crate::observe::terminal;
use crate::wire::process;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXCPU, SIGXFSZ};
use signal_hook::iterator::Signals as Incoming;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an end at once may take before it is taken.
const GRACE: Duration = Duration::from_millis(850);
/// How long the end of a command that prepares may take.
const GRACE_PREPARING: Duration = Duration::from_millis(500);
/// The last word gets so much of a second's rest.
const LAST_WORD: Duration = Duration::from_millis(100);

/// A write beyond the limit on file sizes (`ulimit -f`) fails, and is told, instead of killing the process.
pub fn survive_file_limits() {
    // Refused for signals that cannot be caught only, and this one can.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
}

/// What was asked for so far.
#[derive(Clone)]
pub struct Signals(Arc<Asked>);

struct Asked {
    ends: AtomicUsize,
    first: AtomicI32,
    /// Set with the first one.
    stop: Arc<AtomicBool>,
    /// How often SIGUSR1 came since that was last taken: one pauses, the next goes on, however close they are.
    pauses: AtomicUsize,
    stage: Mutex<Stage>,
    /// Whether the end of a command that prepared was told.
    said: AtomicBool,
    /// What is said then.
    unfinished: Mutex<String>,
}

/// How far the command has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing has left the machine.
    Preparing,
    /// The first signal is its own to obey.
    Engaged,
    /// Signals do what they do without us.
    Left,
}

impl Signals {
    /// Listens from here on: to be called first of all.
    ///
    /// # Errors
    /// The system refuses.
    pub fn begin() -> Result<Self, Failure> {
        let failed = |e: io::Error| Failure::failed(format!("signals cannot be caught: {e}"));
        let asked = Arc::new(Asked {
            ends: AtomicUsize::new(0),
            first: AtomicI32::new(0),
            stop: Arc::default(),
            pauses: AtomicUsize::new(0),
            stage: Mutex::new(Stage::Preparing),
            said: AtomicBool::new(false),
            unfinished: Mutex::new("interrupted before anything was begun".to_owned()),
        });
        let mut caught = vec![SIGINT, SIGTERM, SIGXCPU, SIGUSR1];
        // Under nohup the terminal's end is nobody's business.
        caught.extend((!process::ignores(SIGHUP)).then_some(SIGHUP));
        let mut incoming = Incoming::new(&caught).map_err(failed)?;
        process::unblock(&caught).map_err(failed)?;
        let shared = asked.clone();
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread.spawn(move || incoming.forever().for_each(|signal| shared.handle(signal))).map_err(failed)?;
        Ok(Self(asked))
    }

    /// A command begins to prepare; `unfinished` is what its end says from here on.
    ///
    /// # Errors
    /// The end was asked for already.
    pub fn prepare(&self, unfinished: impl Into<String>) -> Result<(), Failure> {
        *held(&self.0.unfinished) = unfinished.into();
        self.check()
    }

    /// A command begins that any signal may end as it is.
    ///
    /// # Errors
    /// The end was asked for already.
    pub fn leave(&self) -> Result<(), Failure> {
        self.enter(Stage::Left)
    }

    /// How often the end was asked for.
    #[must_use]
    pub fn ends(&self) -> usize {
        self.0.ends.load(SeqCst)
    }

    /// Set once the end is asked for.
    #[must_use]
    pub fn stop(&self) -> &Arc<AtomicBool> {
        &self.0.stop
    }

    /// Why the end was asked for, in words that begin a sentence; empty where somebody pressed a key or stopped a service.
    #[must_use]
    pub fn why(&self) -> &'static str {
        match self.0.first.load(SeqCst) {
            SIGHUP => "The terminal is gone (SIGHUP). ",
            SIGXCPU => "The limit of CPU time is reached (ulimit -t). ",
            _ => "",
        }
    }

    /// How often a pause, or its end, was asked for since the last call.
    #[must_use]
    pub fn take_pauses(&self) -> usize {
        self.0.pauses.swap(0, SeqCst)
    }

    /// For a command that prepares: whether to go on.
    ///
    /// # Errors
    /// The end was asked for.
    pub fn check(&self) -> Result<(), Failure> {
        if self.ends() == 0 {
            return Ok(());
        }
        self.0.said.store(true, SeqCst);
        Err(self.0.failure())
    }

    /// From here on the first signal is the command's own to obey.
    ///
    /// # Errors
    /// The end was asked for already.
    pub fn engage(&self) -> Result<(), Failure> {
        self.enter(Stage::Engaged)
    }

    fn enter(&self, next: Stage) -> Result<(), Failure> {
        let mut stage = held(&self.0.stage);
        self.check()?;
        *stage = next;
        Ok(())
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Asked {
    fn failure(&self) -> Failure {
        Failure::unfinished(held(&self.unfinished).clone())
    }

    fn handle(self: &Arc<Self>, signal: i32) {
        if signal == SIGUSR1 {
            self.pauses.fetch_add(1, SeqCst);
            return;
        }
        let stage = held(&self.stage);
        if *stage == Stage::Left {
            // It ends the process; should it not, the next one will.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            return;
        }
        // A hang-up comes twice, by the shell and by the kernel; a limit of CPU time every second.
        let hurries = matches!(signal, SIGINT | SIGTERM);
        if self.ends.load(SeqCst) > 0 && !hurries {
            return;
        }
        let ends = self.ends.fetch_add(1, SeqCst) + 1;
        let _ = self.first.compare_exchange(0, signal, SeqCst, SeqCst);
        self.stop.store(true, SeqCst);
        let was_engaged = *stage == Stage::Engaged;
        drop(stage);
        match (was_engaged, ends) {
            (false, 1) => self.end_after(GRACE_PREPARING),
            (false, _) => self.end_preparing(),
            (true, 2) => self.end_after(GRACE),
            (true, _) => {}
        }
    }

    /// Ends the process after so long, if it is still there.
    fn end_after(self: &Arc<Self>, grace: Duration) {
        let shared = self.clone();
        let late = move || {
            std::thread::sleep(grace);
            shared.end();
        };
        let begun = std::thread::Builder::new().name("signals-end".to_owned()).spawn(late);
        if begun.is_err() {
            self.end();
        }
    }

    fn end(&self) {
        let engaged = *held(&self.stage) == Stage::Engaged;
        if engaged { process::end_now(Exit::Unfinished as u8) } else { self.end_preparing() }
    }

    fn end_preparing(&self) {
        if !self.said.swap(true, SeqCst) {
            self.failure().print();
        }
        terminal::flush(LAST_WORD);
        process::end_now(Exit::Unfinished as u8)
    }
}
