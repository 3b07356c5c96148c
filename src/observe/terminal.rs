//! Standard error as people see it: lines that stay, and a few live lines below them that are redrawn. And the last words
//! on standard output.
//!
//! Guarantees: whoever prints never waits for the reader (a stopped terminal, a full pipe, a dead connection): a thread
//! of its own writes, lines beyond [`QUEUED_OCTETS_MAX`] that nobody takes are dropped, and how many is told when it flows
//! again. A log line never lands inside the live lines, nor behind what a key has left on the line (`^C`); when there is no
//! terminal nothing is redrawn. Leaves to others: what the lines say.

use crate::base::many::Many;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Octets of lines that may wait for the reader.
pub const QUEUED_OCTETS_MAX: usize = 1 << 20;
/// How long a panic of the main thread waits to be read.
const PATIENCE: Duration = Duration::from_secs(1);
/// Written at once, so that one sees whether anybody reads.
const PIECE_OCTETS: usize = 4096;
/// How long a reader that does not wait for us is given when it has no room.
const ROOM_AGAIN: Duration = Duration::from_millis(20);

/// Whether standard error is a terminal that understands redrawing.
#[must_use]
pub fn is_terminal() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of standard error, where it is a terminal that knows.
#[must_use]
pub fn columns() -> Option<usize> {
    columns_of(io::stderr().as_fd())
}

/// Columns of standard output, where it is a terminal that knows.
#[must_use]
pub fn columns_out() -> Option<usize> {
    columns_of(io::stdout().as_fd())
}

fn columns_of(descriptor: std::os::fd::BorrowedFd<'_>) -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(descriptor)?;
    (width.0 > 0).then_some(width.0.into())
}

static COLORED: OnceLock<bool> = OnceLock::new();
static QUIET: AtomicBool = AtomicBool::new(false);

/// Whether lines are coloured, from here on; the first word counts.
pub fn set_colored(colored: bool) {
    // A second word is that of another command of the same process: of a test.
    let _ = COLORED.set(colored);
}

/// Whether lines are coloured: as was said, else on a terminal, unless `NO_COLOR` is set (<https://no-color.org>).
#[must_use]
pub fn is_colored() -> bool {
    let refused = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    *COLORED.get_or_init(|| is_terminal() && !refused())
}

/// Whether standard error goes to the journal of systemd, which has a time and a priority for each line.
#[must_use]
pub fn is_journal() -> bool {
    let Some(stream) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    let file = file_of(io::stderr().as_fd()).and_then(|file| file.metadata());
    // The variable is inherited by those whose output goes elsewhere.
    file.is_ok_and(|file| stream == format!("{}:{}", file.dev(), file.ino()))
}

/// From here on [`notice`] says nothing.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// As [`print()`], for what is worth knowing and no warning.
pub fn notice(text: &[u8]) {
    if !QUIET.load(Ordering::Relaxed) {
        print(text);
    }
}

/// As [`print()`], for warnings: whoever wants quiet hears them too, and the journal of systemd has them by their priority.
pub fn warn(text: &str) {
    print(prioritized(text, is_journal()).as_bytes());
}

/// Each line of a warning with the journal's priority of one (sd-daemon(3)), where it goes there.
fn prioritized(text: &str, journal: bool) -> String {
    match journal {
        true => text.lines().map(|line| format!("<4>{line}\n")).collect(),
        false => text.to_owned(),
    }
}

/// Replaces the live lines; an empty text takes them away.
pub fn draw(text: &str) {
    screen().draw(text);
}

/// Writes lines that stay; the live lines are gone until they are drawn again.
pub fn print(text: &[u8]) {
    screen().print(text);
}

/// Has a panic told as everything else is, so that it waits for no reader either.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without a name").to_owned();
        let trace = Backtrace::capture();
        let trace = if trace.status() == BacktraceStatus::Captured { format!("{trace}\n") } else { String::new() };
        print(format!("thread '{name}' {panic}\n{trace}").as_bytes());
        if name == "main" {
            flush(PATIENCE);
        }
    }));
}

/// Waits until all that was printed is written, as long as somebody reads: not longer than `patience` for the next octet.
pub fn flush(patience: Duration) {
    screen().flush(patience);
}

/// Writes to standard output, and waits for that as long as somebody reads: not longer than `patience` for the next octet.
///
/// # Errors
/// The system's; `TimedOut` when nobody reads.
pub fn last_words(text: &[u8], patience: Duration) -> io::Result<()> {
    let out: Box<dyn Write + Send> = match file_of(io::stdout().as_fd()) {
        Ok(file) => Box::new(file),
        Err(_) => Box::new(io::stdout()),
    };
    let screen = Screen::begin(out, None)?;
    screen.print_all(text);
    if !screen.flush(patience) {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "nobody reads it"));
    }
    screen.lock().error.take().map_or(Ok(()), Err)
}

fn screen() -> &'static Screen {
    static SCREEN: OnceLock<Arc<Screen>> = OnceLock::new();
    SCREEN.get_or_init(|| {
        // A descriptor of its own: the lock of the standard one would be held by whoever waits for the reader.
        let out: Box<dyn Write + Send> = match file_of(io::stderr().as_fd()) {
            Ok(file) => Box::new(file),
            Err(_) => Box::new(io::stderr()),
        };
        // Without a thread there is nobody to write: what is printed is counted, and never said.
        Screen::begin(out, is_terminal().then_some(columns)).unwrap_or_default()
    })
}

fn file_of(descriptor: std::os::fd::BorrowedFd<'_>) -> io::Result<File> {
    descriptor.try_clone_to_owned().map(File::from)
}

/// What waits to be written, and the thread that writes it.
#[derive(Default)]
struct Screen {
    state: Mutex<State>,
    changed: Condvar,
    /// How wide the terminal is; `None`: it is none.
    columns: Option<fn() -> Option<usize>>,
}

#[derive(Default)]
struct State {
    lines: Vec<u8>,
    /// The live lines that are to be drawn next.
    live: Option<String>,
    /// The live lines that stand at the bottom of the terminal now: how wide each is.
    standing: Vec<usize>,
    dropped: u64,
    writing: bool,
    /// Octets written so far.
    written: u64,
    error: Option<io::Error>,
}

impl State {
    fn is_idle(&self) -> bool {
        self.lines.is_empty() && self.live.is_none() && self.dropped == 0
    }

    /// All that is to be written, in one piece; `columns` is the width of a terminal that lets itself be redrawn.
    fn take(&mut self, columns: Option<usize>) -> Vec<u8> {
        let mut frame = erase(&std::mem::take(&mut self.standing), columns).into_bytes();
        frame.append(&mut self.lines);
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            frame.extend_from_slice(
                format!("({} missing here: nobody read them)\n", Many(dropped, "line is", "lines are")).as_bytes(),
            );
        }
        if let Some(text) = self.live.take() {
            frame.extend_from_slice(text.as_bytes());
            if !text.is_empty() && !text.ends_with('\n') {
                frame.push(b'\n');
            }
            self.standing = text.lines().map(|line| line.chars().count()).collect();
        }
        frame
    }
}

impl Screen {
    /// Starts the thread that writes to `out`. It ends with the process, or with the last handle.
    fn begin(out: Box<dyn Write + Send>, columns: Option<fn() -> Option<usize>>) -> io::Result<Arc<Self>> {
        let screen = Arc::new(Self { columns, ..Self::default() });
        let shared = screen.clone();
        std::thread::Builder::new().name("terminal".to_owned()).spawn(move || shared.run(out))?;
        Ok(screen)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What is inside is whole at every instant.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut out: Box<dyn Write + Send>) {
        loop {
            let mut state = self.lock();
            while state.is_idle() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let frame = state.take(self.columns.map(|columns| columns().unwrap_or(usize::MAX)));
            state.writing = true;
            drop(state);
            let mut result = Ok(());
            for piece in frame.chunks(PIECE_OCTETS) {
                result = write_all(&mut *out, piece);
                self.lock().written += piece.len() as u64;
                if result.is_err() {
                    // Nothing can be done about a terminal that went away, and mail must go on.
                    break;
                }
            }
            let mut state = self.lock();
            state.writing = false;
            state.error = result.err().or(state.error.take());
            drop(state);
            self.changed.notify_all();
        }
    }

    fn draw(&self, text: &str) {
        self.lock().live = Some(text.to_owned());
        self.changed.notify_all();
    }

    fn print(&self, text: &[u8]) {
        let mut state = self.lock();
        if state.lines.len() + text.len() > QUEUED_OCTETS_MAX {
            state.dropped += memchr::memchr_iter(b'\n', text).count().max(1) as u64;
        } else {
            state.lines.extend_from_slice(text);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// As [`Screen::print`], whatever its length.
    fn print_all(&self, text: &[u8]) {
        self.lock().lines.extend_from_slice(text);
        self.changed.notify_all();
    }

    /// Whether all of it is written.
    fn flush(&self, patience: Duration) -> bool {
        let mut state = self.lock();
        let (mut written, mut since) = (state.written, Instant::now());
        while state.writing || !state.is_idle() {
            if state.written != written {
                (written, since) = (state.written, Instant::now());
            }
            let Some(left) = patience.checked_sub(since.elapsed()) else { return false };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

fn write_all(out: &mut dyn Write, mut piece: &[u8]) -> io::Result<()> {
    while !piece.is_empty() {
        match out.write(piece) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => piece = piece.get(n..).unwrap_or_default(),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // Somebody who shares the terminal made it so.
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(ROOM_AGAIN),
            Err(e) => return Err(e),
        }
    }
    out.flush()
}

/// What takes these lines away, and whatever a key has left on the line below them. A terminal that was made narrower since
/// has broken the lines that no longer fit.
fn erase(lines: &[usize], columns: Option<usize>) -> String {
    let rows: usize = lines.iter().map(|wide| wide.div_ceil(columns.unwrap_or(usize::MAX).max(1)).max(1)).sum();
    match (rows, columns) {
        (0, None) => String::new(),
        (0, Some(_)) => "\r\x1b[K".to_owned(),
        (rows, _) => format!("\r\x1b[{rows}A\x1b[J"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::{Receiver, Sender, unbounded};

    /// A reader that takes a write only when it is told to.
    struct Slow {
        go: Receiver<()>,
        seen: Sender<Vec<u8>>,
    }

    impl Write for Slow {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            let _ = self.seen.send(octets.to_vec());
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn slow() -> (Arc<Screen>, Sender<()>, Receiver<Vec<u8>>) {
        let ((go_to, go), (seen, from)) = (unbounded(), unbounded());
        (Screen::begin(Box::new(Slow { go, seen }), None).unwrap(), go_to, from)
    }

    #[test]
    fn whoever_prints_never_waits_and_what_was_dropped_is_told_when_it_flows_again() {
        let (screen, go, seen) = slow();
        screen.print(b"first\n");
        let line = [vec![b'x'; 1023], vec![b'\n']].concat();
        for _ in 0..3000 {
            screen.print(&line);
        }
        assert!(!screen.flush(Duration::from_millis(1)), "nobody reads yet");
        for _ in 0..10_000 {
            go.send(()).unwrap();
        }
        assert!(screen.flush(Duration::from_secs(60)));
        let said = String::from_utf8(seen.try_iter().flatten().collect()).unwrap();
        let shown = said.lines().filter(|line| line.starts_with('x')).count();
        assert!(said.starts_with("first\n") && (1000..3000).contains(&shown), "{shown}");
        // The writer may take some of the lines while they are still printed: then the gap is told in two places.
        let missing =
            |line: &str| line.strip_prefix('(')?.split_once(" line")?.0.replace(',', "").parse::<usize>().ok();
        assert_eq!(said.lines().filter_map(missing).sum::<usize>(), 3000 - shown);
    }

    #[test]
    fn lines_that_stay_take_the_place_of_the_live_ones() {
        let (screen, go, seen) = slow();
        let all = || {
            go.send(()).unwrap();
            assert!(screen.flush(Duration::from_secs(60)));
            String::from_utf8(seen.try_iter().flatten().collect()).unwrap()
        };
        screen.draw("one\ntwo");
        assert_eq!(all(), "one\ntwo\n");
        screen.draw("three");
        assert_eq!(all(), "\r\x1b[2A\x1b[Jthree\n");
        screen.print(b"a log line\n");
        assert_eq!(all(), "\r\x1b[1A\x1b[Ja log line\n");
    }

    #[test]
    fn each_line_of_a_warning_has_the_priority_of_one_in_the_journal() {
        let text = "warning: a\n  hint: b\n";
        assert_eq!(prioritized(text, true), "<4>warning: a\n<4>  hint: b\n");
        assert_eq!(prioritized(text, false), text);
    }

    #[test]
    fn what_a_key_has_left_is_taken_away_and_lines_that_a_narrower_terminal_has_broken_go_whole() {
        assert_eq!(erase(&[], Some(80)), "\r\x1b[K");
        assert_eq!(erase(&[79, 10, 0], Some(80)), "\r\x1b[3A\x1b[J");
        assert_eq!(erase(&[79, 10, 0], Some(40)), "\r\x1b[4A\x1b[J");
    }

    #[test]
    fn a_reader_that_went_away_is_an_error_of_the_last_words_and_stops_nothing() {
        let (screen, go, _seen) = slow();
        drop(go);
        screen.print(b"to nobody\n");
        assert!(screen.flush(Duration::from_secs(60)));
        assert!(screen.lock().error.take().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe));
    }
}
