//! Waking the ring from another thread: a bell that is rung once, however often it is pulled before it is heard.

use super::socket::event_counter;
use crate::wire::io::Wake;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// An eventfd and whether it has been written since it was last read.
pub(super) struct Bell {
    counter: File,
    rung: AtomicBool,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { counter: File::from(event_counter()?), rung: AtomicBool::new(false) })
    }

    pub(super) fn fd(&self) -> RawFd {
        self.counter.as_raw_fd()
    }

    /// The ring heard it. Before the owner looks at its channels: what is sent after this look rings again.
    pub(super) fn heard(&self) {
        self.rung.store(false, Ordering::SeqCst);
    }
}

impl Wake for Bell {
    fn wake(&self) {
        if !self.rung.swap(true, Ordering::SeqCst) {
            // It fails only when the counter is full, and then the ring is awake anyway.
            let _ = (&self.counter).write(&1u64.to_ne_bytes());
        }
    }
}
