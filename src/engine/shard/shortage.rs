//! What this machine is short of when it has no socket for a session: descriptors, memory, ports.
//!
//! Guarantees: it is said once in a while, and counted in between; it passes. Leaves to others: what is not opened for it
//! (`egress`).

use std::time::Duration;

use crate::base::clock::Instant;
use crate::base::many::Many;

/// Nothing is opened for so long.
const REST: Duration = Duration::from_secs(1);
/// After so long without a shortage more sessions may be tried.
const WIDEN: Duration = Duration::from_secs(5);
/// It is told again after so long.
const TELL: Duration = Duration::from_secs(60);

/// Whether `errno` of a socket is this machine's own shortage. `had`: connections of that family have stood; where none
/// ever did, the machine may have no address for it.
pub(super) fn is_ours(errno: i32, had: bool) -> bool {
    match errno {
        libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM => true,
        libc::EADDRNOTAVAIL => had,
        _ => false,
    }
}

/// See the head of this file.
#[derive(Default)]
pub(super) struct Shortage {
    errno: i32,
    last: Option<Instant>,
    told: Option<Instant>,
    /// Times since it was told.
    count: u64,
    widened: Instant,
}

impl Shortage {
    /// There was no socket.
    pub(super) fn begins(&mut self, errno: i32, now: Instant, limit: u64, sessions: u32) {
        (self.errno, self.last, self.widened) = (errno, Some(now), now);
        self.count += 1;
        if self.told.is_none_or(|told| now.since(told) >= TELL) {
            let times = std::mem::take(&mut self.count);
            self.told = Some(now);
            tracing::warn!(times, "no more sessions can be opened: {}", self.words(limit, sessions));
        }
    }

    /// Whether nothing is to be opened now.
    pub(super) fn lasts(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now < last.after(REST))
    }

    /// Whether it was not long ago.
    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now < last.after(WIDEN))
    }

    /// Whether a few more sessions may be tried; asked for once in a while.
    pub(super) fn may_widen(&mut self, now: Instant) -> bool {
        let may = self.last.is_some() && now.since(self.widened) >= WIDEN;
        if may {
            self.widened = now;
        }
        may
    }

    /// What binds, and what to do. Without a shortage: the limit on open files, which sessions are kept below.
    pub(super) fn words(&self, limit: u64, sessions: u32) -> String {
        let (what, hint) = match self.errno {
            libc::ENFILE => ("the system's limit on open files".to_owned(), "sysctl fs.file-max"),
            libc::ENOBUFS | libc::ENOMEM => ("the kernel's memory for sockets".to_owned(), "sysctl net.ipv4.tcp_mem"),
            libc::EADDRNOTAVAIL => ("the local ports".to_owned(), "sysctl net.ipv4.ip_local_port_range"),
            _ => (format!("the limit on open files ({limit})"), "ulimit -n, or LimitNOFILE"),
        };
        let sessions = Many(sessions.into(), "session is open", "sessions are open");
        format!("{what}: {sessions}; hint: raise {hint}")
    }
}
