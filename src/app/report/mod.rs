//! What became of a campaign: as a table, JSON, CSV, or one page that can be passed on.
//!
//! Guarantees: recipients are visited one by one and never collected, so a report of ten million takes little memory;
//! what peers said is escaped for wherever it is written. [`Facts`] is where they come
//! from, [`Stored`] the one that reads tables and journals. Damage in storage is told with every report (G5).

mod book;
mod digest;
mod json;
mod look;
mod page;
pub(super) mod place;
mod plot;
mod reason;
mod rows;
mod stage;
mod stored;
mod text;

#[cfg(test)]
mod tests;

pub use digest::Digest;
pub use look::{Look, Zone};
pub use reason::Reason;
pub use stage::{Run, Stage, who_waits};
pub use stored::Stored;

use super::cli::ReportArgs;
use super::exit::{Exit, Failure};
use super::held::Note;
use crate::base::clock::UnixTime;
use crate::base::many::Many;
use crate::base::remedy;
use crate::engine::table::{MovedFrom, Row};
use crate::mail::reply::Printable;
use crate::mail::{Disposition, Enhanced, Mailbox};
use crate::observe::terminal;
use crate::wire::clock::unix_now;
use crate::wire::disk::access;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Rows that cannot be read and are told one by one.
const ROWS_TOLD: usize = 100;

/// One recipient, as tables and journal know it.
#[derive(Clone, Debug)]
pub struct Recipient<'a> {
    /// Its row in the recipient table.
    pub row: u32,
    /// Its address; empty if its row cannot be read.
    pub address: &'a str,
    /// Its domain; empty, too.
    pub domain: &'a str,
    /// Where it stands.
    pub disposition: Disposition,
    /// The code of the last reply; 0 without one.
    pub code: u16,
    /// Its enhanced code.
    pub enhanced: Option<Enhanced>,
    /// Its text, raw as the peer sent it.
    pub text: &'a [u8],
    /// The site that was tried last; empty if none was.
    pub site: &'a str,
    /// The exchanger that was tried last.
    pub host: &'a str,
    /// Where the session stood that decided, if that is known.
    pub phase: &'a str,
    /// Its row of the table, if that can be read.
    pub listed: Option<Row<'a>>,
    /// Attempts so far.
    pub attempts: u32,
    /// When the first attempt began.
    pub first_at: Option<UnixTime>,
    /// When the last attempt had its outcome: the time of the reply.
    pub tried_at: Option<UnixTime>,
    /// When the last thing happened.
    pub last_at: Option<UnixTime>,
    /// Whether its attempt was cut off with the process that made it, and its outcome is not known.
    pub cut_off: bool,
    /// Whether it may have got a second copy, or gets one when it is tried again.
    pub possible_duplicate: bool,
}

/// One thing that happened to a recipient.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: UnixTime,
    /// In which attempt, from 1; 0 before the first.
    pub attempt: u32,
    /// What it was, in the journal's words.
    pub what: &'static str,
    /// The reply's code; 0 without one.
    pub code: u16,
    /// Its enhanced code.
    pub enhanced: Option<Enhanced>,
    /// Its text.
    pub text: Vec<u8>,
    /// Where the session stood, if that is known.
    pub phase: String,
    /// The site.
    pub site: String,
    /// The exchanger.
    pub host: String,
    /// Of an expiry: what went before, if anything did.
    pub after: Option<After>,
}

/// What went before an expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// From the first attempt to the expiry.
    pub span_s: u32,
    /// When the last attempt had its outcome.
    pub tried_at: UnixTime,
}

/// Everything that happened to one recipient.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// Where it stands.
    pub disposition: Disposition,
    /// How it came there, in order.
    pub steps: Vec<Step>,
}

/// Somebody on the list, and what became of them.
#[derive(Clone, Debug)]
pub struct Person {
    /// The address that the mail goes to.
    pub address: String,
    /// What the list has of them: columns, and what stands there.
    pub cells: Vec<(String, String)>,
    /// What happened.
    pub story: Timeline,
}

impl Person {
    /// What happened, for people.
    #[must_use]
    pub fn timeline(&self, zone: &Zone) -> String {
        text::timeline(&self.address, &self.story, zone)
    }

    /// The same for programs.
    #[must_use]
    pub fn steps(&self) -> Vec<serde_json::Value> {
        self.story.steps.iter().map(json::step).collect()
    }
}

/// What a campaign is, and what is done with it now.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Its subject, a template; empty if that is not known.
    pub subject: String,
    /// The file of its list, as it was named; empty if none was read yet.
    pub list: String,
    /// When it was begun.
    pub begun_at: Option<UnixTime>,
    /// What a process does with it.
    pub run: Run,
    /// The list's columns that a row has: that of the addresses, those of the letter, the keys.
    pub columns: Vec<String>,
}

/// What the loader knows of rows that became no recipient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Rows without a usable recipient.
    pub rejected: u64,
    /// Rows whose recipient had come before.
    pub duplicates: u64,
    /// Whether the list is still being read.
    pub loading: bool,
}

/// Rows of the table that cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// The first of them.
    pub rows: Vec<u32>,
    /// How many more there are.
    pub more: u64,
    /// Why the first one cannot be read.
    pub why: String,
}

impl Unread {
    /// Another one.
    pub fn add(&mut self, row: u32, why: &io::Error) {
        if self.rows.is_empty() {
            self.why = why.to_string();
        }
        if self.rows.len() < ROWS_TOLD {
            self.rows.push(row);
        } else {
            self.more += 1;
        }
    }

    /// The sentence that tells of them, if there are any.
    #[must_use]
    pub fn told(&self) -> Option<String> {
        let numbers: Vec<String> = self.rows.iter().map(u32::to_string).collect();
        let more = if self.more > 0 { format!(" and {} more", self.more) } else { String::new() };
        let some = !self.rows.is_empty();
        some.then(|| {
            format!(
                "these rows of the table (not of the list) cannot be read, and have no address here: {}{more}",
                numbers.join(", ")
            )
        })
    }
}

/// Takes one recipient; an error ends the visit.
pub type Visit<'v> = dyn FnMut(&Recipient<'_>) -> Result<(), Failure> + 'v;

/// Takes one outcome of an attempt: the row, its address, and what it was.
pub type VisitAttempt<'v> = dyn FnMut(u32, &str, &Step) -> Result<(), Failure> + 'v;

/// Where a report's facts come from.
pub trait Facts {
    /// The campaign's name.
    fn name(&self) -> &str;

    /// What it is.
    fn about(&self) -> About {
        About::default()
    }

    /// The token of a row.
    fn token(&self, _row: u32) -> String {
        String::new()
    }

    /// Where its mail goes; empty if that is not known.
    fn destination(&self) -> &str {
        ""
    }

    /// Where it went before that.
    fn moved_from(&self) -> &[MovedFrom] {
        &[]
    }

    /// What became of the list's rows.
    fn rows(&self) -> Rows;

    /// What is damaged in storage, a sentence each.
    fn damage(&self) -> &[String];

    /// Whether the facts are incomplete by that; else others have all that is damaged, or the loss was accepted.
    fn is_damaged(&self) -> bool {
        !self.damage().is_empty()
    }

    /// Why the mailing is held, while it is.
    fn held(&self) -> Option<&Note> {
        None
    }

    /// Visits every recipient once, in order of the rows; those whose rows cannot be read as well: who they are is not known,
    /// and where they stand is. Which they are is returned.
    ///
    /// # Errors
    /// Storage cannot be read, or what `visit` said.
    fn each(&self, visit: &mut Visit<'_>) -> Result<Unread, Failure>;

    /// Visits every outcome of an attempt that the journal keeps, and every end without one: recipient by recipient in the order
    /// of the rows, each in the order of time. Rows that cannot be read have no address, and are returned.
    ///
    /// # Errors
    /// Storage cannot be read, or what `visit` said.
    fn attempts(&self, _visit: &mut VisitAttempt<'_>) -> Result<Unread, Failure> {
        Ok(Unread::default())
    }

    /// Everything that happened to one recipient, in order; `None`: it is not on the list.
    ///
    /// # Errors
    /// Storage cannot be read.
    fn timeline(&self, recipient: &Mailbox) -> Result<Option<Timeline>, Failure>;
}

/// Runs `posthaste report`. Damage is told on standard error too, and the report of the rest is made all the same.
///
/// # Errors
/// No such campaign or recipient, storage that cannot be read, a report that cannot be written.
pub fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let config = super::configured(args.config.as_deref())?;
    super::share(&config)?;
    let data = args.data.clone().unwrap_or(config.engine.data);
    let facts = Stored::open(&place::find(&data, &args.name, args.sink)?)?;
    warn_of_damage(&facts);
    let look = Look { now: unix_now(), zone: Zone::of(args.utc), columns: terminal::columns_out() };
    let mut out = Pipe { to: BufWriter::new(io::stdout().lock()), gone: false };
    match write(args, &look, &facts, &mut out) {
        // Whoever read has seen enough.
        Err(_) if out.gone => is_whole(&facts, &Unread::default()),
        written => written,
    }
}

/// Tells on standard error what is damaged.
pub(super) fn warn_of_damage(facts: &dyn Facts) {
    for damage in facts.damage() {
        terminal::warn(&format!("warning: damaged: {}\n", Printable(damage.as_bytes())));
    }
}

/// Standard output, which notes that its reader went away.
struct Pipe<W> {
    to: W,
    gone: bool,
}

impl<W: Write> Pipe<W> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.gone |= result.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.to.write(octets);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.to.flush();
        self.note(flushed)
    }
}

/// Writes the report that was asked for: to its file, else to `out`.
///
/// # Errors
/// Storage or a file; a recipient that is not on the list. Damage, or rows that cannot be read: the report of the rest is made first.
pub fn write(args: &ReportArgs, look: &Look, facts: &dyn Facts, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut unread = Unread::default();
    if let Some(file) = &args.csv {
        to_file(file, out, &mut |to| {
            rows::mark(file, args.raw, to)?;
            rows::recipients(facts, args.raw, to).map(|found| unread = found)
        })?;
    } else if let Some(file) = &args.attempts {
        to_file(file, out, &mut |to| {
            rows::mark(file, args.raw, to)?;
            rows::attempts(facts, args.raw, to).map(|found| unread = found)
        })?;
    } else if let Some(file) = &args.possible_duplicates {
        to_file(file, out, &mut |to| possible_duplicates(facts, to).map(|found| unread = found))?;
    } else if let Some(address) = &args.recipient {
        let mailbox = Mailbox::parse(address.as_bytes())
            .map_err(|e| Failure::usage(format!("--recipient {}: {e}", Printable(address.as_bytes()))))?;
        let timeline = facts.timeline(&mailbox)?.ok_or_else(|| not_on_list(&mailbox, facts))?;
        out.write_all(text::timeline(mailbox.as_str(), &timeline, &look.zone).as_bytes()).map_err(write_failed)?;
    } else {
        let digest = Digest::of(facts)?;
        if let Some(file) = &args.html {
            let page = page::html(&digest, &look.zone, look.now);
            to_file(file, out, &mut |to| to.write_all(page.as_bytes()).map_err(write_failed))?;
        } else {
            let text = if args.json { json::object(&digest) + "\n" } else { text::table(&digest, look) };
            out.write_all(text.as_bytes()).map_err(write_failed)?;
        }
        unread = digest.unread;
    }
    out.flush().map_err(write_failed)?;
    is_whole(facts, &unread)
}

fn not_on_list(mailbox: &Mailbox, facts: &dyn Facts) -> Failure {
    let exit = if facts.is_damaged() { Exit::Failed } else { Exit::Usage };
    Failure { exit, message: format!("{mailbox} is not on the list of campaign {}", facts.name()) }
}

/// The end of a report that was made: an error where it does not have all.
fn is_whole(facts: &dyn Facts, unread: &Unread) -> Result<Exit, Failure> {
    let unread = unread.told().map(|told| format!("the report is made without some addresses: {told}\n{}", unread.why));
    let damaged = facts.is_damaged().then(|| {
        let name = facts.name();
        format!(
            "campaign {name} is damaged: the report is made of what can still be read\n\
             hint: restore the campaign's directory from a copy"
        )
    });
    match [unread, damaged].into_iter().flatten().collect::<Vec<_>>().join("\n") {
        none if none.is_empty() => Ok(Exit::Settled),
        told => Err(Failure::failed(told)),
    }
}

/// Writes to a file, or to `out` when it is called `-`.
fn to_file(
    file: &Path,
    out: &mut dyn Write,
    fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), Failure>,
) -> Result<(), Failure> {
    if file == Path::new("-") {
        return fill(out);
    }
    let failed = |e: io::Error| Failure::failed(format!("{}: cannot be written: {}", file.display(), remedy::told(&e)));
    let created = File::create(file).map_err(failed)?;
    // Somebody else's file stays as it is.
    let _ = access::own(&created);
    let mut to = Named { to: BufWriter::new(created), file };
    fill(&mut to)?;
    to.flush().map_err(write_failed)
}

/// A file whose errors say which one it is.
struct Named<'a> {
    to: BufWriter<File>,
    file: &'a Path,
}

impl Named<'_> {
    fn name<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|e| io::Error::new(e.kind(), format!("{}: {}", self.file.display(), remedy::told(&e))))
    }
}

impl Write for Named<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let written = self.to.write(octets);
        self.name(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.to.flush();
        self.name(flushed)
    }
}

fn write_failed(e: io::Error) -> Failure {
    Failure::failed(format!("the report cannot be written: {}", remedy::told(&e)))
}

/// Where a recipient stands, in every report: who waits after an attempt that counts, however that ended, is deferred.
fn stands(r: &Recipient<'_>) -> Disposition {
    standing_of(r.disposition, r.attempts)
}

fn standing_of(disposition: Disposition, attempts: u32) -> Disposition {
    match disposition {
        Disposition::Waiting | Disposition::Deferred if attempts > 0 => Disposition::Deferred,
        Disposition::Deferred => Disposition::Waiting,
        disposition => disposition,
    }
}

/// The addresses that may have got a second copy, one a line. Rows that cannot be read are told where they are of such.
fn possible_duplicates(facts: &dyn Facts, to: &mut dyn Write) -> Result<Unread, Failure> {
    let mut nameless = 0u64;
    let unread = facts.each(&mut |r| match r.possible_duplicate {
        true if r.address.is_empty() => {
            nameless += 1;
            Ok(())
        }
        true => writeln!(to, "{}", r.address).map_err(write_failed),
        false => Ok(()),
    })?;
    if nameless > 0 {
        let nameless = Many(nameless, "recipient", "recipients");
        let told = format!("warning: {nameless} may have got a second copy, and cannot be named\n");
        terminal::warn(&told);
    }
    Ok(unread)
}
