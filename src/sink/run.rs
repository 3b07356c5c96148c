//! Running a sink on a ring: on the calling thread, or on one of its own.

use super::{Error, Options, Report, Sink};
use crate::wire::io::Io as _;
use crate::wire::ring::{self, Ring};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a running sink looks whether it is to stop.
const STOP_LOOK: Duration = Duration::from_millis(50);

/// Runs a sink on a ring of the calling thread, until `stop` is set; `bound` is told the address.
///
/// # Errors
/// It cannot start, or broke.
pub fn run(
    listen: SocketAddr,
    options: &Options,
    stop: &AtomicBool,
    bound: impl FnOnce(SocketAddr),
) -> Result<Report, Error> {
    let keep_error =
        |source| Error::Keep { folder: options.keep.clone().unwrap_or_default().display().to_string(), source };
    let mut sink = Sink::new(Ring::new(ring::Options::RECEIVER)?, options).map_err(keep_error)?;
    bound(sink.listen(listen).map_err(|source| Error::Listen { address: listen, source })?);
    while !stop.load(Ordering::Relaxed) {
        let until = sink.io.now().mono.after(STOP_LOOK);
        sink.turn(Some(until))?;
    }
    sink.finish().map_err(keep_error)
}

/// A sink on a thread of its own. Dropping it stops it.
pub struct Running {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Report, Error>>>,
}

/// Starts a sink on a thread of its own.
///
/// # Errors
/// It cannot start.
pub fn spawn(listen: SocketAddr, options: Options) -> Result<Running, Error> {
    let stop = Arc::new(AtomicBool::new(false));
    let (tell, told) = crossbeam_channel::bounded(1);
    let thread = std::thread::Builder::new().name("sink".into()).spawn({
        let stop = Arc::clone(&stop);
        move || {
            run(listen, &options, &stop, |address| {
                // Nobody listens any more only when the one who asked is gone.
                let _ = tell.send(address);
            })
        }
    })?;
    let Ok(address) = told.recv() else {
        return Err(join(thread).err().unwrap_or_else(|| io::Error::other("it ended at once").into()));
    };
    Ok(Running { address, stop, thread: Some(thread) })
}

fn join(thread: JoinHandle<Result<Report, Error>>) -> Result<Report, Error> {
    thread.join().unwrap_or_else(|_| Err(io::Error::other("its thread panicked").into()))
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops it and sums up. Connections that still stand are closed.
    ///
    /// # Errors
    /// It broke, or a message could not be kept.
    pub fn stop(mut self) -> Result<Report, Error> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or_else(|| Ok(Report::default()), join)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Whoever drops it does not want its report.
            let _ = join(thread);
        }
    }
}
