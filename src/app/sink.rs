//! `posthaste sink`: runs the sink on this thread until a signal or its time, and tells what it has seen.
//!
//! Guarantees: standard error says where it listens as soon as it does; standard output gets one JSON object, at the end
//! and only when it ended well. Leaves to others: receiving (`sink`).

use super::cli::SinkArgs;
use super::exit::{Exit, Failure};
use super::progress::count;
use super::signals::Signals;
use crate::base::remedy;
use crate::mail::reply::Printable;
use crate::observe::terminal;
use crate::sink::{self, Counters, Login, Options, Report};
use crate::tls::ServerConfig;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Runs it.
///
/// # Errors
/// The ring is refused, the address cannot be listened on, a folder or a file cannot be written.
pub(super) fn run(args: &SinkArgs, signals: &Signals) -> Result<Exit, Failure> {
    // Made at once: a file that cannot be written is known before the first message.
    let list = args.duplicates.as_deref().map(List::open).transpose()?;
    signals.prepare("interrupted before it listened")?;
    let options = options(args)?;
    signals.engage()?;
    let stop = signals.stop();
    let report = sink::run(args.listen, &options, stop, |address| {
        say(&format!("listening on {address}\n"));
        if let Some(duration) = args.duration {
            stop_after(duration, stop);
        }
    })
    .map_err(|e| Failure::failed(e.to_string()))?;
    if let Some(list) = list {
        list.write(&report)?;
    }
    if !args.json {
        say(&table(&report.counters));
    }
    let json = serde_json::to_string(&report.counters).unwrap_or_default();
    super::print_out(&(json + "\n"))
}

fn options(args: &SinkArgs) -> Result<Options, Failure> {
    Ok(Options {
        chunking: !args.no_chunking && !args.no_pipelining,
        pipelining: !args.no_pipelining,
        rtt: Duration::from_millis(args.rtt_ms.into()),
        keep: args.keep.clone(),
        reject_percent: args.reject * 100.0,
        defer_percent: args.defer * 100.0,
        seed: args.seed,
        list_duplicates: args.duplicates.is_some(),
        tls: tls_of(args)?,
        login: args.login.as_ref().map(|(user, password)| Login { user: user.clone(), password: password.clone() }),
        ..Options::default()
    })
}

/// What `--tls-cert` and `--tls-key` say.
fn tls_of(args: &SinkArgs) -> Result<Option<ServerConfig>, Failure> {
    let (Some(chain), Some(key)) = (&args.tls_cert, &args.tls_key) else { return Ok(None) };
    let read = |file: &Path| {
        std::fs::read(file)
            .map_err(|e| Failure::usage(format!("{}: cannot be read: {}", file.display(), remedy::told(&e))))
    };
    let config = ServerConfig::from_pem(&read(chain)?, &read(key)?);
    config.map(Some).map_err(|e| Failure::usage(format!("{} and {}: {e}", chain.display(), key.display())))
}

/// Sets `stop` after a while. The thread is left to itself: it ends with the process at the latest.
fn stop_after(duration: Duration, stop: &Arc<AtomicBool>) {
    let late = Arc::clone(stop);
    let timer = std::thread::Builder::new().name("sink-timer".into()).spawn(move || {
        std::thread::sleep(duration);
        late.store(true, Ordering::Relaxed);
    });
    if let Err(e) = timer {
        say(&format!("error: no thread can be started to wait for the end: {e}\n"));
        stop.store(true, Ordering::Relaxed);
    }
}

/// Where the duplicated recipients go.
struct List<'a> {
    name: &'a Path,
    to: Box<dyn Write>,
}

impl<'a> List<'a> {
    fn open(name: &'a Path) -> Result<Self, Failure> {
        let to: Box<dyn Write> = if name == Path::new("-") {
            Box::new(io::stderr())
        } else {
            Box::new(File::create(name).map_err(|e| unwritable(name, &e))?)
        };
        Ok(Self { name, to })
    }

    fn write(self, report: &Report) -> Result<(), Failure> {
        let Self { name, to } = self;
        let mut to = BufWriter::new(to);
        let mut all = || -> io::Result<()> {
            for recipient in &report.duplicated {
                writeln!(to, "{}", Printable(recipient.as_bytes()))?;
            }
            to.flush()
        };
        all().map_err(|e| unwritable(name, &e))?;
        let missing = report.counters.duplicates.saturating_sub(report.duplicated.len() as u64);
        if missing > 0 {
            say(&format!("warning: {}: {missing} more are not listed\n", name.display()));
        }
        Ok(())
    }
}

fn unwritable(name: &Path, e: &io::Error) -> Failure {
    Failure::failed(format!(
        "{}: cannot be written: {}\nhint: --duplicates names the file",
        name.display(),
        remedy::told(e)
    ))
}

/// The sums, for people.
fn table(counters: &Counters) -> String {
    let Counters {
        sessions,
        transactions,
        messages,
        recipients,
        unique_messages,
        duplicates,
        bytes,
        rejected,
        deferred,
        tls_sessions,
        tls_resumed,
    } = *counters;
    let lines = [
        ("sessions", sessions),
        ("transactions", transactions),
        ("messages", messages),
        ("different messages", unique_messages),
        ("recipients", recipients),
        ("second copies", duplicates),
        ("rejected", rejected),
        ("deferred", deferred),
        ("octets", bytes),
        ("TLS handshakes", tls_sessions),
        ("resumed of these", tls_resumed),
    ];
    lines.iter().fold(String::new(), |mut text, (word, n)| {
        let _ = writeln!(text, "  {word:<20}{:>18}", count(*n));
        text
    })
}

fn say(text: &str) {
    terminal::print(text.as_bytes());
}
