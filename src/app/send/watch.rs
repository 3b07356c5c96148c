//! What a send says while it runs and when it ends; metrics.
//!
//! The first SIGINT, SIGTERM or SIGHUP drains, a second one ends at once; SIGUSR1 pauses, and goes on again.

use std::io::ErrorKind;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::super::check::{Told as ToldWarning, rejects_told};
use super::super::cli::{Progress, SendArgs};
use super::super::destination::{self, Destination};
use super::super::exit::{Exit, Failure};
use super::super::figures::{counted, folded, wrapped};
use super::super::held::Note;
use super::super::progress::{self, LINE_EVERY, REDRAW, Snapshot, Summary};
use super::super::report::who_waits;
use super::super::signals::Signals;
use super::letter::{Letter, was_sent_on};
use super::list;
use super::resources::{self, Began};
use super::room::{self, ToCome};
use crate::base::many::Many;
use crate::engine::board::{Counters, Shown};
use crate::engine::load::LoadEnd;
use crate::engine::loader::{FIRST_RECORDS, LoadError, TOGETHER_MAX};
use crate::engine::run::Engine;
use crate::engine::table::MovedFrom;
use crate::journal::disk::IN_NO_FILE;
use crate::mail::reply::Printable;
use crate::observe::{self, Observer, Publisher, terminal};
use crate::wire::clock::unix_now;

/// How often the engine is looked at while something is under way…
const LOOK: Duration = Duration::from_millis(20);
/// …and while nothing is: an idle engine costs next to nothing.
const LOOK_IDLE: Duration = Duration::from_millis(200);
/// The rate that is shown is of so long.
const RATE_SPAN: Duration = Duration::from_secs(3);
/// Held sites that are told of.
const SITES_TOLD: usize = 5;
/// A terminal of unknown width.
const COLUMNS: usize = 80;

/// What is watched, besides the engine.
pub struct Watched<'a> {
    /// The command.
    pub args: &'a SendArgs,
    /// The campaign's name.
    pub campaign: &'a str,
    /// Where its mail goes.
    pub destination: &'a Destination,
    /// Where it went before.
    pub moved_from: &'a [MovedFrom],
    /// When the command began.
    pub began: &'a Began,
    /// What was settled before this run.
    pub before: Counters,
    /// Metrics.
    pub observer: Observer,
    /// When the campaign was begun, in Unix seconds.
    pub created: u32,
    /// Its list, as people name it.
    pub list: String,
    /// Its directory.
    pub home: &'a Path,
    /// Recipients on the list who were cancelled before, and stay so.
    pub cancelled_on_list: u64,
    /// Recipients on the list who were cancelled before, and are taken in again.
    pub readmitted: u64,
    /// The list's columns that are read as numbers though nobody says so.
    pub read_as_numbers: &'a [String],
    /// What everybody who still waited gets.
    pub letter: &'a Letter,
    /// Recipients who wait, and whom this run is not for.
    pub withheld: u64,
    /// What was warned of at the start.
    pub warnings: Vec<ToldWarning>,
    /// Whether its rejected rows were told at the start: its list was read to its end before this run.
    pub are_rejects_told: bool,
}

/// Watches the engine until it ends; says how.
///
/// # Errors
/// What broke, or that recipients still wait.
pub fn watch(engine: Engine, signals: &Signals, watched: &Watched<'_>) -> Result<Exit, Failure> {
    // What was published stands until the process ends: a publisher that goes takes its levels along.
    let mut show = ManuallyDrop::new(Show::new(watched));
    let mut told = Told::default();
    while !engine.is_finished() {
        obey(&engine, signals, &mut told, watched.home);
        told.hold(&engine, watched.home);
        show.look(&engine);
        let counters = engine.board().total().counters;
        let busy = counters.in_flight > 0 || !engine.loading().is_over() || counters.waiting == 0;
        std::thread::sleep(if busy { LOOK } else { LOOK_IDLE });
    }
    show.publish(&engine, true);
    terminal::draw("");
    let ((rejected, duplicates), cleaned) = (engine.loading().counts(), engine.loading().cleaned());
    let to_come = engine.loading().to_come();
    let first = engine.board().first_delivery();
    let short = engine.recorder().short_of_room.load(Ordering::Relaxed);
    told.hold(&engine, watched.home);
    let (held_sites, _) = engine.board().halt().held_sites();
    let [subjects_empty, letters_empty] =
        [&engine.render().subjects_empty, &engine.render().letters_empty].map(|count| count.load(Ordering::Relaxed));
    let ended = engine.join();
    let mut summary = summary(&ended.counters, watched.began, &watched.before);
    summary.campaign = watched.campaign.to_owned();
    summary.warnings.clone_from(&watched.warnings);
    summary.destination = watched.destination.to_string();
    (summary.cancelled_on_list, summary.readmitted) = (watched.cancelled_on_list, watched.readmitted);
    summary.read_as_numbers = watched.read_as_numbers.to_vec();
    summary.moved_from = destination::left(watched.moved_from);
    summary.held = told.held;
    summary.held_sites = held_sites.iter().map(Note::of).collect();
    (summary.rejected, summary.duplicates, summary.cleaned) = (rejected, duplicates, cleaned);
    summary.rejects_file = list::rejects_of(watched.home, rejected);
    summary.first_delivery_s = first.map(|at| watched.began.until(at).as_secs_f64());
    // Nobody waits for these any more.
    summary.cut_off = summary.in_flight;
    summary.possible_duplicates += summary.cut_off;
    note_what_holds(&summary, watched.home);
    let holds: Vec<Note> = holding(&summary).into_iter().cloned().collect();
    if summary.is_settled() && matches!(ended.load, LoadEnd::Complete(_)) {
        // Nothing is left to be held.
        (summary.held, summary.held_sites) = (None, Vec::new());
    }
    // Whoever cannot print the table still learns why it ended, and what goes on.
    let printed = print_end(watched.args, &summary);
    if rejected > 0 && !watched.are_rejects_told && matches!(ended.load, LoadEnd::Complete(_) | LoadEnd::Open) {
        terminal::warn(&folded(&rejects_told(&watched.list, watched.home, rejected), terminal::columns()));
    }
    tell_empty_subjects(subjects_empty);
    tell_empty_letters(letters_empty);
    let to_come = match &ended.load {
        LoadEnd::Complete(_) => ToCome::About(0),
        _ => to_come.map_or(ToCome::Unknown, ToCome::About),
    };
    let room = || room::wanted(watched.home, summary.waiting + summary.in_flight, summary.loaded, to_come);
    let failure = match (ended.failure, &ended.load) {
        (Some(reason), _) if short => Some(reason + &room()),
        (None, LoadEnd::Failed(error @ LoadError::Table(why))) if why.kind() == ErrorKind::StorageFull => {
            Some(format!("{error}{}", room()))
        }
        (reason, _) => reason,
    };
    let exit = conclude(watched, &summary, (&told.bound, &holds), ended.load, failure);
    let events = super::events::conclude(ended.events, watched.campaign);
    if let (Err(_), Err(lost)) = (&exit, &events) {
        // What ended the run is said last.
        lost.print();
    }
    exit.and_then(|exit| printed.and(events).map(|()| exit))
}

/// The reports tell of it while recipients wait for its end.
fn note_what_holds(summary: &Summary, home: &Path) {
    match holding(summary).first() {
        Some(first) if !summary.is_settled() => keep(first, home),
        _ => Note::clear(home),
    }
}

/// What holds the mailing, else the first of the sites that wait.
fn holding(summary: &Summary) -> Vec<&Note> {
    match &summary.held {
        Some(held) => vec![held],
        None => summary.held_sites.iter().take(SITES_TOLD).collect(),
    }
}

/// What has been passed on.
#[derive(Default)]
struct Told {
    ends: usize,
    paused: bool,
    /// What bound the sending when it was interrupted; empty if it was not.
    bound: String,
    /// Why the mailing is held.
    held: Option<Note>,
}

impl Told {
    /// Notes what holds the mailing, once; the list is read no further.
    fn hold(&mut self, engine: &Engine, home: &Path) {
        let Some(held) = engine.board().halt().held().filter(|_| self.held.is_none()) else { return };
        engine.drain();
        notice("The mailing is held: finishing what is under way.\n");
        let note = Note::of(held);
        keep(&note, home);
        self.held = Some(note);
    }
}

/// Has the reports say it.
fn keep(note: &Note, home: &Path) {
    if let Err(why) = note.write(home) {
        tracing::warn!(why, "the reports will not say what is held");
    }
}

fn obey(engine: &Engine, signals: &Signals, told: &mut Told, home: &Path) {
    let ends = signals.ends();
    if ends > told.ends {
        if told.ends == 0 {
            told.bound = engine.board().total().binding;
            notice(&format!("{}Finishing what is under way; Ctrl-C again stops at once.\n", signals.why()));
            engine.drain();
        }
        if ends > 1 {
            notice("Stopping at once.\n");
            engine.stop();
        }
        told.ends = ends;
    }
    for _ in 0..signals.take_pauses() {
        told.paused = !told.paused;
        notice(if told.paused { "Paused; SIGUSR1 goes on.\n" } else { "Going on.\n" });
        engine.pause(told.paused);
        match told.paused {
            // What holds it is worth more words.
            _ if told.held.is_some() => {}
            true => keep(&Note::of_pause(), home),
            false => Note::clear(home),
        }
    }
}

/// Says something to people on lines as wide as their terminal, unless they want quiet.
pub fn notice(text: &str) {
    terminal::notice(folded(text, terminal::columns()).as_bytes());
}

/// Says how many got, or were to get, a letter whose Subject came out empty.
fn tell_empty_subjects(recipients: u64) {
    if recipients > 0 {
        let who = Many(recipients, "letter has", "letters have");
        tell(
            &format!("warning: {who} an empty Subject: the columns that it is made from are empty there"),
            "give it words of its own, or a default: {{ name | default(\"…\", true) }}",
        );
    }
}

/// The same of letters that came out empty.
fn tell_empty_letters(recipients: u64) {
    if recipients > 0 {
        let who = Many(recipients, "letter was", "letters were");
        tell(
            &format!("warning: {who} empty: the template shows nothing there"),
            "give it words of its own for these rows, behind {% else %}",
        );
    }
}

/// Says something and how to mend it, on lines as wide as the terminal.
fn tell(what: &str, hint: &str) {
    let columns = terminal::columns().unwrap_or(usize::MAX);
    let lines = |text: &str, indent| wrapped(&Printable(text.as_bytes()).to_string(), columns, indent);
    terminal::warn(&(lines(what, 0) + &lines(&format!("hint: {hint}"), 2)));
}

/// The exit code, and the words for it: with a hint at the command that goes on, where that gets further.
fn conclude(
    watched: &Watched<'_>,
    summary: &Summary,
    (bound, holds): (&str, &[Note]),
    load: LoadEnd,
    failure: Option<String>,
) -> Result<Exit, Failure> {
    let command = watched.args.resume_command();
    let resume = format!("hint: go on with: {command}");
    let mended = format!("hint: once the list is as it should be, go on with: {command} --add");
    if let Some(reason) = failure {
        return Err(Failure::failed(if is_damage(&reason) { reason } else { format!("{reason}\n{resume}") }));
    }
    match load {
        LoadEnd::Failed(error) => {
            let text = error.to_string();
            Err(match error {
                LoadError::Table(_) if is_damage(&text) => Failure::failed(text),
                LoadError::Table(error) if error.kind() == ErrorKind::InvalidInput => Failure::usage(text),
                error if !error.is_input() => Failure::failed(format!("{text}\n{resume}")),
                _ => Failure::usage(format!("{text}\n{mended}")),
            })
        }
        LoadEnd::Stopped(rejections) => Err(Failure::unfinished(format!(
            "{rejections}\nhint: of a list of over {} only the first {} are judged before mail leaves: posthaste check {file} looks \
             at all of them\nhint: to go on with this list, raise recipients.max_rejected in {file}, and: {command}\n{mended}",
            counted(TOGETHER_MAX, "row", "rows"),
            counted(FIRST_RECORDS, "row", "rows"),
            file = watched.args.campaign.display()
        ))),
        LoadEnd::Complete(_) if summary.loaded == 0 && summary.rejected > 0 => Err(all_rejected(summary.rejected)),
        LoadEnd::Complete(_) if summary.is_settled() => {
            // It was said on the way that the mailing is held, and this is the last word on it.
            for held in holds {
                tell(
                    &format!("warning: nothing is held any more, for nobody waits; it was, because {}", held.says),
                    &held.hint,
                );
            }
            if !was_sent_on(&watched.before, summary) {
                watched.letter.check(watched.args, summary.uncertain)?;
            }
            settled(watched.args, watched.campaign, summary.uncertain)
        }
        LoadEnd::Complete(_) | LoadEnd::Open => {
            let open = matches!(load, LoadEnd::Open);
            let waiting = who_waits(summary.waiting + summary.in_flight, open);
            if let Some(first) = holds.first() {
                let says: Vec<&str> = holds.iter().map(|held| held.says.as_str()).collect();
                let (says, hint) = (says.join("\n"), &first.hint);
                return Err(Failure::unfinished(format!("held: {says}\n{waiting}\nhint: {hint}\n{resume}")));
            }
            if watched.withheld > 0 && bound.is_empty() && summary.waiting + summary.in_flight == watched.withheld {
                terminal::print(super::share::rest(watched.args, watched.withheld).as_bytes());
                return Ok(Exit::Unfinished);
            }
            let bound = if bound.is_empty() { String::new() } else { format!("\nit was bound by {bound}") };
            Err(Failure::unfinished(format!("not finished: {waiting}{bound}\n{resume}")))
        }
    }
}

/// Nobody is left to send to: whatever `max_rejected` allows, that is no success.
pub fn all_rejected(rows: u64) -> Failure {
    let rows = counted(rows, "row of the list is", "rows of the list are");
    Failure::usage(format!(
        "all of the {rows} rejected: nobody gets a letter\nhint: mend the list or the letter; nothing was sent, and the \
         same command begins anew"
    ))
}

/// The end of a campaign that has nothing left to send: somebody has to look at those who are held.
///
/// # Errors
/// There are such.
pub fn settled(args: &SendArgs, campaign: &str, held: u64) -> Result<Exit, Failure> {
    if held == 0 {
        return Ok(Exit::Settled);
    }
    let (command, held) = (args.resume_command(), counted(held, "recipient is held", "recipients are held"));
    Err(Failure::unfinished(format!(
        "not finished: {held}: a copy may have reached them, and none goes to them now\n\
         hint: they are listed by: {}\n\
         hint: to send to them all the same: {command} --retry-held\n\
         hint: to send nothing more to them: {command} --cancel-held",
        args.list_command(campaign)
    )))
}

/// Whether this is of damaged storage: the same command would stop at the same place, or mail again.
fn is_damage(reason: &str) -> bool {
    reason.contains("is damaged at octet") || reason.contains(IN_NO_FILE)
}

/// The table for people, or the object for programs.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_end(args: &SendArgs, summary: &Summary) -> Result<(), Failure> {
    // How often a line came that was written once belongs above the end.
    observe::logs::conclude();
    if args.json {
        super::super::print_last(&format!("{}\n", summary.json())).map(drop)
    } else if args.quiet {
        Ok(())
    } else {
        let table = progress::table(summary, &args.list_command(&summary.campaign));
        if args.events.as_deref() == Some(std::path::Path::new("-")) {
            // Standard output is the event log's.
            notice(&table);
            return Ok(());
        }
        super::super::print_last(&table).map(drop)
    }
}

/// The summary of these counts, of which `before` were settled in earlier runs.
#[must_use]
pub fn summary(counters: &Counters, began: &Began, before: &Counters) -> Summary {
    let elapsed_s = began.elapsed().as_secs_f64();
    Summary {
        loaded: counters.loaded,
        delivered: counters.delivered,
        deferred: counters.deferred,
        bounced: counters.bounced,
        expired: counters.expired,
        suppressed: counters.suppressed,
        cancelled: counters.cancelled,
        uncertain: counters.uncertain,
        waiting: counters.waiting,
        in_flight: counters.in_flight,
        deferrals: counters.deferrals,
        messages: counters.messages,
        transactions: counters.transactions,
        sessions: counters.sessions,
        tls_handshakes: counters.tls_sessions,
        tls_resumed: counters.tls_resumed,
        elapsed_s,
        rate_per_s: counters.delivered.saturating_sub(before.delivered) as f64 / elapsed_s.max(1e-6),
        cpu_s: began.cpu_s(),
        peak_rss_bytes: resources::peak_rss_bytes(),
        possible_duplicates: counters.possible_duplicates,
        ..Summary::default()
    }
}

/// How progress is shown: as was asked for, else a bar where one can be drawn.
#[must_use]
pub fn progress_of(args: &SendArgs) -> Progress {
    match args.progress {
        _ if args.quiet => Progress::None,
        Some(how) => how,
        None if terminal::is_terminal() => Progress::Bar,
        None => Progress::Plain,
    }
}

/// Shows progress, to people and to Prometheus.
struct Show<'a> {
    watched: &'a Watched<'a>,
    progress: Progress,
    drawn: Instant,
    /// Delivered at some instants of the last seconds, oldest first.
    delivered: std::collections::VecDeque<(Instant, u64)>,
    shards: Publisher,
    loader: Publisher,
    journal: Publisher,
    render: Publisher,
    dns: Publisher,
}

impl<'a> Show<'a> {
    fn new(watched: &'a Watched<'a>) -> Self {
        let publisher = || watched.observer.publisher();
        watched.observer.started(unix_now());
        Self {
            watched,
            progress: progress_of(watched.args),
            drawn: Instant::now(),
            delivered: std::collections::VecDeque::new(),
            shards: publisher(),
            loader: publisher(),
            journal: publisher(),
            render: publisher(),
            dns: publisher(),
        }
    }

    fn look(&mut self, engine: &Engine) {
        if self.drawn.elapsed() < REDRAW {
            return;
        }
        self.publish(engine, false);
        match self.progress {
            Progress::Bar => {
                self.drawn = Instant::now();
                let columns = terminal::columns().unwrap_or(COLUMNS);
                terminal::draw(&progress::live(self.watched.campaign, &self.snapshot(engine), columns));
            }
            Progress::Plain if self.drawn.elapsed() >= LINE_EVERY => {
                self.drawn = Instant::now();
                let line = progress::line(self.watched.campaign, &self.snapshot(engine));
                notice(&folded(&format!("{line}\n"), terminal::columns()));
            }
            Progress::Plain | Progress::None => {}
        }
    }

    fn snapshot(&mut self, engine: &Engine) -> Snapshot {
        let Shown { counters, binding, .. } = engine.board().total();
        let (rejected, duplicates) = engine.loading().counts();
        Snapshot {
            loaded: counters.loaded,
            loading: !engine.loading().is_over(),
            rehearsed: engine.loading().rehearsed(),
            rejected,
            duplicates,
            delivered: counters.delivered,
            deferred: counters.deferred,
            bounced: counters.bounced,
            expired: counters.expired,
            suppressed: counters.suppressed,
            cancelled: counters.cancelled,
            uncertain: counters.uncertain,
            waiting: counters.waiting,
            in_flight: counters.in_flight,
            messages: counters.messages,
            transactions: counters.transactions,
            sessions: counters.sessions,
            open_sessions: counters.open_sessions,
            elapsed: self.watched.began.elapsed(),
            rate_per_s: self.rate(counters.delivered),
            binding,
        }
    }

    fn rate(&mut self, delivered: u64) -> f64 {
        let now = Instant::now();
        self.delivered.push_back((now, delivered));
        while self.delivered.len() > 2 && self.delivered.front().is_some_and(|(at, _)| now - *at > RATE_SPAN) {
            self.delivered.pop_front();
        }
        let Some((from, had)) = self.delivered.front() else { return 0.0 };
        delivered.saturating_sub(*had) as f64 / (now - *from).as_secs_f64().max(0.001)
    }

    fn publish(&mut self, engine: &Engine, last: bool) {
        if !self.watched.observer.is_on() {
            return;
        }
        let Shown { counters, seen, .. } = engine.board().total();
        let (rejected, duplicates) = engine.loading().counts();
        let age_s = u64::from(unix_now().0.saturating_sub(self.watched.created));
        let loader = observe::LoaderCounters {
            rows: counters.loaded + rejected + duplicates,
            rejected,
            duplicates,
            suppressed: counters.suppressed,
            loaded: counters.loaded,
            held: u64::from(
                engine.board().halt().held().is_some() && !(last && counters.waiting + counters.in_flight == 0),
            ),
            oldest_s: if last || counters.waiting + counters.in_flight == 0 { 0 } else { age_s },
        };
        let observer = self.watched.observer.clone();
        observer.together(|| {
            self.loader.publish(&loader);
            self.shards.publish(&seen);
            self.journal.publish(&engine.recorder().facts());
            self.render.publish(&engine.render().facts());
            self.dns.publish(&engine.dns());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_what_holds_stands_while_somebody_waits_for_its_end() {
        let home = tempfile::tempdir().unwrap();
        let site = Note { says: "at mx.example everybody bounced".into(), ..Note::default() };
        let mut summary = Summary { waiting: 1, held_sites: vec![site.clone()], ..Summary::default() };
        note_what_holds(&summary, home.path());
        assert_eq!(Note::read(home.path()), Some(site.clone()));
        let mailing = Note { says: "the smarthost refuses us".into(), ..Note::default() };
        summary.held = Some(mailing.clone());
        note_what_holds(&summary, home.path());
        assert_eq!(Note::read(home.path()), Some(mailing));
        // Its last recipients bounced as well.
        (summary.waiting, summary.held) = (0, None);
        note_what_holds(&summary, home.path());
        assert_eq!(Note::read(home.path()), None);
    }
}
