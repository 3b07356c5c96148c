//! What a list that is not as it was means for a campaign that has begun.
//!
//! Guarantees: a list that changed is told with what differs, and nothing is sent until somebody says what is meant (`--add`,
//! `--cancel-removed`, another name). What is decided is done by [`Settled::commit`] alone: a run that is refused for its
//! list, or for anything else, has changed nothing. Only who is known not to be on the list is cancelled, and only by an order
//! that was given for this very list; it settles who is held, too, and whose attempt was cut off: whatever is said of the held
//! later, they get nothing more. Who was cancelled and is on the list is told, and taken in again on request, unless they
//! may have got it. Leaves to others: loading the list, and cancelling (`engine`).

use super::super::cli::SendArgs;
use super::super::exit::Failure;
use super::super::figures::counted;
use super::super::progress::count;
use super::list::{self, Given};
use super::prepare::QUIET;
use super::watch::notice;
use crate::engine::campaign::{Campaign, Release};
use crate::engine::loader::{Comparison, Difference, List, LoadError, print};
use crate::engine::settings::OnUncertain;
use crate::engine::table::ListPrint;
use crate::journal::disk::Disk;
use crate::journal::state::Standing;
use crate::mail::Disposition;
use crate::wire::clock::unix_now;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The list that a campaign goes on with, and what is still to be done for it.
pub struct Settled {
    /// The list, where it is once this is done.
    pub list: List,
    /// Rows that are taken in again if they stand on the list.
    pub readmitted_rows: Vec<u32>,
    /// How many of them do.
    pub readmitted: u64,
    /// Recipients on the list who were cancelled before, and stay so.
    pub cancelled_on_list: u64,
    /// What becomes of those who are held; `None`: they stay so.
    pub release: Option<Release>,
    /// What becomes of those who are cut off.
    pub on_uncertain: OnUncertain,
    given: Option<Given>,
    change: Change,
    withdrawn: Vec<u32>,
    told: String,
}

/// What becomes of the manifest.
enum Change {
    Nothing,
    /// The same list lies elsewhere, or was touched.
    List(ListPrint),
    /// Whether there is somebody left to cancel.
    Cancels(bool),
    /// A list takes another's place, or is read once more.
    Adding {
        print: ListPrint,
        cancels: bool,
        readmits: bool,
    },
}

impl Settled {
    /// Nothing is to be done for this list.
    #[must_use]
    pub fn as_it_is(list: List) -> Self {
        Self {
            list,
            readmitted_rows: Vec::new(),
            readmitted: 0,
            cancelled_on_list: 0,
            release: None,
            on_uncertain: OnUncertain::Retry,
            given: None,
            change: Change::Nothing,
            withdrawn: Vec::new(),
            told: String::new(),
        }
    }

    /// Whether it gives a complete campaign something to do.
    #[must_use]
    pub fn goes_on(&self, opened: &Campaign) -> bool {
        let is_held = |(row, standing): (u32, &Standing)| {
            standing.disposition == Disposition::Uncertain && self.withdrawn.binary_search(&row).is_err()
        };
        let retries = || (0..).zip(opened.state.standings()).any(is_held);
        self.reads_anew() || self.release == Some(Release::Retry) && retries()
    }

    /// Whether the list is read though it, or another one, was loaded before.
    #[must_use]
    pub fn reads_anew(&self) -> bool {
        matches!(self.change, Change::Adding { .. })
    }

    /// Does, durably, what was decided, and tells it.
    ///
    /// # Errors
    /// The disk's.
    pub fn commit(self, opened: &mut Campaign, disk: &mut dyn Disk) -> Result<(), Failure> {
        opened.withdrawn = self.withdrawn;
        // First: whoever is held and gone stays out, whatever ends this in between.
        opened
            .release(disk, self.release, self.on_uncertain, unix_now())
            .map_err(|fault| Failure::failed(fault.to_string()))?;
        if let (Some(given), true) = (self.given, matches!(self.change, Change::Adding { .. })) {
            given.keep(&opened.home)?;
        }
        let table = &mut opened.table;
        match self.change {
            Change::Nothing => Ok(()),
            Change::List(print) => table.set_list(print),
            Change::Cancels(cancels) => table.set_cancels_removed(cancels),
            Change::Adding { print, cancels, readmits } => table.begin_adding(print, cancels, readmits),
        }
        .map_err(|e| Failure::failed(e.to_string()))?;
        if !self.told.is_empty() {
            notice(&self.told);
        }
        Ok(())
    }
}

/// What a list is settled with.
pub struct Case<'a> {
    /// The command.
    pub args: &'a SendArgs,
    /// The column of addresses.
    pub email: &'a str,
    /// Columns that reach headers.
    pub header_columns: &'a [String],
    /// The fraction of records that may be rejected.
    pub max_rejected: f64,
    /// The campaign.
    pub opened: &'a Campaign,
}

impl Case<'_> {
    /// Settles which list the campaign goes on with: the one that it has, or, if that is wanted, another one in its place.
    /// `kept` is the copy of a list that came as a stream, `given` what this run was given.
    ///
    /// # Errors
    /// The list has changed, and nobody has said what that means; or it cannot be used. Nothing was changed.
    pub fn settle(&self, given: Option<Given>, kept: Given) -> Result<Settled, Failure> {
        let Self { args, opened, .. } = self;
        let manifest = opened.table.manifest();
        if given.is_none() && (args.add || args.cancel_removed) {
            return Err(Failure::usage(
                "the list on standard input is empty, and --add and --cancel-removed need it\nhint: pipe it in again",
            ));
        }
        let given = given.unwrap_or(kept);
        let Some(known) = &manifest.list else { return given.keep(&opened.home).map(Settled::as_it_is) };
        let is_its_own = known.path == given.list.path.display().to_string();
        if manifest.loaded.is_some() && is_its_own && !given.list.path.exists() && !args.add && !args.cancel_removed {
            return self.go_on_without(given);
        }
        let what = list::changed(known, &given, self.email, &opened.home).map_err(refused)?;
        match what {
            None => self.same(given, known),
            Some(what) => self.another(given, &what),
        }
    }

    fn go_on_without(&self, given: Given) -> Result<Settled, Failure> {
        let path = given.list.path.display();
        if self.opened.table.manifest().cancels_removed && !self.opened.is_complete() {
            return Err(Failure::usage(format!(
                "the list {path} is gone, and who is not on it was to be cancelled: who of those that still wait stands on it \
                 cannot be told; nothing is sent\nhint: put it back; or give another one with --add, and who still waits gets it"
            )));
        }
        tracing::warn!(list = %path, "the list is gone: the campaign goes on with what was loaded");
        Ok(Settled::as_it_is(given.list))
    }

    /// The list is as it was.
    fn same(&self, given: Given, known: &ListPrint) -> Result<Settled, Failure> {
        let Self { args, opened, .. } = self;
        let manifest = opened.table.manifest();
        let cancels = args.cancel_removed || manifest.cancels_removed;
        let list = if given.is_stream() { given.as_kept(&opened.home) } else { given.list.clone() };
        let mut settled = Settled { change: renewed(&given, known), ..Settled::as_it_is(list) };
        let were = Cancelled::of(opened);
        // Who was rejected may have a message by now: the letter is another one.
        let rereads = args.add && manifest.loaded.is_some_and(|totals| totals.rejected > 0);
        if !cancels && were.is_empty() && !rereads {
            return Ok(settled);
        }
        let found = self.compare(&given, &were, cancels || args.add)?;
        let gone = Gone::of(opened, &found.gone);
        if cancels {
            self.check(&given, &found, &gone)?;
            if args.cancel_removed || gone.open() > 0 {
                let _ = writeln!(
                    settled.told,
                    "{} recipients are no longer on the list: {} that still wait are cancelled{}.",
                    count(found.gone.len() as u64),
                    count(gone.waiting),
                    gone.in_doubt()
                );
            }
            if manifest.cancels_removed != (gone.open() > 0) {
                settled.change = Change::Cancels(gone.open() > 0);
            }
        }
        let readmits = args.add || (manifest.adding && manifest.readmits);
        self.take_back(&mut settled, &found, were, readmits);
        if args.add && (settled.readmitted > 0 || (rereads && found.new > 0)) {
            let print = printed(&given, &found.print, &opened.home);
            settled.change = Change::Adding { print, cancels: cancels && gone.open() > 0, readmits };
            settled.given = Some(given);
        }
        settled.withdrawn = if cancels { found.gone } else { Vec::new() };
        Ok(settled)
    }

    /// The list is another one than it was.
    fn another(&self, given: Given, what: &str) -> Result<Settled, Failure> {
        let Self { args, opened, .. } = self;
        let were = Cancelled::of(opened);
        let found = self.compare(&given, &were, args.add || args.cancel_removed)?;
        if self.says_the_same(&given, &found) {
            return self.written_anew(given, what, &found);
        }
        let gone = Gone::of(opened, &found.gone);
        if !args.add && (!args.cancel_removed || found.new > 0) {
            return Err(self.refusal(&given, what, &found, &gone));
        }
        // An order to cancel was about the list before.
        let cancels = args.cancel_removed;
        if cancels {
            self.check(&given, &found, &gone)?;
        }
        let mut settled = Settled::as_it_is(given.as_kept(&opened.home));
        let (told, altered, unseen) = (told(cancels, &found, &gone), altered(&found), self.unseen());
        settled.told = format!("{} has changed ({what}): {told}{altered}{unseen}.\n", given.name);
        self.take_back(&mut settled, &found, were, args.add);
        let print = printed(&given, &found.print, &opened.home);
        settled.change = Change::Adding { print, cancels: cancels && gone.open() > 0, readmits: args.add };
        settled.given = Some(given);
        settled.withdrawn = if cancels { found.gone } else { Vec::new() };
        Ok(settled)
    }

    /// Whether another file has the recipients and values that were loaded, and no others: it was packed, sorted or saved anew.
    fn says_the_same(&self, given: &Given, found: &Difference) -> bool {
        let Some(totals) = self.opened.table.manifest().loaded.filter(|_| !given.is_stream()) else { return false };
        let differ = found.new + found.back + found.altered > 0 || !found.gone.is_empty();
        // A record that nobody can read was rejected, and is so still.
        !differ && found.unreadable <= totals.rejected
    }

    fn written_anew(&self, given: Given, what: &str, found: &Difference) -> Result<Settled, Failure> {
        let print = printed(&given, &found.print, &self.opened.home);
        let name = given.name.clone();
        let mut settled = self.same(given, &print)?;
        let told = format!(
            "{name} has changed ({what}), but not in its recipients and their values: nothing follows from it.\n"
        );
        settled.told.insert_str(0, &told);
        if matches!(settled.change, Change::Nothing) {
            settled.change = Change::List(print);
        }
        Ok(settled)
    }

    /// What nobody knows of a list that was not read to its end before another one came.
    fn unseen(&self) -> String {
        let table = &self.opened.table;
        match table.manifest().loaded {
            Some(_) => String::new(),
            None => format!(
                "; of the list before only {} rows were read, and whoever stood behind them gets nothing unless on this one",
                count(table.progress().records)
            ),
        }
    }

    fn compare(&self, given: &Given, were: &Cancelled, is_used: bool) -> Result<Difference, Failure> {
        // A list that is only looked at is neither waited for nor judged.
        let (max_rejected, quiet) = if is_used { (self.max_rejected, QUIET) } else { (1.0, Duration::ZERO) };
        let Self { email, header_columns, opened, .. } = *self;
        let withdrawn = were.certain.as_slice();
        let kept = list::rejects_kept(self.args, &opened.table.manifest().name);
        let rejects = kept.as_deref().filter(|_| is_used);
        let comparison =
            Comparison { list: &given.list, email, header_columns, max_rejected, withdrawn, quiet, rejects };
        comparison.with(&opened.table).map_err(refused)
    }

    /// Whether who seems gone is known to be.
    fn check(&self, given: &Given, found: &Difference, gone: &Gone) -> Result<(), Failure> {
        let Some((line, why)) = found.first_unreadable.as_ref().filter(|_| gone.open() > 0) else { return Ok(()) };
        Err(Failure::usage(format!(
            "{} has {} rows whose address cannot be read (the first in line {line}: {why}), and any of the {} who would be \
             cancelled may stand in them; nobody is cancelled, and nothing is sent\nhint: mend these rows, or take them out",
            given.name,
            count(found.unreadable),
            count(gone.open())
        )))
    }

    /// Who was cancelled, and is on the list.
    fn take_back(&self, settled: &mut Settled, found: &Difference, were: Cancelled, readmits: bool) {
        let doubtful = were.doubtful.iter().filter(|row| found.gone.binary_search(row).is_err()).count() as u64;
        settled.cancelled_on_list = doubtful;
        let told = &mut settled.told;
        if found.back > 0 && readmits {
            settled.readmitted = found.back;
            let back = count(found.back);
            let _ =
                writeln!(told, "{back} on the list were cancelled before: they are taken in again, as new recipients.");
        } else if found.back > 0 {
            settled.cancelled_on_list += found.back;
            let _ = writeln!(
                told,
                "{} on the list were cancelled before, and get nothing.\nhint: to take them in again: {} --add",
                count(found.back),
                self.args.resume_command()
            );
        }
        if doubtful > 0 {
            let doubtful = count(doubtful);
            let _ =
                writeln!(told, "{doubtful} on the list were cancelled before, may have got it, and get nothing more.");
        }
        if readmits {
            settled.readmitted_rows = were.certain;
        }
    }

    fn refusal(&self, given: &Given, what: &str, found: &Difference, gone: &Gone) -> Failure {
        let args = self.args;
        let command = SendArgs { add: false, cancel_removed: false, ..args.clone() }.same_command();
        let mut text = format!(
            "{} has changed since the campaign was begun ({what}): {}, {} of the campaign are no longer on it, and {} of these \
             still wait{}",
            given.name,
            counted(found.new, "recipient on it is new", "recipients on it are new"),
            count(found.gone.len() as u64),
            count(gone.waiting + gone.cut_off),
            gone.are_held()
        );
        if found.back > 0 {
            let _ = write!(text, "; {} on it were cancelled before", count(found.back));
        }
        text += &unread(found);
        text += &altered(found);
        text += &self.unseen();
        text += "; nothing is sent";
        if found.new > 0 || found.back > 0 || found.gone.is_empty() {
            let back = if found.back > 0 { ", and who was cancelled," } else { "" };
            let read = if self.opened.table.manifest().loaded.is_none() { " that were read" } else { "" };
            let _ = write!(text, "\nhint: to take in the new ones{back} and keep all others{read}: {command} --add");
        }
        if !found.gone.is_empty() {
            let add = if found.new > 0 { " --add" } else { "" };
            // Whoever cannot be read may be one of them.
            let first = match found.unreadable {
                0 => "",
                _ if gone.open() == 0 => "",
                _ => ", first mend these rows, or take them out; then",
            };
            let _ = write!(
                text,
                "\nhint: to cancel who is no longer on it and still waits{first}: {command}{add} --cancel-removed"
            );
            if args.cancel_removed {
                text += "\nhint: --cancel-removed without --add is refused while new recipients are on the list, who would be \
                         left out: to cancel only, take them out of it";
            }
            if found.new == 0 && found.back == 0 {
                let _ = write!(text, "\nhint: to send to them all the same: {command} --add");
            }
        }
        text += "\nhint: or put the old list back, or send the new one as a campaign of another name";
        Failure::usage(text)
    }
}

fn refused(error: LoadError) -> Failure {
    match error.is_input() {
        true => Failure::usage(error.to_string()),
        false => Failure::failed(error.to_string()),
    }
}

/// Rows that were cancelled.
struct Cancelled {
    /// Nothing can have come of them.
    certain: Vec<u32>,
    /// An attempt of theirs ended nobody knows how.
    doubtful: Vec<u32>,
}

impl Cancelled {
    fn of(opened: &Campaign) -> Self {
        let mut were = Self { certain: Vec::new(), doubtful: Vec::new() };
        if opened.state.count(Disposition::Cancelled) > 0 {
            for (row, standing) in (0..).zip(opened.state.standings()) {
                match (standing.disposition, standing.possible_duplicate()) {
                    (Disposition::Cancelled, false) => were.certain.push(row),
                    (Disposition::Cancelled, true) => were.doubtful.push(row),
                    _ => {}
                }
            }
        }
        were
    }

    fn is_empty(&self) -> bool {
        self.certain.is_empty() && self.doubtful.is_empty()
    }
}

/// How many of the rows that are gone from a list have no outcome.
struct Gone {
    /// Nothing can have come of them.
    waiting: u64,
    /// They wait, and an attempt of theirs ended nobody knows how.
    cut_off: u64,
    held: u64,
}

impl Gone {
    fn of(opened: &Campaign, rows: &[u32]) -> Self {
        let mut gone = Self { waiting: 0, cut_off: 0, held: 0 };
        for standing in rows.iter().filter_map(|row| opened.state.get(*row)) {
            match standing.disposition {
                Disposition::Uncertain => gone.held += 1,
                Disposition::InFlight => gone.cut_off += 1,
                disposition if disposition.is_final() => {}
                _ if standing.possible_duplicate() => gone.cut_off += 1,
                _ => gone.waiting += 1,
            }
        }
        gone
    }

    /// Whom an order to cancel is about.
    fn open(&self) -> u64 {
        self.waiting + self.cut_off + self.held
    }

    /// Who is cancelled beside those that nothing can have come of.
    fn in_doubt(&self) -> String {
        match self.cut_off + self.held {
            0 => String::new(),
            doubt => format!(
                ", and so are {} who are held, or whose attempt was cut off: they may have got it, and get nothing more",
                count(doubt)
            ),
        }
    }

    /// Those who are held, if there are such.
    fn are_held(&self) -> String {
        if self.held > 0 { format!(", {} are held", count(self.held)) } else { String::new() }
    }
}

fn told(cancels: bool, found: &Difference, gone: &Gone) -> String {
    let added = counted(found.new, "new recipient is added", "new recipients are added");
    if found.gone.is_empty() {
        return added;
    }
    let removed = format!("{added}, {} are no longer on it, and", count(found.gone.len() as u64));
    let waiting = count(gone.waiting + gone.cut_off);
    match cancels {
        true => format!("{removed} {} that still wait are cancelled{}", count(gone.waiting), gone.in_doubt()),
        false => format!("{removed} {waiting} that still wait get it all the same{}{}", gone.are_held(), unread(found)),
    }
}

/// Rows that may be somebody's who seems gone.
fn unread(found: &Difference) -> String {
    match found.unreadable {
        0 => String::new(),
        rows => format!(" ({} rows of it cannot be read)", count(rows)),
    }
}

/// Rows with other values than were loaded.
fn altered(found: &Difference) -> String {
    match found.altered {
        0 => String::new(),
        rows => format!("; {} on it have other values than they were loaded with, which change nothing", count(rows)),
    }
}

/// The print of a list as it is once it is kept.
fn printed(given: &Given, print: &ListPrint, home: &Path) -> ListPrint {
    ListPrint { path: given.as_kept(home).path.display().to_string(), ..print.clone() }
}

/// The print of the same list, where it lies elsewhere now or was touched.
fn renewed(given: &Given, known: &ListPrint) -> Change {
    if given.is_stream() || known.blake3.is_none() {
        return Change::Nothing;
    }
    let mark = fs::metadata(&given.list.path).ok().and_then(|file| print::mark_of(&file));
    let path = given.list.path.display().to_string();
    let now = ListPrint { path, mark: mark.and_then(print::settled), ..known.clone() };
    if now == *known { Change::Nothing } else { Change::List(now) }
}
