//! How long the end waits for threads whose readers may never read.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A reader that takes nothing for so long is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// Waits until the thread ends, as long as what is left for it to write grows less; whether it has ended. With nothing left
/// it is only busy with work of its own, and is waited for.
pub(super) fn ends<T>(thread: &JoinHandle<T>, left: impl Fn() -> usize) -> bool {
    let (mut before, mut since) = (left(), Instant::now());
    while !thread.is_finished() {
        let now = left();
        if now != before || now == 0 {
            (before, since) = (now, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}
